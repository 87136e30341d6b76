/**
 * What the map's kinds and shades are called, and the letters that tell them apart beside their colours.
 */
import type { Kind } from './frames';
import { t } from '../ui/words';

interface KindWords {
  readonly name: string;
  readonly meaning: string;
  /** For large cells. */
  readonly letter: string;
  /** Variable of the theme (see theme.css), and how much of it. */
  readonly colour: string;
  readonly strength: number;
}

export const KINDS: Readonly<Record<Kind, KindWords>> = {
  RAM: { name: t('RAM'), meaning: t('has a machine frame of its own'), letter: 'r', colour: '--guest', strength: 0.75 },
  table: { name: t('Page table'), meaning: t('a page table of the guest with a shadow table beside it'), letter: 't', colour: '--trace', strength: 1 },
  code: { name: t('Code'), meaning: t('with decoded or translated code: writes to it are traced'), letter: 'c', colour: '--good', strength: 1 },
  shared: { name: t('Shared'), meaning: t('on one frame with other pages; the first write copies it'), letter: 's', colour: '--shadow', strength: 1 },
  zeros: { name: t('Zero page'), meaning: t('read but never written, or all zeros: on the one frame of zeros; the first write gives it a frame'), letter: '0', colour: '--text', strength: 0.38 },
  untouched: { name: t('Untouched'), meaning: t('RAM that was never used: no frame stands behind it'), letter: '·', colour: '--text', strength: 0.13 },
  ballooned: { name: t('Ballooned'), meaning: t('given back by the guest through its balloon and not written since: it reads as zeros, and has no frame of its own until it is written'), letter: 'b', colour: '--shadow', strength: 0.4 },
  ROM: { name: t('ROM'), meaning: t('writes are dropped'), letter: 'o', colour: '--bad', strength: 0.8 },
  video: { name: t('Video memory'), meaning: t('frames of the display'), letter: 'v', colour: '--change', strength: 0.9 },
  device: { name: t('Device'), meaning: t('registers of a device: each access goes to it'), letter: 'd', colour: '--text', strength: 0.85 },
  nothing: { name: t('Nothing'), meaning: t('nobody answers'), letter: '', colour: '--text', strength: 0 },
};

/** In the order of the legend. */
export const KIND_ORDER = Object.keys(KINDS).filter((kind): kind is Kind => kind in KINDS && kind !== 'nothing');

/** How lately, by `Run.use`. */
export const USES: readonly { readonly name: string; readonly meaning: string; readonly strength: number }[] = [
  { name: t('cold'), meaning: t('no shadow table of 4 KiB pages and no TLB leads to it now'), strength: 0.1 },
  { name: t('mapped'), meaning: t('used since its shadow table was filled: a shadow entry leads to it'), strength: 0.32 },
  { name: t('recent'), meaning: t('read or executed lately: a TLB of the monitor holds it'), strength: 0.62 },
  { name: t('written lately'), meaning: t('a TLB holds it for writing'), strength: 1 },
];

export const USE_STORY = t('How lately each page was used: read off the TLBs and shadow tables, which hold what the guest used last and forget it as they fill. Nothing is counted while the guest runs.');
export const WRITTEN_STORY = t('Pages written since the last snapshot of time travel, which keeps what they held before.');
export const NO_SNAPSHOTS = t('There are no snapshots: time travel is off, so nobody keeps which pages are written.');
