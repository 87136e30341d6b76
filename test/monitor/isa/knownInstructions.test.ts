/** Instructions that have been decoded before: the same as decoding them anew, whatever stands behind them and wherever the bytes end. */
import assert from 'node:assert/strict';
import { decode } from '../../../src/monitor/isa/decoder';
import { decodeKnown } from '../../../src/monitor/isa/knownInstructions';
import { STREAM_BYTES, randomCode } from './randomCode';

describe('instructions that are known', () => {
  for (const bits of [16, 32, 64] as const) {
    it(`are what decoding gives, ${bits} bits`, () => {
      for (let round = 0; round < 2; round++) {
        for (const stream of randomCode(3, 20_000, bits)) {
          assert.deepEqual(decodeKnown(stream, 0, STREAM_BYTES, bits), decode(stream, 0, STREAM_BYTES, bits), Buffer.from(stream).toString('hex'));
        }
      }
    });

    it(`end where the bytes do, ${bits} bits`, () => {
      for (const stream of randomCode(5, 5000, bits)) {
        decodeKnown(stream, 0, STREAM_BYTES, bits);
        for (let end = 0; end < 6; end++) assert.deepEqual(decodeKnown(stream, 0, end, bits), decode(stream, 0, end, bits), `${end} of ${Buffer.from(stream).toString('hex')}`);
      }
    });
  }

  it('are one object', () => {
    const code = Uint8Array.of(0x89, 0xd8, 0x90, 0x89, 0xd8, 0x55);
    assert.equal(decodeKnown(code, 0, code.length, 32), decodeKnown(code, 3, code.length, 32));
  });

  it('are not confused with VEX, which begins as LES does', () => {
    const les = Uint8Array.of(0xc4, 0x10, 0, 0, 0, 0), vex = Uint8Array.of(0xc4, 0xe2, 0x79, 0x18, 0x00, 0);
    for (const code of [les, vex, les]) assert.deepEqual(decodeKnown(code, 0, code.length, 32), decode(code, 0, code.length, 32));
  });
});
