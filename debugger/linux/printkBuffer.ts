/**
 * The kernel's messages: the ring buffer of printk since 5.10 (kernel/printk/printk_ringbuffer.h), which is the same in words of
 * the processor's size on 32 and 64 bits. Descriptors say where a record's text lies in a ring of text; what is said about it
 * (time, level) is in a third array.
 */
import { littleEndian } from '../numbers';
import { userError } from '../ports';
import { textIn, type KernelMemory } from './kernelMemory';

export interface KernelMessage {
  readonly sequence: bigint;
  /** Nanoseconds since the kernel's clock has been going. */
  readonly nanoseconds: bigint;
  /** 0 (emergency) to 7 (debug). */
  readonly level: number;
  readonly text: string;
}

interface Ring {
  readonly descriptors: bigint;
  readonly infos: bigint;
  readonly count: bigint;
  readonly head: bigint;
  readonly tail: bigint;
  readonly text: bigint;
  readonly textBytes: bigint;
}

const INFO_BYTES = 88;
const MOST_BITS = 30n;
/** States in which a record is whole: committed and finalized. */
const WHOLE = new Set([1n, 2n]);

/**
 * All messages, oldest first.
 * @param ringAt linear address of the `struct printk_ringbuffer`
 */
export async function kernelMessages(memory: KernelMemory, ringAt: bigint): Promise<KernelMessage[]> {
  const ring = await readRing(memory, ringAt);
  if (!ring) throw userError("The kernel's message buffer is not as since Linux 5.10: it cannot be read.");
  const word = memory.pointerBytes;
  const idMask = (1n << BigInt(word * 8 - 2)) - 1n;
  const count = Number(ring.count);
  const [descriptors, infos, text] = await Promise.all([
    memory.read(ring.descriptors, count * 3 * word), memory.read(ring.infos, count * INFO_BYTES), memory.read(ring.text, Number(ring.textBytes)),
  ]);
  const messages: KernelMessage[] = [];
  const last = (ring.head + 1n) & idMask;
  for (let id = ring.tail & idMask, n = 0; n < count && id !== last; id = (id + 1n) & idMask, n++) {
    const index = Number(id % ring.count);
    const at = index * 3 * word;
    const field = (offset: number): bigint => littleEndian(descriptors.subarray(at + offset * word, at + (offset + 1) * word));
    const state = field(0);
    if ((state & idMask) !== id || !WHOLE.has(state >> BigInt(word * 8 - 2))) continue;
    const info = infos.subarray(index * INFO_BYTES, (index + 1) * INFO_BYTES);
    if (info.length < INFO_BYTES) break;
    const data = blockOf(text, field(1), field(2), ring.textBytes, word);
    messages.push({
      sequence: littleEndian(info.subarray(0, 8)),
      nanoseconds: littleEndian(info.subarray(8, 16)),
      level: info[19] >> 5,
      text: new TextDecoder().decode(data.subarray(0, info[16] | (info[17] << 8))),
    });
  }
  return messages;
}

/** A record's text: behind the descriptor's number, at the ring's beginning when it would not have fitted before its end. */
function blockOf(text: Uint8Array, begin: bigint, next: bigint, size: bigint, word: number): Uint8Array {
  // Odd positions stand for no text at all.
  if ((begin & 1n) === 1n || begin === next) return new Uint8Array(0);
  const wraps = begin / size !== (next - 1n) / size;
  const start = wraps ? 0 : Number(begin % size);
  const end = Number((next - 1n) % size) + 1;
  return text.subarray(start + word, Math.max(start + word, end));
}

async function readRing(memory: KernelMemory, at: bigint): Promise<Ring | undefined> {
  const word = memory.pointerBytes;
  const bytes = await memory.read(at, 12 * word);
  if (bytes.length < 12 * word) return undefined;
  const field = (index: number): bigint => littleEndian(bytes.subarray(index * word, (index + 1) * word));
  const bits = (index: number): bigint => littleEndian(bytes.subarray(index * word, index * word + 4));
  const isSize = (index: number): boolean => bits(index) >= 4n && bits(index) <= MOST_BITS;
  if (!isSize(0) || !memory.isKernelAddress(field(1)) || !memory.isKernelAddress(field(2))) return undefined;
  // The number of the record that was finalized last came with 5.18.
  const second = [6, 5].find((index) => isSize(index) && memory.isKernelAddress(field(index + 1)));
  if (second === undefined) return undefined;
  return {
    descriptors: field(1), infos: field(2), count: 1n << bits(0), head: field(3), tail: field(4),
    text: field(second + 1), textBytes: 1n << bits(second),
  };
}

/** Whether there is a message buffer at an address. */
export async function isPrintkRing(memory: KernelMemory, at: bigint): Promise<boolean> {
  const ring = await readRing(memory, at);
  if (!ring) return false;
  const [info, text] = await Promise.all([memory.read(ring.infos, INFO_BYTES), memory.read(ring.text, 64)]);
  return info.length === INFO_BYTES && text.length === 64 && /[ -~]{8}/.test(textIn(text.subarray(memory.pointerBytes)));
}

/** A message as `dmesg` prints it: '[    0.561426] text', each line of it with the time in front. */
export function messageLines({ nanoseconds, text }: KernelMessage): string[] {
  const microseconds = nanoseconds / 1000n;
  const time = `[${(microseconds / 1_000_000n).toString().padStart(5)}.${(microseconds % 1_000_000n).toString().padStart(6, '0')}] `;
  return text.split('\n').map((line) => time + line);
}
