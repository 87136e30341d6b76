/** Blocks that generated code decodes by itself, by the forms of their instructions: that it does, and that nobody can tell, whoever writes to them. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { ENGINES } from '../../../src/monitor/engine/engineSettings';
import { AT, HLT, code, le32, protectedGuest, type Guest } from '../cpu/guest';

const INC_EAX = 0x40, INC_ECX = 0x41, INC_EBX = 0x43, RET = 0xc3;
/** A page with functions, apart from the code that calls them; and where functions of the same instructions begin in it. */
const FUNCTIONS = AT.userCode, FIRST = FUNCTIONS + 0x40, SECOND = FUNCTIONS, THIRD = FUNCTIONS + 0x80;
/** In the same page, where there is no code. */
const DATA = FUNCTIONS + 0x800;

const relative = (opcode: number, from: number, to: number): readonly number[] => [opcode, ...le32(to - from - 5)];
const storeByte = (address: number, value: number): readonly number[] => [0xc6, 0x05, ...le32(address), value];

/** A program: calls of functions, and stores of bytes, one after the other, and HLT. */
function program(...steps: readonly (number | readonly number[])[]): readonly number[] {
  const bytes: number[] = [];
  for (const step of steps) bytes.push(...(typeof step === 'number' ? relative(0xe8, AT.code + bytes.length, step) : step));
  return [...bytes, HLT];
}

function guestWith(bytes: readonly number[], engine = ENGINES.translator): Guest {
  const guest = protectedGuest(bytes, engine);
  for (const place of [FIRST, SECOND, THIRD]) guest.put(place, [INC_EBX, RET]);
  return guest;
}

const registers = ({ state }: Guest): readonly number[] => [state.reg(L.RAX), state.reg(L.RBX), state.reg(L.RCX)];
const byForms = (guest: Guest): number => guest.executor.code.counters.blocksByForms;

describe('blocks whose forms are known', () => {
  it('are decoded without a return to the run loop, hundreds of them, in each page that is known', () => {
    const blocks = 450, each = 6;
    const place = (i: number): number => AT.code + i * each;
    const chain = Array.from({ length: blocks }, (_, i) => [INC_EAX, ...relative(0xe9, place(i) + 1, place(i + 1))]).flat();
    const guest = protectedGuest([...chain, HLT]);
    guest.runToHalt();
    assert.equal(guest.state.reg(L.RAX), blocks);
    const { counters, code: cache } = guest.executor;
    assert.ok(cache.counters.blocksByForms > 0.9 * blocks, `${cache.counters.blocksByForms} blocks by forms`);
    assert.ok(counters.entries < blocks / 10, `${counters.entries} entries`);
    // Those that a page knows of are all that were decoded, whoever did.
    const known = [0, 1].flatMap((i) => cache.pagesOf(guest.map.frame(AT.code / 4096 + i))).reduce((sum, { present }) => sum + present.length, 0);
    assert.equal(known, cache.counters.blocksDecoded);
  });

  it('go when they are written to, in the same run', () => {
    const guest = guestWith(program(FIRST, SECOND, storeByte(SECOND, INC_EAX), SECOND, SECOND));
    guest.runToHalt();
    assert.deepEqual(registers(guest), [2, 2, 0]);
    assert.ok(byForms(guest) >= 1);
    assert.equal(guest.executor.code.counters.blocksInvalidated, 1);
  });

  it('go when they are written to in a page that data beside them has been written to before', () => {
    const guest = guestWith(program(FIRST, storeByte(DATA, 1), storeByte(DATA, 2), [HLT], THIRD, storeByte(DATA, 3), storeByte(THIRD, INC_ECX), THIRD));
    guest.runToHalt();
    assert.equal(byForms(guest), 0);
    // The page is come to anew, and opened with the marks that it has by now.
    guest.executor.locator.forgetExecuteTlb();
    guest.state.halted = false;
    // What calls has no form yet; what is called has.
    guest.runToHalt();
    guest.state.halted = false;
    assert.deepEqual(registers(guest), [0, 2, 1]);
    assert.ok(byForms(guest) >= 1, `${byForms(guest)} by forms`);
  });

  it('are seen to be written to when all that was decoded from their page has gone before', () => {
    const guest = guestWith(program(FIRST, storeByte(FIRST, INC_EAX), storeByte(FIRST, INC_ECX), FIRST, storeByte(FIRST, INC_EAX), FIRST, SECOND, storeByte(SECOND, INC_ECX), SECOND));
    guest.runToHalt();
    assert.deepEqual(registers(guest), [1, 2, 2]);
  });

  it('stop at breakpoints, set before or behind the first of their page', () => {
    const steps = [FIRST, SECOND];
    const before = guestWith(program(...steps));
    before.executor.setBreakpoints(new Set([SECOND + 1]));
    assert.deepEqual(before.run(100), { kind: 'breakpoint', linear: SECOND + 1 });
    const behind = guestWith(program(...steps));
    assert.equal(behind.run(3).kind, 'budget');
    behind.executor.setBreakpoints(new Set([SECOND + 1]));
    assert.deepEqual(behind.run(100), { kind: 'breakpoint', linear: SECOND + 1 });
  });

  it('end where a budget does, at each instruction', () => {
    const steps = [FIRST, SECOND, THIRD, storeByte(SECOND, INC_EAX), SECOND, FIRST];
    const retired = 20;
    for (let budget = 1; budget <= retired; budget++) {
      const [one, other] = [ENGINES.translator, ENGINES['translate-all']].map((engine) => {
        const guest = guestWith(program(...steps), engine);
        guest.run(budget);
        return [guest.state.eip, ...registers(guest)];
      });
      assert.deepEqual(one, other, `after ${budget} instructions`);
    }
  });

  it('are left to the decoder where an instruction has no form, or its bytes are not all in the page', () => {
    const guest = protectedGuest(code(program(FIRST, SECOND)));
    const end = (FUNCTIONS & -4096) + 4096;
    guest.put(FIRST, [INC_EBX, RET]);
    guest.put(SECOND, [INC_EBX, ...relative(0xe9, SECOND + 1, end - 2)]);
    // inc ebx; add eax, imm32, which runs into the next page
    guest.put(end - 2, [INC_EBX, 0x05]);
    guest.put(end, [...le32(7), 0x0f, 0x0b]);
    guest.runToHalt();
    assert.deepEqual(registers(guest), [7, 3, 0]);
  });

  it('are not looked for where repeated instructions write beside them, some bytes at a time', () => {
    const times = 20;
    // mov ecx, 1; mov edi, where; rep movsb
    const copyByte = (where: number): readonly number[] => code([0xb9], le32(1), [0xbf], le32(where), [0xf3, 0xa4]);
    const beside = guestWith(program(FIRST, ...Array.from({ length: times }, () => copyByte(DATA)), FIRST));
    beside.state.setReg(L.RSI, AT.data);
    beside.runToHalt();
    assert.deepEqual(registers(beside), [0, 2, 0]);
    assert.ok(beside.executor.counters.codeTraces <= 2, `${beside.executor.counters.codeTraces} traces`);
    const over = guestWith(program(FIRST, copyByte(DATA), copyByte(DATA), copyByte(FIRST), FIRST));
    over.put(AT.data, [1, 2, INC_ECX]);
    over.state.setReg(L.RSI, AT.data);
    over.runToHalt();
    assert.deepEqual([over.u32(DATA) & 0xff, over.state.reg(L.RBX), over.executor.code.counters.blocksInvalidated], [2, 1, 1]);
  });
});
