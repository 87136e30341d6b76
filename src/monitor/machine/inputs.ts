/** How what comes in from outside reaches the devices: keys and bytes as they are, media as the drives may have them. */
import { floppyName } from '../devices/board';
import type { MachineInput } from '../devices/device';
import { MachineError } from './blame';
import { floppiesIn, type MachineImages } from './images';
import type { MachineParts } from './parts';

type Media = Extract<MachineInput, { readonly kind: 'media' }>;

/** An input as it is logged and handed over. Error, the user's, for a floppy disk that a drive may not have. */
export function preparedInput(parts: MachineParts, images: MachineImages, given: MachineInput): MachineInput {
  if (given.kind !== 'media' || given.drive === 'cdrom') return given;
  const input = parts.floppies.prepare(given);
  if (input.kind === 'media') checkIsElsewhere(parts, images, input);
  return input;
}

/** One disk is in one drive. */
function checkIsElsewhere({ floppies, board }: MachineParts, images: MachineImages, { drive, image }: Media): void {
  const disk = image === null ? undefined : floppies.disk(image);
  const other = floppiesIn(images).findIndex((_, unit) => disk !== undefined && drive !== floppyName(unit) && board.floppyDrive(unit).disk() === disk);
  if (other >= 0) throw new MachineError(`'${image}' is in ${floppyName(other)}: take it out there first.`, 'user');
}

/** Gives an input to its device. Error, the user's, for what there is no device or no room for. */
export function handInput({ discs, board }: MachineParts, input: MachineInput): void {
  try {
    if (input.kind === 'media' && input.drive === 'cdrom' && input.image !== null) discs.disc(input.image);
    board.input(input);
  } catch (reason) {
    if (reason instanceof RangeError) throw new MachineError(reason.message, 'user');
    throw reason;
  }
}
