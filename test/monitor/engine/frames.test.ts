/**
 * ENTER, PUSHA and POPA in generated code against their services: on random stacks of real mode, of 16-bit and of flat programs in protected mode, at their ends,
 * and over the end of a page.
 */
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

/** Opcodes by the services' names. */
const OPCODES = { enter: 0xc8, pusha: 0x60, popa: 0x61 } as const;

interface Case {
  readonly name: keyof typeof OPCODES;
  readonly size: 2 | 4;
  readonly locals: number;
  readonly level: number;
  readonly pointer: number;
  readonly frame: number;
}

function caseOf(random: Random): Case {
  const pointer = random.pick([0, 1, 2, 4, 6, 15, 16, 31, 32, 0x100, 0xff0, 0xfe0, 0xffe1, 0xfff0, 0xfff2, 0x1001, 0x1002, 0x2002, 0xfffe, 0xffff, random.below(0x10000)]);
  return {
    name: random.pick(['enter', 'enter', 'pusha', 'popa'] as const), size: random.pick([2, 4] as const), level: random.pick([0, 0, 0, 1, 2, 0x20, 0x1f]),
    locals: random.pick([0, 0, 2, 0x10, 0xfff, 0xffff, random.below(0x10000), Math.max(0, pointer - 2), Math.max(0, pointer - 4)]), pointer, frame: random.u32(),
  };
}

type Kind = 'real' | 'protected' | 'flat';

/** A guest with its stack at STACK and its code at CODE. */
function guestOf(kind: Kind, limit: number): Guest {
  const isProtected = kind !== 'real';
  const guest = isProtected ? protectedGuest([]) : realGuest([]);
  guest.executor.stopVectors = new Set([12, 13, 14]);
  if (kind === 'flat') return guest;
  guest.cpu.setSegment(L.CS, isProtected ? 8 : CODE >> 4, CODE, 0xffff, isProtected ? 0x9b : 0x93);
  guest.cpu.setSegment(L.SS, isProtected ? 16 : STACK >> 4, STACK, limit, 0x93);
  guest.cpu.changedContext();
  return guest;
}

/** `high`: what a stack of 16 bits has in the upper half of its pointer, and other registers. */
function begin({ state }: Guest, { pointer, frame }: Case, high: number): void {
  const isFlat = state.base(L.CS) === 0;
  for (const register of [L.RAX, L.RBX, L.RCX, L.RDX, L.RSI, L.RDI]) state.setReg(register, (high * (register + 3)) >>> 0);
  state.setReg(L.RSP, isFlat ? STACK + pointer : ((high & 0xffff0000) | pointer) >>> 0);
  state.setReg(L.RBP, frame);
  state.eip = isFlat ? CODE : 0;
  state.halted = false;
}

const ended = ({ state, map }: Guest, fault: number | undefined): string =>
  `fault ${String(fault)} ${Array.from({ length: 8 }, (_, i) => state.reg(i).toString(16)).join(' ')} ${Buffer.from(map.copyOut(STACK, MEMORY)).toString('latin1')}`;

describe('ENTER, PUSHA and POPA', function () {
  this.timeout(60_000);

  for (const [where, kind, limit] of [['in real mode', 'real', 0xffff], ['in protected mode', 'protected', 0xffff], ['on a short stack', 'protected', 0x1fff], ['in a flat program', 'flat', 0]] as const) {
    it(`do what their services do ${where}`, () => {
      const random = new Random(7);
      const generated = guestOf(kind, limit), served = guestOf(kind, limit);
      for (let i = 0; i < ROUNDS; i++) {
        const one = caseOf(random);
        const high = random.u32();
        const prefix = (one.size === 4) === (kind === 'flat') ? [] : [0x66];
        generated.put(CODE, [...prefix, OPCODES[one.name], ...(one.name === 'enter' ? [...le16(one.locals), one.level] : []), HLT]);
        begin(generated, one, high);
        const outcome = generated.run(1);
        begin(served, one, high);
        const op = { size: one.size, immediate: one.locals, immediateHigh: one.level, addressBits: kind === 'flat' ? 32 : 16 } as unknown as Operation;
        let fault: number | undefined;
        try {
          SERVICES[serviceNumber(one.name)]?.(served.cpu, op);
        } catch (reason) {
          if (!(reason instanceof GuestFault)) throw reason;
          fault = reason.vector;
        }
        assert.ok(ended(generated, outcome.kind === 'exception' ? outcome.fault.vector : undefined) === ended(served, fault), `${JSON.stringify(one)} from ESP ${high.toString(16)}`);
      }
    });
  }

  it('need no service where they are easy', () => {
    for (const kind of ['real', 'protected', 'flat'] as const) {
      for (const name of kind === 'flat' ? ['pusha', 'popa'] as const : ['enter', 'pusha', 'popa'] as const) {
        const guest = guestOf(kind, 0xffff);
        const from: Case = { name, size: 2, locals: 16, level: 0, pointer: 0x2100, frame: AT.data };
        guest.put(CODE, [OPCODES[name], ...(name === 'enter' ? [...le16(from.locals), 0] : []), HLT]);
        const run = (): number => {
          begin(guest, from, 0);
          guest.run(1);
          return guest.executor.counters.services;
        };
        run();
        const before = run();
        assert.equal(run(), before, `${name} ${kind}`);
      }
    }
  });
});
