// Guest table and shadow table laid beside each other: parts, single entries, what derives from what.
import assert from 'node:assert/strict';
import { align, derivation, entryOf, guestEntry, guestTarget, shadowFrame } from '../../webviews/page-tables/alignment';
import { changeOf, changesBetween } from '../../webviews/page-tables/changes';
import { BIT, PagingModel } from './pagingModel';

const ROOT = 0x1000;

/** One page table at 3000h: entries 4 to 11 map frames 100h and up; 5, 6 and 9 are filled, of which 9 was only read. */
function eightPages(): PagingModel {
  const model = new PagingModel('32-bit', [ROOT], 0x3000);
  for (let i = 4; i < 12; i++) model.map(ROOT, BigInt(i) * 0x1000n, 0x100000 + i * 0x1000, BIT.writable);
  for (const i of [5, 6]) model.touch(ROOT, BigInt(i) * 0x1000n, true);
  model.touch(ROOT, 0x9000n);
  return model;
}

function leaf(model: PagingModel) {
  const pair = model.table(ROOT, 0n, 1);
  assert.ok(pair);
  return pair;
}

describe('page-tables: alignment', () => {
  it('cuts a table into parts that are uniform on both sides, and covers all of it', () => {
    const parts = align(leaf(eightPages())).flatMap((group) => group.parts);
    assert.deepEqual(parts.map(({ index, count, state, guest }) => [index, count, guest === undefined ? 'absent' : state]), [
      [0, 4, 'absent'], [4, 1, 'unfilled'], [5, 2, 'filled'], [7, 2, 'unfilled'], [9, 1, 'filled'], [10, 2, 'unfilled'], [12, 1012, 'absent'],
    ]);
    assert.equal(parts.reduce((sum, part) => sum + part.bytes, 0n), 0x400000n);
  });

  it('keeps the parts of one guest run together', () => {
    const model = new PagingModel('32-bit', [ROOT], 0x3000);
    for (let i = 0; i < 6; i++) model.map(ROOT, BigInt(i) * 0x1000n, 0x100000 + i * 0x1000, BIT.accessed | BIT.dirty | BIT.writable);
    model.touch(ROOT, 0x2000n, true);
    const groups = align(leaf(model)).filter(({ guest }) => guest !== undefined);
    assert.deepEqual(groups.map(({ parts }) => parts.map(({ state }) => state)), [['unfilled', 'filled', 'unfilled']]);
  });

  it('lets the entry of a walk stand alone', () => {
    const parts = align(leaf(eightPages()), 0x6123n).flatMap((group) => group.parts);
    assert.ok(parts.some(({ index, count }) => index === 6 && count === 1));
    assert.ok(parts.some(({ index, count }) => index === 5 && count === 1));
  });

  it('takes single entries out of a run: address, value, target, frame and source follow', () => {
    const [part] = align(leaf(eightPages())).flatMap((group) => group.parts).filter(({ index }) => index === 5);
    const second = entryOf(part, 1);
    assert.ok(second.guest && second.shadow);
    assert.deepEqual(guestEntry(second.guest, second, 4), { address: 0x3000 + 6 * 4, raw: 0x106000n | BIT.present | BIT.writable | BIT.accessed | BIT.dirty });
    assert.equal(guestTarget(second.guest, second), 0x106000);
    assert.equal(derivation(second.shadow, second, 4), 0x3000 + 6 * 4);
    assert.equal(shadowFrame(second.shadow, second), second.shadow.frame + 1);
  });

  it('derives all pieces of a split large page from its one entry', () => {
    const model = new PagingModel('32-bit', [ROOT], 0x3000);
    model.map(ROOT, 0x800000n, 0x800000, BIT.writable, 2);
    for (const page of [0x803000n, 0x804000n]) model.touch(ROOT, page, true);
    const pair = model.table(ROOT, 0x800000n, 1);
    assert.ok(pair);
    const [part] = align(pair).flatMap((group) => group.parts).filter(({ state }) => state === 'filled');
    assert.equal(part.count, 2);
    for (const entry of [entryOf(part, 0), entryOf(part, 1)]) {
      assert.ok(entry.shadow);
      assert.equal(derivation(entry.shadow, entry, 4), ROOT + 2 * 4);
    }
  });
});

describe('page-tables: changes', () => {
  it('tells new, changed and gone entries apart, on each side', () => {
    const model = eightPages();
    const before = leaf(model);
    model.write(0x3000 + 5 * 4, 0n);
    model.write(0x3000 + 6 * 4, 0x200000n | BIT.present);
    model.map(ROOT, 0x20000n, 0x300000, BIT.writable);
    model.touch(ROOT, 0x20000n, true);
    const { guest, shadow } = changesBetween(before, leaf(model));
    assert.deepEqual([...guest].sort(([a], [b]) => a - b), [[5, 'gone'], [6, 'changed'], [32, 'new']]);
    assert.deepEqual([...shadow].sort(([a], [b]) => a - b), [[5, 'gone'], [6, 'gone'], [32, 'new']]);
  });

  it('finds nothing where nothing has changed, however the runs are cut', () => {
    const model = eightPages();
    const before = leaf(model);
    const cut = before.guest.flatMap((run) => Array.from({ length: run.count }, (_, i) => ({
      ...run, count: 1, bytes: 0x1000n, linear: run.linear + BigInt(i) * 0x1000n, target: run.target + i * 0x1000,
    })));
    assert.ok(cut.length > before.guest.length);
    assert.equal(changesBetween(before, { ...before, guest: cut }).guest.size, 0);
  });

  it('speaks of a part as a whole', () => {
    const [part] = align(leaf(eightPages())).flatMap((group) => group.parts).filter(({ index }) => index === 5);
    assert.deepEqual(changeOf(new Map([[5, 'new'], [6, 'new']]), part), { change: 'new', count: 2 });
    assert.deepEqual(changeOf(new Map([[5, 'new'], [6, 'gone'], [7, 'new']]), part), { change: 'changed', count: 2 });
    assert.equal(changeOf(new Map([[7, 'new']]), part), undefined);
  });
});
