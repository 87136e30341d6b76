/**
 * A plain three-button PS/2 mouse: identification, settings, stream and remote mode.
 *
 * Source: IBM PS/2 technical reference, 'Mouse'. Packets have three bytes; there is no wheel.
 */

export interface Ps2MouseState {
  reporting: boolean;
  remote: boolean;
  wrap: boolean;
  doubleScaling: boolean;
  resolution: number;
  rate: number;
  command: number;
  queue: number[];
  lastSent: number;
  buttons: number;
  /** Movement that has not been reported, in counts; up is positive. */
  dx: number;
  dy: number;
}

const ACKNOWLEDGE = 0xfa;
const ERROR = 0xfe;
const SELF_TEST_PASSED = 0xaa;
const IDENTITY = 0x00;
const PACKET_BYTES = 3;
/** Unreported packets are merged into one while this many bytes wait. */
const QUEUE_BYTES = 15;

export function powerOnMouse(): Ps2MouseState {
  return {
    reporting: false, remote: false, wrap: false, doubleScaling: false, resolution: 2, rate: 100, command: 0,
    queue: [], lastSent: 0, buttons: 0, dx: 0, dy: 0,
  };
}

function setDefaults(mouse: Ps2MouseState): void {
  Object.assign(mouse, { ...powerOnMouse(), queue: mouse.queue, buttons: mouse.buttons, lastSent: mouse.lastSent });
}

/** One packet from what has gathered; movement is cut to nine bits, with the overflow flags beyond. */
function packet(mouse: Ps2MouseState): number[] {
  const { dx, dy, buttons } = mouse;
  const overflow = (value: number): boolean => value > 255 || value < -256;
  const flags =
    buttons | 0x08 | (dx < 0 ? 0x10 : 0) | (dy < 0 ? 0x20 : 0) | (overflow(dx) ? 0x40 : 0) | (overflow(dy) ? 0x80 : 0);
  mouse.dx = 0;
  mouse.dy = 0;
  return [flags, dx & 0xff, dy & 0xff];
}

function statusBytes(mouse: Ps2MouseState): number[] {
  const flags =
    (mouse.remote ? 0x40 : 0) | (mouse.reporting ? 0x20 : 0) | (mouse.doubleScaling ? 0x10 : 0) |
    ((mouse.buttons & 1) << 2) | ((mouse.buttons >> 1) & 1) | ((mouse.buttons >> 2) & 1 ? 0x02 : 0);
  return [flags, mouse.resolution, mouse.rate];
}

/** The mouse moves (counts, right and up positive) with buttons bit 0 left, 1 right, 2 middle. */
export function moveMouse(mouse: Ps2MouseState, dx: number, dy: number, buttons: number): void {
  mouse.dx += Math.trunc(dx);
  mouse.dy += Math.trunc(dy);
  mouse.buttons = buttons & 7;
  const streaming = mouse.reporting && !mouse.remote && !mouse.wrap;
  if (streaming && mouse.queue.length + PACKET_BYTES <= QUEUE_BYTES) mouse.queue.push(...packet(mouse));
}

export function mouseHasByte(mouse: Ps2MouseState): boolean {
  return mouse.queue.length > 0;
}

export function takeMouseByte(mouse: Ps2MouseState): number | undefined {
  const byte = mouse.queue.shift();
  if (byte !== undefined) mouse.lastSent = byte;
  return byte;
}

function writeParameter(mouse: Ps2MouseState, command: number, value: number): void {
  if (command === 0xe8) mouse.resolution = value & 3;
  else mouse.rate = value;
  mouse.queue.push(ACKNOWLEDGE);
}

/** Commands that are answered by an acknowledge and a change of settings; false when it is none of them. */
function writeSetting(mouse: Ps2MouseState, command: number): boolean {
  switch (command) {
    case 0xe6: mouse.doubleScaling = false; return true;
    case 0xe7: mouse.doubleScaling = true; return true;
    case 0xe8: case 0xf3: mouse.command = command; return true;
    case 0xea: mouse.remote = false; return true;
    case 0xec: mouse.wrap = false; return true;
    case 0xee: mouse.wrap = true; return true;
    case 0xf0: mouse.remote = true; return true;
    case 0xf4: mouse.reporting = true; return true;
    case 0xf5: mouse.reporting = false; return true;
    case 0xf6: setDefaults(mouse); return true;
    default: return false;
  }
}

function answerOf(mouse: Ps2MouseState, command: number): number[] {
  if (writeSetting(mouse, command)) return [ACKNOWLEDGE];
  switch (command) {
    case 0xe9: return [ACKNOWLEDGE, ...statusBytes(mouse)];
    case 0xeb: return [ACKNOWLEDGE, ...packet(mouse)];
    case 0xf2: return [ACKNOWLEDGE, IDENTITY];
    case 0xfe: return [mouse.lastSent];
    case 0xff:
      setDefaults(mouse);
      return [ACKNOWLEDGE, SELF_TEST_PASSED, IDENTITY];
    default: return [ERROR];
  }
}

/** A byte from the 8042. In wrap mode everything but reset and 'reset wrap' comes straight back. */
export function writeMouse(mouse: Ps2MouseState, value: number): void {
  const { command } = mouse;
  mouse.command = 0;
  mouse.queue = [];
  if (mouse.wrap && value !== 0xec && value !== 0xff) mouse.queue.push(value);
  else if (command !== 0) writeParameter(mouse, command, value);
  else mouse.queue.push(...answerOf(mouse, value));
}
