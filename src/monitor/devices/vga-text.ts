/** The text screen as a person reads it, out of the VGA's registers and planes; code page 437 as Unicode. */
import type { ScreenText } from '../inspection/queries';
import { wordOf } from './vga-memory';
import { lineNumber } from './vga-state';

/** What the text screen depends on. */
export interface TextSource {
  /** CRT controller registers 00-18. */
  readonly crtc: Uint8Array;
  readonly graphics: Uint8Array;
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

/** The text screen, out of video memory in words; without columns and rows in graphics modes. */
export function textScreen(source: TextSource, words: Uint32Array): ScreenText {
  const { crtc, graphics } = source;
  if ((graphics[6] & 1) !== 0) return EMPTY;
  const columns = crtc[0x01] + 1;
  const rows = Math.floor((lineNumber(crtc, 'displayEnd') + 1) / ((crtc[0x09] & 0x1f) + 1));
  const start = (crtc[0x0c] << 8) | crtc[0x0d];
  const pitch = crtc[0x13] * 2;
  // Word mode (mode control bit 6 clear) shifts the character address left by one.
  const shift = (crtc[0x17] & 0x40) === 0 ? 1 : 0;
  const text: string[] = [];
  const attributes = new Uint8Array(columns * rows);
  for (let row = 0; row < rows; row++) {
    let line = '';
    for (let column = 0; column < columns; column++) {
      const cell = words[wordOf(((start + row * pitch + column) << shift) & 0xffff)];
      line += glyphOf(cell & 0xff);
      attributes[row * columns + column] = (cell >> 8) & 0xff;
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
