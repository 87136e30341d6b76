/** What a person has set up in the Disks panel, and how it changes: pure functions. */
import type { PanelRequests } from '../../debugger/panelProtocol';

export type Disk = PanelRequests['shadowbox.disks']['answer']['disks'][number];

/** What was asked of a drive lately, by zones: fades with every answer. */
export interface Heat {
  /** The counts that it was worked out from. */
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  /** From 0 (long ago) to 1 (just now). */
  readonly readHeat: readonly number[];
  readonly writeHeat: readonly number[];
}

export interface State {
  /** The drive that is shown; the first when there is none of that name. */
  readonly shown: string | undefined;
  /** Paths of directories that are open, on the drive that is shown. */
  readonly open: readonly string[];
  readonly heat: ReadonlyMap<string, Heat>;
  /** The answer that the heat was worked out from. */
  readonly heard: readonly Disk[] | undefined;
  readonly failure: string | undefined;
}

export type Act =
  | { readonly type: 'show'; readonly disk: string }
  | { readonly type: 'toggle'; readonly path: string }
  | { readonly type: 'disks'; readonly disks: readonly Disk[] }
  | { readonly type: 'done'; readonly error: string | undefined };

export const FIRST: State = { shown: undefined, open: [], heat: new Map(), heard: undefined, failure: undefined };

export function restored(kept: unknown): State {
  const shown = typeof kept === 'object' && kept !== null && 'shown' in kept && typeof kept.shown === 'string' ? kept.shown : undefined;
  return { ...FIRST, shown };
}

export const kept = ({ shown }: State): unknown => ({ shown });

export function reduce(state: State, act: Act): State {
  switch (act.type) {
    case 'show': return { ...state, shown: act.disk, open: [] };
    case 'toggle': return { ...state, open: state.open.includes(act.path) ? state.open.filter((path) => path !== act.path) : [...state.open, act.path] };
    case 'disks': return { ...state, heard: act.disks, heat: new Map(act.disks.map((disk) => [disk.name, heatOf(state.heat.get(disk.name), disk)])) };
    case 'done': return { ...state, failure: act.error };
  }
}

/** What is left of a zone's heat when the next answer comes and nothing was asked there meanwhile. */
const FADING = 0.8;
const COLD = 0.02;

/** Zones that were asked for since the last answer glow; the others fade. Counts that went down are another machine's. */
function heatOf(before: Heat | undefined, { zones: { reads, writes } }: Disk): Heat {
  const next = (counts: readonly number[], old: readonly number[] | undefined, heat: readonly number[] | undefined): readonly number[] => counts.map((count, zone) => {
    if (count > (old?.[zone] ?? 0)) return 1;
    const faded = (heat?.[zone] ?? 0) * FADING;
    return faded < COLD ? 0 : faded;
  });
  return { reads, writes, readHeat: next(reads, before?.reads, before?.readHeat), writeHeat: next(writes, before?.writes, before?.writeHeat) };
}

/** The drive that is shown. */
export function shownDisk({ shown }: State, disks: readonly Disk[]): Disk | undefined {
  return disks.find(({ name }) => name === shown) ?? disks.at(0);
}
