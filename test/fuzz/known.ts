/**
 * Where QEMU (TCG, 7.2) is known to be laxer than, or different from, the manual: data, each with how narrowly it is told
 * and the section of the Intel SDM that is on our side. A difference that one of these explains ends its program and is only counted.
 */
import { Mnemonic } from 'iced-x86';
import type { Case } from './case';
import { AT } from './layout';
import type { Step } from './lockstep';
import { CR0, FLAG, usesDescriptors, type MachineState } from './machineState';
import { violatesSegments } from './violations';

export interface KnownDifference {
  readonly id: string;
  readonly reason: string;
  /** Section of the Intel SDM. */
  readonly manual: string;
  /** What to do then: end the program (unless told otherwise), end it and QEMU, or give QEMU our memory and go on. */
  readonly then?: 'copy memory' | 'restart';
  matches(step: Step, program: Case): boolean;
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

/** PUSH of a segment register. */
function pushesSegment(step: Step): boolean {
  return is(step, Mnemonic.Push) && /push [c-gs]s$/.test(step.instruction?.text ?? '');
}

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
    id: 'push-segment',
    reason: 'PUSH of a segment register with 32-bit operands writes four bytes; processors write two',
    manual: 'vol. 2, PUSH',
    then: 'copy memory',
    matches: (step) => pushesSegment(step) && step.differences.length === 0 && step.memory.every(({ ours }) => ours.length <= 2),
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
    id: 'cr4-reserved',
    reason: 'a reserved bit of CR4 leads to a #VMEXIT, with no virtual machine about: a block at the address of the VMCB is overwritten and interrupts are off',
    manual: 'vol. 2, MOV to control registers',
    then: 'restart',
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

/** The known difference that explains a step, if there is one. */
export function known(step: Step, program: Case): KnownDifference | undefined {
  return KNOWN.find((difference) => difference.matches(step, program));
}
