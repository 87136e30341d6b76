// The documentation's pictures: each is made by `npm run pictures`, and each that is made is shown somewhere.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { deflateSync, inflateSync } from 'node:zlib';
import { root } from '../../scripts/lib/paths.mjs';
import { LARGEST_PICTURE, PICTURES } from '../editor/pictures/list';
import { withPalette } from '../editor/pictures/png';

const FOLDER = path.join(root, 'docs', 'images');
const made = Object.values(PICTURES).flat().sort();

/** What the README and the pages of docs/ show, with the page. */
function shown(): { readonly page: string; readonly picture: string; readonly words: string }[] {
  const pages = ['README.md', ...readdirSync(path.join(root, 'docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)];
  return pages.flatMap((page) => [...readFileSync(path.join(root, page), 'utf8').matchAll(/!\[([^\]]*)\]\((?:docs\/)?images\/([^)]+)\)/g)]
    .map(([, words, picture]) => ({ page, picture, words })));
}

describe('the documentation\'s pictures', () => {
  it('are those that npm run pictures makes, no more and no fewer', () => {
    assert.deepEqual(readdirSync(FOLDER).sort(), made.map((name) => `${name}.png`));
    assert.deepEqual([...new Set(shown().map(({ picture }) => picture))].sort(), made.map((name) => `${name}.png`));
  });

  it('say in words what is on them', () => {
    for (const { page, picture, words } of shown()) assert.match(words, /\w+ \w+ \w+/, `${page}: ${picture}`);
  });

  it('are small', () => {
    for (const name of readdirSync(FOLDER)) assert.ok(statSync(path.join(FOLDER, name)).size <= LARGEST_PICTURE, name);
  });

  it('keep their dots when they are made small', () => {
    // Two by two dots, 8 bits a sample: red, green; the second row by its difference from the first (filter 2): red again, and blue.
    const rows = Buffer.from([0, 0xff, 0, 0, 0, 0xff, 0, 2, 0, 0, 0, 0, 1, 0xff]);
    const small = withPalette(png(rows));
    const palette = small.subarray(small.indexOf('PLTE') + 4, small.indexOf('IDAT') - 8);
    const data = small.subarray(small.indexOf('IDAT') + 4, small.indexOf('IEND') - 8);
    const dots = inflateSync(data);
    const colours = [dots[1], dots[2], dots[4], dots[5]].map((index) => palette.subarray(index * 3, index * 3 + 3).toString('hex'));
    assert.deepEqual(colours, ['ff0000', '00ff00', 'ff0000', '0000ff']);
  });
});

/** A picture of two by two dots in the form that a browser writes; check sums are nobody's business here. */
function png(rows: Buffer): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const whole = Buffer.alloc(data.length + 12);
    whole.writeUInt32BE(data.length);
    whole.write(type, 4, 'latin1');
    data.copy(whole, 8);
    return whole;
  };
  const header = Buffer.from([0, 0, 0, 2, 0, 0, 0, 2, 8, 2, 0, 0, 0]);
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}
