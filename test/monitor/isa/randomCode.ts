/** Streams of random instruction bytes that are the same in each run, with more prefixes than chance gives. */

const PREFIXES = [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
export const STREAM_BYTES = 24;

/** Gives `count` byte streams, one buffer used again and again; those for 64-bit mode have REX often, and many have an escape or VEX. */
export function* randomCode(seed: number, count: number, bits: 16 | 32 | 64 = 32): Generator<Uint8Array> {
  let state = seed;
  const next = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % below;
  };
  const stream = new Uint8Array(STREAM_BYTES);
  for (let n = 0; n < count; n++) {
    for (let i = 0; i < STREAM_BYTES; i++) stream[i] = next(256);
    let at = 0;
    const prefixes = Math.max(0, next(8) - 4);
    while (at < prefixes) stream[at++] = PREFIXES[next(PREFIXES.length)];
    if (bits === 64 && next(2) === 0) stream[at++] = 0x40 | next(16);
    const kind = next(6);
    if (kind === 0) {
      // VEX with a map, often with a VEX.vvvv that names nothing.
      stream[at++] = 0xc4;
      stream[at++] = (0xe0 ^ (bits === 64 ? next(8) << 5 : 0)) | (1 + next(3));
      stream[at++] = (next(2) << 7) | (next(2) === 0 ? 0x78 : next(16) << 3) | next(8);
    } else if (kind < 4) {
      stream[at++] = 0x0f;
      if (kind === 2) stream[at] = 0x38;
      if (kind === 3) stream[at] = 0x3a;
    }
    yield stream;
  }
}
