/** paging-lab under the real adapter: events behind the exception filters, address spaces in conditions, frames that are restarted. */
import assert from 'node:assert/strict';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { DapClient } from '../client';
import { breakAt, goOn, launchStopped, lineOf, MAIN, numberNow, PAGING, PAGING_LAB, sample, step, useAdapter, USER, valueNow } from './adapter';

const TASKS = 'paging-lab/tasks.c';

describe('stops of paging-lab over the wire', function () {
  let client: DapClient;
  useAdapter(this, 'each test', (started) => { client = started; });

  async function filter(filterId: string, condition = ''): Promise<void> {
    const { breakpoints = [] } = await client.request('setExceptionBreakpoints', { filters: [], filterOptions: [{ filterId, condition }] }) ?? {};
    assert.deepEqual(breakpoints, [{ verified: true }]);
  }

  async function stopAt(filterId: string, condition = ''): Promise<Dap.StoppedEvent['body']> {
    await filter(filterId, condition);
    await client.request('continue', { threadId: 1 });
    return (await client.stopped('exception')).stop;
  }

  it('stops at INT n, CR3 loads, ports, and first touches, each told in words', async () => {
    await launchStopped(client, PAGING_LAB);
    const call = await stopAt('int', 'vector == 0x80 && cpl == 3');
    assert.equal(call.description, 'INT 0x80');
    assert.equal(await numberNow(client, '$cs & 3'), 3);
    const load = await stopAt('cr3', 'to != from');
    assert.equal(load.description, 'CR3 load');
    const [, from, to] = /from (0x\w+) to (0x\w+)/.exec(load.text ?? '') ?? [];
    assert.equal(await numberNow(client, '$cr3'), Number(from));
    assert.notEqual(from, to);
    const output = await stopAt('port', 'write && port == 0x3f8');
    assert.match(output.text ?? '', /^OUT to port 0x3f8: 1 byte, value 0x\w+, before the instruction$/);
    const irq = await stopAt('irq');
    assert.match(irq.description ?? '', /^IRQ \d+, vector 0x\w+$/);
    const touch = await stopAt('touch', 'execute 0x40000000');
    assert.equal(touch.description, 'first touch');
    const painted = await stopAt('touch', 'write 0xb8000');
    assert.match(painted.text ?? '', /^first touch: a write to physical 0xb8\w+, by \w+\+0x\w+ \(console\.c:\d+\)$/);
    assert.equal((await client.request('exceptionInfo', { threadId: 1 })).description, painted.text);
    await stopAt('touch', 'execute 0x40000000');
    assert.equal(await numberNow(client, '$eip >> 12'), 0x40000);
  });

  it('explains a page fault: error code and walk', async () => {
    await launchStopped(client, PAGING_LAB);
    await stopAt('#PF', 'user');
    const { description = '' } = await client.request('exceptionInfo', { threadId: 1 });
    assert.match(description, /Error code 0x\w+: (no page is present|the page is present, but forbids it), a (read|write), by user code\./);
    assert.match(description, /The walk of 0x\w+:\n {2}level 2 PDE\[\d+\]/);
    await stopAt('#PF', 'address >= 0xb0000000 && cpl == 3');
    assert.ok(await numberNow(client, '$cs & 3') === 3);
  });

  it('stops in one address space alone', async () => {
    await launchStopped(client, PAGING_LAB, { [USER]: ['ping-round'] });
    await goOn(client);
    const ping = await valueNow(client, '$cr3');
    const set = async (condition: string): Promise<void> => {
      const { breakpoints } = await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'wait_turn', condition }] });
      assert.equal(breakpoints[0].verified, true);
    };
    await breakAt(client, USER, []);
    await set(`cr3 == ${ping.split(' ')[0]}`);
    for (let time = 0; time < 3; time++) {
      await goOn(client);
      assert.equal(await valueNow(client, '$cr3'), ping);
    }
  });

  it('stops where a text is another, by pointer and by array, and evaluates such comparisons', async () => {
    await launchStopped(client, PAGING_LAB);
    const { breakpoints: [created] } = await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'space_create', condition: 'name != "sweeper" && name != "ping"' }] });
    assert.deepEqual([created.verified, created.message], [true, undefined]);
    await goOn(client);
    assert.match(await valueNow(client, 'name'), /"pong"/);
    for (const [expression, value] of [['name == "pong"', '1'], ['name == "pon"', '0'], ['name != "pong" ? 1 : 2', '2'], ['"abc"[1]', "98 (0x62) 'b'"], ['sizeof "abc"', '4']]) {
      assert.equal(await valueNow(client, expression), value, expression);
    }
    assert.match(await client.refused('evaluate', { expression: '(char *)0xbfff0000 == "x"', context: 'watch' }), /Memory at 0xbfff0000 cannot be read/);
    await client.request('setFunctionBreakpoints', { breakpoints: [] });
    await breakAt(client, TASKS, ['says'], { condition: 'tasks[turn].name == "painter" && text == "hello from CPL 3" && text != "hello"' });
    assert.equal((await goOn(client)).line, lineOf(TASKS, 'says'));
    assert.match(await valueNow(client, 'tasks[turn].name'), /"painter"/);
    await breakAt(client, TASKS, []);
    const { dataId } = await client.request('dataBreakpointInfo', { name: 'turn' });
    assert.ok(dataId);
    await client.request('setDataBreakpoints', { breakpoints: [{ dataId, accessType: 'write', condition: 'tasks[after].name == "ping"' }] });
    await client.request('continue', { threadId: 1 });
    await client.stopped('data breakpoint');
    assert.match(await valueNow(client, 'tasks[turn].name'), /"ping"/);
    await client.request('setDataBreakpoints', { breakpoints: [] });
    await stopAt('irq', 'tasks[turn].name == "pong"');
    assert.match(await valueNow(client, 'tasks[turn].name'), /"pong"/);
    await filter('irq', '(char *)0xbfff0000 == "x"');
    await client.request('continue', { threadId: 1 });
    const { output } = await client.event('output', (body) => body.output.includes('cannot be evaluated'));
    assert.match(output, /There is no memory at linear address 0xbfff0000/);
    await client.stopped('exception');
  });

  it('means the variable of its own file where several have one of that name', async () => {
    await launchStopped(client, PAGING_LAB, { [TASKS]: ['says'] });
    await goOn(client);
    const typeOf = async (expression: string): Promise<string | undefined> => (await client.request('evaluate', { expression, context: 'watch' })).type;
    assert.equal(await typeOf('current'), 'struct task *');
    // The monitor decides by the same one: the other has no such member.
    const [{ message }] = await breakAt(client, TASKS, ['says'], { condition: 'current->space->name == "painter"' });
    assert.equal(message, undefined);
    await goOn(client);
    assert.match(await valueNow(client, 'current->name'), /"painter"/);
    await breakAt(client, TASKS, []);
    await breakAt(client, PAGING, ['demand-map']);
    await goOn(client);
    assert.equal(await typeOf('current'), 'struct address_space *');
  });

  it('restarts a frame where it was entered, and goes to another line', async () => {
    await launchStopped(client, PAGING_LAB, { [PAGING]: ['demand-map'] });
    const inner = await goOn(client);
    const { stackFrames } = await client.request('stackTrace', { threadId: 1 });
    assert.equal(stackFrames[0].line, lineOf(PAGING, 'demand-map'));
    await client.request('restartFrame', { frameId: stackFrames[0].id });
    const { frame } = await client.stopped('restart');
    assert.equal(frame.name, inner.name);
    assert.equal(BigInt(frame.instructionPointerReference ?? 0), BigInt((await client.request('evaluate', { expression: `&${inner.name}`, context: 'watch' })).memoryReference ?? 1));
    await breakAt(client, PAGING, ['demand-map']);
    assert.equal((await goOn(client)).line, lineOf(PAGING, 'demand-map'));
    const { targets } = await client.request('gotoTargets', { source: { path: sample(MAIN) }, line: lineOf(MAIN, 'main-segments') });
    await client.request('goto', { threadId: 1, targetId: targets[0].id });
    assert.equal((await client.stopped('goto')).frame.line, lineOf(MAIN, 'main-segments'));
  });

  it('leaves the machine as it is where a frame cannot be restarted', async () => {
    const hash = async (): Promise<string> => (await client.request('evaluate', { expression: 'hash', context: 'repl' })).result;
    const refuse = async (index: number, why: RegExp): Promise<void> => {
      const { stackFrames } = await client.request('stackTrace', { threadId: 1 });
      const before = await hash();
      assert.match(await client.refused('restartFrame', { frameId: stackFrames.at(index)?.id }), why);
      assert.equal(await hash(), before);
      assert.deepEqual([client.unreadEvents('continued'), client.unreadEvents('stopped')], [[], []]);
    };
    await launchStopped(client, PAGING_LAB);
    await refuse(0, /^The time line begins here: there is no way back to where the frame was entered\.$/);
    await client.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference: 'wait_turn' }] });
    await goOn(client);
    await refuse(0, /^The frame stands on its first instruction already\.$/);
    // Its return address is 0.
    await refuse(1, /^Where this frame was entered is not known: its return address was not found\.$/);
    await client.request('setInstructionBreakpoints', { breakpoints: [] });
    assert.equal((await step(client, 'stepIn', 'instruction')).name, 'wait_turn', 'all goes on from there');
  });

  it('restarts a frame of the process that stands there, where another one has the same code and stack', async () => {
    await launchStopped(client, PAGING_LAB, { [USER]: ['ping-wait'] });
    for (let time = 0; time < 3; time++) await goOn(client);
    await breakAt(client, USER, []);
    const [ping, round] = [(await valueNow(client, '$cr3')).split(' ')[0], await numberNow(client, 'round')];
    // pong, too, waits for its turn in wait_turn at this stack pointer before ping comes back from its system call.
    const { instructions } = await client.request('disassemble', { memoryReference: 'call', instructionOffset: 0, instructionCount: 12 });
    const behind = instructions[instructions.findIndex(({ instruction }) => instruction.startsWith('int 0x80')) + 1].address;
    await client.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference: `lin:${ping}:${behind}` }] });
    await goOn(client);
    const { stackFrames } = await client.request('stackTrace', { threadId: 1 });
    assert.deepEqual(stackFrames.slice(0, 3).map(({ name }) => name), ['call', 'wait_turn', 'ping']);
    await client.request('restartFrame', { frameId: stackFrames[1].id });
    assert.equal((await client.stopped('restart')).frame.name, 'wait_turn');
    assert.equal((await valueNow(client, '$cr3')).split(' ')[0], ping);
    const [, caller] = (await client.request('stackTrace', { threadId: 1 })).stackFrames;
    assert.equal(Number((await client.request('evaluate', { expression: 'round', frameId: caller.id })).result.split(' ')[0]), round);
  });

  it('says who wrote a pointer without guessing what it pointed at', async () => {
    await launchStopped(client, PAGING_LAB, { [USER]: ['ping-round'] });
    await goOn(client);
    await client.request('shadowbox.whoWrote', { expression: 'kernel_space.name' });
    assert.match((await client.stopped('data breakpoint')).stop.text ?? '', /: was 0x0, is 0x\w+ <[^<>]+>; written by paging_init\+/);
  });

  for (const [mode, isSeen] of [
    ['guest-dr', async () => { assert.notEqual(await numberNow(client, '$dr7 & 0xff'), 0); }],
    ['guest-int3', async (address: number) => { assert.equal(await numberNow(client, `u8[${address}]`), 0xcc); }],
  ] as const) {
    it(`stops again and again at a breakpoint of the mode ${mode}, which the guest can see`, async () => {
      await launchStopped(client, PAGING_LAB, { [USER]: ['ping-round'] });
      await goOn(client);
      await breakAt(client, USER, []);
      const { breakpoints } = await client.request('setBreakpoints', { source: { path: sample(USER) }, breakpoints: [{ line: lineOf(USER, 'ping-write'), mode }] });
      assert.equal(breakpoints[0].verified, true, breakpoints[0].message);
      const rounds: number[] = [];
      for (let time = 0; time < 3; time++) {
        await client.request('continue', { threadId: 1 });
        const { stop, frame } = await client.stopped('breakpoint');
        assert.deepEqual(stop.hitBreakpointIds, [breakpoints[0].id]);
        assert.equal(frame.line, lineOf(USER, 'ping-write'));
        rounds.push(await numberNow(client, 'round'));
      }
      assert.deepEqual(rounds, [rounds[0], rounds[0] + 1, rounds[0] + 2], 'the guest goes on as if nothing were there');
      await isSeen(await numberNow(client, '$eip'));
      await client.request('next', { threadId: 1 });
      assert.equal((await client.stopped('step')).frame.line, lineOf(USER, 'ping-round'));
      await breakAt(client, USER, ['ping-check']);
      assert.equal((await goOn(client)).line, lineOf(USER, 'ping-check'));
      assert.equal(await numberNow(client, '$dr7 & 0xff'), 0);
    });
  }

  it('runs until user code, the kernel, a virtual time, and so many instructions', async () => {
    await launchStopped(client, PAGING_LAB);
    const until = async (text: string): Promise<Dap.StoppedEvent['body']> => {
      await client.request('shadowbox.runUntil', { until: text });
      return client.event('stopped');
    };
    assert.equal((await until('user')).reason, 'step');
    assert.equal(await numberNow(client, '$cs & 3'), 3);
    await until('kernel');
    assert.equal(await numberNow(client, '$cs & 3'), 0);
    const { time, retired } = await client.request('shadowbox.summary', {});
    assert.equal((await until('1 ms')).description, 'virtual time reached');
    const later = await client.request('shadowbox.summary', {});
    assert.ok(later.time >= time + 1_000_000 && later.time < time + 1_010_000);
    assert.ok(later.retired > retired);
    assert.equal((await until('1000 instructions')).description, 'instruction limit reached');
    assert.equal((await client.request('shadowbox.summary', {})).retired, later.retired + 1000);
  });
});
