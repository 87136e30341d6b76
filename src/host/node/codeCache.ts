/**
 * V8's code cache for bundles: the bytecode of all functions of a bundle, in a file beside it. Else each thread parses its bundle anew, and each of its
 * functions once more when it is first called.
 *
 * The build writes these files (write-code-caches.ts). V8 takes what the very same V8 has made under the same flags, of a text of the same length, and
 * trusts the rest; so a header says for which Node a file was made, and has sums of text and cache. A bundle without a file that fits is compiled as usual.
 */
import { closeSync, openSync, readFileSync, readSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { crc32 } from 'node:zlib';

/** The file that belongs to a bundle. */
export const cacheOf = (bundle: string): string => `${bundle}.cache`;

/** A header is so many bytes of text, filled up with blanks: the cache behind it is of any length. */
const HEADER_BYTES = 256;

/** What CommonJS gives a module, as Node has it. The text stays on its lines; its first one is moved back by the option `columnOffset`. */
const BEFORE = '(function (exports, require, module, __filename, __dirname) { ';
const BEHIND = '\n})';

type ModuleFunction = (exports: object, require: NodeJS.Require, module: { exports: object }, filename: string, dirname: string) => void;

/** Whose V8 made a cache: another Node may have the same V8, built in another way. */
const MAKER = `node ${process.version}, v8 ${process.versions.v8}, electron ${process.versions.electron ?? 'none'}, ${process.platform} ${process.arch}`;

const headerFor = (text: Uint8Array, cache: Uint8Array): string => `code cache: ${MAKER}; text ${crc32(text)}, cache ${cache.length} ${crc32(cache)}`;

function scriptOf(file: string, text: Buffer, cachedData?: Buffer): Script {
  return new Script(`${BEFORE}${text.toString('utf8')}${BEHIND}`, {
    filename: file,
    columnOffset: -BEFORE.length,
    ...(cachedData && { cachedData }),
  });
}

/** What V8 made of a text; undefined when there is nothing that this very Node made of it, and nothing that is whole. */
function readCache(file: string, text: Uint8Array): Buffer | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch {
    return undefined;
  }
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    readSync(descriptor, header);
    const stated = header.toString('latin1').trimEnd();
    const bytes = Number(/, cache (\d+) \d+$/.exec(stated)?.[1]);
    if (!stated.includes(MAKER) || Number.isNaN(bytes)) return undefined;
    // V8 wants it where it is aligned.
    const cache = Buffer.allocUnsafeSlow(bytes);
    return readSync(descriptor, cache) === bytes && stated === headerFor(text, cache) ? cache : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * A bundle, compiled as a function of what CommonJS gives a module. Its functions need no compilation where its code cache fits; V8 must have the flags then
 * that it had when that was written.
 * @param file the bundle's absolute path
 */
export function compileBundle(file: string): { readonly script: Script; readonly fromCache: boolean } {
  const text = readFileSync(file);
  const cache = readCache(cacheOf(file), text);
  const script = scriptOf(file, text, cache);
  return { script, fromCache: cache !== undefined && script.cachedDataRejected === false };
}

/** Runs a bundle in this thread, as `require` would, but that V8 has no `import()` for what comes from a code cache. */
export function runBundle(file: string): void {
  const require = createRequire(file);
  // Node reads the source maps of what it loads itself.
  if (process.sourceMapsEnabled) {
    require(file);
    return;
  }
  const module = { exports: {} };
  (compileBundle(file).script.runInThisContext() as ModuleFunction)(module.exports, require, module, file, path.dirname(file));
}

/**
 * Writes the code cache of a bundle, for V8 with the flags that it has now.
 * All functions are in it: to read those that a machine never calls costs less than to compile the others later.
 */
export function writeCache(file: string): void {
  const text = readFileSync(file);
  let script: Script;
  setFlagsFromString('--no-lazy');
  try {
    script = scriptOf(file, text);
  } finally {
    setFlagsFromString('--lazy');
  }
  const cache = script.createCachedData();
  const whole = Buffer.concat([Buffer.from(headerFor(text, cache).padEnd(HEADER_BYTES), 'latin1'), cache]);
  // Whoever reads it meanwhile has all of it or nothing.
  const draft = `${cacheOf(file)}.${process.pid}`;
  writeFileSync(draft, whole);
  renameSync(draft, cacheOf(file));
}
