/** The time line of paging-lab under the real adapter: ways, bookmarks and forks by requests and in the console; a run that is saved by one adapter and opened by another. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DapClient } from '../client';
import { breakAt, goOn, launchStopped, numberNow, PAGING_LAB, startAdapter, useAdapter, USER } from './adapter';

describe('the time line over the wire', function () {
  let client: DapClient;
  let folder = '';
  useAdapter(this, 'suite', (started) => { client = started; });

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-timeline-'));
    await launchStopped(client, PAGING_LAB);
    await breakAt(client, USER, ['ping-round']);
  });
  after(() => { rmSync(folder, { recursive: true, force: true }); });

  const evaluate = async (expression: string): Promise<string> => (await client.request('evaluate', { expression, context: 'repl' })).result;
  const hash = (): Promise<string> => evaluate('hash');
  const timeline = () => client.request('shadowbox.timeline', {});

  it('goes to any moment, and says what is on the way', async () => {
    for (let i = 0; i < 3; i++) await goOn(client);
    const there = await hash();
    const round = await numberNow(client, 'round');
    const { present, furthest, stops, moments } = await timeline();
    assert.equal(present.retired, furthest.retired);
    assert.deepEqual(stops.map(({ kind }) => kind), ['breakpoint', 'breakpoint', 'breakpoint']);
    assert.equal(stops.at(-1)?.retired, present.retired);
    assert.ok(moments.length >= 2 && (moments.at(-1)?.interrupts ?? 0) > 0, JSON.stringify(moments));
    await client.request('shadowbox.travel', { retired: 1000 });
    await client.stopped('step');
    assert.deepEqual([(await timeline()).present.retired, (await timeline()).furthest.retired], [1000, furthest.retired]);
    await client.request('shadowbox.travel', { furthest: true });
    await client.stopped('step');
    assert.equal(await hash(), there);
    assert.equal(await numberNow(client, 'round'), round);
    assert.match(await client.refused('shadowbox.travel', {}), /one of 'retired', 'time', 'bookmark', 'fork' and 'furthest'/);
  });

  it('has bookmarks and ways in the console', async () => {
    assert.equal(await evaluate('bookmark third round'), "Bookmark 'third round'.");
    const there = await hash();
    const { retired, time } = (await timeline()).present;
    const travel = async (command: string): Promise<{ retired: number; time: number }> => {
      await evaluate(command);
      await client.stopped('step');
      return (await timeline()).present;
    };
    assert.equal((await travel('goto -5')).retired, retired - 5);
    assert.equal((await travel('goto +2')).retired, retired - 3);
    assert.equal((await travel('goto 20_000')).retired, 20_000);
    assert.equal((await travel(`goto ${time - 10}ns`)).time, time - 10);
    assert.equal((await travel('goto third round')).retired, retired);
    assert.equal(await hash(), there);
    assert.match(await evaluate('bookmarks'), /^\* third round: instruction [\d,]+, [\d,]+ ns$/m);
    assert.match(await client.refused('evaluate', { expression: 'goto nowhere', context: 'repl' }), /There is no bookmark 'nowhere': there are 'third round'/);
    assert.match(await evaluate('help'), /goto N \| \+N \| -N/);
  });

  it('keeps a future that is left, and goes back to it', async () => {
    const there = await hash();
    await evaluate('goto 500000');
    await client.stopped('step');
    await evaluate('eax = 0x12345');
    const { forks } = await timeline();
    assert.deepEqual(forks.map(({ id, retired }) => [id, retired]), [[1, 500_000]]);
    await client.request('shadowbox.travel', { fork: 1 });
    await client.stopped('step');
    assert.equal(await hash(), there);
    assert.deepEqual((await timeline()).bookmarks.map(({ name }) => name), ['third round']);
  });

  it('is saved, and opened by another adapter, where it stood', async () => {
    const file = path.join(folder, 'lab.shadowbox');
    const there = await hash();
    const { present } = await timeline();
    const saved = await client.request('shadowbox.saveRecording', { path: file, embed: true });
    assert.equal(saved.needed.length, 0);
    assert.ok(saved.bytes > 1000);
    const other = startAdapter();
    try {
      await other.launch({ recording: file }, async () => undefined);
      await other.stopped('step');
      assert.equal((await other.request('evaluate', { expression: 'hash', context: 'repl' })).result, there);
      const opened = await other.request('shadowbox.timeline', {});
      assert.deepEqual([opened.present, opened.bookmarks.map(({ name }) => name)], [present, ['third round']]);
      await other.request('stepBack', { threadId: 1, granularity: 'instruction' });
      await other.stopped('step');
      assert.equal((await other.request('shadowbox.timeline', {})).present.retired, present.retired - 1);
      assert.equal(other.stderr, '');
    } finally {
      await other.close();
    }
    assert.match(await client.refused('shadowbox.saveRecording', { path: path.join(folder, 'no', 'where') }), /where/);
  });
});
