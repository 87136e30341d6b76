/**
 * A page's bytes as text: sixteen in a line, lines alike as one.
 */
import { hex } from '../ui/numbers';

const LINE = 16;

const printable = (byte: number): string => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.');

/** A line of a dump, and the bytes that it stands for. */
export interface DumpLine {
  readonly text: string;
  readonly address: number;
  readonly bytes: number;
}

/** Lines of a dump whose first byte has this address; '*' stands for lines like the one before. */
export function dumpOf(bytes: Uint8Array, address: number, digits: number): readonly DumpLine[] {
  const lines: DumpLine[] = [];
  let before = '';
  for (let at = 0; at < bytes.length; at += LINE) {
    const part = [...bytes.subarray(at, at + LINE)];
    const content = `${part.map((byte) => hex(byte, 2)).join(' ').replace(/^(.{23}) /, '$1  ').padEnd(49)} ${part.map(printable).join('')}`;
    const last = lines.at(-1);
    if (content !== before || at + LINE >= bytes.length) lines.push({ text: `${hex(address + at, digits)}  ${content}`, address: address + at, bytes: part.length });
    else if (last?.text === '*') lines[lines.length - 1] = { ...last, bytes: last.bytes + part.length };
    else lines.push({ text: '*', address: address + at, bytes: part.length });
    before = content;
  }
  return lines;
}
