/**
 * The instruction that is executed alone: decoded from linear memory, where it may cross pages, into two
 * records of its own, the second of which stops.
 */
import { generalProtection, type Cpu } from '../cpu/cpu';
import * as L from '../cpu/layout';
import { endsBlock } from '../isa/definitions';
import { MAX_INSTRUCTION_BYTES, decode } from '../isa/decoder';
import { CPU_BASE, NULL_SLOT, PAGE_BYTES, SCRATCH_RECORDS } from '../memory/layout';
import type { MachineMemory } from '../memory/machineMemory';
import type { CodeCache } from './codeCache';
import { checkFetch, type NumberedContext } from './codeLocator';
import { R, RECORD_BYTES } from './records';

/** A decoded instruction that crosses pages: its bytes, its records, and how it was to be read. */
interface Crossing {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly context: number;
  readonly repeated: boolean;
  readonly transfer: Transfer;
}

/** How an instruction transfers control: by a displacement, perhaps; to an address from elsewhere, always; or not at all. */
type Transfer = 'relative' | 'always' | 'none';

const ALWAYS: ReadonlySet<string> = new Set(['jmpIndirect', 'callIndirect', 'ret', 'retImmediate', 'jmpf_ap', 'jmpf_m', 'callf_ap', 'callf_m', 'retf', 'retf_imm', 'iret']);

const transferOf = (name: string): Transfer => (ALWAYS.has(name) ? 'always' : endsBlock(name) ? 'relative' : 'none');

/** Bytes of an instruction in a machine frame. */
interface Stretch {
  readonly frame: number;
  readonly offset: number;
  readonly bytes: number;
}

/** Page-crossing instructions that are remembered. */
const MAX_CROSSINGS = 8192;
const WORDS = SCRATCH_RECORDS >> 2;
const NOWHERE: readonly Stretch[] = [];
const TWO32 = 2 ** 32;

const offsetInPage = (linear: number): number => linear - Math.floor(linear / PAGE_BYTES) * PAGE_BYTES;

export class ScratchInstruction {
  /** By linear address: loops meet them again and again. */
  private readonly crossings = new Map<number, Crossing>();
  /** Where the instruction lies if it is a repeated one, which may write over itself. */
  private own: readonly Stretch[] = NOWHERE;
  private transfer: Transfer = 'none';

  constructor(
    private readonly cpu: Cpu,
    private readonly machine: MachineMemory,
    private readonly code: CodeCache,
    private readonly stopHandler: number,
  ) {}

  /**
   * Puts the instruction at CS:EIP, whose linear address is given, into the scratch records.
   * Throws GuestFault when it cannot be fetched.
   */
  write(context: NumberedContext, linear: number): void {
    const s = this.cpu.state;
    const eip = s.eip;
    checkFetch(this.cpu, eip);
    const offset = offsetInPage(linear);
    this.own = NOWHERE;
    s.setWide(L.EIP_BASE, eip - offset);
    s.setU32(NULL_SLOT - CPU_BASE, 0);
    if (offset > PAGE_BYTES - MAX_INSTRUCTION_BYTES && this.reuse(context.number, linear, offset)) return;
    const bytes = new Uint8Array(16);
    const toLimit = context.bits === 64 ? 16 : Math.min(16, s.limit(L.CS) - eip + 1);
    let have = Math.min(PAGE_BYTES - offset, toLimit);
    this.fetch(linear, bytes, 0, have);
    let instruction = decode(bytes, 0, have, context.bits);
    if (!instruction && have < toLimit) {
      this.fetch(this.behind(linear, have), bytes, have, toLimit - have);
      have = toLimit;
      instruction = decode(bytes, 0, have, context.bits);
    }
    // What does not end inside the limit cannot be fetched.
    if (!instruction) throw generalProtection();
    this.code.records.writeRecord(SCRATCH_RECORDS, this.code.admit(instruction, context), offset, context, 1, 0);
    this.code.records.writeSpecial(SCRATCH_RECORDS + RECORD_BYTES, this.stopHandler, offset + instruction.length, 0);
    const repeated = instruction.repeat !== 0;
    this.transfer = transferOf(instruction.name);
    if (repeated) this.trace(linear, instruction.length);
    if (offset + instruction.length > PAGE_BYTES) this.keep(context.number, linear, bytes.slice(0, instruction.length), repeated);
  }

  /**
   * A branch to the instruction behind it does not show whether it was taken: has it lead to itself. Says whether it is one,
   * and its target lies inside CS.
   */
  leadToItself(): boolean {
    const { view } = this.machine;
    const { state } = this.cpu;
    if (this.transfer !== 'relative' || view.getInt32(SCRATCH_RECORDS + R.immediate, true) !== 0) return false;
    const behind = state.wide(L.EIP_BASE) + view.getUint16(SCRATCH_RECORDS + RECORD_BYTES + R.offset, true);
    if (!state.code64 && behind > state.limit(L.CS)) return false;
    view.setInt32(SCRATCH_RECORDS + R.immediate, -view.getUint8(SCRATCH_RECORDS + R.length), true);
    return true;
  }

  /** Whether the instruction transfers control whenever it is executed. */
  get alwaysTransfers(): boolean {
    return this.transfer === 'always';
  }

  /** Whether writes to a frame must go on being seen, for the instruction's own sake. */
  keepsTrace(frame: number): boolean {
    return this.own.some((stretch) => stretch.frame === frame);
  }

  /** Whether bytes are the instruction's own. */
  isAt(frame: number, offset: number, bytes: number): boolean {
    return this.own.some((stretch) => stretch.frame === frame && offset < stretch.offset + stretch.bytes && stretch.offset < offset + bytes);
  }

  /** The instruction is done, or will be fetched anew. */
  release(): void {
    this.own = NOWHERE;
    this.cpu.mmu.storesBesideCode = true;
  }

  private trace(linear: number, length: number): void {
    const { mmu, user } = this.cpu;
    const offset = offsetInPage(linear);
    const inFirst = Math.min(length, PAGE_BYTES - offset);
    const stretch = (at: number, bytes: number): Stretch => {
      const page = mmu.fetchPage(mmu.pageOf(at), offsetInPage(at), user);
      const frame = mmu.map.frame(page);
      if (frame > 0) mmu.traceCode(page, frame);
      return { frame, offset: offsetInPage(at), bytes };
    };
    mmu.storesBesideCode = false;
    this.own = [stretch(linear, inFirst), ...(inFirst < length ? [stretch(this.behind(linear, inFirst), length - inFirst)] : [])];
  }

  private behind(linear: number, bytes: number): number {
    return this.cpu.state.code64 ? linear + bytes : (linear + bytes) % TWO32;
  }

  private keep(context: number, linear: number, bytes: Uint8Array, repeated: boolean): void {
    if (this.crossings.size >= MAX_CROSSINGS) this.crossings.clear();
    const words = this.machine.i32.slice(WORDS, WORDS + (2 * RECORD_BYTES) / 4);
    this.crossings.set(linear, { bytes, words, context, repeated, transfer: this.transfer });
  }

  /** Puts remembered records back if context and bytes are still the same. */
  private reuse(context: number, linear: number, offset: number): boolean {
    const known = this.crossings.get(linear);
    if (!known || known.context !== context) return false;
    const page = this.cpu.mmu.pageOf(linear);
    const split = PAGE_BYTES - offset;
    // The second page is not touched before the first has shown that the instruction still reaches it.
    if (!this.holds(page, offset, known.bytes.subarray(0, split))) return false;
    const next = this.cpu.state.code64 ? page + 1 : (page + 1) % 2 ** 20;
    if (!this.holds(next, 0, known.bytes.subarray(split))) return false;
    this.machine.i32.set(known.words, WORDS);
    this.transfer = known.transfer;
    if (known.repeated) this.trace(linear, known.bytes.length);
    return true;
  }

  /** Whether a linear page, fetched for execution, has these bytes at an offset. */
  private holds(page: number, offset: number, bytes: Uint8Array): boolean {
    const { mmu, user } = this.cpu;
    const frame = mmu.map.frame(mmu.fetchPage(page, offset, user));
    if (frame <= 0) return false;
    const start = frame * PAGE_BYTES + offset;
    for (let i = 0; i < bytes.length; i++) if (this.machine.u8[start + i] !== bytes[i]) return false;
    return true;
  }

  private fetch(linear: number, target: Uint8Array, at: number, count: number): void {
    const { mmu, user } = this.cpu;
    const offset = offsetInPage(linear);
    const page = mmu.fetchPage(mmu.pageOf(linear), offset, user);
    for (let i = 0; i < count; i++) target[at + i] = mmu.map.read(page * PAGE_BYTES + offset + i, 1);
  }
}
