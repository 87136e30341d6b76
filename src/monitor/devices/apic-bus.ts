/**
 * The local APICs of all processors and the bus between them: register accesses, interprocessor interrupts,
 * messages from the I/O APIC, local inputs, timers, and what of it reaches each processor.
 *
 * Source: Intel SDM vol. 3, chapter 11. Each processor finds its own APIC at the same address: the machine sets
 * `currentCpu` to the processor whose instructions it is about to run.
 */
import type { DeviceDescription } from './description';
import { localApicDescription } from './registers/local-apic';
import { allOnes } from './access';
import { DELIVERY, FIRST_LEGAL_VECTOR, SHORTHAND, decodeCommand, isAddressed, type InterruptMessage } from './apic-message';
import type { AccessSize, Device, DeviceHost, MemoryRegion, PortRange } from './device';
import {
  APIC_ERROR, LVT, LVT_BIT, acceptsVectors, acknowledgeVector, arbitrationPriority, deliveryOf, endService,
  externalPending, initialiseApic, interruptPending, isInputActive, isRequested, latchErrors, logError, nextVector, powerOnApic,
  readApicBase, requestVector, writeApicBase, writeLvt, writeSpurious, type LocalApicState,
} from './local-apic';
import { APIC_REGISTER, accessibleRegister, isReserved, readApicRegister } from './local-apic-registers';
import {
  TIMER_MODE, TimerExpiry, changeTimerMode, mayBeOutOfSight, settleTimer, writeDivide, writeInitialCount, type TimerMoment,
} from './local-apic-timer';

/** What the local APICs tell the processors, at once: inside the access, event or line change that is the cause. */
export interface CpuSignals {
  /** `pending(cpu)` has changed. */
  interruptChanged(cpu: number): void;
  /** An edge on NMI: the processor takes it when it can, and remembers one. */
  nonMaskable(cpu: number): void;
  /** INIT: the processor resets (caches, MSRs and x87 as the manual's table 10-1 says for INIT); an AP then waits for SIPI. */
  initialise(cpu: number): void;
  /** SIPI: a processor that waits for it starts in real mode at `vector` * 4096; any other ignores it. */
  startUp(cpu: number, vector: number): void;
}

/** What the local APICs are connected to. */
export interface ApicWiring {
  readonly signals: CpuSignals;
  /** INTA to the 8259 pair: its vector. */
  acknowledgeExternal(): number;
  /** The vector that it would give now. */
  nextExternal(): number;
  /** EOI broadcast: a level-triggered vector has been served. */
  endOfInterrupt(vector: number): void;
  /** An APIC may take messages now that it did not take before. */
  readinessChanged(): void;
  /** The time-stamp counter of a processor, for TSC deadlines. */
  timeStamp(cpu: number): bigint;
  /** `regions` has changed: a processor has moved its APIC. */
  regionsChanged(): void;
}

export interface ApicBusOptions {
  /** Number of processors; APIC IDs are 0 to `cpus` - 1. */
  readonly cpus: number;
  /** Whether the CPU model has an APIC: else all are switched off and the 8259 reaches processor 0. Default true. */
  readonly present?: boolean;
  /** Whether the CPU model has x2APIC. Default true. */
  readonly x2apic?: boolean;
}

export interface ApicBusState {
  apics: LocalApicState[];
  /** Who won the last lowest-priority arbitration: among equals the next one behind it wins. */
  lastWinner: number;
}

const PAGE_BYTES = 4096;
const TIMER_EVENT = 'timer';
const FIRST_X2APIC_MSR = 0x800;
const LAST_X2APIC_MSR = 0x8ff;
const LOW_32 = 0xffffffffn;

export class ApicBus implements Device {
  readonly name = 'apic';
  readonly ports: readonly PortRange[] = [];
  readonly description: DeviceDescription;
  state: ApicBusState;
  /** The processor that accesses memory now. Not state: the machine knows at any time whose turn it is. */
  currentCpu = 0;
  readonly #host: DeviceHost;
  readonly #options: ApicBusOptions;
  readonly #wiring: ApicWiring;
  readonly #timerEvents: readonly string[];
  /** By processor. */
  readonly #expiries: readonly TimerExpiry[];

  constructor(host: DeviceHost, options: ApicBusOptions, wiring: ApicWiring) {
    this.#host = host;
    this.#options = options;
    this.#wiring = wiring;
    this.#timerEvents = Array.from({ length: options.cpus }, (_, cpu) => TIMER_EVENT + String(cpu));
    this.#expiries = this.#timerEvents.map(() => new TimerExpiry());
    this.state = this.#powerOnState();
    this.description = localApicDescription(options.cpus);
  }

  /** The pages in which registers lie: one, unless a guest moves some APICs. */
  get regions(): readonly MemoryRegion[] {
    const bases = new Set(this.state.apics.map((apic) => apic.base));
    return [...bases].map((first) => ({ first, bytes: PAGE_BYTES }));
  }

  /** Inputs keep the level at which they are held. */
  reset(): void {
    const before = this.state.apics;
    this.state = this.#powerOnState();
    this.state.apics.forEach((apic, cpu) => {
      apic.localInputs = before[cpu].localInputs;
      this.#host.cancel(this.name, this.#timerEvents[cpu]);
      this.#update(cpu);
    });
    if (before.some((apic, cpu) => apic.base !== this.state.apics[cpu].base)) this.#wiring.regionsChanged();
  }

  #powerOnState(): ApicBusState {
    const present = this.#options.present ?? true;
    const apics = Array.from({ length: this.#options.cpus }, (_, cpu) => powerOnApic(cpu, present));
    return { apics, lastWinner: this.#options.cpus - 1 };
  }

  // The processor's side.

  /** Whether INTR of this processor is raised. */
  pending(cpu: number): boolean {
    return interruptPending(this.state.apics[cpu]);
  }

  /** Takes the interrupt that this processor is to serve next, and gives its vector. ExtINT goes before the APIC's own. */
  acknowledge(cpu: number): number {
    const apic = this.state.apics[cpu];
    this.#settle(cpu);
    if (!externalPending(apic) && apic.mode !== 'disabled') {
      const vector = acknowledgeVector(apic);
      this.#served(cpu, vector);
      return vector;
    }
    apic.externalRequest = false;
    const vector = this.#wiring.acknowledgeExternal();
    this.#served(cpu);
    return vector;
  }

  /** The vector that `acknowledge` would give now. It only looks. */
  nextVector(cpu: number): number {
    return this.isNextExternal(cpu) ? this.#wiring.nextExternal() : nextVector(this.state.apics[cpu]);
  }

  /** Whether that one comes from the 8259 pair. */
  isNextExternal(cpu: number): boolean {
    const apic = this.state.apics[cpu];
    return externalPending(apic) || apic.mode === 'disabled';
  }

  /** CR8: the class of the task priority. */
  taskPriorityClass(cpu: number): number {
    return this.state.apics[cpu].taskPriority >> 4;
  }

  setTaskPriorityClass(cpu: number, value: number): void {
    this.#writeRegister(cpu, APIC_REGISTER.taskPriority, (value & 15) << 4);
  }

  /** IA32_APIC_BASE (MSR 1Bh). */
  readBase(cpu: number): bigint {
    return readApicBase(this.state.apics[cpu]);
  }

  /** Writes IA32_APIC_BASE. False: WRMSR raises #GP(0), and nothing has changed. */
  writeBase(cpu: number, value: bigint): boolean {
    const apic = this.state.apics[cpu];
    const before = apic.base;
    this.#settle(cpu);
    if (!writeApicBase(apic, value, this.#options.x2apic ?? true)) return false;
    this.#changed(cpu);
    this.#wiring.readinessChanged();
    if (apic.base !== before) this.#wiring.regionsChanged();
    return true;
  }

  /** Reads an MSR of 800h-8FFh. Undefined: RDMSR raises #GP(0). */
  readMsr(cpu: number, msr: number): bigint | undefined {
    const apic = this.state.apics[cpu];
    const number = this.#msrRegister(cpu, msr, 'r');
    if (number === undefined) return undefined;
    this.#settle(cpu);
    const low = BigInt(readApicRegister(apic, number, this.#moment(cpu)));
    return number === APIC_REGISTER.commandLow ? low | (BigInt(apic.commandHigh) << 32n) : low;
  }

  /** Writes an MSR of 800h-8FFh. False: WRMSR raises #GP(0), and nothing has changed. */
  writeMsr(cpu: number, msr: number, value: bigint): boolean {
    const number = this.#msrRegister(cpu, msr, 'w');
    if (number === undefined) return false;
    const bits = BigInt(accessibleRegister(number, 'x2apic', 'w')?.bits ?? 0);
    const command = number === APIC_REGISTER.commandLow;
    if ((value & ~(command ? bits | (LOW_32 << 32n) : bits)) !== 0n) return false;
    if (command) this.state.apics[cpu].commandHigh = Number(value >> 32n);
    this.#writeRegister(cpu, number, Number(value & LOW_32));
    return true;
  }

  /** IA32_TSC_DEADLINE (MSR 6E0h): 0 outside TSC-deadline mode. */
  readDeadline(cpu: number): bigint {
    this.#settle(cpu);
    return this.state.apics[cpu].timer.deadline;
  }

  /** Arms the timer for a value of the time-stamp counter, 64 bits; 0 disarms it. Ignored outside TSC-deadline mode. */
  writeDeadline(cpu: number, value: bigint): void {
    this.#settle(cpu);
    const { timer } = this.state.apics[cpu];
    if (this.#moment(cpu).mode === TIMER_MODE.deadline) timer.deadline = BigInt.asUintN(64, value);
    this.#expiries[cpu].forget();
    this.#settle(cpu);
    this.#arrange(cpu);
  }

  /** The guest has set a time-stamp counter: its deadline comes sooner or later than it did. */
  timeStampChanged(cpu: number): void {
    this.#expiries[cpu].forget();
    this.#settle(cpu);
    this.#changed(cpu);
  }

  /** Tells the processors again what follows from the state, after it has been replaced by a snapshot's. */
  announce(): void {
    for (const { id } of this.state.apics) this.#wiring.signals.interruptChanged(id);
    this.#wiring.regionsChanged();
  }

  // The board's side.

  /** Drives LINT0 (0: the 8259's output) or LINT1 (1: NMI) of all processors. */
  setLocalInput(input: 0 | 1, level: boolean): void {
    for (const apic of this.state.apics) {
      const before = isInputActive(apic, input);
      apic.localInputs[input] = level;
      const rises = !before && isInputActive(apic, input);
      if (apic.mode === 'disabled') this.#rawInput(apic.id, input, rises);
      else this.#takeInput(apic.id, input, rises);
      this.#update(apic.id);
    }
  }

  /**
   * Delivers a message of the I/O APIC or of a device. Says whether any APIC has taken it; a level-triggered one
   * that nobody took is the sender's to repeat.
   */
  deliver(message: InterruptMessage): boolean {
    return this.#dispatch(message, this.state.apics.filter((apic) => isAddressed(apic, message)));
  }

  event(name: string): void {
    const cpu = Number(name.slice(TIMER_EVENT.length));
    this.#settle(cpu);
    this.#changed(cpu);
  }

  peek(block: string, register: string): number | undefined {
    const index = this.description.blocks.findIndex(({ name }) => name === block);
    const found = this.description.blocks[index]?.registers.find(({ name }) => name === register);
    if (found === undefined || found.access === 'write-only') return undefined;
    const apic = this.state.apics[index];
    const moment = this.#moment(index);
    // The timer is brought up to now on a copy.
    const timer = { ...apic.timer };
    settleTimer(timer, moment);
    return readApicRegister({ ...apic, timer }, found.at >> 4, moment);
  }

  // Registers in memory.

  readMemory(address: number, size: AccessSize): number {
    const cpu = this.currentCpu;
    const apic = this.state.apics[cpu];
    const offset = address - apic.base;
    if (apic.mode !== 'xapic' || offset < 0 || offset >= PAGE_BYTES) return allOnes(size);
    this.#settle(cpu);
    const value = this.#readMapped(cpu, offset >> 4);
    // Registers have 32 bits; what lies behind them, up to the next one, is reserved.
    const shift = 8 * (offset & 15);
    return shift >= 32 ? 0 : ((value >>> shift) & allOnes(size)) >>> 0;
  }

  /** Takes whole, aligned registers; narrower writes are undefined by the manual, and dropped here. */
  writeMemory(address: number, size: AccessSize, value: number): void {
    const cpu = this.currentCpu;
    const apic = this.state.apics[cpu];
    const offset = address - apic.base;
    if (apic.mode !== 'xapic' || offset < 0 || offset >= PAGE_BYTES || size !== 4 || (offset & 15) !== 0) return;
    const number = offset >> 4;
    const register = accessibleRegister(number, 'xapic', 'w');
    if (register !== undefined) {
      this.#writeRegister(cpu, number, value);
    } else if (isReserved(number)) {
      this.#illegalRegister(apic);
    }
  }

  #readMapped(cpu: number, number: number): number {
    const apic = this.state.apics[cpu];
    if (isReserved(number)) this.#illegalRegister(apic);
    return accessibleRegister(number, 'xapic', 'r') === undefined
      ? 0
      : readApicRegister(apic, number, this.#moment(cpu));
  }

  #illegalRegister(apic: LocalApicState): void {
    logError(apic, APIC_ERROR.illegalRegister);
    this.#update(apic.id);
  }

  #msrRegister(cpu: number, msr: number, access: 'r' | 'w'): number | undefined {
    if (this.state.apics[cpu].mode !== 'x2apic' || msr < FIRST_X2APIC_MSR || msr > LAST_X2APIC_MSR) return undefined;
    const number = msr - FIRST_X2APIC_MSR;
    return accessibleRegister(number, 'x2apic', access) === undefined ? undefined : number;
  }

  #writeRegister(cpu: number, number: number, value: number): void {
    const apic = this.state.apics[cpu];
    const dword = value >>> 0;
    this.#settle(cpu);
    switch (number) {
      case APIC_REGISTER.taskPriority:
        apic.taskPriority = dword & 0xff;
        return this.#served(cpu);
      case APIC_REGISTER.endOfInterrupt:
        this.#endOfInterrupt(apic);
        return this.#served(cpu);
      case APIC_REGISTER.logicalDestination:
        apic.logicalDestination = dword >>> 24;
        this.#wiring.readinessChanged();
        break;
      case APIC_REGISTER.destinationFormat:
        apic.destinationFormat = dword >>> 28;
        this.#wiring.readinessChanged();
        break;
      case APIC_REGISTER.spurious:
        writeSpurious(apic, dword);
        this.#wiring.readinessChanged();
        break;
      case APIC_REGISTER.errorStatus:
        latchErrors(apic);
        break;
      case APIC_REGISTER.commandLow:
        apic.commandLow = dword & 0x000ccfff;
        this.#sendCommand(apic);
        break;
      case APIC_REGISTER.commandHigh:
        apic.commandHigh = (dword & 0xff000000) >>> 0;
        break;
      case APIC_REGISTER.initialCount:
        writeInitialCount(apic.timer, dword, this.#moment(cpu));
        break;
      case APIC_REGISTER.divide:
        writeDivide(apic.timer, dword, this.#moment(cpu));
        break;
      case APIC_REGISTER.selfInterrupt:
        this.#sendToSelf(apic, dword & 0xff);
        break;
      default:
        this.#writeLocalVector(apic, number - APIC_REGISTER.firstLocalVector, dword);
    }
    this.#changed(cpu);
  }

  #writeLocalVector(apic: LocalApicState, index: number, value: number): void {
    const { mode } = this.#moment(apic.id);
    writeLvt(apic, index, value);
    if (index === LVT.timer) changeTimerMode(apic.timer, mode, this.#moment(apic.id).mode);
    if (index === LVT.lint0 || index === LVT.lint1) this.#takeInput(apic.id, index - LVT.lint0, false);
  }

  #endOfInterrupt(apic: LocalApicState): void {
    const ended = endService(apic);
    if (ended?.levelTriggered !== true) return;
    this.#wiring.endOfInterrupt(ended.vector);
    for (const input of [0, 1]) {
      const entry = apic.localVectors[LVT.lint0 + input];
      if ((entry & LVT_BIT.remoteIrr) === 0 || (entry & 0xff) !== ended.vector) continue;
      apic.localVectors[LVT.lint0 + input] = entry & ~LVT_BIT.remoteIrr;
      this.#takeInput(apic.id, input, false);
    }
  }

  // Sending.

  /** What a write to the low half of the ICR sends (11.6.1). */
  #sendCommand(apic: LocalApicState): void {
    const command = decodeCommand(apic.commandLow, apic.commandHigh, apic.mode === 'x2apic');
    if (command !== undefined) this.#send(apic, command.shorthand, command.message);
  }

  #sendToSelf(apic: LocalApicState, vector: number): void {
    this.#send(apic, SHORTHAND.self, {
      delivery: DELIVERY.fixed, vector, levelTriggered: false, logical: false, destination: apic.id, wide: true,
    });
  }

  #send(from: LocalApicState, shorthand: number, message: InterruptMessage): void {
    const carriesVector = message.delivery === DELIVERY.fixed || message.delivery === DELIVERY.lowestPriority;
    if (carriesVector && message.vector < FIRST_LEGAL_VECTOR) {
      logError(from, APIC_ERROR.sendIllegalVector);
      return;
    }
    const reached = this.state.apics.filter((apic) => {
      if (shorthand === SHORTHAND.none) return isAddressed(apic, message);
      if (apic.id === from.id) return shorthand !== SHORTHAND.others;
      return shorthand !== SHORTHAND.self && apic.mode !== 'disabled';
    });
    this.#dispatch(message, reached);
  }

  // Receiving.

  #dispatch(message: InterruptMessage, reached: readonly LocalApicState[]): boolean {
    if (message.delivery !== DELIVERY.lowestPriority) {
      const taken = reached.filter((apic) => this.#receive(apic, message));
      return taken.length > 0;
    }
    const winner = this.#arbitrate(reached.filter(acceptsVectors));
    return winner !== undefined && this.#receive(winner, { ...message, delivery: DELIVERY.fixed });
  }

  /** The APIC with the lowest arbitration priority; equals take turns. */
  #arbitrate(candidates: readonly LocalApicState[]): LocalApicState | undefined {
    const { cpus } = this.#options;
    const turn = (apic: LocalApicState): number => (apic.id - this.state.lastWinner - 1 + cpus) % cpus;
    const rank = (apic: LocalApicState): number => arbitrationPriority(apic) * cpus + turn(apic);
    const [winner] = [...candidates].sort((left, right) => rank(left) - rank(right));
    if (winner !== undefined) this.state.lastWinner = winner.id;
    return winner;
  }

  /** One APIC takes a message: whether it has. INIT, NMI and SIPI also reach an APIC that software has disabled. */
  #receive(apic: LocalApicState, message: InterruptMessage): boolean {
    const { signals } = this.#wiring;
    switch (message.delivery) {
      case DELIVERY.fixed: {
        if (!acceptsVectors(apic)) return false;
        const taken = requestVector(apic, message.vector, message.levelTriggered);
        this.#update(apic.id);
        return taken;
      }
      case DELIVERY.nmi:
        signals.nonMaskable(apic.id);
        return true;
      case DELIVERY.init:
        this.#initialise(apic.id);
        return true;
      case DELIVERY.startUp:
        signals.startUp(apic.id, message.vector);
        return true;
      case DELIVERY.external:
        apic.externalRequest = true;
        this.#update(apic.id);
        return true;
      default:
        // There is no system management mode; other modes are reserved.
        return false;
    }
  }

  /** INIT# has come to all processors: their APICs begin anew. What it does to the processors is for who drives that line. */
  initialiseAll(): void {
    for (const apic of this.state.apics) {
      initialiseApic(apic);
      this.#changed(apic.id);
    }
  }

  #initialise(cpu: number): void {
    initialiseApic(this.state.apics[cpu]);
    this.#changed(cpu);
    this.#wiring.signals.initialise(cpu);
  }

  // Local inputs.

  /** An APIC that is switched off: LINT0 is INTR (which `pending` sees), LINT1 is NMI (11.4.3). */
  #rawInput(cpu: number, input: number, rises: boolean): void {
    if (input === 1 && rises) this.#wiring.signals.nonMaskable(cpu);
  }

  /** Acts on a local input by its LVT entry: after a change of its level, of the entry, or an EOI. */
  #takeInput(cpu: number, input: number, rises: boolean): void {
    const apic = this.state.apics[cpu];
    const index = LVT.lint0 + input;
    const entry = apic.localVectors[index];
    if ((entry & LVT_BIT.masked) !== 0) return;
    const delivery = deliveryOf(entry);
    if (delivery === DELIVERY.fixed && (entry & LVT_BIT.level) !== 0) {
      if (!isInputActive(apic, input) || (entry & LVT_BIT.remoteIrr) !== 0) return;
      if (requestVector(apic, entry & 0xff, true)) apic.localVectors[index] = entry | LVT_BIT.remoteIrr;
    } else if (rises) {
      if (delivery === DELIVERY.fixed) requestVector(apic, entry & 0xff, false);
      else if (delivery === DELIVERY.nmi) this.#wiring.signals.nonMaskable(cpu);
      else if (delivery === DELIVERY.init) this.#initialise(cpu);
    }
  }

  // Timers and outputs.

  #moment(cpu: number): TimerMoment {
    const mode = (this.state.apics[cpu].localVectors[LVT.timer] >> 17) & 3;
    return { now: this.#host.now(), mode, timeStamp: () => this.#wiring.timeStamp(cpu) };
  }

  /** The cycle at which a timer expires next; Infinity for never. */
  #expiry(cpu: number): number {
    const { timer } = this.state.apics[cpu];
    const expiry = this.#expiries[cpu];
    return expiry.known(timer) ?? expiry.findOut(timer, this.#moment(cpu));
  }

  /** Brings a timer up to now; an expiry requests its vector. Comes before anything that reads or changes an APIC. */
  #settle(cpu: number): void {
    if (this.#host.now() < this.#expiry(cpu)) return;
    const apic = this.state.apics[cpu];
    const entry = apic.localVectors[LVT.timer];
    if (!settleTimer(apic.timer, this.#moment(cpu))) return;
    if ((entry & LVT_BIT.masked) === 0) requestVector(apic, entry & 0xff, false);
    this.#changed(cpu);
  }

  /** After anything that may have changed an APIC and its timer: the timer's event, and its processor's INTR. */
  #changed(cpu: number): void {
    this.#expiries[cpu].forget();
    this.#arrange(cpu);
    this.#update(cpu);
  }

  /**
   * After what leaves the timer alone: a vector was acknowledged or has been served, or priorities have changed. The timer's event hangs on whether
   * its own vector is requested, and on whether its deadline has come within sight.
   */
  #served(cpu: number, acknowledged?: number): void {
    const { timer, localVectors } = this.state.apics[cpu];
    if (acknowledged === (localVectors[LVT.timer] & 0xff) || mayBeOutOfSight(timer)) this.#arrange(cpu);
    this.#update(cpu);
  }

  /** An expiry that would change nothing (masked, or its vector is requested already) needs no event. */
  #arrange(cpu: number): void {
    const apic = this.state.apics[cpu];
    const entry = apic.localVectors[LVT.timer];
    const idle = (entry & LVT_BIT.masked) !== 0 || isRequested(apic, entry & 0xff);
    const at = idle ? Infinity : this.#expiry(cpu);
    if (at === Infinity) this.#host.cancel(this.name, this.#timerEvents[cpu]);
    else this.#host.schedule(this.name, this.#timerEvents[cpu], at);
  }

  #update(cpu: number): void {
    const apic = this.state.apics[cpu];
    const raised = interruptPending(apic);
    if (raised === apic.raised) return;
    apic.raised = raised;
    this.#wiring.signals.interruptChanged(cpu);
  }
}
