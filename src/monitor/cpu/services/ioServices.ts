/**
 * Services for port I/O: IN, OUT, INS, OUTS, with the checks of IOPL and the I/O permission map
 * (Intel SDM vol. 1, chapter 19).
 */
import { generalProtection, type Cpu } from '../cpu';
import { portAccessed } from '../debugRegisters';
import * as L from '../layout';
import type { Operation, Outcome, Service } from '../operation';
import { FLAG } from '../state';
import { portPermitted } from '../taskState';

type Bytes = 1 | 2 | 4;

/** Port accesses have 32 bits at most: REX.W changes nothing. */
const portBytes = (op: Operation): Bytes => (op.size === 8 ? 4 : op.size);

function checkPort(cpu: Cpu, port: number, size: Bytes): void {
  const s = cpu.state;
  if (!s.protectedMode || (!s.virtual8086 && s.cpl <= s.iopl)) return;
  if (!portPermitted(cpu, port, size)) throw generalProtection();
}

/** After port I/O the world may have changed: the run loop looks before the next instruction. */
function after(cpu: Cpu, op: Operation): Outcome {
  if (!cpu.attention) return 'next';
  cpu.state.eip = op.next;
  return 'leave';
}

function input(portOf: (cpu: Cpu, op: Operation) => number): Service {
  return (cpu, op) => {
    const port = portOf(cpu, op);
    const size = portBytes(op);
    checkPort(cpu, port, size);
    cpu.state.setReg(L.RAX, cpu.surroundings.readPort(port, size), size);
    portAccessed(cpu, port, size);
    return after(cpu, op);
  };
}

function output(portOf: (cpu: Cpu, op: Operation) => number): Service {
  return (cpu, op) => {
    const port = portOf(cpu, op);
    const size = portBytes(op);
    checkPort(cpu, port, size);
    // The device may redirect the guest (firmware services do), so it sees the next instruction's address.
    cpu.state.eip = op.next;
    cpu.surroundings.writePort(port, size, cpu.state.reg(L.RAX, size));
    portAccessed(cpu, port, size);
    // Whoever has redirected the guest, or wants control, has asked for attention.
    return cpu.attention ? 'leave' : 'next';
  };
}

const immediatePort = (_cpu: Cpu, op: Operation): number => op.immediate & 0xff;
const dataPort = (cpu: Cpu): number => cpu.state.reg(L.RDX, 2);

/** Elements moved before the run loop is asked. */
const BURST = 4096;

function repeatTransfer(move: (cpu: Cpu, op: Operation, size: Bytes, step: number) => void, bytes: 1 | 0): Service {
  return (cpu, op) => {
    const s = cpu.state;
    const size: Bytes = bytes === 1 ? 1 : portBytes(op);
    checkPort(cpu, dataPort(cpu), size);
    const step = s.systemFlags & FLAG.DF ? -size : size;
    const repeated = op.repeat !== 'none';
    const counter = s.pointer(L.RCX, op.addressBits);
    let count = repeated ? (counter < 0 ? counter + 2 ** 64 : counter) : 1;
    cpu.disturbed = false;
    for (let done = 0; count > 0; done++) {
      if (done === BURST || ((cpu.singleIteration || cpu.attention || cpu.disturbed) && done > 0)) return 'again';
      move(cpu, op, size, step);
      portAccessed(cpu, dataPort(cpu), size);
      count--;
      if (repeated) s.advance(L.RCX, op.addressBits, -1);
    }
    return after(cpu, op);
  };
}

const ins = (cpu: Cpu, op: Operation, size: Bytes, step: number): void => {
  const s = cpu.state;
  const offset = s.pointer(L.RDI, op.addressBits);
  // The destination is checked before the port is read: a port read cannot be taken back.
  const linear = cpu.linear(L.ES, offset, size, true);
  cpu.mmu.check(linear, size, true, cpu.user);
  cpu.write(L.ES, offset, size, cpu.surroundings.readPort(dataPort(cpu), size));
  s.advance(L.RDI, op.addressBits, step);
};

const outs = (cpu: Cpu, op: Operation, size: Bytes, step: number): void => {
  const s = cpu.state;
  const offset = s.pointer(L.RSI, op.addressBits);
  const value = cpu.read(op.segment, offset, size);
  cpu.surroundings.writePort(dataPort(cpu), size, value);
  s.advance(L.RSI, op.addressBits, step);
};

export const ioServices: Readonly<Record<string, Service>> = {
  in: input(immediatePort),
  in_dx: input(dataPort),
  out: output(immediatePort),
  out_dx: output(dataPort),
  insb: repeatTransfer(ins, 1),
  insv: repeatTransfer(ins, 0),
  outsb: repeatTransfer(outs, 1),
  outsv: repeatTransfer(outs, 0),
};
