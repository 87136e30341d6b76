/**
 * Plain data (what ../../../monitor/snapshot/plainCopy copies) as text and bytes. JSON holds what it can; the rest is a list whose first
 * item is the name of what follows. Larger arrays of numbers lie outside, each of equal contents once.
 */
import { createHash } from 'node:crypto';
import { WrongRecording } from './fields';

const ARRAYS = { Uint8Array, Uint16Array, Uint32Array, Int8Array, Int16Array, Int32Array, Float32Array, Float64Array } as const;
type ArrayName = keyof typeof ARRAYS;
type NumberArray = InstanceType<(typeof ARRAYS)[ArrayName]>;

const isArrayName = (name: string): name is ArrayName => Object.hasOwn(ARRAYS, name);
const isNumberArray = (value: object): value is NumberArray => isArrayName(value.constructor.name);

/** Bytes that data points into. What comes again is where it was. */
export class BytePool {
  private readonly places = new Map<string, number>();
  private waiting: Uint8Array[] = [];
  private end = 0;

  /** The place of these bytes, in the order in which `take` gives them. */
  add(bytes: Uint8Array): number {
    const digest = createHash('sha256').update(bytes).digest('base64');
    const known = this.places.get(digest);
    if (known !== undefined) return known;
    const at = this.end;
    this.places.set(digest, at);
    this.waiting.push(bytes);
    this.end += bytes.length;
    return at;
  }

  /** What has come in since this was last asked. */
  take(): readonly Uint8Array[] {
    const { waiting } = this;
    this.waiting = [];
    return waiting;
  }
}

/** Data as JSON has it. @throws TypeError for what is not plain */
export function encodePlain(value: unknown, pool: BytePool): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (value === undefined) return ['undefined'];
  if (typeof value === 'bigint') return ['bigint', value.toString()];
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0) ? value : ['number', Object.is(value, -0) ? '-0' : String(value)];
  if (typeof value !== 'object') throw new TypeError(`A ${typeof value} is not plain data`);
  const each = (item: unknown): unknown => encodePlain(item, pool);
  if (Array.isArray(value)) return ['list', ...value.map(each)];
  if (value instanceof Map) return ['map', ...[...value].map(([key, item]) => [each(key), each(item)])];
  if (value instanceof Set) return ['set', ...[...value].map(each)];
  if (isNumberArray(value)) return [value.constructor.name, pool.add(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)), value.length];
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, each(item)]));
}

/** The data again. @throws WrongRecording that says what is no data */
export function decodePlain(value: unknown, bytes: Uint8Array): unknown {
  if (!Array.isArray(value)) {
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, decodePlain(item, bytes)]));
  }
  const [name, ...items]: readonly unknown[] = value;
  const [first, second] = items;
  const each = (item: unknown): unknown => decodePlain(item, bytes);
  switch (name) {
    case 'undefined': return undefined;
    case 'bigint': return bigintOf(first);
    case 'number': return Number(first);
    case 'list': return items.map(each);
    case 'set': return new Set(items.map(each));
    case 'map': return new Map(items.map(pairOf).map(([key, item]) => [each(key), each(item)]));
    default:
      if (typeof name !== 'string' || !isArrayName(name)) throw new WrongRecording(`${String(name)} is no kind of data`);
      return arrayOf(name, first, second, bytes);
  }
}

function bigintOf(text: unknown): bigint {
  if (typeof text !== 'string' || !/^-?\d+$/.test(text)) throw new WrongRecording('a number of many digits is none');
  return BigInt(text);
}

function pairOf(pair: unknown): readonly [unknown, unknown] {
  if (!Array.isArray(pair) || pair.length !== 2) throw new WrongRecording('a map has no pairs');
  return [pair[0], pair[1]];
}

function arrayOf(name: ArrayName, at: unknown, length: unknown, bytes: Uint8Array): NumberArray {
  const { BYTES_PER_ELEMENT } = ARRAYS[name];
  if (typeof at !== 'number' || typeof length !== 'number' || !(at >= 0 && at + length * BYTES_PER_ELEMENT <= bytes.length)) throw new WrongRecording('numbers lie outside');
  // A copy: it is aligned, and its owner may change it.
  const copy = new Uint8Array(length * BYTES_PER_ELEMENT);
  copy.set(bytes.subarray(at, at + copy.length));
  return new ARRAYS[name](copy.buffer);
}
