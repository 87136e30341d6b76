/**
 * The registers that say how memory is cached: MTRRs and PAT (Intel SDM vol. 3, 12.11 and 12.12). They hold and check what
 * systems write; the monitor's memory is the same for all types.
 */
import type { Cpu } from './cpu';
import * as L from './layout';
import { physicalBits } from './models/processor';
import { constant, stored, type MsrEntry, type MsrRegister } from './msrRegister';

const TYPE = { uncacheable: 0n, writeCombining: 1n, writeThrough: 4n, writeProtected: 5n, writeBack: 6n, uncached: 7n } as const;

const MTRR_TYPES: ReadonlySet<bigint> = new Set([TYPE.uncacheable, TYPE.writeCombining, TYPE.writeThrough, TYPE.writeProtected, TYPE.writeBack]);
const PAT_TYPES: ReadonlySet<bigint> = new Set([...MTRR_TYPES, TYPE.uncached]);

/** WB, WT, UC-, UC, twice (table 12-12). */
const PAT_RESET = 0x0007040600070406n;

const VARIABLE_RANGES = 8;
/** The fixed ranges' registers in the order of their addresses: 64 KiB, 16 KiB and 4 KiB each. */
const FIXED_RANGES: readonly number[] = [0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f];
/** The register of A0000 to BFFFF, the video memory. */
const FIXED_VIDEO = FIXED_RANGES.indexOf(0x259);

/** Enable, and enable fixed ranges. */
const DEFAULT_ENABLE = 0x800n, DEFAULT_FIXED = 0x400n;
const MASK_VALID = 0x800n;
/** IA32_MTRRCAP: number of variable ranges, fixed ranges, write combining. */
const CAPABILITIES = BigInt(VARIABLE_RANGES) | 0x100n | 0x400n;

function allBytes(types: ReadonlySet<bigint>): (value: bigint) => boolean {
  return (value) => [0n, 8n, 16n, 24n, 32n, 40n, 48n, 56n].every((shift) => types.has((value >> shift) & 0xffn));
}

/** A register of a variable range: bits behind the processor's physical addresses are reserved. */
function variable(name: string, offset: number, reserved: bigint, accepts: (value: bigint) => boolean): MsrRegister {
  return stored(name, 'mtrr', offset, {
    reserved,
    accepts: (value, cpu) => value >> BigInt(physicalBits(cpu.processor)) === 0n && accepts(value),
  });
}

const hasType = (value: bigint): boolean => MTRR_TYPES.has(value & 0xffn);

function variableRange(i: number): readonly MsrEntry[] {
  const at = L.MSR_MTRR_VARIABLE + 16 * i;
  return [
    [0x200 + 2 * i, variable(`IA32_MTRR_PHYSBASE${i}`, at, 0xf00n, hasType)],
    [0x201 + 2 * i, variable(`IA32_MTRR_PHYSMASK${i}`, at + 8, 0x7ffn, () => true)],
  ];
}

export const memoryTypeRegisters: readonly MsrEntry[] = [
  [0xfe, constant('IA32_MTRRCAP', 'mtrr', CAPABILITIES)],
  ...Array.from({ length: VARIABLE_RANGES }, (_, i) => variableRange(i)).flat(),
  ...FIXED_RANGES.map((number, i): MsrEntry =>
    [number, stored(`IA32_MTRR_FIX_${number.toString(16)}`, 'mtrr', L.MSR_MTRR_FIXED + 8 * i, { accepts: allBytes(MTRR_TYPES) })]),
  [0x277, stored('IA32_PAT', 'pat', L.MSR_PAT, { reset: PAT_RESET, accepts: allBytes(PAT_TYPES) })],
  [0x2ff, stored('IA32_MTRR_DEF_TYPE', 'mtrr', L.MSR_MTRR_DEFAULT, { reserved: ~0xcffn, accepts: hasType })],
];

/**
 * Sets the MTRRs as firmware leaves them: everything write-back, but for the video memory and the devices' gigabyte below
 * 4 GiB. For guests that start without firmware of their own; Linux takes disabled MTRRs for a broken machine.
 */
export function setFirmwareMemoryTypes(cpu: Cpu): void {
  if (!cpu.features.has('mtrr')) return;
  const s = cpu.state;
  const writeBack = TYPE.writeBack * 0x0101010101010101n;
  FIXED_RANGES.forEach((_, i) => s.setU64(L.MSR_MTRR_FIXED + 8 * i, i === FIXED_VIDEO ? TYPE.uncacheable : writeBack));
  const gigabyte = 1n << 30n;
  const addresses = 1n << BigInt(physicalBits(cpu.processor));
  s.setU64(L.MSR_MTRR_VARIABLE, (3n * gigabyte) | TYPE.uncacheable);
  s.setU64(L.MSR_MTRR_VARIABLE + 8, (addresses - gigabyte) | MASK_VALID);
  s.setU64(L.MSR_MTRR_DEFAULT, DEFAULT_ENABLE | DEFAULT_FIXED | TYPE.writeBack);
}
