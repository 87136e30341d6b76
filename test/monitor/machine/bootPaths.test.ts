/** Where the firmware is sent for what it shall boot from: paths as QEMU's boards have them, which SeaBIOS and OVMF look for. */
import assert from 'node:assert/strict';
import { bootOrderFile } from '../../../src/monitor/firmware/boot-order';
import { bootPaths, type BootDrives } from '../../../src/monitor/machine/bootPaths';

const NOTHING: BootDrives = { floppy: false, disks: [], cdrom: false, network: undefined };

/** Lines of the file 'bootorder'. */
function lines(...words: Parameters<typeof bootPaths>): string[] {
  return new TextDecoder().decode(bootOrderFile(bootPaths(...words)).bytes).replace('\0', '').split('\n').filter((line) => line !== '');
}

describe('where to boot from', () => {
  it('is a CD at the secondary channel\'s master, first if the order says so', () => {
    assert.deepEqual(lines({ ...NOTHING, cdrom: true, disks: ['ata'] }, ['cdrom', 'disk']), ['/pci@i0cf8/ide@1,1/drive@1/disk@0', '/pci@i0cf8/ide@1,1/drive@0/disk@0']);
  });

  it('leaves the CD-ROM drive its place among many disks', () => {
    const places = (cdrom: boolean): string[] => lines({ ...NOTHING, cdrom, disks: ['ata', 'ata', 'ata'] }, ['disk']).map((line) => line.slice('/pci@i0cf8/ide@1,1/'.length));
    assert.deepEqual(places(true), ['drive@0/disk@0', 'drive@0/disk@1', 'drive@1/disk@1']);
    assert.deepEqual(places(false), ['drive@0/disk@0', 'drive@0/disk@1', 'drive@1/disk@0']);
  });

  it('counts disks on each bus by themselves, in the order of the configuration', () => {
    assert.deepEqual(lines({ ...NOTHING, disks: ['virtio', 'ata', 'virtio'] }, ['disk']), [
      '/pci@i0cf8/scsi@4/disk@0,0', '/pci@i0cf8/ide@1,1/drive@0/disk@0', '/pci@i0cf8/scsi@5/disk@0,0',
    ]);
  });

  it('is a network card in its slot: an e1000 in slot 3, a virtio card behind the virtio disks', () => {
    assert.deepEqual(lines({ ...NOTHING, network: 'e1000' }, ['network']), ['/pci@i0cf8/ethernet@3/ethernet-phy@0']);
    assert.deepEqual(lines({ ...NOTHING, disks: ['virtio'], network: 'virtio' }, ['network']), ['/pci@i0cf8/ethernet@5/ethernet-phy@0']);
  });

  it('is what is there, when nobody has chosen: floppy, disks, CD-ROM, network', () => {
    assert.deepEqual(lines({ floppy: true, disks: ['ata'], cdrom: true, network: 'e1000' }), [
      '/pci@i0cf8/isa@1/fdc@03f0/floppy@0', '/pci@i0cf8/ide@1,1/drive@0/disk@0', '/pci@i0cf8/ide@1,1/drive@1/disk@0', '/pci@i0cf8/ethernet@3/ethernet-phy@0',
    ]);
    assert.deepEqual(lines(NOTHING), []);
  });
});
