/**
 * Known differences in long mode.
 */
import { Mnemonic } from 'iced-x86';
import { handlerVector } from '../handlers';
import type { Step } from '../lockstep';
import { ATTRIBUTE, FLAG, STATUS_FLAGS, codeBits, isLong, isVirtual8086 } from '../machineState';
import { GP, SS, UD, is, isCanonical, onlyWeFault } from './conditions';
import type { KnownDifference } from './types';

const FAR_RETURNS = [Mnemonic.Retf, Mnemonic.Iret, Mnemonic.Iretd, Mnemonic.Iretq] as const;

/** Bytes in hexadecimal, a blank behind each. */
const spaced = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex').replace(/../g, '$& ');

/** REX.W stands right before the opcode. */
const isWide = ({ bytes, before }: Step): boolean => codeBits(before) === 64 && /^((66|67|f[023]|2e|36|3e|26|64|65) )*4[89a-f] /.test(spaced(bytes));

/** Nothing differs but these fields. */
const onlyFields = ({ differences, memory }: Step, fields: RegExp): boolean => memory.length === 0 && differences.every(({ field }) => fields.test(field));

/** Something near this address is not canonical. */
const atBorder = (address = 0n): boolean => [-0x40n, 0n, 0x40n].some((distance) => !isCanonical(BigInt.asUintN(64, address + distance)));

/** Both have gone to a handler, and not to the same; or one has found none. */
const faultsApart = ({ ours, theirs, ourStep, theirShutdown }: Step): boolean => ourStep.kind === 'shutdown' || theirShutdown || (ourStep.kind === 'delivered' && handlerVector(theirs) !== undefined && handlerVector(ours) !== handlerVector(theirs));

export const LONG_MODE: readonly KnownDifference[] = [
  {
    id: 'ist-null-ss',
    reason: 'an interrupt that gets a stack by IST without a change of privilege leaves SS null; only a change of privilege does that',
    manual: 'vol. 3, 6.14.4 and 6.14.5',
    matches: ({ before, ours, theirs, memory, differences }) => isLong(ours) && memory.length === 0 && ours.cpl === before.cpl && (theirs.segments.ss.selector & 0xfffc) === 0
      && differences.every(({ field }) => /^ss( |$)/.test(field)),
  },
  {
    id: 'syscall-flags',
    reason: 'SYSCALL clears all status flags in place of those that IA32_FMASK names',
    manual: 'vol. 2, SYSCALL',
    then: 'set flags',
    matches: (step) => is(step, Mnemonic.Syscall) && step.memory.length === 0 && step.differences.every(({ field, ours, theirs }) => field === 'flags' && ((ours ^ theirs) & ~BigInt(STATUS_FLAGS)) === 0n),
  },
  {
    id: 'rex-before-prefix',
    reason: 'a REX prefix that another prefix follows is not ignored',
    manual: 'vol. 2, 2.2.1',
    matches: ({ before, bytes }) => codeBits(before) === 64 && /^(.. )*4. (26|2e|36|3e|6[4-7]|f[023]|4.) /.test(spaced(bytes.subarray(0, 4))),
  },
  {
    id: 'far-pointer-rex-w',
    reason: 'LSS, LFS and LGS with REX.W read an offset of 32 bits, as AMD processors do',
    manual: 'vol. 2, LDS/LES/LFS/LGS/LSS',
    matches: (step) => is(step, Mnemonic.Lss, Mnemonic.Lfs, Mnemonic.Lgs) && isWide(step),
  },
  {
    id: 'efer-reserved',
    reason: 'reserved bits of IA32_EFER are ignored in place of #GP',
    manual: 'vol. 2, WRMSR; vol. 4, IA32_EFER',
    matches: (step, program) => is(step, Mnemonic.Wrmsr) && step.before.general[1] === 0xc0000080n && onlyWeFault(step, program, GP),
  },
  {
    id: 'cr0-high',
    reason: 'bits 32 to 63 of CR0 are ignored in place of #GP',
    manual: 'vol. 2, MOV to control registers',
    matches: (step, program) => is(step, Mnemonic.Mov) && /mov cr0/.test(step.instruction?.text ?? '') && codeBits(step.before) === 64 && onlyWeFault(step, program, GP),
  },
  {
    id: 'sysret-rf',
    reason: 'SYSRET takes RF from R11',
    manual: 'vol. 2, SYSRET',
    then: 'set flags',
    matches: (step) => is(step, Mnemonic.Sysret, Mnemonic.Sysretq) && onlyFields(step, /^flags$/) && step.differences.every(({ ours, theirs }) => (ours ^ theirs) === BigInt(FLAG.RF)),
  },
  {
    id: 'sysenter-cs',
    reason: 'SYSENTER to 64-bit code sets D of CS besides L',
    manual: 'vol. 2, SYSENTER',
    matches: (step) => is(step, Mnemonic.Sysenter, Mnemonic.Sysexit) && onlyFields(step, /^cs attributes$/) && step.differences.every(({ ours, theirs }) => (ours ^ theirs) === 0x400n),
  },
  {
    id: 'canonical-stack',
    reason: 'a stack address that is not canonical raises #GP in place of #SS',
    manual: 'vol. 1, 3.3.7.1',
    matches: (step) => codeBits(step.before) === 64 && faultsApart(step) && (atBorder(step.before.general[4]) || atBorder(step.before.general[5]) || (handlerVector(step.ours) === SS && handlerVector(step.theirs) === GP)),
  },
  {
    id: 'canonical-crossing',
    reason: 'an access that begins before the end of canonical addresses and ends behind it is a page fault there, if its first page is not mapped',
    manual: 'vol. 1, 3.3.7.1',
    open: true,
    matches: (step) => codeBits(step.before) === 64 && step.ourStep.kind === 'delivered' && [0x7fff_ffff_fff0n, 0xffff_ffff_ffff_fff0n, 0xffff_7fff_ffff_fff0n].some((border) => step.theirs.cr2 >= border && step.theirs.cr2 < border + 0x20n),
  },
  {
    id: 'table-base',
    reason: 'LGDT and LIDT take a base that is not canonical',
    manual: 'APM vol. 3, LGDT and LIDT',
    matches: (step, program) => is(step, Mnemonic.Lgdt, Mnemonic.Lidt) && onlyWeFault(step, program, GP) && (!isCanonical(step.theirs.gdtr.base) || !isCanonical(step.theirs.idtr.base)),
  },
  {
    id: 'table-16',
    reason: 'LGDT and LIDT with an operand-size prefix take 24 bits of the base in 64-bit code, too',
    manual: 'vol. 2, LGDT and LIDT (the operand size is fixed)',
    matches: (step) => codeBits(step.before) === 64 && is(step, Mnemonic.Lgdt, Mnemonic.Lidt) && step.bytes.subarray(0, 4).includes(0x66) && (onlyFields(step, /^[gi]dtr base$/) || handlerVector(step.ours) === GP),
  },
  {
    id: 'null-ss',
    reason: 'SS takes a null selector whose RPL is not CPL, and one with RPL 1 or 2, by gates too, changes CPL to 0',
    manual: 'vol. 2, MOV and CALL',
    matches: (step, program) => isLong(step.before) && (step.theirs.segments.ss.selector & 0xfffc) === 0 && (onlyFields(step, /^cpl$/) || (/ss/.test(step.instruction?.text ?? '') && onlyWeFault(step, program, GP))),
  },
  {
    id: 'null-ss-rpl',
    reason: 'a return to 64-bit code takes a null SS whose RPL is not that of CS',
    manual: 'vol. 2, RET and IRET (the checks of a null selector and of its RPL stand side by side)',
    open: true,
    matches: (step, program) => is(step, ...FAR_RETURNS) && (step.theirs.segments.ss.selector & 0xfffc) === 0 && (step.theirs.segments.ss.selector & 3) !== step.theirs.cpl && onlyWeFault(step, program, GP),
  },
  {
    id: 'dropped-base',
    reason: 'the hidden base of FS or GS stays when a return to an outer privilege makes it null',
    manual: 'vol. 2, RET and IRET (nothing is said of the base)',
    open: true,
    matches: (step) => is(step, ...FAR_RETURNS) && onlyFields(step, /^[fg]s base$/),
  },
  {
    id: 'near-return-16',
    reason: 'near branches of 64-bit code with an operand-size prefix have 16 bits, as on AMD processors',
    manual: 'vol. 2, table A-2 (f64)',
    matches: ({ before, bytes, instruction }) => codeBits(before) === 64 && bytes[0] === 0x66 && instruction !== undefined && /^(ret|call|jmp|j[a-z]+|loop[a-z]*) ?/.test(instruction.text) && !/far/.test(instruction.text),
  },
  {
    id: 'far-return-stack',
    reason: 'far calls and returns of 16 and 32 bits in 64-bit code reach the stack by as much of RSP as the descriptor of SS says',
    manual: 'vol. 1, 6.2.5',
    matches: (step) => codeBits(step.before) === 64 && is(step, Mnemonic.Call, Mnemonic.Retf, Mnemonic.Iret, Mnemonic.Iretd) && !isWide(step)
      && (step.before.general[4] ?? 0n) >= 1n << (step.before.segments.ss.attributes & ATTRIBUTE.big ? 32n : 16n),
  },
  {
    id: 'ignored-override',
    reason: 'an override of ES, CS, SS or DS, which 64-bit code ignores, takes back one of FS or GS before it',
    manual: 'vol. 2, 2.1.1 (two prefixes of a group: anything may happen)',
    open: true,
    matches: ({ before, bytes }) => codeBits(before) === 64 && /^((66|67|f[023]|2e|36|3e|26) )*6[45] ((66|67|f[023]) )*(2e|36|3e|26) /.test(spaced(bytes)),
  },
  {
    id: 'iretq-same-privilege',
    reason: 'IRETQ makes data segments null as a return to an outer privilege does, also when it stays at one',
    manual: 'vol. 2, IRET',
    matches: (step) => is(step, ...FAR_RETURNS) && step.ours.cpl === step.before.cpl && onlyFields(step, /^[defg]s( .*)?$/),
  },
  {
    id: 'wrbase-canonical',
    reason: 'WRFSBASE and WRGSBASE take addresses that are not canonical',
    manual: 'vol. 2, WRFSBASE/WRGSBASE',
    matches: (step, program) => is(step, Mnemonic.Wrfsbase, Mnemonic.Wrgsbase) && onlyWeFault(step, program, GP),
  },
  {
    id: 'bit-scan-zero',
    reason: 'BSF and BSR of 32 bits and a source of 0 clear the upper half of the destination, which the manual leaves open',
    manual: 'vol. 2, BSF and BSR',
    open: true,
    matches: (step) => is(step, Mnemonic.Bsf, Mnemonic.Bsr) && onlyFields(step, /^(r..?|flags)$/) && step.differences.every(({ field, ours, theirs }) => field === 'flags' || ((ours ^ theirs) & 0xffffffffn) === 0n),
  },
  {
    id: 'pause-step',
    reason: 'a step over PAUSE takes the next instruction along',
    manual: 'vol. 2, PAUSE',
    matches: (step) => is(step, Mnemonic.Pause),
  },
  {
    id: 'syscall-compatibility',
    reason: 'SYSCALL and SYSRET exist in compatibility mode and outside long mode, as on AMD processors',
    manual: 'vol. 2, SYSCALL and SYSRET',
    matches: (step) => is(step, Mnemonic.Syscall, Mnemonic.Sysret) && codeBits(step.before) !== 64 && (handlerVector(step.ours) === UD || step.ourStep.kind === 'delivered'),
  },
  {
    id: 'long-and-big',
    reason: 'code segments with L and D set are taken',
    manual: 'vol. 2, JMP, CALL, RET, IRET',
    matches: (step, program) => isLong(step.before) && (step.theirs.segments.cs.attributes & 0x600) === 0x600 && onlyWeFault(step, program, GP),
  },
  {
    id: 'iret-vm-long',
    reason: 'IRET with VM in its image leads to virtual-8086 mode in long mode, too',
    manual: 'vol. 2, IRET',
    matches: (step) => is(step, ...FAR_RETURNS) && isLong(step.before) && isVirtual8086(step.theirs),
  },
  {
    id: 'override-67',
    reason: '64-bit code with addresses of 32 bits adds the base of ES, CS, SS or DS when there is an override',
    manual: 'vol. 1, 3.4.2.1',
    matches: ({ before, bytes }) => codeBits(before) === 64 && /^((66|f[023]) )*(67 ((66|f[023]) )*(2e|36|3e|26)|(2e|36|3e|26) ((66|f[023]) )*67) /.test(spaced(bytes)),
  },
  {
    id: 'call-limit-long',
    reason: 'a far CALL checks the limit of a segment of 64-bit code',
    manual: 'vol. 2, CALL',
    matches: (step) => is(step, Mnemonic.Call) && codeBits(step.ours) === 64 && step.ourStep.kind === 'stepped' && handlerVector(step.theirs) !== undefined && step.ours.rip > BigInt(step.ours.segments.cs.limit),
  },
  {
    id: 'null-ss-compatibility',
    reason: 'a far return from 64-bit code to code of 16 or 32 bits takes a null SS',
    manual: 'vol. 2, RET and IRET',
    matches: (step, program) => is(step, ...FAR_RETURNS) && isLong(step.before) && (step.theirs.segments.ss.selector & 0xfffc) === 0 && codeBits(step.theirs) !== 64 && onlyWeFault(step, program, GP),
  },
  {
    id: 'target-high',
    reason: 'far transfers from 64-bit code to code of 16 or 32 bits cut the offset to 32 bits in place of #GP(0)',
    manual: 'vol. 2, JMP, CALL, RET, IRET',
    matches: (step, program) => is(step, Mnemonic.Jmp, Mnemonic.Call, ...FAR_RETURNS) && codeBits(step.before) === 64 && codeBits(step.theirs) !== 64 && onlyWeFault(step, program, GP),
  },
  {
    id: 'upper-type',
    reason: 'LAR and LSL take a system descriptor whose upper half has a type, which others must not have',
    manual: 'vol. 3, 8.2.3 (the type of the upper half is 0)',
    open: true,
    matches: (step) => is(step, Mnemonic.Lar, Mnemonic.Lsl) && isLong(step.before) && onlyFields(step, /^(flags|r..?)$/) && step.differences.some(({ field, ours, theirs }) => field === 'flags' && (theirs & ~ours) === BigInt(FLAG.ZF)),
  },
  {
    id: 'movsxd-16',
    reason: 'MOVSXD with operands of 16 bits reads 4 bytes',
    manual: 'vol. 2, MOVSX/MOVSXD',
    matches: (step) => is(step, Mnemonic.Movsxd) && step.bytes.subarray(0, 4).includes(0x66) && (step.memory.length > 0 || step.ourStep.kind !== 'delivered'),
  },
  {
    id: 'sysret-canonical',
    reason: 'SYSRET takes an RCX that is not canonical',
    manual: 'vol. 2, SYSRET',
    matches: (step) => is(step, Mnemonic.Sysretq, Mnemonic.Sysexitq, Mnemonic.Sysexit) && handlerVector(step.ours) !== handlerVector(step.theirs) && [1, 2].some((i) => !isCanonical(step.before.general[i] ?? 0n)),
  },
  {
    id: 'double-shift-rip',
    reason: 'SHLD and SHRD with an immediate count take a RIP-relative operand by the address before that byte',
    manual: 'vol. 2, 2.2.1.6',
    matches: ({ before, instruction }) => codeBits(before) === 64 && /^sh[lr]d \[rel /.test(instruction?.text ?? ''),
  },
];
