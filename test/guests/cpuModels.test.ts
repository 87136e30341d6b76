/** CPU models as a guest finds them out (Intel application note 485): flags, wrap at 1 MiB, undefined instructions, CPUID. */
import assert from 'node:assert/strict';
import { MemoryFiles } from '../support/memoryFiles';
import { guestOf } from './harness';

const SECTOR = 512;
const RESULTS = 0x7e00;

const word = (value: number): readonly number[] => [value & 0xff, value >> 8];

/** Instructions that tell generations apart, oldest first; BX may be spoilt. */
const PROBES: readonly (readonly [string, readonly number[]])[] = [
  ['shl ax, 4', [0xc1, 0xe0, 0x04]],
  ['smsw ax', [0x0f, 0x01, 0xe0]],
  ['xor eax, eax', [0x66, 0x31, 0xc0]],
  ['bswap eax', [0x66, 0x0f, 0xc8]],
  ['cpuid', [0x66, 0x31, 0xc0, 0x0f, 0xa2]],
  ['rdtsc', [0x0f, 0x31]],
  ['cmovz ax, cx', [0x0f, 0x44, 0xc1]],
  ['popcnt ax, cx', [0xf3, 0x0f, 0xb8, 0xc1]],
];

/** Boot sector: flags as they are and with bits 12-15 cleared, FFFF:0510 after a write to 0:0500, what FNSTSW stores, and a bit for each probe. */
function bootSector(): Uint8Array {
  const code: number[] = [
    0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, ...word(0x7c00), // cli; xor ax, ax; mov ds, ax; mov ss, ax; mov sp, 7C00h
    0x9c, 0x58, 0x25, ...word(0x0fff), 0x50, 0x9d, 0x9c, 0x58, 0xa3, ...word(RESULTS), // flags with bits 12-15 clear
    0x0d, ...word(0xf000), 0x50, 0x9d, 0x9c, 0x58, 0xa3, ...word(RESULTS + 2), // and set
    0xc7, 0x06, ...word(0x500), ...word(0x1234), // mov word [500h], 1234h
    0xb8, ...word(0xffff), 0x8e, 0xc0, 0x26, 0xa1, ...word(0x510), 0xa3, ...word(RESULTS + 4), // mov ax, [FFFF:0510]
    0xc6, 0x06, ...word(RESULTS + 6), 0, // mov byte [results + 6], 0
    0xc7, 0x06, ...word(RESULTS + 8), ...word(0x5a5a), 0xdb, 0xe3, 0xdd, 0x3e, ...word(RESULTS + 8), // mov word [results + 8], 5A5Ah; fninit; fnstsw [results + 8]
    0xc7, 0x06, ...word(0x18), ...word(0x7d00), 0xc7, 0x06, ...word(0x1a), ...word(0), // vector 6 to 0:7D00
  ];
  PROBES.forEach(([, bytes], i) => {
    const record = [0x80, 0x0e, ...word(RESULTS + 6), 1 << i]; // or byte [results + 6], bit
    const next = 0x7c00 + code.length + 3 + bytes.length + record.length;
    code.push(0xbb, ...word(next), ...bytes, ...record); // mov bx, next
  });
  const sector = new Uint8Array(2880 * SECTOR);
  sector.set([...code, 0xf4]);
  // #UD: drop the frame and go on behind the probe.
  sector.set([0x83, 0xc4, 0x06, 0xff, 0xe3], 0x100);
  sector.set([0x55, 0xaa], SECTOR - 2);
  return sector;
}

interface Found {
  readonly flagsClear: number;
  readonly flagsSet: number;
  readonly wraps: boolean;
  readonly x87: boolean;
  readonly instructions: readonly string[];
}

function run(cpuModel: string): Found {
  const floppy = bootSector();
  const guest = guestOf({ floppy: 'floppy', cpuModel, memory: '2M' }, { floppy: { path: 'floppy', bytes: floppy.length, writable: false } }, new MemoryFiles({ floppy }));
  assert.equal(guest.run({})?.kind, 'halted-forever');
  const bytes = guest.machine.readMemory({ kind: 'physical' }, BigInt(RESULTS), 10);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const bits = view.getUint8(6);
  return {
    flagsClear: view.getUint16(0, true) >> 12,
    flagsSet: view.getUint16(2, true) >> 12,
    x87: view.getUint16(8, true) === 0,
    wraps: view.getUint16(4, true) === 0x1234,
    instructions: PROBES.filter((_, i) => bits & (1 << i)).map(([name]) => name),
  };
}

describe('CPU models in a guest', function () {
  this.timeout(60_000);

  it('an 8086 has four flags that are always set, 20 address lines, and nothing new', () => {
    assert.deepEqual(run('8086'), { flagsClear: 0xf, flagsSet: 0xf, wraps: true, x87: false, instructions: [] });
  });

  const names = PROBES.map(([name]) => name);
  const later: readonly (readonly [string, number])[] = [['486', 5], ['pentium', 6], ['pentium3', 7], ['pentium3,+popcnt', 8]];
  for (const [cpuModel, count] of later) {
    it(`${cpuModel} has what it should`, () => {
      // Bit 15 is 0 from the 80286 on; NT and IOPL can be set from the 80386 on.
      assert.deepEqual(run(cpuModel), { flagsClear: 0, flagsSet: 7, wraps: false, x87: true, instructions: names.slice(0, count) });
    });
  }

  it('a feature can be taken out', () => {
    assert.deepEqual(run('486,-cpuid').instructions, names.slice(0, 4));
    assert.equal(run('486,-fpu').x87, false);
    assert.equal(run('8086,+fpu').x87, true);
  });
});
