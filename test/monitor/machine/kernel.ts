/**
 * A kernel of a few instructions on a whole machine, and a debugger's requests to it: flat 32-bit protected mode with
 * a GDT, an IDT and a timer whose interrupt comes every few thousand instructions.
 */
import { MemoryFiles } from '../../support/memoryFiles';
import { validateConfiguration } from '../../../src/monitor/machine/configuration';
import type { MachineImages } from '../../../src/monitor/machine/images';
import { VirtualMachine } from '../../../src/monitor/machine/machine';
import type { RunRequest, StopReport } from '../../../src/monitor/machine/session';
import * as L from '../../../src/monitor/cpu/layout';
import { code, descriptor, gate, jmpFar, le32, PRESENT } from '../cpu/guest';

/** Where the image is loaded, and what is where in it. */
const BASE = 0x100000;
const IMAGE_BYTES = 0x20000;
export const GDT = BASE + 0x1000;
const IDT = BASE + 0x1100;
/** What LGDT takes, and 8 bytes on what LIDT takes. */
export const TABLE_REGISTERS = BASE + 0x1900;
const ENTRY = BASE + 0x20;
/** Where the program begins; its other parts are placed by the tests. */
export const PROGRAM = BASE + 0x2000;
export const HANDLER = BASE + 0x8000;
export const DATA = BASE + 0x9000;
export const STACK = BASE + 0x60000;
export const CODE_SELECTOR = 8;
const VECTORS = 256;
/** Multiboot 0.6.96, 3.1: magic number, and the flag that the header has the addresses. */
const MULTIBOOT = 0x1badb002;
const HAS_ADDRESSES = 0x10000;
/** A slice is a millisecond of the guest. */
const SLICE_CYCLES = 1_000_000;

/** CALL rel32 from one address to another. */
export const call = (from: number, to: number): readonly number[] => [0xe8, ...le32(to - from - 5)];
/** JMP rel8 to itself. */
export const HERE = [0xeb, 0xfe];
const out = (port: number, value: number): readonly number[] => [0xb0, value, 0xe6, port];

/** The vector that `TIMER` gives to IRQ 0. */
export const TIMER_VECTOR = 0x20;
/** Starts a tick every 4 periods of the PIT's 1.193182 MHz, so every 3352 ns, and permits interrupts. */
export const TIMER = code(
  out(0x20, 0x11), out(0x21, TIMER_VECTOR), out(0x21, 4), out(0x21, 1), out(0x21, 0xfe), // 8259A: ICW1-4, all masked but IRQ 0
  out(0x43, 0x34), out(0x40, 4), out(0x40, 0), // 8254: channel 0, mode 2, count 4
  0xfb, // sti
);
/** Counts the tick at DATA, and calls `during` if there is one. */
export const countTick = (during?: number): readonly number[] => {
  const begin = code(0x60, [0xff, 0x05], le32(DATA)); // pusha; inc dword [DATA]
  const middle = during === undefined ? [] : call(HANDLER + begin.length, during);
  return code(begin, middle, out(0x20, 0x20), 0x61, 0xcf); // end of interrupt; popa; iret
};

export class Kernel {
  readonly machine: VirtualMachine;

  /**
   * @param parts code by its address; PROGRAM must be among them. Every vector leads to HANDLER.
   * @param settings values of the configuration
   * @param media images of drives, as files of `files`
   */
  constructor(
    parts: Readonly<Record<number, readonly number[]>>, settings: Readonly<Record<string, unknown>> = {},
    media: Partial<Pick<MachineImages, 'disks' | 'floppy' | 'cdrom'>> = {}, files = new MemoryFiles(),
  ) {
    const image = new Uint8Array(IMAGE_BYTES);
    const put = (address: number, bytes: readonly number[]): void => image.set(bytes, address - BASE);
    const end = BASE + IMAGE_BYTES;
    put(BASE, [MULTIBOOT, HAS_ADDRESSES, -(MULTIBOOT + HAS_ADDRESSES), BASE, BASE, end, end, ENTRY].flatMap((word) => le32(word)));
    put(GDT, [descriptor(0, 0, 0), descriptor(0, 0xfffff, PRESENT | 0x1b, 0xc), descriptor(0, 0xfffff, PRESENT | 0x13, 0xc)].flat());
    put(IDT, Array.from({ length: VECTORS }, () => gate(CODE_SELECTOR, HANDLER, PRESENT | 0x0e)).flat());
    put(TABLE_REGISTERS, code([0x17, 0], le32(GDT), [0, 0], [0xff, 7], le32(IDT)));
    // lgdt; lidt; mov esp, STACK; jmp to PROGRAM, with the GDT's code segment in CS
    put(ENTRY, code([0x0f, 0x01, 0x15], le32(TABLE_REGISTERS), [0x0f, 0x01, 0x1d], le32(TABLE_REGISTERS + 8), 0xbc, le32(STACK), jmpFar(CODE_SELECTOR, PROGRAM)));
    for (const [address, bytes] of Object.entries(parts)) put(Number(address), bytes);
    const checked = validateConfiguration({ multiboot: 'kernel', memory: '2M', ...settings }, { front: 'commandLine' });
    if ('problems' in checked) throw new Error(JSON.stringify(checked.problems));
    const { configuration } = checked;
    this.machine = new VirtualMachine({ configuration, multiboot: { path: 'kernel', bytes: image }, modules: [], disks: [], ...media }, files);
    this.until(PROGRAM);
  }

  /** Carries a request out, to its stop. */
  run(request: RunRequest, sliceCycles = SLICE_CYCLES): StopReport {
    this.machine.resume(request);
    for (;;) {
      const outcome = this.machine.runSlice(sliceCycles);
      if (typeof outcome === 'string') continue;
      if ('reason' in outcome) return outcome;
      this.machine.warp(outcome.idleCycles);
    }
  }

  /** Runs to an address. */
  until(address: number): void {
    this.run({ kind: 'until', address: BigInt(address) });
  }

  /** One step; it must end as a step does. Gives where. */
  step(over: boolean, ranges: readonly (readonly [start: number, end: number])[] = []): number {
    const list = ranges.map(([start, end]) => ({ start: BigInt(start), end: BigInt(end) }));
    const { reason, linear } = this.run({ kind: 'step', over, ranges: list });
    if (reason.kind !== 'step') throw new Error(`the step ended with ${JSON.stringify(reason)} at ${linear.toString(16)}`);
    return Number(linear);
  }

  register(number: number): number {
    return this.machine.parts.cpu.state.reg(number);
  }

  get at(): number {
    return this.machine.parts.executor.linear();
  }

  get stack(): number {
    return this.register(L.RSP);
  }

  /** Ticks that `countTick` has counted. */
  get ticks(): number {
    return this.machine.parts.map.read(DATA, 4);
  }
}
