/** Makes a bad guest from a mode and a number: the same ones give the same guest. */
import { Random } from '../../../fuzz/random';
import { BOOT_SECTOR, MODES, type BadGuest, type Mode, type Piece } from '../guest';
import type { Corpus } from './corpus';
import { hostilePieces, type HostileKind } from './hostile';
import { biosUnits, programPieces } from './program';

/** All that can be switched on. */
const EVERYTHING = 'x86-64-v3,+la57,+pku,+smap,+umip,+sha,+adx,+rdseed,+rdpid,+xsaves,+clflushopt,+clwb,+prefetchw';
const MODELS32: readonly string[] = ['486', 'pentium', 'pentium-pro', 'pentium3', 'x86-64-v2', 'x86-64-v3', EVERYTHING];
const MODELS64: readonly string[] = ['x86-64-v2', 'x86-64-v3', EVERYTHING];
const SECTOR = 512;
const FLOPPY_BYTES = 2880 * SECTOR;
const LOADED_AT = 0x100000;
const KERNEL_BYTES = 0x4000;

/** Machines that differ in nothing but these can be used one after the other: there are few kinds. */
function machineOf(random: Random, models: readonly string[], several: boolean): Pick<BadGuest, 'model' | 'cpus' | 'quantum'> {
  const model = random.pick(models);
  const cpus = several && !['8086', '486'].includes(model) ? random.pick([1, 1, 1, 2, 3, 8]) : 1;
  return { model, cpus, quantum: cpus === 1 ? 20_000 : random.pick([100, 777]) };
}

const usual = { instructions: 12_000, cycles: 3_000_000 } as const;

/** A header by which a Multiboot loader takes bytes as they are (Multiboot 0.6.96, 3.1.3). */
export function multibootHeader(bytes: number, entry: number): readonly number[] {
  const magic = 0x1badb002, flags = 0x10000;
  const words = [magic, flags, -(magic + flags) >>> 0, LOADED_AT, LOADED_AT, LOADED_AT + bytes, LOADED_AT + bytes, LOADED_AT + entry];
  return words.flatMap((word) => [word & 0xff, (word >>> 8) & 0xff, (word >>> 16) & 0xff, word >>> 24]);
}

const BUSY_BYTES = [0x0f, 0x0f, 0xcd, 0x66, 0x67, 0xf3, 0xcf, 0x9d, 0x8e, 0xea, 0x9a, 0xd9, 0xdd, 0xdf, 0xc4, 0xc5, 0xee, 0xef] as const;

/** Random bytes; in every second program many of them are opcodes at which much happens. */
function randomBytes(random: Random, count: number): Uint8Array {
  const bytes = Uint8Array.from({ length: count }, () => random.below(256));
  if (random.chance(50)) for (let i = 0; i < count; i += 1 + random.below(6)) bytes[i] = random.pick(BUSY_BYTES);
  return bytes;
}

/** A boot sector that points all exceptions and timer ticks into itself (the BIOS would only return to the fault), then random bytes. */
function randomFloppy(random: Random): Uint8Array {
  const floppy = new Uint8Array(FLOPPY_BYTES);
  floppy.set(randomBytes(random, 20 * SECTOR));
  floppy.set([0x31, 0xff, 0x8e, 0xc7, 0xb9, 0x20, 0x00, 0xb8, random.below(256), 0x7c, 0xab, 0x31, 0xc0, 0xab, 0xe2, 0xf7]);
  floppy.set([0x55, 0xaa], SECTOR - 2);
  return floppy;
}

function randomKernel(random: Random): Uint8Array {
  const bytes = randomBytes(random, KERNEL_BYTES);
  bytes.set(multibootHeader(KERNEL_BYTES, 0x20));
  return bytes;
}

/** Real images with a few bytes changed, or stretches of them lost or doubled. */
function mutated(random: Random, image: Uint8Array, from: number): Uint8Array {
  const bytes = image.slice();
  for (let i = random.pick([1, 3, 10, 100]); i > 0; i--) {
    const at = from + random.below(bytes.length - from);
    if (random.chance(60)) bytes[at] ^= 1 << random.below(8);
    else if (random.chance(50)) bytes[at] = random.below(256);
    else bytes.copyWithin(at, from + random.below(bytes.length - from), Math.min(bytes.length, at + random.below(64)));
  }
  return bytes;
}

type Made = Omit<BadGuest, 'mode' | 'seed'>;

function mutatedGuest(random: Random, corpus: Corpus): Made {
  const kinds = [
    ...corpus.floppies.map((image): Omit<Made, 'model' | 'cpus' | 'quantum'> => ({ start: 'floppyImage', image: mutated(random, image, 0), pieces: [], instructions: 60_000, cycles: 100_000_000 })),
    ...corpus.kernels.map((image): Omit<Made, 'model' | 'cpus' | 'quantum'> => ({ start: 'kernelImage', image: mutated(random, image, 0x1000), pieces: [], instructions: 150_000, cycles: 100_000_000 })),
    ...corpus.firmwares.map((image): Omit<Made, 'model' | 'cpus' | 'quantum'> => ({ start: 'firmwareImage', image: mutated(random, image, 0), pieces: [], instructions: 150_000, cycles: 100_000_000 })),
  ];
  const kind = random.pick(kinds);
  return { ...kind, ...machineOf(random, MODELS32, kind.start !== 'floppyImage') };
}

function bytesGuest(random: Random): Made {
  if (random.chance(50)) return { ...machineOf(random, ['8086', ...MODELS32], false), ...usual, start: 'floppyImage', image: randomFloppy(random), pieces: [] };
  return { ...machineOf(random, MODELS32, true), ...usual, start: 'kernelImage', image: randomKernel(random), pieces: [] };
}

function biosGuest(random: Random, corpus: Corpus): Made {
  const machine = machineOf(random, ['8086', ...MODELS32], false);
  const pieces: Piece[] = biosUnits(random, corpus, machine.model === '8086', BOOT_SECTOR, BOOT_SECTOR + 0x400);
  return { ...machine, instructions: 60_000, cycles: 200_000_000, start: 'floppy', pieces };
}

function hostileGuest(random: Random, kind?: HostileKind): Made {
  return { ...machineOf(random, ['pentium3', 'x86-64-v3'], true), instructions: 3_000_000, cycles: 30_000_000, start: 'flat', pieces: hostilePieces(random, kind) };
}

/** A hostile guest of one kind. */
export function generateHostile(kind: HostileKind, seed: number): BadGuest {
  return { mode: 'hostile', seed, ...hostileGuest(new Random(seed), kind) };
}

function programGuest(random: Random, mode: Exclude<Mode, 'bios' | 'bytes' | 'mutated' | 'hostile'>, corpus: Corpus): Made {
  const models = mode === 'la57' ? [EVERYTHING] : ['long', 'compat', 'user64'].includes(mode) ? MODELS64 : mode === 'real' ? (['8086', ...MODELS32] as const) : MODELS32;
  const machine = machineOf(random, models, true);
  return { ...machine, ...usual, start: mode === 'real' ? 'rom' : 'flat', pieces: programPieces(random, mode, corpus, machine.cpus, machine.model === '8086') };
}

/** @param corpus what was found of real code: another corpus makes other guests */
export function generate(mode: Mode, seed: number, corpus: Corpus): BadGuest {
  const random = new Random(seed, MODES.indexOf(mode) + 1);
  const made = ((): Made => {
    switch (mode) {
      case 'bios':
        return biosGuest(random, corpus);
      case 'bytes':
        return bytesGuest(random);
      case 'mutated':
        return mutatedGuest(random, corpus);
      case 'hostile':
        return hostileGuest(random);
      case 'real': case 'v86': case 'pm16': case 'pm32': case 'user32': case 'paged32': case 'pae': case 'long': case 'la57': case 'compat': case 'user64':
        return programGuest(random, mode, corpus);
    }
  })();
  return { mode, seed, ...made };
}
