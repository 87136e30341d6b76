/** Shows a failure: what went wrong, how to see it again, and the guest's code as a listing. */
import { decode } from '../../fuzz/instruction';
import { encodeGuest, type BadGuest, type Piece } from './guest';
import { isEmptied } from './shrink';
import type { Failure } from './trial';

const MOST_LINES = 60;
const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
const hexBytes = (bytes: Iterable<number>): string => [...bytes].map((byte) => hex(byte, 2)).join(' ');

function codeLines({ at, bytes, bits }: Piece): string[] {
  if (bits === undefined) return [];
  const lines: string[] = [];
  for (let i = 0; i < bytes.length;) {
    const rest = Uint8Array.from(bytes.slice(i));
    const known = decode(bits, rest, BigInt(at + i));
    const length = known?.length ?? 1;
    lines.push(`  ${hex(at + i, 5)} ${bits} ${hexBytes(rest.subarray(0, length)).padEnd(33)} ${known?.text ?? '(no instruction)'}`);
    i += length;
  }
  return lines;
}

/** The pieces that are left, code disassembled, data by its length; an image's bytes that are not zero are counted. */
export function listing(guest: BadGuest): string[] {
  const shown = guest.pieces.filter((piece) => !isEmptied(piece) && piece.fixed !== true);
  const lines = shown.flatMap((piece) => (piece.bits === undefined ? [`  ${hex(piece.at, 5)} ${piece.bytes.length} bytes: ${piece.note}`] : [`; ${piece.note}`, ...codeLines(piece)]));
  if (guest.image) lines.push(`  an image of ${guest.image.length} bytes, ${guest.image.filter((byte) => byte !== 0).length} of them not zero`);
  return lines.length > MOST_LINES ? [...lines.slice(0, MOST_LINES), `  … ${lines.length - MOST_LINES} more lines`] : lines;
}

export function failureLines(guest: BadGuest, failure: Failure, file: string): string[] {
  return [
    `${failure.kind}: mode ${guest.mode}, seed ${guest.seed}, ${guest.model}, ${guest.cpus} CPUs, ${guest.instructions} instructions`,
    `seen again by: npm run bad-guests -- --mode ${guest.mode} --seed ${guest.seed} --only; made smaller: npm run bad-guests -- --case ${file}`,
    failure.text,
    ...listing(guest),
  ];
}

/** Name and contents of the file that keeps a case. */
export function caseFile(guest: BadGuest): { readonly name: string; readonly text: string } {
  return { name: `${guest.mode}-${guest.seed}.json`, text: encodeGuest(guest) };
}
