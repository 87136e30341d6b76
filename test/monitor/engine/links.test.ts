/** Links from region to region: the way they lead stays right when code is written to, mapped elsewhere, or seen from another address space; and their cells. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { ENGINES, type EngineSettings } from '../../../src/monitor/engine/engineSettings';
import { RegionLinks } from '../../../src/monitor/engine/regionLinks';
import { LINK_CELL_BYTES, LINK_CELL_COUNT, LINK_CELLS } from '../../../src/monitor/memory/layout';
import { AT, code, le32, type Guest } from '../cpu/guest';
import { DIRECTORY, FIRST, FUNCTION, OTHER_DIRECTORY, SECOND, TABLE, entryOf, guestOfTwoSpaces } from './twoSpaces';

/** Hot soon, so that short programs are translated. */
const SOON: EngineSettings = { ...ENGINES.translator, heat: 40 };
/** More than a region takes in: INC EDX. */
const MUCH = new Array<number>(200).fill(0x42);
/** MOV EBX, value; much; RET. */
const gives = (value: number): readonly number[] => code(0xbb, le32(value), MUCH, 0xc3);
const INVLPG = [0x0f, 0x01, 0x3d];
/** XOR DWORD [address], value. */
const toggle = (address: number, value: number): readonly number[] => code([0x81, 0x35], le32(address), le32(value));

/** again: CALL FUNCTION; ADD ESI, EBX; INC ECX; TEST CL, 3Fh; JNZ again; `change`; JMP again. Of 64 calls one follows a change. */
function loopWith(change: readonly number[]): readonly number[] {
  const turn = code(0xe8, le32(FUNCTION - AT.code - 5), [0x01, 0xde, 0x41, 0xf6, 0xc1, 0x3f]);
  const whole = code(turn, 0x75, 256 - turn.length - 2, change);
  return code(whole, 0xe9, le32(-whole.length - 5));
}

const seen = ({ state }: Guest): string => [...[0, 1, 2, 3, 4, 5, 6, 7].map((register) => state.reg(register).toString(16)), state.eip.toString(16), state.flags.toString(16)].join(' ');

/** Runs so many instructions: a run may come back before that. */
function runAll(guest: Guest, count: number): void {
  const end = guest.state.f64(L.RETIRED) + count;
  for (let left = count; left > 0; left = end - guest.state.f64(L.RETIRED)) guest.run(left);
}

/** Runs a loop with the translator, and with the interpreter beside it, by odd counts. */
function compare(program: readonly number[], prepare: (guest: Guest) => void = () => undefined): Guest {
  const [translated, interpreted] = [SOON, ENGINES.interpreter].map((settings) => guestOfTwoSpaces(program, [gives(1), gives(1000)], settings));
  assert.ok(translated && interpreted);
  prepare(translated);
  for (let round = 0; round < 300; round++) {
    const count = 1 + ((round * 7919) % 4999);
    runAll(translated, count);
    runAll(interpreted, count);
    assert.equal(seen(translated), seen(interpreted), `round ${round}`);
  }
  assert.ok(translated.executor.translator.counters.regions > 0);
  return translated;
}

/** Links that lead to regions now. */
const open = ({ state: { view } }: Guest): number => Array.from({ length: 64 }, (_, i) => view.getInt32(LINK_CELLS + i * LINK_CELL_BYTES, true)).filter((count) => count > 0 && count <= 64).length;

describe('links between regions', () => {
  it('lead to a function in another page', () => {
    assert.ok(open(compare(loopWith([]))) > 0);
  });

  it('lead to the frame that the page table names now', () => {
    compare(loopWith(code(toggle(entryOf(TABLE, FUNCTION), FIRST ^ SECOND), INVLPG, le32(FUNCTION))));
  });

  it('lead to what was written there', () => {
    compare(loopWith(toggle(FIRST + 1, 0x55)));
  });

  it('lead to what was written there by another address, in the function\'s middle', () => {
    // INC EDX and DEC EDX.
    compare(loopWith(toggle(FUNCTION + 100, 0x42 ^ 0x4a)));
  });

  it('lead to each address space\'s own page', () => {
    // MOV EAX, CR3; XOR EAX, both; MOV CR3, EAX.
    compare(loopWith(code([0x0f, 0x20, 0xd8, 0x35], le32(DIRECTORY ^ OTHER_DIRECTORY), [0x0f, 0x22, 0xd8])));
  });

  it('are not needed where no cells are left', () => {
    const guest = compare(loopWith([]), ({ executor: { code: { links } } }) => { links.reserve(LINK_CELL_COUNT); });
    assert.equal(open(guest), 0);
  });
});

describe('cells of links', () => {
  const view = new DataView(new SharedArrayBuffer(LINK_CELLS + LINK_CELL_COUNT * LINK_CELL_BYTES));
  const cell = (at: number): number => view.getInt32(at, true);
  /** A function of WebAssembly: (module (func (export "f"))). */
  const translated = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 4, 1, 2, 0, 11))).exports['f'];
  const table = (entries: number): WebAssembly.Table => new WebAssembly.Table({ initial: entries, maximum: entries, element: 'anyfunc' });

  it('say how much of the budget a region takes that is there before or comes later, and more than any when it goes', () => {
    assert.ok(typeof translated === 'function');
    const links = new RegionLinks(view);
    const cells = links.reserve(2) ?? assert.fail('there are cells');
    const module = { cells, slots: [0x1000, 0x2000], table: table(2) };
    links.lead(0x1000, translated, 5);
    links.open(module);
    assert.equal(cell(cells), 5);
    assert.equal(module.table.get(0), translated);
    assert.ok(cell(cells + LINK_CELL_BYTES) > 2 ** 30);
    assert.equal(module.table.get(1), null);
    links.lead(0x2000, translated, 7);
    assert.equal(cell(cells + LINK_CELL_BYTES), 7);
    links.mislead(0x1000);
    assert.ok(cell(cells) > 2 ** 30);
    assert.equal(module.table.get(0), null);
    links.close(module);
    links.mislead(0x2000);
    assert.equal(module.table.get(1), translated, 'nobody knows it any more');
  });

  it('are used again, and are no more than there is room for', () => {
    const links = new RegionLinks(view);
    const runs = [100, 200, LINK_CELL_COUNT - 300].map((count) => ({ count, first: links.reserve(count) ?? assert.fail('there are cells') }));
    assert.equal(links.reserve(1), undefined);
    for (const { first, count } of [runs[1], runs[0]].filter((run) => run !== undefined)) links.release(first, count);
    assert.equal(links.reserve(300), runs[0]?.first);
    assert.equal(links.reserve(1), undefined);
  });
});
