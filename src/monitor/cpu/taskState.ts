/**
 * Task-state segments and hardware task switching (Intel SDM vol. 3, chapter 7).
 */
import { GuestFault } from '../memory/guestFault';
import { VECTOR, fault, generalProtection, type Cpu } from './cpu';
import { SYSTEM, type Descriptor } from './descriptorLayout';
import {
  checkStackSegment,
  fetchDescriptor,
  installSegment,
  isNull,
  markAccessed,
  peekDescriptor,
} from './descriptors';
import * as L from './layout';
import { DR6, trapBehind } from './debugRegisters';
import { ATTRIBUTE, CR0, CR4, FLAG } from './state';
import { currentFrame } from './stackFrame';
import { loadPdptes } from './paging';

/** Offsets in a TSS by width. */
export const TSS32 = { esp0: 4, ss0: 8, cr3: 0x1c, eip: 0x20, flags: 0x24, registers: 0x28, segments: 0x48, ldt: 0x60, trap: 0x64, ioMap: 0x66, size: 0x68 } as const;
export const TSS16 = { sp0: 2, ss0: 4, ip: 0x0e, flags: 0x10, registers: 0x12, segments: 0x22, ldt: 0x2a, size: 0x2c } as const;

export const isTss32 = (type: number): boolean => (type & 8) !== 0;

/** Stack pointer and selector for an inner privilege, from the current TSS. */
export function innerStack(cpu: Cpu, privilege: number): { selector: number; pointer: number } {
  const s = cpu.state;
  const wide = isTss32(s.attributes(L.TR) & 0xf);
  const at = wide ? TSS32.esp0 + 8 * privilege : TSS16.sp0 + 4 * privilege;
  const size = wide ? 4 : 2;
  if (at + (wide ? 5 : 3) > s.limit(L.TR)) throw fault(VECTOR.TS, s.selector(L.TR) & 0xfffc);
  const base = s.base(L.TR);
  return { pointer: cpu.readSystem(base + at, size), selector: cpu.readSystem(base + at + size, 2) };
}

/** Offsets in the TSS of long mode. */
export const TSS64 = { rsp0: 4, ist1: 0x24 } as const;

/**
 * RSP for an inner privilege, or of an interrupt stack table entry (`ist` 1 to 7), from the TSS of long mode.
 * #TS when it lies outside the TSS, #SS(0) when it is not canonical.
 */
export function innerStackPointer(cpu: Cpu, privilege: number, ist: number): number {
  const s = cpu.state;
  const at = ist === 0 ? TSS64.rsp0 + 8 * privilege : TSS64.ist1 + 8 * (ist - 1);
  if (at + 7 > s.limit(L.TR)) throw fault(VECTOR.TS, s.selector(L.TR) & 0xfffc);
  const pointer = cpu.readSystemWide(s.base(L.TR) + at);
  if (!s.canonical(pointer)) throw fault(VECTOR.SS, 0);
  return pointer;
}

/** Offset of the I/O permission map in the current TSS; undefined where the TSS has none. */
function ioMap(cpu: Cpu): number | undefined {
  const s = cpu.state;
  if (!isTss32(s.attributes(L.TR) & 0xf) || s.limit(L.TR) < TSS32.ioMap + 1) return undefined;
  return cpu.readSystem(s.base(L.TR) + TSS32.ioMap, 2);
}

/** Bytes of the software interrupt redirection map, which ends where the I/O permission map begins (Intel SDM vol. 3, 20.3.3). */
const REDIRECTION_BYTES = 32;

/**
 * Whether the redirection map of the current TSS sends INT `vector` of a virtual-8086 task to the task's own handler: a
 * clear bit. #GP(0) where the map lies outside the TSS.
 */
export function redirectsInterrupt(cpu: Cpu, vector: number): boolean {
  const s = cpu.state;
  const map = ioMap(cpu);
  const at = (map ?? 0) - REDIRECTION_BYTES + (vector >> 3);
  if (map === undefined || at < 0 || at > s.limit(L.TR)) throw generalProtection();
  return ((cpu.readSystem(s.base(L.TR) + at, 1) >> (vector & 7)) & 1) === 0;
}

/** Whether the I/O permission map of the current TSS lets a port access pass. */
export function portPermitted(cpu: Cpu, port: number, size: number): boolean {
  const s = cpu.state;
  const map = ioMap(cpu);
  if (map === undefined) return false;
  const at = map + (port >> 3);
  if (at + 1 > s.limit(L.TR)) return false;
  const bits = cpu.readSystem(s.base(L.TR) + at, 2) >> (port & 7);
  return (bits & ((1 << size) - 1)) === 0;
}

export type TaskSwitchCause = 'jump' | 'call' | 'interrupt' | 'return';

/**
 * Switches to the task of a TSS descriptor. `next` is the instruction pointer that the old task keeps.
 * `errorCode` is pushed on the new task's stack. Faults before the commit point leave the old task as it was.
 */
export function switchTask(cpu: Cpu, target: Descriptor, cause: TaskSwitchCause, next: number, errorCode?: number): void {
  const s = cpu.state;
  const code = target.selector & 0xfffc;
  if (!target.present) throw fault(VECTOR.NP, code);
  const wide = isTss32(target.type);
  const size = wide ? TSS32.size : TSS16.size;
  if (target.limit < size - 1) throw fault(VECTOR.TS, code);
  const oldBase = s.base(L.TR);
  const oldWide = isTss32(s.attributes(L.TR) & 0xf);
  const nested = cause === 'call' || cause === 'interrupt';
  // Everything that will be touched must be there before anything changes.
  cpu.mmu.check(oldBase, oldWide ? TSS32.size : TSS16.size, true, false);
  cpu.mmu.check(target.base, size, false, false);
  if (nested) cpu.mmu.check(target.base, 2, true, false);
  if (cause !== 'return') cpu.mmu.check(target.address + 5, 1, true, false);
  if (!nested) setBusy(cpu, s.selector(L.TR), false);
  let flags = s.flags;
  if (cause === 'return') flags &= ~FLAG.NT;
  saveTask(cpu, oldBase, oldWide, next, flags);
  if (nested) cpu.writeSystem(target.base, 2, s.selector(L.TR));
  const image = readTask(cpu, target.base, wide);
  if (cause !== 'return') setBusy(cpu, target.selector, true);
  s.setU32(L.CR0, (s.cr0 | CR0.TS) >>> 0);
  // Local breakpoints belong to the old task (L0 to L3 and LE of DR7).
  s.setU32(L.DR + 8 * 7, s.u32(L.DR + 8 * 7) & ~0x155);
  cpu.changedContext();
  const busy = (target.attributes & ~0xf) | (wide ? SYSTEM.tss32Busy : SYSTEM.tss16Busy);
  cpu.onTaskSwitch(s.selector(L.TR), target.selector);
  cpu.setSegment(L.TR, target.selector, target.base, target.limit, busy);
  try {
    loadTask(cpu, image, wide, nested);
    if (errorCode !== undefined) pushErrorCode(cpu, errorCode, wide ? 4 : 2);
  } catch (reason) {
    throw inNewTask(reason);
  }
}

function pushErrorCode(cpu: Cpu, errorCode: number, size: 2 | 4): void {
  const frame = currentFrame(cpu);
  frame.push(errorCode, size);
  frame.commit();
}

/** Faults behind the commit point are the new task's, before its first instruction. */
function inNewTask(reason: unknown): unknown {
  if (!(reason instanceof GuestFault)) return reason;
  return new GuestFault(reason.vector, reason.errorCode, reason.linearLow, reason.linearHigh, true);
}

interface TaskImage {
  readonly cr3: number;
  readonly eip: number;
  readonly flags: number;
  readonly registers: readonly number[];
  readonly segments: readonly number[];
  readonly ldt: number;
  readonly trap: boolean;
}

function setBusy(cpu: Cpu, selector: number, busy: boolean): void {
  const d = peekDescriptor(cpu, selector);
  if (!d) return;
  const type = busy ? d.type | 2 : d.type & ~2;
  cpu.writeSystem(d.address + 5, 1, (d.attributes & 0xf0) | type);
}

function saveTask(cpu: Cpu, base: number, wide: boolean, eip: number, flags: number): void {
  const s = cpu.state;
  const size = wide ? 4 : 2;
  const t = wide ? TSS32 : { ...TSS16, eip: TSS16.ip };
  cpu.writeSystem(base + t.eip, size, eip);
  cpu.writeSystem(base + t.flags, size, flags);
  for (let i = 0; i < 8; i++) cpu.writeSystem(base + t.registers + i * size, size, s.reg(i));
  const segments = wide ? 6 : 4;
  for (let i = 0; i < segments; i++) cpu.writeSystem(base + t.segments + i * size, 2, s.selector(i));
}

function readTask(cpu: Cpu, base: number, wide: boolean): TaskImage {
  const size = wide ? 4 : 2;
  const t = wide ? TSS32 : { ...TSS16, eip: TSS16.ip };
  const at = (offset: number, bytes: 2 | 4): number => cpu.readSystem(base + offset, bytes);
  return {
    cr3: wide ? at(TSS32.cr3, 4) : 0,
    eip: at(t.eip, size),
    flags: at(t.flags, size),
    registers: Array.from({ length: 8 }, (_, i) => (wide ? at(t.registers + 4 * i, 4) : 0xffff0000 | at(t.registers + 2 * i, 2))),
    segments: Array.from({ length: 6 }, (_, i) => (wide || i < 4 ? at(t.segments + size * i, 2) : 0)),
    ldt: at(t.ldt, 2),
    trap: wide && (at(TSS32.trap, 2) & 1) !== 0,
  };
}

/** Loads the new task's state. Faults from here on are the new task's. */
function loadTask(cpu: Cpu, image: TaskImage, wide: boolean, nested: boolean): void {
  const s = cpu.state;
  s.eip = image.eip;
  if (wide && s.cr0 & CR0.PG) {
    if (s.cr4 & CR4.PAE) loadPdptes(cpu, image.cr3);
    s.setWide(L.CR3, image.cr3);
    cpu.updatePaging();
  }
  // The image of a 16-bit task has no upper half: its task runs without VM, RF and AC.
  s.flags = image.flags | (nested ? FLAG.NT : 0);
  image.registers.forEach((value, i) => s.setReg(i, value));
  image.segments.forEach((selector, i) => cpu.setSegment(i, selector, 0, 0, 0));
  cpu.setSegment(L.LDTR, image.ldt, 0, 0, 0);
  // From here on a fault is delivered at the new task's privilege: no stack segment is loaded yet that the old one could go on with.
  cpu.setCpl(s.virtual8086 ? 3 : (image.segments[L.CS] ?? 0) & 3);
  loadTaskLdt(cpu, image.ldt);
  if (s.virtual8086) {
    image.segments.forEach((selector, i) => cpu.setRealSegment(i, selector));
  } else loadTaskSegments(cpu, image);
  if (image.trap) trapBehind(cpu, DR6.taskSwitch);
  if (s.eip > s.limit(L.CS)) throw fault(VECTOR.GP, 0);
}

function loadTaskLdt(cpu: Cpu, selector: number): void {
  if (isNull(selector)) return;
  const code = selector & 0xfffc;
  const d = selector & 4 ? undefined : peekDescriptor(cpu, selector);
  if (!d || d.isSegment || d.type !== SYSTEM.ldt || !d.present) throw fault(VECTOR.TS, code);
  cpu.setSegment(L.LDTR, selector, d.base, d.limit, d.attributes);
}

/** In the order of the manual's table 7-1: privilege of CS, SS, the rest of CS, the data segments. */
function loadTaskSegments(cpu: Cpu, image: TaskImage): void {
  const [es = 0, cs = 0, ss = 0, ds = 0, fs = 0, gs = 0] = image.segments;
  const { cpl } = cpu.state;
  const agrees = (d: Descriptor): boolean => (d.isConforming ? d.dpl <= cpl : d.dpl === cpl);
  const early = isNull(cs) ? undefined : peekDescriptor(cpu, cs);
  if (early?.isCode && !agrees(early)) throw fault(VECTOR.TS, cs & 0xfffc);
  const stack = checkStackSegment(cpu, ss, cpl, VECTOR.TS);
  markAccessed(cpu, stack);
  installSegment(cpu, L.SS, stack);
  const code = cs & 0xfffc;
  if (isNull(cs)) throw fault(VECTOR.TS, code);
  const c = fetchDescriptor(cpu, cs, VECTOR.TS);
  if (!c.isCode || !agrees(c)) throw fault(VECTOR.TS, code);
  if (!c.present) throw fault(VECTOR.NP, code);
  markAccessed(cpu, c);
  installSegment(cpu, L.CS, c);
  const data: readonly (readonly [number, number])[] = [[L.ES, es], [L.DS, ds], [L.FS, fs], [L.GS, gs]];
  for (const [segment, selector] of data) {
    if (isNull(selector)) continue;
    const d = fetchDescriptor(cpu, selector, VECTOR.TS);
    const readable = d.isSegment && (!d.isCode || (d.type & ATTRIBUTE.readable) !== 0);
    const allowed = d.isConforming || (d.dpl >= (selector & 3) && d.dpl >= cpl);
    if (!readable || !allowed) throw fault(VECTOR.TS, selector & 0xfffc);
    if (!d.present) throw fault(VECTOR.NP, selector & 0xfffc);
    markAccessed(cpu, d);
    installSegment(cpu, segment, d);
  }
}

/** IRET with NT set: back to the task that the back link names. */
export function returnFromTask(cpu: Cpu, next: number): void {
  const selector = cpu.readSystem(cpu.state.base(L.TR), 2);
  const d = selector & 4 ? undefined : peekDescriptor(cpu, selector);
  const busy = d && !d.isSegment && (d.type === SYSTEM.tss32Busy || d.type === SYSTEM.tss16Busy);
  if (!d || !busy) throw fault(VECTOR.TS, selector & 0xfffc);
  switchTask(cpu, d, 'return', next);
}

/** The TSS behind a task gate, checked. */
export function taskOfGate(cpu: Cpu, selector: number): Descriptor {
  const d = selector & 4 ? undefined : peekDescriptor(cpu, selector);
  const available = d && !d.isSegment && (d.type === SYSTEM.tss32 || d.type === SYSTEM.tss16);
  if (!d || !available) throw fault(VECTOR.GP, selector & 0xfffc);
  return d;
}

