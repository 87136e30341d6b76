/** What a benchmark found, as plain data (the JSON report), and the figures that follow from it. */
import type { Environment } from './environment';
import type { Run } from './measure';
import type { Command, Figures, Peer } from './peers/peer';
import type { Marker, Workload } from './workloads/workload';

interface EngineFacts {
  readonly name: Peer['name'];
  readonly title: string;
}

interface EngineRuns extends EngineFacts {
  readonly version: string;
  readonly settings: readonly string[];
  /** As one would type it in the checkout. */
  readonly command: string;
  readonly runs: readonly Run[];
}

/** An engine that reached the last marker in every run. */
export interface MeasuredEngine extends EngineRuns {
  readonly state: 'measured';
  /** What the engine said about each run; empty for engines that say nothing. */
  readonly figures: readonly Figures[];
}

export interface FailedEngine extends EngineRuns {
  readonly state: 'failed';
  readonly reason: string;
}

export interface LeftOutEngine extends EngineFacts {
  readonly state: 'left out';
  readonly reason: string;
}

export type EngineReport = MeasuredEngine | FailedEngine | LeftOutEngine;

export interface Report {
  /** ISO 8601. */
  readonly date: string;
  readonly environment: Environment;
  readonly workload: Pick<Workload, 'name' | 'title' | 'guest'>;
  /** The markers of this run; the last one is what the ratios are about. */
  readonly markers: readonly Marker[];
  readonly engines: readonly EngineReport[];
}

/** The middle of the values, or the mean of the two in the middle. @throws RangeError without values */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('the median of nothing');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** A word as a POSIX shell must be given it. */
function quoted(word: string): string {
  return /^[\w./:=,@+-]+$/.test(word) ? word : `'${word.replaceAll('\'', '\'\\\'\'')}'`;
}

/** A command as one would type it; Node by its name, since where it lies is this machine's affair. */
export function commandText({ program, args }: Command): string {
  return [program === process.execPath ? 'node' : program, ...args].map(quoted).join(' ');
}

/** Median seconds to a marker; undefined unless every run has passed it. */
export function medianSeconds({ runs }: MeasuredEngine, marker: Marker): number | undefined {
  const seconds = runs.flatMap((run) => (marker.name in run.seconds ? [run.seconds[marker.name]] : []));
  return seconds.length === runs.length && seconds.length > 0 ? median(seconds) : undefined;
}

/** Median processor time of an engine's runs; undefined where the system does not tell it. */
export function medianCpuSeconds({ runs }: MeasuredEngine): number | undefined {
  const seconds = runs.flatMap((run) => (run.cpuSeconds === undefined ? [] : [run.cpuSeconds]));
  return seconds.length === 0 ? undefined : median(seconds);
}

/** Processors that others kept busy during an engine's runs, the worst of them; undefined where the system does not tell it. */
export function worstOthersCores({ runs }: MeasuredEngine): number | undefined {
  const cores = runs.flatMap((run) => (run.othersCores === undefined ? [] : [run.othersCores]));
  return cores.length === 0 ? undefined : Math.max(...cores);
}

/** Median of millions of retired instructions a second; undefined for engines that do not count. */
export function medianMips({ figures }: MeasuredEngine): number | undefined {
  return figures.length === 0 ? undefined : median(figures.map(({ mips }) => mips));
}

export function isMeasured(engine: EngineReport): engine is MeasuredEngine {
  return engine.state === 'measured';
}

/** The last marker: what the ratios are about. */
export function goalOf({ markers }: Report): Marker {
  const goal = markers.at(-1);
  if (goal === undefined) throw new RangeError('a workload without markers');
  return goal;
}

/** An engine and the median of its seconds to the goal. */
export interface GoalTime {
  readonly engine: MeasuredEngine;
  readonly seconds: number;
}

/** The times to the goal of the engines that were measured, in the report's order: ours, TCG, v86. */
export function goalTimes(report: Report): readonly GoalTime[] {
  const goal = goalOf(report);
  return report.engines.filter(isMeasured).flatMap((engine) => {
    const seconds = medianSeconds(engine, goal);
    return seconds === undefined ? [] : [{ engine, seconds }];
  });
}

export interface Ratios {
  /** Whose time is 1. */
  readonly base: string;
  /** Times to the goal by the engines' titles, the base's being 1. */
  readonly times: Readonly<Record<string, number>>;
  /** How many times as fast as each peer we are; empty when we were not measured. */
  readonly ourSpeed: Readonly<Record<string, number>>;
}

/**
 * The ratios of the times to the goal: to ours, or to the first engine measured when ours is not among them.
 * @returns undefined when there are less than two engines to compare
 */
export function ratios(report: Report): Ratios | undefined {
  const times = goalTimes(report);
  if (times.length < 2) return undefined;
  const ours = times.find(({ engine }) => engine.name === 'shadowbox');
  const base = ours ?? times[0];
  const relative = (of: readonly GoalTime[]): Record<string, number> =>
    Object.fromEntries(of.map(({ engine, seconds }) => [engine.title, seconds / base.seconds]));
  return { base: base.engine.title, times: relative(times), ourSpeed: ours === undefined ? {} : relative(times.filter((each) => each !== ours)) };
}
