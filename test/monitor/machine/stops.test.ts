/** Breakpoints, gates, events and run requests on whole machines: that they stop where they are said to, and nowhere else. */
import assert from 'node:assert/strict';
import type { EventStop, ExecutionBreakpoint, Gate, GateExpression, RunRequest, StopReason, StopReport } from '../../../src/monitor/machine/session';
import { code, IRET, le16, le32, NOP } from '../cpu/guest';
import { BOOT, BootSector } from './bootSector';
import { call, DATA, HANDLER, HERE, Kernel, PROGRAM, TIMER, countTick, TIMER_VECTOR } from './kernel';
import { CODE_64, FIRST_SPACE, loadCr3, LongKernel, PagedKernel, PAGING_ON, SECOND_SPACE, WINDOW } from './pagedKernels';
import { inc, jump, program, SeveralKernels } from './severalKernels';

const ENGINES = ['interpreter', 'translator', 'translate-all', 'translate-again'];
const go: RunRequest = { kind: 'continue' };
const ECX = 0xb9;
const set = (register: number, value: number): readonly number[] => [register, ...le32(value)];
const constant = (value: number): GateExpression => ({ kind: 'constant', value: BigInt(value) });
const register = (name: string): GateExpression => ({ kind: 'register', name });
const equal = (left: GateExpression, right: GateExpression): GateExpression => ({ kind: 'binary', op: '==', left, right });
const memory = (address: number, bytes = 4, space: 'linear' | 'physical' = 'linear'): GateExpression => ({ kind: 'memory', space, address: constant(address), bytes });

function idsOf({ reason }: StopReport): readonly number[] {
  if (reason.kind !== 'breakpoint') throw new Error(`stopped with ${reason.kind}`);
  return reason.ids;
}

function eventOf({ reason }: StopReport): Extract<StopReason, { kind: 'event' }>['event'] {
  if (reason.kind !== 'event') throw new Error(`stopped with ${reason.kind}`);
  return reason.event;
}

/** A loop of `count` rounds: inc [DATA]; loop. */
const LOOP = PROGRAM + 5;
const looping = (count: number): readonly number[] => code(set(ECX, count), inc(DATA), [0xe2, 0xf8], HERE);
const rounds = (kernel: Kernel): number => kernel.machine.parts.map.read(DATA, 4);

describe('breakpoints', function () {
  this.timeout(60_000);

  for (const engine of ENGINES) {
    it(`${engine}: conditions, hits and logs of a breakpoint in a hot loop`, () => {
      const at = (gate: Gate, more: Partial<ExecutionBreakpoint> = {}): ExecutionBreakpoint => ({ id: 1, linear: BigInt(LOOP), gate, ...more });
      const run = (gate: Gate): readonly number[] => {
        const kernel = new Kernel({ [PROGRAM]: looping(20_000) }, { engine });
        kernel.machine.stops.setBreakpoints([at(gate)]);
        const found: number[] = [];
        for (let i = 0; i < 3; i++) {
          const { reason } = kernel.run({ kind: 'instructions', count: 40_010 - kernel.machine.retired });
          if (reason.kind !== 'breakpoint') break;
          assert.equal(kernel.at, LOOP);
          found.push(rounds(kernel));
        }
        return found;
      };
      assert.deepEqual(run({ condition: equal(register('ecx'), constant(7)) }), [19_993]);
      assert.deepEqual(run({ condition: equal(memory(DATA), constant(12_345)) }), [12_345]);
      assert.deepEqual(run({ hits: { op: '==', count: 9000 } }), [8999]);
      assert.deepEqual(run({ hits: { op: '>=', count: 15_000 } }), [14_999, 15_000, 15_001]);
      assert.deepEqual(run({ hits: { op: 'multiple', count: 5000 } }), [4999, 9999, 14_999]);
      const odd: GateExpression = { kind: 'binary', op: '&', left: register('ecx'), right: constant(1) };
      assert.deepEqual(run({ condition: odd, hits: { op: '==', count: 100 } }), [199], 'hits are counted among those whose condition holds');
    });
  }

  it('logs do not stop, and note values with their moment', () => {
    const kernel = new Kernel({ [PROGRAM]: looping(5) });
    const absent = memory(0x7000_0000);
    kernel.machine.stops.setBreakpoints([{ id: 9, linear: BigInt(LOOP), gate: { log: { values: [register('ecx'), memory(DATA, 2, 'physical'), absent] } } }]);
    const begin = kernel.machine.retired;
    assert.equal(kernel.run({ kind: 'instructions', count: 11 }).reason.kind, 'count');
    const { entries, lost } = kernel.machine.stops.log.take();
    assert.equal(lost, 0);
    assert.deepEqual(entries.map(({ id, list, retired, linear, values }) => [list, id, retired - begin, Number(linear), values.slice(0, 2)]),
      [0, 1, 2, 3, 4].map((i) => ['breakpoints', 9, 1 + 2 * i, LOOP, [BigInt(5 - i), BigInt(i)]]));
    assert.match(String(entries[0]?.values[2]), /There is no memory at linear address 0x70000000/);
    assert.deepEqual(kernel.machine.stops.log.take().entries, []);
  });

  it('a condition that cannot be evaluated stops, and says why', () => {
    const kernel = new Kernel({ [PROGRAM]: looping(5) });
    kernel.machine.stops.setBreakpoints([{ id: 3, linear: BigInt(LOOP), gate: { condition: memory(0x7000_0000) } }]);
    const { reason } = kernel.run(go);
    assert.deepEqual(reason.kind === 'breakpoint' && reason.problems, [{ id: 3, problem: 'The condition cannot be evaluated. There is no memory at linear address 0x70000000.' }]);
    assert.throws(() => kernel.machine.stops.setBreakpoints([{ id: 3, linear: 0n, gate: { condition: register('rxa') } }]), /There is no register 'rxa'/);
  });

  it('compares texts byte by byte: up to the first difference, the end of an array, or a zero', () => {
    const kernel = new Kernel({ [PROGRAM]: looping(100) });
    /** The last two bytes of 2 MiB. */
    const last = 0x1f_fffe;
    const { map } = kernel.machine.parts;
    [...'ab'].forEach((letter, i) => map.write(last + i, 1, letter.charCodeAt(0)));
    [...'task\0'].forEach((letter, i) => map.write(0x5ffe + i, 1, letter.charCodeAt(0)));
    const holds = (address: number, text: string, room?: number): boolean | string => {
      const condition: GateExpression = { kind: 'text', space: 'physical', address: constant(address), bytes: new TextEncoder().encode(text), ...(room === undefined ? {} : { room }) };
      kernel.machine.stops.setBreakpoints([{ id: 3, linear: BigInt(LOOP), gate: { condition } }]);
      const { reason } = kernel.run({ kind: 'instructions', count: 3 });
      return reason.kind !== 'breakpoint' ? false : reason.problems?.[0].problem ?? true;
    };
    assert.deepEqual(['task', 'tas', 'tasks', 'taxi', ''].map((text) => holds(0x5ffe, text)), [true, false, false, false, false], 'over the end of a page');
    assert.deepEqual(['task', 'tas', 'tasks', ''].map((text) => holds(0x5ffe, text, 3)), [false, true, false, false], 'an array ends its text');
    assert.deepEqual([holds(0x9000, ''), holds(0x9000, 'a')], [true, false], 'memory that was never written');
    assert.deepEqual([holds(last, 'xyz'), holds(last, 'ab', 2), holds(last, 'abc', 2)], [false, true, false], 'nothing behind the first difference is read');
    assert.match(String(holds(last, 'abc')), /There is no memory at physical address 0x200000/);
    assert.throws(() => kernel.machine.stops.setBreakpoints([{ id: 3, linear: 0n, gate: { condition: { kind: 'text', space: 'linear', address: constant(0), bytes: Uint8Array.of(65, 0) } } }]), /none of them zero/);
  });

  it('the same list again keeps hits, another gate begins anew', () => {
    const kernel = new Kernel({ [PROGRAM]: looping(100) });
    const list = (count: number): readonly ExecutionBreakpoint[] => [{ id: 1, linear: BigInt(LOOP), gate: { hits: { op: 'multiple', count } } }];
    kernel.machine.stops.setBreakpoints(list(10));
    kernel.run({ kind: 'instructions', count: 12 });
    kernel.machine.stops.setBreakpoints(list(10));
    kernel.run(go);
    assert.equal(rounds(kernel), 9);
    kernel.machine.stops.setBreakpoints(list(11));
    kernel.run(go);
    assert.equal(rounds(kernel), 9 + 11);
  });

  it('guest-physical ones stop under every mapping, before the code is there, and where it is written anew', () => {
    const page = 0x190000;
    const RET = 0xc3;
    const toWindow = (from: number, to: number): readonly number[] => call(from, to);
    const start = PROGRAM + PAGING_ON.length;
    const first = code(toWindow(start, WINDOW), toWindow(start + 5, WINDOW + 0x1000), loadCr3(SECOND_SPACE), toWindow(start + 18, WINDOW), HERE);
    const kernel = new PagedKernel(first, [[page, page], [page]]);
    kernel.machine.stops.setBreakpoints([{ id: 1, physical: page + 1 }]);
    kernel.machine.parts.map.copyIn(page, Uint8Array.of(NOP, NOP, RET));
    const places = [0, 1, 2].map(() => { assert.deepEqual(idsOf(kernel.run(go)), [1]); return kernel.at; });
    assert.deepEqual(places, [WINDOW + 1, WINDOW + 0x1001, WINDOW + 1]);
  });

  it('filters: address space, privilege and CPU', () => {
    const start = PROGRAM + PAGING_ON.length;
    const kernel = new PagedKernel(code(loadCr3(SECOND_SPACE), NOP, loadCr3(FIRST_SPACE), jump(start + 17, start)), [[], []]);
    const at = (more: Partial<ExecutionBreakpoint>): void => kernel.machine.stops.setBreakpoints([{ id: 1, linear: BigInt(start + 5), ...more }]);
    at({ cr3: SECOND_SPACE });
    assert.equal(kernel.run({ kind: 'instructions', count: 100 }).reason.kind, 'count', 'before the load, the first space is there');
    at({ cr3: FIRST_SPACE, privilege: 'user' });
    assert.equal(kernel.run({ kind: 'instructions', count: 100 }).reason.kind, 'count');
    at({ cr3: FIRST_SPACE, privilege: 'kernel' });
    assert.deepEqual(idsOf(kernel.run(go)), [1]);
    const shared = PROGRAM + 0x6000;
    const round = code(inc(DATA), jump(shared + 6, shared));
    const kernels = new SeveralKernels([0, 1, 2].map((cpu) => jump(program(cpu), shared)), { [shared]: round });
    kernels.run({ kind: 'instructions', count: 3000 });
    kernels.machine.stops.setBreakpoints([{ id: 2, linear: BigInt(shared), cpu: 2 }]);
    for (let i = 0; i < 20; i++) { assert.deepEqual(idsOf(kernels.run(go)), [2]); assert.equal(kernels.current, 2); }
  });

  it('real mode: segment and offset, whatever CS is', () => {
    const boot = new BootSector(code(NOP, NOP, HERE));
    boot.machine.stops.setBreakpoints([{ id: 1, segment: 0x7c0, offset: 1 }]);
    assert.deepEqual(idsOf(boot.run(go)), [1]);
    assert.equal(boot.machine.parts.executor.linear(), BOOT + 1);
  });

  it('one in a repeated instruction stops before it, once', () => {
    const kernel = new Kernel({ [PROGRAM]: code(set(0xbf, DATA), set(ECX, 0x40000), [0xf3, 0xaa], HERE) }, { memory: '8M' });
    kernel.machine.stops.setBreakpoints([{ id: 1, linear: BigInt(PROGRAM + 10), gate: { hits: { op: '>=', count: 1 } } }]);
    assert.deepEqual(idsOf(kernel.run(go)), [1]);
    assert.equal(kernel.run({ kind: 'until', address: BigInt(PROGRAM + 12) }).reason.kind, 'step');
  });
});

describe('event stops', function () {
  this.timeout(60_000);
  const stops = (kernel: Kernel, ...list: readonly EventStop[]): void => kernel.machine.stops.setEventStops(list);

  for (const engine of ENGINES) {
    it(`${engine}: ports, by range and direction, before the instruction`, () => {
      const kernel = new Kernel({ [PROGRAM]: code([0xb0, 0x41], [0xe6, 0x80], [0xe4, 0x61], [0x66, 0xba], le16(0x3f8), 0xee, HERE) }, { engine }); // out 80h; in 61h; out dx
      stops(kernel, { id: 1, kind: 'port', port: 0x60, count: 2, access: 'read' }, { id: 2, kind: 'port', port: 0x3f8, access: 'write' });
      assert.deepEqual(eventOf(kernel.run(go)), { kind: 'port', port: 0x61, bytes: 1, access: 'read' });
      assert.equal(kernel.at, PROGRAM + 4);
      const report = kernel.run(go);
      assert.deepEqual(eventOf(report).kind === 'port' && { ...eventOf(report), value: 0 }, { kind: 'port', port: 0x3f8, bytes: 1, access: 'write', value: 0 });
      assert.equal(kernel.at, PROGRAM + 10);
      assert.equal(kernel.machine.takeOutput().length, 0, 'nothing has come out yet');
      assert.equal(kernel.run({ kind: 'instructions', count: 5 }).reason.kind, 'count');
    });

    it(`${engine}: hardware interrupts, before their delivery`, () => {
      const kernel = new Kernel({ [PROGRAM]: code(TIMER, HERE), [HANDLER]: countTick() }, { engine });
      stops(kernel, { id: 1, kind: 'interrupt', vector: TIMER_VECTOR });
      for (let i = 0; i < 20; i++) {
        assert.deepEqual(eventOf(kernel.run(go)), { kind: 'interrupt', vector: TIMER_VECTOR, irq: 0 });
        assert.deepEqual([kernel.at, kernel.ticks], [PROGRAM + TIMER.length, i]);
      }
      const ofLine = (irq: bigint): EventStop => ({
        id: Number(irq) + 10, kind: 'interrupt', gate: { condition: { kind: 'binary', op: '==', left: { kind: 'event', name: 'irq' }, right: { kind: 'constant', value: irq } } },
      });
      stops(kernel, ofLine(0n));
      assert.equal(kernel.run(go).reason.kind, 'event');
      stops(kernel, ofLine(1n));
      assert.equal(kernel.run({ kind: 'instructions', count: 20_000 }).reason.kind, 'count');
      stops(kernel, { id: 1, kind: 'interrupt', vector: TIMER_VECTOR + 1 });
      assert.equal(kernel.run({ kind: 'instructions', count: 20_000 }).reason.kind, 'count');
    });

    it(`${engine}: INT n, by vector, and exceptions`, () => {
      const kernel = new Kernel({ [PROGRAM]: code([0xcd, 0x30], [0xcd, 0x31], 0xcc, [0x0f, 0x0b]), [HANDLER]: [IRET] }, { engine });
      stops(kernel, { id: 1, kind: 'softwareInterrupt', vector: 0x31 }, { id: 2, kind: 'softwareInterrupt', vector: 3 });
      kernel.machine.stops.setExceptionStops([{ id: 7, vector: 6, gate: { condition: equal({ kind: 'event', name: 'vector' }, constant(6)) } }]);
      assert.deepEqual([eventOf(kernel.run(go)), kernel.at], [{ kind: 'softwareInterrupt', vector: 0x31 }, PROGRAM + 2]);
      assert.deepEqual([eventOf(kernel.run(go)), kernel.at], [{ kind: 'softwareInterrupt', vector: 3 }, PROGRAM + 4]);
      const { reason } = kernel.run(go);
      assert.deepEqual([reason.kind === 'exception' && reason.ids, kernel.at], [[7], PROGRAM + 5]);
    });

    it(`${engine}: MSRs, also those that generated code writes by itself, CR3, and changes of mode`, () => {
      const base = code([0xb9], le32(0xc0000101), [0x31, 0xc0], [0x31, 0xd2], [0x0f, 0x30], [0x0f, 0x32]); // mov ecx, IA32_GS_BASE; xor eax, eax; xor edx, edx; wrmsr; rdmsr
      const kernel = new LongKernel(code(base, HERE), { engine });
      stops(kernel, { id: 1, kind: 'mode' }, { id: 2, kind: 'cr3' }, { id: 3, kind: 'msr', msr: 0xc0000101 });
      const seen = Array.from({ length: 5 }, () => eventOf(kernel.run(go)));
      assert.deepEqual(seen, [
        { kind: 'cr3', from: 0n, to: BigInt(FIRST_SPACE) },
        { kind: 'mode', from: 'protected-32', to: 'compatibility' },
        { kind: 'mode', from: 'compatibility', to: 'long-64' },
        { kind: 'msr', msr: 0xc0000101, access: 'write', value: 0n },
        { kind: 'msr', msr: 0xc0000101, access: 'read' },
      ]);
      assert.equal(kernel.at, CODE_64 + 11);
    });

    it(`${engine}: the first touch of a page, once`, () => {
      const page = DATA + 0x3000;
      const round = code(inc(DATA), inc(page + 8), [0xe8], le32(HANDLER - (PROGRAM + 5 + 17)), [0xe2, 0xed]);
      const kernel = new Kernel({ [PROGRAM]: code(set(ECX, 1000), round, HERE), [HANDLER]: [0xc3] }, { engine });
      stops(kernel,
        { id: 1, kind: 'touch', space: 'physical', address: BigInt(page), access: 'write' },
        { id: 2, kind: 'touch', space: 'linear', address: BigInt(HANDLER + 5), access: 'execute' });
      const written = eventOf(kernel.run(go));
      assert.equal(written.kind === 'touch' && written.hit.linear, BigInt(page + 8));
      assert.deepEqual([eventOf(kernel.run(go)), kernel.at], [{ kind: 'execute', linear: BigInt(HANDLER), physical: HANDLER }, HANDLER]);
      assert.equal(kernel.run({ kind: 'instructions', count: 4000 }).reason.kind, 'count');
    });

    it(`${engine}: the first touch of a page by code that has run before, near to what runs now`, () => {
      const round = code(inc(DATA), [0xe8], le32(HANDLER - (PROGRAM + 5 + 11)), [0xe2, 0xf3]);
      const kernel = new Kernel({ [PROGRAM]: code(set(ECX, 1000), round, HERE), [HANDLER]: [0xc3] }, { engine });
      kernel.run({ kind: 'instructions', count: 401 });
      assert.notEqual(kernel.at, HANDLER);
      stops(kernel, { id: 1, kind: 'touch', space: 'linear', address: BigInt(HANDLER), access: 'execute' });
      const before = rounds(kernel);
      assert.deepEqual([eventOf(kernel.run(go)), kernel.at], [{ kind: 'execute', linear: BigInt(HANDLER), physical: HANDLER }, HANDLER]);
      assert.ok(rounds(kernel) - before <= 1, `in the first round, not after ${rounds(kernel) - before}`);
    });
  }
});

describe('first touches by the built-in BIOS in real mode', function () {
  this.timeout(60_000);
  const SCREEN = 0xb8000, BIOS_DATA = 0x400;
  /** mov ah, 0fh; int 10h: which mode the screen is in, from the BIOS's own variables; then a character is written at the cursor. */
  const boot = (): BootSector => new BootSector(code([0xb4, 0x0f], [0xcd, 0x10], [0xb8, ...le16(0x0e41)], [0xcd, 0x10], HERE));

  for (const space of ['linear', 'physical'] as const) {
    it(`are seen by the ${space} address, written and read`, () => {
      const it = boot();
      const touch = (address: number, access: 'read' | 'write'): EventStop => ({ id: 1, kind: 'touch', space, address: BigInt(address), access });
      const { stops } = it.machine;
      stops.setEventStops([touch(SCREEN, 'write')]);
      const first = eventOf(it.run(go));
      assert.ok(first.kind === 'touch' && first.hit.access === 'write');
      assert.deepEqual([first.hit.physical, first.hit.linear, first.hit.by], [SCREEN, BigInt(SCREEN), { kind: 'device', name: 'bios' }]);
      stops.setEventStops([]);
      stops.setBreakpoints([{ id: 7, linear: BigInt(BOOT) }]);
      assert.deepEqual(idsOf(it.run(go)), [7]);
      assert.ok(it.machine.retired > 0);
      stops.setBreakpoints([]);
      stops.setEventStops([touch(BIOS_DATA, 'read')]);
      const read = eventOf(it.run(go));
      assert.ok(read.kind === 'touch' && read.hit.access === 'read' && read.hit.by.kind === 'device');
      stops.setEventStops([]);
      stops.setWatchpoints([{ id: 3, space, address: BigInt(SCREEN), length: 4000, access: 'change' }]);
      const { reason } = it.run(go);
      assert.ok(reason.kind === 'watchpoint');
      assert.equal(reason.hits[0].after?.at(reason.hits[0].physical - SCREEN - reason.hits[0].offset), 0x41);
    });
  }
});

describe('run requests', function () {
  this.timeout(60_000);

  for (const engine of ENGINES) {
    it(`${engine}: the next branch, interrupt return, CR3, and a virtual time`, () => {
      const start = PROGRAM + PAGING_ON.length;
      const body = code(NOP, [0x74, 0x02], NOP, NOP, [0xeb, 0x00], [0xcd, 0x30], NOP, loadCr3(SECOND_SPACE), NOP, HERE); // jz +2 (not taken); jmp +0; int 30h
      const kernel = new PagedKernel(code([0x83, 0xc8, 0x01], body), [[], []], { engine }, { [HANDLER]: code(NOP, NOP, IRET) }); // or eax, 1
      kernel.until(start);
      const next = (what: 'branch' | 'interruptReturn' | 'cr3' | 'privilege'): number => {
        assert.equal(kernel.run({ kind: 'next', what }).reason.kind, 'step');
        return kernel.at - start;
      };
      assert.equal(next('branch'), 10, 'the jump, although it leads to the next instruction; not the one that was not taken');
      assert.equal(next('interruptReturn'), 12);
      assert.equal(next('cr3'), 21);
      const { time } = kernel.machine;
      assert.equal(kernel.run({ kind: 'untilTime', time: time + 12_345 }).reason.kind, 'time');
      assert.equal(kernel.machine.time, time + 12_345);
    });
  }

  it('a step of a chosen CPU, while the others go on in their turns', () => {
    const kernels = new SeveralKernels([0, 1, 2].map((cpu) => code(inc(DATA + 4 * cpu), jump(program(cpu) + 6, program(cpu)))));
    kernels.run({ kind: 'instructions', count: 3000 });
    for (const cpu of [2, 1, 0, 1]) {
      const { reason } = kernels.run({ kind: 'step', over: false, cpu });
      assert.deepEqual([reason.kind, kernels.current], ['step', cpu]);
    }
    assert.throws(() => kernels.machine.resume({ kind: 'step', over: false, cpu: 3 }), /There is no CPU 3/);
  });
});
