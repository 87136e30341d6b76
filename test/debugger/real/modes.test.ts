/**
 * One suite over every way in which code runs: 16-bit real mode, 32-bit paged, 64-bit, four CPUs, and a recording that is opened. What a
 * debugger promises holds in all of them: breakpoints, steps and their way back, data breakpoints and who wrote last, memory and
 * disassembly that agree, changes and the futures that they leave.
 */
import assert from 'node:assert/strict';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { leaveOut } from '../../support/leaveOut';
import { assembleGuest, type AssembledGuest } from '../../guests/multiprocessor/image';
import type { DapClient } from '../client';
import { figures, HELLO, launchStopped, numberNow, PAGING_LAB, sleep, step, timedPause, useAdapter } from './adapter';
import { buildLongModeGuest, type BuiltGuest } from './longModeGuest';
import { recordPagingLab, runToFunction, WAIT_TURN, type RecordedRun } from './recordedRun';

/** A guest, and how to come to code of it that goes on calling and writing. */
interface Mode {
  readonly title: string;
  /** The name of the thread there. */
  readonly thread: RegExp;
  /** What the stack grows by, and the register that points to its top, as an address. */
  readonly word: number;
  readonly stackTop: string;
  configuration(context: Mocha.Context): object | Promise<object>;
  /** Launches it. Default: it stops on entry. */
  launch?(client: DapClient, configuration: object): Promise<unknown>;
  /** Stops where the suite begins, which is the first instruction of something that pushes soon. */
  arrive(client: DapClient): Promise<void>;
  dispose?(): void;
}

let longMode: BuiltGuest | undefined;
let processors: AssembledGuest | undefined;
let recorded: RecordedRun | undefined;

const MODES: readonly Mode[] = [
  {
    title: '16-bit real mode', thread: /\(real, CPL 0\)/, word: 2, stackTop: 'ss:sp',
    configuration: () => HELLO,
    arrive: async (client) => {
      // By segment and offset, before the code is there.
      const { breakpoints } = await client.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference: '0x0:0x7c00' }] });
      assert.equal(breakpoints[0].verified, true);
      await client.request('continue', { threadId: 1 });
      await client.stopped('breakpoint');
      await client.request('setInstructionBreakpoints', { breakpoints: [] });
      await runToFunction(client, 'print');
    },
  },
  {
    title: '32-bit paged', thread: /\(protected-32, CPL 3\)/, word: 4, stackTop: 'esp',
    configuration: () => PAGING_LAB,
    arrive: async (client) => {
      await runToFunction(client, 'ping');
      // Its stack is there now.
      await runToFunction(client, 'wait_turn');
    },
  },
  {
    title: 'long mode', thread: /\(long-64, CPL 0\)/, word: 8, stackTop: 'rsp',
    configuration: (context) => {
      const built = buildLongModeGuest();
      if ('missing' in built) leaveOut(context, `no usable ${built.missing}`);
      longMode = built;
      return { multiboot: built.elf, memory: '64M', cmdline: '', symbols: [built.elf] };
    },
    arrive: (client) => runToFunction(client, 'factorial'),
    dispose: () => longMode?.remove(),
  },
  {
    title: 'four CPUs', thread: /^CPU \d of 4 /, word: 4, stackTop: 'esp',
    configuration: (context) => {
      processors = assembleGuest(context);
      return { multiboot: processors.file, memory: '8M', cpus: 4, quantum: 1000 };
    },
    arrive: async (client) => {
      await client.request('shadowbox.runUntil', { until: '60000 instructions' });
      await client.stopped('pause');
    },
    dispose: () => processors?.dispose(),
  },
  {
    title: 'a replay', thread: /\(protected-32, CPL 3\)/, word: 4, stackTop: 'esp',
    configuration: async () => {
      recorded = await recordPagingLab();
      return { recording: recorded.file };
    },
    launch: async (client, configuration) => {
      await client.launch(configuration);
      await client.stopped('step');
    },
    arrive: async (client) => {
      await client.request('shadowbox.travel', { bookmark: WAIT_TURN });
      await client.stopped('step');
    },
    dispose: () => recorded?.remove(),
  },
];

for (const mode of MODES) {
  describe(`the debugger in ${mode.title}`, function () {
    let client: DapClient;
    let configuration: object;
    before(async function () { configuration = await mode.configuration(this); });
    useAdapter(this, 'suite', (started) => { client = started; });
    before(async () => {
      await (mode.launch ?? launchStopped)(client, configuration);
      await mode.arrive(client);
    });
    after(() => mode.dispose?.());

    const hash = async (): Promise<string> => (await client.request('evaluate', { expression: 'hash', context: 'repl' })).result;
    const currentThread = async (): Promise<Dap.Thread> => {
      const { threads } = await client.request('threads');
      const { result } = await client.request('evaluate', { expression: 'regs', context: 'repl' });
      assert.ok(result.length > 0);
      return threads[0];
    };
    const here = async (threadId = 1): Promise<Dap.StackFrame> => (await client.request('stackTrace', { threadId, levels: 1 })).stackFrames[0];
    const linear = async (expression: string): Promise<bigint> => BigInt((await client.request('evaluate', { expression, context: 'watch' })).memoryReference ?? 'none');
    const back = async (): Promise<void> => {
      await client.request('stepBack', { threadId: 1, granularity: 'instruction' });
      await client.stopped('step');
    };

    it('names the CPU and its mode', async () => {
      assert.match((await currentThread()).name, mode.thread);
    });

    it('steps back to the very machine that it stepped from', async () => {
      for (const command of ['stepIn', 'next', 'stepIn'] as const) {
        const before = await hash();
        await step(client, command, 'instruction');
        assert.notEqual(await hash(), before);
        await back();
        assert.equal(await hash(), before, command);
        await step(client, command, 'instruction');
      }
    });

    it('stops at the write to a word of the stack, and finds it again in the past', async () => {
      const top = await linear(mode.stackTop);
      const slot = top - BigInt(mode.word);
      const { dataId } = await client.request('dataBreakpointInfo', { name: `0x${slot.toString(16)}`, asAddress: true, bytes: mode.word });
      assert.ok(dataId);
      const { breakpoints } = await client.request('setDataBreakpoints', { breakpoints: [{ dataId, accessType: 'write' }] });
      await client.request('continue', { threadId: 1 });
      const { stop } = await client.stopped('data breakpoint');
      assert.deepEqual(stop.hitBreakpointIds, [breakpoints[0].id]);
      assert.match(stop.text ?? '', /: was .*(, is .*| and still is); written by /);
      const there = await hash();
      await client.request('setDataBreakpoints', { breakpoints: [] });
      await client.request('shadowbox.whoWrote', { expression: `0x${slot.toString(16)}`, bytes: mode.word });
      assert.equal((await client.stopped('data breakpoint')).stop.text, stop.text, 'it stands behind the write already');
      assert.equal(await hash(), there);
      await client.request('next', { threadId: stop.threadId ?? 1, granularity: 'instruction' });
      await client.stopped('step');
      await client.request('shadowbox.whoWrote', { expression: `0x${slot.toString(16)}`, bytes: mode.word });
      const again = (await client.stopped('data breakpoint')).stop;
      assert.equal(/written by .*/.exec(again.text ?? '')?.[0], /written by .*/.exec(stop.text ?? '')?.[0]);
      assert.equal(await hash(), there);
    });

    it('has memory and disassembly that agree, with exactly as many rows as were asked for', async () => {
      const reference = (await here()).instructionPointerReference ?? '';
      const { instructions = [] } = await client.request('disassemble', { memoryReference: reference, instructionOffset: -200, instructionCount: 400 }) ?? {};
      assert.equal(instructions.length, 400);
      assert.equal(BigInt(instructions[200].address), BigInt(reference));
      assert.equal(new Set(instructions.map(({ address }) => BigInt(address))).size, 400);
      const bytes = (instructions[200].instructionBytes ?? '').split(' ').map((byte) => Number.parseInt(byte, 16));
      const { data = '' } = await client.request('readMemory', { memoryReference: reference, count: bytes.length }) ?? {};
      assert.deepEqual([...Buffer.from(data, 'base64')], bytes);
      assert.ok(await numberNow(client, '$eflags & 2') === 2);
    });

    it('evaluates conditions in the monitor wherever it stands', async () => {
      const reference = (await here()).instructionPointerReference ?? '';
      await step(client, 'stepIn', 'instruction');
      await client.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference: reference, condition: '$cs == 0xffff' }] });
      await client.request('continue', { threadId: 1 });
      await sleep(100);
      await client.request('pause', { threadId: 1 });
      assert.notEqual((await client.event('stopped')).reason, 'breakpoint');
      await client.request('setInstructionBreakpoints', { breakpoints: [] });
    });

    it('changes a register and memory, and keeps the future that a change of the past leaves', async () => {
      const timeline = () => client.request('shadowbox.timeline', {});
      const { present, furthest, forks } = await timeline();
      const threadId = Number((await currentThread()).id);
      const before = await hash();
      const value = await numberNow(client, '$ebx');
      const frameId = (await here(threadId)).id;
      const { value: set } = await client.request('setExpression', { expression: '$ebx', value: '0x1234', frameId });
      assert.match(set, /^0x0*1234\b/);
      assert.notEqual(await hash(), before);
      const left = (await timeline()).forks.slice(forks.length);
      if (present.retired < furthest.retired) {
        assert.deepEqual(left.map(({ retired, end }) => [retired, end.retired]), [[present.retired, furthest.retired]]);
        await client.event('output', ({ output }) => output.startsWith(`The past was changed at instruction ${present.retired}: `));
      } else {
        assert.deepEqual(left, []);
      }
      const top = await linear(mode.stackTop);
      const memoryReference = `0x${top.toString(16)}`;
      const { data = '' } = await client.request('readMemory', { memoryReference, count: 4 }) ?? {};
      await client.request('writeMemory', { memoryReference, data: Buffer.from([1, 2, 3, 4]).toString('base64') });
      assert.equal(await numberNow(client, `u32[${memoryReference}]`), 0x0403_0201);
      await client.request('writeMemory', { memoryReference, data });
      await client.request('setExpression', { expression: '$ebx', value: String(value), frameId });
      assert.equal(await hash(), before, 'all is as it was');
    });

    it('is quick: figures', async () => {
      const { name } = await here();
      const steps: number[] = [];
      for (let count = 0; count < 20; count++) {
        const began = performance.now();
        await client.request('stepIn', { threadId: 1, granularity: 'instruction' });
        await client.event('stopped');
        steps.push(performance.now() - began);
      }
      const pauses: number[] = [];
      for (let count = 0; count < 4; count++) {
        await client.request('continue', { threadId: 1 });
        await sleep(20);
        pauses.push(await timedPause(client));
      }
      console.log(`      ${mode.title}: a step from ${name} took ${figures(steps)}; a pause ${figures(pauses)}`);
    });
  });
}

describe('four CPUs as threads', function () {
  let client: DapClient;
  let image: AssembledGuest;
  before(function () { image = assembleGuest(this); });
  useAdapter(this, 'suite', (started) => { client = started; });
  before(async () => {
    await launchStopped(client, { multiboot: image.file, memory: '8M', cpus: 4, quantum: 1000 });
    await client.request('shadowbox.runUntil', { until: '60000 instructions' });
    await client.event('stopped');
  });
  after(() => image.dispose());

  const pc = async (threadId: number): Promise<bigint> =>
    BigInt((await client.request('stackTrace', { threadId, levels: 1 })).stackFrames[0].instructionPointerReference ?? 'none');

  it('has a thread for each, with its own frames and registers', async () => {
    const { threads } = await client.request('threads');
    assert.deepEqual(threads.map(({ id }) => id), [1, 2, 3, 4]);
    threads.forEach(({ name }, index) => assert.match(name, new RegExp(`^CPU ${index} of 4 \\(`)));
    for (const { id } of threads) {
      const { stackFrames: [frame] } = await client.request('stackTrace', { threadId: id, levels: 1 });
      const { result, memoryReference } = await client.request('evaluate', { expression: '$eip', frameId: frame.id, context: 'watch' });
      assert.equal(Number(memoryReference), Number(frame.instructionPointerReference), result);
    }
  });

  it('steps each alone, and goes back', async () => {
    const { threads } = await client.request('threads');
    for (const { id } of threads) {
      const before = await pc(id);
      const hash = (await client.request('evaluate', { expression: 'hash', context: 'repl' })).result;
      await client.request('stepIn', { threadId: id, granularity: 'instruction', singleThread: true });
      const stop = await client.event('stopped');
      assert.deepEqual([stop.reason, stop.threadId], ['step', id]);
      assert.notEqual(await pc(id), before);
      await client.request('stepBack', { threadId: id, granularity: 'instruction' });
      await client.event('stopped');
      assert.equal((await client.request('evaluate', { expression: 'hash', context: 'repl' })).result, hash);
    }
  });

  it('sets a register of one CPU alone', async () => {
    const frameOf = async (threadId: number): Promise<number> => (await client.request('stackTrace', { threadId, levels: 1 })).stackFrames[0].id;
    const before = (await client.request('evaluate', { expression: '$ebx', frameId: await frameOf(1), context: 'watch' })).result;
    await client.request('setExpression', { expression: '$ebx', value: '4711', frameId: await frameOf(3) });
    assert.match((await client.request('evaluate', { expression: '$ebx', frameId: await frameOf(3), context: 'watch' })).result, /4711/);
    assert.equal((await client.request('evaluate', { expression: '$ebx', frameId: await frameOf(1), context: 'watch' })).result, before);
  });
});
