/**
 * Services for the XSAVE family: XSAVE, XSAVEOPT, XSAVEC, XSAVES and their XRSTOR, XRSTORS (Intel SDM volume 1,
 * chapter 13; volume 2). All components count as in use, and as modified: what the optimisations may leave out
 * is written.
 */
import { VECTOR, fault, generalProtection, type Cpu } from '../cpu';
import * as L from '../layout';
import { XCR0 } from '../models/controlBits';
import { XSAVE_BASE_BYTES, XSAVE_COMPONENTS, compactedBytes, standardBytes, type XsaveComponent } from '../models/xsaveArea';
import type { Operation, Outcome, Service } from '../operation';
import { CR0, CR4 } from '../state';
import { loadFxsave, storeFxsave } from '../x87';
import { Mxcsr } from '../softfloat/unit';
import { LEGACY_BYTES, clearVectors, image, imageBytes, imageMxcsr, legacyEnd, putMxcsr, putXmm, putYmmHigh, setMxcsr, takeXmm, takeYmmHigh, transferImage } from './stateImage';
import { fpuOf } from './x87Services';

/** The header behind the legacy region: XSTATE_BV, XCOMP_BV, 48 reserved bytes. */
const STATE_BITS = LEGACY_BYTES;
const COMPACTED_BITS = LEGACY_BYTES + 8;
const RESERVED_AT = LEGACY_BYTES + 16;
const HEADER_BYTES = 64;
/** Bit 63 of XCOMP_BV, in its upper half: the compacted format. */
const COMPACTED = 0x80000000;
const AREA_ALIGNMENT = 64;
/** x87 state of the legacy region: FCW to FDP before MXCSR, the registers behind it. */
const X87_ENDS = [[0, 24], [32, 160]] as const;
const MXCSR_FIELD = [24, 32] as const;

function check(cpu: Cpu, op: Operation): void {
  const { cr0, cr4 } = cpu.state;
  if (!(cr4 & CR4.OSXSAVE)) throw fault(VECTOR.UD);
  if (cr0 & CR0.TS) throw fault(VECTOR.NM);
  if (cpu.state.linear(op.segment, op.offset) % AREA_ALIGNMENT !== 0) throw generalProtection();
}

/** The components that are asked for: EDX:EAX, as far as XCR0 has them. */
const requested = (cpu: Cpu): number => (cpu.state.reg(L.RAX) & cpu.state.u32(L.XCR0)) >>> 0;

/** Offset of each component of `mask` in a format. */
function places(mask: number, compacted: boolean): readonly (readonly [XsaveComponent, number])[] {
  let next = XSAVE_BASE_BYTES;
  return XSAVE_COMPONENTS.filter((c) => mask & c.mask).map((c) => {
    const at = compacted ? next : c.offset;
    next += c.bytes;
    return [c, at] as const;
  });
}

function locate(cpu: Cpu, op: Operation, bytes: number, write: boolean): number {
  const linear = cpu.linear(op.segment, op.offset, bytes, write);
  cpu.mmu.check(linear, bytes, write, cpu.user);
  return linear;
}

function putComponent(cpu: Cpu, component: XsaveComponent, at: number): void {
  if (component.mask === XCR0.AVX) return putYmmHigh(cpu, at);
  image.setUint32(at, cpu.state.u32(L.PKRU), true);
  image.setUint32(at + 4, 0, true);
}

function save(compacted: boolean): Service {
  return (cpu, op) => {
    check(cpu, op);
    const mask = requested(cpu);
    const linear = locate(cpu, op, compacted ? compactedBytes(mask) : standardBytes(mask), true);
    storeFxsave(fpuOf(cpu), image, op.size === 8);
    putMxcsr(cpu);
    putXmm(cpu);
    if (mask & XCR0.X87) for (const [from, to] of X87_ENDS) transferImage(cpu, linear, from, to - from, true);
    if (mask & (XCR0.SSE | XCR0.AVX)) transferImage(cpu, linear, MXCSR_FIELD[0], MXCSR_FIELD[1] - MXCSR_FIELD[0], true);
    if (mask & XCR0.SSE) transferImage(cpu, linear, 160, legacyEnd(cpu) - 160, true);
    for (const [component, at] of places(mask, compacted)) {
      putComponent(cpu, component, at);
      transferImage(cpu, linear, at, component.bytes, true);
    }
    saveHeader(cpu, linear, mask, compacted);
    return 'next';
  };
}

/** XSAVE keeps the bits of components that were not asked for; the compacting forms write the header anew. */
function saveHeader(cpu: Cpu, linear: number, mask: number, compacted: boolean): void {
  if (compacted) {
    image.setUint32(STATE_BITS, mask, true);
    image.setUint32(STATE_BITS + 4, 0, true);
    image.setUint32(COMPACTED_BITS, mask, true);
    image.setUint32(COMPACTED_BITS + 4, COMPACTED, true);
    return transferImage(cpu, linear, STATE_BITS, 16, true);
  }
  transferImage(cpu, linear, STATE_BITS, 8, false);
  image.setUint32(STATE_BITS, image.getUint32(STATE_BITS, true) | mask, true);
  transferImage(cpu, linear, STATE_BITS, 8, true);
}

/** Checks the header; gives XSTATE_BV and whether the format is the compacted one. */
function checkHeader(cpu: Cpu, onlyCompacted: boolean): { readonly present: number; readonly compacted: boolean; readonly layout: number } {
  const present = image.getUint32(STATE_BITS, true);
  const layout = image.getUint32(COMPACTED_BITS, true);
  const high = image.getUint32(COMPACTED_BITS + 4, true);
  const compacted = (high & COMPACTED) !== 0;
  const enabled = cpu.state.u32(L.XCR0);
  const reserved = imageBytes.subarray(RESERVED_AT, LEGACY_BYTES + HEADER_BYTES);
  const knows = onlyCompacted || cpu.features.has('xsavec');
  const fits = compacted
    ? knows && (high & 0x7fffffff) === 0 && (layout & ~enabled) === 0 && (present & ~layout) === 0 && reserved.every((byte) => byte === 0)
    : !onlyCompacted && layout === 0 && high === 0 && reserved.subarray(0, 8).every((byte) => byte === 0);
  if (!fits || (present & ~enabled) !== 0 || image.getUint32(STATE_BITS + 4, true) !== 0) throw generalProtection();
  return { present, compacted, layout };
}

function restore(onlyCompacted: boolean): Service {
  return (cpu, op) => {
    check(cpu, op);
    const mask = requested(cpu);
    const start = locate(cpu, op, XSAVE_BASE_BYTES, false);
    transferImage(cpu, start, 0, XSAVE_BASE_BYTES, false);
    const { present, compacted, layout } = checkHeader(cpu, onlyCompacted);
    const linear = locate(cpu, op, compacted ? compactedBytes(layout) : standardBytes(mask), false);
    const wanted = places(compacted ? layout : mask, compacted).filter(([c]) => mask & c.mask);
    for (const [component, at] of wanted) if (present & component.mask) transferImage(cpu, linear, at, component.bytes, false);
    restoreLegacy(cpu, op, mask, present, compacted);
    for (const [component, at] of wanted) restoreComponent(cpu, component, at, (present & component.mask) !== 0);
    return 'next';
  };
}

function restoreLegacy(cpu: Cpu, op: Operation, mask: number, present: number, compacted: boolean): void {
  // The standard form loads MXCSR with AVX, too; the compacted one with SSE alone, or initialises it.
  if (compacted ? mask & XCR0.SSE && !(present & XCR0.SSE) : false) cpu.state.setU32(L.MXCSR, Mxcsr.reset);
  else if (mask & (compacted ? XCR0.SSE : XCR0.SSE | XCR0.AVX)) setMxcsr(cpu, imageMxcsr());
  if (mask & XCR0.X87) {
    if (present & XCR0.X87) loadFxsave(fpuOf(cpu), image, op.size === 8);
    else fpuOf(cpu).initialise();
  }
  if (!(mask & XCR0.SSE)) return;
  if (present & XCR0.SSE) takeXmm(cpu);
  else clearVectors(cpu, 'low');
}

function restoreComponent(cpu: Cpu, component: XsaveComponent, at: number, present: boolean): void {
  if (component.mask === XCR0.AVX) {
    if (present) takeYmmHigh(cpu, at);
    else clearVectors(cpu, 'high');
    return;
  }
  cpu.state.setU32(L.PKRU, present ? image.getUint32(at, true) : 0);
  cpu.updatePaging();
}

/** XSAVES and XRSTORS: at CPL 0 only. No supervisor component exists (IA32_XSS is 0). */
function supervisor(service: Service): Service {
  return (cpu, op): Outcome => {
    if (cpu.state.cpl !== 0) throw generalProtection();
    return service(cpu, op);
  };
}

export const xsaveServices: Readonly<Record<string, Service>> = {
  xsave: save(false),
  xsaveopt: save(false),
  xsavec: save(true),
  xsaves: supervisor(save(true)),
  xrstor: restore(false),
  xrstors: supervisor(restore(true)),
};
