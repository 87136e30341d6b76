/** Entry of the worker thread that serves the disks of a machine. */
import { carryOut } from '../../monitor/disks/blockStore';
import { ImageError } from '../../monitor/disks/image';
import { openDisk } from '../../monitor/disks/storage';
import { MachineError } from '../../monitor/machine/blame';
import { nodeFiles } from './fileAccess';
import { serveStorage } from './storageThread';

serveStorage((request) => {
  try {
    const image = openDisk(nodeFiles, request);
    const { bytes, readOnly, discards } = image;
    return { bytes, readOnly, discards, carryOut: (id, order) => carryOut(image, id, order), close: () => image.close() };
  } catch (error) {
    if (error instanceof ImageError) throw new MachineError(error.message, 'user');
    throw error;
  }
});
