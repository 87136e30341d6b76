/**
 * What generated code asks of the monitor, answered: accesses that its TLB does not serve, stores that go elsewhere than to plain
 * memory, services, faults, breakpoints; and writes to code that it may be running.
 */
import { VECTOR, generalProtection, type Cpu } from '../cpu/cpu';
import * as L from '../cpu/layout';
import { SERVICES, serviceNumber } from '../cpu/services';
import { FLAG } from '../cpu/state';
import { GuestFault } from '../memory/guestFault';
import { MONITOR_WORDS, PAGE_BYTES } from '../memory/layout';
import { FRAME } from '../memory/machineMemory';
import { REFUSED } from '../memory/mmu';
import type { Burst } from './burst';
import type { CodeCache } from './codeCache';
import type { MonitorCalls } from './interpreterModule';
import type { RecordOperation } from './recordOperation';
import { EXIT } from './records';
import type { EngineCounters, RunOutcome } from './runOutcome';
import type { ScratchInstruction } from './scratchInstruction';
import type { StopDecisions } from './stopDecisions';
import type { Translator } from './translator/translator';

const INTERRUPT_SERVICE = serviceNumber('int');
const BREAKPOINT_SERVICE = serviceNumber('int3');
const DEBUG_SERVICE = serviceNumber('int1');
const OVERFLOW_SERVICE = serviceNumber('into');

/** The engine, as far as its answers take part of it. */
export interface AnsweringEngine {
  readonly cpu: Cpu;
  readonly burst: Burst;
  readonly operation: RecordOperation;
  readonly counters: EngineCounters;
  readonly code: CodeCache;
  readonly scratch: ScratchInstruction;
  readonly translator: Translator;
  readonly translates: boolean;
  readonly decisions: StopDecisions;
  /** Whether services are to be looked at before they run: vectors or other events are stopped at. */
  readonly watchesServices: boolean;
  readonly stopVectors: ReadonlySet<number>;
  /** Whether what stands at so many retired instructions has been seen by the debugger already. */
  passesAt(retired: number): boolean;
  offsetOf(record: number): number;
  breakpointHere(resumed: boolean): RunOutcome | undefined;
}

export class Answers implements MonitorCalls {
  /** The fault that the instruction under way has raised. */
  fault: GuestFault | undefined;
  /** What the run is to end with, before the instruction under way. */
  outcome: RunOutcome | undefined;
  /** The tag of jumps by the execute tables in use when generated code was entered (../memory/jumpCache), but for the privilege. */
  private tables = 0;

  constructor(private readonly engine: AnsweringEngine) {}

  /** Generated code is about to be entered. */
  begin(): void {
    this.fault = undefined;
    this.outcome = undefined;
    this.tables = this.tablesInUse;
  }

  /** The fault has been delivered, and generated code goes on. */
  faultDelivered(): void {
    this.fault = undefined;
  }

  access(low: number, high: number, sizeAndKind: number, record: number): number {
    const { engine } = this;
    engine.code.settle();
    engine.counters.slowAccesses++;
    engine.operation.record = record;
    engine.translator.noteMiss(record);
    this.spend();
    const { mmu, user } = engine.cpu;
    const bytes = sizeAndKind & 0xff;
    const noAddress = mmu.wrap32 ? undefined : this.canonicalFault(low, high, bytes);
    const host = noAddress ? REFUSED : mmu.access(low, high, bytes, sizeAndKind >> 8, user);
    if (host === REFUSED) {
      this.leaveWith(record, noAddress ?? mmu.takeFault());
      return host;
    }
    if (host < PAGE_BYTES) engine.translator.noteTrip(record);
    if (this.wantsControl) engine.burst.stopAfter(record);
    return host;
  }

  commit(record: number): void {
    const { engine } = this;
    engine.code.settle();
    engine.operation.record = record;
    engine.cpu.mmu.commit();
    if (this.wantsControl) engine.burst.stopAfter(record);
  }

  segmentFault(record: number, segment: number): void {
    this.leaveWith(record, new GuestFault(segment === L.SEGMENTS + L.SS * L.SEGMENT_BYTES ? VECTOR.SS : VECTOR.GP, 0));
  }

  raise(record: number, vector: number): void {
    this.leaveWith(record, vector === VECTOR.GP ? generalProtection() : new GuestFault(vector, undefined));
  }

  hot(record: number): void {
    this.engine.code.settle();
    this.engine.translator.hot(record);
  }

  strayed(record: number): void {
    this.engine.code.settle();
    this.engine.translator.noteStray(record);
  }

  service(record: number, number: number): number {
    const { engine } = this;
    engine.code.settle();
    engine.counters.services++;
    this.spend();
    const { cpu, operation } = engine;
    operation.record = record;
    const service = SERVICES[number];
    if (!service) throw new Error(`No service ${number}`);
    try {
      if (engine.watchesServices && this.stopsBefore(number)) return this.leave(EXIT.fault, record);
      const outcome = service(cpu, operation);
      if (outcome === 'next') {
        if (!this.wantsControl) return 0;
        cpu.state.eip = operation.next;
        return this.leave(EXIT.done, record);
      }
      cpu.singleIteration &&= outcome === 'again';
      return this.leave(outcome === 'leave' ? EXIT.done : EXIT.again, record);
    } catch (reason) {
      if (!(reason instanceof GuestFault)) throw reason;
      this.leaveWith(record, reason);
      return 1;
    }
  }

  /** A breakpoint's record has been come to: 1 to leave before the instruction behind it, 0 to go on. */
  breakpoint(record: number): number {
    const { engine } = this;
    engine.code.settle();
    engine.operation.record = record;
    engine.cpu.state.eip = engine.offsetOf(record);
    this.spend();
    try {
      this.outcome = engine.breakpointHere(false);
    } catch (reason) {
      if (!(reason instanceof GuestFault)) throw reason;
      this.leaveWith(record, reason);
      return 1;
    }
    return this.outcome ? this.leave(EXIT.breakpoint, record) : 0;
  }

  codeWritten(frame: number, offset: number, bytes: number): void {
    const { cpu, code, counters, scratch, burst, operation } = this.engine;
    counters.codeTraces++;
    const hit = code.written(frame, offset, bytes);
    if (scratch.keepsTrace(frame)) cpu.machine.setFrameFlag(frame, FRAME.code);
    if (!hit && !scratch.isAt(frame, offset, bytes)) return;
    cpu.disturbed = true;
    // The records that run now may be among those dropped.
    if (burst.isRunning && operation.record !== 0) burst.stopAfter(operation.record);
  }

  /**
   * Whether the run loop is to look before the next instruction. So it does when pages of code have gone: one of them may be what runs now, and no table
   * would tell when that is mapped elsewhere while a call of it waits for a return (../memory/returnStack).
   */
  private get wantsControl(): boolean {
    return this.engine.cpu.attention || this.engine.decisions.isPending || this.tablesInUse !== this.tables;
  }

  private get tablesInUse(): number {
    return this.engine.cpu.state.view.getUint32(MONITOR_WORDS.jumpTag, true) >>> 1;
  }

  /** Whatever is asked is work, and some of it much: a slice that has had enough of it ends behind this instruction (see Executor.run). */
  private spend(): void {
    const { effort } = this.engine.cpu.machine;
    effort.spent++;
    if (effort.isSpent) this.engine.cpu.attention = true;
  }

  /**
   * #GP(0) for an address that is not canonical; #SS(0) for one of the stack: an instruction without a memory operand
   * reaches memory by the stack only, and one with RSP or RBP as its base through SS.
   */
  private canonicalFault(low: number, high: number, bytes: number): GuestFault | undefined {
    const { cpu, operation } = this.engine;
    const s = cpu.state;
    const linear = cpu.machine.far.near(high, low >>> 0);
    if (s.canonical(linear) && s.canonical(linear + bytes - 1)) return undefined;
    const stack = !operation.isMemory || operation.segment === L.SS || linear === s.pointer(L.RSP, 64) - bytes;
    return stack ? new GuestFault(VECTOR.SS, 0) : generalProtection();
  }

  private leaveWith(record: number, fault: GuestFault): void {
    this.fault = fault;
    this.leave(EXIT.fault, record);
  }

  private leave(reason: number, record: number): number {
    const s = this.engine.cpu.state;
    s.setU32(L.EXIT_REASON, reason);
    s.setU32(L.EXIT_RECORD, record);
    return 1;
  }

  /** Whether the debugger wants to see a service's instruction before it runs; throws a fault for INT n of a vector that is stopped at. */
  private stopsBefore(number: number): boolean {
    const { engine } = this;
    if (engine.passesAt(engine.burst.retired)) return false;
    const vector = this.interruptOf(number);
    if (vector >= 0 && engine.stopVectors.has(vector)) throw new GuestFault(vector, undefined);
    if (!engine.decisions.service(number, engine.operation)) return false;
    this.outcome = { kind: 'event' };
    return true;
  }

  /** Vector of INT n, INT1, INT3, and of INTO if it traps; -1 for other services. */
  private interruptOf(number: number): number {
    const { operation, cpu } = this.engine;
    if (number === INTERRUPT_SERVICE) return operation.immediate & 0xff;
    if (number === BREAKPOINT_SERVICE) return VECTOR.BP;
    if (number === DEBUG_SERVICE) return VECTOR.DB;
    return number === OVERFLOW_SERVICE && cpu.state.flags & FLAG.OF ? VECTOR.OF : -1;
  }
}
