/**
 * The 82077AA floppy disk controller (ports 3F0-3F5 and 3F7, line 6, DMA channel 2) with up to two drives.
 *
 * Source: Intel 82077AA data sheet (290166). Data moves by DMA only; a command takes a fixed virtual time,
 * and the head is where it should be at once. At the end of that time all sectors move, an event each: each can wait for the disk
 * (fdc-data.ts). Without a disk in the drive such a command goes on until the controller is reset, or a disk is put in.
 */
import type { BlockBackend, Device, DeviceHost, EventAnswer, PortRange } from './device';
import { goOn, prefetch, READ_ID, READS, VERIFY, WRITES, type FloppyDma } from './fdc-data';
import { FloppyMedia, type FloppyPlace, type FloppySource } from './fdc-media';
import { DOR, MAIN, powerOnState, ST0, type FdcState } from './fdc-state';
import { FDC_DESCRIPTION } from './registers/fdc';

const LINE = 6;
/** Cycles of a command, a seek, and the way out of reset. */
const COMMAND_CYCLES = 500_000;
const SEEK_CYCLES = 200_000;
const RESET_CYCLES = 20_000;

const VERSION_82077 = 0x90;

interface Command {
  /** Bytes with the opcode. */
  readonly bytes: number;
  run(): void;
}

export class FloppyController implements Device {
  readonly name = 'fdc';
  readonly ports: readonly PortRange[] = [
    { first: 0x3f0, count: 6 },
    { first: 0x3f7, count: 1 },
  ];
  readonly description = FDC_DESCRIPTION;
  state: FdcState;
  readonly #host: DeviceHost;
  readonly #dma: FloppyDma;
  readonly #media: FloppyMedia;
  readonly #commands: ReadonlyMap<number, Command>;

  /**
   * `places`: drives A and B with the disk that is in each at first; `disks`: those that are put in later. Throws RangeError
   * for a disk that has no floppy's size.
   */
  constructor(host: DeviceHost, dma: FloppyDma, places: readonly FloppyPlace[], disks: FloppySource = () => undefined) {
    this.#host = host;
    this.#dma = dma;
    this.#media = new FloppyMedia(places, disks);
    this.state = powerOnState(this.#media.firstImages);
    this.#commands = this.#commandTable();
  }

  /** Power-on, but for the disks in the drives, which nobody takes out by a reset. */
  reset(): void {
    this.#cancelEvents();
    this.state = powerOnState(this.state.drives.map(({ image }) => image));
    this.#driveLine();
  }

  /** The disks are in the drives that were there at first. To be followed by `reset`. */
  restoreDisks(): void {
    this.state = powerOnState(this.#media.firstImages);
  }

  /**
   * Someone has put another disk into a drive, or taken it out (null). False where there is no drive. Throws RangeError, in words for the
   * person, for a disk that does not go into it.
   */
  changeDisk(unit: number, image: string | null): boolean {
    if (!this.#media.hasDrive(unit)) return false;
    if (image !== null) this.#media.check(unit, image);
    const { state } = this;
    const drive = state.drives[unit];
    drive.image = image;
    drive.changed = true;
    // A command that has been waiting for index pulses has them now.
    if (image !== null && state.phase === 'execution' && (state.command[1] & 3) === unit) this.#schedule('command', COMMAND_CYCLES);
    return true;
  }

  /** What is in a drive now. */
  disk(unit: number): BlockBackend | undefined {
    return this.#media.medium(this.state, unit)?.disk;
  }

  /** Whether a drive's change line is up. */
  isChanged(unit: number): boolean {
    return this.state.drives[unit].changed;
  }

  /** The built-in BIOS's seek that takes the change line down; it stays up without a disk in the drive. */
  acknowledgeChange(unit: number): void {
    if (this.disk(unit) !== undefined) this.state.drives[unit].changed = false;
  }

  readPort(port: number): number {
    const { state } = this;
    switch (port & 7) {
      // Status register A: interrupt pending; B: nothing but its fixed bits.
      case 0: return this.#isInterrupting() ? 0x80 : 0x00;
      case 1: return 0xc0;
      case 2: return state.dor;
      case 3: return state.tapeDrive;
      case 4: return this.#mainStatus();
      case 5: return this.#readResult();
      default: return this.#readDigitalInput();
    }
  }

  peek(_block: string, register: string): number | undefined {
    if (register === 'FIFO') return this.state.result[0];
    const found = this.description.blocks[0].registers.find(({ name }) => name === register);
    return found === undefined || found.access === 'write-only' ? undefined : this.readPort(found.at);
  }

  writePort(port: number, _size: number, value: number): void {
    const byte = value & 0xff;
    switch (port & 7) {
      case 2: this.#writeDigitalOutput(byte); break;
      case 3: this.state.tapeDrive = byte & 3; break;
      case 4: if ((byte & 0x80) !== 0) this.#softReset(); break;
      case 5: this.#writeCommandByte(byte); break;
      // 3F7 chooses the data rate; every rate reads every disk here.
      default: break;
    }
  }

  event(name: string): EventAnswer {
    if (name === 'command') {
      if (this.#goOn() === 'wait') return 'wait';
    } else if (name === 'reset') this.#finishReset();
    else this.#finishSeek(Number(name.slice('seek'.length)));
    this.#driveLine();
    return undefined;
  }

  #cancelEvents(): void {
    for (const event of ['command', 'reset', 'seek0', 'seek1', 'seek2', 'seek3']) this.#host.cancel(this.name, event);
  }

  #schedule(event: string, cycles: number): void {
    this.#host.schedule(this.name, event, this.#host.now() + cycles);
  }

  #driveLine(): void {
    this.#host.setInterruptLine(LINE, this.#isInterrupting() && (this.state.dor & DOR.gate) !== 0);
  }

  #isInterrupting(): boolean {
    return this.state.resultInterrupt || this.state.senseInterrupt;
  }

  #isRunning(): boolean {
    return (this.state.dor & DOR.running) !== 0;
  }

  #mainStatus(): number {
    const { state } = this;
    if (!this.#isRunning()) return 0;
    const seeking = state.drives.reduce((bits, drive, unit) => bits | (drive.motion === 'none' ? 0 : 1 << unit), 0);
    if (state.phase === 'execution') return seeking | MAIN.busy;
    if (state.phase === 'result') return seeking | MAIN.request | MAIN.toHost | MAIN.busy;
    return seeking | MAIN.request | (state.command.length > 0 ? MAIN.busy : 0);
  }

  /** Digital input: bit 7 is the disk change line of the selected drive, while its motor runs. */
  #readDigitalInput(): number {
    const { dor, drives } = this.state;
    const unit = dor & 3;
    const motor = ((dor >> (4 + unit)) & 1) !== 0;
    return motor && drives[unit].changed ? 0x80 : 0;
  }

  #writeDigitalOutput(value: number): void {
    const { state } = this;
    const wasRunning = this.#isRunning();
    state.dor = value;
    if (wasRunning && !this.#isRunning()) this.#enterReset();
    if (!wasRunning && this.#isRunning()) this.#schedule('reset', RESET_CYCLES);
    this.#driveLine();
  }

  #softReset(): void {
    if (!this.#isRunning()) return;
    this.#enterReset();
    this.#schedule('reset', RESET_CYCLES);
    this.#driveLine();
  }

  #enterReset(): void {
    const { state } = this;
    this.#cancelEvents();
    state.phase = 'command';
    state.command = [];
    state.transfer = null;
    state.result = [];
    state.resultInterrupt = false;
    state.senseInterrupt = false;
    state.perpendicular &= 0x3c;
    if (!state.locked) state.configuration = [0x20, 0];
    for (const drive of state.drives) Object.assign(drive, { cylinder: 0, sense: -1, motion: 'none' });
  }

  /** After reset the ready line of each drive 'changes': one interrupt, four answers to SENSE INTERRUPT. */
  #finishReset(): void {
    const { state } = this;
    state.drives.forEach((drive, unit) => {
      drive.sense = ST0.readyChanged | unit;
    });
    state.senseInterrupt = true;
  }

  #writeCommandByte(byte: number): void {
    const { state } = this;
    if (!this.#isRunning() || state.phase !== 'command') return;
    state.command.push(byte);
    const command = this.#commandOf(state.command[0]);
    if (command === undefined) this.#finish([ST0.invalid]);
    else if (state.command.length === command.bytes) command.run();
  }

  /** MT, MFM and SK (bits 5-7) are options of the data commands, part of the code for others. */
  #commandOf(opcode: number): Command | undefined {
    return this.#commands.get(opcode) ?? this.#commands.get((opcode & 0x1f) | 0x100);
  }

  /** Commands by opcode; those that take option bits are entered with 0x100 and their low five bits. */
  #commandTable(): ReadonlyMap<number, Command> {
    const later = (bytes: number): Command => ({ bytes, run: () => this.#beginExecution() });
    return new Map<number, Command>([
      [0x03, { bytes: 3, run: () => this.#specify() }],
      [0x04, { bytes: 2, run: () => this.#senseDrive() }],
      [0x07, { bytes: 2, run: () => this.#seek(0) }],
      [0x08, { bytes: 1, run: () => this.#senseInterrupt() }],
      [0x0e, { bytes: 1, run: () => this.#dumpRegisters() }],
      [0x0f, { bytes: 3, run: () => this.#seek(this.state.command[2]) }],
      [0x10, { bytes: 1, run: () => this.#finish([VERSION_82077]) }],
      [0x12, { bytes: 2, run: () => this.#setPerpendicular() }],
      [0x13, { bytes: 4, run: () => this.#configure() }],
      [0x14, { bytes: 1, run: () => this.#lock(false) }],
      [0x94, { bytes: 1, run: () => this.#lock(true) }],
      [0x8f, { bytes: 3, run: () => this.#seekBy(-this.state.command[2]) }],
      [0xcf, { bytes: 3, run: () => this.#seekBy(this.state.command[2]) }],
      ...[...READS, ...WRITES, VERIFY].map((operation): [number, Command] => [0x100 | operation, later(9)]),
      [0x100 | READ_ID, later(2)],
    ]);
  }

  #finish(result: number[]): void {
    const { state } = this;
    state.command = [];
    state.transfer = null;
    state.result = result;
    state.phase = result.length > 0 ? 'result' : 'command';
  }

  #readResult(): number {
    const { state } = this;
    if (state.phase !== 'result') return 0xff;
    const byte = state.result.shift() ?? 0xff;
    if (state.result.length === 0) state.phase = 'command';
    // The first byte read of a data command's result takes its interrupt away.
    state.resultInterrupt = false;
    this.#driveLine();
    return byte;
  }

  #specify(): void {
    this.state.timing = this.state.command.slice(1, 3);
    this.#finish([]);
  }

  #configure(): void {
    this.state.configuration = this.state.command.slice(2, 4);
    this.#finish([]);
  }

  #setPerpendicular(): void {
    this.state.perpendicular = this.state.command[1] & 0x3f;
    this.#finish([]);
  }

  #lock(locked: boolean): void {
    this.state.locked = locked;
    this.#finish([locked ? 0x10 : 0]);
  }

  #dumpRegisters(): void {
    const { state } = this;
    const { drives, timing, configuration } = state;
    this.#finish([
      ...drives.map((drive) => drive.cylinder),
      timing[0], timing[1], state.lastSector, (state.locked ? 0x80 : 0) | state.perpendicular,
      configuration[0], configuration[1],
    ]);
  }

  #senseDrive(): void {
    const unit = this.state.command[1] & 7;
    const hasDrive = this.#media.hasDrive(unit & 3);
    const trackZero = hasDrive && this.state.drives[unit & 3].cylinder === 0;
    // Without a disk nothing closes the hole by which the drive knows that it may write.
    const isProtected = hasDrive && this.disk(unit & 3)?.readOnly !== false;
    // Status register 3: write protected, track 0, two-sided; bits 3 and 5 are always set.
    this.#finish([0x28 | unit | (isProtected ? 0x40 : 0) | (trackZero ? 0x10 : 0)]);
  }

  #senseInterrupt(): void {
    const { state } = this;
    const drive = state.drives.find((candidate) => candidate.sense >= 0);
    if (drive === undefined) {
      this.#finish([ST0.invalid]);
      return;
    }
    const { sense } = drive;
    drive.sense = -1;
    state.senseInterrupt = false;
    this.#driveLine();
    this.#finish([sense, drive.cylinder]);
  }

  #seekBy(cylinders: number): void {
    const drive = this.state.drives[this.state.command[1] & 3];
    this.#seek(Math.min(Math.max(drive.cylinder + cylinders, 0), 0xff));
  }

  /** RECALIBRATE and SEEK: the controller is free for other commands while the drive seeks. */
  #seek(cylinder: number): void {
    const unit = this.state.command[1] & 3;
    const drive = this.state.drives[unit];
    drive.cylinder = cylinder;
    drive.sense = -1;
    drive.motion = this.state.command[0] === 0x07 ? 'recalibrate' : 'seek';
    this.#schedule(`seek${unit}`, SEEK_CYCLES);
    this.#finish([]);
  }

  #finishSeek(unit: number): void {
    const { state } = this;
    const drive = state.drives[unit];
    // Without a drive the track 0 signal that a recalibration looks for never comes.
    const lost = drive.motion === 'recalibrate' && !this.#media.hasDrive(unit);
    drive.sense = ST0.seekEnd | unit | (lost ? ST0.abnormal | ST0.equipment : 0);
    drive.motion = 'none';
    if (this.disk(unit) !== undefined) drive.changed = false;
    state.senseInterrupt = true;
  }

  #beginExecution(): void {
    this.state.phase = 'execution';
    prefetch(this.state, this.#media);
    this.#schedule('command', COMMAND_CYCLES);
  }

  /** The next step of the command that is being executed. */
  #goOn(): EventAnswer {
    const { state } = this;
    if (state.phase !== 'execution') return undefined;
    const progress = goOn(state, this.#media, this.#dma);
    if (progress === 'wait') return 'wait';
    if (progress === 'more') this.#schedule('command', 0);
    else if (progress !== 'no index') this.#finishExecution(progress);
    return undefined;
  }

  #finishExecution(result: number[]): void {
    this.#finish(result);
    this.state.resultInterrupt = true;
  }
}
