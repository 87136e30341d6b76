/**
 * Registers set from outside, by the names that the inspection lists them under: as the processor itself would load them,
 * but whatever the privilege. What the processor could not hold is refused, and the refusal says why.
 */
import type { Cpu } from '../cpu/cpu';
import { loadSegment } from '../cpu/descriptors';
import { vectorName } from '../cpu/interrupts';
import * as L from '../cpu/layout';
import { allowedCr0 } from '../cpu/models/controlBits';
import { listMsrs, writeMsr } from '../cpu/msr';
import { writeControlRegister, writeDebugRegister } from '../cpu/services/controlServices';
import { writeXcr0 } from '../cpu/services/longModeServices';
import { CR0, FLAG } from '../cpu/state';
import { SEGMENT_NAMES, cpuView } from '../inspection/cpuView';
import type { CpuState, RegisterValue } from '../inspection/queries';
import { GENERAL_NAMES, LONG_NAMES, fpuOf } from '../inspection/registerView';
import { GuestFault } from '../memory/guestFault';
import { MachineError } from './blame';

/** Puts a value, which has the register's width, into it. Throws MachineError or GuestFault for values that it cannot hold. */
type Write = (cpu: Cpu, value: bigint) => void;

const IA32_EFER = 0xc0000080;
const IA32_FS_BASE = 0xc0000100;
const IA32_GS_BASE = 0xc0000101;
/** Bits of MXCSR that exist (Intel SDM vol. 1, 10.2.3). */
const MXCSR_BITS = 0xffffn;

const hex = (value: bigint): string => `0x${value.toString(16)}`;
const refused = (text: string): MachineError => new MachineError(text, 'user');
const low32 = (value: bigint): number => Number(BigInt.asUintN(32, value));

/** Several registers of one kind, by number. */
function numbered(names: readonly string[], write: (cpu: Cpu, number: number, value: bigint) => void): readonly (readonly [string, Write])[] {
  return names.map((name, number) => [name, (cpu, value) => write(cpu, number, value)]);
}

const names = (prefix: string, count: number): readonly string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

function setInstructionPointer(cpu: Cpu, value: bigint): void {
  const { state } = cpu;
  if (!state.code64 && value >> 32n) throw refused(`${hex(value)} is no address of this code, whose addresses have ${state.codeBits} bits.`);
  state.eip = state.address(canonical(cpu, value));
}

/** An address that may be used: in 64-bit code one of canonical form. */
function canonical(cpu: Cpu, value: bigint): bigint {
  if (cpu.state.code64 && !cpu.state.canonical(cpu.state.address(value))) {
    throw refused(`${hex(value)} is not canonical: the upper bits of an address repeat its highest one.`);
  }
  return value;
}

function setFlags(cpu: Cpu, value: bigint): void {
  const { state } = cpu;
  const { changeable, ones } = state.flagBits;
  const unknown = value & ~BigInt((changeable | ones) >>> 0);
  if (unknown !== 0n) throw refused(`The processor has no flags ${hex(unknown)}.`);
  if ((Number(value) ^ state.systemFlags) & FLAG.VM) {
    throw refused('VM cannot be changed alone: with it the segment registers take another meaning. Let the guest do it (IRET, interrupts).');
  }
  state.flags = Number(value);
}

function setCr0(cpu: Cpu, value: bigint): void {
  const bits = low32(value);
  const unknown = (bits & ~(allowedCr0(cpu.features) | CR0.ET)) >>> 0;
  if (unknown !== 0) throw refused(`CR0 of this processor has no bits ${hex(BigInt(unknown))}.`);
  if (bits & CR0.PG && !(bits & CR0.PE)) throw refused('CR0.PG without CR0.PE: paging needs protected mode.');
  if (bits & CR0.NW && !(bits & CR0.CD)) throw refused('CR0.NW without CR0.CD: the processor refuses this.');
  if (cpu.state.code64 && !(bits & CR0.PG)) throw refused('64-bit code needs paging: CR0.PG cannot be cleared here.');
  writeControlRegister(cpu, 0, value);
}

function setMxcsr(cpu: Cpu, value: bigint): void {
  if (value & ~MXCSR_BITS) throw refused(`MXCSR has no bits ${hex(value & ~MXCSR_BITS)}.`);
  cpu.state.setU32(L.MXCSR, Number(value));
}

function setVector(bits: number): (cpu: Cpu, number: number, value: bigint) => void {
  return (cpu, number, value) => {
    const at = L.VECTOR + L.VECTOR_BYTES * number;
    for (let word = 0; word < bits / 64; word++) cpu.state.setU64(at + 8 * word, BigInt.asUintN(64, value >> BigInt(64 * word)));
  };
}

function setStackRegister(cpu: Cpu, number: number, value: bigint): void {
  const fpu = fpuOf(cpu);
  fpu.setEncoding(fpu.physical(number), Number(value >> 64n), low32(value >> 32n), low32(value));
}

function setMmx(cpu: Cpu, number: number, value: bigint): void {
  const fpu = fpuOf(cpu);
  fpu.setEncoding(number, fpu.signExponent(number), low32(value >> 32n), low32(value));
}

/** Of the full tag word only 'empty' counts; the other tags follow from the contents. */
function setTagWord(cpu: Cpu, value: bigint): void {
  const full = Number(value);
  fpuOf(cpu).tagWord = Array.from({ length: 8 }, (_, i) => (((full >> (2 * i)) & 3) === 3 ? 0 : 1 << i)).reduce((all, bit) => all | bit, 0);
}

/** After a change of the control or status word. */
const withSummary = (change: (fpu: ReturnType<typeof fpuOf>, value: number) => void): Write => (cpu, value) => {
  const fpu = fpuOf(cpu);
  change(fpu, Number(value));
  fpu.updateSummary();
};

const WRITES: ReadonlyMap<string, Write> = new Map<string, Write>([
  ...numbered(GENERAL_NAMES, (cpu, number, value) => cpu.state.setReg(number, Number(value))),
  ...numbered(LONG_NAMES, (cpu, number, value) => cpu.state.setReg64(number, value)),
  ['eip', setInstructionPointer],
  ['rip', setInstructionPointer],
  ['eflags', setFlags],
  ['rflags', setFlags],
  ['cr0', setCr0],
  ...[2, 3, 4, 8].map((number): [string, Write] => [`cr${number}`, (cpu, value) => writeControlRegister(cpu, number, value)]),
  ['efer', (cpu, value) => writeMsr(cpu, IA32_EFER, value)],
  ['xcr0', writeXcr0],
  ['pkru', (cpu, value) => {
    cpu.state.setU32(L.PKRU, Number(value));
    cpu.updatePaging();
  }],
  ['gdtr.base', (cpu, value) => cpu.state.setU64(L.GDTR_BASE, canonical(cpu, value))],
  ['gdtr.limit', (cpu, value) => cpu.state.setU32(L.GDTR_LIMIT, Number(value))],
  ['idtr.base', (cpu, value) => cpu.state.setU64(L.IDTR_BASE, canonical(cpu, value))],
  ['idtr.limit', (cpu, value) => cpu.state.setU32(L.IDTR_LIMIT, Number(value))],
  ...numbered(names('dr', 8), writeDebugRegister),
  ...numbered(names('st', 8), setStackRegister),
  ...numbered(names('mm', 8), setMmx),
  ['fcw', withSummary((fpu, value) => { fpu.controlWord = value; })],
  ['fsw', withSummary((fpu, value) => { fpu.statusWord = value; })],
  ['ftw', setTagWord],
  ['fop', (cpu, value) => { fpuOf(cpu).lastOpcode = Number(value); }],
  ['fcs', (cpu, value) => { fpuOf(cpu).instructionSelector = Number(value); }],
  ['fip', (cpu, value) => { fpuOf(cpu).instructionPointer = value; }],
  ['fds', (cpu, value) => { fpuOf(cpu).dataSelector = Number(value); }],
  ['fdp', (cpu, value) => { fpuOf(cpu).dataPointer = value; }],
  ...numbered(names('xmm', 16), setVector(128)),
  ...numbered(names('ymm', 16), setVector(256)),
  ['mxcsr', setMxcsr],
]);

function setSegment(cpu: Cpu, segment: number, selector: number): void {
  if (segment === L.LDTR || segment === L.TR) throw refused('LDTR and TR are set by instructions alone: let the guest execute LLDT or LTR.');
  if (segment === L.CS && cpu.state.descriptorMode) {
    throw refused('CS cannot be loaded alone in protected mode: let the guest make a far jump.');
  }
  loadSegment(cpu, segment, selector);
}

/** Long mode keeps the bases of FS and GS as addresses of their own (Intel SDM vol. 3, 3.4.4). */
function setBase(cpu: Cpu, name: string, value: bigint): void {
  if (!cpu.state.longMode) throw refused(`${name} follows from the selector outside long mode: set ${name.slice(0, 2)}.`);
  writeMsr(cpu, name === 'fs.base' ? IA32_FS_BASE : IA32_GS_BASE, value);
}

function listed(view: CpuState, name: string): RegisterValue | undefined {
  const groups = [view.general, [view.flags], view.control, view.debug, view.x87, view.vector, view.msrs];
  return groups.flat().find((register) => register.name === name);
}

function set(cpu: Cpu, name: string, value: bigint): void {
  const fits = (bits: number): bigint => {
    if (value < 0n || value >> BigInt(bits)) throw refused(`${name} has ${bits} bits: ${value < 0n ? value.toString() : hex(value)} does not fit.`);
    return value;
  };
  const segment = SEGMENT_NAMES.findIndex((each) => each === name);
  if (segment >= 0) return setSegment(cpu, segment, Number(fits(16)));
  if (name === 'fs.base' || name === 'gs.base') return setBase(cpu, name, fits(64));
  const register = listed(cpuView(cpu), name);
  if (!register) throw refused(`There is no register '${name}' here that can be set.`);
  if (register.readOnly) throw refused(`${name} is read-only.`);
  const write = WRITES.get(name);
  if (write) return write(cpu, fits(register.bits));
  const msr = listMsrs(cpu).find((each) => each.name.toLowerCase() === name);
  if (!msr) throw refused(`There is no way to set ${name}.`);
  writeMsr(cpu, msr.number, fits(64));
}

/**
 * Sets a register of the CPU whose turn it is. The machine must stand.
 * @param name as the inspection lists it, in any case; segment registers by their selector, and `fs.base` and `gs.base`
 * @param value unsigned
 * @throws MachineError when there is no such register, or it cannot take the value
 */
export function setRegister(cpu: Cpu, name: string, value: bigint): void {
  const lower = name.toLowerCase();
  try {
    set(cpu, lower, value);
  } catch (reason) {
    if (!(reason instanceof GuestFault)) throw reason;
    throw refused(`The processor refuses ${lower} = ${hex(value)}: loading it raises ${vectorName(reason.vector)}.`);
  }
  cpu.changedContext();
}
