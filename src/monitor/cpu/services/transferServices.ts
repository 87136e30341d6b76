/**
 * Services for far transfers, interrupts by instruction, and the fast system call.
 */
import { VECTOR, fault, generalProtection, type Cpu } from '../cpu';
import { deliver } from '../interrupts';
import * as L from '../layout';
import type { Operation, Outcome, Service } from '../operation';
import { CR0, FLAG } from '../state';
import { farCall, farJump, farReturn, interruptReturn } from '../transfers';
import { readFarPointer } from './operand';

const width = (op: Operation): 2 | 4 => (op.size === 2 ? 2 : 4);
const immediatePointer = (op: Operation): { offset: number; selector: number } => ({
  offset: op.size === 2 ? op.immediate & 0xffff : op.immediate >>> 0,
  selector: op.immediateHigh,
});

function software(vector: number): Service {
  return (cpu, op) => {
    deliver(cpu, { vector, cause: 'software', returnTo: op.next });
    return 'leave';
  };
}

/** BOUND: the index is signed, the bounds inclusive. */
function bound(cpu: Cpu, op: Operation): Outcome {
  const size = width(op);
  const signed = (value: number): number => (size === 2 ? (value << 16) >> 16 : value | 0);
  const index = signed(cpu.state.slot(op.slotA, size));
  const lower = signed(cpu.read(op.segment, op.offset, size));
  const upper = signed(cpu.read(op.segment, ((op.offset + size) & op.addressMask) >>> 0, size));
  if (index < lower || index > upper) throw fault(VECTOR.BR);
  return 'next';
}

/** Flat segments as SYSENTER and SYSEXIT load them, without looking at descriptors. */
function flatSegments(cpu: Cpu, code: number, stack: number, cpl: number): void {
  cpu.setCpl(cpl);
  cpu.setSegment(L.CS, (code & 0xfffc) | cpl, 0, 0xffffffff, 0xc9b | (cpl << 5));
  cpu.setSegment(L.SS, (stack & 0xfffc) | cpl, 0, 0xffffffff, 0xc93 | (cpl << 5));
}

function sysenter(cpu: Cpu): Outcome {
  const s = cpu.state;
  const selector = s.u32(L.SYSENTER_CS);
  if (!(s.cr0 & CR0.PE) || (selector & 0xfffc) === 0) throw generalProtection();
  s.flags = s.flags & ~(FLAG.VM | FLAG.IF | FLAG.RF);
  flatSegments(cpu, selector, selector + 8, 0);
  s.setReg(L.RSP, s.u32(L.SYSENTER_ESP));
  s.eip = s.u32(L.SYSENTER_EIP);
  return 'leave';
}

function sysexit(cpu: Cpu): Outcome {
  const s = cpu.state;
  const selector = s.u32(L.SYSENTER_CS);
  if ((selector & 0xfffc) === 0 || !(s.cr0 & CR0.PE) || s.cpl !== 0) throw generalProtection();
  flatSegments(cpu, selector + 16, selector + 24, 3);
  s.setReg(L.RSP, s.reg(L.RCX));
  s.eip = s.reg(L.RDX);
  return 'leave';
}

export const transferServices: Readonly<Record<string, Service>> = {
  jmpf_ap: (cpu, op) => {
    farJump(cpu, immediatePointer(op), op.next);
    return 'leave';
  },
  jmpf_m: (cpu, op) => {
    farJump(cpu, readFarPointer(cpu, op), op.next);
    return 'leave';
  },
  callf_ap: (cpu, op) => {
    farCall(cpu, immediatePointer(op), op.next, width(op));
    return 'leave';
  },
  callf_m: (cpu, op) => {
    farCall(cpu, readFarPointer(cpu, op), op.next, width(op));
    return 'leave';
  },
  retf: (cpu, op) => {
    farReturn(cpu, width(op), 0);
    return 'leave';
  },
  retf_imm: (cpu, op) => {
    farReturn(cpu, width(op), op.immediate & 0xffff);
    return 'leave';
  },
  iret: (cpu, op) => {
    interruptReturn(cpu, width(op), op.next);
    return 'leave';
  },
  int: (cpu, op) => software(op.immediate & 0xff)(cpu, op),
  int3: software(VECTOR.BP),
  int1: (cpu, op) => {
    deliver(cpu, { vector: VECTOR.DB, cause: 'exception', returnTo: op.next });
    return 'leave';
  },
  into: (cpu, op) => (cpu.state.flags & FLAG.OF ? software(VECTOR.OF)(cpu, op) : 'next'),
  bound,
  sysenter,
  sysexit,
  ud: () => {
    throw fault(VECTOR.UD);
  },
  too_long: () => {
    throw generalProtection();
  },
};
