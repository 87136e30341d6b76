/**
 * Variables that stand between the instructions that write to them, as boot loaders and programs of 16 bits have them: they cost no call of the monitor
 * each time, and a write that takes a byte of code with it is still seen.
 */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { ENGINES } from '../../../src/monitor/engine/engineSettings';
import { AT, HLT, code, le32, protectedGuest, type Guest } from '../cpu/guest';

const NOP = 0x90, INC_EBX = 0x43, DEC_ECX = 0x49, INC_EDX = 0x42, RET = 0xc3;
const TIMES = 2000;

/** Ways to write to an address, from ECX where it fits, and how many bytes each writes. */
const STORES: readonly { readonly name: string; readonly bytes: number; readonly code: (address: number) => readonly number[] }[] = [
  { name: 'MOV of a byte', bytes: 1, code: (address) => [0x88, 0x0d, ...le32(address)] },
  { name: 'XCHG of a byte', bytes: 1, code: (address) => [0x86, 0x05, ...le32(address)] },
  { name: 'MOV of a word', bytes: 2, code: (address) => [0x66, 0x89, 0x0d, ...le32(address)] },
  { name: 'INC of a doubleword', bytes: 4, code: (address) => [0xff, 0x05, ...le32(address)] },
  { name: 'FLD1 and FSTP of a double', bytes: 8, code: (address) => [0xd9, 0xe8, 0xdd, 0x1d, ...le32(address)] },
  { name: 'FLD1 and FSTP of an extended real', bytes: 10, code: (address) => [0xd9, 0xe8, 0xdb, 0x3d, ...le32(address)] },
];

/** A loop that writes to a variable between its instructions, `pad` bytes behind AT.code: the program, and where the variable stands. */
function loopAround(store: (typeof STORES)[number], pad: number): { readonly program: readonly number[]; readonly variable: number } {
  const front = [...Array.from({ length: pad }, () => NOP), 0xb9, ...le32(TIMES)];
  const storeLength = store.code(0).length;
  const variable = AT.code + front.length + storeLength + 2;
  const body = [...store.code(variable), 0xeb, store.bytes, ...Array.from({ length: store.bytes }, () => 0), INC_EBX, DEC_ECX];
  return { program: [...front, ...body, 0x0f, 0x85, ...le32(-(body.length + 6)), HLT], variable };
}

const call = (from: number, to: number): readonly number[] => [0xe8, ...le32(to - from - 5)];

describe('data between code', () => {
  for (const engine of ['interpreter', 'translator', 'translate-all'] as const) {
    for (const store of STORES) {
      it(`${store.name} does not come to the monitor each time, wherever the variable stands, on ${engine}`, () => {
        for (let pad = 0; pad < 9; pad++) {
          const { program, variable } = loopAround(store, pad);
          const guest = protectedGuest(program, ENGINES[engine]);
          guest.runToHalt(20 * TIMES);
          assert.equal(guest.state.reg(L.RBX), TIMES);
          if (store.name.startsWith('INC')) assert.equal(guest.u32(variable), TIMES);
          const { slowAccesses } = guest.executor.counters;
          assert.ok(slowAccesses < TIMES / 20, `${slowAccesses} of ${TIMES} at ${variable.toString(16)}`);
        }
      });
    }

    it(`is no shelter for a write to the byte of code behind it, or before, on ${engine}`, () => {
      for (let pad = 0; pad < 9; pad++) {
        // jmp short; a variable of a byte; inc ebx; ret
        const start = AT.userCode + pad, variable = start + 2, behind = variable + 1;
        const steps: number[] = [];
        const add = (bytes: readonly number[]): void => { steps.push(...bytes); };
        const callIt = (): void => add(call(AT.code + steps.length, start));
        for (let i = 0; i < 8; i++) {
          callIt();
          // mov byte [variable], i
          add([0xc6, 0x05, ...le32(variable), i]);
        }
        // mov word [variable], INC EDX in its second byte
        add([0x66, 0xc7, 0x05, ...le32(variable), 0x77, INC_EDX]);
        callIt();
        // mov word [variable - 1], a jump by no bytes in its first one, and INC EDX as the variable
        add([0x66, 0xc7, 0x05, ...le32(variable - 1), 0, INC_EDX]);
        callIt();
        const guest: Guest = protectedGuest(code(steps, HLT), ENGINES[engine]);
        guest.state.setReg(L.RDX, 0);
        guest.put(start, [0xeb, behind - variable, 0, INC_EBX, RET]);
        guest.runToHalt(1000);
        assert.deepEqual([guest.state.reg(L.RBX), guest.state.reg(L.RDX)], [8, 3]);
      }
    });
  }
});
