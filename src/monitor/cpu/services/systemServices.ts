/**
 * Services for system instructions: control and debug registers, descriptor tables, machine-specific
 * registers, interrupts on and off, HLT, and the checks of selectors (Intel SDM vol. 2 and vol. 3, 2.5).
 */
import { VECTOR, fault, generalProtection, type Cpu } from '../cpu';
import { cpuid } from '../cpuid';
import { SYSTEM, isNull, peekDescriptor, type Descriptor } from '../descriptors';
import * as L from '../layout';
import { readMsr, writeMsr } from '../msr';
import type { Operation, Outcome, Service } from '../operation';
import { latchesPdptes, loadPdptes } from '../paging';
import { ATTRIBUTE, CR0, CR4, EFER, FLAG, STATUS_FLAGS } from '../state';
import { readOperand, regField, writeOperand, writeReg, writeSelector } from './operand';
import { holdInterrupts } from './segmentServices';

/** Privileged instructions: #GP(0) outside CPL 0. */
function privileged(service: Service): Service {
  return (cpu, op) => {
    if (cpu.state.cpl !== 0) throw generalProtection();
    return service(cpu, op);
  };
}

/** Instructions that do not exist in real and virtual-8086 mode. */
function protectedOnly(service: Service): Service {
  return (cpu, op) => {
    if (!cpu.state.descriptorMode) throw fault(VECTOR.UD);
    return service(cpu, op);
  };
}

function storeTable(base: number, limit: number): Service {
  return (cpu, op) => {
    cpu.mmu.check(cpu.linear(op.segment, op.offset, 6, true), 6, true, cpu.user);
    cpu.write(op.segment, op.offset, 2, cpu.state.u32(limit));
    // The 286 form of 24 bits is not kept: later processors store all 32.
    cpu.write(op.segment, ((op.offset + 2) & op.addressMask) >>> 0, 4, cpu.state.u32(base));
    return 'next';
  };
}

function loadTable(base: number, limit: number): Service {
  return privileged((cpu, op) => {
    const length = cpu.read(op.segment, op.offset, 2);
    const address = cpu.read(op.segment, ((op.offset + 2) & op.addressMask) >>> 0, 4);
    cpu.state.setU32(limit, length);
    cpu.state.setWide(base, op.size === 2 ? address & 0xffffff : address);
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
      if (!d || d.isSegment || !types.includes(d.type)) throw generalProtection(selector);
      if (!d.present) throw fault(VECTOR.NP, selector & 0xfffc);
      let attributes = d.attributes;
      if (register === L.TR) {
        attributes |= 2;
        cpu.writeSystem(d.address + 5, 1, attributes & 0xff);
      }
      cpu.setSegment(register, selector, d.base, d.limit, attributes);
      return 'next';
    }),
  );
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
    const ok = d !== undefined && accept(cpu, d);
    if (ok && result) writeReg(cpu, op, result(d));
    setZeroFlag(cpu, ok);
    return 'next';
  });
}

const LAR_TYPES: readonly number[] = [SYSTEM.tss16, SYSTEM.ldt, SYSTEM.tss16Busy, SYSTEM.callGate16, SYSTEM.taskGate, SYSTEM.tss32, SYSTEM.tss32Busy, SYSTEM.callGate32];
const LSL_TYPES: readonly number[] = [SYSTEM.tss16, SYSTEM.ldt, SYSTEM.tss16Busy, SYSTEM.tss32, SYSTEM.tss32Busy];

function writeCr0(cpu: Cpu, value: number): void {
  const s = cpu.state;
  const old = s.cr0;
  const paging = (value & CR0.PG) !== 0;
  if (paging && !(value & CR0.PE)) throw generalProtection();
  if (value & CR0.NW && !(value & CR0.CD)) throw generalProtection();
  const turnedOn = paging && !(old & CR0.PG);
  if (turnedOn && s.efer & EFER.LME) throw generalProtection();
  if (latchesPdptes(cpu, value) && (old ^ value) & (CR0.PG | CR0.CD | CR0.NW)) loadPdptes(cpu, s.cr3);
  s.setU32(L.CR0, (value & 0xe005003f) | CR0.ET);
  if ((old ^ value) & CR0.PE) enterOrLeaveProtectedMode(cpu);
  if ((old ^ value) & (CR0.PG | CR0.WP | CR0.PE)) cpu.updatePaging();
  cpu.changedContext();
}

/** Hidden segment parts stay as they are; CPL is 0 on both sides. */
function enterOrLeaveProtectedMode(cpu: Cpu): void {
  cpu.setCpl(0);
}

/** Bits of the features that CPUID names; the others are reserved. */
const CR4_KNOWN = CR4.TSD | CR4.DE | CR4.PSE | CR4.PAE | CR4.PGE | CR4.OSFXSR;

function writeCr4(cpu: Cpu, value: number): void {
  const s = cpu.state;
  if (value & ~CR4_KNOWN) throw generalProtection();
  const changed = s.cr4 ^ value;
  if (changed & (CR4.PSE | CR4.PAE | CR4.PGE) && latchesPdptes(cpu, s.cr0, value)) loadPdptes(cpu, s.cr3);
  s.setU32(L.CR4, value);
  if (changed & (CR4.PSE | CR4.PAE)) cpu.updatePaging();
}

function writeCr3(cpu: Cpu, value: number): void {
  if (latchesPdptes(cpu)) loadPdptes(cpu, value);
  cpu.state.setWide(L.CR3, value);
  cpu.updatePaging();
}

/** After a change of mode the block behind may mean something else: control goes back to the run loop. */
function leave(cpu: Cpu, op: Operation): Outcome {
  cpu.state.eip = op.next;
  return 'leave';
}

const moveToControl = privileged((cpu, op) => {
  const value = cpu.state.reg(op.modrm & 7);
  switch (regField(op)) {
    case 0:
      writeCr0(cpu, value);
      return leave(cpu, op);
    case 2:
      cpu.state.setU64(L.CR2, BigInt(value));
      return 'next';
    case 3:
      writeCr3(cpu, value);
      return leave(cpu, op);
    case 4:
      writeCr4(cpu, value);
      return leave(cpu, op);
    default:
      throw fault(VECTOR.UD);
  }
});

const CONTROL_OFFSETS: readonly (number | undefined)[] = [L.CR0, undefined, L.CR2, L.CR3, L.CR4];

const moveFromControl = privileged((cpu, op) => {
  const offset = CONTROL_OFFSETS[regField(op)];
  if (offset === undefined) throw fault(VECTOR.UD);
  cpu.state.setReg(op.modrm & 7, cpu.state.u32(offset));
  return 'next';
});

const DR7_GENERAL_DETECT = 0x2000;
const DR6_FIXED = 0xffff0ff0;

/** DR4 and DR5 are DR6 and DR7 unless CR4.DE says that they are undefined; GD traps every access. */
function debugRegister(cpu: Cpu, op: Operation): number {
  const s = cpu.state;
  const number = regField(op);
  if ((number === 4 || number === 5) && s.cr4 & CR4.DE) throw fault(VECTOR.UD);
  if (s.u32(L.DR + 8 * 7) & DR7_GENERAL_DETECT) {
    s.setU32(L.DR + 8 * 6, s.u32(L.DR + 8 * 6) | 0x2000);
    throw fault(VECTOR.DB);
  }
  return number === 4 || number === 5 ? number + 2 : number;
}

const moveToDebug = privileged((cpu, op) => {
  const number = debugRegister(cpu, op);
  const value = cpu.state.reg(op.modrm & 7);
  const stored = number === 6 ? ((value & 0xe00f) | DR6_FIXED) >>> 0 : number === 7 ? ((value & 0xffff2bff) | 0x400) >>> 0 : value;
  cpu.state.setU64(L.DR + 8 * number, BigInt(stored));
  cpu.changedContext();
  return leave(cpu, op);
});

const moveFromDebug = privileged((cpu, op) => {
  const number = debugRegister(cpu, op);
  cpu.state.setReg(op.modrm & 7, cpu.state.u32(L.DR + 8 * number));
  return 'next';
});

/** LMSW can set PE but not clear it. */
const lmsw = privileged((cpu, op) => {
  const value = readOperand(cpu, op, 2);
  const old = cpu.state.cr0;
  writeCr0(cpu, ((old & ~0xe) | (value & 0xf) | (old & CR0.PE)) >>> 0);
  return leave(cpu, op);
});

function checkInterruptFlag(cpu: Cpu): void {
  const s = cpu.state;
  if (s.protectedMode && s.cpl > s.iopl) throw generalProtection();
}

function sti(cpu: Cpu): Outcome {
  checkInterruptFlag(cpu);
  const s = cpu.state;
  if (!(s.systemFlags & FLAG.IF)) {
    s.setU32(L.FLAGS_SYSTEM, s.systemFlags | FLAG.IF);
    holdInterrupts(cpu);
    if (cpu.interruptLine) cpu.attention = true;
  }
  return 'next';
}

function cli(cpu: Cpu): Outcome {
  checkInterruptFlag(cpu);
  cpu.state.setU32(L.FLAGS_SYSTEM, cpu.state.systemFlags & ~FLAG.IF);
  return 'next';
}

const halt = privileged((cpu, op) => {
  cpu.state.halted = true;
  cpu.attention = true;
  return leave(cpu, op);
});

function readTimeStamp(cpu: Cpu): Outcome {
  const s = cpu.state;
  if (s.cr4 & CR4.TSD && s.cpl !== 0) throw generalProtection();
  // Two halves: this is a hot instruction of delay loops, and too wide for a number.
  const now = cpu.surroundings.now();
  const low = (now % 2 ** 32) + s.u32(L.MSR_TSC_OFFSET);
  const high = Math.floor(now / 2 ** 32) + s.u32(L.MSR_TSC_OFFSET + 4) + (low >= 2 ** 32 ? 1 : 0);
  s.setReg(L.RAX, low >>> 0);
  s.setReg(L.RDX, high >>> 0);
  return 'next';
}

/** ARPL: raises the destination's RPL to the source's. */
const arpl = protectedOnly((cpu, op) => {
  const destination = readOperand(cpu, op, 2);
  const source = cpu.state.reg(regField(op), 2);
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

export const systemServices: Readonly<Record<string, Service>> = {
  sgdt: storeTable(L.GDTR_BASE, L.GDTR_LIMIT),
  sidt: storeTable(L.IDTR_BASE, L.IDTR_LIMIT),
  lgdt: loadTable(L.GDTR_BASE, L.GDTR_LIMIT),
  lidt: loadTable(L.IDTR_BASE, L.IDTR_LIMIT),
  sldt: protectedOnly((cpu, op) => {
    writeSelector(cpu, op, cpu.state.selector(L.LDTR));
    return 'next';
  }),
  str: protectedOnly((cpu, op) => {
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
    if (op.isMemory) writeOperand(cpu, op, 2, cpu.state.cr0 & 0xffff);
    else writeOperand(cpu, op, op.size, cpu.state.cr0);
    return 'next';
  },
  lmsw,
  invlpg: privileged((cpu, op) => {
    const linear = (cpu.state.base(op.segment) + op.offset) % 2 ** 32;
    cpu.mmu.tlb.dropPage(cpu.mmu.currentSpace.slot, Math.floor(linear / 4096));
    return 'next';
  }),
  clts: privileged((cpu) => {
    cpu.state.setU32(L.CR0, cpu.state.cr0 & ~CR0.TS);
    return 'next';
  }),
  invd: privileged(nothing),
  wbinvd: privileged(nothing),
  mov_to_cr: moveToControl,
  mov_from_cr: moveFromControl,
  mov_to_dr: moveToDebug,
  mov_from_dr: moveFromDebug,
  rdmsr: privileged((cpu) => {
    const value = readMsr(cpu, cpu.state.reg(L.RCX));
    cpu.state.setReg(L.RAX, Number(value & 0xffffffffn));
    cpu.state.setReg(L.RDX, Number(value >> 32n));
    return 'next';
  }),
  wrmsr: privileged((cpu, op) => {
    const s = cpu.state;
    writeMsr(cpu, s.reg(L.RCX), (BigInt(s.reg(L.RDX)) << 32n) | BigInt(s.reg(L.RAX)));
    return leave(cpu, op);
  }),
  rdtsc: readTimeStamp,
  rdpmc: () => {
    throw generalProtection();
  },
  cpuid: (cpu) => {
    const s = cpu.state;
    const [a, b, c, d] = cpuid(s.reg(L.RAX), s.reg(L.RCX));
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
  fence,
};
