/** Pages of files that no process has mapped, through every form that the kernel keeps them in, and a process's memory with them. */
import assert from 'node:assert/strict';
import { CACHE_LAYOUT_32, cachedPage } from '../../../debugger/linux/pageCache';
import { programReader } from '../../../debugger/linux/programMemory';
import { userLayout32 } from '../../../debugger/linux/userMemory';
import { FakeKernel } from './fakeKernel';

const PAGE = 4096;
const filled = (value: number, bytes = PAGE): Uint8Array => new Uint8Array(bytes).fill(value);

describe('the page cache', () => {
  function find(kernel: FakeKernel, file: number, index: number): Promise<number | undefined> {
    return cachedPage(kernel.data(), CACHE_LAYOUT_32, BigInt(file), BigInt(index)).then((at) => (at === undefined ? undefined : Number(at)));
  }

  it('has a file of one page, which hangs on the head, and nothing of one that was not read', async () => {
    const kernel = new FakeKernel();
    const { file, mapping } = kernel.file('/one');
    assert.equal(await find(kernel, file, 0), undefined);
    const { page, physical } = kernel.page(mapping, 0, filled(1));
    kernel.setHead(mapping, page);
    assert.deepEqual([await find(kernel, file, 0), await find(kernel, file, 1)], [physical, undefined]);
  });

  it('has pages at the number that they have in the file, at each depth of the tree', async () => {
    const kernel = new FakeKernel();
    const { file, mapping } = kernel.file('/deep');
    const indices = [0, 63, 64, 64 * 64 - 1, 64 * 64 + 5];
    const pages = indices.map((index) => kernel.page(mapping, index, filled(1)));
    const [a, b, c, d, e] = pages.map(({ page }) => page);
    const low = kernel.node(6, { 0: kernel.node(0, { 0: a, 63: b }), 1: kernel.node(0, { 0: c }), 63: kernel.node(0, { 63: d }) });
    kernel.setHead(mapping, kernel.node(12, { 0: low, 1: kernel.node(6, { 0: kernel.node(0, { 5: e }) }) }));
    assert.deepEqual(await Promise.all(indices.map((index) => find(kernel, file, index))), pages.map(({ physical }) => physical));
    for (const absent of [1, 65, 64 * 64, 64 ** 3, 64 ** 3 + 5]) assert.equal(await find(kernel, file, absent), undefined, `page ${absent}`);
  });

  it('has pages of which the first stands for all', async () => {
    const kernel = new FakeKernel();
    const { file, mapping } = kernel.file('/large');
    const first = kernel.page(mapping, 4, filled(1));
    // Four pages with one entry: three siblings name its slot.
    kernel.setHead(mapping, kernel.node(0, { 4: first.page, 5: (4 << 2) | 2, 6: (4 << 2) | 2, 7: (4 << 2) | 2 }));
    const found = await Promise.all([3, 4, 5, 7, 8, 64 + 4].map((index) => find(kernel, file, index)));
    assert.deepEqual(found, [undefined, first.physical, first.physical + PAGE, first.physical + 3 * PAGE, undefined, undefined]);
  });

  it('has nothing of what was swapped out, is in the making, or belongs to another file', async () => {
    const kernel = new FakeKernel();
    const { file, mapping } = kernel.file('/gone');
    const other = kernel.file('/other');
    const strange = kernel.page(other.mapping, 2, filled(1));
    // A shadow or swap entry; the entry of a walk that is to be tried again; a page of another file.
    kernel.setHead(mapping, kernel.node(0, { 0: 0x1235, 1: (256 << 2) | 2, 2: strange.page }));
    for (const index of [0, 1, 2]) assert.equal(await find(kernel, file, index), undefined, `page ${index}`);
    // A tree that leads into itself ends.
    const loop = kernel.node(0, {});
    kernel.words(loop - 2 + 20, [loop]);
    kernel.setHead(mapping, loop);
    assert.equal(await find(kernel, file, 0), undefined);
  });
});

describe("a process's memory", () => {
  const START = 0x40_0000;

  it('is what it has mapped, else what the page cache has of its files, up to what is in neither', async () => {
    const kernel = new FakeKernel();
    const contents = Uint8Array.from({ length: 5 * PAGE }, (_, at) => 1 + Math.floor(at / PAGE));
    const file = kernel.cachedFile('/bin/tool', contents, [3]);
    const process = kernel.memoryOf({ start: START, pages: 4, file, first: 1 });
    const read = programReader(kernel.data(), undefined, userLayout32(false), { mm: BigInt(process.mm), root: process.root }, kernel.inspect);
    assert.deepEqual(await read(BigInt(START), 2 * PAGE), Uint8Array.of(...filled(2), ...filled(3)));
    assert.deepEqual(await read(BigInt(START + 10), 20), filled(2, 20));
    assert.deepEqual(await read(BigInt(START + 2 * PAGE - 3), 100), filled(3, 3), 'page 3 is nowhere');
    assert.equal((await read(BigInt(START + 2 * PAGE), 1)).length, 0);
    assert.deepEqual(await read(BigInt(START + 4 * PAGE - 2), 10), filled(5, 2), 'the area ends');
    // A page that it has written is its own.
    const own = kernel.page(0, 0, filled(9));
    kernel.mapped.set(`${process.root} ${START + PAGE}`, own.physical);
    assert.deepEqual(await read(BigInt(START + PAGE - 1), PAGE + 2), Uint8Array.of(2, ...filled(9)), 'the page behind it is nowhere');
  });
});
