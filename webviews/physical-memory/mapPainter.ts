/**
 * Paints the map on its canvas: cells to scale in rows, addresses before them, names of stretches behind them.
 */
import { hex } from '../ui/numbers';
import { PAGE_BYTES, cellsOf, type Cell, type Frames, type Kind, type Run } from './frames';
import type { Shade, Shown, State } from './state';
import { KINDS, USES } from './words';

/** Widths beside the cells, in CSS pixels: addresses, names. */
export const LABELS = 94;
export const NAMES = 150;
/** Cells from this size on have their letters. */
const LETTERS_FROM = 11;
/** Bounds of a cell's size, and what it should have at least while there are fewer columns to choose. */
const SMALLEST_CELL = 4, LARGEST_CELL = 18, WANTED_CELL = 8;
const MOST_COLUMNS = 64, LEAST_COLUMNS = 16;
/** Room above the cells, for half a line of text. */
const TOP = 6;
/** Share of a cell that is left for the line between it and the next. */
const GAP = 1;
const DIMMED = 0.18;

export interface MapSize {
  readonly width: number;
  readonly height: number;
  readonly columns: number;
  readonly rows: number;
  readonly cell: number;
  /** Where names are; 0 when there is no room for them. */
  readonly names: number;
}

/** How the cells are laid out in a room: a power of two in a row, so that rows begin at round addresses. */
export function sizeOf(width: number, height: number): MapSize {
  const names = width > 560 ? NAMES : 0;
  const room = width - LABELS - names;
  let columns = MOST_COLUMNS;
  while (columns > LEAST_COLUMNS && room / columns < WANTED_CELL) columns /= 2;
  const cell = Math.max(SMALLEST_CELL, Math.min(LARGEST_CELL, Math.floor(room / columns)));
  return { width, height, columns, rows: Math.max(1, Math.floor((height - TOP - 2) / cell)), cell, names };
}

export interface MapPicture {
  readonly state: State;
  readonly frames: Frames;
  readonly shown: Shown;
  readonly changes: readonly { readonly first: number; readonly end: number }[];
}

/** A variable of the theme as it is now. */
type Colours = (variable: string) => string;

export class MapPainter {
  private readonly context: CanvasRenderingContext2D | null;

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.context = canvas.getContext('2d');
  }

  paint(size: MapSize, { state, frames, shown, changes }: MapPicture): void {
    const { context, canvas } = this;
    if (context === null) return;
    const ratio = window.devicePixelRatio;
    const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const style = getComputedStyle(document.body);
    const found = new Map<string, string>();
    const colours: Colours = (variable) => {
      const colour = found.get(variable) ?? resolved(canvas, variable);
      found.set(variable, colour);
      return colour;
    };
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, size.width, size.height);
    const cells = cellsOf(frames, shown.from, shown.pages, size.columns * size.rows);
    cells.forEach((cell, i) => { this.cell(cell, place(size, i), size.cell, shown.pages, state, colours); });
    context.globalAlpha = 1;
    context.font = `11px ${style.getPropertyValue('--vscode-editor-font-family') || 'monospace'}`;
    context.textBaseline = 'middle';
    this.marks(size, shown, changes, colours);
    this.labels(size, shown, frames, rowsWithContents(cells, size.columns), colours);
    if (state.cursor !== undefined) this.cursor(size, shown, state.cursor, colours);
  }

  private cell({ parts }: Cell, { x, y }: Place, size: number, pages: number, { shade, only }: State, colours: Colours): void {
    const { context } = this;
    if (context === null) return;
    const inner = size - GAP;
    let left = x;
    for (const { run, pages: count } of parts) {
      const { colour, strength } = lookOf(run, shade);
      const width = (inner * count) / pages;
      context.globalAlpha = only !== undefined && run.kind !== only ? strength * DIMMED : strength;
      context.fillStyle = colours(colour);
      context.fillRect(left, y, width, inner);
      left += width;
    }
    const [first] = parts;
    if (size < LETTERS_FROM || parts.length !== 1 || first.run.kind === 'nothing') return;
    context.globalAlpha = only !== undefined && first.run.kind !== only ? DIMMED : 1;
    const letter = shade === 'kind' ? KINDS[first.run.kind].letter : shade === 'use' ? String(first.run.use) : first.run.written ? 'w' : '';
    context.font = `${size - 4}px monospace`;
    context.textBaseline = 'middle';
    context.textAlign = 'center';
    context.fillStyle = lookOf(first.run, shade).strength > 0.5 ? colours('--ground') : colours('--text');
    context.fillText(letter, x + inner / 2, y + inner / 2 + 1);
    context.textAlign = 'left';
  }

  /** A corner in each cell in which something is of another kind than at the last stop. */
  private marks(size: MapSize, shown: Shown, changes: MapPicture['changes'], colours: Colours): void {
    const { context } = this;
    if (context === null) return;
    const end = shown.from + shown.pages * size.columns * size.rows;
    for (const { first, end: last } of changes) {
      const from = Math.floor((Math.max(first, shown.from) - shown.from) / shown.pages);
      const to = Math.ceil((Math.min(last, end) - shown.from) / shown.pages);
      for (let i = from; i < to; i++) {
        const { x, y } = place(size, i);
        context.fillStyle = colours('--text');
        context.beginPath();
        context.moveTo(x, y);
        context.lineTo(x + size.cell * 0.6, y);
        context.lineTo(x, y + size.cell * 0.6);
        context.fill();
      }
    }
  }

  /** Addresses of rows that have anything, and in each the names of the stretches that begin in it. */
  private labels(size: MapSize, shown: Shown, { answer }: Frames, rows: number, colours: Colours): void {
    const { context } = this;
    if (context === null) return;
    const row = size.columns * shown.pages;
    const every = Math.max(1, Math.ceil(14 / size.cell));
    const digits = answer.pages > 2 ** 20 ? 10 : 8;
    context.fillStyle = colours('--dim');
    for (let at = 0; at < rows; at += every) {
      context.fillText(hex((shown.from + at * row) * PAGE_BYTES, digits), 6, TOP + at * size.cell + size.cell / 2);
    }
    if (size.names === 0) return;
    context.fillStyle = colours('--text');
    // Rows may be closer together than lines of text: each line has the names of the rows beside it.
    const lines = new Map<number, string[]>();
    for (const { first, count, name } of answer.regions) {
      if (first + count <= shown.from || first >= shown.from + row * size.rows) continue;
      const at = Math.floor((Math.max(first, shown.from) - shown.from) / row);
      const line = at - (at % every);
      const names = lines.get(line);
      if (!names) lines.set(line, [name]);
      else if (!names.includes(name)) names.push(name);
    }
    for (const [line, names] of lines) {
      context.fillText(fitting(context, names.join(', '), size.names - 12), LABELS + size.columns * size.cell + 8, TOP + line * size.cell + size.cell / 2);
    }
  }

  private cursor(size: MapSize, shown: Shown, page: number, colours: Colours): void {
    const { context } = this;
    const index = Math.floor((page - shown.from) / shown.pages);
    if (context === null || index < 0 || index >= size.columns * size.rows) return;
    const { x, y } = place(size, index);
    for (const [colour, grow, width] of [['--ground', 1.5, 1.5], ['--text', 3, 2]] as const) {
      context.strokeStyle = colours(colour);
      context.lineWidth = width;
      context.strokeRect(x - grow, y - grow, size.cell - GAP + 2 * grow, size.cell - GAP + 2 * grow);
    }
  }
}

/** Rows up to the last one in which there is anything. */
function rowsWithContents(cells: readonly Cell[], columns: number): number {
  const used = cells.map(({ parts }) => parts.some(({ run }) => run.kind !== 'nothing'));
  return Math.floor(used.lastIndexOf(true) / columns) + 1;
}

interface Place {
  readonly x: number;
  readonly y: number;
}

function place({ columns, cell }: MapSize, index: number): Place {
  return { x: LABELS + (index % columns) * cell, y: TOP + Math.floor(index / columns) * cell };
}

/** The cell at a place on the canvas; undefined beside them. */
export function cellAt({ columns, rows, cell }: MapSize, x: number, y: number): number | undefined {
  const [column, row] = [Math.floor((x - LABELS) / cell), Math.floor((y - TOP) / cell)];
  return column < 0 || column >= columns || row < 0 || row >= rows ? undefined : row * columns + column;
}

/** How a run is painted. */
export function lookOf({ kind, use, written }: Pick<Run, 'kind' | 'use' | 'written'>, shade: Shade): { readonly colour: string; readonly strength: number } {
  if (kind === 'nothing') return { colour: '--text', strength: 0 };
  if (shade === 'kind') return KINDS[kind];
  if (!hasFrame(kind)) return { colour: '--text', strength: 0.06 };
  if (shade === 'use') return { colour: '--trace', strength: USES[use].strength };
  return { colour: written ? '--trace' : '--text', strength: written ? 1 : 0.1 };
}

const hasFrame = (kind: Kind): boolean => kind !== 'untouched' && kind !== 'device' && kind !== 'zeros' && kind !== 'ballooned';

/** The colour that a variable of the page's comes to: canvases know no variables. */
function resolved(element: HTMLElement, variable: string): string {
  const probe = element.parentElement?.querySelector<HTMLElement>(`[data-colour="${variable}"]`);
  return probe === null || probe === undefined ? 'gray' : getComputedStyle(probe).color;
}

function fitting(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let length = text.length;
  while (length > 1 && context.measureText(`${text.slice(0, length)}…`).width > width) length--;
  return `${text.slice(0, length)}…`;
}
