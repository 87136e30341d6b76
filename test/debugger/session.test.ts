/**
 * Conversations with the adapter about a C program on the fake machine: launching, stopping, stepping, ending.
 */
import assert from 'node:assert/strict';
import type { DapClient } from './client';
import type { FileReader } from '../../debugger/ports';
import { factoryOf, FakeMachine } from './fakeMachine';
import { connect, FILES, withMachine } from './harness';
import { markerLine } from './markers';
import { needProgram, type BuiltProgram } from './program';

describe('debug session with a C program', function () {
  this.timeout(20_000);
  let program: BuiltProgram;
  let client: DapClient;
  let machine: FakeMachine;

  before(function () {
    program = needProgram(this);
  });

  function start(how = 0): void {
    ({ machine, client } = withMachine(program.guest(how)));
  }

  afterEach(async () => {
    await client?.close();
    assert.equal(machine?.disposed ?? true, true);
  });

  const line = (marker: string): number => markerLine(program.source, marker);

  async function launch(markers: readonly string[] = [], more: object = {}): Promise<void> {
    await client.launch({ symbols: program.elf, ...more }, async () => {
      await client.request('setBreakpoints', { source: { path: program.source }, breakpoints: markers.map((marker) => ({ line: line(marker) })) });
    });
  }

  async function runTo(marker: string): Promise<void> {
    start();
    await launch([marker]);
    await client.stopped('entry');
    await client.request('continue', { threadId: 1 });
    const { frame } = await client.stopped('breakpoint');
    assert.equal(frame.line, line(marker));
  }

  it('stops on entry, in code without lines', async () => {
    start();
    await launch();
    const { stop, frame } = await client.stopped('entry');
    assert.equal(stop.allThreadsStopped, true);
    assert.equal(frame.name, '_start');
    assert.equal(frame.presentationHint, 'normal', 'the innermost frame is never folded away');
    assert.equal(frame.instructionPointerReference, '0x100001');
    const { threads } = await client.request('threads');
    assert.deepEqual(threads, [{ id: 1, name: 'CPU 0 (protected-32, CPL 0)' }]);
  });

  it('goes at once without stopOnEntry, and pauses', async () => {
    start();
    await launch([], { stopOnEntry: false });
    await client.event('shadowbox.serial');
    await client.request('pause', { threadId: 1 });
    const { frame } = await client.stopped('pause');
    assert.equal(frame.name, 'finish');
  });

  it('hits a line breakpoint and tells which', async () => {
    start();
    await client.launch({ symbols: program.elf }, async () => {
      const { breakpoints } = await client.request('setBreakpoints', {
        source: { path: program.source }, breakpoints: [{ line: line('add-body') }, { line: 2 }],
      });
      assert.equal(breakpoints[0].verified, true);
      assert.equal(breakpoints[0].line, line('add-body'));
      assert.equal(breakpoints[1].verified, false);
      assert.match(breakpoints[1].message ?? '', /no code for line 2/);
    });
    await client.stopped('entry');
    await client.request('continue', {});
    const { stop, frame } = await client.stopped('breakpoint');
    assert.deepEqual(stop.hitBreakpointIds, [1]);
    assert.equal(frame.name, 'add');
    assert.equal(frame.source?.path, program.source);
    const { stackFrames, totalFrames } = await client.request('stackTrace', { threadId: 1 });
    assert.deepEqual(stackFrames.map((each) => each.name).slice(0, 3), ['add', 'twice', 'kernel_main']);
    assert.equal(stackFrames[1].line, line('twice-body'));
    assert.equal(stackFrames[2].line, line('main-twice'));
    assert.equal(totalFrames, stackFrames.length);
    const page = await client.request('stackTrace', { threadId: 1, startFrame: 1, levels: 1 });
    assert.deepEqual(page.stackFrames.map((each) => each.name), ['twice']);
  });

  it('steps over lines', async () => {
    await runTo('main-start');
    for (const marker of ['main-numbers', 'main-twice', 'main-after']) {
      await client.request('next', { threadId: 1 });
      const { frame } = await client.stopped('step');
      assert.equal(frame.line, line(marker));
      assert.equal(frame.name, 'kernel_main');
    }
  });

  it('steps into a function past its prologue, and out again', async () => {
    await runTo('main-twice');
    await client.request('stepIn', { threadId: 1 });
    const inside = await client.stopped('step');
    assert.equal(inside.frame.name, 'twice');
    assert.equal(inside.frame.line, line('twice-body'));
    await client.request('stepIn', { threadId: 1 });
    assert.equal((await client.stopped('step')).frame.line, line('add-body'));
    await client.request('stepOut', { threadId: 1 });
    const back = await client.stopped('step');
    assert.equal(back.frame.name, 'twice');
    assert.equal(back.frame.line, line('twice-body'));
  });

  it('does not stay in a function without lines', async () => {
    await runTo('twice-outside');
    await client.request('stepIn', { threadId: 1 });
    assert.equal((await client.stopped('step')).frame.line, line('twice-return'));
  });

  it('steps by instruction where the client asks for it', async () => {
    await runTo('main-twice');
    const before = machine.cpu.linear;
    await client.request('next', { threadId: 1, granularity: 'instruction' });
    await client.stopped('step');
    assert.notEqual(machine.cpu.linear, before);
    assert.ok(machine.cpu.linear - before <= 15);
  });

  it('steps through a loop line by line', async () => {
    await runTo('loop-for');
    const seen: number[] = [];
    for (let step = 0; step < 4; step++) {
      await client.request('next', { threadId: 1 });
      seen.push((await client.stopped('step')).frame.line);
    }
    assert.deepEqual(seen, [line('loop-body'), line('loop-for'), line('loop-body'), line('loop-for')]);
  });

  for (const granularity of ['line', 'instruction'] as const) {
    it(`steps over a ${granularity} that faults, through the handler; stepping in shows the handler`, async () => {
      ({ machine, client } = withMachine({ ...program.guest(5), faultHandler: program.addressOf('fault') }));
      await launch(['finish-fault']);
      await client.stopped('entry');
      await client.request('continue', {});
      let { frame } = await client.stopped('breakpoint');
      let steps = 0;
      for (; frame.line === line('finish-fault') && frame.name === 'finish' && steps < 20; steps++) {
        await client.request('next', { granularity });
        ({ frame } = await client.stopped('step'));
      }
      assert.equal(frame.name, 'finish');
      assert.equal(frame.line, line('spin'));
      assert.equal(machine.memory.has(0x40000000), true);
      assert.equal(steps, granularity === 'line' ? 1 : 4);
      await client.request('restart', {});
      await client.stopped('entry');
      await client.request('continue', {});
      await client.stopped('breakpoint');
      await client.request('stepIn', {});
      assert.equal((await client.stopped('step')).frame.name, 'fault');
    });
  }

  it('answers a step that does not end before it is done', async () => {
    await runTo('main-finish');
    const begun = Date.now();
    await client.request('next', { threadId: 1 });
    const waited = Date.now() - begun;
    assert.ok(waited >= 700 && waited < 2000, `answered after ${waited} ms`);
    for (const command of ['next', 'continue', 'stepBack'] as const) assert.match(await client.refused(command, { threadId: 1 }), /The machine is running already/);
    await client.request('pause', { threadId: 1 });
    assert.equal((await client.stopped('pause')).frame.name, 'finish');
  });

  it('sends one stopped event for a stop', async () => {
    await runTo('main-start');
    await client.request('next', { threadId: 1 });
    await client.stopped('step');
    await client.request('threads');
    assert.equal(client.unreadEvents('stopped').length, 0);
  });

  it('stops at a function after its prologue', async () => {
    start();
    await client.launch({ symbols: program.elf }, async () => {
      const { breakpoints } = await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'twice' }, { name: 'nothing' }] });
      assert.deepEqual(breakpoints.map(({ verified }) => verified), [true, false]);
    });
    await client.stopped('entry');
    await client.request('continue', {});
    const { frame } = await client.stopped('breakpoint');
    assert.equal(frame.line, line('twice-body'));
    const { result } = await client.request('evaluate', { expression: 'value', frameId: frame.id, context: 'watch' });
    assert.equal(result, '8');
  });

  it('stops at an instruction', async () => {
    await runTo('main-start');
    const { instructions } = await client.request('disassemble', {
      memoryReference: `0x${machine.cpu.linear.toString(16)}`, instructionOffset: 0, instructionCount: 2,
    });
    const next = instructions[1].address;
    const { breakpoints } = await client.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference: next }] });
    assert.equal(breakpoints[0].verified, true);
    await client.request('continue', {});
    const { frame } = await client.stopped('breakpoint');
    assert.equal(BigInt(frame.instructionPointerReference ?? '0'), BigInt(next));
  });

  it('passes a breakpoint silently while its condition is false', async () => {
    start();
    await client.launch({ symbols: program.elf }, async () => {
      await client.request('setBreakpoints', { source: { path: program.source }, breakpoints: [{ line: line('loop-body'), condition: 'i == 2' }] });
    });
    await client.stopped('entry');
    await client.request('continue', {});
    const { frame } = await client.stopped('breakpoint');
    assert.equal((await client.request('evaluate', { expression: 'i', frameId: frame.id })).result, '2');
  });

  it('stops and tells when a condition cannot be evaluated', async () => {
    start();
    await client.launch({ symbols: program.elf }, async () => {
      await client.request('setBreakpoints', { source: { path: program.source }, breakpoints: [{ line: line('loop-body'), condition: 'nonsense' }] });
    });
    await client.stopped('entry');
    await client.request('continue', {});
    await client.stopped('breakpoint');
    await client.event('output', (body) => body.output.includes("no variable, register or symbol 'nonsense'"));
  });

  it('counts hits, keeps ids, and refuses a malformed count', async () => {
    start();
    await client.launch({ symbols: program.elf }, async () => {
      const at = { source: { path: program.source } };
      const first = await client.request('setBreakpoints', { ...at, breakpoints: [{ line: line('loop-body'), hitCondition: '3' }] });
      const second = await client.request('setBreakpoints', {
        ...at, breakpoints: [{ line: line('add-return'), hitCondition: 'often' }, { line: line('loop-body'), hitCondition: '3' }],
      });
      assert.equal(second.breakpoints[1].id, first.breakpoints[0].id);
      assert.equal(second.breakpoints[0].verified, false);
      assert.match(second.breakpoints[0].message ?? '', /hit condition/);
    });
    await client.stopped('entry');
    await client.request('continue', {});
    const { frame } = await client.stopped('breakpoint');
    assert.equal((await client.request('evaluate', { expression: 'i', frameId: frame.id })).result, '2');
  });

  it('writes log messages without stopping', async () => {
    start();
    await client.launch({ symbols: program.elf }, async () => {
      await client.request('setBreakpoints', {
        source: { path: program.source },
        breakpoints: [{ line: line('loop-body'), logMessage: 'i is {i}, {nonsense}' }, { line: line('loop-return') }],
      });
    });
    await client.stopped('entry');
    await client.request('continue', {});
    assert.equal((await client.stopped('breakpoint')).frame.line, line('loop-return'));
    for (const round of [0, 1, 2]) {
      const output = await client.event('output', (body) => body.output.startsWith('i is'));
      assert.match(output.output, new RegExp(`^i is ${round}, <There is no variable`));
      assert.equal(output.line, line('loop-body'));
    }
  });

  it('steps on from the middle of a line that has code in several places, where arguments lie on the stack', async () => {
    start(6);
    await launch(['finish-head']);
    await client.stopped('entry');
    const breakAt = (...markers: string[]): Promise<unknown> =>
      client.request('setBreakpoints', { source: { path: program.source }, breakpoints: markers.map((marker) => ({ line: line(marker) })) });
    const go = async (command: 'continue' | 'next' | 'stepOut'): Promise<number> => {
      await client.request(command, { threadId: 1 });
      return (await client.stopped(command === 'continue' ? 'breakpoint' : 'step')).frame.line;
    };
    assert.equal(await go('continue'), line('finish-head'));
    await breakAt('add-return');
    assert.deepEqual([await go('continue'), await go('stepOut')], [line('add-return'), line('head-for')]);
    assert.equal(await go('continue'), line('add-return'), 'in the second place: the condition');
    await breakAt();
    assert.equal(await go('stepOut'), line('head-for'));
    assert.equal(await go('next'), line('head-body'));
    assert.deepEqual([await go('next'), await go('next')], [line('head-for'), line('head-end')]);
  });

  it('steps on from the first of several places of a line to behind the second', async () => {
    start(6);
    await launch(['finish-head']);
    await client.stopped('entry');
    await client.request('continue', { threadId: 1 });
    await client.stopped('breakpoint');
    await client.request('setBreakpoints', { source: { path: program.source }, breakpoints: [{ line: line('add-return') }] });
    await client.request('continue', { threadId: 1 });
    await client.stopped('breakpoint');
    await client.request('setBreakpoints', { source: { path: program.source }, breakpoints: [] });
    await client.request('stepOut', { threadId: 1 });
    const { frame } = await client.stopped('step');
    assert.equal(frame.line, line('head-for'));
    await client.request('next', { threadId: 1 });
    assert.equal((await client.stopped('step')).frame.line, line('head-body'), 'the condition is a part of the line');
  });

  it('steps over a call although a false breakpoint lies inside it', async () => {
    start();
    await client.launch({ symbols: program.elf }, async () => {
      await client.request('setBreakpoints', {
        source: { path: program.source }, breakpoints: [{ line: line('main-twice') }, { line: line('add-body'), condition: '0' }],
      });
    });
    await client.stopped('entry');
    await client.request('continue', {});
    await client.stopped('breakpoint');
    await client.request('next', {});
    const { frame } = await client.stopped('step');
    assert.equal(frame.line, line('main-after'));
  });

  it('brings output of the debug port and of the serial port', async () => {
    start();
    await launch(['main-loop'], { serial: 'terminal', stopOnEntry: false });
    assert.deepEqual(await client.event('shadowbox.serialOpen'), { port: 'com1' });
    assert.equal((await client.event('output', (body) => body.category === 'console')).output, 'A');
    const serial = await client.event('shadowbox.serial');
    assert.deepEqual(serial, { port: 'com1', data: Buffer.from('B').toString('base64') });
    await client.stopped('breakpoint');
  });

  it('stops at an exception that is a breakpoint, with its story', async () => {
    start(5);
    await client.launch({ symbols: program.elf, stopOnEntry: false }, async () => {
      const { breakpoints } = await client.request('setExceptionBreakpoints', {
        filters: [], filterOptions: [{ filterId: '#PF', condition: 'kernel' }, { filterId: '#UD', condition: 'sometimes' }, { filterId: 'triple-fault' }],
      });
      assert.deepEqual(breakpoints?.map(({ verified }) => verified), [true, false, true]);
    });
    const { stop } = await client.stopped('exception');
    assert.equal(stop.description, '#PF');
    assert.match(stop.text ?? '', /not present/);
    const info = await client.request('exceptionInfo', { threadId: 1 });
    assert.equal(info.exceptionId, '#PF');
    assert.match(info.description ?? '', /address 0x40000000/);
  });

  it('stops at a triple fault with the chain, can be looked at, and restarted', async () => {
    start(1);
    await launch();
    await client.stopped('entry');
    await client.request('continue', {});
    const { stop, frame } = await client.stopped('exception');
    assert.equal(stop.text, 'triple fault');
    assert.equal(frame.name, 'finish');
    const info = await client.request('exceptionInfo', { threadId: 1 });
    assert.match(info.description ?? '', /1\. #UD.*\n2\. #DF/s);
    assert.equal(info.details?.innerException?.length, 2);
    assert.match(await client.refused('continue', { threadId: 1 }), /triple fault/);
    await client.request('restart', {});
    await client.stopped('entry');
  });

  it('tells a machine that is halted for ever', async () => {
    start(2);
    await launch([], { stopOnEntry: false });
    const { stop } = await client.stopped('exception');
    assert.equal(stop.description, 'halted for ever');
  });

  it("ends with the guest's exit status", async () => {
    start(3);
    await launch([], { stopOnEntry: false });
    assert.deepEqual(await client.event('exited'), { exitCode: 11 });
    await client.event('terminated');
  });

  it('ends with a power-off', async () => {
    start(4);
    await launch([], { stopOnEntry: false });
    assert.deepEqual(await client.event('exited'), { exitCode: 0 });
    await client.event('terminated');
    assert.match(await client.refused('continue', {}), /ended/);
  });

  it('restarts a running machine, with its breakpoints', async () => {
    start();
    await launch(['add-body'], { stopOnEntry: true });
    await client.stopped('entry');
    await client.request('setBreakpoints', { source: { path: program.source }, breakpoints: [] });
    await client.request('continue', {});
    await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'add' }] });
    await client.request('restart', {});
    assert.equal((await client.stopped('entry')).frame.name, '_start');
    assert.equal(machine.resets, 1);
    await client.request('continue', {});
    assert.equal((await client.stopped('breakpoint')).frame.name, 'add');
    assert.equal(client.unreadEvents('stopped').length, 0);
  });

  it('terminates', async () => {
    start();
    await launch();
    await client.stopped('entry');
    await client.request('terminate', {});
    await client.event('terminated');
    assert.equal(machine.disposed, true);
  });
});

describe('debug session in 16-bit code', function () {
  this.timeout(10_000);

  it('steps out of a routine by running to its return', async () => {
    // call 8; hlt | nop; nop; call 16; ret | nop; ret
    const code = Uint8Array.of(0xe8, 0x05, 0, 0xf4, 0, 0, 0, 0, 0x90, 0x90, 0xe8, 0x03, 0, 0xc3, 0, 0, 0x90, 0xc3);
    const { machine, client } = withMachine({ bits: 16, mapped: [[0, 0x10000]], images: [{ address: 0x7c00, bytes: code }], entry: 0, stack: 0x1000, codeBase: 0x7c00 });
    await client.launch({});
    await client.stopped('entry');
    await client.request('stepIn', { granularity: 'instruction' });
    assert.equal((await client.stopped('step')).frame.name, '07c0:0008');
    await client.request('stepOut', {});
    assert.equal((await client.stopped('step')).frame.name, '07c0:0003');
    assert.equal(machine.cpu.registers.esp, 0x1000);
    await client.close();
  });
});

describe('source map', () => {
  it('finds sources that have moved', async function () {
    const program = needProgram(this);
    const moved: FileReader = {
      read: (path) => FILES.read(path),
      exists: async (path) => path === '/elsewhere/program.c' || path === program.elf,
    };
    const client = connect(factoryOf(new FakeMachine(program.guest(0))), moved);
    await client.launch({ symbols: program.elf, sourceMap: { [program.folder]: '/elsewhere' } });
    const { sources } = await client.request('loadedSources', {});
    assert.deepEqual(sources.map(({ path }) => path), ['/elsewhere/program.c']);
    const { breakpoints } = await client.request('setBreakpoints', { source: { path: '/elsewhere/program.c' }, breakpoints: [{ line: markerLine(program.source, 'add-body') }] });
    assert.equal(breakpoints[0].verified, true);
    await client.close();
  });

  it('leaves sources that are nowhere, and says so', async function () {
    const program = needProgram(this);
    const lost: FileReader = { read: (path) => FILES.read(path), exists: async () => false };
    const client = connect(factoryOf(new FakeMachine(program.guest(0))), lost);
    await client.launch({ kernel: program.elf });
    const { sources } = await client.request('loadedSources', {});
    assert.deepEqual(sources.map(({ path, presentationHint }) => [path, presentationHint]), [[program.source, 'deemphasize']]);
    assert.match(await client.refused('source', { source: { path: program.source }, sourceReference: 0 }), /not on this computer/);
    await client.close();
  });
});
