/**
 * Known differences in segmentation, transfers of control, tasks and virtual-8086 mode.
 */
import { Mnemonic } from 'iced-x86';
import { handlerVector } from '../handlers';
import { FLAG, isVirtual8086, usesDescriptors } from '../machineState';
import { violatesSegments } from '../violations';
import { FAR_TRANSFERS, NEAR_BRANCHES, DB, DF, GENERAL, GP, NP, PF, SS, TS, bothFault, is, isInterruptInstruction, onlyWeFault, stackForbids, switchedTask, onUnloadedStack, sameErrorCode } from './conditions';
import type { KnownDifference } from './types';

export const TRANSFERS: readonly KnownDifference[] = [
  {
    id: 'segment-limits',
    reason: 'TCG checks neither limits nor rights of segments in memory accesses and instruction fetches',
    manual: 'vol. 3, 5.3 and 5.5',
    matches: ({ before, instruction, ourStep }) => instruction !== undefined && violatesSegments(before, instruction) && ourStep.kind !== 'stepped',
  },
  {
    id: 'stack-limits',
    reason: 'what a transfer of control pushes is not checked against the limits and rights of SS either',
    manual: 'vol. 3, 5.3',
    matches: ({ before, ours, ourStep }) => ourStep.kind !== 'stepped' && (stackForbids(before) || stackForbids(ours)),
  },
  {
    id: 'branch-limit',
    reason: 'near branches do not check their target against the limit of CS',
    manual: 'vol. 2, Jcc, JMP, CALL, RET',
    matches: (step, program) => is(step, ...NEAR_BRANCHES) && onlyWeFault(step, program, GP)
      && (step.theirs.rip > BigInt(step.before.segments.cs.limit) || (step.before.flags & FLAG.TF) !== 0),
  },
  {
    id: 'real-far-offset',
    reason: 'far transfers in real and virtual-8086 mode do not check the offset against 64 KiB',
    manual: 'vol. 2, JMP, CALL, RET, IRET',
    matches: (step, program) => is(step, ...FAR_TRANSFERS) && !usesDescriptors(step.before) && onlyWeFault(step, program, GP),
  },
  {
    id: 'real-return-wrap',
    reason: 'a far return in real and virtual-8086 mode reads on behind offset FFFFh, where SP wraps',
    manual: 'vol. 1, 6.2.1',
    matches: (step) => is(step, Mnemonic.Retf) && !usesDescriptors(step.before) && ((step.before.general[4] ?? 0n) & 0xffffn) > 0xfff8n,
  },
  {
    id: 'trap-behind-shadow',
    open: true,
    reason: 'an interrupt by instruction right behind MOV SS or POP SS with TF set: the trap that was held back is lost; ours is delivered in front of the handler',
    manual: 'vol. 3, 6.8.3',
    matches: (step, program) => isInterruptInstruction(step.instruction) && (step.before.flags & FLAG.TF) !== 0 && onlyWeFault(step, program, DB),
  },
  {
    id: 'far-transfer-stack',
    reason: 'far transfers and deliveries that stay at CPL 3 read and write the stack with supervisor rights, so that no page fault comes where a user access is forbidden',
    manual: 'vol. 3, 4.6.1',
    matches: (step, program) => step.before.cpl === 3 && (is(step, ...FAR_TRANSFERS) || step.theirs.cpl === 3) && onlyWeFault(step, program, PF),
  },
  {
    id: 'vif-vip',
    reason: 'VIF and VIP can be set, although the processor has no virtual-mode extensions',
    manual: 'vol. 3, 2.3',
    then: 'set flags',
    matches: (step) => is(step, Mnemonic.Iret, Mnemonic.Iretd, Mnemonic.Popfd) && step.memory.length === 0 && step.differences.every(({ field, ours, theirs }) => field === 'flags' && ((ours ^ theirs) & ~0x180000n) === 0n),
  },
  {
    id: 'return-immediate',
    reason: 'the immediate of RET is taken to be signed',
    manual: 'vol. 2, RET',
    matches: (step) => is(step, Mnemonic.Ret, Mnemonic.Retf) && step.memory.length === 0 && step.differences.every(({ field, ours, theirs }) => field === 'rsp' && ((ours - theirs) & 0xffffffffn) === 0x10000n),
  },
  {
    id: 'iret-v86-limit',
    reason: 'IRET to virtual-8086 mode cuts the instruction pointer to 16 bits in place of #GP(0)',
    manual: 'vol. 2, IRET (RETURN-TO-VIRTUAL-8086-MODE)',
    matches: (step, program) => is(step, Mnemonic.Iretd) && step.before.cpl === 0 && isVirtual8086(step.theirs) && onlyWeFault(step, program, GP),
  },
  {
    id: 'iret-vm-privilege',
    reason: 'IRET with VM in its image leads to virtual-8086 mode at every CPL',
    manual: 'vol. 2, IRET',
    matches: ({ before, theirs, instruction }) => instruction?.mnemonic === Mnemonic.Iretd && before.cpl !== 0 && !isVirtual8086(before) && isVirtual8086(theirs),
  },
  {
    id: 'v86-gate-dpl',
    reason: 'a gate leads out of virtual-8086 mode to another CPL than 0, in place of #GP(selector)',
    manual: 'vol. 2, INT n (INTERRUPT-FROM-VIRTUAL-8086-MODE)',
    matches: ({ before, theirs }) => isVirtual8086(before) && !isVirtual8086(theirs) && theirs.cpl !== 0 && theirs.segments.tr.base === before.segments.tr.base,
  },
  {
    id: 'task-trap',
    reason: 'the T flag of a TSS raises no debug trap',
    manual: 'vol. 3, 7.2.1',
    matches: (step) => step.ourStep.kind === 'delivered' && (step.ours.dr6 & 0x8000) !== 0 && (step.theirs.dr6 & 0x8000) === 0,
  },
  {
    id: 'null-fs-gs',
    reason: 'a return to an outer privilege leaves null selectors in FS and GS as they are',
    manual: 'vol. 2, RET and IRET (RETURN-TO-OUTER-PRIVILEGE-LEVEL)',
    matches: (step) => is(step, Mnemonic.Retf, Mnemonic.Iret, Mnemonic.Iretd, Mnemonic.Iretq) && step.memory.length === 0
      && step.differences.every(({ field, ours, theirs }) => (field === 'fs' || field === 'gs') && ours === 0n && theirs < 4n),
  },
  {
    id: 'ltr-null',
    reason: 'LTR takes a null selector',
    manual: 'vol. 2, LTR',
    matches: (step, program) => is(step, Mnemonic.Ltr) && onlyWeFault(step, program, GP) && (step.theirs.segments.tr.selector & 0xfffc) === 0,
  },
  {
    id: 'far-limit-code',
    reason: 'an offset beyond the limit of the target segment raises #GP(selector) in place of #GP(0), behind the pushes of a call',
    manual: 'vol. 2, CALL and JMP',
    matches: (step) => is(step, ...FAR_TRANSFERS) && step.ourStep.kind === 'delivered' && step.ours.rip === step.theirs.rip
      && (((step.ourTop & ~1) === 0 && step.theirTop > 3) || (is(step, Mnemonic.Call) && handlerVector(step.ours) === DF)),
  },
  {
    id: 'target-limit',
    reason: 'RET, IRET and gates of interrupts do not check the offset against the limit of the code segment',
    manual: 'vol. 2, RET, IRET, INT n',
    matches: (step) => step.ourStep.kind !== 'stepped' && (is(step, Mnemonic.Retf, Mnemonic.Iret, Mnemonic.Iretd) || step.theirs.segments.cs.selector !== step.before.segments.cs.selector)
      && (step.theirs.rip > BigInt(step.theirs.segments.cs.limit) || ((step.before.flags & FLAG.TF) !== 0 && is(step, Mnemonic.Retf, Mnemonic.Iret, Mnemonic.Iretd))),
  },
  {
    id: 'task-gate-selector',
    reason: 'a task gate with a bad selector raises #TS in place of #GP',
    manual: 'vol. 2, JMP and CALL (TASK-GATE)',
    matches: (step) => step.ourStep.kind === 'delivered' && handlerVector(step.ours) === GP && (handlerVector(step.theirs) === TS || (is(step, ...FAR_TRANSFERS) && handlerVector(step.theirs) === DF)),
  },
  {
    id: 'sysenter-null',
    reason: 'SYSENTER and SYSEXIT check IA32_SYSENTER_CS for 0 and not for a null selector',
    manual: 'vol. 2, SYSENTER and SYSEXIT',
    matches: (step, program) => is(step, Mnemonic.Sysenter, Mnemonic.Sysexit) && onlyWeFault(step, program, GP, DF, NP) && ([0, 3, 0x10, 0x13].includes(step.theirs.segments.cs.selector) || (step.before.flags & FLAG.TF) !== 0),
  },
  {
    id: 'iret-v86-rf',
    reason: 'IRET to virtual-8086 mode drops RF',
    manual: 'vol. 2, IRET (RETURN-TO-VIRTUAL-8086-MODE)',
    then: 'set flags',
    matches: (step) => is(step, Mnemonic.Iretd) && step.memory.length === 0 && step.differences.every(({ field, ours, theirs }) => field === 'flags' && (ours ^ theirs) === BigInt(FLAG.RF)),
  },
  {
    id: 'task16-upper',
    open: true,
    reason: 'the upper halves of registers that a 16-bit TSS loads are not said; QEMU leaves those of the flags as they were, VM too',
    manual: 'vol. 3, 7.6',
    matches: (step) => switchedTask(step) && (step.ours.segments.tr.attributes & 8) === 0
      && step.differences.every(({ field, ours, theirs }) => (field === 'flags' || GENERAL.has(field)) && ((ours ^ theirs) & 0xffffn) === 0n),
  },
  {
    id: 'task-fault-stack',
    reason: 'a fault met while the new task is loaded is delivered at the old CPL, on a stack segment that is not loaded yet, with a mixture of both instruction pointers',
    manual: 'vol. 3, 6.15 (#TS) and 7.3',
    matches: (step) => (onUnloadedStack(step) && handlerVector(step.ours) !== handlerVector(step.theirs))
      || (switchedTask(step) && (step.ourStep.kind === 'shutdown' || ([DF, TS, NP, SS, GP].some((vector) => bothFault(step, vector)) && sameErrorCode(step)))
        && step.differences.every(({ field }) => /^(rsp|ss.*|flags)$/.test(field))),
  },
  {
    id: 'task-check-order',
    reason: 'of a new task whose CS and SS are both bad, CS is checked first; the manual checks the privilege of CS, then SS, then the rest of CS',
    manual: 'vol. 3, table 7-1',
    matches: (step) => switchedTask(step) && bothFault(step, TS) && !sameErrorCode(step) && step.differences.every(({ field }) => /^(rsp|ss.*|flags)$/.test(field)),
  },
  {
    id: 'shadow-branch',
    reason: 'a branch behind STI does not end what STI holds back: the interrupt comes one instruction later',
    manual: 'vol. 2, STI',
    matches: (step) => is(step, ...NEAR_BRANCHES) && step.ourStep.external && step.ourStep.retired && handlerVector(step.theirs) === undefined,
  },
];
