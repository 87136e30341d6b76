/**
 * The registers of a local APIC: where they lie, who may read and write them, and which bits exist; and reading them.
 *
 * Source: Intel SDM vol. 3, table 11-1 (memory-mapped) and table 11-6 (x2APIC). A register's number is its offset
 * in the page divided by 16, which is also its MSR's distance from 800h.
 */
import {
  APIC_VERSION, LVT, arbitrationPriority, definedLvtBits, logicalDestinationRegister, processorPriority,
  type LocalApicState,
} from './local-apic';
import { currentCount, type TimerMoment } from './local-apic-timer';

export const APIC_REGISTER = {
  id: 0x02, version: 0x03, taskPriority: 0x08, arbitrationPriority: 0x09, processorPriority: 0x0a, endOfInterrupt: 0x0b,
  logicalDestination: 0x0d, destinationFormat: 0x0e, spurious: 0x0f, inService: 0x10, triggerModes: 0x18, requests: 0x20,
  errorStatus: 0x28, commandLow: 0x30, commandHigh: 0x31, firstLocalVector: 0x32, initialCount: 0x38, currentCount: 0x39,
  divide: 0x3e, selfInterrupt: 0x3f,
} as const;

type Access = '' | 'r' | 'w' | 'rw';

export interface ApicRegister {
  readonly number: number;
  readonly name: string;
  readonly xapic: Access;
  readonly x2apic: Access;
  /** Bits that exist. In x2APIC mode setting another one is a general protection fault. */
  readonly bits: number;
}

const ALL = 0xffffffff;

function words(number: number, name: string): ApicRegister[] {
  return Array.from({ length: 8 }, (_, index) => ({
    number: number + index, name: `${name}${index}`, xapic: 'r', x2apic: 'r', bits: ALL,
  }));
}

function localVectors(): ApicRegister[] {
  return Object.entries(LVT).map(([name, entry]) => ({
    number: APIC_REGISTER.firstLocalVector + entry, name: `LVT ${name}`, xapic: 'rw', x2apic: 'rw',
    bits: definedLvtBits(entry),
  }));
}

export const APIC_REGISTERS: readonly ApicRegister[] = [
  { number: APIC_REGISTER.id, name: 'ID', xapic: 'r', x2apic: 'r', bits: ALL },
  { number: APIC_REGISTER.version, name: 'version', xapic: 'r', x2apic: 'r', bits: ALL },
  { number: APIC_REGISTER.taskPriority, name: 'TPR', xapic: 'rw', x2apic: 'rw', bits: 0xff },
  { number: APIC_REGISTER.arbitrationPriority, name: 'APR', xapic: 'r', x2apic: '', bits: 0xff },
  { number: APIC_REGISTER.processorPriority, name: 'PPR', xapic: 'r', x2apic: 'r', bits: 0xff },
  { number: APIC_REGISTER.endOfInterrupt, name: 'EOI', xapic: 'w', x2apic: 'w', bits: 0 },
  { number: APIC_REGISTER.logicalDestination, name: 'LDR', xapic: 'rw', x2apic: 'r', bits: 0xff000000 },
  { number: APIC_REGISTER.destinationFormat, name: 'DFR', xapic: 'rw', x2apic: '', bits: 0xf0000000 },
  { number: APIC_REGISTER.spurious, name: 'SVR', xapic: 'rw', x2apic: 'rw', bits: 0x1ff },
  ...words(APIC_REGISTER.inService, 'ISR'),
  ...words(APIC_REGISTER.triggerModes, 'TMR'),
  ...words(APIC_REGISTER.requests, 'IRR'),
  { number: APIC_REGISTER.errorStatus, name: 'ESR', xapic: 'rw', x2apic: 'rw', bits: 0 },
  { number: APIC_REGISTER.commandLow, name: 'ICR', xapic: 'rw', x2apic: 'rw', bits: 0x000ccfff },
  { number: APIC_REGISTER.commandHigh, name: 'ICR2', xapic: 'rw', x2apic: '', bits: 0xff000000 },
  ...localVectors(),
  { number: APIC_REGISTER.initialCount, name: 'initial count', xapic: 'rw', x2apic: 'rw', bits: ALL },
  { number: APIC_REGISTER.currentCount, name: 'current count', xapic: 'r', x2apic: 'r', bits: ALL },
  { number: APIC_REGISTER.divide, name: 'divide configuration', xapic: 'rw', x2apic: 'rw', bits: 0xb },
  { number: APIC_REGISTER.selfInterrupt, name: 'self IPI', xapic: '', x2apic: 'w', bits: 0xff },
];

const BY_NUMBER: ReadonlyMap<number, ApicRegister> = new Map(
  APIC_REGISTERS.map((register) => [register.number, register]),
);

/** The register of this number that may be accessed so in this mode; undefined when there is none. */
export function accessibleRegister(
  number: number, mode: 'xapic' | 'x2apic', access: 'r' | 'w',
): ApicRegister | undefined {
  const register = BY_NUMBER.get(number);
  return register?.[mode].includes(access) === true ? register : undefined;
}

/** Whether software may touch this number at all in xAPIC mode; what is reserved is an error in the ESR. */
export function isReserved(number: number): boolean {
  return (BY_NUMBER.get(number)?.xapic ?? '') === '';
}

/** A register's value, 32 bits. The timer must have been settled; what cannot be read gives 0. */
export function readApicRegister(apic: LocalApicState, number: number, moment: TimerMoment): number {
  if (number >= APIC_REGISTER.firstLocalVector && number < APIC_REGISTER.initialCount) {
    return apic.localVectors[number - APIC_REGISTER.firstLocalVector];
  }
  if (number >= APIC_REGISTER.inService && number < APIC_REGISTER.errorStatus) return readBits(apic, number);
  switch (number) {
    case APIC_REGISTER.id:
      return apic.mode === 'x2apic' ? apic.id : (apic.id << 24) >>> 0;
    case APIC_REGISTER.version:
      return APIC_VERSION;
    case APIC_REGISTER.taskPriority:
      return apic.taskPriority;
    case APIC_REGISTER.arbitrationPriority:
      return arbitrationPriority(apic);
    case APIC_REGISTER.processorPriority:
      return processorPriority(apic);
    case APIC_REGISTER.logicalDestination:
      return logicalDestinationRegister(apic);
    case APIC_REGISTER.destinationFormat:
      return ((apic.destinationFormat << 28) | 0x0fffffff) >>> 0;
    case APIC_REGISTER.spurious:
      return apic.spurious;
    case APIC_REGISTER.errorStatus:
      return apic.errorStatus;
    case APIC_REGISTER.commandLow:
      return apic.commandLow;
    case APIC_REGISTER.commandHigh:
      return apic.commandHigh;
    case APIC_REGISTER.initialCount:
      return apic.timer.initial;
    case APIC_REGISTER.currentCount:
      return currentCount(apic.timer, moment);
    case APIC_REGISTER.divide:
      return apic.timer.divide;
    default:
      return 0;
  }
}

/** ISR, TMR and IRR: eight words each. */
function readBits(apic: LocalApicState, number: number): number {
  if (number >= APIC_REGISTER.requests) return apic.requests[number - APIC_REGISTER.requests];
  if (number >= APIC_REGISTER.triggerModes) return apic.triggerModes[number - APIC_REGISTER.triggerModes];
  return apic.inService[number - APIC_REGISTER.inService];
}
