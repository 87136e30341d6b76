/**
 * One counter of the 8254: its six modes as arithmetic on tick numbers, so that any stretch of time is
 * crossed in one step.
 *
 * Source: Intel 8254 data sheet (231164), 'Mode definitions'. A tick is one CLK pulse of 1193182 Hz.
 * Where the sheet calls a count illegal (1 in modes 2 and 3), OUT simply stays high.
 */

export interface CounterState {
  /** Bits 0-5 of the last control word: BCD, mode (3 bits), read/write format (2 bits). */
  control: number;
  gate: boolean;
  out: boolean;
  /** Tick up to which the fields below are true. */
  tick: number;
  /** A complete count has been written since the control word. */
  primed: boolean;
  /** The counting element has been loaded since the control word. */
  loaded: boolean;
  /** Mode 0: the first byte of a two-byte count stops counting until the second has come. */
  halted: boolean;
  /** Count register, in counts: 1 to 65536 (10000 in BCD). */
  reload: number;
  /** Count of the current cycle, which may differ from `reload` until the cycle ends. */
  period: number;
  /** Ticks to the end of the count (mode 3: of the half cycle); 1 to modulus, where the modulus reads as 0. */
  remaining: number;
  /** Terminal count is behind us (modes 0, 1, 4, 5). */
  done: boolean;
  /** Tick at which the count register moves into the counting element; -1 when none is due. */
  loadAt: number;
  nullCount: boolean;
  /** Low byte of a two-byte count that waits for its high byte; -1 when none does. */
  pendingLow: number;
  /** The next read of a two-byte format gives the high byte. */
  readHigh: boolean;
  /** Latched count (16 bits) and status (8 bits); -1 when not latched. */
  latchedCount: number;
  latchedStatus: number;
}

export function powerOnCounter(gate: boolean): CounterState {
  return {
    control: 0x30, gate, out: false, tick: 0, primed: false, loaded: false, halted: false,
    reload: 0x10000, period: 0x10000, remaining: 0x10000, done: false, loadAt: -1, nullCount: true,
    pendingLow: -1, readHigh: false, latchedCount: -1, latchedStatus: -1,
  };
}

/** Mode 0 to 5; 6 and 7 are other spellings of 2 and 3. */
function modeOf(counter: CounterState): number {
  const mode = (counter.control >> 1) & 7;
  return mode > 5 ? mode - 4 : mode;
}

function formatOf(counter: CounterState): number {
  return counter.control >> 4;
}

function modulusOf(counter: CounterState): number {
  return (counter.control & 1) !== 0 ? 10000 : 0x10000;
}

/** Length in ticks of a half cycle of the square wave: the high half takes the odd tick. */
function halfCycle(period: number, high: boolean): number {
  return high ? (period + 1) >> 1 : period >> 1;
}

function isTriggered(mode: number): boolean {
  return mode === 1 || mode === 5;
}

function isPeriodic(mode: number): boolean {
  return mode === 2 || mode === 3;
}

function isRunning(counter: CounterState): boolean {
  return counter.loaded && !counter.halted && (counter.gate || isTriggered(modeOf(counter)));
}

function takeReload(counter: CounterState): void {
  counter.period = counter.reload;
  counter.nullCount = false;
}

/** The CLK pulse that loads the counting element. */
function load(counter: CounterState): void {
  const mode = modeOf(counter);
  takeReload(counter);
  counter.loadAt = -1;
  counter.loaded = true;
  counter.done = false;
  counter.out = mode > 1;
  counter.remaining = mode === 3 ? halfCycle(counter.period, true) : counter.period;
}

function runSquareWave(counter: CounterState, ticks: number): void {
  if (ticks < counter.remaining) {
    counter.remaining -= ticks;
    return;
  }
  let over = ticks - counter.remaining;
  takeReload(counter);
  over %= counter.period;
  counter.out = !counter.out;
  while (over >= halfCycle(counter.period, counter.out)) {
    over -= halfCycle(counter.period, counter.out);
    counter.out = !counter.out;
  }
  counter.remaining = halfCycle(counter.period, counter.out) - over;
}

function runRateGenerator(counter: CounterState, ticks: number): void {
  if (ticks < counter.remaining) {
    counter.remaining -= ticks;
  } else {
    const over = ticks - counter.remaining;
    takeReload(counter);
    counter.remaining = counter.period - (over % counter.period);
  }
  counter.out = counter.remaining !== 1 || counter.period === 1;
}

/** Modes 0, 1 (OUT rises at terminal count) and 4, 5 (OUT falls for one tick); the count goes on below zero. */
function runOneShot(counter: CounterState, ticks: number, strobe: boolean): void {
  const past = ticks - counter.remaining;
  if (counter.done) {
    counter.out = true;
  } else if (past >= 0) {
    counter.done = true;
    counter.out = !strobe || past > 0;
  }
  const modulus = modulusOf(counter);
  counter.remaining = past < 0 ? -past : modulus - (past % modulus);
}

function run(counter: CounterState, ticks: number): void {
  if (ticks === 0 || !isRunning(counter)) return;
  const mode = modeOf(counter);
  if (mode === 2) runRateGenerator(counter, ticks);
  else if (mode === 3) runSquareWave(counter, ticks);
  else runOneShot(counter, ticks, mode > 3);
}

/** Brings a counter to the given tick. Ticks in the past change nothing. */
export function settleCounter(counter: CounterState, tick: number): void {
  if (tick <= counter.tick) return;
  if (counter.loadAt >= 0 && counter.loadAt <= tick) {
    run(counter, counter.loadAt - counter.tick);
    counter.tick = counter.loadAt;
    load(counter);
  }
  run(counter, tick - counter.tick);
  counter.tick = tick;
}

/** Next tick at which a running counter changes OUT of its own accord; -1 when it does not. */
function nextRunChange(counter: CounterState): number {
  if (!isRunning(counter)) return -1;
  const mode = modeOf(counter);
  if (isPeriodic(mode)) {
    if (counter.period === 1) return counter.reload === 1 ? -1 : counter.tick + 1;
    const early = mode === 2 && counter.remaining > 1 ? 1 : 0;
    return counter.tick + counter.remaining - early;
  }
  if (!counter.done) return counter.tick + counter.remaining;
  return counter.out ? -1 : counter.tick + 1;
}

/** Next tick at which OUT may change; -1 when nothing is under way. */
export function nextChange(counter: CounterState): number {
  const change = nextRunChange(counter);
  if (counter.loadAt < 0) return change;
  return change < 0 ? counter.loadAt : Math.min(change, counter.loadAt);
}

/** A control word for this counter (bits 6-7 taken off). The counter must be settled. */
export function writeControl(counter: CounterState, control: number): void {
  counter.control = control & 0x3f;
  counter.out = modeOf(counter) !== 0;
  counter.primed = false;
  counter.loaded = false;
  counter.halted = false;
  counter.loadAt = -1;
  counter.nullCount = true;
  counter.pendingLow = -1;
  counter.readHigh = false;
  counter.latchedCount = -1;
  counter.latchedStatus = -1;
}

/** A count of 0 stands for the modulus. Digits above 9 in BCD count at their weight. */
function decodeCount(raw: number, modulus: number): number {
  if (modulus === 0x10000) return raw === 0 ? modulus : raw;
  const digits = (raw & 15) + 10 * ((raw >> 4) & 15) + 100 * ((raw >> 8) & 15) + 1000 * (raw >> 12);
  return digits % modulus === 0 ? modulus : digits % modulus;
}

function encodeCount(count: number, modulus: number): number {
  if (modulus === 0x10000) return count & 0xffff;
  return (
    (count % 10) |
    ((Math.floor(count / 10) % 10) << 4) |
    ((Math.floor(count / 100) % 10) << 8) |
    ((Math.floor(count / 1000) % 10) << 12)
  );
}

function writeCount(counter: CounterState, raw: number): void {
  const mode = modeOf(counter);
  counter.reload = decodeCount(raw, modulusOf(counter));
  counter.primed = true;
  counter.nullCount = true;
  counter.halted = false;
  if (mode === 0) counter.out = false;
  const waitsForCycle = isPeriodic(mode) && counter.loaded;
  if (!isTriggered(mode) && !waitsForCycle) counter.loadAt = counter.tick + 1;
}

/** A byte to the counter's data port. The counter must be settled. */
export function writeCounterByte(counter: CounterState, value: number): void {
  const format = formatOf(counter);
  if (format === 1) {
    writeCount(counter, value);
  } else if (format === 2) {
    writeCount(counter, value << 8);
  } else if (counter.pendingLow < 0) {
    counter.pendingLow = value;
    if (modeOf(counter) === 0) {
      counter.halted = true;
      counter.out = false;
    }
  } else {
    const low = counter.pendingLow;
    counter.pendingLow = -1;
    writeCount(counter, (value << 8) | low);
  }
}

/** The counting element as it reads: 16 bits, BCD where so programmed. */
function presentCount(counter: CounterState): number {
  const modulus = modulusOf(counter);
  let count = counter.remaining;
  // The square wave counts by two; the high half of an odd count has one tick at zero.
  if (modeOf(counter) === 3) count = 2 * count - (counter.out && counter.period % 2 === 1 ? 2 : 0);
  return encodeCount(count % modulus, modulus);
}

/** Counter latch command: a count that is latched already stays. */
export function latchCount(counter: CounterState): void {
  if (counter.latchedCount < 0) counter.latchedCount = presentCount(counter);
}

export function latchStatus(counter: CounterState): void {
  if (counter.latchedStatus >= 0) return;
  counter.latchedStatus = (counter.out ? 0x80 : 0) | (counter.nullCount ? 0x40 : 0) | counter.control;
}

/** A byte from the counter's data port: latched status first, then the latched or the present count. */
export function readCounterByte(counter: CounterState): number {
  if (counter.latchedStatus >= 0) {
    const status = counter.latchedStatus;
    counter.latchedStatus = -1;
    return status;
  }
  const count = counter.latchedCount >= 0 ? counter.latchedCount : presentCount(counter);
  const format = formatOf(counter);
  const high = format === 2 || (format === 3 && counter.readHigh);
  if (format === 3) counter.readHigh = !counter.readHigh;
  if (!counter.readHigh) counter.latchedCount = -1;
  return high ? count >> 8 : count & 0xff;
}

/** Drives GATE. The counter must be settled. */
export function driveGate(counter: CounterState, level: boolean): void {
  if (counter.gate === level) return;
  const mode = modeOf(counter);
  counter.gate = level;
  if (!level) {
    if (isPeriodic(mode)) counter.out = true;
  } else if (counter.primed && (isTriggered(mode) || isPeriodic(mode))) {
    counter.loadAt = counter.tick + 1;
  }
}
