/**
 * Accesses that translated code looks up together: the same state as the interpreter's, at any count, where they lie in two pages, fault,
 * are written beside code, and after the tables have changed.
 */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { ENGINES, type EngineSettings } from '../../../src/monitor/engine/engineSettings';
import { AT, code, handlerOf, le32, loadEax, protectedGuest, type Guest } from '../cpu/guest';

const SOON: EngineSettings = { ...ENGINES.translator, heat: 40 };
const PAGE = 4096;
/** The page behind the first one of data: what becomes of it, each test says. */
const SECOND = AT.data + PAGE;
/** Where the structure begins; by steps of 104 bytes it gets from one page into the other at once. */
const START = SECOND - 0x200;
const ENTRIES = AT.tables + PAGE;
const SECOND_ENTRY = ENTRIES + 4 * (SECOND / PAGE);
/** Page faults so far, and CR2, error code and EIP of the last one. */
const LOG = AT.data - 0x100;
const PRESENT = 1, WRITABLE = 3;

/**
 * Fields of a structure at EBX, the stack, a conditional way, EBX on by a stride through two pages, and at the end of those the
 * second page's entry put back to what `rest` says. `early`: the structure is written before the conditional way, too.
 */
function program(stride: number, rest: number, early: boolean): readonly number[] {
  const body = code(
    [0x8b, 0x03], // MOV EAX, [EBX]
    [early ? 0x01 : 0x03, 0x43, 0x08], // ADD [EBX+8], EAX, or ADD EAX, [EBX+8]
    [0x50, 0x51, 0x57], // PUSH EAX, ECX, EDI
    [0x66, 0x8b, 0x53, 0x3e], // MOV DX, [EBX+3Eh]
    [0xf6, 0xc1, 0x08, 0x74, 0x06], // TEST CL, 8; JZ over
    [0x89, 0x4b, 0x10], // MOV [EBX+10h], ECX
    [0x03, 0x6b, 0x50], // ADD EBP, [EBX+50h]
    [0x5f, 0x5e, 0x8b, 0x34, 0x24, 0x58], // over: POP EDI, ESI; MOV ESI, [ESP]; POP EAX
    [0x8b, 0x53, 0x04, 0x01, 0x53, 0x0c], // MOV EDX, [EBX+4]; ADD [EBX+0Ch], EDX
    [0x8d, 0x73, 0x20, 0x89, 0x0e], // LEA ESI, [EBX+20h]; MOV [ESI], ECX
    [0x88, 0x4e, 0xfc], // MOV [ESI-4], CL
    [0x83, 0xc3, stride, 0x41], // ADD EBX, stride; INC ECX
    [0x81, 0xfb], le32(SECOND + 0x100), // CMP EBX, end
  );
  const again = code([0xbb], le32(START), [0xc7, 0x05], le32(SECOND_ENTRY), le32(rest), [0x0f, 0x01, 0x3d], le32(SECOND), // MOV EBX, start; MOV [entry], rest; INVLPG [second]
    rest & PRESENT ? loadEax(SECOND + 0x80) : []); // What may be read is in the TLB for reading.
  const back = -(body.length + 2);
  return code(body, [0x72, back & 0xff], again, [0xe9], le32(-(body.length + 2 + again.length + 5)));
}

/** Notes the fault, and lets the page in. */
const ON_FAULT = code(
  [0x50, 0xff, 0x05], le32(LOG), // PUSH EAX; INC [log]
  [0x0f, 0x20, 0xd0, 0xa3], le32(LOG + 4), // MOV EAX, CR2; MOV [log+4], EAX
  [0x8b, 0x44, 0x24, 0x04, 0xa3], le32(LOG + 8), // MOV EAX, [ESP+4]; MOV [log+8], EAX
  [0x8b, 0x44, 0x24, 0x08, 0xa3], le32(LOG + 12), // MOV EAX, [ESP+8]; MOV [log+12], EAX
  [0xc7, 0x05], le32(SECOND_ENTRY), le32(SECOND | WRITABLE), [0x0f, 0x01, 0x3d], le32(SECOND), // MOV [entry], second; INVLPG [second]
  [0x58, 0x83, 0xc4, 0x04, 0xcf], // POP EAX; ADD ESP, 4; IRET
);

function pagedGuest(settings: EngineSettings, stride: number, rest: number, early: boolean): Guest {
  const guest = protectedGuest(program(stride, rest, early), settings);
  guest.put32(AT.tables, ENTRIES | WRITABLE);
  for (let page = 0; page < 1024; page++) guest.put32(ENTRIES + 4 * page, (page * PAGE) | WRITABLE);
  guest.put(handlerOf(14), [0xe9, ...le32(AT.handlers + 0x1800 - handlerOf(14) - 5)]);
  guest.put(AT.handlers + 0x1800, ON_FAULT);
  guest.state.setWide(L.CR3, AT.tables);
  guest.state.setU32(L.CR0, 0x80010011);
  guest.cpu.updatePaging();
  guest.put32(SECOND_ENTRY, rest);
  guest.state.setReg(L.RBX, START);
  // A stack that grows over a page's beginning.
  guest.state.setReg(L.RSP, AT.stack0 - PAGE + 4);
  return guest;
}

function snapshot(guest: Guest): string {
  const s = guest.state;
  const registers = Array.from({ length: 8 }, (_, i) => s.reg(i).toString(16));
  const log = Array.from({ length: 4 }, (_, i) => guest.u32(LOG + 4 * i).toString(16));
  return [...registers, s.eip.toString(16), s.flags.toString(16), s.f64(L.RETIRED), ...log].join(' ');
}

const memory = (guest: Guest): Buffer => Buffer.from(guest.map.copyOut(AT.data - PAGE, 3 * PAGE));

describe('accesses that are looked up together', function () {
  this.timeout(60_000);

  function compare(stride: number, rest: number, early: boolean, between: (guest: Guest, round: number) => void = () => undefined): Guest {
    const [translated, interpreted] = [SOON, ENGINES.interpreter].map((settings) => pagedGuest(settings, stride, rest, early));
    assert.ok(translated && interpreted);
    for (let round = 0; round < 300; round++) {
      const count = 1 + ((round * 337) % 1391);
      for (const guest of [translated, interpreted]) {
        between(guest, round);
        guest.run(count);
      }
      assert.equal(snapshot(translated), snapshot(interpreted), `stride ${stride}, round ${round}`);
    }
    assert.ok(memory(translated).equals(memory(interpreted)));
    assert.ok(translated.executor.translator.counters.regions > 0, 'nothing was translated');
    return translated;
  }

  it('go on in the next page', () => {
    for (const stride of [4, 12, 36, 100]) compare(stride, SECOND | WRITABLE, true);
  });

  it('fault where the first byte that is not there is', () => {
    for (const stride of [4, 12, 36, 104]) {
      const guest = compare(stride, 0, false);
      assert.ok(guest.u32(LOG) > 5, 'no faults');
    }
  });

  it('fault where the first byte that is not to be written is, and have read before', () => {
    for (const [stride, early] of [[4, true], [36, false], [104, true], [104, false]] as const) {
      const guest = compare(stride, SECOND | PRESENT, early);
      assert.ok(guest.u32(LOG) > 5, 'no faults');
      assert.equal(guest.u32(LOG + 8), 3, 'a write to a page that is there');
    }
  });

  it('are written beside code, and to it', () => {
    // INC EDX; RET in the first page: called now and then, and overwritten by the loop.
    const routine = AT.data + 0x7f0;
    compare(12, SECOND | WRITABLE, true, (guest, round) => {
      if (round % 7 !== 0) return;
      const { eip } = guest.state;
      guest.put(routine, [0x42, 0xe9, ...le32(eip - (routine + 6))]);
      guest.state.eip = routine;
    });
  });

  it('are looked up for themselves where they are hardly ever in one page', () => {
    // The structure stays where two pages meet.
    const settings = [SOON, ENGINES.interpreter];
    const [translated, interpreted] = settings.map((engine) => pagedGuest(engine, 0, SECOND | WRITABLE, true));
    assert.ok(translated && interpreted);
    for (const guest of [translated, interpreted]) {
      guest.state.setReg(L.RBX, SECOND - 4);
      for (let round = 0; round < 200; round++) guest.run(1000);
    }
    assert.equal(snapshot(translated), snapshot(interpreted));
    assert.ok(translated.executor.translator.counters.apart > 0);
    // It does not leave its region any more: nothing asks the monitor, and nothing is set apart.
    const { apart } = translated.executor.translator.counters;
    translated.run(200_000);
    assert.equal(translated.executor.translator.counters.apart, apart);
  });
});
