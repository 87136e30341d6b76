/**
 * The MC146818 real-time clock with its CMOS memory (ports 70/71), interrupt line 8.
 *
 * Source: Motorola MC146818A data sheet (RESET# in 'Signal descriptions'). Time is a configured start plus virtual time; nothing ticks
 * while nobody asks: flags are derived when they are looked at, and events exist only for enabled interrupts.
 */
import { epochSeconds, civilTime } from './calendar';
import { ticksAt, cycleOfTick } from './clock';
import type { Device, DeviceHost, PortRange } from './device';
import { CYCLES_PER_SECOND } from './device';
import { RTC_CELLS, RTC_DESCRIPTION } from './registers/rtc';

const CELLS = 128;
const REGISTER = {
  second: 0, secondAlarm: 1, minute: 2, minuteAlarm: 3, hour: 4, hourAlarm: 5,
  weekday: 6, day: 7, month: 8, year: 9, a: 0x0a, b: 0x0b, c: 0x0c, d: 0x0d, century: 0x32,
} as const;
const TIME_REGISTERS: readonly number[] = [
  REGISTER.second, REGISTER.minute, REGISTER.hour, REGISTER.weekday, REGISTER.day, REGISTER.month, REGISTER.year,
  REGISTER.century,
];
const A_UPDATE_IN_PROGRESS = 0x80;
const B = { set: 0x80, periodic: 0x40, alarm: 0x20, update: 0x10, square: 0x08, binary: 0x04, hours24: 0x02 } as const;
const C_INTERRUPT = 0x80;
const FLAGS = B.periodic | B.alarm | B.update;
/** Valid RAM and time: the battery is good. */
const D_VALID = 0x80;
/** The divider chain is held in reset when bits 4-6 of register A are 11x. */
const DIVIDER_RESET = 0x60;
const BASE_HERTZ = 32768;
/** UIP rises 244 us before the update, which takes 1984 us (32 kHz time base). */
const UPDATE_CYCLES = 2_228_000;
const HALF_SECOND = CYCLES_PER_SECOND / 2;
const SECONDS_PER_DAY = 86400;
const ALARM_ANY = 0xc0;
const EVENT = 'flag';

export interface RtcState {
  index: number;
  /** Port 70 bit 7: NMI is masked. */
  nmiMasked: boolean;
  cells: Uint8Array;
  /** Cycle at which some second began; the divider chain's phase. May lie before cycle 0. */
  phase: number;
  /** Seconds since 1970 at `phase`. While time stands still (SET, divider reset) the cells hold it instead. */
  secondsAtPhase: number;
  /** Guest's day of the week minus the calendar's. */
  weekdayShift: number;
  /** Cycle up to which the flags of register C are true. */
  flagsAt: number;
}

export interface RtcOptions {
  /** Time at cycle 0, in seconds since 1970-01-01 UTC. */
  readonly epochSeconds: number;
  /** Initial contents of the CMOS memory (128 bytes); see `cmosCells`. */
  readonly cells: Uint8Array;
}

function powerOnState(options: RtcOptions): RtcState {
  const cells = new Uint8Array(CELLS);
  cells.set(options.cells.subarray(0, CELLS));
  cells[REGISTER.a] = 0x26;
  cells[REGISTER.b] = B.hours24;
  cells[REGISTER.c] = 0;
  cells[REGISTER.d] = D_VALID;
  return {
    index: 0, nmiMasked: false, cells, phase: 0, secondsAtPhase: options.epochSeconds, weekdayShift: 0, flagsAt: 0,
  };
}

export class Rtc implements Device {
  readonly name = 'rtc';
  readonly ports: readonly PortRange[] = [{ first: 0x70, count: 2 }];
  readonly description = RTC_DESCRIPTION;
  state: RtcState;
  readonly #host: DeviceHost;
  readonly #options: RtcOptions;

  constructor(host: DeviceHost, options: RtcOptions) {
    this.#host = host;
    this.#options = options;
    this.state = powerOnState(options);
  }

  reset(): void {
    this.state = powerOnState(this.#options);
    this.state.flagsAt = this.#host.now();
    this.#driveLine();
    this.#arrange();
  }

  /** RESET#: interrupts and the square wave go off, flags are cleared. Time and all cells stay, on the battery. */
  hardReset(): void {
    const { state } = this;
    this.#settleFlags();
    state.cells[REGISTER.b] &= ~(FLAGS | B.square);
    state.cells[REGISTER.c] = 0;
    state.index = 0;
    state.nmiMasked = false;
    this.#driveLine();
    this.#arrange();
  }

  readPort(port: number): number {
    if (port === 0x70) return 0xff;
    return this.#readCell(this.state.index);
  }

  writePort(port: number, _size: number, value: number): void {
    const byte = value & 0xff;
    if (port === 0x70) {
      this.state.index = byte & 0x7f;
      this.state.nmiMasked = (byte & 0x80) !== 0;
    } else {
      this.#writeCell(this.state.index, byte);
    }
  }

  event(): void {
    this.#settleFlags();
    this.#arrange();
  }

  peek(block: string, register: string): number | undefined {
    const at = this.description.blocks.find(({ name }) => name === RTC_CELLS)?.registers.find(({ name }) => name === register)?.at;
    if (block === RTC_CELLS) return at === undefined ? undefined : this.#peekCell(at);
    return register === 'DATA' ? this.#peekCell(this.state.index) : undefined;
  }

  /** A cell as it would be read, without what reading register C does. */
  #peekCell(index: number): number {
    const { cells } = this.state;
    if (TIME_REGISTERS.includes(index) && this.#running()) return this.#timeCells()[index];
    if (index === REGISTER.a) return cells[index] | (this.#updateInProgress() ? A_UPDATE_IN_PROGRESS : 0);
    return index === REGISTER.c ? this.#flags() : cells[index];
  }

  #readCell(index: number): number {
    const { cells } = this.state;
    if (TIME_REGISTERS.includes(index) && this.#running()) this.#showTime();
    if (index === REGISTER.a) return cells[index] | (this.#updateInProgress() ? A_UPDATE_IN_PROGRESS : 0);
    if (index === REGISTER.c) return this.#takeFlags();
    return cells[index];
  }

  #writeCell(index: number, value: number): void {
    const { cells } = this.state;
    if (index === REGISTER.c || index === REGISTER.d) return;
    this.#settleFlags();
    if (TIME_REGISTERS.includes(index)) this.#writeTime(index, value);
    else if (index === REGISTER.a) this.#writeA(value);
    else if (index === REGISTER.b) this.#writeB(value);
    else cells[index] = value;
    this.#arrange();
  }

  #running(): boolean {
    const { cells } = this.state;
    return (cells[REGISTER.b] & B.set) === 0 && !this.#dividerReset();
  }

  #dividerReset(): boolean {
    return (this.state.cells[REGISTER.a] & DIVIDER_RESET) === DIVIDER_RESET;
  }

  /** Whole seconds of the divider chain from `phase` to a cycle. */
  #elapsed(cycle: number): number {
    return Math.floor((cycle - this.state.phase) / CYCLES_PER_SECOND);
  }

  #updateInProgress(): boolean {
    if (!this.#running()) return false;
    const next = this.state.phase + (this.#elapsed(this.#host.now()) + 1) * CYCLES_PER_SECOND;
    return next - this.#host.now() <= UPDATE_CYCLES;
  }

  #encode(value: number): number {
    if ((this.state.cells[REGISTER.b] & B.binary) !== 0) return value & 0xff;
    return ((Math.floor(value / 10) % 10) << 4) | (value % 10);
  }

  #decode(byte: number): number {
    if ((this.state.cells[REGISTER.b] & B.binary) !== 0) return byte;
    return (byte >> 4) * 10 + (byte & 15);
  }

  #encodeHour(hour: number): number {
    if ((this.state.cells[REGISTER.b] & B.hours24) !== 0) return this.#encode(hour);
    return this.#encode(hour % 12 === 0 ? 12 : hour % 12) | (hour >= 12 ? 0x80 : 0);
  }

  #decodeHour(byte: number): number {
    if ((this.state.cells[REGISTER.b] & B.hours24) !== 0) return this.#decode(byte);
    return (this.#decode(byte & 0x7f) % 12) + ((byte & 0x80) !== 0 ? 12 : 0);
  }

  /** Puts the present time into its cells. */
  #showTime(): void {
    this.state.cells.set(this.#timeCells());
  }

  /** All cells, with the present time in its own. */
  #timeCells(): Uint8Array {
    const { state } = this;
    const time = civilTime(state.secondsAtPhase + this.#elapsed(this.#host.now()));
    const cells = state.cells.slice();
    cells[REGISTER.second] = this.#encode(time.second);
    cells[REGISTER.minute] = this.#encode(time.minute);
    cells[REGISTER.hour] = this.#encodeHour(time.hour);
    cells[REGISTER.weekday] = this.#encode(((time.weekday - 1 + state.weekdayShift) % 7) + 1);
    cells[REGISTER.day] = this.#encode(time.day);
    cells[REGISTER.month] = this.#encode(time.month);
    cells[REGISTER.year] = this.#encode(time.year % 100);
    cells[REGISTER.century] = this.#encode(Math.floor(time.year / 100));
    return cells;
  }

  /** Makes the time in the cells the present time; the phase inside the second stays. */
  #adoptTime(): void {
    const { state } = this;
    const { cells } = state;
    const seconds = epochSeconds({
      year: this.#decode(cells[REGISTER.century]) * 100 + this.#decode(cells[REGISTER.year]),
      month: this.#decode(cells[REGISTER.month]),
      day: this.#decode(cells[REGISTER.day]),
      hour: this.#decodeHour(cells[REGISTER.hour]),
      minute: this.#decode(cells[REGISTER.minute]),
      second: this.#decode(cells[REGISTER.second]),
    });
    state.secondsAtPhase = seconds - this.#elapsed(this.#host.now());
    state.weekdayShift = (this.#decode(cells[REGISTER.weekday]) + 14 - civilTime(seconds).weekday) % 7;
  }

  #writeTime(index: number, value: number): void {
    const running = this.#running();
    if (running) this.#showTime();
    this.state.cells[index] = value;
    if (running) this.#adoptTime();
  }

  /** Runs a change of the control registers, carrying the time over a stop or a start of the clock. */
  #change(change: () => void): void {
    const { state } = this;
    const wasRunning = this.#running();
    const wasReset = this.#dividerReset();
    if (wasRunning) this.#showTime();
    change();
    // Out of divider reset the first update comes half a second later.
    if (wasReset && !this.#dividerReset()) state.phase = this.#host.now() - HALF_SECOND;
    if (!wasRunning && this.#running()) this.#adoptTime();
  }

  #writeA(value: number): void {
    this.#change(() => {
      this.state.cells[REGISTER.a] = value & 0x7f;
    });
  }

  #writeB(value: number): void {
    // SET stops updates and takes UIE with it.
    const cleared = (value & B.set) !== 0 ? value & ~B.update : value;
    this.#change(() => {
      this.state.cells[REGISTER.b] = cleared;
    });
    this.#settleFlags();
  }

  /** Reading register C takes all flags and lets the interrupt line go. */
  #takeFlags(): number {
    this.#settleFlags();
    const flags = this.state.cells[REGISTER.c];
    this.state.cells[REGISTER.c] = 0;
    this.#driveLine();
    this.#arrange();
    return flags;
  }

  /** Ticks of 32768 Hz between two flags of the periodic interrupt; 0 when it is off. */
  #periodTicks(): number {
    const rate = this.state.cells[REGISTER.a] & 0x0f;
    if (rate === 0 || this.#dividerReset()) return 0;
    return 1 << ((rate < 3 ? rate + 7 : rate) - 1);
  }

  /** The first cycle after `cycle` at which the periodic flag rises. */
  #nextPeriodic(cycle: number): number {
    const period = this.#periodTicks();
    if (period === 0) return Infinity;
    const { phase } = this.state;
    const ticks = Math.floor(ticksAt(cycle - phase, BASE_HERTZ) / period) + 1;
    return phase + cycleOfTick(ticks * period, BASE_HERTZ);
  }

  #nextUpdate(cycle: number): number {
    if (!this.#running()) return Infinity;
    return this.state.phase + (this.#elapsed(cycle) + 1) * CYCLES_PER_SECOND;
  }

  /** The first cycle after `cycle` at which the time meets the alarm. */
  #nextAlarm(cycle: number): number {
    if (!this.#running()) return Infinity;
    const { state } = this;
    const elapsed = this.#elapsed(cycle);
    const secondOfDay = (((state.secondsAtPhase + elapsed) % SECONDS_PER_DAY) + SECONDS_PER_DAY) % SECONDS_PER_DAY;
    const alarm = this.#alarmAfter(secondOfDay);
    if (alarm < 0) return Infinity;
    return state.phase + (elapsed + alarm - secondOfDay) * CYCLES_PER_SECOND;
  }

  /** Second of the day (or of the next, from 86400 up) after the given one that meets the alarm; -1 when none does. */
  #alarmAfter(secondOfDay: number): number {
    const hours = this.#alarmMatches(REGISTER.hourAlarm, 24, (hour) => this.#encodeHour(hour));
    const minutes = this.#alarmMatches(REGISTER.minuteAlarm, 60, (minute) => this.#encode(minute));
    const seconds = this.#alarmMatches(REGISTER.secondAlarm, 60, (second) => this.#encode(second));
    if (minutes.length === 0 || seconds.length === 0) return -1;
    const lastInHour = minutes[minutes.length - 1] * 60 + seconds[seconds.length - 1];
    for (const hour of [...hours, ...hours.map((later) => later + 24)]) {
      if (hour * 3600 + lastInHour <= secondOfDay) continue;
      const minute = minutes.find((value) => hour * 3600 + value * 60 + seconds[seconds.length - 1] > secondOfDay) ?? 0;
      const second = seconds.find((value) => hour * 3600 + minute * 60 + value > secondOfDay) ?? 0;
      return hour * 3600 + minute * 60 + second;
    }
    return -1;
  }

  /** Values below `count` that an alarm byte lets through; C0-FF is 'don't care'. */
  #alarmMatches(index: number, count: number, encode: (value: number) => number): number[] {
    const wanted = this.state.cells[index];
    const all = Array.from({ length: count }, (_, value) => value);
    return wanted >= ALARM_ANY ? all : all.filter((value) => encode(value) === wanted);
  }

  /** Raises the flags whose moments have passed since the last look. */
  #settleFlags(): void {
    const { state } = this;
    state.cells[REGISTER.c] = this.#flags();
    state.flagsAt = Math.max(state.flagsAt, this.#host.now());
    this.#driveLine();
  }

  /** Register C with the flags whose moments have passed since the last look, and what follows from them. */
  #flags(): number {
    const { cells, flagsAt: since } = this.state;
    const now = this.#host.now();
    let flags = cells[REGISTER.c] & FLAGS;
    if (now > since) {
      if (this.#nextPeriodic(since) <= now) flags |= B.periodic;
      if (this.#nextUpdate(since) <= now) flags |= B.update;
      if (this.#nextAlarm(since) <= now) flags |= B.alarm;
    }
    return flags | ((cells[REGISTER.b] & flags) !== 0 ? C_INTERRUPT : 0);
  }

  #driveLine(): void {
    const { cells } = this.state;
    const raised = (cells[REGISTER.b] & cells[REGISTER.c] & FLAGS) !== 0;
    cells[REGISTER.c] = (cells[REGISTER.c] & FLAGS) | (raised ? C_INTERRUPT : 0);
    this.#host.setInterruptLine(8, raised);
  }

  /** One event for the next enabled flag that is not up yet. */
  #arrange(): void {
    const { cells, flagsAt } = this.state;
    const wanted = cells[REGISTER.b] & ~cells[REGISTER.c];
    const next = Math.min(
      (wanted & B.periodic) !== 0 ? this.#nextPeriodic(flagsAt) : Infinity,
      (wanted & B.update) !== 0 ? this.#nextUpdate(flagsAt) : Infinity,
      (wanted & B.alarm) !== 0 ? this.#nextAlarm(flagsAt) : Infinity,
    );
    if (next === Infinity) this.#host.cancel(this.name, EVENT);
    else this.#host.schedule(this.name, EVENT, next);
  }
}
