/**
 * The decoded-code cache: for each frame with code, and each way to read it (code size, segment model), a
 * table from page offset to the records of the basic block that begins there. Writes to decoded bytes
 * drop the page's blocks, at once.
 */
import type { Instruction } from '../isa/decoder';
import type { HeldCode } from '../inspection/queries';
import { CODE_CHUNK_BYTES, PAGE_BYTES } from '../memory/layout';
import type { Cpu } from '../cpu/cpu';
import { forgetJumps, forgetJumpsToBlocks } from '../memory/jumpCache';
import { FRAME, type MachineMemory } from '../memory/machineMemory';
import { BlockDecoder } from './blockDecoder';
import { LEADS, offsetBySlot } from './codeAhead';
import { CodeChunks } from './codeChunks';
import { contextNumber, sameContext, type CodeContext } from './codeContext';
import { CodeMarks } from './codeMarks';
import { CodePage, type CodeBlock } from './codePage';
import { hasDecoded, takeDecoded } from './decodedBlocks';
import type { EngineSettings } from './engineSettings';
import { IdleCode } from './idleCode';
import { closesBlock } from './instructionForms';
import type { Interpreter } from './interpreter';
import { SPECIAL_HANDLERS } from './specialHandlers';
import { OperandPatch } from './operandPatch';
import { RecordWriter } from './recordWriter';
import type { ModuleLinks, RegionLinks } from './regionLinks';
import { RegionRegistry, type Region, type RegionCounters, type RegionModule, type RegionPart } from './regionRegistry';
import { R, RECORD_BYTES } from './records';

export interface CodeCounters {
  blocksDecoded: number;
  instructionsDecoded: number;
  /** Blocks that were decoded before they were come to. */
  blocksAhead: number;
  /** Blocks that routines have decoded, since all of their instructions' forms were known. */
  blocksByForms: number;
  /** Blocks that a write has taken out, and those that came back since their bytes were as before. */
  blocksInvalidated: number;
  blocksTakenBack: number;
  /** Writes to code that have changed an instruction's constants alone. */
  constantsPatched: number;
  pagesInvalidated: number;
  cacheFlushes: number;
  /** Pages that were given up since nothing entered them any more. */
  pagesGivenUp: number;
}

const NONE: ReadonlySet<number> = new Set();
/** Ways to read one frame that are kept: each write to it asks all of them. */
const MOST_CONTEXTS = 32;

/** Bytes of records in a page that lead nowhere, or wait for their code to come back: with more, all of the page is decoded anew. */
const MOST_DEAD_BYTES = 32 * CODE_CHUNK_BYTES;

/** A block that has been entered less often than this part of what makes it hot is cold: regions leave there. */
const WARM = 1 / 32;

export class CodeCache {
  readonly counters: CodeCounters = { blocksDecoded: 0, instructionsDecoded: 0, blocksAhead: 0, blocksByForms: 0, blocksInvalidated: 0, blocksTakenBack: 0, constantsPatched: 0, pagesInvalidated: 0, cacheFlushes: 0, pagesGivenUp: 0 };
  readonly records: RecordWriter;
  private readonly blocks: BlockDecoder;
  private readonly pages = new Map<number, CodePage[]>();
  private readonly chunks: CodeChunks;
  /** Pages by their ids. */
  private readonly pagesById = new Map<number, CodePage>();
  private readonly pagesByTable = new Map<number, CodePage>();
  private nextId = 1;
  private readonly patch: OperandPatch;
  private readonly idle: IdleCode;
  private readonly regions: RegionRegistry;
  /** Which bytes of frames that are written to have been decoded. */
  readonly marks: CodeMarks;

  constructor(
    private readonly machine: MachineMemory,
    private readonly interpreter: Interpreter,
    cpu: Cpu,
    readonly settings: EngineSettings,
  ) {
    this.chunks = new CodeChunks(machine.i32);
    this.marks = new CodeMarks(machine.i32, (frame) => this.pages.get(frame) ?? [], () => this.chunks.allocate());
    this.records = new RecordWriter(machine.view, interpreter);
    this.blocks = new BlockDecoder(machine, this.records, interpreter.forms, cpu, settings.longestBlock);
    this.idle = new IdleCode(machine.view);
    this.patch = new OperandPatch(machine, this.records, (instruction, context) => this.admit(instruction, context));
    this.regions = new RegionRegistry(machine, interpreter, settings, {
      comesBack: (part) => this.comesBack(part),
    });
  }

  /** The page of a frame in a context, made if needed; undefined when the cache, or what is kept for a frame, is full: `flush` and ask again. */
  page(frame: number, context: CodeContext): CodePage | undefined {
    const found = this.knownPage(frame, context);
    if (found) return found;
    const list = this.pages.get(frame);
    if (list && list.length >= MOST_CONTEXTS) return undefined;
    const table = this.chunks.allocateTable();
    if (table === undefined) return undefined;
    const page = new CodePage(frame, context, table, this.nextId++, this.machine.i32);
    this.pagesById.set(page.id, page);
    this.pagesByTable.set(table, page);
    if (list) list.push(page);
    else this.pages.set(frame, [page]);
    return page;
  }

  /** The page of a frame in a context, if there is one. */
  knownPage(frame: number, context: CodeContext): CodePage | undefined {
    return this.pages.get(frame)?.find((page) => sameContext(page.context, context));
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

  /**
   * Decodes the block at an offset and gives its address; undefined when the cache is full. What the block leads to for sure is decoded as well, and
   * what that leads to, for so many steps.
   */
  decode(page: CodePage, start: number, ahead = this.settings.ahead): number | undefined {
    const known = this.takeBack(page, start);
    if (known !== undefined) return known;
    const byForms = page.head.isOpen ? this.interpreter.forms.decodeBlock(page.table, start) : 0;
    if (byForms !== 0) {
      this.settle();
      return byForms;
    }
    const address = this.write(page, start);
    if (address === undefined) return undefined;
    const { count, end, closed, crossing, leads } = this.blocks;
    const breakpoint = page.breakpoints.has(start);
    const profile = !breakpoint && count > 0 && page.context.translated;
    // Where nothing has been decoded there is no record in front of it either.
    const front = breakpoint || profile ? 1 : 0;
    if (front > 0) {
      this.records.writeSpecial(address, breakpoint ? SPECIAL_HANDLERS.breakpoint : SPECIAL_HANDLERS.profile, start, count);
      if (profile) this.writeProfile(address, page);
    }
    const at = address + (front + count) * RECORD_BYTES;
    if (!closed) {
      const overLimit = page.context.end < PAGE_BYTES && end >= page.context.end;
      const handler = crossing || overLimit ? SPECIAL_HANDLERS.crossing : SPECIAL_HANDLERS.onward;
      this.records.writeSpecial(at, handler, end, 0);
    }
    const behind = Math.max(end, crossing ? PAGE_BYTES : start + 1);
    const recordBytes = at + (closed ? 0 : RECORD_BYTES) - address;
    page.head.next = address + recordBytes;
    page.add(start, behind, address, recordBytes, this.machine.u8);
    this.marks.set(page.frame, start, behind);
    this.machine.i32[(page.table >> 2) + start] = address;
    this.counters.blocksDecoded++;
    this.counters.instructionsDecoded += count;
    if (ahead > 0) {
      const last = at - RECORD_BYTES;
      const { words } = this.records;
      if (!closed && !crossing) this.decodeAhead(page, end, ahead);
      if (leads & LEADS.target) this.decodeAhead(page, offsetBySlot(words, last, R.link, page), ahead);
      if (leads & LEADS.behind) this.decodeAhead(page, offsetBySlot(words, last, R.linkBehind, page), ahead);
    }
    return address;
  }

  /** Writes the records of the block at an offset where the page's next ones come, behind one that may stand in front; gives the place, or undefined when there is no room. */
  private write(page: CodePage, start: number): number | undefined {
    const { head } = page;
    const front = page.breakpoints.has(start) || page.context.translated ? 1 : 0;
    const writes = (): boolean => this.blocks.write(head.next + front * RECORD_BYTES, Math.floor((head.end - head.next) / RECORD_BYTES) - front - 1, page, start);
    if (writes() || (this.chunks.extend(page) && writes())) return head.next;
    return undefined;
  }

  /** Takes in what generated code has decoded by itself: before anything is done with a page's blocks. */
  settle(): void {
    // Asked at each call of the monitor: mostly there is nothing.
    if (hasDecoded(this.machine.i32)) this.takeIn();
  }

  private takeIn(): void {
    takeDecoded(this.machine.i32, ({ table, start, end, address, recordBytes, count }) => {
      const page = this.pagesByTable.get(table);
      if (!page) throw new Error(`A block was decoded in a page that nobody knows, with its table at ${table.toString(16)}`);
      page.add(start, end, address, recordBytes, this.machine.u8);
      this.counters.blocksDecoded++;
      this.counters.blocksByForms++;
      this.counters.instructionsDecoded += count;
    });
  }

  /**
   * Lets generated code decode more of a page, whose frame is traced: as long as nothing has to be known of a block but its instructions' forms. Where each block is
   * translated when it is come to, the run loop has to see it.
   */
  open(page: CodePage): void {
    const { frame, context, breakpoints, head, unstable, id } = page;
    const { heat, longestBlock, eager } = this.settings;
    if (head.isOpen || eager || unstable || breakpoints.size > 0 || context.first > 0 || context.end < PAGE_BYTES) return;
    head.open({ code: frame * PAGE_BYTES, context: contextNumber(context), id: context.translated ? id : 0, marks: this.marks.known(frame), heat, longest: longestBlock });
  }

  /** Nothing of a frame is decoded any more: writes to it are not seen. */
  private untrace(frame: number): void {
    this.machine.clearFrameFlag(frame, FRAME.code);
    for (const page of this.pagesOf(frame)) page.head.close();
  }

  /** Decodes the block at an offset, if there is one and it is not decoded yet. */
  private decodeAhead(page: CodePage, start: number, ahead: number): void {
    if (start < 0 || start >= page.context.end || this.block(page, start) !== 0) return;
    this.decode(page, start, ahead - 1);
    this.counters.blocksAhead++;
  }

  /** Address of the block that was decoded at an offset from the bytes that are there again; undefined when there is none. */
  private takeBack(page: CodePage, start: number): number | undefined {
    const known = page.takeBack(start, this.machine.u8);
    if (!known) return undefined;
    this.counters.blocksTakenBack++;
    this.marks.set(page.frame, known.start, known.end);
    this.regions.cameBack(known.address);
    this.machine.i32[(page.table >> 2) + start] = known.address;
    return known.address;
  }

  /** Whether a block of a region stands, or comes back because its bytes have: in a page that is traced, as those with blocks are. */
  private comesBack({ page, offset, address }: RegionPart): boolean {
    const now = this.block(page, offset);
    return now === address || (now === 0 && page.live && this.takeBack(page, offset) === address);
  }

  /**
   * Gives the `crossing` record of page `first` the instruction itself, which begins at an offset there and ends in page
   * `second`. Says whether there was room.
   */
  bridge(record: number, first: CodePage, second: CodePage, instruction: Instruction, offset: number): boolean {
    const at = this.chunks.reserve(first, 2 * RECORD_BYTES);
    if (at === undefined) return false;
    const behind = offset + instruction.length;
    this.records.writeRecord(at, instruction, offset, first.context, 1, first.table);
    if (!closesBlock(instruction)) this.records.writeSpecial(at + RECORD_BYTES, SPECIAL_HANDLERS.onward, behind, 0);
    second.addBridge(behind - PAGE_BYTES);
    this.marks.set(second.frame, 0, behind - PAGE_BYTES);
    second.dependents.add(first);
    const { view } = this.machine;
    view.setUint32(record + R.page, second.table, true);
    view.setUint32(record + R.link, at, true);
    view.setUint32(record + R.handler, SPECIAL_HANDLERS.bridge, true);
    return true;
  }

  /** Whether a block begins with a record that counts, or with translated code in its place. */
  isProfiled(address: number): boolean {
    const { view } = this.machine;
    return view.getUint8(address + R.length) === 0 && view.getUint8(address + R.back) > 0 && view.getUint32(address + R.handler, true) !== SPECIAL_HANDLERS.breakpoint;
  }

  /**
   * How often a block has been entered, as far as is known: without end if it is translated, and 0 if too seldom to belong to a region that leads to
   * it. What is executed inside regions does not count.
   */
  warmth(page: CodePage, offset: number): number {
    const address = this.block(page, offset);
    if (address === 0 || !this.isProfiled(address)) return 0;
    const { view } = this.machine;
    if (view.getUint32(address + R.handler, true) !== SPECIAL_HANDLERS.profile) return Infinity;
    const { heat } = this.settings;
    const entries = heat - view.getInt32(address + R.link, true);
    return entries >= heat * WARM ? entries : 0;
  }

  /** Whether a block that is there has been entered, and not only decoded. */
  hasBeenEntered(page: CodePage, offset: number): boolean {
    const address = this.block(page, offset);
    if (address === 0 || !this.isProfiled(address)) return false;
    const { view } = this.machine;
    return view.getUint32(address + R.handler, true) !== SPECIAL_HANDLERS.profile || view.getInt32(address + R.link, true) < this.settings.heat;
  }

  /** Links of regions to one another. */
  get links(): RegionLinks {
    return this.regions.links;
  }

  /** A module of so many bytes, whose regions come next, and its links. */
  openModule(bytes: number, links: ModuleLinks | undefined): RegionModule {
    return this.regions.openModule(bytes, links);
  }

  /** Puts translated code, a function of a module, in front of a block; the region goes when any of its blocks does. */
  setRegion(module: RegionModule, translated: WebAssembly.ExportValue, { parts, ways }: Pick<Region, 'parts' | 'ways'>): void {
    this.regions.add(module, { entry: this.interpreter.install(translated), translated, parts, ways });
  }

  /** The block of a profile record has counted down. Says whether it need not be translated: its code was there, or it counts on. */
  wake(record: number): boolean {
    return this.regions.wake(record);
  }

  /**
   * The instruction of a record in a page keeps asking the monitor for its accesses: regions with it are translated anew, in
   * such a way that it does so from inside. Says whether that is news.
   */
  callOut(page: CodePage, record: number): boolean {
    return this.noteOf(page, record, page.callouts);
  }

  /** The accesses of a record's instruction are better looked up for themselves. Says whether that is news. */
  setApart(page: CodePage, record: number): boolean {
    return this.noteOf(page, record, page.apart);
  }

  /** Takes an instruction into a set of its page that regions are written by: those with it are translated anew. */
  private noteOf(page: CodePage, record: number, set: Set<number>): boolean {
    const offset = this.machine.view.getUint16(record + R.offset, true);
    if (set.has(offset)) return false;
    set.add(offset);
    // What is being translated does not know it yet.
    page.generation++;
    const block = page.blockOf(record);
    for (const region of page.regions) {
      if (block && hasBlock(region, page, block)) this.regions.renew(region);
    }
    return true;
  }

  /** What is held now. */
  get held(): HeldCode {
    return {
      ...this.regions.held,
      tableEntries: this.interpreter.tableEntries,
      codePages: this.pagesById.size,
      codeBytes: this.chunks.inUse,
    };
  }

  /** Regions of translated code, the oldest first. */
  allRegions(): Iterable<Region> {
    return this.regions.all();
  }

  get regionCounters(): RegionCounters {
    return this.regions.counters;
  }

  /** Decoded code of a frame, a page for each way to read it. */
  pagesOf(frame: number): readonly CodePage[] {
    return this.pages.get(frame) ?? [];
  }

  /** The page whose table of blocks is at an address. */
  pageOfTable(table: number): CodePage | undefined {
    return this.pagesByTable.get(table);
  }

  /** The countdown of a profile record. */
  private writeProfile(at: number, page: CodePage): void {
    const { words } = this.records;
    words[(at + R.link) >> 2] = this.settings.heat;
    words[(at + R.page) >> 2] = page.id;
  }

  /** The instruction as this processor executes it in a context. */
  admit(instruction: Instruction, context: CodeContext): Instruction {
    return this.blocks.admit(instruction, context);
  }

  /**
   * Drops the blocks of a frame that the written bytes have been decoded into, and the frame's trace with the last
   * of them. Says whether any were.
   */
  written(frame: number, offset: number, bytes: number): boolean {
    let hit = false;
    let left = false;
    for (const page of this.pages.get(frame) ?? []) {
      const end = Math.min(offset + bytes, PAGE_BYTES);
      if (page.live && page.isDecoded(offset, end)) hit = this.dropWritten(page, offset, end) || hit;
      left ||= page.live;
    }
    if (!left) this.untrace(frame);
    if (!hit) this.marks.renew(frame);
    return hit;
  }

  /** Takes the blocks out that bytes of a page belong to, unless it is only their constants. Says whether something has gone. */
  private dropWritten(page: CodePage, start: number, end: number): boolean {
    if (page.isBridged(start)) {
      this.dropBlocks(page);
      return true;
    }
    const removed = page.blocksOf(start, end);
    const offset = this.patch.apply(page, removed, start, end);
    if (offset >= 0) return this.notePatched(page, removed, offset, start);
    page.remove(removed);
    this.counters.blocksInvalidated += removed.length;
    this.marks.outdated(page.frame);
    forgetJumpsToBlocks(this.machine.i32, new Set(removed.map(({ address }) => address)));
    for (const block of removed) this.machine.i32[(page.table >> 2) + block.start] = 0;
    for (const region of page.regions) {
      const lost = removed.find((block) => hasBlock(region, page, block));
      if (!lost) continue;
      if (lost.bytes) this.regions.sleep(region);
      else this.regions.drop(region);
    }
    if (page.deadBytes > MOST_DEAD_BYTES) this.dropBlocks(page);
    return true;
  }

  /** Blocks have taken new constants: regions that do not know yet that these change are translated anew. Says whether there were any. */
  private notePatched(page: CodePage, blocks: readonly CodeBlock[], offset: number, start: number): boolean {
    this.counters.constantsPatched++;
    const known = page.patched.get(offset);
    page.patched.set(offset, Math.min(known ?? Infinity, start - offset));
    if (known !== undefined) return false;
    page.generation++;
    for (const block of blocks) for (const region of page.regions) if (hasBlock(region, page, block)) this.regions.renew(region);
    return true;
  }

  /** Takes all breakpoints out; blocks of their pages are decoded anew. */
  clearBreakpoints(): void {
    for (const list of this.pages.values()) for (const page of list) this.setBreakpoints(page, NONE);
  }

  /** Sets where breakpoints stand in a page; its blocks are decoded anew. */
  setBreakpoints(page: CodePage, offsets: ReadonlySet<number>): void {
    if (offsets.size === 0 && page.breakpoints.size === 0) return;
    page.breakpoints = offsets;
    page.head.close();
    this.dropBlocks(page);
  }

  /** Drops all blocks, but not what is known of their pages. */
  dropAllBlocks(): void {
    for (const page of this.pagesById.values()) this.dropBlocks(page);
  }

  /** Forgets all decoded code. The frames' traces go with it. Only while generated code is not running. */
  flush(): void {
    this.machine.effort.spent += this.pages.size;
    forgetJumps(this.machine.i32);
    for (const [frame] of this.pages) this.untrace(frame);
    for (const page of this.pagesById.values()) this.dropRegions(page);
    this.pages.clear();
    this.pagesById.clear();
    this.pagesByTable.clear();
    this.regions.collect();
    this.marks.clear();
    this.chunks.clear();
    this.counters.cacheFlushes++;
  }

  /** Whether it is worth while to look for code that is executed no more. */
  get mayHoldIdle(): boolean {
    return this.idle.isDue(this.chunks.inUse);
  }

  /**
   * Gives pages up that nothing has entered for a while. Only while generated code is not running; execute TLBs may lead to them, and are to be
   * emptied if any were. Says whether any were.
   */
  giveUpIdle(): boolean {
    const found = this.idle.find(this.pagesById.values());
    for (const page of found) this.giveUp(page);
    this.counters.pagesGivenUp += found.length;
    this.collect();
    this.idle.looked(this.chunks.inUse);
    this.machine.effort.spent += this.pagesById.size;
    return found.length > 0;
  }

  private giveUp(page: CodePage): void {
    this.dropBlocks(page);
    page.head.close();
    this.chunks.freeTable(page.table);
    this.pagesById.delete(page.id);
    this.pagesByTable.delete(page.table);
    const left = this.pagesOf(page.frame).filter((other) => other !== page);
    if (left.length > 0) this.pages.set(page.frame, left);
    else this.pages.delete(page.frame);
    if (!left.some(({ live }) => live)) this.untrace(page.frame);
  }

  /** Gives dropped records' memory back. Only while generated code is not running. */
  collect(): void {
    this.regions.collect();
    this.chunks.collect();
  }

  private dropRegions(page: CodePage): void {
    for (const region of page.regions) this.regions.drop(region);
  }

  private dropBlocks(page: CodePage): void {
    forgetJumps(this.machine.i32);
    for (const { start } of page.unordered) this.machine.i32[(page.table >> 2) + start] = 0;
    this.dropRegions(page);
    page.generation++;
    this.chunks.drop(page.chunks);
    page.clear();
    this.marks.outdated(page.frame);
    this.counters.pagesInvalidated++;
    const dependents = [...page.dependents];
    page.dependents.clear();
    for (const dependent of dependents) if (dependent.chunks.length > 0) this.dropBlocks(dependent);
  }
}

const hasBlock = ({ parts }: Region, page: CodePage, { address }: CodeBlock): boolean => parts.some((part) => part.page === page && part.address === address);
