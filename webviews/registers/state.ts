/**
 * What a person has set up in the panel and is doing, and what of it is kept over a reload.
 */
import { LANE_VIEWS, type GroupName, type LaneView } from './model';
import { t } from '../ui/words';

/** Where the keyboard is: a group's head, or a cell of a row. */
export interface Place {
  readonly row: string;
  readonly cell?: string;
}

export interface Edit {
  readonly row: string;
  /** The cell's name, by which it is set. */
  readonly cell: string;
  readonly text: string;
  readonly sent: boolean;
  /** Why the value was refused. */
  readonly error?: string;
}

export interface State {
  /** The CPU that is looked at; the one whose turn it is when undefined. */
  readonly cpu: number | undefined;
  readonly filter: string;
  /** Groups that are folded up, and rows whose second line is open. */
  readonly folded: ReadonlySet<string>;
  readonly open: ReadonlySet<string>;
  readonly lanes: ReadonlyMap<string, LaneView>;
  readonly selected: Place | undefined;
  readonly edit: Edit | undefined;
  /** Why nothing could be done with what was chosen, in words. */
  readonly remark: string;
  /** Of the list of MSRs. */
  readonly viewport: { readonly top: number; readonly height: number };
  readonly legendOpen: boolean;
}

export const GROUPS: readonly (readonly [GroupName, string])[] = [
  ['general', t('General')], ['flags', t('Flags')], ['segments', t('Segments')], ['debug', t('Debug')], ['control', t('Control')], ['x87', t('x87 and MMX')],
  ['vector', t('SSE and AVX')], ['msrs', t('Model-specific')],
];

/** Shown in their own list, they would push everything else away. */
const FOLDED_AT_FIRST: readonly GroupName[] = ['msrs'];

export const INITIAL: State = {
  cpu: undefined, filter: '', folded: new Set(FOLDED_AT_FIRST), open: new Set(), lanes: new Map(), selected: undefined, edit: undefined, remark: '',
  viewport: { top: 0, height: 400 }, legendOpen: false,
};

/** The lanes that a register is shown in when nobody has chosen. */
export function laneViewOf(state: State, register: string): LaneView {
  return state.lanes.get(register) ?? 'u32';
}

export function toKeep({ filter, folded, open, lanes, cpu }: State): unknown {
  return { filter, folded: [...folded], open: [...open], lanes: [...lanes], ...(cpu === undefined ? {} : { cpu }) };
}

const record = (value: unknown): Readonly<Record<string, unknown>> => (typeof value === 'object' && value !== null ? { ...value } : {});
const texts = (value: unknown): string[] | undefined => (Array.isArray(value) ? value.filter((item) => typeof item === 'string') : undefined);
const isLaneView = (value: unknown): value is LaneView => LANE_VIEWS.some((view) => view === value);

/** The state to begin with after a reload. What is not understood is left out. */
export function fromKept(kept: unknown): State {
  const { filter, folded, open, lanes, cpu } = record(kept);
  const pairs = Array.isArray(lanes) ? lanes.filter((pair): pair is [string, LaneView] => Array.isArray(pair) && typeof pair[0] === 'string' && isLaneView(pair[1])) : [];
  return {
    ...INITIAL, filter: typeof filter === 'string' ? filter : '', folded: new Set(texts(folded) ?? FOLDED_AT_FIRST), open: new Set(texts(open) ?? []),
    lanes: new Map(pairs), cpu: typeof cpu === 'number' ? cpu : undefined,
  };
}
