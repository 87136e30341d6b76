/**
 * Guest-physical memory as the inspection tells of it: kinds and uses of pages in runs, and who maps one.
 */
import assert from 'node:assert/strict';
import { ENGINES } from '../../../src/monitor/engine/engineSettings';
import { FrameView } from '../../../src/monitor/inspection/frameView';
import type { FrameMap } from '../../../src/monitor/inspection/frameTypes';
import * as L from '../../../src/monitor/cpu/layout';
import { DEVICE } from '../../../src/monitor/memory/physicalMap';
import { AT, HLT, code, loadEax, movEax, protectedGuest, storeEax, type Guest } from '../cpu/guest';

const P = 1, W = 2;
const PAGE = 4096;

const look = (guest: Guest): FrameView => new FrameView(guest.cpu, guest.executor.code, (physical) => (physical >= 0xfee00000 && physical < 0xfee01000 ? 'local APIC' : undefined));

interface PageState {
  readonly kind: string;
  readonly use: number;
  readonly written: boolean;
}

/** The state of each page that the runs cover. */
function pagesOf({ kinds, runs }: FrameMap): PageState[] {
  const pages: PageState[] = [];
  for (let at = 0; at < runs.length;) {
    const state = runs[at++];
    let count = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = runs[at++];
      count += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    const page = { kind: kinds[state & 15], use: (state >> 4) & 3, written: (state & 0x40) !== 0 };
    for (let i = 0; i < count; i++) pages.push(page);
  }
  return pages;
}

/** Paging with the first 4 MiB one to one, and AT.data also at 40000000h; then a program that reads one page and writes another. */
function pagedGuest(): Guest {
  const program = code(loadEax(0x40000000), storeEax(0x50000), movEax(1), HLT);
  const guest = protectedGuest(program, { ...ENGINES.translator });
  const [root, low, high] = [AT.tables, AT.tables + PAGE, AT.tables + 2 * PAGE];
  for (let i = 0; i < 1024; i++) guest.put32(low + 4 * i, (i * PAGE) | P | W);
  guest.put32(high, AT.data | P);
  guest.put32(root, low | P | W);
  guest.put32(root + 4 * 0x100, high | P | W);
  guest.put32(AT.data, 7);
  guest.put32(0x50000, 7);
  guest.state.setWide(L.CR3, root);
  guest.state.setU32(L.CR0, 0x80000011);
  guest.cpu.updatePaging();
  return guest;
}

describe('physical memory', () => {
  it('is told page by page: what stands behind each, and how lately it was used', () => {
    const guest = pagedGuest();
    guest.map.declare(0xfee00, 1, DEVICE);
    guest.map.protect(0x60000, PAGE);
    guest.map.frame(0x70);
    guest.map.balloon(0x71);
    guest.map.frame(0x72);
    guest.map.balloon(0x72);
    guest.runToHalt();
    const answer = look(guest).frames();
    const pages = pagesOf(answer);
    const at = (address: number): PageState => pages[address / PAGE];
    assert.equal(answer.pages, 2 ** 20, '4 GiB');
    assert.equal(at(AT.code).kind, 'code');
    assert.equal(at(AT.code).use >= 2, true, 'the TLB for execution holds it');
    assert.deepEqual([0, 1, 2].map((i) => at(AT.tables + i * PAGE).kind), ['table', 'table', 'table']);
    assert.deepEqual(at(AT.data), { kind: 'RAM', use: 2, written: false });
    assert.deepEqual(at(0x50000), { kind: 'RAM', use: 3, written: false });
    assert.equal(at(0x60000).kind, 'ROM');
    assert.equal(at(0x70000).kind, 'zeros');
    assert.deepEqual([0x71000, 0x72000].map((address) => at(address).kind), ['ballooned', 'ballooned']);
    assert.equal(look(guest).frame(0x71).kind, 'ballooned');
    assert.equal(answer.ballooned, 2);
    assert.equal(at(0x90000).kind, 'untouched');
    assert.equal(at(0xfee00000).kind, 'device');
    assert.equal(at(0xfef00000 - PAGE).kind, 'nothing');
    assert.equal(at(0x400000).kind, 'nothing', 'behind the end of memory');
    assert.deepEqual(answer.regions.at(-1), { first: 0xfee00, count: 1, name: 'local APIC' });
    assert.deepEqual(answer.regions.map(({ name }) => name), ['RAM', 'BIOS ROM', 'RAM', 'local APIC']);
  });

  it('says what has been written since the last snapshot, where there is one', () => {
    const guest = pagedGuest();
    guest.map.keeper = { before: () => undefined };
    // As a snapshot leaves them: every frame is kept.
    for (const [page, frame] of guest.map.framed()) {
      guest.memory.setFrameFlag(frame, 16);
      guest.mmu.shadow.writeProtect(page);
    }
    guest.runToHalt();
    const answer = look(guest).frames();
    const pages = pagesOf(answer);
    assert.equal(answer.snapshots, true);
    assert.deepEqual([AT.data, 0x50000].map((address) => pages[address / PAGE].written), [false, true]);
    assert.equal(look(guest).frame(0x50).written, true);
    assert.equal(look(guest).frame(AT.data / PAGE).written, false);
  });

  it('says of a page who maps it, with which rights, and from which entry', () => {
    const guest = pagedGuest();
    guest.runToHalt();
    const { mappings, more, kind, frame } = look(guest).frame(AT.data / PAGE);
    assert.deepEqual([kind, more, frame !== undefined], ['RAM', false, true]);
    const paged = mappings.filter(({ mode }) => mode !== 'none').map(({ linear, cr3, current, rights, derivesFrom }) => ({ linear, cr3, current, writable: rights.writable, derivesFrom }));
    assert.deepEqual(paged.filter(({ linear }) => linear === 0x40000000n), [{ linear: 0x40000000n, cr3: AT.tables, current: true, writable: false, derivesFrom: AT.tables + 2 * PAGE }]);
    const tables = look(guest).frame(AT.tables / PAGE + 1).tables.map(({ level, mode, sharedBy }) => [level, mode, sharedBy]);
    assert.deepEqual(tables, [[1, '32-bit', 1]]);
  });

  it('says which blocks of code are in a page', () => {
    const guest = pagedGuest();
    guest.runToHalt();
    const [only, ...others] = look(guest).frame(AT.code / PAGE).code;
    assert.deepEqual([only.bits, only.model, others.length], [32, 'flat', 0]);
    assert.deepEqual(only.blocks[0].start, 0);
    assert.equal(only.blocks.some(({ end }) => end >= 15), true);
  });

  it('says which pages share a frame', () => {
    const guest = pagedGuest();
    for (const page of [0x80, 0x81]) guest.put(page * PAGE, [1, 2, 3]);
    guest.map.share(0x81, 0x80);
    assert.deepEqual(look(guest).frame(0x80).shared, [0x81]);
    assert.equal(look(guest).frame(0x80).kind, 'shared');
    assert.deepEqual(look(guest).frame(AT.data / PAGE).shared, []);
  });

  it('costs some milliseconds', () => {
    const guest = pagedGuest();
    guest.map.declare(0x100000, 2 ** 16, 0);
    guest.runToHalt();
    const view = look(guest);
    view.frames();
    const began = performance.now();
    const { runs } = view.frames();
    console.log(`      256 MiB: ${(performance.now() - began).toFixed(1)} ms, ${runs.length} bytes`);
  });
});
