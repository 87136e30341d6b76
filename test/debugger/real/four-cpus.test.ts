/** Four CPUs as threads of one process: frames and registers of each, steps of one alone. All else is as anywhere: modes.test.ts has its suite. */
import assert from 'node:assert/strict';
import { assembleGuest, type AssembledGuest } from '../../guests/multiprocessor/image';
import type { DapClient } from '../client';
import { launchStopped, useAdapter } from './adapter';

describe('four CPUs as threads', function () {
  let client: DapClient;
  let image: AssembledGuest;
  before(function () { image = assembleGuest(this); });
  useAdapter(this, 'suite', (started) => { client = started; });
  before(async () => {
    await launchStopped(client, { multiboot: image.file, memory: '8M', cpus: 4, quantum: 1000 });
    await client.request('shadowbox.runUntil', { until: '60000 instructions' });
    await client.event('stopped');
  });
  after(() => image.dispose());

  const pc = async (threadId: number): Promise<bigint> =>
    BigInt((await client.request('stackTrace', { threadId, levels: 1 })).stackFrames[0].instructionPointerReference ?? 'none');

  it('has a thread for each, with its own frames and registers', async () => {
    const { threads } = await client.request('threads');
    assert.deepEqual(threads.map(({ id }) => id), [1, 2, 3, 4]);
    threads.forEach(({ name }, index) => assert.match(name, new RegExp(`^CPU ${index} of 4 \\(`)));
    for (const { id } of threads) {
      const { stackFrames: [frame] } = await client.request('stackTrace', { threadId: id, levels: 1 });
      const { result, memoryReference } = await client.request('evaluate', { expression: '$eip', frameId: frame.id, context: 'watch' });
      assert.equal(Number(memoryReference), Number(frame.instructionPointerReference), result);
    }
  });

  it('steps each alone, and goes back', async () => {
    const { threads } = await client.request('threads');
    for (const { id } of threads) {
      const before = await pc(id);
      const hash = (await client.request('evaluate', { expression: 'hash', context: 'repl' })).result;
      await client.request('stepIn', { threadId: id, granularity: 'instruction', singleThread: true });
      const stop = await client.event('stopped');
      assert.deepEqual([stop.reason, stop.threadId], ['step', id]);
      assert.notEqual(await pc(id), before);
      await client.request('stepBack', { threadId: id, granularity: 'instruction' });
      await client.event('stopped');
      assert.equal((await client.request('evaluate', { expression: 'hash', context: 'repl' })).result, hash);
    }
  });

  it('sets a register of one CPU alone', async () => {
    const frameOf = async (threadId: number): Promise<number> => (await client.request('stackTrace', { threadId, levels: 1 })).stackFrames[0].id;
    const before = (await client.request('evaluate', { expression: '$ebx', frameId: await frameOf(1), context: 'watch' })).result;
    await client.request('setExpression', { expression: '$ebx', value: '4711', frameId: await frameOf(3) });
    assert.match((await client.request('evaluate', { expression: '$ebx', frameId: await frameOf(3), context: 'watch' })).result, /4711/);
    assert.equal((await client.request('evaluate', { expression: '$ebx', frameId: await frameOf(1), context: 'watch' })).result, before);
  });
});
