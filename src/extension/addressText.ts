// Which address a user means by what was clicked: a variable, a watch, or text in an editor.
import { isRecord } from './records';

/** A number as C, NASM and GAS write it, without its suffix for unsigned or long: `0x50000000u`, `7C00h`. */
const C_HEX = /^(0x[0-9a-f]+)[ul]*$/i;
const NASM_HEX = /^([0-9][0-9a-f]*)h$/i;
/** Eight or sixteen digits without a mark, as in dumps, maps and manuals, are an address in hexadecimal. */
const BARE_HEX = /^([0-9a-f]{8}|[0-9a-f]{16})$/i;
/** Other numbers in a source are decimal, which the panel's box would not take them for. */
const DECIMAL = /^[0-9]+$/;

/**
 * The expression for an address that stands in a text: numbers in any of the usual forms as `0x…`, anything else as it is, for the debugger to evaluate. Undefined for empty text.
 */
export function addressExpression(text: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  const c = C_HEX.exec(trimmed);
  if (c !== null) return c[1];
  const digits = NASM_HEX.exec(trimmed) ?? BARE_HEX.exec(trimmed);
  if (digits !== null) return `0x${digits[1]}`;
  return DECIMAL.test(trimmed) ? `0x${BigInt(trimmed).toString(16)}` : trimmed;
}

/** A pointer's value as the debugger shows it: the number first, then what is known of it. */
const POINTER = /^0x[0-9a-f]+\b/i;

/**
 * The address of a variable or watch, out of the argument that VS Code gives to a command of its context menu
 * (for variables a wrapper around the DAP variable, for watches a bare one): its memory reference, so what a pointer
 * or register points at, and for other values where they lie: the same place that 'View Binary Data' opens. A pointer
 * without a memory reference is read off its value.
 * Undefined for a value that is nowhere in memory.
 */
export function addressOfVariable(argument: unknown): string | undefined {
  if (!isRecord(argument)) return undefined;
  const { memoryReference, value } = isRecord(argument.variable) ? argument.variable : argument;
  if (typeof memoryReference === 'string' && memoryReference !== '') return memoryReference;
  return typeof value === 'string' ? POINTER.exec(value)?.[0] : undefined;
}

/**
 * The expression for a variable or watch itself, as opposed to what it points at: what the debugger gave for it, in a watch the text that was
 * typed, and for memory without a name its reference. Undefined for a value that has none.
 */
export function expressionOfVariable(argument: unknown): string | undefined {
  if (!isRecord(argument)) return undefined;
  const isWatch = !isRecord(argument.variable);
  const { evaluateName, name, memoryReference } = isRecord(argument.variable) ? argument.variable : argument;
  const candidates = [evaluateName, isWatch ? name : undefined, memoryReference];
  return candidates.find((candidate): candidate is string => typeof candidate === 'string' && candidate !== '');
}

/** A memory reference that is a number: linear, or guest-physical. */
const PLACE = /^(?:phys:)?(0x[0-9a-f]+)$/i;

/**
 * What the hex editor is told by an address's query, so that it counts from there: `baseAddress=0x…`. Empty for what is no number, and for addresses
 * beyond 2^53, which it would round: then it counts from 0.
 */
export function baseAddressQuery(reference: string): string {
  const [, address] = PLACE.exec(reference) ?? [];
  return address !== undefined && Number.isSafeInteger(Number(address)) ? `baseAddress=${address}` : '';
}

/** VS Code's file system of debuggees' memory: `vscode-debug-memory://session/reference/name.bin` (debugModel.ts, getUriForDebugMemory). */
export const MEMORY_SCHEME = 'vscode-debug-memory';

/** A memory reference of any kind: what stands before its address, and the address. */
const REFERENCE = /^((?:phys:|lin:(?:0x[0-9a-f]+:)?)?)(0x[0-9a-f]+)$/i;

/**
 * The reference to a byte of a memory file, `offset` bytes behind its start: in the space that the file is in, for files of an expression an expression.
 * Undefined for other files.
 */
export function addressInMemory({ scheme, path }: { readonly scheme: string; readonly path: string }, offset = 0): string | undefined {
  const [, name = ''] = path.split('/');
  if (scheme !== MEMORY_SCHEME || name === '') return undefined;
  const reference = decoded(name);
  if (offset === 0) return reference;
  const [, space, address] = REFERENCE.exec(reference) ?? [];
  return address === undefined ? `(${reference}) + ${offset}` : `${space}0x${(BigInt(address) + BigInt(offset)).toString(16)}`;
}

/** As VS Code has written the reference into a path; one that was written plainly, as it is. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Bytes of a guest that a person has clicked at. */
export interface ClickedBytes {
  readonly reference: string;
  /** How many, where the place says so. */
  readonly bytes?: number;
}

/**
 * What a context menu in a webview was opened on: our panels say it in their elements (`data-vscode-context`), which VS Code hands to the
 * command. The hex editor says nothing, so there the file counts that it shows, from its start.
 */
export function clickedBytes(context: unknown, file: { readonly scheme: string; readonly path: string } | undefined): ClickedBytes | undefined {
  if (isRecord(context) && typeof context.reference === 'string') {
    const { reference, bytes } = context;
    return typeof bytes === 'number' ? { reference, bytes } : { reference };
  }
  const reference = file === undefined ? undefined : addressInMemory(file);
  return reference === undefined ? undefined : { reference };
}

/** What else a row of a panel says of itself: entries of a page table, and the linear address that they translate. Undefined where it says nothing of it. */
export function clickedPart(context: unknown, part: 'entry' | 'linear'): ClickedBytes | undefined {
  if (!isRecord(context)) return undefined;
  const { linear, entry, entryBytes } = context;
  if (part === 'linear') return typeof linear === 'string' ? { reference: linear } : undefined;
  return typeof entry === 'string' && typeof entryBytes === 'number' ? { reference: entry, bytes: entryBytes } : undefined;
}

/** A number of bytes as a person types it, in decimal or as 0x…; undefined for anything else, and for none. */
export function byteCountIn(text: string): number | undefined {
  const trimmed = text.trim();
  const count = /^(?:[0-9]+|0x[0-9a-f]+)$/i.test(trimmed) ? Number(trimmed) : 0;
  return Number.isSafeInteger(count) && count > 0 ? count : undefined;
}
