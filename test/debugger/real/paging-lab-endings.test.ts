/**
 * How paging-lab stops and ends under the real adapter: exceptions, crashes, triple fault, exit, pause, restart,
 * disconnect.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import type { DapClient } from '../client';
import { assertPromptly, figures, frames, goOn, launchStopped, lineOf, numberNow, PAGING, PAGING_LAB, RETRIES, sleep, step, timedPause, useAdapter, valueNow } from './adapter';

describe('paging-lab over the wire: endings', function () {
  let client: DapClient;
  useAdapter(this, 'each test', (started) => { client = started; });

  it('stops at page faults with their story, and delivers them on continue', async () => {
    await launchStopped(client, PAGING_LAB);
    const { breakpoints } = await client.request('setExceptionBreakpoints', { filters: [], filterOptions: [{ filterId: '#PF', condition: 'user' }] }) ?? {};
    assert.deepEqual(breakpoints, [{ verified: true }]);
    await client.request('continue', {});
    const { stop, frame } = await client.stopped('exception');
    assert.equal(stop.description, '#PF');
    assert.match(stop.text ?? '', /address 0xbfff[0-9a-f]{4}/);
    assert.equal(frame.source?.name, 'user.c', 'in front of the access, in the task');
    const info = await client.request('exceptionInfo', { threadId: 1 });
    assert.equal(info.exceptionId, '#PF');
    assert.match(info.description ?? '', /not present/);
    assert.equal(await numberNow(client, 'cs & 3'), 3);

    // Delivered: the kernel's handler is reached, with the address in CR2.
    await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'map_on_demand' }] });
    assert.equal((await goOn(client)).name, 'map_on_demand');
    assert.equal(await numberNow(client, 'cr2 & ~0xfff'), await numberNow(client, 'linear'));
    assert.match(await client.refused('exceptionInfo', { threadId: 1 }), /does not stand at an exception/);
    await client.request('setFunctionBreakpoints', { breakpoints: [] });

    // A step in from an exception shows its handler's first instruction.
    await client.request('continue', {});
    await client.stopped('exception');
    assert.equal((await step(client, 'stepIn', 'instruction')).name, 'stub_14');
    await client.request('setExceptionBreakpoints', { filters: [] });
  });

  it('pauses while it runs, each time within 50 ms', async function () {
    this.retries(RETRIES);
    await launchStopped(client, PAGING_LAB);
    const times: number[] = [];
    for (let round = 0; round < 20; round++) {
      await client.request('continue', {});
      await sleep(30 + 7 * round);
      times.push(await timedPause(client));
      assert.ok((await frames(client)).length > 0);
    }
    console.log(`      pause: ${figures(times)}`);
    assertPromptly(times);
  });

  it('restarts from the beginning, with its breakpoints', async () => {
    await launchStopped(client, PAGING_LAB, { [PAGING]: ['demand-frame'] });
    assert.equal((await goOn(client)).line, lineOf(PAGING, 'demand-frame'));
    const { retired } = await client.request('shadowbox.summary');
    await client.request('restart', {});
    assert.equal((await client.stopped('entry')).frame.name, '_start');
    assert.equal(await numberNow(client, 'cr0 >> 31'), 0, 'paging is off again');
    assert.equal((await client.request('shadowbox.summary')).retired, 0);
    await goOn(client);
    assert.equal((await client.request('shadowbox.summary')).retired, retired, 'the same run again');
  });

  it('restarts while it runs', async () => {
    await launchStopped(client, PAGING_LAB);
    await client.request('continue', {});
    await sleep(100);
    await client.request('restart', {});
    assert.equal((await client.stopped('entry')).frame.name, '_start');
    await client.request('continue', {});
    await sleep(50);
    await timedPause(client);
  });

  it('stands after a crash of the guest, to be looked at and restarted', async () => {
    await launchStopped(client, { ...PAGING_LAB, cmdline: 'crash' });
    await client.request('continue', {});
    const { stop } = await client.stopped('exception');
    assert.equal(stop.description, 'halted for ever');
    assert.match(stop.text ?? '', /HLT|interrupts/);
    const stack = await frames(client);
    assert.ok(stack.some(({ name }) => name === 'fatal'), stack.map(({ name }) => name).join(' '));
    assert.equal(await valueNow(client, 'cr2'), '0x00000000');
    const told = client.unreadEvents('shadowbox.serial').map(({ body }) => serialText(body)).join('');
    assert.match(told, /fatal: #PF page fault[^]*halted/);
    assert.match(await client.refused('continue', {}), /dead \(halted for ever\)/);
    await client.request('restart', {});
    assert.equal((await client.stopped('entry')).frame.name, '_start');
    assert.notEqual((await step(client, 'next')).line, 28);
  });

  it('stands after a triple fault, with the chain of faults', async () => {
    await launchStopped(client, { ...PAGING_LAB, cmdline: 'triple-fault' });
    await client.request('continue', {});
    const { stop, frame } = await client.stopped('exception');
    assert.equal(stop.text, 'triple fault');
    assert.equal(frame.source?.name, 'timer.c', 'at the instruction that began it');
    const info = await client.request('exceptionInfo', { threadId: 1 });
    assert.equal(info.exceptionId, 'triple fault');
    // INT3 finds no gate, nor does the #GP about that, nor the #DF about both (SDM volume 3, 6.15, interrupt 8).
    assert.deepEqual(info.details?.innerException?.map(({ typeName }) => typeName), ['#GP', '#GP', '#DF', '#GP'], info.description);
    assert.equal(await numberNow(client, 'idtr.limit'), 0);
    assert.match(await client.refused('next', {}), /dead \(triple fault\)/);
    await client.request('restart', {});
    await client.stopped('entry');
    await step(client, 'next');
  });

  it('ends with the guest: exited and terminated', async () => {
    await client.launch({ ...PAGING_LAB, cmdline: 'exit', stopOnEntry: false });
    // isa-debug-exit: status (value << 1) | 1, here for 0.
    assert.deepEqual(await client.event('exited'), { exitCode: 1 });
    await client.event('terminated');
    assert.equal(await client.close(), 0);
  });

  it('leaves no process when the client disconnects from a running machine', async () => {
    await client.launch({ ...PAGING_LAB, stopOnEntry: false });
    await client.event('shadowbox.serial');
    const { pid } = client;
    assert.ok(pid);
    assert.equal(await client.close(), 0);
    assert.notEqual(spawnSync('ps', ['-p', String(pid)]).status, 0, 'the process is gone');
  });
});

function serialText(body: unknown): string {
  const data = typeof body === 'object' && body !== null && 'data' in body ? String(body.data) : '';
  return Buffer.from(data, 'base64').toString();
}
