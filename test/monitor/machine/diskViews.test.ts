// What the outside is told of the drives, and what it reads of them: the disk as the guest has written it.
import assert from 'node:assert/strict';
import { BlockError } from '../../../src/monitor/devices/device';
import { ACTIVITY_ZONES } from '../../../src/monitor/disks/activity';
import { Drive } from '../../../src/monitor/disks/drive';
import { DirectStore } from '../../../src/monitor/disks/blockStore';
import { RawImage } from '../../../src/monitor/disks/raw';
import { MemoryFile } from '../../support/memoryFiles';

const SECTOR = 512;
const SECTORS = ACTIVITY_ZONES * 4;

function driveOf(contents: Uint8Array): Drive {
  return new Drive(new DirectStore(new RawImage(new MemoryFile(contents), { readOnly: true })), 'disk', 'overlay');
}

describe('drives: what is seen from outside', () => {
  it('reads any bytes as the guest would, overlay included', () => {
    const contents = Uint8Array.from({ length: SECTORS * SECTOR }, (_, at) => at % 251);
    const drive = driveOf(contents);
    drive.write(8, new Uint8Array(SECTOR).fill(7));
    assert.deepEqual(drive.peek(8 * SECTOR - 3, 6), Uint8Array.of(...contents.subarray(8 * SECTOR - 3, 8 * SECTOR), 7, 7, 7));
    assert.deepEqual(drive.peek(9 * SECTOR - 1, 2), Uint8Array.of(7, contents[9 * SECTOR]));
    assert.deepEqual(drive.peek(SECTORS * SECTOR - 5, 5), contents.subarray(SECTORS * SECTOR - 5));
    assert.equal(drive.peek(100, 0).length, 0);
    assert.throws(() => drive.peek(SECTORS * SECTOR - 5, 6), RangeError);
  });

  it('counts the guest\'s requests, by where they were, and none of those that look', () => {
    const drive = driveOf(new Uint8Array(SECTORS * SECTOR));
    const into = new Uint8Array(8 * SECTOR);
    drive.read(0, 8, into);
    drive.read(SECTORS - 1, 1, into);
    drive.write(4, new Uint8Array(SECTOR));
    drive.peek(0, 100_000);
    drive.discard(0, 8);
    assert.deepEqual(drive.activity.counters, { reads: 2, readBytes: 9 * SECTOR, writes: 1, writtenBytes: SECTOR, discards: 1 });
    const touched = (zones: readonly number[]) => zones.flatMap((count, zone) => (count === 0 ? [] : [[zone, count]]));
    assert.deepEqual(touched(drive.activity.readZones), [[0, 1], [1, 1], [ACTIVITY_ZONES - 1, 1]]);
    assert.deepEqual(touched(drive.activity.writeZones), [[1, 1]]);
  });

  it('does not count what could not be done', () => {
    const drive = new Drive(new DirectStore(new RawImage(new MemoryFile(new Uint8Array(SECTOR)), { readOnly: true })), 'disc', 'refuse');
    assert.throws(() => drive.write(0, new Uint8Array(SECTOR)), BlockError);
    assert.equal(drive.activity.counters.writes, 0);
  });
});
