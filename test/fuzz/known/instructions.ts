/**
 * Known differences in decoding, flags, control and debug registers, and memory operands.
 */
import { Mnemonic } from 'iced-x86';
import { handlerVector } from '../handlers';
import { CR0, FLAG } from '../machineState';
import { PTE, TABLES } from '../pageTables';
import { AC, COMMON_MSRS, DB, DF, GENERAL, GP, NP, PF, SS, TS, UD, bothFault, hasPrefix, is, isCanonicalHigh, onlyWeFault, overwritesItself, readsAndWrites, tableBit } from './conditions';
import type { KnownDifference } from './types';

export const INSTRUCTIONS: readonly KnownDifference[] = [
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
    id: 'sti-trap',
    reason: 'no single-step trap follows STI that has set IF; only MOV SS and POP SS hold debug exceptions back',
    manual: 'vol. 3, 6.8.3',
    matches: (step, program) => is(step, Mnemonic.Sti) && (step.before.flags & FLAG.TF) !== 0 && onlyWeFault(step, program, DB, DF, TS, NP, SS, GP),
  },
  {
    id: 'cr0-nw',
    reason: 'CR0.NW without CR0.CD is accepted',
    manual: 'vol. 2, MOV to control registers',
    matches: (step) => is(step, Mnemonic.Mov) && (step.theirs.cr0 & (CR0.NW | CR0.CD)) === CR0.NW && (step.ours.cr0 & CR0.NW) === 0,
  },
  {
    id: 'rep-over-itself',
    open: true,
    reason: 'a repeated instruction that overwrites itself is fetched anew for each iteration, or not; processors may do either',
    manual: 'vol. 3, 8.1.3',
    matches: (step) => step.instruction?.repeated === true && overwritesItself(step),
  },
  {
    id: 'cr-reserved',
    reason: 'a reserved bit of CR3 or CR4 leads to a #VMEXIT, with no virtual machine about: a block at the address of the VMCB is overwritten and interrupts are off',
    manual: 'vol. 2, MOV to control registers',
    then: 'restart',
    matches: (step, program) => is(step, Mnemonic.Mov) && /mov cr[34]/.test(step.instruction?.text ?? '') && onlyWeFault(step, program, GP),
  },
  {
    id: 'unknown-msr',
    reason: 'RDMSR and WRMSR of registers that do not exist raise nothing',
    manual: 'vol. 2, RDMSR and WRMSR',
    matches: (step, program) => is(step, Mnemonic.Rdmsr, Mnemonic.Wrmsr) && onlyWeFault(step, program, GP) && !COMMON_MSRS.has(Number(step.before.general[1] ?? 0n)),
  },
  {
    id: 'operand-order',
    open: true,
    reason: 'which of two memory operands is read first, and so which page fault comes first, is not said',
    manual: 'vol. 2, CMPS',
    matches: (step) => is(step, Mnemonic.Cmpsb, Mnemonic.Cmpsw, Mnemonic.Cmpsd, Mnemonic.Cmpsq) && handlerVector(step.ours) !== undefined && handlerVector(step.theirs) !== undefined
      && (handlerVector(step.ours) !== handlerVector(step.theirs) || step.differences.every(({ field }) => /^(cr2|ss.*)$/.test(field))),
  },
  {
    id: 'popa-half',
    reason: 'POPA has loaded some registers when it meets a page fault',
    manual: 'vol. 3, 6.5 (faults are restartable)',
    matches: (step) => is(step, Mnemonic.Popa, Mnemonic.Popad) && bothFault(step, PF),
  },
  {
    id: 'enter-probe-fault',
    reason: 'ENTER does not try whether it could write at the final stack pointer',
    manual: 'vol. 2, ENTER',
    matches: (step, program) => is(step, Mnemonic.Enter) && onlyWeFault(step, program, PF),
  },
  {
    id: 'rotate-half',
    reason: 'RCL and RCR of memory have set their flags when the store meets a page fault',
    manual: 'vol. 3, 6.5 (faults are restartable)',
    matches: (step) => is(step, Mnemonic.Rcl, Mnemonic.Rcr) && bothFault(step, PF) && step.differences.every(({ field }) => field === 'flags'),
  },
  {
    id: 'general-detect',
    reason: 'DR7.GD does nothing',
    manual: 'vol. 3, 17.2.4',
    matches: (step, program) => is(step, Mnemonic.Mov) && (step.before.dr7 & 0x2000) !== 0 && (step.ours.dr6 & 0x2000) !== 0 && onlyWeFault(step, program, DB),
  },
  {
    id: 'bswap-16',
    open: true,
    reason: 'BSWAP of 16 bits has no defined result',
    manual: 'vol. 2, BSWAP',
    matches: (step) => is(step, Mnemonic.Bswap) && step.memory.length === 0 && step.differences.every(({ field }) => GENERAL.has(field)),
  },
  {
    id: 'cr0-reserved',
    reason: 'bits of CR0 that do not exist can be set',
    manual: 'vol. 3, 2.5',
    matches: (step) => is(step, Mnemonic.Mov) && step.memory.length === 0 && step.differences.every(({ field, ours, theirs }) => field === 'cr0' && ((ours ^ theirs) & 0xe005003fn) === 0n),
  },
  {
    id: 'pusha-order',
    reason: 'PUSHA writes EDI first, and so meets another page first',
    manual: 'vol. 2, PUSHA',
    matches: (step) => is(step, Mnemonic.Pusha, Mnemonic.Pushad) && step.memory.every((one) => [PTE.accessed, PTE.dirty, PTE.accessed | PTE.dirty].some((bits) => tableBit(one, bits))) && step.differences.every(({ field }) => field === 'cr2'),
  },
  {
    id: 'undefined-reads-first',
    reason: 'FF /7 reads its operand before it is found to be no instruction',
    manual: 'vol. 3, table 6-2',
    matches: (step, program) => step.instruction === undefined && step.bytes.subarray(0, 4).includes(0xff) && onlyWeFault(step, program, UD),
  },
  {
    id: 'rmw-crossing',
    open: true,
    reason: 'an instruction that reads and writes an operand across a page border: its reads come first, and meet the second page before the first is written',
    manual: 'vol. 3, 4.7',
    matches: (step) => bothFault(step, PF) && readsAndWrites(step) && step.differences.every(({ field, theirs }) => field === 'cr2' && theirs % 0x1000n === 0n),
  },
  {
    id: 'double-shift-count',
    open: true,
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
    id: 'lss-shadow',
    reason: 'LSS holds debug traps and interrupts back as MOV SS does',
    manual: 'vol. 3, 6.8.3',
    matches: (step, program) => is(step, Mnemonic.Lss) && (step.before.flags & FLAG.TF) !== 0 && onlyWeFault(step, program, DB),
  },
  {
    id: 'cr0-pg-without-pe',
    reason: 'CR0.PG without CR0.PE is accepted',
    manual: 'vol. 2, MOV to control registers',
    matches: (step) => is(step, Mnemonic.Mov) && (step.theirs.cr0 & (CR0.PG | CR0.PE)) >>> 0 === CR0.PG,
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
    id: 'lar-undefined',
    open: true,
    reason: 'LAR leaves bits 16 to 19 of the result undefined',
    manual: 'vol. 2, LAR',
    matches: (step) => is(step, Mnemonic.Lar) && step.memory.length === 0 && step.differences.every(({ ours, theirs }) => ((ours ^ theirs) & ~0xf0000n) === 0n),
  },
  {
    id: 'dr6-disabled',
    open: true,
    reason: 'DR6 names breakpoints that are not enabled, too, which processors may do',
    manual: 'vol. 3, 17.2.3',
    matches: (step) => {
      const enabled = [0, 1, 2, 3].reduce((bits, i) => ((step.before.dr7 >> (2 * i)) & 3 ? bits | 1 << i : bits), 0);
      return step.memory.length === 0 && step.differences.every(({ field, ours, theirs }) => field === 'dr6' && ((ours ^ theirs) & BigInt(~(0xf & ~enabled))) === 0n);
    },
  },
  {
    id: 'dr7-reserved',
    reason: 'bits 11, 12, 14 and 15 of DR7 can be set',
    manual: 'vol. 3, 17.2.4',
    matches: (step) => is(step, Mnemonic.Mov) && step.memory.length === 0 && step.differences.every(({ field, ours, theirs }) => field === 'dr7' && ((ours ^ theirs) & ~0xd800n) === 0n),
  },
  {
    id: 'group-15-prefix',
    reason: '0F AE with F3 and a memory operand is taken for the instruction without F3',
    manual: 'vol. 2, table A-6 (group 15)',
    matches: (step, program) => step.instruction === undefined && hasPrefix(step, 0xf3) && /,15,174,/.test(`,${step.bytes.join()},`) && onlyWeFault(step, program, UD),
  },
];
