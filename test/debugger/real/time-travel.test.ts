/** paging-lab under the real adapter, backwards: steps, breakpoints, and a change of the past. */
import assert from 'node:assert/strict';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { DapClient } from '../client';
import { breakAt, goOn, launchStopped, lineOf, MAIN, numberNow, PAGING_LAB, useAdapter, USER } from './adapter';

describe('time travel over the wire', function () {
  let client: DapClient;
  useAdapter(this, 'each test', (started) => { client = started; });

  async function back(granularity?: 'instruction'): Promise<Dap.StackFrame> {
    await client.request('stepBack', { threadId: 1, ...(granularity ? { granularity } : {}) });
    return (await client.stopped('step')).frame;
  }

  it('steps back by instruction and by line, over what was stepped', async () => {
    await launchStopped(client, PAGING_LAB, { [MAIN]: ['main-booted', 'main-segments'] });
    const first = await goOn(client);
    const second = await goOn(client);
    assert.equal(second.line, lineOf(MAIN, 'main-segments'));
    await client.request('next', { threadId: 1, granularity: 'instruction' });
    await client.stopped('step');
    assert.equal((await back('instruction')).instructionPointerReference, second.instructionPointerReference);
    await client.request('reverseContinue', { threadId: 1 });
    const again = (await client.stopped('breakpoint')).frame;
    assert.equal(again.instructionPointerReference, first.instructionPointerReference);
    const before = await back();
    assert.ok(before.source?.path !== again.source?.path || before.line !== again.line);
  });

  it('runs back from breakpoint to breakpoint, and to the beginning', async () => {
    await launchStopped(client, PAGING_LAB);
    await breakAt(client, USER, ['ping-round']);
    const rounds: number[] = [];
    for (let i = 0; i < 4; i++) {
      await goOn(client);
      rounds.push(await numberNow(client, 'round'));
    }
    for (const round of rounds.reverse().slice(1)) {
      await client.request('reverseContinue', { threadId: 1 });
      await client.stopped('breakpoint');
      assert.equal(await numberNow(client, 'round'), round);
    }
    await client.request('reverseContinue', { threadId: 1 });
    const { stop } = await client.stopped('pause');
    assert.equal(stop.description, 'beginning of the time line');
    assert.equal(await numberNow(client, 'eax'), 0x2badb002);
    assert.match(await client.refused('stepBack', { threadId: 1 }).catch((error: Error) => error.message), /time line begins here/);
  });
});
