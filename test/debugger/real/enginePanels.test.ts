/**
 * What the panels Physical Memory and Translations ask, about paging-lab under the real adapter: kinds of pages, who maps one, regions
 * beside their WebAssembly, and a profile.
 */
import assert from 'node:assert/strict';
import type { DapClient } from '../client';
import { breakAt, goOn, launchStopped, numberNow, PAGING_LAB, useAdapter } from './adapter';

const PAGE = 4096;

/** The kind of a page, out of the runs of an answer. */
function kindAt({ kinds, runs }: { readonly kinds: readonly string[]; readonly runs: string }, page: number): string {
  const bytes = Buffer.from(runs, 'base64');
  let first = 0;
  for (let at = 0; at < bytes.length;) {
    const state = bytes[at++];
    let count = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = bytes[at++];
      count += (byte & 0x7f) * unit;
      if (byte < 0x80) break;
    }
    if (page < first + count) return kinds[state & 15];
    first += count;
  }
  return 'nothing';
}

describe('physical memory and translations over the wire', function () {
  let client: DapClient;
  useAdapter(this, 'suite', (started) => { client = started; });

  before(async () => {
    await launchStopped(client, PAGING_LAB);
    await client.request('shadowbox.profile', { action: 'start' });
    // By then all tasks have run.
    await breakAt(client, 'paging-lab/user.c', ['painter-spin']);
    await goOn(client);
  });

  it('tell what each page is', async () => {
    await client.request('shadowbox.frames');
    const began = performance.now();
    const frames = await client.request('shadowbox.frames');
    console.log(`      128 MiB: ${(performance.now() - began).toFixed(1)} ms over the wire, ${frames.runs.length} characters`);
    const directory = await numberNow(client, '(uint32_t)kernel_space.directory');
    assert.equal(kindAt(frames, directory / PAGE), 'table');
    assert.equal(kindAt(frames, Math.floor(await numberNow(client, '(uint32_t)&tick_handler') / PAGE)), 'code');
    assert.equal(kindAt(frames, 0xb8), 'device', 'the text screen');
    assert.equal(kindAt(frames, 0xf0), 'ROM');
    assert.equal(kindAt(frames, 0xfee00), 'device');
    assert.equal(kindAt(frames, (100 << 20) / PAGE), 'untouched');
    assert.ok(frames.regions.some(({ name, first }) => /APIC/i.test(name) && first === 0xfee00), JSON.stringify(frames.regions));
  });

  it('tell who maps a page, and what is in it', async () => {
    const handler = await numberNow(client, '(uint32_t)&tick_handler');
    const { frame, data } = await client.request('shadowbox.frame', { page: Math.floor(handler / PAGE) });
    assert.equal(frame.kind, 'code');
    assert.ok(frame.mappings.some(({ linear, current }) => current && Number(linear) === handler - (handler % PAGE)), JSON.stringify(frame.mappings));
    assert.ok(frame.code.some(({ bits, blocks }) => bits === 32 && blocks.length > 0));
    const bytes = Buffer.from(data, 'base64');
    const { data: same = '' } = await client.request('readMemory', { memoryReference: `0x${handler.toString(16)}`, count: 16 }) ?? {};
    assert.deepEqual([...bytes.subarray(handler % PAGE, handler % PAGE + 16)], [...Buffer.from(same, 'base64')]);
  });

  it('show every region of the guest beside its WebAssembly', async () => {
    const { regions, left } = await client.request('shadowbox.regions');
    assert.ok(regions.length > 0 && left === 0, `${regions.length} regions`);
    assert.ok(regions.some(({ name }) => name !== undefined), 'some have symbols');
    let shown = 0;
    for (const { entry, state, instructions, blocks } of regions.slice(0, 60)) {
      const { region } = await client.request('shadowbox.region', { entry });
      assert.ok(region);
      if (state === 'asleep' || region.story !== undefined) continue;
      shown++;
      const lines = region.blocks.flatMap((block) => block.lines);
      assert.equal(region.blocks.length, blocks);
      assert.ok(lines.length <= instructions && lines.every(({ text }) => text !== 'cannot be decoded'), JSON.stringify(lines));
      const ids = new Set(region.wasm.map(({ id }) => id));
      assert.ok(lines.filter(({ id }) => ids.has(id)).length > lines.length / 2, 'instructions have code of their own');
      assert.equal(region.wasm.at(-1)?.text, ')');
    }
    assert.ok(shown > 0, 'none could be shown');
    console.log(`      ${regions.length} regions, ${shown} shown`);
  });

  it('have sampled where the guest was, by its functions', async () => {
    const { nodes, samples, retired, milliseconds, running } = await client.request('shadowbox.profile', { action: 'stop' });
    assert.equal(running, false);
    assert.ok(samples > 0 && retired > 0);
    assert.ok(nodes.length > 0);
    console.log(`      ${samples} samples of ${retired} instructions in ${milliseconds.toFixed(2)} ms; ${nodes.slice(0, 6).map(({ name, depth }) => `${' '.repeat(depth)}${name}`).join(', ')}`);
  });
});
