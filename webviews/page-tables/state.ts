/**
 * All that the panel knows and shows, as plain data, and what of it is kept over a reload. Linear addresses are places in
 * their space, without sign extension (format.ts); what a person or the wire sees is canonical.
 */
import type { ProcessInfo } from '../../debugger/panelProtocol';
import type { AddressSpaceInfo, TablePair, WalkAnswer } from '../../src/monitor/inspection/queries';
import type { Viewport } from '../ui/virtualList';
import type { PagingMode } from './format';
import type { Picker } from './picker';

/** A space as it is asked for: under one CR3 there may be several, which the key tells apart. */
export type SpaceName = Pick<AddressSpaceInfo, 'cr3' | 'key'>;

/** What is known of one table. `pair` is missing while it is asked for, and when the guest has no such table. */
export interface TableSlot {
  readonly pair: TablePair | undefined;
  readonly error: string | undefined;
  /** The epoch in which this was asked: older than the state's means stale. */
  readonly epoch: number;
  /** The table as it was at the stop number `keptAt`, and at the stop before. */
  readonly kept: TablePair | undefined;
  readonly keptAt: number;
  readonly before: TablePair | undefined;
}

export interface Walk {
  /** As typed or sent. */
  readonly text: string;
  /** The space that it was asked in; undefined means the machine's present one. */
  readonly space: SpaceName | undefined;
  readonly epoch: number;
  readonly answer: WalkAnswer | undefined;
  readonly error: string | undefined;
  /** Position in the chain of steps (walkChain.ts); undefined means the last. */
  readonly step: number | undefined;
  /** Counts the walks that a person asked for, so that each is animated and brought into view once. */
  readonly serial: number;
}

/** What was asked of the debug adapter. */
export type Inquiry =
  | { readonly kind: 'summary' | 'spaces' | 'processes' }
  | { readonly kind: 'table'; readonly space: SpaceName; readonly level: number | undefined; readonly linear: bigint }
  | { readonly kind: 'walk'; readonly space: SpaceName | undefined; readonly text: string };

export interface InFlight {
  readonly inquiry: Inquiry;
  readonly epoch: number;
}

/** The space that the last looks at the running guest have found current, one look after another. */
export interface Streak {
  readonly key: string;
  /** How many looks; no more are counted than following.ts wants. */
  readonly looks: number;
  /** Instructions that the guest had retired at the last look. */
  readonly retired: number | undefined;
}

export interface State {
  /** `unknown` until the first answer. */
  readonly session: 'unknown' | 'none' | 'live';
  /** VS Code's id of the debug session that the panel shows, once the extension has told it. */
  readonly sessionId: string | undefined;
  readonly running: boolean;
  readonly retired: number | undefined;
  /** Why the machine did not answer the last time, in words. */
  readonly error: string | undefined;
  /** Counts the moments at which all answers became old. */
  readonly epoch: number;
  /** Whether the machine has changed since the epoch began. */
  readonly changed: boolean;
  /** Number of stops seen, and the epoch that began with the last one. */
  readonly stop: number;
  readonly stopEpoch: number;
  readonly summaryEpoch: number;
  readonly spacesEpoch: number;
  readonly spaces: readonly AddressSpaceInfo[] | undefined;
  /** The Linux in the machine, if it is one, and its processes as they were last asked for. */
  readonly system: string | undefined;
  readonly processes: readonly ProcessInfo[];
  /** Keys of the spaces that were known then; undefined when they are to be asked for anew. */
  readonly namedSpaces: ReadonlySet<string> | undefined;
  /** The list of spaces, while it is open. */
  readonly picker: Picker | undefined;
  /** Key of the space that is drawn. */
  readonly shown: string | undefined;
  readonly follow: boolean;
  readonly streak: Streak | undefined;
  readonly tables: ReadonlyMap<string, TableSlot>;
  readonly walk: Walk | undefined;
  /** Rows that were opened (true) or closed by hand; others are as they are by default. */
  readonly toggled: ReadonlyMap<string, boolean>;
  readonly selected: string | undefined;
  readonly hovered: string | undefined;
  readonly addressText: string;
  readonly viewport: Viewport;
  /** Width of the trees in CSS pixels. */
  readonly width: number;
  /** A scroll position that the page is to take, each serial once. */
  readonly scroll: { readonly top: number; readonly serial: number };
  /** An address that is to be brought into view once its tables are there. */
  readonly reveal: bigint | undefined;
  /** Zoom of the strip as a power of two, and the address that it is centred on, which its cursor shows. */
  readonly stripZoom: number;
  readonly stripCursor: bigint | undefined;
  /** Whether the walk, and the legend, are unfolded. */
  readonly walkOpen: boolean;
  readonly legendOpen: boolean;
  /** Why what the person wanted to see elsewhere could not be shown there. */
  readonly openError: string | undefined;
  readonly inFlight: ReadonlyMap<number, InFlight>;
  readonly nextId: number;
}

export const INITIAL: State = {
  session: 'unknown', sessionId: undefined, running: false, retired: undefined, error: undefined,
  epoch: 1, changed: false, stop: 0, stopEpoch: 1, summaryEpoch: 0, spacesEpoch: 0,
  spaces: undefined, system: undefined, processes: [], namedSpaces: undefined, picker: undefined, shown: undefined, follow: true, streak: undefined, tables: new Map(), walk: undefined,
  toggled: new Map(), selected: undefined, hovered: undefined, addressText: '',
  viewport: { top: 0, height: 600 }, width: 1000, scroll: { top: 0, serial: 0 }, reveal: undefined,
  stripZoom: 0, stripCursor: undefined, walkOpen: true, legendOpen: false, openError: undefined, inFlight: new Map(), nextId: 1,
};

/** Key of a table in `tables`, by the key of its space; the root's level is not known before it is there. */
export function tableKey(space: string, level: number | undefined, linear: bigint): string {
  return level === undefined ? `${space}/root` : `${space}/${level}/${linear}`;
}

export function spaceOf(state: State, key: string | undefined): AddressSpaceInfo | undefined {
  return state.spaces?.find((space) => space.key === key);
}

export function shownSpace(state: State): AddressSpaceInfo | undefined {
  return spaceOf(state, state.shown);
}

/** The paging mode of a space; without one, that of an unknown space. */
export function modeOf(state: State, key: string | undefined): PagingMode {
  return spaceOf(state, key)?.mode ?? 'none';
}

/** The look at a table against which its changes are marked. */
export function baseOf(slot: TableSlot, running: boolean): TablePair | undefined {
  return running ? slot.kept : slot.before;
}

interface Kept {
  readonly sessionId: string | undefined;
  readonly shown: string | undefined;
  readonly follow: boolean;
  readonly toggled: readonly (readonly [string, boolean])[];
  readonly selected: string | undefined;
  readonly addressText: string;
  readonly walk: { readonly text: string; readonly space: SpaceName | undefined } | undefined;
  readonly walkOpen: boolean;
  readonly scrollTop: number;
  readonly stripZoom: number;
}

/** What VS Code is to keep of the panel: what a person has set up, nothing that the machine says. */
export function toKeep(state: State): Kept {
  const { sessionId, shown, follow, selected, addressText, walk, walkOpen, viewport, stripZoom } = state;
  return {
    sessionId, shown, follow, selected, addressText, walkOpen, stripZoom, scrollTop: viewport.top,
    toggled: [...state.toggled], walk: walk && { text: walk.text, space: walk.space },
  };
}

const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
const number = (value: unknown) => (typeof value === 'number' ? value : undefined);
const record = (value: unknown) => (typeof value === 'object' && value !== null ? value as Readonly<Record<string, unknown>> : {});

function spaceName(value: unknown): SpaceName | undefined {
  const { cr3, key } = record(value);
  return typeof cr3 === 'number' && typeof key === 'string' ? { cr3, key } : undefined;
}

/** The state to begin with after a reload. What an older version has kept, and is not understood, is left out. */
export function fromKept(kept: unknown): State {
  const { sessionId, shown, follow, toggled, selected, addressText, walk, walkOpen, scrollTop, stripZoom } = record(kept);
  const pairs = Array.isArray(toggled) ? toggled.filter((pair): pair is [string, boolean] =>
    Array.isArray(pair) && typeof pair[0] === 'string' && typeof pair[1] === 'boolean') : [];
  const walkText = text(record(walk).text);
  return {
    ...INITIAL,
    sessionId: text(sessionId), shown: text(shown), follow: follow !== false, toggled: new Map(pairs), selected: text(selected),
    addressText: text(addressText) ?? '', walkOpen: walkOpen !== false, stripZoom: number(stripZoom) ?? 0,
    scroll: { top: number(scrollTop) ?? 0, serial: 1 },
    walk: walkText === undefined ? undefined
      : { text: walkText, space: spaceName(record(walk).space), epoch: 0, answer: undefined, error: undefined, step: undefined, serial: 0 },
  };
}
