/** The map of one-byte opcodes (Intel SDM vol. 2, table A-2, and the groups of table A-6). */
import { CONDITION_SUFFIXES, OpcodeMap, byMode, byReg, type OpcodeChoice, type OpcodeSlot } from '../opcodeTable';
import { escapeOpcodes } from './x87';

const ALU = ['add', 'or', 'adc', 'sbb', 'and', 'sub', 'xor', 'cmp'];
const SHIFTS = ['rol', 'ror', 'rcl', 'rcr', 'shl', 'shr', 'shl', 'sar'];

const lockOf = (name: string): string => (name === 'cmp' ? '' : ' lock');
const aluGroup = (operands: string, flags = ''): OpcodeChoice => byReg(...ALU.map((name) => `${name} ${operands} ;${flags}${lockOf(name)}`));
const shiftGroup = (operands: string, flags = ''): OpcodeChoice => byReg(...SHIFTS.map((name) => `${name} ${operands} ;${flags}`));

export function oneByteMap(): readonly OpcodeSlot[] {
  const map = new OpcodeMap();
  arithmetic(map);
  stackAndBranches(map);
  movesAndStrings(map);
  return map.slots;
}

function arithmetic(map: OpcodeMap): void {
  ALU.forEach((name, i) => {
    const lock = lockOf(name);
    map.put(i * 8, `${name} Eb,Gb ;${lock}`, `${name} Ev,Gv ;${lock}`, `${name} Gb,Eb`, `${name} Gv,Ev`, `${name} AL,Ib`, `${name} rAX,Iz`);
  });
  map.put(0x27, '!daa ;no64').put(0x2f, '!das ;no64').put(0x37, '!aaa ;no64').put(0x3f, '!aas ;no64');
  for (let i = 0; i < 8; i++) {
    // In 64-bit mode these are REX prefixes.
    map.put(0x40 + i, 'inc Zv ;no64');
    map.put(0x48 + i, 'dec Zv ;no64');
  }
  map.put(0x69, 'imul3 Gv,Ev,Iz ;i186').put(0x6b, 'imul3 Gv,Ev,Ibs ;i186');
  map.put(0x80, aluGroup('Eb,Ib'), aluGroup('Ev,Iz'), aluGroup('Eb,Ib', 'no64'), aluGroup('Ev,Ibs'));
  map.put(0x84, 'test Eb,Gb', 'test Ev,Gv').put(0xa8, 'test AL,Ib', 'test rAX,Iz');
  map.put(0xc0, shiftGroup('Eb,Ib', 'i186'), shiftGroup('Ev,Ib', 'i186'));
  map.put(0xd0, shiftGroup('Eb,1'), shiftGroup('Ev,1'), shiftGroup('Eb,CL'), shiftGroup('Ev,CL'));
  map.put(0xd4, '!aam Ib ;no64', '!aad Ib ;no64', 'salc ;no64');
  map.put(0xf6, byReg('test Eb,Ib', 'test Eb,Ib', 'not Eb ;lock', 'neg Eb ;lock', 'mul Eb', 'imul Eb', 'div Eb', 'idiv Eb'));
  map.put(0xf7, byReg('test Ev,Iz', 'test Ev,Iz', 'not Ev ;lock', 'neg Ev ;lock', 'mul Ev', 'imul Ev', 'div Ev', 'idiv Ev'));
  map.put(0xf5, 'cmc').put(0xf8, 'clc', 'stc', 'cli', 'sti', 'cld', 'std');
  map.put(0xfe, byReg('inc Eb ;lock', 'dec Eb ;lock'));
}

function stackAndBranches(map: OpcodeMap): void {
  ['es', 'cs', 'ss', 'ds'].forEach((s, i) => {
    map.put(i * 8 + 6, `push_${s} ;no64`);
    if (s !== 'cs') map.put(i * 8 + 7, `${s === 'ss' ? '!' : ''}pop_${s} ;no64`);
  });
  for (let i = 0; i < 8; i++) {
    map.put(0x50 + i, 'push Zv ;64');
    map.put(0x58 + i, 'pop Zv ;64');
  }
  map.put(0x60, 'pusha ;no64 i186', 'popa ;no64 i186', '!bound Gv,M ;no64 i186', byMode('!arpl Ew,Gw ;i286', 'movsxd Gv,Ev'));
  map.put(0x68, 'push Iz ;64 i186').put(0x6a, 'push Ibs ;64 i186');
  CONDITION_SUFFIXES.forEach((c, i) => map.put(0x70 + i, `j${c} Jb ;f64`));
  map.put(0x8f, byReg('pop_ev Ev ;64'));
  map.put(0x9a, 'callf_ap Ap ;no64', 'fwait', 'pushf ;64', 'popf ;64', byMode('sahf', 'sahf ;lahf'), byMode('lahf', 'lahf ;lahf'));
  map.put(0xc2, 'retImmediate Iw ;f64', 'ret ;f64', 'les Gv,M ;no64', 'lds Gv,M ;no64');
  map.put(0xc8, 'enter Iw ;64 i186', 'leave ;64 i186', 'retf_imm Iw', 'retf', '!int3', 'int Ib', '!into ;no64', 'iret');
  map.put(0xe0, 'loopne Jb ;f64', 'loope Jb ;f64', 'loop Jb ;f64', 'jcxz Jb ;f64');
  map.put(0xe8, 'call Jz ;f64', 'jmp Jz ;f64', 'jmpf_ap Ap ;no64', 'jmp Jb ;f64');
  map.put(0xf1, '!int1').put(0xf4, '!hlt');
  map.put(0xff, byReg('inc Ev ;lock', 'dec Ev ;lock', 'callIndirect Ev ;f64', 'callf_m M', 'jmpIndirect Ev ;f64', 'jmpf_m M', 'push Ev ;64'));
}

function movesAndStrings(map: OpcodeMap): void {
  map.put(0x6c, '!insb ;i186', '!insv ;i186', '!outsb ;i186', '!outsv ;i186');
  map.put(0x86, 'xchg Eb,Gb ;lock', 'xchg Ev,Gv ;lock');
  map.put(0x88, 'mov Eb,Gb', 'mov Ev,Gv', 'mov Gb,Eb', 'mov Gv,Ev', byReg(...Array.from({ length: 8 }, (_, segment) => `${segment < 6 ? 'mov_from_seg' : '!mov_from_seg'} Ev,Sw`)), 'lea Gv,M', 'mov_to_seg Sw,Ew');
  // With REX.B, 90 exchanges with R8 like its neighbours: the decoder sees to that.
  map.put(0x90, 'nop');
  for (let i = 1; i < 8; i++) map.put(0x90 + i, 'xchg Zv,rAX');
  map.put(0x98, 'cbw', 'cwd');
  map.put(0xa0, 'mov AL,Ob', 'mov rAX,Ov', 'mov Ob,AL', 'mov Ov,rAX', '!movsb', '!movsv', '!cmpsb', '!cmpsv');
  map.put(0xaa, '!stosb', '!stosv', '!lodsb', '!lodsv', '!scasb', '!scasv');
  for (let i = 0; i < 8; i++) {
    map.put(0xb0 + i, 'mov Zb,Ib');
    map.put(0xb8 + i, 'mov Zv,Iv');
  }
  map.put(0xd8, ...escapeOpcodes());
  map.put(0xc6, byReg('mov Eb,Ib'), byReg('mov Ev,Iz'));
  map.put(0xd7, 'xlat AL,X');
  map.put(0xe4, '!in AL,Ib', '!in rAX,Ib', '!out AL,Ib', '!out rAX,Ib');
  map.put(0xec, '!in_dx AL', '!in_dx rAX', '!out_dx AL', '!out_dx rAX');
}
