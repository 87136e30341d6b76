/** Deep copies of plain data (device states): what is equal to an earlier copy is not copied again but shared with it. */

type View = Uint8Array | Uint16Array | Uint32Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/**
 * A copy of plain data: numbers, strings, booleans, bigints, arrays, typed arrays, Maps, Sets and objects of these.
 * @param earlier a copy that nobody changes, of which equal parts (all of it, if it is equal) become part of the new copy
 * @throws TypeError for anything else: functions, class instances with private parts
 */
export function copyPlain<T>(value: T, earlier?: unknown): T;
export function copyPlain(value: unknown, earlier?: unknown): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') throw new TypeError('Plain data has no functions and no symbols');
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return copyView(value as View, earlier);
  if (Array.isArray(value)) return copyArray(value, earlier);
  if (value instanceof Map) return copyMap(value, earlier);
  if (value instanceof Set) return copySet(value, earlier);
  return copyObject(value, earlier);
}

function copyView(value: View, earlier: unknown): unknown {
  if (ArrayBuffer.isView(earlier) && earlier.constructor === value.constructor) {
    const other = earlier as View;
    if (other.length === value.length && isEqual(value, other)) return earlier;
  }
  return value.slice();
}

function isEqual(one: View, other: View): boolean {
  for (let i = 0; i < one.length; i++) if (!Object.is(one[i], other[i])) return false;
  return true;
}

function copyArray(value: readonly unknown[], earlier: unknown): unknown {
  const before: readonly unknown[] = Array.isArray(earlier) ? earlier : [];
  const copy = value.map((item, i) => copyPlain(item, before[i]));
  return Array.isArray(earlier) && before.length === copy.length && copy.every((item, i) => Object.is(item, before[i])) ? earlier : copy;
}

function copyMap(value: ReadonlyMap<unknown, unknown>, earlier: unknown): unknown {
  const before = earlier instanceof Map ? (earlier as ReadonlyMap<unknown, unknown>) : undefined;
  const copy = new Map([...value].map(([key, item]) => [key, copyPlain(item, before?.get(key))] as const));
  const keys = before ? [...before.keys()] : [];
  // The order of a map is part of it.
  return before?.size === copy.size && [...copy].every(([key, item], i) => keys[i] === key && Object.is(item, before.get(key))) ? before : copy;
}

function copySet(value: ReadonlySet<unknown>, earlier: unknown): unknown {
  const items = [...value];
  const before = earlier instanceof Set ? [...(earlier as ReadonlySet<unknown>)] : undefined;
  return before?.length === items.length && items.every((item, i) => Object.is(item, before[i])) ? earlier : new Set(items);
}

function copyObject(value: object, earlier: unknown): unknown {
  const before = typeof earlier === 'object' && earlier !== null ? (earlier as Readonly<Record<string, unknown>>) : {};
  const entries = Object.entries(value).map(([key, item]) => [key, copyPlain(item as unknown, before[key])] as const);
  const isSame = Object.keys(before).length === entries.length && entries.every(([key, item]) => key in before && Object.is(item, before[key]));
  return isSame && entries.length > 0 ? earlier : Object.fromEntries(entries);
}
