/**
 * Units that work on devices: port reads and writes, single and in storms, device registers in memory, local APIC and I/O
 * APIC, interprocessor interrupts, timers at their fastest, disks, PCI configuration, A20, resets.
 */
import { EAX, ECX, EDX, ESI, EDI, number32 } from './assembler';
import { AT } from './layout';
import type { Family } from './units';

/** First and last port of each device of the board. */
const PORTS: readonly (readonly [first: number, last: number])[] = [
  [0x00, 0x0f], [0x20, 0x21], [0x40, 0x43], [0x60, 0x64], [0x70, 0x71], [0x80, 0x8f], [0x92, 0x92], [0xa0, 0xa1], [0xb2, 0xb4], [0xc0, 0xdf], [0xe9, 0xe9], [0xf0, 0xf1],
  [0x1f0, 0x1f7], [0x170, 0x177], [0x2f8, 0x2ff], [0x3f8, 0x3ff], [0x3c0, 0x3df], [0x3b0, 0x3bf], [0x3f0, 0x3f7], [0x376, 0x376], [0x402, 0x402], [0x4d0, 0x4d1], [0x510, 0x51b], [0x600, 0x60f], [0xcf8, 0xcff],
];
/** Writes that end a run, or begin it anew, are left to rare chance. */
const ENDS: ReadonlySet<number> = new Set([0xf4, 0xf5, 0xf6, 0xf7, 0xcf9, 0x604, 0x605, 0x92, 0x64]);

const SIZES = [1, 1, 1, 2, 4] as const;

export const portUnit: Family = ({ random, asm }) => {
  const [first, last] = random.pick(PORTS);
  const port = random.chance(92) ? random.between(first, last) : random.below(0x10000);
  const size = random.pick(SIZES);
  if (random.chance(30) || (ENDS.has(port) && random.chance(80))) return asm.in(port, size);
  if (random.chance(15)) {
    // The same port many times over.
    return [...asm.move(ECX, random.below(400)), ...asm.move(EDX, port), ...asm.move(EAX, number32(random)), 0xee, 0x04, random.below(256), 0xe2, 0xfb];
  }
  return asm.out(port, number32(random), size);
};

const REGIONS = [0xa0000, 0xb0000, 0xb8000, 0xc0000, 0xe0000, 0xf0000, 0xfec00000, 0xfec00010, 0xfed00000, 0xfee00000, 0xfffe0000] as const;

/** What is known to start something: orders to disks, floppy, DMA, keyboard controller, clock, PCI, timers. */
export const deviceUnit: Family = (context) => {
  const { random, asm } = context;
  const out = (port: number, value: number, size: 1 | 2 | 4 = 1): readonly number[] => asm.out(port, value, size);
  const any = (): number => random.below(256);
  switch (random.below(12)) {
    case 0:
      return [...out(0x1f2, any()), ...out(0x1f3, any()), ...out(0x1f4, any()), ...out(0x1f5, any()), ...out(0x1f6, 0xe0 | random.below(32)), ...out(0x1f7, random.pick([0x20, 0x24, 0x29, 0x30, 0x34, 0x40, 0x90, 0xa0, 0xa1, 0xc4, 0xc5, 0xc6, 0xc8, 0xca, 0xe7, 0xec, 0xef, any()]))];
    case 1:
      return [...asm.move(EDX, 0x1f0), ...asm.move(ECX, random.below(600)), ...asm.move(EDI, AT.data + 0x4000), ...asm.move(ESI, AT.data), 0xfc, 0xf3, random.pick([0x6d, 0x6f])];
    case 2:
      return Array.from({ length: random.between(1, 9) }, () => out(0x3f5, random.chance(40) ? random.pick([0x03, 0x04, 0x06, 0x07, 0x08, 0x0a, 0x0f, 0x45, 0x46, 0x4a, 0x4d, 0xe6]) : any())).flat();
    case 3:
      // The programmable timer, often at its fastest.
      return [...out(0x43, random.chance(70) ? (random.below(3) << 6) | 0x30 | (random.below(6) << 1) : any()), ...out(0x40 + random.below(3), random.chance(50) ? random.below(4) : any()), ...out(0x40 + random.below(3), random.chance(70) ? 0 : any())];
    case 4:
      return [...out(0x70, random.pick([0x0a, 0x0b, 0x0c, 0x0d, 0x00, 0x32, any()])), ...out(0x71, any())];
    case 5:
      return [...out(0xcf8, (0x80000000 | (random.below(4) << 11) | (random.below(8) << 8) | (random.below(64) << 2)) >>> 0, 4), ...out(0xcfc + random.below(4), number32(random), random.pick(SIZES))];
    case 6:
      return [...out(0x64, random.pick([0x20, 0x60, 0xa7, 0xa8, 0xaa, 0xab, 0xad, 0xae, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xf0 | (random.below(7) << 1)])), ...out(0x60, random.pick([0xdd, 0xdf, 0xed, 0xf0, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xff, any() | 1]))];
    case 7:
      return random.chance(50) ? out(0x92, random.below(128) << 1) : [...out(0x64, 0xd1), ...out(0x60, random.pick([0xdd, 0xdf]))];
    case 8:
      // Interrupt controllers: initialised anew, and all lines let through.
      return [...out(0x20, 0x11 | random.below(16)), ...out(0x21, random.pick([0x20, 0x08, 0x30, any()])), ...out(0x21, any()), ...out(0x21, random.below(32)), ...out(0x21, random.pick([0, 0, any()])), ...out(0xa1, any())];
    case 9:
      return [...asm.store((random.pick(REGIONS) + random.below(0x400)) >>> 0, number32(random)), ...asm.load((random.pick(REGIONS) + random.below(0x400)) >>> 0)];
    case 10:
      return [...out(random.pick([0x3c4, 0x3ce, 0x3d4, 0x3c0]), any()), ...out(random.pick([0x3c5, 0x3cf, 0x3d5, 0x3c0, 0x3c2]), any())];
    default:
      return [...out(0x0b, any()), ...out(random.below(8), any()), ...out(random.below(8), any()), ...out(random.pick([0x81, 0x82, 0x83, 0x87]), any()), ...out(0x0a, random.below(4))];
  }
};

const APIC = 0xfee00000;
const IO_APIC = 0xfec00000;

export const apicUnit: Family = (context) => {
  const { random, asm } = context;
  switch (random.below(6)) {
    case 0:
      // The timer, at its fastest.
      return [...asm.store(APIC + 0xf0, 0x1ff), ...asm.store(APIC + 0x3e0, random.below(16)), ...asm.store(APIC + 0x320, random.between(0, 255) | (random.below(4) << 17)), ...asm.store(APIC + 0x380, random.chance(50) ? random.below(8) : number32(random))];
    case 1:
      return asm.store(APIC + 0x10 * random.below(64), number32(random));
    case 2:
      return asm.load(APIC + 0x10 * random.below(64) + random.below(2));
    case 3:
      return [...asm.store(IO_APIC, random.below(0x40)), ...asm.store(IO_APIC + 0x10, number32(random))];
    case 4:
      return asm.store(APIC + 0xb0, 0);
    default:
      return [...asm.wrmsr(0x1b, BigInt(APIC | 0xc00)), ...asm.wrmsr(0x800 + random.below(0x40), BigInt(number32(random)))];
  }
};

/** INIT, SIPI, NMI, SMI and plain interrupts to one, all, or the others. */
export const interProcessorUnit: Family = ({ random, asm }) => {
  const low = (random.below(4) << 18) | (random.pick([0, 0, 1, 2, 4, 5, 6, 6, 7]) << 8) | 0x4000 | (random.below(2) << 15) | (random.below(2) << 11) | random.pick([AT.trampoline >> 12, random.below(256)]);
  if (random.chance(15)) return asm.wrmsr(0x830, (BigInt(random.below(9)) << 32n) | BigInt(low >>> 0));
  return [...asm.store(APIC + 0x310, random.below(9) * 2 ** 24), ...asm.store(APIC + 0x300, low)];
};

/** Starts all other processors at the trampoline. */
export const startOthers: Family = ({ asm }) => [...asm.store(APIC + 0xf0, 0x1ff), ...asm.store(APIC + 0x300, 0xc4500), ...asm.store(APIC + 0x300, 0xc4600 | (AT.trampoline >> 12))];
