/**
 * Disks in a recording that their guest wrote to itself: of each the blocks that its file does not hold any more of what it held at
 * power-on. They lie over the image, read-only, when the recording is opened.
 */
import { FLOPPY_FIELDS, type DiskFile, type MachineImages } from '../../../monitor/machine/images';
import type { DiskStart, MachineSession } from '../../../monitor/machine/session';
import type { ContainerReader, ContainerWriter } from './container';
import { count, list, record, text, WrongRecording } from './fields';
import { BytePool, decodePlain, encodePlain } from './plainData';

const SECTIONS = { starts: 'DISK', bytes: 'DBLK' };

/** Disks and floppy, by role. */
const disksOf = (images: MachineImages): readonly (readonly [role: string, file: DiskFile])[] => [
  ...images.disks.map((file, index) => [`disks.${index}`, file] as const),
  ...FLOPPY_FIELDS.flatMap((field) => (images[field] ? [[field, images[field]] as const] : [])),
];

/** The images with each disk and floppy as `change` has it. */
const withDisks = (images: MachineImages, change: (role: string, file: DiskFile) => DiskFile): MachineImages => ({
  ...images, disks: images.disks.map((file, index) => change(`disks.${index}`, file)),
  ...Object.fromEntries(FLOPPY_FIELDS.flatMap((field) => (images[field] ? [[field, change(field, images[field])]] : []))),
});

/**
 * What the disks of a machine that stands held at power-on.
 * @throws MachineError (blame: user) when that is not known
 */
export async function startsOf(session: MachineSession, images: MachineImages): Promise<readonly DiskStart[]> {
  const disks = disksOf(images);
  const opened = disks.flatMap(([role, { start }]) => (start ? [{ role, isReset: false, ...start }] : []));
  const isWritten = disks.some(([, { writable, overlay }]) => writable || overlay !== undefined);
  const written = isWritten ? await session.control.diskStarts() : [];
  return [...opened, ...written.map((start) => (isAtItsBase(start, disks) ? { ...start, blocks: new Map<number, Uint8Array>() } : start))];
}

/** Whether a disk began with what is below its overlay, which nobody writes to. */
function isAtItsBase({ role, isReset }: DiskStart, disks: readonly (readonly [string, DiskFile])[]): boolean {
  return !isReset && disks.some(([each, { overlayIsNew }]) => each === role && overlayIsNew === true);
}

/** The images with the files that hold what disks began with: an overlay that had been written to before, or what is below a new one. */
export function withStartFiles(images: MachineImages, starts: readonly DiskStart[]): MachineImages {
  const all = disksOf(images);
  const placed = (role: string, file: DiskFile): DiskFile => {
    const start = starts.find((each) => each.role === role);
    return start === undefined || file.overlay === undefined || isAtItsBase(start, all) ? file : { ...file, path: file.overlay };
  };
  return withDisks(images, placed);
}

export async function writeStarts(starts: readonly DiskStart[], writer: ContainerWriter): Promise<void> {
  const pool = new BytePool();
  const encoded = starts.map(({ role, readOnly, discards, blocks }) => ({ role, readOnly, discards, blocks: encodePlain(blocks, pool) }));
  await writer.section(SECTIONS.starts, [Buffer.from(JSON.stringify(encoded))]);
  await writer.section(SECTIONS.bytes, pool.take());
}

/** @throws BadRecording, WrongRecording */
export async function readStarts(reader: ContainerReader): Promise<readonly DiskStart[]> {
  if (!reader.has(SECTIONS.starts)) return [];
  const bytes = await reader.section(SECTIONS.bytes);
  const starts: unknown = JSON.parse((await reader.section(SECTIONS.starts)).toString('utf8'));
  return list(starts, 'disks').map((each) => {
    const { role, readOnly, discards, blocks } = record(each, 'a disk');
    const held = decodePlain(blocks, bytes);
    if (!(held instanceof Map)) throw new WrongRecording('a disk has no blocks');
    const checked = [...held].map(([block, contents]: readonly [unknown, unknown]): [number, Uint8Array] => {
      if (!(contents instanceof Uint8Array)) throw new WrongRecording('a block has no contents');
      return [count(block, 'a block'), contents];
    });
    return { role: text(role, 'a disk'), isReset: false, readOnly: readOnly === true, discards: discards === true, blocks: new Map(checked) };
  });
}

/** The images with what their disks began with. */
export function withStarts(images: MachineImages, starts: readonly DiskStart[]): MachineImages {
  const started = (role: string, file: DiskFile): DiskFile => {
    const start = starts.find((each) => each.role === role);
    return start ? { ...file, start: { blocks: start.blocks, readOnly: start.readOnly, discards: start.discards } } : file;
  };
  return withDisks(images, started);
}
