/**
 * The keyboard at the far end of the PS/2 cable: commands from the 8042, and the bytes it sends.
 *
 * Source: IBM PS/2 technical reference, '101/102-key keyboard'. The key that was pressed last repeats as long as it is down, by the
 * virtual clock; in set 3 each key says whether it repeats and whether it tells that it is let go.
 */
import type { KeyCode } from './device';
import type { ScanSet } from './scancodes';
import { PAUSE, scanBytes } from './scancodes';

export interface Ps2KeyboardState {
  scanning: boolean;
  set: ScanSet;
  leds: number;
  typematic: number;
  /** Command that waits for its parameter; 0 when none does. */
  command: number;
  /** Answers to commands, which go before scan codes. */
  answers: number[];
  codes: number[];
  /** Keys that have come from the host and not yet found room in the keyboard's buffer. */
  waiting: { code: KeyCode; down: boolean }[];
  lastSent: number;
  /** The key that repeats; 0 when none does. */
  repeating: KeyCode;
  /** How keys of set 3 behave: those that have been told apart, and all others. */
  types: Map<number, KeyType>;
  allTypes: KeyType;
}

/** Set 3: whether a key repeats (bit 0), and whether it sends a code when it is let go (bit 1); `MAKE_ONLY` does neither. */
type KeyType = 1 | 2 | 3 | 4;
const TYPEMATIC = 1, MAKE_BREAK = 2, BOTH = 3, MAKE_ONLY = 4;
const ACKNOWLEDGE = 0xfa;
const RESEND = 0xfe;
const SELF_TEST_PASSED = 0xaa;
const IDENTITY = [0xab, 0x83];
/** Size of the keyboard's own buffer in bytes. */
const BUFFER_BYTES = 16;
/** 500 ms until the first repeat, 10.9 repeats a second. */
const DEFAULT_TYPEMATIC = 0x2b;

export function powerOnKeyboard(): Ps2KeyboardState {
  return {
    scanning: true, set: 2, leds: 0, typematic: DEFAULT_TYPEMATIC, command: 0, answers: [], codes: [], waiting: [],
    lastSent: 0, repeating: 0, types: new Map(), allTypes: BOTH,
  };
}

function setDefaults(keyboard: Ps2KeyboardState): void {
  keyboard.set = 2;
  keyboard.typematic = DEFAULT_TYPEMATIC;
  keyboard.codes = [];
  keyboard.repeating = 0;
  keyboard.types = new Map();
  keyboard.allTypes = BOTH;
}

function typeOf(keyboard: Ps2KeyboardState, code: number): KeyType {
  return keyboard.types.get(code) ?? keyboard.allTypes;
}

/** Bytes for a key, as its set and its type have them. */
function bytesOf(keyboard: Ps2KeyboardState, code: KeyCode, down: boolean): number[] {
  const bytes = scanBytes(code, down, keyboard.set);
  if (keyboard.set !== 3 || down || bytes.length === 0) return bytes;
  return (typeOf(keyboard, bytes[1]) & MAKE_BREAK) === 0 ? [] : bytes;
}

function repeats(keyboard: Ps2KeyboardState, code: KeyCode): boolean {
  if (code === PAUSE) return false;
  const [make] = scanBytes(code, true, keyboard.set);
  return make !== undefined && (keyboard.set !== 3 || (typeOf(keyboard, make) & TYPEMATIC) !== 0);
}

/** Time until the first repeat, and from one to the next, in nanoseconds: bits 5-6 and bits 0-4 of the typematic byte. */
export function typematicTimes({ typematic }: Ps2KeyboardState): { readonly delay: number; readonly period: number } {
  const steps = (8 + (typematic & 7)) * 2 ** ((typematic >> 3) & 3);
  return { delay: (((typematic >> 5) & 3) + 1) * 250_000_000, period: Math.round(steps * 4_170_000) };
}

/** The key that is held down comes once more, if there is room. */
export function repeatKey(keyboard: Ps2KeyboardState): void {
  if (keyboard.repeating === 0 || !keyboard.scanning || keyboard.waiting.length > 0) return;
  const bytes = bytesOf(keyboard, keyboard.repeating, true);
  if (keyboard.codes.length + bytes.length <= BUFFER_BYTES) keyboard.codes.push(...bytes);
}

/** Moves keys from the host into the keyboard's buffer as far as there is room. */
function scan(keyboard: Ps2KeyboardState): void {
  for (let key = keyboard.waiting[0]; key !== undefined; key = keyboard.waiting[0]) {
    const bytes = keyboard.scanning ? bytesOf(keyboard, key.code, key.down) : [];
    if (keyboard.codes.length + bytes.length > BUFFER_BYTES) return;
    keyboard.waiting.shift();
    keyboard.codes.push(...bytes);
  }
}

/** A key goes down or up. Lost while scanning is off, as on the real one. */
export function pressKey(keyboard: Ps2KeyboardState, code: KeyCode, down: boolean): void {
  if (down) keyboard.repeating = repeats(keyboard, code) ? code : 0;
  else if (keyboard.repeating === code) keyboard.repeating = 0;
  keyboard.waiting.push({ code, down });
  scan(keyboard);
}

export function keyboardHasByte(keyboard: Ps2KeyboardState): boolean {
  return keyboard.answers.length > 0 || keyboard.codes.length > 0;
}

/** The next byte on the cable, or undefined. */
export function takeKeyboardByte(keyboard: Ps2KeyboardState): number | undefined {
  const byte = keyboard.answers.shift() ?? keyboard.codes.shift();
  scan(keyboard);
  if (byte !== undefined) keyboard.lastSent = byte;
  return byte;
}

function writeParameter(keyboard: Ps2KeyboardState, command: number, value: number): void {
  const { answers } = keyboard;
  answers.push(ACKNOWLEDGE);
  const type = KEY_TYPES.get(command);
  if (type !== undefined) {
    keyboard.types.set(value, type);
    // More keys of the same kind may follow, up to the next command.
    keyboard.command = command;
  } else if (command === 0xed) {
    keyboard.leds = value & 7;
  } else if (command === 0xf3) {
    keyboard.typematic = value & 0x7f;
  } else if (command === 0xf0) {
    if (value === 0) answers.push(keyboard.set);
    else if (value === 1 || value === 2 || value === 3) keyboard.set = value;
  }
}

function isParameterCommand(command: number): boolean {
  return command === 0xed || command === 0xf0 || command === 0xf3 || KEY_TYPES.has(command);
}

/** FB-FD: the keys that follow repeat, or tell that they are let go, or neither. F7-FA: all keys. */
const KEY_TYPES: ReadonlyMap<number, KeyType> = new Map([[0xfb, TYPEMATIC], [0xfc, MAKE_BREAK], [0xfd, MAKE_ONLY]]);
const ALL_KEY_TYPES: ReadonlyMap<number, KeyType> = new Map([[0xf7, TYPEMATIC], [0xf8, MAKE_BREAK], [0xf9, MAKE_ONLY], [0xfa, BOTH]]);

function writeCommand(keyboard: Ps2KeyboardState, command: number): void {
  const { answers } = keyboard;
  if (command === 0xee) {
    answers.push(0xee);
    return;
  }
  if (command === 0xfe) {
    answers.push(keyboard.lastSent);
    return;
  }
  if (command < 0xed || command === 0xef || command === 0xf1) {
    answers.push(RESEND);
    return;
  }
  answers.push(ACKNOWLEDGE);
  if (isParameterCommand(command)) keyboard.command = command;
  else if (command === 0xf2) answers.push(...IDENTITY);
  else if (command === 0xf4) keyboard.scanning = true;
  else if (command === 0xf5 || command === 0xf6) setDefaults(keyboard);
  else if (command === 0xff) resetKeyboard(keyboard);
  const all = ALL_KEY_TYPES.get(command);
  if (all !== undefined) {
    keyboard.allTypes = all;
    keyboard.types = new Map();
  }
  if (command === 0xf5) keyboard.scanning = false;
  if (command === 0xf6) keyboard.scanning = true;
}

function resetKeyboard(keyboard: Ps2KeyboardState): void {
  setDefaults(keyboard);
  keyboard.leds = 0;
  keyboard.scanning = true;
  keyboard.answers.push(SELF_TEST_PASSED);
}

/** A byte from the 8042: a command, or the parameter of the one before. A command in its place takes over. */
export function writeKeyboard(keyboard: Ps2KeyboardState, value: number): void {
  const { command } = keyboard;
  keyboard.command = 0;
  keyboard.answers = [];
  if (command !== 0 && value < 0xed) writeParameter(keyboard, command, value);
  else writeCommand(keyboard, value);
}
