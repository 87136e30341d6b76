/**
 * Accesses that translated code looks up together: the same state as the interpreter's, at any count, where they lie in two pages, fault,
 * are written beside code, and after the tables have changed. In 32-bit and in 64-bit code.
 */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { ENGINES, type EngineSettings } from '../../../src/monitor/engine/engineSettings';
import { AT, code, handlerOf, le32, protectedGuest, type Guest } from '../cpu/guest';
import { AT as LONG_AT, handlerOf as longHandlerOf, longGuest } from '../cpu/system/longGuest';

const SOON: EngineSettings = { ...ENGINES.translator, heat: 40 };
const PAGE = 4096;
/** The page behind the first one of data: what becomes of it, each test says. */
const SECOND = AT.data + PAGE;
/** Where the structure begins; by steps of 104 bytes it gets from one page into the other at once. */
const START = SECOND - 0x200;
/** A table of pages of 4 KiB, and the second page's entry of 4 and of 8 bytes. */
const ENTRIES = 0x108000;
const entryOf = (wide: boolean): number => ENTRIES + (wide ? 8 : 4) * (SECOND / PAGE);
/** Page faults so far, and CR2, error code and instruction pointer of the last one. */
const LOG = AT.data - 0x100;
const HANDLER = AT.handlers + 0x1800;
const PRESENT = 1, WRITABLE = 3;

/** An instruction of all of a register, and one on memory at an address, with a register or a further opcode. */
const full = (wide: boolean, ...bytes: readonly number[]): readonly number[] => (wide ? [0x48, ...bytes] : bytes);
const absolute = (wide: boolean, opcode: readonly number[], extension: number, address: number): readonly number[] =>
  code(opcode, wide ? [0x04 | (extension << 3), 0x25] : [0x05 | (extension << 3)], le32(address));
const setEntry = (wide: boolean, entry: number): readonly number[] =>
  code(absolute(wide, [0xc7], 0, entryOf(wide)), le32(entry), absolute(wide, [0x0f, 0x01], 7, SECOND)); // MOV [entry], ...; INVLPG [second]

/** What is run: in which code, how far the structure moves each turn, and whether it is written before the conditional way, too. */
interface Course {
  readonly wide: boolean;
  readonly stride: number;
  readonly early: boolean;
  /** The second page's entry at the beginning of each round of turns. */
  readonly entry: number;
}

/** Fields of a structure at EBX, the stack, a conditional way, and the structure moved through two pages. */
function program({ wide, stride, early, entry }: Course): readonly number[] {
  const way = code(full(wide, 0x89, 0x4b, 0x10), full(wide, 0x03, 0x6b, 0x50)); // MOV [EBX+10h], ECX; ADD EBP, [EBX+50h]
  const body = code(
    full(wide, 0x8b, 0x03), // MOV EAX, [EBX]
    full(wide, early ? 0x01 : 0x03, 0x43, 0x08), // ADD [EBX+8], EAX, or ADD EAX, [EBX+8]
    [0x50, 0x51, 0x57], // PUSH EAX, ECX, EDI
    [0x66, 0x8b, 0x53, 0x3e], // MOV DX, [EBX+3Eh]
    [0xf6, 0xc1, 0x08, 0x74, way.length], // TEST CL, 8; JZ over
    way,
    [0x5f, 0x5e], full(wide, 0x8b, 0x34, 0x24), [0x58], // over: POP EDI, ESI; MOV ESI, [ESP]; POP EAX
    full(wide, 0x8b, 0x53, 0x04), full(wide, 0x01, 0x53, 0x0c), // MOV EDX, [EBX+4]; ADD [EBX+0Ch], EDX
    full(wide, 0x8d, 0x73, 0x20), full(wide, 0x89, 0x0e), // LEA ESI, [EBX+20h]; MOV [ESI], ECX
    [0x88, 0x4e, 0xfc], // MOV [ESI-4], CL
    full(wide, 0x83, 0xc3, stride), full(wide, 0xff, 0xc1), // ADD EBX, stride; INC ECX
    full(wide, 0x81, 0xfb), le32(SECOND + 0x100), // CMP EBX, end
  );
  const again = code(
    [0xbb], le32(START), setEntry(wide, entry), // MOV EBX, start
    // What may be read is in the TLB for reading.
    entry & PRESENT ? absolute(wide, [0x8b], 0, SECOND + 0x80) : [],
  );
  return code(body, [0x72, -(body.length + 2) & 0xff], again, 0xe9, le32(-(body.length + 2 + again.length + 5)));
}

/** Notes the fault, and lets the page in. */
function onFault(wide: boolean): readonly number[] {
  const word = wide ? 8 : 4;
  return code(
    0x50, absolute(wide, [0xff], 0, LOG), // PUSH EAX; INC [log]
    [0x0f, 0x20, 0xd0], absolute(wide, [0x89], 0, LOG + 4), // MOV EAX, CR2; MOV [log+4], EAX
    full(wide, 0x8b, 0x44, 0x24, word), absolute(wide, [0x89], 0, LOG + 8), // MOV EAX, [ESP+4]; MOV [log+8], EAX
    full(wide, 0x8b, 0x44, 0x24, 2 * word), absolute(wide, [0x89], 0, LOG + 12), // MOV EAX, [ESP+8]; MOV [log+12], EAX
    setEntry(wide, SECOND | WRITABLE),
    0x58, full(wide, 0x83, 0xc4, word), full(wide, 0xcf), // POP EAX; ADD ESP, 4; IRET
  );
}

/** Memory in pages of 4 KiB, read-only for the supervisor, too, where it is read-only. */
function guestOn(engine: EngineSettings, course: Course): Guest {
  const { wide } = course;
  const guest = wide ? longGuest(program(course), { engine, cr0: 0x10000 }) : protectedGuest(program(course), engine);
  const [directory, bytes] = wide ? [LONG_AT.directory, 8] : [AT.tables, 4];
  guest.put32(directory, ENTRIES | WRITABLE);
  for (let page = 0; page < 512; page++) guest.put32(ENTRIES + bytes * page, (page * PAGE) | WRITABLE);
  guest.put32(entryOf(wide), course.entry);
  const first = wide ? longHandlerOf(14) : handlerOf(14);
  guest.put(first, [0xe9, ...le32(HANDLER - first - 5)]);
  guest.put(HANDLER, onFault(wide));
  if (!wide) {
    guest.state.setWide(L.CR3, AT.tables);
    guest.state.setU32(L.CR0, 0x80010011);
  }
  guest.cpu.updatePaging();
  guest.state.setReg(L.RBX, START);
  // A stack that grows over a page's beginning.
  guest.state.setReg(L.RSP, AT.stack0 - PAGE + 4);
  return guest;
}

function snapshot(guest: Guest): string {
  const s = guest.state;
  const registers = Array.from({ length: 8 }, (_, i) => s.reg64(i).toString(16));
  const log = Array.from({ length: 4 }, (_, i) => guest.u32(LOG + 4 * i).toString(16));
  return [...registers, s.eip.toString(16), s.flags.toString(16), s.f64(L.RETIRED), ...log].join(' ');
}

const memory = (guest: Guest): Buffer => Buffer.from(guest.map.copyOut(AT.data - PAGE, 3 * PAGE));

for (const wide of [false, true]) {
  describe(`accesses that are looked up together in ${wide ? 64 : 32}-bit code`, function () {
    this.timeout(60_000);

    function compare(stride: number, entry: number, early: boolean, between: (guest: Guest, round: number) => void = () => undefined): Guest {
      const [translated, interpreted] = [SOON, ENGINES.interpreter].map((engine) => guestOn(engine, { wide, stride, entry, early }));
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
      // INC EDX and a jump back, in the first page: taken now and then, and overwritten by the loop.
      const routine = AT.data + 0xf20;
      const increment = wide ? [0xff, 0xc2] : [0x42];
      compare(12, SECOND | WRITABLE, true, (guest, round) => {
        if (round % 7 !== 0) return;
        const { eip } = guest.state;
        guest.put(routine, [...increment, 0xe9, ...le32(eip - (routine + increment.length + 5))]);
        guest.state.eip = routine;
      });
    });

    it('are looked up for themselves where they are hardly ever in one page', () => {
      // The structure stays where two pages meet; none of its fields lies in both.
      const [translated, interpreted] = [SOON, ENGINES.interpreter].map((engine) => guestOn(engine, { wide, stride: 0, entry: SECOND | WRITABLE, early: true }));
      assert.ok(translated && interpreted);
      for (const guest of [translated, interpreted]) {
        guest.state.setReg(L.RBX, SECOND - 0x18);
        guest.state.setReg(L.RSP, AT.stack0 - PAGE / 2);
        for (let round = 0; round < 3000; round++) guest.run(1000);
      }
      assert.equal(snapshot(translated), snapshot(interpreted));
      const { apart } = translated.executor.translator.counters;
      assert.ok(apart > 0);
      // It does not leave its region any more.
      for (let round = 0; round < 500; round++) translated.run(1000);
      assert.equal(translated.executor.translator.counters.apart, apart);
    });
  });
}
