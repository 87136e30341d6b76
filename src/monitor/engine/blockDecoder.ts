/** Reads basic blocks from memory and writes their records: instructions whose forms are known from these, the others by the decoder. */
import type { Cpu } from '../cpu/cpu';
import { decode, type Instruction } from '../isa/decoder';
import { PAGE_BYTES } from '../memory/layout';
import type { MachineMemory } from '../memory/machineMemory';
import { admit } from './admission';
import { leadsOf } from './codeAhead';
import type { CodeContext } from './codeCache';
import type { CodePage } from './codePage';
import { InstructionForms, closesBlock, contextNumber } from './instructionForms';
import { RECORD_BYTES } from './records';
import type { RecordWriter } from './recordWriter';

/** Instead of a form's number: the instruction has been decoded. */
const DECODED = -1;

export class BlockDecoder {
  /** Of the block that was read last: how many instructions it has, and the offset behind the last one. */
  count = 0;
  end = 0;
  /** Whether the last instruction transfers control; whether the one behind it runs over the page or the limit. */
  closed = false;
  crossing = false;
  /** Where the last instruction leads for sure (LEADS). */
  leads = 0;
  private context = 0;
  private readonly forms: InstructionForms;
  /** The block's instructions: numbers of forms, what has been decoded, lengths in bytes. */
  private readonly found: Int32Array;
  private readonly decoded: (Instruction | undefined)[] = [];
  private readonly lengths: Uint8Array;

  /** @param longest most instructions of a block */
  constructor(
    private readonly machine: MachineMemory,
    private readonly records: RecordWriter,
    private readonly cpu: Cpu,
    private readonly longest: number,
  ) {
    this.forms = new InstructionForms(machine.u8, records);
    this.found = new Int32Array(longest);
    this.lengths = new Uint8Array(longest);
  }

  /** The instruction as this processor executes it in a context. */
  admit(instruction: Instruction, context: CodeContext): Instruction {
    return admit(instruction, context, this.cpu);
  }

  /** Reads the block at an offset of a page. */
  read({ frame, context, breakpoints }: CodePage, start: number): void {
    const base = frame * PAGE_BYTES;
    const limit = base + context.end;
    this.context = contextNumber(context);
    this.count = 0;
    this.end = start;
    this.closed = this.crossing = false;
    this.leads = 0;
    while (this.count < this.longest && this.end < context.end && !this.closed) {
      if (this.end !== start && breakpoints.size > 0 && breakpoints.has(this.end)) break;
      const form = this.forms.find(base + this.end, limit, context.bits, this.context);
      if (form >= 0) this.take(form, undefined, this.forms.lengthOf(form), this.forms.closes(form), this.forms.leads(form));
      else {
        const instruction = decode(this.machine.u8, base + this.end, limit, context.bits);
        this.crossing = instruction === undefined;
        if (!instruction) return;
        const admitted = this.admit(instruction, context);
        this.take(DECODED, admitted, admitted.length, closesBlock(admitted), leadsOf(admitted));
      }
    }
  }

  private take(form: number, instruction: Instruction | undefined, length: number, closes: boolean, leads: number): void {
    this.found[this.count] = form;
    this.decoded[this.count] = instruction;
    this.lengths[this.count++] = length;
    this.end += length;
    this.closed = closes;
    this.leads = leads;
  }

  /** Writes the records of the block that was read last, one behind the other. */
  write(address: number, page: CodePage, start: number): void {
    const { records, forms, found, decoded, lengths, count } = this;
    const { context, table } = page;
    const base = page.frame * PAGE_BYTES;
    let offset = start;
    for (let i = 0, at = address; i < count; i++, at += RECORD_BYTES) {
      const form = found[i] ?? DECODED;
      const instruction = decoded[i];
      if (instruction) records.writeRecord(at, instruction, offset, context, count - i, table);
      else forms.write(form, base + offset, at, offset, context, count - i, table);
      offset += lengths[i] ?? 0;
    }
    this.learn(address, page, start);
    records.pair(address, count);
  }

  /** Learns the forms of what has been decoded: not before all of the block has been written, as what is learned may take the place of what it has. */
  private learn(address: number, { frame, context }: CodePage, start: number): void {
    const { decoded, lengths, count } = this;
    let at = frame * PAGE_BYTES + start;
    for (let i = 0; i < count; i++) {
      const instruction = decoded[i];
      if (instruction) this.forms.learn(at, instruction, context, this.context, address + i * RECORD_BYTES);
      decoded[i] = undefined;
      at += lengths[i] ?? 0;
    }
  }
}
