/**
 * A process of its own that records a run, or opens a recording: `node --import tsx child.ts JOB` (JSON), with one line of JSON for an answer.
 */
import { launchMachine } from '../../../src/host/node/launch';
import { resolveConfiguration } from '../../../src/host/node/recordings/open';
import { saveRecording, type Saved } from '../../../src/host/node/recordings/save';
import type { MachineInput } from '../../../src/monitor/devices/device';
import { problemText } from '../../../src/monitor/machine/configuration';
import type { MachineSession, StopReport, TravelTarget } from '../../../src/monitor/machine/session';

/** What is done, in order. Bytes are lists of numbers. */
export type Deed =
  | { readonly do: 'run'; readonly count: number }
  | { readonly do: 'input'; readonly input: object }
  | { readonly do: 'poke'; readonly address: number; readonly byte: number }
  | { readonly do: 'bookmark'; readonly name: string }
  | { readonly do: 'travel'; readonly to: TravelTarget }
  | { readonly do: 'stepBack' }
  | { readonly do: 'save'; readonly file: string; readonly embed: boolean; readonly snapshots?: boolean };

export interface Job {
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly deeds: readonly Deed[];
}

export interface Answer {
  /** Why the machine was not made. */
  readonly refusal?: string;
  readonly notices: readonly string[];
  /** Behind each deed: where the machine stands, and its hash. */
  readonly states: readonly { readonly retired: number; readonly hash: string }[];
  /** Instructions that have been executed by then. */
  readonly executed?: readonly number[];
  readonly saved?: Saved;
  readonly bookmarks: readonly string[];
}

async function go(session: MachineSession, start: () => Promise<void>): Promise<StopReport> {
  const stopped = new Promise<StopReport>((resolve) => {
    session.onEvent((event) => { if (event.kind === 'stopped') resolve(event.report); });
  });
  await start();
  return stopped;
}

function inputOf(input: object): MachineInput {
  return ('bytes' in input ? { ...input, bytes: Uint8Array.from(input.bytes as number[]) } : input) as MachineInput;
}

async function work({ configuration, deeds }: Job): Promise<Answer> {
  const resolved = await resolveConfiguration(configuration, { front: 'commandLine' }, '0.1.0');
  if ('problems' in resolved) return { refusal: resolved.problems.map(problemText).join('\n'), notices: [], states: [], bookmarks: [] };
  const notices = resolved.notices.map(({ message }) => message);
  const images = await resolved.load();
  const session = await launchMachine(images);
  const states: { retired: number; hash: string }[] = [];
  const executed: number[] = [];
  let saved: Saved | undefined;
  for (const deed of deeds) {
    const { control } = session;
    if (deed.do === 'run') await go(session, () => control.resume({ kind: 'instructions', count: deed.count }));
    else if (deed.do === 'travel') await go(session, () => control.travel(deed.to));
    else if (deed.do === 'stepBack') await go(session, () => control.stepBack());
    else if (deed.do === 'input') await control.input(inputOf(deed.input));
    else if (deed.do === 'poke') await control.writeMemory({ kind: 'physical' }, BigInt(deed.address), Uint8Array.of(deed.byte));
    else if (deed.do === 'bookmark') await control.bookmark({ kind: 'add', name: deed.name });
    else saved = await saveRecording(session, images, deed.file, { embed: deed.embed, snapshots: deed.snapshots === true, version: '0.1.0' });
    executed.push(Object.values((await session.inspect.execution()).instructions).reduce((sum, each) => sum + each, 0));
    states.push({ retired: (await session.inspect.summary()).retired, hash: await session.inspect.hash() });
  }
  const { bookmarks } = await session.inspect.timeline();
  await session.dispose();
  return { notices, states, executed, bookmarks: bookmarks.map(({ name }) => name), ...(saved ? { saved } : {}) };
}

const [, , job = ''] = process.argv;
void work(JSON.parse(job) as Job).catch((error: unknown): Answer => ({ refusal: error instanceof Error ? error.message : String(error), notices: [], states: [], bookmarks: [] }))
  .then((answer) => { process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(0)); });
