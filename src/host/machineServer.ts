/**
 * The monitor context's side of the world switch: drives a machine in slices, answers calls in between, batches
 * its output. Knows no Node API; the thread it runs in gives it a port, a doorbell and a clock.
 */
import { MachineError } from '../monitor/machine/blame';
import type { OutputPiece, RunnableMachine } from '../monitor/machine/runnable';
import type { MachineEvent, StopReason, StopReport } from '../monitor/machine/session';
import { Cable } from './cable';
import { Pacemaker } from './pace';
import { carryError, isServiceChannel } from './protocol';
import type { CallAnswer, CallArguments, CallMessage, CallName, DeviceMessage, LateCalls, MonitorMessage } from './protocol';
import { SnapshotPace } from './snapshotPace';

/** Messages to and from the host context. `receive` gives the next one that waits, without blocking. */
export interface ServerPort {
  post(message: MonitorMessage, transfer: readonly ArrayBuffer[]): void;
  receive(): CallMessage | undefined;
}

/** Rung by the host context after each message it posts. */
export interface Doorbell {
  /** Whether it was rung since this was last asked. */
  rung(): boolean;
  /** Blocks until it is rung (also if that was since `rung` was last asked) or the time is over. */
  wait(milliseconds: number): void;
}

export interface ServerSurroundings {
  readonly port: ServerPort;
  readonly doorbell: Doorbell;
  /** Milliseconds on a clock that only goes forward. */
  readonly now: () => number;
  /** Whether idle virtual time is held to wall time. */
  readonly pace: 'realtime' | 'fast';
  /** Whether somebody answers the guest who needs wall time, which its time-outs must leave: idle time is always held to it then. Default: no. */
  readonly networked?: boolean;
  /** Whether snapshots are taken for time travel. Default: no. */
  readonly timeTravel?: boolean;
}

/** Output is sent at most this often, in milliseconds. */
const OUTPUT_INTERVAL_MS = 5;
/** A slice is kept between these lengths, in milliseconds of wall time: calls wait for its end. */
const SHORT_SLICE_MS = 2;
const LONG_SLICE_MS = 6;
/** While something goes to and fro between a device and a service of the host's, each waits for the end of the other's slice. */
const BUSY_SHORT_SLICE_MS = 0.4;
const BUSY_LONG_SLICE_MS = 1;
/** How long that is taken to go on after the last time, in milliseconds. */
const BUSY_MS = 50;
/**
 * Idle time, in cycles, that a step passes without waiting for the clock on the wall. A halted processor is stepped to what wakes it: a tick
 * of the guest's timer is 1 to 55 ms away, and nobody who steps wants to see that pass.
 */
const STEP_IDLE_CYCLES = 100_000_000;
/** A disk is asked again after so many milliseconds, whether or not it has rung. */
const LONGEST_WAIT_MS = 20;
/** Limits of a slice's length in cycles. */
const LEAST_CYCLES = 1_000;
const MOST_CYCLES = 4_000_000;
const FIRST_CYCLES = 50_000;

type PromptCall = Exclude<CallName, LateCalls>;
type Handlers = { readonly [Name in PromptCall]: (...parameters: CallArguments<Name>) => CallAnswer<Name> };

/** Answers may be views of machine memory, which changes and is shared; what is sent is a copy. */
function detached<T>(answer: T): T | Uint8Array {
  return answer instanceof Uint8Array ? new Uint8Array(answer) : answer;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return bytes;
}

export class MachineServer {
  private readonly machine: RunnableMachine;
  private readonly surroundings: ServerSurroundings;
  private readonly handlers: Handlers;
  private readonly pacemaker = new Pacemaker();
  private readonly cable: Cable;
  private readonly snapshots: SnapshotPace | undefined;
  private running = false;
  /** Cycles of idle time that this run may still pass at once. */
  private unpaced = 0;
  /** Milliseconds that profiling has taken. */
  private sampling = 0;
  /** Set by an exception out of the machine: it is looked at, but not run, until it is reset. */
  private broken = false;
  private sliceCycles = FIRST_CYCLES;
  private pendingOutput = new Map<string, Uint8Array[]>();
  private lastFlush = Number.NEGATIVE_INFINITY;
  private deviceOutput: OutputPiece[] = [];
  private busyUntil = Number.NEGATIVE_INFINITY;

  constructor(machine: RunnableMachine, surroundings: ServerSurroundings) {
    this.machine = machine;
    this.surroundings = surroundings;
    this.handlers = this.makeHandlers();
    this.cable = new Cable(machine);
    if (surroundings.timeTravel !== true) return;
    machine.remember();
    this.snapshots = new SnapshotPace(surroundings.now, () => machine.remember());
  }

  /** Serves for ever; ends with the thread. */
  serve(): never {
    this.post({ kind: 'ready' });
    for (;;) this.turn();
  }

  /** One round: answers what waits, then runs a slice, or waits for a call while the machine stands. */
  turn(): void {
    const { doorbell } = this.surroundings;
    if (doorbell.rung()) this.answerCalls();
    if (this.running) this.runSlice();
    else doorbell.wait(Number.POSITIVE_INFINITY);
  }

  private runSlice(): void {
    const { now } = this.surroundings;
    const start = now();
    try {
      this.cable.deliver();
      const { time } = this.machine.summary();
      const outcome = this.machine.runSlice(this.sliceCycles);
      const milliseconds = now() - start;
      this.machine.sample();
      this.sampling += now() - start - milliseconds;
      this.collectOutput();
      if (outcome === 'waiting') this.wait();
      else if (outcome === 'more') this.adaptSlice(milliseconds, this.machine.summary().time - time);
      else if ('reason' in outcome) this.stopped(outcome);
      else if (this.cable.isWaiting) this.machine.warp(Math.min(outcome.idleCycles, this.cable.cyclesToNext));
      else if (Number.isFinite(outcome.idleCycles) && outcome.idleCycles <= this.unpaced) this.passAtOnce(outcome.idleCycles);
      else this.idle(outcome.idleCycles);
      if (this.running) this.snapshots?.ran(milliseconds);
    } catch (error) {
      this.failed(error);
    }
    if (now() - this.lastFlush >= OUTPUT_INTERVAL_MS) this.flushOutput();
  }

  /** A slice that ended before its cycles were over was short for other reasons. */
  private adaptSlice(milliseconds: number, cycles: number): void {
    const isBusy = this.surroundings.now() < this.busyUntil;
    const [short, long] = isBusy ? [BUSY_SHORT_SLICE_MS, BUSY_LONG_SLICE_MS] : [SHORT_SLICE_MS, LONG_SLICE_MS];
    if (milliseconds > long) this.sliceCycles = Math.max(LEAST_CYCLES, Math.floor(this.sliceCycles / 2));
    else if (milliseconds < short && cycles >= this.sliceCycles) this.sliceCycles = Math.min(MOST_CYCLES, this.sliceCycles * 2);
  }

  /** Sleeps until the thread that serves the disks rings, or a call comes; looks again after a while in any case. */
  private wait(): void {
    this.flushOutput();
    this.surroundings.doorbell.wait(LONGEST_WAIT_MS);
  }

  /** Lets idle time pass without waiting; wall time is counted from there. */
  private passAtOnce(idleCycles: number): void {
    this.unpaced -= idleCycles;
    this.machine.warp(idleCycles);
    this.pacemaker.align(this.surroundings.now(), this.machine.summary().time);
  }

  /** Sleeps until something is due or a call comes, then lets as much virtual time pass as wall time has. */
  private idle(idleCycles: number): void {
    const { now, doorbell } = this.surroundings;
    const before = this.machine.summary().time;
    const sleep = this.pacemaker.sleep(now(), before, idleCycles);
    if (sleep > OUTPUT_INTERVAL_MS) this.flushOutput();
    const until = now() + sleep;
    doorbell.wait(sleep);
    const passed = now() >= until ? idleCycles : Math.min(idleCycles, this.pacemaker.behind(now(), before));
    if (passed > 0) this.machine.warp(passed);
  }

  private answerCalls(): void {
    for (let call = this.surroundings.port.receive(); call !== undefined; call = this.surroundings.port.receive()) {
      if (call.name === 'inputs') this.takeInputs(call);
      else this.answer(call);
    }
  }

  private answer<Name extends PromptCall>(call: CallMessage<Name>): void {
    try {
      const handler: Handlers[Name] = this.handlers[call.name];
      const value = detached(handler(...call.parameters));
      this.tellNotes();
      this.post({ kind: 'answer', id: call.id, value }, value instanceof Uint8Array && value.buffer instanceof ArrayBuffer ? [value.buffer] : []);
    } catch (error) {
      this.post({ kind: 'refusal', id: call.id, error: carryError(error) });
    }
  }

  private makeHandlers(): Handlers {
    const { machine } = this;
    return {
      resume: (request) => this.go(() => machine.resume(request), request.kind === 'step' ? STEP_IDLE_CYCLES : 0),
      travel: (to) => this.go(() => machine.travel(to)),
      bookmark: (change) => machine.bookmark(change),
      stepBack: (unit) => this.go(() => machine.stepBack(unit)),
      reverseContinue: () => this.go(() => machine.reverseContinue()),
      pause: () => {
        if (!this.running) return;
        try {
          this.stopped(machine.requestPause());
        } catch (error) {
          this.failed(error);
        }
      },
      reset: () => this.reset(),
      setBreakpoints: (breakpoints) => machine.setBreakpoints(breakpoints),
      setExceptionStops: (stops) => machine.setExceptionStops(stops),
      setWatchpoints: (watchpoints) => machine.setWatchpoints(watchpoints),
      setEventStops: (stops) => machine.setEventStops(stops),
      setRegister: (name, value, cpu) => machine.setRegister(name, value, cpu),
      writeMemory: (space, address, bytes) => machine.writeMemory(space, address, bytes),
      input: (input) => machine.input(input),
      recording: () => machine.recording(),
      record: () => {
        if (this.running) throw new MachineError('the machine runs: pause it, then save the recording', 'user');
        return machine.record();
      },
      saveSnapshot: (order) => {
        if (this.running) throw new MachineError('the machine runs: pause it, then save the recording', 'user');
        return machine.saveSnapshot(order);
      },
      diskStarts: () => {
        if (this.running) throw new MachineError('the machine runs: pause it, then save the recording', 'user');
        return machine.diskStarts();
      },
      summary: () => ({ ...machine.summary(), running: this.running }),
      cpu: (index) => machine.cpu(index),
      descriptors: () => machine.descriptors(),
      readMemory: (space, address, bytes) => machine.readMemory(space, address, bytes),
      addressSpaces: () => machine.addressSpaces(),
      table: (request) => machine.table(request),
      walk: (cr3, linear, key) => machine.walk(cr3, linear, key),
      frames: () => machine.frames(),
      frame: (page) => machine.frame(page),
      regions: () => machine.regions(),
      region: (entry) => machine.region(entry),
      profile: (action) => {
        if (action === 'start') this.sampling = 0;
        return { ...machine.profile(action), milliseconds: this.sampling };
      },
      counters: () => machine.counters(),
      execution: () => machine.execution(),
      devices: () => machine.devices(),
      interrupts: () => machine.interrupts(),
      events: () => machine.events(),
      disks: () => machine.disks(),
      readDisk: (name, offset, bytes) => machine.readDisk(name, offset, bytes),
      screen: () => machine.screen(),
      timeline: (range) => machine.timeline(range),
      picture: (since) => machine.picture(since),
      hash: () => machine.hash(),
    };
  }

  private takeInputs({ id, parameters: [inputs] }: CallMessage<'inputs'>): void {
    this.busyUntil = this.surroundings.now() + BUSY_MS;
    this.cable.add(inputs, (value) => this.post({ kind: 'answer', id, value }), (error) => this.post({ kind: 'refusal', id, error: carryError(error) }));
  }

  /**
   * Sets the machine going.
   * @param unpaced cycles of idle time that it may pass at once, where nobody else needs wall time
   */
  private go(start: () => void, unpaced = 0): void {
    if (this.running) throw new MachineError('the machine runs already: pause it first', 'user');
    if (this.broken) throw new MachineError('the machine cannot go on after an internal error: reset it', 'user');
    start();
    this.running = true;
    const { pace, networked = false } = this.surroundings;
    this.unpaced = networked ? 0 : pace === 'fast' ? Number.POSITIVE_INFINITY : unpaced;
    this.pacemaker.align(this.surroundings.now(), this.machine.summary().time);
    this.event({ kind: 'running' });
  }

  /** A reset under a running machine ends that run: its `stopped` event comes before the answer. */
  private reset(): void {
    const wasRunning = this.running;
    this.running = false;
    try {
      this.machine.reset();
      this.broken = false;
    } catch (error) {
      this.failed(error);
      throw error;
    }
    this.collectOutput();
    if (wasRunning) this.stopped(this.standing({ kind: 'entry' }));
  }

  private stopped(report: StopReport): void {
    this.running = false;
    this.collectOutput();
    this.flushOutput();
    this.tellNotes();
    this.event({ kind: 'stopped', report });
  }

  /** An exception came out of the machine: our bug (invariant 9), unless the machine says whose it is. */
  private failed(error: unknown): void {
    const { message, stack } = carryError(error);
    this.running = false;
    this.broken = true;
    const report = this.standing({ kind: 'internal-error', message, stack: stack ?? '' });
    this.flushOutput();
    this.event({ kind: 'stopped', report });
  }

  /** A report about where the machine stands now, as far as a broken one can still say. */
  private standing(reason: StopReason): StopReport {
    try {
      this.collectOutput();
      const { retired, time } = this.machine.summary();
      const { selector, instructionPointer, linear } = this.machine.cpu();
      return { reason, retired, time, selector, instructionPointer, linear };
    } catch {
      return { reason, retired: 0, time: 0, selector: 0, instructionPointer: 0n, linear: 0n };
    }
  }

  private collectOutput(): void {
    for (const piece of this.machine.takeOutput()) {
      if (isServiceChannel(piece.channel)) {
        this.deviceOutput.push(piece);
        continue;
      }
      const pieces = this.pendingOutput.get(piece.channel);
      if (pieces === undefined) this.pendingOutput.set(piece.channel, [piece.bytes]);
      else pieces.push(piece.bytes);
    }
    if (this.deviceOutput.length > 0) this.sendDeviceOutput();
  }

  /** What a service of the host's answers does not wait for other output: the guest waits for the answer. */
  private sendDeviceOutput(): void {
    this.busyUntil = this.surroundings.now() + BUSY_MS;
    const pieces = this.deviceOutput;
    this.deviceOutput = [];
    for (const channel of new Set(pieces.map((piece) => piece.channel))) {
      const its = pieces.filter((piece) => piece.channel === channel);
      const bytes = joined(its.map((piece) => piece.bytes));
      let end = 0;
      const moments = its.map((piece): DeviceMessage['moments'][number] => {
        end += piece.bytes.length;
        return { end, time: piece.time };
      });
      this.post({ kind: 'device', channel, bytes, moments }, [bytes.buffer]);
    }
  }

  private flushOutput(): void {
    this.lastFlush = this.surroundings.now();
    const log = this.machine.takeLog();
    if (log.entries.length > 0) this.event({ kind: 'log', ...log });
    const pending = this.pendingOutput;
    if (pending.size === 0) return;
    this.pendingOutput = new Map();
    for (const [channel, pieces] of pending) {
      const bytes = joined(pieces);
      this.post({ kind: 'event', event: { kind: 'output', channel, bytes } }, [bytes.buffer]);
    }
  }

  private tellNotes(): void {
    for (const text of this.machine.takeNotes()) this.event({ kind: 'message', blame: 'user', text });
  }

  private event(event: MachineEvent): void {
    this.post({ kind: 'event', event });
  }

  private post(message: MonitorMessage, transfer: readonly ArrayBuffer[] = []): void {
    this.surroundings.port.post(message, transfer);
  }
}
