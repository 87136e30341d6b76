/**
 * Makes a program from a seed: the state it starts in, what lies around it, and its units.
 */
import type { Case, Mode, Patch, Start, Unit } from '../case';
import { AT, LONG_SEL, SEL, stackTop } from '../layout';
import { CR0, CR4, EFER, FLAG } from '../machineState';
import { HIGH_ALIAS, rootOf, type Format } from '../pageTables';
import { Random } from '../random';
import { Gen } from './context';
import { descriptorTables, pageTableEntries } from './environment';
import { DECIMAL, INTEGER } from './integer';
import { LONG } from './long';
import { longTables, upperEntries } from './longEnvironment';
import { DESCRIPTOR, PAGING, SYSTEM } from './system';

/** Real-mode segments: data and stack. */
const REAL_DATA = AT.data >> 4;
const REAL_STACK_POINTER = 0xef00;

interface Frame {
  readonly start: Start;
  readonly bits: 16 | 32 | 64;
  readonly dataBase: number;
}

function general(r: Random, esp: number, data: number): readonly number[] {
  const pointer = (): number => data + r.below(0x4000);
  return [r.u32(), r.u32(), r.u32(), pointer(), esp, pointer(), pointer(), pointer()];
}

/** Where the program begins: near a page's end now and then. */
const codeStart = (r: Random): number => (r.chance(25) ? AT.code + 0x1000 - r.between(1, 40) : AT.code + r.below(0x80));

function realStart(r: Random): Frame {
  const linear = codeStart(r);
  const cs = r.pick([0, 0, AT.code >> 4, 0x7ff]);
  const flags = 2 | (r.chance(50) ? FLAG.IF : 0) | (r.u32() & 0x8d5);
  const start: Start = {
    cs, ip: linear - cs * 16, linear,
    segments: { es: r.pick([REAL_DATA, REAL_DATA + 1, 0]), ss: REAL_DATA, ds: REAL_DATA, fs: r.pick([0, REAL_DATA, AT.code >> 4]), gs: REAL_DATA + 0x100 },
    general: general(r, REAL_STACK_POINTER, 0), flags, cr0: CR0.ET | (r.chance(10) ? CR0.EM : 0) | (r.chance(10) ? CR0.TS : 0), cr3: 0, cr4: r.chance(15) ? CR4.DE : 0, efer: 0,
  };
  return { start, bits: 16, dataBase: AT.data };
}

interface Paging {
  readonly cr0: number;
  readonly cr3: number;
  readonly cr4: number;
  readonly efer: number;
}

/** CR4 in long mode: with the bits that bring instructions. */
const LONG_CR4 = { OSFXSR: 0x200, UMIP: 0x800, FSGSBASE: 0x10000 } as const;

function longPaging(r: Random): Paging {
  const cr4 = CR4.PAE | (r.chance(40) ? CR4.PGE : 0) | (r.chance(75) ? LONG_CR4.FSGSBASE : 0) | (r.chance(20) ? LONG_CR4.UMIP : 0) | (r.chance(50) ? LONG_CR4.OSFXSR : 0);
  return { cr0: CR0.PG | (r.chance(50) ? CR0.WP : 0), cr3: rootOf('4-level'), cr4, efer: EFER.LME | (r.chance(80) ? EFER.SCE : 0) | (r.chance(60) ? EFER.NXE : 0) };
}

function paging(r: Random, kind: 'none' | Exclude<Format, '4-level'>): Paging {
  if (kind === 'none') return { cr0: 0, cr3: 0, cr4: r.chance(10) ? CR4.TSD : 0, efer: 0 };
  const pae = kind === 'PAE';
  const cr4 = (r.chance(60) ? CR4.PSE : 0) | (r.chance(30) ? CR4.PGE : 0) | (pae ? CR4.PAE : 0);
  return { cr0: CR0.PG | (r.chance(50) ? CR0.WP : 0), cr3: rootOf(kind), cr4, efer: pae && r.chance(60) ? EFER.NXE : 0 };
}

function startFlags(r: Random): number {
  return 2 | (r.u32() & 0x8d5) | (r.chance(50) ? FLAG.IF : 0) | (r.below(4) << 12) | (r.chance(4) ? FLAG.NT : 0) | (r.chance(4) ? FLAG.AC : 0);
}

function protectedStart(r: Random, mode: 'pm16' | 'pm32' | 'paged32' | 'pae'): Frame {
  const bits = mode === 'pm16' ? 16 : 32;
  const linear = codeStart(r);
  const cpl = r.weighted<number>(bits === 16 ? [[5, 0], [4, 3]] : [[5, 0], [5, 3], [1, 1], [1, 2]]);
  const code = bits === 16 ? [SEL.code0bits16, 0, 0, SEL.code3bits16] : [SEL.code0, SEL.code1, SEL.code2, SEL.code3];
  const data = bits === 16 ? [SEL.data0bits16, 0, 0, SEL.data3bits16] : [SEL.data0, SEL.data1, SEL.data2, SEL.data3];
  const ds = data[cpl] ?? 0;
  const { cr0, cr3, cr4, efer } = paging(r, mode === 'paged32' ? '32-bit' : mode === 'pae' ? 'PAE' : 'none');
  const esp = bits === 16 ? REAL_STACK_POINTER : stackTop(cpl);
  const start: Start = {
    cs: code[cpl] ?? 0, ip: linear, linear,
    segments: { es: ds, ss: ds, ds, fs: r.pick([0, ds, SEL.data3]), gs: r.pick([0, ds, SEL.data3bits16]) },
    general: general(r, esp, bits === 16 ? 0 : AT.data), flags: startFlags(r),
    cr0: (CR0.PE | CR0.ET | cr0 | (r.chance(50) ? CR0.NE : 0) | (r.chance(5) ? CR0.AM : 0) | (r.chance(5) ? CR0.TS : 0)) >>> 0, cr3, cr4, efer,
  };
  return { start, bits, dataBase: bits === 16 ? AT.data : 0 };
}

function virtualStart(r: Random): Frame {
  const linear = codeStart(r);
  const cs = r.pick([0, 0, AT.code >> 4]);
  const { cr0, cr3, cr4, efer } = paging(r, r.pick(['none', '32-bit']));
  const start: Start = {
    cs, ip: linear - cs * 16, linear,
    segments: { es: r.pick([REAL_DATA, 0]), ss: REAL_DATA, ds: REAL_DATA, fs: REAL_DATA + 1, gs: AT.code >> 4 },
    general: general(r, REAL_STACK_POINTER, 0), flags: (startFlags(r) & ~FLAG.NT) | FLAG.VM,
    cr0: (CR0.PE | CR0.ET | cr0) >>> 0, cr3, cr4, efer,
  };
  return { start, bits: 16, dataBase: AT.data };
}

/** Registers of 64-bit code: pointers in some, numbers near borders in the others. */
function longGeneral(r: Random, rsp: number): readonly number[] {
  const low = general(r, rsp, AT.data);
  const number = (): number => r.pick([r.u32(), -r.u32(), r.u32() * 2 ** 20, -1, 2 ** 31, 2 ** 32 - 1, -(2 ** 31)]);
  const pointer = (): number => AT.data + r.below(0x4000) + (r.chance(40) ? HIGH_ALIAS : 0);
  return [number(), number(), number(), ...low.slice(3), number(), number(), number(), number(), number(), pointer(), pointer(), pointer()];
}

function longStart(r: Random, mode: 'long' | 'compat'): Frame {
  const long = mode === 'long';
  const physical = codeStart(r);
  const linear = long && r.chance(25) ? physical + HIGH_ALIAS : physical;
  const bits = long ? 64 : r.chance(80) ? 32 : 16;
  const cpl = r.weighted<number>(long ? [[6, 0], [5, 3], [1, 1], [1, 2]] : [[5, 0], [6, 3]]);
  const code = bits === 64 ? [SEL.code0, SEL.code1, SEL.code2, LONG_SEL.code3] : bits === 32 ? [LONG_SEL.code0bits32, 0, 0, SEL.code3] : [SEL.code0bits16, 0, 0, SEL.code3bits16];
  const data = bits === 16 ? [SEL.data0bits16, 0, 0, SEL.data3bits16] : [SEL.data0, SEL.data1, SEL.data2, SEL.data3];
  const ds = data[cpl] ?? 0;
  const { cr0, cr3, cr4, efer } = longPaging(r);
  const rsp = bits === 16 ? REAL_STACK_POINTER : stackTop(cpl);
  const start: Start = {
    cs: code[cpl] ?? 0, ip: linear, linear,
    segments: { es: ds, ss: ds, ds, fs: r.pick([0, ds, SEL.data3]), gs: r.pick([0, ds, SEL.data3bits16]) },
    general: long ? longGeneral(r, rsp) : general(r, rsp, bits === 16 ? 0 : AT.data), flags: startFlags(r) & ~FLAG.NT,
    cr0: (CR0.PE | CR0.ET | cr0 | (r.chance(50) ? CR0.NE : 0) | (r.chance(5) ? CR0.AM : 0) | (r.chance(5) ? CR0.TS : 0)) >>> 0, cr3, cr4, efer,
  };
  return { start, bits, dataBase: bits === 16 ? AT.data : 0 };
}

function startOf(r: Random, mode: Mode): Frame {
  switch (mode) {
    case 'real16':
      return realStart(r);
    case 'pm16':
    case 'pm32':
    case 'paged32':
    case 'pae':
      return protectedStart(r, mode);
    case 'v86':
      return virtualStart(r);
    case 'long':
    case 'compat':
      return longStart(r, mode);
  }
}

function environmentOf(r: Random, mode: Mode, start: Start): readonly Patch[] {
  if (mode === 'real16') return [];
  if (start.efer & EFER.LME) return [...longTables(r), ...pageTableEntries(r, true), ...upperEntries(r)];
  const tables = descriptorTables(r, start.cr3);
  return start.cr0 & CR0.PG ? [...tables, ...pageTableEntries(r, (start.cr4 & CR4.PAE) !== 0)] : tables;
}

/** Random bytes of data, so that operands are not all zero. */
function dataPatches(r: Random): readonly Patch[] {
  return Array.from({ length: 8 }, (_, page) => ({
    address: AT.data + 0x1000 * page, bytes: Array.from({ length: 32 }, () => r.below(256)), note: `data page ${page}`,
  })).concat(Array.from({ length: 8 }, (_, page) => ({
    address: AT.data + 0x1000 * (page + 1) - 16, bytes: Array.from({ length: 16 }, () => r.below(256)), note: `end of data page ${page}`,
  })));
}

/**
 * The program of a mode and seed.
 * @param length units
 */
export function generate(mode: Mode, seed: number, length: number): Case {
  const r = new Random(seed);
  const { start, bits, dataBase } = startOf(r, mode);
  const patches = [...environmentOf(r, mode, start), ...dataPatches(r)];
  const g = new Gen(r, mode, start, bits, dataBase);
  const families = [
    ...INTEGER, ...(bits === 64 ? LONG : [...DECIMAL, ...SYSTEM]), ...(g.descriptors && bits !== 64 ? DESCRIPTOR : []), ...(g.paged ? PAGING : []),
  ].map(([weight, family, make]) => [weight, { family, make }] as const);
  const units: Unit[] = [];
  const alias = start.linear < 0 ? HIGH_ALIAS : 0;
  for (let i = 0; i < length; i++) {
    const { family, make } = r.weighted(families);
    g.patches = [];
    const code = make(g);
    units.push({ family, at: g.at - alias, code, patches: g.patches });
    g.at += code.length;
  }
  return { mode, seed, start, patches, units, end: g.at - alias };
}
