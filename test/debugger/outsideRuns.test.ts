/** Runs that a GDB beside the editor has begun, as the editor is told of them: its focus stays unless the stop is the editor's own affair. */
import assert from 'node:assert/strict';
import type { StopReason } from '../../src/monitor/machine/session';
import { withMachine } from './harness';

describe('a machine that somebody else lets go', () => {
  const guest = { bits: 32, mapped: [[0x1000, 0x1000]], images: [], entry: 0x1000, stack: 0x2000 } as const;
  const { machine, client } = withMachine(guest);
  before(async () => {
    await client.launch({});
    await client.stopped('entry');
  });
  after(() => client.close());

  const standAt = (reason: StopReason): void => machine.emit({ kind: 'stopped', report: { reason, retired: 5, time: 5, selector: 8, instructionPointer: 0x1000n, linear: 0x1000n } });
  async function hint(reason: StopReason): Promise<boolean | undefined> {
    machine.emit({ kind: 'running' });
    await client.event('continued');
    standAt(reason);
    return (await client.stopped()).stop.preserveFocusHint;
  }

  it('does not take the focus at stops of the other one', async () => {
    assert.equal(await hint({ kind: 'step' }), true);
    assert.equal(await hint({ kind: 'breakpoint', ids: [] }), true);
    assert.equal(await hint({ kind: 'pause' }), true);
  });

  it('takes it at what was set in the editor, and when the editor has paused', async () => {
    assert.equal(await hint({ kind: 'breakpoint', ids: [1] }), undefined);
    machine.emit({ kind: 'running' });
    await client.event('continued');
    await client.request('pause', { threadId: 1 });
    standAt({ kind: 'pause' });
    assert.equal((await client.stopped('pause')).stop.preserveFocusHint, undefined);
    assert.equal(await hint({ kind: 'pause' }), true, 'the next one is the other\'s again');
  });

  it('takes it at the editor\'s own steps', async () => {
    await client.request('stepIn', { threadId: 1, granularity: 'instruction' });
    assert.equal((await client.stopped()).stop.preserveFocusHint, undefined);
  });
});
