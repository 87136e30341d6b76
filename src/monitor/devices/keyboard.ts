/**
 * The 8042 keyboard controller (ports 60/64) with a keyboard and a mouse on its two cables, the A20 gate,
 * the CPU's reset line, and port 92, which drives the same two lines faster. Interrupt lines 1 and 12.
 *
 * Source: IBM PS/2 technical reference, 'Keyboard and auxiliary device controller'; PIIX3 data sheet (290550) for the reset
 * line, which is the processors' INIT#.
 */
import { CYCLES_PER_SECOND, type Device, type DeviceHost, type KeyCode, type MouseMotion, type PortRange } from './device';
import { KEYBOARD_DESCRIPTION } from './keyboard-description';
import type { Ps2KeyboardState } from './ps2-keyboard';
import { keyboardHasByte, powerOnKeyboard, pressKey, repeatKey, takeKeyboardByte, typematicTimes, writeKeyboard } from './ps2-keyboard';
import type { Ps2MouseState } from './ps2-mouse';
import { mouseHasByte, mouseHasNews, moveMouse, powerOnMouse, sampleMouse, takeMouseByte, writeMouse } from './ps2-mouse';
import { RELEASE_PREFIX, translateByte } from './scancodes';

type Source = 'controller' | 'keyboard' | 'mouse';

export interface KeyboardState {
  /** Controller RAM; byte 0 is the command byte. */
  ram: Uint8Array;
  /** Output buffer and who filled it; `full` is status bit 0. */
  output: { byte: number; source: Source; full: boolean };
  /** Answers of the controller itself that wait for the output buffer. */
  answers: { byte: number; source: Source }[];
  /** Command that waits for a byte at port 60; 0 when none does. */
  command: number;
  /** Status bit 3: the last write went to port 64. */
  lastWasCommand: boolean;
  /** Status bit 2: the self-test has passed. */
  selfTested: boolean;
  a20: boolean;
  /** Port 92 as written, without its A20 bit. */
  port92: number;
  /** Translation has swallowed a release prefix. */
  released: boolean;
  /** A byte is on its way over a cable. */
  transferring: boolean;
  /** When the mouse may sample its movement again, in cycles. */
  nextSample: number;
  /** A sample is arranged for. */
  sampling: boolean;
  keyboard: Ps2KeyboardState;
  mouse: Ps2MouseState;
}

const DATA_PORT = 0x60;
const FAST_PORT = 0x92;
const EVENT = 'byte';
const SAMPLE = 'sample';
const REPEAT = 'repeat';
/**
 * Cycles that a byte takes over the cable: 100 us. The real one takes near a millisecond, but no guest
 * can be upset by a quick keyboard, and all of them poll.
 */
const CABLE_CYCLES = 100_000;
const ANSWERS = 16;

const COMMAND_BYTE = {
  keyboardInterrupt: 0x01, mouseInterrupt: 0x02, system: 0x04, keyboardOff: 0x10, mouseOff: 0x20, translate: 0x40,
} as const;
const OUTPUT_PORT = { running: 0x01, a20: 0x02, mouseFull: 0x20, keyboardFull: 0x10, idle: 0xcc } as const;

function powerOnState(): KeyboardState {
  const ram = new Uint8Array(32);
  ram[0] = COMMAND_BYTE.keyboardInterrupt | COMMAND_BYTE.mouseInterrupt | COMMAND_BYTE.translate;
  return {
    ram,
    output: { byte: 0, source: 'controller', full: false },
    answers: [],
    command: 0,
    lastWasCommand: false,
    selfTested: false,
    a20: true,
    port92: 0,
    released: false,
    transferring: false,
    nextSample: 0,
    sampling: false,
    keyboard: powerOnKeyboard(),
    mouse: powerOnMouse(),
  };
}

export class KeyboardController implements Device {
  readonly name = 'keyboard';
  readonly description = KEYBOARD_DESCRIPTION;
  readonly ports: readonly PortRange[] = [
    { first: DATA_PORT, count: 1 },
    { first: 0x64, count: 1 },
    { first: FAST_PORT, count: 1 },
  ];
  state: KeyboardState = powerOnState();
  readonly #host: DeviceHost;

  constructor(host: DeviceHost) {
    this.#host = host;
  }

  /** After power-on A20 is open, as it has been on every PC with a flash BIOS above 1 MiB. */
  reset(): void {
    this.state = powerOnState();
    for (const event of [EVENT, SAMPLE, REPEAT]) this.#host.cancel(this.name, event);
    this.#host.setA20(true);
    this.#driveLines();
  }

  /** A key of the keyboard goes down or up. */
  key(code: KeyCode, down: boolean): void {
    const { keyboard } = this.state;
    const before = keyboard.repeating;
    pressKey(keyboard, code, down);
    if (down && keyboard.repeating !== 0) this.#host.schedule(this.name, REPEAT, this.#host.now() + typematicTimes(keyboard).delay);
    else if (before !== keyboard.repeating) this.#host.cancel(this.name, REPEAT);
    this.#refill();
  }

  /** The mouse moves, or its buttons or its wheel do. */
  mouse(motion: MouseMotion): void {
    moveMouse(this.state.mouse, motion);
    this.#arrangeSample();
    this.#refill();
  }

  peek(block: string, register: string): number | undefined {
    const { state } = this;
    switch (`${block}.${register}`) {
      case 'ports.DATA': return state.output.byte;
      case 'ports.STATUS': return this.#readStatus();
      case 'ports.PORT92': return this.readPort(FAST_PORT);
      case 'controller RAM.COMMAND': return state.ram[0];
      case 'keyboard.LEDS': return state.keyboard.leds;
      case 'keyboard.TYPEMATIC': return state.keyboard.typematic;
      case 'keyboard.SET': return state.keyboard.set;
      case 'mouse.ID': return state.mouse.identity;
      case 'mouse.RATE': return state.mouse.rate;
      case 'mouse.RESOLUTION': return state.mouse.resolution;
      case 'mouse.BUTTONS': return state.mouse.buttons;
      default: return undefined;
    }
  }

  readPort(port: number): number {
    if (port === FAST_PORT) return this.state.port92 | (this.state.a20 ? 2 : 0);
    return port === DATA_PORT ? this.#readData() : this.#readStatus();
  }

  writePort(port: number, _size: number, value: number): void {
    const byte = value & 0xff;
    if (port === FAST_PORT) this.#writeFastPort(byte);
    else if (port === DATA_PORT) this.#writeData(byte);
    else this.#writeCommand(byte);
    this.#arrangeSample();
    this.#refill();
  }

  event(name: string): void {
    const { state } = this;
    if (name === SAMPLE) {
      state.sampling = false;
      sampleMouse(state.mouse);
      state.nextSample = this.#host.now() + this.#samplePeriod;
    } else if (name === REPEAT) {
      repeatKey(state.keyboard);
      if (state.keyboard.repeating !== 0) this.#host.schedule(this.name, REPEAT, this.#host.now() + typematicTimes(state.keyboard).period);
    } else {
      state.transferring = false;
      this.#deliver();
    }
    this.#arrangeSample();
    this.#refill();
  }

  get #samplePeriod(): number {
    return Math.round(CYCLES_PER_SECOND / this.state.mouse.rate);
  }

  /** The mouse makes a packet of its movement as often as its sample rate says, when there is one. */
  #arrangeSample(): void {
    const { state } = this;
    if (state.sampling || !mouseHasNews(state.mouse) || mouseHasByte(state.mouse)) return;
    state.sampling = true;
    this.#host.schedule(this.name, SAMPLE, Math.max(this.#host.now(), state.nextSample));
  }

  get #commandByte(): number {
    return this.state.ram[0];
  }

  #readStatus(): number {
    const { output, selfTested, lastWasCommand } = this.state;
    // Bit 4: the keyboard lock is open.
    let status = 0x10;
    if (output.full) status |= output.source === 'mouse' ? 0x21 : 0x01;
    if (selfTested) status |= 0x04;
    if (lastWasCommand) status |= 0x08;
    return status;
  }

  #readData(): number {
    const { output } = this.state;
    output.full = false;
    this.#driveLines();
    this.#refill();
    return output.byte;
  }

  /** An answer of the controller; those beyond what a guest could sensibly leave unread are lost. */
  #answer(byte: number, source: Source = 'controller'): void {
    if (this.state.answers.length < ANSWERS) this.state.answers.push({ byte, source });
  }

  #fill(byte: number, source: Source): void {
    this.state.output = { byte, source, full: true };
    this.#driveLines();
  }

  /** Fills an empty output buffer: own answers at once, a device's byte after its time on the cable. */
  #refill(): void {
    const { state } = this;
    if (state.output.full) return;
    const answer = state.answers.shift();
    if (answer !== undefined) {
      this.#fill(answer.byte, answer.source);
    } else if (!state.transferring && (this.#keyboardReady() || this.#mouseReady())) {
      state.transferring = true;
      this.#host.schedule(this.name, EVENT, this.#host.now() + CABLE_CYCLES);
    }
  }

  #keyboardReady(): boolean {
    return (this.#commandByte & COMMAND_BYTE.keyboardOff) === 0 && keyboardHasByte(this.state.keyboard);
  }

  #mouseReady(): boolean {
    return (this.#commandByte & COMMAND_BYTE.mouseOff) === 0 && mouseHasByte(this.state.mouse);
  }

  /** A byte has come over the cable, if it may still come. */
  #deliver(): void {
    const { state } = this;
    if (state.output.full) return;
    if (this.#keyboardReady()) {
      const byte = takeKeyboardByte(state.keyboard);
      if (byte !== undefined) this.#deliverFromKeyboard(byte);
    } else if (this.#mouseReady()) {
      const byte = takeMouseByte(state.mouse);
      if (byte !== undefined) this.#fill(byte, 'mouse');
    }
  }

  /** Translation to set 1: a release prefix is swallowed and becomes bit 7 of the next code. */
  #deliverFromKeyboard(byte: number): void {
    const { state } = this;
    if ((this.#commandByte & COMMAND_BYTE.translate) === 0) {
      this.#fill(byte, 'keyboard');
    } else if (byte === RELEASE_PREFIX) {
      state.released = true;
    } else {
      const code = translateByte(byte);
      this.#fill(state.released ? code | 0x80 : code, 'keyboard');
      state.released = false;
    }
  }

  #driveLines(): void {
    const { output } = this.state;
    const fromMouse = output.source === 'mouse';
    const enabled = this.#commandByte;
    this.#host.setInterruptLine(1, output.full && !fromMouse && (enabled & COMMAND_BYTE.keyboardInterrupt) !== 0);
    this.#host.setInterruptLine(12, output.full && fromMouse && (enabled & COMMAND_BYTE.mouseInterrupt) !== 0);
  }

  #writeData(byte: number): void {
    const { state } = this;
    const { command } = state;
    state.lastWasCommand = false;
    state.command = 0;
    if (command >= 0x60 && command < 0x80) this.#writeRam(command & 0x1f, byte);
    else if (command === 0xd1) this.#writeOutputPort(byte);
    else if (command === 0xd2) this.#answer(byte, 'keyboard');
    else if (command === 0xd3) this.#answer(byte, 'mouse');
    else if (command === 0xd4) this.#writeToMouse(byte);
    else this.#writeToKeyboard(byte);
  }

  /** Sending to a device opens its cable again. */
  #writeToKeyboard(byte: number): void {
    this.state.ram[0] &= ~COMMAND_BYTE.keyboardOff;
    writeKeyboard(this.state.keyboard, byte);
  }

  #writeToMouse(byte: number): void {
    this.state.ram[0] &= ~COMMAND_BYTE.mouseOff;
    writeMouse(this.state.mouse, byte);
  }

  #writeRam(index: number, byte: number): void {
    this.state.ram[index] = byte;
    if (index !== 0) return;
    this.state.selfTested = (byte & COMMAND_BYTE.system) !== 0;
    this.#driveLines();
  }

  #writeCommand(byte: number): void {
    const { state } = this;
    state.lastWasCommand = true;
    state.command = 0;
    if (byte >= 0x20 && byte < 0x40) this.#answer(state.ram[byte & 0x1f]);
    else if (byte >= 0x60 && byte < 0x80) state.command = byte;
    else if (byte >= 0xf0) this.#pulse(byte);
    else this.#runCommand(byte);
  }

  #runCommand(byte: number): void {
    const { state } = this;
    switch (byte) {
      // No password is stored.
      case 0xa4: this.#answer(0xf1); break;
      case 0xa7: state.ram[0] |= COMMAND_BYTE.mouseOff; break;
      case 0xa8: state.ram[0] &= ~COMMAND_BYTE.mouseOff; break;
      // Both cables test good.
      case 0xa9: case 0xab: this.#answer(0x00); break;
      case 0xaa: this.#selfTest(); break;
      case 0xad: state.ram[0] |= COMMAND_BYTE.keyboardOff; break;
      case 0xae: state.ram[0] &= ~COMMAND_BYTE.keyboardOff; break;
      // Input port: lock open, no manufacturing jumper.
      case 0xc0: this.#answer(0x80); break;
      case 0xd0: this.#answer(this.#readOutputPort()); break;
      case 0xd1: case 0xd2: case 0xd3: case 0xd4: state.command = byte; break;
      case 0xdd: this.#setA20(false); break;
      case 0xdf: this.#setA20(true); break;
      // Test inputs: both clocks and data lines idle.
      case 0xe0: this.#answer(0x00); break;
      default: break;
    }
  }

  #selfTest(): void {
    this.state.selfTested = true;
    this.state.ram[0] |= COMMAND_BYTE.system;
    this.#answer(0x55);
  }

  #readOutputPort(): number {
    const { output, a20 } = this.state;
    const full = output.source === 'mouse' ? OUTPUT_PORT.mouseFull : OUTPUT_PORT.keyboardFull;
    return OUTPUT_PORT.idle | OUTPUT_PORT.running | (a20 ? OUTPUT_PORT.a20 : 0) | (output.full ? full : 0);
  }

  #writeOutputPort(byte: number): void {
    this.#setA20((byte & OUTPUT_PORT.a20) !== 0);
    if ((byte & OUTPUT_PORT.running) === 0) this.#reset('8042 output port');
  }

  /** F0-FF: bits 0-3 that are clear are pulsed low; bit 0 is the CPU's reset line. */
  #pulse(byte: number): void {
    if ((byte & 1) === 0) this.#reset('8042 reset pulse');
  }

  #writeFastPort(byte: number): void {
    const { state } = this;
    const resetRises = (byte & ~state.port92 & 1) !== 0;
    state.port92 = byte & ~0x02;
    this.#setA20((byte & 2) !== 0);
    if (resetRises) this.#reset('port 92');
  }

  #reset(cause: string): void {
    this.#host.requestStop({ kind: 'reset', cause, hard: false });
  }

  /** Both gates drive one line here: the last word counts, and either port reads it. */
  #setA20(enabled: boolean): void {
    this.state.a20 = enabled;
    this.#host.setA20(enabled);
  }
}
