/** What came into a machine, and what a debugger changed, as two sections of a recording: JSON, and the bytes that it points into. */
import type { MachineInput } from '../../../monitor/devices/device';
import type { Bookmark, Edit, LoggedEdit, LoggedInput, MemorySpace, RunRecord } from '../../../monitor/machine/session';
import { count, decodeInput, list, position, record, text, WrongRecording } from './fields';

/** Collects bytes; gives each piece's place. */
class Bytes {
  readonly pieces: Uint8Array[] = [];
  private end = 0;

  add(bytes: Uint8Array): readonly [at: number, count: number] {
    this.pieces.push(bytes);
    const at = this.end;
    this.end += bytes.length;
    return [at, bytes.length];
  }
}

/** The two sections. */
export function encodeRun({ inputs, edits, end, bookmarks, stood }: RunRecord): { readonly log: string; readonly bytes: readonly Uint8Array[] } {
  const bytes = new Bytes();
  const input = (value: MachineInput): unknown => ('bytes' in value ? { ...value, bytes: bytes.add(value.bytes) } : value);
  const edit = (value: Edit): unknown => (value.kind === 'memory'
    ? { ...value, address: value.address.toString(), bytes: bytes.add(value.bytes) } : { ...value, value: value.value.toString() });
  const log = JSON.stringify({
    end, stood, bookmarks,
    inputs: inputs.map((logged) => ({ ...logged, input: input(logged.input) })),
    edits: edits.map((logged) => ({ at: logged.at, edit: edit(logged.edit) })),
  });
  return { log, bytes: bytes.pieces };
}

function big(value: unknown, where: string): bigint {
  if (typeof value !== 'string' || !/^-?\d+$/.test(value)) throw new WrongRecording(`${where} is no number`);
  return BigInt(value);
}

function memorySpace(value: unknown, where: string): MemorySpace {
  const { kind, cpu, cr3 } = record(value, where);
  if (kind === 'physical') return { kind };
  if (kind === 'linearUnder') return { kind, cr3: count(cr3, `${where}.cr3`) };
  if (kind === 'linear') return { kind, ...(cpu === undefined ? {} : { cpu: count(cpu, `${where}.cpu`) }) };
  throw new WrongRecording(`${where} is no memory`);
}

/** @throws WrongRecording that says where */
export function decodeRun(log: string, bytes: Uint8Array): RunRecord {
  const piece = (value: unknown, where: string): Uint8Array => {
    const [at, size] = list(value, where).map((each) => count(each, where));
    if (at === undefined || size === undefined || at + size > bytes.length) throw new WrongRecording(`${where} lies outside`);
    return bytes.slice(at, at + size);
  };
  const { inputs, edits, end, stood, bookmarks } = record(JSON.parse(log), 'the log');
  const last = position(end, 'end');
  const standing = record(stood, 'stood');
  return {
    inputs: list(inputs, 'inputs').map((each, index): LoggedInput => {
      const where = `inputs[${index}]`;
      const { time, retired, events, input } = record(each, where);
      const fields = record(input, `${where}.input`);
      const whole = 'bytes' in fields ? { ...fields, bytes: piece(fields.bytes, `${where}.bytes`) } : fields;
      return { time: count(time, where), retired: count(retired, where), events: count(events, where), input: decodeInput(whole, `${where}.input`) };
    }),
    edits: list(edits, 'edits').map((each, index): LoggedEdit => {
      const where = `edits[${index}]`;
      const { at, edit } = record(each, where);
      const fields = record(edit, where);
      return { at: position(at, `${where}.at`), edit: decodeEdit(fields, where, piece) };
    }),
    end: last, retired: last.retired, time: last.time,
    stood: { position: position(standing.position, 'stood'), hash: text(standing.hash, 'stood.hash') },
    bookmarks: list(bookmarks, 'bookmarks').map((each, index): Bookmark => {
      const fields = record(each, `bookmarks[${index}]`);
      return { name: text(fields.name, `bookmarks[${index}].name`), position: position(fields.position, `bookmarks[${index}]`) };
    }),
  };
}

function decodeEdit(fields: Readonly<Record<string, unknown>>, where: string, piece: (value: unknown, where: string) => Uint8Array): Edit {
  if (fields.kind === 'memory') {
    return { kind: 'memory', space: memorySpace(fields.space, where), address: big(fields.address, where), bytes: piece(fields.bytes, where) };
  }
  if (fields.kind !== 'register') throw new WrongRecording(`${where} is no change that is known`);
  return {
    kind: 'register', name: text(fields.name, where), value: big(fields.value, where), ...(fields.cpu === undefined ? {} : { cpu: count(fields.cpu, where) }),
  };
}
