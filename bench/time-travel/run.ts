/**
 * What time travel costs, and how quick it is, in a Linux boot: `npm run bench:time -- [--instructions N] [--pairs N]`. Boots Debian's
 * i386 kernel in the threads that the product has, with and without snapshots in turn, and prints figures; docs/time-travel.md has some.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { launchMachine } from '../../src/host/node/launch';
import { loadImages } from '../../src/host/node/loadImages';
import { validateConfiguration } from '../../src/monitor/machine/configuration';
import type { MachineSession, Watchpoint } from '../../src/monitor/machine/session';

const GUEST = path.join(fileURLToPath(new URL('../..', import.meta.url)), '.cache', 'guests', 'debian-i386');
/** Steps at random places that are undone. */
const PLACES = 20;
/** Where the kernel is loaded: CONFIG_PHYSICAL_START of arch/x86. */
const PAGE_BYTES = 4096n, KERNEL_CODE = 0x1000000n;

const { values } = parseArgs({ options: { instructions: { type: 'string', default: '1000000000' }, pairs: { type: 'string', default: '2' } } });
const instructions = Number(values.instructions);
const pairs = Number(values.pairs);

async function boot(timeTravel: boolean): Promise<MachineSession> {
  const validation = validateConfiguration({
    kernel: path.join(GUEST, 'linux'), initrd: path.join(GUEST, 'initrd.gz'), cmdline: 'console=ttyS0,115200', memory: '256M', serial: 'none', pace: 'fast', timeTravel,
  }, { front: 'commandLine' });
  if ('problems' in validation) throw new Error(JSON.stringify(validation.problems));
  return launchMachine(await loadImages(validation.configuration));
}

/** Milliseconds until the machine stands again. */
async function go(session: MachineSession, start: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  const stopped = new Promise<void>((resolve) => { session.onEvent((event) => { if (event.kind === 'stopped') resolve(); }); });
  await start();
  await stopped;
  return performance.now() - begun;
}

interface Run {
  readonly session: MachineSession;
  readonly wall: number;
  /** Processor time of all threads, in milliseconds. */
  readonly processor: number;
}

async function run(timeTravel: boolean): Promise<Run> {
  const session = await boot(timeTravel);
  const before = process.cpuUsage();
  const wall = await go(session, () => session.control.resume({ kind: 'instructions', count: instructions }));
  const { user, system } = process.cpuUsage(before);
  return { session, wall, processor: (user + system) / 1000 };
}

const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;
const say = (what: string, value: string): void => { console.log(`${what.padEnd(64)}${value}`); };

/** Steps back from the end, and steps at random places with their undoing. */
async function travel(session: MachineSession): Promise<void> {
  const { control, inspect } = session;
  const { moments, bytes } = await inspect.timeline();
  say('snapshots, and memory for what pages held', `${moments.length}, ${(bytes / 2 ** 20).toFixed(1)} MiB`);
  const first = await go(session, () => control.stepBack('instruction'));
  const next: number[] = [];
  for (let i = 0; i < 10; i++) next.push(await go(session, () => control.stepBack('instruction')));
  say('the first step back, the next ones (median)', `${first.toFixed(0)} ms, ${median(next).toFixed(0)} ms`);
  let state = 12345;
  const far: number[] = [];
  let equal = 0;
  for (let i = 0; i < PLACES; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    far.push(await go(session, () => control.travel(Math.floor((state / 2 ** 32) * instructions))));
    const hash = await inspect.hash();
    await go(session, () => control.resume({ kind: 'step', over: false }));
    await go(session, () => control.stepBack());
    if (await inspect.hash() === hash) equal++;
  }
  say(`ways to ${PLACES} random moments (median, longest)`, `${median(far).toFixed(0)} ms, ${Math.max(...far).toFixed(0)} ms`);
  say('steps there that a step back has undone to an equal hash', `${equal} of ${PLACES}`);
}

/** Searches for who wrote last that lead back to the beginning, in a page that is seldom used, and in one that is written all the time. */
async function whoWrote(session: MachineSession): Promise<void> {
  const { control, inspect } = session;
  const search = async (what: string, place: Pick<Watchpoint, 'space' | 'address' | 'length'>): Promise<void> => {
    await go(session, () => control.travel(instructions));
    const { time, retired } = await inspect.summary();
    await control.setWatchpoints([{ id: 1, ...place, access: 'write' }]);
    const milliseconds = await go(session, () => control.reverseContinue());
    const then = await inspect.summary();
    await control.setWatchpoints([]);
    const back = `${((time - then.time) / 1e9).toFixed(3)} s of guest time, ${((retired - then.retired) / 1e6).toFixed(0)} million instructions`;
    say(`who last wrote ${what}`, `${milliseconds.toFixed(0)} ms for ${back}`);
  };
  await search("a byte of the kernel's code", { space: 'physical', address: KERNEL_CODE, length: 1 });
  const { stackLinear } = await inspect.cpu();
  await search('the top of the stack that is in use', { space: 'linear', address: (stackLinear | (PAGE_BYTES - 1n)) - 3n, length: 4 });
}

async function main(): Promise<void> {
  if (!existsSync(path.join(GUEST, 'linux'))) throw new Error('There is no Debian kernel: node scripts/fetch-guests.mjs');
  const costs: { readonly on: Run; readonly off: Run }[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    const off = await run(false);
    await off.session.dispose();
    const on = await run(true);
    costs.push({ on, off });
    say(`pair ${pair + 1}: processor time without and with snapshots`, `${off.processor.toFixed(0)} ms, ${on.processor.toFixed(0)} ms (wall ${off.wall.toFixed(0)}, ${on.wall.toFixed(0)})`);
    if (pair === pairs - 1) {
      await travel(on.session);
      await whoWrote(on.session);
    }
    await on.session.dispose();
  }
  say('processor time with snapshots, compared with without (median)', `${(100 * (median(costs.map(({ on, off }) => on.processor / off.processor)) - 1)).toFixed(1)} % more`);
}

void main();
