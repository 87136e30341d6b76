/**
 * From a key's place on the keyboard (KeyboardEvent.code) to what a PS/2 keyboard calls it: the set-1 make code, with E0 in the high
 * byte for grey keys. Places, not letters: which letter a key gives is the guest's keyboard layout's affair.
 *
 * Sources: UI Events KeyboardEvent code Values (W3C); IBM PS/2 technical reference, 'Keyboard'; Microsoft keyboard scan code specification.
 */

/** Runs of keys whose codes follow one another. */
const RUNS: readonly (readonly [number, string])[] = [
  [0x01, 'Escape Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal Backspace Tab'],
  [0x10, 'KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight Enter ControlLeft'],
  [0x1e, 'KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote Backquote ShiftLeft Backslash'],
  [0x2c, 'KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash ShiftRight NumpadMultiply AltLeft Space CapsLock'],
  [0x3b, 'F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NumLock ScrollLock Numpad7 Numpad8 Numpad9 NumpadSubtract'],
  [0x4b, 'Numpad4 Numpad5 Numpad6 NumpadAdd Numpad1 Numpad2 Numpad3 Numpad0 NumpadDecimal'],
  [0x56, 'IntlBackslash F11 F12 NumpadEqual'],
  [0x64, 'F13 F14 F15 F16 F17 F18 F19 F20 F21 F22 F23'],
  [0xe047, 'Home ArrowUp PageUp'],
  [0xe04f, 'End ArrowDown PageDown Insert Delete'],
  [0xe05b, 'MetaLeft MetaRight ContextMenu Power Sleep'],
];

const SINGLE: Readonly<Record<string, number>> = {
  KanaMode: 0x70, IntlRo: 0x73, F24: 0x76, Convert: 0x79, NonConvert: 0x7b, IntlYen: 0x7d, NumpadComma: 0x7e, Lang1: 0x72, Lang2: 0x71,
  NumpadEnter: 0xe01c, ControlRight: 0xe01d, AudioVolumeMute: 0xe020, MediaPlayPause: 0xe022, MediaStop: 0xe024, AudioVolumeDown: 0xe02e,
  AudioVolumeUp: 0xe030, BrowserHome: 0xe032, NumpadDivide: 0xe035, PrintScreen: 0xe037, AltRight: 0xe038, ArrowLeft: 0xe04b,
  ArrowRight: 0xe04d, WakeUp: 0xe063, Pause: 0xe11d, MediaTrackPrevious: 0xe010, MediaTrackNext: 0xe019,
};

const CODES: ReadonlyMap<string, number> = new Map([
  ...RUNS.flatMap(([first, names]) => names.split(' ').map((name, i): [string, number] => [name, first + i])),
  ...Object.entries(SINGLE),
]);

export const KEY = {
  escape: 0x01, enter: 0x1c, control: 0x1d, shift: 0x2a, alt: 0x38, rightControl: 0xe01d, rightAlt: 0xe038, rightShift: 0x36,
  printScreen: 0xe037, pause: 0xe11d, delete: 0xe053, meta: 0xe05b,
} as const;

/** Keys of a PS/2 keyboard that say something else with a modifier: Alt and Print Screen (SysRq), Control and Pause (Break). */
const SYSTEM_REQUEST = 0x54;
const BREAK = 0xe046;

/** The make code of a key, given those that are down already; undefined for one that a PC's keyboard does not have. */
export function makeCode(code: string, held: readonly number[]): number | undefined {
  const make = CODES.get(code);
  if (make === KEY.printScreen && (held.includes(KEY.alt) || held.includes(KEY.rightAlt))) return SYSTEM_REQUEST;
  if (make === KEY.pause && (held.includes(KEY.control) || held.includes(KEY.rightControl))) return BREAK;
  return make;
}
