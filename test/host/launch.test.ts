/** The world switch on real threads: calls, events, pause, pace, failures. The machine in the thread is a fake. */
import assert from 'node:assert/strict';
import { launchMachine } from '../../src/host/node/launch';
import { MachineError } from '../../src/monitor/machine/blame';
import { validateConfiguration } from '../../src/monitor/machine/configuration';
import type { MachineImages } from '../../src/monitor/machine/images';
import type { MachineEvent, MachineSession, StopReport } from '../../src/monitor/machine/session';

const worker = new URL('./fakeWorker.ts', import.meta.url);

function images(cmdline: string, more: object = {}): MachineImages {
  const validation = validateConfiguration({ kernel: 'kernel', cmdline, ...more }, { front: 'editor' });
  assert.ok('configuration' in validation);
  const kernel = { path: 'kernel', bytes: Uint8Array.of(1, 2, 3, 4) };
  return { configuration: validation.configuration, kernel, modules: [], disks: [] };
}

/** A session that remembers its events, and can be waited on. */
class Watched {
  readonly events: MachineEvent[] = [];
  private wake: () => void = () => undefined;

  constructor(readonly session: MachineSession) {
    session.onEvent((event) => {
      this.events.push(event);
      this.wake();
    });
  }

  async until<T>(found: () => T | undefined): Promise<T> {
    for (;;) {
      const answer = found();
      if (answer !== undefined) return answer;
      await new Promise<void>((resolve) => { this.wake = resolve; });
    }
  }

  stopped(): Promise<StopReport> {
    return this.until(() => this.events.flatMap((event) => (event.kind === 'stopped' ? [event.report] : [])).at(-1));
  }

  get text(): string {
    return this.events.flatMap((event) => (event.kind === 'output' ? [new TextDecoder().decode(event.bytes)] : [])).join('');
  }
}

describe('a machine in its thread', function () {
  this.timeout(20_000);
  const sessions: MachineSession[] = [];

  async function launch(cmdline: string, more: object = {}): Promise<Watched> {
    const session = await launchMachine(images(cmdline, more), { worker });
    sessions.push(session);
    return new Watched(session);
  }

  afterEach(async () => {
    await Promise.all(sessions.splice(0).map((session) => session.dispose()));
  });

  it('runs to its end, its output before its stop', async () => {
    const watched = await launch('hello');
    await watched.session.control.resume({ kind: 'continue' });
    const report = await watched.stopped();
    assert.deepEqual(report.reason, { kind: 'power-off' });
    assert.deepEqual(watched.events.map(({ kind }) => kind), ['running', 'output', 'stopped']);
    assert.equal(watched.text, 'hello\n');
  });

  it('pauses a busy machine within 50 ms', async () => {
    const watched = await launch('count');
    await watched.session.control.resume({ kind: 'continue' });
    const times: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      await new Promise((resolve) => { setTimeout(resolve, 20); });
      const start = performance.now();
      await watched.session.control.pause();
      times.push(performance.now() - start);
      await watched.session.control.resume({ kind: 'continue' });
    }
    times.sort((left, right) => left - right);
    assert.ok(times[5] < 50, `median of ${times.map((time) => time.toFixed(1)).join(', ')} ms`);
  });

  it('answers questions while it runs', async () => {
    const watched = await launch('count');
    await watched.session.control.resume({ kind: 'continue' });
    const first = await watched.session.inspect.summary();
    await new Promise((resolve) => { setTimeout(resolve, 30); });
    const second = await watched.session.inspect.summary();
    assert.equal(first.running, true);
    assert.ok(second.retired > first.retired, `${second.retired} after ${first.retired}`);
    await watched.session.control.pause();
    assert.equal((await watched.session.inspect.summary()).running, false);
  });

  it('hands memory over as a copy, though the machine\'s own is shared', async () => {
    const { session } = await launch('count');
    const bytes = await session.inspect.readMemory({ kind: 'physical' }, 0x10_0001n, 2);
    assert.deepEqual([...bytes], [2, 3]);
    assert.ok(bytes.buffer instanceof ArrayBuffer);
  });

  it('runs exactly as many instructions as are asked for', async () => {
    const watched = await launch('count');
    await watched.session.control.resume({ kind: 'instructions', count: 123_457 });
    const report = await watched.stopped();
    assert.equal(report.retired, 123_457);
    assert.equal(report.reason.kind, 'count');
  });

  it('refuses to resume twice, with blame on the caller', async () => {
    const { session } = await launch('count');
    await session.control.resume({ kind: 'continue' });
    await assert.rejects(session.control.resume({ kind: 'continue' }), (error) => error instanceof MachineError && error.blame === 'user' && /runs already/.test(error.message));
  });

  it('carries errors with their blame, and with the stack only if they are ours', async () => {
    const { session } = await launch('count');
    await assert.rejects(session.control.setRegister('foo', 1n), (error) => error instanceof MachineError && error.blame === 'user' && error.message === "there is no register 'foo'");
    await assert.rejects(session.inspect.walk(undefined, 0n), (error) => error instanceof MachineError && error.blame === 'internal' && /fakeMachine/.test(error.stack ?? ''));
  });

  it('turns an exception out of the monitor into a stop, keeps the machine for inspection, and a reset mends it', async () => {
    const watched = await launch('throw');
    await watched.session.control.resume({ kind: 'continue' });
    const { reason, retired } = await watched.stopped();
    assert.ok(reason.kind === 'internal-error');
    assert.equal(reason.message, 'the monitor has a bug');
    assert.match(reason.stack, /fakeMachine/);
    assert.equal(watched.text, 'last words\n');
    assert.equal((await watched.session.inspect.cpu()).general[0].value, BigInt(retired));
    await assert.rejects(watched.session.control.resume({ kind: 'continue' }), /internal error/);
    await watched.session.control.reset();
    await watched.session.control.resume({ kind: 'continue' });
  });

  it('ends a run by a reset with a stop on the first instruction', async () => {
    const watched = await launch('count');
    await watched.session.control.resume({ kind: 'continue' });
    await watched.session.control.reset();
    const report = await watched.stopped();
    assert.deepEqual([report.reason.kind, report.retired], ['entry', 0]);
  });

  it('wakes from idling when input comes', async () => {
    const watched = await launch('echo');
    await watched.session.control.resume({ kind: 'continue' });
    await watched.until(() => watched.text === 'ready\n' || undefined);
    await watched.session.control.input({ kind: 'serial', port: 'com1', bytes: new TextEncoder().encode('abq') });
    assert.equal((await watched.stopped()).reason.kind, 'power-off');
    assert.equal(watched.text, 'ready\nabq');
    const { inputs } = await watched.session.control.recording();
    assert.equal(inputs.length, 1);
  });

  it('holds idle time to the wall clock in real-time pace, and lets it fly in fast pace', async () => {
    const times: Record<string, number> = {};
    for (const pace of ['realtime', 'fast']) {
      const watched = await launch('tick', { pace });
      await watched.session.control.resume({ kind: 'continue' });
      await new Promise((resolve) => { setTimeout(resolve, 300); });
      await watched.session.control.pause();
      times[pace] = (await watched.session.inspect.summary()).time / 1e6;
    }
    assert.ok(times['realtime'] > 150 && times['realtime'] < 450, `${times['realtime']} ms of guest time in 300 ms`);
    assert.ok(times['fast'] > 3000, `${times['fast']} ms of guest time in 300 ms`);
  });

  it('pauses while it idles for ever', async () => {
    const watched = await launch('echo');
    await watched.session.control.resume({ kind: 'continue' });
    await watched.until(() => watched.text === 'ready\n' || undefined);
    await watched.session.control.pause();
    assert.equal((await watched.stopped()).reason.kind, 'pause');
  });

  it('does nothing when a standing machine is paused', async () => {
    const watched = await launch('count');
    await watched.session.control.pause();
    assert.deepEqual(watched.events, []);
  });

  it('says why a machine cannot be built', async () => {
    await assert.rejects(launch('refuse'), (error) => error instanceof MachineError && error.blame === 'user' && error.field === 'kernel');
  });

  it('says that the thread died, ends the run and refuses what is asked later', async () => {
    const watched = await launch('crash');
    await watched.session.control.resume({ kind: 'continue' });
    const { reason } = await watched.stopped();
    assert.ok(reason.kind === 'internal-error');
    assert.match(reason.message, /thread ended by itself \(status 7\)/);
    await assert.rejects(watched.session.inspect.summary(), /thread ended/);
  });

  it('is gone after dispose', async () => {
    const { session } = await launch('count');
    await session.control.resume({ kind: 'continue' });
    await session.dispose();
    await assert.rejects(session.inspect.summary(), /switched off/);
  });
});
