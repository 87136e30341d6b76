/** Pages that a balloon has taken, at the moments of snapshots: going back and forth they are what they were, with no frame of their own. */
import assert from 'node:assert/strict';
import { BootSector } from './bootSector';
import { Traveller } from './timeTraveller';

/** Pages of RAM above 1 MiB that nothing uses. */
const [USED, UNUSED, LATER] = [0x140, 0x141, 0x142];

describe('pages that were given back', () => {
  it('are so again where they were, and are not where they were not yet', () => {
    // jmp $
    const it = new Traveller(new BootSector([0xeb, 0xfe]).machine);
    const { map, memory } = it.machine.parts;
    const write = (page: number, byte: number): void => { map.copyIn(page * 4096, Uint8Array.of(byte)); };
    const hasOwnFrame = (page: number): boolean => map.entry(page) > 0 && map.entry(page) !== memory.zeroFrame;
    const moment = (): readonly [retired: number, hash: string] => {
      it.time.remember();
      it.on(1000);
      return [it.retired, it.hash];
    };
    it.on(20_000);
    write(USED, 7);
    const before = moment();
    for (const page of [USED, UNUSED]) assert.ok(map.balloon(page));
    const taken = moment();
    write(USED, 8);
    map.balloon(LATER);
    const after = moment();
    const go = ([retired, hash]: readonly [number, string]): readonly number[] => {
      assert.equal(it.travel(retired), hash);
      return map.givenBackPages();
    };
    assert.deepEqual(go(taken), [USED, UNUSED]);
    assert.equal(hasOwnFrame(USED), false);
    assert.deepEqual(go(before), []);
    assert.equal(map.read(USED * 4096, 1), 7);
    assert.deepEqual(go(after), [UNUSED, LATER]);
    assert.deepEqual([map.read(USED * 4096, 1), hasOwnFrame(USED)], [8, true]);
    assert.deepEqual(go(taken), [USED, UNUSED]);
    assert.deepEqual([USED, UNUSED, LATER].map(hasOwnFrame), [false, false, false]);
    it.time.reset();
    assert.deepEqual(map.givenBackPages(), []);
  });
});
