// Which files of a workspace are booted, as what, and what is said of the others.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { bootFieldsOf, identifyFile, whyNotBootable } from '../../src/extension/disks/bootFile';
import { samples } from '../../scripts/lib/paths.mjs';
import { scratch } from '../filesystems/support';

describe('booting files', () => {
  const place = scratch();
  after(() => { place.remove(); });

  function fieldsOf(name: string, contents: Uint8Array): unknown {
    writeFileSync(place.at(name), contents);
    return bootFieldsOf(identifyFile(place.at(name)), name);
  }

  function withSignature(bytes: number): Buffer {
    const image = Buffer.alloc(bytes);
    image.writeUInt16LE(0xaa55, 510);
    return image;
  }

  it('knows kernels, floppies, disks and CDs by what is in them', () => {
    assert.deepEqual(bootFieldsOf(identifyFile(path.join(samples, 'hello', 'hello.img')), 'hello.img'), { floppy: 'hello.img' });
    assert.deepEqual(bootFieldsOf(identifyFile(path.join(samples, 'paging-lab', 'paging-lab.elf')), 'lab'), { multiboot: 'lab' });
    assert.deepEqual(fieldsOf('sector', withSignature(512)), { floppy: 'sector' });
    assert.deepEqual(fieldsOf('disk', withSignature(8 * 1024 * 1024)), { disks: ['disk'] });
    const kernel = withSignature(4096);
    kernel.write('HdrS', 0x202);
    assert.deepEqual(fieldsOf('kernel', kernel), { kernel: 'kernel', cmdline: 'console=ttyS0' });
    const disc = Buffer.alloc(0x9000);
    disc.write('CD001', 0x8001);
    assert.deepEqual(fieldsOf('disc', disc), { cdrom: 'disc' });
    const vhd = withSignature(8 * 1024 * 1024);
    vhd.write('conectix', vhd.length - 512);
    assert.deepEqual(fieldsOf('fixed.vhd', vhd), { disks: ['fixed.vhd'] });
    assert.deepEqual(fieldsOf('q', Buffer.from('QFI\xfb....', 'latin1')), { disks: ['q'] });
  });

  it('says what others are, and what to do', () => {
    const say = (name: string, contents: Uint8Array) => {
      assert.equal(fieldsOf(name, contents), undefined);
      return whyNotBootable(identifyFile(place.at(name)), place.at(name));
    };
    assert.match(say('zeros.img', new Uint8Array(4096)), /^zeros\.img cannot be booted: .*55 AA/);
    assert.match(say('nothing.img', new Uint8Array(0)), /it is an empty file/);
    assert.match(say('files.zip', Buffer.from('PK\x03\x04rest')), /a zip archive; unpack it first\.$/);
    assert.match(say('initrd', Buffer.from('070701rest of it')), /name it in launch\.json as initrd\.$/);
  });
});
