/** What a benchmark found, as plain data (the JSON report), and the figures that follow from it. */
import type { Environment } from './environment';
import type { Run } from './measure';
import type { Architecture } from './ownGuest';
import { AMD64_GOAL, PARTS } from './parts';
import type { Command, EngineName, Figures } from './peers/peer';
import type { PartRun } from './protocol';
import type { Session, SuiteChoice } from './sessions';

interface EngineFacts {
  readonly name: EngineName;
  readonly title: string;
}

/** One engine's runs of one session. */
export interface SessionReport {
  /** The session's name. */
  readonly session: string;
  /** As one would type it in the checkout. */
  readonly command: string;
  readonly runs: readonly Run[];
  /** What the engine said about each run; empty for engines that say nothing. */
  readonly figures: readonly Figures[];
}

export interface MeasuredEngine extends EngineFacts {
  readonly state: 'measured';
  readonly version: string;
  readonly settings: readonly string[];
  readonly sessions: readonly SessionReport[];
}

export interface LeftOutEngine extends EngineFacts {
  readonly state: 'left out';
  readonly reason: string;
}

export type EngineReport = MeasuredEngine | LeftOutEngine;

export interface Report {
  /** ISO 8601. */
  readonly date: string;
  readonly command: string;
  readonly architecture: Architecture;
  readonly suite: SuiteChoice;
  readonly environment: Environment;
  readonly sessions: readonly Session[];
  readonly engines: readonly EngineReport[];
}

/** How many times as fast as a peer we want to be. */
export type Goals = Readonly<Partial<Record<EngineName, number>>>;

/** What one engine needed for one piece of work. */
export interface Cell {
  /** Median. */
  readonly seconds: number;
  readonly lowest: number;
  readonly highest: number;
  /** Median of the engine's processor time, all threads; only where the system tells it. */
  readonly cpuSeconds?: number;
  /** Not there for the boot, which computes nothing. */
  readonly checksum?: string;
  /** What was counted; 0 when nothing was. */
  readonly count: number;
}

/** A piece of work, with what each engine needed for it. */
export interface Row {
  readonly name: string;
  readonly title: string;
  readonly goals: Goals;
  readonly cells: Readonly<Partial<Record<EngineName, Cell>>>;
  /** By engines that should have done it and have not: why. */
  readonly failures: Readonly<Partial<Record<EngineName, string>>>;
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

export function isMeasured(engine: EngineReport): engine is MeasuredEngine {
  return engine.state === 'measured';
}

/** Processors that others kept busy during an engine's runs, the worst of them; undefined where the system does not tell it. */
export function worstOthersCores({ sessions }: MeasuredEngine): number | undefined {
  const cores = sessions.flatMap(({ runs }) => runs.flatMap((run) => (run.othersCores === undefined ? [] : [run.othersCores])));
  return cores.length === 0 ? undefined : Math.max(...cores);
}

/** What is said of work that an engine did not come to; its session says why. */
export const NOT_REACHED = 'not reached';

/** The runs of one piece of work on one engine, as a cell; a text that says why there is none. */
function cellOf(runs: readonly Run[], name: string, work: (run: Run) => PartRun | undefined): Cell | string {
  const done = runs.flatMap((run) => work(run) ?? []);
  if (done.length < runs.length || done.length === 0) return runs.flatMap(({ failedParts }) => (name in failedParts ? failedParts[name] : [])).at(0) ?? NOT_REACHED;
  const seconds = done.map((part) => part.seconds);
  const [{ checksum, count }] = done;
  const other = done.find((part) => part.checksum !== checksum);
  if (other !== undefined) return `checksums of two runs: ${checksum} and ${other.checksum}`;
  const cpu = done.flatMap(({ cpuSeconds }) => cpuSeconds ?? []);
  return {
    seconds: median(seconds), lowest: Math.min(...seconds), highest: Math.max(...seconds), count,
    ...(cpu.length < done.length ? {} : { cpuSeconds: median(cpu) }), ...(checksum === '' ? {} : { checksum }),
  };
}

type Work = Pick<Row, 'name' | 'title' | 'goals'> & { readonly work: (run: Run) => PartRun | undefined };

function bootWork({ name }: Session, architecture: Architecture): Work {
  return {
    name: `boot-${name}`,
    title: `boot of -${name} to /init`,
    goals: architecture === 'amd64' ? { tcg: AMD64_GOAL } : { v86: 2.5, tcg: 1 },
    work: ({ bootSeconds, bootCpuSeconds }) => (bootSeconds === undefined
      ? undefined
      : { seconds: bootSeconds, checksum: '', count: 0, ...(bootCpuSeconds === undefined ? {} : { cpuSeconds: bootCpuSeconds }) }),
  };
}

function partWork(part: string, architecture: Architecture): Work {
  const found = PARTS.find(({ name }) => name === part);
  if (found === undefined) throw new RangeError(`no part '${part}'`);
  const { name, title, suite, v86, tcg } = found;
  const amd64 = suite === 'parts' ? { tcg: AMD64_GOAL } : {};
  return {
    name, title,
    goals: architecture === 'amd64' ? amd64 : { v86, ...(tcg === undefined ? {} : { tcg }) },
    work: ({ parts }) => (name in parts ? parts[name] : undefined),
  };
}

/** A part as it was done the second time. */
function partWorkAgain(part: string, architecture: Architecture): Work {
  return { ...partWork(part, architecture), work: ({ partsAgain = {} }) => (part in partsAgain ? partsAgain[part] : undefined) };
}

/** Every piece of work of a report, in order. */
export function rowsOf(report: Report): readonly Row[] {
  return rowsFor(report, (session) => [
    ...(session.countsBoot ? [bootWork(session, report.architecture)] : []), ...session.parts.map((part) => partWork(part, report.architecture)),
  ]);
}

/** The parts that were done a second time in the same guest, as that was. */
export function rowsOfSecondTime(report: Report): readonly Row[] {
  return rowsFor(report, (session) => (session.again ? session.parts.map((part) => partWorkAgain(part, report.architecture)) : []));
}

function rowsFor({ sessions, engines }: Report, worksOf: (session: Session) => readonly Work[]): readonly Row[] {
  return sessions.flatMap((session) => {
    return worksOf(session).map(({ name, title, goals, work }) => {
      const cells: Partial<Record<EngineName, Cell>> = {};
      const failures: Partial<Record<EngineName, string>> = {};
      for (const engine of engines.filter(isMeasured)) {
        const runs = engine.sessions.find((each) => each.session === session.name)?.runs;
        if (runs === undefined) continue;
        const cell = cellOf(runs, name, work);
        if (typeof cell === 'string') failures[engine.name] = cell;
        else cells[engine.name] = cell;
      }
      return { name, title, goals, cells, failures };
    });
  });
}

/**
 * How many times as fast as a peer we are, by the clock or by processor time.
 * @returns undefined unless both have done the work
 */
export function speedAgainst({ cells }: Row, peer: EngineName, by: 'seconds' | 'cpuSeconds' = 'seconds'): number | undefined {
  const [ours, theirs] = [cells.ours?.[by], cells[peer]?.[by]];
  return ours === undefined || theirs === undefined || peer === 'ours' ? undefined : theirs / ours;
}

/** Whether all engines that have done the work have computed the same. */
export function isAgreed({ cells }: Row): boolean {
  return new Set(Object.values(cells).map(({ checksum }) => checksum)).size <= 1;
}

/** The peers that we do not reach as the goals want it; those that have not been measured are not among them. */
export function missedGoals(row: Row): readonly EngineName[] {
  const peers: readonly EngineName[] = ['tcg', 'v86'];
  return peers.filter((peer) => {
    const [speed, goal] = [speedAgainst(row, peer), row.goals[peer]];
    return speed !== undefined && goal !== undefined && speed < goal;
  });
}

/** Sessions that an engine did not get to the end of, and why. */
export function brokenSessions({ engines }: Report): readonly { readonly engine: string; readonly session: string; readonly failure: string }[] {
  return engines.filter(isMeasured).flatMap(({ title, sessions }) =>
    sessions.flatMap(({ session, runs }) => runs.flatMap(({ failure }) => (failure === undefined ? [] : [{ engine: title, session, failure }]))));
}

/** What a guest at its shell costs the host, in bytes. */
export interface MemoryFigures {
  /** The most that our process had resident at once. */
  readonly peak: number;
  /** Of the guest's memory, what it has touched. */
  readonly touched: number;
}

const PAGE_BYTES = 4096;
/** What we may need beyond what the guest has touched, in bytes (issue 4). */
export const MEMORY_GOAL = 150e6;

/** Memory that our process needed for a guest at its shell; undefined when that was not measured. */
export function memoryFigures({ engines }: Report): MemoryFigures | undefined {
  const session = engines.filter(isMeasured).find(({ name }) => name === 'ours')?.sessions.find((each) => each.session === 'memory');
  const peaks = session?.runs.flatMap(({ peakKiB }) => peakKiB ?? []) ?? [];
  const frames = session?.figures.flatMap(({ counters }) => counters['frames'] ?? []) ?? [];
  return peaks.length === 0 || frames.length === 0 ? undefined : { peak: Math.max(...peaks) * 1024, touched: median(frames) * PAGE_BYTES };
}
