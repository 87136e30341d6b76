/**
 * Segment descriptors: fetching, decoding, and loading of segment registers with all checks
 * (Intel SDM vol. 3, 3.4 and 5.2-5.6).
 */
import { VECTOR, fault, generalProtection, type Cpu } from './cpu';
import { decodeDescriptor, type Descriptor } from './descriptorLayout';
import { codeTypeRefusal, dataRefusal, stackRefusal, type Refusal } from './descriptorRules';
import * as L from './layout';
import { ATTRIBUTE, segmentAt } from './state';

export const isNull = (selector: number): boolean => (selector & 0xfffc) === 0;

/** Raises what a use was refused with, if it was; the error code names the selector. */
export function obey(refusal: Refusal | undefined, selector: number): void {
  if (refusal) throw fault(refusal.vector, selector & 0xfffc);
}

/** Linear address of a selector's descriptor of 8 or 16 bytes, or undefined when it lies outside its table. */
function descriptorAddress(cpu: Cpu, selector: number, bytes = 8): number | undefined {
  const s = cpu.state;
  const last = (selector & 0xfff8) + bytes - 1;
  if (selector & 4) {
    if (!(s.attributes(L.LDTR) & ATTRIBUTE.present) || last > s.limit(L.LDTR)) return undefined;
    return s.base(L.LDTR) + (selector & 0xfff8);
  }
  if (last > s.u32(L.GDTR_LIMIT)) return undefined;
  return s.wide(L.GDTR_BASE) + (selector & 0xfff8);
}

/** Reads a selector's descriptor; undefined when it is outside its table. */
export function peekDescriptor(cpu: Cpu, selector: number): Descriptor | undefined {
  const address = descriptorAddress(cpu, selector);
  if (address === undefined) return undefined;
  return decodeDescriptor(selector, cpu.readSystem(address, 4), cpu.readSystem(address + 4, 4), address);
}

/** Reads a selector's descriptor; outside its table raises `vector` (#GP unless told otherwise) with the selector. */
export function fetchDescriptor(cpu: Cpu, selector: number, vector: number = VECTOR.GP): Descriptor {
  const descriptor = peekDescriptor(cpu, selector);
  if (!descriptor) throw fault(vector, selector & 0xfffc);
  return descriptor;
}

/**
 * The upper half of a system descriptor of 16 bytes (long mode: LDT, TSS and call gates): bits 32-63 of the base
 * or offset. #GP with the selector when it lies outside the table, or when the type field of the upper half is not 0.
 */
export function upperHalf(cpu: Cpu, d: Descriptor): number {
  if (!hasUpperHalf(cpu, d)) throw generalProtection(d.selector);
  return cpu.readSystem(d.address + 8, 4);
}

/** Whether the 16 bytes of a system descriptor of long mode lie in its table, with an upper half that is one. */
export function hasUpperHalf(cpu: Cpu, d: Descriptor): boolean {
  const address = descriptorAddress(cpu, d.selector, 16);
  return address !== undefined && !(cpu.readSystem(address + 12, 4) & 0x1f00);
}

/** An address from its halves; signed, so that canonical addresses are exact. */
export const joinHalves = (cpu: Cpu, low: number, high: number): number => cpu.machine.far.near(high | 0, low);

/** The base of an LDT or TSS descriptor: 64 bits in long mode. #GP when it is not canonical. */
export function systemBase(cpu: Cpu, d: Descriptor): number {
  if (!cpu.state.longMode) return d.base;
  const base = joinHalves(cpu, d.base, upperHalf(cpu, d));
  if (!cpu.state.canonical(base)) throw generalProtection(d.selector);
  return base;
}

/** Sets the accessed bit in memory, if it is not set yet. */
export function markAccessed(cpu: Cpu, d: Descriptor): void {
  if (d.attributes & ATTRIBUTE.accessed) return;
  cpu.writeSystem(d.address + 5, 1, (d.attributes | ATTRIBUTE.accessed) & 0xff);
}

/** Puts a descriptor into a segment register; the selector gets the given RPL. */
export function installSegment(cpu: Cpu, segment: number, d: Descriptor, rpl = d.selector & 3): void {
  cpu.setSegment(segment, (d.selector & 0xfffc) | rpl, d.base, d.limit, d.attributes | ATTRIBUTE.accessed);
}

/** MOV, POP and far loads into ES, DS, FS, GS, SS; not CS. */
export function loadSegment(cpu: Cpu, segment: number, selector: number): void {
  if (!cpu.state.descriptorMode) return cpu.setRealSegment(segment, selector);
  if (segment === L.SS) return loadStackSegment(cpu, selector);
  if (isNull(selector)) return cpu.setNullSegment(segment, selector);
  const d = fetchDescriptor(cpu, selector);
  obey(dataRefusal(d, cpu.state.cpl), selector);
  markAccessed(cpu, d);
  installSegment(cpu, segment, d);
}

function loadStackSegment(cpu: Cpu, selector: number): void {
  if (isNull(selector)) {
    const { code64, cpl } = cpu.state;
    if (!code64 || cpl === 3 || (selector & 3) !== cpl) throw generalProtection();
    return setNullStack(cpu, selector & 3);
  }
  const d = checkStackSegment(cpu, selector, cpu.state.cpl, VECTOR.GP);
  markAccessed(cpu, d);
  installSegment(cpu, L.SS, d);
}

/** SS with a null selector, as 64-bit code above CPL 3 may have it. */
export function setNullStack(cpu: Cpu, cpl: number): void {
  cpu.setSegment(L.SS, cpl, 0, 0, cpl << 5);
}

/** Checks a selector for use as SS at privilege `cpl`; `vector` is #GP or, in stack and task switches, #TS. */
export function checkStackSegment(cpu: Cpu, selector: number, cpl: number, vector: number): Descriptor {
  const code = selector & 0xfffc;
  if (isNull(selector)) throw fault(vector, code);
  const d = fetchDescriptor(cpu, selector, vector);
  const refusal = stackRefusal(d, cpl);
  if (refusal) throw fault(refusal.vector === VECTOR.GP ? vector : refusal.vector, code);
  return d;
}

/** A code segment descriptor that asks for 64-bit and 32-bit code at once is refused in long mode. */
export function isUsableCode(cpu: Cpu, d: Descriptor): boolean {
  return codeTypeRefusal(d, cpu.state.longMode) === undefined;
}

/** Checks a target offset in a code segment: its limit, or with 64-bit code canonical form. */
export function checkCodeOffset(cpu: Cpu, d: Descriptor, offset: number): void {
  const long = cpu.state.longMode && (d.attributes & ATTRIBUTE.long) !== 0;
  if (long ? !cpu.state.canonical(offset) : offset > d.limit || offset < 0) throw generalProtection();
}

/**
 * After a return to an outer privilege: data segments that it may not see become null, and null selectors lose their RPL
 * (SDM vol. 2, RETURN-TO-OUTER-PRIVILEGE-LEVEL of RET and IRET). What a null FS or GS has as base stays.
 */
export function dropInnerSegments(cpu: Cpu, cpl: number): void {
  const s = cpu.state;
  for (const segment of [L.ES, L.DS, L.FS, L.GS]) {
    const attributes = s.attributes(segment);
    if (isNull(s.selector(segment))) s.setU32(segmentAt(segment) + L.SEG_SELECTOR, 0);
    if (!(attributes & ATTRIBUTE.present)) continue;
    const conforming = (attributes & (ATTRIBUTE.code | ATTRIBUTE.conforming)) === (ATTRIBUTE.code | ATTRIBUTE.conforming);
    if (!conforming && ((attributes >> 5) & 3) < cpl) cpu.setNullSegment(segment, 0);
  }
}
