/**
 * One virtual machine: its clock and event queue, its runs, its input log, its stops. Everything here is
 * synchronous and deterministic: a run is a function of the images and the logged input (invariant 1).
 */
import * as L from '../cpu/layout';
import { TripleFault } from '../cpu/interrupts';
import type { DeviceHost, DeviceStop, EventAnswer, MachineInput } from '../devices/device';
import { lineOfVector } from '../devices/interrupt-picture';
import type { RunOutcome } from '../engine/executor';
import type { StorageService } from '../disks/blockStore';
import type { ScheduledEventView } from '../inspection/queries';
import type { TranslationService } from '../engine/translator/order';
import type { FirmwareEnvironment } from '../firmware/platform';
import { outsideAddress } from './addresses';
import { MachineError } from './blame';
import { EventQueue } from './eventQueue';
import { ServiceCpu } from './firmwareCpu';
import { floppiesIn, type FileStore, type MachineImages } from './images';
import { handInput, preparedInput } from './inputs';
import { allDisks, buildParts, hasA20, type MachineParts } from './parts';
import { BusAccess } from './busAccess';
import { hardReset, powerOn, softReset } from './resets';
import { RunControl } from './runControl';
import { SliceGuard } from './sliceGuard';
import { LARGE_ZERO } from '../memory/largeNumbers';
import type { OutputPiece, SliceOutcome } from './runnable';
import type { Recording, RunRequest, StopReason, StopReport } from './session';
import { StopSet, type StopMode } from './stopSet';
import { setRegister } from './registerEdits';
import { plainStates, restoreState, saveState, type MachineState } from './machineState';
import { writeMemory } from './memoryRequests';
import { compare, hasLedTo, type Position } from './position';
import { InputLog, type Edit } from './inputLog';
import { OutputGate } from './outputGate';
import { copyPlain } from '../snapshot/plainCopy';
import { chainReport, haltStory } from './stories';
import { VariableStore } from './variableStore';

/** Pages of the guest that are compared in one piece of idle time, about a microsecond each (see ../memory/pageSharing). */
const PAGES_SCANNED_WHEN_IDLE = 64;

/** Instructions and cycles that may be run before a moment is reached. */
function leftTo(end: Position | undefined, retired: number, now: number): number {
  if (!end) return Infinity;
  const cycles = Math.max(end.time - now, 0);
  // In a repeated instruction time passes, and nothing retires: up to its middle, or to where it was interrupted.
  return retired === end.retired ? cycles : Math.max(Math.min(end.retired - retired, cycles), 0);
}

export class VirtualMachine {
  readonly parts: MachineParts;
  readonly queue = new EventQueue();
  /** What has come in, was changed, and is to come. */
  readonly log = new InputLog();
  readonly output = new OutputGate();
  /** Inputs that came at a moment which the retired count does not lead to again: they are taken at the next one that it does. */
  private arrivals: MachineInput[] = [];
  /** Told when something is changed from outside now that was not to come. */
  onChange: () => void = () => undefined;
  /** The moment at which the run under way ends, if it is after one. */
  private limit: Position | undefined;
  /** Resets by the guest so far. */
  private resets = 0;
  private control: RunControl | undefined;
  private stopRequest: DeviceStop | undefined;
  /** Virtual time up to which the burst under way may run; 0 between bursts. */
  private burstEnd = LARGE_ZERO;
  /** What a debugger wants it to stop at: no part of the machine itself. */
  readonly stops: StopSet;
  /** The stop that nothing but a reset leads away from. */
  private dead: StopReason | undefined;
  private readonly bus: BusAccess;
  /** What the built-in BIOS works with; undefined for a machine without it. */
  readonly environment: FirmwareEnvironment | undefined;
  /** The file with the firmware's variables, where it is to be written. */
  private readonly variables: VariableStore | undefined;
  /** Sentences about what was loaded, for the person. */
  readonly notes: readonly string[];
  /** The same about what has happened since; whoever takes them empties it. */
  readonly lateNotes: string[] = [];

  constructor(
    readonly images: MachineImages,
    files: FileStore,
    translation?: TranslationService,
    storage?: StorageService,
  ) {
    const { firmwareVariables: variables, recording } = images;
    // What the run of a recording comes to has been kept when it was recorded.
    this.variables = variables?.writable === true && recording === undefined ? new VariableStore(files, variables) : undefined;
    this.parts = buildParts(images, { files, translation, storage }, {
      devices: this.deviceHost(),
      bus: () => this.bus,
      now: () => this.now(),
    });
    const { bios, firmwareMemory, board, cpu, drives, diskTransfers } = this.parts;
    this.environment = bios && {
      memory: firmwareMemory,
      ports: board.ports,
      cpu: new ServiceCpu(cpu),
      drives,
      floppies: floppiesIn(images).map((_, unit) => board.floppyDrive(unit)),
      cdrom: images.cdrom === undefined ? undefined : { disc: () => board.cdromDisc() },
      transfer: (request) => diskTransfers.begin(request),
      now: () => this.now(),
      log: (text) => this.emit('debug', new TextEncoder().encode(text)),
    };
    this.bus = new BusAccess(this.parts, this.environment);
    const { board: { apics, vga }, executor, map } = this.parts;
    this.stops = new StopSet({ cpu, executor, map, peekDevice: (address, bytes) => vga.peekMemory(address, bytes), nextVector: () => apics.nextVector(apics.currentCpu), nextLine: () => this.nextLine(), time: () => this.now() });
    this.notes = this.start();
  }

  /** The line whose interrupt the CPU would take now. */
  private nextLine(): number | undefined {
    const { board } = this.parts;
    const { apics } = board;
    return lineOfVector(board.interrupts(), apics.nextVector(apics.currentCpu), apics.isNextExternal(apics.currentCpu));
  }

  // Time.

  /** Virtual time in cycles, exact to the instruction under way. */
  now(): number {
    const { executor } = this.parts;
    return executor.retired() + executor.cpu.state.f64(L.IDLE);
  }

  get retired(): number {
    return this.parts.cpu.state.f64(L.RETIRED);
  }

  get time(): number {
    return this.retired + this.parts.cpu.state.f64(L.IDLE);
  }

  // Runs.

  /** Whether nothing but a reset, or going back in time, leads on. */
  get isDead(): boolean {
    return this.dead !== undefined;
  }

  /** Begins a run. */
  resume(request: RunRequest): void {
    if (this.dead) throw new MachineError('The machine has come to its end: reset it to run it again.', 'user');
    const { count } = this.parts.processors;
    if ('cpu' in request && request.cpu !== undefined && !(request.cpu >= 0 && request.cpu < count)) {
      throw new MachineError(`There is no CPU ${request.cpu}: this machine has ${count}, counted from 0.`, 'user');
    }
    this.begin(request, 'forwards');
    this.parts.executor.passOver();
  }

  /**
   * Begins a run for time travel, which ends at a moment (reason 'count') if not before.
   * @param mode whether it passes breakpoints and all else that stops; if not, a breakpoint right here counts, too
   */
  rerun(request: RunRequest, limit: Position | undefined, mode: StopMode): void {
    this.begin(request, mode);
    this.limit = limit;
  }

  private begin(request: RunRequest, mode: StopMode): void {
    this.limit = undefined;
    const control = new RunControl(this.parts.executor, request, this.retired, this.processorOf(request));
    this.control = control;
    this.stops.begin({ mode, awaited: control.awaited, processor: control.processor });
    this.stops.setTemporary(control.temporaryBreakpoints);
  }

  /** The CPU that a run is about. */
  private processorOf(request: RunRequest): number {
    const { current, count } = this.parts.processors;
    const { cpu = current } = request.kind === 'step' || request.kind === 'next' ? request : {};
    if (!(cpu in Array.from({ length: count }))) throw new MachineError(`There is no CPU ${cpu} to step: the machine has ${count}, counted from 0.`, 'user');
    return cpu;
  }

  /** Runs for at most about `maxCycles`; see RunnableMachine. */
  runSlice(maxCycles: number): SliceOutcome {
    const target = this.time + maxCycles;
    for (const disk of allDisks(this.parts)) disk.cache.age();
    const guard = new SliceGuard(this.parts.executor);
    const limit = this.images.configuration.maxInstructions ?? Infinity;
    const { processors, executor } = this.parts;
    for (;;) {
      if (this.handleDue() === 'wait') return 'waiting';
      const end = this.nextEnd();
      executor.lastDelivery = end?.deliveries ?? Infinity;
      // A reset that waits belongs to the moment only if it had happened then.
      const stopped = end && hasLedTo(this.position, end) ? undefined : this.takeStop();
      if (stopped) return stopped;
      const { control } = this;
      if (!control) throw new Error('runSlice without a run');
      const seen = this.seenBetween();
      if (seen) return this.report(seen);
      if (end && this.time >= end.time && this.retired >= end.retired && this.retired < control.end) {
        this.settle(end);
        const delivered = this.stops.take();
        if (delivered) return this.report(delivered);
        if (end === this.limit) return this.report({ kind: 'count' });
        this.repeatEdit();
        continue;
      }
      if (this.retired >= Math.min(control.end, limit)) return this.report({ kind: 'count' });
      const now = this.time;
      if (now >= control.endTime) return this.report({ kind: 'time' });
      if (now >= target || guard.isSpent) return 'more';
      if (!processors.schedule()) return this.idle(control, now);
      const deadline = Math.min(this.queue.nextTime, this.nextReplay(), control.endTime, target);
      const left = Math.min(deadline - now, control.end - this.retired, limit - this.retired, leftTo(end, this.retired, now), processors.turnLeft, this.burstOf(control), guard.burst());
      this.burstEnd = now + left;
      const stop = this.advance(control, left);
      this.burstEnd = 0;
      if (stop) return this.report(stop);
    }
  }

  /** Lets idle time pass. */
  warp(cycles: number): void {
    const s = this.parts.cpu.state;
    s.setF64(L.IDLE, s.f64(L.IDLE) + cycles);
    this.parts.sharing?.scan(PAGES_SCANNED_WHEN_IDLE);
  }

  /** Ends a run where it stands. */
  requestPause(): StopReport {
    return this.report({ kind: 'pause' });
  }

  /** Whether the run is about the CPU whose turn it is: the others only go on beside it. */
  private concerns(control: RunControl): boolean {
    return control.processor === this.parts.processors.current;
  }

  private burstOf(control: RunControl): number {
    return this.concerns(control) ? control.burst : Infinity;
  }

  /** One burst of instructions; a reason when the run is over. */
  private advance(control: RunControl, budget: number): StopReason | undefined {
    const { executor } = this.parts;
    let outcome: RunOutcome;
    let done: boolean;
    try {
      ({ outcome, done } = this.concerns(control) ? control.run(budget) : { outcome: executor.run(budget), done: false });
    } catch (reason) {
      if (!(reason instanceof TripleFault)) throw reason;
      // The processor's shutdown cycle, which the chipset answers by a reset.
      if (this.images.configuration.tripleFault === 'reset') return void (this.stopRequest = { kind: 'reset', cause: 'triple fault', hard: false });
      return this.end({ kind: 'triple-fault', chain: chainReport(reason.chain) });
    }
    const reached = this.stops.take();
    const arrived = outcome.kind === 'breakpoint' && this.concerns(control) && control.arrived(outcome.linear);
    if (reached) return reached;
    if (done || arrived) return { kind: 'step' };
    this.stops.setTemporary(control.temporaryBreakpoints);
    if (outcome.kind === 'breakpoint') executor.passOver();
    return undefined;
  }

  /** What is to be stopped at that was done by devices, between two instructions. */
  private seenBetween(): StopReason | undefined {
    if (!this.stops.isPending || this.parts.executor.isRepeating || !this.stops.behind()) return undefined;
    return this.stops.take();
  }

  /** Halted: idle until something is due, or dead when nothing can ever come. */
  private idle(control: RunControl, now: number): SliceOutcome {
    const s = this.parts.cpu.state;
    if (this.parts.processors.isDead) {
      return this.report(this.end({ kind: 'halted-forever', story: haltStory(s.selector(L.CS), s.u64(L.EIP)) }));
    }
    return { idleCycles: Math.min(this.queue.nextTime, this.nextReplay(), control.endTime, this.nextEnd()?.time ?? Infinity) - now };
  }

  /** Handles what is due: recorded input and device events, in the order in which they first happened. 'wait' when a disk is not done. */
  private handleDue(): EventAnswer {
    if (this.arrivals.length > 0 && this.parts.executor.isBetween) for (const input of this.arrivals.splice(0)) this.takeNew(input);
    for (;;) {
      const end = this.nextEnd();
      if (end && hasLedTo(this.position, end)) return undefined;
      if (this.isInputDue) {
        // A run that ends here ended before it came in, or could have: the first moment of a count is where a way there ends.
        if (this.isAtEnd) return undefined;
        this.replayInput();
        continue;
      }
      const event = this.queue.takeDue(this.time);
      if (!event) return undefined;
      if (this.parts.board.event(event.device, event.event) === 'wait') {
        this.queue.putBack(event);
        return 'wait';
      }
      // What a device has done is looked at before anything else happens.
      if (this.stops.isPending) return undefined;
    }
  }

  // Moments.

  /** The present moment. */
  get position(): Position {
    const { executor, processors, cpu } = this.parts;
    const { inputs, edits } = this.log.counts;
    return {
      retired: this.retired, time: this.time, events: this.queue.state.handled, inputs, edits, resets: this.resets,
      changes: processors.changes, deliveries: executor.deliveries,
      repeating: executor.isRepeating ? [L.RCX, L.RSI, L.RDI].map((register) => cpu.state.reg64(register)).join() : '',
    };
  }

  /** The moment before which a run has to be looked at: its end, or that of a change that is to be made again. */
  private nextEnd(): Position | undefined {
    const { limit } = this;
    const edit = this.log.nextEdit?.at;
    return limit && edit ? (compare(edit, limit) < 0 ? edit : limit) : (limit ?? edit);
  }

  /** Carries out what had happened at a moment behind the last instruction and event: turns, and what was delivered. */
  private settle(end: Position): void {
    const { processors, executor } = this.parts;
    while (processors.changes < end.changes) {
      const { changes } = processors;
      processors.schedule();
      if (processors.changes === changes) return;
    }
    while (executor.deliveries < end.deliveries) {
      const { deliveries } = executor;
      executor.run(0);
      if (executor.deliveries === deliveries) return;
    }
  }

  /** Changes a register or memory as a debugger wants it; remembers that for when this moment is run through again. */
  edit(edit: Edit): number {
    const { position } = this;
    const done = this.carryOut(edit);
    // Who stands here goes on from here, wherever that is now. A run that comes by once more stops here if it is to.
    if (edit.kind === 'register') this.parts.executor.passOver();
    this.onChange();
    this.log.addEdit(position, edit);
    return done;
  }

  private repeatEdit(): void {
    const next = this.log.nextEdit;
    if (!next) return;
    this.carryOut(next.edit);
    this.log.noteEdit();
  }

  private carryOut(edit: Edit): number {
    return this.stops.silently(() => this.write(edit));
  }

  private write(edit: Edit): number {
    const { cpu, processors } = this.parts;
    if (edit.kind === 'memory') return writeMemory(this.parts, edit.space, edit.address, edit.bytes);
    processors.visit(edit.cpu ?? processors.current, () => setRegister(cpu, edit.name, edit.value));
    return 1;
  }

  /** All of the present moment that is not in bulk (memory, disks). Equal parts are shared with an earlier copy. */
  save(earlier?: MachineState): MachineState {
    const { parts, position, queue, dead, stopRequest } = this;
    const { produced } = this.output;
    return saveState(parts, { position, queue: queue.state, dead, stopRequest, produced }, earlier);
  }

  /** Goes to a moment, when memory and disks have been given what they held then. */
  restore(state: MachineState): void {
    const { position, queue, dead, stopRequest, produced } = state.own;
    this.queue.state = copyPlain(queue);
    this.log.seek(position.inputs, position.edits);
    this.output.seek(produced);
    this.resets = position.resets;
    this.dead = dead;
    this.stopRequest = stopRequest;
    this.control = this.limit = undefined;
    this.arrivals = [];
    this.stops.forget();
    const { log } = this.parts.executor.locator;
    log.instructionsUntil(this.retired);
    restoreState(this.parts, state);
    log.goTo(this.retired);
  }

  /** What was still to come, because the machine has gone back in time, will not come. */
  forgetFuture(): void {
    this.log.forgetFuture();
    this.output.forgetFuture();
  }

  // Input.

  /** Something comes in from outside: stamped, logged, then seen. */
  input(input: MachineInput): void {
    if (this.parts.executor.isBetween && this.arrivals.length === 0) this.takeNew(input);
    else this.arrivals.push(input);
  }

  private takeNew(given: MachineInput): void {
    const input = preparedInput(this.parts, this.images, given);
    handInput(this.parts, input);
    this.onChange();
    this.log.addInput({ time: this.time, retired: this.retired, events: this.queue.state.handled }, input);
  }

  /** What devices have scheduled, the next first. */
  upcoming(): readonly ScheduledEventView[] {
    return this.queue.state.pending.map(({ device, event, time }) => ({ device, event, time }));
  }

  private nextReplay(): number {
    return this.log.nextInput?.time ?? Infinity;
  }

  private get isInputDue(): boolean {
    const next = this.log.nextInput;
    return next !== undefined && next.time <= this.time && next.events <= this.queue.state.handled;
  }

  /** Hands the next recorded input over. */
  private replayInput(): void {
    const next = this.log.nextInput;
    if (!next) return;
    handInput(this.parts, next.input);
    this.log.noteInput();
  }

  /** Whether the run under way has as many instructions, or as much time, as it was to have. */
  private get isAtEnd(): boolean {
    const { control } = this;
    return control !== undefined && (this.retired >= control.end || this.time >= control.endTime);
  }

  recording(): Recording {
    return { inputs: this.log.past, retired: this.retired, time: this.time };
  }

  // Stops.

  private takeStop(): SliceOutcome | undefined {
    const stop = this.stopRequest;
    if (!stop) return undefined;
    this.stopRequest = undefined;
    if (stop.kind === 'reset') {
      this.emit('debug', new TextEncoder().encode(`[reset: ${stop.cause}]\n`));
      this.beginAgain(stop.hard);
      // A guest may do nothing but reset itself, in milliseconds each and hardly any cycles: the host is asked in between.
      return 'more';
    }
    return this.report(this.end(stop.kind === 'exit' ? { kind: 'exit', status: stop.status } : { kind: 'power-off' }));
  }

  /** Nothing but a reset leads on from here. The guest's last words still come out of its serial ports. */
  private end(reason: StopReason): StopReason {
    this.dead = reason;
    this.parts.board.drain();
    return reason;
  }

  report(reason: StopReason): StopReport {
    for (const disk of allDisks(this.parts)) disk.cache.settle();
    this.keepVariables();
    const { executor, cpu } = this.parts;
    return {
      reason,
      retired: this.retired,
      time: this.time,
      selector: cpu.state.selector(L.CS),
      instructionPointer: cpu.state.u64(L.EIP),
      linear: outsideAddress(executor.cpu.state, executor.linear()),
    };
  }

  /** What the guest has changed of its firmware's variables goes to their file, if they have one. */
  private keepVariables(): void {
    try {
      this.variables?.settle(this.parts.board.flash?.written ?? new Map());
    } catch (error) {
      this.lateNotes.push(`firmwareVariables: what the guest has changed is not in the file: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Power-on reset: as it was when it was built. */
  reset(): void {
    const s = this.parts.cpu.state;
    s.setF64(L.RETIRED, 0);
    s.setF64(L.IDLE, 0);
    this.start();
  }

  private start(): readonly string[] {
    this.queue.reset();
    const { recording } = this.images;
    this.log.begin(recording?.inputs ?? [], recording?.edits ?? []);
    this.output.begin();
    this.arrivals = [];
    this.limit = undefined;
    this.resets = 0;
    this.dead = undefined;
    this.stopRequest = undefined;
    this.control = undefined;
    for (const disk of allDisks(this.parts)) disk.discardOverlay();
    this.parts.board.restoreDiscs();
    // What is in a file outlasts a reset, as on a disk.
    if (this.variables === undefined) this.parts.board.flash?.renew();
    return this.powerOn();
  }

  private powerOn(): readonly string[] {
    this.stops.forget();
    return this.stops.silently(() => powerOn(this.parts, this));
  }

  /** A reset by the guest: what it can reach begins anew, time goes on. */
  private beginAgain(hard: boolean): void {
    this.stops.forget();
    this.stops.silently(() => {
      if (hard) hardReset(this.parts, this);
      else softReset(this.parts);
    });
    this.resets++;
  }

  /** All plain state beside memory and CPU, by name. */
  plainStates(): Readonly<Record<string, unknown>> {
    return plainStates(this.parts, this.queue.state);
  }

  // What the parts ask.

  takeOutput(): readonly OutputPiece[] {
    return this.output.take();
  }

  private emit(channel: string, bytes: Uint8Array): void {
    this.output.emit(channel, bytes, this.now());
  }

  private deviceHost(): DeviceHost {
    return {
      now: () => this.now(),
      schedule: (device, event, at) => {
        this.queue.schedule(device, event, at);
        // The burst under way has been given a budget beyond the new event.
        if (at < this.burstEnd) this.parts.executor.requestReturn();
      },
      cancel: (device, event) => this.queue.cancel(device, event),
      setInterruptLine: (line, level) => this.parts.board.interruptController.setLine(line, level),
      output: (channel, bytes) => this.emit(channel, bytes),
      requestStop: (stop) => {
        this.stopRequest = stop;
        this.parts.executor.requestReturn();
      },
      setA20: (enabled) => this.setA20(enabled),
    };
  }

  private setA20(open: boolean): void {
    const { map, mmu, cpu } = this.parts;
    const enabled = open && hasA20(cpu);
    if (map.a20 === enabled) return;
    map.a20 = enabled;
    mmu.shadow.dropAll();
    cpu.changedContext();
  }
}
