/** What a person has set up in the editor of an image, and how it changes: pure functions. */
import type { ImageOverview } from '../../src/extension/disks/messages';

export interface State {
  /** Paths of directories that are open. */
  readonly open: readonly string[];
  /** The stretch of the disk whose blocks are shown; the whole disk when missing. */
  readonly zoom: { readonly from: number; readonly to: number } | undefined;
  /** The sector that is shown in hexadecimal, and the volume that it was chosen by. */
  readonly sector: number;
  readonly volume: string | undefined;
  /** What is typed as its number, and whether that is none. */
  readonly sectorText: string;
  readonly sectorWrong: boolean;
  /** Why the last thing that was to be done failed. */
  readonly failure: string | undefined;
}

export type Act =
  | { readonly type: 'toggle'; readonly path: string }
  | { readonly type: 'sector'; readonly sector: number; readonly volume?: string }
  | { readonly type: 'sector-text'; readonly text: string }
  /** `factor` below 1 shows less; `at`: from 0 to 1, what stays in its place. */
  | { readonly type: 'zoom'; readonly factor: number; readonly at: number }
  | { readonly type: 'zoom-out' }
  | { readonly type: 'done'; readonly error: string | undefined };

export const SECTOR = 512;
/** The least that a strip shows. */
const CLOSEST = 64 * 1024;

export const FIRST: State = { open: [], zoom: undefined, sector: 0, volume: undefined, sectorText: '0', sectorWrong: false, failure: undefined };

/** The state out of what VS Code has kept; FIRST where that is something else. */
export function restored(kept: unknown): State {
  if (typeof kept !== 'object' || kept === null) return FIRST;
  const { open, sector } = kept as Readonly<Record<string, unknown>>;
  const paths = Array.isArray(open) ? open.filter((path): path is string => typeof path === 'string') : [];
  const number = typeof sector === 'number' && Number.isSafeInteger(sector) && sector >= 0 ? sector : 0;
  return { ...FIRST, open: paths, sector: number, sectorText: String(number) };
}

export const kept = ({ open, sector }: State): unknown => ({ open, sector });

export function reduce(state: State, act: Act, overview: ImageOverview | undefined): State {
  const bytes = overview?.report?.bytes ?? 0;
  switch (act.type) {
    case 'toggle': return { ...state, open: state.open.includes(act.path) ? state.open.filter((path) => path !== act.path) : [...state.open, act.path] };
    case 'sector': return atSector(state, act.sector, act.volume, bytes);
    case 'sector-text': {
      const sector = sectorOf(act.text);
      const wrong = sector === undefined || sector * SECTOR >= Math.max(bytes, SECTOR);
      return wrong ? { ...state, sectorText: act.text, sectorWrong: true } : { ...atSector(state, sector, undefined, bytes), sectorText: act.text };
    }
    case 'zoom': return { ...state, zoom: zoomed(state.zoom ?? { from: 0, to: bytes }, act.factor, act.at, bytes) };
    case 'zoom-out': return { ...state, zoom: undefined };
    case 'done': return { ...state, failure: act.error };
  }
}

function atSector(state: State, wanted: number, volume: string | undefined, bytes: number): State {
  const sector = Math.max(0, Math.min(wanted, Math.ceil(bytes / SECTOR) - 1));
  return { ...state, sector, volume, sectorText: String(sector), sectorWrong: false };
}

/** Decimal, or hexadecimal with 0x. */
function sectorOf(text: string): number | undefined {
  const trimmed = text.trim();
  if (!/^(\d+|0x[\da-f]+)$/i.test(trimmed)) return undefined;
  const sector = Number(trimmed);
  return Number.isSafeInteger(sector) ? sector : undefined;
}

function zoomed({ from, to }: { readonly from: number; readonly to: number }, factor: number, at: number, bytes: number): State['zoom'] {
  const width = Math.round((to - from) * factor);
  if (width >= bytes) return undefined;
  const shown = Math.min(bytes, Math.max(CLOSEST, width));
  const fixed = from + (to - from) * at;
  const start = Math.max(0, Math.min(bytes - shown, Math.round(fixed - shown * at)));
  return { from: start, to: start + shown };
}
