/**
 * Services for far transfers, interrupts by instruction, and the fast system call.
 */
import { VECTOR, fault, generalProtection, type Cpu } from '../cpu';
import { DR6, trapBehind } from '../debugRegisters';
import { deliver } from '../interrupts';
import * as L from '../layout';
import type { Operation, Outcome, Service } from '../operation';
import { CR0, EFER, FLAG } from '../state';
import { farCall, farJump, farReturn, interruptReturn } from '../transfers';
import { readFarPointer } from './operand';
import { stackWidth } from './stackServices';

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
  const size = op.size === 2 ? 2 : 4;
  const signed = (value: number): number => (size === 2 ? (value << 16) >> 16 : value | 0);
  const index = signed(cpu.state.slot(op.slotA, size));
  const lower = signed(cpu.read(op.segment, op.offset, size));
  const upper = signed(cpu.read(op.segment, op.offsetOf(size), size));
  if (index < lower || index > upper) throw fault(VECTOR.BR);
  return 'next';
}

/** Flat segments as SYSENTER, SYSCALL and their returns load them, without looking at descriptors. */
function flatSegments(cpu: Cpu, code: number, stack: number, cpl: number, long: boolean): void {
  cpu.setCpl(cpl);
  cpu.setSegment(L.CS, (code & 0xfffc) | cpl, 0, 0xffffffff, (long ? 0xa9b : 0xc9b) | (cpl << 5));
  cpu.setSegment(L.SS, (stack & 0xfffc) | cpl, 0, 0xffffffff, 0xc93 | (cpl << 5));
}

function sysenter(cpu: Cpu): Outcome {
  const s = cpu.state;
  const selector = s.u32(L.SYSENTER_CS);
  if (!(s.cr0 & CR0.PE) || (selector & 0xfffc) === 0) throw generalProtection();
  s.flags = s.flags & ~(FLAG.VM | FLAG.IF | FLAG.RF);
  const long = s.longMode;
  flatSegments(cpu, selector, selector + 8, 0, long);
  if (long) s.setReg64(L.RSP, s.u64(L.SYSENTER_ESP));
  else s.setReg(L.RSP, s.u32(L.SYSENTER_ESP));
  s.eip = long ? s.wide(L.SYSENTER_EIP) : s.u32(L.SYSENTER_EIP);
  return 'leave';
}

function sysexit(cpu: Cpu, op: Operation): Outcome {
  const s = cpu.state;
  const selector = s.u32(L.SYSENTER_CS);
  if ((selector & 0xfffc) === 0 || !(s.cr0 & CR0.PE) || s.cpl !== 0) throw generalProtection();
  const long = op.size === 8;
  const target = s.pointer(L.RDX, long ? 64 : 32);
  if (long && !(s.canonical(target) && s.canonical(s.pointer(L.RCX, 64)))) throw generalProtection();
  const first = selector + (long ? 32 : 16);
  flatSegments(cpu, first, first + 8, 3, long);
  if (!long) s.setReg(L.RSP, s.reg(L.RCX));
  else s.setReg64(L.RSP, s.reg64(L.RCX));
  s.eip = target;
  return 'leave';
}

const R11 = 11;

/** SYSCALL: 64-bit code only, as Intel's processors have it (Intel SDM vol. 2). */
function syscall(cpu: Cpu, op: Operation): Outcome {
  const s = cpu.state;
  if (!s.code64 || !(s.efer & EFER.SCE)) throw fault(VECTOR.UD);
  const star = s.u32(L.MSR_STAR + 4) & 0xffff;
  s.setReg(L.RCX, op.next, 8);
  s.setReg(R11, s.flags & ~FLAG.RF, 8);
  s.flags = s.flags & ~s.u32(L.MSR_FMASK) & ~FLAG.RF;
  flatSegments(cpu, star, star + 8, 0, true);
  s.eip = s.wide(L.MSR_LSTAR);
  // Whether it traps is asked of the new TF: a kernel that masks TF is not entered with a trap.
  cpu.trapCleared = !(s.systemFlags & FLAG.TF);
  cpu.attention = true;
  return 'leave';
}

/** Bits of RFLAGS that SYSRET takes from R11. */
const SYSRET_FLAGS = 0x3c7fd7;

function sysret(cpu: Cpu, op: Operation): Outcome {
  const s = cpu.state;
  if (!s.code64 || !(s.efer & EFER.SCE)) throw fault(VECTOR.UD);
  const long = op.size === 8;
  const target = s.pointer(L.RCX, long ? 64 : 32);
  if (s.cpl !== 0 || !s.canonical(target)) throw generalProtection();
  const star = s.u32(L.MSR_STAR + 4) >>> 16;
  s.flags = (s.reg(R11) & SYSRET_FLAGS) | 2;
  flatSegments(cpu, star + (long ? 16 : 0), star + 8, 3, long);
  s.eip = target;
  // As if the SYSCALL had just been done: TF traps at once.
  cpu.trapCleared = true;
  if (s.systemFlags & FLAG.TF) trapBehind(cpu, DR6.singleStep);
  cpu.attention = true;
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
    farCall(cpu, immediatePointer(op), op.next, stackWidth(op));
    return 'leave';
  },
  callf_m: (cpu, op) => {
    farCall(cpu, readFarPointer(cpu, op), op.next, stackWidth(op));
    return 'leave';
  },
  retf: (cpu, op) => {
    farReturn(cpu, stackWidth(op), 0);
    return 'leave';
  },
  retf_imm: (cpu, op) => {
    farReturn(cpu, stackWidth(op), op.immediate & 0xffff);
    return 'leave';
  },
  iret: (cpu, op) => {
    interruptReturn(cpu, stackWidth(op), op.next);
    return 'leave';
  },
  int: (cpu, op) => {
    deliver(cpu, { vector: op.immediate & 0xff, cause: 'software', byNumber: true, returnTo: op.next });
    return 'leave';
  },
  int3: software(VECTOR.BP),
  int1: (cpu, op) => {
    deliver(cpu, { vector: VECTOR.DB, cause: 'exception', returnTo: op.next });
    return 'leave';
  },
  into: (cpu, op) => (cpu.state.flags & FLAG.OF ? software(VECTOR.OF)(cpu, op) : 'next'),
  bound,
  sysenter,
  sysexit,
  syscall,
  sysret,
  ud: () => {
    throw fault(VECTOR.UD);
  },
  too_long: () => {
    throw generalProtection();
  },
};
