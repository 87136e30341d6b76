/**
 * Entry of `npm run bad-guests`: starts the process in which the guests run, watches that it gives signs of life, and
 * prints what it finds. A guest that hangs the process is noted, and the next one runs in a new process.
 * Exit status: see HELP.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cache, root } from '../../../scripts/lib/paths.mjs';
import { bundle } from './bundle';
import { figureLines, merge, newFigures } from './figures';
import { HELP, UsageError, readOptions, type Options } from './options';
import type { FromChild, Order } from './protocol';

/** No sign of life for so long is a hang, in milliseconds. The child itself measures slices, in processor time; this is for those that never end. */
const SILENCE_MS = 20_000;
const SAVED = path.join(cache, 'bad-guests');

const say = (line: string): void => { process.stdout.write(`${line}\n`); };

interface ChildEnd {
  /** The last guest, when the child did not come to its end. */
  readonly lost?: { readonly mode: string; readonly seed: number; readonly why: string };
}

class Parent {
  readonly figures = newFigures();
  readonly failures: Record<string, number> = {};
  private readonly file = bundle('child.ts');
  private memory = '';
  private child: ChildProcess | undefined;
  private readonly started = performance.now();

  constructor(private readonly options: Options) {}

  get elapsed(): number {
    return (performance.now() - this.started) / 1000;
  }

  stop(): void {
    this.child?.kill('SIGKILL');
    rmSync(this.file, { force: true });
  }

  /** @returns the exit status */
  async run(): Promise<number> {
    const { options } = this;
    let { seed } = options;
    do {
      const saved = options.file === undefined ? {} : { saved: readFileSync(options.file, 'utf8') };
      const seconds = Math.max(1, options.seconds - this.elapsed);
      const { lost } = await this.once({ checkout: root, seed, modes: options.modes, seconds, most: options.most - Object.keys(this.failures).length, only: options.only, ...saved });
      if (!lost) break;
      this.failures[lost.why] = (this.failures[lost.why] ?? 0) + 1;
      say(`${lost.why}: mode ${lost.mode}, seed ${lost.seed}; seen again by: npm run bad-guests -- --mode ${lost.mode} --seed ${lost.seed} --only\n`);
      if (options.file !== undefined || options.only) break;
      seed = lost.seed + 1;
    } while (this.elapsed < options.seconds && Object.keys(this.failures).length < options.most);
    this.summary();
    return Object.keys(this.failures).length > 0 ? 1 : 0;
  }

  private summary(): void {
    say(`${this.elapsed.toFixed(0)} s, seed ${this.options.seed}: ${figureLines(this.figures).join('\n')}`);
    say(`  ${this.memory}`);
    for (const [name, times] of Object.entries(this.failures).sort((a, b) => b[1] - a[1])) say(`  failed: ${name} ×${times}`);
    say(`${Object.keys(this.failures).length} kinds of failure`);
  }

  /** One child, to its end or to its death. */
  private once(order: Order): Promise<ChildEnd> {
    return new Promise((resolve) => {
      const child = fork(this.file, { execArgv: ['--expose-gc', '--enable-source-maps'] });
      this.child = child;
      let last = { mode: '?', seed: order.seed };
      let silent = false;
      let done = false;
      const watch = (): NodeJS.Timeout => setTimeout(() => {
        silent = true;
        child.kill('SIGKILL');
      }, SILENCE_MS);
      let watchdog = watch();
      child.on('message', (message: FromChild) => {
        clearTimeout(watchdog);
        watchdog = watch();
        if (message.kind === 'guest') last = { mode: message.mode, seed: message.seed };
        if (message.kind === 'found') this.found(message);
        if (message.kind === 'done') {
          done = true;
          this.memory = message.outcome.memory;
          merge(this.figures, message.outcome.figures);
          for (const [name, times] of Object.entries(message.outcome.failures)) this.failures[name] = (this.failures[name] ?? 0) + times;
        }
      });
      child.on('close', (status, signal) => {
        clearTimeout(watchdog);
        const why = silent ? 'hang' : `the process ended with ${signal ?? `status ${status}`}`;
        resolve(done ? {} : { lost: { ...last, why } });
      });
      child.send(order);
    });
  }

  private found({ name, text, lines }: Extract<FromChild, { kind: 'found' }>): void {
    mkdirSync(SAVED, { recursive: true });
    writeFileSync(name, text);
    for (const line of lines) say(line);
    say('');
  }
}

async function main(words: readonly string[]): Promise<number> {
  const options = readOptions(words);
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const parent = new Parent(options);
  process.once('exit', () => parent.stop());
  return parent.run();
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));

void main(process.argv.slice(2)).catch((error: unknown) => {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`bad-guests: ${error.message}\nnpm run bad-guests -- --help explains the options\n`);
  return 2;
}).then((status) => { process.exitCode = status; });
