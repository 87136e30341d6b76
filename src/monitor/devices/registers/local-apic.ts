/** Registers of the local APICs, a block for each (Intel SDM vol. 3, table 11-1), from the table that decodes them. */
import type { DeviceDescription, FieldDescription, RegisterAccess, RegisterBlock } from '../description';
import { PLATFORM } from '../device';
import { APIC_REGISTER, APIC_REGISTERS, type ApicRegister } from '../local-apic-registers';
import { dword, field } from './build';

const LOCAL_VECTOR: readonly FieldDescription[] = [
  field('vector', 0, 'vector', 8), field('delivery', 8, 'delivery mode', 3, { 0: 'fixed', 2: 'SMI', 4: 'NMI', 5: 'INIT', 7: 'ExtINT' }), field('pending', 12, 'waits'),
  field('low', 13, 'active low'), field('remoteIRR', 14, 'is being served'), field('level', 15, 'level triggered'), field('mask', 16, 'masked'),
];
const FIELDS: Readonly<Record<number, readonly FieldDescription[]>> = {
  [APIC_REGISTER.spurious]: [field('vector', 0, 'spurious vector', 8), field('enable', 8, 'the APIC is on')],
  [APIC_REGISTER.taskPriority]: [field('subclass', 0, 'subclass', 4), field('class', 4, 'class', 4)],
  [APIC_REGISTER.divide]: [field('low', 0, 'divider', 2), field('high', 3, 'divider')],
};
/** What follows from more than the last write is not simply kept: priorities, commands, errors, the timer, local vectors. */
const KEPT: readonly number[] = [APIC_REGISTER.taskPriority, APIC_REGISTER.commandHigh, APIC_REGISTER.divide];

function accessOf({ number, xapic }: ApicRegister): RegisterAccess {
  if (xapic === 'r') return 'read-only';
  if (xapic === 'w') return 'write-only';
  return KEPT.includes(number) ? 'read-write' : 'special';
}

function resetOf(number: number, cpu: number): number {
  if (number === APIC_REGISTER.id) return cpu * 0x100_0000;
  return number === APIC_REGISTER.version ? 0x5_0014 : 0;
}

function block(cpu: number): RegisterBlock {
  const registers = APIC_REGISTERS.filter(({ xapic }) => xapic !== '').map((register) => {
    const { number, name, bits } = register;
    const isVector = number >= APIC_REGISTER.firstLocalVector && number < APIC_REGISTER.initialCount;
    const fields = isVector ? LOCAL_VECTOR : FIELDS[number];
    const access = accessOf(register);
    return dword(name, name, number * 16, access, {
      reset: resetOf(number, cpu), ...(access === 'read-write' ? { writable: bits } : {}), ...(fields === undefined ? {} : { fields }),
    });
  });
  return { name: `processor ${String(cpu)}`, space: 'memory', base: PLATFORM.localApic, registers };
}

/** The block of a processor's APIC. Each processor sees its own at the same place. */
export function localApicDescription(cpus: number): DeviceDescription {
  return { title: 'Local APICs', source: 'Intel SDM volume 3, chapter 11', blocks: Array.from({ length: cpus }, (_, cpu) => block(cpu)) };
}
