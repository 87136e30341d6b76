/** A disk image of any format, as storage and tools see it: bytes by offset, synchronous, over the host's files. */

export const SECTOR_BYTES = 512;

export type ImageFormat = 'raw' | 'qcow2' | 'vhd' | 'vhdx';

/** An image that is broken, of a kind that is not supported, or that does not fit its parent. A whole sentence, with what to do. */
export class ImageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ImageError';
  }
}

/** A stretch of an image. `zero`: it reads as zeros, and that is known without reading it. */
export interface Extent {
  readonly bytes: number;
  readonly zero: boolean;
}

/** What there is to know about an image file. */
export interface ImageDescription {
  readonly format: ImageFormat;
  /** 'dynamic', 'differencing', 'version 3' ... */
  readonly kind: string;
  /** Size of the disk, bytes. */
  readonly bytes: number;
  /** Unit in which the format allocates, bytes; absent where it does not. */
  readonly blockBytes?: number;
  /** By which a child knows it. */
  readonly identifier?: string;
  /** What a differencing image says about its parent. */
  readonly parent?: { readonly path: string; readonly identifier?: string };
  readonly snapshots: readonly string[];
  /** Sentences on what else is worth knowing. */
  readonly notes: readonly string[];
}

/** What `check` has found: errors make data wrong or lost, leaks waste room. */
export interface CheckResult {
  readonly errors: readonly string[];
  /** Bytes of the file that nothing refers to. */
  readonly leakedBytes: number;
}

/**
 * An open disk image. All throw ImageError when what is in the file cannot be, and whatever the host's file throws. Offsets and
 * lengths may be any number of bytes, inside the disk.
 */
export interface DiskImage {
  /** Size of the disk, bytes. */
  readonly bytes: number;
  readonly readOnly: boolean;
  /** Whether `discard` does anything. */
  readonly discards: boolean;
  /** The image that holds what this one does not. */
  readonly backing?: DiskImage | undefined;
  read(offset: number, target: Uint8Array): void;
  write(offset: number, source: Uint8Array): void;
  /** Makes these bytes read as zeros with as little room as the format allows. Nothing happens where `discards` is false. */
  discard(offset: number, bytes: number): void;
  /** What was written before survives a crash of the host's process, and of the host. */
  flush(): void;
  /** Flushes what was written, and closes the files of the whole chain. */
  close(): void;
  /** The stretch that begins at `offset` (inside the disk); not necessarily the longest. */
  extentAt(offset: number): Extent;
  describe(): ImageDescription;
  check(): CheckResult;
}

export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Identifiers as they are written: 8-4-4-4-12 hexadecimal digits. `mixed`: the first three groups are little-endian (Microsoft's GUIDs). */
export function identifierText(bytes: Uint8Array, mixed: boolean): string {
  const order = mixed ? [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15] : bytes.keys();
  const digits = [...order].map((index) => bytes[index].toString(16).padStart(2, '0')).join('');
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join('-');
}

/** The bytes of a written GUID, with or without braces; its first three groups are little-endian. Undefined when it is none. */
export function identifierBytes(text: string): Uint8Array | undefined {
  const digits = text.replace(/[{}-]/g, '');
  if (!/^[\da-f]{32}$/i.test(digits)) return undefined;
  const bytes = Uint8Array.from({ length: 16 }, (_, index) => Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16));
  return Uint8Array.from([3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15], (index) => bytes[index]);
}

/** An unsigned 64-bit field; numbers beyond 2^53 lose their lowest bits, and are no sizes or offsets that anything here takes. */
export function u64(view: DataView, at: number, little: boolean): number {
  const low = view.getUint32(little ? at : at + 4, little);
  return view.getUint32(little ? at + 4 : at, little) * 0x1_0000_0000 + low;
}

export function putU64(view: DataView, at: number, value: number, little: boolean): void {
  view.setUint32(little ? at : at + 4, value % 0x1_0000_0000, little);
  view.setUint32(little ? at + 4 : at, Math.floor(value / 0x1_0000_0000), little);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Rounded up to a multiple of `unit`. */
export function aligned(bytes: number, unit: number): number {
  return Math.ceil(bytes / unit) * unit;
}
