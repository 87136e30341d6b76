/**
 * Page faults that are delivered inside of the burst under way: the same machine at every instruction as one that is run instruction by instruction, and nothing that
 * somebody waits for is passed over.
 */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { TripleFault } from '../../../src/monitor/cpu/interrupts';
import { ENGINES } from '../../../src/monitor/engine/engineSettings';
import { NO_EVENTS, STOP_ALWAYS } from '../../../src/monitor/engine/stopDecisions';
import { AT, HLT, IRET, PRESENT, SEL, code, enterUser, gate, handlerOf, le32, protectedGuest, setGate, type Guest } from '../cpu/guest';

const PAGE = 4096, PF = 14;
const PRESENT_BIT = 1, WRITABLE = 2, USER = 4, ALL = PRESENT_BIT | WRITABLE | USER, PG = 0x80000000, WP = 0x10000;
const TABLE = AT.tables + PAGE, HANDLER = AT.handlers + PAGE;
/** Pages that are accessed one after the other, as often as this: not present at first, then to be read alone, then to be written. */
const FIRST = 0x200000, TURNS = 30;
const ERROR_CODES = AT.data + 4, TRAP_GATE = PRESENT | 0x0f;

const entryOf = (page: number): number => TABLE + 4 * (page / PAGE);

/**
 * The handler: adds the error code to a sum, counts, and gives CR2's page the next rights in turn: present for reading, then for writing. PUSH EAX; PUSH EBX; MOV EAX,[ESP+8];
 * ADD [sum],EAX; INC [count]; MOV EBX,CR2; SHR EBX,12; TEST AL,1; JNZ +...; ...; INVLPG; POP EBX; POP EAX; ADD ESP,4; IRET
 */
function handler(): readonly number[] {
  const orEntry = (bits: number): readonly number[] => code([0x83, 0x0c, 0x9d], le32(TABLE), bits);
  return code(
    [0x50, 0x53, 0x8b, 0x44, 0x24, 8, 0x01, 0x05], le32(ERROR_CODES), [0xff, 0x05], le32(AT.data),
    [0x0f, 0x20, 0xd3, 0xc1, 0xeb, 12, 0xa8, 1, 0x75, 10], orEntry(PRESENT_BIT | USER), [0xeb, 8], orEntry(ALL),
    [0x0f, 0x20, 0xd3, 0x0f, 0x01, 0x3b, 0x5b, 0x58, 0x83, 0xc4, 4, IRET],
  );
}

/** MOV ESI, FIRST; MOV ECX, TURNS; again: MOV EAX,[ESI]; ADD [ESI],ECX; ADD ESI,PAGE; LOOP again; and an end. */
const program = (end: readonly number[]): readonly number[] =>
  code([0xbe], le32(FIRST), [0xb9], le32(TURNS), [0x8b, 0x06, 0x01, 0x0e, 0x81, 0xc6], le32(PAGE), [0xe2, 0xf4], end);

function pagedGuest(user: boolean, engine: keyof typeof ENGINES = 'translator', gateType = PRESENT | 0x0e): Guest {
  const guest = protectedGuest(program([HLT]), ENGINES[engine]);
  guest.put32(AT.tables, TABLE | ALL);
  for (let page = 0; page < 0x400000; page += PAGE) guest.put32(entryOf(page), page >= FIRST && page < FIRST + TURNS * PAGE ? page : page | ALL);
  guest.put(HANDLER, handler());
  setGate(guest, PF, gate(SEL.code0, HANDLER, gateType));
  // A user's program ends with a fault that no handler returns from.
  if (user) enterUser(guest, program([HLT]));
  guest.state.setWide(L.CR3, AT.tables);
  guest.state.setU32(L.CR0, guest.state.u32(L.CR0) | PG | WP);
  guest.cpu.updatePaging();
  return guest;
}

function snapshot(guest: Guest): string {
  const s = guest.state;
  const registers = Array.from({ length: 8 }, (_, i) => s.reg(i).toString(16));
  return [...registers, s.eip.toString(16), s.flags.toString(16), s.cpl, s.u32(L.CR2).toString(16), s.f64(L.RETIRED), guest.u32(AT.data), guest.u32(ERROR_CODES), guest.executor.isBetween].join(' ');
}

describe('page faults in a burst', function () {
  this.timeout(60_000);

  for (const user of [false, true]) {
    it(`come at the same instructions as when each is executed alone, from ${user ? 'a user program' : 'the kernel'}`, () => {
      const stepped = pagedGuest(user, 'interpreter');
      const moments: string[] = [];
      while (!stepped.state.halted) {
        stepped.run(1);
        moments[stepped.state.f64(L.RETIRED)] = snapshot(stepped);
      }
      assert.equal(stepped.u32(AT.data), 2 * TURNS);
      const code = user ? USER : 0;
      assert.equal(stepped.u32(ERROR_CODES), TURNS * (code + (code | PRESENT_BIT | WRITABLE)));
      for (const engine of ['interpreter', 'translator', 'translate-all', 'translate-again'] as const) {
        for (const burst of [1, 2, 3, 7, 1000]) {
          const guest = pagedGuest(user, engine);
          for (let at = burst; at < moments.length; at += burst) {
            guest.runTo(at);
            assert.equal(snapshot(guest), moments[guest.state.f64(L.RETIRED)], `${engine}, bursts of ${burst}, ${at}`);
          }
        }
      }
    });
  }

  it('are all counted, and take no round of the run loop each', () => {
    const guest = pagedGuest(true);
    let rounds = 0;
    const { locate } = guest.executor.locator;
    guest.executor.locator.locate = function () {
      rounds++;
      return locate.apply(this);
    };
    guest.runToHalt(100 * TURNS);
    assert.equal(guest.u32(AT.data), 2 * TURNS);
    const { counters } = guest.executor;
    // The last one is HLT's, of a user.
    assert.equal(counters.faults, 2 * TURNS + 1);
    assert.equal(counters.exitFault, 2 * TURNS + 1);
    assert.ok(rounds < TURNS, `${rounds} rounds of the run loop`);
  });

  it('are decided by the shadow tables where these have the page, without a walk', () => {
    const guest = pagedGuest(true);
    guest.runToHalt(100 * TURNS);
    const { reflectedFaults, guestWalks } = guest.mmu.shadow.counters;
    assert.equal(reflectedFaults, 2 * TURNS);
    assert.ok(guestWalks < TURNS / 2, `${guestWalks} walks`);
  });

  it('are seen before they are delivered, where the debugger wants to', () => {
    const guest = pagedGuest(true);
    guest.executor.stopVectors = new Set([PF]);
    let seen = 0;
    for (let outcome = guest.run(10_000); outcome.kind !== 'halted'; outcome = guest.run(10_000)) {
      if (outcome.kind !== 'exception') continue;
      assert.equal(outcome.fault.vector, PF);
      assert.equal(guest.u32(AT.data), seen++);
      guest.executor.passOver();
    }
    assert.equal(seen, 2 * TURNS);
  });

  it('wait for a run that ends at a delivery, and for a breakpoint on their handler', () => {
    const guest = pagedGuest(true);
    for (let delivered = 0; delivered < 3; delivered++) {
      assert.equal(guest.executor.run(10_000, true).kind, 'delivered');
      assert.deepEqual([guest.state.eip, guest.u32(AT.data)], [HANDLER, delivered]);
    }
    const stopped = pagedGuest(true);
    stopped.executor.setBreakpoints(new Set([HANDLER]));
    assert.deepEqual(stopped.run(10_000), { kind: 'breakpoint', linear: HANDLER });
    const watched = pagedGuest(true);
    let behind = 0;
    watched.executor.decisions = { ...STOP_ALWAYS, behind: () => { behind++; return false; } };
    watched.executor.watchEvents({ ...NO_EVENTS, state: true });
    watched.runToHalt(100 * TURNS);
    assert.ok(behind >= 2 * TURNS, `${behind} looks between instructions`);
  });

  it('go through a gate that leaves interrupts on, and one that comes up there is taken', () => {
    const guest = pagedGuest(false, 'translator', TRAP_GATE);
    const vector = 0x21;
    guest.put(handlerOf(vector), code([0xff, 0x05], le32(AT.data + 8), IRET));
    guest.put(AT.code, code([0xe6, 0xf8], program([HLT])));
    guest.state.flags = 0x202;
    guest.onWrite = () => guest.interrupt(vector);
    guest.runToHalt(100 * TURNS);
    assert.deepEqual([guest.u32(AT.data), guest.u32(AT.data + 8)], [2 * TURNS, 1]);
  });

  it('end a machine whose handlers cannot be reached with the retired count of that moment', () => {
    const ends = [1, 1000].map((burst) => {
      const guest = pagedGuest(true);
      for (const vector of [8, 11, 13, PF]) setGate(guest, vector, gate(SEL.code0, 0, 0));
      assert.throws(() => { for (let i = 0; i < 100; i++) guest.run(burst); }, TripleFault);
      return [guest.state.f64(L.RETIRED), guest.state.eip, guest.state.u32(L.CR2)];
    });
    assert.deepEqual(ends[0], ends[1]);
  });
});
