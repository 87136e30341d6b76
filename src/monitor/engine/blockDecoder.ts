/** Decodes basic blocks: instructions whose forms are known by routines (./formRoutines), the others by the decoder, from which their forms are learned. */
import type { Cpu } from '../cpu/cpu';
import { decode, type Instruction } from '../isa/decoder';
import { PAGE_BYTES } from '../memory/layout';
import type { MachineMemory } from '../memory/machineMemory';
import { admit } from './admission';
import { leadsOf } from './codeAhead';
import { contextNumber, type CodeContext } from './codeContext';
import type { CodePage } from './codePage';
import { RUN_WRITTEN } from './formLayout';
import type { FormFunctions } from './formRoutines';
import { InstructionForms, closesBlock } from './instructionForms';
import { RECORD_BYTES } from './records';
import type { RecordWriter } from './recordWriter';

export class BlockDecoder {
  /** Of the block that was written last: how many instructions it has, and the offset behind the last one. */
  count = 0;
  end = 0;
  /** Whether the last instruction transfers control; whether the one behind it runs over the page or the limit. */
  closed = false;
  crossing = false;
  /** Where the last instruction leads for sure (LEADS). */
  leads = 0;
  private readonly forms: InstructionForms;

  /** @param longest most instructions of a block */
  constructor(
    private readonly machine: MachineMemory,
    private readonly records: RecordWriter,
    private readonly routines: FormFunctions,
    private readonly cpu: Cpu,
    private readonly longest: number,
  ) {
    this.forms = new InstructionForms(machine.u8, routines);
  }

  /** The instruction as this processor executes it in a context. */
  admit(instruction: Instruction, context: CodeContext): Instruction {
    return admit(instruction, context, this.cpu);
  }

  /**
   * Decodes the block at an offset of a page into records, one behind the other from an address on. Says whether there was room.
   * @param room records that there is room for
   */
  write(address: number, room: number, page: CodePage, start: number): boolean {
    const { context, breakpoints } = page;
    this.count = 0;
    this.end = start;
    this.closed = this.crossing = false;
    this.leads = 0;
    while (this.count < this.longest && this.end < context.end && !this.closed && !this.crossing) {
      if (this.end !== start && breakpoints.has(this.end)) break;
      if (this.count >= room) return false;
      const most = breakpoints.size > 0 ? 1 : Math.min(room, this.longest) - this.count;
      if (this.writeRun(address + this.count * RECORD_BYTES, most, page) === 0) this.writeDecoded(address + this.count * RECORD_BYTES, page);
    }
    this.routines.finishRun(address, this.count);
    return true;
  }

  /** Writes what has forms from here on. Says how many instructions that were. */
  private writeRun(record: number, most: number, { frame, context, table }: CodePage): number {
    const base = frame * PAGE_BYTES;
    const count = this.routines.writeRun(base + this.end, base + context.end, contextNumber(context), record, table, most, context.first);
    if (count === 0) return 0;
    const written = (address: number): number => this.machine.i32[address >> 2] ?? 0;
    this.count += count;
    this.end = written(RUN_WRITTEN.end) - base;
    this.closed = written(RUN_WRITTEN.closed) !== 0;
    this.leads = written(RUN_WRITTEN.leads);
    return count;
  }

  /** Decodes one instruction, if there is a whole one, and learns its form. */
  private writeDecoded(record: number, { frame, context, table }: CodePage): void {
    const at = frame * PAGE_BYTES + this.end;
    const decoded = decode(this.machine.u8, at, frame * PAGE_BYTES + context.end, context.bits);
    this.crossing = decoded === undefined;
    if (!decoded) return;
    const instruction = this.admit(decoded, context);
    this.records.writeRecord(record, instruction, this.end, context, 0, table);
    this.forms.learn(at, instruction, context, contextNumber(context), record);
    this.count++;
    this.end += instruction.length;
    this.closed = closesBlock(instruction);
    this.leads = leadsOf(instruction);
  }
}
