/**
 * A guest's picture on its way to a panel: only what has changed since the picture that the panel has, deflated. A whole picture of
 * 1024 by 768 dots is 4 MiB as base64, thirty times a second through five processes; a line of text that changes is some hundred bytes.
 */
import type { ScreenPicture } from '../src/monitor/inspection/queries';
import { bytesToBase64 } from './codec';

/** A rectangle of a picture, in dots. */
export interface PictureRegion {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A picture on the wire. */
export interface PictureAnswer extends Omit<ScreenPicture, 'pixels'> {
  /** What differs from the picture that was asked by; all of it for one who has none, or another one. Missing when nothing does. */
  readonly regions?: readonly PictureRegion[];
  /** Red, green, blue and 255 of the regions' dots, line by line, one region after another: deflated (RFC 1951), as base64. */
  readonly pixels?: string;
}

/** Lines alike between two that differ which are sent along: fewer regions. */
const LARGEST_GAP = 8;

interface Lines {
  readonly width: number;
  readonly height: number;
  readonly words: Uint32Array;
}

function linesOf({ width, height }: ScreenPicture, pixels: Uint8Array): Lines {
  const isAligned = pixels.byteOffset % 4 === 0;
  const bytes = isAligned ? pixels : pixels.slice();
  return { width, height, words: new Uint32Array(bytes.buffer, bytes.byteOffset, width * height) };
}

/** First and one past the last dot in which two lines differ; undefined when they are alike. */
function difference(before: Uint32Array, after: Uint32Array): readonly [number, number] | undefined {
  let from = 0;
  while (from < after.length && before[from] === after[from]) from++;
  if (from === after.length) return undefined;
  let to = after.length;
  while (before[to - 1] === after[to - 1]) to--;
  return [from, to];
}

/** The regions in which two pictures of one size differ: bands of lines, each as wide as what differs in it. */
export function changedRegions(before: Lines, after: Lines): PictureRegion[] {
  const { width, height } = after;
  const regions: PictureRegion[] = [];
  let band: { top: number; bottom: number; left: number; right: number } | undefined;
  const close = () => {
    if (band !== undefined) regions.push({ x: band.left, y: band.top, width: band.right - band.left, height: band.bottom - band.top });
  };
  for (let y = 0; y < height; y++) {
    const found = difference(before.words.subarray(y * width, (y + 1) * width), after.words.subarray(y * width, (y + 1) * width));
    if (found === undefined) continue;
    if (band === undefined || y - band.bottom > LARGEST_GAP) {
      close();
      band = { top: y, bottom: y + 1, left: found[0], right: found[1] };
    } else band = { top: band.top, bottom: y + 1, left: Math.min(band.left, found[0]), right: Math.max(band.right, found[1]) };
  }
  close();
  return regions;
}

/** The regions' dots, one region after another. */
function cut({ width, words }: Lines, regions: readonly PictureRegion[]): Uint32Array<ArrayBuffer> {
  const dots = new Uint32Array(regions.reduce((sum, region) => sum + region.width * region.height, 0));
  let at = 0;
  for (const { x, y, width: wide, height } of regions) {
    for (let line = y; line < y + height; line++, at += wide) dots.set(words.subarray(line * width + x, line * width + x + wide), at);
  }
  return dots;
}

async function deflated(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Remembers the last picture that was sent, and sends what differs from it. */
export class PictureSender {
  private last: { readonly change: number; readonly lines: Lines } | undefined;

  /** The answer for one who has the picture `since`, or none. */
  async answer(picture: ScreenPicture, since: number | undefined): Promise<PictureAnswer> {
    const { pixels, ...rest } = picture;
    if (pixels === undefined) return rest;
    const lines = linesOf(picture, pixels);
    const { last } = this;
    this.last = { change: picture.change, lines };
    const isNext = last !== undefined && since === last.change && last.lines.width === lines.width && last.lines.height === lines.height;
    const regions = isNext ? changedRegions(last.lines, lines) : [{ x: 0, y: 0, width: lines.width, height: lines.height }];
    const dots = cut(lines, regions);
    return { ...rest, regions, pixels: bytesToBase64(await deflated(new Uint8Array(dots.buffer))) };
  }
}
