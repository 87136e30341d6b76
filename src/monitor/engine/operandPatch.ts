/**
 * Code whose constants are patched: an instruction of which only the immediate or the displacement has changed keeps its
 * record, which takes the new value, and translated code reads it there (stylized self-modifying code: Dehnert et al., The
 * Transmeta Code Morphing Software, 2003). Everything else that is written to code drops the blocks that it belongs to.
 */
import { decode } from '../isa/decoder';
import type { Instruction } from '../isa/decoder';
import { endsBlock } from '../isa/definitions';
import { PAGE_BYTES, PATCHED_RECORD } from '../memory/layout';
import type { MachineMemory } from '../memory/machineMemory';
import type { CodeContext } from './codeContext';
import type { CodeBlock, CodePage } from './codePage';
import type { RecordWriter } from './recordWriter';
import { R, RECORD_BYTES } from './records';

/** The fields that may differ: the displacement, and the immediate to the record's end. */
const isConstant = (field: number): boolean => (field >= R.displacement && field < R.link) || field >= R.immediate;

export class OperandPatch {
  constructor(
    private readonly machine: MachineMemory,
    private readonly records: RecordWriter,
    private readonly admit: (instruction: Instruction, context: CodeContext) => Instruction,
  ) {}

  /**
   * Gives the records of blocks the constants that their written bytes have now. Says at which offset in the page the instruction
   * stands; -1 when more than its constants has changed, or the bytes are those of several.
   */
  apply(page: CodePage, blocks: readonly CodeBlock[], start: number, end: number): number {
    const { view, u8 } = this.machine;
    const records = blocks.map((block) => this.recordAt(block, start, end));
    const [first = -1] = records;
    if (records.includes(-1) || first < 0) return -1;
    const offset = view.getUint16(first + R.offset, true);
    const base = page.frame * PAGE_BYTES;
    const decoded = decode(u8, base + offset, base + page.context.end, page.context.bits);
    if (!decoded || decoded.length !== view.getUint8(first + R.length)) return -1;
    const instruction = this.admit(decoded, page.context);
    // Constants are an instruction's last bytes: behind one of them there are others only.
    const isKnown = start - offset >= (page.patched.get(offset) ?? Infinity);
    if (!isKnown && !records.every((record) => this.differsInConstants(record, instruction, offset, page))) return -1;
    if (!records.every((record) => this.records.writeConstants(record, instruction, offset))) return -1;
    for (const block of blocks) block.bytes?.set(u8.subarray(base + start, base + end), start - block.start);
    return offset;
  }

  /** Whether an instruction as it is now has a record like the one that it had, but for its constants. */
  private differsInConstants(record: number, instruction: Instruction, offset: number, page: CodePage): boolean {
    const { view, u8 } = this.machine;
    // Where a branch leads is more than a constant; services, and instructions with VEX, have other things in these fields.
    if (endsBlock(instruction.name) || instruction.name.startsWith('!') || instruction.vex) return false;
    this.records.writeRecord(PATCHED_RECORD, instruction, offset, page.context, view.getUint8(record + R.back), page.table);
    // It may be executed together with the one behind it, which does not make it another.
    if (this.records.handlerAlone(record) !== this.records.handlerAlone(PATCHED_RECORD)) return false;
    for (let field: number = R.offset; field < RECORD_BYTES; field++) {
      if (!isConstant(field) && u8[record + field] !== u8[PATCHED_RECORD + field]) return false;
    }
    return true;
  }

  /** The record of the one instruction that bytes of a block belong to; -1 when there is no such. */
  private recordAt(block: CodeBlock, start: number, end: number): number {
    const { view } = this.machine;
    for (let at = block.address; at < block.address + block.recordBytes; at += RECORD_BYTES) {
      const first = view.getUint16(at + R.offset, true);
      const behind = first + view.getUint8(at + R.length);
      if (start >= first && start < behind) return end <= behind ? at : -1;
    }
    return -1;
  }
}
