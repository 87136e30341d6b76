/**
 * Runs a virtual CPU: finds and enters blocks, answers what generated code asks of the monitor, delivers
 * faults and interrupts at exact instruction boundaries, and stops at an exact retired count.
 */
import { VECTOR, generalProtection, type Cpu } from '../cpu/cpu';
import { DR6, DebugRegisters, trapBehind } from '../cpu/debugRegisters';
import { deliver, raiseFault } from '../cpu/interrupts';
import * as L from '../cpu/layout';
import { DEBUGCTL } from '../cpu/msrBits';
import { SERVICES, serviceNumber } from '../cpu/services';
import { FLAG, NMI, cut } from '../cpu/state';
import { DELIVERY } from '../isa/systemEmitter';
import { GuestFault } from '../memory/guestFault';
import { CPU_BASE, MONITOR_WORDS, PAGE_BYTES, SCRATCH_RECORDS } from '../memory/layout';
import { FRAME, type MachineMemory } from '../memory/machineMemory';
import { REFUSED } from '../memory/mmu';
import { CodeCache } from './codeCache';
import { CodeLocator } from './codeLocator';
import { ENGINES, type EngineSettings } from './engineSettings';
import { Interpreter } from './interpreter';
import { SPECIAL_HANDLERS } from './interpreterModule';
import { PageCrossings } from './pageCrossing';
import { peekCode } from './peekCode';
import { RecordStops } from './recordStops';
import { RecordOperation } from './recordOperation';
import { ScratchInstruction } from './scratchInstruction';
import { EXIT, R, RECORD_BYTES } from './records';
import type { TranslationService } from './translator/order';
import { Translator } from './translator/translator';
import { BUDGET, EXIT_COUNTERS, HALTED, RETURNED, newCounters, type CodePlace, type EngineCounters, type Interruption, type RunOutcome } from './runOutcome';

export type { CodePlace, EngineCounters, Interruption, RunOutcome } from './runOutcome';

/** Largest budget that is given to generated code at once. */
const MAX_BUDGET = 1 << 30;
/**
 * Entries and deliveries after which `run` comes back: a guest that faults for ever, steps itself, or runs nothing but
 * new code needs microseconds for each of them, however many instructions it may retire.
 */
const MOST_ROUNDS = 500;
const INTERRUPT_SERVICE = serviceNumber('int');
const BREAKPOINT_SERVICE = serviceNumber('int3');
const OVERFLOW_SERVICE = serviceNumber('into');

export class Executor {
  readonly counters: EngineCounters = newCounters();
  /** Interrupts and traps that were delivered between two instructions so far: they tell moments with one retired count apart. */
  deliveries = 0;
  /** As many deliveries belong to the moment at which `run` is to end: what else is pending there has to wait. */
  lastDelivery = Infinity;
  /** Retired count at the last of them. */
  private deliveredAt = -1;
  readonly code: CodeCache;
  readonly debug: DebugRegisters;
  readonly translator: Translator;
  private vectors: ReadonlySet<number> = new Set();
  private readonly operation: RecordOperation;
  private readonly scratch: ScratchInstruction;
  private readonly enter: (record: number) => void;
  readonly locator: CodeLocator;
  private readonly crossings: PageCrossings;
  /** The CPU whose stop is passed over. */
  private passCpu = 0;
  /** Linear address at which a breakpoint is passed over once, because the run begins there. */
  private passBreakpointAt = -1;
  /** Retired count at which a fault is passed on once without a stop; -1 for none. */
  private passFaultAt = -1;
  private returnRequested = false;
  private pendingFault: GuestFault | undefined;
  /** Debug traps that were pending (held back) before the instruction under way. */
  private debugBefore = 0;
  /** A debug trap stands before its delivery and the debugger wants to see it. */
  private debugStop = false;
  /** The last interrupt or fault that `run` delivered, where it is to come back for one. */
  private interruption: Interruption | undefined;
  private notesInterruption = false;
  /** Retired count at which the present run ends. */
  private end = 0;
  /** Budget given to generated code, and what was taken from REMAINING to make it return soon. */
  private given = 0;
  private stolen = 0;
  private running = false;
  /** Rounds of the run loop so far, where code has a lifetime. */
  private age = 0;
  private readonly stops: RecordStops;

  constructor(
    readonly cpu: Cpu,
    private readonly machine: MachineMemory,
    private readonly settings: EngineSettings = ENGINES.translator,
    /** Another thread that translates; without it this one does. */
    translation?: TranslationService,
  ) {
    const interpreter = new Interpreter(machine.memory, {
      access: (low, high, sizeAndKind, record) => this.access(low, high, sizeAndKind, record),
      commit: (record) => this.commit(record),
      segmentFault: (record, segment) => this.fault(record, new GuestFault(segment === L.SEGMENTS + L.SS * L.SEGMENT_BYTES ? VECTOR.SS : VECTOR.GP, 0)),
      raise: (record, vector) => this.fault(record, vector === VECTOR.GP ? generalProtection() : new GuestFault(vector, undefined)),
      service: (record, number) => this.service(record, number),
      hot: (record) => this.translator.hot(record),
    });
    this.enter = interpreter.enter;
    this.stops = new RecordStops(machine);
    this.code = new CodeCache(machine, interpreter, cpu, settings);
    this.debug = new DebugRegisters(cpu);
    this.translator = new Translator(cpu, interpreter, this.code, settings.eager ? undefined : translation);
    this.locator = new CodeLocator(cpu, this.code, this.debug, settings.translates);
    this.operation = new RecordOperation(cpu.state);
    this.crossings = new PageCrossings(cpu, machine, this.code, this.locator);
    this.scratch = new ScratchInstruction(cpu, machine, this.code, SPECIAL_HANDLERS.stop);
    const deliveries = { flat: interpreter.routine('interrupt32'), long: interpreter.routine('interrupt64') };
    cpu.quickDelivery = (vector, isException, errorCode) => {
      const kind = (errorCode === undefined ? 0 : DELIVERY.errorCode) | (isException ? DELIVERY.resume : 0);
      return (cpu.state.longMode ? deliveries.long : deliveries.flat)(vector, kind, errorCode ?? 0) !== 0;
    };
    cpu.mmu.map.traces = {
      tableWritten: (address, bytes) => {
        cpu.disturbed = true;
        this.counters.tableTraces++;
        cpu.mmu.shadow.tableWritten(address, bytes);
      },
      codeWritten: (frame, offset, bytes) => this.codeWritten(frame, offset, bytes),
      codeMarks: (frame) => this.code.marks.of(frame),
    };
  }

  /** Vectors at whose faults `run` stops before delivery. */
  get stopVectors(): ReadonlySet<number> {
    return this.vectors;
  }
  set stopVectors(vectors: ReadonlySet<number>) {
    this.vectors = vectors;
    this.machine.view.setUint32(MONITOR_WORDS.vectorsWatched, vectors.size > 0 ? 1 : 0, true);
  }

  /** Replaces the linear addresses before which `run` stops. */
  setBreakpoints(linear: ReadonlySet<number>): void {
    this.locator.setBreakpoints(linear);
  }

  /** The next `run` does not stop at a breakpoint or fault right where it begins. */
  passOver(): void {
    this.passCpu = this.cpu.place.index;
    this.passBreakpointAt = this.linear();
    this.passFaultAt = this.cpu.state.f64(L.RETIRED);
  }

  /** Makes `run` come back at the next instruction boundary. */
  requestReturn(): void {
    this.returnRequested = true;
    this.cpu.attention = true;
  }

  /** Instructions retired before the one under way. */
  retired(): number {
    const s = this.cpu.state;
    const base = s.f64(L.RETIRED);
    if (!this.running) return base;
    const back = this.operation.record === 0 ? 0 : s.view.getUint8(this.operation.record + R.back);
    return base + this.given - (s.view.getInt32(CPU_BASE + L.REMAINING, true) + this.stolen + back);
  }

  /**
   * Lets virtual time pass (cycles) without an instruction: what is left of the present budget ends at the next event, and
   * comes so much nearer.
   */
  elapse(cycles: number): void {
    const s = this.cpu.state;
    s.setF64(L.IDLE, s.f64(L.IDLE) + cycles);
    this.end -= cycles;
    if (!this.running) return;
    const { view } = this.machine;
    const remaining = view.getInt32(CPU_BASE + L.REMAINING, true);
    if (remaining < cycles) return this.requestReturn();
    this.given -= cycles;
    view.setInt32(CPU_BASE + L.REMAINING, remaining - cycles, true);
    view.setFloat64(MONITOR_WORDS.retiredEnd, view.getFloat64(MONITOR_WORDS.retiredEnd, true) - cycles, true);
  }

  /** Linear address of the next instruction. */
  linear(): number {
    const s = this.cpu.state;
    return s.linear(L.CS, s.eip);
  }

  place(): CodePlace {
    const { state, user } = this.cpu;
    return { linear: this.linear(), stack: state.linear(L.SS, state.stackPointer), cr3: state.cr3, user };
  }

  /** Up to `count` bytes of code at a linear address, without side effects; fewer when a page is absent. */
  peekCode(count: number, linear: number): Uint8Array {
    return peekCode(this.cpu, count, linear);
  }

  /** All that was derived from guest memory and mode is to be derived anew (after a restore). */
  forgetDerived(): void {
    this.code.flush();
    this.cpu.mmu.shadow.dropAll();
    this.locator.forgetExecuteTlb();
    this.cpu.contextChanged = true;
    this.cpu.attention = true;
  }

  /**
   * Runs until `budget` more instructions have retired, or something else ends it. Throws TripleFault.
   * @param untilDelivery whether to come back as soon as an interrupt or fault has been delivered to the guest
   */
  run(budget: number, untilDelivery = false): RunOutcome {
    const s = this.cpu.state;
    this.end = s.f64(L.RETIRED) + budget;
    this.interruption = undefined;
    this.notesInterruption = untilDelivery;
    for (let rounds = 0; ; rounds++) {
      if (untilDelivery && this.interruption) return { kind: 'delivered', interruption: this.interruption };
      this.code.collect();
      this.translator.poll(rounds === 0);
      if (this.settings.lifetime > 0 && ++this.age % this.settings.lifetime === 0) this.code.dropAllBlocks();
      if (this.returnRequested) {
        this.returnRequested = false;
        return RETURNED;
      }
      if (this.deliveries >= this.lastDelivery && this.end <= s.f64(L.RETIRED)) return BUDGET;
      if (this.cpu.attention) this.atBoundary();
      if (this.debugStop) {
        this.debugStop = false;
        return { kind: 'exception', fault: new GuestFault(VECTOR.DB, undefined) };
      }
      if (untilDelivery && this.interruption) continue;
      const left = this.end - s.f64(L.RETIRED);
      if (left <= 0) return BUDGET;
      if (s.halted) return HALTED;
      // Last of all, so that what is done at a boundary does not hang on where the run began.
      if (rounds >= MOST_ROUNDS || this.machine.effort.isSpent) return RETURNED;
      const outcome = this.advanceOrFault(Math.min(left, MAX_BUDGET));
      if (!outcome) continue;
      const stopped = outcome instanceof GuestFault ? this.deliverFault(outcome) : outcome;
      if (stopped) return stopped;
    }
  }

  /** `advance`, with the rarer faults, which are thrown. */
  private advanceOrFault(left: number): RunOutcome | GuestFault | undefined {
    try {
      return this.advance(left);
    } catch (reason) {
      if (!(reason instanceof GuestFault)) throw reason;
      return reason;
    }
  }

  /** Raises a fault of the instruction at EIP, unless the debugger wants to see it first. */
  private deliverFault(fault: GuestFault): RunOutcome | undefined {
    this.counters.faults++;
    if (this.stopVectors.has(fault.vector) && !this.passesFaultAt(this.cpu.state.f64(L.RETIRED))) return { kind: 'exception', fault };
    this.passFaultAt = -1;
    // Traps for what the faulting instruction had done so far are forgotten with it.
    if (!fault.late) this.cpu.state.setU32(L.PENDING_DEBUG, fault.vector === VECTOR.DB ? 0 : this.debugBefore);
    this.noteInterruption(false);
    raiseFault(this.cpu, fault, this.cpu.state.eip);
    // The delivery counts as an instruction: time goes on, and budgets end, in a guest that does nothing but fault.
    this.cpu.state.setF64(L.RETIRED, this.cpu.state.f64(L.RETIRED) + 1);
    return undefined;
  }

  /** Whether the debugger has seen this CPU's fault after so many retired instructions already. */
  private passesFaultAt(retired: number): boolean {
    return this.passCpu === this.cpu.place.index && this.passFaultAt === retired;
  }

  /** Traps, interrupts and mode changes, between two instructions. */
  private atBoundary(): void {
    const cpu = this.cpu;
    const s = cpu.state;
    cpu.attention = false;
    const held = s.f64(L.SHADOW_COUNT) === s.f64(L.RETIRED);
    const heldWhole = held && s.u32(L.SHADOW_WHOLE) !== 0;
    if (s.u32(L.PENDING_DEBUG) !== 0) {
      if (!heldWhole && this.stopVectors.has(VECTOR.DB) && !this.passesFaultAt(s.f64(L.RETIRED))) {
        this.debugStop = true;
        cpu.attention = true;
        return;
      }
      if (!heldWhole) {
        this.debug.recordPending();
        this.markMidway();
        this.noteInterruption(false);
        this.noteDelivery();
        return raiseFault(cpu, new GuestFault(VECTOR.DB, undefined), s.eip);
      }
      cpu.attention = true;
    }
    if (s.nmiReady) {
      if (!heldWhole) return this.interrupt(VECTOR.NMI);
      cpu.attention = true;
    }
    if (cpu.interruptLine && s.systemFlags & FLAG.IF) {
      if (held) cpu.attention = true;
      else this.interrupt(cpu.surroundings.acknowledgeInterrupt());
    }
  }

  private noteDelivery(): void {
    this.deliveries++;
    this.deliveredAt = this.cpu.state.f64(L.RETIRED);
  }

  /** Whether the CPU stands in the middle of a repeated instruction, where the retired count alone would not lead to again. */
  get isRepeating(): boolean {
    return this.cpu.state.u32(L.EXIT_REASON) === EXIT.again;
  }

  /** Whether nothing but instructions has led to where the CPU stands: neither a part of a repeated one nor a delivery behind the last. */
  get isBetween(): boolean {
    return !this.isRepeating && this.deliveredAt !== this.cpu.state.f64(L.RETIRED);
  }

  /** The CPU's state block has been replaced, at a moment with so many deliveries before it. */
  restored(deliveries: number): void {
    this.deliveries = deliveries;
    this.deliveredAt = this.passBreakpointAt = this.passFaultAt = -1;
    this.returnRequested = this.debugStop = false;
    this.cpu.changedContext();
  }

  private noteInterruption(external: boolean): void {
    if (this.notesInterruption) this.interruption = { from: this.place(), external };
  }

  /** Whoever interrupts a repeated instruction between two iterations finds RF in the image (Intel SDM vol. 3, 17.3.1.1). */
  private markMidway(): void {
    const s = this.cpu.state;
    if (s.u32(L.EXIT_REASON) !== EXIT.again) return;
    s.setU32(L.EXIT_REASON, EXIT.done);
    s.setU32(L.FLAGS_SYSTEM, s.systemFlags | FLAG.RF);
  }

  private interrupt(vector: number): void {
    const cpu = this.cpu;
    this.markMidway();
    this.counters.interrupts++;
    if (vector === VECTOR.NMI) cpu.state.setU32(L.NON_MASKABLE, NMI.blocked);
    this.noteInterruption(true);
    this.noteDelivery();
    try {
      deliver(cpu, { vector, cause: 'external', returnTo: cpu.state.eip });
    } catch (reason) {
      if (!(reason instanceof GuestFault)) throw reason;
      raiseFault(cpu, reason, cpu.state.eip);
    }
  }

  /** Executes at least one instruction (or none, at a breakpoint, or one that faults); EIP and RETIRED are right afterwards. */
  private advance(left: number): RunOutcome | GuestFault | undefined {
    const cpu = this.cpu;
    const s = cpu.state;
    this.debugBefore = s.u32(L.PENDING_DEBUG);
    const trap = (s.systemFlags & FLAG.TF) !== 0;
    const mine = this.passCpu === cpu.place.index;
    const passing = mine && this.passBreakpointAt === this.linear();
    if (mine) this.passBreakpointAt = -1;
    const resumed = (s.systemFlags & FLAG.RF) !== 0;
    // Every return from a page fault sets RF, which means nothing where no breakpoint could be hit.
    const guarded = resumed && (this.debug.executionAddresses().length > 0 || this.locator.hasBreakpoint(this.linear()));
    if (trap || passing || guarded || cpu.attention) {
      if (!passing) {
        const stop = this.breakpointHere(resumed);
        if (stop) return stop;
      }
      this.counters[trap ? 'stepTrapFlag' : passing || guarded ? 'stepBreakpoint' : 'stepAttention']++;
      return this.stepOne(trap);
    }
    const block = this.locator.locate();
    if (block < 0) return cpu.mmu.takeFault();
    if (block === 0) return this.breakpointHere(false) ?? this.stepOne(false);
    if (resumed) s.setU32(L.FLAGS_SYSTEM, s.systemFlags & ~FLAG.RF);
    if (this.settings.eager) this.translator.translateNow(block);
    const count = s.view.getUint8(block + R.back);
    if (count <= left) return this.execute(block, left, count);
    // The budget ends inside the block: its first `left` instructions, and a stop. What is translated has no such place.
    const plain = this.code.isProfiled(block) ? block + RECORD_BYTES : block;
    this.stops.put(plain + (left + (this.beginsWithBreakpoint(plain) ? 1 : 0)) * RECORD_BYTES);
    return this.execute(plain, left, count);
  }

  private beginsWithBreakpoint(block: number): boolean {
    return this.machine.view.getUint32(block + R.handler, true) === SPECIAL_HANDLERS.breakpoint;
  }

  /** Whether the debugger or the guest's debug registers want to stop before the next instruction. */
  private breakpointHere(resumed: boolean): RunOutcome | undefined {
    const linear = this.linear();
    if (this.locator.hasBreakpoint(linear)) return { kind: 'breakpoint', linear };
    const s = this.cpu.state;
    const held = s.f64(L.SHADOW_COUNT) === s.f64(L.RETIRED) && s.u32(L.SHADOW_WHOLE) !== 0;
    if (!resumed && !held && this.debug.executionHit(linear)) throw new GuestFault(VECTOR.DB, undefined);
    return undefined;
  }

  /** Executes the instruction at EIP alone. Gives the fault that it has raised, if it did; throws one of its fetch. */
  private stepOne(trap: boolean): GuestFault | undefined {
    const cpu = this.cpu;
    const s = cpu.state;
    this.counters.singleSteps++;
    cpu.singleIteration = trap;
    cpu.trapCleared = false;
    const context = this.locator.refresh();
    const before = s.f64(L.RETIRED);
    const branchesOnly = (s.u32(L.MSR_DEBUGCTL) & DEBUGCTL.btf) !== 0;
    this.scratch.write(context, this.linear());
    s.setU32(L.FLAGS_SYSTEM, s.systemFlags & ~FLAG.RF);
    const start = s.eip;
    const toItself = trap && branchesOnly && this.scratch.leadToItself();
    const fault = this.execute(SCRATCH_RECORDS, 1, 1);
    if (fault instanceof GuestFault) return fault;
    const branched = this.hasBranched() || (toItself && s.eip === start);
    if (toItself && s.eip === start && s.f64(L.RETIRED) !== before) s.eip = this.offsetOf(SCRATCH_RECORDS + RECORD_BYTES);
    if (trap && !cpu.trapCleared && !(branchesOnly && !branched) && (s.f64(L.RETIRED) !== before || cpu.singleIteration)) {
      trapBehind(cpu, DR6.singleStep);
    }
    cpu.singleIteration = false;
    return undefined;
  }

  /** Whether the instruction that was stepped has taken a branch: else EIP is behind it, or at its next iteration. */
  private hasBranched(): boolean {
    if (this.scratch.alwaysTransfers) return true;
    const s = this.cpu.state;
    const behind = this.offsetOf(SCRATCH_RECORDS + RECORD_BYTES);
    return s.eip !== behind && s.u32(L.EXIT_REASON) !== EXIT.again;
  }

  /** Enters generated code at a record and brings RETIRED and EIP up to date when it returns. Gives the fault that was raised. */
  private execute(record: number, budget: number, count: number): RunOutcome | GuestFault | undefined {
    const s = this.cpu.state;
    const view = s.view;
    this.counters.entries++;
    this.given = budget;
    this.stolen = 0;
    this.operation.record = 0;
    this.pendingFault = undefined;
    view.setInt32(CPU_BASE + L.REMAINING, budget - count, true);
    view.setFloat64(MONITOR_WORDS.retiredEnd, s.f64(L.RETIRED) + budget, true);
    view.setUint32(CPU_BASE + L.STOP_REQUESTED, 0, true);
    this.running = true;
    try {
      this.enter(record);
    } finally {
      this.running = false;
      this.stops.lift();
      this.scratch.release();
    }
    const reason = s.u32(L.EXIT_REASON);
    const at = s.u32(L.EXIT_RECORD);
    this.count(reason);
    if (reason === EXIT.again && !this.cpu.singleIteration) this.returnRequested = true;
    let remaining = view.getInt32(CPU_BASE + L.REMAINING, true) + this.stolen;
    if (reason !== EXIT.jump) {
      remaining += view.getUint8(at + R.back);
      if (reason === EXIT.done) remaining--;
      else if (!this.raised()?.late) s.eip = this.offsetOf(at);
    }
    s.setF64(L.RETIRED, s.f64(L.RETIRED) + this.given - remaining);
    const fault = this.raised();
    if (reason === EXIT.fault && fault) return fault;
    if (reason === EXIT.breakpoint) return this.breakpointRecord();
    if (reason === EXIT.crossing) {
      // The instruction runs over the page's end or CS's limit: alone, byte by byte.
      if (remaining > 0 && !this.cpu.attention && record !== SCRATCH_RECORDS) {
        // Its bytes are fetched now in any case, so that this changes nothing of the guest.
        this.crossings.bridge(at, s.eip);
        this.counters.stepCrossing++;
        return this.stepOne((s.systemFlags & FLAG.TF) !== 0);
      }
    }
    return undefined;
  }

  /** The fault that the instruction under way has raised. */
  private raised(): GuestFault | undefined {
    return this.pendingFault;
  }

  private count(reason: number): void {
    const name = EXIT_COUNTERS[reason];
    if (name) this.counters[name]++;
  }

  private breakpointRecord(): RunOutcome | GuestFault | undefined {
    const stop = this.breakpointHere(false);
    if (stop) return stop;
    // Another address that shares the frame has a breakpoint here: not this one.
    this.counters.stepBreakpoint++;
    return this.stepOne((this.cpu.state.systemFlags & FLAG.TF) !== 0);
  }

  private offsetOf(record: number): number {
    const s = this.cpu.state;
    const offset = s.wide(L.EIP_BASE) + s.view.getUint16(record + R.offset, true);
    const bits = s.codeBits;
    return cut(offset, bits === 16 && s.limit(L.CS) > 0xffff ? 32 : bits);
  }

  // What generated code asks.

  /** Whatever is asked is work, and some of it much: a slice that has had enough of it ends behind this instruction (see `run`). */
  private spend(): void {
    const { effort } = this.machine;
    effort.spent++;
    if (effort.isSpent) this.cpu.attention = true;
  }

  private access(low: number, high: number, sizeAndKind: number, record: number): number {
    this.counters.slowAccesses++;
    this.operation.record = record;
    this.spend();
    const { mmu, user } = this.cpu;
    const bytes = sizeAndKind & 0xff;
    const noAddress = mmu.wrap32 ? undefined : this.canonicalFault(low, high, bytes);
    const host = noAddress ? REFUSED : mmu.access(low, high, bytes, sizeAndKind >> 8, user);
    if (host === REFUSED) {
      this.fault(record, noAddress ?? mmu.takeFault());
      return host;
    }
    if (host < PAGE_BYTES && this.settings.translates) this.translator.noteTrip(record);
    if (this.cpu.attention) this.stopAfter(record);
    return host;
  }

  /**
   * #GP(0) for an address that is not canonical; #SS(0) for one of the stack: an instruction without a memory operand
   * reaches memory by the stack only, and one with RSP or RBP as its base through SS.
   */
  private canonicalFault(low: number, high: number, bytes: number): GuestFault | undefined {
    const s = this.cpu.state;
    const linear = this.machine.far.near(high, low >>> 0);
    if (s.canonical(linear) && s.canonical(linear + bytes - 1)) return undefined;
    const { operation } = this;
    const stack = !operation.isMemory || operation.segment === L.SS || linear === s.pointer(L.RSP, 64) - bytes;
    return stack ? new GuestFault(VECTOR.SS, 0) : generalProtection();
  }

  private commit(record: number): void {
    this.operation.record = record;
    this.cpu.mmu.commit();
    if (this.cpu.attention) this.stopAfter(record);
  }

  private fault(record: number, fault: GuestFault): void {
    this.pendingFault = fault;
    this.leave(EXIT.fault, record);
  }

  private leave(reason: number, record: number): number {
    this.cpu.state.setU32(L.EXIT_REASON, reason);
    this.cpu.state.setU32(L.EXIT_RECORD, record);
    return 1;
  }

  private service(record: number, number: number): number {
    this.counters.services++;
    this.spend();
    const cpu = this.cpu;
    const op = this.operation;
    op.record = record;
    const service = SERVICES[number];
    if (!service) throw new Error(`No service ${number}`);
    try {
      if (this.stopVectors.size > 0) this.stopAtInterrupt(number, op);
      const outcome = service(cpu, op);
      if (outcome === 'next') {
        if (!cpu.attention) return 0;
        cpu.state.eip = op.next;
        return this.leave(EXIT.done, record);
      }
      cpu.singleIteration &&= outcome === 'again';
      return this.leave(outcome === 'leave' ? EXIT.done : EXIT.again, record);
    } catch (reason) {
      if (!(reason instanceof GuestFault)) throw reason;
      this.fault(record, reason);
      return 1;
    }
  }

  /** INT n, INT3 and INTO of a vector that the debugger waits for: it is shown before the service runs. */
  private stopAtInterrupt(number: number, op: RecordOperation): void {
    let vector = -1;
    if (number === INTERRUPT_SERVICE) vector = op.immediate & 0xff;
    else if (number === BREAKPOINT_SERVICE) vector = VECTOR.BP;
    else if (number === OVERFLOW_SERVICE && this.cpu.state.flags & FLAG.OF) vector = VECTOR.OF;
    if (vector < 0 || !this.stopVectors.has(vector) || this.passesFaultAt(this.retired())) return;
    throw new GuestFault(vector, undefined);
  }

  /** Has generated code return behind the instruction of `record`, whatever follows it. */
  private stopAfter(record: number): void {
    const view = this.machine.view;
    this.stops.put(record + RECORD_BYTES);
    // A transfer does not go on to the next record: an empty budget stops it at the next block.
    const remaining = view.getInt32(CPU_BASE + L.REMAINING, true);
    this.stolen += remaining;
    view.setInt32(CPU_BASE + L.REMAINING, 0, true);
    view.setFloat64(MONITOR_WORDS.retiredEnd, view.getFloat64(MONITOR_WORDS.retiredEnd, true) - remaining, true);
    view.setUint32(CPU_BASE + L.STOP_REQUESTED, 1, true);
  }

  private codeWritten(frame: number, offset: number, bytes: number): void {
    this.counters.codeTraces++;
    const hit = this.code.written(frame, offset, bytes);
    if (this.scratch.keepsTrace(frame)) this.machine.setFrameFlag(frame, FRAME.code);
    if (!hit && !this.scratch.isAt(frame, offset, bytes)) return;
    this.cpu.disturbed = true;
    // The records that run now may be among those dropped.
    if (this.running && this.operation.record !== 0) this.stopAfter(this.operation.record);
  }
}
