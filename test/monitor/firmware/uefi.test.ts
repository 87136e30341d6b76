/** Where a build of OVMF goes: code up to 4 GiB, variables below it, from one file or two. */
import assert from 'node:assert/strict';
import { isUefi, placeUefi } from '../../../src/monitor/firmware/uefi';
import { refuses } from './fakes';

/** The beginning of a firmware volume: a GUID's first dword, the length, the signature. */
function volume(guid: number, bytes: number): Uint8Array {
  const image = new Uint8Array(bytes);
  const view = new DataView(image.buffer);
  view.setUint32(0x10, guid, true);
  view.setUint32(0x20, bytes, true);
  image.set(new TextEncoder().encode('_FVH'), 0x28);
  return image;
}

const VARIABLES = volume(0xfff1_2b8d, 0x8_4000);
const CODE = volume(0x8c8c_e578, 0x37_c000);

describe('UEFI firmware', () => {
  it('is known by its first volume', () => {
    assert.equal(isUefi(CODE), true);
    assert.equal(isUefi(new Uint8Array(0x4_0000)), false);
    assert.equal(isUefi(new Uint8Array(3)), false);
  });

  it('ends at 4 GiB, with the variables right below', () => {
    const { mappings, flash } = placeUefi(CODE, VARIABLES);
    assert.deepEqual(mappings.map(({ address, bytes, writable }) => [address, bytes.length, writable]), [[0xffc8_4000, 0x37_c000, false], [0xe_0000, 0x2_0000, true]]);
    assert.deepEqual([flash.address, flash.bytes.length], [0xffc0_0000, 0x8_4000]);
  });

  it('comes out alike from one file that has both', () => {
    const whole = new Uint8Array(VARIABLES.length + CODE.length);
    whole.set(VARIABLES);
    whole.set(CODE, VARIABLES.length);
    assert.deepEqual(placeUefi(whole, undefined), placeUefi(CODE, VARIABLES));
  });

  it('is refused without variables, or with others\'', () => {
    refuses(() => placeUefi(CODE, undefined), 'firmware', /no variable store/);
    refuses(() => placeUefi(CODE, CODE), 'firmware', /no build for QEMU/);
  });
});
