/**
 * The keyboard at the far end of the PS/2 cable: commands from the 8042, and the bytes it sends.
 *
 * Source: IBM PS/2 technical reference, '101/102-key keyboard'. Typematic settings are accepted; repeating
 * is left to the host, which sees the real key.
 */
import type { KeyCode } from './device';
import type { ScanSet } from './scancodes';
import { scanBytes } from './scancodes';

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
}

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
    lastSent: 0,
  };
}

function setDefaults(keyboard: Ps2KeyboardState): void {
  keyboard.set = 2;
  keyboard.typematic = DEFAULT_TYPEMATIC;
  keyboard.codes = [];
}

/** Moves keys from the host into the keyboard's buffer as far as there is room. */
function scan(keyboard: Ps2KeyboardState): void {
  for (let key = keyboard.waiting[0]; key !== undefined; key = keyboard.waiting[0]) {
    const bytes = keyboard.scanning ? scanBytes(key.code, key.down, keyboard.set) : [];
    if (keyboard.codes.length + bytes.length > BUFFER_BYTES) return;
    keyboard.waiting.shift();
    keyboard.codes.push(...bytes);
  }
}

/** A key goes down or up. Lost while scanning is off, as on the real one. */
export function pressKey(keyboard: Ps2KeyboardState, code: KeyCode, down: boolean): void {
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
  if (command === 0xed) {
    keyboard.leds = value & 7;
  } else if (command === 0xf3) {
    keyboard.typematic = value & 0x7f;
  } else if (command === 0xf0) {
    if (value === 0) answers.push(keyboard.set);
    else if (value === 1 || value === 2 || value === 3) keyboard.set = value;
  }
}

function isParameterCommand(command: number): boolean {
  // FB-FD name single keys of set 3; the key type is accepted and all keys stay make/break.
  return command === 0xed || command === 0xf0 || command === 0xf3 || (command >= 0xfb && command <= 0xfd);
}

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
