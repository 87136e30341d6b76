/** The files that the guest may read by TFTP: one, or those of a folder and of the folders in it. */
import { open, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { LoadError } from '../../../monitor/firmware/platform';
import type { HostFile } from '../../network/surroundings';
import { fileFault } from '../fileFault';

export interface TftpFiles {
  open(name: string): Promise<HostFile | undefined>;
  /** The name of the one file; undefined for a folder. */
  readonly only: string | undefined;
}

async function openFile(file: string): Promise<HostFile | undefined> {
  const handle = await open(file);
  const stats = await handle.stat();
  if (!stats.isFile()) {
    await handle.close();
    return undefined;
  }
  return {
    size: stats.size,
    async read(offset, count) {
      const bytes = new Uint8Array(count);
      const { bytesRead } = await handle.read(bytes, 0, count, offset);
      return bytes.subarray(0, bytesRead);
    },
    close: () => void handle.close().catch(() => undefined),
  };
}

/** A file inside of a folder: neither '..' nor a link leads out of it. */
async function openInside(folder: string, name: string): Promise<HostFile | undefined> {
  const file = await realpath(path.join(folder, ...name.split(/[\\/]+/)));
  return file.startsWith(folder + path.sep) ? openFile(file) : undefined;
}

/** @throws LoadError (field 'network') when there is no such folder or file */
export async function tftpFiles(place: string): Promise<TftpFiles> {
  try {
    const root = await realpath(place);
    if ((await stat(root)).isDirectory()) return { only: undefined, open: (name) => openInside(root, name) };
    const only = path.basename(place);
    return { only, open: async (name) => (name.split(/[\\/]+/).at(-1) === only ? openFile(root) : undefined) };
  } catch (error) {
    throw new LoadError(`"tftp": ${fileFault(place, error)}`, 'network');
  }
}
