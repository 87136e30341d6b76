/**
 * Services for what came with long mode and after it: SWAPGS, the FS and GS bases, RDTSCP, RDPID, wide
 * DIV and IDIV, protection keys, SMAP's switches, INVPCID, XGETBV and XSETBV (Intel SDM vol. 2).
 */
import { VECTOR, fault, generalProtection, type Cpu } from '../cpu';
import * as L from '../layout';
import { allowedXcr0, XCR0 } from '../models/controlBits';
import type { Operation, Outcome, Service } from '../operation';
import { CR4, FLAG, segmentAt } from '../state';
import { changeOfMode, code64Only, privileged } from './guards';
import { readTimeStamp } from './timeStamp';

const MASK64 = (1n << 64n) - 1n;

const swapgs: Service = code64Only(
  privileged((cpu) => {
    const s = cpu.state;
    const base = segmentAt(L.GS) + L.SEG_BASE;
    const old = s.u64(base);
    s.setU64(base, s.u64(L.MSR_KERNEL_GS_BASE));
    s.setU64(L.MSR_KERNEL_GS_BASE, old);
    return 'next';
  }),
);

function checkBases(cpu: Cpu): void {
  if (!(cpu.state.cr4 & CR4.FSGSBASE)) throw fault(VECTOR.UD);
}

function readBase(segment: number): Service {
  return code64Only((cpu, op) => {
    checkBases(cpu);
    const base = cpu.state.u64(segmentAt(segment) + L.SEG_BASE);
    if (op.size === 8) cpu.state.setReg64(op.rm, base);
    else cpu.state.setReg(op.rm, Number(base & 0xffffffffn));
    return 'next';
  });
}

function writeBase(segment: number): Service {
  return code64Only((cpu, op) => {
    checkBases(cpu);
    const s = cpu.state;
    const base = op.size === 8 ? s.reg64(op.rm) : BigInt(s.reg(op.rm));
    if (!s.canonical(s.address(base))) throw generalProtection();
    s.setU64(segmentAt(segment) + L.SEG_BASE, base);
    return 'next';
  });
}

const wideOperand = (cpu: Cpu, op: Operation): bigint => (op.isMemory ? cpu.read64(op.segment, op.offset) : cpu.state.reg64(op.rm));

/** DIV of RDX:RAX. */
function divide64(cpu: Cpu, op: Operation): Outcome {
  const s = cpu.state;
  const divisor = wideOperand(cpu, op);
  if (divisor === 0n) throw fault(VECTOR.DE);
  const dividend = (s.reg64(L.RDX) << 64n) | s.reg64(L.RAX);
  const quotient = dividend / divisor;
  if (quotient > MASK64) throw fault(VECTOR.DE);
  s.setReg64(L.RAX, quotient);
  s.setReg64(L.RDX, dividend % divisor);
  return 'next';
}

/** IDIV of RDX:RAX: the quotient is cut towards zero. */
function divideSigned64(cpu: Cpu, op: Operation): Outcome {
  const s = cpu.state;
  const divisor = BigInt.asIntN(64, wideOperand(cpu, op));
  if (divisor === 0n) throw fault(VECTOR.DE);
  const dividend = BigInt.asIntN(128, (s.reg64(L.RDX) << 64n) | s.reg64(L.RAX));
  const quotient = dividend / divisor;
  if (BigInt.asIntN(64, quotient) !== quotient) throw fault(VECTOR.DE);
  s.setReg64(L.RAX, quotient);
  s.setReg64(L.RDX, dividend % divisor);
  return 'next';
}

function rdtscp(cpu: Cpu): Outcome {
  const outcome = readTimeStamp(cpu);
  cpu.state.setReg(L.RCX, cpu.state.u32(L.MSR_TSC_AUX));
  return outcome;
}

function rdpid(cpu: Cpu, op: Operation): Outcome {
  cpu.state.setReg(op.rm, cpu.state.u32(L.MSR_TSC_AUX));
  return 'next';
}

/** RDRAND and RDSEED: always ready; CF says so, the other flags are clear. */
function random(cpu: Cpu, op: Operation): Outcome {
  const value = cpu.surroundings.random?.() ?? 0n;
  if (op.size === 8) cpu.state.setReg64(op.rm, value);
  else cpu.state.setReg(op.rm, Number(BigInt.asUintN(8 * op.size, value)), op.size);
  cpu.state.status = FLAG.CF;
  return 'next';
}

function checkKeys(cpu: Cpu): void {
  const s = cpu.state;
  if (!(s.cr4 & CR4.PKE)) throw fault(VECTOR.UD);
  if (s.reg(L.RCX) !== 0) throw generalProtection();
}

function rdpkru(cpu: Cpu): Outcome {
  checkKeys(cpu);
  cpu.state.setReg(L.RAX, cpu.state.u32(L.PKRU));
  cpu.state.setReg(L.RDX, 0);
  return 'next';
}

function wrpkru(cpu: Cpu, op: Operation): Outcome {
  checkKeys(cpu);
  const s = cpu.state;
  if (s.reg(L.RDX) !== 0) throw generalProtection();
  s.setU32(L.PKRU, s.reg(L.RAX));
  cpu.updatePaging();
  return changeOfMode(cpu, op);
}

/** CLAC and STAC: #UD outside CPL 0. */
function setAlignmentFlag(set: boolean): Service {
  return (cpu) => {
    const s = cpu.state;
    if (s.cpl !== 0) throw fault(VECTOR.UD);
    s.setU32(L.FLAGS_SYSTEM, set ? s.systemFlags | FLAG.AC : s.systemFlags & ~FLAG.AC);
    return 'next';
  };
}

/**
 * INVPCID: the descriptor and type are checked. Translations are never stale, so that there is nothing to drop.
 */
const invpcid: Service = privileged((cpu, op) => {
  const s = cpu.state;
  const type = s.pointer(op.reg, s.code64 ? 64 : 32);
  const pcid = cpu.read64(op.segment, op.offset);
  const linear = cpu.read(op.segment, op.offsetOf(8), 8);
  if (type < 0 || type > 3) throw generalProtection();
  const needsPcid = type < 2;
  if (pcid >> 12n || (needsPcid && pcid !== 0n && !(s.cr4 & CR4.PCIDE)) || (type === 0 && !s.canonical(linear))) throw generalProtection();
  cpu.mmu.noteFlush('context');
  return 'next';
});

function checkXsave(cpu: Cpu): void {
  if (!(cpu.state.cr4 & CR4.OSXSAVE)) throw fault(VECTOR.UD);
}

function xgetbv(cpu: Cpu): Outcome {
  checkXsave(cpu);
  const s = cpu.state;
  const index = s.reg(L.RCX);
  if (index > 1 || (index === 1 && !cpu.processor.features.has('xgetbv1'))) throw generalProtection();
  // Register 1 is XINUSE: all components count as in use.
  s.setReg(L.RAX, s.u32(L.XCR0));
  s.setReg(L.RDX, s.u32(L.XCR0 + 4));
  return 'next';
}

/** Loads XCR0; #GP(0) for components that the processor does not have, or that do not go without one another. */
export function writeXcr0(cpu: Cpu, value: bigint): void {
  const bits = Number(BigInt.asUintN(32, value));
  const unfit = !(bits & XCR0.X87) || (bits & XCR0.AVX && !(bits & XCR0.SSE));
  if (value >> 32n || bits & ~allowedXcr0(cpu.processor.features) || unfit) throw generalProtection();
  cpu.state.setU32(L.XCR0, bits);
  cpu.changedContext();
}

const xsetbv: Service = (cpu, op) => {
  checkXsave(cpu);
  const s = cpu.state;
  if (s.cpl !== 0 || s.reg(L.RCX) !== 0) throw generalProtection();
  writeXcr0(cpu, (BigInt(s.reg(L.RDX)) << 32n) | BigInt(s.reg(L.RAX)));
  return changeOfMode(cpu, op);
};

/** MONITOR remembers nothing: MWAIT may wake at any time, and does so at once, but lets other CPUs go on first. */
const monitor: Service = privileged((cpu, op) => {
  cpu.read(op.segment, cpu.state.pointer(L.RAX, op.addressBits), 1);
  if (cpu.state.reg(L.RCX) !== 0) throw generalProtection();
  return 'next';
});

const mwait: Service = privileged((cpu) => {
  if (cpu.state.reg(L.RCX) > 1) throw generalProtection();
  cpu.surroundings.yieldTurn?.();
  return 'next';
});

export const longModeServices: Readonly<Record<string, Service>> = {
  swapgs,
  rdfsbase: readBase(L.FS),
  rdgsbase: readBase(L.GS),
  wrfsbase: writeBase(L.FS),
  wrgsbase: writeBase(L.GS),
  div: divide64,
  idiv: divideSigned64,
  rdtscp,
  rdrand: random,
  rdseed: random,
  rdpid,
  rdpkru,
  wrpkru,
  clac: setAlignmentFlag(false),
  stac: setAlignmentFlag(true),
  invpcid,
  xgetbv,
  xsetbv,
  monitor,
  mwait,
};
