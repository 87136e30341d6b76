/** An adapter on a port: clients that leave their machine, standing or running, and others that attach to it; beside GDB, and without any of it over stdio. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import path from 'node:path';
import { DapClient } from '../client';
import { breakAt, launchStopped, MAIN, PAGING_LAB, SAMPLES, startAdapter, USER, valueNow } from './adapter';

const LAB = { ...PAGING_LAB, name: 'The lab' };

describe('machines that outlive their sessions', function () {
  this.timeout(60_000);
  this.slow(5000);
  let adapter: ChildProcess;
  let port = 0;

  before(async () => {
    // Brings dist/ up to date.
    await startAdapter().close();
    adapter = spawn(process.execPath, [path.join(SAMPLES, '..', 'dist', 'adapter.js'), '--port', '0'], { stdio: ['ignore', 'ignore', 'pipe'] });
    assert.ok(adapter.stderr);
    const [line] = await once(adapter.stderr, 'data') as [Buffer];
    port = Number(/127\.0\.0\.1:(\d+)/.exec(line.toString())?.[1]);
  });
  after(() => { adapter.kill('SIGINT'); });

  const client = (): DapClient => {
    const socket = connect(port, '127.0.0.1');
    return DapClient.connect(socket, socket, 20_000);
  };
  const attach = async (configuration: object, more?: (attached: DapClient) => Promise<void>): Promise<DapClient> => {
    const attached = client();
    await attached.request('initialize', {});
    await attached.request('attach', configuration);
    await attached.event('initialized');
    await more?.(attached);
    await attached.request('configurationDone', {});
    return attached;
  };
  const hash = async (of: DapClient): Promise<string> => (await of.request('evaluate', { expression: 'hash', context: 'repl' })).result;

  it('are promised where they can be kept, and nowhere else', async () => {
    const here = client();
    assert.equal((await here.request('initialize', {})).supportSuspendDebuggee, true);
    assert.match(await here.refused('attach', {}), /No machine was left here to attach to: use 'request': 'launch'/);
    await here.request('disconnect', {});
    const alone = startAdapter();
    try {
      await launchStopped(alone, LAB);
      assert.match(await alone.refused('attach', {}), /launched already/);
      await alone.request('disconnect', { terminateDebuggee: false, suspendDebuggee: true });
      assert.match((await alone.event('output', ({ output }) => output.startsWith('The machine ends'))).output, /with this session: it lives in the adapter/);
    } finally {
      await alone.close();
    }
  });

  it('stand where they stood, with their symbols, their time line and none of the breakpoints', async () => {
    const first = client();
    await launchStopped(first, LAB, { [MAIN]: ['main-booted'] });
    await first.request('continue', { threadId: 1 });
    const { frame } = await first.stopped('breakpoint');
    // Seen by the guest, and so to be taken out of it.
    const untouched = await hash(first);
    await first.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference: frame.instructionPointerReference ?? '', mode: 'guest-int3' }] });
    assert.notEqual(await hash(first), untouched);
    await first.request('disconnect', { terminateDebuggee: false, suspendDebuggee: true });
    assert.match((await first.event('output', ({ output }) => output.startsWith('The machine stands'))).output, /'machine': 'The lab'/);

    const second = await attach({ machine: 'The lab' });
    const { name, startMethod } = await second.event('process');
    assert.deepEqual([name, startMethod], ['The lab', 'attach']);
    const { stop, frame: found } = await second.stopped('pause');
    assert.equal(stop.threadId, 1);
    assert.deepEqual([found.name, found.line], [frame.name, frame.line]);
    assert.equal(await hash(second), untouched);
    await second.request('stepBack', { threadId: 1 });
    await second.stopped('step');
    await second.request('stepIn', { threadId: 1 });
    assert.equal((await second.stopped('step')).frame.line, frame.line);
    // Over its breakpoint of before, and to one of its own. Without a word it stays: it is not this session's.
    await breakAt(second, USER, ['ping-round']);
    await second.request('continue', { threadId: 1 });
    await second.stopped('breakpoint');
    await second.request('disconnect', {});
    const third = await attach({});
    await third.stopped('pause');
    await third.request('disconnect', { terminateDebuggee: true });
    const fourth = client();
    await fourth.request('initialize', {});
    assert.match(await fourth.refused('attach', {}), /No machine was left here/);
    await fourth.request('disconnect', {});
  });

  it('run on where they are not suspended, and are found further on', async () => {
    const first = client();
    await launchStopped(first, LAB, { [MAIN]: ['main-booted'] });
    await first.request('continue', { threadId: 1 });
    await first.stopped('breakpoint');
    const { retired } = (await first.request('shadowbox.timeline', {})).present;
    await first.request('disconnect', { terminateDebuggee: false, suspendDebuggee: false });
    const second = await attach({ stopOnEntry: false }, async (attached) => {
      assert.ok((await attached.request('shadowbox.timeline', {})).present.retired > retired);
      await breakAt(attached, USER, ['ping-round']);
    });
    await second.stopped('breakpoint');
    assert.match(await valueNow(second, 'round'), /^\d+/);
    await second.request('disconnect', { terminateDebuggee: true });
  });

  it('are told apart by name, and belong to GDB while it has them', async () => {
    const first = client();
    await first.launch({ ...LAB, gdbPort: 0 });
    await first.stopped('entry');
    const { output } = await first.event('output', (body) => body.output.includes('GDB may connect'));
    await first.request('disconnect', { suspendDebuggee: true });
    const other = client();
    await launchStopped(other, LAB);
    await other.request('disconnect', { suspendDebuggee: true });
    const third = client();
    await third.request('initialize', {});
    assert.match(await third.refused('attach', {}), /Which machine\? 'machine' names it: 'The lab', 'The lab 2'/);
    assert.match(await third.refused('attach', { machine: 'Lab' }), /There is no machine 'Lab' here: there are 'The lab', 'The lab 2'/);
    // Its port stays open: who connects there is answered.
    const gdb = connect(Number(/127\.0\.0\.1:(\d+)/.exec(output)?.[1]), '127.0.0.1');
    gdb.write('+$?#3f');
    let answers = '';
    while (!answers.includes('#')) answers += ((await once(gdb, 'data')) as [Buffer])[0].toString();
    assert.match(answers, /^\+\$T05/);
    await third.request('attach', { machine: 'The lab' });
    await third.event('initialized');
    await third.request('configurationDone', {});
    await third.stopped('pause');
    await third.request('continue', { threadId: 1 });
    assert.match((await third.stopped('pause')).stop.text ?? '', /A GDB is connected, and has the machine/);
    gdb.end();
    await third.request('disconnect', { terminateDebuggee: true });
    const last = await attach({});
    await last.stopped('pause');
    await last.request('disconnect', { terminateDebuggee: true });
  });
});
