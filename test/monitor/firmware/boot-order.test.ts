/** The order of drives as SeaBIOS and OVMF read it. */
import assert from 'node:assert/strict';
import { bootOrderFile } from '../../../src/monitor/firmware/boot-order';

describe('the boot order for firmware', () => {
  it('has a path for each drive, a line each, and ends in a zero', () => {
    const { name, bytes } = bootOrderFile([{ kind: 'ata', channel: 0, unit: 0 }, { kind: 'floppy', drive: 0 }, { kind: 'ata', channel: 1, unit: 1 }]);
    assert.equal(name, 'bootorder');
    assert.equal(new TextDecoder().decode(bytes), '/pci@i0cf8/ide@1,1/drive@0/disk@0\n/pci@i0cf8/isa@1/fdc@03f0/floppy@0\n/pci@i0cf8/ide@1,1/drive@1/disk@1\0');
  });
});
