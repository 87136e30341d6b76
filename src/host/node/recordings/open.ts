/**
 * Opens a recording: its configuration, with what may be different on this computer, its images where they are found, and the time line.
 * A file may come from a stranger. So of its configuration nothing is taken that writes to files, listens, or shares folders, and an image
 * is read only if it is the one that was recorded, by its digest.
 */
import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LoadError } from '../../../monitor/firmware/platform';
import type { FieldName, MachineConfiguration, Notice, Problem, Validation, ValidationOptions } from '../../../monitor/machine/configuration';
import { isFieldName, validateConfiguration } from '../../../monitor/machine/configuration';
import type { MachineImages } from '../../../monitor/machine/images';
import type { DiskStart, RunRecord, SavedSnapshot } from '../../../monitor/machine/session';
import { fileFault } from '../fileFault';
import { loadImages } from '../loadImages';
import { BadRecording, ContainerReader } from './container';
import { readStarts, withStarts } from './diskStarts';
import { record, WrongRecording } from './fields';
import { identify, pathIn, withPath, type ImageIdentity } from './identities';
import { decodeRun } from './log';
import { SECTIONS } from './save';
import { readSnapshots } from './snapshots';

/** Fields that say nothing about the machine as its guest sees it: a launch configuration may give them anew. */
const FREE: readonly FieldName[] = [
  'symbols', 'symbolPaths', 'sourceMap', 'stopOnEntry', 'engine', 'pace', 'timeTravel', 'timeTravelMemory', 'gdbPort', 'gdbArchitecture', 'ablation', 'serial', 'recording', 'pageSharing', 'maxInstructions',
];
/** Those that are not the recording's affair at all, so that their defaults hold when nobody gives them. */
const LOCAL: readonly FieldName[] = ['stopOnEntry', 'pace', 'timeTravel', 'timeTravelMemory', 'gdbPort', 'gdbArchitecture', 'serial', 'recording', 'maxInstructions'];
/** Fields that name images: they may be elsewhere here. */
const IMAGES: readonly FieldName[] = ['firmware', 'vgaBios', 'kernel', 'initrd', 'multiboot', 'modules', 'floppy', 'floppyB', 'disks', 'cdrom'];

interface Recorded {
  readonly configuration: MachineConfiguration;
  readonly run: RunRecord;
  /** Where discs are here, by their recorded paths; and the recorded path of the one in the drive at power-on. */
  readonly discs: ReadonlyMap<string, string>;
  readonly cdrom: string | undefined;
}

/** What a configuration comes to: as validated, or a recording's. */
export type ResolvedConfiguration = { readonly problems: readonly Problem[] } | {
  readonly configuration: MachineConfiguration;
  readonly notices: readonly Notice[];
  /** Reads the images, and has the recording with them. */
  load(): Promise<MachineImages>;
};

/**
 * Checks a configuration as written; with `recording`, it is that of the recording.
 * @param version of this Shadowbox
 * @throws LoadError (field 'recording', or an image's) in words
 */
export async function resolveConfiguration(written: Readonly<Record<string, unknown>>, options: ValidationOptions, version: string): Promise<ResolvedConfiguration> {
  const validation: Validation = validateConfiguration(written, options);
  if ('problems' in validation) return validation;
  const { configuration: given, notices } = validation;
  const file = given.recording;
  if (file === undefined) return { configuration: given, notices, load: () => loadImages(given) };
  const problems = Object.keys(written).filter((name) => isFieldName(name) && !FREE.includes(name) && !IMAGES.includes(name) && written[name] !== undefined && written[name] !== null)
    .map((field) => ({ field, message: 'it is part of the recording', remedy: 'take it out' }));
  if (problems.length > 0) return { problems };
  const fields = Object.keys(written).filter(isFieldName);
  const { configuration, run, discs, cdrom, starts, snapshots, remarks } = await readRecording(file, given, fields, options.front, version);
  const other = remarks.map((message) => ({ field: 'recording', message }));
  return {
    configuration, notices: [...notices, ...other],
    load: async () => {
      const images = await loadImages(configuration);
      const disc = images.cdrom && cdrom !== undefined ? { cdrom: { ...images.cdrom, path: cdrom } } : {};
      return { ...withStarts(images, starts), ...disc, recording: run, snapshots: [...snapshots], discPlaces: discs };
    },
  };
}

/** Errors of a file as sentences about it. */
function explained(file: string, error: unknown): unknown {
  if (error instanceof BadRecording || error instanceof WrongRecording || error instanceof SyntaxError) return new LoadError(`${file}: ${error.message}`, 'recording');
  return error instanceof Error && 'code' in error ? new LoadError(fileFault(file, error), 'recording') : error;
}

interface Read extends Recorded {
  readonly starts: readonly DiskStart[];
  readonly snapshots: readonly SavedSnapshot[];
  /** What the person should know about it. */
  readonly remarks: readonly string[];
}

async function readRecording(file: string, given: MachineConfiguration, fields: readonly FieldName[], front: ValidationOptions['front'], version: string): Promise<Read> {
  let reader: ContainerReader | undefined;
  try {
    reader = await ContainerReader.open(file);
    const head = record(JSON.parse((await reader.section(SECTIONS.head)).toString('utf8')), 'the head');
    const run = decodeRun((await reader.section(SECTIONS.log)).toString('utf8'), await reader.section(SECTIONS.bytes));
    const configuration = merged(head.configuration, given, fields, front);
    const identities = (Array.isArray(head.images) ? head.images : []).map(identityOf);
    const located = { ...await locate(reader, file, identities, configuration, run, given, fields), starts: await readStarts(reader) };
    const writtenBy = String(head.shadowbox);
    // Another version may keep its devices' states in another way.
    if (writtenBy !== version) return { ...located, snapshots: [], remarks: [`it was made by Shadowbox ${writtenBy}, and this is ${version}: its guest may go another way here`] };
    const { snapshots, problem } = await readSnapshots(reader, head.snapshots);
    return { ...located, snapshots, remarks: problem === undefined ? [] : [problem] };
  } catch (error) {
    throw explained(file, error);
  } finally {
    await reader?.close();
  }
}

function identityOf(value: unknown): ImageIdentity {
  const { role, path: from, bytes, digest, section, isChanged } = record(value, 'an image');
  if (typeof role !== 'string' || typeof from !== 'string' || typeof bytes !== 'number' || typeof digest !== 'string') throw new WrongRecording('an image is not named');
  return { role, path: from, bytes, digest, ...(typeof section === 'string' ? { section } : {}), ...(isChanged === true ? { isChanged } : {}) };
}

/** The recorded machine, in today's surroundings. */
function merged(value: unknown, given: MachineConfiguration, fields: readonly FieldName[], front: ValidationOptions['front']): MachineConfiguration {
  const recorded = record(value, 'the configuration');
  const kept = Object.fromEntries(Object.entries(recorded).filter(([name]) => isFieldName(name) && !LOCAL.includes(name)));
  const local = Object.fromEntries(Object.entries(given).filter(([name]) => isFieldName(name) && (LOCAL.includes(name) || (FREE.includes(name) && fields.includes(name)))));
  // Fields that a later version has added have their defaults, which leave a machine as it was.
  const whole: MachineConfiguration = { ...given, ...kept, ...local };
  const still = <T extends { readonly path: string }>(image: T): T => ({ ...image, writable: false, overlay: undefined });
  const console_ = whole.console === 'none' ? 'none' : front === 'editor' ? 'terminal' : 'stdio';
  const { floppy, floppyB, disks, firmwareVariables } = whole;
  const stillIn = (drive: NonNullable<MachineConfiguration['floppy']>): NonNullable<MachineConfiguration['floppy']> => (drive === 'empty' ? drive : still(drive));
  return {
    ...whole, console: console_, ...(floppy ? { floppy: stillIn(floppy) } : {}), ...(floppyB ? { floppyB: stillIn(floppyB) } : {}), ...(disks ? { disks: disks.map(still) } : {}),
    ...(firmwareVariables ? { firmwareVariables: { ...firmwareVariables, writable: false } } : {}),
  };
}

/** Finds each image: where the person says, in the recording, where it was, or beside the recording. */
async function locate(
  reader: ContainerReader, file: string, identities: readonly ImageIdentity[], configuration: MachineConfiguration, run: RunRecord, given: MachineConfiguration, fields: readonly FieldName[],
): Promise<Recorded> {
  let here = configuration;
  let cdrom: string | undefined;
  const discs = new Map<string, string>();
  for (const identity of identities) {
    const { role } = identity;
    const field = role.split('.')[0] ?? role;
    const wanted = isFieldName(field) && fields.includes(field) ? pathIn(given, role) : undefined;
    const found = await find(reader, file, identity, wanted);
    if (role.startsWith('media.') || role === 'cdrom') discs.set(identity.path, found);
    if (role === 'cdrom') cdrom = identity.path;
    if (role.startsWith('media.')) continue;
    if (role === 'firmwareVariables') continue;
    here = withPath(here, role, found);
  }
  return { configuration: here, run, discs, cdrom };
}

async function find(reader: ContainerReader, file: string, identity: ImageIdentity, wanted: string | undefined): Promise<string> {
  const { role, section } = identity;
  const name = path.basename(identity.path.replaceAll('\\', '/'));
  const field = role.split('.')[0] ?? role;
  if (section !== undefined && wanted === undefined) return unpack(reader, section, identity, name);
  const candidates = wanted === undefined ? [identity.path, path.join(path.dirname(file), name)] : [wanted];
  const others: string[] = [];
  for (const candidate of new Set(candidates)) {
    const size = await stat(candidate).then((stats) => (stats.isFile() ? stats.size : undefined), () => undefined);
    if (size === undefined) continue;
    if (size === identity.bytes && (await identify({ place: candidate })).digest === identity.digest) return candidate;
    others.push(candidate);
  }
  const what = `${name} (${identity.bytes} bytes, SHA-256 ${identity.digest.slice(0, 16)}…)`;
  const remedy = isFieldName(field) ? `put it beside the recording, or name it with "${field}"` : 'put it beside the recording';
  if (others.length === 0) throw new LoadError(`${file}: its machine was started from ${what}, which is not at ${candidates.join(' and not at ')}; ${remedy}`, 'recording');
  const other = identity.isChanged === true ? 'has been written to since it was saved, or is another file' : 'is another file';
  throw new LoadError(`${file}: its machine was started from ${what}, and ${others.join(' and ')} ${other}; ${remedy}`, 'recording');
}

/** An image out of the recording, as a file: it is kept among temporary files, for the next time. */
async function unpack(reader: ContainerReader, section: string, { role, bytes, digest }: ImageIdentity, name: string): Promise<string> {
  // A firmware and its variables are found side by side.
  const folder = path.join(tmpdir(), `shadowbox-recording-${reader.digest.slice(0, 16)}`, role === 'firmwareVariables' ? 'firmware' : role);
  const place = path.join(folder, name);
  const isThere = await stat(place).then(({ size }) => size === bytes, () => false);
  if (isThere && (await identify({ place })).digest === digest) return place;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const contents = await reader.section(section);
  if ((await identify({ place, contents })).digest !== digest) throw new BadRecording(`the image ${name} in it is damaged: copy it again`);
  const temporary = `${place}.${process.pid}.part`;
  await writeFile(temporary, contents);
  await rename(temporary, place);
  return place;
}
