/**
 * The interrupt system as a table: a row for each line, with who raises it, what the 8259 pair and the I/O APIC make of it, and which
 * processors have it. Only looks.
 *
 * Source: 8259A (231468) and 82093AA (290566) data sheets; MultiProcessor Specification 1.4, 3.6.2, for how lines lead to inputs.
 */
import type { InterruptLineView, InterruptWiring, IoApicLineView, LocalApicView, PicLineView } from '../inspection/queries';
import { DELIVERY } from './apic-message';
import { PLATFORM } from './device';
import { IO_APIC_INPUTS, type IoApicState } from './io-apic';
import type { LocalApicState } from './local-apic';
import { pirqOf } from './interrupt-router';
import { CONFIG_REGISTER, type PciFunction } from './pciFunction';
import { inputAhead, requests, type PicState } from './pic';

/** What the table is read off. */
export interface InterruptSources {
  readonly pic: PicState;
  readonly ioApic: IoApicState;
  readonly apics: readonly LocalApicState[];
  /** ISA lines that their devices hold up, a bit each, and the PCI slots that assert each PIRQ, a bit each. */
  readonly isa: number;
  readonly pirqs: readonly number[];
  /** The ISA line that a PIRQ is steered to; undefined for none. */
  readonly steering: readonly (number | undefined)[];
  /** PCI functions that have an interrupt pin, and the PIRQ that it is wired to. */
  readonly functions: readonly { readonly name: string; readonly pirq: number }[];
  /** Whether there is an HPET, which may stand in for the timer and the clock. */
  readonly hasHpet: boolean;
}

const ISA_LINES = 16;
const CASCADE = 2;
/** Who is on the ISA lines of this board. */
const ISA_DEVICES: readonly (readonly string[])[] = [
  ['pit'], ['keyboard'], [], ['com2', 'com4'], ['com1', 'com3'], [], ['fdc'], [], ['rtc'], ['acpi-pm'], [], [], ['mouse'], [], ['ata0'], ['ata1'],
];
const DELIVERY_NAMES: Readonly<Record<number, string>> = {
  [DELIVERY.fixed]: 'fixed', [DELIVERY.lowestPriority]: 'lowest priority', [DELIVERY.smi]: 'SMI', [DELIVERY.nmi]: 'NMI', [DELIVERY.init]: 'INIT',
  [DELIVERY.external]: 'ExtINT',
};

function vectorsIn(words: Uint32Array): number[] {
  const vectors: number[] = [];
  for (let vector = 0; vector < 256; vector++) if (((words[vector >>> 5] >>> (vector & 31)) & 1) !== 0) vectors.push(vector);
  return vectors;
}

function apicView(apic: LocalApicState, cpu: number): LocalApicView {
  return {
    cpu, mode: apic.mode, taskPriority: apic.taskPriority, requested: vectorsIn(apic.requests), inService: vectorsIn(apic.inService),
    external: apic.externalRequest || (apic.localInputs[0] && (apic.localVectors[3] & 0x10700) === DELIVERY.external << 8),
  };
}

/** The ISA line in service that holds this one back: one of its own chip, or one of the master that is ahead of the slave. */
function lineAhead(master: PicState['master'], slave: PicState['slave'], line: number): number | undefined {
  if (line < 8) return inputAhead(master, line);
  const ahead = inputAhead(slave, line - 8);
  return ahead === undefined ? inputAhead(master, CASCADE) : ahead + 8;
}

function picView({ master, slave }: PicState, line: number): PicLineView {
  const chip = line < 8 ? master : slave;
  const input = line & 7;
  const bit = 1 << input;
  const behind = lineAhead(master, slave, line);
  return {
    ...(behind === undefined ? {} : { behind }), ...(line >= 8 && (master.imr & (1 << CASCADE)) !== 0 ? { cascadeMasked: true } : {}),
    requested: (requests(chip) & bit) !== 0, masked: (chip.imr & bit) !== 0, inService: (chip.isr & bit) !== 0,
    levelTriggered: chip.allLevel || (chip.elcr & bit) !== 0, vector: (chip.vectorBase & 0xf8) | input,
  };
}

/** The input of the I/O APIC that a line leads to: the timer's is another one, and the cascade's has the 8259 pair's output. */
function inputOf(line: number): number {
  if (line === 0) return PLATFORM.timerInput;
  return line === CASCADE ? 0 : line;
}

/** Redirection entry, low half: delivery in bits 8-10, 11 logical, 12 not taken yet, 13 active low, 14 remote IRR, 15 level, 16 masked. */
function ioApicView({ low, high }: IoApicState, input: number): IoApicLineView {
  const entry = low[input];
  const has = (bit: number) => (entry & (1 << bit)) !== 0;
  return {
    input, masked: has(16), levelTriggered: has(15), activeLow: has(13), pending: has(14) || has(12), vector: entry & 0xff,
    delivery: DELIVERY_NAMES[(entry >>> 8) & 7] ?? 'reserved', destination: high[input] >>> 24, logical: has(11),
  };
}

function devicesOn(line: number, { steering, functions, hasHpet }: InterruptSources): string[] {
  if (line === CASCADE) return ['8259 pair'];
  if (line >= ISA_LINES) return functions.filter(({ pirq }) => line === PLATFORM.firstPirqInput + pirq).map(({ name }) => name);
  const own = [...ISA_DEVICES[line], ...(hasHpet && (line === 0 || line === 8) ? ['hpet'] : [])];
  return [...own, ...functions.filter(({ pirq }) => steering[pirq] === line).map(({ name }) => name)];
}

function isRaised(line: number, { isa, pirqs, steering, pic }: InterruptSources): boolean {
  if (line === CASCADE) return pic.intr;
  if (line >= ISA_LINES) return (pirqs[line - PLATFORM.firstPirqInput] ?? 0) !== 0;
  return (isa & (1 << line)) !== 0 || pirqs.some((asserting, pirq) => asserting !== 0 && steering[pirq] === line);
}

function sendsVector({ masked, delivery }: IoApicLineView): boolean {
  return !masked && (delivery === DELIVERY_NAMES[DELIVERY.fixed] || delivery === DELIVERY_NAMES[DELIVERY.lowestPriority]);
}

function lineView(line: number, sources: InterruptSources, apics: readonly LocalApicView[]): InterruptLineView {
  const ioApic = ioApicView(sources.ioApic, inputOf(line));
  const having = (which: 'requested' | 'inService') => (sendsVector(ioApic) ? apics.filter((apic) => apic[which].includes(ioApic.vector)).map(({ cpu }) => cpu) : []);
  return {
    line, devices: devicesOn(line, sources), raised: isRaised(line, sources), ...(line < ISA_LINES ? { pic: picView(sources.pic, line) } : {}),
    ioApic, requestedAt: having('requested'), inServiceAt: having('inService'),
  };
}

/**
 * The line whose interrupt comes with a vector, as the controllers are set up: the 8259 pair, or the I/O APIC. Undefined for what processors and
 * their local APICs send, and for messages.
 */
export function lineOfVector({ lines }: InterruptWiring, vector: number, isOfPair: boolean): number | undefined {
  const found = lines.find(({ line, pic, ioApic }) => (
    isOfPair ? line !== CASCADE && pic?.vector === vector : ioApic !== undefined && sendsVector(ioApic) && ioApic.vector === vector
  ));
  return found?.line;
}

/** What a class code says of a function (PCI Local Bus Specification, appendix D). */
const CLASS_NAMES: Readonly<Record<number, string>> = { 1: 'storage', 2: 'network', 3: 'display', 6: 'bridge', 9: 'input', 12: 'serial bus' };

/** The functions that have an interrupt pin, and where it leads. */
export function interruptingFunctions(functions: readonly PciFunction[]): InterruptSources['functions'] {
  return functions.flatMap(({ device, function: number, initial }) => {
    const pin = initial[CONFIG_REGISTER.interruptPin];
    if (pin === 0) return [];
    const what = CLASS_NAMES[initial[CONFIG_REGISTER.revision + 3]];
    return [{ name: `PCI ${String(device)}.${String(number)}${what === undefined ? '' : ` (${what})`}`, pirq: pirqOf(device, pin - 1) }];
  });
}

/** The present picture. */
export function interruptPicture(sources: InterruptSources): InterruptWiring {
  const apics = sources.apics.map(apicView);
  return { apics, lines: Array.from({ length: IO_APIC_INPUTS }, (_, line) => lineView(line, sources, apics)) };
}
