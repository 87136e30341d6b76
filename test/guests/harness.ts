/**
 * Boots whole guests for tests: a machine in this process, driven slice by slice to an exact moment, and the
 * `shadowbox` command as a process of its own.
 *
 * The machine's code is bundled first, as in dist/: a tool that compiles TypeScript file by file costs the
 * interpreter several times its speed.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import type { KeyCode } from '../../src/monitor/devices/device';
import type { TranslationService } from '../../src/monitor/engine/translator/order';
import type { MachineConfiguration } from '../../src/monitor/machine/configuration';
import type { FileStore, MachineImages } from '../../src/monitor/machine/images';
import type { RunnableMachine } from '../../src/monitor/machine/runnable';
import type { RunRecord, StopReason } from '../../src/monitor/machine/session';
import type * as MonitorModule from './monitor';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
export const SAMPLES = path.join(CHECKOUT, 'samples');
export const GUESTS = path.join(CHECKOUT, '.cache', 'guests');
/** Where Debian's package seabios has it. */
export const SEABIOS = '/usr/share/seabios/bios-256k.bin';

/** A guest that has not got where it should after this much real time has failed, in milliseconds. */
const PATIENCE_MS = 60_000;

type Monitor = typeof MonitorModule;
let bundled: Monitor | undefined;

/** The machine's code, bundled once for a test process. */
function monitor(): Monitor {
  if (bundled === undefined) {
    const folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-guests-'));
    const outfile = path.join(folder, 'monitor.cjs');
    try {
      buildSync({ entryPoints: [fileURLToPath(new URL('monitor.ts', import.meta.url))], outfile, bundle: true, platform: 'node', format: 'cjs', target: 'node20', logLevel: 'warning' });
      // The bundle's exports are those of its entry, which nothing but that entry's type can say.
      bundled = createRequire(import.meta.url)(outfile) as Monitor;
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  return bundled;
}

/** How the host drives a machine: lengths of slices and of pieces of idle time in cycles, and whether it pauses in between. */
export interface Rhythm {
  slice(): number;
  idle(): number;
  pauses(): boolean;
}

export const STEADY: Rhythm = { slice: () => 1_000_000, idle: () => Infinity, pauses: () => false };

/** Pseudo-random numbers below `limit`: the same for the same seed (a linear congruential generator, Knuth's MMIX constants). */
export function randomNumbers(seed: number): (limit: number) => number {
  let state = BigInt(seed);
  return (limit) => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return Number((state >> 33n) % BigInt(limit));
  };
}

/** Slices from one cycle to `longest`, idle time in pieces, a pause now and then. */
export function uneven(seed: number, longest = 300_000): Rhythm {
  const random = randomNumbers(seed);
  return { slice: () => 1 + random(random(4) === 0 ? 50 : longest), idle: () => 1 + random(20_000_000), pauses: () => random(7) === 0 };
}

/** Where a run shall end; it also ends when the machine stops by itself. */
export interface Goal {
  /** Retired instructions since power-on, exactly. */
  readonly count?: number;
  /** Virtual time in cycles, exactly. */
  readonly time?: number;
  readonly until?: () => boolean;
}

/** Values of a launch configuration, as in launch.json. */
export type Configuration = Readonly<Record<string, unknown>>;

function checked(values: Configuration): MachineConfiguration {
  const { problemText, validateConfiguration } = monitor();
  const validation = validateConfiguration(values, { front: 'commandLine' });
  if ('problems' in validation) throw new Error(validation.problems.map(problemText).join('\n'));
  return validation.configuration;
}

export interface BootOptions {
  readonly rhythm?: Rhythm;
  /** A run of the same machine, whose input comes again. */
  readonly recording?: RunRecord;
  /** What translates in another thread's place. */
  readonly translation?: TranslationService;
}

/** Builds the machine from its files; it stands on its first instruction. The input of a recording comes again. */
export async function boot(values: Configuration, { rhythm = STEADY, recording, translation }: BootOptions = {}): Promise<Guest> {
  const images = await monitor().loadImages(checked(values));
  return new Guest({ ...images, ...(recording === undefined ? {} : { recording }) }, monitor().nodeFiles, rhythm, translation);
}

/** The same from images in memory; `files` gives the disks. */
export function guestOf(values: Configuration, images: Omit<Partial<MachineImages>, 'configuration'>, files: FileStore = monitor().nodeFiles): Guest {
  return new Guest({ modules: [], disks: [], ...images, configuration: checked(values) }, files, STEADY);
}

/** The guest is halted with interrupts enabled, and nothing but input can wake it: in a test, usually a fault of its own. */
export class WaitsForInput extends Error {}

export class Guest {
  readonly machine: RunnableMachine;
  /** Everything that came out of COM1, and out of port E9. */
  serial = '';
  debug = '';
  /** How the host drives the machine from now on. */
  rhythm: Rhythm;
  /** Takes what comes out of other channels ('net0', '9p0'), while the machine stands between two slices. */
  onOutput: (channel: string, bytes: Uint8Array) => void = () => undefined;
  /** Real time that a run may take, in milliseconds. */
  patience = PATIENCE_MS;

  constructor(images: MachineImages, files: FileStore, rhythm: Rhythm, translation?: TranslationService) {
    this.machine = monitor().createMachine(images, files, translation);
    this.rhythm = rhythm;
  }

  get retired(): number {
    return this.machine.summary().retired;
  }

  get time(): number {
    return this.machine.summary().time;
  }

  /** The text screen, without what is blank at the right and at the bottom. */
  get screen(): string {
    return this.machine.screen().text.map((row) => row.trimEnd()).join('\n').trimEnd();
  }

  /** The machine's hash at exactly this count of retired instructions. */
  hashAt(count: number): string {
    const reason = this.run({ count });
    assert.deepEqual([reason?.kind, this.retired], ['count', count]);
    return this.machine.hash();
  }

  /** Runs until this text is on the screen. */
  waitForScreen(text: string | RegExp): void {
    this.waitFor(text, () => this.screen);
  }

  /** Runs until this has come out of COM1. */
  waitForSerial(text: string | RegExp): void {
    this.waitFor(text, () => this.serial);
  }

  private waitFor(text: string | RegExp, where: () => string): void {
    const found = (): boolean => (typeof text === 'string' ? where().includes(text) : text.test(where()));
    const reason = this.run({ until: found });
    assert.ok(found(), `the guest stopped (${reason?.kind ?? 'nowhere'}) without ${String(text)}; its screen:\n${this.screen}\nserial:\n${this.serial}`);
  }

  /** Presses a key, and lets it go after 20 ms of the guest's time. */
  press(code: KeyCode): void {
    this.machine.input({ kind: 'key', code, down: true });
    this.run({ time: this.time + 20_000_000 });
    this.machine.input({ kind: 'key', code, down: false });
  }

  /** Types text on the serial line. */
  send(text: string): void {
    this.machine.input({ kind: 'serial', port: 'com1', bytes: new TextEncoder().encode(text) });
  }

  /** Runs to the goal. Gives the reason if the machine stopped by itself, which it does at a count, too. */
  run(goal: Goal): StopReason | undefined {
    const deadline = performance.now() + this.patience;
    const { machine } = this;
    this.resume(goal);
    while (goal.until?.() !== true && !(goal.time !== undefined && this.time >= goal.time)) {
      if (performance.now() > deadline) throw new Error(`no end in ${this.patience} ms; the screen:\n${this.screen}\nserial:\n${this.serial}`);
      const reason = this.slice(goal);
      if (reason !== undefined) return reason;
      if (this.rhythm.pauses()) {
        machine.requestPause();
        this.resume(goal);
      }
    }
    machine.requestPause();
    return undefined;
  }

  private resume({ count }: Goal): void {
    this.machine.resume(count === undefined ? { kind: 'continue' } : { kind: 'instructions', count: count - this.retired });
  }

  /** One slice, and the idle time after it. */
  private slice({ time = Infinity }: Goal): StopReason | undefined {
    const outcome = this.machine.runSlice(Math.min(this.rhythm.slice(), time - this.time));
    for (const { channel, bytes } of this.machine.takeOutput()) {
      if (channel === 'com1') this.serial += Buffer.from(bytes).toString('latin1');
      else if (channel === 'debug') this.debug += Buffer.from(bytes).toString('latin1');
      else this.onOutput(channel, bytes);
    }
    if (typeof outcome === 'string') return undefined;
    if ('reason' in outcome) return outcome.reason;
    const idle = Math.min(outcome.idleCycles, this.rhythm.idle(), time - this.time);
    if (!Number.isFinite(idle)) throw new WaitsForInput(`the guest waits for input for ever; its screen:\n${this.screen}\nserial:\n${this.serial}`);
    this.machine.warp(idle);
    return undefined;
  }
}

let built = false;

/** The `shadowbox` command of dist/, which is brought up to date first. */
export function commandFile(): string {
  if (!built) {
    const { status, stderr } = spawnSync(process.execPath, [path.join(CHECKOUT, 'scripts', 'build.mjs')], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    built = true;
  }
  return path.join(CHECKOUT, 'dist', 'cli.js');
}

export interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** A `shadowbox` process. `out` is what it has printed so far. */
export class Command {
  out = '';
  err = '';
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;

  /** @param onOutput called after more has come to `out` */
  constructor(words: readonly string[], onOutput: (command: Command) => void = () => undefined) {
    this.child = spawn(process.execPath, [commandFile(), ...words], { cwd: CHECKOUT });
    this.child.stdout.on('data', (data: Buffer) => {
      this.out += data.toString('latin1');
      onOutput(this);
    });
    this.child.stderr.on('data', (data: Buffer) => { this.err += data.toString('utf8'); });
    this.ended = new Promise((resolve) => {
      this.child.on('close', (status) => resolve({ status, out: this.out, err: this.err }));
    });
  }
}

/** Runs `shadowbox` with these words to its end. */
export function shadowbox(...words: string[]): Promise<Ended> {
  return new Command(words).ended;
}
