/**
 * The interpreter's modules, written once and for all: the base module, and each group of handlers, for 64-bit and for other code. To write
 * those that every machine needs takes a fifth of a second while V8 does not know the code that does it; so the build does it
 * (host/node/write-modules.ts), and a machine's thread reads what it has left. Without that they are written when they are needed.
 */
import { allGroups, groupOf } from './handlerSet';
import { PAIR_HANDLERS } from '../memory/layout';
import { sameHandler } from './handlerKeys';
import { SPECIAL } from './specialHandlers';
import { buildBase, buildHandlers, buildLoop, type HandlerModule } from './interpreterModule';

/** An instruction of the group that all code has. */
const OF_ALL_CODE = 'mov';

/** Entries of the function table for handlers that have a fixed place: those that make pairs. */
export const TABLE_HANDLERS = PAIR_HANDLERS;
/** Where the handlers of integer instructions begin in it: of 64-bit code, and of other code, which the special handlers stand in front of. */
const LONG_FIRST = TABLE_HANDLERS / 2;
const OTHER_FIRST = SPECIAL.length;

let base: (() => Uint8Array) | undefined;
const loops = new Map<boolean, () => Uint8Array>();
const groups = new Map<string, () => HandlerModule>();

/** The base module. */
export function baseModule(): Uint8Array {
  return base?.() ?? buildBase();
}

/** The handlers of the group that the instructions of a name are in, for 64-bit code or for other code. */
export function handlerModule(name: string, long: boolean): HandlerModule {
  const names = groupOf(name);
  return groups.get(groupKey(names, long))?.() ?? buildHandlers(names, long, firstEntry(names, long));
}

/** The loop that stands in front of the handlers of integer instructions, in 64-bit code or in other code. */
export function loopModule(long: boolean): Uint8Array {
  return loops.get(long)?.() ?? buildLoop(groupOf(OF_ALL_CODE), long, firstOf(long));
}

/** The place of a group's handlers in the function table; undefined where they may stand anywhere. */
export function firstEntry(names: readonly string[], long: boolean): number | undefined {
  if (!names.includes(OF_ALL_CODE)) return undefined;
  return firstOf(long);
}

const firstOf = (long: boolean): number => (long ? LONG_FIRST : OTHER_FIRST);

/** What a group in one kind of code is called. */
export const groupKey = (names: readonly string[], long: boolean): string => `${names[0] ?? ''} ${long ? 'long' : ''}`;

/** A group as it lies behind the table of contents: what is known of its module in JSON, then the module, each so many bytes. */
interface WrittenGroup {
  readonly key: string;
  readonly about: number;
  readonly bytes: number;
}

/** What stands before all else: how many bytes there are of everything, in its order. */
interface Contents {
  readonly base: number;
  readonly loops: readonly { readonly long: boolean; readonly bytes: number }[];
  readonly groups: readonly WrittenGroup[];
}

type AboutModule = Omit<HandlerModule, 'bytes'>;

const LENGTH_BYTES = 4;

const toJson = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const fromJson = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));

/** Writes the modules: the length of a table of contents in JSON (32 bits, little-endian), that table, the base module, the loops, and all groups. */
export function writeModules(): Uint8Array {
  const written = allGroups().flatMap((names) =>
    [false, true].map((long) => {
      const { bytes, ...about } = buildHandlers(names, long, firstEntry(names, long));
      return { key: groupKey(names, long), about: toJson(about satisfies AboutModule), bytes };
    }),
  );
  const first = buildBase();
  const loops = [false, true].map((long) => ({ long, bytes: buildLoop(groupOf(OF_ALL_CODE), long, firstOf(long)) }));
  const contents: Contents = {
    base: first.length,
    loops: loops.map(({ long, bytes }) => ({ long, bytes: bytes.length })),
    groups: written.map(({ key, about, bytes }) => ({ key, about: about.length, bytes: bytes.length })),
  };
  const head = toJson(contents);
  const parts = [head, first, ...loops.map(({ bytes }) => bytes), ...written.flatMap(({ about, bytes }) => [about, bytes])];
  const all = new Uint8Array(LENGTH_BYTES + parts.reduce((sum, { length }) => sum + length, 0));
  new DataView(all.buffer).setUint32(0, head.length, true);
  let at = LENGTH_BYTES;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Gives bytes of a file, from an offset on. */
export type ReadBytes = (offset: number, bytes: number) => Uint8Array;

/**
 * Takes modules from a file that `writeModules` of this very build has written. Each is read when it is asked for, and not kept: V8 has a copy
 * of its own of what it compiles.
 */
export function takeModules(read: ReadBytes): void {
  const length = read(0, LENGTH_BYTES);
  const headBytes = new DataView(length.buffer, length.byteOffset).getUint32(0, true);
  const contents = fromJson(read(LENGTH_BYTES, headBytes)) as Contents;
  let at = LENGTH_BYTES + headBytes;
  const next = (bytes: number): (() => Uint8Array) => {
    const offset = at;
    at += bytes;
    return () => read(offset, bytes);
  };
  base = next(contents.base);
  for (const { long, bytes } of contents.loops) loops.set(long, next(bytes));
  for (const { key, about, bytes } of contents.groups) {
    const [description, module] = [next(about), next(bytes)];
    groups.set(key, () => {
      const { handlers, pairs } = fromJson(description()) as AboutModule;
      return { bytes: module(), handlers: handlers.map(sameHandler), pairs };
    });
  }
}
