/**
 * Devices as the panel sees them: names of places in the tree, addresses in words, what may be written, what has changed.
 */
import type { PanelRequests } from '../../debugger/panelProtocol';
import { answerTo, type Inquiries, type Question } from '../ui/inquiries';
import { hex } from '../ui/numbers';
import { t } from '../ui/words';

export type Device = PanelRequests['shadowbox.devices']['answer']['devices'][number];
export type Block = NonNullable<Device['registers']>['blocks'][number];
export type Register = Block['registers'][number];
export type Field = Register['fields'][number];
export type Interrupts = PanelRequests['shadowbox.interrupts']['answer'];
export type Events = PanelRequests['shadowbox.events']['answer'];

export const DEVICES: Question = { request: 'shadowbox.devices', arguments: {} };
export const INTERRUPTS: Question = { request: 'shadowbox.interrupts', arguments: {} };
export const EVENTS: Question = { request: 'shadowbox.events', arguments: {} };

type DevicesAnswer = PanelRequests['shadowbox.devices']['answer'];

export function devicesOf(inquiries: Inquiries): readonly Device[] | undefined {
  return (answerTo(inquiries, DEVICES)?.body as DevicesAnswer | undefined)?.devices;
}

export function interruptsOf(inquiries: Inquiries): Interrupts | undefined {
  return answerTo(inquiries, INTERRUPTS)?.body as Interrupts | undefined;
}

export function eventsOf(inquiries: Inquiries): Events | undefined {
  return answerTo(inquiries, EVENTS)?.body as Events | undefined;
}

/** A register's place: names of device, block and register. None of them has a slash in it. */
export function keyOf(...names: readonly string[]): string {
  return names.map((name) => name.replaceAll('/', '|')).join('/');
}

export interface Place {
  readonly device: Device;
  readonly block: Block;
  readonly register: Register;
}

/** All registers with their keys. */
export function registersOf(devices: readonly Device[]): ReadonlyMap<string, Place> {
  const found = new Map<string, Place>();
  for (const device of devices) {
    for (const block of device.registers?.blocks ?? []) {
      for (const register of block.registers) found.set(keyOf(device.name, block.name, register.name), { device, block, register });
    }
  }
  return found;
}

/** Values at the stop before the present one, for those registers that have another one now. */
export function changedValues(inquiries: Inquiries): ReadonlyMap<string, number | undefined> {
  const answer = answerTo(inquiries, DEVICES);
  const before = answer?.before as DevicesAnswer | undefined;
  const changed = new Map<string, number | undefined>();
  if (before === undefined || before === answer?.body) return changed;
  const old = registersOf(before.devices);
  for (const [key, { register }] of registersOf(devicesOf(inquiries) ?? [])) {
    const was = old.get(key);
    if (was !== undefined && was.register.value !== register.value) changed.set(key, was.register.value);
  }
  return changed;
}

/** A value with as many hexadecimal digits as its register has room for. */
export function valueText(value: number | undefined, bytes: number): string {
  return value === undefined ? '—' : `0x${hex(value, 2 * bytes)}`;
}

/** Bits of a field as a data sheet writes them: '7', '6:5'. */
export function bitsText({ low, bits }: Field): string {
  return bits === 1 ? String(low) : `${low + bits - 1}:${low}`;
}

/** Where a register is, in words: 'port 43', 'memory fee00020', 'config 00:03.0 +04', 'index 0b'. */
export function placeText({ device, block, register }: Place): string {
  const { space, base } = block;
  switch (space) {
    case 'port': return base === 0 ? t('+{0} of its ports', hex(register.at, 2)) : t('port {0}', hex(base + register.at, 3));
    case 'memory': return base === 0 ? t('+{0} of its memory', hex(register.at, 3)) : t('memory {0}', hex(base + register.at, 8));
    case 'configuration': return device.name === 'pci' ? t('config 00:{0}.{1} +{2}', hex(base >>> 11, 2), (base >>> 8) & 7, hex(register.at, 2)) : t('config +{0}', hex(register.at, 2));
    case 'index': return t('index {0}', hex(register.at, 2));
  }
}

/** How a register can be written from outside, or why it cannot. */
export type Writing = { readonly address: number } | { readonly refusal: string };

export function writingOf({ device, block, register }: Place): Writing {
  if (register.access === 'read-only') return { refusal: t('The register is read-only.') };
  if (block.space === 'index') return { refusal: t('The register is behind an index register: write that one, and then its data register.') };
  if (block.space === 'configuration') {
    return device.name === 'pci' ? { address: block.base + register.at } : { refusal: t('Configuration space is written in the device \'pci\'.') };
  }
  if (block.base === 0) return { refusal: t('A base address register says where it is: see the device\'s configuration space.') };
  const sharesPlace = device.registers?.blocks.some((other) => other !== block && other.space === block.space && other.base === block.base) ?? false;
  if (sharesPlace && device.name === 'apic') return { refusal: t('Each processor has its own at this address: only it can write it.') };
  return { address: block.base + register.at };
}

/** Why one field of a register cannot be written alone; undefined where the others can be written as they are. */
export function fieldRefusal({ access, value }: Register): string | undefined {
  return access === 'read-write' && value !== undefined ? undefined : t('Its bits cannot be written one by one: a write of the others does something, too. Write the register as a whole (F2).');
}

/** A register's value with another one in one of its fields. Numbers of more than 32 bits have no bit operations. */
export function withField(value: number, { low, bits }: Field, part: number): number {
  const mask = (1n << BigInt(bits)) - 1n << BigInt(low);
  return Number((BigInt(value) & ~mask) | BigInt(part) << BigInt(low));
}

/** The number that a person has typed: 0x1f, 1fh, 0b101, or decimal digits; undefined for anything else, or what has no room in so many bits. */
export function parseValue(text: string, bits: number): number | undefined {
  const plain = text.trim().toLowerCase();
  const value = /^0x[0-9a-f]+$/.test(plain) || /^0b[01]+$/.test(plain) || /^\d+$/.test(plain) ? Number(plain)
    : /^[0-9a-f]+h$/.test(plain) ? parseInt(plain, 16) : NaN;
  return Number.isSafeInteger(value) && value < 2 ** bits ? value : undefined;
}
