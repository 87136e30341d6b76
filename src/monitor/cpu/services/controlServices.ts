/**
 * Services for control and debug registers: MOV CR, MOV DR, LMSW (Intel SDM vol. 3, 2.5 and chapter 17).
 */
import { VECTOR, fault, generalProtection, type Cpu } from '../cpu';
import * as L from '../layout';
import { allowedCr0, allowedCr4 } from '../models/controlBits';
import { physicalBits } from '../models/processor';
import type { Operation, Service } from '../operation';
import { latchesPdptes, loadPdptes } from '../paging';
import { ATTRIBUTE, CR0, CR4, EFER } from '../state';
import { changeOfMode, privileged } from './guards';
import { readOperand } from './operand';

/** The register operand: control and debug registers have the code's width, whatever the operand size. */
function operand(cpu: Cpu, op: Operation): bigint {
  return cpu.state.code64 ? cpu.state.reg64(op.rm) : BigInt(cpu.state.reg(op.rm));
}

function setOperand(cpu: Cpu, op: Operation, value: bigint): void {
  if (cpu.state.code64) cpu.state.setReg64(op.rm, value);
  else cpu.state.setReg(op.rm, Number(value & 0xffffffffn));
}

/** A value whose upper half must be clear. */
function low32(value: bigint): number {
  if (value >> 32n) throw generalProtection();
  return Number(value);
}

function writeCr0(cpu: Cpu, value: number): void {
  const s = cpu.state;
  const old = s.cr0;
  const paging = (value & CR0.PG) !== 0;
  if (paging && !(value & CR0.PE)) throw generalProtection();
  if (value & CR0.NW && !(value & CR0.CD)) throw generalProtection();
  if (!paging && old & CR0.PG && (s.code64 || s.cr4 & CR4.PCIDE)) throw generalProtection();
  const activates = paging && !(old & CR0.PG) && (s.efer & EFER.LME) !== 0;
  if (activates && (!(s.cr4 & CR4.PAE) || s.attributes(L.CS) & ATTRIBUTE.long)) throw generalProtection();
  if (!activates && latchesPdptes(cpu, value) && (old ^ value) & (CR0.PG | CR0.CD | CR0.NW)) loadPdptes(cpu, s.cr3);
  if (activates) s.setU32(L.EFER, s.efer | EFER.LMA);
  else if (!paging) s.setU32(L.EFER, s.efer & ~EFER.LMA);
  s.setU32(L.CR0, ((value & allowedCr0(cpu.processor.features)) | CR0.ET) >>> 0);
  // Hidden segment parts stay as they are; CPL is 0 on both sides.
  if ((old ^ value) & CR0.PE) cpu.setCpl(0);
  if ((old ^ value) & (CR0.PG | CR0.WP | CR0.PE)) cpu.updatePaging();
  cpu.changedContext();
}

function writeCr3(cpu: Cpu, value: bigint): void {
  const s = cpu.state;
  let wanted = value;
  if (s.longMode) {
    // With PCIDE bit 63 asks to keep the space's translations: they are kept anyway.
    if (s.cr4 & CR4.PCIDE) wanted &= ~(1n << 63n);
    if (wanted >> BigInt(physicalBits(cpu.processor))) throw generalProtection();
  }
  if (latchesPdptes(cpu)) loadPdptes(cpu, Number(wanted));
  s.setU64(L.CR3, wanted);
  cpu.updatePaging();
}

/** Bits whose change gives the tables another meaning. */
const PAGING_BITS = CR4.PSE | CR4.PAE | CR4.LA57 | CR4.SMEP | CR4.SMAP | CR4.PKE;

function writeCr4(cpu: Cpu, value: number): void {
  const s = cpu.state;
  if (value & ~allowedCr4(cpu.processor.features)) throw generalProtection();
  const changed = s.cr4 ^ value;
  if (s.longMode && (!(value & CR4.PAE) || changed & CR4.LA57)) throw generalProtection();
  if (changed & value & CR4.PCIDE && (!s.longMode || (s.cr3 & 0xfff) !== 0)) throw generalProtection();
  if (changed & (CR4.PSE | CR4.PAE | CR4.PGE | CR4.SMEP) && latchesPdptes(cpu, s.cr0, value)) loadPdptes(cpu, s.cr3);
  s.setU32(L.CR4, value);
  if (changed & PAGING_BITS) cpu.updatePaging();
  // Whether vector instructions may run is part of the code's context.
  if (changed & (CR4.OSFXSR | CR4.OSXSAVE)) cpu.changedContext();
}

/**
 * Loads a control register as MOV does, whatever the CPL. #UD for registers that the processor does not have, #GP(0) for
 * values that it refuses.
 */
export function writeControlRegister(cpu: Cpu, number: number, value: bigint): void {
  switch (number) {
    case 0:
      return writeCr0(cpu, low32(value));
    case 2:
      return cpu.state.setU64(L.CR2, value);
    case 3:
      return writeCr3(cpu, value);
    case 4:
      if (allowedCr4(cpu.processor.features) === 0) throw fault(VECTOR.UD);
      return writeCr4(cpu, low32(value));
    case 8:
      if (value > 15n) throw generalProtection();
      return cpu.surroundings.taskPriority?.write(Number(value));
    default:
      throw fault(VECTOR.UD);
  }
}

const moveToControl: Service = privileged((cpu, op) => {
  writeControlRegister(cpu, op.reg, operand(cpu, op));
  return op.reg === 2 ? 'next' : changeOfMode(cpu, op);
});

const CONTROL_OFFSETS: readonly (number | undefined)[] = [L.CR0, undefined, L.CR2, L.CR3, L.CR4];

const moveFromControl: Service = privileged((cpu, op) => {
  if (op.reg === 8) {
    setOperand(cpu, op, BigInt(cpu.surroundings.taskPriority?.read() ?? 0));
    return 'next';
  }
  const offset = CONTROL_OFFSETS[op.reg];
  if (offset === undefined || (op.reg === 4 && allowedCr4(cpu.processor.features) === 0)) throw fault(VECTOR.UD);
  const wide = op.reg === 2 || op.reg === 3;
  setOperand(cpu, op, wide ? cpu.state.u64(offset) : BigInt(cpu.state.u32(offset)));
  return 'next';
});

const DR7_GENERAL_DETECT = 0x2000;
const DR6_FIXED = 0xffff0ff0;

/** DR4 and DR5 are DR6 and DR7 unless CR4.DE says that they are undefined; GD traps every access. */
function debugRegister(cpu: Cpu, op: Operation): number {
  const s = cpu.state;
  const number = op.reg;
  if (number > 7 || ((number === 4 || number === 5) && s.cr4 & CR4.DE)) throw fault(VECTOR.UD);
  if (s.u32(L.DR + 8 * 7) & DR7_GENERAL_DETECT) {
    s.setU32(L.DR + 8 * 6, s.u32(L.DR + 8 * 6) | 0x2000);
    throw fault(VECTOR.DB);
  }
  return number === 4 || number === 5 ? number + 2 : number;
}

/** Loads DR0-3, DR6 or DR7 as MOV does; reserved bits keep their fixed values. */
export function writeDebugRegister(cpu: Cpu, number: number, value: bigint): void {
  if (number < 4) cpu.state.setU64(L.DR + 8 * number, value);
  else {
    const bits = low32(value);
    cpu.state.setU64(L.DR + 8 * number, BigInt(number === 6 ? ((bits & 0xe00f) | DR6_FIXED) >>> 0 : ((bits & 0xffff2bff) | 0x400) >>> 0));
  }
  cpu.changedContext();
}

const moveToDebug: Service = privileged((cpu, op) => {
  const number = debugRegister(cpu, op);
  writeDebugRegister(cpu, number, operand(cpu, op));
  return changeOfMode(cpu, op);
});

const moveFromDebug: Service = privileged((cpu, op) => {
  setOperand(cpu, op, cpu.state.u64(L.DR + 8 * debugRegister(cpu, op)));
  return 'next';
});

/** LMSW can set PE but not clear it. */
const lmsw: Service = privileged((cpu, op) => {
  const value = readOperand(cpu, op, 2);
  const old = cpu.state.cr0;
  writeCr0(cpu, ((old & ~0xe) | (value & 0xf) | (old & CR0.PE)) >>> 0);
  return changeOfMode(cpu, op);
});

export const controlServices: Readonly<Record<string, Service>> = {
  mov_to_cr: moveToControl,
  mov_from_cr: moveFromControl,
  mov_to_dr: moveToDebug,
  mov_from_dr: moveFromDebug,
  lmsw,
};
