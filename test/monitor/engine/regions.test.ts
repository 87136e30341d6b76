/** Translated regions: the same state as the interpreter's wherever they are left, and indirect jumps that stay inside. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { ENGINES, type EngineSettings } from '../../../src/monitor/engine/engineSettings';
import { PAGE_BYTES } from '../../../src/monitor/memory/layout';
import { AT, HLT, code, le32, protectedGuest, type Guest } from '../cpu/guest';
import { longGuest } from '../cpu/system/longGuest';
import { randomCode } from '../isa/randomCode';

/** Hot soon, so that short programs are translated. */
const SOON: EngineSettings = { ...ENGINES.translator, heat: 40 };
const GENERAL_PROTECTION = 13;
const TABLE = AT.data + 0x100;
const LONG_TABLE = AT.data + 0x180;
const FUNCTIONS = AT.code + 0x100;
const SPACING = 0x20;

/** AND EAX, mask after MOV EAX, ECX: the number of the function that a turn calls. */
const choose = (mask: number): readonly number[] => [0x89, 0xc8, 0x83, 0xe0, mask];
/** CALL [TABLE + EAX * 4]; INC ECX; back to the start. */
const loopOver = (mask: number): readonly number[] => {
  const body = code(choose(mask), [0xff, 0x14, 0x85], le32(TABLE), 0x41);
  return code(body, 0xeb, 256 - body.length - 2);
};
/** Registers written on all ways, on one way, in part, read by others, in memory; flags that are kept and that are not. */
const BODIES: readonly (readonly number[])[] = [
  // ADD EDX, 3; RET
  [0x83, 0xc2, 0x03, 0xc3],
  // XOR EBX, EDX; ADC EDI, 0; RET
  [0x31, 0xd3, 0x83, 0xd7, 0x00, 0xc3],
  // TEST CL, 4; JZ over; MOV ESI, ECX; SHL EDX, CL; over: RET
  [0xf6, 0xc1, 0x04, 0x74, 0x04, 0x89, 0xce, 0xd3, 0xe2, 0xc3],
  // MOV [data], EDX; MOV BH, CL; INC EBP; CMOVC EDX, EBX; RET
  code([0x89, 0x15], le32(AT.data), [0x88, 0xcf, 0x45, 0x0f, 0x42, 0xd3, 0xc3]),
];

function guestWith(program: readonly number[], settings: EngineSettings): Guest {
  const guest = protectedGuest(program, settings);
  BODIES.forEach((body, i) => {
    guest.put(FUNCTIONS + SPACING * i, body);
    guest.put(TABLE + 4 * i, le32(FUNCTIONS + SPACING * i));
  });
  return guest;
}

function snapshot(guest: Guest): string {
  const s = guest.state;
  const registers = Array.from({ length: 8 }, (_, i) => s.reg(i).toString(16));
  return [...registers, s.eip.toString(16), s.flags.toString(16), s.f64(L.RETIRED), guest.u32(AT.data).toString(16)].join(' ');
}

describe('translated regions', function () {
  this.timeout(30_000);

  it('leave everything as the interpreter does, at any count', () => {
    for (const mask of [0, 1, 3]) {
      const [translated, interpreted] = [SOON, ENGINES.interpreter].map((settings) => guestWith(loopOver(mask), settings));
      assert.ok(translated && interpreted);
      for (let round = 0; round < 400; round++) {
        const count = 1 + ((round * 37) % 191);
        translated.run(count);
        interpreted.run(count);
        assert.equal(snapshot(translated), snapshot(interpreted), `mask ${mask}, round ${round}`);
      }
      assert.ok(translated.executor.translator.counters.regions > 0);
    }
  });

  it('go on inside where an indirect call was seen to lead, and through a table', () => {
    const guest = guestWith(loopOver(3), SOON);
    for (let round = 0; round < 60; round++) guest.run(1000);
    // The loop, four functions of which one has three blocks, and the place behind the call.
    const { regions, regionBlocks } = guest.executor.translator.counters;
    assert.ok(regionBlocks / regions >= 4, `${regionBlocks} blocks in ${regions} regions`);
    const before = guest.executor.counters.entries;
    guest.run(100_000);
    assert.ok(guest.executor.counters.entries - before < 50);
  });

  it('go on inside through a table of 64-bit code', () => {
    const body = code(choose(1), [0xff, 0x14, 0xc5], le32(LONG_TABLE), [0xff, 0xc1]);
    const [translated, interpreted] = [SOON, ENGINES.interpreter].map((engine) => {
      const guest = longGuest(code(body, 0xeb, 256 - body.length - 2), { engine });
      [0, 1].forEach((i) => {
        guest.put(FUNCTIONS + SPACING * i, BODIES[i] ?? []);
        guest.put(LONG_TABLE + 8 * i, [...le32(FUNCTIONS + SPACING * i), ...le32(0)]);
      });
      guest.state.setReg(L.RSP, AT.stack0 - 0x1000);
      for (let round = 0; round < 60; round++) guest.run(1000);
      return guest;
    });
    assert.ok(translated && interpreted);
    assert.equal(snapshot(translated), snapshot(interpreted));
    // Both functions, the one that was called last and the other, which only the table names.
    const regions = [...translated.executor.code.allRegions()].map(({ parts }) => new Set(parts.map(({ offset }) => offset)));
    assert.ok(regions.some((blocks) => [AT.code, FUNCTIONS, FUNCTIONS + SPACING].every((at) => blocks.has(at % PAGE_BYTES))), `${regions.map((blocks) => [...blocks].join(' ')).join(', ')}`);
  });

  it('fault at a return to no canonical address, however often it led to where it was expected', () => {
    // again: CALL function; DEC ECX; JNZ again; HLT; function: MOV RBX, [RSP]; CMP ECX, 1; CMOVE RBX, RDX; MOV [RSP], RBX; RET
    const call = 5, decrement = 2, jump = 2;
    const head = code([0xe8], le32(decrement + jump + 1), [0xff, 0xc9, 0x75, -(call + decrement + jump) & 0xff, HLT]);
    const body = [0x48, 0x8b, 0x1c, 0x24, 0x83, 0xf9, 0x01, 0x48, 0x0f, 0x44, 0xda, 0x48, 0x89, 0x1c, 0x24];
    const guest = longGuest(code(head, body, [0xc3]), { engine: SOON });
    const stack = AT.stack0 - 0x1000;
    guest.state.setReg(L.RSP, stack);
    guest.state.setReg64(L.RDX, 1n << 47n);
    guest.state.setReg(L.RCX, 5000);
    guest.executor.stopVectors = new Set([GENERAL_PROTECTION]);
    let outcome = guest.run(1000);
    while (outcome.kind !== 'exception' && outcome.kind !== 'halted') outcome = guest.run(1000);
    assert.equal(outcome.kind, 'exception');
    assert.equal(guest.state.reg(L.RCX), 1);
    assert.equal(guest.state.eip, AT.code + head.length + body.length, 'it is the return that faults');
    assert.equal(guest.state.reg(L.RSP), stack - 8, 'which has not popped anything');
    assert.ok(guest.executor.translator.counters.regions > 0);
  });

  it('do on random code what the interpreter does', () => {
    for (const [n, stream] of [...randomCode(23, 60)].entries()) {
      // Conditional branches in between, so that registers are written on some ways only; HLT at the end.
      const program = code([...stream], [0x75, 0x02, 0x89, 0xc8], [...stream.slice(0, 12)], [0x72, 0x02, 0x31, 0xd3, HLT]);
      const results = [ENGINES['translate-all'], ENGINES.interpreter].map((settings) => {
        const guest = protectedGuest(program, settings);
        for (let i = 0; i < 8; i++) guest.state.setReg(i, i === L.RSP ? AT.stack0 - 0x1000 : AT.data + i * 0x100);
        for (let done = 0; done < 60 && guest.run(20).kind !== 'halted'; done += 20);
        return `${snapshot(guest)} ${Buffer.from(guest.map.copyOut(AT.data, 0x1000)).toString('base64')}`;
      });
      assert.equal(results[0], results[1], `stream ${n}: ${Buffer.from(stream).toString('hex')}`);
    }
  });

  it('take the more frequent of two ways, where both would be too much', () => {
    const frequent = new Array<number>(40).fill(0x42), rare = new Array<number>(140).fill(0x43);
    // again: INC ECX; TEST CL, 7; JZ rare; INC EDX, so many times; JMP again; rare: INC EBX, so many times; JMP again
    const head = [0x41, 0xf6, 0xc1, 7, 0x0f, 0x84, ...le32(frequent.length + 2)];
    const back = (from: number): readonly number[] => [0xe9, ...le32(-(from + 5))];
    const guest = protectedGuest(code(head, frequent, [0xeb, 256 - (head.length + frequent.length + 2)], rare, back(head.length + frequent.length + 2 + rare.length)), { ...ENGINES.translator, heat: 400 });
    for (let round = 0; round < 300; round++) guest.run(1000);
    const offset = AT.code % 4096;
    const [region] = [...guest.executor.code.allRegions()].filter(({ home }) => home.offset === offset);
    assert.ok(region);
    assert.ok(region.parts.some((part) => part.offset === offset + head.length), 'the way that is taken seven times of eight');
  });

  it('notice that a table has other targets now', () => {
    const [translated, interpreted] = [SOON, ENGINES.interpreter].map((settings) => guestWith(loopOver(3), settings));
    assert.ok(translated && interpreted);
    for (const guest of [translated, interpreted]) {
      for (let round = 0; round < 60; round++) guest.run(1000);
      guest.put(TABLE, le32(FUNCTIONS + 3 * SPACING));
      guest.run(10_000);
    }
    assert.equal(snapshot(translated), snapshot(interpreted));
  });
});
