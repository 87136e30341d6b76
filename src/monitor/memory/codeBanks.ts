/**
 * Where the execute tables of address spaces lie. What a page's code means hangs on the context that it is read in (mode, code size,
 * CS's base and limit), so a space has a *bank* of execute tables for each context that it has lately been in: its own one, and
 * others from a pool. Boot loaders call the BIOS from protected mode thousands of times a second, and real-mode programs go from segment to
 * segment: all of them find again what they had. Each bank has a tag, by which jumps are known that have been found by its tables (./jumpCache).
 */
import { CODE_BANK_BASE, CODE_BANKS, MAX_SPACES, TLB_BASE, TLB_EXECUTE, TLB_EXECUTE_USER, TLB_SPACE_BYTES } from './layout';

/** Execute tables for one space and context: supervisor's, then user's. */
export interface CodeBank {
  readonly address: number;
  /** The space whose bank it is; -1 for none. */
  slot: number;
  /** Number of the context that its code was decoded for; 0 for none: then it is empty. */
  context: number;
  lastUsed: number;
  /** Even, and never 0: the tag of jumps by its supervisor's table; that of the user's is the next one. */
  tag: number;
}

export const CODE_BANK_BYTES = 2 * TLB_EXECUTE_USER;

export class CodeBanks {
  private readonly current: CodeBank[] = [];
  private readonly bySlot: CodeBank[][] = [];
  private readonly pool: readonly CodeBank[];
  private readonly all: readonly CodeBank[];
  private uses = 0;
  private lastTag = 0;

  /**
   * @param empty empties the tables of a bank, which others are to have
   * @param tagsStartAnew forgets all that goes by tags
   * @param mostTags all tags are below this
   */
  constructor(private readonly empty: (bank: CodeBank) => void, private readonly tagsStartAnew: () => void, private readonly mostTags = 2 ** 31) {
    const bank = (address: number, slot: number): CodeBank => ({ address, slot, context: 0, lastUsed: 0, tag: this.newTag() });
    for (let slot = 0; slot < MAX_SPACES; slot++) {
      const own = bank(TLB_BASE + slot * TLB_SPACE_BYTES + TLB_EXECUTE, slot);
      this.current.push(own);
      this.bySlot.push([own]);
    }
    this.pool = Array.from({ length: CODE_BANKS }, (_, i) => bank(CODE_BANK_BASE + i * CODE_BANK_BYTES, -1));
    this.all = [...this.current, ...this.pool];
  }

  private newTag(): number {
    this.lastTag += 2;
    return this.lastTag;
  }

  /** The bank that has a tag. */
  withTag(tag: number): CodeBank | undefined {
    return this.all.find((bank) => bank.tag === tag);
  }

  /** What has been found by a bank's tables is not good any more. Others have another tag as well when tags start anew. */
  renewTag(bank: CodeBank): void {
    if (this.lastTag + 2 < this.mostTags) bank.tag = this.newTag();
    else this.renewAllTags();
  }

  /** No two banks ever have had the same tag since the tags started, which they do when there are no more. */
  private renewAllTags(): void {
    this.tagsStartAnew();
    this.lastTag = 0;
    for (const bank of this.all) bank.tag = this.newTag();
  }

  /** Tag of the tables that a space uses now. */
  tag(slot: number): number {
    return this.current[slot]?.tag ?? 0;
  }

  /** Address of the execute tables that a space uses now. */
  address(slot: number): number {
    return this.current[slot]?.address ?? 0;
  }

  /** The context whose tables a space uses now. */
  context(slot: number): number {
    return this.current[slot]?.context ?? 0;
  }

  /** All banks of a space, its own first. */
  of(slot: number): readonly CodeBank[] {
    return this.bySlot[slot] ?? [];
  }

  /** From now on a space uses the tables of this context: those that it had for it before, or empty ones. */
  select(slot: number, context: number): void {
    const banks = this.of(slot);
    const bank = banks.find((known) => known.context === context) ?? banks.find((known) => known.context === 0) ?? this.take(slot);
    bank.context = context;
    bank.lastUsed = ++this.uses;
    this.current[slot] = bank;
  }

  /** A bank of the pool for a space: a free one, or the one that was selected least recently. */
  private take(slot: number): CodeBank {
    const bank = this.pool.reduce((oldest, other) => (other.lastUsed < oldest.lastUsed ? other : oldest));
    if (bank.slot >= 0) {
      this.empty(bank);
      this.leave(bank);
    }
    bank.slot = slot;
    this.bySlot[slot]?.push(bank);
    return bank;
  }

  /** A bank is its space's no more. */
  private leave(bank: CodeBank): void {
    const { slot } = bank;
    const rest = this.of(slot).filter((other) => other !== bank);
    this.bySlot[slot] = rest;
    if (this.current[slot] === bank) this.current[slot] = rest[0];
    Object.assign(bank, { slot: -1, context: 0, lastUsed: 0 } satisfies Partial<CodeBank>);
  }
}
