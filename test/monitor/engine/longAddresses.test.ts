/** Addresses of 64-bit code at the edges of their fields (Intel SDM vol. 2, 2.2.1; vol. 1, 3.3.7). */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { ENGINES } from '../../../src/monitor/engine/engineSettings';
import { code, le32 } from '../cpu/guest';
import { AT, le64, longGuest } from '../cpu/system/longGuest';

const SS = 12, GP = 13, PF = 14;

/** The fault of an instruction: its vector, and the linear address of a page fault. */
function faultOf(instruction: readonly number[], prepare: (set: (register: number, value: bigint) => void) => void = () => undefined): readonly [vector: number, linear: bigint] {
  const guest = longGuest(instruction);
  prepare((register, value) => guest.state.setReg64(register, BigInt.asUintN(64, value)));
  guest.executor.stopVectors = new Set([SS, GP, PF]);
  const outcome = guest.executor.run(1);
  if (outcome.kind !== 'exception') return assert.fail(`no fault but ${outcome.kind}`);
  const { vector, linear } = outcome.fault;
  return [vector, linear];
}

describe('addresses of 64-bit code', () => {
  it('reach 2 GiB behind the instruction, whatever its place in a page', () => {
    const [vector, linear] = faultOf([0x48, 0x8b, 0x05, ...le32(0x7fffffff)]);
    assert.equal(vector, PF);
    assert.equal(linear, BigInt(AT.code) + 7n + 0x7fffffffn);
  });

  it('wrap at 4 GiB with an address-size prefix', () => {
    // MOV RAX,[EIP-80000000h]
    const [vector, linear] = faultOf([0x67, 0x48, 0x8b, 0x05, ...le32(0x80000000)]);
    assert.equal(vector, PF);
    assert.equal(linear, BigInt(AT.code) + 8n + 0x80000000n);
  });

  it('may be 64 bits in the instruction', () => {
    const far = 0x123456789abcn;
    assert.deepEqual(faultOf([0x48, 0xa1, ...le64(far)]), [PF, far]);
    assert.deepEqual(faultOf([0xa2, ...le64(far)]), [PF, far]);
  });

  it('are canonical, or the stack faults as a stack', () => {
    const odd = 1n << 47n;
    assert.equal(faultOf([0x8b, 0x00], (set) => set(L.RAX, odd))[0], GP);
    assert.equal(faultOf([0x8b, 0x45, 0x00], (set) => set(L.RBP, odd))[0], SS);
    assert.equal(faultOf([0x50], (set) => set(L.RSP, odd + 16n))[0], SS);
    // JMP RAX, RET.
    assert.equal(faultOf([0xff, 0xe0], (set) => set(L.RAX, odd))[0], GP);
  });

  it('are canonical to their last byte', () => {
    assert.equal(faultOf([0x48, 0x8b, 0x00], (set) => set(L.RAX, (1n << 47n) - 4n))[0], GP);
  });

  describe('at the end of the lower half', () => {
    const TURNS = 300;
    /** Where the program lies: in the last page, which is the last one of the first 2 MiB of memory as well. */
    const START = 0x7fffffffff00;
    const OUTSIDE = 0x800000000010;
    const BODY = [0xff, 0xc1, 0x81, 0xf9, ...le32(TURNS), 0x72, 0xf6];
    const behind = (length: number): readonly number[] => le32(OUTSIDE - (START + BODY.length + length));
    const transfers = {
      'JMP': code(0xe9, behind(5)),
      'CALL': code(0xe8, behind(5)),
      'Jcc': code(0x0f, 0x83, behind(6)),
    };
    for (const [name, bytes] of Object.entries(transfers)) {
      for (const [engine, settings] of Object.entries({ ...ENGINES, 'translator, soon': { ...ENGINES.translator, heat: 40 } })) {
        it(`a ${name} to what is not canonical faults before anything has changed: ${engine}`, () => {
          // MOV RAX, START; JMP RAX. There: INC ECX; CMP ECX, TURNS; JB START; and on.
          const guest = longGuest(code(0x48, 0xb8, le64(BigInt(START)), 0xff, 0xe0), { engine: settings });
          guest.put(AT.pml4 + 8 * 255, le64(BigInt(AT.pdpt | 7)));
          guest.put(AT.pdpt + 8 * 511, le64(BigInt(AT.directory | 7)));
          guest.put(AT.directory + 8 * 511, le64(0x87n));
          guest.put(START % 0x200000, code(BODY, bytes));
          const stack = guest.state.reg(L.RSP);
          guest.executor.stopVectors = new Set([GP]);
          const outcome = guest.executor.run(10 * TURNS);
          assert.equal(outcome.kind, 'exception');
          assert.equal(guest.state.eip, START + BODY.length);
          assert.equal(guest.state.reg(L.RCX), TURNS);
          assert.equal(guest.state.reg(L.RSP), stack);
        });
      }
    }
  });
});
