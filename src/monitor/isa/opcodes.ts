/**
 * Opcode maps (Intel SDM vol. 2, appendix A): which instruction an opcode means and where its
 * operands are. An entry reads `name operand,operand ;flags`; operand codes are those of the manual
 * (E modrm operand, G modrm register, Z register in the opcode, I immediate, J relative, M memory
 * only, R register only, O direct offset; b byte, v operand size, z operand size up to 32 bits,
 * w word, d dword, q qword).
 * Names that begin with `!` are done by a service of the monitor (see ./services).
 *
 * Flags: 64 = operand size defaults to 64 bits in long mode; no64 = #UD in long mode; lock = may carry LOCK
 * with a memory destination.
 */

export interface OpcodeEntry {
  readonly name: string;
  readonly operands: readonly string[];
  readonly default64: boolean;
  readonly invalid64: boolean;
  readonly lockable: boolean;
  /** Whether a ModRM byte follows. */
  readonly modrm: boolean;
}

/** An opcode means one instruction, or one of eight (sixteen: memory forms, register forms) by ModRM.reg, or nothing. */
export type OpcodeSlot = OpcodeEntry | { readonly group: readonly (OpcodeEntry | undefined)[] } | undefined;

function entry(text: string): OpcodeEntry {
  const [body = '', flags = ''] = text.split(';').map((part) => part.trim());
  const [name = '', list = ''] = body.split(' ');
  const operands = list === '' ? [] : list.split(',');
  return {
    name,
    operands,
    default64: / ?\b64\b/.test(flags),
    invalid64: flags.includes('no64'),
    lockable: flags.includes('lock'),
    modrm: operands.some((o) => /^[EGMRSCD][a-z]*$/.test(o)),
  };
}

/** Group entries all have a ModRM byte, also those without operands. */
function group(texts: readonly (string | undefined)[]): OpcodeSlot {
  return { group: texts.map((text) => (text === undefined ? undefined : { ...entry(text), modrm: true })) };
}

function fill(map: OpcodeSlot[], first: number, texts: readonly (string | undefined)[]): void {
  texts.forEach((text, i) => {
    map[first + i] = text === undefined ? undefined : entry(text);
  });
}

const CONDITIONS = ['o', 'no', 'b', 'nb', 'z', 'nz', 'be', 'nbe', 's', 'ns', 'p', 'np', 'l', 'nl', 'le', 'nle'];
const ALU = ['add', 'or', 'adc', 'sbb', 'and', 'sub', 'xor', 'cmp'];
const SHIFTS = ['rol', 'ror', 'rcl', 'rcr', 'shl', 'shr', 'shl', 'sar'];

const lockOf = (name: string): string => (name === 'cmp' || name === 'test' ? '' : ' ;lock');
const aluGroup = (operands: string, flags = ''): OpcodeSlot =>
  group(ALU.map((name) => `${name} ${operands}${lockOf(name)}${flags}`));
const shiftGroup = (operands: string): OpcodeSlot => group(SHIFTS.map((name) => `${name} ${operands}`));

function oneByteMap(): OpcodeSlot[] {
  const map: OpcodeSlot[] = new Array<OpcodeSlot>(256).fill(undefined);
  ALU.forEach((name, i) => {
    const lock = lockOf(name);
    fill(map, i * 8, [`${name} Eb,Gb${lock}`, `${name} Ev,Gv${lock}`, `${name} Gb,Eb`, `${name} Gv,Ev`, `${name} AL,Ib`, `${name} rAX,Iz`]);
  });
  ['es', 'cs', 'ss', 'ds'].forEach((s, i) => {
    map[i * 8 + 6] = entry(`!push_${s} ;no64`);
    if (s !== 'cs') map[i * 8 + 7] = entry(`!pop_${s} ;no64`);
  });
  fill(map, 0x27, ['!daa ;no64']);
  fill(map, 0x2f, ['!das ;no64']);
  fill(map, 0x37, ['!aaa ;no64']);
  fill(map, 0x3f, ['!aas ;no64']);
  for (let i = 0; i < 8; i++) {
    map[0x40 + i] = entry('inc Zv');
    map[0x48 + i] = entry('dec Zv');
    map[0x50 + i] = entry('push Zv ;64');
    map[0x58 + i] = entry('pop Zv ;64');
    map[0x90 + i] = entry(i === 0 ? 'nop' : 'xchg Zv,rAX');
    map[0xb0 + i] = entry('mov Zb,Ib');
    map[0xb8 + i] = entry('mov Zv,Iv');
  }
  fill(map, 0x60, ['!pusha ;no64', '!popa ;no64', '!bound Gv,M ;no64', '!arpl Ew,Gw ;no64']);
  fill(map, 0x68, ['push Iz ;64', 'imul3 Gv,Ev,Iz', 'push Ibs ;64', 'imul3 Gv,Ev,Ibs', '!insb', '!insv', '!outsb', '!outsv']);
  CONDITIONS.forEach((c, i) => {
    map[0x70 + i] = entry(`j${c} Jb ;64`);
  });
  map[0x80] = aluGroup('Eb,Ib');
  map[0x81] = aluGroup('Ev,Iz');
  map[0x82] = aluGroup('Eb,Ib', ' ;no64');
  map[0x83] = aluGroup('Ev,Ibs');
  fill(map, 0x84, ['test Eb,Gb', 'test Ev,Gv', 'xchg Eb,Gb ;lock', 'xchg Ev,Gv ;lock']);
  fill(map, 0x88, ['mov Eb,Gb', 'mov Ev,Gv', 'mov Gb,Eb', 'mov Gv,Ev', '!mov_from_seg Ev,Sw', 'lea Gv,M', '!mov_to_seg Sw,Ew']);
  map[0x8f] = group(['!pop_ev Ev ;64']);
  fill(map, 0x98, ['cbw', 'cwd', '!callf_ap Ap ;no64', '!fwait', '!pushf ;64', '!popf ;64', 'sahf', 'lahf']);
  fill(map, 0xa0, ['mov AL,Ob', 'mov rAX,Ov', 'mov Ob,AL', 'mov Ov,rAX', '!movsb', '!movsv', '!cmpsb', '!cmpsv']);
  fill(map, 0xa8, ['test AL,Ib', 'test rAX,Iz', '!stosb', '!stosv', '!lodsb', '!lodsv', '!scasb', '!scasv']);
  map[0xc0] = shiftGroup('Eb,Ib');
  map[0xc1] = shiftGroup('Ev,Ib');
  fill(map, 0xc2, ['retImmediate Iw ;64', 'ret ;64', '!les Gv,M ;no64', '!lds Gv,M ;no64']);
  map[0xc6] = group(['mov Eb,Ib']);
  map[0xc7] = group(['mov Ev,Iz']);
  fill(map, 0xc8, ['!enter Iw ;64', 'leave ;64', '!retf_imm Iw', '!retf', '!int3', '!int Ib', '!into ;no64', '!iret']);
  map[0xd0] = shiftGroup('Eb,1');
  map[0xd1] = shiftGroup('Ev,1');
  map[0xd2] = shiftGroup('Eb,CL');
  map[0xd3] = shiftGroup('Ev,CL');
  fill(map, 0xd4, ['!aam Ib ;no64', '!aad Ib ;no64', 'salc ;no64', 'xlat AL,X']);
  for (let i = 0; i < 8; i++) map[0xd8 + i] = entry('!x87 Ex');
  fill(map, 0xe0, ['loopne Jb ;64', 'loope Jb ;64', 'loop Jb ;64', 'jcxz Jb ;64', '!in AL,Ib', '!in rAX,Ib', '!out AL,Ib', '!out rAX,Ib']);
  fill(map, 0xe8, ['call Jz ;64', 'jmp Jz ;64', '!jmpf_ap Ap ;no64', 'jmp Jb ;64', '!in_dx AL', '!in_dx rAX', '!out_dx AL', '!out_dx rAX']);
  fill(map, 0xf1, ['!int1']);
  fill(map, 0xf4, ['!hlt', 'cmc']);
  map[0xf6] = group(['test Eb,Ib', 'test Eb,Ib', 'not Eb ;lock', 'neg Eb ;lock', 'mul Eb', 'imul Eb', 'div Eb', 'idiv Eb']);
  map[0xf7] = group(['test Ev,Iz', 'test Ev,Iz', 'not Ev ;lock', 'neg Ev ;lock', 'mul Ev', 'imul Ev', 'div Ev', 'idiv Ev']);
  fill(map, 0xf8, ['clc', 'stc', '!cli', '!sti', 'cld', 'std']);
  map[0xfe] = group(['inc Eb ;lock', 'dec Eb ;lock']);
  map[0xff] = group(['inc Ev ;lock', 'dec Ev ;lock', 'callIndirect Ev ;64', '!callf_m M', 'jmpIndirect Ev ;64', '!jmpf_m M', 'push Ev ;64']);
  return map;
}

function twoByteMap(): OpcodeSlot[] {
  const map: OpcodeSlot[] = new Array<OpcodeSlot>(256).fill(undefined);
  map[0x00] = group(['!sldt Ev', '!str Ev', '!lldt Ew', '!ltr Ew', '!verr Ew', '!verw Ew']);
  map[0x01] = group(['!sgdt M', '!sidt M', '!lgdt M', '!lidt M', '!smsw Ev', undefined, '!lmsw Ew', '!invlpg M']);
  fill(map, 0x02, ['!lar Gv,Ew', '!lsl Gv,Ew', undefined, undefined, '!clts', undefined, '!invd', '!wbinvd']);
  fill(map, 0x0b, ['!ud']);
  map[0x0d] = group(new Array<string>(8).fill('nop M'));
  for (let i = 0x18; i < 0x20; i++) map[i] = group(new Array<string>(8).fill('nop Ev'));
  fill(map, 0x20, ['!mov_from_cr Rd,Cd', '!mov_from_dr Rd,Dd', '!mov_to_cr Cd,Rd', '!mov_to_dr Dd,Rd']);
  fill(map, 0x30, ['!wrmsr', '!rdtsc', '!rdmsr', '!rdpmc', '!sysenter', '!sysexit']);
  CONDITIONS.forEach((c, i) => {
    map[0x40 + i] = entry(`cmov${c} Gv,Ev`);
    map[0x80 + i] = entry(`j${c} Jz ;64`);
    map[0x90 + i] = group(new Array<string>(8).fill(`set${c} Eb`));
  });
  fill(map, 0xa0, ['!push_fs ;64', '!pop_fs ;64', '!cpuid', 'bt Ev,Gv', 'shld Ev,Gv,Ib', 'shld Ev,Gv,CL']);
  fill(map, 0xa8, ['!push_gs ;64', '!pop_gs ;64', undefined, 'bts Ev,Gv ;lock', 'shrd Ev,Gv,Ib', 'shrd Ev,Gv,CL', undefined, 'imul2 Gv,Ev']);
  map[0xae] = group(['!fxsave M', '!fxrstor M', undefined, undefined, undefined, 'nop R', 'nop R', '!fence Ev']);
  fill(map, 0xb0, ['cmpxchg Eb,Gb ;lock', 'cmpxchg Ev,Gv ;lock', '!lss Gv,M', 'btr Ev,Gv ;lock', '!lfs Gv,M', '!lgs Gv,M', 'movzx8 Gv,Eb', 'movzx16 Gv,Ew']);
  fill(map, 0xb9, ['!ud Ev']);
  map[0xba] = group([undefined, undefined, undefined, undefined, 'bt Ev,Ib', 'bts Ev,Ib ;lock', 'btr Ev,Ib ;lock', 'btc Ev,Ib ;lock']);
  fill(map, 0xbb, ['btc Ev,Gv ;lock', 'bsf Gv,Ev', 'bsr Gv,Ev', 'movsx8 Gv,Eb', 'movsx16 Gv,Ew']);
  fill(map, 0xc0, ['xadd Eb,Gb ;lock', 'xadd Ev,Gv ;lock', undefined, 'mov My,Gy']);
  map[0xc7] = group([undefined, 'cmpxchg8b M ;lock']);
  for (let i = 0; i < 8; i++) map[0xc8 + i] = entry('bswap Zv');
  fill(map, 0xff, ['!ud Ev']);
  return map;
}

/** One-byte opcodes. Prefixes and the escape 0F are the decoder's. */
export const ONE_BYTE = oneByteMap();
/** Opcodes behind 0F. */
export const TWO_BYTE = twoByteMap();

/** Opcodes behind 0F that a mandatory prefix changes, or makes undefined: key `prefix opcode`, prefix f3 or f2. */
export const PREFIXED: ReadonlyMap<number, OpcodeSlot> = new Map<number, OpcodeSlot>([
  [0xf30fb8, entry('popcnt Gv,Ev')],
  [0xf30fbc, entry('tzcnt Gv,Ev')],
  [0xf30fbd, entry('lzcnt Gv,Ev')],
  [0xf20fae, undefined],
  [0xf30fae, undefined],
  [0xf20fc3, undefined],
  [0xf30fc3, undefined],
]);

/** Opcodes behind 0F 38, by mandatory prefix (f2, f3; 0 for none or 66). */
export const THREE_BYTE_38: ReadonlyMap<number, OpcodeSlot> = new Map<number, OpcodeSlot>([
  [0x00f0, entry('movbe Gv,M')],
  [0x00f1, entry('movbe M,Gv')],
  [0xf2f0, entry('crc32b Gd,Eb')],
  [0xf2f1, entry('crc32v Gd,Ev')],
]);

/** Condition number of a mnemonic's suffix. */
export function conditionNumber(suffix: string): number {
  return CONDITIONS.indexOf(suffix);
}

export const CONDITION_SUFFIXES: readonly string[] = CONDITIONS;
