/** Fields of what was read from a recording, checked: a file may have anything in it. */
import type { MachineInput } from '../../../monitor/devices/device';
import type { Position } from '../../../monitor/machine/session';

/** What is wrong with a recording, as the end of a sentence. */
export class WrongRecording extends Error {}

/** Reading a field: @throws WrongRecording that says where it is not what it should be. */
export function record(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new WrongRecording(`${where} is no object`);
  return { ...value };
}

export function count(value: unknown, where: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new WrongRecording(`${where} is no count`);
  return value;
}

export function list(value: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new WrongRecording(`${where} is no list`);
  return value;
}

export function text(value: unknown, where: string): string {
  if (typeof value !== 'string') throw new WrongRecording(`${where} is no text`);
  return value;
}

function steps(value: unknown, where: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new WrongRecording(`${where} is no whole number`);
  return value;
}

const NUMBERS = ['retired', 'time', 'events', 'inputs', 'edits', 'resets', 'changes', 'deliveries'] as const;

/** A moment. */
export function position(value: unknown, where: string): Position {
  const fields = record(value, where);
  const [retired, time, events, inputs, edits, resets, changes, deliveries] = NUMBERS.map((name) => count(fields[name], `${where}.${name}`));
  return { retired, time, events, inputs, edits, resets, changes, deliveries, repeating: text(fields.repeating, `${where}.repeating`) };
}

/** An input, whose bytes have been found. */
export function decodeInput(value: unknown, where: string): MachineInput {
  const { kind, port, bytes, code, down, up, drive, image, writable, dx, dy, wheel, buttons, space, address, size, value: written, memory } = record(value, where);
  if ((kind === 'serial' || kind === 'frame' || kind === 'reply') && typeof port === 'string' && bytes instanceof Uint8Array) return { kind, port, bytes };
  if (kind === 'entropy' && bytes instanceof Uint8Array) return { kind, bytes };
  if (kind === 'power-button' || kind === 'reset-button') return { kind };
  if (kind === 'key' && typeof down === 'boolean') return { kind, code: count(code, `${where}.code`), down };
  if (kind === 'media' && typeof drive === 'string' && (typeof image === 'string' || image === null)) return { kind, drive, image, ...(writable === true ? { writable } : {}) };
  if (kind === 'link' && typeof port === 'string' && typeof up === 'boolean') return { kind, port, up };
  if (kind === 'balloon') return { kind, memory: count(memory, `${where}.memory`) };
  if (kind === 'mouse') {
    return {
      kind, dx: steps(dx, `${where}.dx`), dy: steps(dy, `${where}.dy`), buttons: count(buttons, `${where}.buttons`),
      ...(wheel === undefined ? {} : { wheel: steps(wheel, `${where}.wheel`) }),
    };
  }
  if (kind === 'register' && (space === 'port' || space === 'memory' || space === 'configuration') && (size === 1 || size === 2 || size === 4)) {
    return { kind, space, address: count(address, `${where}.address`), size, value: count(written, `${where}.value`) };
  }
  throw new WrongRecording(`${where} is no input that is known`);
}
