/**
 * Guests that do one thing for ever that costs a monitor more than it costs the guest: work that grows with what has been
 * done before, and instructions that are a thousand times slower than others.
 */
import { PRESENT, descriptor, le16, le32 } from '../../../fuzz/bytes';
import type { Random } from '../../../fuzz/random';
import { ENTRY, type Piece } from '../guest';
import { Assembler, EAX, EBX, ECX, EDI, EDX, ESI, ESP } from './assembler';
import { AT, SEL, TABLES, stackTop } from './layout';
import { segmentTables } from './tables';

type Bytes = readonly number[];
const asm = new Assembler(32);
const PRESENT_RW = 3, LARGE = 0x80, PSE = 0x10;
/** First page of page tables that a guest fills itself, and of directories. */
const FILLED = 0x110000;
/** A code segment whose limit `contexts` changes. */
const LIMITED_ENTRY = 90;

/** A loop around a body, for ever. */
function forever(body: Bytes): Bytes {
  return [...body, 0xe9, ...le32(-(body.length + 5) >>> 0)];
}

/** A body a number of times: counted in EBP. */
function times(count: number, body: Bytes): Bytes {
  return [0xbd, ...le32(count), ...body, 0x4d, 0x0f, 0x85, ...le32(-(body.length + 7) >>> 0)];
}

/** REP STOSD: a run of equal words, or with `step` a loop for rising ones. */
function fill(at: number, count: number, first: number, step = 0): Bytes {
  const head = [...asm.move(EDI, at), ...asm.move(ECX, count), ...asm.move(EAX, first), 0xfc];
  return step === 0 ? [...head, 0xf3, 0xab] : [...head, 0xab, 0x05, ...le32(step >>> 0), 0xe2, 0xf8];
}

const setPaging = (cr3: number, cr4 = PSE): Bytes => [...asm.moveToControl(4, cr4), ...asm.moveToControl(3, cr3), ...asm.moveToControl(0, 0x80000011)];

/** All pages of many page tables lead to one page of data; all are touched, then something concerns that page. */
function aliases(random: Random): Bytes {
  const tables = random.pick([4, 64, 120]);
  const target = random.pick([AT.data, AT.code, 0xb8000]);
  const disturb = random.pick<Bytes>([
    [0x0f, 0x20, 0xe0, 0x83, 0xf0, 0x10, 0x0f, 0x22, 0xe0, 0x83, 0xf0, 0x10, 0x0f, 0x22, 0xe0],
    [0xc6, 0x05, ...le32(target), 0xc3, 0xb8, ...le32(target), 0xff, 0xd0],
    [...asm.store(TABLES.directory32 + 4 * 16, 0), ...asm.store(TABLES.directory32 + 4 * 16, (FILLED + 0x1000) | PRESENT_RW), ...asm.move(EBX, 16 << 22), 0x8a, 0x03],
    [...asm.store(FILLED + 0x1000, AT.data | PRESENT_RW), ...asm.move(EBX, 16 << 22), 0x8a, 0x03],
  ]);
  return [
    ...fill(FILLED, 0x400, PRESENT_RW, 0x1000), ...fill(FILLED + 0x1000, 0x400 * tables, target | PRESENT_RW),
    ...fill(TABLES.directory32 + 64, tables, (FILLED + 0x1000) | PRESENT_RW, 0x1000), ...asm.store(TABLES.directory32, FILLED | PRESENT_RW),
    ...setPaging(TABLES.directory32),
    ...asm.move(EBX, 16 << 22), ...asm.move(ECX, tables * 1024), random.pick([0x8a, 0x88]), 0x03, 0x81, 0xc3, ...le32(0x1000), 0xe2, 0xf6,
    ...forever(disturb),
  ];
}

/** Many address spaces that share their page tables, entered in turn; entries of the shared ones are written. */
function spaces(random: Random): Bytes {
  const count = random.pick([8, 63, 64, 65, 120]);
  const shared = TABLES.table32;
  const write = random.pick<Bytes>([[], asm.store(shared + 4 * 0x30, 0x30003), asm.store(FILLED, shared | PRESENT_RW), [0x0f, 0x01, 0x3b]]);
  return [
    ...fill(shared, 0x400, PRESENT_RW, 0x1000), ...fill(FILLED, count * 0x400, shared | PRESENT_RW), ...setPaging(FILLED),
    ...times(count - 1, [0x0f, 0x20, 0xd8, 0x05, ...le32(0x1000), 0x0f, 0x22, 0xd8, 0xa1, ...le32(AT.data)]),
    ...asm.moveToControl(3, FILLED),
    ...forever([...write, 0xa1, ...le32(0x30000), ...(random.chance(50) ? times(count - 1, [0x0f, 0x20, 0xd8, 0x05, ...le32(0x1000), 0x0f, 0x22, 0xd8, 0xa1, ...le32(AT.data)]) : []), ...asm.moveToControl(3, FILLED)]),
  ];
}

/** A directory that is its own page table, in all entries: each write to it changes everything. */
function selfReference(random: Random): Bytes {
  const format = random.pick(['32', 'pae']);
  if (format === 'pae') {
    const directory = TABLES.directory64;
    return [
      ...fill(directory, 0x400, 0), ...fill(directory, 1, LARGE | PRESENT_RW), ...times(1, [...asm.move(EDI, directory + 8), ...asm.move(ECX, 511), 0xb8, ...le32(directory | PRESENT_RW), 0xab, 0x83, 0xc7, 4, 0xe2, 0xf5]),
      ...fill(TABLES.pdpt, 8, 0), ...[0, 8, 16, 24].flatMap((at) => asm.store(TABLES.pdpt + at, directory | 1)),
      ...setPaging(TABLES.pdpt, 0x20), ...asm.move(EBX, 0x200000), ...asm.move(ECX, 0x1ff0), 0x8a, 0x03, 0x81, 0xc3, ...le32(0x8000), 0xe2, 0xf6,
      ...forever([...asm.store(directory + 8 * random.between(1, 511), directory | PRESENT_RW | (random.below(2) << 2)), 0x8a, 0x05, ...le32(0x200000 * random.between(1, 1000))]),
    ];
  }
  const directory = TABLES.directory32;
  return [
    ...fill(directory, 0x400, directory | PRESENT_RW), ...asm.store(directory, LARGE | PRESENT_RW), ...setPaging(directory),
    ...asm.move(EBX, 0x400000), ...asm.move(ECX, 0xffff), 0x8a, 0x03, 0x81, 0xc3, ...le32(0x10000), 0xe2, 0xf6,
    ...forever([...asm.store(directory + 4 * random.between(1, 1023), directory | PRESENT_RW), 0x8a, 0x05, ...le32(0x400000 * random.between(1, 1000))]),
  ];
}

/** A table that is written and read through again, entry by entry or always the same. */
function remap(random: Random): Bytes {
  const same = random.chance(50);
  return [
    ...fill(FILLED, 0x400, PRESENT_RW, 0x1000), ...fill(FILLED + 0x1000, 0x400, PRESENT_RW, 0x1000), ...fill(TABLES.directory32, 0x400, (FILLED + 0x1000) | PRESENT_RW), ...asm.store(TABLES.directory32, FILLED | PRESENT_RW), ...setPaging(TABLES.directory32),
    ...asm.move(EBX, 0x400000), ...asm.move(EDI, random.pick([FILLED + 0x1000, TABLES.directory32 + 4])), ...asm.move(EAX, (FILLED + 0x1000) | PRESENT_RW),
    ...forever([0x89, 0x07, 0x8a, 0x0b, ...(same ? [] : [0x81, 0xc3, ...le32(0x1000), 0x81, 0xe3, ...le32(0x7fffff)])]),
  ];
}

/** One page of code read under many limits of CS, then written to beside the code. */
function contexts(random: Random): Bytes {
  const body = AT.code + 0x800;
  return [
    ...asm.store(body, 0xcb), ...asm.move(ESI, AT.code + 0xfff),
    ...times(random.pick([64, 500, 1700]), [0x66, 0x89, 0x35, ...le32(AT.gdt + 8 * LIMITED_ENTRY), 0x9a, ...le32(body), ...le16(8 * LIMITED_ENTRY), 0x4e]),
    ...forever(random.pick<Bytes>([[0x88, 0x05, ...le32(body + 0x100)], [0x88, 0x25, ...le32(body + 1)], [0xff, 0x05, ...le32(body + 0x7fe)]])),
  ];
}

/** Debug registers changed over and over: each change concerns all that is known of pages. */
function debugRegisters(random: Random): Bytes {
  return [
    ...fill(FILLED, 0x400, PRESENT_RW, 0x1000), ...fill(TABLES.directory32, 0x400, FILLED | PRESENT_RW), ...setPaging(TABLES.directory32),
    ...forever([...asm.move(EAX, AT.data + 0x1000 * random.below(16)), 0x0f, 0x23, 0xc0, ...asm.move(EAX, 0x000f0003), 0x0f, 0x23, 0xf8, 0xa1, ...le32(AT.data + 0x2000), 0x31, 0xc0, 0x0f, 0x23, 0xf8, 0xa1, ...le32(AT.data + 0x2000)]),
  ];
}

/** Instructions that take long to compute. */
function slowArithmetic(random: Random): Bytes {
  const area = AT.data + 0x100;
  const plant = [...asm.store(area, random.u32()), ...asm.store(area + 4, (random.u32() | 0x80000000) >>> 0), ...asm.store(area + 8, random.pick([0x3fff, 0x3ffe, 0x7ffe, 1, 0x5000, 0x4010]))];
  const load = [0xdb, 0x2d, ...le32(area)];
  const operation = random.pick<Bytes>([[0xd9, 0xf2], [0xd9, 0xfe], [0xd9, 0xff], [0xd9, 0xfb], [0xd9, 0xf0], [0xd9, 0xe8, 0xd9, 0xf1], [0xd9, 0xe8, 0xd9, 0xf3], [0xd9, 0xe8, 0xd9, 0xf9], [0xd9, 0xe8, 0xd9, 0xf8], [0xd9, 0xe8, 0xd9, 0xf5], [0xd9, 0xfa], [0xdf, 0x35, ...le32(area + 16)]]);
  return [...plant, 0xdb, 0xe3, ...forever([...Array.from({ length: 20 }, () => [0xdb, 0xe3, ...load, ...operation]).flat()])];
}

/** Services that are cheap for the guest. */
function slowServices(random: Random): Bytes {
  const operation = random.pick<Bytes>([
    [0x0f, 0xa2], [0x0f, 0x31], [0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8], [0x0f, 0x01, 0x3b], [0x0f, 0x09], [0x0f, 0xae, 0x03, 0x0f, 0xae, 0x0b], [0x60, 0x61], [0xc8, 0x40, 0x00, 0x1f, 0xc9], [0x8e, 0xd8], [0x0f, 0x01, 0x14, 0x24],
    [0xe4, 0x40], [0xe6, 0x80], [0xe4, 0x61], [0x8a, 0x0d, ...le32(0xfee00390)], [0x88, 0x0d, ...le32(0xb8000)], [0xfb, 0xfa], [0xfb, 0xf3, 0x90], [0xcd, 0x80], [0x0f, 0x0b], [0x0f, 0xc7, 0xf0], [0xee], [0xec], [0xed], [0xef],
    [0x0f, 0x20, 0xe0, 0x83, 0xf0, 0x80, 0x0f, 0x22, 0xe0], [0xf3, 0x6d], [0x66, 0x0f, 0x3a, 0x60, 0xc1, 0x0c], [0x0f, 0x51, 0xc1, 0x0f, 0x5e, 0xc1], [0x9d, 0x9c], [0x9c, 0x81, 0x0c, 0x24, 0x00, 0x01, 0x00, 0x00, 0x9d],
  ]);
  return [
    ...asm.moveToControl(4, 0x600), ...asm.move(EBX, AT.data + 0x100), ...asm.move(EDI, AT.data), ...asm.move(EDX, random.pick([0x1f0, 0x3f5, 0x43, 0x71, 0xcfc, 0x511, 0x3c9, 0x60, 0x92, 0x604])), ...asm.move(ECX, 4), ...asm.move(EAX, SEL.data32),
    ...forever(Array.from({ length: random.between(1, 30) }, () => operation).flat()),
  ];
}

/** Interrupts as fast as timers give them, with the processor halted or not. */
function storm(random: Random): Bytes {
  const divide = random.pick([0xb, 0, 8]);
  const apicTimer = [...asm.store(0xfee000f0, 0x1ff), ...asm.store(0xfee003e0, divide), ...asm.store(0xfee00320, 0x20040), ...asm.store(0xfee00380, random.pick([1, 2, 10, 100]))];
  const pit = [0xb0, 0x34, 0xe6, 0x43, 0xb0, random.between(1, 3), 0xe6, 0x40, 0xb0, 0, 0xe6, 0x40, 0xb0, 0, 0xe6, 0x21];
  const clock = [0xb0, 0x0a, 0xe6, 0x70, 0xb0, 0x23, 0xe6, 0x71, 0xb0, 0x0b, 0xe6, 0x70, 0xb0, 0x42, 0xe6, 0x71, 0xb0, 0, 0xe6, 0xa1, 0xe6, 0x21];
  const line = [0xba, ...le16(0x3f9), 0, 0, 0xb0, 2, 0xee];
  return [
    ...random.pick<Bytes>([apicTimer, pit, clock, [...line, ...apicTimer], [...pit, ...apicTimer, ...clock]]),
    ...(random.chance(70) ? [0xfb] : [0xfa]), ...forever(random.pick<Bytes>([[0xf4], [0x90], [0x40], [0xfb, 0xf4]])),
  ];
}

/** New code all the time: written and run, in one page or in many. */
function newCode(random: Random): Bytes {
  const step = random.pick([0, 0x10, 0x1000, 0x1003]);
  return [
    ...asm.move(EDI, FILLED), ...asm.move(EBX, 0),
    ...forever([0x43, 0xc6, 0x07, 0xb8, 0x89, 0x5f, 1, 0xc6, 0x47, 5, 0xc3, 0xff, 0xd7, 0x81, 0xc7, ...le32(step), 0x81, 0xe7, ...le32(0xfffff), 0x81, 0xcf, ...le32(FILLED)]),
  ];
}

/** Disks told to read and write, over and over. */
function diskOrders(random: Random): Bytes {
  const order = [...asm.out(0x1f2, 0, 1), ...asm.out(0x1f6, 0xe0, 1), ...asm.out(0x1f7, random.pick([0x20, 0x30, 0xc4, 0xc5, 0x40, 0xec, 0xe7]), 1)];
  return forever([...order, ...asm.move(EDX, 0x1f0), ...asm.move(EDI, AT.data), ...asm.move(ESI, AT.data), ...asm.move(ECX, 0x4000), 0xfc, 0xf3, random.pick([0x6d, 0x6f])]);
}

/** The local APIC moved about in physical memory. */
function movedApic(random: Random): Bytes {
  const step = random.pick([0x1000, 0x400000, 0x1000000]);
  return [
    ...asm.move(ESI, 0x10000900), ...asm.move(EDI, 0), ...asm.move(ECX, 0x1b),
    ...forever([0x89, 0xf0, 0x89, 0xfa, 0x0f, 0x30, 0x81, 0xc6, ...le32(step), 0x83, 0xd7, 0, 0x81, 0xe7, ...le32(0xff)]),
  ];
}

/** Long transfers of the firmware's configuration device, to memory, to devices, or to where nothing is. */
function firmwareTransfers(random: Random): Bytes {
  const block = AT.data;
  const big = (value: number): number => (((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0);
  const length = random.pick([0x1000, 0xffffff, 0x1000000, 0x1000001, 0xffffffff]);
  return forever([
    ...asm.store(block, big((random.pick([0, 1, 0x19, 0x20]) << 16) | 8 | random.pick([2, 4, 16]))), ...asm.store(block + 4, big(length)),
    ...asm.store(block + 8, 0), ...asm.store(block + 12, big(random.pick([0x110000, 0xa0000, 0x80000000]))), ...asm.out(0x518, big(block), 4),
  ]);
}

const GUESTS = { aliases, spaces, selfReference, remap, contexts, debugRegisters, slowArithmetic, slowServices, storm, newCode, diskOrders, movedApic, firmwareTransfers } as const;
export type HostileKind = keyof typeof GUESTS;
// Object.keys of a constant table has its keys' type.
export const HOSTILE_KINDS = Object.keys(GUESTS) as readonly HostileKind[];

/** One such guest, in flat 32-bit code. */
export function hostilePieces(random: Random, kind: HostileKind = random.pick(HOSTILE_KINDS)): Piece[] {
  const start = [0xfa, ...asm.move(ESP, stackTop(0)), ...asm.at([0x0f, 0x01], 2, AT.block), ...asm.at([0x0f, 0x01], 3, AT.block + 8)];
  // Each vector returns at once: interrupts end at the APIC, too, and #UD and the like go on for ever.
  const handler = [0x50, 0xb0, 0x20, 0xe6, 0x20, 0xe6, 0xa0, ...asm.store(0xfee000b0, 0), 0x58, 0xcf];
  const narrowCode = descriptor(0, 0xfff, PRESENT | 0x1b, 4);
  return [
    ...segmentTables(random, false, () => AT.handlers), { at: AT.gdt + 8 * LIMITED_ENTRY, bytes: narrowCode, note: 'code with a limit' },
    { at: AT.handlers, bytes: handler, note: 'handler', bits: 32, fixed: true },
    { at: ENTRY, bytes: [...start, ...GUESTS[kind](random)], note: kind, bits: 32 },
  ];
}
