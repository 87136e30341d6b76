/** Pictures on the wire: what is sent of them, and that the panel's picture is the guest's. */
import assert from 'node:assert/strict';
import { inflateRawSync } from 'node:zlib';
import { base64ToBytes, bytesToBase64 } from '../../debugger/codec';
import { PictureSender, type PictureAnswer } from '../../debugger/pictures';
import type { ScreenPicture } from '../../src/monitor/inspection/queries';

const WIDTH = 1024;
const HEIGHT = 768;

/** A picture of text-like dots. */
function picture(change: number, dots: Uint32Array, width = WIDTH, height = HEIGHT): ScreenPicture {
  return { change, width, height, aspect: width / height, pixels: new Uint8Array(dots.buffer.slice(0)) };
}

function textDots(): Uint32Array {
  return Uint32Array.from({ length: WIDTH * HEIGHT }, (_, i) => {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
    return (x * 7 + y * 13) % (11 + ((x >> 3) % 5)) < 3 && y % 16 < 12 ? 0xffaaaaaa : 0xff000000;
  });
}

/** What a panel does with an answer. */
function apply(shown: Uint32Array, { width, regions = [], pixels = '' }: PictureAnswer): void {
  const bytes = inflateRawSync(Buffer.from(pixels, 'base64'));
  const dots = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  let at = 0;
  for (const region of regions) {
    for (let line = 0; line < region.height; line++, at += region.width) shown.set(dots.subarray(at, at + region.width), (region.y + line) * width + region.x);
  }
  assert.equal(at, dots.length, 'the regions have as many dots as were sent');
}

describe('pictures on the wire', () => {
  it('are whole for one who has none, and regions for one who has the one before', async () => {
    const sender = new PictureSender();
    const dots = textDots();
    const shown = new Uint32Array(dots.length);
    const first = await sender.answer(picture(1, dots), undefined);
    assert.deepEqual(first.regions, [{ x: 0, y: 0, width: WIDTH, height: HEIGHT }]);
    apply(shown, first);
    assert.deepEqual(shown, dots);
    dots.fill(0xff00ff00, 100 * WIDTH + 40, 100 * WIDTH + 48);
    dots.fill(0xff00ff00, 104 * WIDTH + 30, 104 * WIDTH + 48);
    dots.fill(0xff0000ff, 700 * WIDTH, 701 * WIDTH);
    const second = await sender.answer(picture(2, dots), 1);
    assert.deepEqual(second.regions, [{ x: 30, y: 100, width: 18, height: 5 }, { x: 0, y: 700, width: WIDTH, height: 1 }]);
    apply(shown, second);
    assert.deepEqual(shown, dots);
    console.log(`      1024 x 768: ${first.pixels?.length ?? 0} characters whole, ${second.pixels?.length ?? 0} for two small changes, of ${Math.ceil(dots.length * 16 / 3)}`);
  });

  it('have no dots when nothing has changed', async () => {
    const sender = new PictureSender();
    await sender.answer(picture(4, textDots()), undefined);
    assert.deepEqual(await sender.answer({ change: 4, width: WIDTH, height: HEIGHT, aspect: 4 / 3 }, 4), { change: 4, width: WIDTH, height: HEIGHT, aspect: 4 / 3 });
  });

  it('are whole again for another size, and for one who has missed some', async () => {
    const sender = new PictureSender();
    await sender.answer(picture(1, textDots()), undefined);
    const small = await sender.answer(picture(2, new Uint32Array(320 * 200), 320, 200), 1);
    assert.deepEqual(small.regions, [{ x: 0, y: 0, width: 320, height: 200 }]);
    const other = await sender.answer(picture(3, new Uint32Array(320 * 200).fill(7), 320, 200), 1);
    assert.deepEqual(other.regions, [{ x: 0, y: 0, width: 320, height: 200 }]);
  });

  it('have base64 as everybody writes it', () => {
    for (const length of [0, 1, 2, 3, 4, 255, 256, 100_000]) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 7919) >> 3);
      assert.equal(bytesToBase64(bytes), Buffer.from(bytes).toString('base64'));
      assert.deepEqual(base64ToBytes(bytesToBase64(bytes)), bytes);
    }
  });
});
