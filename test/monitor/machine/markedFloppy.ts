/** Floppy images that a guest boots from and tells apart. */

const BYTES = 1440 * 1024;

/** An image of so many bytes with a boot sector, whose second sector begins with its mark. */
export function markedFloppy(program: readonly number[], mark: number, bytes = BYTES): Uint8Array {
  const image = new Uint8Array(bytes);
  image.set(program);
  image.set([0x55, 0xaa], 510);
  image[512] = mark;
  return image;
}
