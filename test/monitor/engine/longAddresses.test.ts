/** Addresses of 64-bit code at the edges of their fields (Intel SDM vol. 2, 2.2.1; vol. 1, 3.3.7). */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { le32 } from '../cpu/guest';
import { AT, le64, longGuest } from '../cpu/system/longGuest';

const SS = 12, GP = 13, PF = 14;

/** The fault of an instruction: its vector, and the linear address of a page fault. */
function faultOf(instruction: readonly number[], prepare: (set: (register: number, value: bigint) => void) => void = () => undefined): readonly [vector: number, linear: bigint] {
  const guest = longGuest(instruction);
  prepare((register, value) => guest.state.setReg64(register, BigInt.asUintN(64, value)));
  guest.executor.stopVectors = new Set([SS, GP, PF]);
  const outcome = guest.executor.run(1);
  if (outcome.kind !== 'exception') return assert.fail(`no fault but ${outcome.kind}`);
  const { vector, linearLow, linearHigh } = outcome.fault;
  return [vector, (BigInt(linearHigh) << 32n) | BigInt(linearLow)];
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
});
