/**
 * paging-lab under the real adapter: where it stops (entry, breakpoints of all kinds) and how it steps, through faults,
 * system calls and timer interrupts.
 */
import assert from 'node:assert/strict';
import type { DapClient } from '../client';
import { breakAt, figures, frames, goOn, launchStopped, lineOf, MAIN, median, numberNow, PAGING, PAGING_LAB, RETRIES, sample, step, useAdapter, USER } from './adapter';

describe('paging-lab over the wire: breakpoints', function () {
  let client: DapClient;
  useAdapter(this, 'each test', (started) => { client = started; });

  it('stops on its first instruction, with its source line', async () => {
    const frame = await launchStopped(client, PAGING_LAB);
    assert.equal(frame.name, '_start');
    assert.equal(frame.source?.path, sample('paging-lab/boot.s'));
    // The Multiboot header lies in front of the code; the first line is the one after .cfi_undefined.
    assert.equal(frame.line, 28);
    assert.equal(await numberNow(client, 'eax'), 0x2badb002);
    assert.deepEqual((await frames(client)).length, 1);
    assert.deepEqual((await client.request('threads')).threads, [{ id: 1, name: 'CPU 0 (protected-32, CPL 0)' }]);
  });

  it('stops at lines, functions and instructions, and says at which breakpoint', async () => {
    await launchStopped(client, PAGING_LAB, { [MAIN]: ['main-booted', 'main-segments'] });
    const set = await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'copy_on_write' }, { name: 'no_such_function' }] });
    assert.deepEqual(set.breakpoints.map(({ verified }) => verified), [true, false]);
    assert.match(set.breakpoints[1].message ?? '', /no function 'no_such_function'/);
    assert.equal((await goOn(client)).line, lineOf(MAIN, 'main-booted'));
    const here = await goOn(client);
    assert.equal(here.line, lineOf(MAIN, 'main-segments'));

    // The instruction behind the call on this line.
    const { instructions } = await client.request('disassemble', { memoryReference: here.instructionPointerReference ?? '', instructionCount: 2 });
    const instructionBreakpoints = await client.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference: instructions[1].address }] });
    assert.equal(instructionBreakpoints.breakpoints[0].verified, true);
    await client.request('continue', {});
    const behind = await client.stopped('breakpoint');
    assert.equal(Number(behind.frame.instructionPointerReference), Number(instructions[1].address));
    assert.deepEqual(behind.stop.hitBreakpointIds, [instructionBreakpoints.breakpoints[0].id]);

    const copy = await goOn(client);
    assert.equal(copy.name, 'copy_on_write');
    assert.equal(await numberNow(client, 'linear'), 0x60000000, "the tasks' notebook");
  });

  it('heeds conditions, hit counts and log points', async () => {
    await launchStopped(client, PAGING_LAB);
    await breakAt(client, USER, ['ping-round'], { hitCondition: '3' });
    await goOn(client);
    assert.equal(await numberNow(client, 'round'), 3);
    await breakAt(client, USER, []);

    // `page` counts to 63 in the sweeper's loop; the breakpoint is in code at CPL 3.
    await breakAt(client, USER, ['heap-end'], { condition: 'page == 5' });
    assert.equal((await goOn(client)).line, lineOf(USER, 'heap-end'));
    assert.equal(await numberNow(client, 'page'), 5);
  });

  it('writes the message of a log point and goes on', async () => {
    await launchStopped(client, PAGING_LAB);
    await breakAt(client, PAGING, ['demand-map'], { logMessage: 'page {linear} gets {frame}' });
    await breakAt(client, USER, ['heap-end'], { hitCondition: '3' });
    assert.equal((await goOn(client)).name, 'sweeper');
    const lines = client.unreadEvents('output').map(({ body }) => JSON.stringify(body)).filter((text) => text.includes('gets'));
    const pages = lines.map((text) => Number(/page \d+ \((0x[0-9a-f]{8})\) gets \d+ \(0x[0-9a-f]+\)/.exec(text)?.[1]));
    assert.deepEqual(pages.filter((page) => page < 0x60000000), [0x50000000, 0x50001000, 0x50002000], 'the first pages of the heap');
  });
});

describe('paging-lab over the wire: steps', function () {
  let client: DapClient;
  useAdapter(this, 'each test', (started) => { client = started; });

  it('steps over, into and out of functions by line', async () => {
    await launchStopped(client, PAGING_LAB, { [MAIN]: ['main-booted'] });
    await goOn(client);
    assert.equal((await step(client, 'next')).line, lineOf(MAIN, 'main-segments'));
    const inside = await step(client, 'stepIn');
    assert.equal(inside.name, 'segments_init');
    assert.deepEqual((await frames(client)).map(({ name }) => name).slice(0, 3), ['segments_init', 'kernel_main', '_start']);
    const back = await step(client, 'stepOut');
    assert.equal(back.name, 'kernel_main');
    assert.equal((await step(client, 'next')).line, lineOf(MAIN, 'main-traps') + 1);
  });

  it('steps by instruction, over and into a call', async () => {
    await launchStopped(client, PAGING_LAB, { [MAIN]: ['main-traps'] });
    const call = await goOn(client);
    const at = call.instructionPointerReference ?? '';
    const { instructions } = await client.request('disassemble', { memoryReference: at, instructionCount: 2 });
    assert.match(instructions[0].instruction, /^call .*<traps_init>/);
    const over = await step(client, 'next', 'instruction');
    assert.equal(Number(over.instructionPointerReference), Number(instructions[1].address));

    await client.request('restart', {});
    await client.stopped('entry');
    await goOn(client);
    const into = await step(client, 'stepIn', 'instruction');
    assert.equal(into.name, 'traps_init');
    const next = await step(client, 'stepIn', 'instruction');
    assert.notEqual(next.instructionPointerReference, into.instructionPointerReference);
  });

  it('steps over a line whose access faults, and into the handler', async () => {
    await launchStopped(client, PAGING_LAB, { [USER]: ['heap-read'] });
    await goOn(client);
    const space = await numberNow(client, 'cr3');
    const after = await step(client, 'next');
    assert.deepEqual([after.name, after.line], ['sweeper', lineOf(USER, 'heap-end')]);
    assert.equal(await numberNow(client, 'cr3'), space);
    await goOn(client);
    // By instruction until the one that reads the next page of the heap has faulted.
    for (let count = 0; count < 12 && (await numberNow(client, 'cs & 3')) === 3; count++) await step(client, 'stepIn', 'instruction');
    assert.equal(await numberNow(client, 'cs & 3'), 0);
    assert.match((await frames(client))[0].name, /^(stub_14|enter_kernel)$/);
    assert.equal((await step(client, 'stepOut')).name, 'sweeper');
  });

  it('steps over a system call that lets other tasks run, back into the same task', async () => {
    await launchStopped(client, PAGING_LAB, { [USER]: ['ping-wait'] });
    await goOn(client);
    const space = await numberNow(client, 'cr3');
    const ticks = await numberNow(client, 'clock_page.clock.ticks');
    const after = await step(client, 'next');
    assert.deepEqual([after.name, after.line], ['ping', lineOf(USER, 'ping-check')]);
    assert.equal(await numberNow(client, 'cr3'), space, "ping's own address space");
    assert.ok(await numberNow(client, 'clock_page.clock.ticks') > ticks, 'the other tasks have had their turns');
  });

  it('steps over a line in which the timer interrupts, and does not show the handler', async () => {
    await launchStopped(client, PAGING_LAB, { [USER]: ['painter-spin'] });
    await goOn(client);
    await client.request('setBreakpoints', { source: { path: sample(USER) }, breakpoints: [] });
    const space = await numberNow(client, 'cr3');
    const began = await numberNow(client, 'began');
    const after = await step(client, 'next');
    assert.equal(after.name, 'painter');
    assert.notEqual(after.line, lineOf(USER, 'painter-spin'));
    assert.equal(await numberNow(client, 'cr3'), space);
    assert.ok(await numberNow(client, 'clock_page.clock.ticks') > began, 'the tick came');
  });

  it('steps one instruction at a time past a port write and a halt', async () => {
    await launchStopped(client, PAGING_LAB);
    await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'timer_init' }, { name: 'idle_loop' }] });
    assert.equal((await goOn(client)).name, 'timer_init');
    for (let count = 0; count < 20; count++) {
      const { instructions } = await client.request('disassemble', { memoryReference: '$eip', instructionCount: 2 });
      if (/^(ret|call|j)/.test(instructions[0].instruction)) break;
      const frame = await step(client, 'stepIn', 'instruction');
      assert.equal(Number(frame.instructionPointerReference), Number(instructions[1].address), `after ${instructions[0].instruction}`);
    }
    assert.equal((await goOn(client)).name, 'idle_loop');
    await client.request('setFunctionBreakpoints', { breakpoints: [] });
    const behind = await step(client, 'next', 'instruction');
    assert.equal(behind.name, 'idle_loop');
    assert.match((await client.request('threads')).threads[0].name, /halted/);
  });

  it('steps an instruction within 5 ms', async function () {
    this.retries(RETRIES);
    await launchStopped(client, PAGING_LAB, { [PAGING]: ['copy-words'] });
    await goOn(client);
    const times: number[] = [];
    for (let count = 0; count < 100; count++) {
      const asked = performance.now();
      const stop = client.event('stopped');
      await client.request('next', { threadId: 1, granularity: 'instruction' });
      assert.equal((await stop).reason, 'step');
      times.push(performance.now() - asked);
    }
    console.log(`      instruction step: ${figures(times)}`);
    assert.ok(median(times) < 5, figures(times));
  });
});

describe('paging-lab over the wire: keys that are faster than the machine', function () {
  let client: DapClient;
  useAdapter(this, 'each test', (started) => { client = started; });

  /** Commands as a person's keys send them: the next before the answer to the one before. None may fail, because a failure is a notification. */
  async function press(...commands: readonly ('next' | 'stepIn' | 'stepOut' | 'continue')[]): Promise<void> {
    const answers = await Promise.all(commands.map((command) => client.raw(command, { threadId: 1 })));
    assert.deepEqual(answers.map(({ success, message }) => [success, message]), commands.map(() => [true, undefined]));
  }

  /** The messages of these kinds since the conversation had `from` of them: 'next', 'stopped step'. */
  function told(from: number): string[] {
    return client.transcript.slice(from).flatMap(({ direction, message }) => {
      if (direction === 'to adapter') return [];
      if ('command' in message && message.command !== 'stackTrace') return [String(message.command)];
      return 'event' in message && message.event === 'stopped' ? [`stopped ${JSON.stringify(message).match(/"reason":"(\w+)"/)?.[1] ?? ''}`] : [];
    });
  }

  it('F10 F10 F5: two steps, then on to the next breakpoint', async () => {
    await launchStopped(client, PAGING_LAB, { [MAIN]: ['main-booted'], [PAGING]: ['demand-map'] });
    await goOn(client);
    const from = client.transcript.length;
    await press('next', 'next', 'continue');
    await client.stopped('step');
    await client.stopped('step');
    assert.equal((await client.stopped('breakpoint')).frame.line, lineOf(PAGING, 'demand-map'));
    assert.deepEqual(told(from), ['next', 'stopped step', 'next', 'stopped step', 'continue', 'stopped breakpoint']);
  });

  it('steps as often as the key was pressed', async () => {
    await launchStopped(client, PAGING_LAB, { [MAIN]: ['main-booted'] });
    await goOn(client);
    await press('next', 'next', 'next');
    for (let count = 0; count < 2; count++) await client.stopped('step');
    const { frame } = await client.stopped('step');
    await client.request('restart', {});
    await client.stopped('entry');
    await goOn(client);
    for (let count = 0; count < 2; count++) await step(client, 'next');
    assert.equal((await step(client, 'next')).line, frame.line, 'the same place as with slow keys');
  });

  it('does not run past a breakpoint that a step has met', async () => {
    await launchStopped(client, PAGING_LAB, { [MAIN]: ['main-segments'] });
    await goOn(client);
    await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'segments_init' }] });
    const from = client.transcript.length;
    await press('next', 'next', 'continue');
    assert.equal((await client.stopped('breakpoint')).frame.name, 'segments_init');
    // The client takes an answered step for a running machine, so it is told each time that it stands.
    assert.deepEqual(told(from), ['next', 'stopped breakpoint', 'next', 'stopped breakpoint', 'continue', 'stopped breakpoint']);
    for (let count = 0; count < 2; count++) assert.equal((await client.stopped('breakpoint')).frame.name, 'segments_init');
    assert.equal((await client.request('shadowbox.summary')).running, false);
    assert.equal((await step(client, 'stepOut')).name, 'kernel_main', 'and it can be gone on from there');
  });

  it('restarts although steps are waiting', async () => {
    await launchStopped(client, PAGING_LAB, { [USER]: ['painter-spin'] });
    await goOn(client);
    const from = client.transcript.length;
    await press('next', 'next', 'next');
    await client.request('restart', {});
    while (told(from).at(-1) !== 'stopped entry') await client.event('stopped');
    assert.equal((await frames(client))[0].name, '_start');
    assert.equal((await client.request('shadowbox.summary')).retired, 0);
  });
});
