/** A whole benchmark: every engine in turn, several times over, to one report. */
import { environment } from './environment';
import { runSession } from './measure';
import type { Run } from './measure';
import type { Architecture } from './ownGuest';
import type { Figures, Job, Peer, ReadyPeer } from './peers/peer';
import { commandText } from './report';
import type { EngineReport, Report, SessionReport } from './report';
import type { Session, SuiteChoice } from './sessions';

export interface Plan {
  readonly architecture: Architecture;
  readonly suite: SuiteChoice;
  readonly sessions: readonly Session[];
  readonly peers: readonly Peer[];
  readonly repeat: number;
  /** For one session. */
  readonly timeoutSeconds: number;
  /** The checkout: engines are started in it. */
  readonly cwd: string;
  /** What was typed. */
  readonly command: string;
  readonly signal: AbortSignal;
  /** Takes a line that says what goes on. */
  readonly say: (line: string) => void;
}

/** What one engine has done of one session so far. */
interface Attempt {
  readonly session: Session;
  readonly runs: Run[];
  readonly figures: Figures[];
}

/** An engine while the benchmark lasts. */
interface Contender {
  readonly peer: Peer;
  readonly ready: ReadyPeer;
  readonly attempts: readonly Attempt[];
}

function jobOf({ guest, last }: Session, { timeoutSeconds }: Plan): Job {
  return { guest, until: last, timeoutSeconds };
}

async function runOnce({ peer, ready }: Contender, { session, runs, figures }: Attempt, plan: Plan, round: number): Promise<void> {
  const { cwd, timeoutSeconds, signal, say, repeat } = plan;
  say(`${peer.title}, ${session.title}${repeat > 1 ? ` (${round} of ${repeat})` : ''} ...`);
  const run = await runSession(ready.command(jobOf(session, plan)), {
    cwd, timeoutSeconds, signal, last: new RegExp(session.last),
    onPart: (part, seconds) => say(`  ${part}: ${seconds.toFixed(3)} s`),
  });
  runs.push(run);
  for (const [part, reason] of Object.entries(run.failedParts)) say(`  ${part} failed: ${reason}`);
  if (run.failure !== undefined) say(`  failed: ${run.failure}`);
  const said = await ready.figures?.();
  if (said !== undefined) figures.push(said);
}

function reportOf({ peer: { name, title }, ready, attempts }: Contender, plan: Plan): EngineReport {
  const sessions = attempts.map(({ session, runs, figures }): SessionReport => (
    { session: session.name, command: commandText(ready.command(jobOf(session, plan))), runs, figures }
  ));
  return { name, title, state: 'measured', version: ready.version, settings: ready.settings, sessions };
}

function contender(peer: Peer, ready: ReadyPeer, sessions: readonly Session[]): Contender {
  const own = sessions.filter(({ only }) => only === undefined || only.includes(peer.name));
  return { peer, ready, attempts: own.map((session) => ({ session, runs: [], figures: [] })) };
}

/**
 * Runs the plan. Of each session, rounds go through all engines before the next begins, so that a machine that gets slower or faster
 * meanwhile does so for all of them. An engine that fails once is not given the same session again: there is no median of some of its runs.
 * @throws the signal's reason, when it fires
 */
export async function benchmark(plan: Plan): Promise<Report> {
  const { architecture, suite, sessions, peers, repeat, command, signal, say } = plan;
  // Before the probes: the first of them may build our own bundles, which is load, too.
  const machine = environment();
  const slots: (Contender | EngineReport)[] = [];
  for (const peer of peers) {
    const probe = await peer.probe(architecture, signal);
    if ('missing' in probe) say(`${peer.title} is left out: ${probe.missing}`);
    slots.push('missing' in probe
      ? { name: peer.name, title: peer.title, state: 'left out', reason: probe.missing }
      : contender(peer, probe, sessions));
  }
  for (const session of sessions) {
    for (let round = 1; round <= repeat; round++) {
      for (const slot of slots) {
        const attempt = 'peer' in slot ? slot.attempts.find((each) => each.session === session) : undefined;
        if ('peer' in slot && attempt?.runs.every(({ failure }) => failure === undefined) === true) await runOnce(slot, attempt, plan, round);
      }
    }
  }
  return {
    date: new Date().toISOString(),
    command,
    architecture,
    suite,
    environment: machine,
    sessions,
    engines: slots.map((slot) => ('peer' in slot ? reportOf(slot, plan) : slot)),
  };
}
