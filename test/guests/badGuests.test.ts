/**
 * Invariant 9: whatever a guest does ends in an architectural fault, a stop with a reason, or nothing; never in an
 * exception out of the monitor, and never in a slice that does not come back.
 */
import assert from 'node:assert/strict';
import type { FileAccess } from '../../src/monitor/machine/images';
import { STEADY, WaitsForInput, guestOf, randomNumbers } from './harness';
import type { Guest } from './harness';

const SECTOR = 512;
const FLOPPY_BYTES = 2880 * SECTOR;
/** Where the random kernels are loaded, and where their tables lie in them. */
const LOADED_AT = 0x100000;
const DIRECTORY = 0x2000;
const GDT = 0x3000;
const IDT = 0x3100;
const GATES = 48;
const TABLE_REGISTERS = 0x3400;
const KERNEL_BYTES = 0x4000;
const CODE = 0x0020;
const MULTIBOOT = 0x1badb002;
const HAS_ADDRESSES = 0x10000;
/** What each guest gets, and the longest that one slice may take in real time: a busy machine is slow. */
const SLICES = 12;
const SLICE_CYCLES = 3000;
const SLICE_MS = 5000;
/** Each gets this many guests, or as many as there is time for. */
const GUESTS = 200;
const SECONDS = 4;

/** Opcodes at which much happens: prefixes, two-byte opcodes, far transfers, segment loads, IRET, x87, REP. */
const BUSY_BYTES = [0x0f, 0x0f, 0xcd, 0x66, 0x67, 0xf3, 0xcf, 0x9d, 0x8e, 0xea, 0x9a, 0xd9, 0xdd, 0xdf];

/** Random bytes; in every second program many of them are of the busy kind. */
function program(random: (limit: number) => number, bytes: number): Uint8Array {
  const code = Uint8Array.from({ length: bytes }, () => random(256));
  if (random(2) === 1) for (let i = 0; i < bytes; i += 1 + random(6)) code[i] = BUSY_BYTES[random(BUSY_BYTES.length)] ?? 0;
  return code;
}

/** It begins by pointing all exceptions and timer ticks to a place in itself: the BIOS would only return to the fault. */
function bootSector(random: (limit: number) => number): Uint8Array {
  const floppy = new Uint8Array(FLOPPY_BYTES);
  floppy.set(program(random, 20 * SECTOR));
  floppy.set([
    0x31, 0xff, 0x8e, 0xc7, 0xb9, 0x20, 0x00, // xor di, di; mov es, di; mov cx, 32
    0xb8, random(256), 0x7c, 0xab, 0x31, 0xc0, 0xab, 0xe2, 0xf7, // mov ax, 7Cxxh; stosw; xor ax, ax; stosw; loop
  ]);
  floppy.set([0x55, 0xaa], SECTOR - 2);
  return floppy;
}

const littleEndian = (value: number): readonly number[] => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];

/** Flat segments and a few random ones; gates of all kinds, most of them good, that lead to random places in the code. */
function descriptorTables(view: DataView, random: (limit: number) => number): void {
  view.setBigUint64(GDT, 0n, true);
  view.setBigUint64(GDT + 8, 0x00cf9a000000ffffn, true);
  view.setBigUint64(GDT + 16, 0x00cf92000000ffffn, true);
  for (let vector = 0; vector < GATES; vector++) {
    const target = LOADED_AT + CODE + random(0x1000);
    const access = random(8) === 0 ? random(256) : 0x8e | random(2);
    view.setUint32(IDT + 8 * vector, (target & 0xffff) | (random(10) === 0 ? random(0x100) << 16 : 8 << 16), true);
    view.setUint32(IDT + 8 * vector + 4, ((target & 0xffff0000) | (access << 8)) >>> 0, true);
  }
  view.setUint16(TABLE_REGISTERS, 0xff, true);
  view.setUint32(TABLE_REGISTERS + 2, LOADED_AT + GDT, true);
  view.setUint16(TABLE_REGISTERS + 8, 8 * GATES - 1, true);
  view.setUint32(TABLE_REGISTERS + 10, LOADED_AT + IDT, true);
}

/** A Multiboot kernel without a file format (Multiboot 0.6.96, 3.1.3). */
function kernel(random: (limit: number) => number, start: readonly number[] = []): Uint8Array {
  const bytes = program(random, KERNEL_BYTES);
  const end = LOADED_AT + KERNEL_BYTES;
  const header = [MULTIBOOT, HAS_ADDRESSES, -(MULTIBOOT + HAS_ADDRESSES) >>> 0, LOADED_AT, LOADED_AT, end, end, LOADED_AT + CODE];
  const view = new DataView(bytes.buffer);
  header.forEach((word, i) => view.setUint32(4 * i, word, true));
  descriptorTables(view, random);
  bytes.set([
    0x0f, 0x01, 0x15, ...littleEndian(LOADED_AT + TABLE_REGISTERS), // lgdt
    0x0f, 0x01, 0x1d, ...littleEndian(LOADED_AT + TABLE_REGISTERS + 8), // lidt
    0xbc, ...littleEndian(LOADED_AT + 0x80000), // mov esp, 180000h
    ...start,
  ], CODE);
  return bytes;
}

/** A kernel that turns paging on over random tables; only its own 4 MiB, one to one, are sure to be there. */
function pagedKernel(random: (limit: number) => number): Uint8Array {
  const pageBits = 0x10 | (random(2) === 1 ? 0x80 : 0);
  const bytes = kernel(random, [
    0xb8, 0x00, DIRECTORY >> 8, 0x10, 0x00, // mov eax, directory
    0x0f, 0x22, 0xd8, // mov cr3, eax
    0x0f, 0x20, 0xe0, 0x0c, pageBits, 0x0f, 0x22, 0xe0, // mov eax, cr4; or al, PSE (and PGE); mov cr4, eax
    0x0f, 0x20, 0xc0, 0x0d, 0x00, 0x00, 0x01, 0x80, 0x0f, 0x22, 0xc0, // mov eax, cr0; or eax, PG|WP; mov cr0, eax
  ]);
  const view = new DataView(bytes.buffer);
  const present = 0x83;
  for (let i = 1; i < 1024; i++) {
    const large = (present | (random(4) << 22) | (random(2) << 2)) >>> 0;
    view.setUint32(DIRECTORY + 4 * i, random(3) > 0 ? large : random(0x200000) & ~0x18, true);
  }
  view.setUint32(DIRECTORY, present | (random(2) << 2), true);
  return bytes;
}

function inMemory(bytes: Uint8Array): FileAccess {
  return {
    size: bytes.length,
    writable: false,
    read: (offset, target) => {
      target.fill(0);
      target.set(bytes.subarray(offset, offset + target.length));
    },
    write: () => assert.fail('a write to a file that is not writable'),
    close: () => undefined,
  };
}

const KINDS: Readonly<Record<string, (random: (limit: number) => number) => Guest>> = {
  'boot sectors': (random) => {
    const bytes = bootSector(random);
    return guestOf({ floppy: 'floppy', memory: '2M' }, { floppy: { path: 'floppy', bytes: bytes.length, writable: false } }, { open: () => inMemory(bytes) });
  },
  'kernels': (random) => guestOf({ multiboot: 'kernel', memory: '2M' }, { multiboot: { path: 'kernel', bytes: kernel(random) } }),
  'kernels under random page tables': (random) => guestOf({ multiboot: 'kernel', memory: '2M' }, { multiboot: { path: 'kernel', bytes: pagedKernel(random) } }),
};

/** Runs a guest for its time, and looks at everything. Gives how it ended. */
function fate(guest: Guest, deadline: number): string {
  let slices = 0;
  let before = performance.now();
  let slowest = 0;
  guest.rhythm = { ...STEADY, slice: () => SLICE_CYCLES };
  const enough = (): boolean => {
    const now = performance.now();
    slowest = Math.max(slowest, now - before);
    before = now;
    return slices++ === SLICES || now > deadline;
  };
  let end: string;
  try {
    end = guest.run({ until: enough })?.kind ?? 'ran on';
  } catch (error) {
    if (!(error instanceof WaitsForInput)) throw error;
    end = 'waits';
  }
  assert.ok(slowest < SLICE_MS, `a slice of ${SLICE_CYCLES} cycles took ${slowest} ms`);
  const { machine } = guest;
  assert.match(machine.hash(), /^[0-9a-f]{16}$/);
  machine.cpu();
  machine.screen();
  machine.devices();
  for (const { cr3 } of machine.addressSpaces()) machine.walk(cr3, 0x12345678n);
  return end;
}

describe('bad guests', function () {
  this.timeout(60_000);
  this.slow(10_000);

  for (const [kind, make] of Object.entries(KINDS)) {
    it(`${kind} of random bytes come to a sensible end`, () => {
      const ends: Record<string, number> = {};
      const deadline = performance.now() + SECONDS * 1000;
      for (let seed = 0; seed < GUESTS && performance.now() < deadline; seed++) {
        let end: string;
        try {
          end = fate(make(randomNumbers(seed)), deadline);
        } catch (error) {
          throw new Error(`guest ${seed}: ${error instanceof Error ? error.stack ?? error.message : String(error)}`, { cause: error });
        }
        ends[end] = (ends[end] ?? 0) + 1;
      }
      const sensible = new Set(['ran on', 'waits', 'triple-fault', 'halted-forever', 'power-off', 'exit']);
      assert.deepEqual(Object.keys(ends).filter((end) => !sensible.has(end)), []);
      console.log(`      ${Object.entries(ends).map(([end, count]) => `${count} ${end}`).join(', ')}`);
    });
  }
});
