/**
 * Code at places outside the CPU's own address space, over the wire: disassembly, instruction breakpoints and memory at `phys:ADDRESS` and
 * `lin:CR3:ADDRESS`.
 */
import assert from 'node:assert/strict';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { DapClient } from './client';
import { goOn, launchStopped, PAGING_LAB, useAdapter } from './real/adapter';

const CALLED = 'wait_turn';

describe('code at physical addresses and in other address spaces', function () {
  let client: DapClient;
  /** Where the function is, and under which CR3 it was called. */
  let linear: string, cr3: string, physical: string;
  useAdapter(this, 'suite', (started) => { client = started; });

  const rows = async (memoryReference: string, instructionOffset: number, instructionCount: number): Promise<Dap.DisassembledInstruction[]> =>
    (await client.request('disassemble', { memoryReference, instructionOffset, instructionCount, resolveSymbols: true })).instructions;
  const evaluate = async (expression: string, context: 'watch' | 'repl'): Promise<string> => (await client.request('evaluate', { expression, context })).result;

  before('stops in a process', async () => {
    await launchStopped(client, PAGING_LAB);
    await client.request('setFunctionBreakpoints', { breakpoints: [{ name: CALLED }] });
    linear = (await goOn(client)).instructionPointerReference ?? '';
    [cr3] = (await evaluate('cr3,x', 'watch')).split(' ');
    [, physical] = /^physical (0x[0-9a-f]+)/m.exec(await evaluate(`walk ${linear}`, 'repl')) ?? [];
    assert.ok(physical);
    await client.request('setFunctionBreakpoints', { breakpoints: [] });
  });

  it('is disassembled from the physical page, without names that belong to linear addresses', async () => {
    const [own, there] = [await rows(linear, 0, 6), await rows(`phys:${physical}`, 0, 6)];
    assert.ok(own.every(({ instructionBytes }) => instructionBytes !== undefined));
    assert.deepEqual(there.map(({ instructionBytes }) => instructionBytes), own.map(({ instructionBytes }) => instructionBytes));
    assert.equal(BigInt(there[0].address), BigInt(physical));
    assert.deepEqual(there.map(({ symbol, line }) => [symbol, line]), there.map(() => [undefined, undefined]));
    const around = await rows(`phys:${physical}`, -3, 6);
    assert.equal(BigInt(around[3].address), BigInt(physical), 'the target is at its place');
    assert.equal(await evaluate(`dis phys:${physical} 1`, 'repl'), `${there[0].address}  ${(there[0].instructionBytes ?? '').padEnd(24)}  ${there[0].instruction}`);
  });

  it('is disassembled under a CR3, from another address space', async () => {
    const own = await rows(linear, -2, 6);
    const stack = await evaluate('$esp - 64,x', 'watch');
    await client.request('setFunctionBreakpoints', { breakpoints: [{ name: CALLED, condition: `cr3 != ${cr3}` }] });
    await goOn(client);
    assert.notEqual(await evaluate('cr3,x', 'watch'), cr3);
    assert.deepEqual(await rows(`lin:${cr3}:${linear}`, -2, 6), own);
    assert.equal(own[2].symbol, CALLED);
    // Below its stack nothing is that it will miss; the same address is another page here.
    const code = Buffer.from([0x0f, 0x0b, 0xf4]);
    await client.request('writeMemory', { memoryReference: `lin:${cr3}:${stack}`, data: code.toString('base64') });
    assert.deepEqual((await rows(`lin:${cr3}:${stack}`, 0, 2)).map(({ instruction }) => instruction), ['ud2', 'hlt']);
    assert.equal((await client.request('readMemory', { memoryReference: `lin:${cr3}:${stack}`, count: code.length })).data, code.toString('base64'));
    assert.notEqual((await rows(stack, 0, 1))[0].instruction, 'ud2', 'not in this address space');
    await client.request('setFunctionBreakpoints', { breakpoints: [] });
  });

  it('has breakpoints on rows of such a listing', async () => {
    const [first, second] = await rows(`phys:${physical}`, 0, 2);
    const offset = Number(BigInt(second.address) - BigInt(first.address));
    for (const reference of [`phys:${physical}`, `lin:${cr3}:${linear}`]) {
      const { breakpoints } = await client.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference: reference, offset }] });
      assert.deepEqual(breakpoints.map(({ verified }) => verified), [true]);
      const { instructionPointerReference } = await goOn(client);
      assert.equal(BigInt(instructionPointerReference ?? 0), BigInt(linear) + BigInt(offset), reference);
    }
  });
});
