/**
 * Addresses of symbols that the kernel exports to its modules (include/linux/export-internal.h): kernels that are built without
 * CONFIG_KALLSYMS_ALL have code alone in their symbol table, but data that modules use is in this one, too.
 */

/**
 * Finds exported symbols by name. An entry has the places of the value and of the name: 32-bit distances from where they stand
 * themselves, or plain addresses.
 * @param bytes the image from linear address `base` on, which is a multiple of 4
 */
export function findExports(bytes: Uint8Array, base: bigint, pointerBytes: 4 | 8, names: readonly string[]): Map<string, bigint> {
  const found = new Map<string, bigint>();
  const places = new Map<number, string>();
  for (const name of names) for (const at of placesOf(bytes, name)) places.set(at, name);
  if (places.size === 0) return found;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  const low = Number(BigInt.asUintN(32, base));
  // Names of exported symbols lie close together, and few words lead there: the rest is passed over quickly.
  const first = Math.min(...places.keys()), last = Math.max(...places.keys());
  const nameAt = (place: number): string | undefined => (place >= first && place <= last ? places.get(place) : undefined);
  for (let i = 1; i < words.length; i++) {
    const distant = nameAt(4 * i + words[i]);
    if (distant !== undefined && !found.has(distant)) {
      found.set(distant, BigInt.asUintN(pointerBytes * 8, base + BigInt(4 * (i - 1) + words[i - 1])));
    }
    const plain = nameAt((words[i] >>> 0) - low);
    if (pointerBytes === 4 && plain !== undefined && !found.has(plain)) found.set(plain, BigInt(words[i - 1] >>> 0));
  }
  return found;
}

/** Offsets where a whole NUL-terminated string is. */
function placesOf(bytes: Uint8Array, text: string): number[] {
  const wanted = [0, ...new TextEncoder().encode(text), 0];
  const places: number[] = [];
  for (let at = bytes.indexOf(wanted[1]); at >= 0; at = bytes.indexOf(wanted[1], at + 1)) {
    if (wanted.every((byte, i) => bytes[at - 1 + i] === byte)) places.push(at);
  }
  return places;
}

/** The offset of a text in the image. */
export function placeOfText(bytes: Uint8Array, text: string): number | undefined {
  const wanted = new TextEncoder().encode(text);
  for (let at = bytes.indexOf(wanted[0]); at >= 0; at = bytes.indexOf(wanted[0], at + 1)) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return undefined;
}
