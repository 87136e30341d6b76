/** ENTER in generated code against its service: on random stacks of real mode and of 16-bit programs in protected mode, at their ends, and over the end of a page. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import type { Operation } from '../../../src/monitor/cpu/operation';
import { SERVICES, serviceNumber } from '../../../src/monitor/cpu/services';
import { GuestFault } from '../../../src/monitor/memory/guestFault';
import { Random } from '../../fuzz/random';
import { AT, HLT, le16, protectedGuest, realGuest, type Guest } from '../cpu/guest';

const ROUNDS = 3000;
const STACK = 0x30000, CODE = 0x10000;
const MEMORY = 0x10000;

interface Case {
  readonly size: 2 | 4;
  readonly locals: number;
  readonly level: number;
  readonly pointer: number;
  readonly frame: number;
}

function caseOf(random: Random): Case {
  const pointer = random.pick([0, 1, 2, 4, 6, 0x100, 0x1001, 0x1002, 0x2002, 0xfffe, 0xffff, random.below(0x10000)]);
  return {
    size: random.pick([2, 4] as const), level: random.pick([0, 0, 0, 1, 2, 0x20, 0x1f]),
    locals: random.pick([0, 0, 2, 0x10, 0xfff, 0xffff, random.below(0x10000), Math.max(0, pointer - 2), Math.max(0, pointer - 4)]), pointer, frame: random.u32(),
  };
}

/** A guest with its stack at STACK and its code at CODE, in 16 bits. */
function guestOf(isProtected: boolean, limit: number): Guest {
  const guest = isProtected ? protectedGuest([]) : realGuest([]);
  guest.executor.stopVectors = new Set([12, 13, 14]);
  guest.cpu.setSegment(L.CS, isProtected ? 8 : CODE >> 4, CODE, 0xffff, isProtected ? 0x9b : 0x93);
  guest.cpu.setSegment(L.SS, isProtected ? 16 : STACK >> 4, STACK, limit, 0x93);
  guest.cpu.changedContext();
  return guest;
}

function begin({ state }: Guest, { pointer, frame }: Case, random: number): void {
  state.setReg(L.RSP, ((random & 0xffff0000) | pointer) >>> 0);
  state.setReg(L.RBP, frame);
  state.eip = 0;
  state.halted = false;
}

const ended = ({ state, map }: Guest, fault: number | undefined): string =>
  `fault ${String(fault)} esp ${state.reg(L.RSP).toString(16)} ebp ${state.reg(L.RBP).toString(16)} ${Buffer.from(map.copyOut(STACK, MEMORY)).toString('latin1')}`;

describe('ENTER', function () {
  this.timeout(60_000);

  for (const [name, isProtected, limit] of [['in real mode', false, 0xffff], ['in protected mode', true, 0xffff], ['on a short stack', true, 0x1fff]] as const) {
    it(`does what the service does ${name}`, () => {
      const random = new Random(7);
      const generated = guestOf(isProtected, limit), served = guestOf(isProtected, limit);
      for (let i = 0; i < ROUNDS; i++) {
        const one = caseOf(random);
        const high = random.u32();
        generated.put(CODE, [...(one.size === 4 ? [0x66] : []), 0xc8, ...le16(one.locals), one.level, HLT]);
        begin(generated, one, high);
        const outcome = generated.run(1);
        begin(served, one, high);
        const op = { size: one.size, immediate: one.locals, immediateHigh: one.level, addressBits: 16 } as unknown as Operation;
        let fault: number | undefined;
        try {
          SERVICES[serviceNumber('enter')]?.(served.cpu, op);
        } catch (reason) {
          if (!(reason instanceof GuestFault)) throw reason;
          fault = reason.vector;
        }
        assert.ok(ended(generated, outcome.kind === 'exception' ? outcome.fault.vector : undefined) === ended(served, fault), `${JSON.stringify(one)} from ESP ${high.toString(16)}`);
      }
    });
  }

  it('needs no service at the outermost level', () => {
    const guest = guestOf(false, 0xffff);
    const from: Case = { size: 2, locals: 16, level: 0, pointer: 0x2100, frame: AT.data };
    guest.put(CODE, [0xc8, ...le16(from.locals), 0, HLT]);
    const run = (): number => {
      begin(guest, from, 0);
      guest.run(1);
      return guest.executor.counters.services;
    };
    const before = run();
    assert.equal(run(), before);
  });
});
