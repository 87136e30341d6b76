/** The ways of `until` in every mode: those that lead somewhere there, and those that go on until somebody pauses. */
import assert from 'node:assert/strict';
import { sleep, timedPause } from '../adapter';
import type { Mode } from './guests';
import { hex, type Place } from './place';

const PRIVILEGED = ['iret', 'user', 'kernel', 'cr3'] as const;

export function untils(mode: Mode, there: () => Place): void {
  it('runs until an address, a name, and back to the caller', async () => {
    const place = there();
    await place.breakAtCalled();
    const { threadId = 1 } = await place.go('breakpoint');
    const [address, moment] = [await place.address(threadId), await place.retired()];
    await place.client.request('setFunctionBreakpoints', { breakpoints: [] });
    const top = await place.number(place.stackPointer, threadId);
    await place.client.request('shadowbox.runUntil', { until: 'return', threadId });
    await place.stop('step');
    assert.ok(await place.number(place.stackPointer, threadId) > top, 'the stack has gone down');
    await place.rewind();
    const met = await place.until(hex(address));
    assert.equal(met.reason, 'step');
    // Of several CPUs it is the one that is asked about that runs there, and others may come by before.
    assert.ok(await place.retired() === moment || mode.title === 'four CPUs');
    assert.equal(await place.address(met.threadId), address);
    await place.rewind();
    const called = await place.until(mode.called);
    assert.equal(await place.address(called.threadId), await place.linear(`&${mode.called}`));
    assert.match(await place.client.refused('shadowbox.runUntil', { until: 'no_such_place' }), /no_such_place/);
  });

  it('runs until a branch: what was executed before went straight on', async () => {
    const place = there();
    const stop = await place.until('branch');
    assert.equal(stop.reason, 'step');
    const [arrived, moment] = [await place.address(stop.threadId), await place.retired()];
    await place.travel({ retired: moment - 1 });
    const branch = hex(await place.address(stop.threadId));
    const { instructions: [row, next] } = await place.client.request('disassemble', { memoryReference: branch, instructionCount: 2 });
    assert.match(row.instruction, /^(j|call|ret|loop|int|iret)/);
    assert.notEqual(arrived, BigInt(next.address), 'it was taken');
  });

  it('runs until so many instructions, and so much virtual time', async () => {
    const place = there();
    const start = await place.client.request('shadowbox.summary', {});
    assert.equal((await place.until('1000 instructions')).description, 'instruction limit reached');
    assert.equal(await place.retired(), start.retired + 1000);
    await place.rewind();
    assert.equal((await place.until('0.1 ms')).description, 'virtual time reached');
    const { time } = await place.client.request('shadowbox.summary', {});
    assert.ok(time >= start.time + 100_000 && time < start.time + 110_000, `${time - start.time} ns`);
  });

  for (const what of PRIVILEGED.filter((each) => mode.untils.includes(each))) {
    it(`runs until ${what}`, async () => {
      const place = there();
      if (what === 'user') await place.until('kernel');
      const before = await place.value('$cr3');
      const stop = await place.until(what);
      assert.equal(stop.reason, 'step', JSON.stringify(stop));
      const { threadId = 1 } = stop;
      if (what === 'user' || what === 'kernel') assert.equal(await place.number('$cs & 3', threadId) === 3n, what === 'user');
      if (what === 'cr3') assert.notEqual(await place.value('$cr3', threadId), before);
      if (what !== 'iret') return;
      await place.travel({ retired: (await place.retired()) - 1 });
      const { instructions: [row] } = await place.client.request('disassemble', { memoryReference: hex(await place.address(threadId)), instructionCount: 1 });
      assert.match(row.instruction, /^iret/);
    });
  }

  for (const what of PRIVILEGED.filter((each) => !mode.untils.includes(each))) {
    it(`goes on where ${what} does not come, until it is paused`, async () => {
      const place = there();
      await place.client.request('shadowbox.runUntil', { until: what });
      await sleep(30);
      await timedPause(place.client);
    });
  }
}
