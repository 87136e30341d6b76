/** The disks of the machine for panels and the explorer: how they are divided, and what files are on them. */
import { entriesAt, openDisk, reportOf, type OpenedDisk } from '../src/filesystems/volumes';
import type { DiskReport, EntryReport } from '../src/filesystems/report';
import { FileSystemError, type ByteSource } from '../src/filesystems/source';
import type { Inspection } from '../src/monitor/inspection/queries';
import { userError } from './ports';

/** The machine answers with at most so many bytes at once. */
export const LARGEST_PIECE = 1024 * 1024;

/** A drive's disk as it is while it is read: a guest that runs may write meanwhile. */
async function sourceOf(inspect: Inspection, name: string): Promise<ByteSource> {
  const disk = (await inspect.disks()).find((each) => each.name === name);
  if (disk?.image === undefined) throw userError(`There is no drive '${name}' with a disc in it.`);
  return {
    bytes: disk.bytes,
    read: async (offset, bytes) => {
      const target = new Uint8Array(bytes);
      for (let done = 0; done < bytes; done += LARGEST_PIECE) target.set(await inspect.readDisk(name, offset + done, Math.min(LARGEST_PIECE, bytes - done)), done);
      return target;
    },
  };
}

async function withDisk<T>(inspect: Inspection, name: string, use: (disk: OpenedDisk) => Promise<T> | T): Promise<T> {
  try {
    return await use(await openDisk(await sourceOf(inspect, name)));
  } catch (error) {
    // What is on the guest's disk is no failure of ours.
    if (error instanceof FileSystemError) throw userError(error.message);
    throw error;
  }
}

export function diskReport(inspect: Inspection, name: string): Promise<DiskReport> {
  return withDisk(inspect, name, reportOf);
}

export function diskEntries(inspect: Inspection, name: string, path: string): Promise<readonly EntryReport[]> {
  return withDisk(inspect, name, (disk) => entriesAt(disk, path));
}
