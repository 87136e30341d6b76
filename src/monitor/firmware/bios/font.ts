/**
 * The BIOS's fonts: code page 437 in cells of 8 by 8, 8 by 14 and 8 by 16. Our own, drawn from one description: letters are
 * strokes on a grid of 5 by 9 (rows 0 to 6 from the top of a capital to the line that it stands on, 7 and 8 below), frames and
 * blocks follow from what they connect.
 */

/** Heights of the cells, and bytes of a font: a byte a row, 256 characters. */
export type FontHeight = 8 | 14 | 16;

/** Strokes from 21h to 7Eh: pairs of column and row, joined by lines; a space lifts the pen. */
const ASCII: readonly string[] = [
  '2024 2626', '1012 3032', '1016 3036 0242 0444', '4111021333443505 2026', '0111 4006 3545', '46121120310405162644', '2022', '30121436', '10323416',
  '2125 0244 4204', '2125 0343', '252617', '0343', '2626', '4006',
  '103041453616050110 3214', '112026 1636', '01103041420646', '01103041423313 334445361605', '36300444', '400003334445361605', '30100105163645443303',
  '0040412426', '103041423313020110 1304051636454433', '43130201103041453616',
  '2222 2525', '2222 252617', '300336', '0242 0444', '104316', '01103041422324 2626', '4616050110304144242242',
  '0602204246 0444', '00063645443303 0030414233', '4130100105163645', '00062644422000', '40000646 0333', '400006 0333', '41301001051636454323', '0006 4046 0343',
  '1030 2026 1636', '2040 3035261605', '0006 4003 0346', '000646', '0600224046', '06004640', '103041453616050110', '06003041423303', '103041453616050110 2446',
  '06003041423303 2346', '413010010213334445361605', '0040 2026', '000516364540', '0004264440', '0006244640', '0046 4006', '002340 2326', '00400646',
  '30101636', '0046', '10303616', '022042', '0747', '1022',
  '1232434616051444', '00063645433202', '4332120305163645', '40461605031242', '044443321203051646', '40201116 0333', '451504031242473808', '0006 02324346',
  '2020 122226 1636', '3030 2232372808', '0006 4204 0446', '102026 1636', '0602122326 23324346', '0602 02324346', '123243453616050312', '08023243453606',
  '48421203051646', '0206 03123243', '4212031434453606', '10152646 0232', '02051646 4246', '022642', '0216243642', '0246 4206', '02051646 42473808', '02420646',
  '403021221324253646', '2027', '001021223324251606', '0312233241',
];

const MARKS = { acute: '2130', grave: '1021', circumflex: '112031', diaeresis: '1010 3030', ring: '102021111020', tilde: '01102130', cedilla: '262718' } as const;
/** 80h to A5h where they are a letter with a mark; 'i' loses its dot. */
const MARKED: Readonly<Record<number, readonly [letter: string, mark: keyof typeof MARKS]>> = {
  0x80: ['C', 'cedilla'], 0x81: ['u', 'diaeresis'], 0x82: ['e', 'acute'], 0x83: ['a', 'circumflex'], 0x84: ['a', 'diaeresis'], 0x85: ['a', 'grave'],
  0x86: ['a', 'ring'], 0x87: ['c', 'cedilla'], 0x88: ['e', 'circumflex'], 0x89: ['e', 'diaeresis'], 0x8a: ['e', 'grave'], 0x8b: ['i', 'diaeresis'],
  0x8c: ['i', 'circumflex'], 0x8d: ['i', 'grave'], 0x8e: ['A', 'diaeresis'], 0x8f: ['A', 'ring'], 0x90: ['E', 'acute'], 0x93: ['o', 'circumflex'],
  0x94: ['o', 'diaeresis'], 0x95: ['o', 'grave'], 0x96: ['u', 'circumflex'], 0x97: ['u', 'grave'], 0x98: ['y', 'diaeresis'], 0x99: ['O', 'diaeresis'],
  0x9a: ['U', 'diaeresis'], 0xa0: ['a', 'acute'], 0xa1: ['i', 'acute'], 0xa2: ['o', 'acute'], 0xa3: ['u', 'acute'], 0xa4: ['n', 'tilde'], 0xa5: ['N', 'tilde'],
};

/** Strokes of all other characters that are drawn so. */
const OTHERS: Readonly<Record<number, string>> = {
  0x01: '103041453616050110 1212 3232 142434', 0x02: '103041453616050110 1212 3232 142434 0343 0141', 0x03: '01112231410204264443 0242 1333', 0x04: '2003264320 1333',
  0x05: '2026 1232 0343 0444', 0x06: '2026 2004 0444 2044', 0x07: '2333 2434', 0x08: '0040 0141 0212 3242 0313 3343 0444 0545', 0x09: '123243443515040312',
  0x0a: '0040 0111 3141 0202 4242 0303 4343 0414 3444 0545', 0x0b: '3040 4042 4022 123233341504030212', 0x0c: '103031321211 10 2326 1535', 0x0d: '2040 2025 252616050515 2141',
  0x0e: '114045 1116 0616 3545', 0x0f: '2026 0343 0145 4105 1232341412', 0x10: '0046 0006 0343 1115 2224', 0x11: '4003 4046 0346 3135 2224',
  0x12: '2026 022042 042644', 0x13: '1014 3034 1616 3636', 0x14: '401001021343 2026 4046', 0x15: '411001133344 0213344536 05', 0x16: '0545 0646', 0x17: '2025 022042 042544 0646',
  0x18: '2026 022042', 0x19: '2026 042644', 0x1a: '0343 214325', 0x1b: '0343 210325', 0x1c: '020545', 0x1d: '0343 120314 324334', 0x1e: '200646 20 1434 0545', 0x1f: '002640 0040 1232 0141',
  0x7f: '061422344606',
  0x91: '0232 22260615 2444 3243 44 2646', 0x92: '400006 2026 0323 2343 2646 2040', 0x9b: '43321203051635 45 2127', 0x9c: '41302016 0646 0333', 0x9d: '002340 2326 0343 0444',
  0x9e: '060030313303 4145 3343', 0x9f: '4030212617 06 1333', 0xa6: '1030313313 1232 0545', 0xa7: '103031331310 0545', 0xa8: '2020 2223130405163645',
  0xa9: '0503 0343', 0xaa: '034345', 0xab: '1012 4006 344436 3646', 0xac: '1012 4006 343545 4446',
  0xad: '2020 2226', 0xae: '2103 0325 4123 2345', 0xaf: '0123 2305 2143 4325',
  0xe0: '4226160503122446', 0xe1: '080110304133443606', 0xe2: '06004041', 0xe3: '0242 1216 3236', 0xe4: '410023064645', 0xe5: '4212030516364533', 0xe6: '0208 02051646 4246',
  0xe7: '0242 222636', 0xe8: '2026 113142443515040211', 0xe9: '103041453616050110 1333', 0xea: '061615030110304143353646', 0xeb: '4010214345361605031243', 0xec: '1203041523324344352312',
  0xed: '2127 123243453616050312', 0xee: '42120314051646 1434', 0xef: '060110304146', 0xf0: '0141 0343 0545', 0xf1: '2024 0242 0646', 0xf2: '104214 0646', 0xf3: '300234 0646',
  0xf4: '41302128', 0xf5: '20261706', 0xf6: '2121 0343 2525', 0xf7: '0211233241 0514263544', 0xf8: '1020211110', 0xf9: '2333', 0xfa: '2323', 0xfb: '03132640', 0xfc: '0300 01102123', 0xfd: '0010110313',
};

/** B3h to DAh: lines to the left, right, up and down; 2 is a double one. */
const FRAMES =
  '0011 1011 2011 1022 1002 2001 2022 0022 2002 2020 1020 2010 1001 0110 1110 1101 0111 1100 1111 0211 0122 0220 0202 2220 2202 0222 2200 2222 2210 1120 ' +
  '2201 1102 0120 0210 0201 0102 1122 2211 1010 0101';
const FIRST_FRAME = 0xb3;

const WIDTH = 8;
const ZERO = 0x30;
/** Where the grid's columns are, and how wide a pen is. */
const COLUMNS = [0, 1, 3, 4, 5];
const PEN = 2;

/** How the rows of the grid lie in a cell: the first, and steps of a row of the grid. */
const ROWS: Readonly<Record<FontHeight, { readonly top: number; readonly step: number; readonly centre: number }>> = {
  8: { top: 0, step: 1, centre: 3 }, 14: { top: 2, step: 1.5, centre: 6 }, 16: { top: 2, step: 10 / 6, centre: 7 },
};

/** A cell that is drawn: rows of 8 bits, the leftmost dot highest. */
class Cell {
  readonly rows: Uint8Array;

  constructor(readonly height: FontHeight) {
    this.rows = new Uint8Array(height);
  }

  /** Dots from one column to another, in all rows from one to another that the cell has. Columns are 0 to 7. */
  block(left: number, top: number, right: number, bottom: number): void {
    const dots = (0xff >> left) & (0xff << (WIDTH - 1 - right));
    for (let y = Math.max(top, 0); y <= Math.min(bottom, this.height - 1); y++) this.rows[y] |= dots;
  }

  /** A line between two places of the grid. `raised` draws capitals lower, for a mark above them. */
  line(fromColumn: number, fromRow: number, toColumn: number, toRow: number, raised: boolean): void {
    const [x0, y0, x1, y1] = [COLUMNS[fromColumn], this.#row(fromRow, raised), COLUMNS[toColumn], this.#row(toRow, raised)];
    const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1);
    for (let i = 0; i <= steps; i++) {
      const x = Math.round(x0 + ((x1 - x0) * i) / steps);
      const y = Math.round(y0 + ((y1 - y0) * i) / steps);
      this.block(x, y, x + PEN - 1, y);
    }
  }

  #row(row: number, raised: boolean): number {
    const { top, step } = ROWS[this.height];
    return Math.min(this.height - 1, Math.round(top + (raised ? 2 + (row * 2) / 3 : row) * step));
  }

  strokes(text: string, raised = false): void {
    const digit = (at: number): number => text.charCodeAt(at) - ZERO;
    for (let i = 0; i + 1 < text.length; i += 2) {
      if (text[i] === ' ') i++;
      const ends = i + 3 >= text.length || text[i + 2] === ' ';
      const next = ends ? i : i + 2;
      this.line(digit(i), digit(i + 1), digit(next), digit(next + 1), raised);
    }
  }
}

const letter = (character: string): string => ASCII[character.charCodeAt(0) - 0x21];

function drawMarked(cell: Cell, character: string, mark: keyof typeof MARKS): void {
  const isCapital = character < 'a';
  const base = character === 'i' ? '122226 1636' : letter(character);
  cell.strokes(base, isCapital && mark !== 'cedilla');
  cell.strokes(MARKS[mark]);
}

/** Single lines are one in the middle, double ones two beside it; where lines meet, each goes as far as the others want. */
function drawFrame(cell: Cell, arms: string): void {
  const [left, right, up, down] = Array.from(arms, Number);
  const { centre } = ROWS[cell.height];
  const middle = 3;
  const horizontal = Math.max(left, right) === 2 ? [centre - 1, centre + 1] : [centre];
  const vertical = Math.max(up, down) === 2 ? [middle - 1, middle + 2] : [middle];
  const [firstX, lastX] = [vertical[0], (vertical.at(-1) ?? middle) + 1];
  const [firstY, lastY] = [horizontal[0], horizontal.at(-1) ?? centre];
  for (const y of horizontal) {
    if (left > 0) cell.block(0, y, firstX, y);
    if (right > 0) cell.block(lastX, y, WIDTH - 1, y);
    // Through the middle, unless a double line runs across it.
    if (vertical.length === 1 || (left > 0 && right > 0 && horizontal.length === 1) || ((up === 0 || down === 0) && isOuter(y, firstY, lastY, up))) cell.block(firstX, y, lastX, y);
  }
  for (const x of vertical) {
    if (up > 0) cell.block(x, 0, x + 1 - (vertical.length - 1), firstY);
    if (down > 0) cell.block(x, lastY, x + 1 - (vertical.length - 1), cell.height - 1);
    if (horizontal.length === 1 || (up > 0 && down > 0 && vertical.length === 1) || ((left === 0 || right === 0) && isOuter(x, firstX, vertical.at(-1) ?? middle, left))) {
      cell.block(x, firstY, x + 1 - (vertical.length - 1), lastY);
    }
  }
}

/** Of two lines: the one that goes round the corner outside, where nothing comes from that side (`before`: from lower numbers). */
function isOuter(at: number, first: number, last: number, before: number): boolean {
  return at === (before > 0 ? last : first);
}

function drawBlock(cell: Cell, code: number): void {
  const half = cell.height / 2;
  if (code === 0xdb) cell.block(0, 0, 7, cell.height - 1);
  else if (code === 0xdc) cell.block(0, half, 7, cell.height - 1);
  else if (code === 0xdd) cell.block(0, 0, 3, cell.height - 1);
  else if (code === 0xde) cell.block(4, 0, 7, cell.height - 1);
  else if (code === 0xdf) cell.block(0, 0, 7, half - 1);
  else if (code === 0xfe) cell.block(1, half - 2, 6, half + 1);
  else shade(cell, code);
}

/** A quarter, a half, three quarters. */
function shade(cell: Cell, code: number): void {
  for (let y = 0; y < cell.height; y++) {
    if (code === 0xb0) cell.rows[y] = y % 2 === 0 ? 0x22 : 0x88;
    else if (code === 0xb1) cell.rows[y] = y % 2 === 0 ? 0x55 : 0xaa;
    else cell.rows[y] = y % 2 === 0 ? 0xdd : 0x77;
  }
}

function drawCharacter(cell: Cell, code: number): void {
  const marked = MARKED[code] as (typeof MARKED)[number] | undefined;
  const other = OTHERS[code] as string | undefined;
  if (code >= 0x21 && code <= 0x7e) cell.strokes(ASCII[code - 0x21]);
  else if (marked !== undefined) drawMarked(cell, marked[0], marked[1]);
  else if (other !== undefined) cell.strokes(other);
  else if (code >= FIRST_FRAME && code <= 0xda) drawFrame(cell, FRAMES.split(' ')[code - FIRST_FRAME]);
  else if ((code >= 0xb0 && code <= 0xb2) || (code >= 0xdb && code <= 0xdf) || code === 0xfe) drawBlock(cell, code);
}

const drawn = new Map<FontHeight, Uint8Array>();

/** All 256 characters, `height` bytes each. The same bytes each time. */
export function font(height: FontHeight): Uint8Array {
  let bytes = drawn.get(height);
  if (bytes === undefined) {
    bytes = new Uint8Array(256 * height);
    for (let code = 0; code < 256; code++) {
      const cell = new Cell(height);
      drawCharacter(cell, code);
      bytes.set(cell.rows, code * height);
    }
    drawn.set(height, bytes);
  }
  return bytes;
}
