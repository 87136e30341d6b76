/**
 * Far transfers of real mode, which generated code does by itself between code segments that it knows: programs of several segments end like those
 * that are run instruction by instruction, in every engine; they need no services; and what changes about a segment's code is seen.
 */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { ENGINES, type EngineName, type EngineSettings } from '../../../src/monitor/engine/engineSettings';
import { HLT, NOP, code, int, le16, realGuest, type Guest } from '../cpu/guest';

const TURNS = 200, VECTOR = 0x61;
/** Segments of the program's functions, of which the second two have the same function, at other offsets. */
const FIRST = 0x1000, SECOND = 0x2345, THIRD = 0x2340;
const FUNCTION = 0x120;
const RETF = 0xcb, IRET = 0xcf, INC_BX = 0x43, INC_DX = 0x42;
const callFar16 = (segment: number, offset: number): readonly number[] => code([0x9a], le16(offset), le16(segment));
const jumpFar16 = (segment: number, offset: number): readonly number[] => code([0xea], le16(offset), le16(segment));

/** Where the program lies, far from its stack: 0:8000. */
const START = 0x8000;

/** MOV CX, turns; the body; LOOP; HLT; and a handler for VECTOR. */
function guestOf(body: readonly number[], engine: EngineName | EngineSettings, turns = TURNS): Guest {
  const guest = realGuest([], typeof engine === 'string' ? ENGINES[engine] : engine);
  guest.put(START, code([0xb9], le16(turns), body, [0xe2, 256 - body.length - 2], HLT));
  guest.state.eip = START;
  guest.put(4 * VECTOR, code(le16(FUNCTION), le16(FIRST)));
  return guest;
}

const put = (guest: Guest, segment: number, offset: number, bytes: readonly number[]): void => guest.put(16 * segment + offset, bytes);

function everything({ state }: Guest): string {
  const registers = Array.from({ length: 8 }, (_, i) => state.reg(i).toString(16));
  const segments = [L.ES, L.CS, L.SS, L.DS].map((segment) => `${state.selector(segment).toString(16)}:${state.base(segment).toString(16)}`);
  return [...registers, ...segments, state.eip.toString(16), state.flags.toString(16), state.f64(L.RETIRED)].join(' ');
}

/** CALL to the next instruction; POP SI: where in its segment the code is. ADD DI, SI. */
const WHERE = code([0xe8], le16(0), [0x5e, 0x01, 0xf7]);

const PROGRAMS: Readonly<Record<string, { readonly body: readonly number[]; readonly functions: readonly (readonly [segment: number, offset: number, bytes: readonly number[]])[] }>> = {
  'calls and returns': {
    body: code(callFar16(FIRST, FUNCTION), callFar16(SECOND, FUNCTION)),
    functions: [[FIRST, FUNCTION, [INC_BX, RETF]], [SECOND, FUNCTION, [INC_DX, 0xca, 0, 0]]],
  },
  'one function by two selectors': {
    body: code(callFar16(SECOND, FUNCTION), callFar16(THIRD, FUNCTION + 0x50)),
    functions: [[SECOND, FUNCTION, code(WHERE, [RETF])]],
  },
  'INT and IRET': {
    body: code([0xf9], int(VECTOR), [0x83, 0xd2, 0]),
    functions: [[FIRST, FUNCTION, code([INC_BX, 0xf8], IRET)]],
  },
  'jumps': {
    body: jumpFar16(FIRST, FUNCTION),
    // Behind the jump of the body: 3 bytes of MOV CX, 5 of the jump.
    functions: [[FIRST, FUNCTION, code([INC_BX], jumpFar16(0, START + 8))]],
  },
  'a change of the flag for alignment checks': {
    body: code(callFar16(FIRST, FUNCTION), callFar16(SECOND, FUNCTION)),
    // PUSHFD; POP EAX; XOR EAX, AC; PUSH EAX; POPFD; then a jump inside of the segment.
    functions: [[FIRST, FUNCTION, code([0x66, 0x9c, 0x66, 0x58, 0x66, 0x35, 0, 0, 4, 0, 0x66, 0x50, 0x66, 0x9d, 0xeb, 0x40])], [FIRST, FUNCTION + 0x50, [INC_BX, RETF]], [SECOND, FUNCTION, code(WHERE, [RETF])]],
  },
  'pointers in memory': {
    body: code([0xff, 0x1e], le16(0x600)),
    functions: [[0, 0x600, code(le16(FUNCTION), le16(FIRST))], [FIRST, FUNCTION, [INC_BX, RETF]]],
  },
};

function make(name: string, engine: EngineName, turns = TURNS): Guest {
  const program = PROGRAMS[name];
  assert.ok(program);
  const guest = guestOf(program.body, engine, turns);
  for (const [segment, offset, bytes] of program.functions) put(guest, segment, offset, bytes);
  return guest;
}

describe('far transfers of real mode', function () {
  this.timeout(60_000);

  /** POPF leaves a change of AC to its service. */
  const SERVED = new Set(['a change of the flag for alignment checks']);

  for (const name of Object.keys(PROGRAMS)) {
    it(`${name}: in every engine as instruction by instruction, and at every count`, () => {
      const stepped = make(name, 'interpreter');
      const states = new Map<number, string>();
      while (stepped.run(1).kind !== 'halted') states.set(stepped.state.f64(L.RETIRED), everything(stepped));
      for (const engine of ['interpreter', 'translator', 'translate-all', 'translate-again'] as const) {
        const whole = make(name, engine);
        whole.runToHalt(100_000);
        assert.equal(everything(whole), everything(stepped), engine);
        for (const pieces of [7, 97]) {
          const guest = make(name, engine);
          for (let at = pieces; states.has(at); at += pieces) {
            guest.runTo(at);
            assert.equal(everything(guest), states.get(at), `${engine} at ${at}`);
          }
        }
      }
    });

    if (!SERVED.has(name)) it(`${name}: need services only until the segments are known`, () => {
      const few = make(name, 'interpreter', 20);
      few.runToHalt(100_000);
      const many = make(name, 'interpreter', 2000);
      many.runToHalt(100_000);
      assert.equal(many.executor.counters.services, few.executor.counters.services);
    });
  }

  it('do not end a call of another segment by a return to the same offset', () => {
    const NEAR = START + 0x100, BEHIND = START + 6;
    const made = (engine: EngineSettings): Guest => {
      // CALL NEAR, which the loop waits behind.
      const guest = guestOf(code([0xe8], le16(NEAR - BEHIND)), engine, 20_000);
      guest.put(NEAR, code(callFar16(SECOND, FUNCTION), [0xc3]));
      put(guest, SECOND, FUNCTION, code([0x68], le16(BEHIND), [0xc3]));
      put(guest, SECOND, BEHIND, [INC_DX, RETF]);
      guest.runToHalt(1_000_000);
      return guest;
    };
    const soon = made({ ...ENGINES.translator, heat: 20 });
    assert.ok(soon.executor.counters.services < 100);
    assert.equal(everything(soon), everything(made(ENGINES.interpreter)));
  });

  it('see code that has been written meanwhile', () => {
    const guest = make('calls and returns', 'translator', 50);
    guest.runTo(100);
    const before = guest.state.reg(L.RBX, 2);
    const left = guest.state.reg(L.RCX, 2);
    guest.put(16 * FIRST + FUNCTION, [NOP, RETF]);
    guest.runToHalt(10_000);
    assert.ok(guest.state.reg(L.RBX, 2) - before <= 1 && left > 10);
  });

  it('go to code of another kind once the kind has changed', () => {
    const guest = guestOf(code(callFar16(FIRST, FUNCTION), callFar16(SECOND, FUNCTION)), 'translator', 50);
    const FNINIT = [0xdb, 0xe3], NM = 7, TASK_SWITCHED = 8;
    put(guest, FIRST, FUNCTION, code(FNINIT, [RETF]));
    put(guest, SECOND, FUNCTION, [RETF]);
    // The handler counts, and leaves out the instruction: POP SI; ADD SI, 2; PUSH SI.
    guest.put(4 * NM, code(le16(FUNCTION), le16(THIRD)));
    put(guest, THIRD, FUNCTION, code([INC_BX, 0x5e, 0x83, 0xc6, 2, 0x56], IRET));
    guest.runTo(100);
    assert.equal(guest.state.reg(L.RBX, 2), 0);
    const left = guest.state.reg(L.RCX, 2);
    guest.state.setU32(L.CR0, guest.state.cr0 | TASK_SWITCHED);
    guest.cpu.changedContext();
    guest.runToHalt(10_000);
    assert.ok(guest.state.reg(L.RBX, 2) >= left - 1 && left > 10);
  });

  it('stop at a breakpoint that has been set in a known segment', () => {
    const guest = make('calls and returns', 'translator', 50);
    guest.runTo(100);
    guest.executor.setBreakpoints(new Set([16 * SECOND + FUNCTION]));
    assert.equal(guest.run(1000).kind, 'breakpoint');
    assert.equal(guest.executor.linear(), 16 * SECOND + FUNCTION);
    assert.equal(guest.state.selector(L.CS), SECOND);
  });

  it('are told of to a debugger that waits for transfers', () => {
    const guest = make('INT and IRET', 'translator', 50);
    guest.runTo(100);
    guest.executor.stopVectors = new Set([6]);
    const before = guest.executor.counters.services;
    guest.runTo(160);
    assert.ok(guest.executor.counters.services > before);
  });
});
