/**
 * A whole guest of one of the processor's modes: tables, handlers that go on at the next unit, a prologue that brings the
 * processor into the mode, a program of random units, and a trampoline for the other processors.
 */
import { le16, le32 } from '../../../fuzz/bytes';
import type { Random } from '../../../fuzz/random';
import { ENTRY, type Mode, type Piece } from '../guest';
import { Assembler, EAX, ESP, number32, type Bits } from './assembler';
import type { Corpus } from './corpus';
import { startOthers } from './deviceUnits';
import { AT, LANDINGS, SEL, TABLES, stackTop } from './layout';
import { hasErrorCode, pageTables, segmentTables, vectors } from './tables';
import { randomRegisters, randomUnit, type UnitContext } from './units';

type Bytes = readonly number[];

/** Modes in which a program of units starts. */
export type ProgramMode = Exclude<Mode, 'bios' | 'bytes' | 'mutated' | 'hostile'>;

interface Setting {
  readonly bits: Bits;
  /** Selectors at the start. */
  readonly cs: number;
  readonly ss: number;
  readonly cpl: 0 | 3;
  readonly cr0: number;
  readonly cr3: number;
  readonly cr4: number;
  readonly efer: number;
}

const PE = 1, PG = 0x80000000;
const PAE = 0x20, LA57 = 0x1000, PSE = 0x10;
const FLAT = { cr0: PE, cr3: 0, cr4: 0, efer: 0 } as const;
const LONG = { cr0: PE | PG, cr3: TABLES.pml4, cr4: PAE, efer: 0x100 } as const;
const SUPERVISOR32 = { bits: 32, cs: SEL.code32, ss: SEL.data32, cpl: 0 } as const;

const SETTINGS: Readonly<Record<Exclude<ProgramMode, 'real'>, Setting>> = {
  v86: { bits: 16, cs: 0, ss: AT.stacks >> 4, cpl: 3, ...FLAT },
  pm16: { bits: 16, cs: SEL.code16, ss: SEL.data32, cpl: 0, ...FLAT },
  pm32: { ...SUPERVISOR32, ...FLAT },
  user32: { bits: 32, cs: SEL.user32, ss: SEL.userData, cpl: 3, cr0: PE | PG, cr3: TABLES.directory32, cr4: PSE, efer: 0 },
  paged32: { ...SUPERVISOR32, cr0: PE | PG, cr3: TABLES.directory32, cr4: PSE, efer: 0 },
  pae: { ...SUPERVISOR32, cr0: PE | PG, cr3: TABLES.pdpt, cr4: PAE, efer: 0 },
  long: { bits: 64, cs: SEL.code64, ss: SEL.data32, cpl: 0, ...LONG },
  la57: { bits: 64, cs: SEL.code64, ss: SEL.data32, cpl: 0, ...LONG, cr3: TABLES.pml5, cr4: PAE | LA57 },
  compat: { bits: 32, cs: SEL.user32, ss: SEL.userData, cpl: 3, ...LONG },
  user64: { bits: 64, cs: SEL.user64, ss: SEL.userData, cpl: 3, ...LONG },
};

/** Offset in AT.handlers of the handler of a kind: exceptions without and with an error code, interrupts. */
const HANDLER_BYTES = 0x80;

/** The handler of a vector, by the size of the code that handles. */
function handlerOf(bits: Bits): (vector: number) => number {
  const first = AT.handlers + { 16: 0, 32: 3, 64: 6 }[bits] * HANDLER_BYTES;
  return (vector) => first + HANDLER_BYTES * (vector >= 0x20 && vector < 0x80 ? 2 : hasErrorCode(vector, bits) ? 1 : 0);
}

/** Goes on at the next unit: takes the error code away, counts, and puts the unit's address into the frame. */
function advance(bits: Bits, errorCode: boolean, narrow: boolean): Bytes {
  const mask = LANDINGS - 1;
  if (bits === 64) {
    return [...(errorCode ? [0x48, 0x83, 0xc4, 8] : []), 0x50, 0xff, 0x04, 0x25, ...le32(AT.counter), 0x8b, 0x04, 0x25, ...le32(AT.counter), 0x83, 0xe0, mask, 0x8b, 0x04, 0x85, ...le32(AT.landings), 0x48, 0x89, 0x44, 0x24, 8, 0x58, 0x48, 0xcf];
  }
  if (bits === 32) {
    return [...(errorCode ? [0x83, 0xc4, 4] : []), 0x50, 0x36, 0xff, 0x05, ...le32(AT.counter), 0x36, 0xa1, ...le32(AT.counter), 0x83, 0xe0, mask, 0x36, 0x8b, 0x04, 0x85, ...le32(AT.landings), 0x89, 0x44, 0x24, 4, 0x58, 0xcf];
  }
  const quadruple = narrow ? [0xd1, 0xe3, 0xd1, 0xe3] : [0xc1, 0xe3, 2];
  return [
    0x55, 0x53, 0x89, 0xe5, 0x2e, 0xff, 0x06, ...le16(AT.counter), 0x2e, 0x8b, 0x1e, ...le16(AT.counter), 0x83, 0xe3, mask, ...quadruple,
    0x2e, 0x8b, 0x9f, ...le16(AT.landings), 0x89, 0x5e, 4, 0x31, 0xdb, 0x89, 0x5e, 6, 0x5b, 0x5d, 0xcf,
  ];
}

/** Ends the interrupt at both controllers; sometimes with interrupts on again, so that they nest. */
function endInterrupt(bits: Bits, nests: boolean): Bytes {
  return [0x50, 0xb0, 0x20, 0xe6, 0x20, 0xe6, 0xa0, 0x58, ...(nests ? [0xfb] : []), ...(bits === 64 ? [0x48, 0xcf] : [0xcf])];
}

function handlers(random: Random, narrow: boolean): Piece[] {
  return ([16, 32, 64] as const).flatMap((bits, i) => [advance(bits, false, narrow), advance(bits, true, narrow), endInterrupt(bits, random.chance(20))].map((bytes, j): Piece => ({
    at: AT.handlers + (3 * i + j) * HANDLER_BYTES, bytes, note: `handler in ${bits}-bit code`, bits, fixed: true,
  })));
}

/** Makes units one behind the other; some begin in front of a page's end so that they reach over it. */
function units(context: Omit<UnitContext, 'at'>, first: number, end: number): Piece[] {
  const { random, asm } = context;
  const pieces: Piece[] = [];
  const most = random.between(4, 60);
  let at = first;
  const put = (bytes: Bytes, note: string): void => {
    pieces.push({ at, bytes, note, bits: asm.bits });
    at += bytes.length;
  };
  put(randomRegisters({ ...context, at }), 'registers');
  while (pieces.length < most && at < end - 160) {
    if (random.chance(3)) at += 0x1000 - (at & 0xfff) - random.between(1, 14);
    if (at < end - 160) put(randomUnit({ ...context, at }).slice(0, 150), 'unit');
  }
  const back = first - at - (asm.bits === 16 ? 3 : 5);
  put([0xe9, ...(asm.bits === 16 ? le16(back & 0xffff) : le32(back >>> 0))], 'back to the first');
  return pieces;
}

/** Where the handlers go on. */
function landings(random: Random, program: readonly Piece[]): Piece {
  const start = random.below(program.length);
  const bytes = Array.from({ length: LANDINGS }, (_, i) => le32(program[(start + i) % program.length]?.at ?? AT.code)).flat();
  return { at: AT.landings, bytes, note: 'addresses of the units', fixed: true };
}

function data(random: Random): Piece {
  return { at: AT.data, bytes: Array.from({ length: 0x800 }, () => number32(random)).flatMap(le32), note: 'data' };
}

/** In flat 32-bit code: tables loaded, control registers set, and an IRET to the first unit. */
function prologue(random: Random, setting: Setting, cpus: number, corpus: Corpus, mode: ProgramMode): Piece[] {
  const asm = new Assembler(32);
  const { cs, ss, cpl, cr0, cr3, cr4, efer } = setting;
  const extra4 = random.chance(70) ? 0x600 : random.chance(50) ? 0 : random.u32() & 0x0074079f;
  const extra0 = random.chance(70) ? 0 : random.u32() & 0x0005002e;
  const stack = stackTop(cpl);
  const flags = 2 | (mode === 'v86' ? 0x20000 : 0) | (random.chance(40) ? 0x200 : 0) | (random.chance(40) ? random.below(4) << 12 : 0) | (random.chance(5) ? 0x100 : 0) | (random.chance(5) ? 0x40000 : 0);
  const frame = [AT.code, cs, flags, ...(mode === 'v86' ? [stack & 0xffff, ss, 0, AT.data >> 4, 0, 0] : [stack, ss])];
  const interruptControllers = [[0x20, 0x11], [0x21, 0x20], [0x21, 4], [0x21, 1], [0xa0, 0x11], [0xa1, 0x28], [0xa1, 2], [0xa1, 1], [0x21, random.chance(60) ? 0 : 0xff], [0xa1, random.chance(60) ? 0 : 0xff]];
  const code: number[] = [
    0xfa, ...asm.move(ESP, stackTop(0)), ...interruptControllers.flatMap(([port = 0, value = 0]) => [0xb0, value, 0xe6, port]),
    ...asm.at([0x0f, 0x01], 2, AT.block), ...asm.at([0x0f, 0x01], 3, AT.block + 8),
    ...(cpus > 1 && random.chance(80) ? startOthers({ random, asm, corpus, cpus, at: AT.prologue }) : []),
  ];
  if (cr4 !== 0) code.push(...asm.moveToControl(4, cr4));
  if (cr3 !== 0) code.push(...asm.moveToControl(3, cr3));
  if (efer !== 0) code.push(...asm.wrmsr(0xc0000080, BigInt(efer | (random.chance(70) ? 0x801 : 0))));
  code.push(...asm.moveToControl(0, (cr0 | 0x10) >>> 0));
  const in64 = efer !== 0;
  code.push(0xea, ...le32(AT.prologue + code.length + 7), ...le16(in64 ? SEL.code64 : SEL.code32));
  // The same bytes in 32 and 64-bit code: task and LDT, data segments, then the frame word by word.
  code.push(0x66, 0xb8, ...le16(SEL.task), 0x0f, 0x00, 0xd8, 0x66, 0xb8, ...le16(SEL.ldt), 0x0f, 0x00, 0xd0);
  for (const modrm of [0xd8, 0xc0, 0xe0, 0xe8]) code.push(0x66, 0xb8, ...le16(cpl === 3 ? SEL.userData : SEL.data32), 0x8e, modrm);
  code.push(0x66, 0xb8, ...le16(SEL.data32), 0x8e, 0xd0);
  code.push(...[...frame].reverse().flatMap((word) => [0x68, ...le32(word)]));
  const late: number[] = [];
  if (extra4 !== 0) late.push(0x0f, 0x20, 0xe0, 0x0d, ...le32(extra4), 0x0f, 0x22, 0xe0);
  if (extra0 !== 0) late.push(0x0f, 0x20, 0xc0, 0x0d, ...le32(extra0), 0x0f, 0x22, 0xc0);
  const to = in64 ? [0x48, 0xcf] : [0xcf];
  return [
    { at: AT.prologue, bytes: code, note: 'prologue', bits: 32, fixed: true },
    { at: AT.prologue + code.length, bytes: late, note: 'control registers', bits: in64 ? 64 : 32 },
    { at: AT.prologue + code.length + late.length, bytes: to, note: 'to the first unit', bits: in64 ? 64 : 32, fixed: true },
  ];
}

/** Other processors start here in real mode; every second time they go on to the first one's code. */
function trampoline(context: Omit<UnitContext, 'at'>, narrow: boolean): Piece[] {
  const { random } = context;
  const asm = new Assembler(16, narrow);
  const first: number[] = [0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, ...asm.move(ESP, AT.stacks + 0x8000 & 0xffff)];
  if (random.chance(60)) {
    first.push(...asm.at([0x0f, 0x01], 2, AT.block), ...asm.at([0x0f, 0x01], 3, AT.block + 8), ...asm.moveToControl(0, 0x11), 0x66, 0xea, ...le32(AT.prologue), ...le16(SEL.code32));
  }
  const jump: Piece = { at: AT.trampoline, bytes: first, note: 'trampoline', bits: 16 };
  return [jump, ...units({ ...context, asm }, AT.trampoline + first.length, AT.trampolineEnd)];
}

function realPieces(context: Omit<UnitContext, 'at'>): Piece[] {
  const { random, asm } = context;
  const flags = random.below(0x10000) & (random.chance(80) ? 0xeff : 0xffff);
  const start = [
    0xfa, 0x31, 0xc0, 0x8e, 0xd0, ...(asm.narrow ? [0xbc, ...le16(0x7000)] : asm.move(ESP, 0x7000)), 0x8e, 0xd8, 0xb8, ...le16(AT.data >> 4), 0x8e, 0xc0,
    ...(asm.narrow ? [0xb8, ...le16(flags), 0x50] : [0x68, ...le16(flags)]), 0x9d, 0xe9,
  ];
  const first: Piece = { at: ENTRY, bytes: [...start, ...le16((AT.code - ENTRY - start.length - 2) & 0xffff)], note: 'prologue', bits: 16, fixed: true };
  return [first, vectors(random, handlerOf(16)), ...segmentTables(random, false, handlerOf(32)), ...pageTables(random)];
}

/** Everything in memory of a guest that starts in a mode. */
export function programPieces(random: Random, mode: ProgramMode, corpus: Corpus, cpus: number, narrow: boolean): Piece[] {
  const setting = mode === 'real' ? undefined : SETTINGS[mode];
  const context = { random, asm: new Assembler(setting?.bits ?? 16, narrow), corpus, cpus };
  const program = units(context, AT.code, AT.codeEnd);
  const long = setting !== undefined && setting.efer !== 0;
  const before = setting === undefined
    ? realPieces(context)
    : [...segmentTables(random, long, handlerOf(long ? 64 : 32)), vectors(random, handlerOf(16)), ...pageTables(random), ...prologue(random, setting, cpus, corpus, mode)];
  const others = cpus > 1 ? trampoline(context, narrow) : [];
  return [...before, ...handlers(random, narrow), data(random), landings(random, program), ...others, ...program];
}

/** Puts a random number into AX and calls a service of the BIOS, over and over with other registers. */
export function biosUnits(random: Random, corpus: Corpus, narrow: boolean, at: number, end: number): Piece[] {
  const asm = new Assembler(16, narrow);
  const context = { random, asm, corpus, cpus: 1 };
  const pieces: Piece[] = [];
  const put = (bytes: Bytes, note: string): void => {
    const last = pieces.at(-1);
    pieces.push({ at: last === undefined ? at : last.at + last.bytes.length, bytes, note, bits: 16 });
  };
  const next = (): number => { const last = pieces.at(-1); return last === undefined ? at : last.at + last.bytes.length; };
  while (next() < end - 60) {
    if (random.chance(15)) {
      put(randomUnit({ ...context, at: next() }).slice(0, 40), 'unit');
      continue;
    }
    const service = random.pick([0x10, 0x10, 0x13, 0x13, 0x13, 0x14, 0x15, 0x15, 0x16, 0x1a, 0x1a, 0x11, 0x12, 0x17, 0x18, 0x19, 0x1c, 0x05, 0x08, 0x09, 0x40, 0x4a]);
    const ax = random.chance(80) ? (random.pick([random.below(0x20), random.below(256), 0xe8, 0xb1, 0x88, 0x41, 0x42, 0x43, 0x48, 0x4f, 0x12, 0x13]) << 8) | random.below(256) : random.below(0x10000);
    const registers = random.chance(60) ? randomRegisters({ ...context, at: next() }).slice(0, 42) : [];
    const dx = random.chance(60) ? [0xba, ...le16((random.below(256) << 8) | random.pick([0, 0x80, 0x81, 1, 0xff]))] : [];
    put([...registers, ...dx, ...(narrow ? asm.move(EAX, ax) : [0xb8, ...le16(ax)]), 0xcd, service], `INT ${service.toString(16)}h`);
  }
  put([0xe9, ...le16((at - next() - 3) & 0xffff)], 'back to the first');
  return pieces;
}
