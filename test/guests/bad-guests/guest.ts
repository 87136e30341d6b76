/**
 * A bad guest as plain data: which machine it gets, how that is brought to the guest's first instruction, and what lies in
 * its memory. The data is the whole case: written to a file, it makes the same run on every computer.
 */
/** Where guests start, and what they are made of. */
export const MODES = [
  'real', 'v86', 'pm16', 'pm32', 'user32', 'paged32', 'pae', 'long', 'la57', 'compat', 'user64', 'bios', 'bytes', 'mutated', 'hostile',
] as const;
export type Mode = (typeof MODES)[number];

/**
 * `rom`: real mode, by a ROM whose reset vector jumps to ENTRY. `flat`: protected mode without paging, as a Multiboot
 * kernel that jumps to ENTRY. `floppy`: the built-in BIOS has loaded a boot sector that is empty but for its pieces.
 * The others take `image` as it is: a floppy, a Multiboot kernel, or a firmware.
 */
export type Start = 'rom' | 'flat' | 'floppy' | 'floppyImage' | 'kernelImage' | 'firmwareImage';

/** Guest-physical address of the first instruction of `rom` and `flat` guests. */
export const ENTRY = 0x4000;
/** The same of guests that a BIOS loads. */
export const BOOT_SECTOR = 0x7c00;

/** Bytes in memory, as people think of them: one instruction or a few, a table, a handler. */
export interface Piece {
  /** Guest-physical. */
  readonly at: number;
  readonly bytes: readonly number[];
  readonly note: string;
  /** Size of its code; data has none. */
  readonly bits?: 16 | 32 | 64;
  /** Whether the guest is nothing without it: it is never taken away when a failure is made smaller. */
  readonly fixed?: true;
}

export interface BadGuest {
  readonly mode: Mode;
  /** By which the generator makes it again. */
  readonly seed: number;
  /** As in the configuration: a model, and features switched on. */
  readonly model: string;
  readonly cpus: number;
  /** Retired instructions of a CPU's turn. */
  readonly quantum: number;
  readonly start: Start;
  readonly image?: Uint8Array;
  readonly pieces: readonly Piece[];
  /** Retired instructions that it gets, and virtual time in cycles. */
  readonly instructions: number;
  readonly cycles: number;
}

const toHex = (bytes: Iterable<number>): string => Buffer.from([...bytes]).toString('hex');

/** The guest as text (JSON). */
export function encodeGuest(guest: BadGuest): string {
  const { image, pieces } = guest;
  return JSON.stringify({
    ...guest,
    ...(image ? { image: Buffer.from(image).toString('base64') } : {}),
    pieces: pieces.map((piece) => ({ ...piece, bytes: toHex(piece.bytes) })),
  }, undefined, 1);
}

/** What `encodeGuest` has written. */
export function decodeGuest(text: string): BadGuest {
  // Its own writer's form; a file that was edited by hand fails where it is used.
  const read = JSON.parse(text) as Omit<BadGuest, 'pieces' | 'image'> & { readonly image?: string; readonly pieces: readonly (Omit<Piece, 'bytes'> & { readonly bytes: string })[] };
  const { image, pieces, ...rest } = read;
  return {
    ...rest,
    ...(image === undefined ? {} : { image: new Uint8Array(Buffer.from(image, 'base64')) }),
    pieces: pieces.map((piece) => ({ ...piece, bytes: [...Buffer.from(piece.bytes, 'hex')] })),
  };
}
