/**
 * Fuzzing of whole boards: random accesses, structures, inputs and time. What must hold: no exception, no device that never comes
 * to rest, no step that takes long, states that stay bounded, and a copy of the state that goes on alike in another board.
 */
import { isDeepStrictEqual } from 'node:util';
import { serialize, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Random as RandomSource } from '../random';
import { step } from './steps';
import type { Random } from './values';
import { World, type BoardKind, type WorldState } from './world';

/** What devices' states may grow by, over all, bytes as V8 serializes them: frames of 64 KiB that wait for a driver are the most of it. */
const MOST_GROWTH = 4 * 1024 * 1024;
/** What the process's heap may grow by with one board, bytes: disks that are written are in it. */
const MOST_HEAP_GROWTH = 64 * 1024 * 1024;
/** Processor time of this process for one step, milliseconds: other work on the computer is not in it, garbage collection is. */
const LONGEST_STEP_MS = 2000;
const STEPS_BETWEEN_CHECKS = 4000;
const STEPS_OF_TWINS = 300;

/** Something that must not happen, with what brings it again. */
export class Finding extends Error {
  constructor(readonly seed: number, readonly at: number, what: string, cause?: unknown) {
    super(`seed ${String(seed)}, step ${String(at)}: ${what}`, { cause });
    this.name = 'Finding';
  }
}

function randomOf(seed: number): Random {
  const source = new RandomSource(seed);
  return (limit) => source.below(limit);
}

setFlagsFromString('--expose-gc');
// V8 gives its collector to contexts that are made after the flag.
const collect = runInNewContext('gc') as () => void;

/** Bytes that are in use when all that can go is gone. */
function heapInUse(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Boards of both kinds take turns. */
function kindOf(seed: number): BoardKind {
  return seed % 2 === 0 ? 'virtio' : 'e1000';
}

function sizeOf({ devices }: WorldState): number {
  return serialize(devices).length;
}

/** Names of devices whose states differ, and of what else does. */
function differences(left: WorldState, right: WorldState): string {
  const devices = Object.keys(left.devices).filter((name) => !isDeepStrictEqual(left.devices[name], right.devices[name]));
  const others = (['time', 'events', 'memory', 'disks'] as const).filter((part) => !isDeepStrictEqual(left[part], right[part]));
  return [...devices, ...others].join(', ');
}

/** Sets a copy of the state going in another board, and does the same to both. */
function compareTwins(world: World, seed: number, at: number): void {
  const twin = new World(world.kind);
  twin.restore(world.state);
  world.stops = [];
  world.outputSum = 0;
  const [ours, theirs] = [randomOf(seed + at), randomOf(seed + at)];
  for (let index = 0; index < STEPS_OF_TWINS; index++) {
    const [expected, actual] = [step(world, ours), step(twin, theirs)];
    if (expected !== actual) throw new Finding(seed, at + index, `after a copy of the state, ${String(actual)} was read for ${String(expected)}`);
  }
  const different = differences(world.state, twin.state);
  if (different !== '') throw new Finding(seed, at, `a copy of the state has gone on otherwise: ${different}`);
  if (world.outputSum !== twin.outputSum) throw new Finding(seed, at, 'a copy of the state has put out something else');
}

function guarded(world: World, random: Random, seed: number, at: number): void {
  const start = process.cpuUsage();
  try {
    step(world, random);
  } catch (error) {
    throw new Finding(seed, at, error instanceof Error ? error.message : String(error), error);
  }
  const { user, system } = process.cpuUsage(start);
  const took = (user + system) / 1000;
  if (took > LONGEST_STEP_MS) throw new Finding(seed, at, `one step took ${took.toFixed(0)} ms`);
}

/** One board for so many steps; `onStep` is told of each before it is done. Throws Finding. */
export function fuzzBoard(seed: number, steps: number, onStep: (at: number) => void = () => undefined): void {
  const world = new World(kindOf(seed));
  const random = randomOf(seed);
  const sizeAtStart = sizeOf(world.state);
  const heapAtStart = heapInUse();
  for (let at = 0; at < steps; at++) {
    onStep(at);
    guarded(world, random, seed, at);
    if ((at + 1) % STEPS_BETWEEN_CHECKS !== 0) continue;
    const growth = sizeOf(world.state) - sizeAtStart;
    if (growth > MOST_GROWTH) throw new Finding(seed, at, `the devices' states have grown by ${String(growth)} bytes`);
    compareTwins(world, seed, at);
    const heapGrowth = heapInUse() - heapAtStart;
    if (heapGrowth > MOST_HEAP_GROWTH) throw new Finding(seed, at, `the heap has grown by ${String(heapGrowth)} bytes`);
  }
}
