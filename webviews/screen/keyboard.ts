/**
 * Which keys the guest believes to be down, and when a person wants the keyboard back: pure functions. A key goes up under the code
 * that it went down with, and all of them when the keyboard is given back.
 */
import { KEY, makeCode } from './keyCodes';
import { t } from '../ui/words';

/** What gives keyboard and mouse back, pressed and let go alone. */
export type Chord = 'ctrl-alt' | 'right-ctrl';

export const CHORDS: Readonly<Record<Chord, { readonly words: string; readonly keys: readonly number[] }>> = {
  'ctrl-alt': { words: 'Ctrl+Alt', keys: [KEY.control, KEY.alt] },
  'right-ctrl': { words: t('Right Ctrl'), keys: [KEY.rightControl] },
};

export interface KeyMove {
  readonly code: number;
  readonly down: boolean;
}

export interface Keyboard {
  /** Keys that are down, by their place, with the code they were sent with, in order. */
  readonly held: readonly { readonly place: string; readonly code: number }[];
  /** The chord's keys are down, and no other key has been since. */
  readonly armed: boolean;
}

export interface KeyOutcome {
  readonly keyboard: Keyboard;
  /** What the guest is to be told, in order. */
  readonly moves: readonly KeyMove[];
  /** The chord was pressed and let go: the keyboard is the person's again. */
  readonly releases: boolean;
}

export const NO_KEYS: Keyboard = { held: [], armed: false };

function isArmed(held: Keyboard['held'], chord: Chord): boolean {
  const { keys } = CHORDS[chord];
  return held.length === keys.length && keys.every((key) => held.some(({ code }) => code === key));
}

/** A key went down. A key that repeats changes nothing: the guest's own keyboard repeats it, at the guest's rate. */
export function keyDown(keyboard: Keyboard, place: string, chord: Chord): KeyOutcome {
  const code = makeCode(place, keyboard.held.map((key) => key.code));
  if (code === undefined || keyboard.held.some((key) => key.place === place)) return { keyboard, moves: [], releases: false };
  const held = [...keyboard.held, { place, code }];
  return { keyboard: { held, armed: isArmed(held, chord) }, moves: [{ code, down: true }], releases: false };
}

/**
 * A key went up. Some systems tell of Print Screen only then, and tell of no key that goes up while Meta is down: it is pressed and let
 * go at once; the others are let go with Meta.
 */
export function keyUp(keyboard: Keyboard, place: string): KeyOutcome {
  const key = keyboard.held.find((candidate) => candidate.place === place);
  if (key === undefined) {
    const code = place === 'PrintScreen' ? makeCode(place, keyboard.held.map(({ code: held }) => held)) : undefined;
    return { keyboard, moves: code === undefined ? [] : [{ code, down: true }, { code, down: false }], releases: false };
  }
  if (keyboard.armed) return { ...allUp(keyboard), releases: true };
  if (place.startsWith('Meta')) return allUp(keyboard);
  return { keyboard: { held: keyboard.held.filter((other) => other !== key), armed: false }, moves: [{ code: key.code, down: false }], releases: false };
}

/** All keys go up, the last one first: the keyboard has been given back, or the window has lost the focus. */
export function allUp({ held }: Keyboard): KeyOutcome {
  return { keyboard: NO_KEYS, moves: [...held].reverse().map(({ code }) => ({ code, down: false })), releases: false };
}

/** Keys pressed together and let go: down in order, up the other way round. */
export function combination(codes: readonly number[]): KeyMove[] {
  return [...codes.map((code) => ({ code, down: true })), ...[...codes].reverse().map((code) => ({ code, down: false }))];
}

/** What keys a person's own system keeps to itself can be sent by, and others that are hard to reach. */
export const COMBINATIONS: readonly { readonly name: string; readonly codes: readonly number[] }[] = [
  { name: 'Ctrl+Alt+Del', codes: [KEY.control, KEY.alt, KEY.delete] },
  { name: 'Ctrl+Alt+Backspace', codes: [KEY.control, KEY.alt, 0x0e] },
  ...[1, 2, 3, 4, 5, 6, 7].map((n) => ({ name: `Ctrl+Alt+F${n}`, codes: [KEY.control, KEY.alt, 0x3a + n] })),
  { name: 'Ctrl+Alt', codes: [KEY.control, KEY.alt] },
  { name: 'Alt+Tab', codes: [KEY.alt, 0x0f] },
  { name: 'Alt+F4', codes: [KEY.alt, 0x3e] },
  { name: 'Ctrl+Esc', codes: [KEY.control, KEY.escape] },
  { name: 'Windows', codes: [KEY.meta] },
  { name: 'Menu', codes: [0xe05d] },
  { name: 'Print Screen', codes: [KEY.printScreen] },
  { name: 'Alt+SysRq', codes: [KEY.alt, 0x54] },
  { name: 'Pause', codes: [KEY.pause] },
  { name: 'Ctrl+Break', codes: [KEY.control, 0xe046] },
];
