/**
 * The CPU as the built-in BIOS sees it at a service call, and the processor state that loaders leave.
 */
import type { Cpu } from '../cpu/cpu';
import * as L from '../cpu/layout';
import { Mxcsr } from '../cpu/softfloat/unit';
import { signatureOf } from '../cpu/models/processor';
import { resetMsrs } from '../cpu/msr';
import type { FirmwareCpu, GeneralName, InitialCpu, SegmentImage, SegmentName } from '../firmware/platform';

const GENERAL: Readonly<Record<GeneralName, number>> = { eax: L.RAX, ecx: L.RCX, edx: L.RDX, ebx: L.RBX, esp: L.RSP, ebp: L.RBP, esi: L.RSI, edi: L.RDI };
const SEGMENTS: Readonly<Record<SegmentName, number>> = { es: L.ES, cs: L.CS, ss: L.SS, ds: L.DS, fs: L.FS, gs: L.GS };

/** The live CPU for a service of the built-in BIOS. */
export class ServiceCpu implements FirmwareCpu {
  constructor(private readonly cpu: Cpu) {}

  get(register: GeneralName): number {
    return this.cpu.state.reg(GENERAL[register]);
  }
  set(register: GeneralName, value: number): void {
    this.cpu.state.setReg(GENERAL[register], value >>> 0);
  }
  selector(segment: SegmentName): number {
    return this.cpu.state.selector(SEGMENTS[segment]);
  }
  base(segment: SegmentName): number {
    return this.cpu.state.base(SEGMENTS[segment]);
  }
  setSelector(segment: SegmentName, selector: number): void {
    this.cpu.setRealSegment(SEGMENTS[segment], selector);
  }
  get instructionPointer(): number {
    return this.cpu.state.eip;
  }
  set instructionPointer(offset: number) {
    this.cpu.state.eip = offset & 0xffff;
    this.cpu.attention = true;
  }
}

const REAL_DATA: SegmentImage = { selector: 0, base: 0, limit: 0xffff, attributes: 0x93 };
const RESET_CODE: SegmentImage = { selector: 0xf000, base: 0xffff0000, limit: 0xffff, attributes: 0x93 };
const CR0_RESET = 0x60000010;

/** The state after reset (Intel SDM vol. 3, table 10-1), with what a loader wants otherwise. */
export function resetCpuTo(cpu: Cpu, initial: InitialCpu): void {
  const s = cpu.state;
  const retired = s.f64(L.RETIRED);
  const idle = s.f64(L.IDLE);
  s.block.fill(0);
  s.setF64(L.RETIRED, retired);
  s.setF64(L.IDLE, idle);
  s.setF64(L.SHADOW_COUNT, -1);
  s.setU64(L.MASK16, 0xffffn);
  s.setU64(L.MASK32, 0xffffffffn);
  s.setU64(L.MASK64, 0xffffffffffffffffn);
  s.setU64(L.TWO32, 0x100000000n);
  s.setU64(L.CANONICAL_SHIFT, 16n);
  s.setU64(L.LINEAR_MASK, 0xffffffffn);
  s.setU64(L.XCR0, 1n);
  s.setU32(L.MXCSR, Mxcsr.reset);
  resetMsrs(cpu);
  s.setU64(L.DR + 8 * 6, 0xffff0ff0n);
  s.setU64(L.DR + 8 * 7, 0x400n);
  s.setU32(L.CR0, initial.cr0 ?? CR0_RESET);
  s.setWide(L.GDTR_BASE, initial.gdtr?.base ?? 0);
  s.setU32(L.GDTR_LIMIT, initial.gdtr?.limit ?? 0xffff);
  s.setWide(L.IDTR_BASE, initial.idtr?.base ?? 0);
  s.setU32(L.IDTR_LIMIT, initial.idtr?.limit ?? 0xffff);
  s.setReg(L.RDX, signatureOf(cpu.processor.model));
  for (const name of Object.keys(GENERAL) as GeneralName[]) {
    const value = initial.general?.[name];
    if (value !== undefined) s.setReg(GENERAL[name], value >>> 0);
  }
  s.flags = initial.flags ?? 2;
  for (const name of Object.keys(SEGMENTS) as SegmentName[]) {
    const image = initial.segments?.[name] ?? (name === 'cs' ? RESET_CODE : REAL_DATA);
    cpu.setSegment(SEGMENTS[name], image.selector, image.base, image.limit, image.attributes);
  }
  cpu.setSegment(L.LDTR, 0, 0, 0xffff, 0x82);
  cpu.setSegment(L.TR, 0, 0, 0xffff, 0x8b);
  s.eip = initial.instructionPointer;
  cpu.updatePaging();
}
