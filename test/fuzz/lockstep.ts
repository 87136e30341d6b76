/**
 * Runs a program on both machines, instruction by instruction, and compares after each. What differs by definition is evened out here:
 *
 * - QEMU's stub stops after every iteration of a repeated instruction, and before a pending interrupt is delivered;
 *   our engine does the whole of both in one step.
 * - Flags that the manual leaves undefined are taken over from QEMU.
 * - QEMU's TLB keeps stale translations as a processor may; ours is always coherent. QEMU's is flushed whenever page tables have changed.
 * - A handler returns to the faulting instruction. So that the program goes on, the return address in the pushed frame
 *   is moved behind it, in both machines.
 */
import { AT, COMPARED_BYTES } from './layout';
import type { Case } from './case';
import { buildImage } from './image';
import { decode, type KnownInstruction } from './instruction';
import { known, knownByte, type KnownDifference } from './known';
import { CR0, CR4, EFER, codeAddress, codeBits, differences, isLong, stackAt, type Difference, type MachineState } from './machineState';
import { Ours, type OurStep } from './ours';
import { PTE, TABLES } from './pageTables';
import { QEMU_PROCESSOR } from './processors';
import { Qemu } from './qemu';

/** A run of bytes that differ. */
export interface MemoryDifference {
  readonly address: number;
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
}

export interface Step {
  readonly before: MachineState;
  /** Linear address and bytes of the instruction (bytes as far as they can be fetched). */
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly instruction: KnownInstruction | undefined;
  readonly ourStep: OurStep;
  readonly ours: MachineState;
  readonly theirs: MachineState;
  readonly theirShutdown: boolean;
  /** Guest-physical addresses of the bytes from the top of our stack up; -1 for those that are not mapped. */
  readonly ourFrame: readonly number[];
  /** The word on top of each one's stack: the error code, if a fault has pushed one. */
  readonly ourTop: number;
  readonly theirTop: number;
  readonly differences: readonly Difference[];
  readonly memory: readonly MemoryDifference[];
}

export type Verdict =
  /** Both went the same way to the program's end. */
  | { readonly kind: 'same' }
  /** The program has touched what is not there on both sides, or does not end. */
  | { readonly kind: 'dropped'; readonly reason: string }
  | { readonly kind: 'known'; readonly difference: KnownDifference }
  | { readonly kind: 'different' };

export interface Run {
  readonly verdict: Verdict;
  readonly steps: readonly Step[];
}

/** Most iterations of a repeated instruction that are followed. */
const ITERATIONS_MOST = 80;
const LONGEST_INSTRUCTION = 15;
/** Four page-directory pointers. */
const POINTERS_BYTES = 32;
/** Bytes of the pushed frame that are looked at. */
const FRAME_BYTES = 40;
/** Longest run of differing bytes that is kept. */
const DIFFERENT_BYTES_MOST = 16;

const theirMemory = new Uint8Array(COMPARED_BYTES);

function memoryDifferences(ours: Uint8Array): MemoryDifference[] {
  if (Buffer.compare(ours, theirMemory) === 0) return [];
  const found: MemoryDifference[] = [];
  for (let at = 0; at < COMPARED_BYTES; at++) {
    if (ours[at] === theirMemory[at]) continue;
    let end = at + 1;
    while (end < COMPARED_BYTES && end - at < DIFFERENT_BYTES_MOST && ours[end] !== theirMemory[end]) end++;
    found.push({ address: at, ours: [...ours.subarray(at, end)], theirs: [...theirMemory.subarray(at, end)] });
    at = end;
  }
  return found;
}

function partition<T>(list: readonly T[], belongs: (item: T) => boolean): readonly [T[], T[]] {
  return [list.filter(belongs), list.filter((item) => !belongs(item))];
}

/** 16 bits at a guest-physical address; 0 where nothing is compared. */
function wordAt(memory: Uint8Array, address: number): number {
  return (memory[address] ?? 0) | ((memory[address + 1] ?? 0) << 8);
}

function tablesOf(memory: Uint8Array): Uint8Array {
  return memory.slice(AT.tables, COMPARED_BYTES);
}

/** Where a return address may lie above a handler's stack pointer, with an error code or without: offset and bytes. */
const RETURNS = [[0, 4], [4, 4], [0, 2], [2, 2]] as const;
const LONG_RETURNS = [[0, 4], [8, 4]] as const;

/** An address on the stack as the present code has it. */
const wrapped = (state: MachineState, linear: number): number => (codeBits(state) === 64 ? linear : linear % 2 ** 32);

/** PAE paging outside long mode. */
const usesPointers = ({ cr0, cr4, efer }: MachineState): boolean => (cr0 & CR0.PG) !== 0 && (cr4 & CR4.PAE) !== 0 && (efer & EFER.LMA) === 0;

function pointersChanged(tables: Uint8Array, memory: Uint8Array): boolean {
  const at = TABLES.pointers - AT.tables;
  return Buffer.compare(tables.subarray(at, at + POINTERS_BYTES), memory.subarray(TABLES.pointers, TABLES.pointers + POINTERS_BYTES)) !== 0;
}

export class Lockstep {
  /** @param evened is told the names of known differences after which a program goes on */
  private constructor(private readonly ours: Ours, private qemu: Qemu, private readonly evened: (id: string) => void) {}

  static async start(evened: (id: string) => void = () => undefined): Promise<Lockstep> {
    return new Lockstep(new Ours(), await Qemu.start(QEMU_PROCESSOR), evened);
  }

  /** Ends QEMU. */
  stop(): void {
    this.qemu.stop();
  }

  /** Another QEMU takes the place of one that cannot go on. */
  async restart(): Promise<void> {
    this.qemu.stop();
    this.qemu = await Qemu.start(QEMU_PROCESSOR);
  }

  /** Runs a program to its end or to the first difference. */
  async run(program: Case): Promise<Run> {
    const image = buildImage(program);
    this.ours.load(image);
    await this.qemu.load(image);
    const steps: Step[] = [];
    const ourStart = this.ours.runTo(program.start.linear);
    const theirStart = await this.qemu.runTo(program.start.linear);
    if (!ourStart || !theirStart) {
      throw new Error(`the prologue of ${program.mode} program ${program.seed} does not reach its end (${ourStart ? '' : 'ours '}${theirStart ? '' : 'theirs'})`);
    }
    let before = this.ours.state();
    const started = await this.compareStart(before);
    if (started) return { verdict: { kind: 'different' }, steps: [started] };
    const most = 3 * program.units.length + 20;
    for (let count = 0; count < most; count++) {
      if (this.atEnd(before, program)) return { verdict: { kind: 'same' }, steps };
      const step = await this.step(before);
      if (typeof step === 'string') return { verdict: { kind: 'dropped', reason: step }, steps };
      steps.push(step);
      const verdict = await this.judge(step, program);
      // A QEMU that has shut down does not come back.
      if (step.theirShutdown || (verdict?.kind === 'known' && verdict.difference.then === 'restart')) await this.restart();
      if (verdict) return { verdict, steps };
      if (step.ourStep.kind === 'shutdown') return { verdict: { kind: 'same' }, steps };
      this.skipFault(step);
      before = this.ours.state();
    }
    return { verdict: { kind: 'same' }, steps };
  }

  private async compareStart(before: MachineState): Promise<Step | undefined> {
    const theirs = await this.qemu.state();
    this.qemu.readMemory(theirMemory);
    const found = differences(before, theirs);
    // Before a breakpoint our engine has translated the address of the code already, QEMU has not.
    const [early, memory] = partition(memoryDifferences(this.ours.memory), (one) => one.address >= AT.tables && one.ours.length === 1 && ((one.ours[0] ?? 0) ^ (one.theirs[0] ?? 0)) === PTE.accessed);
    for (const { address, ours } of early) this.qemu.writeMemory(address, Uint8Array.from(ours));
    if (found.length === 0 && memory.length === 0) return undefined;
    const address = Number(codeAddress(before));
    return {
      before, address, bytes: new Uint8Array(0), instruction: undefined, ourStep: { kind: 'stepped', external: false, retired: false },
      ours: before, theirs, theirShutdown: false, ourFrame: [], ourTop: 0, theirTop: 0, differences: found, memory,
    };
  }

  /** The program's last instruction is behind it, it executes what is no code, or HLT comes, which nothing would end. */
  private atEnd(state: MachineState, program: Case): boolean {
    const address = Number(codeAddress(state));
    const physical = this.ours.physical(address);
    if (physical === program.end || (physical >= 0 && (physical < AT.handlers || physical >= AT.codeEnd))) return true;
    return state.cpl === 0 && this.ours.codeBytes(address, 1)[0] === 0xf4;
  }

  private async step(before: MachineState): Promise<Step | string> {
    const address = Number(codeAddress(before));
    const bytes = this.ours.codeBytes(address, LONGEST_INSTRUCTION);
    const instruction = decode(codeBits(before), bytes, before.rip);
    const tables = tablesOf(this.ours.memory);
    const ourStep = this.ours.step();
    if (this.ours.strayed) return 'strayed';
    // QEMU reads the page-directory pointers from memory whenever it walks; a processor keeps them from the load of CR3 on.
    if (usesPointers(before) && pointersChanged(tables, this.ours.memory)) return 'page-directory pointers changed';
    if (ourStep.kind === 'endless') return 'endless';
    const ours = this.ours.state();
    const { state: theirs, shutdown, endless } = await this.stepTheirs(before, instruction, ourStep);
    if (endless) return 'endless';
    this.qemu.readMemory(theirMemory);
    if (!shutdown && before.cr0 & CR0.PG && Buffer.compare(tables, this.ours.memory.subarray(AT.tables)) !== 0) await this.qemu.flushTlb(theirs.cr3);
    return {
      before, address, bytes, instruction, ourStep, ours, theirs, theirShutdown: shutdown,
      ourFrame: Array.from({ length: FRAME_BYTES }, (_, i) => this.ours.physical(wrapped(ours, stackAt(ours) + i))), ourTop: wordAt(this.ours.memory, this.ours.physical(stackAt(ours))), theirTop: wordAt(theirMemory, this.ours.physical(stackAt(theirs))),
      differences: ourStep.kind === 'shutdown' && shutdown ? [] : differences(ours, theirs),
      memory: memoryDifferences(this.ours.memory),
    };
  }

  private async stepTheirs(before: MachineState, instruction: KnownInstruction | undefined, ourStep: OurStep): Promise<{ state: MachineState; shutdown: boolean; endless: boolean }> {
    let shutdown = await this.qemu.step() === 'shutdown';
    for (let i = 0; instruction?.repeated && !shutdown && await this.qemu.instructionPointer() === before.rip; i++) {
      if (i === ITERATIONS_MOST) return { state: before, shutdown, endless: true };
      shutdown = await this.qemu.step() === 'shutdown';
    }
    const twice = (ourStep.external && ourStep.retired) || ourStep.kind === 'shutdown';
    if (!shutdown && twice) shutdown = await this.qemu.step() === 'shutdown';
    const state = await this.qemu.state();
    return { state, shutdown, endless: false };
  }

  /** @returns undefined when the program may go on */
  private async judge(step: Step, program: Case): Promise<Verdict | undefined> {
    const both = step.theirShutdown && step.ourStep.kind === 'shutdown';
    if (both) return undefined;
    const open = step.instruction?.undefinedFlags ?? 0;
    const rest = step.differences.filter(({ field, ours, theirs }) => field !== 'flags' || ((ours ^ theirs) & BigInt(~open)) !== 0n);
    if (!step.theirShutdown && step.ourStep.kind !== 'shutdown' && rest.length === 0 && step.memory.length === 0) {
      if (step.differences.length > 0) this.ours.setFlags(step.theirs.flags);
      return undefined;
    }
    const [explained, unexplained] = partition(step.memory, (difference) => knownByte(step, difference) !== undefined);
    const explanations = explained.map((difference) => knownByte(step, difference)?.id ?? '');
    const even = async (...ids: readonly string[]): Promise<void> => {
      for (const { address, ours } of step.memory) this.qemu.writeMemory(address, Uint8Array.from(ours));
      if (step.memory.some(({ address }) => address >= AT.tables)) await this.qemu.flushTlb(step.theirs.cr3);
      [...explanations, ...ids].forEach((id) => this.evened(id));
    };
    if (rest.length === 0 && unexplained.length === 0 && !step.theirShutdown) {
      await even();
      if (step.differences.length > 0) this.ours.setFlags(step.theirs.flags);
      return undefined;
    }
    const difference = known({ ...step, differences: rest, memory: unexplained }, program);
    if (difference?.then === 'set flags') {
      await this.qemu.setFlags(step.ours.flags);
      await even(difference.id);
      return undefined;
    }
    return difference ? { kind: 'known', difference } : { kind: 'different' };
  }

  /** After the delivery of a fault: moves the return address in the frame behind the instruction. */
  private skipFault({ before, instruction, ourStep, ours }: Step): void {
    if (ourStep.kind !== 'delivered' || ourStep.external || ourStep.retired || !instruction) return;
    const low = Number(before.rip & 0xffffffffn);
    const next = (low + instruction.length) >>> 0;
    const top = stackAt(ours);
    for (const [offset, size] of isLong(ours) ? LONG_RETURNS : RETURNS) {
      const linear = wrapped(ours, top + offset);
      const at = this.ours.physical(linear);
      if (at < 0 || at + size > COMPARED_BYTES || (at & 0xfff) + size > 0x1000) continue;
      const view = new DataView(this.ours.memory.buffer, this.ours.memory.byteOffset + at, size);
      const found = size === 4 ? view.getUint32(0, true) : view.getUint16(0, true);
      if (found !== (size === 4 ? low : low & 0xffff)) continue;
      const bytes = new Uint8Array(size);
      if (size === 4) new DataView(bytes.buffer).setUint32(0, next, true);
      else new DataView(bytes.buffer).setUint16(0, next, true);
      this.ours.writeMemory(at, bytes);
      this.qemu.writeMemory(at, bytes);
      return;
    }
  }
}
