/** A whole benchmark: every engine in turn, several times over, to one report. */
import { environment } from './environment';
import { runToMarkers } from './measure';
import type { Run } from './measure';
import type { Figures, Job, Peer, ReadyPeer } from './peers/peer';
import { commandText } from './report';
import type { EngineReport, Report } from './report';
import type { Marker, Workload } from './workloads/workload';

export interface Plan {
  readonly workload: Workload;
  /** The workload's own, and those of `--full` if wanted. */
  readonly markers: readonly Marker[];
  readonly peers: readonly Peer[];
  readonly repeat: number;
  readonly timeoutSeconds: number;
  /** The checkout: engines are started in it. */
  readonly cwd: string;
  readonly signal: AbortSignal;
  /** Takes a line that says what goes on. */
  readonly say: (line: string) => void;
}

/** An engine while the benchmark lasts. */
interface Contender {
  readonly peer: Peer;
  readonly ready: ReadyPeer;
  readonly runs: Run[];
  readonly figures: Figures[];
}

async function runOnce({ peer, ready, runs, figures }: Contender, plan: Plan, job: Job, round: number): Promise<void> {
  const { markers, cwd, timeoutSeconds, signal, say, repeat } = plan;
  say(`${peer.title}${repeat > 1 ? ` (${round} of ${repeat})` : ''} ...`);
  const run = await runToMarkers(ready.command(job), markers, {
    cwd, timeoutSeconds, signal,
    onMarker: (marker, seconds) => say(`  ${marker.title}: ${seconds.toFixed(2)} s`),
  });
  runs.push(run);
  if (run.failure !== undefined) say(`  failed: ${run.failure}`);
  const said = await ready.figures?.();
  if (said !== undefined) figures.push(said);
}

function reportOf({ peer: { name, title }, ready, runs, figures }: Contender, job: Job): EngineReport {
  const facts = { name, title, version: ready.version, settings: ready.settings, command: commandText(ready.command(job)), runs };
  const reason = runs.find(({ failure }) => failure !== undefined)?.failure;
  return reason === undefined ? { ...facts, state: 'measured', figures } : { ...facts, state: 'failed', reason };
}

/**
 * Runs the plan. Rounds go through all engines before the next begins, so that a machine that gets slower or faster
 * meanwhile does so for all of them. An engine that fails once is not run again: there is no median of some of its runs.
 * @throws the signal's reason, when it fires
 */
export async function benchmark(plan: Plan): Promise<Report> {
  const { workload, markers, peers, repeat, timeoutSeconds, signal, say } = plan;
  const goal = markers.at(-1);
  if (goal === undefined) throw new RangeError('a workload without markers');
  // Before the probes: the first of them may build our own bundles, which is load, too.
  const machine = environment();
  const job = { guest: workload.guest, until: goal.pattern, timeoutSeconds };
  const slots: (Contender | EngineReport)[] = [];
  for (const peer of peers) {
    const probe = await peer.probe(signal);
    if ('missing' in probe) say(`${peer.title} is left out: ${probe.missing}`);
    slots.push('missing' in probe
      ? { name: peer.name, title: peer.title, state: 'left out', reason: probe.missing }
      : { peer, ready: probe, runs: [], figures: [] });
  }
  for (let round = 1; round <= repeat; round++) {
    for (const slot of slots) {
      if ('peer' in slot && slot.runs.every(({ failure }) => failure === undefined)) await runOnce(slot, plan, job, round);
    }
  }
  return {
    date: new Date().toISOString(),
    environment: machine,
    workload: { name: workload.name, title: workload.title, guest: workload.guest },
    markers,
    engines: slots.map((slot) => ('peer' in slot ? reportOf(slot, job) : slot)),
  };
}
