// The panel's description: what it says, to eyes and to screen readers, and that its policy lets it be.
import assert from 'node:assert/strict';
import { paced } from '../../webviews/ui/frames';
import { view } from '../../webviews/page-tables/view';
import { entryFields, indexField, linearHex } from '../../webviews/page-tables/format';
import { LINE_HEIGHT } from '../../webviews/page-tables/layout';
import { INITIAL } from '../../webviews/page-tables/state';
import { Driver, elements, machineOf, textOf } from './drive';
import { labKernel } from './kernels';
import { BIT } from './pagingModel';

function opened() {
  const kernel = labKernel();
  const driver = new Driver(machineOf(kernel.model));
  driver.send({ type: 'scrolled', top: 0, height: 2000, width: 1000 }, { type: 'walk', text: '0x50000004' });
  return { kernel, driver };
}

const everything = (driver: Driver) => elements(view(driver.state));
const withRole = (driver: Driver, role: string) => everything(driver).filter(({ attributes }) => attributes.role === role);
const allText = (driver: Driver) => view(driver.state).map(textOf).join('\n');

/** A row's two labels, by the key of the row. */
function labels(driver: Driver, key: string): string[] {
  const row = everything(driver).find(({ attributes }) => attributes['data-row'] === key);
  assert.ok(row, `no row ${key} in view`);
  return elements(row.children).filter(({ attributes }) => attributes.role === 'gridcell').map(({ attributes }) => attributes['aria-label']);
}

describe('page-tables: states in words', () => {
  const shows = (state: typeof INITIAL) => view(state).map(textOf).join('\n');

  it('says how to start when there is no session', () => {
    assert.match(shows({ ...INITIAL, session: 'none' }), /No guest is running.*Start one with F5/s);
  });

  it('says what paging off means', () => {
    const driver = new Driver({ ...machineOf(labKernel().model), pagingOff: true });
    assert.match(allText(driver), /Paging is off: linear = physical.*CR0\.PG is clear/s);
    assert.equal(withRole(driver, 'treegrid').length, 0);
  });

  it('shows the machine\u2019s own error', () => {
    const driver = new Driver({ ...machineOf(labKernel().model), refusal: 'The machine has been shut down.' });
    assert.match(allText(driver), /The machine has been shut down\./);
    assert.equal(withRole(driver, 'alert').length, 1);
  });
});

describe('page-tables: trees', () => {
  it('describes both sides of a row in words', () => {
    const { driver } = opened();
    const [guest, shadow] = labels(driver, driver.row(0x50000000n).key);
    assert.match(guest, /^50000000 to 50000fff, PTE 0, → 00[0-9a-f]{6}, readable, writable, executable, user and supervisor, accessed, dirty$/);
    assert.match(shadow, /^frame [0-9a-f]{5}, readable, writable, executable, user and supervisor, direct write, from 00[0-9a-f]{6}$/);
  });

  it('names large pages, traced tables, what is not filled, and what is shared', () => {
    const { driver } = opened();
    assert.match(labels(driver, driver.row(0x800000n).key)[0], /4 MiB page/);
    assert.match(labels(driver, driver.row(0x800000n).key)[1], /^not yet filled$/);
    assert.match(labels(driver, driver.rows[1].key)[0], /Page table 00405000.*traced/);
    assert.match(labels(driver, driver.rows[1].key)[1], /shared by 3/);
  });

  it('says where the shadow has an entry that the guest has not any more', () => {
    const { kernel, driver } = opened();
    const at = 0x50000000n;
    const entry = driver.send({ type: 'walk', text: '0x50000004' }).state.walk?.answer?.guest.at(-1)?.entryAddress;
    assert.ok(entry !== undefined);
    assert.doesNotMatch(labels(driver, driver.row(at).key)[1], /no guest entry/);
    kernel.model.writeUnseen(Number(entry), 0n);
    driver.event('stopped');
    assert.match(labels(driver, driver.row(at).key)[0], /not present/);
    assert.match(labels(driver, driver.row(at).key)[1], /no guest entry/);
  });

  it('marks changes with a sign and with words, not by colour alone', () => {
    const { kernel, driver } = opened();
    kernel.model.map(kernel.sweeper, 0x50018000n, 0x700000, BIT.user | BIT.writable);
    driver.event('stopped');
    const row = driver.row(0x50018000n);
    assert.match(labels(driver, row.key)[0], /new since the last stop/);
    const marks = everything(driver).filter(({ attributes }) => attributes.class === 'mark new').map(textOf);
    assert.ok(marks.includes('+'));
  });

  it('is a tree grid: levels, states, indexes, one selected row that is on the page', () => {
    const { driver } = opened();
    const [grid] = withRole(driver, 'treegrid');
    const rows = withRole(driver, 'row');
    assert.equal(grid.attributes['aria-rowcount'], String(driver.rows.length));
    assert.ok(rows.every(({ attributes }) => Number(attributes['aria-level']) >= 1 && Number(attributes['aria-rowindex']) >= 1));
    const selected = rows.filter(({ attributes }) => attributes['aria-selected'] === 'true');
    assert.deepEqual(selected.map(({ attributes }) => attributes.id), [grid.attributes['aria-activedescendant']]);
    const pointer = rows.find(({ attributes }) => attributes['data-row'] === driver.row(0x40000000n).key);
    assert.equal(pointer?.attributes['aria-expanded'], 'false');
  });

  it('keeps the selected row on the page when it is scrolled away, and few others', () => {
    const { driver } = opened();
    driver.send({ type: 'toggle', key: driver.rows[1].key });
    for (const row of driver.rows.filter((each) => each.kind === 'part' && each.opens === 'entries')) driver.send({ type: 'toggle', key: row.key });
    driver.send({ type: 'move', to: 'home' }, { type: 'scrolled', top: 700 * LINE_HEIGHT, height: 20 * LINE_HEIGHT, width: 1000 });
    assert.ok(driver.rows.length > 1000);
    const rows = withRole(driver, 'row');
    assert.ok(rows.length < 40, `${rows.length} rows on the page`);
    assert.equal(rows.filter(({ attributes }) => attributes['aria-selected'] === 'true').length, 1);
  });
});

describe('page-tables: page rules', () => {
  it('every control has a name, every icon is hidden from screen readers', () => {
    const { driver } = opened();
    for (const element of everything(driver)) {
      const { tag, attributes } = element;
      if (tag === 'button') assert.ok(attributes['aria-label'] !== undefined || textOf(element) !== '', 'a button without a name');
      if (tag === 'svg') assert.equal(attributes['aria-hidden'], 'true');
      if (['treegrid', 'slider', 'search'].includes(attributes.role)) assert.ok(attributes['aria-label'], `a ${attributes.role} without a name`);
    }
    const fields = everything(driver).filter(({ tag }) => tag === 'label').flatMap((label) => elements(label.children)).filter(({ tag }) => tag === 'input' || tag === 'select');
    assert.equal(fields.length, everything(driver).filter(({ tag }) => tag === 'input' || tag === 'select').length, 'a field without a label');
  });

  it('has no inline style, no handler, no script and no address of another page', () => {
    const { driver } = opened();
    for (const { tag, attributes } of everything(driver)) {
      assert.ok(!['script', 'style', 'link', 'img', 'iframe'].includes(tag), tag);
      for (const name of Object.keys(attributes)) assert.ok(name !== 'style' && name !== 'href' && name !== 'src' && !name.startsWith('on'), name);
    }
  });

  it('gives each element its own id', () => {
    const { driver } = opened();
    const ids = everything(driver).flatMap(({ attributes }) => (attributes.id === undefined ? [] : [attributes.id]));
    assert.equal(new Set(ids).size, ids.length);
  });
});

describe('page-tables: walk', () => {
  it('shows each step with index, entry address, raw value, and the address\u2019s bits', () => {
    const { driver } = opened();
    const text = textOf(everything(driver).find(({ attributes }) => attributes.id === 'chain') ?? '');
    for (const part of ['CR3', 'PDE 320', '0101000000', 'bits 31–22', 'at 00401500', 'PTE 0', 'Page offset 004', 'backed by RAM', '✓R', '✓W', '–X']) {
      assert.ok(text.includes(part), part);
    }
  });

  it('decodes the chosen step\u2019s entry bit by bit and tells its story', () => {
    const { driver } = opened();
    driver.send({ type: 'walkStep', step: 2 });
    const table = everything(driver).find(({ tag }) => tag === 'table');
    assert.ok(table);
    assert.match(textOf(table), /PTE = [0-9a-f]{5}067, bit by bit/);
    assert.match(allText(driver), /It maps a page\..*It holds the machine frame itself\./s);
  });

  it('says where it fails', () => {
    const { driver } = opened();
    driver.send({ type: 'walk', text: '0x70000000' });
    assert.match(allText(driver), /The PDE is not present.*not present.*no translation/s);
  });
});

describe('page-tables: formats', () => {
  it('divides linear addresses as the manual does', () => {
    assert.deepEqual([2, 1, 0].map((level) => indexField('32-bit', level)), [{ high: 31, low: 22 }, { high: 21, low: 12 }, { high: 11, low: 0 }]);
    assert.deepEqual(indexField('PAE', 3), { high: 31, low: 30 });
    assert.deepEqual(indexField('4-level', 4), { high: 47, low: 39 });
    assert.deepEqual(indexField('5-level', 5), { high: 56, low: 48 });
  });

  it('covers all bits of an entry once', () => {
    for (const [mode, bits] of [['32-bit', 32], ['PAE', 64]] as const) {
      const fields = entryFields(mode, 1, (1n << BigInt(bits)) - 1n, true);
      assert.equal(fields.reduce((sum, { high, low }) => sum + high - low + 1, 0), bits);
      assert.ok(fields.every(({ high, low, value }) => value === (1n << BigInt(high - low + 1)) - 1n));
    }
  });

  it('writes the upper half of a 48-bit space canonically', () => {
    assert.equal(linearHex('4-level', 0x800000000000n), 'ffff8000 00000000');
    assert.equal(linearHex('4-level', 0x7fffffffe000n), '00007fff ffffe000');
    assert.equal(linearHex('5-level', 0x111000040601000n), 'ff110000 40601000');
    assert.equal(linearHex('32-bit', 0xc0000000n), 'c0000000');
  });
});

describe('ui: frames', () => {
  it('updates at most 30 times a second, and not at all unless asked', () => {
    let now = 0;
    let updates = 0;
    const timers: { at: number; run: () => void }[] = [];
    const ask = paced(() => { updates++; }, {
      now: () => now, nextFrame: (run) => { run(); }, later: (run, ms) => { timers.push({ at: now + ms, run }); },
    });
    for (; now < 1000; now++) {
      ask();
      for (const timer of timers.splice(0)) {
        if (timer.at <= now) timer.run();
        else timers.push(timer);
      }
    }
    assert.ok(updates >= 28 && updates <= 32, `${updates} updates in a second`);
    const before = updates;
    for (; now < 2000; now++) for (const timer of timers.splice(0)) timer.run();
    assert.ok(updates <= before + 1);
  });
});
