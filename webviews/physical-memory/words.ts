/**
 * What the map's kinds and shades are called, and the letters that tell them apart beside their colours.
 */
import type { Kind } from './frames';

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
  RAM: { name: 'RAM', meaning: 'has a machine frame of its own', letter: 'r', colour: '--guest', strength: 0.75 },
  table: { name: 'Page table', meaning: 'a page table of the guest with a shadow table beside it', letter: 't', colour: '--trace', strength: 1 },
  code: { name: 'Code', meaning: 'with decoded or translated code: writes to it are traced', letter: 'c', colour: '--good', strength: 1 },
  shared: { name: 'Shared', meaning: 'on one frame with other pages; the first write copies it', letter: 's', colour: '--shadow', strength: 1 },
  zeros: { name: 'Zero page', meaning: 'read but never written, or all zeros: on the one frame of zeros; the first write gives it a frame', letter: '0', colour: '--text', strength: 0.38 },
  untouched: { name: 'Untouched', meaning: 'RAM that was never used, or that a balloon gave back: no frame stands behind it', letter: '·', colour: '--text', strength: 0.13 },
  ROM: { name: 'ROM', meaning: 'writes are dropped', letter: 'o', colour: '--bad', strength: 0.8 },
  video: { name: 'Video memory', meaning: 'frames of the display', letter: 'v', colour: '--change', strength: 0.9 },
  device: { name: 'Device', meaning: 'registers of a device: each access goes to it', letter: 'd', colour: '--text', strength: 0.85 },
  nothing: { name: 'Nothing', meaning: 'nobody answers', letter: '', colour: '--text', strength: 0 },
};

/** In the order of the legend. */
export const KIND_ORDER = Object.keys(KINDS).filter((kind): kind is Kind => kind in KINDS && kind !== 'nothing');

/** How lately, by `Run.use`. */
export const USES: readonly { readonly name: string; readonly meaning: string; readonly strength: number }[] = [
  { name: 'cold', meaning: 'no shadow table of 4 KiB pages and no TLB leads to it now', strength: 0.1 },
  { name: 'mapped', meaning: 'used since its shadow table was filled: a shadow entry leads to it', strength: 0.32 },
  { name: 'recent', meaning: 'read or executed lately: a TLB of the monitor holds it', strength: 0.62 },
  { name: 'written lately', meaning: 'a TLB holds it for writing', strength: 1 },
];

export const USE_STORY = 'How lately each page was used: read off the TLBs and shadow tables, which hold what the guest used last and forget it as they fill. Nothing is counted while the guest runs.';
export const WRITTEN_STORY = 'Pages written since the last snapshot of time travel, which keeps what they held before.';
export const NO_SNAPSHOTS = 'There are no snapshots: time travel is off, so nobody keeps which pages are written.';
