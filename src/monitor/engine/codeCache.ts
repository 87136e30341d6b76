/**
 * The decoded-code cache: for each frame with code, and each way to read it (code size, segment model), a
 * table from page offset to the records of the basic block that begins there. Writes to decoded bytes
 * drop the page's blocks, at once.
 */
import { decode, type Instruction } from '../isa/decoder';
import { endsBlock, transfersFar } from '../isa/definitions';
import { CODE_BASE, CODE_CHUNK_BYTES, CODE_CHUNKS, PAGE_BYTES } from '../memory/layout';
import type { Cpu } from '../cpu/cpu';
import { FRAME, type MachineMemory } from '../memory/machineMemory';
import { admit, type UnitUse } from './admission';
import type { EngineSettings } from './engineSettings';
import type { Interpreter } from './interpreter';
import { SPECIAL_HANDLERS } from './interpreterModule';
import { MarkedBytes } from './markedBytes';
import { RecordWriter } from './recordWriter';
import { R, RECORD_BYTES, type Model } from './records';

/** How code in a page is to be read. */
export interface CodeContext extends UnitUse {
  readonly bits: 16 | 32 | 64;
  readonly model: Model;
  /** Offsets in the page that lie inside CS's limit: [first, end). A page inside the limit has 0 and 4096. */
  readonly first: number;
  readonly end: number;
  /** Whether its blocks may be translated. */
  readonly translated: boolean;
}

/** Decoded code of one frame in one context. */
export class CodePage {
  /** Bytes that have been decoded, to tell a write to code from one beside it. */
  readonly decoded = new MarkedBytes();
  chunks: number[] = [];
  next = 0;
  end = 0;
  /** Offsets before which a breakpoint record stands. */
  breakpoints: ReadonlySet<number> = new Set();
  /** Whether anything has been decoded from its bytes. */
  live = false;
  /** Pages with an instruction that ends in this one. */
  readonly dependents = new Set<CodePage>();
  /** Regions that have blocks of it. */
  regions: Region[] = [];
  /** How often its blocks have been dropped. */
  generation = 0;

  constructor(
    readonly frame: number,
    readonly context: CodeContext,
    /** Address of the table of 4096 block addresses. */
    readonly table: number,
    /** What its profile records know it by. */
    readonly id: number,
  ) {}
}

/** Translated code in front of a block. */
export interface Region {
  /** Its function's entry in the table. */
  readonly entry: number;
  /** The block that it begins with: its page, its offset there, and its first record's address. */
  readonly home: CodePage;
  readonly offset: number;
  readonly record: number;
  dropped: boolean;
}

/** A basic block as it is read from memory. */
interface BlockReading {
  readonly instructions: readonly Instruction[];
  /** Offset behind the last instruction. */
  readonly end: number;
  /** Whether the last instruction transfers control; whether the one behind it runs over the page or the limit. */
  readonly closed: boolean;
  readonly crossing: boolean;
}

export interface CodeCounters {
  blocksDecoded: number;
  instructionsDecoded: number;
  pagesInvalidated: number;
  cacheFlushes: number;
  regionsDropped: number;
}

const NONE: ReadonlySet<number> = new Set();
/** Ways to read one frame that are kept: each write to it asks all of them. */
const MOST_CONTEXTS = 32;

/** A block that has been entered less often than this part of what makes it hot is cold: regions leave there. */
const WARM = 1 / 32;

export class CodeCache {
  readonly counters: CodeCounters = { blocksDecoded: 0, instructionsDecoded: 0, pagesInvalidated: 0, cacheFlushes: 0, regionsDropped: 0 };
  readonly records: RecordWriter;
  private readonly pages = new Map<number, CodePage[]>();
  private freeChunks: number[] = [];
  /** Chunks of dropped pages: generated code may still stand in them until it returns. */
  private limbo: number[] = [];
  private nextChunk = 0;
  /** From here on chunks were never used: they are zeros, and the host has no memory for them yet. */
  private untouched = CODE_BASE;
  /** Pages by their ids. */
  private readonly pagesById = new Map<number, CodePage>();
  private readonly pagesByTable = new Map<number, CodePage>();
  private nextId = 1;
  /** Table entries of dropped regions, of which one may be running. */
  private readonly regionLimbo: number[] = [];

  constructor(
    private readonly machine: MachineMemory,
    private readonly interpreter: Interpreter,
    private readonly cpu: Cpu,
    readonly settings: EngineSettings,
  ) {
    this.records = new RecordWriter(machine.view, interpreter);
  }

  /** The page of a frame in a context, made if needed; undefined when the cache, or what is kept for a frame, is full: `flush` and ask again. */
  page(frame: number, context: CodeContext): CodePage | undefined {
    const list = this.pages.get(frame);
    const found = list?.find((p) => sameContext(p.context, context));
    if (found) return found;
    if (list && list.length >= MOST_CONTEXTS) return undefined;
    const table = this.allocateTable();
    if (table === undefined) return undefined;
    const page = new CodePage(frame, context, table, this.nextId++);
    this.pagesById.set(page.id, page);
    this.pagesByTable.set(table, page);
    if (list) list.push(page);
    else this.pages.set(frame, [page]);
    return page;
  }

  /** Address of the block at an offset; 0 when it is not decoded. */
  block(page: CodePage, offset: number): number {
    return this.blockIn(page.table, offset);
  }

  /** The same by the address of the page's table of blocks. */
  blockIn(table: number, offset: number): number {
    return this.machine.i32[(table >> 2) + offset] ?? 0;
  }

  pageById(id: number): CodePage | undefined {
    return this.pagesById.get(id);
  }

  /** Decodes the block at an offset and gives its address; undefined when the cache is full. */
  decode(page: CodePage, start: number): number | undefined {
    const { instructions, end, closed, crossing } = this.read(page, start);
    const count = instructions.length;
    const breakpoint = page.breakpoints.has(start);
    const profile = !breakpoint && count > 0 && page.context.translated;
    const records = count + (breakpoint || profile ? 1 : 0) + (closed ? 0 : 1);
    const address = this.reserve(page, records * RECORD_BYTES);
    if (address === undefined) return undefined;
    let at = address;
    let where = start;
    if (breakpoint || profile) {
      this.records.writeSpecial(at, breakpoint ? SPECIAL_HANDLERS.breakpoint : SPECIAL_HANDLERS.profile, start, count);
      if (profile) this.writeProfile(at, page);
      at += RECORD_BYTES;
    }
    instructions.forEach((instruction, i) => {
      this.records.writeRecord(at, instruction, where, page.context, count - i, page.table);
      at += RECORD_BYTES;
      where += instruction.length;
    });
    if (!closed) {
      const overLimit = page.context.end < PAGE_BYTES && where >= page.context.end;
      const handler = crossing || overLimit ? SPECIAL_HANDLERS.crossing : SPECIAL_HANDLERS.onward;
      this.records.writeSpecial(at, handler, where, 0);
    }
    page.live = true;
    page.decoded.mark(start, Math.max(end, crossing ? PAGE_BYTES : start + 1));
    this.machine.i32[(page.table >> 2) + start] = address;
    this.counters.blocksDecoded++;
    this.counters.instructionsDecoded += count;
    return address;
  }

  /**
   * Gives the `crossing` record of page `first` the instruction itself, which begins at an offset there and ends in page
   * `second`. Says whether there was room.
   */
  bridge(record: number, first: CodePage, second: CodePage, instruction: Instruction, offset: number): boolean {
    const at = this.reserve(first, 2 * RECORD_BYTES);
    if (at === undefined) return false;
    const behind = offset + instruction.length;
    this.records.writeRecord(at, instruction, offset, first.context, 1, first.table);
    if (!endsBlock(instruction.name) && !transfersFar(instruction.name)) this.records.writeSpecial(at + RECORD_BYTES, SPECIAL_HANDLERS.onward, behind, 0);
    second.live = true;
    second.decoded.mark(0, behind - PAGE_BYTES);
    second.dependents.add(first);
    const { view } = this.machine;
    view.setUint32(record + R.page, second.table, true);
    view.setUint32(record + R.link, at, true);
    view.setUint32(record + R.handler, SPECIAL_HANDLERS.bridge, true);
    return true;
  }

  /** Reads the block at an offset. */
  private read(page: CodePage, start: number): BlockReading {
    const instructions: Instruction[] = [];
    const base = page.frame * PAGE_BYTES;
    let end = start;
    while (instructions.length < this.settings.longestBlock && end < page.context.end) {
      if (end !== start && page.breakpoints.has(end)) break;
      const decoded = decode(this.machine.u8, base + end, base + page.context.end, page.context.bits);
      const instruction = decoded && this.admit(decoded, page.context);
      if (!instruction) return { instructions, end, closed: false, crossing: true };
      instructions.push(instruction);
      end += instruction.length;
      if (endsBlock(instruction.name) || transfersFar(instruction.name)) return { instructions, end, closed: true, crossing: false };
    }
    return { instructions, end, closed: false, crossing: false };
  }

  /** Whether a block begins with a record that counts, or with translated code in its place. */
  isProfiled(address: number): boolean {
    const { view } = this.machine;
    return view.getUint8(address + R.length) === 0 && view.getUint8(address + R.back) > 0 && view.getUint32(address + R.handler, true) !== SPECIAL_HANDLERS.breakpoint;
  }

  /** Whether a block has been entered often enough to belong to a region that leads to it. */
  isWarm(page: CodePage, offset: number): boolean {
    const address = this.block(page, offset);
    if (address === 0 || !this.isProfiled(address)) return false;
    const { view } = this.machine;
    const counting = view.getUint32(address + R.handler, true) === SPECIAL_HANDLERS.profile;
    return !counting || view.getInt32(address + R.link, true) <= this.settings.heat * (1 - WARM);
  }

  /** Puts translated code in front of a block; the region goes when any of its pages does. */
  setRegion(page: CodePage, offset: number, entry: number, pages: Iterable<CodePage>): void {
    this.cpu.mmu.tlb.forgetJumps();
    const record = this.block(page, offset);
    this.machine.view.setUint32(record + R.handler, entry, true);
    const region: Region = { entry, home: page, offset, record, dropped: false };
    for (const each of pages) each.regions.push(region);
  }

  /** The page whose table of blocks is at an address. */
  pageOfTable(table: number): CodePage | undefined {
    return this.pagesByTable.get(table);
  }

  /** The countdown of a profile record. */
  private writeProfile(at: number, page: CodePage): void {
    this.machine.view.setUint32(at + R.link, this.settings.heat, true);
    this.machine.view.setUint32(at + R.page, page.id, true);
  }

  /** The instruction as this processor executes it in a context. */
  admit(instruction: Instruction, context: CodeContext): Instruction {
    return admit(instruction, context, this.cpu);
  }

  /**
   * Drops the blocks of a frame if the written bytes have been decoded, and the frame's trace with the last
   * of them. Says whether any were.
   */
  written(frame: number, offset: number, bytes: number): boolean {
    let hit = false;
    let left = false;
    for (const page of this.pages.get(frame) ?? []) {
      const end = Math.min(offset + bytes, PAGE_BYTES);
      if (page.live && page.decoded.has(offset, end)) {
        this.dropBlocks(page);
        hit = true;
      }
      left ||= page.live;
    }
    if (!left) this.machine.clearFrameFlag(frame, FRAME.code);
    return hit;
  }

  /** Takes all breakpoints out; blocks of their pages are decoded anew. */
  clearBreakpoints(): void {
    for (const list of this.pages.values()) for (const page of list) this.setBreakpoints(page, NONE);
  }

  /** Sets where breakpoints stand in a page; its blocks are decoded anew. */
  setBreakpoints(page: CodePage, offsets: ReadonlySet<number>): void {
    if (offsets.size === 0 && page.breakpoints.size === 0) return;
    page.breakpoints = offsets;
    this.dropBlocks(page);
  }

  /** Drops all blocks, but not what is known of their pages. */
  dropAllBlocks(): void {
    for (const page of this.pagesById.values()) this.dropBlocks(page);
  }

  /** Forgets all decoded code. The frames' traces go with it. Only while generated code is not running. */
  flush(): void {
    this.machine.effort.spent += this.pages.size;
    this.cpu.mmu.tlb.forgetJumps();
    for (const [frame] of this.pages) this.machine.clearFrameFlag(frame, FRAME.code);
    for (const page of this.pagesById.values()) this.dropRegions(page);
    this.pages.clear();
    this.pagesById.clear();
    this.pagesByTable.clear();
    this.removeRegions();
    this.freeChunks = [];
    this.limbo = [];
    this.nextChunk = 0;
    this.counters.cacheFlushes++;
  }

  /** Gives dropped records' memory back. Only while generated code is not running. */
  collect(): void {
    this.removeRegions();
    if (this.limbo.length === 0) return;
    this.freeChunks.push(...this.limbo);
    this.limbo = [];
  }

  private dropRegions(page: CodePage): void {
    if (page.regions.length > 0) this.cpu.mmu.tlb.forgetJumps();
    const { view } = this.machine;
    for (const region of page.regions) {
      if (region.dropped) continue;
      region.dropped = true;
      this.counters.regionsDropped++;
      this.regionLimbo.push(region.entry);
      // Its first block, in a page that stays, counts again.
      if (region.home === page || this.block(region.home, region.offset) !== region.record) continue;
      view.setUint32(region.record + R.handler, SPECIAL_HANDLERS.profile, true);
      view.setUint32(region.record + R.link, this.settings.heat, true);
    }
    page.regions = [];
  }

  private removeRegions(): void {
    if (this.regionLimbo.length === 0) return;
    for (const entry of this.regionLimbo) this.interpreter.remove(entry);
    this.regionLimbo.length = 0;
  }

  private dropBlocks(page: CodePage): void {
    this.cpu.mmu.tlb.forgetJumps();
    this.dropRegions(page);
    page.live = false;
    page.generation++;
    this.clearTable(page.table);
    page.decoded.clear();
    this.limbo.push(...page.chunks);
    page.chunks = [];
    page.next = page.end = 0;
    this.counters.pagesInvalidated++;
    const dependents = [...page.dependents];
    page.dependents.clear();
    for (const dependent of dependents) if (dependent.live) this.dropBlocks(dependent);
  }

  private clearTable(table: number): void {
    this.machine.i32.fill(0, table >> 2, (table + CODE_CHUNK_BYTES) >> 2);
  }

  private reserve(page: CodePage, bytes: number): number | undefined {
    if (page.next + bytes > page.end) {
      const chunk = this.allocate();
      if (chunk === undefined) return undefined;
      page.chunks.push(chunk);
      page.next = chunk;
      page.end = chunk + CODE_CHUNK_BYTES;
    }
    const address = page.next;
    page.next += bytes;
    return address;
  }

  private allocateTable(): number | undefined {
    const { untouched } = this;
    const table = this.allocate();
    if (table !== undefined && table < untouched) this.clearTable(table);
    return table;
  }

  private allocate(): number | undefined {
    const free = this.freeChunks.pop();
    if (free !== undefined) return free;
    if (this.nextChunk === CODE_CHUNKS) return undefined;
    const chunk = CODE_BASE + CODE_CHUNK_BYTES * this.nextChunk++;
    this.untouched = Math.max(this.untouched, chunk + CODE_CHUNK_BYTES);
    return chunk;
  }
}

/** Whether code is read in one way in two contexts. */
export function sameContext(a: CodeContext, b: CodeContext): boolean {
  return a.bits === b.bits && a.model === b.model && a.vectors === b.vectors && a.vex === b.vex && a.first === b.first && a.end === b.end && a.translated === b.translated;
}
