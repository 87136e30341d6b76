/** Loads a flat binary image (no headers) at an address, to start in real mode or in 32-bit protected mode. */
import { hex, readableSize } from './bytes';
import { flatProtectedMode, realMode } from './cpu-setup';
import { placeGdt } from './elf';
import { loadError } from './load-error';
import { describeLowMemory } from './memory-map';
import { Placement } from './placement';
import type { LoadedGuest, PhysicalMemory } from './platform';

export interface FlatOptions {
  /** Guest-physical address of the image's first byte. */
  readonly address: number;
  readonly mode: 'real' | 'protected';
  /** Guest-physical address of the first instruction; the image's first byte when left out. */
  readonly entry?: number;
}

/** Where the stack begins when there is no room below the image. */
const USUAL_STACK = 0x7c00;

/** Least room for a stack between the BIOS data area and the image. */
const LOWEST_STACK = 0x800;

/** Room below the image in the first 64 KiB, as boot sectors know it, or else 0:7C00. */
function stackTop(address: number): number {
  return address >= LOWEST_STACK && address < 0x1_0000 ? address & ~0xf : USUAL_STACK;
}

/**
 * Loads a flat image.
 *
 * @returns real mode: CS = DS = ES = 0 when the entry lies in the first 64 KiB, else the segment of its
 *   64 KiB block; SS:SP just below the image. Protected mode: flat segments, ESP = 0. Interrupts off.
 * @throws LoadError with field 'flat' or 'memory'
 */
export function loadFlat(image: Uint8Array, options: FlatOptions, memory: PhysicalMemory): LoadedGuest {
  const { address, mode } = options;
  const entry = options.entry ?? address;
  const end = address + image.length;
  if (image.length === 0) throw loadError('flat', 'The flat image is an empty file.', 'Name another one.');
  const placement = new Placement(memory.ramBytes);
  if (!placement.isRam({ first: address, end })) {
    throw loadError(
      'memory',
      `The flat image (${readableSize(image.length)}) at ${hex(address)}h does not lie in RAM.`,
      'Choose another address below 9FC00h or from 100000h up, or give the machine more memory.',
    );
  }
  if (entry < address || entry >= end) {
    throw loadError(
      'flat',
      `The entry ${hex(entry)}h lies outside the image (${hex(address)}h-${hex(end - 1)}h).`,
      'Correct the entry address.',
    );
  }
  if (mode === 'real' && entry >= 0x10_0000) {
    throw loadError(
      'flat',
      `Real mode does not reach the entry ${hex(entry)}h.`,
      'Load the image below 1 MiB, or start it in protected mode.',
    );
  }
  memory.write(address, image);
  placement.take({ first: address, end });
  describeLowMemory(memory);
  const cpu =
    mode === 'real'
      ? realMode((entry & ~0xffff) >>> 4, entry & 0xffff, stackTop(address))
      : flatProtectedMode(memory, placeGdt(placement), entry, { esp: 0 });
  return { cpu, notes: [] };
}
