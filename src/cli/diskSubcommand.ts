/** `shadowbox disk`: makes disk images, says what is in them, checks and converts them. */
import { rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { nodeFiles } from '../host/node/fileAccess';
import { ImageError, type DiskImage, type ImageFormat } from '../monitor/disks/image';
import { acceptParent, copyDisk, createImage, openImage, type OpenedImage } from '../monitor/disks/open';
import { nearestWord } from '../monitor/machine/configurationSpelling';
import { DISK_HELP } from './help';
import { UsageError } from './options';
import { STATUS } from './status';
import type { Surroundings } from './surroundings';

const FORMATS: readonly ImageFormat[] = ['raw', 'qcow2', 'vhd', 'vhdx'];
const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };
const OPTIONS = {
  size: { type: 'string' }, format: { type: 'string' }, backing: { type: 'string' }, 'block-size': { type: 'string' }, fixed: { type: 'boolean' }, help: { type: 'boolean', short: 'h' },
} as const;
/** Progress is told when it takes longer than this, and as often, in milliseconds. */
const PROGRESS_MS = 1000;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>>['values'];

interface Task {
  readonly values: Values;
  readonly surroundings: Surroundings;
  /** Absolute paths. */
  readonly files: readonly string[];
}

function bytesOf(written: string, option: string): number {
  const parts = /^(\d+(?:\.\d+)?)([kmgt]?)(?:i?b)?$/i.exec(written);
  const bytes = parts === null ? Number.NaN : Number(parts[1]) * UNITS[parts[2].toLowerCase()];
  if (!Number.isSafeInteger(bytes) || bytes <= 0) throw new UsageError(`--${option}: '${written}' is not a size; write e.g. --${option} 10G`);
  return bytes;
}

function isFormat(word: string): word is ImageFormat {
  return (FORMATS as readonly string[]).includes(word);
}

/** As asked for, or as the file's name says; raw otherwise. */
function formatOf(file: string, { format }: Values): ImageFormat {
  const extension = path.extname(file).slice(1).toLowerCase();
  if (format === undefined) return isFormat(extension) ? extension : 'raw';
  if (!isFormat(format)) throw new UsageError(`--format: '${format}' is not known; write one of ${FORMATS.join(', ')}`);
  return format;
}

function creationOf(file: string, values: Values): { readonly format: ImageFormat; readonly fixed?: boolean; readonly blockBytes?: number } {
  return {
    format: formatOf(file, values),
    ...(values.fixed === true ? { fixed: true } : {}),
    ...(values['block-size'] === undefined ? {} : { blockBytes: blockBytesOf(formatOf(file, values), values['block-size']) }),
  };
}

/** Limits of cluster and block sizes by format, bytes; all are powers of two. */
const BLOCKS: Readonly<Partial<Record<ImageFormat, readonly [number, number]>>> = { qcow2: [512, 2 * 1024 ** 2], vhd: [4096, 256 * 1024 ** 2], vhdx: [1024 ** 2, 256 * 1024 ** 2] };

function blockBytesOf(format: ImageFormat, written: string): number {
  const bytes = bytesOf(written, 'block-size');
  const limits = BLOCKS[format];
  if (limits === undefined) throw new UsageError('--block-size: a raw image has no blocks');
  if (bytes < limits[0] || bytes > limits[1] || !Number.isInteger(Math.log2(bytes))) throw new UsageError(`--block-size: '${written}' is not possible for ${format}; write a power of two from ${limits[0]} to ${limits[1]}`);
  return bytes;
}

function sizeText(bytes: number): string {
  for (const unit of ['t', 'g', 'm', 'k']) {
    if (bytes >= UNITS[unit]) return `${Number((bytes / UNITS[unit]).toFixed(2))} ${unit.toUpperCase()}iB (${bytes} bytes)`;
  }
  return `${bytes} bytes`;
}

function create({ files: [file], values }: Task): number {
  const { size, backing } = values;
  let bytes = size === undefined ? undefined : bytesOf(size, 'size');
  const base = backing === undefined ? undefined : path.resolve(path.dirname(file), backing);
  if (bytes === undefined && base !== undefined) {
    const parent = openImage(nodeFiles, base, { writable: false });
    bytes = parent.image.bytes;
    parent.image.close();
  }
  if (bytes === undefined) throw new UsageError('the size of the disk is missing: --size 10G');
  createImage(nodeFiles, file, { ...creationOf(file, values), bytes, ...(base === undefined ? {} : { backing: base }) });
  return STATUS.done;
}

function lines(opened: OpenedImage, depth: number): string[] {
  const { format, kind, bytes, blockBytes, identifier, parent, snapshots, notes } = opened.image.describe();
  const fields: readonly (readonly [string, string | undefined])[] = [
    ['format', kind === format ? format : `${format}, ${kind}`], ['disk', sizeText(bytes)], ['file', sizeText(statSync(opened.path).size)],
    ['blocks', blockBytes === undefined ? undefined : sizeText(blockBytes)], ['identifier', identifier],
    ['parent', parent === undefined ? undefined : `${parent.path}${parent.identifier === undefined ? '' : ` (${parent.identifier})`}`],
    ['snapshots', snapshots.length === 0 ? undefined : snapshots.join(', ')],
  ];
  const indent = '  '.repeat(depth);
  return [
    `${indent}${opened.path}`,
    ...fields.flatMap(([name, value]) => (value === undefined ? [] : [`${indent}  ${`${name}:`.padEnd(12)}${value}`])),
    ...notes.map((note) => `${indent}  ${note}`),
    ...(opened.parent === undefined ? [] : lines(opened.parent, depth + 1)),
  ];
}

function info({ files: [file], surroundings }: Task): number {
  const opened = openImage(nodeFiles, file, { writable: false });
  surroundings.stdout.write(`${lines(opened, 0).join('\n')}\n`);
  opened.image.close();
  return STATUS.done;
}

function check({ files: [file], surroundings }: Task): number {
  const { image } = openImage(nodeFiles, file, { writable: false });
  const { errors, leakedBytes } = image.check();
  image.close();
  const leak = leakedBytes > 0 ? `; ${sizeText(leakedBytes)} of the file are not in use` : '';
  surroundings.stdout.write(errors.length === 0 ? `${file}: no errors${leak}\n` : `${file}: damaged\n${errors.map((error) => `  ${error}\n`).join('')}`);
  return errors.length === 0 ? STATUS.done : STATUS.dead;
}

function copy(source: DiskImage, target: DiskImage, { stderr }: Surroundings): void {
  let told = performance.now();
  copyDisk(source, target, (done) => {
    const now = performance.now();
    if (now - told < PROGRESS_MS) return;
    told = now;
    stderr.write(`shadowbox: ${Math.floor((done / source.bytes) * 100)} % converted\n`);
  });
}

function convert({ files: [from, to], values, surroundings }: Task): number {
  const source = openImage(nodeFiles, from, { writable: false }).image;
  try {
    createImage(nodeFiles, to, { ...creationOf(to, values), bytes: source.bytes });
    try {
      const target = openImage(nodeFiles, to, { writable: true, format: formatOf(to, values) }).image;
      copy(source, target, surroundings);
      target.close();
    } catch (error) {
      rmSync(to, { force: true });
      throw error;
    }
  } finally {
    source.close();
  }
  return STATUS.done;
}

function accept({ files: [file] }: Task): number {
  acceptParent(nodeFiles, file);
  return STATUS.done;
}

/** What there is to do: how many files it takes, and which options. */
const TASKS: Readonly<Record<string, { readonly run: (task: Task) => number; readonly files: number; readonly options: readonly string[] }>> = {
  create: { run: create, files: 1, options: ['size', 'format', 'fixed', 'backing', 'block-size'] },
  info: { run: info, files: 1, options: [] },
  check: { run: check, files: 1, options: [] },
  convert: { run: convert, files: 2, options: ['format', 'fixed', 'block-size'] },
  'accept-parent': { run: accept, files: 1, options: [] },
};

function read(words: readonly string[]): { readonly values: Values; readonly positionals: readonly string[] } {
  try {
    return parseArgs({ args: [...words], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.split('. ')[0] : String(error));
  }
}

/** Does what follows `shadowbox disk`. @returns the exit status */
export async function disk(words: readonly string[], surroundings: Surroundings): Promise<number> {
  const { values, positionals: [name, ...files] } = read(words);
  if (values.help === true) {
    surroundings.stdout.write(DISK_HELP);
    return STATUS.done;
  }
  const names = Object.keys(TASKS);
  if (name === undefined) throw new UsageError(`disk: write what to do: ${names.join(', ')}`);
  if (!Object.hasOwn(TASKS, name)) {
    const nearest = nearestWord(name, names);
    throw new UsageError(`there is no disk ${name}; ${nearest === undefined ? `there are: ${names.join(', ')}` : `did you mean ${nearest}?`}`);
  }
  const task = TASKS[name];
  const stranger = Object.keys(values).find((option) => !task.options.includes(option));
  if (stranger !== undefined) throw new UsageError(`disk ${name} takes no --${stranger}`);
  if (files.length !== task.files) throw new UsageError(`disk ${name} takes ${task.files === 1 ? 'one file' : 'two files: from, and to'}`);
  try {
    return task.run({ values, surroundings, files: files.map((file) => path.resolve(surroundings.cwd, file)) });
  } catch (error) {
    if (error instanceof ImageError || error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}
