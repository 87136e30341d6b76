/** Single steps by TF and the guest's debug registers (Intel SDM vol. 3, chapter 17). */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { AT, HLT, IRET, NOP, SEL, code, handlerOf, haltedIn, int, le16, le32, movEax, protectedGuest, setGate, gate, PRESENT, storeEax, type Guest } from './guest';

const TF = 0x100;
const DB = 1;
const dr6 = (guest: Guest): number => guest.state.u32(L.DR + 8 * 6);

function trapped(guest: Guest): number {
  guest.runToHalt();
  assert.equal(haltedIn(guest), DB);
  return guest.stack(1)[0] ?? -1;
}

/** MOV EAX, value; MOV DRn, EAX. */
const setDr = (number: number, value: number): readonly number[] => code(movEax(value), [0x0f, 0x23, 0xc0 | (number << 3)]);

describe('TF', function () {
  this.timeout(30_000);

  it('traps behind each instruction, with BS in DR6', () => {
    const guest = protectedGuest([NOP, NOP, HLT]);
    guest.state.flags = TF;
    assert.equal(trapped(guest), AT.code + 1);
    assert.equal(dr6(guest) & 0x4000, 0x4000);
    assert.equal((guest.stack(3)[2] ?? 0) & TF, TF);
    assert.equal(guest.state.flags & TF, 0);
  });

  it('set by POPF traps behind the next instruction', () => {
    const guest = protectedGuest(code([0x68], le32(TF), 0x9d, NOP, NOP, HLT));
    assert.equal(trapped(guest), AT.code + 7);
  });

  it('cleared by POPF traps once more, behind it', () => {
    const guest = protectedGuest(code([0x6a, 0x02, 0x9d], NOP, HLT));
    guest.put(handlerOf(DB), [0x83, 0x05, ...le32(AT.data), 0x01, IRET]);
    guest.state.flags = TF;
    guest.runToHalt();
    assert.equal(guest.u32(AT.data), 2, 'behind PUSH and POPF');
  });

  it('stops a repeated instruction at each iteration', () => {
    const guest = protectedGuest([0xf3, 0xaa, HLT]);
    guest.state.setReg(L.RCX, 3);
    guest.state.setReg(L.RDI, AT.data);
    guest.state.flags = TF;
    assert.equal(trapped(guest), AT.code);
    assert.equal(guest.state.reg(L.RCX), 2);
  });

  it('does not trap behind INT, which clears it', () => {
    const guest = protectedGuest(int(0x40));
    guest.state.flags = TF;
    guest.runToHalt();
    assert.equal(haltedIn(guest), 0x40);
  });

  it('does not trap behind MOV SS but behind the instruction after it', () => {
    const guest = protectedGuest(code([0x66, 0xb8], le16(SEL.data0), [0x8e, 0xd0], NOP, NOP, HLT));
    guest.run(1);
    guest.state.flags = TF;
    assert.equal(trapped(guest), AT.code + 7);
  });

  it('a fault goes first, and its handler runs without TF', () => {
    const guest = protectedGuest([0x0f, 0x0b]);
    guest.state.flags = TF;
    guest.runToHalt();
    assert.equal(haltedIn(guest), 6);
  });

  it('steps a whole loop, one trap an instruction', () => {
    const guest = protectedGuest(code([0xb9], le32(5), 0x49, [0x75, 0xfd], HLT));
    guest.put(handlerOf(DB), [0xff, 0x05, ...le32(AT.data), IRET]);
    guest.state.flags = TF;
    // MOV and five times DEC, JNZ, each with the handler's two instructions behind it.
    guest.run(33);
    assert.equal(guest.u32(AT.data), 11);
    assert.equal(guest.state.eip, AT.code + 8);
  });
});

describe('debug registers', function () {
  this.timeout(30_000);

  const L0 = 1;

  it('an execution breakpoint is a fault before its instruction; RF lets it run', () => {
    const at = AT.code + 0x20;
    const program = code(setDr(0, at), setDr(7, L0));
    const guest = protectedGuest(program);
    guest.put(AT.code + program.length, new Array<number>(0x40).fill(NOP));
    guest.put(at, [0x40, NOP, HLT]);
    guest.run(10);
    guest.runToHalt();
    assert.equal(haltedIn(guest), DB);
    assert.equal(guest.stack(1)[0], at);
    assert.equal(dr6(guest) & 0xf, 1);
    // Set RF in the image and return.
    guest.put(handlerOf(DB), code([0x80, 0x4c, 0x24, 0x0a, 0x01], IRET));
    guest.state.halted = false;
    guest.state.eip = handlerOf(DB);
    guest.runToHalt();
    assert.equal(guest.state.eip, at + 3);
  });

  it('an execution breakpoint set late is seen in a loop that has run before', () => {
    // The loop runs in two pages that are decoded and linked already.
    const far = AT.code + 0x1800;
    const guest = protectedGuest(code([0xe9], le32(far - AT.code - 5)));
    guest.put(far, code(0x41, [0xe9], le32(AT.code - far - 6)));
    guest.run(100);
    const setter = AT.userCode;
    guest.put(setter, code(setDr(0, far), setDr(7, L0), [0xe9], le32(AT.code - setter - 21)));
    guest.state.eip = setter;
    guest.runToHalt(100);
    assert.equal(haltedIn(guest), DB);
    assert.equal(guest.stack(1)[0], far);
  });

  it('a write breakpoint traps behind the write, and does not mind reads or neighbours', () => {
    const RW_WRITE = 1 << 16, LENGTH_4 = 3 << 18;
    const program = code(setDr(0, AT.data), setDr(7, L0 | RW_WRITE | LENGTH_4), [0xa1], le32(AT.data), storeEax(AT.data + 4), storeEax(AT.data), NOP, HLT);
    const guest = protectedGuest(program);
    guest.state.setReg(L.RAX, 1);
    assert.equal(trapped(guest), AT.code + program.length - 2);
    assert.equal(dr6(guest) & 0xf, 1);
  });

  it('a read/write breakpoint sees reads, pushes and string stores', () => {
    const RW = 3 << 16;
    const forms: readonly (readonly number[])[] = [[0xa0, ...le32(AT.data)], code([0xbc], le32(AT.data + 4), [0x50]), code([0xbf], le32(AT.data), [0xaa])];
    for (const form of forms) {
      const program = code(setDr(0, AT.data), setDr(7, L0 | RW), form, [0xbc], le32(AT.stack0), HLT);
      const guest = protectedGuest(program);
      setGate(guest, DB, gate(SEL.code0, handlerOf(DB), PRESENT | 0x0e));
      guest.runToHalt();
      assert.equal(haltedIn(guest), DB, Buffer.from(form).toString('hex'));
    }
  });

  it('general detect faults on any access to debug registers', () => {
    const guest = protectedGuest(code(setDr(7, 0x2000), [0x0f, 0x21, 0xf0], HLT));
    assert.equal(trapped(guest), AT.code + 8);
    assert.equal(dr6(guest) & 0x2000, 0x2000);
  });

  it('INT1 goes to vector 1 behind itself', () => {
    const guest = protectedGuest([0xf1]);
    assert.equal(trapped(guest), AT.code + 1);
  });
});
