/** The text screen as a person reads it, out of the VGA's registers and planes; code page 437 as Unicode. */
import type { ScreenText } from '../inspection/queries';
import { PLANE_BYTES } from './vga-memory';

/** What the text screen depends on. */
export interface TextSource {
  /** CRT controller registers 00-18. */
  readonly crtc: Uint8Array;
  readonly graphics: Uint8Array;
  readonly memory: Uint8Array;
}

const CODE_PAGE_437: readonly string[] = [
  ...' ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼',
  ...Array.from({ length: 95 }, (_, index) => String.fromCharCode(0x20 + index)),
  ...'⌂ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀',
  ...'αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0',
];

const EMPTY: ScreenText = {
  columns: 0, rows: 0, text: [], attributes: new Uint8Array(0), cursor: { column: 0, row: 0, visible: false },
};

/** A character of code page 437 (0 to 255). */
export function glyphOf(code: number): string {
  return CODE_PAGE_437[code & 0xff];
}

/** Display lines: vertical display end with its two bits in the overflow register. */
function displayLines(crtc: Uint8Array): number {
  return (crtc[0x12] | ((crtc[0x07] & 0x02) << 7) | ((crtc[0x07] & 0x40) << 3)) + 1;
}

/** The text screen; without columns and rows in graphics modes. */
export function textScreen(source: TextSource): ScreenText {
  const { crtc, graphics, memory } = source;
  if ((graphics[6] & 1) !== 0) return EMPTY;
  const columns = crtc[0x01] + 1;
  const rows = Math.floor(displayLines(crtc) / ((crtc[0x09] & 0x1f) + 1));
  const start = (crtc[0x0c] << 8) | crtc[0x0d];
  const pitch = crtc[0x13] * 2;
  // Word mode (mode control bit 6 clear) shifts the character address left by one.
  const shift = (crtc[0x17] & 0x40) === 0 ? 1 : 0;
  const text: string[] = [];
  const attributes = new Uint8Array(columns * rows);
  for (let row = 0; row < rows; row++) {
    let line = '';
    for (let column = 0; column < columns; column++) {
      const address = ((start + row * pitch + column) << shift) & (PLANE_BYTES - 1);
      line += glyphOf(memory[address]);
      attributes[row * columns + column] = memory[PLANE_BYTES + address];
    }
    text.push(line);
  }
  return { columns, rows, text, attributes, cursor: cursorOf(crtc, columns, rows, start, pitch) };
}

function cursorOf(
  crtc: Uint8Array,
  columns: number,
  rows: number,
  start: number,
  pitch: number,
): ScreenText['cursor'] {
  const distance = (((crtc[0x0e] << 8) | crtc[0x0f]) - start) & 0xffff;
  const row = pitch === 0 ? 0 : Math.floor(distance / pitch);
  const column = pitch === 0 ? distance : distance % pitch;
  const switchedOn = (crtc[0x0a] & 0x20) === 0 && (crtc[0x0a] & 0x1f) <= (crtc[0x0b] & 0x1f);
  return { column, row, visible: switchedOn && column < columns && row < rows };
}
