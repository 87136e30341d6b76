/** Streams of random instruction bytes that are the same in each run, with more prefixes than chance gives. */

const PREFIXES = [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
export const STREAM_BYTES = 24;

/** Gives `count` byte streams, one buffer used again and again; those for 64-bit mode have REX often. */
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
    const escape = next(5);
    if (escape < 3) stream[at++] = 0x0f;
    if (escape > 0 && escape < 3) stream[at] = escape === 1 ? 0x38 : 0x3a;
    yield stream;
  }
}
