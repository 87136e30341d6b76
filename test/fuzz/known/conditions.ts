/**
 * Conditions that known differences are told by.
 */
import { Mnemonic } from 'iced-x86';
import type { Case } from '../case';
import { handlerVector } from '../handlers';
import { addressBytes, type KnownInstruction } from '../instruction';
import { AT } from '../layout';
import type { MemoryDifference, Step } from '../lockstep';
import { ATTRIBUTE, GENERAL_NAMES, codeAddress, codeBits, isLong, isProtected, usesDescriptors, type MachineState } from '../machineState';
import { forbids } from '../violations';

/** Vectors. */
export const DB = 1, UD = 6, DF = 8, TS = 10, NP = 11, SS = 12, GP = 13, PF = 14, AC = 17;

/** Faults that may come in the place of one whose gate is odd. */
const NESTED: readonly number[] = [DF, TS, NP, SS, GP];

/** Ours has delivered a fault of one of these vectors (or one that its odd gate has led to), theirs has not. */
export function onlyWeFault({ ours, theirs, ourStep }: Step, program: Case, ...vectors: readonly number[]): boolean {
  const vector = handlerVector(ours);
  const oddGate = vectors.some((wanted) => program.patches.some(({ note }) => note === `gate ${wanted}`));
  if (ourStep.kind === 'shutdown') return oddGate;
  if (ourStep.kind !== 'delivered' || (vector !== undefined && handlerVector(theirs) === vector)) return false;
  return vector === undefined ? oddGate : vectors.includes(vector) || (oddGate && NESTED.includes(vector));
}

export const is = (step: Step, ...mnemonics: readonly Mnemonic[]): boolean => step.instruction !== undefined && mnemonics.includes(step.instruction.mnemonic);
export const hasPrefix = (step: Step, prefix: number): boolean => step.bytes.subarray(0, 4).includes(prefix);

export const FAR_TRANSFERS = [Mnemonic.Jmp, Mnemonic.Call, Mnemonic.Retf, Mnemonic.Iret, Mnemonic.Iretd] as const;

export const NEAR_BRANCHES = [
  Mnemonic.Jmp, Mnemonic.Call, Mnemonic.Ret, Mnemonic.Jo, Mnemonic.Jno, Mnemonic.Jb, Mnemonic.Jae, Mnemonic.Je, Mnemonic.Jne, Mnemonic.Jbe, Mnemonic.Ja, Mnemonic.Js,
  Mnemonic.Jns, Mnemonic.Jp, Mnemonic.Jnp, Mnemonic.Jl, Mnemonic.Jge, Mnemonic.Jle, Mnemonic.Jg, Mnemonic.Loop, Mnemonic.Loope, Mnemonic.Loopne, Mnemonic.Jcxz, Mnemonic.Jecxz,
] as const;

/** A string instruction's destination covers its own bytes (linear addresses, any iteration). */
export function overwritesItself({ before, instruction }: Step): boolean {
  if (!instruction) return false;
  const written = instruction.memory.find(({ write }) => write);
  if (!written) return false;
  const mask = addressBytes(written) === 2 ? 0xffffn : 0xffffffffn;
  const destination = before.segments.es.base + ((before.general[7] ?? 0n) & mask);
  const span = 4n * ((before.general[1] ?? 0n) & mask);
  const code = codeAddress(before);
  return destination - span < code + BigInt(instruction.length) && code < destination + span + 4n;
}

/** INT n, INT3, INT1 or INTO. */
export function isInterruptInstruction(instruction: KnownInstruction | undefined): boolean {
  return instruction !== undefined && [Mnemonic.Int, Mnemonic.Int3, Mnemonic.Int1, Mnemonic.Into].includes(instruction.mnemonic);
}

/** Whether a small frame below the stack's top meets the end of SS. */
export function stackForbids(state: MachineState): boolean {
  if (codeBits(state) === 64) return false;
  const { ss } = state.segments;
  const mask = ss.attributes & ATTRIBUTE.big && isProtected(state) ? 0xffffffffn : 0xffffn;
  const top = (state.general[4] ?? 0n) & mask;
  const distances = Array.from({ length: 20 }, (_, i) => 2n * BigInt(i + 1));
  return distances.some((bytes) => forbids(ss, (top - bytes) & mask, bytes === 2n ? 2 : 4, true, !usesDescriptors(state)));
}

/** Bits 47 to 63, by the upper half. */
export const isCanonicalHigh = (high: bigint): boolean => [0n, 0x1ffffn].includes((high & 0xffffffffn) >> 15n);
export const isCanonical = (address: bigint): boolean => isCanonicalHigh(address >> 32n);

/** Registers that programs use by intent. */
export const COMMON_MSRS: ReadonlySet<number> = new Set([0x10, 0x174, 0x175, 0x176, 0x277, 0xc0000080]);

/** Both are in another task than before, and the same. */
export function switchedTask({ before, ours, theirs }: Step): boolean {
  return ours.segments.tr.base !== before.segments.tr.base && ours.segments.tr.base === theirs.segments.tr.base;
}

/** QEMU has gone to another task and delivered a fault there on a stack segment that was not loaded yet. */
export function onUnloadedStack({ before, theirs }: Step): boolean {
  return theirs.segments.tr.base !== before.segments.tr.base && (theirs.segments.ss.attributes & ATTRIBUTE.present) === 0 && handlerVector(theirs) !== undefined;
}

/** The error codes of both, but for EXT. */
export const sameErrorCode = ({ ourTop, theirTop }: Step): boolean => (ourTop & ~1) === (theirTop & ~1);

export const GENERAL: ReadonlySet<string> = new Set(GENERAL_NAMES);

/** PUSH of a segment register. */
export function pushesSegment(step: Step): boolean {
  return is(step, Mnemonic.Push) && /push [c-gs]s$/.test(step.instruction?.text ?? '');
}

/** Both stand in the same handler, and a byte of the frame (of long mode: the second list) differs in bit 0 alone. */
export function frameBit(step: Step, { address, ours, theirs }: MemoryDifference, at: readonly number[], atInLongMode: readonly number[]): boolean {
  return step.ours.rip === step.theirs.rip && (isLong(step.ours) ? atInLongMode : at).includes(step.ourFrame.indexOf(address))
    && ours.length === 1 && ((ours[0] ?? 0) ^ (theirs[0] ?? 0)) === 1;
}

/** An entry of a page table in which these bits differ and nothing else. */
export function tableBit({ address, ours, theirs }: MemoryDifference, bits: number): boolean {
  return address >= AT.tables && address % 4 === 0 && ours.length === 1 && ((ours[0] ?? 0) ^ (theirs[0] ?? 0)) === bits;
}

/** The accessed bit of a descriptor, set by ours. */
export function accessedDescriptor({ address, ours, theirs }: MemoryDifference): boolean {
  return address >= AT.gdt && address < AT.idt && address % 8 === 5 && ours.length === 1 && ours[0] === ((theirs[0] ?? 0) | 1);
}

/** What ours has set more in the error code of a fault, if that is all that these bytes differ in. */
export function errorCodeBits(step: Step, { address, ours, theirs }: MemoryDifference): number {
  const fault = step.ourStep.kind === 'delivered';
  const more = (ours[0] ?? 0) & ~(theirs[0] ?? 0);
  return fault && ours.length === 1 && address === step.ourFrame[0] && ours[0] === ((theirs[0] ?? 0) | more) ? more : 0;
}

export const readsAndWrites = (step: Step): boolean => step.instruction?.memory.some(({ read, write }) => read && write) === true;

/** Both have delivered the same vector. */
export function bothFault(step: Step, vector: number): boolean {
  return step.ourStep.kind === 'delivered' && handlerVector(step.ours) === vector && handlerVector(step.theirs) === vector;
}
