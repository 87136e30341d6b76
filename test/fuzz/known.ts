/**
 * Where QEMU (TCG, 7.2) is known to be laxer than, or different from, the manual: data, each with how narrowly it is told
 * and the section of the Intel SDM that is on our side. A difference that one of these explains ends its program and is only counted.
 */
import { Mnemonic } from 'iced-x86';
import type { Case } from './case';
import { AT } from './layout';
import type { KnownInstruction } from './instruction';
import type { MemoryDifference, Step } from './lockstep';
import { ATTRIBUTE, CR0, FLAG, codeAddress, codeBits, usesDescriptors, type MachineState } from './machineState';
import { violatesSegments } from './violations';

interface Explanation {
  readonly id: string;
  readonly reason: string;
  /** Section of the Intel SDM. */
  readonly manual: string;
}

export interface KnownDifference extends Explanation {
  /** QEMU is of no use afterwards. */
  readonly restart?: boolean;
  matches(step: Step, program: Case): boolean;
}

export interface KnownBytes extends Explanation {
  explains(step: Step, difference: MemoryDifference): boolean;
}

const DB = 1, UD = 6, DF = 8, SS = 12, GP = 13;

/** The vector in whose handler a machine stands, if it is one of the standard handlers. */
export function handlerVector(state: MachineState): number | undefined {
  const offset = Number(state.rip) + Number(state.segments.cs.base) - AT.handlers;
  return offset >= 0 && offset < 0x1000 && offset % 16 === 0 ? offset / 16 : undefined;
}

/** Ours has delivered a fault of one of these vectors, theirs has not. */
function onlyWeFault(step: Step, ...vectors: readonly number[]): boolean {
  const ours = handlerVector(step.ours);
  return step.ourStep.kind === 'delivered' && ours !== undefined && vectors.includes(ours) && handlerVector(step.theirs) !== ours;
}

const is = (step: Step, ...mnemonics: readonly Mnemonic[]): boolean => step.instruction !== undefined && mnemonics.includes(step.instruction.mnemonic);
const hasPrefix = (step: Step, prefix: number): boolean => step.bytes.subarray(0, 4).includes(prefix);

const FAR_TRANSFERS = [Mnemonic.Jmp, Mnemonic.Call, Mnemonic.Retf, Mnemonic.Iret, Mnemonic.Iretd] as const;

const NEAR_BRANCHES = [
  Mnemonic.Jmp, Mnemonic.Call, Mnemonic.Ret, Mnemonic.Jo, Mnemonic.Jno, Mnemonic.Jb, Mnemonic.Jae, Mnemonic.Je, Mnemonic.Jne, Mnemonic.Jbe, Mnemonic.Ja, Mnemonic.Js,
  Mnemonic.Jns, Mnemonic.Jp, Mnemonic.Jnp, Mnemonic.Jl, Mnemonic.Jge, Mnemonic.Jle, Mnemonic.Jg, Mnemonic.Loop, Mnemonic.Loope, Mnemonic.Loopne, Mnemonic.Jcxz, Mnemonic.Jecxz,
] as const;

/** A string instruction's destination covers its own bytes (linear addresses, any iteration). */
function overwritesItself({ before, instruction }: Step): boolean {
  const destination = before.segments.es.base + ((before.general[7] ?? 0n) & (codeBits(before) === 16 ? 0xffffn : 0xffffffffn));
  const span = 4n * ((before.general[1] ?? 0n) & 0xffffn);
  const code = codeAddress(before);
  return instruction !== undefined && destination - span < code + BigInt(instruction.length) && code < destination + span + 4n;
}

/** INT n, INT3, INT1 or INTO. */
function isInterruptInstruction(instruction: KnownInstruction | undefined): boolean {
  return instruction !== undefined && [Mnemonic.Int, Mnemonic.Int3, Mnemonic.Int1, Mnemonic.Into].includes(instruction.mnemonic);
}

/** PUSH of a segment register. */
function pushesSegment(step: Step): boolean {
  return is(step, Mnemonic.Push) && /push [c-gs]s$/.test(step.instruction?.text ?? '');
}

/** Where the frame that ours has pushed begins (guest-physical: stacks are mapped to themselves). */
function frameAt({ ours }: Step): number {
  const { ss } = ours.segments;
  const mask = ss.attributes & ATTRIBUTE.big && ours.cr0 & CR0.PE ? 0xffffffffn : 0xffffn;
  return Number((ss.base + ((ours.general[4] ?? 0n) & mask)) & 0xffffffffn);
}

/** Both stand in the handler of one vector, and a byte of the frame differs in bit 0 alone. */
function frameBit(step: Step, { address, ours, theirs }: MemoryDifference, from: number, to: number): boolean {
  const at = address - frameAt(step);
  const vector = handlerVector(step.ours);
  return step.ourStep.kind === 'delivered' && vector !== undefined && vector === handlerVector(step.theirs) && at >= from && at <= to
    && ours.length === 1 && ((ours[0] ?? 0) ^ (theirs[0] ?? 0)) === 1;
}

/** Differences of single bytes in memory: QEMU is given ours, and the program goes on. */
export const KNOWN_BYTES: readonly KnownBytes[] = [
  {
    id: 'push-segment',
    reason: 'PUSH of a segment register with 32-bit operands writes four bytes; processors write two',
    manual: 'vol. 2, PUSH',
    explains: (step, { ours }) => pushesSegment(step) && ours.length <= 2,
  },
  {
    id: 'frame-rf',
    reason: 'RF is not set in the flags that a fault pushes',
    manual: 'vol. 3, 18.3.1.1',
    explains: (step, difference) => frameBit(step, difference, 6, 14) && difference.ours[0] === ((difference.theirs[0] ?? 0) | 1),
  },
  {
    id: 'frame-ext',
    reason: 'EXT is never set in the error code of a fault that is met on the way to the handler of an exception or interrupt',
    manual: 'vol. 3, 6.13',
    explains: (step, difference) => frameBit(step, difference, 0, 0) && difference.ours[0] === ((difference.theirs[0] ?? 0) | 1) && !isInterruptInstruction(step.instruction),
  },
];

export const KNOWN: readonly KnownDifference[] = [
  {
    id: 'segment-limits',
    reason: 'TCG checks neither limits nor rights of segments in memory accesses and instruction fetches',
    manual: 'vol. 3, 5.3 and 5.5',
    matches: (step) => step.instruction !== undefined && violatesSegments(step.before, step.instruction) && (onlyWeFault(step, GP, SS, DF) || step.ourStep.kind === 'shutdown'),
  },
  {
    id: 'branch-limit',
    reason: 'near branches do not check their target against the limit of CS',
    manual: 'vol. 2, Jcc, JMP, CALL, RET',
    matches: (step) => is(step, ...NEAR_BRANCHES) && onlyWeFault(step, GP) && step.theirs.rip > BigInt(step.before.segments.cs.limit),
  },
  {
    id: 'lock-prefix',
    reason: 'LOCK is ignored before most instructions that do not take it',
    manual: 'vol. 2, LOCK',
    matches: (step) => step.instruction === undefined && hasPrefix(step, 0xf0) && onlyWeFault(step, UD),
  },
  {
    id: 'int1',
    reason: 'INT1 leads to #UD while the stub steps',
    manual: 'vol. 2, INT n/INTO/INT3/INT1',
    matches: (step) => is(step, Mnemonic.Int1),
  },
  {
    id: 'real-far-offset',
    reason: 'far transfers in real and virtual-8086 mode do not check the offset against 64 KiB',
    manual: 'vol. 2, JMP, CALL, RET, IRET',
    matches: (step) => is(step, ...FAR_TRANSFERS) && !usesDescriptors(step.before) && onlyWeFault(step, GP),
  },
  {
    id: 'sti-trap',
    reason: 'no single-step trap follows STI that has set IF; only MOV SS and POP SS hold debug exceptions back',
    manual: 'vol. 3, 6.8.3',
    matches: (step) => is(step, Mnemonic.Sti) && (step.before.flags & FLAG.TF) !== 0 && onlyWeFault(step, DB),
  },
  {
    id: 'cr0-nw',
    reason: 'CR0.NW without CR0.CD is accepted',
    manual: 'vol. 2, MOV to control registers',
    matches: (step) => is(step, Mnemonic.Mov) && onlyWeFault(step, GP) && (step.theirs.cr0 & (CR0.NW | CR0.CD)) === CR0.NW,
  },
  {
    id: 'rep-over-itself',
    reason: 'a repeated instruction that overwrites itself is fetched anew for each iteration, or not; processors may do either',
    manual: 'vol. 3, 8.1.3',
    matches: (step) => step.instruction?.repeated === true && overwritesItself(step),
  },
  {
    id: 'real-return-wrap',
    reason: 'a far return in real and virtual-8086 mode reads on behind offset FFFFh, where SP wraps',
    manual: 'vol. 1, 6.2.1',
    matches: (step) => is(step, Mnemonic.Retf) && !usesDescriptors(step.before) && ((step.before.general[4] ?? 0n) & 0xffffn) > 0xfff8n,
  },
  {
    id: 'trap-behind-shadow',
    reason: 'an interrupt by instruction right behind MOV SS or POP SS with TF set: the trap that was held back is lost; ours is delivered in front of the handler',
    manual: 'vol. 3, 6.8.3',
    matches: (step) => isInterruptInstruction(step.instruction) && (step.before.flags & FLAG.TF) !== 0 && onlyWeFault(step, DB),
  },
  {
    id: 'cr4-reserved',
    reason: 'a reserved bit of CR4 leads to a #VMEXIT, with no virtual machine about: a block at the address of the VMCB is overwritten and interrupts are off',
    manual: 'vol. 2, MOV to control registers',
    restart: true,
    matches: (step) => is(step, Mnemonic.Mov) && /mov cr4/.test(step.instruction?.text ?? '') && onlyWeFault(step, GP),
  },
  {
    id: 'unknown-msr',
    reason: 'RDMSR and WRMSR of registers that do not exist raise nothing',
    manual: 'vol. 2, RDMSR and WRMSR',
    matches: (step) => is(step, Mnemonic.Rdmsr, Mnemonic.Wrmsr) && onlyWeFault(step, GP) && (step.before.general[1] ?? 0n) === 0x12345n,
  },
  {
    id: 'dr6-disabled',
    reason: 'DR6 names breakpoints that are not enabled, too, which processors may do',
    manual: 'vol. 3, 18.2.3',
    matches: (step) => {
      const enabled = [0, 1, 2, 3].reduce((bits, i) => ((step.before.dr7 >> (2 * i)) & 3 ? bits | 1 << i : bits), 0);
      return step.memory.length === 0 && step.differences.every(({ field, ours, theirs }) => field === 'dr6' && ((ours ^ theirs) & BigInt(~(0xf & ~enabled))) === 0n);
    },
  },
  {
    id: 'dr7-reserved',
    reason: 'bits 12, 14 and 15 of DR7 can be set',
    manual: 'vol. 3, 18.2.4',
    matches: (step) => is(step, Mnemonic.Mov) && step.memory.length === 0 && step.differences.every(({ field, ours, theirs }) => field === 'dr7' && ((ours ^ theirs) & ~0xd000n) === 0n),
  },
];

/** What explains each run of bytes that differ, or undefined when one is not explained. */
export function knownBytes(step: Step): readonly KnownBytes[] | undefined {
  const found = step.memory.map((difference) => KNOWN_BYTES.find((one) => one.explains(step, difference)));
  return found.every((one) => one !== undefined) ? found : undefined;
}

/** The known difference that explains a step, if there is one. */
export function known(step: Step, program: Case): KnownDifference | undefined {
  return KNOWN.find((difference) => difference.matches(step, program));
}
