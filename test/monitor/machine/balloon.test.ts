/** The memory balloon in its machine: which pages it reaches, who sees it take them, and its size as an input. */
import assert from 'node:assert/strict';
import { VIDEO_BYTES } from '../../../src/monitor/devices/vga-state';
import { balloonMemory } from '../../../src/monitor/machine/balloonMemory';
import { NOTHING } from '../../../src/monitor/memory/physicalMap';
import type { VirtualMachine } from '../../../src/monitor/machine/machine';
import { BootSector } from './bootSector';
import { Traveller } from './timeTraveller';

const PAGE = 4096;
const MEMORY = 2 << 20;
/** A page of RAM that nothing uses, one of the BIOS's ROM, the first behind all RAM, and the first of video memory: by its window, and in its own place. */
const [UNUSED, BIOS, BEHIND, VIDEO, VIDEO_PLACE] = [0x140, 0xff, MEMORY / PAGE, 0xa0, (2 ** 40 - VIDEO_BYTES) / PAGE];
/** jmp $ */
const LOOP = [0xeb, 0xfe];

const machineWith = (settings: Readonly<Record<string, unknown>> = { balloon: true }): VirtualMachine => new BootSector(LOOP, settings).machine;

describe('the balloon in its machine', () => {
  it('reaches RAM, and neither ROM nor what is no memory of the guest', () => {
    const { parts: { map } } = machineWith();
    const pages = balloonMemory(map, MEMORY, 'balloon');
    const before = [map.read(BIOS * PAGE, 4), map.entry(BIOS), map.entry(VIDEO), map.entry(BEHIND)];
    for (const page of [UNUSED, VIDEO_PLACE]) map.copyIn(page * PAGE, Uint8Array.of(1, 2, 3, 4));
    for (const page of [UNUSED, BIOS, VIDEO, VIDEO_PLACE, BEHIND, 0xfffff, 0xffff_ffff]) pages.take(page);
    assert.deepEqual([map.givenBackPages(), map.read(UNUSED * PAGE, 4), map.read(VIDEO_PLACE * PAGE, 4)], [[UNUSED], 0, 0x04030201]);
    assert.deepEqual([map.read(BIOS * PAGE, 4), map.entry(BIOS), map.entry(VIDEO), map.entry(BEHIND)], before);
    assert.equal(map.entry(BEHIND), NOTHING);
    for (const page of [UNUSED, BIOS, 0xffff_ffff]) pages.release(page);
    assert.deepEqual(map.givenBackPages(), []);
  });

  it('is seen by who watches the memory that it takes', () => {
    const { parts: { map } } = machineWith();
    const pages = balloonMemory(map, MEMORY, 'balloon');
    map.copyIn(UNUSED * PAGE, Uint8Array.of(7));
    const seen: unknown[] = [];
    const none = (): boolean => false;
    map.watch = {
      covers: none, coversReads: none, touches: none, coversPhysical: (page) => page === UNUSED, read: () => undefined, walkerSets: (_, store) => store(),
      write: (access, store) => {
        store();
        seen.push([access.device, access.physicalPage, access.offset, access.bytes, map.read(UNUSED * PAGE, 1)]);
      },
    };
    for (const page of [UNUSED, UNUSED + 1]) pages.take(page);
    assert.deepEqual(seen, [['balloon', UNUSED, 0, PAGE, 0]]);
  });

  it('takes its size as an input, which comes again and is gone back over', () => {
    const it = new Traveller(machineWith());
    const target = (): number | undefined => it.machine.parts.board.balloon?.view().target;
    it.time.remember();
    const [before, at] = [it.on(5000), it.retired];
    it.time.input({ kind: 'balloon', memory: MEMORY / 2 });
    const [after, then] = [it.on(5000), it.retired];
    assert.equal(target(), MEMORY / 2);
    assert.equal(it.travel(at - 1000) === before, false);
    assert.equal(target(), MEMORY);
    assert.equal(it.travel(then), after);
    assert.equal(target(), MEMORY / 2);
    it.travel(at - 1000);
    it.time.input({ kind: 'balloon', memory: MEMORY - PAGE });
    it.on(20_000);
    assert.equal(target(), MEMORY - PAGE, 'what was to come has not come');
    it.time.reset();
    assert.equal(target(), MEMORY);
  });

  it('says what is wrong with a size, and that there is no balloon', () => {
    assert.throws(() => new Traveller(machineWith()).time.input({ kind: 'balloon', memory: MEMORY + PAGE }), /cannot be left 2101248 bytes of memory/);
    assert.throws(() => new Traveller(machineWith({})).time.input({ kind: 'balloon', memory: MEMORY }), /no memory balloon; it is given one by "balloon": true/);
  });
});
