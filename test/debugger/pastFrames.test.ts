/** Questions of a client that is behind: about frames and variables of the stop before. */
import assert from 'node:assert/strict';
import type { DapClient } from './client';
import { withMachine } from './harness';

describe('questions about an earlier stop', () => {
  const guest = { bits: 32, mapped: [[0x1000, 0x1000]], images: [{ address: 0x1000, bytes: new Uint8Array(64).fill(0x90) }], entry: 0x1000, stack: 0x2000 } as const;
  let client: DapClient;
  beforeEach(async () => {
    ({ client } = withMachine(guest));
    await client.launch({});
    await client.stopped('entry');
  });
  afterEach(() => client.close());

  async function step(): Promise<number> {
    await client.request('stepIn', { threadId: 1, granularity: 'instruction' });
    return (await client.stopped('step')).frame.id;
  }
  const invalidations = (): number => client.unreadEvents('invalidated').length;

  it('are refused, and have the client look again, once for a stop', async () => {
    const past = await step();
    const { scopes: [before] } = await client.request('scopes', { frameId: past });
    const present = await step();
    assert.notEqual(past, present);
    assert.equal(invalidations(), 0);
    assert.match(await client.refused('scopes', { frameId: past }), /no stack frame/);
    assert.deepEqual((await client.event('invalidated')).areas, ['variables'], 'stacks come with the stop');
    assert.match(await client.refused('scopes', { frameId: past }), /no stack frame/);
    assert.match(await client.refused('variables', { variablesReference: before.variablesReference }), /no longer valid/);
    assert.equal(invalidations(), 0, 'it knows already');
    assert.ok((await client.request('scopes', { frameId: present })).scopes.length > 3);
    await step();
    assert.match(await client.refused('variables', { variablesReference: before.variablesReference }), /no longer valid/);
    assert.equal(invalidations(), 1);
  });

  it('are no answer for what never was', async () => {
    await step();
    assert.match(await client.refused('scopes', { frameId: 999 }), /There is no stack frame 999 any more/);
    assert.match(await client.refused('scopes', { frameId: 0 }), /There is no stack frame 0/);
    assert.match(await client.refused('variables', { variablesReference: 999 }), /999/);
    assert.equal(invalidations(), 0);
  });

  it('are answered with nothing while the machine goes: the next stop is news enough', async () => {
    const { stackFrames: [frame] } = await client.request('stackTrace', { threadId: 1 });
    await client.request('setInstructionBreakpoints', { breakpoints: [] });
    await client.request('continue', { threadId: 1 });
    const { scopes } = await client.request('scopes', { frameId: frame.id });
    assert.deepEqual(scopes, []);
    assert.equal(invalidations(), 0);
    await client.request('pause', { threadId: 1 });
  });
});
