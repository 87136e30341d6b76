/** When memory holds a text: the one rule, for what the monitor and the adapter compare. */

/**
 * Whether the text in some bytes, which ends before its first zero or behind `room` bytes, is `text` (without a zero).
 * @param byteAt asked from 0 up, for nothing behind the first difference: what lies there may not be readable
 */
export function isText(text: Uint8Array, room: number, byteAt: (index: number) => number): boolean {
  const end = Math.min(text.length + 1, room);
  for (let index = 0; index < end; index++) {
    if (byteAt(index) !== (index < text.length ? text[index] : 0)) return false;
  }
  return room >= text.length;
}
