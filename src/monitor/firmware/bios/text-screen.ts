/** Text on the screen as the BIOS keeps it: cells, cursors of eight pages, scrolling and the teletype; in graphics modes characters are drawn. */
import { drawCharacter, recogniseCharacter, scrollDots } from './graphics-screen';
import { BDA } from './layout';
import { videoMemory, writeIndexed, type VideoMachine } from './video-modes';

/** CRT controller registers of start address and cursor. */
const CRTC_START_HIGH = 0x0c;
const CRTC_CURSOR_HIGH = 0x0e;

const BELL = 0x07;
const BACKSPACE = 0x08;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BLANK = 0x20;
/** Cells in the 32 KiB for text, and columns that a cursor can stand in. */
const MOST_CELLS = 0x4000;
const MOST_COLUMNS = 256;
export const USUAL_ATTRIBUTE = 0x07;

export interface Position {
  readonly row: number;
  readonly column: number;
}

/** A rectangle of cells, both corners included. */
export interface Window {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/** A guest may have written any number where its BIOS keeps them: no more than the memory for text has room for. */
export function columns(machine: VideoMachine): number {
  return Math.max(1, Math.min(machine.memory.read16(BDA.videoColumns), MOST_COLUMNS));
}

export function rows(machine: VideoMachine): number {
  return Math.min(machine.memory.read8(BDA.videoLastRow) + 1, Math.floor(MOST_CELLS / columns(machine)));
}

export function activePage(machine: VideoMachine): number {
  return machine.memory.read8(BDA.videoPage) & 7;
}

export function cursor(machine: VideoMachine, page: number): Position {
  const word = machine.memory.read16(BDA.cursorPositions + (page & 7) * 2);
  return { row: word >>> 8, column: word & 0xff };
}

function writeCrtcWord(machine: VideoMachine, register: number, value: number): void {
  const port = machine.memory.read16(BDA.crtcPort);
  writeIndexed(machine, port, register, value >>> 8);
  writeIndexed(machine, port, register + 1, value);
}

/** Sets a page's cursor, and the hardware's when it is the page on the screen. */
export function setCursor(machine: VideoMachine, page: number, position: Position): void {
  const { memory } = machine;
  memory.write16(BDA.cursorPositions + (page & 7) * 2, (position.row << 8) | position.column);
  if ((page & 7) !== activePage(machine)) return;
  const cell = position.row * columns(machine) + position.column;
  writeCrtcWord(machine, CRTC_CURSOR_HIGH, (memory.read16(BDA.videoPageStart) / 2 + cell) & 0xffff);
}

/** Puts another page on the screen. */
export function showPage(machine: VideoMachine, page: number): void {
  const { memory } = machine;
  const start = (page & 7) * memory.read16(BDA.videoPageBytes);
  memory.write8(BDA.videoPage, page & 7);
  memory.write16(BDA.videoPageStart, start);
  writeCrtcWord(machine, CRTC_START_HIGH, start / 2);
  setCursor(machine, page, cursor(machine, page));
}

function cellAddress(machine: VideoMachine, page: number, { row, column }: Position): number {
  const start = (page & 7) * machine.memory.read16(BDA.videoPageBytes);
  return videoMemory(machine).base + start + (row * columns(machine) + column) * 2;
}

/** Whether there is such a cell: not in a graphics mode, nor where a program has put the cursor off the screen. */
function hasCell(machine: VideoMachine, { row, column }: Position): boolean {
  return videoMemory(machine).layout === 'text' && row < rows(machine) && column < columns(machine);
}

function isDrawn(machine: VideoMachine): boolean {
  const { layout } = videoMemory(machine);
  return layout !== 'text' && layout !== 'none';
}

/** Character (low byte) and attribute (high byte) of a cell; 0 where there is none. */
export function readCell(machine: VideoMachine, page: number, position: Position): number {
  if (hasCell(machine, position)) return machine.memory.read16(cellAddress(machine, page, position));
  return isDrawn(machine) ? recogniseCharacter(machine, page, position.row, position.column) : 0;
}

/** Writes a character; the cell's attribute stays when none is given. Nothing happens where there is no cell. */
export function writeCell(
  machine: VideoMachine,
  page: number,
  position: Position,
  character: number,
  attribute?: number,
): void {
  if (isDrawn(machine)) return drawCharacter(machine, page, position.row, position.column, character, attribute ?? USUAL_ATTRIBUTE);
  if (!hasCell(machine, position)) return;
  const address = cellAddress(machine, page, position);
  machine.memory.write8(address, character);
  if (attribute !== undefined) machine.memory.write8(address + 1, attribute);
}

function writeRow(machine: VideoMachine, row: number, window: Window, cells: Uint8Array): void {
  machine.memory.write(cellAddress(machine, activePage(machine), { row, column: window.left }), cells);
}

function blankRow(width: number, attribute: number): Uint8Array {
  return Uint8Array.from({ length: width * 2 }, (_, i) => (i % 2 === 0 ? BLANK : attribute));
}

/**
 * Scrolls a window of the active page; rows that come in are blank in `attribute`.
 * @param lines rows to move by, up when positive; 0, or more than the window has, clears it
 */
export function scroll(machine: VideoMachine, window: Window, lines: number, attribute: number): void {
  const bottom = Math.min(window.bottom, rows(machine) - 1);
  const right = Math.min(window.right, columns(machine) - 1);
  const height = bottom - window.top + 1;
  const width = right - window.left + 1;
  const { layout } = videoMemory(machine);
  if (layout === 'none' || height <= 0 || width <= 0) return;
  const shift = lines === 0 || Math.abs(lines) > height ? height : lines;
  if (layout !== 'text') return scrollDots(machine, activePage(machine), { top: window.top, left: window.left, bottom, right }, shift, attribute);
  const blank = blankRow(width, attribute);
  for (let i = 0; i < height; i++) {
    const row = shift > 0 ? window.top + i : bottom - i;
    const source = row + shift;
    const inside = source >= window.top && source <= bottom;
    const cells = inside
      ? machine.memory.read(cellAddress(machine, activePage(machine), { row: source, column: window.left }), width * 2)
      : blank;
    writeRow(machine, row, window, cells);
  }
}

/** What a character does to a cursor on a screen of so many columns and rows. */
interface Move {
  readonly to: Position;
  /** Whether the screen scrolls by a row. */
  readonly scrolls: boolean;
  /** Whether the character is shown where the cursor was. */
  readonly shows: boolean;
}

/** As a terminal does: bell (silent), backspace, line feed and carriage return act, all others are shown. */
function moveOf({ row, column }: Position, character: number, width: number, height: number): Move {
  const down = (at: number, shows: boolean): Move =>
    (row < height - 1 ? { to: { row: row + 1, column: at }, scrolls: false, shows } : { to: { row: height - 1, column: at }, scrolls: true, shows });
  switch (character) {
    case BELL:
      return { to: { row, column }, scrolls: false, shows: false };
    case BACKSPACE:
      return { to: { row, column: Math.max(0, column - 1) }, scrolls: false, shows: false };
    case CARRIAGE_RETURN:
      return { to: { row, column: 0 }, scrolls: false, shows: false };
    case LINE_FEED:
      return down(column, false);
    default:
      return column + 1 < width ? { to: { row, column: column + 1 }, scrolls: false, shows: true } : down(0, true);
  }
}

/** Writes a character at the cursor and moves on; the screen scrolls behind its last row. */
export function teletype(machine: VideoMachine, page: number, character: number, attribute?: number): void {
  const at = cursor(machine, page);
  const { to, scrolls, shows } = moveOf(at, character, columns(machine), rows(machine));
  if (shows) writeCell(machine, page, at, character, attribute);
  if (scrolls) {
    const last = rows(machine) - 1;
    const whole = { top: 0, left: 0, bottom: last, right: columns(machine) - 1 };
    scroll(machine, whole, 1, isDrawn(machine) ? 0 : readCell(machine, page, { row: last, column: 0 }) >>> 8);
  }
  if (character !== BELL) setCursor(machine, page, to);
}

/**
 * How many of the characters at the beginning of a long text need not be written because all rows that they touch scroll
 * away, and where the cursor is behind them: a screen is scrolled at most as often as it has rows.
 */
export function scrolledAway(machine: VideoMachine, start: Position, characters: Uint8Array): { readonly skipped: number; readonly position: Position } {
  const [width, height] = [columns(machine), rows(machine)];
  let position = start;
  const scrolls: { readonly behind: number; readonly position: Position }[] = [];
  characters.forEach((character, i) => {
    const move = moveOf(position, character, width, height);
    position = move.to;
    if (move.scrolls) scrolls.push({ behind: i + 1, position });
  });
  const last = scrolls.at(-1 - height);
  return last ? { skipped: last.behind, position: last.position } : { skipped: 0, position: start };
}

/** Prints ASCII text at the active page's cursor; '\n' begins a new line. */
export function print(machine: VideoMachine, text: string): void {
  for (const character of text) {
    if (character === '\n') teletype(machine, activePage(machine), CARRIAGE_RETURN);
    teletype(machine, activePage(machine), character.charCodeAt(0));
  }
}
