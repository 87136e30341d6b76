/**
 * Interrupts that a port access raises, and that are taken inside of the burst under way: the same machine at every instruction as one that
 * is run instruction by instruction, and nothing that somebody waits for between two instructions is passed over.
 */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { ENGINES } from '../../../src/monitor/engine/engineSettings';
import { TripleFault } from '../../../src/monitor/cpu/interrupts';
import { NO_EVENTS, STOP_ALWAYS } from '../../../src/monitor/engine/stopDecisions';
import { AT, HLT, IRET, NOP, PRESENT, SEL, code, descriptor, enterUser, gate, handlerOf, le32, protectedGuest, setDescriptor, setGate, type Guest } from '../cpu/guest';
import { SEL as SEL64, handlerOf as longHandlerOf, longGuest } from '../cpu/system/longGuest';

const VECTOR = 0x21;
const TURNS = 40;
const OUT = [0xe6, 0xf8], STI = 0xfb, CLI = 0xfa, PUSHF = 0x9c, POPF = 0x9d;
const INTERRUPT_GATE = PRESENT | 0x0e, TRAP_GATE = PRESENT | 0x0f;
/** INC dword [AT.data]. */
const count = (long: boolean): readonly number[] => code(long ? [0xff, 0x04, 0x25] : [0xff, 0x05], le32(AT.data));

/** MOV ECX, TURNS; what is done in each turn; DEC ECX; JNZ; HLT. */
function loop(turn: readonly number[]): readonly number[] {
  const body = code(turn, [0xff, 0xc9]);
  return code([0xb9], le32(TURNS), body, [0x75, 256 - body.length - 2], HLT);
}

/** Each OUT raises an interrupt, whose handler counts at AT.data. */
function flat(turn: readonly number[], engine: keyof typeof ENGINES = 'translator', gateType = INTERRUPT_GATE, handlersCode: number = SEL.code0): Guest {
  const guest = protectedGuest(loop(turn), ENGINES[engine]);
  guest.put(handlerOf(VECTOR), code(count(false), IRET));
  setDescriptor(guest, SEL.free, descriptor(0, 0xffffe, PRESENT | 0x1b, 0xc));
  setGate(guest, VECTOR, gate(handlersCode, handlerOf(VECTOR), gateType));
  guest.state.flags = 0x202;
  guest.onWrite = () => guest.interrupt(VECTOR);
  return guest;
}

function long(turn: readonly number[], engine: keyof typeof ENGINES): Guest {
  const guest = longGuest(loop(turn), { engine: ENGINES[engine] });
  guest.put(longHandlerOf(VECTOR), code(count(true), [0x48, IRET]));
  guest.cpu.setSegment(L.CS, SEL64.code0, 0, 0, 0xa9b);
  guest.state.flags = 0x202;
  guest.state.setReg(L.RSP, AT.stack0 - 0x1000);
  guest.onWrite = () => guest.interrupt(VECTOR);
  return guest;
}

function snapshot(guest: Guest): string {
  const s = guest.state;
  const registers = Array.from({ length: 8 }, (_, i) => s.reg(i).toString(16));
  const { deliveries, isBetween } = guest.executor;
  return [...registers, s.eip.toString(16), s.flags.toString(16), s.f64(L.RETIRED), guest.u32(AT.data), deliveries, isBetween, ...guest.stack(4)].join(' ');
}

const PLAIN = code(NOP, OUT, NOP, NOP);
const MASKED = code(CLI, OUT, NOP, STI, NOP, NOP);
const POPPED = code(PUSHF, CLI, OUT, POPF, NOP);
const SHADOWED = code(CLI, NOP, STI, OUT, NOP);

describe('interrupts that come up in a burst', function () {
  this.timeout(30_000);

  const kinds: readonly (readonly [string, (engine: keyof typeof ENGINES) => Guest])[] = [
    ['32-bit code', (engine) => flat(PLAIN, engine)],
    ['64-bit code', (engine) => long(PLAIN, engine)],
    ['code that holds them back', (engine) => flat(MASKED, engine)],
    ['code that lets them in by POPF', (engine) => flat(POPPED, engine)],
    ['an OUT behind STI', (engine) => flat(SHADOWED, engine)],
    ['a trap gate', (engine) => flat(PLAIN, engine, TRAP_GATE)],
    ['a handler in another segment, which is no common case', (engine) => flat(PLAIN, engine, INTERRUPT_GATE, SEL.free)],
  ];
  for (const [name, make] of kinds) {
    it(`come at the same instructions as when each is executed alone, with ${name}`, () => {
      const stepped = make('interpreter');
      const moments: string[] = [];
      for (let i = 0; i < 12 * TURNS; i++) {
        stepped.run(1);
        moments[stepped.state.f64(L.RETIRED)] = snapshot(stepped);
      }
      for (const engine of ['interpreter', 'translator', 'translate-all', 'translate-again'] as const) {
        for (const burst of [1, 2, 3, 7, 1000]) {
          const guest = make(engine);
          for (let at = burst; at < moments.length; at += burst) {
            guest.runTo(at);
            assert.equal(snapshot(guest), moments[guest.state.f64(L.RETIRED)], `${engine}, bursts of ${burst}, ${at}`);
          }
        }
      }
    });
  }

  it('are all counted, and take no entry of the run loop each', () => {
    const guest = flat(PLAIN);
    let rounds = 0;
    const { locate } = guest.executor.locator;
    guest.executor.locator.locate = function () {
      rounds++;
      return locate.apply(this);
    };
    guest.runToHalt(20 * TURNS);
    assert.equal(guest.u32(AT.data), TURNS);
    assert.equal(guest.executor.counters.interrupts, TURNS);
    assert.ok(rounds < TURNS / 2, `${rounds} rounds of the run loop`);
  });

  it('wait for a run that ends at a delivery', () => {
    const guest = flat(PLAIN);
    for (let delivered = 1; delivered <= 3; delivered++) {
      assert.equal(guest.executor.run(1000, true).kind, 'delivered');
      assert.equal(guest.executor.deliveries, delivered);
      assert.equal(guest.state.eip, handlerOf(VECTOR));
    }
  });

  it('are seen before they are taken, where the debugger wants to', () => {
    const guest = flat(PLAIN);
    let seen = 0;
    guest.executor.decisions = { ...STOP_ALWAYS, interrupt: () => { seen++; return false; } };
    guest.executor.watchEvents({ ...NO_EVENTS, interrupts: true });
    guest.runToHalt(20 * TURNS);
    assert.equal(seen, TURNS);
  });

  it('stop at a breakpoint on their handler', () => {
    const guest = flat(PLAIN);
    guest.executor.setBreakpoints(new Set([handlerOf(VECTOR)]));
    assert.deepEqual(guest.run(1000), { kind: 'breakpoint', linear: handlerOf(VECTOR) });
    assert.equal(guest.executor.deliveries, 1);
    assert.equal(guest.u32(AT.data), 0);
  });

  it('end a machine whose handlers cannot be reached with the retired count of that moment', () => {
    const ends = [1, 1000].map((burst) => {
      const guest = flat(PLAIN);
      for (const vector of [8, 11, 13, VECTOR]) setGate(guest, vector, gate(SEL.code0, 0, 0));
      assert.throws(() => { for (let i = 0; i < 100; i++) guest.run(burst); }, TripleFault);
      return `${guest.state.f64(L.RETIRED)} ${guest.state.eip}`;
    });
    assert.equal(ends[1], ends[0]);
  });

  it('are put down to the right mode where one waits for a return to a program', () => {
    const guest = protectedGuest([]);
    // The system call raises an interrupt, which waits until IRET has enabled interrupts; its handler returns at once.
    setGate(guest, 0x80, gate(SEL.code0, AT.code, PRESENT | 0x6e));
    guest.put(AT.code, code(NOP, OUT, NOP, IRET));
    guest.put(handlerOf(VECTOR), [IRET]);
    guest.onWrite = () => guest.interrupt(VECTOR);
    const program = code([0xcd, 0x80], [0xff, 0xc9], [0x75, 0xfa], HLT);
    enterUser(guest, code([0xb9], le32(TURNS), program), 0x202);
    const { log } = guest.executor.locator;
    log.instructionsUntil(guest.executor.retired());
    guest.runToHalt(100 * TURNS);
    const { direct, guarded } = log.instructionsUntil(guest.executor.retired());
    // Of each turn three instructions are the program's, and five those of handlers.
    assert.ok(Math.abs(direct - 3 * TURNS) < TURNS, `${direct} instructions of the program`);
    assert.ok(Math.abs(guarded - 5 * TURNS) < TURNS, `${guarded} of handlers`);
  });
});
