/** Where SeaBIOS goes, with made-up files and with those of the Debian package if it is installed. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { leaveOut } from '../../support/leaveOut';
import { installFirmware, resetCpu } from '../../../src/monitor/firmware/install';
import { mapExternalFirmware } from '../../../src/monitor/firmware/seabios';
import { FakeMemory, MIB, refuses } from './fakes';

const KIB = 1024;

function bios(kib: number): Uint8Array {
  const image = Uint8Array.from({ length: kib * KIB }, (_, i) => (i >>> 16) & 0xff);
  image.set([0xea, 0x5b, 0xe0, 0x00, 0xf0], image.length - 16);
  return image;
}

function vgaBios(): Uint8Array {
  const image = new Uint8Array(36 * KIB + 512);
  image.set([0x55, 0xaa, 73]);
  return image;
}

describe('External firmware', () => {
  it('maps the last 128 KiB below 1 MiB, the whole below 4 GiB, the VGA BIOS at C0000', () => {
    const [vga, low, high] = mapExternalFirmware(bios(256), vgaBios());
    assert.deepEqual([vga.address, vga.bytes.length, vga.writable], [0xc0000, 40 * KIB, true]);
    assert.deepEqual([low.address, low.bytes.length, low.writable], [0xe0000, 128 * KIB, true]);
    assert.deepEqual([low.bytes[0], low.bytes[0x1_0000]], [2, 3]);
    assert.deepEqual([high.address, high.bytes.length, high.writable], [0xfffc_0000, 256 * KIB, false]);
  });
  it('shows the 128 KiB 1 MiB lower, for a reset while address line 20 is closed, unless the ROM itself is there', () => {
    const [, low, , shifted] = mapExternalFirmware(bios(256), vgaBios());
    assert.deepEqual([shifted.address, shifted.writable], [0xffee_0000, false]);
    assert.deepEqual(shifted.bytes, low.bytes);
    assert.equal(mapExternalFirmware(bios(1024), vgaBios()).length, 4);
    assert.equal(mapExternalFirmware(bios(1088), vgaBios()).length, 3);
  });
  it('takes flash of any size that a PC decodes', () => {
    const [, small, smallHigh] = mapExternalFirmware(bios(64), vgaBios());
    assert.deepEqual([small.address, small.bytes.length, smallHigh.address], [0xf0000, 64 * KIB, 0xffff_0000]);
    const [, large, largeHigh] = mapExternalFirmware(bios(1024), vgaBios());
    assert.deepEqual([large.address, large.bytes[0], largeHigh.address, largeHigh.bytes.length], [0xe0000, 14, 0xfff0_0000, 1024 * KIB]);
  });
  it('takes the files of the Debian package', function () {
    const [system, vga] = ['bios.bin', 'bios-256k.bin', 'vgabios-stdvga.bin'].map((name) => `/usr/share/seabios/${name}`);
    if (!existsSync(system) || !existsSync(vga)) leaveOut(this, 'no SeaBIOS (Debian: seabios)');
    assert.equal(mapExternalFirmware(readFileSync(system), vgaBios())[2].address, 0xfffe_0000);
    assert.doesNotThrow(() => mapExternalFirmware(bios(128), readFileSync('/usr/share/seabios/vgabios-stdvga.bin')));
  });
  it('refuses missing and wrong files, naming the package', () => {
    refuses(() => mapExternalFirmware(undefined, vgaBios()), 'firmware', /bios\.bin.*`seabios`/);
    refuses(() => mapExternalFirmware(bios(128), undefined), 'firmware', /vgabios\.bin.*`seabios`/);
    refuses(() => mapExternalFirmware(bios(96), vgaBios()), 'firmware', /96 KiB.*multiple of 64 KiB/);
    refuses(() => mapExternalFirmware(bios(16 * KIB + 64), vgaBios()), 'firmware', /up to 16 MiB/);
    refuses(() => mapExternalFirmware(new Uint8Array(128 * KIB), vgaBios()), 'firmware', /reset vector/);
    refuses(() => mapExternalFirmware(bios(128), bios(64)), 'firmware', /no option ROM/);
    refuses(() => mapExternalFirmware(bios(128), vgaBios().subarray(0, 36 * KIB)), 'firmware', /no option ROM/);
  });
  it('is written by installFirmware, and protected where it is ROM', () => {
    const memory = new FakeMemory(MIB);
    installFirmware([
      { address: 0xe0000, bytes: Uint8Array.of(1, 2), writable: true },
      { address: 0xf0000, bytes: new Uint8Array(0x10000).fill(3), writable: false },
    ], memory);
    assert.deepEqual([memory.read8(0xe0001), memory.read8(0xfffff)], [2, 3]);
    assert.deepEqual(memory.protectedRanges, [{ address: 0xf0000, bytes: 0x10000 }]);
  });
  it('starts at the architectural reset vector', () => {
    const { instructionPointer, segments } = resetCpu();
    assert.equal((segments?.cs?.base ?? 0) + instructionPointer, 0xffff_fff0);
    assert.equal(segments?.cs?.selector, 0xf000);
  });
});
