/**
 * Model-specific registers (Intel SDM vol. 4): all of them in one table, and RDMSR, WRMSR and reset over it. A register is
 * there when the processor has the feature that brings it; everything else is #GP(0).
 */
import { generalProtection, type Cpu } from './cpu';
import * as L from './layout';
import type { FeatureSet } from './models/features';
import { IA32_APIC_BASE, apicRegisters } from './msrApic';
import { DEBUGCTL, MISC_ENABLE } from './msrBits';
import { EFER_REGISTER, LONG_MODE_REGISTERS } from './msrLong';
import { machineCheckRegisters } from './msrMachineCheck';
import { memoryTypeRegisters } from './msrMemoryTypes';
import { acceptsAddress, clearable, constant, stored, unmoved, type MsrEntry, type MsrRegister } from './msrRegister';

/** EFER and long mode's registers, which ./msrLong describes. */
const LONG_MODE: readonly (readonly [number: number, name: string, feature: MsrRegister['feature']])[] = [
  [0xc0000081, 'IA32_STAR', 'lm'],
  [0xc0000082, 'IA32_LSTAR', 'lm'],
  [0xc0000083, 'IA32_CSTAR', 'lm'],
  [0xc0000084, 'IA32_FMASK', 'lm'],
  [0xc0000100, 'IA32_FS_BASE', 'lm'],
  [0xc0000101, 'IA32_GS_BASE', 'lm'],
  [0xc0000102, 'IA32_KERNEL_GS_BASE', 'lm'],
  [0xc0000103, 'IA32_TSC_AUX', ['rdtscp', 'rdpid']],
];

function longModeRegisters(): readonly MsrEntry[] {
  const [eferNumber, efer] = EFER_REGISTER;
  const others = LONG_MODE.flatMap(([number, name, feature]): readonly MsrEntry[] => {
    const register = LONG_MODE_REGISTERS.get(number);
    return register ? [[number, { ...register, name, feature }]] : [];
  });
  return [[eferNumber, { ...efer, name: 'IA32_EFER', feature: ['nx', 'lm'] }], ...others];
}

/** Moves the counter; IA32_TSC_ADJUST tells of it (Intel SDM vol. 3, 18.17.3). */
function moveTimeStamp(cpu: Cpu, by: bigint): void {
  for (const at of [L.MSR_TSC_OFFSET, L.MSR_TSC_ADJUST]) cpu.state.setU64(at, BigInt.asUintN(64, cpu.state.u64(at) + by));
  cpu.surroundings.localApic?.timeStampChanged();
}

/** The counter is virtual time and an offset: since power-on, or since the last reset. */
const timeStamp: MsrRegister = {
  name: 'IA32_TIME_STAMP_COUNTER',
  feature: 'tsc',
  reset: (cpu) => cpu.state.setU64(L.MSR_TSC_OFFSET, BigInt.asUintN(64, -BigInt(cpu.surroundings.now()))),
  read: (cpu) => BigInt.asUintN(64, BigInt(cpu.surroundings.now()) + cpu.state.u64(L.MSR_TSC_OFFSET)),
  write: (cpu, value) => moveTimeStamp(cpu, value - BigInt(cpu.surroundings.now()) - cpu.state.u64(L.MSR_TSC_OFFSET)),
};

/** What writes have added to the counter since reset. */
const timeStampAdjust: MsrRegister = {
  name: 'IA32_TSC_ADJUST',
  feature: 'tscAdjust',
  read: (cpu) => cpu.state.u64(L.MSR_TSC_ADJUST),
  write: (cpu, value) => moveTimeStamp(cpu, value - cpu.state.u64(L.MSR_TSC_ADJUST)),
};

/** Bits 31-16 hold what is written, the upper half is not there. */
const sysenterSelector: MsrRegister = {
  name: 'IA32_SYSENTER_CS',
  feature: 'sep',
  read: (cpu) => cpu.state.u64(L.SYSENTER_CS),
  write: (cpu, value) => cpu.state.setU64(L.SYSENTER_CS, BigInt.asUintN(32, value)),
};

const MISC_ENABLE_WRITABLE = BigInt(MISC_ENABLE.fastStrings | MISC_ENABLE.limitCpuid);
const MISC_ENABLE_FIXED = BigInt(MISC_ENABLE.branchTraceUnavailable | MISC_ENABLE.pebsUnavailable);

/** Fast strings, MONITOR and the limit of CPUID can be switched; what is not there says that it is not. */
const miscEnable: MsrRegister = {
  name: 'IA32_MISC_ENABLE',
  feature: 'p6',
  reset: (cpu) => cpu.state.setU64(L.MSR_MISC_ENABLE, MISC_ENABLE_FIXED | BigInt(MISC_ENABLE.fastStrings) | mwaitBit(cpu)),
  read: (cpu) => cpu.state.u64(L.MSR_MISC_ENABLE),
  write: (cpu, value) => {
    if (value & ~(MISC_ENABLE_WRITABLE | MISC_ENABLE_FIXED | mwaitBit(cpu))) throw generalProtection();
    // The bits that say what is unavailable are read-only.
    cpu.state.setU64(L.MSR_MISC_ENABLE, value | MISC_ENABLE_FIXED);
  },
};

function mwaitBit(cpu: Cpu): bigint {
  return cpu.features.has('monitor') ? BigInt(MISC_ENABLE.mwait) : 0n;
}

/** Microcode revision, in the upper half. A write comes before the CPUID that brings it; loads of microcode do nothing. */
const MICROCODE_REVISION = 0x100n << 32n;

/** The clock ratio: ten times the bus's 100 MHz. */
const RATIO = 10n;

/**
 * IA32_ARCH_CAPABILITIES: the processor speculates about nothing, so it has none of the weaknesses that came of that: RDCL,
 * L1TF, SSB, MDS, PSCHANGE, TAA, SBDR, FBSDP, PSDP, BHI, PBRSB, GDS, RFDS.
 */
const NO_WEAKNESS = [0n, 3n, 4n, 5n, 6n, 8n, 13n, 14n, 15n, 20n, 24n, 26n, 27n].reduce((bits, bit) => bits | (1n << bit), 0n);

/** L2 cache control of the P6 family: configured and enabled, 4 ways, 256 KiB, 64 GiB of addresses. */
const L2_CONTROL = 0x702501n;

const TABLE: readonly MsrEntry[] = [
  [0x10, timeStamp],
  [0x17, constant('IA32_PLATFORM_ID', 'p6', 0n)],
  [0x2a, unmoved('EBL_CR_POWERON', 'p6')],
  // Locked with everything off: no virtualization in the guest.
  [0x3a, constant('IA32_FEATURE_CONTROL', 'lm', 1n)],
  [0x3b, timeStampAdjust],
  [0x79, unmoved('IA32_BIOS_UPDT_TRIG', 'p6')],
  [0x8b, unmoved('IA32_BIOS_SIGN_ID', 'p6', MICROCODE_REVISION)],
  [0xce, constant('MSR_PLATFORM_INFO', 'lm', (RATIO << 8n) | (RATIO << 40n))],
  [0x10a, constant('IA32_ARCH_CAPABILITIES', 'archCapabilities', NO_WEAKNESS)],
  [0x11e, unmoved('BBL_CR_CTL3', 'p6', L2_CONTROL)],
  [0x174, sysenterSelector],
  [0x175, stored('IA32_SYSENTER_ESP', 'sep', L.SYSENTER_ESP, { accepts: acceptsAddress })],
  [0x176, stored('IA32_SYSENTER_EIP', 'sep', L.SYSENTER_EIP, { accepts: acceptsAddress })],
  [0x198, constant('IA32_PERF_STATUS', 'lm', RATIO << 8n)],
  [0x199, unmoved('IA32_PERF_CTL', 'lm', RATIO << 8n)],
  [0x1a0, miscEnable],
  [0x1d9, stored('IA32_DEBUGCTL', 'p6', L.MSR_DEBUGCTL, { reserved: ~BigInt(DEBUGCTL.lbr | DEBUGCTL.btf) })],
  // Last branches are not recorded.
  [0x1db, constant('LASTBRANCHFROMIP', 'p6', 0n)],
  [0x1dc, constant('LASTBRANCHTOIP', 'p6', 0n)],
  [0x1dd, constant('LASTINTFROMIP', 'p6', 0n)],
  [0x1de, constant('LASTINTTOIP', 'p6', 0n)],
  // No supervisor state is saved by XSAVES.
  [0xda0, clearable('IA32_XSS', 'xsaves')],
  ...longModeRegisters(),
  ...memoryTypeRegisters,
  ...machineCheckRegisters,
  ...apicRegisters,
];

const REGISTERS: ReadonlyMap<number, MsrRegister> = new Map(TABLE);

function exists({ feature }: MsrRegister, features: FeatureSet): boolean {
  return typeof feature === 'string' ? features.has(feature) : feature.some((each) => features.has(each));
}

function registerOf(cpu: Cpu, number: number): MsrRegister {
  const register = REGISTERS.get(number);
  if (!register || !exists(register, cpu.features)) throw generalProtection();
  return register;
}

/** RDMSR; #GP(0) for registers that do not exist. */
export function readMsr(cpu: Cpu, number: number): bigint {
  return registerOf(cpu, number).read(cpu);
}

/** WRMSR; #GP(0) for registers that do not exist, may not be written, or cannot hold the value. */
export function writeMsr(cpu: Cpu, number: number, value: bigint): void {
  const register = registerOf(cpu, number);
  if (!register.write) throw generalProtection();
  register.write(cpu, value);
}

/** Gives the registers that the processor has their values after reset; their storage has been cleared. */
export function resetMsrs(cpu: Cpu): void {
  for (const [, register] of TABLE) if (exists(register, cpu.features)) register.reset?.(cpu);
}

/** A register as a debugger lists it. */
export interface ListedMsr {
  readonly number: number;
  /** The manual's name. */
  readonly name: string;
  readonly value: bigint;
  readonly readOnly: boolean;
}

/** The local APIC's own registers bring the APIC up to date when they are read, and a list must change nothing. */
const UNLISTED: ReadonlySet<number> = new Set(apicRegisters.map(([number]) => number).filter((number) => number !== IA32_APIC_BASE));

/** The registers that the processor has and what they hold, in the order of the table; those of the local APIC are left out. */
export function listMsrs(cpu: Cpu): readonly ListedMsr[] {
  const hasApic = cpu.surroundings.localApic !== undefined;
  return TABLE.flatMap(([number, register]) =>
    exists(register, cpu.features) && !UNLISTED.has(number) && (hasApic || number !== IA32_APIC_BASE)
      ? [{ number, name: register.name, value: register.read(cpu), readOnly: register.write === undefined }]
      : []);
}
