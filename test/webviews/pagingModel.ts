/**
 * A small model of a guest's page tables and of the shadow that a monitor keeps for them, for the panel's tests: it
 * answers the questions of the inspection interface as the monitor does, from tables that tests build.
 */
import type {
  AddressSpaceInfo, GuestEntryRun, GuestWalkStep, PageRights, ShadowEntryRun, ShadowWalkStep, TablePair, WalkAnswer,
} from '../../src/monitor/inspection/queries';

export const BIT = { present: 1n, writable: 2n, user: 4n, accessed: 0x20n, dirty: 0x40n, large: 0x80n, global: 0x100n } as const;
const PAGE = 4096n;
const ENTRY_NAMES = ['', 'PTE', 'PDE', 'PDPTE', 'PML4E', 'PML5E'];
const KEY_LOW = 59n;

interface Shape {
  readonly indexBits: readonly number[];
  readonly entryBytes: number;
}

const SHAPES: Readonly<Record<'32-bit' | 'PAE' | '4-level' | '5-level', Shape>> = {
  '32-bit': { indexBits: [10, 10], entryBytes: 4 },
  PAE: { indexBits: [9, 9, 2], entryBytes: 8 },
  '4-level': { indexBits: [9, 9, 9, 9], entryBytes: 8 },
  '5-level': { indexBits: [9, 9, 9, 9, 9], entryBytes: 8 },
};

interface ShadowEntry {
  readonly lower?: ShadowTable;
  readonly frame: number;
  readonly physical: number;
  readonly rights: PageRights;
  readonly directWrite: boolean;
  readonly derivesFrom: number;
  /** `lower` splits a large page. */
  readonly large?: boolean;
}

interface ShadowTable {
  readonly id: number;
  readonly entries: Map<number, ShadowEntry>;
}

interface Found {
  readonly level: number;
  readonly index: number;
  readonly address: number;
  readonly raw: bigint;
  readonly leaf: boolean;
}

/** Machine frames lie apart from guest frames, in groups of 32 that are not in order. */
const machineFrame = (page: number) => 0x2000 + (page ^ (page >> 5 & 3) << 7);

const rightsOf = (raw: bigint): PageRights => ({ writable: (raw & BIT.writable) !== 0n, user: (raw & BIT.user) !== 0n, executable: true });

export class PagingModel {
  private readonly memory = new Map<number, bigint>();
  private readonly shadows = new Map<string, ShadowTable>();
  private readonly lastUsed = new Map<number, number>();
  private nextShadow = 1;
  private uses = 0;
  current: number;
  /** Whether the table that splits a large page can be asked for. */
  namesSplitTables = true;

  constructor(readonly mode: keyof typeof SHAPES, readonly spaces: number[], private nextFrame: number) {
    this.current = spaces[0];
  }

  /** The key by which a space of this model is known. */
  key(cr3: number): string {
    return `${this.mode}:${cr3}`;
  }

  private get shape(): Shape {
    return SHAPES[this.mode];
  }

  private get levels(): number {
    return this.shape.indexBits.length;
  }

  /** Bytes that one entry at a level covers. */
  private span(level: number): bigint {
    return PAGE << BigInt(this.shape.indexBits.slice(0, level - 1).reduce((sum, bits) => sum + bits, 0));
  }

  private index(linear: bigint, level: number): number {
    return Number((linear / this.span(level)) & ((1n << BigInt(this.shape.indexBits[level - 1])) - 1n));
  }

  /** A fresh page for a table or a page, as its guest-physical address. */
  allocate(): number {
    this.nextFrame += 4096;
    return this.nextFrame - 4096;
  }

  read(address: number): bigint {
    return this.memory.get(address) ?? 0n;
  }

  /** The guest writes an entry: what the shadow derived from it goes. */
  write(address: number, raw: bigint): void {
    this.memory.set(address, raw);
    for (const table of this.shadows.values()) {
      for (const [index, entry] of table.entries) if (entry.derivesFrom === address) table.entries.delete(index);
    }
  }

  /** The guest writes an entry of a table whose writes are not traced: the shadow learns of it when TLBs are flushed. */
  writeUnseen(address: number, raw: bigint): void {
    this.memory.set(address, raw);
  }

  /** Maps `linear` to `physical` by a leaf entry at `level`; makes the tables on the way. Returns the entry's address. */
  map(cr3: number, linear: bigint, physical: number, bits: bigint, level = 1): number {
    let table = cr3;
    for (let at = this.levels; at > level; at--) {
      const address = table + this.index(linear, at) * this.shape.entryBytes;
      if ((this.read(address) & BIT.present) === 0n) this.write(address, BigInt(this.allocate()) | BIT.present | BIT.writable | (bits & BIT.user));
      table = Number(this.read(address) & ~0xfffn);
    }
    const address = table + this.index(linear, level) * this.shape.entryBytes;
    this.write(address, BigInt(physical) | bits | BIT.present | (level > 1 ? BIT.large : 0n));
    return address;
  }

  /** Copies top-level entries, so that the tables below are shared. */
  share(from: number, to: number, first: number, count: number): void {
    for (let i = first; i < first + count; i++) {
      const raw = this.read(from + i * this.shape.entryBytes);
      if (raw !== 0n) this.write(to + i * this.shape.entryBytes, raw);
    }
  }

  private path(cr3: number, linear: bigint): Found[] {
    const found: Found[] = [];
    let table = cr3;
    for (let level = this.levels; level >= 1; level--) {
      const index = this.index(linear, level);
      const address = table + index * this.shape.entryBytes;
      const raw = this.read(address);
      const leaf = level === 1 || (raw & BIT.large) !== 0n;
      found.push({ level, index, address, raw, leaf });
      if ((raw & BIT.present) === 0n || leaf) break;
      table = Number(raw & ~0xfffn);
    }
    return found;
  }

  private shadowFor(key: string): ShadowTable {
    let table = this.shadows.get(key);
    if (table === undefined) this.shadows.set(key, table = { id: this.nextShadow++, entries: new Map() });
    return table;
  }

  /** The guest uses an address: A and D are set, and the shadow is filled on the way. */
  touch(cr3: number, linear: bigint, write = false): void {
    this.lastUsed.set(cr3, ++this.uses);
    const path = this.path(cr3, linear);
    const last = path[path.length - 1];
    if ((last.raw & BIT.present) === 0n) return;
    let shadow = this.shadowFor(`${this.levels}:${cr3}`);
    for (const { level, index, address, raw, leaf } of path) {
      const marked = raw | BIT.accessed | (leaf && write ? BIT.dirty : 0n);
      this.memory.set(address, marked);
      if (level === 1) {
        this.fillLeaf(shadow, index, Number(marked & ~0xfffn & ((1n << 52n) - 1n)), marked, address);
        return;
      }
      const lower = this.shadowFor(leaf ? `split:${address}` : `${level - 1}:${raw & ~0xfffn}`);
      shadow.entries.set(index, { lower, frame: -1, physical: Number(raw & ~0xfffn), rights: rightsOf(raw), directWrite: false, derivesFrom: address, large: leaf });
      if (leaf) {
        this.fillSplit(lower, level - 1, linear, marked, address);
        return;
      }
      shadow = lower;
    }
  }

  /** A piece of a large page: one table of frames for each 2 or 4 MiB of it, and a table of those in between for 1 GiB. */
  private fillSplit(table: ShadowTable, level: number, linear: bigint, raw: bigint, derivesFrom: number): void {
    const address = (raw & ~(this.span(level + 1) - 1n) & ((1n << 52n) - 1n)) + linear % this.span(level + 1);
    if (level === 1) {
      this.fillLeaf(table, this.index(linear, 1), Number(address & ~0xfffn), raw, derivesFrom);
      return;
    }
    const index = this.index(linear, level);
    const lower = this.shadowFor(`split:${derivesFrom}:${index}`);
    table.entries.set(index, { lower, frame: -1, physical: Number(address & ~(this.span(level) - 1n)), rights: rightsOf(raw), directWrite: false, derivesFrom, large: true });
    const piece = (raw & 0xfffn) | (address & ~(this.span(level) - 1n));
    this.fillSplit(lower, level - 1, linear, piece, derivesFrom);
  }

  private fillLeaf(table: ShadowTable, index: number, physical: number, raw: bigint, derivesFrom: number): void {
    const rights = rightsOf(raw);
    const directWrite = rights.writable && (raw & BIT.dirty) !== 0n && !this.isTraced(physical);
    table.entries.set(index, { frame: machineFrame(physical / 4096), physical, rights, directWrite, derivesFrom });
  }

  private isTraced(page: number): boolean {
    return [...this.shadows.keys()].some((key) => !key.startsWith('split') && Number(key.split(':')[1]) === page);
  }

  // -------------------------------------------------------------------------------------------------------------------
  // The questions

  private get linearBits(): number {
    return this.shape.indexBits.reduce((sum, bits) => sum + bits, 12);
  }

  /** The canonical form of an address, as a machine with four or five levels gives it. */
  private canonical(linear: bigint): bigint {
    return this.levels < 4 ? linear : BigInt.asUintN(64, BigInt.asIntN(this.linearBits, linear));
  }

  private placed<T extends { readonly linear: bigint }>(range: T): T {
    return { ...range, linear: this.canonical(range.linear) };
  }

  /** The root when `linear` and `level` are missing, else the table at `level` that covers `linear`. */
  table(cr3: number, linear?: bigint, level?: number): TablePair | undefined {
    const pair = this.pair(cr3, this.levels < 4 || linear === undefined ? linear : BigInt.asUintN(this.linearBits, linear), level);
    if (pair === undefined) return undefined;
    const { shadow } = pair;
    return {
      ...this.placed(pair), guest: pair.guest.map((run) => this.placed(run)),
      ...shadow ? { shadow: { ...shadow, runs: shadow.runs.map((run) => this.placed(run)), unfilled: shadow.unfilled.map((range) => this.placed(range)) } } : {},
    };
  }

  addressSpaces(): AddressSpaceInfo[] {
    return this.spaces.map((cr3) => {
      const tables = this.shadowTree(this.shadows.get(`${this.levels}:${cr3}`));
      const shadowEntries = tables.reduce((sum, table) => sum + [...table.entries.values()].filter(({ lower }) => lower === undefined).length, 0);
      return {
        key: this.key(cr3), cr3, mode: this.mode, largePages: true, noExecute: this.mode !== '32-bit', current: cr3 === this.current, shadowTables: tables.length, shadowEntries, lastUsed: this.lastUsed.get(cr3) ?? 0,
      };
    });
  }

  private shadowTree(table: ShadowTable | undefined): ShadowTable[] {
    if (table === undefined) return [];
    return [table, ...[...table.entries.values()].flatMap(({ lower }) => this.shadowTree(lower))];
  }

  private pair(cr3: number, linear = 0n, level = this.levels): TablePair | undefined {
    const path = this.path(cr3, linear);
    const leaf = path.find((step) => step.leaf && step.level > level + 1 && (step.raw & BIT.present) !== 0n);
    const above = leaf ?? path.find((step) => step.level === level + 1);
    if (level < this.levels && (above === undefined || (above.raw & BIT.present) === 0n)) return undefined;
    const entryBytes = this.span(level);
    const bytes = entryBytes << BigInt(this.shape.indexBits[level - 1]);
    const place = { level, bytes, entryBytes, linear: linear - (linear % bytes) };
    if (above?.leaf) return this.namesSplitTables ? this.splitPair(above, place) : undefined;
    const guestTable = above === undefined ? cr3 : Number(above.raw & ~0xfffn);
    const guest = this.guestRuns(guestTable, place);
    const shadow = this.shadows.get(`${level}:${guestTable}`);
    const present = guest.reduce((sum, run) => sum + run.count, 0);
    return {
      ...place, guestTable, guest, guestAbsent: (1 << this.shape.indexBits[level - 1]) - present, traced: shadow !== undefined,
      ...shadow ? { shadow: this.shadowSide(shadow, place, guest) } : {},
    };
  }

  private splitPair(above: Found, place: Pick<TablePair, 'level' | 'linear' | 'bytes' | 'entryBytes'>): TablePair {
    const guest: GuestEntryRun[] = [{
      ...this.guestEntry(above, place.linear), kind: 'large-page', bytes: place.bytes, count: 1, index: above.index,
    }];
    const between = above.level - place.level > 1 ? `:${this.index(place.linear, place.level + 1)}` : '';
    const shadow = this.shadows.get(`split:${above.address}${between}`);
    return { ...place, guestTable: above.address, traced: false, guest, guestAbsent: 0, ...shadow ? { shadow: this.shadowSide(shadow, place, guest) } : {} };
  }

  private guestEntry({ level, index, address, raw, leaf }: Found, linear: bigint): GuestEntryRun {
    return {
      kind: !leaf ? 'table' : level > 1 ? 'large-page' : 'page', linear, bytes: this.span(level), index, count: 1, entryAddress: address, raw,
      target: Number(raw & ~0xfffn & ((1n << 52n) - 1n)), rights: rightsOf(raw), accessed: (raw & BIT.accessed) !== 0n,
      dirty: leaf && (raw & BIT.dirty) !== 0n, global: leaf && (raw & BIT.global) !== 0n, cacheDisabled: false,
      ...leaf && this.levels >= 4 ? { protectionKey: Number((raw >> KEY_LOW) & 15n) } : {},
    };
  }

  private guestRuns(table: number, { level, linear, entryBytes }: Pick<TablePair, 'level' | 'linear' | 'entryBytes'>): GuestEntryRun[] {
    const runs: GuestEntryRun[] = [];
    for (let index = 0; index < 1 << this.shape.indexBits[level - 1]; index++) {
      const address = table + index * this.shape.entryBytes;
      const raw = this.read(address);
      if ((raw & BIT.present) === 0n) continue;
      const leaf = level === 1 || (raw & BIT.large) !== 0n;
      const entry = this.guestEntry({ level, index, address, raw, leaf }, linear + entryBytes * BigInt(index));
      const last = runs.at(-1);
      const follows = last !== undefined && leaf && last.kind === entry.kind && last.index + last.count === index
        && (last.raw & 0xfffn) === (raw & 0xfffn) && last.target + Number(last.bytes) === entry.target;
      if (follows) runs[runs.length - 1] = { ...last, bytes: last.bytes + entry.bytes, count: last.count + 1 };
      else runs.push(entry);
    }
    return runs;
  }

  private shadowSide(table: ShadowTable, { linear, entryBytes }: Pick<TablePair, 'linear' | 'entryBytes'>, guest: readonly GuestEntryRun[]): NonNullable<TablePair['shadow']> {
    const runs: ShadowEntryRun[] = [];
    for (const [index, { lower, frame, physical, rights, directWrite, derivesFrom, large }] of [...table.entries].sort(([a], [b]) => a - b)) {
      const last = runs.at(-1);
      const step = last === undefined ? 0 : derivesFrom - last.derivesFrom;
      const follows = last !== undefined && lower === undefined && last.kind === 'page' && last.index + last.count === index
        && last.frame + last.count === frame && last.directWrite === directWrite && last.rights.writable === rights.writable
        && last.rights.user === rights.user && (step === 0 || step === last.count * this.shape.entryBytes);
      if (follows) runs[runs.length - 1] = { ...last, bytes: last.bytes + entryBytes, count: last.count + 1 };
      else runs.push({ kind: lower ? (large ? 'large-page' : 'table') : 'page', linear: linear + entryBytes * BigInt(index), bytes: entryBytes, index, count: 1, frame, physical, rights, directWrite, derivesFrom });
    }
    return { id: table.id, frame: 0x1000 + table.id, runs, unfilled: unfilled(table, linear, entryBytes, guest), sharedBy: this.parents(table) };
  }

  private parents(table: ShadowTable): number {
    const pointing = [...this.shadows.values()].flatMap(({ entries }) => [...entries.values()]).filter(({ lower }) => lower === table).length;
    return Math.max(1, pointing);
  }

  walk(cr3: number | undefined, linear: bigint): WalkAnswer {
    const space = cr3 ?? this.current;
    const path = this.path(space, linear);
    const last = path[path.length - 1];
    const mapped = (last.raw & BIT.present) !== 0n;
    const shadow = this.shadowSteps(space, linear, path);
    const filled = mapped && shadow.at(-1)?.filled === true;
    const page = Number(last.raw & ~(this.span(last.level) - 1n) & ((1n << 52n) - 1n));
    const physical = page + Number(linear % this.span(last.level));
    return {
      cr3: space, key: this.key(space), mode: this.mode, linear, guest: path.map((step) => this.guestStep(step)), shadow,
      ...mapped ? { physical, rights: rightsOf(last.raw), frame: machineFrame(Math.floor(physical / 4096)), backing: 'RAM' } : {},
      tlb: { read: filled, write: filled && (last.raw & BIT.dirty) !== 0n, execute: false },
      story: mapped
        ? `The guest maps this address to ${physical.toString(16)}${filled ? ', and the shadow has it: the processor needs no help.' : '; the shadow does not have it yet: the first use ends in the monitor, which fills it.'}`
        : `The ${ENTRY_NAMES[last.level]} is not present: using this address raises a page fault in the guest.`,
    };
  }

  private guestStep({ level, index, address, raw, leaf }: Found): GuestWalkStep {
    const present = (raw & BIT.present) !== 0n;
    return {
      level, name: ENTRY_NAMES[level], index, entryAddress: address, raw, present, rights: rightsOf(raw), accessed: (raw & BIT.accessed) !== 0n,
      dirty: leaf && (raw & BIT.dirty) !== 0n, large: leaf && level > 1, target: Number(raw & ~0xfffn & ((1n << 52n) - 1n)),
      story: !present ? 'P is clear: there is nothing here, and the walk ends with a page fault.' : leaf ? 'It maps a page.' : 'It points to the next table.',
    };
  }

  private shadowSteps(cr3: number, linear: bigint, path: readonly Found[]): ShadowWalkStep[] {
    const steps: ShadowWalkStep[] = [];
    let table = this.shadows.get(`${this.levels}:${cr3}`);
    for (let level = this.levels; level >= 1 && table !== undefined; level--) {
      const index = this.index(linear, level);
      const entry = table.entries.get(index);
      const source = path.find((step) => step.level === level)?.address ?? path[path.length - 1].address;
      steps.push({
        level, tableId: table.id, index, filled: entry !== undefined, rights: entry?.rights ?? { writable: false, user: false, executable: false },
        frame: entry?.frame ?? -1, derivesFrom: entry?.derivesFrom ?? source,
        story: entry === undefined ? 'Not filled yet.' : entry.lower ? `It points to shadow table #${entry.lower.id}.` : 'It holds the machine frame itself.',
      });
      table = entry?.lower;
    }
    return steps;
  }
}

function unfilled(table: ShadowTable, linear: bigint, entryBytes: bigint, guest: readonly GuestEntryRun[]): { linear: bigint; bytes: bigint }[] {
  const gaps: { linear: bigint; bytes: bigint }[] = [];
  for (const run of guest) {
    for (let at = run.linear; at < run.linear + run.bytes; at += entryBytes) {
      if (table.entries.has(Number((at - linear) / entryBytes))) continue;
      const last = gaps.at(-1);
      if (last !== undefined && last.linear + last.bytes === at) gaps[gaps.length - 1] = { ...last, bytes: last.bytes + entryBytes };
      else gaps.push({ linear: at, bytes: entryBytes });
    }
  }
  return gaps;
}
