/**
 * Known differences of single bytes in memory: frames, descriptors, page tables.
 */
import { Mnemonic } from 'iced-x86';
import { AT, TASK_BYTES } from '../layout';
import { FLAG, isLong } from '../machineState';
import { PTE, TABLES } from '../pageTables';
import { PF, accessedDescriptor, bothFault, errorCodeBits, frameBit, is, isInterruptInstruction, pushesSegment, readsAndWrites, switchedTask, tableBit } from './conditions';
import type { KnownBytes } from './types';

export const BYTES: readonly KnownBytes[] = [
  {
    id: 'push-segment',
    reason: 'PUSH of a segment register with 32-bit operands writes four bytes; processors write two',
    manual: 'vol. 2, PUSH',
    explains: (step, { ours }) => pushesSegment(step) && ours.length <= 2,
  },
  {
    id: 'frame-rf',
    reason: 'RF is not set in the flags that a fault pushes',
    manual: 'vol. 3, 17.3.1.1',
    explains: (step, difference) => frameBit(step, difference, [6, 10, 14], [18, 26]) && difference.ours[0] === ((difference.theirs[0] ?? 0) | 1),
  },
  {
    id: 'frame-rf-interrupt',
    open: true,
    reason: 'an interrupt by instruction pushes RF as it was; ours is clear once the instruction is under way (the manual is silent)',
    manual: 'vol. 3, 17.3.1.1',
    explains: (step, difference) => isInterruptInstruction(step.instruction) && frameBit(step, difference, [6, 10], [18]) && (step.before.flags & FLAG.RF) !== 0,
  },
  {
    id: 'frame-ext',
    reason: 'EXT is never set in the error code of a fault that is met on the way to the handler of an exception or interrupt',
    manual: 'vol. 3, 6.13',
    explains: (step, difference) => errorCodeBits(step, difference) === 1 && (step.ourStep.external || (step.before.flags & FLAG.TF) !== 0 || !isInterruptInstruction(step.instruction)),
  },
  {
    id: 'accessed-bit',
    open: true,
    reason: 'when an access faults, which entries on the way to it (and to operands before it) have been marked accessed is not said',
    manual: 'vol. 3, 4.8',
    explains: (step, difference) => tableBit(difference, PTE.accessed) && step.ourStep.kind === 'delivered',
  },
  {
    id: 'pdpte-accessed',
    reason: 'entries of the page-directory-pointer table of PAE paging get an accessed bit, which they do not have (bit 5 is reserved)',
    manual: 'vol. 3, 4.4.1',
    explains: (_step, difference) => difference.address < TABLES.pointers + 32 && tableBit(difference, PTE.accessed) && difference.address >= TABLES.pointers && difference.theirs[0] === ((difference.ours[0] ?? 0) | PTE.accessed),
  },
  {
    id: 'enter-probe',
    reason: 'ENTER does not try whether it could write at the final stack pointer; ours does, and marks the page',
    manual: 'vol. 2, ENTER',
    explains: (step, difference) => is(step, Mnemonic.Enter) && [PTE.accessed, PTE.dirty, PTE.accessed | PTE.dirty].some((bits) => tableBit(difference, bits)),
  },
  {
    id: 'dirty-bit-crossing',
    open: true,
    reason: 'when a write crosses a page border and the second page faults, ours has marked the first one dirty already',
    manual: 'vol. 3, 4.8',
    explains: (step, difference) => (tableBit(difference, PTE.dirty) || tableBit(difference, PTE.dirty | PTE.accessed)) && step.ourStep.kind === 'delivered'
      && (step.ours.cr2 & 0xfffn) === 0n && step.instruction?.memory.some(({ write }) => write) === true,
  },
  {
    id: 'rmw-error-code',
    open: true,
    reason: 'an instruction that reads and writes its operand raises #PF as a read; ours, as a write (the manual is silent)',
    manual: 'vol. 3, 4.7',
    explains: (step, difference) => errorCodeBits(step, difference) === 2 && readsAndWrites(step),
  },
  {
    id: 'task-rf',
    open: true,
    reason: 'RF in the flags of the old task, when a task switch ends an instruction that began with RF set: ours is clear (the manual is silent)',
    manual: 'vol. 3, 17.3.1.1',
    explains: (step, { address, ours, theirs }) => switchedTask(step) && address === Number(step.before.segments.tr.base) + 0x26 && ours.length === 1 && ((ours[0] ?? 0) ^ (theirs[0] ?? 0)) === 1,
  },
  {
    id: 'reserved-bit-code',
    reason: 'the error code of a page fault by a reserved bit lacks P',
    manual: 'vol. 3, 4.7',
    explains: (step, difference) => {
      const bits = errorCodeBits(step, difference);
      return (step.ourTop & 9) === 9 && (step.theirTop & 9) === 8 && ((bits & ~4) === 1 || ((bits & ~4) === 3 && readsAndWrites(step))) && ((bits & 4) === 0 || step.before.cpl === 3);
    },
  },
  {
    id: 'sgdt-16',
    reason: 'SGDT and SIDT with operands of 16 bits write 24 bits of the base and a zero; processors write all 32',
    manual: 'vol. 2, SGDT and SIDT',
    explains: (step, { ours, theirs }) => is(step, Mnemonic.Sgdt, Mnemonic.Sidt) && ours.length === 1 && theirs[0] === 0,
  },
  {
    id: 'table-half-stored',
    reason: 'SGDT and SIDT have written the limit when the base meets a page fault',
    manual: 'vol. 3, 6.5 (faults are restartable)',
    explains: (step, { ours }) => is(step, Mnemonic.Sgdt, Mnemonic.Sidt) && ours.length <= 4 && bothFault(step, PF),
  },
  {
    id: 'task-eip',
    reason: 'the instruction pointer that a task is left with, after a fault on the way into it: see task-fault-stack',
    manual: 'vol. 3, 6.15 (#TS)',
    explains: (step, { address, ours }) => step.ourStep.kind === 'delivered' && address >= AT.tasks && address < AT.prologue && ours.length <= 4 && [0x0e, 0x0f, 0x20, 0x21, 0x22, 0x23].includes(address % TASK_BYTES),
  },
  {
    id: 'far-transfer-privilege',
    reason: 'far transfers and deliveries at CPL 3 read and write the stack with supervisor rights',
    manual: 'vol. 3, 4.6.1',
    explains: (step, difference) => errorCodeBits(step, difference) === 4 && step.before.cpl === 3,
  },
  {
    id: 'cs-accessed',
    reason: 'far transfers do not set the accessed bit of the code segment',
    manual: 'vol. 3, 3.4.5.1',
    // With it goes the dirty bit of the table's page.
    explains: ({ memory }, difference) => accessedDescriptor(difference) || (tableBit(difference, PTE.dirty) && memory.some(accessedDescriptor)),
  },
  {
    id: 'undefined-flags',
    open: true,
    reason: 'a trap behind an instruction has pushed flags that it leaves undefined',
    manual: 'vol. 1, appendix A',
    explains: (step, { ours, theirs }) => {
      const open = step.instruction?.undefinedFlags ?? 0;
      return step.ourStep.kind === 'delivered' && step.ourStep.retired && ours.length <= 2 && ours.every((byte, i) => ((byte ^ (theirs[i] ?? 0)) & ~(open | (open >> 8)) & 0xff) === 0);
    },
  },
  {
    id: 'long-gate-code',
    reason: 'error codes that name a gate of long mode have 16 times the vector in place of 8 times',
    manual: 'vol. 3, 6.13',
    explains: (step, difference) => isLong(step.ours) && step.ourStep.kind === 'delivered' && difference.address - (step.ourFrame[0] ?? 0) < 2 && (step.ourTop & 2) === 2
      && (step.theirTop & ~7) === 2 * (step.ourTop & ~7) && difference.address >= (step.ourFrame[0] ?? 0),
  },
  {
    id: 'call-half-pushed',
    reason: 'a far CALL has pushed when it finds that the target is none',
    manual: 'vol. 3, 6.5 (faults are restartable)',
    explains: (step, { address }) => is(step, Mnemonic.Call) && step.ourStep.kind === 'delivered' && step.ours.rip === step.theirs.rip
      && BigInt(address) < (step.before.general[4] ?? 0n) + step.before.segments.ss.base && BigInt(address) + 32n >= (step.before.general[4] ?? 0n) + step.before.segments.ss.base,
  },
  {
    id: 'frame-rf-sysret',
    reason: 'a trap behind SYSRET pushes the RF that SYSRET has taken from R11',
    manual: 'vol. 2, SYSRET',
    explains: (step, difference) => is(step, Mnemonic.Sysret, Mnemonic.Sysretq) && frameBit(step, difference, [], [18]),
  },
];
