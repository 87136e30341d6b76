/** `shadowbox run`: boots a guest, leads its serial port to the terminal, and ends with a status that says how it went. */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { version } from '../../package.json';
import { fileFault } from '../host/node/fileFault';
import { resolveConfiguration } from '../host/node/recordings/open';
import { saveRecording } from '../host/node/recordings/save';
import { isFieldName, problemText } from '../monitor/machine/configuration';
import type { MachineConfiguration } from '../monitor/machine/configuration';
import { floppiesIn, type MachineImages } from '../monitor/machine/images';
import { isSame } from '../monitor/machine/position';
import type { MachineSession } from '../monitor/machine/session';
import { debuggingOf, type Debugging } from './gdb';
import { UsageError, optionFor } from './options';
import type { RunOptions } from './options';
import { openSerialFile, readKeys } from './serialConsole';
import { statusOf, storyOf } from './status';
import type { Ending } from './status';
import type { Surroundings } from './surroundings';

/** The port that `serial` and `--until` are about. */
/** Tones are for panels that can play them. */
const SPEAKER = 'speaker';
const SERIAL = 'com1';
/** The virtio console's. */
const CONSOLE = 'hvc0';
/** How much of the serial output `--until` can see at once, in characters. */
const UNTIL_WINDOW = 65_536;

/** The configuration file's values; none without a file. */
async function fileValues(file: string | undefined, cwd: string): Promise<Readonly<Record<string, unknown>>> {
  if (file === undefined) return {};
  let text: string;
  try {
    text = await readFile(path.resolve(cwd, file), 'utf8');
  } catch (error) {
    throw new UsageError(fileFault(file, error));
  }
  try {
    const values: unknown = JSON.parse(text);
    if (typeof values !== 'object' || values === null || Array.isArray(values)) throw new SyntaxError('it is not an object');
    return { ...values };
  } catch (error) {
    throw new UsageError(`${file}: this is no configuration (${error instanceof Error ? error.message : String(error)}); write a JSON object such as { "kernel": "vmlinuz" }`);
  }
}

/** What the configuration of file and options together comes to. Throws UsageError with all that is wrong, a line each. */
async function imagesOf(options: RunOptions, { cwd, stderr }: Surroundings): Promise<MachineImages> {
  const values = await fileValues(options.configurationFile, cwd);
  const folder = options.configurationFile === undefined ? cwd : path.dirname(path.resolve(cwd, options.configurationFile));
  const written = { ...values, ...options.fields };
  // Who debugs will want to go back; without a debugger nobody could. Snapshots that are to be saved are those of time travel.
  const goesBack = isGiven(written.gdbPort) || (options.record !== undefined && options.snapshots);
  const validation = await resolveConfiguration(goesBack ? { timeTravel: true, ...written } : written, {
    front: 'commandLine',
    resolvePath: (file, field) => path.resolve(field in options.fields ? cwd : folder, file),
  }, version);
  if ('problems' in validation) {
    const named = (field: string): string => (isFieldName(field) && (field in options.fields || !(field in values)) ? optionFor(field) : field);
    throw new UsageError(validation.problems.map((problem) => problemText({ ...problem, field: named(problem.field) })).join('\n'));
  }
  for (const { field, message } of validation.notices) stderr.write(`shadowbox: ${optionFor(field)}: ${message}\n`);
  const images = await validation.load();
  if (options.to !== undefined && images.recording === undefined) throw new UsageError('--to is about a recording: shadowbox replay FILE --to N');
  const { snapshots, ...others } = images;
  const chosen = options.fromStart || snapshots === undefined ? others : images;
  // What the guest writes to its disks itself is kept for time travel, and a recording begins from there.
  const isKept = options.record !== undefined && !isGiven(written.timeTravel) && [...images.disks, ...floppiesIn(images)].some((disk) => disk !== null && (disk.writable || disk.overlay !== undefined));
  return isKept ? { ...chosen, configuration: { ...chosen.configuration, timeTravel: true } } : chosen;
}

/** null and undefined count as left out. */
const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

/** Looks for `--until` in serial output as it comes. */
function untilWatcher(until: RegExp): (bytes: Uint8Array) => boolean {
  const decoder = new TextDecoder();
  let seen = '';
  return (bytes) => {
    seen = (seen + decoder.decode(bytes, { stream: true }).replaceAll('\r', '')).slice(-UNTIL_WINDOW);
    return until.test(seen);
  };
}

/** Where the output of the serial port, or of the virtio console, goes; undefined: nowhere. */
async function outputTo(where: string, stdout: Writable): Promise<Writable | undefined> {
  if (where === 'none') return undefined;
  return where === 'stdio' || where === 'terminal' ? stdout : openSerialFile(where);
}

/** What is typed goes to the virtio console if that is on standard input, else to the serial port. */
function keyboardPort({ console: where }: MachineConfiguration): string {
  return where === 'stdio' || where === 'terminal' ? CONSOLE : SERIAL;
}

/** Sets the guest going and waits until it, or somebody, ends the run; the machine stands afterwards. */
async function runToEnd(session: MachineSession, debugging: Debugging, { configuration, recording }: MachineImages, options: RunOptions, outputs: ReadonlyMap<string, Writable | undefined>, surroundings: Surroundings): Promise<Ending> {
  const { stdin, stderr } = surroundings;
  const undo: (() => void)[] = [];
  const ending = await new Promise<Ending>((end, fail) => {
    const matches = options.until === undefined ? undefined : untilWatcher(options.until);
    session.onEvent((event) => {
      if (event.kind === 'stopped') {
        if (!debugging.has) end({ kind: 'stopped', report: event.report });
      }
      else if (event.kind === 'message') stderr.write(`shadowbox: ${event.text}\n`);
      else if (event.kind === 'output' && !outputs.has(event.channel) && event.channel !== SPEAKER) stderr.write(event.bytes);
      else if (event.kind === 'output') {
        outputs.get(event.channel)?.write(event.bytes);
        if (event.channel === SERIAL && matches?.(event.bytes) === true) end({ kind: 'matched' });
      }
    });
    if (options.timeout !== undefined) {
      const timer = setTimeout(() => end({ kind: 'timeout' }), options.timeout * 1000);
      undo.push(() => clearTimeout(timer));
    }
    undo.push(surroundings.onInterrupt(() => end({ kind: 'interrupted' })));
    for (const output of outputs.values()) {
      if (output === undefined) continue;
      // The reader of our pipe has left (`| head`), or the disk is full: there is nobody left to run for.
      const onError = (): void => end({ kind: 'interrupted' });
      output.on('error', onError);
      undo.push(() => { if (output !== surroundings.stdout) output.end(); });
    }
    if ([...outputs.values()].includes(surroundings.stdout)) {
      undo.push(readKeys(stdin, (bytes) => session.control.input({ kind: 'serial', port: keyboardPort(configuration), bytes }), () => end({ kind: 'quit' })));
    }
    debugging.onEnd(end);
    if (debugging.waits) return;
    if (recording !== undefined) {
      session.control.travel(options.to ?? 'recorded').catch(fail);
      return;
    }
    const count = configuration.maxInstructions;
    session.control.resume(count === undefined ? { kind: 'continue' } : { kind: 'instructions', count }).catch(fail);
  }).finally(() => { for (const each of undo) each(); });
  if (ending.kind !== 'stopped') await session.control.pause();
  return ending;
}

async function report(session: MachineSession, ending: Ending, status: number, wallSeconds: number, options: RunOptions, { cwd, stderr }: Surroundings): Promise<void> {
  if (options.hash) stderr.write(`hash: ${await session.inspect.hash()}\n`);
  if (options.stats === undefined) return;
  const { retired, time } = await session.inspect.summary();
  const reason = ending.kind === 'stopped' ? ending.report.reason.kind : ending.kind;
  const stats = { reason, status, wallSeconds, retired, timeCycles: time, counters: await session.inspect.counters() };
  try {
    await writeFile(path.resolve(cwd, options.stats), `${JSON.stringify(stats, undefined, 2)}\n`);
  } catch (error) {
    throw new UsageError(`--stats: ${fileFault(options.stats, error)}`);
  }
}

/** Says so when a recording has not come out as it was recorded. */
async function verify({ control, inspect }: MachineSession, { recording }: MachineImages, { stderr }: Surroundings): Promise<void> {
  if (recording === undefined) return;
  const { position, hash } = recording.stood;
  const { stood } = await control.record();
  if (isSame(position, stood.position) && hash !== await inspect.hash()) {
    stderr.write('shadowbox: the machine has not come to the state that was recorded here: its hash is another one\n');
  }
}

async function save(session: MachineSession, images: MachineImages, file: string, { embed, snapshots }: RunOptions, { cwd, stderr }: Surroundings): Promise<void> {
  const { bytes, needed, note } = await saveRecording(session, images, path.resolve(cwd, file), { embed, snapshots, version });
  stderr.write(`shadowbox: saved ${file} (${bytes} bytes)${needed.length === 0 ? '' : `; whoever opens it needs ${needed.join(', ')}, too`}\n`);
  if (note !== undefined) stderr.write(`shadowbox: ${file}: ${note}\n`);
}

/** Waits until what was written has left the process. */
async function flushed(stream: Writable): Promise<void> {
  if (stream.writableNeedDrain && !stream.destroyed) await Promise.race([once(stream, 'drain'), once(stream, 'close')]);
}

/**
 * Runs a guest to its end.
 * @returns the exit status
 * @throws UsageError, LoadError or MachineError when it cannot be started
 */
export async function run(options: RunOptions, surroundings: Surroundings): Promise<number> {
  const images = await imagesOf(options, surroundings);
  const { configuration } = images;
  const { stdout } = surroundings;
  const outputs = new Map([[SERIAL, await outputTo(configuration.serial, stdout)], [CONSOLE, await outputTo(configuration.console, stdout)]]);
  const session = await surroundings.launch(images);
  const debugging = await debuggingOf(session, images, surroundings);
  try {
    const start = performance.now();
    const ending = await runToEnd(session, debugging, images, options, outputs, surroundings);
    const wallSeconds = (performance.now() - start) / 1000;
    const waited = options.until !== undefined && ending.kind !== 'matched';
    const status = statusOf(ending, waited);
    const story = storyOf(ending, waited);
    if (story !== '') surroundings.stderr.write(`shadowbox: ${story}\n`);
    await verify(session, images, surroundings);
    await report(session, ending, status, wallSeconds, options, surroundings);
    if (options.record !== undefined) await save(session, images, options.record, options, surroundings);
    await flushed(surroundings.stdout);
    return status;
  } finally {
    debugging.close();
    await session.dispose();
  }
}
