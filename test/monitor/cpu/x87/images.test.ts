/** Images of the x87 unit in memory: the same bytes wherever they lie, inside of a page or over its end, and seen by who watches what is written. */
import assert from 'node:assert/strict';
import { AT, HLT, code, le32, protectedGuest } from '../guest';

const INC_EBX = 0x43, RET = 0xc3;
const FLD1 = [0xd9, 0xe8], FLDPI = [0xd9, 0xeb], FNINIT = [0xdb, 0xe3];
const fnsave = (address: number): readonly number[] => [0xdd, 0x35, ...le32(address)];
const frstor = (address: number): readonly number[] => [0xdd, 0x25, ...le32(address)];
const fnstenv = (address: number): readonly number[] => [0xd9, 0x35, ...le32(address)];
const SAVED_BYTES = 108;

describe('images of the x87 unit', () => {
  it('are the same inside of a page and over its end, and go back', () => {
    const first = AT.data + 0x100;
    for (const second of [AT.data + 0x800, AT.data + 0x1000 - 50, AT.data + 0x1000 - 107, AT.data + 0x2000 - SAVED_BYTES]) {
      const third = AT.data + 0x3000;
      const guest = protectedGuest(code(FNINIT, FLD1, FLDPI, fnsave(first), frstor(first), fnsave(second), FLD1, frstor(second), fnsave(third), HLT));
      guest.runToHalt();
      const [image, ...others] = [first, second, third].map((address) => [...guest.map.copyOut(address, SAVED_BYTES)]);
      assert.ok(image);
      // pi, and below it 1: significands and exponents (Intel SDM vol. 1, 8.1.10 and 8.2)
      assert.deepEqual(image.slice(28, 38), [0x35, 0xc2, 0x68, 0x21, 0xa2, 0xda, 0x0f, 0xc9, 0x00, 0x40]);
      assert.deepEqual(image.slice(38, 48), [0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f]);
      for (const other of others) assert.deepEqual(other, image);
      assert.ok([second - 1, second + SAVED_BYTES].every((address) => guest.map.copyOut(address, 1)[0] === 0), 'nothing beside it');
    }
  });

  it('are seen where they are written over code', () => {
    const guest = protectedGuest(code([0xe8, ...le32(AT.userCode - AT.code - 5)], FNINIT, fnstenv(AT.userCode), HLT));
    guest.put(AT.userCode, [INC_EBX, RET]);
    guest.runToHalt();
    assert.equal(guest.executor.code.counters.blocksInvalidated, 1);
    assert.deepEqual([...guest.map.copyOut(AT.userCode, 4)], [0x7f, 0x03, 0xff, 0xff]);
  });
});
