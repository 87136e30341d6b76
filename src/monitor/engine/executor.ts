/**
 * Runs a virtual CPU: finds and enters blocks, answers what generated code asks of the monitor, delivers
 * faults and interrupts at exact instruction boundaries, and stops at an exact retired count.
 */
import { VECTOR, type Cpu } from '../cpu/cpu';
import { DR6, DebugRegisters, trapBehind } from '../cpu/debugRegisters';
import { deliver, raiseFault, type Interruption as Delivery } from '../cpu/interrupts';
import * as L from '../cpu/layout';
import { DEBUGCTL } from '../cpu/msrBits';
import { FLAG, NMI, cut } from '../cpu/state';
import { DELIVERY } from '../isa/systemEmitter';
import { GuestFault } from '../memory/guestFault';
import { NONE_YET } from '../memory/largeNumbers';
import { MONITOR_WORDS, SCRATCH_RECORDS } from '../memory/layout';
import type { MachineMemory } from '../memory/machineMemory';
import { Answers, type AnsweringEngine } from './answers';
import { Burst } from './burst';
import { BurstFaults, type FaultingEngine } from './burstFaults';
import { BurstInterrupts, external, type InterruptedEngine } from './burstInterrupts';
import { CodeCache } from './codeCache';
import { CodeLocator } from './codeLocator';
import { ENGINES, type EngineSettings } from './engineSettings';
import { Interpreter } from './interpreter';
import { SPECIAL_HANDLERS } from './specialHandlers';
import { PageCrossings } from './pageCrossing';
import { peekCode } from './peekCode';
import { RecordStops } from './recordStops';
import { RecordOperation } from './recordOperation';
import { ScratchInstruction } from './scratchInstruction';
import { EXIT, R, RECORD_BYTES } from './records';
import { NO_EVENTS, STOP_ALWAYS, WATCHED, type StopDecisions, type WatchedEvents } from './stopDecisions';
import type { TranslationService } from './translator/order';
import { Translator } from './translator/translator';
import { BUDGET, EVENT, EXIT_COUNTERS, HALTED, RETURNED, newCounters, type CodePlace, type EngineCounters, type Interruption, type RunOutcome } from './runOutcome';

export type { CodePlace, EngineCounters, Interruption, RunOutcome } from './runOutcome';

/** Largest budget that is given to generated code at once. */
const MAX_BUDGET = 1 << 30;
/**
 * Entries and deliveries after which `run` comes back: a guest that faults for ever, steps itself, or runs nothing but
 * new code needs microseconds for each of them, however many instructions it may retire.
 */
const MOST_ROUNDS = 500;

export class Executor implements AnsweringEngine, InterruptedEngine, FaultingEngine {
  readonly counters: EngineCounters = newCounters();
  /** Interrupts and traps that were delivered between two instructions so far: they tell moments with one retired count apart. */
  deliveries = 0;
  /** As many deliveries belong to the moment at which `run` is to end: what else is pending there has to wait. */
  lastDelivery = Infinity;
  /** Retired count at the last of them. */
  private deliveredAt = NONE_YET;
  readonly code: CodeCache;
  readonly debug: DebugRegisters;
  readonly translator: Translator;
  private vectors: ReadonlySet<number> = new Set();
  readonly operation: RecordOperation;
  readonly scratch: ScratchInstruction;
  readonly burst: Burst;
  private readonly answers = new Answers(this);
  private readonly burstInterrupts = new BurstInterrupts(this);
  private readonly burstFaults = new BurstFaults(this);
  /** Who decides where a debugger wants to stop. */
  decisions: StopDecisions = STOP_ALWAYS;
  private watched: WatchedEvents = NO_EVENTS;
  private readonly enter: (record: number) => void;
  /** Goes to the instruction at EIP, as far as generated code finds it. */
  private readonly arrive: () => void;
  readonly locator: CodeLocator;
  private readonly crossings: PageCrossings;
  /** The CPU whose stop is passed over. */
  private passCpu = 0;
  /** Linear address at which a breakpoint is passed over once, because the run begins there. */
  private passBreakpointAt = NONE_YET;
  /** Retired count at which a fault is passed on once without a stop. */
  private passFaultAt = NONE_YET;
  private returnRequested = false;
  /** Debug traps that were pending (held back) before the instruction under way. */
  private debugBefore = 0;
  /** What stands before its delivery, where the debugger wants to see it: a debug trap, or an interrupt. */
  private boundaryStop: RunOutcome | undefined;
  /** The last interrupt or fault that `run` delivered, where it is to come back for one. */
  private interruption: Interruption | undefined;
  private notesInterruption = false;
  /** Retired count at which the present run ends. */
  private end = NONE_YET;
  /** Rounds of the run loop so far, where code has a lifetime. */
  private age = 0;
  private readonly stops: RecordStops;

  private readonly interpreter: Interpreter;

  constructor(
    readonly cpu: Cpu,
    private readonly machine: MachineMemory,
    private readonly settings: EngineSettings = ENGINES.translator,
    /** Another thread that translates; without it this one does. */
    translation?: TranslationService,
  ) {
    const { answers } = this;
    // Where each block is translated as soon as it is decoded, nobody else can.
    const service = settings.eager ? undefined : translation;
    const interpreter = this.interpreter = new Interpreter(machine.memory, {
      access: (low, high, sizeAndKind, record) => answers.access(low, high, sizeAndKind, record),
      commit: (record) => answers.commit(record),
      segmentFault: (record, segment) => answers.segmentFault(record, segment),
      raise: (record, vector) => answers.raise(record, vector),
      service: (record, number) => answers.service(record, number),
      hot: (record) => answers.hot(record),
      strayed: (record) => answers.strayed(record),
      breakpoint: (record) => answers.breakpoint(record),
    }, service);
    this.enter = (record) => {
      interpreter.enter(record);
      this.code.settle();
    };
    this.arrive = () => {
      interpreter.arrive();
      this.code.settle();
    };
    this.stops = new RecordStops(machine, interpreter);
    this.code = new CodeCache(machine, interpreter, cpu, settings);
    this.debug = new DebugRegisters(cpu);
    this.translator = new Translator(cpu, interpreter, this.code, service);
    this.locator = new CodeLocator(cpu, this.code, this.debug, settings.translates);
    this.operation = new RecordOperation(cpu.state);
    this.burst = new Burst(cpu.state, this.stops, this.operation);
    this.crossings = new PageCrossings(cpu, machine, this.code, this.locator);
    this.scratch = new ScratchInstruction(cpu, machine, this.code, SPECIAL_HANDLERS.stop);
    const deliveries = { flat: interpreter.routine('interrupt32'), long: interpreter.routine('interrupt64') };
    cpu.quickDelivery = (vector, isException, errorCode) => {
      // Generated code counts its switches of privilege from the one that the log knows (see ExecutionLog).
      if (cpu.contextChanged) this.locator.refresh();
      const kind = (errorCode === undefined ? 0 : DELIVERY.errorCode) | (isException ? DELIVERY.resume : 0);
      return (cpu.state.longMode ? deliveries.long : deliveries.flat)(vector, kind, errorCode ?? 0) !== 0;
    };
    cpu.mmu.map.traces = {
      tableWritten: (address, bytes) => {
        this.counters.tableTraces++;
        if (cpu.mmu.shadow.tableWritten(address, bytes)) cpu.disturbed = true;
      },
      codeWritten: (frame, offset, bytes) => answers.codeWritten(frame, offset, bytes),
      codeMarks: (frame) => this.code.marks.of(frame),
    };
  }

  /** Vectors at whose faults `run` stops before delivery. */
  get stopVectors(): ReadonlySet<number> {
    return this.vectors;
  }
  set stopVectors(vectors: ReadonlySet<number>) {
    this.vectors = vectors;
    this.tellGeneratedCode();
  }

  /** Replaces the events that `decisions` are asked about. */
  watchEvents(watched: WatchedEvents): void {
    // Pages that code was entered in before are known to generated code.
    if (watched.entries && !this.watched.entries) this.locator.forgetExecuteTlb();
    this.cpu.mmu.tlb.executedOnly = watched.entries;
    this.watched = watched;
    this.tellGeneratedCode();
  }

  get watchesServices(): boolean {
    return this.vectors.size > 0 || this.watched.services;
  }

  get translates(): boolean {
    return this.settings.translates;
  }

  private tellGeneratedCode(): void {
    const { view } = this.machine;
    view.setUint32(MONITOR_WORDS.vectorsWatched, this.watchesServices ? 1 : 0, true);
    const { registers, transfers } = this.watched;
    view.setUint32(MONITOR_WORDS.eventsWatched, (registers ? WATCHED.registers : 0) | (transfers ? WATCHED.transfers : 0), true);
  }

  /** Replaces the linear and guest-physical addresses before whose instructions `decisions` are asked whether to stop. */
  setBreakpoints(linear: ReadonlySet<number>, physical: ReadonlySet<number> = new Set()): void {
    this.locator.setBreakpoints(linear, physical);
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
    return this.burst.retired;
  }

  /**
   * Lets virtual time pass (cycles) without an instruction: what is left of the present budget ends at the next event, and
   * comes so much nearer.
   */
  elapse(cycles: number): void {
    const s = this.cpu.state;
    s.setF64(L.IDLE, s.f64(L.IDLE) + cycles);
    this.end -= cycles;
    if (this.burst.isRunning && !this.burst.shorten(cycles)) this.requestReturn();
  }

  /** EIP of the instruction under way; of the next one between two. */
  get instructionPointer(): number {
    const { burst, operation, cpu } = this;
    return burst.isRunning && operation.record !== 0 ? operation.start : cpu.state.eip;
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

  /** The guest will execute 64-bit code before long, or other code: another thread may prepare for it. */
  expectCode(is64Bit: boolean): void {
    this.interpreter.loops.expect(is64Bit);
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
    if (s.f64(L.RETIRED) >= this.settings.loopsAfter) this.interpreter.loops.use(s.code64);
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
      if (this.stopsBehind()) return EVENT;
      if (this.deliveries >= this.lastDelivery && this.end <= s.f64(L.RETIRED)) return BUDGET;
      if (this.cpu.attention) this.atBoundary();
      if (this.boundaryStop) {
        const stop = this.boundaryStop;
        this.boundaryStop = undefined;
        return stop;
      }
      // What the delivery of an interrupt has written.
      if (this.stopsBehind()) return EVENT;
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

  /** Whether the debugger wants to see what has been done before here. A repeated instruction is seen when it is done, or interrupted. */
  private stopsBehind(): boolean {
    return (this.watched.state || this.decisions.isPending) && !this.isRepeating && this.decisions.behind();
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
    if (this.decisions.isPending) this.decisions.faulted(this.operation.record !== 0 && this.operation.repeat !== 'none');
    const isSeen = this.stopVectors.has(fault.vector) && !this.passesAt(this.cpu.state.f64(L.RETIRED));
    if (isSeen && this.decisions.exception(fault)) return { kind: 'exception', fault };
    this.passFaultAt = NONE_YET;
    // Traps for what the faulting instruction had done so far are forgotten with it.
    if (!fault.late) this.cpu.state.setU32(L.PENDING_DEBUG, fault.vector === VECTOR.DB ? 0 : this.debugBefore);
    this.noteInterruption(false);
    raiseFault(this.cpu, fault, this.cpu.state.eip);
    // The delivery counts as an instruction: time goes on, and budgets end, in a guest that does nothing but fault.
    this.cpu.state.setF64(L.RETIRED, this.cpu.state.f64(L.RETIRED) + 1);
    return undefined;
  }

  /** Whether the debugger has seen what this CPU does after so many retired instructions already. */
  passesAt(retired: number): boolean {
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
      if (!heldWhole && this.stopVectors.has(VECTOR.DB) && !this.passesAt(s.f64(L.RETIRED))) {
        const fault = new GuestFault(VECTOR.DB, undefined);
        if (this.decisions.exception(fault)) return this.stopAtBoundary({ kind: 'exception', fault });
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
      if (!heldWhole) return this.stopsAtInterrupt(false) ? this.stopAtBoundary(EVENT) : this.interrupt(VECTOR.NMI);
      cpu.attention = true;
    }
    if (cpu.interruptLine && s.systemFlags & FLAG.IF) {
      if (held) cpu.attention = true;
      else if (this.stopsAtInterrupt(true)) this.stopAtBoundary(EVENT);
      else this.interrupt(cpu.surroundings.acknowledgeInterrupt());
    }
  }

  private stopsAtInterrupt(isMaskable: boolean): boolean {
    return this.watched.interrupts && !this.passesAt(this.cpu.state.f64(L.RETIRED)) && this.decisions.interrupt(isMaskable);
  }

  /** What would be delivered now waits until the debugger has seen it. */
  private stopAtBoundary(stop: RunOutcome): void {
    this.boundaryStop = stop;
    this.cpu.attention = true;
  }

  private noteDelivery(): void {
    this.deliveries++;
    this.deliveredAt = this.burst.retired;
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
    this.deliveredAt = this.passBreakpointAt = this.passFaultAt = NONE_YET;
    this.returnRequested = false;
    this.boundaryStop = undefined;
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
    this.markMidway();
    if (vector === VECTOR.NMI) this.cpu.state.setU32(L.NON_MASKABLE, NMI.blocked);
    this.noteInterruption(true);
    this.noteInterrupt();
    this.deliverInterrupt(external(vector, this.cpu));
  }

  noteInterrupt(): void {
    this.counters.interrupts++;
    this.noteDelivery();
  }

  noteFault(): void {
    this.counters.faults++;
    this.count(EXIT.fault);
    this.passFaultAt = NONE_YET;
    this.answers.faultDelivered();
  }

  /** Whether anybody waits at instruction boundaries: the debugger, who runs until a moment, or who wants all code to be forgotten now and then. */
  get isAwaited(): boolean {
    const { watched, settings } = this;
    return this.returnRequested || this.notesInterruption || this.deliveries >= this.lastDelivery || this.decisions.isPending ||
      watched.interrupts || watched.state || watched.entries || settings.lifetime > 0;
  }

  private deliverInterrupt(delivery: Delivery): void {
    const { cpu } = this;
    try {
      deliver(cpu, delivery);
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
    const linear = this.linear();
    if (this.watched.entries && this.decisions.enters(linear)) return EVENT;
    const trap = (s.systemFlags & FLAG.TF) !== 0;
    const mine = this.passCpu === cpu.place.index;
    const stops = this.locator.hasBreakpoint(linear);
    // A repeated instruction that goes on has been come to before.
    const passing = (mine && this.passBreakpointAt === linear) || (stops && this.isRepeating);
    if (mine) this.passBreakpointAt = NONE_YET;
    const resumed = (s.systemFlags & FLAG.RF) !== 0;
    // Every return from a page fault sets RF, which means nothing where no breakpoint could be hit. Looking up an instruction's page sets accessed
    // bits, which is not to happen before it has been decided whether to stop.
    const guarded = (resumed && (stops || this.debug.executionAddresses().length > 0)) || (stops && !this.locator.hasPage(linear));
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
  breakpointHere(resumed: boolean): RunOutcome | undefined {
    const linear = this.linear();
    if (this.locator.hasBreakpoint(linear) && this.decisions.breakpoint(linear)) return { kind: 'breakpoint', linear };
    const s = this.cpu.state;
    const held = s.f64(L.SHADOW_COUNT) === this.retired() && s.u32(L.SHADOW_WHOLE) !== 0;
    if (!resumed && !held && this.debug.executionHit(linear)) throw new GuestFault(VECTOR.DB, undefined);
    return undefined;
  }

  /** Executes the instruction at EIP alone. Gives the fault that it has raised, or what stands before it; throws a fault of its fetch. */
  private stepOne(trap: boolean): RunOutcome | GuestFault | undefined {
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
    const outcome = this.execute(SCRATCH_RECORDS, 1, 1);
    if (outcome) return outcome;
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
    const { burst, answers } = this;
    this.counters.entries++;
    answers.begin();
    burst.begin(budget, count);
    try {
      this.enter(record);
      while (answers.fault ? this.burstFaults.goesOn(answers.fault) : this.burstInterrupts.goesOn()) {
        this.counters.entries++;
        // A guest that faults all the time would get no translated code otherwise.
        this.code.collect();
        this.translator.poll(false);
        this.arrive();
      }
    } finally {
      burst.isRunning = false;
      this.stops.lift();
      this.scratch.release();
    }
    const reason = s.u32(L.EXIT_REASON);
    const at = s.u32(L.EXIT_RECORD);
    this.count(reason);
    if (reason === EXIT.again && !this.cpu.singleIteration) this.returnRequested = true;
    const { fault, outcome } = answers;
    let { remaining } = burst;
    if (reason !== EXIT.jump) {
      remaining += s.view.getUint8(at + R.back);
      if (reason === EXIT.done) remaining--;
      else if (!fault?.late) s.eip = this.offsetOf(at);
    }
    burst.settle(remaining);
    const undelivered = this.burstInterrupts.takeUndelivered();
    if (undelivered) this.deliverInterrupt(undelivered);
    if (reason === EXIT.fault || reason === EXIT.breakpoint) return fault ?? outcome;
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

  count(reason: number): void {
    const name = EXIT_COUNTERS[reason];
    if (name) this.counters[name]++;
  }

  offsetOf(record: number): number {
    const s = this.cpu.state;
    const offset = s.wide(L.EIP_BASE) + s.view.getUint16(record + R.offset, true);
    const bits = s.codeBits;
    return cut(offset, bits === 16 && s.limit(L.CS) > 0xffff ? 32 : bits);
  }
}
