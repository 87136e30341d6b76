/** IRQ 1 and INT 16h: scan codes to keys, the shift state and the ring buffer, all in the BIOS data area. */
import type { PhysicalMemory } from '../platform';
import type { FunctionTable, ServiceCall } from './call';
import { GREY, GREY_KEYS, padDigit, PLAIN_KEYS, SCAN, type KeyLevel, type KeyMeaning } from './keymap';
import { BDA, BDA_BASE } from './layout';

/** Shift flags (40:17), as INT 16h AH=02h returns them. */
const RIGHT_SHIFT = 0x01;
const LEFT_SHIFT = 0x02;
const CONTROL = 0x04;
const ALT = 0x08;
const SCROLL_LOCK = 0x10;
const NUM_LOCK = 0x20;
const CAPS_LOCK = 0x40;
const INSERT = 0x80;

/** Key flags (40:18): the left keys, and lock keys that are down. */
const LEFT_CONTROL = 0x01;
const LEFT_ALT = 0x02;

/** Keyboard mode (40:96): prefixes seen, right keys, and bit 4 for a keyboard with 101 keys. */
const SEEN_E1 = 0x01;
const SEEN_E0 = 0x02;
const RIGHT_CONTROL = 0x04;
const RIGHT_ALT = 0x08;
export const ENHANCED_KEYBOARD = 0x10;

const RELEASED = 0x80;
const BREAK_PRESSED = 0x80;
const WARM_START = 0x1234;

/** Highest scan code that programs for the 83-key keyboard know (Ctrl-PgUp). */
const LAST_OLD_SCAN = 0x84;

/** Lock keys: flag that toggles in 40:17; the same bit of 40:18 tells that the key is down. */
const LOCKS: Readonly<Record<number, number | undefined>> = {
  [SCAN.scrollLock]: SCROLL_LOCK,
  [SCAN.numLock]: NUM_LOCK,
  [SCAN.capsLock]: CAPS_LOCK,
  [SCAN.insert]: INSERT,
};

function setBits(memory: PhysicalMemory, address: number, mask: number, on: boolean): void {
  const old = memory.read8(address);
  memory.write8(address, on ? old | mask : old & ~mask);
}

function following(memory: PhysicalMemory, pointer: number): number {
  const next = pointer + 2;
  return next >= memory.read16(BDA.keyBufferEnd) ? memory.read16(BDA.keyBufferStart) : next;
}

/** Puts a key into the ring buffer; false when it is full. */
function store(memory: PhysicalMemory, key: number): boolean {
  const tail = memory.read16(BDA.keyTail);
  const next = following(memory, tail);
  if (next === memory.read16(BDA.keyHead)) return false;
  memory.write16(BDA_BASE + tail, key);
  memory.write16(BDA.keyTail, next);
  return true;
}

/** The oldest key, which stays in the buffer; undefined when there is none. */
function peek(memory: PhysicalMemory): number | undefined {
  const head = memory.read16(BDA.keyHead);
  return head === memory.read16(BDA.keyTail) ? undefined : memory.read16(BDA_BASE + head);
}

function drop(memory: PhysicalMemory): void {
  memory.write16(BDA.keyHead, following(memory, memory.read16(BDA.keyHead)));
}

function level(memory: PhysicalMemory, meaning: KeyMeaning): KeyLevel {
  const flags = memory.read8(BDA.shiftFlags);
  if ((flags & ALT) !== 0) return 'alt';
  if ((flags & CONTROL) !== 0) return 'control';
  const shifted = (flags & (LEFT_SHIFT | RIGHT_SHIFT)) !== 0;
  const locked =
    (meaning.lock === 'caps' && (flags & CAPS_LOCK) !== 0) || (meaning.lock === 'num' && (flags & NUM_LOCK) !== 0);
  return shifted !== locked ? 'shift' : 'normal';
}

/** Control and Alt each have two keys; 40:17 tells whether either is down. */
function pairedModifier(
  memory: PhysicalMemory,
  right: boolean,
  down: boolean,
  masks: { either: number; left: number; right: number },
): void {
  if (right) setBits(memory, BDA.keyMode, masks.right, down);
  else setBits(memory, BDA.keyFlags, masks.left, down);
  const leftDown = (memory.read8(BDA.keyFlags) & masks.left) !== 0;
  const rightDown = (memory.read8(BDA.keyMode) & masks.right) !== 0;
  setBits(memory, BDA.shiftFlags, masks.either, leftDown || rightDown);
}

/** Releasing Alt ends a character code that was typed on the number pad. */
function finishAltNumber(memory: PhysicalMemory): void {
  const code = memory.read8(BDA.altNumber);
  if (code !== 0) store(memory, code);
  memory.write8(BDA.altNumber, 0);
}

/** Handles keys that change the shift state; false for all others. */
function shiftKey(memory: PhysicalMemory, scan: number, grey: boolean, down: boolean): boolean {
  switch (scan) {
    case SCAN.leftShift:
    case SCAN.rightShift:
      // With E0 these are not keys but brackets that the keyboard puts around grey ones.
      if (!grey) setBits(memory, BDA.shiftFlags, scan === SCAN.leftShift ? LEFT_SHIFT : RIGHT_SHIFT, down);
      return true;
    case SCAN.control:
      pairedModifier(memory, grey, down, { either: CONTROL, left: LEFT_CONTROL, right: RIGHT_CONTROL });
      return true;
    case SCAN.alt:
      pairedModifier(memory, grey, down, { either: ALT, left: LEFT_ALT, right: RIGHT_ALT });
      if (!down) finishAltNumber(memory);
      return true;
    default:
      return false;
  }
}

/** Toggles a lock on its first press. Insert is a key as well, the others are not. */
function lockKey(memory: PhysicalMemory, scan: number, down: boolean): boolean {
  const mask = LOCKS[scan];
  if (mask === undefined) return false;
  const wasDown = (memory.read8(BDA.keyFlags) & mask) !== 0;
  setBits(memory, BDA.keyFlags, mask, down);
  if (down && !wasDown) memory.write8(BDA.shiftFlags, memory.read8(BDA.shiftFlags) ^ mask);
  return scan !== SCAN.insert;
}

/** Alt and a digit of the number pad: adds the digit to the character code; false for other keys. */
function altDigit(memory: PhysicalMemory, scan: number): boolean {
  const digit = padDigit(scan);
  if (digit === undefined || (memory.read8(BDA.shiftFlags) & ALT) === 0) return false;
  memory.write8(BDA.altNumber, (memory.read8(BDA.altNumber) * 10 + digit) & 0xff);
  return true;
}

/** Ctrl-Break empties the buffer, leaves a zero key in it and calls INT 1Bh. */
function breakKey(call: ServiceCall): void {
  const { memory } = call.machine;
  memory.write8(BDA.breakFlag, BREAK_PRESSED);
  const start = memory.read16(BDA.keyBufferStart);
  memory.write16(BDA.keyHead, start);
  memory.write16(BDA.keyTail, start);
  store(memory, 0);
  call.continueAt('breakKey');
}

function reboot(call: ServiceCall): void {
  call.machine.memory.write16(BDA.resetFlag, WARM_START);
  call.continueAt('reboot');
}

/** Key combinations that do something instead of giving a key; false for all others. */
function combination(call: ServiceCall, scan: number, grey: boolean): boolean {
  const flags = call.machine.memory.read8(BDA.shiftFlags);
  const control = (flags & CONTROL) !== 0;
  if (scan === SCAN.delete && control && (flags & ALT) !== 0) reboot(call);
  else if (scan === SCAN.scrollLock && grey && control) breakKey(call);
  else if (scan === SCAN.printScreen && grey) call.continueAt('printScreen');
  else return false;
  return true;
}

/** A key goes down or up. */
function handleKey(call: ServiceCall, scan: number, grey: boolean, down: boolean): void {
  const { memory } = call.machine;
  if (down && combination(call, scan, grey)) return;
  if (shiftKey(memory, scan, grey, down) || lockKey(memory, scan, down) || !down) return;
  if (!grey && altDigit(memory, scan)) return;
  const meaning = (grey ? GREY_KEYS : PLAIN_KEYS).get(scan);
  if (meaning === undefined) return;
  const key = meaning[level(memory, meaning)];
  if (key !== undefined) store(memory, key);
}

/**
 * IRQ 1. The stub has read port 60h into AL and offered the code to INT 15h AH=4Fh. Prefixes are kept
 * in the data area until the code that they belong to.
 */
export function keyboardIrq(call: ServiceCall): void {
  const { memory } = call.machine;
  const code = call.al;
  const prefixes = memory.read8(BDA.keyMode);
  if (code === 0xe0 || code === 0xe1) {
    setBits(memory, BDA.keyMode, code === 0xe0 ? SEEN_E0 : SEEN_E1, true);
    return;
  }
  if ((prefixes & SEEN_E1) !== 0) {
    // Pause sends E1 1D 45 E1 9D C5 and nothing more; it is not supported, and its codes mean no other keys.
    if ((code & ~RELEASED) !== SCAN.control) setBits(memory, BDA.keyMode, SEEN_E1, false);
    return;
  }
  setBits(memory, BDA.keyMode, SEEN_E0, false);
  handleKey(call, code & ~RELEASED, (prefixes & SEEN_E0) !== 0, (code & RELEASED) === 0);
}

/** A key as programs for the 83-key keyboard expect it; undefined when it had no such key. */
function asOldKey(key: number): number | undefined {
  const scan = key >>> 8;
  const ascii = key & 0xff;
  if (scan === GREY) return ascii === 0x2f ? 0x352f : 0x1c00 | ascii;
  if (scan > LAST_OLD_SCAN) return undefined;
  return ascii === GREY && scan !== 0 ? scan << 8 : key;
}

/** The next key for an old (AH = 00h, 01h) or new (10h, 11h) interface; drops those that the old one has not. */
function nextKey(memory: PhysicalMemory, enhanced: boolean): number | undefined {
  for (let key = peek(memory); key !== undefined; key = peek(memory)) {
    const seen = enhanced ? key : asOldKey(key);
    if (seen !== undefined) return seen;
    drop(memory);
  }
  return undefined;
}

/** AH = 00h, 10h: waits for a key in guest code. */
function readKey(call: ServiceCall, enhanced: boolean): void {
  const key = nextKey(call.machine.memory, enhanced);
  if (key === undefined) {
    call.continueAt('keyWait');
    return;
  }
  drop(call.machine.memory);
  call.ax = key;
}

/** AH = 01h, 11h: ZF tells whether there is none. */
function peekKey(call: ServiceCall, enhanced: boolean): void {
  const key = nextKey(call.machine.memory, enhanced);
  call.zero = key === undefined;
  if (key !== undefined) call.ax = key;
}

/** AH = 12h: AH has the single Ctrl and Alt keys and the lock keys that are down. */
function extendedShiftFlags(call: ServiceCall): void {
  const { memory } = call.machine;
  const left = memory.read8(BDA.keyFlags) & (LEFT_CONTROL | LEFT_ALT | SCROLL_LOCK | NUM_LOCK | CAPS_LOCK);
  const right = memory.read8(BDA.keyMode) & (RIGHT_CONTROL | RIGHT_ALT);
  call.al = memory.read8(BDA.shiftFlags);
  call.ah = left | right;
}

/** What AH = 09h tells: functions 10h-12h (bit 5) and 0Ah (bit 4) are there. */
const FUNCTIONALITY = 0x30;
/** What a keyboard says to F2h while the controller translates: ABh, 41h. */
const KEYBOARD_IDENTITY = 0x41ab;
/** Keyboard drivers ask by AH = 92h whether functions up to 12h are there: AH is this then. */
const ENHANCED_PRESENT = 0x80;

const FUNCTIONS: FunctionTable = {
  0x00: (call) => { readKey(call, false); },
  0x01: (call) => { peekKey(call, false); },
  0x02: (call) => { call.al = call.machine.memory.read8(BDA.shiftFlags); },
  0x05: (call) => { call.al = store(call.machine.memory, call.cx) ? 0 : 1; },
  0x09: (call) => { call.al = FUNCTIONALITY; },
  0x0a: (call) => { call.bx = KEYBOARD_IDENTITY; },
  0x10: (call) => { readKey(call, true); },
  0x11: (call) => { peekKey(call, true); },
  0x12: extendedShiftFlags,
  0x92: (call) => { call.ah = ENHANCED_PRESENT; },
};

/** INT 16h. */
export function keyboardService(call: ServiceCall): void {
  FUNCTIONS[call.ah]?.(call);
}
