/**
 * One local APIC: its state, and what it does by itself: priorities, requests and services, local vectors, errors.
 * What goes between APICs and to the processors is in apic-bus.ts.
 *
 * Source: Intel SDM vol. 3, chapter 11 (Advanced Programmable Interrupt Controller), of the xAPIC generation
 * (version 14h): no focus processor, no EOI broadcast suppression, no CMCI.
 */
import { DELIVERY, FIRST_LEGAL_VECTOR, x2apicLogicalId } from './apic-message';
import { PLATFORM } from './device';
import { powerOnTimer, type ApicTimerState } from './local-apic-timer';

/** Places of the local vector table. */
export const LVT = { timer: 0, thermal: 1, performance: 2, lint0: 3, lint1: 4, error: 5 } as const;
const LVT_ENTRIES = 6;

/** Version 14h; bits 16-23 are the number of the last local vector. */
export const APIC_VERSION = ((LVT_ENTRIES - 1) << 16) | 0x14;

/** Bits of a local vector table entry (figure 11-8). */
export const LVT_BIT = { remoteIrr: 0x4000, activeLow: 0x2000, level: 0x8000, masked: 0x10000 } as const;

/** Bits of the error status register (figure 11-9) that this generation sets. */
export const APIC_ERROR = { sendIllegalVector: 0x20, receiveIllegalVector: 0x40, illegalRegister: 0x80 } as const;

const SPURIOUS_ENABLE = 0x100;
const WORDS = 8;

export interface LocalApicState {
  /** APIC ID, which is the CPU's index. */
  readonly id: number;
  /** The bootstrap processor, as IA32_APIC_BASE bit 8 tells. */
  bootstrap: boolean;
  mode: 'disabled' | 'xapic' | 'x2apic';
  /** Guest-physical address of the registers, bytes. */
  base: number;
  taskPriority: number;
  /** LDR bits 24-31. */
  logicalDestination: number;
  /** DFR bits 28-31. */
  destinationFormat: number;
  /** Spurious-interrupt vector register, bits 0-8. */
  spurious: number;
  /** 256 bits each: IRR, ISR, TMR. */
  requests: Uint32Array;
  inService: Uint32Array;
  triggerModes: Uint32Array;
  /** ESR as it is read, and the errors since it was last written. */
  errorStatus: number;
  errors: number;
  commandLow: number;
  commandHigh: number;
  /** By LVT. */
  localVectors: number[];
  /** Levels of the inputs LINT0 and LINT1. */
  localInputs: boolean[];
  /** An ExtINT message has come and was not acknowledged yet. */
  externalRequest: boolean;
  timer: ApicTimerState;
  /** Whether an interrupt was pending when the processor was last told. */
  raised: boolean;
}

/** LVT entries after power-on: all masked (11.4.7.1). */
function maskedVectors(): number[] {
  return new Array<number>(LVT_ENTRIES).fill(LVT_BIT.masked);
}

/**
 * Back to the registers of power-on; ID, base address, mode and input levels stay (an INIT, 11.4.7.3).
 *
 * The bootstrap processor comes up in virtual wire mode: LINT0 passes the 8259's interrupts on, LINT1 is NMI
 * (MultiProcessor Specification 1.4, 3.6.2.2). The manual has all entries masked and leaves this to the BIOS;
 * here it holds from the first instruction, for guests that no BIOS has started or that know of no APIC.
 */
export function initialiseApic(apic: LocalApicState): void {
  apic.taskPriority = 0;
  apic.logicalDestination = 0;
  apic.destinationFormat = 0xf;
  apic.spurious = 0xff;
  apic.requests = new Uint32Array(WORDS);
  apic.inService = new Uint32Array(WORDS);
  apic.triggerModes = new Uint32Array(WORDS);
  apic.errorStatus = 0;
  apic.errors = 0;
  apic.commandLow = 0;
  apic.commandHigh = 0;
  apic.localVectors = maskedVectors();
  apic.externalRequest = false;
  apic.timer = powerOnTimer();
  if (!apic.bootstrap) return;
  apic.localVectors[LVT.lint0] = DELIVERY.external << 8;
  apic.localVectors[LVT.lint1] = DELIVERY.nmi << 8;
}

/** A local APIC after power-on. `enabled` is IA32_APIC_BASE bit 11: clear for a CPU model that has no APIC. */
export function powerOnApic(id: number, enabled: boolean): LocalApicState {
  const apic: LocalApicState = {
    id, bootstrap: id === 0, mode: enabled ? 'xapic' : 'disabled', base: PLATFORM.localApic, taskPriority: 0,
    logicalDestination: 0, destinationFormat: 0xf, spurious: 0xff, requests: new Uint32Array(WORDS),
    inService: new Uint32Array(WORDS), triggerModes: new Uint32Array(WORDS), errorStatus: 0, errors: 0, commandLow: 0,
    commandHigh: 0, localVectors: maskedVectors(), localInputs: [false, false], externalRequest: false,
    timer: powerOnTimer(), raised: false,
  };
  initialiseApic(apic);
  return apic;
}

// Vectors as bits.

function hasVector(words: Uint32Array, vector: number): boolean {
  return ((words[vector >>> 5] >>> (vector & 31)) & 1) !== 0;
}

function setVector(words: Uint32Array, vector: number, set: boolean): void {
  const bit = 1 << (vector & 31);
  if (set) words[vector >>> 5] |= bit;
  else words[vector >>> 5] &= ~bit;
}

/** The highest vector in a register of 256 bits, or -1. */
function highestVector(words: Uint32Array): number {
  for (let index = WORDS - 1; index >= 0; index--) {
    if (words[index] !== 0) return index * 32 + 31 - Math.clz32(words[index]);
  }
  return -1;
}

// Priorities (11.8.3).

const classOf = (priority: number): number => priority >> 4;

/** Processor-priority register: the higher class of the task's and of the vector in service. */
export function processorPriority(apic: LocalApicState): number {
  const serviced = Math.max(0, highestVector(apic.inService));
  return classOf(apic.taskPriority) >= classOf(serviced) ? apic.taskPriority : serviced & 0xf0;
}

/** Arbitration-priority register, by which lowest-priority messages find their APIC (11.6.2.4). */
export function arbitrationPriority(apic: LocalApicState): number {
  const requested = classOf(Math.max(0, highestVector(apic.requests)));
  const serviced = classOf(Math.max(0, highestVector(apic.inService)));
  const task = classOf(apic.taskPriority);
  if (task >= requested && task > serviced) return apic.taskPriority;
  return Math.max(task & serviced, requested) << 4;
}

/** The vector that the processor should take now, or -1: the highest request, if its class is above the PPR's. */
function deliverableVector(apic: LocalApicState): number {
  const vector = highestVector(apic.requests);
  return vector >= 0 && classOf(vector) > classOf(processorPriority(apic)) ? vector : -1;
}

/** Whether the 8259's output reaches this processor: through LINT0, or directly when the APIC is switched off (11.4.3). */
function takesExternal(apic: LocalApicState): boolean {
  if (apic.mode === 'disabled') return true;
  const entry = apic.localVectors[LVT.lint0];
  return (entry & LVT_BIT.masked) === 0 && deliveryOf(entry) === DELIVERY.external;
}

/** Whether an interrupt is to be fetched from the 8259 pair. */
export function externalPending(apic: LocalApicState): boolean {
  return apic.externalRequest || (apic.localInputs[0] && takesExternal(apic));
}

/** Whether the processor's INTR is raised. */
export function interruptPending(apic: LocalApicState): boolean {
  return externalPending(apic) || (apic.mode !== 'disabled' && deliverableVector(apic) >= 0);
}

/** Puts the highest request in service and gives its vector; the spurious vector when there is none (11.9). */
export function acknowledgeVector(apic: LocalApicState): number {
  const vector = deliverableVector(apic);
  if (vector < 0) return apic.spurious & 0xff;
  setVector(apic.requests, vector, false);
  setVector(apic.inService, vector, true);
  return vector;
}

/** The vector that `acknowledgeVector` would give. */
export function nextVector(apic: LocalApicState): number {
  const vector = deliverableVector(apic);
  return vector < 0 ? apic.spurious & 0xff : vector;
}

/** Ends the highest service. Gives its vector, and whether the I/O APICs must be told; undefined when there was none. */
export function endService(apic: LocalApicState): { vector: number; levelTriggered: boolean } | undefined {
  const vector = highestVector(apic.inService);
  if (vector < 0) return undefined;
  setVector(apic.inService, vector, false);
  return { vector, levelTriggered: hasVector(apic.triggerModes, vector) };
}

// Requests.

/** Whether fixed and lowest-priority messages are taken: the APIC is on, and enabled by software. */
export function acceptsVectors(apic: LocalApicState): boolean {
  return apic.mode !== 'disabled' && (apic.spurious & SPURIOUS_ENABLE) !== 0;
}

/** Requests a vector. False when it is illegal, which is an error of its own. */
export function requestVector(apic: LocalApicState, vector: number, levelTriggered: boolean): boolean {
  if (vector < FIRST_LEGAL_VECTOR) {
    logError(apic, APIC_ERROR.receiveIllegalVector);
    return false;
  }
  setVector(apic.requests, vector, true);
  setVector(apic.triggerModes, vector, levelTriggered);
  return true;
}

export function isRequested(apic: LocalApicState, vector: number): boolean {
  return hasVector(apic.requests, vector);
}

/** Logs an error; the first one since the ESR was last written raises the error interrupt (11.5.3). */
export function logError(apic: LocalApicState, error: number): void {
  const first = apic.errors === 0;
  apic.errors |= error;
  const entry = apic.localVectors[LVT.error];
  if (first && (entry & LVT_BIT.masked) === 0) requestVector(apic, entry & 0xff, false);
}

/** A write to the ESR: shows what was logged since the last one. */
export function latchErrors(apic: LocalApicState): void {
  apic.errorStatus = apic.errors;
  apic.errors = 0;
}

// Local vectors.

/** Delivery mode of an LVT entry. */
export function deliveryOf(entry: number): number {
  return (entry >> 8) & 7;
}

/** Bits of each LVT entry that software may write. */
const LVT_WRITABLE: readonly number[] = [0x700ff, 0x107ff, 0x107ff, 0x1a7ff, 0x1a7ff, 0x100ff];

/** Bits of an LVT entry that exist: the writable ones, delivery status, and remote IRR of the inputs. */
export function definedLvtBits(entry: number): number {
  return LVT_WRITABLE[entry] | 0x1000 | (entry === LVT.lint0 || entry === LVT.lint1 ? LVT_BIT.remoteIrr : 0);
}

/** Writes an LVT entry. While the APIC is disabled by software the mask stays set (11.4.7.2). */
export function writeLvt(apic: LocalApicState, index: number, value: number): void {
  const kept = apic.localVectors[index] & LVT_BIT.remoteIrr;
  const forced = acceptsVectors(apic) ? 0 : LVT_BIT.masked;
  const level = (value & LVT_BIT.level) !== 0;
  apic.localVectors[index] = (value & LVT_WRITABLE[index]) | forced | (level ? kept : 0);
}

/** Writes the spurious-interrupt vector register; disabling by software masks all local vectors. */
export function writeSpurious(apic: LocalApicState, value: number): void {
  apic.spurious = value & 0x1ff;
  if ((apic.spurious & SPURIOUS_ENABLE) !== 0) return;
  apic.localVectors = apic.localVectors.map((entry) => entry | LVT_BIT.masked);
}

/** Whether an input is active, polarity applied. */
export function isInputActive(apic: LocalApicState, input: number): boolean {
  const activeLow = (apic.localVectors[LVT.lint0 + input] & LVT_BIT.activeLow) !== 0;
  return apic.localInputs[input] !== activeLow;
}

/** LDR as it is read. */
export function logicalDestinationRegister(apic: LocalApicState): number {
  return apic.mode === 'x2apic' ? x2apicLogicalId(apic.id) : (apic.logicalDestination << 24) >>> 0;
}

// IA32_APIC_BASE (11.4.3, 11.4.4, 11.12.1).

const BASE_BIT = { bootstrap: 0x100n, x2apic: 0x400n, enable: 0x800n } as const;
const BASE_ADDRESS = 0xfffffff000n;

/** IA32_APIC_BASE as it is read. */
export function readApicBase(apic: LocalApicState): bigint {
  return (
    BigInt(apic.base) |
    (apic.bootstrap ? BASE_BIT.bootstrap : 0n) |
    (apic.mode === 'x2apic' ? BASE_BIT.x2apic : 0n) |
    (apic.mode === 'disabled' ? 0n : BASE_BIT.enable)
  );
}

function modeOf(value: bigint): LocalApicState['mode'] | undefined {
  if ((value & BASE_BIT.enable) !== 0n) return (value & BASE_BIT.x2apic) === 0n ? 'xapic' : 'x2apic';
  return (value & BASE_BIT.x2apic) === 0n ? 'disabled' : undefined;
}

/** Transitions that figure 11-27 has; staying is always allowed. */
const NEXT_MODES: Readonly<Record<LocalApicState['mode'], readonly LocalApicState['mode'][]>> = {
  disabled: ['disabled', 'xapic'],
  xapic: ['xapic', 'disabled', 'x2apic'],
  x2apic: ['x2apic', 'disabled'],
};

/**
 * Writes IA32_APIC_BASE, 40 physical address bits. Switching off loses all registers. False, with nothing
 * changed, for reserved bits and for a transition that there is not: WRMSR raises #GP(0).
 */
export function writeApicBase(apic: LocalApicState, value: bigint, hasX2apic: boolean): boolean {
  const known = BASE_ADDRESS | BASE_BIT.bootstrap | BASE_BIT.enable | (hasX2apic ? BASE_BIT.x2apic : 0n);
  const mode = modeOf(value);
  if ((value & ~known) !== 0n || mode === undefined || !NEXT_MODES[apic.mode].includes(mode)) return false;
  apic.bootstrap = (value & BASE_BIT.bootstrap) !== 0n;
  apic.base = Number(value & BASE_ADDRESS);
  if (mode === 'disabled' && apic.mode !== 'disabled') {
    initialiseApic(apic);
    apic.localVectors = maskedVectors();
  }
  apic.mode = mode;
  return true;
}
