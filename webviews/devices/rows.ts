/**
 * The rows of the register tree: pinned registers first, then devices with their blocks, registers and fields, as far as they are open
 * or a filter finds something in them.
 */
import { keyOf, registersOf, type Block, type Device, type Field, type Place, type Register } from './model';
import { t } from '../ui/words';

interface Common {
  readonly key: string;
  readonly depth: number;
  /** Whether there is something in it, and whether that is shown. */
  readonly open: boolean | undefined;
}

export type Row =
  | (Common & { readonly kind: 'heading'; readonly words: string })
  | (Common & { readonly kind: 'device'; readonly device: Device })
  | (Common & { readonly kind: 'block'; readonly device: Device; readonly block: Block })
  | (Common & { readonly kind: 'register'; readonly place: Place; readonly registerKey: string; readonly pinned: boolean })
  | (Common & { readonly kind: 'field'; readonly register: Register; readonly registerKey: string; readonly field: Field })
  | (Common & { readonly kind: 'state' })
  | (Common & { readonly kind: 'line'; readonly text: string });

export interface TreeShape {
  readonly open: ReadonlySet<string>;
  readonly pins: readonly string[];
  readonly filter: string;
}

/** In front of the keys of rows that are shown among the pins, too. */
const PINNED = 'pinned:';
const STATE = '#state';
/** Long lists in a raw state are cut. */
const MOST_LINES = 400;

export function rowsOf(devices: readonly Device[], { open, pins, filter }: TreeShape): Row[] {
  const wanted = filter.trim().toLowerCase();
  const places = registersOf(devices);
  const pinned = pins.flatMap((key) => {
    const place = places.get(key);
    return place === undefined ? [] : registerRows(place, key, { open, pins, filter }, 0, PINNED);
  });
  const head: Row[] = pinned.length === 0 ? [] : [{ kind: 'heading', key: 'heading-pins', depth: 0, open: undefined, words: t('Pinned') }];
  const tail: Row[] = pinned.length === 0 ? [] : [{ kind: 'heading', key: 'heading-all', depth: 0, open: undefined, words: t('Devices') }];
  return [...head, ...pinned, ...tail, ...devices.flatMap((device) => deviceRows(device, { open, pins, filter: wanted }))];
}

const has = (filter: string, ...texts: readonly (string | undefined)[]) => texts.some((text) => text?.toLowerCase().includes(filter) ?? false);

function registerMatches({ name, title, fields }: Register, filter: string): boolean {
  return has(filter, name, title) || fields.some((field) => has(filter, field.name, field.meaning, field.word));
}

function deviceRows(device: Device, shape: TreeShape): Row[] {
  const { open, filter } = shape;
  const { name, registers } = device;
  const isNamed = filter === '' || has(filter, name, registers?.title);
  const blocks = (registers?.blocks ?? []).flatMap((block) => blockRows(device, block, isNamed ? { ...shape, filter: '' } : shape));
  if (!isNamed && blocks.length === 0) return [];
  const key = keyOf(name);
  const isOpen = open.has(key) || (!isNamed && blocks.length > 0);
  return [
    { kind: 'device', key, depth: 0, open: isOpen, device },
    ...(isOpen ? [...blocks, ...(isNamed ? stateRows(device, open) : [])] : []),
  ];
}

function blockRows(device: Device, block: Block, shape: TreeShape): Row[] {
  const { open, filter } = shape;
  const isNamed = filter === '' || has(filter, block.name);
  const registers = isNamed ? block.registers : block.registers.filter((register) => registerMatches(register, filter));
  if (registers.length === 0) return [];
  const key = keyOf(device.name, block.name);
  const isOpen = open.has(key) || !isNamed;
  const inside = registers.flatMap((register) => registerRows({ device, block, register }, keyOf(device.name, block.name, register.name), shape, 2, ''));
  return [{ kind: 'block', key, depth: 1, open: isOpen, device, block }, ...(isOpen ? inside : [])];
}

function registerRows(place: Place, registerKey: string, { open, pins }: TreeShape, depth: number, prefix: string): Row[] {
  const { fields } = place.register;
  const key = prefix + registerKey;
  const isOpen = fields.length === 0 ? undefined : open.has(key);
  return [
    { kind: 'register', key, depth, open: isOpen, place, registerKey, pinned: pins.includes(registerKey) },
    ...(isOpen === true ? fields.map((field): Row => ({ kind: 'field', key: `${key}/${field.low}`, depth: depth + 1, open: undefined, register: place.register, registerKey, field })) : []),
  ];
}

/** What a device keeps, as it keeps it. */
function stateRows({ name, state }: Device, open: ReadonlySet<string>): Row[] {
  const key = keyOf(name, STATE);
  const isOpen = open.has(key);
  if (!isOpen) return [{ kind: 'state', key, depth: 1, open: false }];
  const lines = stateLines(state);
  const shown = lines.slice(0, MOST_LINES);
  if (lines.length > MOST_LINES) shown.push(t('… {0} more lines', lines.length - MOST_LINES));
  return [{ kind: 'state', key, depth: 1, open: true }, ...shown.map((text, i): Row => ({ kind: 'line', key: `${key}/${i}`, depth: 2, open: undefined, text }))];
}

/** A state as text: a line for each leaf, lists of plain numbers in one. */
function stateLines(state: unknown, path = ''): string[] {
  if (typeof state !== 'object' || state === null) return [`${path === '' ? 'value' : path} = ${JSON.stringify(state)}`];
  if (Array.isArray(state) && state.every((item) => typeof item !== 'object')) return [`${path} = [${state.slice(0, 64).join(', ')}${state.length > 64 ? ', …' : ''}]`];
  const entries = Object.entries(state);
  if (entries.length === 0) return [`${path} = ${Array.isArray(state) ? '[]' : '{}'}`];
  return entries.flatMap(([name, item]) => stateLines(item, path === '' ? name : Array.isArray(state) ? `${path}[${name}]` : `${path}.${name}`));
}

/** The row that a row is in. */
export function parentIndex(rows: readonly Row[], at: number): number {
  for (let index = at - 1; index >= 0; index--) if (rows[index].depth < rows[at].depth) return index;
  return at;
}
