// The panel Descriptor Tables without a page: its lines, marks, filter and folding, and the keyboard's way.
import assert from 'node:assert/strict';
import { toWire } from '../../debugger/codec';
import { DESCRIPTORS, fromKept, headKey, INITIAL, LINE, listOf, reduce, selectedLine, toKeep, type Act, type Movement, type State } from '../../webviews/descriptors/state';
import { heard, NOTHING_ASKED, type Inquiries } from '../../webviews/ui/inquiries';
import { AT, descriptor, gate, HLT, PRESENT, protectedGuest, SEL, setDescriptor, type Guest } from '../monitor/cpu/guest';
import { tablesOf } from '../monitor/inspection/tables';
import { answeredWith, stoppedWith } from './answered';

/** A kernel's tables, with a gate for vector 41h and nothing behind it. */
function kernel(): Guest {
  const guest = protectedGuest([HLT]);
  guest.put(AT.idt + 8 * 0x41, gate(SEL.data0, 0x1000, PRESENT | 0xf));
  guest.put(AT.idt + 8 * 0x42, new Array<number>(8 * (0x100 - 0x42)).fill(0));
  return guest;
}

const answer = (guest: Guest) => (): unknown => ({ tables: toWire(tablesOf(guest)), names: { [`0x${(AT.handlers + 0xe0).toString(16)}`]: 'page_fault' } });
const stopped = (guest: Guest, before?: Inquiries) => stoppedWith([DESCRIPTORS], answer(guest), before);

const STOPPED = stopped(kernel());
const after = (inquiries: Inquiries, ...acts: Act[]): State => acts.reduce((state, act) => reduce(state, act, inquiries), INITIAL);
const lines = (state = INITIAL, inquiries = STOPPED) => listOf(state, inquiries)?.lines ?? [];
const keys = (state = INITIAL, inquiries = STOPPED) => lines(state, inquiries).map(({ key }) => key);
const move = (...to: Movement[]): Act[] => to.map((each) => ({ type: 'move', to: each }));
/** The line that the keyboard is at. */
function here(state: State, inquiries = STOPPED): string | undefined {
  const list = listOf(state, inquiries);
  return list && selectedLine(state, list)?.key;
}

describe('descriptors: lines', () => {
  it('are none before the machine has answered', () => {
    assert.equal(listOf(INITIAL, NOTHING_ASKED), undefined);
    assert.equal(reduce(INITIAL, { type: 'move', to: 'down' }, NOTHING_ASKED), INITIAL);
  });

  it('are the tables, each with its head, empty neighbours in one line', () => {
    assert.deepEqual(keys().filter((key) => key.startsWith('head:')), ['head:loaded', 'head:gdt', 'head:tasks', 'head:idt']);
    assert.ok(keys().includes('idt:65'));
    assert.deepEqual(keys().filter((key) => /^idt:(6[6-9]|[7-9]\d|\d{3})/.test(key)).length, 1, '42h to FFh');
  });

  it('are found by name, type, place and symbol, in folded tables, too', () => {
    const found = after(STOPPED, { type: 'fold', group: 'idt' }, { type: 'filter', text: 'PAGE_fault' });
    assert.deepEqual(keys(found), [headKey('idt'), 'idt:14']);
    assert.deepEqual(keys(after(STOPPED, { type: 'filter', text: 'code 32-bit readable' })).filter((key) => key.startsWith('gdt:')), ['gdt:1', 'gdt:3'], 'all words, in any order');
    assert.deepEqual(keys(after(STOPPED, { type: 'filter', text: 'no such entry' })), []);
  });

  it('are marked where they have changed since the stop before, and nothing at the first', () => {
    const marked = (inquiries: Inquiries) => lines(INITIAL, inquiries).flatMap((line) => (line.kind === 'row' && line.changed ? [line.key] : []));
    assert.deepEqual(marked(STOPPED), []);
    const guest = kernel();
    setDescriptor(guest, SEL.free, descriptor(0x5000, 0xfff, PRESENT | 0x12));
    const next = stopped(guest, STOPPED);
    assert.ok(!marked(next).includes('gdt:1'));
    setDescriptor(guest, SEL.code3 & ~7, descriptor(0x7000, 0xfff, PRESENT | 0x12));
    assert.deepEqual(marked(stopped(guest, next)), ['gdt:3']);
  });

  it('are the very same while an answer says nothing new', () => {
    const before = listOf(INITIAL, STOPPED);
    assert.ok(before);
    const asked = answeredWith([DESCRIPTORS], answer(kernel()), { ...heard(STOPPED, { event: 'shadowbox.changed' }), epoch: STOPPED.epoch + 1 });
    assert.ok(asked.epoch > STOPPED.epoch && asked !== STOPPED);
    assert.equal(listOf(INITIAL, asked), before);
  });
});

describe('descriptors: the keyboard', () => {
  it('goes from line to line and by pages, and not beyond the ends', () => {
    assert.equal(here(INITIAL), headKey('loaded'));
    assert.equal(here(after(STOPPED, ...move('up'))), headKey('loaded'));
    assert.equal(here(after(STOPPED, ...move('down'))), keys()[1]);
    assert.equal(here(after(STOPPED, ...move('end', 'down'))), keys().at(-1));
    assert.equal(here(after(STOPPED, ...move('end', 'home'))), keys()[0]);
    const small: Act = { type: 'scrolled', top: 0, height: 5 * LINE };
    assert.equal(here(after(STOPPED, small, ...move('pageDown'))), keys()[4]);
    assert.equal(here(after(STOPPED, small, ...move('pageDown', 'pageDown', 'pageUp'))), keys()[4]);
  });

  it('keeps its line in view, and tells the page to scroll once', () => {
    const state = after(STOPPED, { type: 'scrolled', top: 0, height: 5 * LINE }, ...move('end'));
    assert.equal(state.scroll.top, (keys().length - 5) * LINE);
    assert.equal(state.scroll.serial, 1);
    assert.equal(reduce(state, { type: 'move', to: 'up' }, STOPPED).scroll.serial, 1, 'that line is in view');
  });

  it('goes to the table\'s head, which folds and unfolds', () => {
    const head = after(STOPPED, { type: 'select', key: 'gdt:3' }, ...move('left'));
    assert.equal(here(head), headKey('gdt'));
    const folded = reduce(head, { type: 'move', to: 'left' }, STOPPED);
    assert.ok(!keys(folded).includes('gdt:1'));
    assert.equal(here(folded), headKey('gdt'));
    assert.equal(reduce(folded, { type: 'move', to: 'left' }, STOPPED), folded);
    assert.ok(keys(reduce(folded, { type: 'move', to: 'right' }, STOPPED)).includes('gdt:1'));
    assert.equal(here(after(STOPPED, { type: 'fold', group: 'idt' })), headKey('idt'), 'by mouse, too');
  });

  it('goes back to the beginning for a filter', () => {
    const state = after(STOPPED, { type: 'scrolled', top: 300, height: 5 * LINE }, { type: 'filter', text: 'idt' });
    assert.deepEqual([state.viewport.top, state.scroll], [0, { top: 0, serial: 1 }]);
  });
});

describe('descriptors: over a reload', () => {
  it('is what was set up, without rubbish', () => {
    const state = after(STOPPED, { type: 'fold', group: 'idt' }, { type: 'select', key: 'gdt:1' });
    assert.deepEqual(fromKept(JSON.parse(JSON.stringify(toKeep(state)))), state);
    assert.deepEqual(fromKept({ filter: 1, folded: 'idt', selected: {} }), INITIAL);
  });
});
