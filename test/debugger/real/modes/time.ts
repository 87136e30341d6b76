/** The time line in every mode: ways by count, time and name, bookmarks, and the future that a change of the past leaves. */
import assert from 'node:assert/strict';
import { sleep } from '../adapter';
import type { Place } from './place';

export function timeTravel(there: () => Place): void {
  it('goes to instruction N, so many on and back, to a time, and to bookmarks', async () => {
    const place = there();
    const { present: start } = await place.timeline();
    await place.until('2000 instructions');
    assert.equal(await place.command('bookmark two thousand on'), "Bookmark 'two thousand on'.");
    const there2000 = await place.hash();
    const go = async (command: string): Promise<{ readonly retired: number; readonly time: number }> => {
      await place.command(command);
      await place.stop('step');
      return (await place.timeline()).present;
    };
    assert.equal((await go('goto -5')).retired, start.retired + 1995);
    assert.equal((await go('goto +2')).retired, start.retired + 1997);
    const early = await go(`goto ${start.retired + 100}`);
    assert.equal(early.retired, start.retired + 100);
    assert.equal((await go('goto two thousand on')).retired, start.retired + 2000);
    assert.equal(await place.hash(), there2000);
    const byTime = await go(`goto ${early.time}ns`);
    assert.ok(byTime.time >= early.time && byTime.time < early.time + 1000, `${byTime.time} for ${early.time}`);
    assert.match(await place.command('bookmarks'), /^ {2}two thousand on: instruction [\d,]+, [\d,]+ ns$/m);
    await place.client.request('shadowbox.bookmark', { kind: 'remove', name: 'two thousand on' });
    assert.match(await place.client.refused('evaluate', { expression: 'goto two thousand on', context: 'repl' }), /There is no bookmark 'two thousand on'/);
  });

  it('runs back to the beginning of the time line, and says that it begins there', async () => {
    const place = there();
    const stop = await place.go('pause', 'reverseContinue');
    assert.equal(stop.description, 'beginning of the time line');
    const { moments: [first], present } = await place.timeline();
    assert.equal(present.retired, first.retired);
    for (const granularity of ['instruction', 'line'] as const) assert.match(await place.client.refused('stepBack', { threadId: 1, granularity }), /time line begins here/);
    assert.match((await place.go('pause', 'reverseContinue')).text ?? '', /time line begins here/);
    assert.equal(await place.retired(), first.retired);
  });

  it('goes on to what has not been yet, refuses other commands on the way, and stands where it is paused', async () => {
    const place = there();
    const { client } = place;
    const { present } = await place.timeline();
    assert.match(await client.refused('shadowbox.travel', { retired: 1, time: 2 }), /only one of 'retired', 'time'/);
    assert.match(await client.refused('evaluate', { expression: 'goto 5x', context: 'repl' }), /There is no bookmark '5x'/);
    const { furthest } = await place.timeline();
    // This guest ends itself before long.
    if (place.mode.title === 'four CPUs') return;
    await place.command(`goto ${10 ** 12}`);
    // Longer than what a command waits for one that is soon over.
    await sleep(1000);
    assert.match(await client.refused('evaluate', { expression: 'goto 5', context: 'repl' }), /The machine is running already/);
    await client.request('pause', { threadId: 1 });
    await place.stop('pause');
    const { present: paused, furthest: now } = await place.timeline();
    assert.ok(paused.retired > furthest.retired && paused.retired < 10 ** 12, `${paused.retired} behind ${furthest.retired}`);
    assert.equal(now.retired, paused.retired);
    await place.command(`goto -${paused.retired - present.retired}`);
    await place.stop('step');
    assert.equal(await place.retired(), present.retired);
  });

  it('changes a register and memory, and keeps the future that a change of the past leaves', async () => {
    const place = there();
    const { client } = place;
    await place.until('3000 instructions');
    const future = await place.hash();
    await place.rewind();
    const { present, furthest, forks } = await place.timeline();
    assert.ok(present.retired < furthest.retired);
    const before = await place.hash();
    const value = await place.number('$ebx');
    const frameId = (await place.here()).id;
    const { value: set } = await client.request('setExpression', { expression: '$ebx', value: '0x1234', frameId });
    assert.match(set, /^0x0*1234\b/);
    assert.notEqual(await place.hash(), before);
    const left = (await place.timeline()).forks.slice(forks.length);
    assert.deepEqual(left.map(({ retired, end }) => [retired, end.retired]), [[present.retired, furthest.retired]]);
    await client.event('output', ({ output }) => output.startsWith(`The past was changed at instruction ${present.retired}: `));
    await client.request('setExpression', { expression: '$ebx', value: String(value), frameId });
    assert.equal(await place.hash(), before, 'all is as it was');
    await place.travel({ fork: left[0].id });
    assert.equal(await place.retired(), furthest.retired);
    await place.travel({ retired: present.retired + 3000 });
    assert.equal(await place.hash(), future, 'the future that was left');
  });
}
