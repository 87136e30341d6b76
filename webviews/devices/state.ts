/**
 * What a person has set up in the Devices panel, and how it changes: plain data and pure functions.
 */
import type { Viewport } from '../ui/virtualList';
import { scrollToRow } from '../ui/virtualList';
import type { Inquiries } from '../ui/inquiries';
import { devicesOf, fieldRefusal, keyOf, parseValue, registersOf, valueText, withField, writingOf, type Field, type Register } from './model';
import { parentIndex, rowsOf, type Row } from './rows';
import { plural, t } from '../ui/words';

export const TABS = ['registers', 'interrupts', 'events', 'pci'] as const;
export type Tab = (typeof TABS)[number];

/** Height of a row of the tree in pixels; main.css knows it, too. */
export const ROW_PIXELS = 24;

export interface DevicesState {
  readonly tab: Tab;
  /** Keys of rows that are open. */
  readonly open: ReadonlySet<string>;
  /** Keys of pinned registers, in the order in which they were pinned. */
  readonly pins: readonly string[];
  readonly filter: string;
  readonly selected: string | undefined;
  readonly viewport: Viewport;
  /** A scroll position that is to be taken once. */
  readonly scroll: { readonly serial: number; readonly top: number };
  /** A register that is being written to; `low`: only its field that begins at this bit. */
  readonly edit: { readonly key: string; readonly low: number | undefined; readonly text: string; readonly error: string | undefined } | undefined;
  readonly message: { readonly kind: 'done' | 'error'; readonly text: string } | undefined;
}

export const BLANK: DevicesState = {
  tab: 'registers', open: new Set(), pins: [], filter: '', selected: undefined, viewport: { top: 0, height: 600 }, scroll: { serial: 0, top: 0 }, edit: undefined,
  message: undefined,
};

export type Move = 'up' | 'down' | 'page-up' | 'page-down' | 'first' | 'last' | 'in' | 'out';

export type DevicesAct =
  | { readonly type: 'tab'; readonly tab: Tab }
  | { readonly type: 'toggle'; readonly key: string }
  | { readonly type: 'open-all'; readonly key: string }
  | { readonly type: 'select'; readonly key: string }
  | { readonly type: 'move'; readonly move: Move }
  | { readonly type: 'pin'; readonly key: string }
  | { readonly type: 'filter'; readonly text: string }
  | { readonly type: 'scrolled'; readonly viewport: Viewport }
  | { readonly type: 'edit'; readonly key: string | undefined; readonly low?: number | undefined }
  | { readonly type: 'edit-text'; readonly text: string }
  | { readonly type: 'refuse-edit'; readonly text: string }
  | { readonly type: 'written'; readonly error?: string };

export function shownRows(state: DevicesState, inquiries: Inquiries): Row[] {
  return rowsOf(devicesOf(inquiries) ?? [], state);
}

/** The key of the register that a row shows, all of it or a field, if it shows one. */
export function registerKeyOf(row: Row | undefined): string | undefined {
  return row?.kind === 'register' || row?.kind === 'field' ? row.registerKey : undefined;
}

/** The field that is written alone. */
export function editedField({ fields }: Register, { low }: NonNullable<DevicesState['edit']>): Field | undefined {
  return low === undefined ? undefined : fields.find((field) => field.low === low);
}

export function reduce(state: DevicesState, act: DevicesAct, inquiries: Inquiries): DevicesState {
  switch (act.type) {
    case 'tab': return { ...state, tab: act.tab, edit: undefined };
    case 'toggle': return withOpen(state, act.key, !state.open.has(act.key));
    case 'open-all': return openAll(state, act.key, inquiries);
    case 'select': return { ...state, selected: act.key };
    case 'move': return moved(state, act.move, shownRows(state, inquiries));
    case 'pin': return { ...state, pins: state.pins.includes(act.key) ? state.pins.filter((key) => key !== act.key) : [...state.pins, act.key] };
    case 'filter': return { ...state, filter: act.text, scroll: { serial: state.scroll.serial + 1, top: 0 } };
    case 'scrolled': return { ...state, viewport: act.viewport };
    case 'edit': return editing(state, act.key, act.low, inquiries);
    case 'edit-text': return state.edit === undefined ? state : { ...state, edit: { ...state.edit, text: act.text, error: undefined } };
    case 'refuse-edit': return state.edit === undefined ? state : { ...state, edit: { ...state.edit, error: act.text } };
    case 'written': return written(state, act.error, inquiries);
  }
}

function withOpen(state: DevicesState, key: string, isOpen: boolean): DevicesState {
  const open = new Set(state.open);
  if (isOpen) open.add(key);
  else open.delete(key);
  return { ...state, open };
}

function openAll(state: DevicesState, key: string, inquiries: Inquiries): DevicesState {
  const open = new Set(state.open).add(key);
  for (const device of devicesOf(inquiries) ?? []) {
    for (const block of device.registers?.blocks ?? []) {
      const blockKey = keyOf(device.name, block.name);
      if (blockKey === key || keyOf(device.name) === key) open.add(blockKey);
    }
  }
  return { ...state, open };
}

function moved(state: DevicesState, move: Move, rows: readonly Row[]): DevicesState {
  if (rows.length === 0) return state;
  const at = Math.max(0, rows.findIndex(({ key }) => key === state.selected));
  const row = rows[at];
  if (move === 'in' && row.open === false) return withOpen({ ...state, selected: row.key }, row.key, true);
  if (move === 'out' && row.open === true && state.open.has(row.key)) return withOpen(state, row.key, false);
  const page = Math.max(1, Math.floor(state.viewport.height / ROW_PIXELS) - 1);
  const steps: Readonly<Record<Move, number>> = {
    up: at - 1, down: state.selected === undefined ? 0 : at + 1, 'page-up': at - page, 'page-down': at + page, first: 0, last: rows.length - 1,
    in: row.open === true ? at + 1 : at, out: parentIndex(rows, at),
  };
  const next = Math.max(0, Math.min(rows.length - 1, steps[move]));
  const top = scrollToRow(state.viewport, topsOf(rows), next, 'nearest');
  const scroll = top === state.viewport.top ? state.scroll : { serial: state.scroll.serial + 1, top };
  return { ...state, selected: rows[next].key, scroll };
}

export function topsOf(rows: readonly Row[]): number[] {
  return Array.from({ length: rows.length + 1 }, (_, i) => i * ROW_PIXELS);
}

function editing(state: DevicesState, key: string | undefined, low: number | undefined, inquiries: Inquiries): DevicesState {
  if (key === undefined) return { ...state, edit: undefined };
  const place = registersOf(devicesOf(inquiries) ?? []).get(key);
  if (place === undefined) return state;
  const { register } = place;
  const writing = writingOf(place);
  const refusal = 'refusal' in writing ? writing.refusal : low === undefined ? undefined : fieldRefusal(register);
  if (refusal !== undefined) return { ...state, edit: undefined, message: { kind: 'error', text: `${register.name}: ${refusal}` } };
  const edit = { key, low, text: '', error: undefined };
  const field = editedField(register, edit);
  const { value } = field ?? register;
  return { ...state, edit: { ...edit, text: value === undefined ? '' : field?.bits === 1 ? String(value) : valueText(value, field === undefined ? register.bytes : field.bits / 8) }, message: undefined };
}

/** What is to be asked of the machine for the register that is being written to, or why not. */
export function writeOrder(state: DevicesState, inquiries: Inquiries): { readonly space: string; readonly address: number; readonly bytes: number; readonly value: number } | string {
  const place = registersOf(devicesOf(inquiries) ?? []).get(state.edit?.key ?? '');
  if (state.edit === undefined || place === undefined) return t('The register is not there any more.');
  const writing = writingOf(place);
  if ('refusal' in writing) return writing.refusal;
  const { bytes, value: present } = place.register;
  const field = editedField(place.register, state.edit);
  const bits = field?.bits ?? 8 * bytes;
  const typed = parseValue(state.edit.text, bits);
  if (typed === undefined) return plural(bits, 'Type 0 or 1: it is {0} bit.|Type a number of {0} bits at most: 0x1f, 1fh, 0b101, or decimal digits.');
  const value = field === undefined ? typed : withField(present ?? 0, field, typed);
  return { space: place.block.space, address: writing.address, bytes, value };
}

function written(state: DevicesState, error: string | undefined, inquiries: Inquiries): DevicesState {
  if (error !== undefined) return state.edit === undefined ? { ...state, message: { kind: 'error', text: error } } : { ...state, edit: { ...state.edit, error } };
  const register = registersOf(devicesOf(inquiries) ?? []).get(state.edit?.key ?? '')?.register;
  const field = register === undefined || state.edit === undefined ? undefined : editedField(register, state.edit);
  const name = register === undefined ? t('the register') : field === undefined ? register.name : `${register.name}.${field.name}`;
  return { ...state, edit: undefined, message: { kind: 'done', text: t('Wrote {0}.', name) } };
}

export function keep({ tab, open, pins, filter }: DevicesState): unknown {
  return { tab, open: [...open], pins, filter };
}

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []);

/** What an older page has kept, as far as it says something. */
export function begin(kept: unknown): DevicesState {
  if (typeof kept !== 'object' || kept === null) return BLANK;
  const { tab, open, pins, filter } = { tab: undefined, open: undefined, pins: undefined, filter: undefined, ...kept };
  return {
    ...BLANK, tab: TABS.find((name) => name === tab) ?? BLANK.tab, open: new Set(texts(open)), pins: texts(pins), filter: typeof filter === 'string' ? filter : '',
  };
}
