/** Turns of several CPUs, INIT and SIPI (Intel SDM vol. 3, 9.4 and table 10-1), NMI, and a debugger on a machine with several. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { cpuView } from '../../../src/monitor/inspection/cpuView';
import { machineHash } from '../../../src/monitor/inspection/machineHash';
import { readMemory } from '../../../src/monitor/machine/memoryRequests';
import type { StopReport } from '../../../src/monitor/machine/session';
import { code, IRET, le32, NOP, HLT } from '../cpu/guest';
import { call, DATA, HANDLER, HERE, PROGRAM } from './kernel';
import { CLI, countRounds, counter, END_OF_INTERRUPT, FIXED, inc, INIT, jump, NMI, PAUSE, program, send, SeveralKernels, START, STI, store } from './severalKernels';

const HALT_FOR_EVER = [CLI, HLT, ...HERE];
const at = (linear: number): { id: number; linear: bigint } => ({ id: linear, linear: BigInt(linear) });
const blocks = ({ machine }: SeveralKernels): readonly DataView[] =>
  machine.parts.processors.waitingBlocks().map((block) => new DataView(block.buffer, block.byteOffset, block.length));

describe('turns', function () {
  this.timeout(30_000);

  it('have the configured length, one CPU after the other', () => {
    const kernels = new SeveralKernels([countRounds(0), countRounds(1), countRounds(2)], {}, { quantum: 250 });
    kernels.untilTurnOf(2, program(2));
    kernels.untilTurnOf(0);
    const order: number[] = [], lengths: number[] = [];
    let own = 1;
    for (let i = 0; i < 3000; i++, own++) {
      const before = kernels.current;
      const rounds = kernels.rounds(before);
      kernels.run({ kind: 'instructions', count: 1 });
      if (kernels.current === before) continue;
      assert.equal(kernels.rounds(before), rounds);
      order.push(before);
      lengths.push(own);
      own = 0;
    }
    assert.deepEqual(order.slice(0, 6), [0, 1, 2, 0, 1, 2]);
    assert.deepEqual(new Set(lengths), new Set([250]));
  });

  it('end behind PAUSE', () => {
    const spin = (cpu: number): readonly number[] => [...PAUSE, ...inc(counter(cpu)), ...jump(program(cpu) + 8, program(cpu))];
    const kernels = new SeveralKernels([spin(0), spin(1)], {}, { quantum: 100_000 });
    kernels.untilTurnOf(1, program(1));
    kernels.run({ kind: 'instructions', count: 30_000 });
    assert.ok(Math.abs(kernels.rounds(0) - kernels.rounds(1)) <= 1 && kernels.rounds(1) > 4000, `${kernels.rounds(0)} and ${kernels.rounds(1)} rounds`);
  });

  it('have no end while all others are halted, PAUSE or not', () => {
    const busy = code(inc(counter(0)), PAUSE, jump(program(0) + 8, program(0)));
    const kernels = new SeveralKernels([busy, HALT_FOR_EVER, HALT_FOR_EVER], {}, { quantum: 100 });
    kernels.run({ kind: 'instructions', count: 3000 });
    const { turns } = kernels.machine.parts.processors.counters;
    kernels.run({ kind: 'instructions', count: 30_000 });
    assert.deepEqual([kernels.machine.parts.processors.counters.turns, kernels.current], [turns, 0]);
  });

  it('pass over to a CPU that an interrupt wakes', () => {
    const sleeper = [STI, HLT, ...jump(program(1) + 2, program(1) + 1)];
    const kernels = new SeveralKernels([
      code(new Array<number>(3000).fill(NOP), send(1, FIXED | 0x40), HERE),
      sleeper,
    ], { [HANDLER]: code(inc(counter(1)), END_OF_INTERRUPT, IRET) }, { quantum: 1000 });
    kernels.run({ kind: 'instructions', count: 20_000 });
    assert.equal(kernels.rounds(1), 1);
    assert.equal(kernels.current, 0, 'the other one has halted again');
  });

  it('leave each CPU its interrupt flag, which is read of all of them', () => {
    const kernels = new SeveralKernels([[CLI, ...HERE], [STI, ...HERE], HALT_FOR_EVER]);
    kernels.run({ kind: 'instructions', count: 20_000 });
    const { current } = kernels;
    assert.deepEqual(kernels.machine.parts.processors.interruptFlags(), [false, true, false]);
    assert.equal(kernels.current, current, 'looking changes no turn');
  });

  it('leave the instruction behind STI and MOV SS to its CPU', () => {
    // Interrupts come all the time; none may be taken between the first and the second instruction of a shadow.
    const begin = program(1);
    const loop = code(CLI, NOP, STI, NOP, NOP, [0x8e, 0xd0], NOP, NOP);
    const afterSti = begin + 3, afterMovSs = begin + 7;
    const handler = code(
      [0x81, 0x3c, 0x24, ...le32(afterSti)], [0x74, 0x10], // cmp [esp], afterSti; je bad
      [0x81, 0x3c, 0x24, ...le32(afterMovSs)], [0x74, 0x07], // cmp [esp], afterMovSs; je bad
      inc(counter(1)), [0xeb, 0x06],
      inc(counter(2)), // bad
      END_OF_INTERRUPT, IRET,
    );
    const sender = send(1, FIXED | 0x40);
    const kernels = new SeveralKernels([
      code(sender, jump(program(0) + sender.length, program(0))),
      code([0xb8, ...le32(16)], loop, jump(begin + 5 + loop.length, begin + 5)),
    ], { [HANDLER]: handler }, { quantum: 101 });
    // EAX (the stack's selector) comes before the loop.
    kernels.run({ kind: 'instructions', count: 200_000 });
    assert.ok(kernels.rounds(1) > 500, `${kernels.rounds(1)} interrupts`);
    assert.equal(kernels.rounds(2), 0);
  });
});

describe('INIT and SIPI', function () {
  this.timeout(30_000);

  it('start a CPU in real mode at the page that the vector names', () => {
    const kernels = new SeveralKernels([HERE, HERE], {}, { quantum: 100 });
    kernels.untilTurnOf(1);
    const { state } = kernels.machine.parts.cpu;
    // One instruction of the trampoline may have been the first of its turn.
    assert.deepEqual([state.selector(L.CS), state.base(L.CS), state.protectedMode], [0x800, 0x8000, false]);
    assert.equal(state.reg(L.RDX) !== 0, true, 'the processor\'s signature');
  });

  it('a CPU that runs ignores a SIPI, one that waits ignores NMI and interrupts', () => {
    const ignored = code(send(1, START), send(2, NMI), send(2, FIXED | 0x40), HERE);
    const kernels = new SeveralKernels([ignored, countRounds(1)], {}, { cpus: 3, quantum: 100 });
    kernels.run({ kind: 'instructions', count: 5000 });
    const rounds = kernels.rounds(1);
    assert.ok(rounds > 100);
    assert.deepEqual(kernels.machine.parts.processors.state.starts[2], { reset: false, waiting: true, vector: -1 });
    assert.equal(blocks(kernels).at(-1)?.getUint32(L.NON_MASKABLE, true), 0);
  });

  it('INIT leaves MSRs and the time-stamp counter as they are, and clears what a reset clears', () => {
    const writeMsr = (number: number, low: number): readonly number[] => [0xb9, ...le32(number), 0xb8, ...le32(low), 0x31, 0xd2, 0x0f, 0x30];
    const kernels = new SeveralKernels([
      code(new Array<number>(400).fill(NOP), send(1, INIT), send(1, START), HERE),
      code(writeMsr(0x176, 0x1234), writeMsr(0x10, 0x777_0000), [0x0f, 0x20, 0xc0, 0x0d, ...le32(0x6000_0000), 0x0f, 0x22, 0xc0], [0x0f, 0x23, 0xc0], HERE),
    ], {}, { quantum: 100 });
    kernels.untilTurnOf(1, program(1) + 42);
    kernels.machine.stops.setBreakpoints([at(0x8000)]);
    assert.equal(kernels.run({ kind: 'continue' }).reason.kind, 'breakpoint');
    const { state } = kernels.machine.parts.cpu;
    assert.equal(kernels.current, 1);
    assert.equal(state.u64(L.SYSENTER_EIP), 0x1234n);
    assert.ok(kernels.machine.parts.processors.timeStamp(1, kernels.machine.time) >= 0x777_0000n);
    assert.deepEqual([state.cr0, state.cr4, state.u32(L.DR), state.flags], [0x6000_0010, 0, 0, 2]);
  });

  it('every CPU has the memory types that firmware sets', () => {
    const kernels = new SeveralKernels([HERE, HERE], {}, { cpus: 4 });
    const own = kernels.machine.parts.cpu.state.u64(L.MSR_MTRR_DEFAULT);
    assert.notEqual(own, 0n);
    assert.deepEqual(blocks(kernels).map((view) => view.getBigUint64(L.MSR_MTRR_DEFAULT, true)), [own, own, own]);
  });
});

describe('a machine with several CPUs', function () {
  this.timeout(30_000);

  it('has come to its end when all are halted with interrupts off', () => {
    const { reason } = new SeveralKernels([HALT_FOR_EVER, HALT_FOR_EVER]).run({ kind: 'continue' });
    assert.equal(reason.kind, 'halted-forever');
  });

  it('has not while one of them may be woken', () => {
    const kernels = new SeveralKernels([HALT_FOR_EVER, [STI, HLT, ...HERE]]);
    kernels.machine.resume({ kind: 'continue' });
    for (;;) {
      const outcome = kernels.machine.runSlice(100_000);
      if (typeof outcome === 'string') continue;
      assert.ok('idleCycles' in outcome, JSON.stringify(outcome, (_, value: unknown) => String(value)));
      return;
    }
  });

  it('begins anew, all of it, when one of them asks for a reset', () => {
    const kernels = new SeveralKernels([countRounds(0), code(new Array<number>(300).fill(NOP), [0xb0, 0xfe, 0xe6, 0x64], HERE)]);
    const { processors, map } = kernels.machine.parts;
    map.write(DATA, 4, 0x1234);
    const before = kernels.machine.retired;
    kernels.machine.resume({ kind: 'continue' });
    while (map.read(DATA, 4) !== 0) kernels.machine.runSlice(100);
    kernels.machine.requestPause();
    assert.ok(kernels.machine.retired > before, 'time goes on');
    assert.deepEqual([processors.current, processors.state.starts.map(({ waiting }) => waiting)], [0, [false, true]]);
    assert.deepEqual(blocks(kernels).map((view) => view.getUint32(L.EIP, true)), [0xfff0]);
    assert.equal(map.read(program(0), 1), 0xff, 'the image is there again');
  });

  it('wakes a CPU that is halted with interrupts off by NMI', () => {
    const kernels = new SeveralKernels([
      code(new Array<number>(1000).fill(NOP), send(1, NMI), HERE),
      code(CLI, HLT, inc(counter(3)), HERE),
    ], { [HANDLER]: code(inc(counter(1)), IRET) });
    kernels.run({ kind: 'instructions', count: 5000 });
    assert.deepEqual([kernels.rounds(1), kernels.rounds(3)], [1, 1]);
  });
});

const FUNCTION = PROGRAM + 0x900;

describe('a debugger on several CPUs', function () {
  this.timeout(30_000);

  /** Both count rounds; CPU 1 calls a function in each of its own. */
  const callers = (): SeveralKernels => {
    const calling = code(inc(counter(1)), call(program(1) + 6, FUNCTION), NOP);
    return new SeveralKernels([countRounds(0), [...calling, ...jump(program(1) + calling.length, program(1))]], {
      [FUNCTION]: code(inc(counter(2)), new Array<number>(300).fill(NOP), inc(counter(3)), 0xc3),
    });
  };
  const CALL = program(1) + 6, BEHIND_CALL = program(1) + 11;

  it('stops at a breakpoint on the CPU that has come to it', () => {
    const kernels = callers();
    kernels.machine.stops.setBreakpoints([at(FUNCTION)]);
    for (let round = 1; round < 20; round++) {
      const { reason, linear } = kernels.run({ kind: 'continue' });
      assert.deepEqual([reason, linear, kernels.current, kernels.rounds(1)], [{ kind: 'breakpoint', ids: [FUNCTION] }, BigInt(FUNCTION), 1, round]);
    }
  });

  it('steps one CPU, instruction by instruction, while the other goes on', () => {
    const kernels = callers();
    kernels.untilTurnOf(1, CALL);
    const others = kernels.rounds(0);
    const places = Array.from({ length: 310 }, () => kernels.step(false));
    const expected = [FUNCTION, ...Array.from({ length: 301 }, (_, i) => FUNCTION + 6 + i), FUNCTION + 312, BEHIND_CALL];
    assert.deepEqual(places.slice(0, expected.length), expected);
    assert.equal(kernels.current, 1);
    // Three turns of 100 instructions each have passed, and as many of the other CPU.
    assert.ok(kernels.rounds(0) - others >= 100, `${kernels.rounds(0) - others} rounds of the other`);
  });

  it('steps a CPU that waits for its turn', () => {
    const kernels = callers();
    kernels.untilTurnOf(1, CALL);
    kernels.untilTurnOf(0);
    assert.deepEqual([kernels.run({ kind: 'step', over: false, cpu: 1 }).reason.kind, kernels.current], ['step', 1]);
    const { linear } = kernels.run({ kind: 'step', over: false, cpu: 0 });
    assert.deepEqual([kernels.current, Number(linear) >= program(0) && Number(linear) < program(0) + 11], [0, true]);
    for (const cpu of [2, -1, 0.5]) assert.throws(() => kernels.run({ kind: 'step', over: false, cpu }), /There is no CPU/);
  });

  it('looks at any CPU without changing anything, and at its memory as it sees it', () => {
    const kernels = callers();
    kernels.untilTurnOf(1, FUNCTION + 10);
    kernels.untilTurnOf(0);
    const { parts } = kernels.machine;
    const { processors, cpu } = parts;
    const hash = (): string => machineHash(cpu, processors.waitingBlocks(), kernels.machine.plainStates());
    const before = hash();
    const waiting = processors.waitingBlocks()[0];
    assert.ok(waiting);
    const eip = new DataView(waiting.buffer, waiting.byteOffset).getUint32(L.EIP, true);
    const seen = processors.visit(1, () => cpuView(cpu));
    assert.deepEqual([seen.processor.index, Number(seen.instructionPointer)], [1, eip]);
    assert.equal(processors.visit(0, () => cpuView(cpu)).processor.index, 0);
    assert.deepEqual(readMemory(parts, { kind: 'linear', cpu: 1 }, BigInt(program(1)), 2), Uint8Array.of(0xff, 0x05));
    assert.equal(hash(), before);
    assert.throws(() => processors.visit(2, () => 0), /There is no CPU 2: the machine has 2/);
    const on = (): string => {
      kernels.run({ kind: 'instructions', count: 1000 });
      return hash();
    };
    const other = callers();
    other.untilTurnOf(1, FUNCTION + 10);
    other.untilTurnOf(0);
    other.run({ kind: 'instructions', count: 1000 });
    assert.equal(on(), machineHash(other.machine.parts.cpu, other.machine.parts.processors.waitingBlocks(), other.machine.plainStates()), 'it goes on as if nobody had looked');
  });

  it('sets a register of a CPU that waits, and of no other', () => {
    const kernels = callers();
    kernels.untilTurnOf(1, FUNCTION + 10);
    kernels.untilTurnOf(0);
    const { processors, cpu } = kernels.machine.parts;
    const own = cpu.state.reg(3);
    kernels.machine.edit({ kind: 'register', name: 'ebx', value: 4711n, cpu: 1 });
    assert.equal(cpu.state.reg(3), own);
    assert.equal(processors.visit(1, () => cpu.state.reg(3)), 4711);
    kernels.untilTurnOf(1);
    assert.equal(cpu.state.reg(3), 4711);
  });

  it('steps over a call, and out of it, on the CPU that it is about', () => {
    const kernels = callers();
    kernels.untilTurnOf(1, CALL);
    const done = kernels.rounds(3);
    assert.equal(kernels.step(true), BEHIND_CALL);
    assert.deepEqual([kernels.current, kernels.rounds(3)], [1, done + 1]);
    kernels.untilTurnOf(1, FUNCTION + 10);
    const { reason, linear } = kernels.run({ kind: 'until', address: BigInt(BEHIND_CALL), aboveStack: BigInt(kernels.stack) });
    assert.deepEqual([reason.kind, Number(linear), kernels.current], ['step', BEHIND_CALL, 1]);
  });

  it('a breakpoint on another CPU ends a step over', () => {
    const kernels = callers();
    kernels.untilTurnOf(1, CALL);
    kernels.machine.stops.setBreakpoints([at(program(0))]);
    const { reason, linear } = kernels.run({ kind: 'step', over: true });
    assert.deepEqual([reason.kind, Number(linear), kernels.current], ['breakpoint', program(0), 0]);
  });

  it('a run on from a breakpoint executes its instruction first, also when the turn is just over', () => {
    const kernels = new SeveralKernels([countRounds(0), countRounds(1)], {}, { quantum: 101 });
    const { state } = kernels.machine.parts.processors;
    // Rounds have two instructions, turns 101: every second turn of a CPU ends before the first of them.
    do kernels.untilTurnOf(1, program(1));
    while (kernels.machine.retired < state.turnEnd && kernels.run({ kind: 'instructions', count: 1 }));
    assert.deepEqual([kernels.current, kernels.at, kernels.machine.retired], [1, program(1), state.turnEnd]);
    const rounds = kernels.rounds(1);
    kernels.machine.stops.setBreakpoints([at(program(1))]);
    assert.equal(kernels.run({ kind: 'continue' }).reason.kind, 'breakpoint');
    assert.deepEqual([kernels.current, kernels.rounds(1)], [1, rounds + 1]);
  });

  it('a step that never ends can be paused', () => {
    const kernels = new SeveralKernels([countRounds(0), HALT_FOR_EVER], {}, { quantum: 1000 });
    kernels.untilTurnOf(1, program(1) + 1);
    assert.equal(kernels.step(true), program(1) + 2, 'behind HLT, where it now rests');
    kernels.machine.resume({ kind: 'step', over: true });
    for (let slice = 0; slice < 10; slice++) assert.equal(kernels.machine.runSlice(10_000), 'more');
    assert.equal(kernels.machine.requestPause().reason.kind, 'pause');
    assert.ok(kernels.rounds(0) > 10_000);
    assert.equal(kernels.current, 0);
  });

  it('stops before a fault of another CPU is delivered, and then delivers it', () => {
    const kernels = new SeveralKernels([countRounds(0), code([0x0f, 0x0b], HERE)], { [HANDLER]: code(store(counter(2), 1), HERE) });
    kernels.machine.stops.setExceptionStops([{ vector: 6 }]);
    const stopped: StopReport = kernels.run({ kind: 'continue' });
    assert.deepEqual([stopped.reason.kind, Number(stopped.linear), kernels.current, kernels.rounds(2)], ['exception', program(1), 1, 0]);
    kernels.run({ kind: 'instructions', count: 1000 });
    assert.equal(kernels.rounds(2), 1);
  });

  it('leaves no trace: the run is the same with stops on its way', () => {
    const end = 50_000;
    const free = callers();
    free.run({ kind: 'instructions', count: end - free.machine.retired });
    const watched = callers();
    watched.machine.stops.setBreakpoints([at(FUNCTION + 50), at(program(0))]);
    for (let stop = 0; stop < 300; stop++) {
      watched.run({ kind: 'continue' });
      if (stop % 3 === 0) watched.run({ kind: 'step', over: stop % 2 === 0 });
    }
    assert.ok(watched.machine.retired < end);
    watched.machine.stops.setBreakpoints([]);
    watched.run({ kind: 'instructions', count: end - watched.machine.retired });
    const seen = (kernels: SeveralKernels): unknown => [
      kernels.current, kernels.at, [0, 1, 2, 3].map((cpu) => kernels.rounds(cpu)), kernels.machine.parts.processors.state, kernels.machine.parts.map.read(DATA, 4),
    ];
    assert.deepEqual(seen(watched), seen(free));
  });
});
