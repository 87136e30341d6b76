/** A machine for firmware tests: plain arrays for memory, a recorder for ports, a processor that is an object. */
import assert from 'node:assert/strict';
import type { AccessSize, BlockBackend } from '../../../src/monitor/devices/device';
import { BuiltinBios } from '../../../src/monitor/firmware/bios/builtin';
import { DiskTransfers } from '../../../src/monitor/firmware/bios/diskTransfers';
import { buildRom } from '../../../src/monitor/firmware/bios/rom';
import { LoadError } from '../../../src/monitor/firmware/platform';
import type {
  DiskRequest, FirmwareCpu, FirmwareEnvironment, FirmwareFloppy, GeneralName, PhysicalMemory, PortBus, SegmentName,
} from '../../../src/monitor/firmware/platform';
import { FakeHost } from '../devices/fake-host';

export const MIB = 0x10_0000;

/** RAM with the hole at A0000-FFFFF readable and writable, as the VGA window and ROM are for firmware. */
export class FakeMemory implements PhysicalMemory {
  readonly bytes: Uint8Array;
  readonly protectedRanges: { address: number; bytes: number }[] = [];

  constructor(readonly ramBytes: number) {
    this.bytes = new Uint8Array(ramBytes);
  }

  read(address: number, bytes: number): Uint8Array {
    const result = new Uint8Array(bytes).fill(0xff);
    result.set(this.bytes.subarray(address, address + bytes));
    return result;
  }
  write(address: number, bytes: Uint8Array): void {
    assert.ok(address + bytes.length <= this.ramBytes, `write of ${String(bytes.length)} bytes at ${address.toString(16)}`);
    this.bytes.set(bytes, address);
  }
  read8(address: number): number { return this.bytes[address] ?? 0xff; }
  read16(address: number): number { return this.read8(address) | (this.read8(address + 1) << 8); }
  read32(address: number): number { return (this.read16(address) | (this.read16(address + 2) << 16)) >>> 0; }
  write8(address: number, value: number): void { this.bytes[address] = value; }
  write16(address: number, value: number): void {
    this.write8(address, value);
    this.write8(address + 1, value >>> 8);
  }
  write32(address: number, value: number): void {
    this.write16(address, value);
    this.write16(address + 2, value >>> 16);
  }
  protect(address: number, bytes: number): void {
    this.protectedRanges.push({ address, bytes });
  }
  text(address: number): string {
    const end = this.bytes.indexOf(0, address);
    return new TextDecoder().decode(this.bytes.subarray(address, end));
  }
}

export interface PortWrite {
  readonly port: number;
  readonly size: AccessSize;
  readonly value: number;
}

/** Records writes; reads come from `answers`, else 0xFF. CMOS and indexed VGA registers keep their values. */
export class FakePorts implements PortBus {
  readonly writes: PortWrite[] = [];
  readonly answers = new Map<number, () => number>();
  readonly cmos = new Uint8Array(128);
  /** Values by port of the index register and index: indexed.get(0x3d4)?.get(0x0e). */
  readonly indexed = new Map<number, Map<number, number>>();
  private readonly selected = new Map<number, number>();

  constructor() {
    this.answers.set(0x71, () => this.cmos[(this.selected.get(0x70) ?? 0) & 0x7f]);
  }

  readPort(port: number, size: AccessSize): number {
    const mask = size === 4 ? 0xffff_ffff : (1 << (size * 8)) - 1;
    return ((this.answers.get(port)?.() ?? mask) & mask) >>> 0;
  }

  writePort(port: number, size: AccessSize, value: number): void {
    this.writes.push({ port, size, value });
    if ([0x70, 0x3c4, 0x3ce, 0x3d4, 0x3b4].includes(port)) this.selected.set(port, value);
    if (port === 0x71) this.cmos[(this.selected.get(0x70) ?? 0) & 0x7f] = value;
    if ([0x3c5, 0x3cf, 0x3d5, 0x3b5].includes(port)) this.keep(port - 1, value);
  }

  /** Values written to a port, in order. */
  writtenTo(port: number): number[] {
    return this.writes.filter((write) => write.port === port).map((write) => write.value);
  }

  private keep(indexPort: number, value: number): void {
    const registers = this.indexed.get(indexPort) ?? new Map<number, number>();
    registers.set(this.selected.get(indexPort) ?? 0, value);
    this.indexed.set(indexPort, registers);
  }
}

export class FakeCpu implements FirmwareCpu {
  readonly general: Record<GeneralName, number> = { eax: 0, ecx: 0, edx: 0, ebx: 0, esp: 0, ebp: 0, esi: 0, edi: 0 };
  readonly selectors: Record<SegmentName, number> = { es: 0, cs: 0xf000, ss: 0, ds: 0, fs: 0, gs: 0 };
  instructionPointer = 0;

  get(register: GeneralName): number { return this.general[register]; }
  set(register: GeneralName, value: number): void { this.general[register] = value; }
  selector(segment: SegmentName): number { return this.selectors[segment]; }
  base(segment: SegmentName): number { return this.selectors[segment] * 16; }
  setSelector(segment: SegmentName, selector: number): void { this.selectors[segment] = selector; }
}

/** A disk in an array. */
export class MemoryDisk implements BlockBackend {
  readonly data: Uint8Array;
  constructor(readonly sectors: number, readonly readOnly = false) {
    this.data = new Uint8Array(Math.min(sectors, 65536) * 512);
  }
  prefetch(): void {
    // All is there.
  }
  read(lba: number, count: number, target: Uint8Array): boolean {
    target.set(this.data.subarray(lba * 512, (lba + count) * 512));
    return true;
  }
  write(lba: number, source: Uint8Array): boolean {
    this.data.set(source, lba * 512);
    return true;
  }
  flush(): boolean {
    return true;
  }
  discard(): boolean {
    return true;
  }
}

const ROM = buildRom();
const STACK = { ss: 0x2000, sp: 0x0100 };
/** Bits that are never set by the services themselves, to see that they stay. */
const CALLER_FLAGS = 0x0202;
const CARRY = 0x0001;
const ZERO = 0x0040;

/** The machine around the BIOS, with a call for an interrupt as its stub makes it. */
export class FakeMachine implements FirmwareEnvironment {
  readonly memory: FakeMemory;
  readonly ports = new FakePorts();
  readonly cpu = new FakeCpu();
  /** Drives by BIOS number: floppies from 0, hard disks from 80h. */
  readonly drives = new Map<number, BlockBackend>();
  /** Floppy drives whose change line is up, and those out of which the disk of `drives` has been taken. */
  readonly changed = new Set<number>();
  readonly empty = new Set<number>();
  /** The CD-ROM drive: undefined for none. */
  cdrom: { disc(): BlockBackend | undefined } | undefined;
  readonly logged: string[] = [];
  readonly bios: BuiltinBios;
  private readonly transfers: DiskTransfers;
  /** Whether the event of a transfer is due. */
  private due = false;
  cycles = 0;

  constructor(ramBytes = 64 * MIB, bootOrder?: readonly number[]) {
    this.memory = new FakeMemory(ramBytes);
    this.bios = new BuiltinBios(bootOrder === undefined ? {} : { bootOrder });
    const host = new FakeHost();
    host.schedule = (): void => { this.due = true; };
    this.transfers = new DiskTransfers(host, {
      memory: this.memory, medium: (drive) => (drive === 0xe0 ? this.cdrom?.disc() : this.drives.get(drive)),
    });
  }

  get floppies(): readonly FirmwareFloppy[] {
    return [...this.drives.keys()].filter((number) => number < 0x80).sort().map((unit) => ({
      type: 4,
      disk: () => (this.empty.has(unit) ? undefined : this.drives.get(unit)),
      isChanged: () => this.changed.has(unit),
      acknowledgeChange: () => { if (!this.empty.has(unit)) this.changed.delete(unit); },
    }));
  }

  transfer(request: DiskRequest): void {
    this.transfers.begin(request);
  }

  now(): number { return this.cycles; }
  log(text: string): void { this.logged.push(text); }

  /** Runs POST's service, as a machine that was just switched on does. */
  powerOn(): this {
    this.serviceAt(this.pointOf((point) => point.name === 'post'));
    return this;
  }

  /** Calls the service of an interrupt's stub. The flags image begins with CF and ZF as given. */
  interrupt(vector: number, registers: Partial<Record<GeneralName, number>> = {}, flags = CALLER_FLAGS): { carry: boolean; zero: boolean } {
    Object.assign(this.cpu.general, registers);
    this.cpu.selectors.ss = STACK.ss;
    this.cpu.general.esp = STACK.sp;
    const frame = STACK.ss * 16 + STACK.sp;
    this.memory.write16(frame, 0x1234);
    this.memory.write16(frame + 2, 0x0678);
    this.memory.write16(frame + 4, flags);
    this.serviceAt(this.pointOf((point) => point.vector === vector));
    return this.returnedFlags(flags);
  }

  /** Runs the waiting stub's own service once. */
  retry(name: 'waitCheck' | 'serialRetry'): { carry: boolean; zero: boolean } {
    this.serviceAt(this.pointOf((point) => point.name === name));
    return this.returnedFlags(CALLER_FLAGS);
  }

  /** The continuation that the service chose; undefined when the stub goes on normally. */
  continuation(): string | undefined {
    return Object.entries(ROM.continuations).find(([, offset]) => offset === this.cpu.instructionPointer)?.[0];
  }

  /** A row of the text screen, without trailing blanks. */
  screenRow(row: number): string {
    const cells = this.memory.read(0xb8000 + row * 160, 160).filter((_, i) => i % 2 === 0);
    return new TextDecoder('latin1').decode(cells).trimEnd();
  }

  /** 16-bit register. */
  word(register: GeneralName): number {
    return this.cpu.general[register] & 0xffff;
  }

  private returnedFlags(before: number): { carry: boolean; zero: boolean } {
    const flags = this.memory.read16(STACK.ss * 16 + STACK.sp + 4);
    assert.equal(flags & ~(CARRY | ZERO), before & ~(CARRY | ZERO), 'other flags changed');
    return { carry: (flags & CARRY) !== 0, zero: (flags & ZERO) !== 0 };
  }

  private pointOf(wanted: (point: { name: string; vector: number }) => boolean): number {
    const found = [...ROM.points].find(([, point]) => wanted(point));
    assert.ok(found !== undefined, 'no such service');
    return found[0];
  }

  private serviceAt(offset: number): void {
    this.cpu.instructionPointer = offset;
    assert.equal(this.bios.service(this), true);
    const waiting = this.continuation();
    if (waiting !== 'diskWait' && waiting !== 'bootWait') return;
    // The event is due before the next instruction, whatever the host takes for it.
    for (let tries = 0; this.due; tries++) {
      assert.ok(tries < 100, 'the transfer ends');
      if (this.transfers.event() !== 'wait') this.due = false;
    }
    this.serviceAt(this.pointOf((point) => point.name === (waiting === 'diskWait' ? 'diskDone' : 'bootNext')));
  }
}

/** Asserts that a loader refuses with a LoadError on a field, and that its message says this. */
export function refuses(action: () => unknown, field: string, says: RegExp): void {
  assert.throws(action, (error: unknown) => {
    assert.ok(error instanceof LoadError, String(error));
    assert.equal(error.field, field, error.message);
    assert.match(error.message, says);
    // What is wrong and what to do: two sentences at least.
    assert.match(error.message, /\. .*\.$/);
    return true;
  });
}
