/**
 * A page's bytes as text: sixteen in a line, lines alike as one.
 */
import { hex } from '../ui/numbers';

const LINE = 16;

const printable = (byte: number): string => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.');

/** Lines of a dump whose first byte has this address; '*' stands for lines like the one before. */
export function dumpOf(bytes: Uint8Array, address: number, digits: number): readonly string[] {
  const lines: string[] = [];
  let before = '';
  for (let at = 0; at < bytes.length; at += LINE) {
    const part = [...bytes.subarray(at, at + LINE)];
    const content = `${part.map((byte) => hex(byte, 2)).join(' ').replace(/^(.{23}) /, '$1  ').padEnd(49)} ${part.map(printable).join('')}`;
    if (content !== before || at + LINE >= bytes.length) lines.push(`${hex(address + at, digits)}  ${content}`);
    else if (lines.at(-1) !== '*') lines.push('*');
    before = content;
  }
  return lines;
}
