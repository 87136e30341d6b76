/** The interpreter's loop: pairs of instructions do what the two do one after the other, wherever they end. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { PAIRED, commonPairs, isCommon } from '../../../src/monitor/engine/commonInstructions';
import { ENGINES } from '../../../src/monitor/engine/engineSettings';
import { handlerFor } from '../../../src/monitor/engine/handlerKeys';
import { groupOf, handlersOf } from '../../../src/monitor/engine/handlerSet';
import { firstEntry, handlerModule } from '../../../src/monitor/engine/writtenModules';
import { decode } from '../../../src/monitor/isa/decoder';
import { AT, HLT, code, le32, protectedGuest, type Guest } from '../cpu/guest';
import { longGuest } from '../cpu/system/longGuest';

/** Instructions of all forms that pairs have: memory is at ESI + 8, or at EDI + 8, where a test may put nothing. */
const PLAIN: readonly (readonly number[])[] = [
  [0x8b, 0x46, 0x08], [0x8b, 0x5f, 0x08], [0x89, 0xc3], [0x89, 0xcb], [0x89, 0x46, 0x08], [0x89, 0x4f, 0x08], code(0xb9, le32(0x12345678)), code([0xc7, 0x47, 0x08], le32(0x77)),
  [0x8d, 0x44, 0x8b, 0x10], [0x50], [0x53], [0x58], [0x5b], [0x31, 0xd0], [0x85, 0xc0], [0x84, 0xc9], [0x01, 0xd8], [0x83, 0xc0, 0x7f], [0x83, 0xeb, 0x05], [0x83, 0xe1, 0x0f], [0x83, 0xf9, 0x05],
  [0x39, 0xd8], [0x3b, 0x47, 0x08], [0x83, 0x7f, 0x08, 0x01], [0x80, 0x7f, 0x08, 0x05], [0x80, 0xf9, 0x05], [0xf6, 0x47, 0x08, 0x10], [0xf6, 0xc1, 0x01], [0x0f, 0xb6, 0x46, 0x09],
];
/** Jumps over one byte, and a call of what stands there. */
const JUMPS: readonly (readonly number[])[] = [...Array.from({ length: 16 }, (_, i) => [0x70 + i, 0x01]), [0xeb, 0x01], [0xe8, 1, 0, 0, 0]];
const REX_W = 0x48;

/** Forms that code of some bits has of the instructions above. */
const formsIn = (bits: 32 | 64): readonly (readonly number[])[] => [...PLAIN, ...(bits === 64 ? PLAIN.map((bytes) => [REX_W, ...bytes]) : [])];

/** Everything that a program may have changed. */
function snapshot(guest: Guest): string {
  const { state } = guest;
  const registers = Array.from({ length: 8 }, (_, i) => state.wide(L.REG + 8 * i).toString(16));
  const memory = Buffer.from(guest.map.copyOut(AT.data, 0x20)).toString('hex');
  return [...registers, state.eip.toString(16), state.flags.toString(16), state.f64(L.RETIRED), memory, ...guest.stack(2)].join(' ');
}

/** Puts a program and its registers into a guest that has run something else. */
function prepare(guest: Guest, program: readonly number[], edi: number): void {
  const { state } = guest;
  const values = [5, 0x10, 0x8000_0005, 3, AT.stack0 - 0x100, 0x55, AT.data, edi];
  values.forEach((value, i) => { state.setReg(i, value); });
  guest.put(AT.data, Array.from({ length: 0x20 }, (_, i) => 0x91 * i & 0xff));
  guest.put(AT.stack0 - 0x110, Array.from({ length: 0x20 }, (_, i) => i));
  guest.put(AT.code, program);
  state.eip = AT.code;
  state.flags = 2;
  state.halted = false;
  state.setF64(L.RETIRED, 0);
}

function newGuest(bits: 32 | 64, loopsAfter = 0): Guest {
  const engine = { ...ENGINES.interpreter, loopsAfter };
  return bits === 64 ? longGuest([HLT], { engine }) : protectedGuest([HLT], engine);
}

/** Runs programs at once, and instruction by instruction. */
function comparison(bits: 32 | 64): (program: readonly number[], edi: number) => void {
  const [whole, stepped] = [newGuest(bits), newGuest(bits)];
  return (program, edi) => {
    for (const guest of [whole, stepped]) prepare(guest, program, edi);
    whole.run(40);
    for (let i = 0; i < 40 && stepped.run(1).kind !== 'halted'; i++) continue;
    assert.equal(snapshot(whole), snapshot(stepped), `${bits} bits: ${Buffer.from(program).toString('hex')}`);
  };
}

/** An address that no memory is behind: in 64-bit code nothing maps it. */
const NOWHERE = 0x40_0000;

describe('the interpreter\'s loop', function () {
  this.timeout(60_000);

  it('has pairs of forms that there are', () => {
    for (const long of [false, true]) {
      const names = groupOf('mov');
      const forms = new Set(names.flatMap((name) => handlersOf(name, long)).filter((handler) => isCommon(handler, long)).map(({ name, shape }) => `${name}.${shape.size}.${shape.kinds.join('')}`));
      for (const form of Object.values(PAIRED[long ? 'long' : 'other']).flatMap((set) => [...set])) assert.ok(forms.has(form), `${form} in ${long ? '64-bit' : 'other'} code`);
    }
  });

  it('and all handlers of integer instructions have room in the function table', () => {
    for (const long of [false, true]) {
      const { handlers, pairs } = handlerModule('mov', long);
      const first = firstEntry(groupOf('mov'), long) ?? 0;
      const common = handlers.filter((handler) => isCommon(handler, long));
      assert.equal(pairs.length, commonPairs(common, long).length);
      const entries = handlers.length + 2 * pairs.length + common.length;
      assert.ok(first + entries <= (long ? 8192 : 4096), `${first} + ${entries}`);
    }
  });

  for (const bits of [32, 64] as const) {
    it(`does two instructions at once as one after the other, ${bits} bits`, () => {
      const [forms, compare] = [formsIn(bits), comparison(bits)];
      for (const first of forms) {
        // All seconds of this first one, with jumps over a byte that is an instruction itself.
        for (const second of forms) compare(code(first, second, HLT), AT.data + 4);
        for (const jump of JUMPS) compare(code(first, jump, HLT, 0x40, HLT), AT.data + 4);
      }
    });

    it(`leaves the second one to do when it faults or asks a device, ${bits} bits`, () => {
      const [forms, compare] = [formsIn(bits), comparison(bits)];
      const seconds = forms.filter((bytes) => bytes.includes(0x5f) || bytes.includes(0x4f) || bytes.includes(0x47) || bytes.includes(0x7f));
      for (const first of forms) for (const second of seconds) compare(code(first, second, HLT), NOWHERE);
    });

    it(`takes the place of functions of their own between two instructions, ${bits} bits`, () => {
      // A loop of pairs, interrupted every 7 instructions: from the start, from the middle on, and never.
      const body = [0x89, 0xc3, 0x83, 0xc0, 0x7f, 0x89, 0x46, 0x08, 0x8b, 0x5f, 0x08, 0x50, 0x58, 0x39, 0xd8];
      const program = code(body, 0xeb, 256 - body.length - 2);
      const results = [0, 300, Infinity].map((loopsAfter) => {
        const guest = newGuest(bits, loopsAfter);
        prepare(guest, program, AT.data + 4);
        return Array.from({ length: 100 }, () => {
          assert.equal(guest.run(7).kind, 'budget');
          return snapshot(guest);
        });
      });
      assert.deepEqual(results[1], results[0]);
      assert.deepEqual(results[2], results[0]);
    });

    it(`stops between the two when it is to, ${bits} bits`, () => {
      const wide = bits === 64 ? [REX_W] : [];
      const [first, second] = [[...wide, 0x89, 0xc3], [...wide, 0x83, 0xc0, 0x7f]];
      const model = bits === 64 ? 'long' : 'flat';
      const handlers = [first, second].map((bytes) => {
        const instruction = decode(Uint8Array.from(bytes), 0, bytes.length, bits);
        assert.ok(instruction);
        return handlerFor(instruction, model).key;
      });
      const common = groupOf('mov').flatMap((name) => handlersOf(name, bits === 64)).filter((handler) => isCommon(handler, bits === 64));
      assert.ok(commonPairs(common, bits === 64).some((pair) => pair[0].key === handlers[0] && pair[1].key === handlers[1]), 'this is a pair');
      const [middle, jump] = [first.length, first.length + second.length];
      const guest = newGuest(bits);
      prepare(guest, code(first, second, 0xeb, 256 - jump - 2), AT.data);
      guest.run(300);
      assert.equal(guest.state.eip, AT.code, 'after so many turns of three');
      for (const [i, offset] of [middle, jump, 0].entries()) {
        assert.equal(guest.run(1).kind, 'budget');
        assert.equal(guest.state.eip, AT.code + offset, `step ${i}`);
      }
      guest.executor.setBreakpoints(new Set([AT.code + middle]));
      assert.equal(guest.run(100).kind, 'breakpoint');
      assert.equal(guest.state.eip, AT.code + middle);
      guest.executor.setBreakpoints(new Set());
      guest.run(299);
      assert.equal(guest.state.eip, AT.code, 'and goes on from there');
    });
  }

  it('keeps an instruction that begins a pair when its constant is written to', () => {
    // MOV [immediate], ECX; over: JMP next, MOV EAX, immediate; ADD EAX, EBX; INC ECX; back.
    const write = code([0x89, 0x0d], le32(AT.code + 9));
    const body = code(write, [0xeb, 0x00], [0xb8], le32(0), [0x01, 0xd8], [0x41]);
    const guest = protectedGuest(code(body, 0xeb, 256 - body.length - 2), ENGINES.interpreter);
    guest.run(600);
    const { constantsPatched, blocksInvalidated } = guest.executor.code.counters;
    assert.ok(constantsPatched > 90, `${constantsPatched} constants patched`);
    assert.equal(blocksInvalidated, 0);
    // 100 turns of six.
    assert.deepEqual([guest.state.reg(L.RCX), guest.state.reg(L.RAX)], [100, 99]);
  });
});
