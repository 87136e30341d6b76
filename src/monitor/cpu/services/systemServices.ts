/**
 * Services for system instructions: descriptor tables, machine-specific
 * registers, interrupts on and off, HLT, and the checks of selectors (Intel SDM vol. 2 and vol. 3, 2.5).
 */
import { VECTOR, fault, generalProtection, type Cpu } from '../cpu';
import { cpuid } from '../cpuid';
import { SYSTEM, type Descriptor } from '../descriptorLayout';
import { systemRefusal } from '../descriptorRules';
import { hasUpperHalf, isNull, obey, peekDescriptor, systemBase } from '../descriptors';
import * as L from '../layout';
import { XCR0 } from '../models/controlBits';
import { readMsr, writeMsr } from '../msr';
import type { Operation, Outcome, Service } from '../operation';
import { ATTRIBUTE, CR0, CR4, FLAG, STATUS_FLAGS } from '../state';
import { setVirtualFlag, usesVirtualFlag } from '../virtualInterrupts';
import { changeOfMode, privileged, protectedOnly } from './guards';
import { readOperand, writeOperand, writeReg, writeSelector } from './operand';
import { holdInterrupts } from './segmentServices';
import { readTimeStamp } from './timeStamp';

function storeTable(base: number, limit: number): Service {
  return (cpu, op) => {
    umip(cpu);
    const bytes = cpu.state.code64 ? 8 : 4;
    cpu.mmu.check(cpu.linear(op.segment, op.offset, 2 + bytes, true), 2 + bytes, true, cpu.user);
    cpu.write(op.segment, op.offset, 2, cpu.state.u32(limit));
    // The 286 form of 24 bits is not kept: later processors store all 32.
    cpu.write(op.segment, op.offsetOf(2), bytes, bytes === 8 ? cpu.state.wide(base) : cpu.state.u32(base));
    return 'next';
  };
}

function loadTable(base: number, limit: number): Service {
  return privileged((cpu, op) => {
    const { code64 } = cpu.state;
    const length = cpu.read(op.segment, op.offset, 2);
    const address = cpu.read(op.segment, op.offsetOf(2), code64 ? 8 : 4);
    if (code64 && !cpu.state.canonical(address)) throw generalProtection();
    cpu.state.setU32(limit, length);
    cpu.state.setWide(base, op.size === 2 && !code64 ? address & 0xffffff : address);
    return 'next';
  });
}

/** LLDT, LTR. */
function loadSystemSegment(register: number, types: readonly number[]): Service {
  return protectedOnly(
    privileged((cpu, op) => {
      const selector = readOperand(cpu, op, 2);
      if (isNull(selector)) {
        if (register === L.TR) throw generalProtection();
        cpu.setSegment(register, selector, 0, 0, 0);
        return 'next';
      }
      const d = selector & 4 ? undefined : peekDescriptor(cpu, selector);
      if (!d) throw generalProtection(selector);
      obey(systemRefusal(d, types, cpu.state.longMode), selector);
      const base = systemBase(cpu, d);
      let attributes = d.attributes;
      if (register === L.TR) {
        attributes |= 2;
        cpu.writeSystem(d.address + 5, 1, attributes & 0xff);
      }
      cpu.setSegment(register, selector, base, d.limit, attributes);
      return 'next';
    }),
  );
}

/** UMIP: user code may not read where system tables lie (CR4.UMIP). */
function umip(cpu: Cpu): void {
  const s = cpu.state;
  if (s.cr4 & CR4.UMIP && s.cpl !== 0 && s.protectedMode) throw generalProtection();
}

function setZeroFlag(cpu: Cpu, set: boolean): void {
  const flags = cpu.state.flags & STATUS_FLAGS & ~FLAG.ZF;
  cpu.state.status = set ? flags | FLAG.ZF : flags;
}

/** Whether a descriptor may be seen from here: LAR, LSL, VERR, VERW. */
function visible(cpu: Cpu, d: Descriptor): boolean {
  return d.isConforming || (d.dpl >= cpu.state.cpl && d.dpl >= (d.selector & 3));
}

function inspect(accept: (cpu: Cpu, d: Descriptor) => boolean, result?: (d: Descriptor) => number): Service {
  return protectedOnly((cpu, op) => {
    const selector = readOperand(cpu, op, 2);
    const d = isNull(selector) ? undefined : peekDescriptor(cpu, selector);
    const ok = d !== undefined && accept(cpu, d) && (d.isSegment || !cpu.state.longMode || isLongSystem(cpu, d));
    if (ok && result) writeReg(cpu, op, result(d));
    setZeroFlag(cpu, ok);
    return 'next';
  });
}

/** In long mode LAR and LSL see LDT and TSS descriptors of 16 bytes, and LAR call gates; not the older forms. */
function isLongSystem(cpu: Cpu, d: Descriptor): boolean {
  const types: readonly number[] = [SYSTEM.ldt, SYSTEM.tss32, SYSTEM.tss32Busy, SYSTEM.callGate32];
  return types.includes(d.type) && hasUpperHalf(cpu, d);
}

const LAR_TYPES: readonly number[] = [SYSTEM.tss16, SYSTEM.ldt, SYSTEM.tss16Busy, SYSTEM.callGate16, SYSTEM.taskGate, SYSTEM.tss32, SYSTEM.tss32Busy, SYSTEM.callGate32];
const LSL_TYPES: readonly number[] = [SYSTEM.tss16, SYSTEM.ldt, SYSTEM.tss16Busy, SYSTEM.tss32, SYSTEM.tss32Busy];

function sti(cpu: Cpu): Outcome {
  if (usesVirtualFlag(cpu)) {
    setVirtualFlag(cpu, true);
    return 'next';
  }
  const s = cpu.state;
  if (!(s.systemFlags & FLAG.IF)) {
    s.setU32(L.FLAGS_SYSTEM, s.systemFlags | FLAG.IF);
    holdInterrupts(cpu, 'interrupts');
    if (cpu.interruptLine) cpu.attention = true;
  }
  return 'next';
}

function cli(cpu: Cpu): Outcome {
  if (usesVirtualFlag(cpu)) setVirtualFlag(cpu, false);
  else cpu.state.setU32(L.FLAGS_SYSTEM, cpu.state.systemFlags & ~FLAG.IF);
  return 'next';
}

const halt = privileged((cpu, op) => {
  cpu.state.halted = true;
  cpu.attention = true;
  return changeOfMode(cpu, op);
});

/** ARPL: raises the destination's RPL to the source's. */
const arpl = protectedOnly((cpu, op) => {
  const destination = readOperand(cpu, op, 2);
  const source = cpu.state.reg(op.reg, 2);
  const adjust = (destination & 3) < (source & 3);
  if (op.isMemory) cpu.mmu.check(cpu.linear(op.segment, op.offset, 2, true), 2, true, cpu.user);
  if (adjust) writeOperand(cpu, op, 2, (destination & ~3) | (source & 3));
  setZeroFlag(cpu, adjust);
  return 'next';
});

/** CLFLUSH and SFENCE: nothing to flush, but the line must be readable. */
function fence(cpu: Cpu, op: Operation): Outcome {
  if (op.isMemory) cpu.read(op.segment, op.offset, 1);
  return 'next';
}

const nothing: Service = () => 'next';

/** A vector instruction that the control registers do not let run: #UD, or #NM when only CR0.TS holds it back. */
function withoutVectors(sse: boolean): Service {
  return (cpu) => {
    const { cr0, cr4 } = cpu.state;
    const undefinedHere = (cr0 & CR0.EM) !== 0 || (sse && !(cr4 & CR4.OSFXSR));
    throw fault(undefinedHere ? VECTOR.UD : VECTOR.NM);
  };
}

/** The same of AVX, which needs its state enabled, and protected mode. */
const withoutAvx: Service = (cpu) => {
  const s = cpu.state;
  const avx = XCR0.SSE | XCR0.AVX;
  const enabled = s.descriptorMode && s.cr4 & CR4.OSXSAVE && (s.u32(L.XCR0) & avx) === avx;
  throw fault(enabled ? VECTOR.NM : VECTOR.UD);
};

export const systemServices: Readonly<Record<string, Service>> = {
  sgdt: storeTable(L.GDTR_BASE, L.GDTR_LIMIT),
  sidt: storeTable(L.IDTR_BASE, L.IDTR_LIMIT),
  lgdt: loadTable(L.GDTR_BASE, L.GDTR_LIMIT),
  lidt: loadTable(L.IDTR_BASE, L.IDTR_LIMIT),
  sldt: protectedOnly((cpu, op) => {
    umip(cpu);
    writeSelector(cpu, op, cpu.state.selector(L.LDTR));
    return 'next';
  }),
  str: protectedOnly((cpu, op) => {
    umip(cpu);
    writeSelector(cpu, op, cpu.state.selector(L.TR));
    return 'next';
  }),
  lldt: loadSystemSegment(L.LDTR, [SYSTEM.ldt]),
  ltr: loadSystemSegment(L.TR, [SYSTEM.tss16, SYSTEM.tss32]),
  verr: inspect((cpu, d) => d.isSegment && (!d.isCode || (d.type & ATTRIBUTE.readable) !== 0) && visible(cpu, d)),
  verw: inspect((cpu, d) => d.isSegment && !d.isCode && (d.type & ATTRIBUTE.writable) !== 0 && visible(cpu, d)),
  lar: inspect(
    (cpu, d) => (d.isSegment || LAR_TYPES.includes(d.type)) && visible(cpu, d),
    (d) => (d.high & 0x00ffff00) >>> 0,
  ),
  lsl: inspect(
    (cpu, d) => (d.isSegment || LSL_TYPES.includes(d.type)) && visible(cpu, d),
    (d) => d.limit,
  ),
  smsw: (cpu, op) => {
    umip(cpu);
    if (op.isMemory) writeOperand(cpu, op, 2, cpu.state.cr0 & 0xffff);
    else writeOperand(cpu, op, op.size, cpu.state.cr0);
    return 'next';
  },
  invlpg: privileged((cpu, op) => {
    const linear = cpu.state.linear(op.segment, op.offset);
    // An address that is not canonical is no error, and nothing to do.
    if (cpu.state.canonical(linear)) cpu.mmu.invalidate(cpu.mmu.pageOf(linear));
    return 'next';
  }),
  clts: privileged((cpu, op) => {
    cpu.state.setU32(L.CR0, cpu.state.cr0 & ~CR0.TS);
    // Whether vector instructions may run is part of the code's context.
    cpu.changedContext();
    return changeOfMode(cpu, op);
  }),
  invd: privileged(nothing),
  wbinvd: privileged(nothing),
  rdmsr: privileged((cpu) => {
    const value = readMsr(cpu, cpu.state.reg(L.RCX));
    cpu.state.setReg(L.RAX, Number(value & 0xffffffffn));
    cpu.state.setReg(L.RDX, Number(value >> 32n));
    return 'next';
  }),
  wrmsr: privileged((cpu, op) => {
    const s = cpu.state;
    writeMsr(cpu, s.reg(L.RCX), (BigInt(s.reg(L.RDX)) << 32n) | BigInt(s.reg(L.RAX)));
    return changeOfMode(cpu, op);
  }),
  rdtsc: readTimeStamp,
  rdpmc: () => {
    throw generalProtection();
  },
  cpuid: (cpu) => {
    const s = cpu.state;
    const [a, b, c, d] = cpuid(cpu, s.reg(L.RAX), s.reg(L.RCX));
    s.setReg(L.RAX, a);
    s.setReg(L.RBX, b);
    s.setReg(L.RCX, c);
    s.setReg(L.RDX, d);
    return 'next';
  },
  cli,
  sti,
  hlt: halt,
  arpl,
  pause: (cpu) => {
    cpu.surroundings.yieldTurn?.();
    return 'next';
  },
  fence,
  clflush: fence,
  clflushopt: fence,
  clwb: fence,
  no_sse: withoutVectors(true),
  no_mmx: withoutVectors(false),
  no_avx: withoutAvx,
};
