/**
 * The text of a listing: a line for each instruction, and a head where a symbol begins, so that its name does not push the instruction out of
 * a narrow editor.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';

/** Columns of the bytes of an instruction, 'xx' and a blank each; more of them push the text of that line to the right. */
const BYTES_WIDTH = 6 * 3;

export interface ListingText {
  readonly text: string;
  /** Lines, from 1, by linear address. */
  readonly lines: ReadonlyMap<bigint, number>;
}

/** Where a row stands. */
interface Place {
  /** The symbol, with what is known of whose it is: 'rcu_panic', 'ext4_iget [ext4]'. */
  readonly head: string | undefined;
  /** What stands beside the address: '+0x1d', in real mode 'f000:fff0'. */
  readonly beside: string;
}

/** 'name+0x1d', 'name+0x1d [module]', '/bin/sh+0x1d — sh (1)'. */
const INSIDE = /^(.+)\+(0x[0-9a-f]+)( .+)?$/;
/** Selector and offset, which code in real mode has where there is no symbol. */
const SEGMENTED = /^[0-9a-f]{4}:[0-9a-f]{4,}$/;

function placeOf(symbol: string | undefined): Place {
  if (symbol === undefined || SEGMENTED.test(symbol)) return { head: undefined, beside: symbol ?? '' };
  const [, name, offset, owner = ''] = INSIDE.exec(symbol) ?? [];
  return name === undefined ? { head: symbol, beside: '' } : { head: `${name}${owner}`, beside: `+${offset}` };
}

/** The lines of a listing, of rows one behind the other. */
export function listingText(rows: readonly DebugProtocol.DisassembledInstruction[]): ListingText {
  const places = rows.map(({ symbol }) => placeOf(symbol));
  const width = Math.max(0, ...places.map(({ beside }) => beside.length));
  const text: string[] = [];
  const lines = new Map<bigint, number>();
  let before: string | undefined;
  rows.forEach(({ address, instructionBytes = '', instruction }, index) => {
    const { head, beside } = places[index];
    if (head !== undefined && head !== before) text.push(`${head}:`);
    before = head;
    text.push(`${address}${width === 0 ? '' : ` ${beside.padEnd(width)}`}  ${instructionBytes.padEnd(BYTES_WIDTH)} ${instruction}`);
    lines.set(BigInt(address), text.length);
  });
  return { text: text.map((line) => `${line}\n`).join(''), lines };
}
