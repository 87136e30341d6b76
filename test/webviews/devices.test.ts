/** The Devices panel without a page: rows, filter, pins, keys, changes, what may be written; the pictures' words. */
import assert from 'node:assert/strict';
import { eventsView, spanText } from '../../webviews/devices/eventsView';
import { interruptsView } from '../../webviews/devices/interruptsView';
import { changedValues, DEVICES, parseValue, registersOf, withField, writingOf, type Device } from '../../webviews/devices/model';
import { pciFunctions } from '../../webviews/devices/pciView';
import { rowsOf } from '../../webviews/devices/rows';
import { begin, BLANK, keep, reduce, shownRows, writeOrder, type DevicesAct, type DevicesState } from '../../webviews/devices/state';
import { questions, view } from '../../webviews/devices/view';
import { due, heard, NOTHING_ASKED, sent, type Inquiries } from '../../webviews/ui/inquiries';
import { devicesWith, EVENTS_AHEAD, INTERRUPT_PICTURE } from './devicesModel';
import { elements, textOf } from './drive';

/** Inquiries in which all that is due has been answered. */
function answered(inquiries: Inquiries, devices: readonly Device[]): Inquiries {
  const wanted = due(inquiries, [DEVICES]);
  const first = inquiries.nextId;
  const under = wanted.reduce((state, { request }, i) => heard(state, {
    id: first + i, body: request === 'shadowbox.devices' ? { devices } : { running: false },
  }), sent(inquiries, wanted));
  return due(under, [DEVICES]).length === 0 ? under : answered(under, devices);
}

const STOPPED = answered(heard(NOTHING_ASKED, { event: 'stopped' }), devicesWith());
const after = (...acts: DevicesAct[]): DevicesState => acts.reduce((state, act) => reduce(state, act, STOPPED), BLANK);
const keys = (state: DevicesState) => shownRows(state, STOPPED).map(({ key }) => key);
const TCW = 'pit/counters/TCW';

describe('devices: rows', () => {
  it('are the devices, then what is open of them, the raw state last', () => {
    assert.deepEqual(keys(BLANK), ['pit', 'pci', 'exit']);
    assert.deepEqual(keys(after({ type: 'toggle', key: 'pit' }, { type: 'toggle', key: 'pit/counters' })), ['pit', 'pit/counters', 'pit/counters/CNT0', TCW, 'pit/#state', 'pci', 'exit']);
    assert.deepEqual(keys(after({ type: 'open-all', key: 'pit' }, { type: 'toggle', key: TCW })).slice(0, 7), ['pit', 'pit/counters', 'pit/counters/CNT0', TCW, `${TCW}/0`, `${TCW}/1`, `${TCW}/4`]);
    const lines = shownRows(after({ type: 'toggle', key: 'pit' }, { type: 'toggle', key: 'pit/#state' }), STOPPED).flatMap((row) => (row.kind === 'line' ? [row.text] : []));
    assert.deepEqual(lines, ['counters = [1, 2, 3]', 'latch.full = false']);
  });

  it('are those that a filter finds, with what they are in', () => {
    assert.deepEqual(keys(after({ type: 'filter', text: 'RATE gen' })), ['pit', 'pit/counters', TCW]);
    assert.deepEqual(keys(after({ type: 'filter', text: 'master the bus' })), ['pci', 'pci/configuration 3.0', 'pci/configuration 3.0/PCICMD']);
    assert.deepEqual(keys(after({ type: 'filter', text: 'no such thing' })), []);
    assert.deepEqual(keys(after({ type: 'filter', text: 'interval' })), ['pit'], 'a device by its title, closed');
  });

  it('begin with what is pinned', () => {
    const state = after({ type: 'pin', key: TCW });
    assert.deepEqual(keys(state), ['heading-pins', `pinned:${TCW}`, 'heading-all', 'pit', 'pci', 'exit']);
    assert.deepEqual(keys(reduce(state, { type: 'pin', key: TCW }, STOPPED)), ['pit', 'pci', 'exit']);
    assert.deepEqual(rowsOf([], { open: new Set(), pins: [TCW], filter: '' }), [], 'a device that is not there is not shown');
  });

  it('are gone through by keys, as in any tree', () => {
    const press = (...moves: Extract<DevicesAct, { type: 'move' }>['move'][]) => after(...moves.map((move) => ({ type: 'move', move }) as const)).selected;
    assert.equal(press('down'), 'pit');
    assert.equal(press('down', 'in', 'in'), 'pit/counters');
    assert.equal(press('down', 'in', 'in', 'in', 'in', 'down'), TCW);
    assert.equal(press('down', 'in', 'in', 'in', 'in', 'down', 'out'), 'pit/counters');
    assert.equal(press('last'), 'exit');
    assert.equal(press('last', 'first', 'up'), 'pit');
  });

  it('are kept over a reload: what is open, pins, tab, filter', () => {
    const state = after({ type: 'toggle', key: 'pit' }, { type: 'pin', key: TCW }, { type: 'tab', tab: 'pci' }, { type: 'filter', text: 'x' });
    const again = begin(JSON.parse(JSON.stringify(keep(state))));
    assert.deepEqual([[...again.open], again.pins, again.tab, again.filter], [['pit'], [TCW], 'pci', 'x']);
    assert.deepEqual(begin({ open: 7, pins: [1, 'a'], tab: 'nonsense' }), { ...BLANK, pins: ['a'] });
  });
});

describe('devices: changes', () => {
  it('are marked against the stop before, with the value that was', () => {
    assert.equal(changedValues(STOPPED).size, 0);
    const next = answered(heard(STOPPED, { event: 'stopped' }), devicesWith(0x36));
    assert.deepEqual([...changedValues(next)], [[TCW, 0x34]]);
    const state = after({ type: 'open-all', key: 'pit' });
    const row = elements(view(state, next)).find(({ attributes }) => attributes['data-register'] === TCW);
    assert.match(row?.attributes.class ?? '', /\bchanged\b/);
    assert.ok(elements(row === undefined ? [] : [row]).some(({ attributes }) => attributes['aria-label'] === '0x36, was 0x34'));
    const later = answered(heard(next, { event: 'stopped' }), devicesWith(0x36));
    assert.equal(changedValues(later).size, 0, 'not changed since the last stop');
  });
});

describe('devices: writing', () => {
  const placeOf = (key: string) => {
    const place = registersOf(devicesWith()).get(key);
    assert.ok(place);
    return place;
  };
  it('knows where a register is written, and says why one is not', () => {
    assert.deepEqual(writingOf(placeOf(TCW)), { address: 0x43 });
    assert.deepEqual(writingOf(placeOf('pci/configuration 3.0/PCICMD')), { address: 0x1804 });
    assert.match(JSON.stringify(writingOf(placeOf('pci/configuration 3.0/VID'))), /read-only/);
  });
  it('reads numbers as people write them, as far as there is room', () => {
    assert.deepEqual(['0x1f', '1Fh', '0b11111', ' 31 '].map((text) => parseValue(text, 8)), [31, 31, 31, 31]);
    assert.deepEqual(['256', '0x100', '-1', '', '1f', 'x'].map((text) => parseValue(text, 8)), [undefined, undefined, undefined, undefined, undefined, undefined]);
    assert.equal(parseValue('0xffffffff', 32), 0xffffffff);
    assert.deepEqual(['3', '4'].map((text) => parseValue(text, 2)), [3, undefined]);
  });
  it('begins with the present value, warns, and gives an order', () => {
    const state = after({ type: 'edit', key: TCW });
    assert.equal(state.edit?.text, '0x34');
    assert.ok(view(state, STOPPED).some((part) => part.key === 'edit' && /recorded as input/.test(textOf(part))));
    assert.deepEqual(writeOrder(reduce(state, { type: 'edit-text', text: '0x36' }, STOPPED), STOPPED), { space: 'port', address: 0x43, bytes: 1, value: 0x36 });
    assert.match(String(writeOrder(reduce(state, { type: 'edit-text', text: '999' }, STOPPED), STOPPED)), /8 bits at most/);
    assert.equal(reduce(state, { type: 'written', error: 'refused' }, STOPPED).edit?.error, 'refused');
    assert.equal(reduce(state, { type: 'written' }, STOPPED).edit, undefined);
    assert.match(after({ type: 'edit', key: 'pci/configuration 3.0/VID' }).message?.text ?? '', /VID: The register is read-only/);
  });
  it('writes one field with the others as they are, where a write of these does nothing more', () => {
    const command = 'pci/configuration 3.0/PCICMD';
    const state = after({ type: 'edit', key: command, low: 2 });
    assert.equal(state.edit?.text, '1');
    assert.ok(view(state, STOPPED).some((part) => part.key === 'edit' && /PCICMD\.BME \(.*bits 2\)/.test(textOf(part))));
    assert.deepEqual(writeOrder(reduce(state, { type: 'edit-text', text: '0' }, STOPPED), STOPPED), { space: 'configuration', address: 0x1804, bytes: 2, value: 2 });
    assert.match(String(writeOrder(reduce(state, { type: 'edit-text', text: '2' }, STOPPED), STOPPED)), /Type 0 or 1/);
    assert.equal(reduce(state, { type: 'written' }, STOPPED).message?.text, 'Wrote PCICMD.BME.');
    const refused = after({ type: 'edit', key: TCW, low: 1 });
    assert.equal(refused.edit, undefined);
    assert.match(refused.message?.text ?? '', /TCW: Its bits cannot be written one by one.*as a whole/);
    assert.equal(withField(0xffffffff, { name: 'F', low: 4, bits: 8, meaning: '', value: 0xff }, 0x12), 0xfffff12f);
  });
});

describe('devices: pictures', () => {
  it('ask for what is in view alone', () => {
    assert.deepEqual(questions(BLANK).map(({ request }) => request), ['shadowbox.devices']);
    assert.deepEqual(questions({ ...BLANK, tab: 'interrupts' }).map(({ request }) => request), ['shadowbox.interrupts']);
    assert.deepEqual(questions({ ...BLANK, tab: 'events' }).map(({ request }) => request), ['shadowbox.events']);
  });
  it('have a row for each interrupt line, with its state in words', () => {
    const rows = elements([interruptsView(INTERRUPT_PICTURE)]).filter(({ tag }) => tag === 'tr').map(textOf);
    assert.equal(rows.length, 1 + 24 + 1 + 1);
    assert.match(rows[1], /^IRQ 0pit▲ raised→ 08● requestedin 2.*IF = 0 on CPU 0$/);
    assert.match(rows[2], /^IRQ 1nobodylow→ 09▶ in service/);
    assert.match(rows[3], /⊘ masked/);
    assert.match(rows[18], /^PIRQ BPCI 3\.0 \(network\)low—in 17→ 41● pendingto set 1, level, low▶ in service, CPU 0/);
    assert.match(rows.at(-1) ?? '', /^CPU 0xAPIC205141● 8259 asks$/);
  });
  it('say how far ahead events are', () => {
    const rows = elements([eventsView(EVENTS_AHEAD)]).filter(({ tag }) => tag === 'tr').map(textOf);
    assert.deepEqual(rows.slice(1), ['838.00 µs1\u202f838\u202f000pitirq0', '14.00 ms15\u202f000\u202f000vgaframe']);
    assert.deepEqual([spanText(830), spanText(2_500_000_000)], ['830 ns', '2.50 s']);
  });
  it('read PCI functions off their configuration spaces', () => {
    const [card] = pciFunctions(devicesWith());
    assert.deepEqual([card.place, card.ids, card.what, card.interrupt], ['00:03.0', '8086:100e', 'Ethernet', 'INTA, line 11']);
    assert.deepEqual(card.bars.map(({ name, kind, address, decoded }) => [name, kind, address, decoded]), [['BAR0', 'memory', 0xfebc0000, true], ['BAR1', 'ports', 0xc000, false]]);
    assert.deepEqual(card.command.filter(({ on }) => on).map(({ name }) => name), ['MSE', 'BME']);
  });
});
