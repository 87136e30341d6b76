/**
 * Frames behind guest-physical pages: which are made when, which are shared, and that a write to one page never shows in
 * another, though the TLB held it for writing before it was shared.
 */
import assert from 'node:assert/strict';
import { MachineMemory } from '../../../src/monitor/memory/machineMemory';
import { Mmu } from '../../../src/monitor/memory/mmu';
import { PageSharing } from '../../../src/monitor/memory/pageSharing';
import { ABSENT, PhysicalMap } from '../../../src/monitor/memory/physicalMap';

const PAGE = 4096;
const PAGES = 64;

interface Parts {
  readonly memory: MachineMemory;
  readonly map: PhysicalMap;
  readonly mmu: Mmu;
  readonly sharing: PageSharing;
}

/** Without paging: linear addresses are physical. */
function machine(): Parts {
  const memory = new MachineMemory(PAGES);
  const map = new PhysicalMap(memory, { read: () => 0, write: () => undefined });
  map.declare(0, PAGES, ABSENT);
  return { memory, map, mmu: new Mmu(memory, map), sharing: new PageSharing(map, PAGES) };
}

/** Pages are stable from the second pass on, and merged in the one after. */
function scanAll({ sharing }: Parts): void {
  for (let i = 0; i < 3; i++) sharing.scan(PAGES);
}

describe('frames', () => {
  it('reading takes none, writing takes one a page', () => {
    const { memory, mmu } = machine();
    for (let page = 0; page < PAGES; page++) assert.equal(mmu.read(page * PAGE + 8, 4, false), 0);
    assert.equal(memory.framesInUse, 0);
    mmu.write(3 * PAGE, 4, 0x1234, false);
    mmu.write(3 * PAGE + 4, 4, 0x5678, false);
    assert.equal(memory.framesInUse, 1);
    assert.deepEqual([2, 3, 4].map((page) => mmu.read(page * PAGE, 4, false)), [0, 0x1234, 0]);
  });

  it('pages with equal bytes are kept once, until one of them is written', () => {
    const parts = machine();
    const { memory, map, mmu, sharing } = parts;
    for (const page of [1, 2, 3]) mmu.write(page * PAGE, 4, 77, false);
    mmu.write(4 * PAGE, 4, 78, false);
    scanAll(parts);
    assert.deepEqual([memory.framesInUse, sharing.counters.pagesMerged, map.counters.sharedPages], [2, 2, 3]);
    // The first one is known to the TLB for writing.
    mmu.write(PAGE, 4, 1, false);
    mmu.write(2 * PAGE, 4, 2, false);
    assert.deepEqual([1, 2, 3, 4].map((page) => mmu.read(page * PAGE, 4, false)), [1, 2, 77, 78]);
    mmu.write(3 * PAGE, 4, 3, false);
    assert.deepEqual([1, 2, 3, 4].map((page) => mmu.read(page * PAGE, 4, false)), [1, 2, 3, 78]);
    assert.deepEqual([memory.framesInUse, map.counters.sharedPages], [4, 0]);
  });

  it('pages of zeros give their frames back', () => {
    const parts = machine();
    const { memory, map, mmu } = parts;
    mmu.write(5 * PAGE, 4, 9, false);
    mmu.write(5 * PAGE, 4, 0, false);
    scanAll(parts);
    assert.deepEqual([memory.framesInUse, map.counters.zeroPages], [0, 1]);
    mmu.write(5 * PAGE + 16, 4, 10, false);
    assert.deepEqual([mmu.read(5 * PAGE, 4, false), mmu.read(5 * PAGE + 16, 4, false), map.counters.zeroPages], [0, 10, 0]);
  });

  it('a page that the balloon takes reads as zeros and can be written again', () => {
    const { memory, map, mmu } = machine();
    mmu.write(6 * PAGE, 4, 11, false);
    assert.ok(map.balloon(6));
    assert.equal(memory.framesInUse, 0);
    assert.equal(mmu.read(6 * PAGE, 4, false), 0);
    mmu.write(6 * PAGE + 4, 4, 12, false);
    assert.deepEqual([mmu.read(6 * PAGE, 4, false), mmu.read(6 * PAGE + 4, 4, false)], [0, 12]);
    assert.equal(map.balloon(PAGES), false, 'there is no such page');
  });

  it('knows which pages the balloon has, until they are written or taken back', () => {
    const { map, mmu, memory } = machine();
    mmu.write(6 * PAGE, 4, 11, false);
    for (const page of [9, 6, 7]) assert.ok(map.balloon(page));
    assert.deepEqual(map.givenBackPages(), [6, 7, 9]);
    assert.equal(mmu.read(6 * PAGE, 4, false), 0);
    assert.equal(mmu.read(9 * PAGE, 4, false), 0, 'reading gives none a frame');
    assert.deepEqual([map.givenBackPages(), memory.framesInUse], [[6, 7, 9], 0]);
    mmu.write(6 * PAGE, 1, 1, false);
    mmu.write(7 * PAGE, 1, 1, false);
    map.deflate(9);
    assert.deepEqual([map.givenBackPages(), map.counters.ballooned], [[], 3]);
    map.balloon(7);
    map.clear();
    assert.deepEqual(map.givenBackPages(), []);
  });

  it('a page that keeps its frame for a trace has not been given back', () => {
    const { map, mmu } = machine();
    const frame = map.frame(mmu.fetchPage(8, 0, false));
    mmu.traceCode(8, frame);
    assert.ok(map.balloon(8));
    assert.equal(map.isGivenBack(8), map.entry(8) !== frame);
  });

  it('ROM and code keep their frames', () => {
    const parts = machine();
    const { memory, map, mmu } = parts;
    map.protect(7 * PAGE, PAGE);
    assert.equal(map.balloon(7), false);
    const frame = map.frame(mmu.fetchPage(8, 0, false));
    assert.notEqual(frame, memory.zeroFrame, 'code never runs from a shared frame');
    mmu.traceCode(8, frame);
    scanAll(parts);
    assert.equal(map.frame(8), frame);
  });
});
