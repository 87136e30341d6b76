/**
 * Memory of paging-lab that is watched beside the client's data breakpoints: ranges, linear and physical, through restarts, and one by one disabled,
 * enabled and removed.
 */
import assert from 'node:assert/strict';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { MemoryWatch } from '../../../debugger/panelProtocol';
import type { DapClient } from '../client';
import { breakAt, goOn, launchStopped, numberNow, PAGING_LAB, useAdapter, USER } from './adapter';

/** What a stop says: where, what was, what is, who. */
const WRITTEN = /^(\S+) \(([\w ,:]+)\): byte (0x[0-9a-f]+) was ([0-9a-f ]+), is ([0-9a-f ]+); written by (\S+) \(user\.c:\d+\)/;

describe('memory that is watched, over the wire', function () {
  let client: DapClient;
  useAdapter(this, 'each test', (started) => { client = started; });

  const watch = async (expression: string, bytes?: number, access?: MemoryWatch['access']): Promise<MemoryWatch> => (
    await client.request('shadowbox.watchWrites', { expression, ...(bytes === undefined ? {} : { bytes }), ...(access === undefined ? {} : { access }) })).watch;
  const watches = async (): Promise<readonly MemoryWatch[]> => (await client.request('shadowbox.watches', {})).watches;
  const change = (id: number, kind: 'enable' | 'disable' | 'remove') => client.request('shadowbox.changeWatch', { id, kind });
  const stopAtData = async (): Promise<Dap.StoppedEvent['body']> => {
    await client.request('continue', { threadId: 1 });
    return (await client.stopped('data breakpoint')).stop;
  };
  /** Where ping keeps its notebook, once it is there: linear, and behind it physical. */
  const notebook = async (): Promise<{ readonly linear: string; readonly physical: string; readonly cr3: string }> => {
    await launchStopped(client, PAGING_LAB, { [USER]: ['ping-round'] });
    await goOn(client);
    await breakAt(client, USER, []);
    const address = await numberNow(client, '(unsigned)notebook');
    const linear = `0x${address.toString(16)}`;
    const { physical = 0 } = await client.request('shadowbox.walk', { linear });
    return { linear, physical: `phys:0x${physical.toString(16)}`, cr3: `0x${(await numberNow(client, '$cr3')).toString(16)}` };
  };

  it('stops at a write to any byte of a physical page: which byte, what was, what is, and who', async () => {
    const { physical } = await notebook();
    const set = await watch(physical, 4096);
    assert.deepEqual(set, { id: set.id, name: physical, memoryReference: physical, bytes: 4096, access: 'write', enabled: true });
    const { watches: told } = await client.event('shadowbox.watchesChanged');
    assert.deepEqual(told, [set]);
    const round = await numberNow(client, 'notebook->round');
    const stop = await stopAtData();
    const [, name, range, byte, before, after, who] = WRITTEN.exec(stop.text ?? '') ?? assert.fail(stop.text);
    assert.deepEqual([name, range], [physical, '4096 bytes']);
    assert.match(who, /^ping\+0x/);
    assert.equal(stop.hitBreakpointIds, undefined, 'the client knows of no such breakpoint');
    assert.equal(Number(byte), await numberNow(client, '(unsigned)&notebook->round - (unsigned)notebook'));
    const first = (bytes: string): number => Number(`0x${bytes.split(' ')[0]}`);
    assert.deepEqual([first(before), first(after)], [round & 0xff, await numberNow(client, 'notebook->round & 0xff')]);
  });

  it("outlives the client's own list, and a restart", async () => {
    const { linear, cr3 } = await notebook();
    const here = `lin:${cr3}:${linear}`;
    const set = await watch(here, 8);
    await client.request('setDataBreakpoints', { breakpoints: [{ dataId: `${linear}/4`, accessType: 'write' }] });
    await client.request('setDataBreakpoints', { breakpoints: [] });
    assert.match((await stopAtData()).text ?? '', /: was 0x\w+(, is 0x\w+| and still is); written by ping\+/);
    assert.deepEqual(await watches(), [set]);
    await client.request('restart', {});
    await client.stopped('entry');
    assert.deepEqual(await watches(), [set]);
    // The page tables of ping are at the same place in the next run.
    assert.match((await stopAtData()).text ?? '', /^lin:.* \(8 bytes\): /);
    assert.equal(`0x${(await numberNow(client, '$cr3')).toString(16)}`, cr3);
  });

  it('tells of bytes once that a data breakpoint is on, too, and names that one to the client', async () => {
    const { linear } = await notebook();
    await watch(linear, 8);
    const { breakpoints: [own] } = await client.request('setDataBreakpoints', { breakpoints: [{ dataId: `${linear}/8`, accessType: 'write' }] });
    const stop = await stopAtData();
    assert.equal(stop.text?.split('\n').length, 1, stop.text);
    assert.deepEqual(stop.hitBreakpointIds, [own.id]);
  });

  it('stops no more at what was disabled or removed, and again at what was enabled', async () => {
    const { linear } = await notebook();
    await breakAt(client, USER, ['ping-check']);
    const set = await watch('notebook->round', undefined, 'readWrite');
    assert.deepEqual([set.name, set.bytes, set.access], ['notebook->round', 4, 'readWrite']);
    await change(set.id, 'disable');
    assert.deepEqual(await watches(), [{ ...set, enabled: false }]);
    await goOn(client);
    await change(set.id, 'enable');
    assert.match((await stopAtData()).text ?? '', /^notebook->round \(0x\w+, 4 bytes\): is .*; read by ping\+/);
    const again = await watch(set.memoryReference, 4, 'readWrite');
    assert.equal(again.id, set.id, 'the same bytes in the same way are watched once');
    await change(set.id, 'remove');
    assert.deepEqual(await watches(), []);
    await goOn(client);
    assert.match(await client.refused('shadowbox.changeWatch', { id: set.id, kind: 'enable' }), /no memory is watched under the number \d+/);
    assert.match(await client.refused('shadowbox.changeWatch', { id: (await watch(linear)).id, kind: 'forget' }), /there is no 'forget'; there are 'enable', 'disable' and 'remove'/);
  });

  it('says why something cannot be watched', async () => {
    await launchStopped(client, PAGING_LAB);
    assert.match(await client.refused('shadowbox.watchWrites', { expression: '$eax' }), /\$eax is a register: it cannot be watched/);
    assert.match(await client.refused('shadowbox.watchWrites', { expression: 'phys:0xffffffffff', bytes: 2 }), /do not lie inside of its 40 bits/);
    assert.match(await client.refused('shadowbox.watchWrites', { expression: '0x1000', bytes: 0 }), /'bytes' must lie between 1 and/);
    assert.match(await client.refused('shadowbox.watchWrites', { expression: '0x1000', access: 'execute' }), /'access' must be one of write, read, readWrite/);
    assert.deepEqual(await watches(), []);
  });
});
