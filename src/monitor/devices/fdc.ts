/**
 * The 82077AA floppy disk controller (ports 3F0-3F5 and 3F7, line 6, DMA channel 2) with up to two drives.
 *
 * Source: Intel 82077AA data sheet (290166). Data moves by DMA only; a command takes a fixed virtual time,
 * and the head is where it should be at once. At the end of that time all sectors move, an event each: each can wait for the disk.
 */
import type { BlockBackend, Device, DeviceHost, EventAnswer, FloppyFormat, PortRange } from './device';
import { BlockError, floppyFormat } from './device';
import type { DmaTransfer } from './dma';
import { FDC_DESCRIPTION } from './registers/fdc';

/** The channel of the DMA controller that the floppy controller is wired to. */
export interface FloppyDma {
  toMemory(channel: number, data: Uint8Array): DmaTransfer;
  fromMemory(channel: number, data: Uint8Array): DmaTransfer;
}

export interface FloppyDriveState {
  cylinder: number;
  /** The disk change line: up until the first seek with a disk in the drive. */
  changed: boolean;
  /** Status register 0 that SENSE INTERRUPT will report; -1 when there is nothing to report. */
  sense: number;
  motion: 'none' | 'seek' | 'recalibrate';
}

/** How far a data command has come. */
export interface FloppyTransfer {
  /** The sector that is next. */
  cylinder: number;
  head: number;
  sector: number;
  /** What is to be written there, once it is out of memory, and whether the DMA count has ended with it. */
  data: Uint8Array | null;
  terminal: boolean;
}

export interface FdcState {
  /** Digital output: drive (0-1), not reset (2), DMA and interrupt gate (3), motors (4-7). */
  dor: number;
  tapeDrive: number;
  phase: 'command' | 'execution' | 'result';
  /** Bytes of the command so far. */
  command: number[];
  /** Null before a data command's end, and for all other commands. */
  transfer: FloppyTransfer | null;
  result: number[];
  /** Interrupts wait for the result of a data command to be read, and for SENSE INTERRUPT. */
  resultInterrupt: boolean;
  senseInterrupt: boolean;
  drives: FloppyDriveState[];
  /** SPECIFY's two bytes and CONFIGURE's second and third. */
  timing: number[];
  configuration: number[];
  perpendicular: number;
  locked: boolean;
  /** EOT of the last data command, for DUMPREG. */
  lastSector: number;
}

const SECTOR_BYTES = 512;
const DMA_CHANNEL = 2;
const DRIVES = 4;
const LINE = 6;
/** Cycles of a command, a seek, and the way out of reset. */
const COMMAND_CYCLES = 500_000;
const SEEK_CYCLES = 200_000;
const RESET_CYCLES = 20_000;

const DOR = { running: 0x04, gate: 0x08 } as const;
const MAIN = { request: 0x80, toHost: 0x40, busy: 0x10 } as const;
const ST0 = { abnormal: 0x40, invalid: 0x80, readyChanged: 0xc0, seekEnd: 0x20, equipment: 0x10 } as const;
const ST1 = {
  endOfCylinder: 0x80, dataError: 0x20, overrun: 0x10, noData: 0x04, notWritable: 0x02, noAddressMark: 0x01,
} as const;
const ST2_WRONG_CYLINDER = 0x10;
const ST2_DATA_ERROR = 0x20;
const MULTI_TRACK = 0x80;
const IMPLIED_SEEK = 0x40;
const NON_DMA = 0x01;
const SIZE_CODE = 2;
const VERSION_82077 = 0x90;

function powerOnState(): FdcState {
  const drive = (): FloppyDriveState => ({ cylinder: 0, changed: true, sense: -1, motion: 'none' });
  return {
    dor: 0, tapeDrive: 0, phase: 'command', command: [], transfer: null, result: [], resultInterrupt: false, senseInterrupt: false,
    drives: Array.from({ length: DRIVES }, drive),
    timing: [0, 0], configuration: [0x20, 0], perpendicular: 0, locked: false, lastSector: 0,
  };
}

/** A drive with its disk. */
interface Medium {
  readonly disk: BlockBackend;
  readonly format: FloppyFormat;
}

/** What a data command's bytes say. */
interface DataCommand {
  readonly operation: number;
  readonly drive: FloppyDriveState;
  readonly unit: number;
  readonly medium: Medium;
  readonly multiTrack: boolean;
  readonly cylinder: number;
  readonly head: number;
  readonly sector: number;
  readonly size: number;
  readonly lastSector: number;
}

/** Status registers 1 and 2 of a command that ended badly. */
interface Failure {
  readonly st1: number;
  readonly st2: number;
}

/** What has come of a step of a data command: nothing, for the disk was not done; more to do; its end. */
type Step = 'wait' | 'more' | 'end' | Failure;

/** Codes of operations without their option bits: READ and READ DELETED, WRITE and WRITE DELETED, VERIFY, READ ID. */
const READS: readonly number[] = [0x06, 0x0c];
const WRITES: readonly number[] = [0x05, 0x09];
const VERIFY = 0x16;
const READ_ID = 0x0a;

function failure(st1: number, st2 = 0): Failure {
  return { st1, st2 };
}

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
  state: FdcState = powerOnState();
  readonly #host: DeviceHost;
  readonly #dma: FloppyDma;
  readonly #media: readonly (Medium | undefined)[];
  readonly #commands: ReadonlyMap<number, Command>;

  /**
   * `disks`: drives A and B with the disk in each; undefined where there is no drive. Throws RangeError
   * for a disk that has no floppy's size.
   */
  constructor(host: DeviceHost, dma: FloppyDma, disks: readonly (BlockBackend | undefined)[]) {
    this.#host = host;
    this.#dma = dma;
    this.#media = disks.map((disk, index) => {
      if (disk === undefined) return undefined;
      const format = floppyFormat(disk.sectors);
      if (format === undefined) throw new RangeError(`Floppy ${index}: ${disk.sectors} sectors is no floppy's size.`);
      return { disk, format };
    });
    this.#commands = this.#commandTable();
  }

  reset(): void {
    this.#cancelEvents();
    this.state = powerOnState();
    this.#driveLine();
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
    const medium = this.#media[unit & 3];
    const trackZero = medium !== undefined && this.state.drives[unit & 3].cylinder === 0;
    // Status register 3: write protected, track 0, two-sided; bits 3 and 5 are always set.
    this.#finish([0x28 | unit | (medium?.disk.readOnly === true ? 0x40 : 0) | (trackZero ? 0x10 : 0)]);
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
    const present = this.#media[unit] !== undefined;
    // Without a drive the track 0 signal that a recalibration looks for never comes.
    const lost = drive.motion === 'recalibrate' && !present;
    drive.sense = ST0.seekEnd | unit | (lost ? ST0.abnormal | ST0.equipment : 0);
    drive.motion = 'none';
    if (present) drive.changed = false;
    state.senseInterrupt = true;
  }

  #beginExecution(): void {
    this.state.phase = 'execution';
    this.#prefetch();
    this.#schedule('command', COMMAND_CYCLES);
  }

  /** A read may go on to the end of its track, with MT to the end of the cylinder. */
  #prefetch(): void {
    const command = this.#dataCommand();
    if (command === undefined || !READS.includes(command.operation)) return;
    const { cylinder, head, sector, multiTrack, medium: { disk, format } } = command;
    const { cylinders, heads, sectorsPerTrack } = format;
    if (cylinder >= cylinders || head >= heads || sector < 1 || sector > sectorsPerTrack) return;
    const first = head * sectorsPerTrack + sector - 1;
    disk.prefetch(cylinder * heads * sectorsPerTrack + first, (multiTrack ? heads : head + 1) * sectorsPerTrack - first);
  }

  /** The next step of the command that is being executed. */
  #goOn(): EventAnswer {
    const { state } = this;
    if (state.phase !== 'execution') return undefined;
    if ((state.command[0] & 0x1f) === READ_ID) {
      this.#finishExecution(this.#readId());
      return undefined;
    }
    const step = this.#stepData();
    if (step === 'wait') return 'wait';
    if (step === 'more') this.#schedule('command', 0);
    else this.#finishData(step === 'end' ? undefined : step);
    return undefined;
  }

  #finishExecution(result: number[]): void {
    this.#finish(result);
    this.state.resultInterrupt = true;
  }

  /** READ ID: the first sector that comes by under the head. */
  #readId(): number[] {
    const unit = this.state.command[1] & 7;
    const drive = this.state.drives[unit & 3];
    const medium = this.#media[unit & 3];
    const place = [drive.cylinder, unit >> 2, 1, SIZE_CODE];
    if (medium === undefined || drive.cylinder >= medium.format.cylinders) {
      return [ST0.abnormal | unit, ST1.noAddressMark, 0, ...place];
    }
    return [unit, 0, 0, ...place];
  }

  /** What READ, WRITE or VERIFY names; undefined when there is no disk, or for another command. */
  #dataCommand(): DataCommand | undefined {
    const { state } = this;
    const [opcode, select, cylinder, head, sector, size, lastSector] = state.command;
    const medium = this.#media[select & 3];
    if (medium === undefined || state.command.length < 9) return undefined;
    return {
      operation: opcode & 0x1f, drive: state.drives[select & 3], unit: select & 7, medium, multiTrack: (opcode & MULTI_TRACK) !== 0,
      cylinder, head, sector, size, lastSector,
    };
  }

  /** One step of READ, WRITE or VERIFY: whether it can be done at all, then a sector, or a sector's way out of memory. */
  #stepData(): Step {
    const { state } = this;
    const command = this.#dataCommand();
    state.lastSector = state.command[6];
    if (command === undefined) return failure(ST1.noAddressMark);
    const { transfer } = state;
    if (transfer !== null) return this.#guard(() => this.#moveSector(command, transfer));
    const bad = this.#checkPlace(command);
    if (bad !== undefined) return bad;
    const { cylinder, head, sector } = command;
    state.transfer = { cylinder, head, sector, data: null, terminal: false };
    return 'more';
  }

  /** The seven result bytes of a data command: where it would go on, or where it has failed. */
  #finishData(bad: Failure | undefined): void {
    const [, select, ...place] = this.state.command;
    const { cylinder, head, sector } = this.state.transfer ?? { cylinder: place[0], head: place[1], sector: place[2] };
    const st0 = (select & 7) | (bad === undefined ? 0 : ST0.abnormal);
    this.#finishExecution([st0, bad?.st1 ?? 0, bad?.st2 ?? 0, cylinder, head, sector, place[3]]);
  }

  /** Whether the head is over what the command names (or may be sent there by implied seek). */
  #checkPlace({ drive, cylinder, head, unit, size, medium }: DataCommand): Failure | undefined {
    if ((this.state.timing[1] & NON_DMA) !== 0) return failure(ST1.overrun);
    if ((this.state.configuration[0] & IMPLIED_SEEK) !== 0) drive.cylinder = cylinder;
    if (drive.cylinder >= medium.format.cylinders) return failure(ST1.noAddressMark);
    if (drive.cylinder !== cylinder) return failure(ST1.noData, ST2_WRONG_CYLINDER);
    const otherHead = head !== unit >> 2 || head >= medium.format.heads;
    return otherHead || size !== SIZE_CODE ? failure(ST1.noData) : undefined;
  }

  /** Until the DMA count ends, or the last sector of the cylinder has gone by without that. */
  #moveSector(command: DataCommand, transfer: FloppyTransfer): Step {
    const { operation, drive, medium: { disk, format } } = command;
    const { heads, sectorsPerTrack } = format;
    if (transfer.sector < 1 || transfer.sector > sectorsPerTrack) return failure(ST1.noData);
    const lba = (drive.cylinder * heads + transfer.head) * sectorsPerTrack + transfer.sector - 1;
    if (WRITES.includes(operation)) {
      if (transfer.data === null) return this.#takeSector(disk, transfer);
      if (!disk.write(lba, transfer.data)) return 'wait';
      transfer.data = null;
    } else if (READS.includes(operation)) {
      const data = new Uint8Array(SECTOR_BYTES);
      if (!disk.read(lba, 1, data)) return 'wait';
      const { bytes, terminal } = this.#dma.toMemory(DMA_CHANNEL, data);
      if (bytes === 0) return failure(ST1.overrun);
      transfer.terminal = terminal;
    }
    const cylinderEnds = this.#advance(command, transfer);
    if (transfer.terminal) return 'end';
    if (!cylinderEnds) return 'more';
    return operation === VERIFY ? 'end' : failure(ST1.endOfCylinder);
  }

  /** A sector to be written comes out of memory: a step of its own, for it cannot be taken back when the disk is not done. */
  #takeSector(disk: BlockBackend, transfer: FloppyTransfer): Step {
    if (disk.readOnly) return failure(ST1.notWritable);
    const data = new Uint8Array(SECTOR_BYTES);
    const { bytes, terminal } = this.#dma.fromMemory(DMA_CHANNEL, data);
    if (bytes === 0) return failure(ST1.overrun);
    transfer.data = data;
    transfer.terminal = terminal;
    return 'more';
  }

  #guard(step: () => Step): Step {
    try {
      return step();
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      return failure(ST1.dataError, ST2_DATA_ERROR);
    }
  }

  /** The next sector's address (data sheet, table 'result phase'); true when the cylinder has come to its end. */
  #advance({ lastSector, multiTrack }: DataCommand, transfer: FloppyTransfer): boolean {
    if (transfer.sector !== lastSector) {
      transfer.sector++;
      return false;
    }
    transfer.sector = 1;
    if (multiTrack && transfer.head === 0) {
      transfer.head = 1;
      return false;
    }
    if (multiTrack) transfer.head = 0;
    transfer.cylinder++;
    return true;
  }
}
