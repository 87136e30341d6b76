/** Saves the run of a machine to one file: its configuration, which images it was started from, its input, its bookmarks. */
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { MachineError } from '../../../monitor/machine/blame';
import type { MachineImages } from '../../../monitor/machine/images';
import type { MachineSession, RunRecord } from '../../../monitor/machine/session';
import { fileFault } from '../fileFault';
import { ContainerWriter } from './container';
import { startsOf, withStartFiles, writeStarts } from './diskStarts';
import { identify, imageSources, type ImageIdentity, type ImageSource } from './identities';
import { encodeRun } from './log';
import { SNAPSHOT_FORMAT, writeSnapshots } from './snapshots';

export interface SaveOptions {
  /** The version of Shadowbox that writes. */
  readonly version: string;
  /** Whether images are put into the file, those of up to 64 MiB each. */
  readonly embed: boolean;
  /** Whether snapshots are put into it, so that whoever opens it need not run through all from the start. Default: no. */
  readonly snapshots?: boolean;
  /** Told what is being done, and the share that is done (0 to 100) where it is known. */
  readonly report?: (message: string, percentage?: number) => void;
  readonly signal?: AbortSignal;
}

export interface Saved {
  readonly path: string;
  readonly bytes: number;
  /** Paths of images in the file, and of those beside it that whoever opens it needs. */
  readonly embedded: readonly string[];
  readonly needed: readonly string[];
  /** Snapshots in the file, and a sentence on those that are not, though they were wanted. */
  readonly snapshots: number;
  readonly note?: string;
}

/** An image larger than this is not put into the file. */
const LARGEST_EMBEDDED = 64 * 2 ** 20;

/** Names of the sections of a recording. */
export const SECTIONS = { head: 'HEAD', log: 'LOGS', bytes: 'BYTE', image: (index: number) => `I${String(index).padStart(3, '0')}` };

/**
 * @param session a machine that stands
 * @param images what it was started from
 * @throws MachineError (blame: user) when it runs, when it cannot be repeated, or when the file cannot be written; the signal's reason
 */
export async function saveRecording(session: MachineSession, images: MachineImages, file: string, options: SaveOptions): Promise<Saved> {
  const { report = () => undefined, signal } = options;
  const run = await session.control.record();
  refuseWrittenFloppies(run);
  const starts = await startsOf(session, images);
  const identities: ImageIdentity[] = [];
  const sources = imageSources(withStartFiles(images, starts), run.inputs);
  for (const source of sources) {
    const isChanged = starts.some(({ role, blocks }) => role === source.role && blocks.size > 0);
    identities.push({ ...await named(source, identities.length, options), ...(isChanged ? { isChanged } : {}) });
  }
  const { bytes, log } = encodeRun(run);
  const configuration = Object.fromEntries(Object.entries(images.configuration).filter(([name]) => name !== 'recording'));
  const head = {
    shadowbox: options.version, saved: new Date().toISOString(), configuration, images: identities, ...(options.snapshots === true ? { snapshots: SNAPSHOT_FORMAT } : {}),
  };
  const writer = await ContainerWriter.create(file).catch((error: unknown) => { throw new MachineError(fileFault(file, error), 'user'); });
  try {
    const between = (): void => signal?.throwIfAborted();
    await writer.section(SECTIONS.head, [Buffer.from(JSON.stringify(head))], between);
    report('Writing the input');
    await writer.section(SECTIONS.log, [Buffer.from(log)], between);
    await writer.section(SECTIONS.bytes, joined(bytes), between);
    if (starts.length > 0) await writeStarts(starts, writer);
    const kept = options.snapshots === true ? await writeSnapshots(session, run, writer, (done, of) => {
      between();
      report(`Writing snapshot ${done + 1} of ${of}`, Math.floor((100 * done) / of));
    }) : { count: 0 };
    for (const [index, { section, bytes: size }] of identities.entries()) {
      const source = sources[index];
      if (section === undefined || source === undefined) continue;
      const name = path.basename(source.path);
      await writer.section(section, source.contents ? [source.contents] : createReadStream(source.place, { highWaterMark: 2 ** 22 }), (done) => {
        between();
        report(`Writing ${name}`, Math.floor((100 * done) / Math.max(size, 1)));
      });
    }
    if (starts.length > 0) await standsStill(session, run);
    const written = await writer.finish();
    const paths = (isEmbedded: boolean): string[] => identities.filter(({ section }) => (section !== undefined) === isEmbedded).map((image) => image.path);
    return { path: file, bytes: written, embedded: paths(true), needed: paths(false), snapshots: kept.count, ...('note' in kept ? { note: kept.note } : {}) };
  } catch (error) {
    await writer.abandon();
    if (signal?.aborted === true) throw signal.reason;
    throw error instanceof Error && 'code' in error ? new MachineError(fileFault(file, error), 'user') : error;
  }
}

/** What the image of a floppy held when it was put in, which the guest then wrote to itself, nobody has kept. */
function refuseWrittenFloppies({ inputs }: RunRecord): void {
  const written = inputs.flatMap(({ input }) => (input.kind === 'media' && input.writable === true && input.image !== null ? [input.image] : []));
  if (written[0] === undefined) return;
  throw new MachineError(`The floppy '${written[0]}' was put in while the machine ran, and what the guest writes goes to its image: such a run cannot be recorded. Put it in without that.`, 'user');
}

/** Files that the guest writes to were read while it stood. */
async function standsStill({ control }: MachineSession, { stood, inputs }: RunRecord): Promise<void> {
  const now = await control.record().catch(() => undefined);
  if (now?.inputs.length === inputs.length && isDeepStrictEqual(now.stood, stood)) return;
  throw new MachineError('The machine has gone on while its recording was being saved: save it again, and let it stand meanwhile.', 'user');
}

/** An image's identity; reading a large one may take a while. */
async function named(source: ImageSource, index: number, { embed, report = () => undefined, signal }: SaveOptions): Promise<ImageIdentity> {
  const { role, path: from } = source;
  try {
    const { bytes, digest } = await identify(source, (done) => {
      signal?.throwIfAborted();
      if (done % 2 ** 26 === 0) report(`Reading ${path.basename(from)}: ${done / 2 ** 20} MiB`);
    });
    return { role, path: from, bytes, digest, ...(embed && bytes <= LARGEST_EMBEDDED ? { section: SECTIONS.image(index) } : {}) };
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    throw new MachineError(fileFault(from, error), 'user');
  }
}

/** Small pieces in larger ones: a compressor does little with 60 bytes at a time. */
function* joined(pieces: readonly Uint8Array[]): Generator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    waiting.push(piece);
    bytes += piece.length;
    if (bytes < 2 ** 20) continue;
    yield Buffer.concat(waiting);
    waiting = [];
    bytes = 0;
  }
  if (waiting.length > 0) yield Buffer.concat(waiting);
}
