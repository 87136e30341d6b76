/**
 * A PS/2 mouse with a wheel and five buttons: identification by the sequence of sample rates, settings, stream, remote and
 * wrap mode. As long as a driver has not asked for more it is a mouse of three buttons.
 *
 * Source: IBM PS/2 technical reference, 'Mouse'; Microsoft, 'IntelliMouse' and 'IntelliMouse Explorer' protocols.
 */
import type { MouseMotion } from './device';

export interface Ps2MouseState {
  reporting: boolean;
  remote: boolean;
  wrap: boolean;
  doubleScaling: boolean;
  resolution: number;
  /** Packets a second. */
  rate: number;
  command: number;
  queue: number[];
  /** The last answer or packet, for 'resend'. */
  lastSent: number[];
  /** 0, or 3 with a wheel, or 4 with a wheel and five buttons. */
  identity: number;
  /** The last three sample rates that were set: they ask for another identity. */
  rates: number[];
  /** Buttons as the last packet told them, and states of them that packets have still to tell, oldest first. */
  buttons: number;
  clicks: number[];
  /** Movement that has not been reported, in counts; up is positive. The wheel's in steps, up positive. */
  dx: number;
  dy: number;
  wheel: number;
}

const ACKNOWLEDGE = 0xfa;
const ERROR = 0xfe;
const SELF_TEST_PASSED = 0xaa;
const WHEEL = 3;
const FIVE_BUTTONS = 4;
/** States of the buttons that wait to be told. */
const MOST_CLICKS = 32;
/** Movement that is kept until it is reported: no hand moves further in that time. */
const MOST_COUNTS = 0x7fff;
const DEFAULT_RATE = 100;
/** Scaling 2:1 of stream mode: what becomes of small counts. */
const SCALED = [0, 1, 1, 3, 6, 9];

export function powerOnMouse(): Ps2MouseState {
  return {
    reporting: false, remote: false, wrap: false, doubleScaling: false, resolution: 2, rate: DEFAULT_RATE, command: 0,
    queue: [], lastSent: [], identity: 0, rates: [], buttons: 0, clicks: [], dx: 0, dy: 0, wheel: 0,
  };
}

function setDefaults(mouse: Ps2MouseState): void {
  Object.assign(mouse, {
    reporting: false, remote: false, wrap: false, doubleScaling: false, resolution: 2, rate: DEFAULT_RATE, dx: 0, dy: 0, wheel: 0,
  });
}

const limited = (value: number, most: number): number => Math.max(-most, Math.min(most, Math.trunc(value) || 0));

/** A signed value of so many bits, of a number; what is left of it. */
function take(value: number, most: number): [now: number, left: number] {
  const now = limited(value, most);
  return [now, value - now];
}

function scaled(value: number): number {
  const size = Math.abs(value);
  const to = SCALED[size] ?? 2 * size;
  return value < 0 ? -to : to;
}

/** One packet of what has gathered; what does not fit stays for the next. `stream` scales. */
function packet(mouse: Ps2MouseState, stream: boolean): number[] {
  const most = stream && mouse.doubleScaling ? 127 : 255;
  const [rawX, leftX] = take(mouse.dx, most);
  const [rawY, leftY] = take(mouse.dy, most);
  const [dx, dy] = stream && mouse.doubleScaling ? [scaled(rawX), scaled(rawY)] : [rawX, rawY];
  const buttons = (mouse.buttons = mouse.clicks.shift() ?? mouse.buttons);
  mouse.dx = leftX;
  mouse.dy = leftY;
  const flags = (buttons & 7) | 0x08 | (dx < 0 ? 0x10 : 0) | (dy < 0 ? 0x20 : 0);
  const bytes = [flags, dx & 0xff, dy & 0xff];
  if (mouse.identity === 0) {
    mouse.wheel = 0;
    return bytes;
  }
  const [steps, left] = take(mouse.wheel, mouse.identity === WHEEL ? 127 : 7);
  mouse.wheel = left;
  // Turning away from the hand is negative on the cable.
  const turned = -steps & 0xff;
  return [...bytes, mouse.identity === WHEEL ? turned : (turned & 0x0f) | ((buttons & 0x18) << 1)];
}

function statusBytes(mouse: Ps2MouseState): number[] {
  const flags =
    (mouse.remote ? 0x40 : 0) | (mouse.reporting ? 0x20 : 0) | (mouse.doubleScaling ? 0x10 : 0) |
    ((mouse.buttons & 1) << 2) | ((mouse.buttons >> 1) & 1) | ((mouse.buttons >> 2) & 1 ? 0x02 : 0);
  return [flags, mouse.resolution, mouse.rate];
}

/** The mouse moves, or its buttons do. */
export function moveMouse(mouse: Ps2MouseState, { dx, dy, wheel = 0, buttons }: MouseMotion): void {
  mouse.dx = limited(mouse.dx + limited(dx, MOST_COUNTS), MOST_COUNTS);
  mouse.dy = limited(mouse.dy + limited(dy, MOST_COUNTS), MOST_COUNTS);
  mouse.wheel = limited(mouse.wheel + limited(wheel, MOST_COUNTS), MOST_COUNTS);
  const before = mouse.clicks.at(-1) ?? mouse.buttons;
  if ((buttons & 31) === before) return;
  // While nothing is reported only the state as it is counts.
  if (!isStreaming(mouse)) mouse.buttons = buttons & 31;
  else if (mouse.clicks.length < MOST_CLICKS) mouse.clicks.push(buttons & 31);
  else mouse.clicks[MOST_CLICKS - 1] = buttons & 31;
}

function isStreaming(mouse: Ps2MouseState): boolean {
  return mouse.reporting && !mouse.remote && !mouse.wrap;
}

/** Whether a packet is due as soon as the sample rate lets it. */
export function mouseHasNews(mouse: Ps2MouseState): boolean {
  return isStreaming(mouse) && (mouse.dx !== 0 || mouse.dy !== 0 || mouse.clicks.length > 0 || (mouse.wheel !== 0 && mouse.identity !== 0));
}

/** A sample: what has gathered becomes a packet, unless the one before is still on its way. */
export function sampleMouse(mouse: Ps2MouseState): void {
  if (!mouseHasNews(mouse) || mouse.queue.length > 0) return;
  mouse.queue = packet(mouse, true);
  mouse.lastSent = [...mouse.queue];
}

export function mouseHasByte(mouse: Ps2MouseState): boolean {
  return mouse.queue.length > 0;
}

export function takeMouseByte(mouse: Ps2MouseState): number | undefined {
  return mouse.queue.shift();
}

/** Setting the rate to 200, 100, 80 makes it a mouse with a wheel; 200, 200, 80 one with five buttons. */
function setRate(mouse: Ps2MouseState, rate: number): void {
  mouse.rate = rate === 0 ? DEFAULT_RATE : rate;
  mouse.rates = [...mouse.rates, rate].slice(-3);
  const [first, second, third] = mouse.rates;
  if (first !== 200 || third !== 80) return;
  if (second === 100) mouse.identity = WHEEL;
  else if (second === 200) mouse.identity = FIVE_BUTTONS;
}

function writeParameter(mouse: Ps2MouseState, command: number, value: number): void {
  if (command === 0xe8) mouse.resolution = value & 3;
  else setRate(mouse, value);
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
    case 0xf4:
      mouse.reporting = true;
      mouse.dx = mouse.dy = mouse.wheel = 0;
      return true;
    case 0xf5: mouse.reporting = false; return true;
    case 0xf6: setDefaults(mouse); return true;
    default: return false;
  }
}

function answerOf(mouse: Ps2MouseState, command: number): number[] {
  if (writeSetting(mouse, command)) return [ACKNOWLEDGE];
  switch (command) {
    case 0xe9: return [ACKNOWLEDGE, ...statusBytes(mouse)];
    case 0xeb: return [ACKNOWLEDGE, ...packet(mouse, false)];
    case 0xf2: return [ACKNOWLEDGE, mouse.identity];
    case 0xfe: return mouse.lastSent;
    case 0xff:
      setDefaults(mouse);
      mouse.identity = 0;
      mouse.rates = [];
      return [ACKNOWLEDGE, SELF_TEST_PASSED, 0];
    default: return [ERROR];
  }
}

/** A byte from the 8042. In wrap mode everything but reset and 'reset wrap' comes straight back. */
export function writeMouse(mouse: Ps2MouseState, value: number): void {
  const { command } = mouse;
  mouse.command = 0;
  mouse.queue = [];
  // Clicks that were not told yet are over; how the buttons are now is kept.
  mouse.buttons = mouse.clicks.at(-1) ?? mouse.buttons;
  mouse.clicks = [];
  if (mouse.wrap && value !== 0xec && value !== 0xff) mouse.queue.push(value);
  else if (command !== 0) writeParameter(mouse, command, value);
  else mouse.queue.push(...answerOf(mouse, value));
  if (mouse.queue.length > 0) mouse.lastSent = [...mouse.queue];
}
