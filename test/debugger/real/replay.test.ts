/**
 * What is different about a machine that is opened from a recording: where it stands, that its future is known and can be left and
 * returned to, what its configuration may say, and that it is not restarted. All else is as anywhere: modes.test.ts has its suite.
 */
import assert from 'node:assert/strict';
import { ContainerReader, ContainerWriter } from '../../../src/host/node/recordings/container';
import { SECTIONS } from '../../../src/host/node/recordings/save';
import type { DapClient } from '../client';
import { startAdapter, useAdapter, valueNow } from './adapter';
import { recordPagingLab, WAIT_TURN, type RecordedRun } from './recordedRun';

describe('a machine that is opened from a recording', function () {
  let client: DapClient;
  let recorded: RecordedRun;
  useAdapter(this, 'suite', (started) => { client = started; });
  before(async () => { recorded = await recordPagingLab(); });
  after(() => recorded.remove());

  const hash = (): Promise<string> => client.request('evaluate', { expression: 'hash', context: 'repl' }).then(({ result }) => result);
  const timeline = () => client.request('shadowbox.timeline', {});
  const travel = async (to: { readonly bookmark: string } | { readonly fork: number } | { readonly furthest: true }): Promise<void> => {
    await client.request('shadowbox.travel', to);
    await client.stopped('step');
  };

  it('takes nothing from a launch configuration that its guest could notice', async () => {
    const other = startAdapter();
    try {
      await other.request('initialize', {});
      const message = await other.refused('launch', { recording: recorded.file, memory: '64M' });
      assert.match(message, /'?memory'?: it is part of the recording; take it out/);
      assert.match(await other.refused('launch', { recording: `${recorded.file}.gone` }), /recording.*there is no such file/);
    } finally {
      await other.close();
    }
  });

  it('says that another version has made it, and that it has come to another state than it had', async () => {
    const file = `${recorded.file}.other`;
    const reader = await ContainerReader.open(recorded.file);
    const writer = await ContainerWriter.create(file);
    for (const name of [...Object.values(SECTIONS).flatMap((section) => (typeof section === 'string' ? [section] : [])), SECTIONS.image(0), SECTIONS.image(1)]) {
      if (!reader.has(name)) continue;
      const bytes = await reader.section(name);
      const text = bytes.toString('utf8');
      const changed = name === SECTIONS.head ? text.replace(/"shadowbox":"[^"]*"/, '"shadowbox":"0.0.7"') : name === SECTIONS.log ? text.replace(recorded.hash, '0123456789abcdef') : undefined;
      assert.notEqual(changed, text, name);
      await writer.section(name, [changed === undefined ? bytes : Buffer.from(changed)]);
    }
    await writer.finish();
    await reader.close();
    const other = startAdapter();
    try {
      await other.launch({ recording: file });
      const said = (words: RegExp): Promise<unknown> => other.event('output', ({ output }) => words.test(output));
      await Promise.all([said(/recording: it was made by Shadowbox 0\.0\.7, and this is [\d.]+: its guest may go another way here/), said(/has not come to the state that was recorded: its hash is another one/)]);
      await other.stopped('step');
    } finally {
      await other.close();
    }
  });

  it('stands where it stood when it was saved, with all that came in on the way, although it was not to stop on entry', async () => {
    await client.launch({ recording: recorded.file, stopOnEntry: false });
    await client.stopped('step');
    assert.equal(await hash(), recorded.hash);
    const { present, furthest, inputs, bookmarks, forks } = await timeline();
    assert.deepEqual([present.retired, furthest.retired], [recorded.retired, recorded.retired]);
    assert.deepEqual(bookmarks.map(({ name }) => name), [WAIT_TURN]);
    assert.deepEqual(inputs.map(({ count }) => count), [2, 2]);
    assert.deepEqual(forks, []);
  });

  it('runs the way that was recorded, also over the keys that were typed', async () => {
    await travel({ bookmark: WAIT_TURN });
    const { furthest: { time }, present } = await timeline();
    await client.request('shadowbox.runUntil', { until: `${time - present.time} ns` });
    await client.stopped('pause');
    assert.equal(await hash(), recorded.hash);
    assert.deepEqual((await timeline()).forks, []);
  });

  it('leaves it with a key or a change in its past, says so, and goes back to it', async () => {
    await travel({ bookmark: WAIT_TURN });
    const { present } = await timeline();
    await client.request('shadowbox.key', { code: 30, down: true });
    const { output } = await client.event('output', (body) => body.output.startsWith('The past was changed'));
    assert.match(output, new RegExp(`at instruction ${present.retired}: .*up to instruction ${recorded.retired}, is kept as fork 1, and can be gone back to`));
    const { furthest, inputs, bookmarks } = await timeline();
    assert.equal(furthest.retired, present.retired, 'what will be is not known any more');
    assert.deepEqual([inputs.length, bookmarks.length], [1, 1]);
    await client.request('evaluate', { expression: 'eax = 5', context: 'repl' });
    await travel({ fork: 1 });
    assert.equal(await hash(), recorded.hash);
    assert.equal((await timeline()).inputs.length, 2);
    // The other one is a fork now, with its key and its change.
    const [other] = (await timeline()).forks;
    await travel({ fork: other.id });
    assert.match(await valueNow(client, '$eax'), /^0x0*5\b/);
  });

  it('can be recorded itself', async () => {
    const file = `${recorded.file}.again`;
    const there = await hash();
    await client.request('shadowbox.saveRecording', { path: file, embed: true });
    const other = startAdapter();
    try {
      await other.launch({ recording: file });
      await other.stopped('step');
      assert.equal((await other.request('evaluate', { expression: 'hash', context: 'repl' })).result, there);
    } finally {
      await other.close();
    }
  });

  it('is not restarted, and has the client know that, but gone back in', async () => {
    assert.deepEqual(client.unreadEvents('capabilities').map(({ body }) => body), [{ capabilities: { supportsRestartRequest: false } }]);
    const there = await hash();
    assert.match(await client.refused('restart', {}), /what was recorded would be lost.*launch it again, or go to its beginning/);
    assert.equal(await hash(), there);
    await client.request('evaluate', { expression: 'goto 0', context: 'repl' });
    await client.stopped('step');
    assert.equal((await timeline()).present.retired, 0);
  });
});
