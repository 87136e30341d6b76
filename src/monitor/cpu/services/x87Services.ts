/**
 * Services for the x87 unit: the bridge between the instruction stream and ../x87.
 */
import { VECTOR, fault, type Cpu } from '../cpu';
import * as L from '../layout';
import type { Operation, Outcome, Service } from '../operation';
import { CR0, STATUS_FLAGS } from '../state';
import { CPU_BASE, PAGE_BYTES } from '../../memory/layout';
import { GuestFault } from '../../memory/guestFault';
import { FpuState, executeX87, waitX87, type X87Port } from '../x87';

/** What is on its way between the unit and memory. One instruction is executed at a time, and a buffer for each would cost more than most of them. */
const SCRATCH = new DataView(new ArrayBuffer(128));
const SCRATCH_BYTES = new Uint8Array(SCRATCH.buffer);

/** The port through which the unit reaches memory and registers; a memory fault is kept for the caller. */
class Port implements X87Port {
  readonly scratch = SCRATCH;
  fault: GuestFault | undefined;

  constructor(
    private readonly cpu: Cpu,
    private readonly op: Operation,
  ) {}

  read(size: number): boolean {
    return this.guarded(() => {
      const host = this.run(this.check(size, false), size, false);
      const { machine: { u8 } } = this.cpu;
      for (let i = 0; i < size; i++) SCRATCH_BYTES[i] = host >= 0 ? u8[host + i] ?? 0 : this.cpu.read(this.op.segment, this.at(i), 1);
    });
  }

  write(size: number): boolean {
    return this.guarded(() => {
      const host = this.run(this.check(size, true), size, true);
      const { machine: { u8 } } = this.cpu;
      for (let i = 0; i < size; i++) {
        const byte = SCRATCH_BYTES[i] ?? 0;
        if (host >= 0) u8[host + i] = byte;
        else this.cpu.write(this.op.segment, this.at(i), 1, byte);
      }
    });
  }

  probeWrite(size: number): boolean {
    return this.guarded(() => { this.check(size, true); });
  }

  setAx(value: number): void {
    this.cpu.state.setReg(L.RAX, value, 2);
  }
  getFlags(): number {
    return this.cpu.state.flags;
  }
  setFlags(flags: number): void {
    this.cpu.state.status = flags & STATUS_FLAGS;
  }

  private at(i: number): number {
    return this.op.offsetOf(i);
  }

  /** Refuses an operand that faults; gives its linear address. */
  private check(size: number, write: boolean): number {
    const linear = this.cpu.linear(this.op.segment, this.op.offset, size, write);
    if (this.cpu.user) this.cpu.mmu.checkAlignment(linear, alignmentOf(size));
    this.cpu.mmu.check(linear, size, write, this.cpu.user);
    return linear;
  }

  /** Host address of an operand that lies in plain memory, one byte behind the other, inside of a page; -1 otherwise. */
  private run(linear: number, size: number, write: boolean): number {
    const wraps = this.at(size - 1) !== this.op.offset + size - 1;
    if (wraps || (linear & (PAGE_BYTES - 1)) > PAGE_BYTES - size) return -1;
    return this.cpu.mmu.hostRun(linear, write, this.cpu.user);
  }

  private guarded(action: () => void): boolean {
    try {
      action();
      return true;
    } catch (reason) {
      if (!(reason instanceof GuestFault)) throw reason;
      this.fault = reason;
      return false;
    }
  }
}

/** What #AC asks of an operand: numbers of 80 bits are aligned to 8 bytes, environments to the words they are made of. */
function alignmentOf(bytes: number): number {
  if (bytes <= 8) return bytes;
  if (bytes === 10) return 8;
  return bytes % 4 === 0 ? 4 : 2;
}

export const fpuOf = (cpu: Cpu): FpuState => new FpuState(cpu.state.view, CPU_BASE + L.FPU);

function x87(cpu: Cpu, op: Operation): Outcome {
  const s = cpu.state;
  if (s.cr0 & (CR0.EM | CR0.TS)) throw fault(VECTOR.NM);
  // Without a unit nobody takes the instruction: that is how programs find out.
  if (!cpu.features.has('fpu')) return 'next';
  const port = new Port(cpu, op);
  const request = {
    opcode: op.opcode,
    modrm: op.modrm,
    operandSize: op.size === 2 ? (16 as const) : (32 as const),
    protectedMode: s.descriptorMode,
    instructionPointer: op.start >>> 0,
    instructionPointerHigh: cpu.machine.far.high(op.start) >>> 0,
    codeSelector: s.selector(L.CS),
    dataPointer: op.isMemory ? op.offset >>> 0 : 0,
    dataPointerHigh: op.isMemory ? cpu.machine.far.high(op.offset) >>> 0 : 0,
    dataSelector: op.isMemory ? s.selector(op.segment) : 0,
  };
  const outcome = executeX87(request, fpuOf(cpu), port);
  if (outcome === 'done') return 'next';
  if (outcome === 'fault' && port.fault) throw port.fault;
  if (outcome === 'undefined') throw fault(VECTOR.UD);
  return mathFault(cpu, op);
}

/** #MF, or with CR0.NE clear the interrupt line of the old coprocessor interface. */
function mathFault(cpu: Cpu, op: Operation): Outcome {
  if (cpu.state.cr0 & CR0.NE) throw fault(VECTOR.MF);
  cpu.surroundings.coprocessorError();
  cpu.attention = true;
  cpu.state.eip = op.next;
  return 'leave';
}

function fwait(cpu: Cpu, op: Operation): Outcome {
  const { cr0 } = cpu.state;
  if ((cr0 & (CR0.MP | CR0.TS)) === (CR0.MP | CR0.TS)) throw fault(VECTOR.NM);
  return pendingMathFault(cpu, op) ?? 'next';
}

/** The outcome of a waiting instruction before which an unmasked x87 exception is pending; undefined when there is none. Throws #MF. */
export function pendingMathFault(cpu: Cpu, op: Operation): Outcome | undefined {
  return waitX87(fpuOf(cpu)) === 'mathFault' ? mathFault(cpu, op) : undefined;
}

export const x87Services: Readonly<Record<string, Service>> = { x87, fwait };
