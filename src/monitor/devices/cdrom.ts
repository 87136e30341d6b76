/**
 * A CD-ROM drive's commands, whatever cable they come by: what each of them answers.
 *
 * Source: MMC-5 (T10 1675D), SPC-3 (T10 1416D); INF-8090 for the forms that older hosts use. A disc has one data track (a DVD-ROM
 * when it is larger than a CD). No audio, no raw sectors.
 */
import { discStructure, type CdromTask, eventStatus, featureList, inquiry, mechanismStatus, modePages, readDiscInformation, readHeader, readSubChannel, readToc, readTrackInformation } from './cdrom-replies';
import { BLOCK_BYTES, BLOCK_SECTORS, type CdromState, discOf, type DiscSource, MEDIA_EVENT, MSF_OFFSET, noDiscSense, SENSE, type Sense } from './cdrom-state';

/** What a command comes to: nothing to say, bytes, blocks of the disc, parameters that are to follow, or a refusal. */
export type CdromAnswer =
  | { readonly kind: 'done' }
  | { readonly kind: 'reply'; readonly data: Uint8Array }
  | { readonly kind: 'blocks'; readonly lba: number; readonly count: number }
  | { readonly kind: 'parameters'; readonly bytes: number }
  | { readonly kind: 'refused'; readonly sense: Sense };

const DONE: CdromAnswer = { kind: 'done' };
const refused = (sense: Sense): CdromAnswer => ({ kind: 'refused', sense });
/** Bytes, as many as the host has room for. */
const reply = (data: Uint8Array, room: number): CdromAnswer => (room === 0 ? DONE : { kind: 'reply', data: data.subarray(0, room) });

const be16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1];
const be24 = (bytes: Uint8Array, at: number): number => (be16(bytes, at) << 8) | bytes[at + 2];
const be32 = (bytes: Uint8Array, at: number): number => be16(bytes, at) * 0x1_0000 + be16(bytes, at + 2);

/** Bytes of REQUEST SENSE in fixed format. */
const SENSE_BYTES = 18;
/** Pages that MODE SELECT takes, with their lengths: error recovery, CD device parameters, audio control. What they ask for changes nothing here. */
const SELECTABLE_PAGES: Readonly<Record<number, number | undefined>> = { 0x01: 10, 0x0d: 6, 0x0e: 14 };
const MODE_HEADER_BYTES = 8;
/** Flag bytes of READ CD: the user data of each block and nothing else, or nothing at all. */
const USER_DATA = 0x10;
/** Sector types of READ CD that a data track of mode 1 has: any, and that one. */
const DATA_SECTOR_TYPES: readonly number[] = [0, 2];
const FRAMES_IN_SECOND = 75;
const SECONDS_IN_MINUTE = 60;
interface Command {
  /** Answered although there is a unit attention, which stays. */
  readonly always?: boolean;
  /** Needs a disc. */
  readonly medium?: boolean;
  run(task: CdromTask): CdromAnswer;
}

function blocksOf(task: CdromTask, lba: number, count: number): CdromAnswer {
  if (lba + count > task.blocks) return refused(SENSE.beyondEnd);
  return count === 0 ? DONE : { kind: 'blocks', lba, count };
}

function fromMsf(bytes: Uint8Array, at: number): number {
  return (bytes[at] * SECONDS_IN_MINUTE + bytes[at + 1]) * FRAMES_IN_SECOND + bytes[at + 2] - MSF_OFFSET;
}

function readCd(task: CdromTask, lba: number, count: number): CdromAnswer {
  const { packet } = task;
  const parts = packet[9] & 0xf8;
  if (!DATA_SECTOR_TYPES.includes((packet[1] >> 2) & 7)) return refused(SENSE.illegalTrackMode);
  if ((packet[9] & 0x06) !== 0 || (packet[10] & 7) !== 0 || (parts !== 0 && parts !== USER_DATA)) return refused(SENSE.invalidField);
  return parts === 0 ? blocksOf(task, lba, 0) : blocksOf(task, lba, count);
}

/** READ CD MSF: from a first to behind a last moment. */
function readCdMsf(task: CdromTask): CdromAnswer {
  const first = fromMsf(task.packet, 3);
  const end = fromMsf(task.packet, 6);
  return first < 0 || end < first ? refused(SENSE.invalidField) : readCd(task, first, end - first);
}

/** REQUEST SENSE: what the last command left, or else a unit attention; either is told once. */
function requestSense({ state, packet }: CdromTask): CdromAnswer {
  if (state.sense[0] === 0) {
    state.sense = state.attention;
    state.attention = SENSE.none;
  }
  const data = new Uint8Array(SENSE_BYTES);
  const [key, code, qualifier] = state.sense;
  data.set([0x70, 0, key], 0);
  data[7] = SENSE_BYTES - 8;
  data.set([code, qualifier], 12);
  state.sense = SENSE.none;
  return reply(data, packet[4]);
}

/** START STOP UNIT: loads and ejects when bit 1 (LoEj) is set; the rest of it turns a motor. */
function startStop({ state, packet }: CdromTask): CdromAnswer {
  if ((packet[4] & 2) === 0) return DONE;
  const load = (packet[4] & 1) !== 0;
  if (!load && state.locked) return refused(SENSE.removalPrevented);
  if (state.trayOpen === !load) return DONE;
  state.trayOpen = !load;
  if (state.image === null) return DONE;
  state.event = load ? MEDIA_EVENT.newMedia : MEDIA_EVENT.removal;
  if (load) state.attention = SENSE.mediumChanged;
  return DONE;
}

function readCapacity({ blocks }: CdromTask): CdromAnswer {
  const data = new Uint8Array(8);
  const view = new DataView(data.buffer);
  view.setUint32(0, blocks - 1);
  view.setUint32(4, BLOCK_BYTES);
  return reply(data, data.length);
}

function modeSense(task: CdromTask, short: boolean): CdromAnswer {
  const { packet } = task;
  const control = packet[2] >> 6;
  if (control === 3) return refused(SENSE.savingNotSupported);
  const pages = modePages(task, packet[2] & 0x3f, control === 1);
  if (pages === undefined) return refused(SENSE.invalidField);
  const header = short ? 4 : MODE_HEADER_BYTES;
  const data = new Uint8Array(header + pages.length);
  if (short) data[0] = data.length - 1;
  else new DataView(data.buffer).setUint16(0, data.length - 2);
  data.set(pages, header);
  return reply(data, short ? packet[4] : be16(packet, 7));
}

function modeSelect({ packet }: CdromTask, short: boolean): CdromAnswer {
  // Pages in the standard's format, not to be saved.
  if ((packet[1] & 0x10) === 0 || (packet[1] & 0x01) !== 0) return refused(SENSE.invalidField);
  const bytes = short ? packet[4] : be16(packet, 7);
  return bytes === 0 ? DONE : { kind: 'parameters', bytes };
}

/** Parameters of MODE SELECT: a header and pages, which are looked at and then forgotten. */
export function acceptParameters(packet: Uint8Array, data: Uint8Array): CdromAnswer {
  const short = packet[0] === 0x15;
  let at = short ? 4 + (data[3] ?? 0) : MODE_HEADER_BYTES + (data.length >= MODE_HEADER_BYTES ? be16(data, 6) : 0);
  while (at + 2 <= data.length) {
    const length = data[at + 1];
    if (SELECTABLE_PAGES[data[at] & 0x3f] !== length) return refused(SENSE.invalidParameter);
    at += 2 + length;
  }
  return at <= data.length ? DONE : refused(SENSE.invalidParameter);
}

const done = (): CdromAnswer => DONE;
/** A command whose answer may be missing: then a field asks for something that there is not. */
const answered = (make: (task: CdromTask) => Uint8Array | undefined, room: (packet: Uint8Array) => number) => (task: CdromTask): CdromAnswer => {
  const data = make(task);
  return data === undefined ? refused(SENSE.invalidField) : reply(data, room(task.packet));
};
const roomAt7 = (packet: Uint8Array): number => be16(packet, 7);
const roomAt8 = (packet: Uint8Array): number => be16(packet, 8);

/** All commands by operation code. */
const COMMANDS: Readonly<Record<number, Command | undefined>> = {
  // TEST UNIT READY
  0x00: { medium: true, run: done },
  0x03: { always: true, run: requestSense },
  0x12: { always: true, run: answered(inquiry, (packet) => be16(packet, 3)) },
  // MODE SELECT and SENSE, in 6 bytes and in 10.
  0x15: { run: (task) => modeSelect(task, true) },
  0x55: { run: (task) => modeSelect(task, false) },
  0x1a: { run: (task) => modeSense(task, true) },
  0x5a: { run: (task) => modeSense(task, false) },
  0x1b: { run: startStop },
  // PREVENT ALLOW MEDIUM REMOVAL
  0x1e: {
    run: ({ state, packet }) => {
      state.locked = (packet[4] & 1) !== 0;
      return DONE;
    },
  },
  0x25: { medium: true, run: readCapacity },
  0x28: { medium: true, run: (task) => blocksOf(task, be32(task.packet, 2), be16(task.packet, 7)) },
  0xa8: { medium: true, run: (task) => blocksOf(task, be32(task.packet, 2), be32(task.packet, 6)) },
  // SEEK
  0x2b: { medium: true, run: (task) => blocksOf(task, be32(task.packet, 2), 0) },
  0x42: { medium: true, run: answered(readSubChannel, roomAt7) },
  0x43: { medium: true, run: answered(readToc, roomAt7) },
  0x44: { medium: true, run: answered(readHeader, roomAt7) },
  0x46: { always: true, run: answered(featureList, roomAt7) },
  0x4a: { always: true, run: answered(eventStatus, roomAt7) },
  0x51: { medium: true, run: answered(readDiscInformation, roomAt7) },
  0x52: { medium: true, run: answered(readTrackInformation, roomAt7) },
  0xad: { medium: true, run: answered(discStructure, roomAt8) },
  // SET CD SPEED
  0xbb: { run: done },
  0xbd: { run: answered(mechanismStatus, roomAt8) },
  0xb9: { medium: true, run: readCdMsf },
  0xbe: { medium: true, run: (task) => readCd(task, be32(task.packet, 2), be24(task.packet, 6)) },
};

/** What a packet of 12 bytes comes to. `state.sense` is left for REQUEST SENSE when it is refused. */
export function cdromCommand(state: CdromState, packet: Uint8Array, discs: DiscSource): CdromAnswer {
  const answer = answerOf(state, packet, discs);
  if (packet[0] !== 0x03) state.sense = answer.kind === 'refused' ? answer.sense : SENSE.none;
  return answer;
}

function answerOf(state: CdromState, packet: Uint8Array, discs: DiscSource): CdromAnswer {
  const command = COMMANDS[packet[0]];
  if (command === undefined) return refused(SENSE.invalidCommand);
  if (command.always !== true && state.attention[0] !== 0) {
    const { attention } = state;
    state.attention = SENSE.none;
    return refused(attention);
  }
  const disc = discOf(state, discs);
  if (command.medium === true && disc === undefined) return refused(noDiscSense(state));
  return command.run({ state, packet, blocks: disc === undefined ? 0 : Math.floor(disc.sectors / BLOCK_SECTORS) });
}

/** Blocks that a packet will read, so that the host may begin to fetch them. */
export function blocksWanted(packet: Uint8Array): { readonly lba: number; readonly count: number } | undefined {
  switch (packet[0]) {
    case 0x28: return { lba: be32(packet, 2), count: be16(packet, 7) };
    case 0xa8: return { lba: be32(packet, 2), count: be32(packet, 6) };
    case 0xbe: return { lba: be32(packet, 2), count: be24(packet, 6) };
    default: return undefined;
  }
}
