/** A recorded run as a file: JSON, with the bytes of what came in (serial input, frames, answers, entropy) in base 64. */
import type { MachineInput } from '../../monitor/devices/device';
import type { ImageFile } from '../../monitor/machine/images';
import type { LoggedInput, Recording } from '../../monitor/machine/session';
import { LoadError } from '../../monitor/firmware/platform';

const FORMAT = 'shadowbox-recording-1';

function encodeInput(input: MachineInput): unknown {
  return 'bytes' in input ? { ...input, bytes: Buffer.from(input.bytes).toString('base64') } : input;
}

/** The text of a recording's file. */
export function encodeRecording({ inputs, retired, time }: Recording): string {
  const encoded = inputs.map((logged) => ({ ...logged, input: encodeInput(logged.input) }));
  return `${JSON.stringify({ format: FORMAT, retired, time, inputs: encoded }, undefined, 1)}\n`;
}

/** What is wrong with a recording, as the end of a sentence. */
export class WrongRecording extends Error {}

export function record(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new WrongRecording(`${where} is no object`);
  return { ...value };
}

export function count(value: unknown, where: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new WrongRecording(`${where} is no count`);
  return value;
}

function steps(value: unknown, where: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new WrongRecording(`${where} is no whole number`);
  return value;
}

/** An input; its bytes are base 64 or bytes already. */
export function decodeInput(value: unknown, where: string): MachineInput {
  const { kind, port, bytes, code, down, up, drive, image, dx, dy, wheel, buttons, space, address, size, value: written } = record(value, where);
  const read = typeof bytes === 'string' ? new Uint8Array(Buffer.from(bytes, 'base64')) : bytes;
  if ((kind === 'serial' || kind === 'frame' || kind === 'reply') && typeof port === 'string' && read instanceof Uint8Array) return { kind, port, bytes: read };
  if (kind === 'entropy' && read instanceof Uint8Array) return { kind, bytes: read };
  if (kind === 'power-button' || kind === 'reset-button') return { kind };
  if (kind === 'key' && typeof down === 'boolean') return { kind, code: count(code, `${where}.code`), down };
  if (kind === 'media' && typeof drive === 'string' && (typeof image === 'string' || image === null)) return { kind, drive, image };
  if (kind === 'link' && typeof port === 'string' && typeof up === 'boolean') return { kind, port, up };
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

function decodeLogged(value: unknown, index: number): LoggedInput {
  const where = `inputs[${index}]`;
  const { time, retired, events, input } = record(value, where);
  return {
    time: count(time, `${where}.time`),
    retired: count(retired, `${where}.retired`),
    events: count(events, `${where}.events`),
    input: decodeInput(input, `${where}.input`),
  };
}

/**
 * Reads a recording's file.
 * @throws LoadError (field 'replay') when it is none
 */
export function decodeRecording(file: ImageFile): Recording {
  try {
    const { format, retired, time, inputs } = record(JSON.parse(Buffer.from(file.bytes).toString('utf8')), 'the file');
    if (format !== FORMAT) throw new WrongRecording(`its "format" is not "${FORMAT}"`);
    if (!Array.isArray(inputs)) throw new WrongRecording('it has no list "inputs"');
    return { retired: count(retired, 'retired'), time: count(time, 'time'), inputs: inputs.map(decodeLogged) };
  } catch (error) {
    if (!(error instanceof WrongRecording || error instanceof SyntaxError)) throw error;
    throw new LoadError(`${file.path}: it is no recording of a run (${error.message}); record one anew`, 'replay');
  }
}
