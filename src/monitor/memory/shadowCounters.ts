/**
 * What memory virtualization counts, named as the literature names it (docs/memory-virtualization.md says what each means).
 */
export interface ShadowCounters {
  /** Leaf entries entered, those of them that came along with a neighbour, and those that took the guest's last table only. */
  fills: number;
  batchedFills: number;
  directFills: number;
  largeFills: number;
  guestWalks: number;
  /** Faults of the shadow that the guest does not see, and page faults that it does. */
  hiddenFaults: number;
  reflectedFaults: number;
  spaceSwitches: number;
  spaceEvictions: number;
  /** Root entries that a new space has taken over from the one before it, and entries of TLBs that came with them. */
  grafts: number;
  graftedPages: number;
  tracedWrites: number;
  floods: number;
  unsyncs: number;
  resyncs: number;
  resyncedEntries: number;
  entriesDropped: number;
  tablesDropped: number;
  tableEvictions: number;
  writeProtections: number;
  /** What the guest asked to flush, by INVLPG, CR3, CR4.PGE and INVPCID: nothing is ever stale, so it costs nothing. */
  flushesInvlpg: number;
  flushesCr3: number;
  flushesGlobal: number;
  flushesContext: number;
  /** Software TLBs emptied: one page range, one space, or all. */
  flushesRange: number;
  flushesSpace: number;
  flushesAll: number;
}

export const newShadowCounters = (): ShadowCounters => ({
  fills: 0,
  batchedFills: 0,
  directFills: 0,
  largeFills: 0,
  guestWalks: 0,
  hiddenFaults: 0,
  reflectedFaults: 0,
  spaceSwitches: 0,
  spaceEvictions: 0,
  grafts: 0,
  graftedPages: 0,
  tracedWrites: 0,
  floods: 0,
  unsyncs: 0,
  resyncs: 0,
  resyncedEntries: 0,
  entriesDropped: 0,
  tablesDropped: 0,
  tableEvictions: 0,
  writeProtections: 0,
  flushesInvlpg: 0,
  flushesCr3: 0,
  flushesGlobal: 0,
  flushesContext: 0,
  flushesRange: 0,
  flushesSpace: 0,
  flushesAll: 0,
});
