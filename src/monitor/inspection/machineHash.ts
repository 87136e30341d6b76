/**
 * A hash of a whole machine: memory, CPU, devices, what is due. Equal states hash equally whatever engine
 * ran them: derived structures (TLBs, shadow tables, decoded code) are no part of it.
 */
import type { Cpu } from '../cpu/cpu';
import * as L from '../cpu/layout';
import { flagsIn } from '../cpu/state';
import { PAGE_BYTES } from '../memory/layout';
import type { PhysicalMap } from '../memory/physicalMap';

/** Two 32-bit lanes of multiply-and-rotate, in the manner of MurmurHash3's mixing. */
class Hasher {
  private a = 0x9747b28c;
  private b = 0x85ebca6b;

  word(value: number): void {
    let k = Math.imul(value, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    this.a = Math.imul((((this.a ^ k) << 13) | ((this.a ^ k) >>> 19)) + 0x27d4eb2f, 5);
    this.b = Math.imul(this.b ^ value, 0x01000193) ^ (this.a >>> 11);
  }

  text(value: string): void {
    this.word(value.length);
    for (let i = 0; i < value.length; i++) this.word(value.charCodeAt(i));
  }

  /** 64 bits in hexadecimal. */
  digest(): string {
    const finish = (x: number): string => {
      let h = x ^ (x >>> 16);
      h = Math.imul(h, 0x85ebca6b);
      h ^= h >>> 13;
      h = Math.imul(h, 0xc2b2ae35);
      h ^= h >>> 16;
      return (h >>> 0).toString(16).padStart(8, '0');
    };
    return finish(this.a) + finish(this.b);
  }
}

/** Parts of the state block that engines use for themselves. */
const ENGINE_PRIVATE: readonly (readonly [number, number])[] = [
  [L.EIP_BASE, 8],
  [L.FLAG_RESULT, 8],
  [L.FLAG_AUX, 4],
  [L.REMAINING, 4],
  [L.EXIT_REASON, 4],
  [L.EXIT_RECORD, 4],
  [L.TLB_READ_TABLE, 12],
  [L.STOP_REQUESTED, 4],
  [L.LINEAR_MASK, 8],
];

/** A virtual CPU's state block, the active one's or one that waits for its turn. */
function hashCpu(hasher: Hasher, block: Uint8Array): void {
  const flags = flagsIn(new DataView(block.buffer, block.byteOffset), 0);
  const bytes = block.slice(0, L.CPU_STATE_END);
  for (const [start, count] of ENGINE_PRIVATE) bytes.fill(0, start, start + count);
  for (const byte of bytes) hasher.word(byte);
  hasher.word(flags);
}

function hashMemory(hasher: Hasher, map: PhysicalMap): void {
  const words = map.machine.i32;
  for (const [page, frame] of map.framed()) {
    const start = (frame * PAGE_BYTES) >> 2;
    const end = start + PAGE_BYTES / 4;
    let any = 0;
    for (let i = start; i < end; i++) any |= words[i] ?? 0;
    // A frame of zeros is as good as none: when RAM is first touched is not part of the state.
    if (any === 0) continue;
    hasher.word(page);
    for (let i = start; i < end; i++) hasher.word(words[i] ?? 0);
  }
}

/** Plain data of any shape, in a fixed order. */
function hashPlain(hasher: Hasher, value: unknown): void {
  if (value === null || value === undefined) return hasher.text('-');
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string' || typeof value === 'bigint') {
    return hasher.text(`${typeof value}:${String(value)}`);
  }
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    hasher.word(bytes.length);
    for (const byte of bytes) hasher.word(byte);
    return;
  }
  if (Array.isArray(value)) {
    hasher.word(value.length);
    for (const item of value) hashPlain(hasher, item);
    return;
  }
  const entries: readonly (readonly [unknown, unknown])[] =
    value instanceof Map ? [...value.entries()] : value instanceof Set ? [...value].map((item) => [item, true] as const) : Object.entries(value);
  const ordered = entries.map(([key, item]) => [String(key), item] as const).sort((x, y) => (x[0] < y[0] ? -1 : x[0] > y[0] ? 1 : 0));
  hasher.word(ordered.length);
  for (const [key, item] of ordered) {
    hasher.text(key);
    hashPlain(hasher, item);
  }
}

/**
 * The machine's hash, 16 hexadecimal digits. `waiting`: the state blocks of the CPUs whose turn it is not. `states`: device
 * states and the event queue's, by name.
 */
export function machineHash(cpu: Cpu, waiting: readonly Uint8Array[], states: Readonly<Record<string, unknown>>): string {
  const hasher = new Hasher();
  for (const block of [cpu.state.block, ...waiting]) hashCpu(hasher, block);
  hashMemory(hasher, cpu.mmu.map);
  hashPlain(hasher, states);
  hasher.word(cpu.mmu.map.a20 ? 1 : 0);
  return hasher.digest();
}
