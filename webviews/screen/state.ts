/**
 * What the Screen panel knows, and how it changes: plain data and pure functions. The picture's dots are not in it (painter.ts).
 */
import { newLines } from './announcements';
import { CHORDS, COMBINATIONS, type Chord } from './keyboard';
import type { PictureSize, Scaling, Size } from './scaling';

/** What a person has chosen; kept over a reload. */
export interface Choices {
  readonly scaling: Scaling;
  readonly smooth: boolean;
  readonly chord: Chord;
  /** Whether a click on the screen gives the guest the mouse, too. */
  readonly mouse: boolean;
  /** The combination that 'Send' sends. */
  readonly combination: string;
}

export interface ScreenState {
  readonly choices: Choices;
  /** The picture that is shown; undefined before the first one. */
  readonly picture: (PictureSize & { readonly change: number }) | undefined;
  /** Room for it, in CSS pixels, and the screen's own pixels in one of them. */
  readonly room: Size;
  readonly density: number;
  /** Rows of a text screen without trailing blanks; empty in graphics modes. */
  readonly text: readonly string[];
  /** What a screen reader is told; the number makes the same words news. */
  readonly news: { readonly serial: number; readonly text: string };
  /** Whether keys go to the guest. */
  readonly captured: boolean;
  /** The mouse: the person's; the guest's; or the guest's only over the screen, because the window does not give it away. */
  readonly pointer: 'free' | 'locked' | 'over-screen';
  /** The form for text to be typed. */
  readonly form: { readonly open: boolean; readonly text: string };
  /** Characters typed, and to be typed in all. */
  readonly typing: { readonly done: number; readonly all: number } | undefined;
  /** Reset is asked for, and waits for a yes. */
  readonly resetAsked: boolean;
  /** What came of the last thing that was done. */
  readonly message: { readonly kind: 'done' | 'error'; readonly text: string } | undefined;
}

const DEFAULTS: Choices = { scaling: 'fit', smooth: true, chord: 'ctrl-alt', mouse: true, combination: COMBINATIONS[0].name };

export const BLANK: ScreenState = {
  choices: DEFAULTS, picture: undefined, room: { width: 0, height: 0 }, density: 1, text: [], news: { serial: 0, text: '' }, captured: false,
  pointer: 'free', form: { open: false, text: '' }, typing: undefined, resetAsked: false, message: undefined,
};

export type ScreenAct =
  | { readonly type: 'session' }
  | { readonly type: 'picture'; readonly picture: PictureSize & { readonly change: number } }
  | { readonly type: 'text'; readonly rows: readonly string[] }
  | { readonly type: 'room'; readonly room: Size; readonly density: number }
  | { readonly type: 'choose'; readonly choices: Partial<Choices> }
  | { readonly type: 'captured'; readonly captured: boolean }
  | { readonly type: 'pointer'; readonly pointer: ScreenState['pointer'] }
  | { readonly type: 'form'; readonly open: boolean }
  | { readonly type: 'form-text'; readonly text: string }
  | { readonly type: 'typing'; readonly done: number; readonly all: number }
  | { readonly type: 'typed'; readonly message: string }
  | { readonly type: 'ask-reset'; readonly asked: boolean }
  | { readonly type: 'message'; readonly kind: 'done' | 'error'; readonly text: string };

export function reduce(state: ScreenState, act: ScreenAct): ScreenState {
  switch (act.type) {
    // The picture stays when a session ends; another session has another screen.
    case 'session': return { ...state, captured: false, pointer: 'free', typing: undefined, resetAsked: false, message: undefined };
    case 'picture': return { ...state, picture: act.picture };
    case 'text': return withText(state, act.rows);
    case 'room': return { ...state, room: act.room, density: act.density };
    case 'choose': return { ...state, choices: { ...state.choices, ...act.choices } };
    case 'captured': return { ...state, captured: act.captured, pointer: act.captured ? state.pointer : 'free', message: undefined };
    case 'pointer': return { ...state, pointer: act.pointer };
    case 'form': return { ...state, form: { ...state.form, open: act.open }, message: undefined };
    case 'form-text': return { ...state, form: { ...state.form, text: act.text } };
    case 'typing': return { ...state, typing: { done: act.done, all: act.all }, message: undefined };
    case 'typed': return { ...state, typing: undefined, message: { kind: 'done', text: act.message } };
    case 'ask-reset': return { ...state, resetAsked: act.asked };
    case 'message': return { ...state, message: { kind: act.kind, text: act.text } };
  }
}

function withText(state: ScreenState, rows: readonly string[]): ScreenState {
  const text = rows.map((row) => row.trimEnd());
  if (text.length === state.text.length && text.every((row, i) => row === state.text[i])) return state;
  const lines = newLines(state.text, text);
  const news = lines.length === 0 ? state.news : { serial: state.news.serial + 1, text: lines.join('\n') };
  return { ...state, text, news };
}

export function keep({ choices }: ScreenState): unknown {
  return choices;
}

function isScaling(value: unknown): value is Scaling {
  return value === 'fit' || value === 'whole' || value === 'actual';
}

function isChord(value: unknown): value is Chord {
  return typeof value === 'string' && value in CHORDS;
}

/** A choice by its name in the page: undefined for a value that it does not have. */
export function choiceOf(field: string, value: unknown): Partial<Choices> | undefined {
  if (field === 'scaling' && isScaling(value)) return { scaling: value };
  if (field === 'chord' && isChord(value)) return { chord: value };
  if (field === 'smooth' && typeof value === 'boolean') return { smooth: value };
  if (field === 'mouse' && typeof value === 'boolean') return { mouse: value };
  if (field === 'combination' && COMBINATIONS.some(({ name }) => name === value)) return { combination: String(value) };
  return undefined;
}

/** What an older page has kept, as far as it says something. */
export function begin(kept: unknown): ScreenState {
  if (typeof kept !== 'object' || kept === null) return BLANK;
  const choices = Object.entries(kept).map(([field, value]) => choiceOf(field, value) ?? {});
  return { ...BLANK, choices: Object.assign({}, DEFAULTS, ...choices) };
}
