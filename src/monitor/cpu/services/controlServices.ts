/**
 * Services for control and debug registers: MOV CR, MOV DR, LMSW (Intel SDM vol. 3, 2.5 and chapter 17).
 */
import { VECTOR, fault, generalProtection, type Cpu } from '../cpu';
import { DR6, DR7 } from '../debugRegisters';
import { SYSTEM } from '../descriptorLayout';
import * as L from '../layout';
import { allowedCr0, allowedCr4 } from '../models/controlBits';
import { physicalBits } from '../models/processor';
import type { Operation, Outcome, Service } from '../operation';
import { latchesPdptes, loadPdptes } from '../paging';
import { ATTRIBUTE, CR0, CR4, EFER, FLAG } from '../state';
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

/** The consistency checks before long mode begins (Intel SDM vol. 3, 10.8.5): PAE, no 64-bit CS yet, no 16-bit TSS. */
function mayActivateLongMode(cpu: Cpu): boolean {
  const s = cpu.state;
  const task = s.attributes(L.TR);
  const narrow = (task & ATTRIBUTE.present) !== 0 && ((task & 0xf) === SYSTEM.tss16 || (task & 0xf) === SYSTEM.tss16Busy);
  return (s.cr4 & CR4.PAE) !== 0 && !(s.attributes(L.CS) & ATTRIBUTE.long) && !narrow;
}

function writeCr0(cpu: Cpu, value: number): void {
  const s = cpu.state;
  const old = s.cr0;
  const paging = (value & CR0.PG) !== 0;
  if (paging && !(value & CR0.PE)) throw generalProtection();
  if (value & CR0.NW && !(value & CR0.CD)) throw generalProtection();
  if (!paging && old & CR0.PG && (s.code64 || s.cr4 & CR4.PCIDE)) throw generalProtection();
  const activates = paging && !(old & CR0.PG) && (s.efer & EFER.LME) !== 0;
  if (activates && !mayActivateLongMode(cpu)) throw generalProtection();
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
  cpu.mmu.noteFlush('cr3');
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
  if (changed & CR4.PGE) cpu.mmu.noteFlush('global');
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

const CONTROL_REGISTERS: readonly number[] = [0, 2, 3, 4, 8];

/** Registers that there are not are #UD whatever the CPL: an invalid opcode goes first (Intel SDM vol. 3, table 6-2). */
function controlService(move: Service): Service {
  const guarded = privileged(move);
  return (cpu, op) => {
    if (!CONTROL_REGISTERS.includes(op.reg) || (op.reg === 4 && allowedCr4(cpu.processor.features) === 0)) throw fault(VECTOR.UD);
    return guarded(cpu, op);
  };
}

const moveToControl = controlService((cpu, op) => {
  writeControlRegister(cpu, op.reg, operand(cpu, op));
  return op.reg === 2 ? 'next' : changeOfMode(cpu, op);
});

function controlRegister(cpu: Cpu, number: number): bigint {
  const s = cpu.state;
  if (number === 0) return BigInt(s.cr0);
  if (number === 2) return s.u64(L.CR2);
  if (number === 3) return s.u64(L.CR3);
  return BigInt(number === 4 ? s.cr4 : (cpu.surroundings.taskPriority?.read() ?? 0));
}

const moveFromControl = controlService((cpu, op) => {
  setOperand(cpu, op, controlRegister(cpu, op.reg));
  return 'next';
});

/** Bits of DR6 that are always 1, and that can be written; and of DR7. */
const DR6_FIXED = 0xffff0ff0, DR6_WRITABLE = 0xe00f;
const DR7_FIXED = 0x400, DR7_WRITABLE = 0xffff23ff;

/** MOV to and from debug registers. DR4 and DR5 are DR6 and DR7 unless CR4.DE says that they are undefined; GD stops every access. */
function debugService(move: (cpu: Cpu, op: Operation, number: number) => Outcome): Service {
  const guarded = privileged((cpu, op) => {
    const s = cpu.state;
    if (s.u32(L.DR + 8 * 7) & DR7.generalDetect) {
      s.setU32(L.DR + 8 * 6, s.u32(L.DR + 8 * 6) | DR6.generalDetect);
      // A fault that is no instruction breakpoint has RF in its image (Intel SDM vol. 3, 17.3.1.1).
      s.setU32(L.FLAGS_SYSTEM, s.systemFlags | FLAG.RF);
      throw fault(VECTOR.DB);
    }
    return move(cpu, op, op.reg === 4 || op.reg === 5 ? op.reg + 2 : op.reg);
  });
  return (cpu, op) => {
    if (op.reg > 7 || ((op.reg === 4 || op.reg === 5) && cpu.state.cr4 & CR4.DE)) throw fault(VECTOR.UD);
    return guarded(cpu, op);
  };
}

/** Loads DR0-3, DR6 or DR7 as MOV does; reserved bits keep their fixed values. */
export function writeDebugRegister(cpu: Cpu, number: number, value: bigint): void {
  if (number < 4) cpu.state.setU64(L.DR + 8 * number, value);
  else {
    const bits = low32(value);
    const held = number === 6 ? (bits & DR6_WRITABLE) | DR6_FIXED : (bits & DR7_WRITABLE) | DR7_FIXED;
    cpu.state.setU64(L.DR + 8 * number, BigInt(held >>> 0));
  }
  cpu.changedContext();
}

const moveToDebug = debugService((cpu, op, number) => {
  writeDebugRegister(cpu, number, operand(cpu, op));
  return changeOfMode(cpu, op);
});

const moveFromDebug = debugService((cpu, op, number) => {
  setOperand(cpu, op, cpu.state.u64(L.DR + 8 * number));
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
