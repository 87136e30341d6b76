/**
 * Address spaces that the monitor knows, cached under tags: CR3's table and the rules under which its entries are read. Each
 * has a slot, which is the number of its software TLB; when there are no more, the one that was entered least recently goes.
 */
import type { PagingControls, PagingMode } from './guestPaging';
import { MAX_SPACES } from './layout';
import type { ShadowTable } from './shadowTable';

export interface AddressSpace {
  /** Index of its TLB tables. */
  readonly slot: number;
  readonly mode: PagingMode;
  readonly root: number;
  /** What tells it from all others, for those who look. */
  readonly tag: string;
  /** The controls under which it was last entered. */
  controls: PagingControls;
  table: ShadowTable | undefined;
  /** Latched PDPTEs from which the root derives (PAE). */
  pdptes: readonly bigint[];
  lastUsed: number;
}

export class AddressSpaces {
  readonly slots: (AddressSpace | undefined)[] = new Array<AddressSpace | undefined>(MAX_SPACES).fill(undefined);
  private readonly byRoot = new Map<number, AddressSpace[]>();
  private uses = 0;

  find(controls: PagingControls): AddressSpace | undefined {
    const list = this.byRoot.get(rootOf(controls));
    if (list) for (const space of list) if (isSpaceOf(space, controls)) return space;
    return undefined;
  }

  /** A space for these controls, in a slot that is free. */
  add(controls: PagingControls, slot: number): AddressSpace {
    const root = rootOf(controls);
    const space: AddressSpace = { slot, mode: controls.mode, root, tag: tagOf(controls), controls, table: undefined, pdptes: controls.pdptes, lastUsed: 0 };
    this.slots[slot] = space;
    const list = this.byRoot.get(root);
    if (list) list.push(space);
    else this.byRoot.set(root, [space]);
    return space;
  }

  remove(space: AddressSpace): void {
    this.slots[space.slot] = undefined;
    const list = this.byRoot.get(space.root)?.filter((other) => other !== space) ?? [];
    if (list.length > 0) this.byRoot.set(space.root, list);
    else this.byRoot.delete(space.root);
  }

  /** A space has been entered. */
  touch(space: AddressSpace): void {
    space.lastUsed = ++this.uses;
  }

  freeSlot(): number {
    return this.slots.indexOf(undefined);
  }

  leastRecent(): AddressSpace | undefined {
    let oldest: AddressSpace | undefined;
    for (const space of this.slots) if (space && (!oldest || space.lastUsed < oldest.lastUsed)) oldest = space;
    return oldest;
  }
}

/** Without paging there is no root, and the other controls mean nothing: there is one space. */
const rootOf = (controls: PagingControls): number => (controls.mode === 'none' ? 0 : controls.root);

function isSpaceOf(space: AddressSpace, controls: PagingControls): boolean {
  if (space.mode !== controls.mode) return false;
  return space.mode === 'none' || (space.controls.largePages === controls.largePages && space.controls.noExecute === controls.noExecute);
}

function tagOf(controls: PagingControls): string {
  if (controls.mode === 'none') return controls.mode;
  return `${controls.mode}${controls.largePages ? '+' : ''}${controls.noExecute ? 'x' : ''}:${controls.root}`;
}
