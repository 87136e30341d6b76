// The guest's text screen as terminal output: only rows that have changed are drawn again.
//
// Sources: ECMA-48, 8.3 (CUP, SGR, ED); xterm control sequences (private modes 7 and 25, OSC 12); IBM VGA technical reference
// (attribute byte: bits 0-3 foreground, 4-6 background, 7 blinking).

/** What is drawn of a screen: rows of text, an attribute byte a character, and the cursor. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  readonly text: readonly string[];
  readonly attributes: Uint8Array;
  readonly cursor: { readonly column: number; readonly row: number; readonly visible: boolean };
}

/** Room in the terminal, in characters. */
export interface Room {
  readonly columns: number;
  readonly rows: number;
}

/** What is on the terminal now: each row as it was drawn. */
export type Drawn = readonly string[];

/** The sixteen colours that a PC's firmware loads into the VGA, `red;green;blue`. */
const COLOURS = [
  '0;0;0', '0;0;170', '0;170;0', '0;170;170', '170;0;0', '170;0;170', '170;85;0', '170;170;170',
  '85;85;85', '85;85;255', '85;255;85', '85;255;255', '255;85;85', '255;85;255', '255;255;85', '255;255;255',
];

const RESET = '\x1b[0m';
/** Empties the terminal; no line may wrap, or the last column would scroll it. The cursor is light, for the screen is dark. */
export const CLEAR = `${RESET}\x1b[?7l\x1b[?25l\x1b]12;#aaaaaa\x07\x1b[2J`;

const GRAPHICS_NOTE = 'The guest shows graphics; this terminal can only show its text screen.';

/** Select Graphic Rendition for an attribute byte. The VGA's own colours, so that a guest looks the same in every theme. */
function rendition(attribute: number): string {
  const blinking = (attribute & 0x80) !== 0 ? ';5' : '';
  return `\x1b[0${blinking};38;2;${COLOURS[attribute & 15]};48;2;${COLOURS[(attribute >> 4) & 7]}m`;
}

/** The first of `shown` rows (or columns) out of `all` so that the cursor is among them. */
function firstShown(all: number, shown: number, cursor: number): number {
  return Math.max(0, Math.min(cursor, all - 1) - shown + 1);
}

function drawnRow(screen: Screen, row: number, from: number, to: number): string {
  const characters = [...screen.text[row]];
  let line = '';
  let current: number | undefined;
  for (let column = from; column < to; column++) {
    const attribute = screen.attributes[row * screen.columns + column];
    if (attribute !== current) line += rendition(attribute);
    current = attribute;
    line += characters[column];
  }
  return line + RESET;
}

/**
 * What to write to a terminal that shows `drawn` so that it shows `screen`, and what it shows then. Where the terminal is
 * smaller than the screen it shows the part with the cursor in it.
 */
export function draw(screen: Screen, room: Room, drawn: Drawn): { readonly output: string; readonly drawn: Drawn } {
  if (screen.columns === 0) {
    return drawn[0] === GRAPHICS_NOTE ? { output: '', drawn } : { output: `${CLEAR}\x1b[H${GRAPHICS_NOTE}`, drawn: [GRAPHICS_NOTE] };
  }
  const rows = Math.min(screen.rows, room.rows);
  const columns = Math.min(screen.columns, room.columns);
  const top = firstShown(screen.rows, rows, screen.cursor.row);
  const left = firstShown(screen.columns, columns, screen.cursor.column);
  const lines = Array.from({ length: rows }, (_, i) => drawnRow(screen, top + i, left, left + columns));
  const changed = lines.map((line, i) => (line === drawn[i] ? '' : `\x1b[${i + 1};1H${line}`)).join('');
  const begin = drawn[0] === GRAPHICS_NOTE ? CLEAR : '';
  return { output: begin + changed + cursorOutput(screen, top, left), drawn: lines };
}

/** The cursor's place, one-based, shown or hidden. Always written: it costs a dozen bytes. */
function cursorOutput({ cursor }: Screen, top: number, left: number): string {
  if (!cursor.visible) return '\x1b[?25l';
  return `\x1b[${cursor.row - top + 1};${cursor.column - left + 1}H\x1b[?25h`;
}
