/** A CD-ROM drive and the disc in it: what is where, what the host has not been told yet, and the words of MMC-5 and SPC-3 for that. */
import type { BlockBackend } from './device';

/** Sectors of 512 bytes in a block of a CD. */
export const BLOCK_SECTORS = 4;
export const BLOCK_BYTES = 2048;

/** Sense key, additional sense code and its qualifier (SPC-3, 4.5). */
export type Sense = readonly [key: number, code: number, qualifier: number];

export const SENSE = {
  none: [0x00, 0x00, 0x00],
  noMediumTrayClosed: [0x02, 0x3a, 0x01],
  noMediumTrayOpen: [0x02, 0x3a, 0x02],
  unrecoveredRead: [0x03, 0x11, 0x00],
  invalidCommand: [0x05, 0x20, 0x00],
  beyondEnd: [0x05, 0x21, 0x00],
  invalidField: [0x05, 0x24, 0x00],
  invalidParameter: [0x05, 0x26, 0x00],
  savingNotSupported: [0x05, 0x39, 0x00],
  illegalTrackMode: [0x05, 0x64, 0x00],
  removalPrevented: [0x05, 0x53, 0x02],
  powerOn: [0x06, 0x29, 0x00],
  mediumChanged: [0x06, 0x28, 0x00],
} as const satisfies Readonly<Record<string, Sense>>;

/** Media events of GET EVENT STATUS NOTIFICATION (MMC-5, table 267). */
export const MEDIA_EVENT = { none: 0, newMedia: 2, removal: 3 } as const;

export interface CdromState {
  /** Name of the image that lies in the tray; null for none. */
  image: string | null;
  trayOpen: boolean;
  /** PREVENT ALLOW MEDIUM REMOVAL. */
  locked: boolean;
  sense: Sense;
  /** What the next command that may is told before anything else (unit attention). */
  attention: Sense;
  event: number;
}

/** Discs by the names of their images. */
export type DiscSource = (image: string) => BlockBackend | undefined;

/** Addresses in minutes, seconds and frames begin 2 seconds before the first block. */
export const MSF_OFFSET = 150;

/** The state after power-on with a disc in the drive, or without. */
export function powerOnCdrom(image: string | null): CdromState {
  return {
    image, trayOpen: false, locked: false, sense: SENSE.none, attention: SENSE.powerOn,
    event: image === null ? MEDIA_EVENT.none : MEDIA_EVENT.newMedia,
  };
}

/** Someone has put a disc into the tray and closed it, or taken it out. A lock does not hold them: they know the hole beside the button. */
export function changeDisc(state: CdromState, image: string | null): void {
  state.image = image;
  state.trayOpen = false;
  state.event = image === null ? MEDIA_EVENT.removal : MEDIA_EVENT.newMedia;
  if (image !== null) state.attention = SENSE.mediumChanged;
}

/** The disc that the drive reads: none with the tray open. */
export function discOf(state: CdromState, discs: DiscSource): BlockBackend | undefined {
  return state.image === null || state.trayOpen ? undefined : discs(state.image);
}

export function noDiscSense(state: CdromState): Sense {
  return state.trayOpen ? SENSE.noMediumTrayOpen : SENSE.noMediumTrayClosed;
}
