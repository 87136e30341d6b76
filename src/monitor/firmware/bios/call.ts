/** One service call: the guest's registers by their 8 and 16-bit names, the flags that it will return with, and the machine. */
import type { FirmwareEnvironment, GeneralName, SegmentName } from '../platform';
import type { BiosRom, Continuation } from './rom';

const CARRY = 0x0001;
const ZERO = 0x0040;

/** Offsets in the interrupt frame on the guest's stack. */
const FRAME_IP = 0;
const FRAME_CS = 2;
const FRAME_FLAGS = 4;

export class ServiceCall {
  constructor(
    readonly machine: FirmwareEnvironment,
    /** Interrupt vector of the stub that called. */
    readonly vector: number,
    private readonly rom: BiosRom,
  ) {}

  get ax(): number { return this.word('eax'); }
  set ax(value: number) { this.setWord('eax', value); }
  get bx(): number { return this.word('ebx'); }
  set bx(value: number) { this.setWord('ebx', value); }
  get cx(): number { return this.word('ecx'); }
  set cx(value: number) { this.setWord('ecx', value); }
  get dx(): number { return this.word('edx'); }
  set dx(value: number) { this.setWord('edx', value); }
  get si(): number { return this.word('esi'); }
  set si(value: number) { this.setWord('esi', value); }
  get di(): number { return this.word('edi'); }
  set di(value: number) { this.setWord('edi', value); }
  get bp(): number { return this.word('ebp'); }
  set bp(value: number) { this.setWord('ebp', value); }

  get al(): number { return this.ax & 0xff; }
  set al(value: number) { this.ax = (this.ax & 0xff00) | (value & 0xff); }
  get ah(): number { return this.ax >>> 8; }
  set ah(value: number) { this.ax = (this.ax & 0xff) | ((value & 0xff) << 8); }
  get bl(): number { return this.bx & 0xff; }
  set bl(value: number) { this.bx = (this.bx & 0xff00) | (value & 0xff); }
  get bh(): number { return this.bx >>> 8; }
  set bh(value: number) { this.bx = (this.bx & 0xff) | ((value & 0xff) << 8); }
  get cl(): number { return this.cx & 0xff; }
  set cl(value: number) { this.cx = (this.cx & 0xff00) | (value & 0xff); }
  get ch(): number { return this.cx >>> 8; }
  set ch(value: number) { this.cx = (this.cx & 0xff) | ((value & 0xff) << 8); }
  get dl(): number { return this.dx & 0xff; }
  set dl(value: number) { this.dx = (this.dx & 0xff00) | (value & 0xff); }
  get dh(): number { return this.dx >>> 8; }
  set dh(value: number) { this.dx = (this.dx & 0xff) | ((value & 0xff) << 8); }

  /** A whole 32-bit register, for the interfaces that are defined on these. */
  dword(register: GeneralName): number {
    return this.machine.cpu.get(register) >>> 0;
  }

  setDword(register: GeneralName, value: number): void {
    this.machine.cpu.set(register, value >>> 0);
  }

  /** Linear address of segment:offset. */
  pointer(segment: SegmentName, offset: number): number {
    return this.machine.cpu.base(segment) + (offset & 0xffff);
  }

  /** CF as the caller will see it after IRET. */
  set carry(on: boolean) {
    this.setFlag(CARRY, on);
  }

  /** ZF as the caller will see it after IRET. */
  set zero(on: boolean) {
    this.setFlag(ZERO, on);
  }

  /** Where the interrupt came from, as 'CCCC:IIII' words in one number (CS in the high half). */
  get interrupted(): number {
    return ((this.frameWord(FRAME_CS) << 16) | this.frameWord(FRAME_IP)) >>> 0;
  }

  /** Lets the guest go on at another piece of the ROM instead of behind the service call. */
  continueAt(continuation: Continuation): void {
    this.machine.cpu.instructionPointer = this.rom.continuations[continuation];
  }

  in8(port: number): number {
    return this.machine.ports.readPort(port, 1);
  }

  out8(port: number, value: number): void {
    this.machine.ports.writePort(port, 1, value & 0xff);
  }

  private word(register: GeneralName): number {
    return this.machine.cpu.get(register) & 0xffff;
  }

  private setWord(register: GeneralName, value: number): void {
    const old = this.machine.cpu.get(register);
    this.machine.cpu.set(register, ((old & 0xffff_0000) | (value & 0xffff)) >>> 0);
  }

  /** The frame lies at SS:SP; the stack pointer wraps at 64 KiB. */
  private frameByte(offset: number): number {
    return this.machine.cpu.base('ss') + ((this.machine.cpu.get('esp') + offset) & 0xffff);
  }

  private frameWord(offset: number): number {
    const { memory } = this.machine;
    return memory.read8(this.frameByte(offset)) | (memory.read8(this.frameByte(offset + 1)) << 8);
  }

  private setFlag(mask: number, on: boolean): void {
    // CF and ZF both lie in the low byte.
    const address = this.frameByte(FRAME_FLAGS);
    const flags = this.machine.memory.read8(address);
    this.machine.memory.write8(address, on ? flags | mask : flags & ~mask);
  }
}

export type Service = (call: ServiceCall) => void;
export type FunctionTable = Readonly<Record<number, Service | undefined>>;
