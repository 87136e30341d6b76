/**
 * What a guest's reset reaches and what it leaves alone: INIT# the processors (Intel SDM vol. 3, table 10-1), RESET# the board, neither of
 * them memory and what a battery keeps. Which way leads to which is in the devices' tests; test/guests/resets goes all of them with a BIOS.
 */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { FLAG } from '../../../src/monitor/cpu/state';
import { code, le32, NOP } from '../cpu/guest';
import { BOOT, BootSector } from './bootSector';
import { DATA, HERE, Kernel, PROGRAM } from './kernel';
import { Traveller } from './timeTraveller';
import { CLI, program, SeveralKernels, store } from './severalKernels';

const out = (port: number, value: number): readonly number[] => code([0x66, 0xba], [port & 0xff, port >> 8], [0xb0, value, 0xee]);
const writeMsr = (number: number, low: number): readonly number[] => code(0xb9, le32(number), 0xb8, le32(low), [0x31, 0xd2, 0x0f, 0x30]);
/** Somewhere that no image of the kernel reaches, and in video memory. */
const FAR = 0x180000, SCREEN = 0xb8000;
const MARK = 0x5eed1234;
/** CD and NW. */
const CACHES_OFF = 0x6000_0000;
const TPR = 0xfee00080, SYSENTER_EIP = 0x176, PAT = 0x277;
const CELL = 0x7e;

/** Leaves traces everywhere, and resets. */
const WITH_TRACES = (reset: readonly number[]): readonly number[] => code(
  CLI, store(FAR, MARK), store(SCREEN, 0x0741_0742), store(TPR, 0x50), writeMsr(SYSENTER_EIP, MARK), writeMsr(PAT, 0x0606_0606), writeMsr(0x10, 0x7777_0000),
  [0xd9, 0xe8], // fld1
  [0x0f, 0x20, 0xc0, 0x0d], le32(CACHES_OFF), [0x0f, 0x22, 0xc0],
  out(0x21, 0x5a), out(0x70, CELL), out(0x71, 0xa5), out(0x70, 0x0b), out(0x71, 0x42), out(0x43, 0x36), out(0x3c8, 7), reset, HERE,
);
const INIT = out(0x64, 0xfe);
const RESET = code(out(0xcf9, 2), out(0xcf9, 6));

/** Runs to the moment right after the first reset. */
function reset<K extends Kernel>(kernel: K): K {
  const { machine } = kernel;
  machine.resume({ kind: 'continue' });
  for (let slices = 0; slices < 1000 && machine.position.resets === 0; slices++) machine.runSlice(100);
  assert.equal(machine.position.resets, 1);
  machine.requestPause();
  return kernel;
}

function cell({ machine }: Kernel, index: number): number {
  const { ports } = machine.parts.board;
  ports.writePort(0x70, 1, index);
  return ports.readPort(0x71, 1);
}

describe('a reset by the guest', function () {
  this.timeout(30_000);

  it('by INIT# begins the processor anew, with the MSRs, caches and x87 that it had, and reaches nothing else', () => {
    const kernel = reset(new Kernel({ [PROGRAM]: WITH_TRACES(INIT) }));
    const { machine } = kernel;
    const { map, cpu: { state }, board } = machine.parts;
    assert.deepEqual([state.selector(L.CS), state.base(L.CS), state.u64(L.EIP), state.flags], [0xf000, 0xffff_0000, 0xfff0n, 2]);
    assert.equal(state.u32(L.CR0), CACHES_OFF | 0x10);
    assert.deepEqual([state.u64(L.SYSENTER_EIP), state.u64(L.MSR_PAT)], [BigInt(MARK), 0x0606_0606n]);
    assert.ok(machine.parts.processors.timeStamp(0, machine.time) >= 0x7777_0000n, 'the time-stamp counter goes on');
    assert.notEqual(state.u64(L.MSR_MTRR_DEFAULT), 0n);
    assert.deepEqual([map.read(FAR, 4), map.read(SCREEN, 4)], [MARK, 0x0741_0742]);
    assert.equal(board.ports.readPort(0x21, 1), 0x5a, 'the interrupt controller');
    assert.deepEqual([cell(kernel, CELL), cell(kernel, 0x0b)], [0xa5, 0x42]);
    assert.equal(board.apics.taskPriorityClass(0), 0, 'the local APIC');
  });

  it('by INIT# leaves the x87 unit\'s registers', () => {
    const kernel = new Kernel({ [PROGRAM]: WITH_TRACES(INIT) });
    const before = (): Uint8Array => kernel.machine.parts.cpu.state.block.slice(L.FPU, L.MXCSR);
    const empty = before();
    reset(kernel);
    assert.notDeepEqual(before(), empty);
  });

  it('by RESET# begins processors and devices anew, and leaves memory and what a battery keeps', () => {
    const kernel = reset(new Kernel({ [PROGRAM]: WITH_TRACES(RESET) }));
    const { machine } = kernel;
    const { map, cpu: { state }, board } = machine.parts;
    assert.equal(state.u64(L.SYSENTER_EIP), 0n);
    assert.equal(machine.parts.processors.timeStamp(0, machine.time), 0n);
    assert.equal(state.u64(L.MSR_TSC_ADJUST), 0n);
    assert.ok(machine.time > 0, 'time goes on');
    assert.equal(map.read(FAR, 4), MARK);
    assert.deepEqual([cell(kernel, CELL), cell(kernel, 0x0b) & 0x70], [0xa5, 0], 'the clock\'s interrupts are off');
    assert.equal(board.ports.readPort(0xcf9, 1), 0);
    // The loader has put the system into memory again, behind a BIOS's self-test.
    assert.equal(board.ports.readPort(0x21, 1), 0xb8);
    kernel.until(PROGRAM);
    assert.equal(kernel.at, PROGRAM);
  });

  for (const [name, bytes] of [['INIT#', INIT], ['RESET#', RESET]] as const) {
    it(`by ${name} lets one CPU begin, and the others wait for a SIPI, whoever asked for it`, () => {
      const busy = [...new Array<number>(50).fill(NOP), ...HERE];
      const kernels = reset(new SeveralKernels([busy, code(new Array<number>(300).fill(NOP), bytes, HERE), busy], {}, { quantum: 100 }));
      const { processors } = kernels.machine.parts;
      assert.equal(processors.current, 0);
      assert.deepEqual(processors.state.starts.map(({ waiting }) => waiting), [false, true, true]);
      for (const block of processors.waitingBlocks()) {
        assert.equal(new DataView(block.buffer, block.byteOffset).getUint32(L.FLAGS_SYSTEM, true) & FLAG.IF, 0);
      }
      kernels.until(program(0));
      assert.equal(kernels.at, program(0), 'the system starts them again');
    });
  }

  it('does not take the debugger\'s stops along: the first instruction behind it can be stopped at, and what the program writes then', () => {
    const kernel = new Kernel({ [PROGRAM]: WITH_TRACES(INIT) });
    const { machine } = kernel;
    machine.stops.setBreakpoints([{ id: 7, linear: 0xffff_fff0n }]);
    machine.stops.setWatchpoints([{ id: 8, space: 'physical', address: BigInt(FAR), length: 4, access: 'write' }]);
    assert.equal(kernel.run({ kind: 'continue' }).reason.kind, 'watchpoint');
    const { reason, linear, selector } = kernel.run({ kind: 'continue' });
    assert.deepEqual([reason.kind, linear, selector], ['breakpoint', 0xffff_fff0n, 0xf000]);
    // The BIOS resets the board, and the system begins again.
    assert.equal(kernel.run({ kind: 'continue' }).reason.kind, 'watchpoint');
    assert.equal(machine.position.resets, 2);
  });

  for (const [name, bytes] of [['INIT#', INIT], ['RESET#', RESET]] as const) {
    it(`by ${name} can be stepped back over, and gone back over to a breakpoint before it`, () => {
      const kernel = new Kernel({ [PROGRAM]: WITH_TRACES(bytes) });
      const { machine } = kernel;
      const traveller = new Traveller(machine);
      traveller.time.remember();
      machine.stops.setBreakpoints([{ id: 1, linear: BigInt(PROGRAM + 1) }]);
      traveller.run({ kind: 'continue' });
      const early = traveller.hash;
      const states: { readonly hash: string; readonly resets: number }[] = [];
      for (let after = 0; after < 3;) {
        const { resets } = machine.position;
        states.push({ hash: traveller.hash, resets });
        traveller.step();
        if (resets > 0) after++;
      }
      for (const state of states.reverse()) {
        traveller.stepBack();
        assert.deepEqual({ hash: traveller.hash, resets: machine.position.resets }, state);
      }
      traveller.run({ kind: 'instructions', count: 3000 });
      assert.ok(machine.position.resets > 0);
      assert.equal(traveller.reverseContinue().reason.kind, 'breakpoint');
      assert.equal(traveller.hash, early);
    });
  }

  for (const [cpuModel, first] of [['8086', 0xf_fff0n], ['486', 0xffff_fff0n], ['pentium3', 0xffff_fff0n]] as const) {
    it(`by INIT# leads to the reset vector of a ${cpuModel}, and by the BIOS to where 40:67 points`, () => {
      const word = (at: number, value: number): readonly number[] => [0xc7, 0x06, at & 0xff, at >> 8, value & 0xff, value >> 8];
      const short = (port: number, value: number): readonly number[] => [0xb0, value, 0xe6, port];
      const before = (back: number): readonly number[] => code(
        [0x31, 0xc0, 0x8e, 0xd8], word(0x467, back), word(0x469, 0), short(0x70, 0x0f), short(0x71, 0x0a), short(0x64, 0xfe), 0xf4,
      );
      const back = BOOT + before(0).length;
      const guest = new BootSector([...before(back), NOP, 0xf4], { cpuModel });
      guest.machine.stops.setBreakpoints([first, BigInt(back)].map((linear, id) => ({ id, linear })));
      const next = (): bigint => guest.run({ kind: 'continue' }).linear;
      assert.deepEqual([next(), next()], [first, BigInt(back)]);
      assert.equal(guest.machine.position.resets, 1);
    });
  }

  it('leaves nothing when it is the person\'s', () => {
    const kernel = new Kernel({ [PROGRAM]: WITH_TRACES(RESET) });
    const { machine } = kernel;
    machine.reset();
    const hash = JSON.stringify(machine.plainStates(), (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    kernel.until(PROGRAM);
    reset(kernel);
    machine.reset();
    assert.equal(machine.parts.map.read(FAR, 4), 0);
    assert.equal(cell(kernel, CELL), 0);
    machine.reset();
    assert.equal(JSON.stringify(machine.plainStates(), (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)), hash);
    assert.deepEqual([machine.time, machine.parts.map.read(DATA, 4)], [0, 0]);
  });
});
