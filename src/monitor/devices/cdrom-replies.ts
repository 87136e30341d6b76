/** The data that a CD-ROM drive answers with, byte by byte as MMC-5 and SPC-3 lay it out. All numbers are big-endian. */
import { PACKET_MODEL } from './ata-identify';
import { BLOCK_BYTES, type CdromState, MEDIA_EVENT, MSF_OFFSET } from './cdrom-state';

/** A command, and the drive as it finds it. */
export interface CdromTask {
  readonly state: CdromState;
  /** The 12 bytes. */
  readonly packet: Uint8Array;
  /** Blocks of 2048 bytes on the disc; 0 without one. */
  readonly blocks: number;
}

const VENDOR = 'SHADOWBX';
const REVISION = '1.0';
/** The most that a CD of 80 minutes holds. */
const CD_BLOCKS = 80 * 60 * 75;
const PROFILE = { none: 0, cdRom: 0x08, dvdRom: 0x10 } as const;
/** ADR 1 (position), control 4 (data track). */
const DATA_TRACK = 0x14;
const LEAD_OUT = 0xaa;

function ascii(text: string, bytes: number): number[] {
  return [...text.padEnd(bytes).slice(0, bytes)].map((character) => character.charCodeAt(0));
}

const word = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];
const dword = (value: number): number[] => [...word(Math.floor(value / 0x1_0000)), ...word(value & 0xffff)];

/** An address as four bytes: a block, or minutes, seconds and frames. */
function address(lba: number, asTime: boolean): number[] {
  if (!asTime) return dword(lba);
  const frames = lba + MSF_OFFSET;
  return [0, Math.floor(frames / 75 / 60) & 0xff, Math.floor(frames / 75) % 60, frames % 75];
}

/** Bytes behind their length, which does not count itself. */
function behindLength(...bytes: readonly number[]): Uint8Array {
  return Uint8Array.of(...word(bytes.length), ...bytes);
}

/** Standard INQUIRY data; there are no vital product data pages. */
export function inquiry({ packet }: CdromTask): Uint8Array | undefined {
  if ((packet[1] & 1) !== 0 || packet[2] !== 0) return undefined;
  // A CD-ROM device with removable media; ATAPI's response format.
  return Uint8Array.of(0x05, 0x80, 0x00, 0x21, 31, 0, 0, 0, ...ascii(VENDOR, 8), ...ascii(PACKET_MODEL, 16), ...ascii(REVISION, 4));
}

/** Pages by number; their bytes behind number and length. */
const MODE_PAGES: Readonly<Record<number, readonly number[] | undefined>> = {
  // Error recovery: as well as it can.
  0x01: [0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
  // CD device parameters: 60 seconds a minute, 75 frames a second.
  0x0d: [0, 0, 0, 60, 0, 75],
  // Audio control, both channels at full volume.
  0x0e: [4, 0, 0, 0, 0, 0, 1, 0xff, 2, 0xff, 0, 0, 0, 0],
  // Capabilities: reads CD-R, CD-RW, DVD-ROM; tray, lock, eject; 16x (2822 kB/s), buffer of 512 kB.
  0x2a: [0x0b, 0, 0x71, 0x60, 0x29, 0, 0x0b, 0x06, 0, 2, 0x02, 0x00, 0x0b, 0x06, 0, 0, 0, 0],
};
const CAPABILITIES = 0x2a;
const LOCKED = 0x02;
const ALL_PAGES = 0x3f;

/** A mode page, or all of them; undefined when there is none of that number. Nothing in them can be changed. */
export function modePages({ state }: CdromTask, number: number, changeable: boolean): Uint8Array | undefined {
  const numbers = number === ALL_PAGES ? Object.keys(MODE_PAGES).map(Number) : [number];
  const bytes: number[] = [];
  for (const page of numbers) {
    const body = MODE_PAGES[page];
    if (body === undefined) return undefined;
    const shown = changeable ? body.map(() => 0) : [...body];
    if (page === CAPABILITIES && state.locked && !changeable) shown[4] |= LOCKED;
    bytes.push(page, shown.length, ...shown);
  }
  return Uint8Array.from(bytes);
}

/** READ TOC/PMA/ATIP: one track, and the lead-out. Older hosts give the format in the last byte. */
export function readToc({ packet, blocks }: CdromTask): Uint8Array | undefined {
  const asTime = (packet[1] & 2) !== 0;
  const format = (packet[2] & 0x0f) !== 0 ? packet[2] & 0x0f : packet[9] >> 6;
  if (format === 0) return trackList(packet[6], blocks, asTime);
  // One session, which is complete and begins with track 1.
  if (format === 1) return behindLength(1, 1, 0, DATA_TRACK, 1, 0, ...address(0, asTime));
  return format === 2 ? fullToc(blocks) : undefined;
}

function trackList(first: number, blocks: number, asTime: boolean): Uint8Array | undefined {
  if (first > 1 && first !== LEAD_OUT) return undefined;
  const track = first <= 1 ? [0, DATA_TRACK, 1, 0, ...address(0, asTime)] : [];
  return behindLength(1, 1, ...track, 0, DATA_TRACK, LEAD_OUT, 0, ...address(blocks, asTime));
}

/** Session, ADR and control, track 0, point, then its own time (zero), and minutes, seconds, frames of what the point tells. */
function fullToc(blocks: number): Uint8Array {
  const entry = (point: number, place: readonly number[]): number[] => [1, DATA_TRACK, 0, point, 0, 0, 0, ...place];
  const end = address(blocks, true);
  const start = address(0, true);
  return behindLength(1, 1, ...entry(0xa0, [0, 1, 0, 0]), ...entry(0xa1, [0, 1, 0, 0]), ...entry(0xa2, end), ...entry(1, start));
}

/** READ HEADER: the mode of the sector, and its address. */
export function readHeader({ packet, blocks }: CdromTask): Uint8Array | undefined {
  const lba = new DataView(packet.buffer, packet.byteOffset).getUint32(2);
  return lba < blocks ? Uint8Array.of(1, 0, 0, 0, ...address(lba, (packet[1] & 2) !== 0)) : undefined;
}

/** READ SUB-CHANNEL: nothing is played. */
export function readSubChannel({ packet }: CdromTask): Uint8Array | undefined {
  const noAudio = 0x15;
  if ((packet[2] & 0x40) === 0) return Uint8Array.of(0, noAudio, 0, 0);
  if (packet[3] !== 1) return undefined;
  return Uint8Array.of(0, noAudio, 0, 12, 1, DATA_TRACK, 1, 1, ...address(0, false), ...address(0, false));
}

export function readDiscInformation({ packet }: CdromTask): Uint8Array | undefined {
  if ((packet[1] & 7) !== 0) return undefined;
  const data = new Uint8Array(34);
  // Length; a finished disc with its last session complete; first track; one session; first and last track of it.
  data.set([0, 32, 0x0e, 1, 1, 1, 1, 0x20]);
  return data;
}

export function readTrackInformation({ packet, blocks }: CdromTask): Uint8Array | undefined {
  const kind = packet[1] & 3;
  const number = new DataView(packet.buffer, packet.byteOffset).getUint32(2);
  const found = kind === 0 ? number < blocks : number === 1;
  if (!found || kind === 3) return undefined;
  const data = new Uint8Array(36);
  data.set([0, 34, 1, 1, 0, 4, 1]);
  data.set(dword(blocks), 24);
  return data;
}

function profileOf(blocks: number): number {
  if (blocks === 0) return PROFILE.none;
  return blocks > CD_BLOCKS ? PROFILE.dvdRom : PROFILE.cdRom;
}

interface Feature {
  readonly code: number;
  readonly version: number;
  /** Current at all times, with a disc of this profile, or with any disc. */
  readonly current: 'always' | 'disc' | number;
  readonly body: readonly number[];
}

/** Features of GET CONFIGURATION (MMC-5, 5.3). */
const FEATURES: readonly Feature[] = [
  // Core: ATAPI; removable medium: tray, ejects, locks; random readable: blocks of 2048 bytes, one at a time.
  { code: 0x0001, version: 1, current: 'always', body: [0, 0, 0, 2, 1, 0, 0, 0] },
  { code: 0x0003, version: 0, current: 'always', body: [0x29, 0, 0, 0] },
  { code: 0x0010, version: 0, current: 'disc', body: [...dword(BLOCK_BYTES), 0, 1, 0, 0] },
  // Multi-read, CD read, DVD read.
  { code: 0x001d, version: 0, current: PROFILE.cdRom, body: [] },
  { code: 0x001e, version: 1, current: PROFILE.cdRom, body: [0, 0, 0, 0] },
  { code: 0x001f, version: 0, current: PROFILE.dvdRom, body: [] },
];

/** GET CONFIGURATION: all features from a number up, those of them that are current, or one. */
export function featureList({ packet, blocks }: CdromTask): Uint8Array | undefined {
  const request = packet[1] & 3;
  if (request === 3) return undefined;
  const start = (packet[2] << 8) | packet[3];
  const profile = profileOf(blocks);
  const profiles = [PROFILE.dvdRom, PROFILE.cdRom].flatMap((code) => [...word(code), code === profile ? 1 : 0, 0]);
  const all: readonly Feature[] = [{ code: 0, version: 0, current: 'always', body: profiles }, ...FEATURES];
  const bytes = all.flatMap(({ code, version, current, body }) => {
    const isCurrent = current === 'always' || (current === 'disc' ? profile !== PROFILE.none : current === profile);
    const wanted = request === 2 ? code === start : code >= start && (request === 0 || isCurrent);
    const persistent = current === 'always' ? 2 : 0;
    return wanted ? [...word(code), (version << 2) | persistent | (isCurrent ? 1 : 0), body.length, ...body] : [];
  });
  return Uint8Array.of(...dword(4 + bytes.length), 0, 0, ...word(profile), ...bytes);
}

/** Bit of the media class, its number, and 'none of the classes that were asked for'. */
const MEDIA_CLASS = 0x10;
const MEDIA_CLASS_NUMBER = 4;
const NO_EVENT_AVAILABLE = 0x80;

/** GET EVENT STATUS NOTIFICATION, polled: what has happened to the disc; it is told once. */
export function eventStatus({ state, packet, blocks }: CdromTask): Uint8Array | undefined {
  if ((packet[1] & 1) === 0) return undefined;
  if ((packet[4] & MEDIA_CLASS) === 0) return behindLength(NO_EVENT_AVAILABLE, MEDIA_CLASS);
  const { event } = state;
  if ((packet[7] << 8 | packet[8]) > 4) state.event = MEDIA_EVENT.none;
  return behindLength(MEDIA_CLASS_NUMBER, MEDIA_CLASS, event, (blocks > 0 ? 2 : 0) | (state.trayOpen ? 1 : 0), 0, 0);
}

/** MECHANISM STATUS: the door, and no changer's slots. */
export function mechanismStatus({ state }: CdromTask): Uint8Array {
  return Uint8Array.of(0, state.trayOpen ? 0x10 : 0, 0, 0, 0, 0, 0, 0);
}

/** READ DISC STRUCTURE of a DVD: format 0, physical information. */
export function discStructure({ packet, blocks }: CdromTask): Uint8Array | undefined {
  if (profileOf(blocks) !== PROFILE.dvdRom || (packet[1] & 0x0f) !== 0 || packet[6] !== 0 || packet[7] !== 0) return undefined;
  const data = new Uint8Array(2052);
  const first = 0x30000;
  // Length; DVD-ROM of version 1, 12 cm; one layer that is embossed; first and last sector of the data area.
  data.set([...word(2050), 0, 0, 0x01, 0x02, 0x01, 0x00, ...dword(first), ...dword(first + blocks - 1)]);
  return data;
}
