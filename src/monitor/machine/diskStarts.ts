/** What disks held at power-on that the guest writes to itself: who replays its run has to begin from there. */
import { BlockError } from '../devices/device';
import type { DriveStart } from '../disks/drive';
import { FIRST_HARD_DISK } from '../firmware/bios/drives';
import type { History } from '../snapshot/history';
import { MachineError } from './blame';
import { FLOPPY_FIELDS } from './images';
import type { MachineParts } from './parts';

export interface DiskStart extends DriveStart {
  /** 'floppy', 'disks.0' and so on, as the configuration has it. */
  readonly role: string;
  /** Whether the power-on was a reset of a machine that had been running before. */
  readonly isReset: boolean;
}

/**
 * Of each drive whose image is written itself, all that the image's file does not hold any more of what it held at the first snapshot; the
 * file has all that was written then.
 * @throws MachineError when a file fails
 */
export function diskStarts({ drives }: MachineParts, history: History, isReset: boolean): readonly DiskStart[] {
  try {
    return [...drives].flatMap(([number, drive]) => {
      if (drive.writes !== 'image') return [];
      drive.settle();
      const blocks = [...history.firstOnDisk(String(number))].flatMap(([block, contents]) => (contents === 'image' ? [] : [[block, contents] as const]));
      const role = number < FIRST_HARD_DISK ? FLOPPY_FIELDS[number] : `disks.${number - FIRST_HARD_DISK}`;
      return [{ role, isReset, blocks: new Map(blocks), readOnly: drive.readOnly, discards: drive.discards }];
    });
  } catch (error) {
    if (error instanceof BlockError) throw new MachineError(error.message, 'user');
    throw error;
  }
}
