/**
 * Where QEMU (TCG, 7.2) is known to be laxer than, or different from, the manual: data, each with how narrowly it is told
 * and the section of the Intel SDM that is on our side. A difference that one of these explains ends its program and is only counted.
 */
import { Mnemonic } from 'iced-x86';
import type { Case } from './case';
import { AT, TASK_BYTES } from './layout';
import type { KnownInstruction } from './instruction';
import type { MemoryDifference, Step } from './lockstep';
import { ATTRIBUTE, CR0, FLAG, GENERAL_NAMES, codeAddress, codeBits, isProtected, isVirtual8086, usesDescriptors, type MachineState } from './machineState';
import { PTE, TABLES } from './pageTables';
import { forbids, violatesSegments } from './violations';

interface Explanation {
  readonly id: string;
  readonly reason: string;
  /** Section of the Intel SDM. */
  readonly manual: string;
}

export interface KnownDifference extends Explanation {
  /** What to do then: end the program (unless told otherwise), end QEMU with it, or give QEMU our flags and go on. */
  readonly then?: 'restart' | 'set flags';
  matches(step: Step, program: Case): boolean;
}

export interface KnownBytes extends Explanation {
  explains(step: Step, difference: MemoryDifference): boolean;
}

const DB = 1, UD = 6, DF = 8, TS = 10, NP = 11, SS = 12, GP = 13, PF = 14, AC = 17;

/** The vector in whose handler a machine stands, if it is one of the standard handlers. */
export function handlerVector(state: MachineState): number | undefined {
  const offset = Number(state.rip) + Number(state.segments.cs.base) - AT.handlers;
  return offset >= 0 && offset < 0x1000 && offset % 16 === 0 ? offset / 16 : undefined;
}

/** Faults that may come in the place of one whose gate is odd. */
const NESTED: readonly number[] = [DF, TS, NP, SS, GP];

/** Ours has delivered a fault of one of these vectors (or one that its odd gate has led to), theirs has not. */
function onlyWeFault({ ours, theirs, ourStep }: Step, program: Case, ...vectors: readonly number[]): boolean {
  const vector = handlerVector(ours);
  const oddGate = vectors.some((wanted) => program.patches.some(({ note }) => note === `gate ${wanted}`));
  if (ourStep.kind === 'shutdown') return oddGate;
  if (ourStep.kind !== 'delivered' || handlerVector(theirs) === vector) return false;
  return vector === undefined ? oddGate : vectors.includes(vector) || (oddGate && NESTED.includes(vector));
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

/** Whether a small frame below the stack's top meets the end of SS. */
function stackForbids(state: MachineState): boolean {
  if (codeBits(state) === 64) return false;
  const { ss } = state.segments;
  const mask = ss.attributes & ATTRIBUTE.big && isProtected(state) ? 0xffffffffn : 0xffffn;
  const top = (state.general[4] ?? 0n) & mask;
  return [2n, 4n, 6n, 8n, 10n, 12n, 16n, 20n, 24n, 36n].some((bytes) => forbids(ss, (top - bytes) & mask, 2, true, !usesDescriptors(state)));
}

/** Bits 47 to 63, by the upper half. */
const isCanonicalHigh = (high: bigint): boolean => [0n, 0x1ffffn].includes((high & 0xffffffffn) >> 15n);

/** Registers that programs use by intent. */
const COMMON_MSRS: ReadonlySet<number> = new Set([0x10, 0x174, 0x175, 0x176, 0x277, 0xc0000080]);

/** Both are in another task than before, and the same. */
function switchedTask({ before, ours, theirs }: Step): boolean {
  return ours.segments.tr.base !== before.segments.tr.base && ours.segments.tr.base === theirs.segments.tr.base;
}

const GENERAL: ReadonlySet<string> = new Set(GENERAL_NAMES);

/** PUSH of a segment register. */
function pushesSegment(step: Step): boolean {
  return is(step, Mnemonic.Push) && /push [c-gs]s$/.test(step.instruction?.text ?? '');
}

/** Both stand in the handler of one vector, and a byte of the frame differs in bit 0 alone. */
function frameBit(step: Step, { address, ours, theirs }: MemoryDifference, from: number, to: number): boolean {
  const at = step.ourFrame.indexOf(address);
  const vector = handlerVector(step.ours);
  return vector !== undefined && vector === handlerVector(step.theirs) && at >= from && at <= to
    && ours.length === 1 && ((ours[0] ?? 0) ^ (theirs[0] ?? 0)) === 1;
}

/** An entry of a page table in which these bits differ and nothing else. */
function tableBit({ address, ours, theirs }: MemoryDifference, bits: number): boolean {
  return address >= AT.tables && address % 4 === 0 && ours.length === 1 && ((ours[0] ?? 0) ^ (theirs[0] ?? 0)) === bits;
}

/** The accessed bit of a descriptor, set by ours. */
function accessedDescriptor({ address, ours, theirs }: MemoryDifference): boolean {
  return address >= AT.gdt && address < AT.idt && address % 8 === 5 && ours.length === 1 && ours[0] === ((theirs[0] ?? 0) | 1);
}

/** What ours has set more in the error code of a fault, if that is all that these bytes differ in. */
function errorCodeBits(step: Step, { address, ours, theirs }: MemoryDifference): number {
  const fault = step.ourStep.kind === 'delivered';
  const more = (ours[0] ?? 0) & ~(theirs[0] ?? 0);
  return fault && ours.length === 1 && address === step.ourFrame[0] && ours[0] === ((theirs[0] ?? 0) | more) ? more : 0;
}

const readsAndWrites = (step: Step): boolean => step.instruction?.memory.some(({ read, write }) => read && write) === true;

/** Both have delivered the same vector. */
function bothFault(step: Step, vector: number): boolean {
  return step.ourStep.kind === 'delivered' && handlerVector(step.ours) === vector && handlerVector(step.theirs) === vector;
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
    id: 'frame-rf-interrupt',
    reason: 'an interrupt by instruction pushes RF as it was; ours is clear once the instruction is under way (the manual is silent)',
    manual: 'vol. 3, 18.3.1.1',
    explains: (step, difference) => isInterruptInstruction(step.instruction) && frameBit(step, difference, 4, 10) && (step.before.flags & FLAG.RF) !== 0,
  },
  {
    id: 'frame-ext',
    reason: 'EXT is never set in the error code of a fault that is met on the way to the handler of an exception or interrupt',
    manual: 'vol. 3, 6.13',
    explains: (step, difference) => errorCodeBits(step, difference) === 1 && (step.ourStep.external || !isInterruptInstruction(step.instruction)),
  },
  {
    id: 'accessed-bit',
    reason: 'when an access faults, which entries on the way to it (and to operands before it) have been marked accessed is not said',
    manual: 'vol. 3, 4.8',
    explains: (step, difference) => tableBit(difference, PTE.accessed) && handlerVector(step.ours) !== undefined && handlerVector(step.ours) === handlerVector(step.theirs),
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
    reason: 'when a write crosses a page border and the second page faults, ours has marked the first one dirty already',
    manual: 'vol. 3, 4.8',
    explains: (step, difference) => (tableBit(difference, PTE.dirty) || tableBit(difference, PTE.dirty | PTE.accessed)) && step.ourStep.kind === 'delivered'
      && (step.ours.cr2 & 0xfffn) === 0n && step.instruction?.memory.some(({ write }) => write) === true,
  },
  {
    id: 'rmw-error-code',
    reason: 'an instruction that reads and writes its operand raises #PF as a read; ours, as a write (the manual is silent)',
    manual: 'vol. 3, 4.7',
    explains: (step, difference) => errorCodeBits(step, difference) === 2 && readsAndWrites(step),
  },
  {
    id: 'task-rf',
    reason: 'RF in the flags of the old task, when a task switch ends an instruction that began with RF set: ours is clear (the manual is silent)',
    manual: 'vol. 3, 18.3.1.1',
    explains: (step, { address, ours, theirs }) => switchedTask(step) && address === Number(step.before.segments.tr.base) + 0x26 && ours.length === 1 && ((ours[0] ?? 0) ^ (theirs[0] ?? 0)) === 1,
  },
  {
    id: 'reserved-bit-code',
    reason: 'the error code of a page fault by a reserved bit lacks P',
    manual: 'vol. 3, 4.7',
    explains: (step, difference) => {
      const bits = errorCodeBits(step, difference);
      return (step.ourTop & 9) === 9 && (step.theirTop & 9) === 8 && (bits === 1 || (bits === 3 && readsAndWrites(step)));
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
    reason: 'far transfers at CPL 3 read and write the stack with supervisor rights',
    manual: 'vol. 3, 4.6.1',
    explains: (step, difference) => errorCodeBits(step, difference) === 4 && step.before.cpl === 3 && is(step, ...FAR_TRANSFERS),
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
    reason: 'a trap behind an instruction has pushed flags that it leaves undefined',
    manual: 'vol. 1, appendix A',
    explains: (step, { ours, theirs }) => {
      const open = step.instruction?.undefinedFlags ?? 0;
      return step.ourStep.kind === 'delivered' && step.ourStep.retired && ours.length <= 2 && ours.every((byte, i) => ((byte ^ (theirs[i] ?? 0)) & ~(open | (open >> 8)) & 0xff) === 0);
    },
  },
];

export const KNOWN: readonly KnownDifference[] = [
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
    matches: (step, program) => is(step, ...NEAR_BRANCHES) && onlyWeFault(step, program, GP) && step.theirs.rip > BigInt(step.before.segments.cs.limit),
  },
  {
    id: 'lock-prefix',
    reason: 'LOCK is ignored before most instructions that do not take it',
    manual: 'vol. 2, LOCK',
    matches: (step, program) => step.instruction === undefined && hasPrefix(step, 0xf0) && onlyWeFault(step, program, UD),
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
    matches: (step, program) => is(step, ...FAR_TRANSFERS) && !usesDescriptors(step.before) && onlyWeFault(step, program, GP),
  },
  {
    id: 'sti-trap',
    reason: 'no single-step trap follows STI that has set IF; only MOV SS and POP SS hold debug exceptions back',
    manual: 'vol. 3, 6.8.3',
    matches: (step, program) => is(step, Mnemonic.Sti) && (step.before.flags & FLAG.TF) !== 0 && onlyWeFault(step, program, DB, DF, TS, NP, SS, GP),
  },
  {
    id: 'cr0-nw',
    reason: 'CR0.NW without CR0.CD is accepted',
    manual: 'vol. 2, MOV to control registers',
    matches: (step, program) => is(step, Mnemonic.Mov) && onlyWeFault(step, program, GP) && (step.theirs.cr0 & (CR0.NW | CR0.CD)) === CR0.NW,
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
    matches: (step, program) => isInterruptInstruction(step.instruction) && (step.before.flags & FLAG.TF) !== 0 && onlyWeFault(step, program, DB),
  },
  {
    id: 'cr4-reserved',
    reason: 'a reserved bit of CR4 leads to a #VMEXIT, with no virtual machine about: a block at the address of the VMCB is overwritten and interrupts are off',
    manual: 'vol. 2, MOV to control registers',
    then: 'restart',
    matches: (step, program) => is(step, Mnemonic.Mov) && /mov cr4/.test(step.instruction?.text ?? '') && onlyWeFault(step, program, GP),
  },
  {
    id: 'unknown-msr',
    reason: 'RDMSR and WRMSR of registers that do not exist raise nothing',
    manual: 'vol. 2, RDMSR and WRMSR',
    matches: (step, program) => is(step, Mnemonic.Rdmsr, Mnemonic.Wrmsr) && onlyWeFault(step, program, GP) && !COMMON_MSRS.has(Number(step.before.general[1] ?? 0n)),
  },
  {
    id: 'operand-order',
    reason: 'which of two memory operands is read first, and so which page fault comes first, is not said',
    manual: 'vol. 2, CMPS',
    matches: (step) => is(step, Mnemonic.Cmpsb, Mnemonic.Cmpsw, Mnemonic.Cmpsd) && bothFault(step, PF) && step.differences.every(({ field }) => field === 'cr2'),
  },
  {
    id: 'far-transfer-stack',
    reason: 'far transfers at CPL 3 read and write the stack with supervisor rights, so that no page fault comes where a user access is forbidden',
    manual: 'vol. 3, 4.6.1',
    matches: (step, program) => is(step, ...FAR_TRANSFERS) && step.before.cpl === 3 && onlyWeFault(step, program, PF),
  },
  {
    id: 'rmw-crossing',
    reason: 'an instruction that reads and writes an operand across a page border: its reads come first, and meet the second page before the first is written',
    manual: 'vol. 3, 4.7',
    matches: (step) => bothFault(step, PF) && readsAndWrites(step) && step.differences.every(({ field, theirs }) => field === 'cr2' && theirs % 0x1000n === 0n),
  },
  {
    id: 'double-shift-count',
    reason: 'SHLD and SHRD of 16 bits by more than 16 have no defined result',
    manual: 'vol. 2, SHLD and SHRD',
    matches: (step) => is(step, Mnemonic.Shld, Mnemonic.Shrd) && step.memory.every(({ ours }) => ours.length <= 2)
      && step.differences.every(({ field, ours, theirs }) => field === 'flags' || (GENERAL.has(field) && ((ours ^ theirs) & ~0xffffn) === 0n)),
  },
  {
    id: 'pdpte-accessed-read',
    reason: 'the program has read an accessed bit that entries of the page-directory-pointer table do not have',
    manual: 'vol. 3, 4.4.1',
    matches: ({ before, instruction, memory, differences }) => memory.length === 0 && instruction?.memory.some(({ read }) => read) === true && differences.every(({ field }) => field === 'flags' || GENERAL.has(field))
      && before.general.some((value) => value >= BigInt(TABLES.pointers) && value < BigInt(TABLES.pointers + 32)),
  },
  {
    id: 'mov-cr-undefined',
    reason: 'outside CPL 0, MOV to and from a control register that does not exist raises #GP; an invalid opcode comes first',
    manual: 'vol. 3, table 6-2',
    matches: ({ before, instruction, bytes, ourStep }) => instruction === undefined && before.cpl !== 0 && /(^|,)15,3[24],/.test(bytes.join()) && ourStep.kind !== 'stepped',
  },
  {
    id: 'alignment-check',
    reason: 'there is no alignment check',
    manual: 'vol. 3, 6.15 (#AC)',
    matches: (step, program) => step.before.cpl === 3 && (step.before.flags & FLAG.AC) !== 0 && (step.before.cr0 & CR0.AM) !== 0 && onlyWeFault(step, program, AC),
  },
  {
    id: 'iret-vm-privilege',
    reason: 'IRET with VM in its image leads to virtual-8086 mode at every CPL',
    manual: 'vol. 2, IRET',
    matches: ({ before, theirs, instruction }) => instruction?.mnemonic === Mnemonic.Iretd && before.cpl !== 0 && !isVirtual8086(before) && isVirtual8086(theirs),
  },
  {
    id: 'lss-shadow',
    reason: 'LSS holds debug traps and interrupts back as MOV SS does',
    manual: 'vol. 3, 6.8.3',
    matches: (step, program) => is(step, Mnemonic.Lss) && (step.before.flags & FLAG.TF) !== 0 && onlyWeFault(step, program, DB),
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
    manual: 'vol. 3, 8.2.1',
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
    id: 'cr0-pg-without-pe',
    reason: 'CR0.PG without CR0.PE is accepted',
    manual: 'vol. 2, MOV to control registers',
    matches: (step, program) => is(step, Mnemonic.Mov) && onlyWeFault(step, program, GP) && (step.theirs.cr0 & (CR0.PG | CR0.PE)) >>> 0 === CR0.PG,
  },
  {
    id: 'wrmsr-canonical',
    reason: 'IA32_SYSENTER_ESP and EIP take addresses that are not canonical',
    manual: 'vol. 2, WRMSR',
    matches: (step, program) => is(step, Mnemonic.Wrmsr) && onlyWeFault(step, program, GP) && [0x175n, 0x176n].includes(step.before.general[1] ?? 0n) && !isCanonicalHigh(step.before.general[2] ?? 0n),
  },
  {
    id: 'group-reg-field',
    reason: '8F, C6 and C7 with /1 to /7 are taken for POP and MOV',
    manual: 'vol. 2, table A-6 (groups 1A and 11)',
    matches: (step, program) => step.instruction === undefined && step.bytes.subarray(0, 6).some((byte) => [0x8f, 0xc6, 0xc7].includes(byte)) && onlyWeFault(step, program, UD),
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
    matches: (step) => is(step, ...FAR_TRANSFERS) && step.ourStep.kind === 'delivered' && (step.ourTop & ~1) === 0 && step.theirTop > 3 && step.ours.rip === step.theirs.rip,
  },
  {
    id: 'target-limit',
    reason: 'RET, IRET and gates of interrupts do not check the offset against the limit of the code segment',
    manual: 'vol. 2, RET, IRET, INT n',
    matches: (step) => step.ourStep.kind !== 'stepped' && step.theirs.segments.cs.selector !== step.before.segments.cs.selector
      && (step.theirs.rip > BigInt(step.theirs.segments.cs.limit) || ((step.before.flags & FLAG.TF) !== 0 && is(step, Mnemonic.Retf, Mnemonic.Iret, Mnemonic.Iretd))),
  },
  {
    id: 'lar-undefined',
    reason: 'LAR leaves bits 16 to 19 of the result undefined',
    manual: 'vol. 2, LAR',
    matches: (step) => is(step, Mnemonic.Lar) && step.memory.length === 0 && step.differences.every(({ ours, theirs }) => ((ours ^ theirs) & ~0xf0000n) === 0n),
  },
  {
    id: 'task-gate-selector',
    reason: 'a task gate with a bad selector raises #TS in place of #GP',
    manual: 'vol. 2, JMP and CALL (TASK-GATE)',
    matches: (step) => step.ourStep.kind === 'delivered' && handlerVector(step.ours) === GP && handlerVector(step.theirs) === TS,
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
    reason: 'the upper halves of registers that a 16-bit TSS loads are not said; QEMU leaves those of the flags as they were, VM too',
    manual: 'vol. 3, 8.6',
    matches: (step) => switchedTask(step) && (step.ours.segments.tr.attributes & 8) === 0
      && step.differences.every(({ field, ours, theirs }) => (field === 'flags' || GENERAL.has(field)) && ((ours ^ theirs) & 0xffffn) === 0n),
  },
  {
    id: 'task-fault-stack',
    reason: 'a fault met while the new task is loaded is delivered at the old CPL, on a stack segment that is not loaded yet, with a mixture of both instruction pointers',
    manual: 'vol. 3, 6.15 (#TS) and 8.3',
    matches: (step) => switchedTask(step) && (step.ourStep.kind === 'shutdown' || [DF, TS, NP, SS, GP].some((vector) => bothFault(step, vector)) && (step.ourTop & ~1) === (step.theirTop & ~1)
      && step.differences.every(({ field }) => /^(rsp|ss.*|flags)$/.test(field))),
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
    reason: 'bits 11, 12, 14 and 15 of DR7 can be set',
    manual: 'vol. 3, 18.2.4',
    matches: (step) => is(step, Mnemonic.Mov) && step.memory.length === 0 && step.differences.every(({ field, ours, theirs }) => field === 'dr7' && ((ours ^ theirs) & ~0xd800n) === 0n),
  },
];

/** What explains a run of bytes that differ, if anything. */
export function knownByte(step: Step, difference: MemoryDifference): KnownBytes | undefined {
  return KNOWN_BYTES.find((one) => one.explains(step, difference));
}

/** The known difference that explains a step, if there is one. */
export function known(step: Step, program: Case): KnownDifference | undefined {
  return KNOWN.find((difference) => difference.matches(step, program));
}
