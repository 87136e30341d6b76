/**
 * Makes a PNG file small: a window of an editor has few colours, and with a palette of them (W3C, PNG, 11.2.2) it takes a third of what a
 * browser writes. Only the kind that browsers write is read: 8 bits a sample, with or without alpha, not interlaced.
 */
import { crc32, deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const SAMPLES: Readonly<Record<number, number>> = { 2: 3, 6: 4 };
const PALETTE = 256;

interface Picture {
  readonly width: number;
  readonly height: number;
  /** 0xRRGGBB for each dot, row by row. */
  readonly dots: Uint32Array;
}

function chunksOf(file: Buffer): { readonly type: string; readonly data: Buffer }[] {
  const chunks = [];
  for (let at = SIGNATURE.length; at < file.length;) {
    const length = file.readUInt32BE(at);
    chunks.push({ type: file.toString('latin1', at + 4, at + 8), data: file.subarray(at + 8, at + 8 + length) });
    at += length + 12;
  }
  return chunks;
}

/** PNG, 9.4: which of its neighbours a sample is foretold from. */
function paeth(left: number, above: number, corner: number): number {
  const [a, b, c] = [Math.abs(above - corner), Math.abs(left - corner), Math.abs(left + above - 2 * corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? above : corner;
}

/** Takes the rows' filters back (PNG, 9.2), in place. */
function unfilter(rows: Buffer, rowBytes: number, samples: number): void {
  const stride = rowBytes + 1;
  for (let row = 0; row * stride < rows.length; row++) {
    const filter = rows[row * stride];
    for (let at = row * stride + 1; at < (row + 1) * stride; at++) {
      const isFirst = at - row * stride <= samples;
      const left = isFirst ? 0 : rows[at - samples];
      const above = row === 0 ? 0 : rows[at - stride];
      const corner = isFirst || row === 0 ? 0 : rows[at - stride - samples];
      rows[at] += [0, left, above, (left + above) >> 1, paeth(left, above, corner)][filter] ?? 0;
    }
  }
}

function decode(file: Buffer): Picture {
  const chunks = chunksOf(file);
  const header = chunks[0].data;
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const samples = SAMPLES[header[9]];
  if (header[8] !== 8 || samples === undefined || header[12] !== 0) throw new Error('the picture is not in the form that browsers write');
  const rows = inflateSync(Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data)));
  unfilter(rows, width * samples, samples);
  const dots = new Uint32Array(width * height);
  for (let row = 0, dot = 0; row < height; row++) {
    for (let column = 0; column < width; column++, dot++) dots[dot] = rows.readUIntBE(row * (width * samples + 1) + 1 + column * samples, 3);
  }
  return { width, height, dots };
}

const distance = (a: number, b: number): number => {
  const [red, green, blue] = [16, 8, 0].map((shift) => ((a >> shift) & 0xff) - ((b >> shift) & 0xff));
  return 2 * red * red + 4 * green * green + 3 * blue * blue;
};

/** The colours to keep, the most frequent first: of each group that an eye takes for one, the one that is used most. */
function paletteOf(counts: ReadonlyMap<number, number>): readonly number[] {
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  if (sorted.length <= PALETTE) return sorted.map(([colour]) => colour);
  const groups = new Map<number, { readonly colour: number; count: number }>();
  for (const [colour, count] of sorted) {
    const key = colour & 0xf8f8f8;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { colour, count });
    else group.count += count;
  }
  return [...groups.values()].sort((a, b) => b.count - a.count).slice(0, PALETTE).map(({ colour }) => colour);
}

function chunk(type: string, data: Buffer): Buffer {
  const whole = Buffer.alloc(data.length + 12);
  whole.writeUInt32BE(data.length, 0);
  whole.write(type, 4, 'latin1');
  data.copy(whole, 8);
  whole.writeUInt32BE(crc32(whole.subarray(4, -4)), data.length + 8);
  return whole;
}

/** The same picture with a palette of at most 256 colours. */
export function withPalette(file: Buffer): Buffer {
  const { width, height, dots } = decode(file);
  const counts = new Map<number, number>();
  for (const dot of dots) counts.set(dot, (counts.get(dot) ?? 0) + 1);
  const palette = paletteOf(counts);
  const nearest = new Map([...counts.keys()].map((colour) => [colour, palette.reduce((best, each, i) => (distance(each, colour) < distance(palette[best], colour) ? i : best), 0)]));
  const rows = Buffer.alloc(height * (width + 1));
  for (let row = 0, dot = 0; row < height; row++) {
    for (let column = 0; column < width; column++, dot++) rows[row * (width + 1) + 1 + column] = nearest.get(dots[dot]) ?? 0;
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3], 8);
  const colours = Buffer.alloc(palette.length * 3);
  palette.forEach((colour, i) => colours.writeUIntBE(colour, i * 3, 3));
  return Buffer.concat([SIGNATURE, chunk('IHDR', header), chunk('PLTE', colours), chunk('IDAT', deflateSync(rows, { level: 9, memLevel: 9 })), chunk('IEND', Buffer.alloc(0))]);
}
