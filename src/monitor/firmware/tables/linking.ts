/**
 * Tables that point at one another, before it is known where they will lie; putting them somewhere ourselves, and
 * the script by which SeaBIOS and OVMF do it ('etc/table-loader', QEMU's hw/acpi/bios-linker-loader).
 */
import { put32, put64, putText, u32 } from '../bytes';

/** A field of 4 or 8 bytes that points into a blob. In the blob's bytes it holds the offset in its target. */
export interface Pointer {
  readonly at: number;
  readonly bytes: 4 | 8;
  readonly target: string;
}

/** A byte that makes a range add up to zero. The range is summed with the byte as zero. */
export interface Checksum {
  readonly at: number;
  readonly first: number;
  readonly bytes: number;
}

/** Bytes that are placed as one. */
export interface Blob {
  /** At most 55 characters: it is a fw_cfg file's name, too. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** A power of two. */
  readonly alignment: number;
  /** Whether it must lie in F0000-FFFFF, where operating systems search. */
  readonly inSystemArea: boolean;
  readonly pointers: readonly Pointer[];
  readonly checksums: readonly Checksum[];
}

/** The byte that makes `bytes` add up to zero modulo 256. */
export function checksumOf(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

/**
 * A blob's bytes with all pointers and checksums filled in.
 * @param addressOf guest-physical address of each blob, by name
 */
export function linked(blob: Blob, addressOf: (name: string) => number): Uint8Array {
  const bytes = blob.bytes.slice();
  for (const { at, bytes: width, target } of blob.pointers) {
    const address = u32(bytes, at) + addressOf(target);
    if (width === 8) put64(bytes, at, address);
    else put32(bytes, at, address);
  }
  for (const { at, first, bytes: count } of blob.checksums) bytes[at] = checksumOf(bytes.subarray(first, first + count));
  return bytes;
}

const ENTRY_BYTES = 128;
const NAME_BYTES = 56;
const COMMAND = { allocate: 1, addPointer: 2, addChecksum: 3 } as const;
const ZONE = { high: 1, systemArea: 2 } as const;

function entry(command: number, fill: (bytes: Uint8Array) => void): Uint8Array {
  const bytes = new Uint8Array(ENTRY_BYTES);
  put32(bytes, 0, command);
  fill(bytes);
  return bytes;
}

/** The loader script for blobs that are fw_cfg files of the same names: first all allocations, then links. */
export function loaderScript(blobs: readonly Blob[]): readonly Uint8Array[] {
  const allocations = blobs.map(({ name, alignment, inSystemArea }) =>
    entry(COMMAND.allocate, (bytes) => {
      putText(bytes, 4, name);
      put32(bytes, 4 + NAME_BYTES, alignment);
      bytes[8 + NAME_BYTES] = inSystemArea ? ZONE.systemArea : ZONE.high;
    }),
  );
  const pointers = blobs.flatMap((blob) =>
    blob.pointers.map(({ at, bytes: width, target }) =>
      entry(COMMAND.addPointer, (bytes) => {
        putText(bytes, 4, blob.name);
        putText(bytes, 4 + NAME_BYTES, target);
        put32(bytes, 4 + 2 * NAME_BYTES, at);
        bytes[8 + 2 * NAME_BYTES] = width;
      }),
    ),
  );
  const checksums = blobs.flatMap((blob) =>
    blob.checksums.map(({ at, first, bytes: count }) =>
      entry(COMMAND.addChecksum, (bytes) => {
        putText(bytes, 4, blob.name);
        put32(bytes, 4 + NAME_BYTES, at);
        put32(bytes, 8 + NAME_BYTES, first);
        put32(bytes, 12 + NAME_BYTES, count);
      }),
    ),
  );
  return [...allocations, ...pointers, ...checksums];
}
