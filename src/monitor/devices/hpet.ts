/**
 * The high precision event timer: a counter of 64 bits at 100 MHz and three comparators.
 *
 * Source: IA-PC HPET specification 1.0a. The counter and all matches are derived from the virtual clock on demand; a
 * comparator wants an event only while its interrupt is enabled.
 */
import { allOnes } from './access';
import { HPET_DESCRIPTION } from './registers/hpet';
import { CYCLES_PER_SECOND, PLATFORM, type AccessSize, type Device, type DeviceHost, type MemoryRegion, type PortRange } from './device';

export const HPET_HERTZ = 100_000_000;

const CYCLES_PER_TICK = CYCLES_PER_SECOND / HPET_HERTZ;
const FEMTOSECONDS_PER_TICK = 1e15 / HPET_HERTZ;
const TIMERS = 3;
const REGION_BYTES = 4096;

const REGISTER = { capabilities: 0x00, configuration: 0x10, status: 0x20, counter: 0xf0, firstTimer: 0x100 } as const;
const TIMER_BYTES = 0x20;
const TIMER_REGISTER = { configuration: 0x00, comparator: 0x08 } as const;

/** Revision 1, three timers (the number of the last one), 64 bits, legacy replacement, vendor 8086. */
const CAPABILITIES = 0x8086_0000 | 0x8000 | 0x2000 | ((TIMERS - 1) << 8) | 0x01;
const ENABLE = 1;
const LEGACY = 2;

/** Timer configuration and capability register. */
const TIMER = { level: 0x02, interrupt: 0x04, periodic: 0x08, setValue: 0x40, narrow: 0x100, route: 0x3e00 } as const;
const TIMER_WRITABLE = TIMER.level | TIMER.interrupt | TIMER.periodic | TIMER.setValue | TIMER.narrow | TIMER.route;
/** What every timer can: periodic mode, 64 bits. */
const TIMER_CAPABILITIES = 0x30;
/** I/O APIC inputs that an interrupt may be routed to: 20 to 23. */
const ROUTES = 0x00f0_0000;
/** ISA lines of timers 0 and 1 under legacy replacement. */
const LEGACY_LINES: readonly number[] = [0, 8];

const LOW_32 = 0xffff_ffffn;
/** A match further away than this (in ticks) is no event: cycles have to stay exact. */
const FURTHEST = 2n ** 48n;

interface HpetTimerState {
  /** Writable bits of the configuration register. */
  configuration: number;
  comparator: bigint;
  /** What a periodic comparator is moved by at each match. */
  period: bigint;
  /** VAL_SET held for the low half just written: it holds for the high half as well, which comes next in a 64-bit write. */
  settingHigh: boolean;
  /** Cycle of the next match; -1 when there is none within sight. */
  due: number;
  /** Whether its interrupt output is up. */
  output: boolean;
}

export interface HpetState {
  /** ENABLE and LEGACY. */
  configuration: number;
  /** Level-triggered interrupts that stand, a bit for each timer. */
  status: number;
  /** The counter at cycle `origin`, from which it counts while enabled. */
  counter: bigint;
  origin: number;
  timers: HpetTimerState[];
}

/** Where the timers' interrupts go. */
export interface HpetWiring {
  /** Drives an I/O APIC input (20 to 23). */
  setInput(input: number, asserted: boolean): void;
  /** Drives ISA line 0 or 8 in place of the 8254 and the clock. */
  setLegacyLine(line: number, level: boolean): void;
  /** Legacy replacement has been switched: while on, the 8254 and the clock do not reach their lines. */
  legacyChanged(on: boolean): void;
}

function powerOnState(): HpetState {
  const timers = Array.from({ length: TIMERS }, () => ({
    configuration: 0, comparator: 0xffff_ffff_ffff_ffffn, period: 0n, settingHigh: false, due: -1, output: false,
  }));
  return { configuration: 0, status: 0, counter: 0n, origin: 0, timers };
}

const isNarrow = (timer: HpetTimerState): boolean => (timer.configuration & TIMER.narrow) !== 0;
const isPeriodic = (timer: HpetTimerState): boolean => (timer.configuration & TIMER.periodic) !== 0;
const bitsOf = (timer: HpetTimerState): number => (isNarrow(timer) ? 32 : 64);

/** Replaces one half of a 64-bit register. */
function withHalf(register: bigint, half: number, value: number): bigint {
  return half === 0 ? (register & ~LOW_32) | BigInt(value) : (register & LOW_32) | (BigInt(value) << 32n);
}

function halfOf(register: bigint, half: number): number {
  return Number((half === 0 ? register : register >> 32n) & LOW_32);
}

export class Hpet implements Device {
  readonly name = 'hpet';
  readonly ports: readonly PortRange[] = [];
  readonly regions: readonly MemoryRegion[] = [{ first: PLATFORM.hpet, bytes: REGION_BYTES }];
  readonly isSlow = true;
  readonly description = HPET_DESCRIPTION;
  state: HpetState = powerOnState();
  readonly #host: DeviceHost;
  readonly #wiring: HpetWiring;

  constructor(host: DeviceHost, wiring: HpetWiring) {
    this.#host = host;
    this.#wiring = wiring;
  }

  reset(): void {
    this.state.timers.forEach((timer, index) => { this.#drive(timer, index, false); });
    const wasLegacy = this.isLegacy;
    this.state = powerOnState();
    for (let index = 0; index < TIMERS; index++) this.#arrange(index);
    if (wasLegacy) this.#wiring.legacyChanged(false);
  }

  /** Whether timers 0 and 1 stand in for the 8254 and the clock. */
  get isLegacy(): boolean {
    return (this.state.configuration & (LEGACY | ENABLE)) === (LEGACY | ENABLE);
  }

  readMemory(address: number, size: AccessSize): number {
    const offset = address & (REGION_BYTES - 1);
    this.#settle();
    const value = this.#read(offset & ~7, (offset >> 2) & 1);
    return ((value >>> (8 * (offset & 3))) & allOnes(size)) >>> 0;
  }

  /** Takes aligned dwords; a 64-bit write comes as two. */
  writeMemory(address: number, size: AccessSize, value: number): void {
    const offset = address & (REGION_BYTES - 1);
    if (size !== 4 || (offset & 3) !== 0) return;
    this.#settle();
    this.#write(offset & ~7, (offset >> 2) & 1, value >>> 0);
  }

  event(): void {
    this.#settle();
  }

  /** Matches that have passed and nobody has looked at yet do not show. */
  peek(_block: string, register: string): number | undefined {
    const at = this.description.blocks[0].registers.find(({ name }) => name === register)?.at;
    return at === undefined ? undefined : this.#read(at & ~7, (at >> 2) & 1) >>> 0;
  }

  #timerAt(register: number): { timer: HpetTimerState; index: number; own: number } | undefined {
    const index = (register - REGISTER.firstTimer) >> 5;
    if (register < REGISTER.firstTimer || index >= TIMERS) return undefined;
    return { timer: this.state.timers[index], index, own: register & (TIMER_BYTES - 1) };
  }

  #read(register: number, half: number): number {
    const { state } = this;
    const found = this.#timerAt(register);
    if (found !== undefined) {
      if (found.own === TIMER_REGISTER.comparator) return halfOf(found.timer.comparator, half);
      if (found.own !== TIMER_REGISTER.configuration) return 0;
      return half === 0 ? found.timer.configuration | TIMER_CAPABILITIES : ROUTES;
    }
    switch (register) {
      case REGISTER.capabilities:
        return half === 0 ? CAPABILITIES : FEMTOSECONDS_PER_TICK;
      case REGISTER.configuration:
        return half === 0 ? state.configuration : 0;
      case REGISTER.status:
        return half === 0 ? state.status : 0;
      case REGISTER.counter:
        return halfOf(this.#counter(), half);
      default:
        return 0;
    }
  }

  #write(register: number, half: number, value: number): void {
    const found = this.#timerAt(register);
    if (found !== undefined) {
      if (found.own === TIMER_REGISTER.comparator) this.#writeComparator(found.timer, half, value);
      else if (found.own === TIMER_REGISTER.configuration && half === 0) this.#configureTimer(found.timer, found.index, value);
      this.#arm(found.index);
    } else if (register === REGISTER.configuration && half === 0) {
      this.#configure(value & (ENABLE | LEGACY));
    } else if (register === REGISTER.status && half === 0) {
      this.#clearStatus(value);
    } else if (register === REGISTER.counter) {
      this.#setCounter(withHalf(this.#counter(), half, value));
    }
  }

  get #isCounting(): boolean {
    return (this.state.configuration & ENABLE) !== 0;
  }

  #counter(): bigint {
    const { counter, origin } = this.state;
    if (!this.#isCounting) return counter;
    return BigInt.asUintN(64, counter + BigInt(Math.floor((this.#host.now() - origin) / CYCLES_PER_TICK)));
  }

  #setCounter(value: bigint): void {
    this.state.counter = value;
    this.state.origin = this.#host.now();
    for (let index = 0; index < TIMERS; index++) this.#arm(index);
  }

  #configure(value: number): void {
    const wasLegacy = this.isLegacy;
    const counter = this.#counter();
    this.state.configuration = value;
    this.#setCounter(counter);
    if (wasLegacy === this.isLegacy) return;
    this.state.timers.forEach((timer, index) => { this.#drive(timer, index, false, wasLegacy); });
    this.#wiring.legacyChanged(this.isLegacy);
  }

  #clearStatus(bits: number): void {
    this.state.status &= ~bits;
    this.state.timers.forEach((timer, index) => {
      if (((bits >> index) & 1) !== 0 && (timer.configuration & TIMER.level) !== 0) this.#drive(timer, index, false);
    });
  }

  #configureTimer(timer: HpetTimerState, index: number, value: number): void {
    this.#drive(timer, index, false);
    timer.configuration = value & TIMER_WRITABLE;
    timer.settingHigh = false;
    if (isNarrow(timer)) {
      timer.comparator &= LOW_32;
      timer.period &= LOW_32;
    }
    const stands = ((this.state.status >> index) & 1) !== 0;
    if (stands && (timer.configuration & TIMER.level) !== 0) this.#drive(timer, index, true);
  }

  /** In periodic mode a write sets the period, and with VAL_SET, which it clears, the next match as well. */
  #writeComparator(timer: HpetTimerState, half: number, value: number): void {
    if (isNarrow(timer) && half === 1) return;
    const setValue = (timer.configuration & TIMER.setValue) !== 0;
    if (isPeriodic(timer)) timer.period = withHalf(timer.period, half, value);
    if (!isPeriodic(timer) || setValue || (half === 1 && timer.settingHigh)) {
      timer.comparator = withHalf(timer.comparator, half, value);
    }
    timer.settingHigh = setValue && half === 0;
    timer.configuration &= ~TIMER.setValue;
  }

  /** Finds the next match anew. A comparator that equals the counter matches when the counter comes round again. */
  #arm(index: number): void {
    const timer = this.state.timers[index];
    const bits = bitsOf(timer);
    const distance = BigInt.asUintN(bits, timer.comparator - this.#counter());
    const ticks = distance === 0n ? 1n << BigInt(bits) : distance;
    timer.due = -1;
    if (this.#isCounting && ticks <= FURTHEST) timer.due = this.#tickStart() + Number(ticks) * CYCLES_PER_TICK;
    this.#arrange(index);
  }

  /** The cycle at which the present tick of the counter began. */
  #tickStart(): number {
    const now = this.#host.now();
    return now - ((now - this.state.origin) % CYCLES_PER_TICK);
  }

  #settle(): void {
    const now = this.#host.now();
    this.state.timers.forEach((timer, index) => {
      if (timer.due < 0 || timer.due > now) return;
      this.#advance(timer, now);
      this.#match(timer, index);
      this.#arrange(index);
    });
  }

  /** Moves a timer behind a match that has come; several may have passed since anybody looked. */
  #advance(timer: HpetTimerState, now: number): void {
    const step = isPeriodic(timer) && timer.period !== 0n ? timer.period : 1n << BigInt(bitsOf(timer));
    if (step > FURTHEST) {
      timer.due = -1;
      return;
    }
    const stepCycles = Number(step) * CYCLES_PER_TICK;
    const matches = 1 + Math.floor((now - timer.due) / stepCycles);
    timer.due += matches * stepCycles;
    timer.comparator = BigInt.asUintN(bitsOf(timer), timer.comparator + step * BigInt(matches));
  }

  /** A level stays up until its status is cleared; an edge falls before it rises again. */
  #match(timer: HpetTimerState, index: number): void {
    if ((timer.configuration & TIMER.level) !== 0) this.state.status |= 1 << index;
    else this.#drive(timer, index, false);
    this.#drive(timer, index, true);
  }

  #drive(timer: HpetTimerState, index: number, wanted: boolean, legacy = this.isLegacy): void {
    const output = wanted && (timer.configuration & TIMER.interrupt) !== 0;
    if (output === timer.output) return;
    timer.output = output;
    const route = (timer.configuration & TIMER.route) >> 9;
    if (legacy && index < LEGACY_LINES.length) this.#wiring.setLegacyLine(LEGACY_LINES[index], output);
    else if (((ROUTES >>> route) & 1) !== 0) this.#wiring.setInput(route, output);
  }

  #arrange(index: number): void {
    const timer = this.state.timers[index];
    const event = `timer${String(index)}`;
    if (timer.due < 0 || (timer.configuration & TIMER.interrupt) === 0) this.#host.cancel(this.name, event);
    else this.#host.schedule(this.name, event, timer.due);
  }
}
