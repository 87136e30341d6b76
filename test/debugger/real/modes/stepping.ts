/** Steps on and back, calls in the rest of a statement, frames that are entered anew, and jumps, in every mode. */
import assert from 'node:assert/strict';
import { hex, type Place } from './place';

/** A row of the disassembly that calls something. */
const CALL = /^call\b/;

export function stepping(there: () => Place): void {
  it('names the CPU and its mode', async () => {
    const { client, mode } = there();
    const { threads } = await client.request('threads');
    assert.match(threads[0].name, mode.thread);
    assert.ok((await there().command('regs')).length > 0);
  });

  it('steps back to the very machine that it stepped from', async () => {
    const place = there();
    for (const command of ['stepIn', 'next', 'stepIn'] as const) {
      const before = await place.hash();
      await place.step(command);
      assert.notEqual(await place.hash(), before);
      await place.step('stepBack');
      assert.equal(await place.hash(), before, command);
      await place.step(command);
    }
  });

  it('steps over a call to the instruction behind it, into it, and out of it again', async () => {
    const place = there();
    const { client, mode } = place;
    await place.breakAtCalled();
    await place.go('breakpoint');
    await client.request('setFunctionBreakpoints', { breakpoints: [] });
    const threadId = Number((await place.until('return')).threadId);
    // Behind the call now: before it again, and over it.
    const behind = await place.address(threadId);
    const { instructions: [row] } = await client.request('disassemble', { memoryReference: hex(behind), instructionOffset: -1, instructionCount: 1 });
    assert.match(row.instruction, CALL, `before ${hex(behind)}`);
    await client.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference: row.address }] });
    await place.go('breakpoint', 'reverseContinue');
    await client.request('setInstructionBreakpoints', { breakpoints: [] });
    const top = await place.number(place.stackPointer, threadId);
    await place.step('next', threadId);
    assert.equal(await place.address(threadId), behind);
    await place.step('stepBack', threadId);
    assert.equal(await place.address(threadId), BigInt(row.address), 'back over the call as a whole');
    await place.step('stepIn', threadId);
    assert.equal(await place.number(place.stackPointer, threadId), top - BigInt(mode.word), 'the return address was pushed');
    await place.step('stepOut', threadId);
    assert.equal(await place.address(threadId), behind);
  });

  it('offers the calls in the rest of a statement, and steps into the one that is chosen', async () => {
    const place = there();
    const { client, mode: { source } } = place;
    if (!source) {
      assert.deepEqual((await client.request('stepInTargets', { frameId: (await place.here()).id })).targets, [], 'there are no statements');
      return;
    }
    const { breakpoints } = await client.request('setBreakpoints', { source: { path: source.path }, breakpoints: [{ line: source.calling }] });
    assert.equal(breakpoints[0].verified, true, breakpoints[0].message);
    await place.go('breakpoint');
    const { id: frameId } = await place.here();
    const { targets } = await client.request('stepInTargets', { frameId });
    assert.deepEqual(targets.map(({ label }) => label), [source.callee]);
    await client.request('stepIn', { threadId: 1, targetId: targets[0].id });
    await place.stop('step');
    assert.match((await place.here()).name, new RegExp(`^${source.callee}\\b`));
    assert.match(await client.refused('stepIn', { threadId: 1, targetId: targets[0].id }), /no target \d+, or no longer: the machine has gone on/);
  });

  it('enters a frame anew where callers can be found, and says where they cannot', async () => {
    const place = there();
    const { client, mode } = place;
    await place.breakAtCalled();
    await place.go('breakpoint');
    // A function breakpoint of C lies behind the prologue, where the return address is known.
    const entry = await place.linear(`&${mode.called}`);
    if (mode.hasFrames) await place.step('stepIn');
    const frame = await place.here();
    const [before, retired] = [await place.hash(), await place.retired()];
    if (!mode.hasFrames) {
      const told = client.unreadEvents('continued').length;
      // Neither call frame information nor frame pointers: it is refused before anything moves.
      assert.match(await client.refused('restartFrame', { frameId: frame.id }), /^(The frame stands on its first instruction already|Where this frame was entered is not known: its return address was not found)\.$/);
      assert.equal(await place.hash(), before);
      assert.equal(client.unreadEvents('continued').length, told);
      return;
    }
    await client.request('restartFrame', { frameId: frame.id });
    await place.stop('restart');
    assert.equal(await place.address(), entry);
    const back = retired - (await place.retired());
    assert.ok(back > 0 && back < 10, `${back} instructions of prologue`);
    await place.travel({ retired });
    assert.equal(await place.hash(), before, 'the same call');
  });

  it('jumps to another line without executing anything, and says why where there are no lines', async () => {
    const place = there();
    const { client, mode: { source, pc } } = place;
    if (!source) {
      assert.match(await client.refused('gotoTargets', { source: { path: '/nowhere/processors.asm' }, line: 3 }), /processors\.asm/);
      return;
    }
    const retired = await place.retired();
    const { targets } = await client.request('gotoTargets', { source: { path: source.path }, line: source.calling });
    assert.ok(targets.length > 0);
    await client.request('goto', { threadId: 1, targetId: targets[0].id });
    await place.stop('goto');
    assert.equal((await place.here()).line, source.calling);
    assert.equal(await place.retired(), retired);
    assert.equal(await place.linear(`$${pc}`), BigInt(targets[0].instructionPointerReference ?? 'none'));
  });
}
