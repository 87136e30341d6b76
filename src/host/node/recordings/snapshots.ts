/**
 * Snapshots in a recording: a few along the run, each told from the one before, the first from power-on. Of each there are three sections:
 * what is not in bulk (S), the bytes that this points into and no earlier one has (D), and pages of memory (P). What is damaged, or
 * of another format, is not used: the machine executes from the last one before.
 */
import type { MachineSession, RunRecord, SavedSnapshot } from '../../../monitor/machine/session';
import { BadRecording, type ContainerReader, type ContainerWriter } from './container';
import { count, list, position, record, text, WrongRecording } from './fields';
import { BytePool, decodePlain, encodePlain } from './plainData';

export const SNAPSHOT_FORMAT = 2;
/** What they may have together, in bytes, before it is compressed. */
const MOST_BYTES = 256 * 2 ** 20;

const sectionsOf = (index: number): { readonly state: string; readonly data: string; readonly pages: string } => {
  const number = String(index).padStart(3, '0');
  return { state: `S${number}`, data: `D${number}`, pages: `P${number}` };
};

/**
 * Writes snapshots of a machine that stands.
 * @returns how many, and a sentence if there are fewer than there could be
 */
export async function writeSnapshots(
  session: MachineSession, run: RunRecord, writer: ContainerWriter, between: (done: number, of: number) => void,
): Promise<{ readonly count: number; readonly note?: string }> {
  const { moments = [], momentsProblem: note } = run;
  const [powerOn, ...chosen] = moments;
  if (powerOn === undefined) return { count: 0, ...(note === undefined ? {} : { note }) };
  const pool = new BytePool();
  let since = powerOn;
  let left = MOST_BYTES;
  let written = 0;
  for (const at of chosen) {
    between(written, chosen.length);
    const snapshot = await session.control.saveSnapshot({ since, at, mostBytes: left });
    if (snapshot === undefined) return { count: written, note: `Of ${chosen.length} snapshots it has ${written}: all of them would have more than ${MOST_BYTES / 2 ** 20} MiB.` };
    const { state, bulk: { pages, bytes, zeros, disks } } = snapshot;
    const { state: main, data, pages: memory } = sectionsOf(written);
    const text = JSON.stringify({ state: encodePlain(state, pool), pages, zeros, disks: encodePlain(disks, pool) });
    const added = pool.take();
    await writer.section(main, [Buffer.from(text)]);
    await writer.section(data, [Buffer.concat(added)]);
    await writer.section(memory, [bytes]);
    left -= bytes.length + added.reduce((sum, { length }) => sum + length, 0);
    since = at;
    written++;
  }
  return { count: written };
}

/** What can be used of a recording's snapshots, and a sentence (without its end) if that is not all. */
export async function readSnapshots(reader: ContainerReader, format: unknown): Promise<{ readonly snapshots: SavedSnapshot[]; readonly problem?: string }> {
  const snapshots: SavedSnapshot[] = [];
  if (format === undefined) return { snapshots };
  if (format !== SNAPSHOT_FORMAT) return { snapshots, problem: `its snapshots have format ${String(format)}, and this version of Shadowbox reads format ${SNAPSHOT_FORMAT}: it is run through from the start` };
  let data = Buffer.alloc(0);
  for (let sections = sectionsOf(0); reader.has(sections.state); sections = sectionsOf(snapshots.length)) {
    try {
      data = Buffer.concat([data, await reader.section(sections.data)]);
      snapshots.push(decodeSnapshot((await reader.section(sections.state)).toString('utf8'), data, await reader.section(sections.pages)));
    } catch (error) {
      if (!(error instanceof BadRecording || error instanceof WrongRecording || error instanceof SyntaxError)) throw error;
      const rest = snapshots.length === 0 ? 'it is run through from the start' : `what lies behind instruction ${snapshots.at(-1)?.state.own.position.retired ?? 0} is run through`;
      return { snapshots, problem: `its snapshot ${snapshots.length + 1} is damaged, and is not used: ${rest}` };
    }
  }
  return { snapshots };
}

function decodeSnapshot(text: string, data: Uint8Array, memory: Uint8Array): SavedSnapshot {
  const fields = record(JSON.parse(text), 'a snapshot');
  const state = decodePlain(fields.state, data);
  if (!isState(state)) throw new WrongRecording('a snapshot has no state');
  position(state.own.position, 'the state');
  const numbers = (value: unknown, where: string): number[] => list(value, where).map((each) => count(each, where));
  const pages = numbers(fields.pages, 'pages');
  // Shared: the thread with the machine takes them as they are.
  const bytes = new Uint8Array(new SharedArrayBuffer(memory.length));
  bytes.set(memory);
  const disks = list(decodePlain(fields.disks, data), 'disks').map(diskOf);
  return { state, bulk: { pages, bytes, zeros: numbers(fields.zeros, 'zeros'), disks } };
}

type DiskBlocks = SavedSnapshot['bulk']['disks'][number];

function diskOf(value: unknown): DiskBlocks {
  const [name, blocks] = list(value, 'a disk');
  return [text(name, 'a disk'), list(blocks, 'blocks').map(blockOf)];
}

function blockOf(value: unknown): DiskBlocks[1][number] {
  const [block, contents] = list(value, 'a block');
  if (contents !== 'image' && !(contents instanceof Uint8Array)) throw new WrongRecording('a block has no contents');
  return [count(block, 'a block'), contents];
}

/** Whether a value has the parts of a state; what is in them is their devices' affair. */
function isState(value: unknown): value is SavedSnapshot['state'] {
  if (typeof value !== 'object' || value === null || !('own' in value && 'cpus' in value && 'processors' in value && 'devices' in value && 'rom' in value && 'givenBack' in value)) return false;
  const { own, cpus, processors, devices, rom, givenBack } = value;
  return typeof own === 'object' && own !== null && 'position' in own && 'queue' in own && 'produced' in own
    && typeof processors === 'object' && devices instanceof Map && Array.isArray(rom) && Array.isArray(givenBack) && Array.isArray(cpus) && cpus.every((block) => block instanceof Uint8Array);
}
