/**
 * Registers read by name, for conditions: those that conditions ask for all the time straight from the state block, all others as the
 * inspection lists them. Nothing here has an effect on the guest.
 */
import type { Cpu } from '../cpu/cpu';
import * as L from '../cpu/layout';
import { CR4, EFER } from '../cpu/state';
import { SEGMENT_NAMES, cpuView } from '../inspection/cpuView';
import * as F from '../inspection/registerFields';
import { GENERAL_NAMES, LONG_NAMES } from '../inspection/registerView';

/** Reads a register; undefined where the processor does not have it now. */
export type RegisterRead = (cpu: Cpu) => bigint | undefined;

const word = (offset: number): RegisterRead => ({ state }) => BigInt(state.u32(offset));
const wide = (offset: number): RegisterRead => ({ state }) => state.u64(offset);

const DIRECT: ReadonlyMap<string, RegisterRead> = new Map<string, RegisterRead>([
  ...GENERAL_NAMES.map((name, i): [string, RegisterRead] => [name, word(L.REG + 8 * i)]),
  ...LONG_NAMES.map((name, i): [string, RegisterRead] => [name, wide(L.REG + 8 * i)]),
  ['eip', wide(L.EIP)],
  ['rip', wide(L.EIP)],
  ...['eflags', 'rflags'].map((name): [string, RegisterRead] => [name, ({ state }) => BigInt(state.flags >>> 0)]),
  ['cr0', word(L.CR0)],
  ['cr2', wide(L.CR2)],
  ['cr3', wide(L.CR3)],
  ['cr4', word(L.CR4)],
  ['efer', wide(L.EFER)],
  ...SEGMENT_NAMES.flatMap((name, i): [string, RegisterRead][] => [
    [name, ({ state }) => BigInt(state.selector(i))],
    [`${name}.base`, ({ state }) => BigInt.asUintN(64, state.exactAddress(state.base(i)))],
    [`${name}.limit`, ({ state }) => BigInt(state.limit(i))],
    [`${name}.attributes`, ({ state }) => BigInt(state.attributes(i))],
  ]),
  ...[0, 1, 2, 3, 6, 7].map((i): [string, RegisterRead] => [`dr${i}`, wide(L.DR + 8 * i)]),
]);

/** Fields of the registers that are read directly, in lower case. */
function fieldTable(register: string, cpu: Cpu): F.FieldTable {
  switch (register) {
    case 'eflags':
    case 'rflags': return F.FLAG_FIELDS;
    case 'cr0': return F.CR0_FIELDS;
    case 'cr4': return F.CR4_FIELDS;
    case 'efer': return F.EFER_FIELDS;
    case 'cr3': return !(cpu.state.efer & EFER.LMA) ? F.CR3_FIELDS : cpu.state.cr4 & CR4.PCIDE ? F.CR3_PCID_FIELDS : F.CR3_LONG_FIELDS;
    case 'dr6': return F.DR6_FIELDS;
    case 'dr7': return F.DR7_FIELDS;
    default: return [];
  }
}

const fieldOf = (table: F.FieldTable, field: string): F.FieldTable[number] | undefined => table.find(([name]) => name.toLowerCase() === field);

/** A register, or a field of one, as the inspection lists them now: of all groups. */
function listed(name: string): RegisterRead {
  return (cpu) => {
    const view = cpuView(cpu);
    const registers = [view.general, [view.flags], view.control, view.debug, view.x87, view.vector, view.msrs].flat();
    const whole = registers.find((register) => register.name === name);
    if (whole) return whole.value;
    const dot = name.lastIndexOf('.');
    const field = registers.find((register) => register.name === name.slice(0, dot))?.fields?.find((each) => each.name.toLowerCase() === name.slice(dot + 1));
    return field && BigInt(field.value);
  };
}

/** Names that other processors or modes have. */
const LATER = /^(?:r(?:1[0-5]|[89])|[xy]mm(?:1[0-5]|[0-9])|st[0-7]|mm[0-7]|cr8|xcr0|pkru|mxcsr|f(?:cw|sw|tw|op|cs|ip|ds|dp)|[gi]dtr\.(?:base|limit))(?:\.[a-z0-9]+)?$/u;

/** How a register is read by its name, in any case; undefined for a name that there is not. */
export function registerRead(cpu: Cpu, name: string): RegisterRead | undefined {
  const lower = name.toLowerCase();
  const direct = DIRECT.get(lower);
  if (direct) return direct;
  const dot = lower.lastIndexOf('.');
  const register = lower.slice(0, Math.max(dot, 0));
  const whole = DIRECT.get(register);
  if (whole && fieldOf(fieldTable(register, cpu), lower.slice(dot + 1))) {
    return (now) => {
      const field = fieldOf(fieldTable(register, now), lower.slice(dot + 1));
      return field && BigInt.asUintN(field[2], (whole(now) ?? 0n) >> BigInt(field[1]));
    };
  }
  const read = listed(lower);
  return read(cpu) !== undefined || LATER.test(lower) ? read : undefined;
}
