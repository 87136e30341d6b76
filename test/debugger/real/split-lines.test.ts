/**
 * Lines whose code lies in several places, as compilers make them of `if (…) …;` and of loops' heads: a step goes through all of it,
 * on and back. The code is paging-lab's, compiled with -Og.
 */
import assert from 'node:assert/strict';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { DapClient } from '../client';
import { breakAt, frames, goOn, launchStopped, numberNow, PAGING_LAB, lineOf, step, useAdapter } from './adapter';

const CONSOLE = 'paging-lab/console.c';

describe('lines in several places over the wire', function () {
  let client: DapClient;
  useAdapter(this, 'each test', (started) => { client = started; });

  /** Stops at the beginning of a marked line. Gives its address, and that of the place that a conditional jump in it leads to. */
  async function at(marker: string, condition: string): Promise<{ readonly first: number; readonly second: number }> {
    await launchStopped(client, PAGING_LAB);
    await breakAt(client, CONSOLE, [marker], { condition });
    await goOn(client);
    const first = await numberNow(client, '$eip');
    const { instructions } = await client.request('disassemble', { memoryReference: `0x${first.toString(16)}`, instructionCount: 4 });
    const jump = instructions.map(({ instruction }) => /^j[a-z]+ (?:short |near )?(0x\w+)/.exec(instruction)?.[1]).find((target) => target !== undefined);
    const second = Number(jump);
    assert.ok(second > first, instructions.map(({ instruction }) => instruction).join('; '));
    await breakAt(client, CONSOLE, []);
    return { first, second };
  }

  async function toInstruction(address: number, command: 'continue' | 'reverseContinue' = 'continue'): Promise<void> {
    await client.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference: `0x${address.toString(16)}` }] });
    await client.request(command, { threadId: 1 });
    await client.stopped('breakpoint');
    await client.request('setInstructionBreakpoints', { breakpoints: [] });
    assert.equal(await numberNow(client, '$eip'), address);
  }

  async function stepBack(granularity?: Dap.SteppingGranularity): Promise<number> {
    await client.request('stepBack', { threadId: 1, ...(granularity ? { granularity } : {}) });
    await client.stopped('step');
    return numberNow(client, '$eip');
  }

  for (const command of ['next', 'stepIn'] as const) {
    it(`${command} goes through both places, from the beginning and from the middle`, async () => {
      const { first, second } = await at('status-return', 'character == 13');
      // The rest of the function begins no statement of its own.
      const behind = 'show_status';
      assert.equal((await step(client, command)).name, behind);
      await toInstruction(first, 'reverseContinue');
      assert.notEqual((await step(client, command, 'instruction'), await numberNow(client, '$eip')), first);
      assert.equal((await step(client, command)).name, behind, 'from the middle');
      await toInstruction(second, 'reverseContinue');
      assert.equal((await frames(client))[0].line, lineOf(CONSOLE, 'status-return'), 'the second place is of that line');
      assert.equal((await step(client, command)).name, behind, 'from the second place');
    });
  }

  it('a step back comes to where the line begins, whichever of its places it has come from', async () => {
    const { first, second } = await at('status-return', 'character == 13');
    await toInstruction(second);
    for (const granularity of ['line', 'statement', undefined] as const) {
      assert.equal(await stepBack(granularity), first);
      await toInstruction(second);
    }
    // Behind the second place: no step has led there.
    const { instructions } = await client.request('disassemble', { memoryReference: `0x${second.toString(16)}`, instructionCount: 2 });
    await toInstruction(Number(instructions[1].address));
    const before = await numberNow(client, '$retired');
    assert.equal(await stepBack(), first);
    assert.ok(before - await numberNow(client, '$retired') < 5);
    assert.equal(await stepBack('instruction') < first, true);
  });

  it('next goes over a call in the second place, and a step in enters it', async () => {
    await at('log-return', 'character == 10');
    assert.equal((await step(client, 'next')).line, lineOf(CONSOLE, 'log-return') + 1);
    await client.request('stepBack', { threadId: 1 });
    assert.equal((await client.stopped('step')).frame.line, lineOf(CONSOLE, 'log-return'), 'the step is undone');
    assert.equal((await step(client, 'stepIn')).name, 'serial_put');
    assert.deepEqual((await step(client, 'stepOut')).line, lineOf(CONSOLE, 'log-return'));
    assert.equal((await step(client, 'next')).line, lineOf(CONSOLE, 'log-return') + 1, 'from the middle of the second place');
  });

  it('next goes over a recursion from the second place, and ends in the same activation', async () => {
    await at('decimal-recursion', 'value > 99');
    const [stack, value] = [await numberNow(client, '$ebp'), await numberNow(client, 'value')];
    assert.equal((await step(client, 'next')).line, lineOf(CONSOLE, 'decimal-recursion') + 1);
    assert.deepEqual([await numberNow(client, '$ebp'), await numberNow(client, 'value')], [stack, value]);
  });
});
