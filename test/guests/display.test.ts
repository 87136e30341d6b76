/**
 * Video modes as a guest sets and draws them by INT 10h: the picture that we make of the screen is QEMU's, dot by dot, with
 * SeaBIOS's video BIOS and with our own.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Guest } from './harness';
import { monitorImages } from './support/displayImages';
import { QemuScreen, type Picture } from './support/qemuScreen';

const PROGRAM = fileURLToPath(new URL('display/modes.asm', import.meta.url));
const FLOPPY_BYTES = 1_474_560;
const KEY_A = 0x1e;

/** What the letters stand for, in the program's order. */
const MODES: readonly (readonly [letter: string, name: string])[] = [
  ['a', '80 columns of text'], ['b', '40 columns of text'], ['c', 'mode 04'], ['d', 'mode 06'], ['e', 'mode 0D'], ['f', 'mode 0E'],
  ['g', 'mode 10'], ['h', 'mode 12'], ['i', 'mode 11'], ['j', 'mode 13'], ['k', 'mode X'], ['l', 'a split screen'], ['m', 'VBE, 8 bits'],
  ['n', 'VBE, 15 bits'], ['o', 'VBE, 16 bits'], ['p', 'VBE, 24 bits'], ['q', 'VBE, 32 bits'], ['r', 'VBE, scrolled'], ['s', 'text of 512 characters'],
];

function assembled(): Uint8Array {
  const folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-display-'));
  try {
    const out = path.join(folder, 'modes.bin');
    const { status, stderr } = spawnSync('nasm', ['-f', 'bin', '-o', out, PROGRAM], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const floppy = new Uint8Array(FLOPPY_BYTES);
    floppy.set(readFileSync(out));
    return floppy;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function ourPicture(guest: Guest): Picture {
  const { width, height, pixels } = guest.machine.picture();
  assert.ok(pixels);
  const rgb = new Uint8Array(width * height * 3);
  for (let dot = 0; dot < width * height; dot++) rgb.set(pixels.subarray(4 * dot, 4 * dot + 3), 3 * dot);
  return { width, height, rgb };
}

/** The DAC holds six bits a component, and modes of 15 bits five: how they become eight is everybody's own affair. */
function assertAlike(ours: Picture, theirs: Picture, what: string): void {
  const shift = what.includes('15 bits') ? 3 : 2;
  assert.deepEqual([ours.width, ours.height], [theirs.width, theirs.height], what);
  let different = 0;
  let first = -1;
  for (let i = 0; i < ours.rgb.length; i++) {
    if (ours.rgb[i] >> shift === theirs.rgb[i] >> shift) continue;
    if (first < 0) first = Math.floor(i / 3);
    different++;
  }
  assert.equal(different, 0, `${what}: ${different} components differ, the first at dot ${first % ours.width} of line ${Math.floor(first / ours.width)}`);
}

describe('video modes', function () {
  this.timeout(120_000);
  let floppy: Uint8Array;
  const theirs = new Map<string, Picture>();

  before(async () => {
    floppy = assembled();
    const qemu = new QemuScreen(floppy);
    try {
      for (const [letter] of MODES) {
        await qemu.until(() => qemu.debug.includes(letter), letter);
        theirs.set(letter, await qemu.picture());
        qemu.command('sendkey a');
      }
    } finally {
      qemu.close();
    }
  });

  for (const firmware of ['seabios', 'builtin']) {
    describe(`with the BIOS '${firmware}'`, () => {
      let guest: Guest;
      before(async () => { guest = await monitorImages(firmware, floppy); });
      for (const [letter, name] of MODES) {
        it(`shows ${name} as QEMU does`, () => {
          guest.run({ until: () => guest.debug.includes(letter) });
          assert.ok(!guest.debug.includes('?'), 'the BIOS refuses no mode');
          const picture = ourPicture(guest);
          guest.press(KEY_A);
          const expected = theirs.get(letter);
          assert.ok(expected);
          assertAlike(picture, expected, name);
        });
      }
    });
  }
});
