/** What a debugger's requests promise: exact counts, steps over, into and out of calls, and past interrupts. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { code, IRET, le32, movEax, NOP } from '../cpu/guest';
import { call, countTick, HANDLER, HERE, Kernel, PROGRAM, TIMER } from './kernel';

/** MOV ECX, imm32. */
const movEcx = (value: number): readonly number[] => [0xb9, ...le32(value)];
const FUNCTION = PROGRAM + 0x100;

describe('a run of so many instructions', function () {
  this.timeout(30_000);

  it('ends after exactly so many, those of interrupt handlers included', () => {
    const kernel = new Kernel({ [PROGRAM]: code(TIMER, [0x40, 0xeb, 0xfd]), [HANDLER]: countTick() });
    for (const count of [1, 2, 7, 1000, 3351, 3352, 3353, 20_000]) {
      const before = kernel.machine.retired;
      const { reason, retired } = kernel.run({ kind: 'instructions', count });
      assert.deepEqual([reason.kind, retired - before], ['count', count]);
    }
    assert.ok(kernel.ticks > 5, `${kernel.ticks} ticks came meanwhile`);
  });

  it('comes to the same place in one run and in many', () => {
    const [whole, pieces] = [1, 2].map(() => new Kernel({ [PROGRAM]: code(TIMER, [0x40, 0xeb, 0xfd]), [HANDLER]: countTick() }));
    whole.run({ kind: 'instructions', count: 10_000 });
    for (let piece = 0; piece < 100; piece++) pieces.run({ kind: 'instructions', count: 100 });
    const seen = ({ at, stack, ticks, ...rest }: Kernel): readonly number[] => [at, stack, ticks, rest.machine.parts.cpu.state.reg(L.RAX)];
    assert.deepEqual(seen(pieces), seen(whole));
  });
});

/**
 * Calls itself until ECX is 0, and counts in EDX those of its activations to which a call has come back:
 * dec ecx; jz done; call itself; inc edx; nop; done: ret.
 */
const RECURSION = {
  [PROGRAM]: code(movEcx(5), call(PROGRAM + 5, FUNCTION), NOP, HERE),
  [FUNCTION]: code(0x49, [0x74, 0x07], call(FUNCTION + 3, FUNCTION), 0x42, NOP, 0xc3),
};
const INNER_CALL = FUNCTION + 3;
const AFTER_INNER_CALL = FUNCTION + 8;

/** The recursion in its activation number `depth`, before its call. */
function inActivation(depth: number): Kernel {
  const kernel = new Kernel(RECURSION);
  kernel.machine.parts.cpu.state.setReg(L.RDX, 0);
  for (let entered = 0; entered < depth; entered++) kernel.until(INNER_CALL);
  return kernel;
}

describe('a step', function () {
  this.timeout(30_000);

  it('takes one instruction', () => {
    const kernel = new Kernel({ [PROGRAM]: code(NOP, movEax(1), [0xeb, 0x02], NOP, NOP, NOP, HERE) });
    assert.deepEqual([1, 2, 3, 4].map(() => kernel.step(true) - PROGRAM), [1, 6, 10, 11]);
  });

  it('over a call ends behind it, in the same activation of a recursive function', () => {
    const kernel = inActivation(1);
    const { stack } = kernel;
    assert.equal(kernel.step(true), AFTER_INNER_CALL);
    assert.equal(kernel.stack, stack);
    assert.equal(kernel.register(L.RDX), 3, 'the inner activations have come through the same place before');
  });

  it('into a call ends on its first instruction', () => {
    const kernel = inActivation(2);
    const { stack } = kernel;
    assert.equal(kernel.step(false), FUNCTION);
    assert.equal(kernel.stack, stack - 4);
  });

  it('out of a recursive function ends in its own caller', () => {
    const kernel = inActivation(2);
    const { stack } = kernel;
    const { reason, linear } = kernel.run({ kind: 'until', address: BigInt(AFTER_INNER_CALL), aboveStack: BigInt(stack) });
    assert.deepEqual([reason.kind, Number(linear), kernel.stack], ['step', AFTER_INNER_CALL, stack + 4]);
    assert.equal(kernel.register(L.RDX), 3, 'of activations 4, 3 and 2');
  });

  it('over a call ends at a breakpoint in it', () => {
    const kernel = inActivation(1);
    kernel.machine.stops.setBreakpoints([{ id: 7, linear: BigInt(AFTER_INNER_CALL) }]);
    const { stack } = kernel;
    const { reason } = kernel.run({ kind: 'step', over: true });
    assert.deepEqual(reason, { kind: 'breakpoint', ids: [7] });
    assert.ok(kernel.stack < stack, 'in an inner activation');
  });

  it('over INT n ends behind it, into it in the handler', () => {
    for (const [over, place] of [[true, PROGRAM + 2], [false, HANDLER]] as const) {
      const kernel = new Kernel({ [PROGRAM]: code([0xcd, 0x30], NOP, HERE), [HANDLER]: [NOP, IRET] });
      assert.equal(kernel.step(over), place);
    }
  });

  it('takes a repeated instruction whole', () => {
    // mov ecx, 20000; mov edi, 180000h; rep stosb
    const kernel = new Kernel({ [PROGRAM]: code(movEcx(20_000), 0xbf, le32(0x180000), [0xf3, 0xaa], NOP, HERE) });
    kernel.until(PROGRAM + 10);
    assert.equal(kernel.step(false), PROGRAM + 12);
    assert.deepEqual([kernel.register(L.RCX), kernel.register(L.RDI)], [0, 0x180000 + 20_000]);
  });

  it('of an instruction that faults shows the handler', () => {
    const kernel = new Kernel({ [PROGRAM]: code([0x0f, 0x0b], HERE), [HANDLER]: [NOP, ...HERE] });
    assert.equal(kernel.step(false), HANDLER);
    assert.equal(kernel.machine.parts.map.read(kernel.stack, 4), PROGRAM, 'which is to return to the instruction');
  });
});

describe('a step past interrupts', function () {
  this.timeout(60_000);

  it('goes on where the interrupt came, though its handler runs the same code', () => {
    // call FUNCTION; jmp back. The handler calls FUNCTION, too: inc ebx; inc ebx; ret.
    const loop = PROGRAM + TIMER.length;
    const kernel = new Kernel({
      [PROGRAM]: code(TIMER, call(loop, FUNCTION), [0xeb, 0xf9]),
      [FUNCTION]: [0x43, 0x43, 0xc3],
      [HANDLER]: countTick(FUNCTION),
    });
    kernel.until(loop);
    const { stack } = kernel;
    const ring: readonly (readonly [at: number, stack: number])[] = [
      [loop, stack], [FUNCTION, stack - 4], [FUNCTION + 1, stack - 4], [FUNCTION + 2, stack - 4], [loop + 5, stack],
    ];
    const began = kernel.ticks;
    for (let count = 1; count <= 8000; count++) {
      const at = kernel.step(false);
      assert.deepEqual([at, kernel.stack], ring[count % ring.length], `step ${count}`);
    }
    assert.ok(kernel.ticks - began >= 2, `${kernel.ticks - began} ticks came meanwhile`);
  });

  it('of HLT stands behind it, and the next one waits until the CPU has been woken', () => {
    const halt = PROGRAM + TIMER.length;
    const kernel = new Kernel({ [PROGRAM]: code(TIMER, 0xf4, NOP, NOP, HERE), [HANDLER]: countTick() });
    kernel.until(halt);
    const began = kernel.ticks;
    assert.equal(kernel.step(true), halt + 1);
    assert.equal(kernel.step(true), halt + 2);
    assert.ok(kernel.ticks > began);
  });

  it('takes one instruction, no more, where an interrupt comes right behind it', () => {
    // A tick has come while interrupts were off. STI lets one more instruction pass (SDM volume 2, STI).
    const waited = code(TIMER, 0xfa, movEcx(2500), 0x49, [0x75, 0xfd], 0xfb);
    const next = PROGRAM + waited.length;
    for (const [over, instruction, place] of [
      [false, [NOP], next + 1], [true, [NOP], next + 1], [false, call(next, FUNCTION), FUNCTION], [true, call(next, FUNCTION), next + 5],
    ] as const) {
      const kernel = new Kernel({ [PROGRAM]: code(waited, instruction, NOP, NOP, HERE), [FUNCTION]: [0x43, 0x43, 0xc3], [HANDLER]: countTick() });
      kernel.until(next);
      const began = kernel.ticks;
      assert.equal(kernel.step(over), place);
      assert.equal(kernel.ticks, began + 1, 'the tick was taken');
    }
  });

  it('over a line ends behind it, though ticks come all the time', () => {
    // mov ecx, 100000; loop: dec ecx; jnz loop; nop
    const line = PROGRAM + TIMER.length;
    const kernel = new Kernel({ [PROGRAM]: code(TIMER, movEcx(100_000), 0x49, [0x75, 0xfd], NOP, HERE), [HANDLER]: countTick() });
    kernel.until(line);
    assert.equal(kernel.step(true, [[line, line + 8]]), line + 8);
    assert.equal(kernel.register(L.RCX), 0);
    assert.ok(kernel.ticks > 50, `${kernel.ticks} ticks`);
  });
});

describe('a step over a line', function () {
  this.timeout(30_000);

  /** mov ecx, n; loop: dec ecx; jnz loop; and then `rest`, as one line. */
  const waiting = (rounds: number, rest: readonly number[]): Kernel => new Kernel({
    [PROGRAM]: code(movEcx(rounds), 0x49, [0x75, 0xfd], rest), [FUNCTION]: [NOP, 0xc3], [HANDLER]: [NOP, ...HERE],
  });
  const REST = PROGRAM + 8;

  it('that waits in a loop takes no longer than the loop', () => {
    const kernel = waiting(5_000_000, [NOP, ...HERE]);
    const { counters } = kernel.machine.parts.executor;
    const before = counters.singleSteps;
    assert.equal(kernel.step(true, [[PROGRAM, REST]]), REST);
    assert.equal(kernel.register(L.RCX), 0);
    assert.ok(counters.singleSteps - before < 1000, `${counters.singleSteps - before} of ten million instructions were executed one by one`);
  });

  it('finds the call behind the loop: over it, or into it', () => {
    for (const [over, place] of [[true, REST + 5], [false, FUNCTION]] as const) {
      const kernel = waiting(10_000, [...call(REST, FUNCTION), NOP, ...HERE]);
      assert.equal(kernel.step(over, [[PROGRAM, REST + 5]]), place);
    }
  });

  it('ends where an indirect jump leads', () => {
    // mov eax, FUNCTION; jmp eax
    const kernel = waiting(10_000, code(movEax(FUNCTION), [0xff, 0xe0]));
    assert.equal(kernel.step(true, [[PROGRAM, REST + 7]]), FUNCTION);
  });

  it('ends in the handler of a fault behind the loop', () => {
    const kernel = waiting(10_000, [0x0f, 0x0b]);
    assert.equal(kernel.step(true, [[PROGRAM, REST + 2]]), HANDLER);
  });

  it('of several pieces ends outside of all of them', () => {
    // loop: dec ecx; jmp to the second piece; that one: jnz loop; nop.
    const second = PROGRAM + 0x40;
    const kernel = new Kernel({
      [PROGRAM]: code(movEcx(1000), 0x49, [0xe9], le32(second - PROGRAM - 11)),
      [second]: code([0x0f, 0x85], le32(PROGRAM + 5 - second - 6), NOP, HERE),
    });
    assert.equal(kernel.step(true, [[PROGRAM, PROGRAM + 11], [second, second + 6]]), second + 6);
    assert.equal(kernel.register(L.RCX), 0);
  });
});
