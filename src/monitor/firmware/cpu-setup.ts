/** Processor states that loaders start guests in: flat 32-bit protected mode, and real mode. */
import { put32 } from './bytes';
import type { GeneralName, InitialCpu, PhysicalMemory, SegmentImage } from './platform';

/** Selectors of the flat code and data segment, those of Linux's 32-bit boot protocol and of GRUB. */
export const FLAT_CODE = 0x10;
export const FLAT_DATA = 0x18;

/** Bytes of the global descriptor table that `flatProtectedMode` writes. */
export const FLAT_GDT_BYTES = 32;

/** CR0.PE and CR0.ET: protection on, paging off. */
const CR0_PROTECTED = 0x11;

/** EFLAGS with nothing set but bit 1, which is always one: interrupts off. */
const FLAGS_CLEAR = 0x2;

/** CR0.ET alone: real mode. */
const CR0_REAL = 0x10;

/**
 * Writes a GDT with flat code (10h) and data (18h) descriptors at `gdt` and gives the processor state
 * that uses it: protected mode without paging, interrupts off.
 */
export function flatProtectedMode(
  memory: PhysicalMemory,
  gdt: number,
  instructionPointer: number,
  general: Partial<Record<GeneralName, number>>,
): InitialCpu {
  const table = new Uint8Array(FLAT_GDT_BYTES);
  put32(table, FLAT_CODE, 0x0000_ffff);
  put32(table, FLAT_CODE + 4, 0x00cf_9b00);
  put32(table, FLAT_DATA, 0x0000_ffff);
  put32(table, FLAT_DATA + 4, 0x00cf_9300);
  memory.write(gdt, table);
  const code: SegmentImage = { selector: FLAT_CODE, base: 0, limit: 0xffff_ffff, attributes: 0xc9b };
  const data: SegmentImage = { selector: FLAT_DATA, base: 0, limit: 0xffff_ffff, attributes: 0xc93 };
  return {
    instructionPointer,
    general,
    segments: { cs: code, ds: data, es: data, fs: data, gs: data, ss: data },
    cr0: CR0_PROTECTED,
    flags: FLAGS_CLEAR,
    gdtr: { base: gdt, limit: FLAT_GDT_BYTES - 1 },
  };
}

/** A segment as a real-mode load leaves it. */
export function realModeSegment(selector: number): SegmentImage {
  return { selector, base: selector * 16, limit: 0xffff, attributes: 0x93 };
}

/** Real mode at `selector:instructionPointer` with the data segments the same and the stack at 0:`stack`. */
export function realMode(selector: number, instructionPointer: number, stack: number): InitialCpu {
  const segment = realModeSegment(selector);
  return {
    instructionPointer,
    general: { esp: stack },
    segments: { cs: segment, ds: segment, es: segment, fs: segment, gs: segment, ss: realModeSegment(0) },
    cr0: CR0_REAL,
    flags: FLAGS_CLEAR,
  };
}
