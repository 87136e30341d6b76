/** The flash chip of UEFI firmware, by the Intel command set: modes, erasing, programming, and what a reset leaves. */
import assert from 'node:assert/strict';
import { Flash } from '../../../src/monitor/devices/flash';

const FIRST = 0xffc0_0000;

function create(): Flash {
  const image = new Uint8Array(0x3000).fill(0xff);
  image.set([1, 2, 3, 4], 0x1000);
  const flash = new Flash(FIRST, image);
  flash.reset();
  return flash;
}

const read = (flash: Flash, offset: number): number => flash.readMemory(FIRST + offset, 1);
const write = (flash: Flash, offset: number, value: number): void => flash.writeMemory(FIRST + offset, 1, value);

describe('flash', () => {
  it('reads as memory, in any width', () => {
    const flash = create();
    assert.equal(flash.readMemory(FIRST + 0x1000, 4), 0x0403_0201);
    assert.equal(flash.readMemory(FIRST + 0x1002, 2), 0x0403);
  });

  it('is told from RAM and ROM as OVMF does it', () => {
    const flash = create();
    write(flash, 0x1000, 0x50);
    assert.equal(read(flash, 0x1000), 1, 'clearing the status writes nothing');
    write(flash, 0x1000, 0x70);
    assert.equal(read(flash, 0x1000), 0, 'the status, cleared');
    write(flash, 0x1000, 0xff);
    assert.equal(read(flash, 0x1000), 1);
  });

  it('programs zeros only, a byte at a time, and is ready at once', () => {
    const flash = create();
    write(flash, 0x1003, 0x10);
    write(flash, 0x1003, 0xf2);
    assert.equal(read(flash, 0x1003), 0x80, 'the status');
    write(flash, 0, 0xff);
    assert.equal(read(flash, 0x1003), 0x04 & 0xf2);
    assert.equal(read(flash, 0x1002), 3);
  });

  it('erases the block that it is told in', () => {
    const flash = create();
    write(flash, 0x1800, 0x20);
    write(flash, 0x1800, 0xd0);
    write(flash, 0, 0xff);
    assert.equal(flash.readMemory(FIRST + 0x1000, 4), 0xffff_ffff);
    write(flash, 0x1000, 0x40);
    write(flash, 0x1000, 0x77);
    write(flash, 0, 0xff);
    assert.equal(read(flash, 0x1000), 0x77);
  });

  it('refuses to erase without the confirmation', () => {
    const flash = create();
    write(flash, 0x1000, 0x20);
    write(flash, 0x1000, 0xff);
    write(flash, 0x1000, 0x70);
    assert.equal(read(flash, 0), 0xb0);
    write(flash, 0x1000, 0xff);
    assert.equal(read(flash, 0x1000), 1);
  });

  it('identifies itself, and answers the CFI query', () => {
    const flash = create();
    write(flash, 0, 0x90);
    assert.deepEqual([read(flash, 0), read(flash, 1)], [0x89, 0x18]);
    write(flash, 0, 0x98);
    assert.equal(String.fromCharCode(read(flash, 0x10), read(flash, 0x11), read(flash, 0x12)), 'QRY');
  });

  it('keeps its contents over a reset, as plain data, until it is renewed', () => {
    const flash = create();
    write(flash, 0x1000, 0x10);
    write(flash, 0x1000, 0x00);
    flash.reset();
    assert.equal(read(flash, 0x1000), 0);
    const other = create();
    other.state = structuredClone(flash.state);
    assert.equal(read(other, 0x1000), 0);
    flash.renew();
    assert.equal(read(flash, 0x1000), 1);
  });
});
