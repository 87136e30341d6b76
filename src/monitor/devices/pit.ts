/**
 * The 8254 programmable interval timer (ports 40-43) and the speaker port 61 that gates counter 2.
 *
 * Counting is derived from the virtual clock on demand. Only counter 0, whose OUT is interrupt line 0,
 * wants events: one for each edge.
 *
 * The speaker follows counter 2 while port 61 bits 0 and 1 are set. What it plays is put out as it changes, on the channel
 * 'speaker': 16 bytes each, the moment in cycles and the frequency in Hz (0: silence), both as 64-bit floating point, little-endian.
 */
import { cycleOfTick, ticksAt } from './clock';
import type { Device, DeviceHost, PortRange } from './device';
import type { CounterState } from './pit-counter';
import {
  driveGate, latchCount, latchStatus, nextChange, powerOnCounter, readCounterByte, settleCounter, writeControl,
  writeCounterByte,
} from './pit-counter';

/** Input clock in Hz: a third of the NTSC colour subcarrier, 14.31818 MHz / 12. */
export const PIT_HERTZ = 1193182;

const CONTROL_PORT = 0x43;
const SPEAKER_PORT = 0x61;
/** DRAM refresh is requested every 18 ticks by what used to be counter 1; port 61 bit 4 toggles with it. */
const REFRESH_TICKS = 18;
const EVENT = 'edge';

export interface PitState {
  counters: CounterState[];
  /** Port 61 bits 0-3: gate of counter 2, speaker data, and the two NMI masks, kept as written. */
  speaker: number;
  /** Frequency in Hz that the speaker has been told last; 0 for silence. */
  tone: number;
}

/** Control word bits 1-3: modes 2 and 3 (and 6, 7, which are the same) repeat. */
const PERIODIC = 0x04;
const SPEAKER_ON = 0x03;

function powerOnState(): PitState {
  return { counters: [powerOnCounter(true), powerOnCounter(true), powerOnCounter(false)], speaker: 0, tone: 0 };
}

export class Pit implements Device {
  readonly name = 'pit';
  readonly ports: readonly PortRange[] = [
    { first: 0x40, count: 4 },
    { first: SPEAKER_PORT, count: 1 },
  ];
  state: PitState = powerOnState();
  readonly #host: DeviceHost;

  constructor(host: DeviceHost) {
    this.#host = host;
  }

  reset(): void {
    this.state = powerOnState();
    const tick = this.#now();
    for (const counter of this.state.counters) counter.tick = tick;
    this.#host.setInterruptLine(0, false);
    this.#arrange();
  }

  readPort(port: number): number {
    this.#settle();
    if (port === CONTROL_PORT) return 0xff;
    if (port === SPEAKER_PORT) return this.#readSpeakerPort();
    return readCounterByte(this.state.counters[port & 3]);
  }

  writePort(port: number, _size: number, value: number): void {
    this.#settle();
    const byte = value & 0xff;
    if (port === CONTROL_PORT) this.#writeControlPort(byte);
    else if (port === SPEAKER_PORT) this.#writeSpeakerPort(byte);
    else writeCounterByte(this.state.counters[port & 3], byte);
    this.#driveLine();
    this.#arrange();
    this.#tellSpeaker();
  }

  /** What the speaker plays: its frequency in Hz, 0 for silence. */
  get tone(): number {
    const { counters, speaker } = this.state;
    const counter = counters[2];
    const plays = (speaker & SPEAKER_ON) === SPEAKER_ON && (counter.control & PERIODIC) !== 0 && counter.primed;
    return plays ? PIT_HERTZ / counter.reload : 0;
  }

  #tellSpeaker(): void {
    const { tone } = this;
    if (tone === this.state.tone) return;
    this.state.tone = tone;
    const piece = new DataView(new ArrayBuffer(16));
    piece.setFloat64(0, this.#host.now(), true);
    piece.setFloat64(8, tone, true);
    this.#host.output('speaker', new Uint8Array(piece.buffer));
  }

  event(): void {
    this.#settle();
    this.#arrange();
  }

  #now(): number {
    return ticksAt(this.#host.now(), PIT_HERTZ);
  }

  /** Brings all counters up to now; line 0 sees each edge of counter 0, even if several have passed. */
  #settle(): void {
    const now = this.#now();
    const { counters } = this.state;
    for (let change = nextChange(counters[0]); change >= 0 && change <= now; change = nextChange(counters[0])) {
      settleCounter(counters[0], change);
      this.#driveLine();
    }
    for (const counter of counters) settleCounter(counter, now);
  }

  #driveLine(): void {
    this.#host.setInterruptLine(0, this.state.counters[0].out);
  }

  #arrange(): void {
    const change = nextChange(this.state.counters[0]);
    if (change < 0) this.#host.cancel(this.name, EVENT);
    else this.#host.schedule(this.name, EVENT, cycleOfTick(change, PIT_HERTZ));
  }

  #writeControlPort(value: number): void {
    const select = value >> 6;
    if (select === 3) this.#readBack(value);
    else if ((value & 0x30) === 0) latchCount(this.state.counters[select]);
    else writeControl(this.state.counters[select], value);
  }

  /** Read-back command: bit 5 clear latches counts, bit 4 clear latches status, bits 1-3 choose counters. */
  #readBack(value: number): void {
    this.state.counters.forEach((counter, index) => {
      if ((value & (2 << index)) === 0) return;
      if ((value & 0x20) === 0) latchCount(counter);
      if ((value & 0x10) === 0) latchStatus(counter);
    });
  }

  #readSpeakerPort(): number {
    const { counters, speaker } = this.state;
    const refresh = Math.floor(counters[1].tick / REFRESH_TICKS) & 1;
    return speaker | (refresh << 4) | (counters[2].out ? 0x20 : 0);
  }

  #writeSpeakerPort(value: number): void {
    this.state.speaker = value & 0x0f;
    driveGate(this.state.counters[2], (value & 1) !== 0);
  }
}
