/**
 * Finds code: brings the code context (mode, code size, segment model) up to date, and takes the instruction
 * pointer to the block of records that begins there.
 */
import type { Cpu } from '../cpu/cpu';
import { generalProtection } from '../cpu/cpu';
import type { DebugRegisters } from '../cpu/debugRegisters';
import * as L from '../cpu/layout';
import { XCR0 } from '../cpu/models/controlBits';
import { ATTRIBUTE, CR0, CR4, FLAG } from '../cpu/state';
import { rememberJump } from '../memory/jumpCache';
import { MONITOR_WORDS, PAGE_BYTES } from '../memory/layout';
import { TLB_KIND } from '../memory/tlb';
import type { VectorUse, VexUse } from './admission';
import type { CodeCache } from './codeCache';
import type { CodeContext } from './codeContext';
import { ExecutionLog } from './executionLog';
import { decideMode, type ExecutionConditions, type ModeDecision } from './executionMode';
import { R, type Model } from './records';

/** A context with a number: two are alike when their numbers are. */
export interface NumberedContext extends CodeContext {
  /** Base and limit of CS; 0 in 64-bit code, where they mean nothing. */
  readonly base: number;
  readonly limit: number;
  readonly number: number;
}

/** What makes a context the one that it is. */
type ContextFacts = Omit<NumberedContext, 'first' | 'end' | 'number'>;

/** Pages that are looked at together, one of which is entered: 16, as Linux maps a file's pages around one that is asked for. */
const NEIGHBOURS = 16;

/** Contexts whose numbers are remembered: real-mode programs may have one for each of their segments. */
const MOST_CONTEXTS = 256;

const NO_BREAKPOINTS: ReadonlySet<number> = new Set();

const offsetInPage = (address: number): number => address - Math.floor(address / PAGE_BYTES) * PAGE_BYTES;

const AVX_STATE = XCR0.SSE | XCR0.AVX;

export class CodeLocator {
  /** Contexts that code has been in, the latest first. */
  private contexts: NumberedContext[] = [];
  private lastNumber = 0;
  private context = this.numbered({ bits: 16, model: 'seg', vectors: 'none', vex: 'none', translated: false, base: 0, limit: 0 });
  private breakpoints: ReadonlySet<number> = NO_BREAKPOINTS;
  private physicalBreakpoints: ReadonlySet<number> = NO_BREAKPOINTS;
  /** What the far targets that are known have in common, but for CS's base (see ../memory/farTargets). */
  private farFrom: { readonly context: NumberedContext; readonly slot: number; readonly user: boolean } | undefined;
  /** How code runs, and has run. */
  readonly log: ExecutionLog;

  constructor(
    private readonly cpu: Cpu,
    private readonly code: CodeCache,
    private readonly debug: DebugRegisters,
    /** Whether there is a translator. */
    private readonly translates: boolean,
  ) {
    this.log = new ExecutionLog(cpu.state.view);
  }

  /** Replaces the linear and guest-physical addresses before which blocks have a breakpoint record. */
  setBreakpoints(linear: ReadonlySet<number>, physical: ReadonlySet<number>): void {
    if (equalSets(linear, this.breakpoints) && equalSets(physical, this.physicalBreakpoints)) return;
    this.breakpoints = linear;
    this.physicalBreakpoints = physical;
    this.code.clearBreakpoints();
    this.forgetExecuteTlb();
  }

  hasBreakpoint(linear: number): boolean {
    if (this.breakpoints.has(linear)) return true;
    if (this.physicalBreakpoints.size === 0) return false;
    const { mmu } = this.cpu;
    const page = mmu.peekPage(mmu.pageOf(linear));
    return page >= 0 && this.physicalBreakpoints.has(page * PAGE_BYTES + offsetInPage(linear));
  }

  /** Whether the execute TLB has the page of an address: to enter its code takes no walk of the guest's tables. */
  hasPage(linear: number): boolean {
    this.refresh();
    const { mmu, state } = this.cpu;
    return mmu.tlb.codeTable(state.u32(L.TLB_EXECUTE_TABLE), mmu.pageOf(linear)) >= 0;
  }

  forgetExecuteTlb(): void {
    const { shadow, tlb } = this.cpu.mmu;
    for (const { slot } of shadow.knownSpaces()) tlb.flushExecute(slot);
  }

  /** The present context; TLBs and the masks that generated code uses follow it. */
  refresh(): NumberedContext {
    const cpu = this.cpu;
    const { contextChanged } = cpu;
    if (contextChanged) {
      cpu.contextChanged = false;
      // Blocks decoded under other debug registers lack their breakpoints.
      if (this.debug.refresh()) this.forgetExecuteTlb();
      const s = cpu.state;
      const bits = s.codeBits;
      const model = bits === 64 ? 'long' : this.segmentModel();
      cpu.flat = model === 'flat';
      cpu.mmu.wrap32 = bits !== 64;
      s.setU64(L.LINEAR_MASK, bits === 64 ? 0xffffffffffffffffn : 0xffffffffn);
      const vectors = this.usableVectors();
      const vex = this.usableVex();
      const base = bits === 64 ? 0 : s.base(L.CS);
      const limit = bits === 64 ? 0 : s.limit(L.CS);
      const conditions = this.conditions(model);
      const translated = this.log.note(conditions, s.f64(L.RETIRED)).mode !== 'interpreted';
      this.context = this.numbered({ bits, model, vectors, vex, translated, base, limit });
    }
    const { slot } = cpu.mmu.currentSpace;
    if (cpu.mmu.tlb.codeContext(slot) !== this.context.number) {
      cpu.mmu.tlb.selectCode(slot, this.context.number);
      cpu.selectTlb();
    }
    if (this.context.bits !== 64) cpu.mmu.tlb.dropWide(slot, cpu.user);
    if (contextChanged && !cpu.state.descriptorMode) this.noteFarTarget(slot);
    return this.context;
  }

  /** Generated code may come back to the present code segment of real or virtual-8086 mode by itself, as long as nothing changes but CS's base. */
  private noteFarTarget(slot: number): void {
    const { context, farFrom, cpu: { state, user, mmu: { tlb } } } = this;
    if (farFrom?.slot !== slot || farFrom.user !== user || !isContext(farFrom.context, { ...context, base: farFrom.context.base })) {
      tlb.forgetFarTargets();
      this.farFrom = { context, slot, user };
    }
    const selector = state.selector(L.CS);
    // After a reset the base is another one.
    if (context.base === 16 * selector) tlb.rememberFarTarget(slot, user, selector);
  }

  /** The context that these facts make, with the number that it had before if that is remembered. */
  private numbered(facts: ContextFacts): NumberedContext {
    const { contexts } = this;
    const at = contexts.findIndex((known) => isContext(known, facts));
    const found = contexts[at];
    if (at === 0 && found) return found;
    if (found) contexts.splice(at, 1);
    else if (contexts.length === MOST_CONTEXTS) contexts.pop();
    const context = found ?? { ...facts, first: 0, end: PAGE_BYTES, number: ++this.lastNumber };
    contexts.unshift(context);
    return context;
  }

  /** How the next instruction runs, and why. It only looks. */
  decision(): ModeDecision {
    const model = this.cpu.state.code64 ? 'long' : this.segmentModel();
    return decideMode({ ...this.conditions(model), trapFlag: (this.cpu.state.systemFlags & FLAG.TF) !== 0 });
  }

  /** What the execution mode hangs on, but for the trap flag: instructions under it are stepped in any context. */
  private conditions(model: Model): ExecutionConditions {
    const s = this.cpu.state;
    return {
      operation: s.virtual8086 ? 'virtual-8086' : s.protectedMode ? 'protected' : 'real',
      cpl: s.cpl,
      iopl: s.iopl,
      interruptFlag: (s.systemFlags & FLAG.IF) !== 0,
      trapFlag: false,
      model,
      translates: this.translates,
      upperHalvesClear: model === 'long' || this.upperHalvesClear(),
    };
  }

  /** Translated code of less than 64 bits knows the lower halves of registers only: it keeps upper ones that are clear as they are. */
  private upperHalvesClear(): boolean {
    const s = this.cpu.state;
    for (let register = 0; register < 8; register++) if (s.u32(L.REG + 8 * register + 4) !== 0) return false;
    return true;
  }

  /** Which vector instructions may run: SSE, MMX alone, or none (CR0.EM, CR0.TS, CR4.OSFXSR). */
  private usableVectors(): VectorUse {
    const { cr0, cr4 } = this.cpu.state;
    if (cr0 & (CR0.EM | CR0.TS)) return 'none';
    return cr4 & CR4.OSFXSR ? 'sse' : 'mmx';
  }

  /** Which instructions with a VEX prefix may run: none outside protected mode, AVX if the system has enabled its state. */
  private usableVex(): VexUse {
    const s = this.cpu.state;
    if (!s.descriptorMode) return 'none';
    const enabled = s.cr4 & CR4.OSXSAVE && (s.u32(L.XCR0) & AVX_STATE) === AVX_STATE;
    return enabled && !(s.cr0 & CR0.TS) ? 'avx' : 'general';
  }

  /** Whether code may address memory without segment checks. */
  private segmentModel(): Model {
    const s = this.cpu.state;
    const flatBounds = (segment: number): boolean =>
      s.base(segment) === 0 && s.limit(segment) === 0xffffffff && (s.attributes(segment) & ATTRIBUTE.present) !== 0;
    const plainData = (segment: number): boolean => {
      const wanted = ATTRIBUTE.present | ATTRIBUTE.segment | ATTRIBUTE.writable;
      const attributes = s.attributes(segment);
      return flatBounds(segment) && (attributes & (wanted | ATTRIBUTE.code | ATTRIBUTE.expandDown)) === wanted;
    };
    const stack = s.attributes(L.SS) & ATTRIBUTE.big;
    const code = s.attributes(L.CS) & ATTRIBUTE.readable;
    const flat = s.protectedMode && flatBounds(L.CS) && plainData(L.DS) && plainData(L.ES) && plainData(L.SS) && stack !== 0 && code !== 0;
    return flat ? 'flat' : 'seg';
  }

  /**
   * Record of the block at the instruction pointer, ready to be entered; 0 when it has to be stepped, -1 for a page fault
   * (`Mmu.takeFault`). Throws other faults.
   */
  locate(): number {
    const cpu = this.cpu;
    const s = cpu.state;
    const context = this.refresh();
    const eip = s.eip;
    checkFetch(cpu, eip);
    const linear = s.linear(L.CS, eip);
    const page = cpu.mmu.pageOf(linear);
    const offset = offsetInPage(linear);
    const start = eip - offset;
    // What generated code would find by itself, had it not returned for another reason.
    const table = cpu.mmu.tlb.codeTable(s.u32(L.TLB_EXECUTE_TABLE), page);
    const known = table < 0 ? 0 : this.code.blockIn(table, offset);
    if (known !== 0) {
      s.setWide(L.EIP_BASE, start);
      return known;
    }
    if (this.code.mayHoldIdle && this.code.giveUpIdle()) this.forgetExecuteTlb();
    const guestPage = cpu.mmu.fetch(page, offset, cpu.user);
    if (guestPage < 0) return -1;
    const frame = cpu.mmu.map.frame(guestPage);
    if (frame <= 0) return 0;
    const codePage = this.code.page(frame, this.contextOfPage(context, start));
    if (!codePage) return this.startOver();
    codePage.lastPage = page;
    cpu.mmu.traceCode(guestPage, frame);
    const breaks = this.breakpointsIn(page, guestPage);
    // Two linear pages may share a frame: its breakpoints are those of both, and told apart when hit.
    if (breaks.size > 0 && !includesAll(codePage.breakpoints, breaks)) {
      this.code.setBreakpoints(codePage, new Set([...breaks, ...codePage.breakpoints]));
    }
    this.code.open(codePage);
    const slot = cpu.mmu.currentSpace.slot;
    const putsOut = cpu.mmu.tlb.fill(slot, TLB_KIND.execute, cpu.user, page, codePage.table);
    if (table < 0) this.offerNeighbours(context, page, start);
    s.setWide(L.EIP_BASE, start);
    const block = this.code.block(codePage, offset);
    if (block !== 0) {
      // When the other page comes back the jump will have to be known without this one.
      if (putsOut && !cpu.machine.far.enabled) this.rememberJump(linear, block);
      return block;
    }
    return this.code.decode(codePage, offset) ?? this.startOver();
  }

  private rememberJump(linear: number, record: number): void {
    const { view } = this.cpu.state;
    const [handler, count] = [view.getUint32(record + R.handler, true), view.getUint8(record + R.back)];
    rememberJump(view, { linear, tag: view.getUint32(MONITOR_WORDS.jumpTag, true), record, handler, count });
  }

  /**
   * Enters pages around one whose code has been asked for: those whose code is known from other address spaces, and that the shadow tables of this
   * one lead to. A program that has just begun comes through most of them.
   */
  private offerNeighbours(context: NumberedContext, page: number, start: number): void {
    const { mmu, user } = this.cpu;
    if (this.hasBreakpoints) return;
    const { slot } = mmu.currentSpace;
    const first = Math.floor(page / NEIGHBOURS) * NEIGHBOURS;
    for (let near = first; near < first + NEIGHBOURS; near++) {
      if (near === page || mmu.tlb.holds(slot, TLB_KIND.execute, user, near)) continue;
      const frame = mmu.knownCodeFrame(near, user);
      if (frame <= 0 || this.contextOfPage(context, start + (near - page) * PAGE_BYTES) !== context) continue;
      const codePage = this.code.knownPage(frame, context);
      if (codePage && codePage.breakpoints.size === 0) mmu.tlb.offer(slot, TLB_KIND.execute, user, near, codePage.table);
    }
  }

  private get hasBreakpoints(): boolean {
    return this.breakpoints.size > 0 || this.physicalBreakpoints.size > 0 || this.debug.executionAddresses().length > 0;
  }

  /** The code cache is full: empties it; the present instruction is stepped meanwhile (0). */
  private startOver(): number {
    this.code.flush();
    this.cpu.mmu.shadow.flushAll();
    return 0;
  }

  /** The context with the offsets of the page at `start` (offset in CS of its first byte) inside the limit. */
  private contextOfPage(context: NumberedContext, start: number): CodeContext {
    const limit = this.cpu.state.limit(L.CS);
    if (context.bits === 64 || (start >= 0 && start + PAGE_BYTES - 1 <= limit)) return context;
    return { ...context, first: Math.max(0, -start), end: Math.min(PAGE_BYTES, limit + 1 - start) };
  }

  /** The present context as it is for the page that begins at an offset in CS. */
  contextAt(start: number): CodeContext {
    return this.contextOfPage(this.refresh(), start);
  }

  /** The linear page behind another. */
  nextPage(page: number): number {
    return this.cpu.state.code64 ? page + 1 : (page + 1) % 2 ** 20;
  }

  private breakpointsIn(page: number, guestPage: number): ReadonlySet<number> {
    if (!this.hasBreakpoints) return NO_BREAKPOINTS;
    const guest = this.debug.executionAddresses();
    const found = new Set<number>();
    for (const linear of this.breakpoints) if (this.cpu.mmu.pageOf(linear) === page) found.add(offsetInPage(linear));
    for (const linear of guest) if (this.cpu.mmu.pageOf(linear) === page) found.add(offsetInPage(linear));
    for (const address of this.physicalBreakpoints) if (Math.floor(address / PAGE_BYTES) === guestPage) found.add(offsetInPage(address));
    return found;
  }
}

/** #GP(0) when the instruction pointer lies outside CS, or is not canonical in 64-bit code. */
export function checkFetch(cpu: Cpu, eip: number): void {
  const s = cpu.state;
  if (s.code64 ? !s.canonical(eip) : eip > s.limit(L.CS)) throw generalProtection();
}

function isContext(known: NumberedContext, { bits, model, vectors, vex, translated, base, limit }: ContextFacts): boolean {
  return known.base === base && known.limit === limit && known.bits === bits && known.model === model && known.translated === translated &&
    known.vectors === vectors && known.vex === vex;
}

function equalSets(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  return a.size === b.size && includesAll(a, b);
}

function includesAll(all: ReadonlySet<number>, some: ReadonlySet<number>): boolean {
  for (const item of some) if (!all.has(item)) return false;
  return true;
}
