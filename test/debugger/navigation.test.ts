/** Conversations about going elsewhere than on: goto, into one call of several, back to a frame's entry, until something. */
import assert from 'node:assert/strict';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { DapClient } from './client';
import type { FakeMachine } from './fakeMachine';
import { withMachine } from './harness';
import { markerLine } from './markers';
import { needProgram, type BuiltProgram } from './program';

describe('ways through a C program', function () {
  this.timeout(20_000);
  let program: BuiltProgram;
  let client: DapClient;
  let machine: FakeMachine;

  before(function () {
    program = needProgram(this);
  });

  beforeEach(async () => {
    ({ machine, client } = withMachine(program.guest(0)));
    await client.launch({ symbols: program.elf });
    await client.stopped('entry');
  });

  afterEach(() => client.close());

  const line = (marker: string): number => markerLine(program.source, marker);

  async function runTo(marker: string): Promise<Dap.StackFrame> {
    await client.request('setBreakpoints', { source: { path: program.source }, breakpoints: [{ line: line(marker) }] });
    await client.request('continue', { threadId: 1 });
    return (await client.stopped('breakpoint')).frame;
  }

  it('goes to another line without executing anything', async () => {
    await runTo('main-twice');
    const { targets } = await client.request('gotoTargets', { source: { path: program.source }, line: line('main-loop') });
    assert.equal(targets.length, 1);
    assert.equal(targets[0].line, line('main-loop'));
    assert.equal((await client.raw('goto', { threadId: 1, targetId: targets[0].id })).success, true);
    const { stop, frame } = await client.stopped('goto');
    assert.equal(stop.threadId, 1);
    assert.equal(frame.line, line('main-loop'));
    assert.equal((await client.request('evaluate', { expression: 'counter' })).result, '40 (0x28)');
    await client.request('next', { threadId: 1 });
    await client.stopped('step');
    assert.match(await client.refused('goto', { threadId: 1, targetId: targets[0].id }), /no target/);
    assert.match(await client.refused('gotoTargets', { source: { path: program.source }, line: 2 }), /no code for line 2/);
  });

  it('offers the calls of a statement, and steps into the one that is chosen', async () => {
    const frame = await runTo('main-twice');
    const { targets } = await client.request('stepInTargets', { frameId: frame.id });
    assert.deepEqual(targets.map(({ label }) => label), ['twice']);
    await client.request('stepIn', { threadId: 1, targetId: targets[0].id });
    assert.equal((await client.stopped('step')).frame.line, line('twice-body'));
    const { stackFrames } = await client.request('stackTrace', { threadId: 1 });
    assert.deepEqual((await client.request('stepInTargets', { frameId: stackFrames[1].id })).targets, []);
  });

  it('restarts a frame by going back to where it was entered', async () => {
    await runTo('add-return');
    const { stackFrames } = await client.request('stackTrace', { threadId: 1 });
    machine.hasPast = true;
    machine.reverseEnd = { kind: 'breakpoint', ids: [0] };
    const set = machine.breakpoints;
    await client.request('restartFrame', { frameId: stackFrames[1].id });
    await client.stopped('restart');
    assert.deepEqual(machine.ways, [{ kind: 'reverseContinue' }]);
    assert.deepEqual(machine.breakpoints, set);
    assert.match(await client.refused('restartFrame', { frameId: 77 }), /no stack frame 77/);
  });

  it('refuses to restart a frame before anything moves, and comes back where the time line does not reach its beginning', async () => {
    await runTo('add-return');
    const { stackFrames } = await client.request('stackTrace', { threadId: 1 });
    assert.match(await client.refused('restartFrame', { frameId: stackFrames[1].id }), /There is no way back/);
    machine.hasPast = true;
    const outermost = stackFrames.filter(({ id }) => id !== 0).at(-1);
    assert.match(await client.refused('restartFrame', { frameId: outermost?.id }), /Where this frame was entered is not known/);
    assert.deepEqual([machine.ways, client.unreadEvents('stopped'), client.unreadEvents('continued')], [[], [], []]);
    machine.reverseEnd = { kind: 'beginning' };
    await client.request('restartFrame', { frameId: stackFrames[1].id });
    assert.match((await client.stopped('pause')).stop.text ?? '', /The frame was entered before the time line begins/);
    assert.deepEqual(machine.ways.map(({ kind }) => kind), ['reverseContinue', 'travel']);
  });

  it('runs until something: by request, and in the console', async () => {
    await runTo('twice-body');
    const { stackFrames } = await client.request('stackTrace', { threadId: 1 });
    const caller = stackFrames[1].instructionPointerReference ?? '';
    assert.deepEqual(Object.entries(await untilConsole('return')).slice(0, 2), [['kind', 'until'], ['address', BigInt(caller)]]);
    for (const [text, wanted] of [
      ['branch', { kind: 'next', what: 'branch' }], ['iret', { kind: 'next', what: 'interruptReturn' }], ['cr3', { kind: 'next', what: 'cr3' }],
      ['1000 instructions', { kind: 'instructions', count: 1000 }],
    ] as const) {
      assert.deepEqual(await untilConsole(text), wanted);
    }
    const request = await untilConsole('loop');
    assert.deepEqual(request, { kind: 'until', address: BigInt(program.addressOf('loop')) });
    assert.match(await client.refused('shadowbox.runUntil', { until: '0 instructions' }), /no number of instructions/);
    assert.match(await client.refused('shadowbox.runUntil', { until: '' }), /Usage: until/);
  });

  /** What the machine was asked for; it is paused then. */
  async function untilConsole(text: string): Promise<object> {
    const before = machine.resumes.length;
    const { result } = await client.request('evaluate', { expression: `until ${text}`, context: 'repl' });
    assert.equal(result, 'running');
    while (machine.resumes.length === before) await new Promise((resolve) => { setTimeout(resolve, 5); });
    await client.request('pause', { threadId: 1 });
    await client.event('stopped');
    return machine.resumes[before];
  }

  it('has a thread for each CPU, and refuses others', async () => {
    assert.match(await client.refused('stackTrace', { threadId: 2 }), /no thread 2: the machine has one CPU/);
    assert.match(await client.refused('next', { threadId: 2, singleThread: true }), /no thread 2/);
  });

  for (const [title, go] of [
    ['a run backwards', () => client.request('reverseContinue', { threadId: 1 })],
    ['the search for who wrote', () => client.request('shadowbox.whoWrote', { expression: 'counter' })],
  ] as const) {
    it(`shows how far ${title} is, and lets it be cancelled where it then is`, async () => {
      await client.request('setBreakpoints', { source: { path: program.source }, breakpoints: [] });
      [machine.hasPast, machine.takesLong] = [true, true];
      await go();
      const { progressId, cancellable } = await client.event('progressStart', (body) => body.progressId !== 'shadowbox.launch');
      assert.equal(cancellable, true);
      await client.request('cancel', { progressId });
      await client.stopped('pause');
      await client.event('progressEnd', (body) => body.progressId === progressId);
    });
  }

  it('stands, and says so, where a command is cancelled before it is answered', async () => {
    machine.takesLong = true;
    const { seq, response } = client.send('stepBack', { threadId: 1 });
    await client.request('cancel', { requestId: seq });
    const { success, message, body } = await response;
    assert.deepEqual([success, message, body.error.variables.message, body.error.showUser], [false, 'cancelled', 'The request was cancelled.', false]);
    await client.stopped('pause');
    machine.takesLong = false;
    await client.request('stepIn', { threadId: 1, granularity: 'instruction' });
    await client.stopped('step');
  });
});
