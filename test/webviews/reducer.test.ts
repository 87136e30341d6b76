// The panel's state: sessions, stops, spaces, walks, the keyboard, and what is asked of the machine.
import assert from 'node:assert/strict';
import { spacesOf } from '../../webviews/page-tables/answers';
import { linksOf } from '../../webviews/page-tables/links';
import { nextInquiries } from '../../webviews/page-tables/plan';
import { reduce } from '../../webviews/page-tables/reducer';
import { rowsOf } from '../../webviews/page-tables/rows';
import { fromKept, INITIAL, toKeep } from '../../webviews/page-tables/state';
import { stripRanges, stripView } from '../../webviews/page-tables/strip';
import { Driver, machineOf } from './drive';
import { labKernel, longKernel, paeKernel } from './kernels';
import { BIT } from './pagingModel';

const lab = () => {
  const kernel = labKernel();
  return { kernel, driver: new Driver(machineOf(kernel.model)) };
};

describe('page-tables: session', () => {
  it('asks for the summary first, and for nothing else while that is refused', () => {
    const machine = { ...machineOf(labKernel().model), refusal: 'No guest is running. Start one with F5.' };
    const driver = new Driver(machine);
    assert.deepEqual(driver.asked, ['shadowbox.summary']);
    assert.equal(driver.state.error, 'No guest is running. Start one with F5.');
  });

  it('shows the current space once the machine answers', () => {
    const { kernel, driver } = lab();
    assert.equal(driver.state.session, 'live');
    assert.equal(driver.state.shown, kernel.sweeper);
    assert.equal(driver.rows[0].kind, 'table');
  });

  it('forgets what a machine said when its session ends, but not what a person has set up', () => {
    const { driver } = lab();
    driver.send({ type: 'toggle', key: driver.row(0x50000000n).key }).event('session', null);
    assert.equal(driver.state.session, 'none');
    assert.equal(driver.state.tables.size, 0);
    assert.equal(driver.state.toggled.size, 1);
    driver.asked.length = 0;
    driver.event('session', { name: 'again' });
    assert.equal(driver.state.session, 'live');
    assert.ok(driver.asked.includes('shadowbox.table'));
  });

  it('takes no answer to a question of an earlier session', () => {
    const inquiry = { kind: 'summary' } as const;
    const asked = reduce(INITIAL, { type: 'sent', inquiries: [inquiry] });
    const ended = reduce(asked, { type: 'event', event: 'session', body: null });
    const after = reduce(ended, { type: 'answer', id: INITIAL.nextId, body: { running: true, retired: 1 } });
    assert.equal(after.session, 'none');
  });

  it('says in words that an answer is malformed', () => {
    const asked = reduce(INITIAL, { type: 'sent', inquiries: [{ kind: 'summary' }] });
    assert.match(reduce(asked, { type: 'answer', id: INITIAL.nextId, body: { running: 1 } }).error ?? '', /could not be understood/);
  });
});

describe('page-tables: freshness', () => {
  it('asks nothing while nothing happens', () => {
    const { driver } = lab();
    driver.asked.length = 0;
    driver.send({ type: 'hover', key: driver.rows[1].key }, { type: 'move', to: 'down' });
    assert.deepEqual(driver.asked, []);
  });

  it('asks anew once for each change, and not before the last round is answered', () => {
    const { driver } = lab();
    const { state } = driver;
    const flying = reduce(reduce(state, { type: 'sent', inquiries: [{ kind: 'summary' }] }), { type: 'event', event: 'shadowbox.changed', body: {} });
    assert.equal(flying.epoch, state.epoch);
    const settled = reduce(flying, { type: 'answer', id: state.nextId, body: { running: true, retired: 5 } });
    assert.equal(settled.epoch, state.epoch + 1);
  });

  it('keeps the very same table when the answer says nothing new', () => {
    const { kernel, driver } = lab();
    const before = driver.state.tables.get(`${kernel.sweeper}/root`)?.pair;
    driver.event('shadowbox.changed');
    assert.ok(before);
    assert.equal(driver.state.tables.get(`${kernel.sweeper}/root`)?.pair, before);
  });

  it('while the guest runs, asks for what is in view only', () => {
    const { driver } = lab();
    driver.send({ type: 'move', to: 'home' }, { type: 'openAll' }, { type: 'scrolled', top: 0, height: 48 });
    driver.machine.running = true;
    driver.event('continued');
    driver.asked.length = 0;
    driver.event('shadowbox.changed');
    const asked = driver.asked.filter((request) => request === 'shadowbox.table').length;
    driver.machine.running = false;
    driver.asked.length = 0;
    driver.event('stopped');
    const atStop = driver.asked.filter((request) => request === 'shadowbox.table').length;
    assert.ok(asked >= 1 && asked < atStop, `${asked} while it ran, ${atStop} when it stopped`);
  });
});

describe('page-tables: spaces', () => {
  it('follows CR3 at stops, not while the guest runs', () => {
    const { kernel, driver } = lab();
    driver.machine.running = true;
    driver.event('continued');
    kernel.model.current = kernel.ping;
    driver.event('shadowbox.changed');
    assert.equal(driver.state.shown, kernel.sweeper);
    driver.machine.running = false;
    driver.event('stopped');
    assert.equal(driver.state.shown, kernel.ping);
  });

  it('stays with a space that was picked', () => {
    const { kernel, driver } = lab();
    driver.send({ type: 'pickSpace', cr3: kernel.painter }).event('stopped');
    assert.equal(driver.state.shown, kernel.painter);
    assert.equal(driver.state.follow, false);
    driver.send({ type: 'follow', on: true });
    assert.equal(driver.state.shown, kernel.sweeper);
  });

  it('goes on with a walk in the other space: copy on write is seen as one frame', () => {
    const { kernel, driver } = lab();
    driver.send({ type: 'pickSpace', cr3: kernel.ping }, { type: 'walk', text: '0x60000000' });
    assert.equal(driver.state.walk?.answer?.physical, kernel.notebook);
    driver.send({ type: 'pickSpace', cr3: kernel.pong });
    assert.equal(driver.state.walk?.answer?.cr3, kernel.pong);
    assert.equal(driver.state.walk?.answer?.physical, kernel.notebook);
    assert.equal(driver.row(0x60000000n).part.guest?.rights.writable, false);
  });
});

describe('page-tables: one CR3 in two modes', () => {
  it('keeps the space that is current, else the one last used', () => {
    const space = { cr3: 0, mode: '32-bit', current: false, shadowTables: 1, shadowEntries: 1, lastUsed: 5 };
    const spaces = [{ ...space, mode: 'none', lastUsed: 3 }, space, { ...space, cr3: 1 }, { ...space, cr3: 1, mode: 'PAE', current: true, lastUsed: 1 }];
    assert.deepEqual(spacesOf({ spaces }).map(({ cr3, mode }) => [cr3, mode]), [[0, '32-bit'], [1, 'PAE']]);
  });
});

describe('page-tables: rows', () => {
  it('opens a table, then a run down to single entries', () => {
    const { driver } = lab();
    driver.send({ type: 'toggle', key: driver.row(0x50000000n).key });
    const run = driver.row(0x5000e000n);
    assert.deepEqual([run.opens, run.part.count, run.part.state], ['entries', 10, 'unfilled']);
    driver.send({ type: 'toggle', key: run.key });
    const entry = driver.row(0x5000f000n);
    assert.deepEqual([entry.part.count, entry.part.index, entry.depth], [1, 15, run.depth + 1]);
  });

  it('draws a line from the entry of a large page to each piece that the shadow has of it', () => {
    const { kernel, driver } = lab();
    driver.send({ type: 'pickSpace', cr3: kernel.painter }, { type: 'toggle', key: driver.row(0x400000n).key });
    const { rows } = rowsOf(driver.state);
    const from = rows.findIndex((row) => row.kind === 'part' && row.opens === 'table' && row.linear === 0x400000n);
    const links = linksOf(rows, 0, rows.length, 4).filter((link) => link.from === from && link.to !== from);
    const pieces = links.map(({ to, traced }) => [rows[to].linear, traced]);
    // 401000 and 402000 are page directories, 407000 and 410000 page tables in use: writes there are traced.
    assert.ok(pieces.some(([linear, traced]) => linear === 0x401000n && traced));
    assert.ok(pieces.some(([linear, traced]) => linear === 0x411000n && !traced));
  });

  it('says that a large page is split where the machine does not name the table', () => {
    const kernel = labKernel();
    kernel.model.namesSplitTables = false;
    const row = new Driver(machineOf(kernel.model)).row(0x400000n);
    assert.deepEqual([row.part.shadow?.kind, row.opens], ['large-page', undefined]);
  });

  it('marks what has changed since the last stop, and nothing at the first', () => {
    const { kernel, driver } = lab();
    driver.send({ type: 'toggle', key: driver.row(0x50000000n).key });
    assert.ok(driver.rows.every((row) => row.kind !== 'part' || row.guestChange === undefined));
    driver.event('stopped');
    kernel.model.map(kernel.sweeper, 0x50018000n, 0x700000, BIT.user | BIT.writable);
    driver.event('stopped');
    assert.deepEqual(driver.row(0x50018000n).guestChange, { change: 'new', count: 1 });
    driver.event('stopped');
    assert.equal(driver.row(0x50018000n).guestChange, undefined);
  });

  it('knows PAE and four levels', () => {
    const pae = new Driver(machineOf(paeKernel())).send({ type: 'walk', text: '0xc0101004' });
    assert.deepEqual(pae.state.walk?.answer?.guest.map(({ name, index }) => [name, index]), [['PDPTE', 3], ['PDE', 0]]);
    assert.equal(pae.row(0xc0101000n).walked, 'end');
    const long = new Driver(machineOf(longKernel())).send({ type: 'walk', text: '0xffffffff81002000' });
    const end = long.rows.find((row) => row.kind === 'part' && row.walked === 'end');
    assert.equal(end?.linear, 0xffff81002000n);
    assert.equal(end?.level, 1);
  });
});

describe('page-tables: walk', () => {
  it('opens the tables on its path, selects where it ends and lets that entry stand alone', () => {
    const { driver } = lab();
    driver.send({ type: 'walk', text: 'heap + 4' });
    const end = driver.row(0x50000000n);
    assert.deepEqual([end.walked, end.part.count, end.level], ['end', 1, 1]);
    assert.equal(driver.state.selected, end.key);
    assert.equal(driver.state.reveal, undefined);
  });

  it('keeps the machine\u2019s words when an expression cannot be understood', () => {
    const { driver } = lab();
    driver.send({ type: 'walk', text: 'no_such_thing' });
    assert.match(driver.state.walk?.error ?? '', /'no_such_thing' is no number/);
  });

  it('comes from the editor, too, and then in the current space', () => {
    const { kernel, driver } = lab();
    driver.send({ type: 'pickSpace', cr3: kernel.painter }).event('walk', { linear: '0x50000000' });
    assert.equal(driver.state.shown, kernel.sweeper);
    assert.equal(driver.state.walk?.answer?.linear, 0x50000000n);
  });

  it('is brought up to date when the guest changes', () => {
    const { kernel, driver } = lab();
    driver.send({ type: 'walk', text: '0x50020000' });
    assert.equal(driver.state.walk?.answer?.physical, undefined);
    kernel.model.map(kernel.sweeper, 0x50020000n, 0x710000, BIT.user);
    driver.event('stopped');
    assert.equal(driver.state.walk?.answer?.physical, 0x710000);
  });
});

describe('page-tables: keyboard', () => {
  it('moves, opens, closes and goes to the parent as in a tree', () => {
    const { driver } = lab();
    const key = () => driver.state.selected;
    driver.send({ type: 'move', to: 'home' }, { type: 'move', to: 'down' });
    const pointer = driver.rows[1].key;
    assert.equal(key(), pointer);
    driver.send({ type: 'move', to: 'right' });
    assert.equal(driver.rows[2].kind, 'table');
    assert.equal(key(), pointer);
    driver.send({ type: 'move', to: 'right' });
    assert.equal(key(), driver.rows[2].key);
    driver.send({ type: 'move', to: 'left' });
    assert.equal(key(), pointer);
    driver.send({ type: 'move', to: 'left' });
    assert.equal(driver.rows[2].kind, 'part');
    driver.send({ type: 'move', to: 'end' });
    assert.equal(key(), driver.rows.at(-1)?.key);
    driver.send({ type: 'walkSelected' });
    assert.equal(driver.state.walk?.text, '0xc0000000');
  });
});

describe('page-tables: strip', () => {
  it('has the mapped ranges from low to high, filled or not', () => {
    const { driver } = lab();
    const ranges = stripRanges(driver.state);
    assert.ok(ranges.every(({ from, to }, i) => from < to && (i === 0 || ranges[i - 1].to <= from)));
    assert.ok(ranges.some(({ from, guest, shadow }) => from === 0x800000n && guest === 'large-page' && shadow === 'empty'));
    assert.ok(ranges.some(({ from, shadow }) => from === 0x50000000n && shadow === 'filled'));
  });

  it('zooms around its cursor and steps from range to range', () => {
    const { driver } = lab();
    driver.send({ type: 'stripStep', forward: true }, { type: 'stripStep', forward: true }, { type: 'zoom', to: 'in' });
    const { from, to } = stripView(driver.state);
    const cursor = driver.state.stripCursor ?? -1n;
    assert.equal(to - from, 1n << 30n);
    assert.ok(cursor >= from && cursor < to);
    assert.equal(stripView(driver.send({ type: 'zoom', to: 'all' }).state).to, 1n << 32n);
  });
});

describe('page-tables: what is kept over a reload', () => {
  it('keeps space, opened rows, selection and walk', () => {
    const { kernel, driver } = lab();
    driver.send({ type: 'pickSpace', cr3: kernel.ping }, { type: 'walk', text: '0x60000000' });
    const kept: unknown = JSON.parse(JSON.stringify(toKeep(driver.state)));
    const again = new Driver(driver.machine, fromKept(kept));
    assert.equal(again.state.shown, kernel.ping);
    assert.equal(again.state.selected, driver.state.selected);
    assert.equal(again.row(0x60000000n).walked, 'end');
  });

  it('begins afresh when what was kept is not understood', () => {
    for (const kept of [undefined, null, 7, { toggled: 'x', shown: '1', walk: 3 }]) {
      assert.equal(nextInquiries(fromKept(kept)).length, 1);
      assert.equal(fromKept(kept).toggled.size, 0);
    }
  });
});
