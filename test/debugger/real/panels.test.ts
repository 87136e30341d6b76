/**
 * The panels' requests about paging-lab under the real adapter: address spaces, tables of the guest beside their
 * shadows, walks, and the machine itself.
 */
import assert from 'node:assert/strict';
import type { Wire } from '../../../debugger/codec';
import type { GuestEntryRun } from '../../../src/monitor/inspection/queries';
import type { DapClient } from '../client';
import { breakAt, goOn, launchStopped, numberNow, PAGING_LAB, step, useAdapter, valueNow } from './adapter';

type GuestRun = Wire<GuestEntryRun>;

const MB4 = 4 * 1024 * 1024;

describe('panels over the wire', function () {
  let client: DapClient;
  useAdapter(this, 'suite', (started) => { client = started; });

  before(async () => {
    await launchStopped(client, PAGING_LAB);
  });

  it('know no paging before it is on', async () => {
    const { spaces } = await client.request('shadowbox.addressSpaces');
    assert.deepEqual(spaces.filter(({ mode }) => mode !== 'none'), []);
    assert.equal(spaces.filter(({ current }) => current).length, 1);
    const walk = await client.request('shadowbox.walk', { linear: '_start' });
    assert.equal(walk.physical, 0x10000c, 'linear is physical');
    assert.deepEqual(walk.guest, []);
  });

  it("know each task's address space once it has run", async () => {
    // The painter spins until the tick on its eighth turn; by then all have run.
    await breakAt(client, 'paging-lab/user.c', ['painter-spin']);
    await goOn(client);
    const { spaces } = await client.request('shadowbox.addressSpaces');
    const paged = spaces.filter(({ mode }) => mode === '32-bit');
    const directories = await Promise.all(['kernel_space', 'spaces[0]', 'spaces[1]', 'spaces[2]', 'spaces[3]'].map((space) => numberNow(client, `(uint32_t)${space}.directory`)));
    assert.deepEqual(paged.map(({ cr3 }) => cr3).sort((a, b) => a - b), directories.sort((a, b) => a - b));
    assert.equal(paged.find(({ current }) => current)?.cr3, await numberNow(client, 'cr3'));
    assert.equal(paged.find(({ current }) => current)?.cr3, await numberNow(client, '(uint32_t)spaces[3].directory'), 'the painter is at it');
    assert.equal(new Set(spaces.map(({ cr3, mode }) => `${cr3} ${mode}`)).size, spaces.length, 'each of them once');
    assert.ok(paged.every(({ shadowTables, shadowEntries }) => shadowTables > 0 && shadowEntries > 0));
    assert.equal([...spaces].sort((a, b) => b.lastUsed - a.lastUsed)[0].current, true, 'the current one was entered last');
  });

  it('draw a directory with its runs, beside its shadow', async () => {
    const cr3 = await numberNow(client, 'cr3');
    const { table } = await client.request('shadowbox.table', { cr3 });
    assert.ok(table?.shadow);
    assert.deepEqual([table.level, table.guestTable, Number(table.bytes), Number(table.entryBytes)], [2, cr3, 2 ** 32, MB4]);
    const covered = table.guest.reduce((sum, run) => sum + run.count, 0);
    assert.equal(covered + table.guestAbsent, 1024, 'every entry is in a run or absent');
    const large = table.guest.filter(({ kind }) => kind === 'large-page');
    // The canvas was written to: one D bit for 4 MiB.
    const painted = large.find(({ rights }) => rights.user);
    assert.ok(painted?.dirty && painted.accessed && painted.rights.writable);
    const shadowed = table.shadow.runs.filter(({ linear }) => Number(linear) >= Number(painted.linear) && Number(linear) < Number(painted.linear) + MB4);
    assert.ok(shadowed.length > 0);
    assert.ok(shadowed.every(({ derivesFrom }) => derivesFrom === painted.entryAddress), 'the shadow says from which entry it derives');
  });

  it('draw a page table, and tell what is traced and what is not yet filled', async () => {
    const cr3 = await numberNow(client, 'cr3');
    // The kernel's first 4 MiB: page 0 missing, its code read-only.
    const { table } = await client.request('shadowbox.table', { cr3, linear: '0x100000', level: 1 });
    assert.ok(table?.shadow);
    assert.equal(table.traced, true, 'guest writes to a shadowed table are seen');
    assert.equal(table.guestAbsent, 1);
    const code = table.guest.find(({ linear, bytes }) => Number(linear) <= 0x100000 && Number(linear) + Number(bytes) > 0x100000);
    assert.ok(code);
    assert.deepEqual([code.rights.writable, code.rights.user, code.target - Number(code.linear)], [false, false, 0]);
    const filled = table.shadow.runs.reduce((sum, run) => sum + run.count, 0);
    const unfilled = table.shadow.unfilled.reduce((sum, { bytes }) => sum + Number(bytes) / 4096, 0);
    assert.ok(filled > 0 && unfilled > 0);
    assert.equal(filled + unfilled, 1023, 'present in the guest: either filled or not yet');
    for (const run of table.shadow.runs) {
      const guest: GuestRun | undefined = table.guest.find(({ linear, bytes }) => Number(linear) <= Number(run.linear) && Number(run.linear) < Number(linear) + Number(bytes));
      assert.ok(guest, `a guest entry for ${run.linear}`);
      assert.equal(run.physical, guest.target + Number(run.linear) - Number(guest.linear));
      assert.ok(!run.rights.writable || guest.rights.writable, 'a shadow grants no more than the guest');
    }
    assert.deepEqual(await client.request('shadowbox.table', { cr3, linear: '0x50000000', level: 1 }), {}, 'the painter has no heap');
  });

  it('walk an address through both trees', async () => {
    const cr3 = await numberNow(client, 'cr3');
    // The instruction here reads the clock page.
    await step(client, 'next', 'instruction');
    const clock = await client.request('shadowbox.walk', { cr3, linear: '0x48000000' });
    assert.deepEqual(clock.guest.map(({ name, index, present }) => [name, index, present]), [['PDE', 0x120, true], ['PTE', 0, true]]);
    assert.equal(clock.physical, await numberNow(client, '(uint32_t)&clock_page'));
    assert.deepEqual(clock.rights, { writable: false, user: true, executable: true });
    assert.ok(clock.shadow.length > 0 && clock.shadow.every(({ filled }) => filled));
    assert.equal(clock.tlb.read, true);
    assert.equal(clock.backing, 'RAM');
    const nothing = await client.request('shadowbox.walk', { linear: '0' });
    assert.equal(nothing.physical, undefined);
    assert.match(nothing.story, /not present/);
    const screen = await client.request('shadowbox.walk', { linear: '0xb8000' });
    assert.match(screen.backing ?? '', /^device/);
    const other = await numberNow(client, '(uint32_t)spaces[0].directory');
    const heap = await client.request('shadowbox.walk', { cr3: other, linear: '0x50000000' });
    assert.notEqual(heap.physical, undefined, 'the sweeper has one');
    assert.equal(heap.cr3, other);
  });

  it('read digits alone as they write addresses: in hexadecimal', async () => {
    const walked = async (linear: string): Promise<number> => Number((await client.request('shadowbox.walk', { linear })).linear);
    assert.equal(await walked('48000000'), 0x48000000);
    assert.equal(await walked(' c0100000 '), 0xc0100000);
    // Names and expressions are what they are elsewhere, also those that look like digits.
    assert.equal(await walked('clock_page'), await numberNow(client, '(uint32_t)&clock_page'));
    assert.equal(await walked('0x48000000 + 4096'), 0x48001000);
    assert.equal(await walked('$esp'), await numberNow(client, 'esp'));
    assert.match(await client.refused('shadowbox.walk', { linear: 'no_such_name' }), /no_such_name/);
  });

  it('see a shadow entry go when the guest changes its table', async () => {
    await breakAt(client, 'paging-lab/user.c', []);
    await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'window_walk' }] });
    await goOn(client);
    const before = await client.request('shadowbox.walk', { linear: '0x3ffff000' });
    await client.request('setFunctionBreakpoints', { breakpoints: [] });
    await step(client, 'stepOut');
    const after = await client.request('shadowbox.walk', { linear: '0x3ffff000' });
    assert.notEqual(after.physical, before.physical);
    // window_walk gives the frame that it has come to: in EAX (i386 psABI).
    assert.equal(after.physical, await numberNow(client, '$eax'));
  });

  it('tell of the machine: counters, devices, screen', async () => {
    const counters = await client.request('shadowbox.counters');
    assert.ok(counters['retired'] > 0 && counters['shadow.fills'] > 0 && counters['engine.interrupts'] > 0);
    const { devices } = await client.request('shadowbox.devices');
    for (const name of ['pic', 'pit', 'vga']) assert.ok(devices.some((device) => device.name.includes(name)), `${name} among ${devices.map((each) => each.name).join(', ')}`);
    const screen = await client.request('shadowbox.screen');
    assert.deepEqual([screen.columns, screen.rows, screen.text.length], [80, 25, 25]);
    assert.ok(screen.text.some((row) => row.includes('enter painter')), screen.text.join('\n'));
    assert.match(await valueNow(client, 'cr3'), /^0x/);
    const summary = await client.request('shadowbox.summary');
    assert.deepEqual([summary.running, summary.memoryBytes], [false, 128 * 1024 * 1024]);
  });
});
