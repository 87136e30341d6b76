/** Answers what the drives hold and what was asked of them, and reads their disks for who looks from outside. */
import { floppyName } from '../devices/board';
import { BlockError, type BlockBackend } from '../devices/device';
import { ACTIVITY_ZONES, zoneOf } from '../disks/activity';
import { OVERLAY_BLOCK, type Drive } from '../disks/drive';
import { SECTOR_BYTES } from '../disks/image';
import { FIRST_HARD_DISK } from '../firmware/bios/drives';
import type { DiskView } from '../inspection/queries';
import { MachineError } from './blame';
import { floppiesIn, type MachineImages } from './images';
import type { MachineParts } from './parts';

/** One answer has at most so many bytes: the machine stands meanwhile. */
const LARGEST_READ = 1024 * 1024;

type Place = Pick<DiskView, 'name' | 'kind' | 'bus'>;

/** What is in a floppy drive: the disk that it had at first, another one, or none. */
function inFloppyDrive(first: Drive | undefined, floppies: MachineParts['floppies'], now: BlockBackend | undefined): Drive | undefined {
  return first !== undefined && now === first ? first : floppies.find(now);
}

/** All drives with what is in them; an empty drive has none. */
function places({ drives, floppies, discs, board }: MachineParts, images: MachineImages): readonly (readonly [Place, Drive | undefined])[] {
  const { disks, cdrom } = images;
  const fixed = [
    ...floppiesIn(images).map((_, unit): readonly [Place, Drive | undefined] => (
      [{ name: floppyName(unit), kind: 'floppy', bus: 'floppy' }, inFloppyDrive(drives.get(unit), floppies, board.floppyDrive(unit).disk())])),
    ...disks.map(({ bus = 'ata' }, index): readonly [Place, Drive | undefined] => [{ name: `disk${index}`, kind: 'disk', bus }, drives.get(FIRST_HARD_DISK + index)]),
  ];
  return cdrom === undefined ? fixed : [...fixed, [{ name: 'cdrom', kind: 'cdrom', bus: 'ata' }, discs.find(board.cdromDisc())]];
}

export function diskViews(parts: MachineParts, images: MachineImages): readonly DiskView[] {
  return places(parts, images).map(([place, drive]) => (drive === undefined ? emptyView(place) : viewOf(place, drive)));
}

function emptyView(place: Place): DiskView {
  return {
    ...place, bytes: 0, writes: 'refuse', overlayBytes: 0, activity: { reads: 0, readBytes: 0, writes: 0, writtenBytes: 0, discards: 0 }, cache: { hits: 0, fetches: 0, writes: 0 },
    zones: { reads: [], writes: [], overlay: [] },
  };
}

function viewOf(place: Place, drive: Drive): DiskView {
  const { sectors, activity, cache, overlay } = drive;
  const written = new Array<boolean>(ACTIVITY_ZONES).fill(false);
  let overlayBytes = 0;
  for (const [block, contents] of overlay) {
    written[zoneOf((block * OVERLAY_BLOCK) / SECTOR_BYTES, sectors)] = true;
    overlayBytes += contents.length;
  }
  const { hits, fetches, writes } = cache.counters;
  return {
    ...place, image: drive.name, bytes: sectors * SECTOR_BYTES, writes: drive.writes, overlayBytes, activity: { ...activity.counters }, cache: { hits, fetches, writes },
    zones: { reads: [...activity.readZones], writes: [...activity.writeZones], overlay: written },
  };
}

/** @throws MachineError (blame: user) for a drive or bytes that are not there, and for an image that cannot be read */
export function readDisk(parts: MachineParts, images: MachineImages, { name, offset, bytes }: { readonly name: string; readonly offset: number; readonly bytes: number }): Uint8Array {
  const drive = places(parts, images).find(([place]) => place.name === name)?.[1];
  if (drive === undefined) throw new MachineError(`There is no drive '${name}' with a disc in it.`, 'user');
  const inside = Number.isSafeInteger(offset) && Number.isSafeInteger(bytes) && offset >= 0 && bytes >= 0 && offset + bytes <= drive.sectors * SECTOR_BYTES;
  if (!inside || bytes > LARGEST_READ) throw new MachineError(`Bytes ${offset} to ${offset + bytes - 1} of '${name}' cannot be read: the disk has ${drive.sectors * SECTOR_BYTES}, and at most ${LARGEST_READ} are read at once.`, 'user');
  try {
    return drive.peek(offset, bytes);
  } catch (error) {
    if (error instanceof BlockError) throw new MachineError(error.message, 'user');
    throw error;
  }
}
