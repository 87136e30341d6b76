/**
 * The fuzzer itself: programs one after the other on both machines, until the time is over. Bundled and started by ./run.
 */
import type { Mode } from './case';
import { generate } from './generator/generate';
import { Lockstep, type Run } from './lockstep';
import type { Options } from './options';
import { listing, signature } from './report';
import { shrink } from './shrink';
import { StubError } from './rsp';

interface Counts {
  programs: number;
  steps: number;
  dropped: number;
  /** Differences that a fresh QEMU did not show again. */
  unrepeatable: number;
  readonly known: Map<string, number>;
  readonly found: Map<string, number>;
}

function say(line = ''): void {
  process.stdout.write(`${line}\n`);
}

class Fuzzer {
  constructor(private readonly lockstep: Lockstep, private readonly options: Options, readonly counts: Counts) {}

  /** One program; @returns whether it shows a difference that has not been shown yet */
  async one(mode: Mode, seed: number): Promise<boolean> {
    const program = generate(mode, seed, this.options.length);
    let run = await this.lockstep.run(program);
    this.counts.programs++;
    if (run.verdict.kind === 'different') {
      // What earlier programs have left behind in QEMU is no difference.
      await this.lockstep.restart();
      run = await this.lockstep.run(program);
      if (run.verdict.kind !== 'different') this.counts.unrepeatable++;
    }
    this.counts.steps += run.steps.length;
    switch (run.verdict.kind) {
      case 'same':
        return false;
      case 'dropped':
        this.counts.dropped++;
        return false;
      case 'known':
        add(this.counts.known, run.verdict.difference.id);
        return false;
      case 'different':
        break;
    }
    const name = signature(program, run);
    add(this.counts.found, name);
    if (this.counts.found.get(name) !== 1) return false;
    const small = this.options.whole ? { program, run } : await shrink(this.lockstep, program, name);
    say(listing(small.program, small.run, this.options.length).join('\n'));
    say();
    return true;
  }

  /** One program with all its steps. */
  async show(mode: Mode, seed: number): Promise<Run> {
    const program = generate(mode, seed, this.options.length);
    const run = await this.lockstep.run(program);
    for (const step of run.steps) {
      say(listing(program, { verdict: run.verdict, steps: [step] }, this.options.length)[2]);
    }
    say(`verdict: ${run.verdict.kind}${run.verdict.kind === 'known' ? ` (${run.verdict.difference.id})` : run.verdict.kind === 'dropped' ? ` (${run.verdict.reason})` : ''}`);
    if (run.verdict.kind === 'different') say(listing(program, run, this.options.length).join('\n'));
    return run;
  }
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function summary(counts: Counts, seconds: number, nextSeed: number): void {
  const rate = Math.round(counts.steps / seconds);
  say(`${counts.programs} programs, ${counts.steps} instructions in ${seconds.toFixed(0)} s (${rate} a second); ${counts.dropped} programs dropped, ${counts.unrepeatable} not repeatable; next seed ${nextSeed}`);
  for (const [id, count] of [...counts.known].sort((a, b) => b[1] - a[1])) say(`  known of QEMU: ${id} ×${count}`);
  for (const [name, count] of [...counts.found].sort((a, b) => b[1] - a[1])) say(`  different: ${name} ×${count}`);
  say(`${counts.found.size} kinds of difference`);
}

/** @returns the exit status */
export async function fuzz(options: Options): Promise<number> {
  const counts: Counts = { programs: 0, steps: 0, dropped: 0, unrepeatable: 0, known: new Map(), found: new Map() };
  const lockstep = await Lockstep.start((id) => add(counts.known, id));
  const stop = (): void => lockstep.stop();
  process.once('exit', stop);
  try {
    const fuzzer = new Fuzzer(lockstep, options, counts);
    if (options.only) {
      const verdicts = [];
      for (const mode of options.modes) verdicts.push((await fuzzer.show(mode, options.seed)).verdict.kind);
      return verdicts.includes('different') ? 1 : 0;
    }
    const start = performance.now();
    const elapsed = (): number => (performance.now() - start) / 1000;
    let seed = options.seed;
    for (; elapsed() < options.seconds && fuzzer.counts.found.size < options.most; seed++) {
      for (const mode of options.modes) {
        try {
          await fuzzer.one(mode, seed);
        } catch (error) {
          if (!(error instanceof StubError)) throw new Error(`in the ${mode} program of seed ${seed}`, { cause: error });
          say(`${mode} program of seed ${seed}: ${error.message}; QEMU is started anew`);
          await lockstep.restart();
        }
      }
    }
    summary(fuzzer.counts, elapsed(), seed);
    return fuzzer.counts.found.size > 0 ? 1 : 0;
  } finally {
    process.off('exit', stop);
    lockstep.stop();
  }
}
