/**
 * The families of units that programs are made of: each makes one instruction or a few that belong together. A unit that
 * faults is left behind: the handlers go on at the next one.
 */
import { le16, le32, le64 } from '../../../fuzz/bytes';
import type { Random } from '../../../fuzz/random';
import { EAX, EBX, ECX, EDI, EDX, ESI, ESP, number32, number64, type Assembler } from './assembler';
import type { Corpus } from './corpus';
import { apicUnit, deviceUnit, interProcessorUnit, portUnit } from './deviceUnits';
import { AT, GDT_ENTRIES, SEL, TABLES } from './layout';
import { vectorUnit } from './vectorUnits';

export type Bytes = readonly number[];

/** What a unit is made for. */
export interface UnitContext {
  readonly random: Random;
  readonly asm: Assembler;
  readonly corpus: Corpus;
  readonly cpus: number;
  /** Guest-physical address of the unit. */
  readonly at: number;
}

export type Family = (context: UnitContext) => Bytes;

const PREFIXES = [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65] as const;
const someBytes = (random: Random, count: number): number[] => Array.from({ length: count }, () => random.below(256));
/** An address at which something is, for an operand. */
export function anyAddress({ random }: UnitContext): number {
  return random.weighted<() => number>([
    [6, () => AT.data + random.below(0x10000)],
    [2, () => AT.data + 0x1000 * random.between(1, 15) - random.between(1, 15)],
    [2, () => AT.code + random.below(0x2000)],
    [1, () => AT.gdt + random.below(0x2000)],
    [1, () => AT.tables + random.below(0x10000)],
    [1, () => random.pick([0xa0000, 0xb8000, 0xc0000, 0xf0000, 0xfffff, 0x100000, 0x1fffff, 0x200000, 0xfec00000, 0xfee00000, 0xfed00000, 0xfffffff0, 0x7fffffff, 0x80000000]) + random.between(-4, 4)],
    [1, () => number32(random)],
  ])() >>> 0;
}

/** Any instruction, with more prefixes and escapes than chance gives. */
const randomInstruction: Family = ({ random, asm }) => {
  const head: number[] = [];
  while (random.chance(25) && head.length < 5) head.push(random.pick(PREFIXES));
  if (asm.bits === 64 && random.chance(50)) head.push(0x40 | random.below(16));
  const escape = random.weighted<Bytes>([[5, []], [4, [0x0f]], [2, [0x0f, 0x38]], [2, [0x0f, 0x3a]]]);
  return [...head, ...escape, ...someBytes(random, random.between(2, 9))];
};

const vexInstruction: Family = ({ random, asm }) => {
  const map = random.between(1, 3);
  const inverted = asm.bits === 64 ? random.below(8) << 5 : 0xc0 | (random.below(2) << 5);
  const short = random.chance(25);
  const last = (random.below(2) << 7) | ((asm.bits === 64 || random.chance(20) ? random.below(16) : 8 | random.below(8)) << 3) | random.below(8);
  return [...(short ? [0xc5, last | (asm.bits === 64 ? 0 : 0xc0)] : [0xc4, inverted | map, last]), random.below(256), ...operandBytes(random, asm), random.below(256)];
};

/** A ModRM byte for a register, or for [address] in the data. */
function operandBytes(random: Random, asm: Assembler): Bytes {
  if (random.chance(50)) return [0xc0 | random.below(64)];
  return asm.at([], random.below(8), AT.data + random.below(0x8000));
}

/** A piece of real code, with bits flipped, instructions lost, and others put in. */
const realCode: Family = (context) => {
  const { random, asm, corpus } = context;
  const files = corpus.code[asm.bits];
  if (files.length === 0) return randomInstruction(context);
  const file = random.pick(files);
  const start = random.below(Math.max(1, file.length - 200));
  const code = [...file.subarray(start, start + random.between(8, 120))];
  for (let i = random.below(6); i > 0; i--) code[random.below(code.length)] ^= 1 << random.below(8);
  if (random.chance(30)) code.splice(random.below(code.length), random.below(6), ...randomInstruction(context));
  return code;
};

/** Bits that control registers have, so that every second value is one that a processor may take. */
const CR0_BITS = 0xe005003f, CR4_BITS = 0x00df7fff;

const controlRegister: Family = ({ random, asm }) => {
  switch (random.below(9)) {
    case 0:
      return asm.moveToControl(0, random.chance(60) ? 1 | (random.u32() & CR0_BITS) : number32(random));
    case 1:
      // One bit of what it is.
      return [0x0f, 0x20, 0xc0, ...asm.wide, 0x35, ...le32((1 << random.pick([0, 1, 2, 3, 5, 16, 18, 29, 30, 31])) >>> 0), 0x0f, 0x22, 0xc0];
    case 2:
      return [0x0f, 0x20, 0xe0, ...asm.wide, 0x35, ...le32((1 << random.below(25)) >>> 0), 0x0f, 0x22, 0xe0];
    case 3:
      return asm.moveToControl(4, random.chance(50) ? random.u32() & CR4_BITS : number32(random));
    case 4:
      return asm.moveToControl(3, random.chance(60) ? random.pick([TABLES.directory32, TABLES.pdpt, TABLES.pml4, TABLES.pml5]) | random.below(32) : anyTable(random));
    case 5:
      return asm.moveToControl(random.pick([2, 8, 1, 5]), number32(random));
    case 6:
      return [...asm.move(EAX, number32(random)), 0x0f, 0x01, 0xf0 | random.below(8)];
    case 7:
      return random.pick<Bytes>([[0x0f, 0x06], [0x0f, 0x08], [0x0f, 0x09], [0x0f, 0xaa], [0x0f, 0x01, 0xf8], [0x0f, 0x01, 0xca], [0x0f, 0x01, 0xcb]]);
    default:
      return [...asm.move(EAX, number32(random)), 0x0f, random.pick([0x23, 0x21]), 0xc0 | random.below(64)];
  }
};

const anyTable = (random: Random): number => (AT.tables + 0x1000 * random.below(16)) | random.below(0x20);

const MSRS = [
  0x10, 0x1b, 0x3a, 0x3b, 0x79, 0x8b, 0xc1, 0xfe, 0x174, 0x175, 0x176, 0x179, 0x17a, 0x1a0, 0x1d9, 0x1db, 0x200, 0x201, 0x20f, 0x250, 0x258, 0x26f, 0x277, 0x2ff, 0x400, 0x401,
  0x6e0, 0x802, 0x808, 0x80b, 0x80f, 0x830, 0x832, 0x838, 0x83e, 0x83f, 0xda0, 0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103,
] as const;

const modelSpecific: Family = ({ random, asm }) => {
  const msr = random.chance(90) ? random.pick(MSRS) : number32(random);
  if (random.chance(25)) return [...asm.move(ECX, msr), 0x0f, 0x32];
  if (msr === 0x1b && random.chance(80)) return asm.wrmsr(msr, BigInt(random.pick([0xfee00000, 0xfee00000, 0xfed00000, AT.data])) | BigInt(random.below(16) << 8));
  if (msr === 0xc0000080 && random.chance(80)) return asm.wrmsr(msr, BigInt(random.u32() & 0xd01));
  return asm.wrmsr(msr, number64(random));
};

const SELECTORS: readonly number[] = Object.values(SEL);

export const anySelector = (random: Random): number =>
  (random.chance(50) ? random.pick(SELECTORS) : (random.below(GDT_ENTRIES) << 3) | random.below(8)) & 0xffff;

const segmentLoad: Family = ({ random, asm }) => {
  const selector = random.chance(90) ? anySelector(random) : random.below(0x10000);
  switch (random.below(5)) {
    case 0:
      return [...asm.move(EAX, selector), 0x0f, 0x00, 0xc0 | (random.below(8) << 3)];
    case 1:
      return [...asm.move(EAX, selector), 0x0f, random.pick([0x02, 0x03]), 0xd8];
    case 2:
      // Pseudo-descriptors: mostly where tables are.
      return asm.at([0x0f, 0x01], random.pick([0, 1, 2, 3, 2, 3, 4, 6, 7]), random.chance(60) ? AT.block + 8 * random.below(4) : AT.data + random.below(0x8000));
    default:
      return [...asm.move(EAX, selector), 0x8e, 0xc0 | (random.below(6) << 3)];
  }
};

/** Far transfers of all kinds, to anywhere. */
const farTransfer: Family = (context) => {
  const { random, asm, at } = context;
  const selector = anySelector(random);
  const offset = random.chance(80) ? AT.code + random.below(0x1800) : number32(random);
  const offsetBytes = asm.bits === 16 ? le16(offset & 0xffff) : le32(offset);
  switch (random.below(8)) {
    case 0:
      return [random.pick([0xea, 0x9a]), ...offsetBytes, ...le16(selector)];
    case 1:
      return [...asm.push(selector), ...asm.push(offset), 0xcb];
    case 2:
      return [...asm.push(number32(random) & 0x3dffff), ...asm.push(selector), ...asm.push(offset), ...(asm.bits === 64 ? [0x48] : []), 0xcf];
    case 3:
      return [...asm.push(anySelector(random)), ...asm.push(AT.stacks + random.below(0x4000)), ...asm.push((number32(random) & 0x3dffff) | (random.below(8) === 0 ? 0x20000 : 0)), ...asm.push(selector), ...asm.push(offset), ...(asm.bits === 64 ? [0x48] : []), 0xcf];
    case 4:
      return [0xcd, random.below(256)];
    case 5:
      return random.pick<Bytes>([[0xcc], [0xce], [0xf1], [0x0f, 0x0b], [0x0f, 0x34], [0x0f, 0x35], [0x0f, 0x05], [0x0f, 0x07], [0x48, 0x0f, 0x07], [0x0f, 0x01, 0xf8], [0xcf], [0xcb], [0xc3]]);
    case 6:
      return asm.at([0xff], random.pick([3, 5]), anyAddress(context));
    default:
      // Not far, but to the ends of pages and limits.
      return [0xe9, ...(asm.bits === 16 ? le16((0x10000 + AT.code + 0xff0 + random.below(16) - at) & 0xffff) : le32((AT.code + 0xff0 + random.below(16) - at - 5) >>> 0))];
  }
};

/** Writes to the tables that the processor is using. */
const tableWrite: Family = ({ random, asm }) => {
  const at = random.weighted<number>([
    [4, TABLES.directory32 + 4 * random.below(8192)], [1, AT.gdt + 4 * random.below(2 * GDT_ENTRIES)], [1, AT.idt + 4 * random.below(128)], [1, AT.tasks + random.below(0x300)],
  ]);
  return [...asm.store(at, tableWord(random)), ...(random.chance(40) ? asm.at([0x0f, 0x01], 7, (number32(random) & ~0xfff) >>> 0) : [])];
};

const tableWord = (random: Random): number => (random.chance(70) ? ((random.pick([AT.tables + 0x1000 * random.below(16), 0xfee00000, 0xb8000, 0xf0000, AT.code, 0]) | random.below(0x200)) >>> 0) : number32(random));

/** Code that changes itself: what is near, or what follows at once. */
const selfModifying: Family = ({ random, asm, at }) => {
  const target = random.chance(50) ? at + random.between(8, 24) : AT.code + random.below(0x1800);
  return [...asm.store(target, random.chance(50) ? 0x90909090 : random.u32()), ...(random.chance(30) ? [0xeb, 0x00] : [])];
};

/** REP with counts that no machine comes to the end of soon, up, down, over borders, on devices and on the code itself. */
const repeated: Family = (context) => {
  const { random, asm } = context;
  const opcode = random.pick([0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf, 0x6c, 0x6d, 0x6e, 0x6f]);
  const count = random.weighted<() => number>([[2, () => number32(random)], [2, () => random.below(300)], [1, () => 0xffffffff]])();
  return [
    ...asm.move(ESI, anyAddress(context)), ...asm.move(EDI, random.chance(80) ? AT.data + random.below(0x10000) : anyAddress(context)), ...asm.move(ECX, count),
    ...(opcode < 0x70 ? asm.move(EDX, random.pick([0x1f0, 0x3f8, 0x80, 0x60, 0x511, 0x3c9, 0xe9, 0x20])) : []),
    random.pick([0xfc, 0xfc, 0xfd]), ...(random.chance(20) ? [random.pick([0x66, 0x67])] : []), random.pick([0xf3, 0xf2]), opcode, 0xfc,
  ];
};

const stackAndFlags: Family = ({ random, asm }) => {
  switch (random.below(7)) {
    case 0:
      return [...asm.push(number32(random) & 0x3fffff), 0x9d];
    case 1:
      return [0xfb, random.pick([0xf4, 0x90, 0x9c])];
    case 2:
      return random.pick<Bytes>([[0xfa], [0xfb], [0x9c], [0x9d], [0xf4], [0xf3, 0x90], [0x0f, 0x01, 0xc8], [0x0f, 0x01, 0xc9], [0x60], [0x61], [0xc9]]);
    case 3:
      return [0xc8, ...le16(random.below(0x10000)), random.below(256)];
    case 4:
      return asm.move(ESP, random.chance(60) ? AT.stacks + random.below(0x4000) : number32(random));
    case 5:
      return [0xfb, ...asm.move(ECX, 200 + random.below(3000)), 0xe2, 0xfe];
    default:
      return [0x58 + random.below(8), 0x50 + random.below(8)];
  }
};

const identification: Family = ({ random, asm }) => [
  ...asm.move(EAX, random.chance(70) ? random.pick([0, 1, 2, 4, 7, 0xb, 0xd, 0x15, 0x16, 0x80000000, 0x80000001, 0x80000008]) : number32(random)), ...asm.move(ECX, random.below(8)),
  ...random.pick<Bytes>([[0x0f, 0xa2], [0x0f, 0x31], [0x0f, 0x01, 0xf9], [0x0f, 0x33], [0x0f, 0xc7, 0xf0], [0x0f, 0xc7, 0xf8], [0x0f, 0x01, 0xd0], [0x0f, 0x01, 0xd1], [0x0f, 0x01, 0xee], [0x0f, 0x01, 0xef]]),
];

/** An instruction of any kind on an address of interest. */
const memoryOperand: Family = (context) => {
  const { random, asm } = context;
  const opcode = random.pick<Bytes>([
    [0x00 | (random.below(8) << 3) | random.below(4)], [0x80 | random.below(4)], [0xf6 | random.below(2)], [0xfe | random.below(2)], [0xc0 | random.below(2)], [0xd0 | random.below(4)], [0x86 | random.below(6)],
    [0xd8 | random.below(8)], [0x62], [0xc4], [0xc5], [0x63], [0x8f], [0x0f, 0xc7], [0x0f, 0xb0 | random.below(16)], [0x0f, 0xa3 | (random.below(4) << 3)], [0x0f, 0xae], [0x0f, 0xc0 | random.below(2)], [0x0f, 0x00], [0x0f, 0x01],
  ]);
  return [...(random.chance(15) ? [0xf0] : []), ...asm.at(opcode, random.below(8), anyAddress(context)), ...le64(number64(random)).slice(0, 4)];
};

const branchBack: Family = ({ random }) => random.pick<Bytes>([[0xeb, 256 - random.between(3, 60)], [0x70 | random.below(16), random.below(256)], [0xe0 | random.below(4), random.below(256)], [0xff, 0xe0 | random.below(8)], [0xff, 0xd0 | random.below(8)]]);

const FAMILIES: readonly (readonly [weight: number, family: Family])[] = [
  [14, randomInstruction], [6, vexInstruction], [8, realCode], [8, controlRegister], [5, modelSpecific], [8, segmentLoad], [8, farTransfer], [6, tableWrite],
  [5, selfModifying], [5, repeated], [6, stackAndFlags], [2, identification], [10, memoryOperand], [3, branchBack], [5, portUnit], [5, deviceUnit], [3, apicUnit], [8, vectorUnit],
];
/** Instructions of an 8086 and a little more: most of the others are #UD there, which it has not. */
const NARROW_FAMILIES: readonly (readonly [weight: number, family: Family])[] = [
  [12, ({ random }) => someBytes(random, random.between(1, 6))], [8, realCode], [6, farTransfer], [4, selfModifying], [4, repeated], [6, stackAndFlags], [8, memoryOperand], [3, branchBack], [6, portUnit], [4, deviceUnit],
];

/** One unit of any family. */
export function randomUnit(context: UnitContext): Bytes {
  const { random, asm, cpus } = context;
  if (cpus > 1 && random.chance(6)) return interProcessorUnit(context);
  return random.weighted(asm.narrow ? NARROW_FAMILIES : FAMILIES)(context);
}

/** Random contents for the general registers. */
export function randomRegisters({ random, asm }: UnitContext): Bytes {
  return [EAX, ECX, EDX, EBX, 5, ESI, EDI].flatMap((register) => asm.moveWide(register, random.chance(50) ? BigInt(AT.data + random.below(0x10000)) : number64(random)));
}
