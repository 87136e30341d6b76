// The panel's state: sessions, stops, spaces, walks, the keyboard, and what is asked of the machine.
import assert from 'node:assert/strict';
import { isSwitching, SETTLED_LOOKS, settledSpace } from '../../webviews/page-tables/following';
import { layoutOf, LINE_HEIGHT } from '../../webviews/page-tables/layout';
import { linksOf } from '../../webviews/page-tables/links';
import { nextInquiries } from '../../webviews/page-tables/plan';
import { reduce } from '../../webviews/page-tables/reducer';
import { rowsOf } from '../../webviews/page-tables/rows';
import { fromKept, INITIAL, toKeep } from '../../webviews/page-tables/state';
import { stripRanges, stripTables, stripView } from '../../webviews/page-tables/strip';
import { Driver, machineOf } from './drive';
import { busyLinux, labKernel, linuxKernel, longKernel, paeKernel, type LabKernel } from './kernels';
import { BIT, PagingModel } from './pagingModel';

const ROOT = 0x1000;

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
    assert.equal(driver.state.shown, kernel.model.key(kernel.sweeper));
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
    const before = driver.state.tables.get(`${kernel.model.key(kernel.sweeper)}/root`)?.pair;
    driver.event('shadowbox.changed');
    assert.ok(before);
    assert.equal(driver.state.tables.get(`${kernel.model.key(kernel.sweeper)}/root`)?.pair, before);
  });

  it('while the guest runs, asks for what is in view only', () => {
    const { driver } = lab();
    driver.send({ type: 'move', to: 'home' }, { type: 'openAll' }, { type: 'scrolled', top: 0, height: 48, width: 1000 });
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
  /** The guest runs on, and each look finds the given spaces current, one after another. */
  function runThrough(driver: Driver, kernel: LabKernel, spaces: readonly number[]): string[] {
    driver.machine.running = true;
    if (!driver.state.running) driver.event('continued');
    return spaces.map((cr3) => {
      kernel.model.current = cr3;
      driver.machine.retired++;
      driver.event('shadowbox.changed');
      return driver.state.shown ?? '';
    });
  }
  const times = <T>(count: number, ...items: readonly T[]) => Array.from({ length: count }, () => items).flat();

  it('follows CR3 at stops', () => {
    const { kernel, driver } = lab();
    runThrough(driver, kernel, [kernel.pong]);
    kernel.model.current = kernel.ping;
    driver.machine.running = false;
    driver.event('stopped');
    assert.equal(driver.state.shown, kernel.model.key(kernel.ping));
  });

  it('follows a guest that turns paging on while it runs, at the first look', () => {
    const kernel = labKernel();
    const driver = new Driver({ ...machineOf(kernel.model), pagingOff: true });
    assert.equal(driver.state.shown, 'none');
    driver.machine.pagingOff = false;
    kernel.model.current = kernel.kernel;
    assert.deepEqual(runThrough(driver, kernel, [kernel.kernel]), [kernel.model.key(kernel.kernel)]);
    assert.equal(driver.rows[0].kind, 'table');
  });

  it('follows a running guest to a space in which it stays, and no sooner', () => {
    const { kernel, driver } = lab();
    const shown = runThrough(driver, kernel, times(SETTLED_LOOKS, kernel.ping));
    assert.deepEqual(shown.slice(0, -1), times(SETTLED_LOOKS - 1, kernel.model.key(kernel.sweeper)));
    assert.equal(shown.at(-1), kernel.model.key(kernel.ping));
  });

  it('stays where it is while a guest switches faster than one can read, and says so', () => {
    const { kernel, driver } = lab();
    const shown = runThrough(driver, kernel, times(30, kernel.ping, kernel.sweeper, kernel.pong));
    assert.deepEqual(new Set(shown), new Set([kernel.model.key(kernel.sweeper)]));
    assert.equal(isSwitching(driver.state), true);
    assert.equal(settledSpace(driver.state), undefined);
  });

  it('goes to the last space when a running guest falls quiet', () => {
    const { kernel, driver } = lab();
    runThrough(driver, kernel, [kernel.ping, kernel.pong]);
    driver.machine.retired++;
    assert.equal(driver.send({ type: 'quiet' }).state.shown, kernel.model.key(kernel.sweeper), 'it went on, only the news of it did not come');
    driver.send({ type: 'quiet' });
    assert.equal(driver.state.shown, kernel.model.key(kernel.pong));
    assert.equal(isSwitching(driver.state), false);
  });

  it('follows again in each new session, and over a reload of the page in the same one keeps what was chosen', () => {
    const { driver, kernel } = lab();
    driver.event('session', { id: 'one', name: 'lab' }).send({ type: 'pickSpace', key: kernel.model.key(kernel.painter) });
    assert.equal(driver.state.follow, false);
    const kept: unknown = JSON.parse(JSON.stringify(toKeep(driver.state)));
    assert.equal(new Driver(driver.machine, fromKept(kept)).event('session', { id: 'one', name: 'lab' }).state.follow, false);
    assert.equal(new Driver(driver.machine, fromKept(kept)).event('session', { id: 'two', name: 'lab' }).state.follow, true);
    assert.equal(driver.event('session', null).event('session', { id: 'two', name: 'lab' }).state.follow, true);
  });

  it('stays with the space that was picked while the guest runs', () => {
    const { kernel, driver } = lab();
    driver.send({ type: 'follow', on: false });
    const shown = runThrough(driver, kernel, times(2 * SETTLED_LOOKS, kernel.ping));
    assert.deepEqual(new Set(shown), new Set([kernel.model.key(kernel.sweeper)]));
  });

  it('stays with a space that was picked', () => {
    const { kernel, driver } = lab();
    driver.send({ type: 'pickSpace', key: kernel.model.key(kernel.painter) }).event('stopped');
    assert.equal(driver.state.shown, kernel.model.key(kernel.painter));
    assert.equal(driver.state.follow, false);
    driver.send({ type: 'follow', on: true });
    assert.equal(driver.state.shown, kernel.model.key(kernel.sweeper));
  });

  it('goes on with a walk in the other space: copy on write is seen as one frame', () => {
    const { kernel, driver } = lab();
    driver.send({ type: 'pickSpace', key: kernel.model.key(kernel.ping) }, { type: 'walk', text: '0x60000000' });
    assert.equal(driver.state.walk?.answer?.physical, kernel.notebook);
    driver.send({ type: 'pickSpace', key: kernel.model.key(kernel.pong) });
    assert.equal(driver.state.walk?.answer?.cr3, kernel.pong);
    assert.equal(driver.state.walk?.answer?.physical, kernel.notebook);
    assert.equal(driver.row(0x60000000n).part.guest?.rights.writable, false);
  });
});

describe('page-tables: one CR3 in two modes', () => {
  const twins = () => {
    const model = new PagingModel('32-bit', [ROOT], 0x3000);
    model.map(ROOT, 0x400000n, 0x800000, BIT.writable, 2);
    const other = new PagingModel('PAE', [ROOT], 0x8000);
    other.map(ROOT, 0x400000n, 0xa00000, BIT.writable, 2);
    other.map(ROOT, 0xc0000000n, 0x600000, BIT.writable, 2);
    return { driver: new Driver({ ...machineOf(model), other }), model, other };
  };

  it('is two spaces, each with its own tables and walk', () => {
    const { driver, model, other } = twins();
    assert.deepEqual(driver.state.spaces?.map(({ cr3, mode }) => [cr3, mode]), [[ROOT, '32-bit'], [ROOT, 'PAE']]);
    driver.send({ type: 'walk', text: '0x401234' });
    assert.equal(driver.state.walk?.answer?.physical, 0x801234);
    driver.send({ type: 'pickSpace', key: other.key(ROOT) });
    assert.equal(driver.state.walk?.answer?.mode, 'PAE');
    assert.equal(driver.state.walk?.answer?.physical, 0xa01234);
    assert.deepEqual(driver.rows.filter(({ kind }) => kind === 'table').map(({ level }) => level)[0], 3);
    driver.send({ type: 'pickSpace', key: model.key(ROOT) });
    assert.deepEqual(driver.rows.filter(({ kind }) => kind === 'table').map(({ level }) => level)[0], 2);
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
    driver.send({ type: 'pickSpace', key: kernel.model.key(kernel.painter) }, { type: 'toggle', key: driver.row(0x400000n).key });
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

describe('page-tables: 64-bit spaces', () => {
  it('lets no row reach over the gap between the two halves', () => {
    for (const mode of ['4-level', '5-level'] as const) {
      const driver = new Driver(machineOf(linuxKernel(mode)));
      const seam = 1n << (mode === '4-level' ? 47n : 56n);
      const entries = driver.rows.filter(({ kind }) => kind === 'part');
      assert.ok(entries.some(({ linear }) => linear === seam), 'the upper half begins with a row');
      assert.ok(entries.every(({ linear, bytes }) => linear >= seam || linear + bytes <= seam));
      assert.ok(stripRanges(driver.state).every(({ from, to }) => from >= seam || to <= seam));
    }
  });

  it('opens a 1 GiB page down to frames, all of which derive from its one entry', () => {
    for (const [mode, address] of [['4-level', '0xffff888040601004'], ['5-level', '0xff11000040601004']] as const) {
      const model = linuxKernel(mode);
      const driver = new Driver(machineOf(model)).send({ type: 'walk', text: address });
      assert.equal(driver.state.walk?.answer?.physical, 0x40601004);
      const { rows } = rowsOf(driver.state);
      const end = rows.find((row) => row.kind === 'part' && row.walked === 'end');
      assert.equal(end?.level, 1);
      const source = rows.findIndex((row) => row.kind === 'part' && row.level === 3 && row.part.guest?.kind === 'large-page');
      assert.ok(source >= 0);
      const links = linksOf(rows, 0, rows.length, 8).filter(({ from, to }) => from === source && rows[to].level < 3);
      assert.ok(links.some(({ toKey }) => toKey === end?.key), 'a line from the 1 GiB entry to the frame');
      assert.equal(driver.state.tables.size > 0 && driver.state.reveal, undefined);
    }
  });

  it('takes back an address as it writes one, in two groups', () => {
    const driver = new Driver(machineOf(linuxKernel())).send({ type: 'walk', text: 'ffffffff 81002000' });
    assert.equal(driver.state.walk?.answer?.linear, 0xffff81002000n);
  });

  it('draws the strip over all of 48 and 57 bits', () => {
    for (const [mode, bits] of [['4-level', 48n], ['5-level', 57n]] as const) {
      const { state } = new Driver(machineOf(linuxKernel(mode)));
      assert.deepEqual(stripView(state), { from: 0n, to: 1n << bits });
      assert.ok(stripRanges(state).some(({ to }) => to > 1n << 32n));
    }
  });
});

describe('page-tables: stacked', () => {
  const narrow = () => {
    const { kernel, driver } = lab();
    driver.send({ type: 'scrolled', top: 0, height: 400, width: 420 });
    return { kernel, driver };
  };

  it('gives the shadow a line of its own under each guest entry, and none where nothing is kept', () => {
    const { driver } = narrow();
    const layout = layoutOf(driver.state);
    assert.equal(layout.arrangement, 'stacked');
    driver.rows.forEach((row, at) => {
      const lines = (layout.tops[at + 1] - layout.tops[at]) / LINE_HEIGHT;
      assert.equal(lines, row.kind === 'part' && row.part.guest === undefined ? 1 : 2, row.key);
    });
    assert.equal(layoutOf(driver.send({ type: 'scrolled', top: 0, height: 400, width: 1000 }).state).arrangement, 'beside');
  });

  it('keeps the selected row in view when the panel is made narrow', () => {
    const { driver } = lab();
    driver.send({ type: 'scrolled', top: 0, height: 10 * LINE_HEIGHT, width: 1000 }, { type: 'move', to: 'home' });
    for (let i = 0; i < 8; i++) driver.send({ type: 'move', to: 'down' });
    driver.send({ type: 'scrolled', top: driver.state.viewport.top, height: 10 * LINE_HEIGHT, width: 400 });
    const { tops } = layoutOf(driver.state);
    const { top, height } = driver.state.viewport;
    assert.ok(tops[8] >= top && tops[9] <= top + height, `row 8 at ${tops[8]}, in view ${top} to ${top + height}`);
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
    driver.send({ type: 'pickSpace', key: kernel.model.key(kernel.painter) }).event('walk', { linear: '0x50000000' });
    assert.equal(driver.state.shown, kernel.model.key(kernel.sweeper));
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
    const at = (place: bigint) => ranges.find(({ from, to }) => from <= place && to > place);
    assert.deepEqual([at(0x800000n)?.guest, at(0x800000n)?.shadow], ['large-page', 'empty']);
    // Of a large page that the shadow has split, what it has filled.
    assert.deepEqual(ranges.filter(({ from }) => from === 0x407000n), [{ from: 0x407000n, to: 0x408000n, guest: 'large-page', shadow: 'filled' }]);
    assert.ok(ranges.some(({ from, shadow }) => from === 0x50000000n && shadow === 'filled'));
  });

  it('zooms around its cursor and steps from range to range', () => {
    const { driver } = lab();
    driver.send({ type: 'stripStep', forward: true }, { type: 'stripStep', forward: true }, { type: 'zoom', to: 'in' });
    const { from, to } = stripView(driver.state);
    const cursor = driver.state.stripCursor ?? -1n;
    assert.equal(to - from, 1n << 30n);
    assert.ok(cursor >= from && cursor < to);
    // Marks are at round addresses, wherever the cursor is.
    driver.send({ type: 'goTo', linear: 0x50000a84n });
    for (let i = 0; i < 10; i++) driver.send({ type: 'zoom', to: 'in' });
    assert.deepEqual(stripView(driver.state), { from: 0x4fffc000n, to: 0x50004000n });
    assert.equal(stripView(driver.send({ type: 'zoom', to: 'all' }).state).to, 1n << 32n);
  });
});

describe('page-tables: what the strip needs', () => {
  const asked = (driver: Driver, from: number) => driver.asked.slice(from).filter((request) => request === 'shadowbox.table').length;

  it('is nothing more from afar, and by and by the tables of what it zooms to', () => {
    const driver = new Driver(machineOf(linuxKernel()));
    assert.deepEqual(stripTables(driver.state), []);
    const from = driver.asked.length;
    // The program: 40 pages from 5555 55554000 on.
    driver.send({ type: 'zoomTo', from: 0x555555554000n, to: 0x55555557c000n });
    assert.deepEqual(stripTables(driver.state), [{ level: 3, linear: 0x550000000000n }, { level: 2, linear: 0x555540000000n }, { level: 1, linear: 0x555555400000n }]);
    assert.ok(asked(driver, from) <= 3);
    assert.ok(stripRanges(driver.state).some(({ from: first, to, guest }) => first >= 0x555555554000n && to === 0x55555557c000n && guest === 'mapped'));
    const before = driver.asked.length;
    driver.event('stopped');
    assert.ok(asked(driver, before) >= 4, 'they are asked anew at a stop, as the root is');
    driver.send({ type: 'goTo', linear: 0x555555556000n });
    assert.equal(driver.row(0x555555554000n).level, 1, 'the trees are open down to what the strip shows');
  });

  it('is few tables at every zoom', () => {
    const kernel = busyLinux(1).model;
    for (const place of [0x555555554000n, 0xffff88800000n, 0xffffc0000000n]) {
      const driver = new Driver(machineOf(kernel));
      driver.send({ type: 'goTo', linear: place });
      for (let i = 0; i < 20; i++) {
        driver.send({ type: 'zoom', to: 'in' });
        assert.ok(stripTables(driver.state).length <= 64, `${stripTables(driver.state).length} tables`);
      }
      assert.ok(stripTables(driver.state).length >= 1);
    }
  });
});

describe('page-tables: what is kept over a reload', () => {
  it('keeps space, opened rows, selection and walk', () => {
    const { kernel, driver } = lab();
    driver.send({ type: 'pickSpace', key: kernel.model.key(kernel.ping) }, { type: 'walk', text: '0x60000000' });
    const kept: unknown = JSON.parse(JSON.stringify(toKeep(driver.state)));
    const again = new Driver(driver.machine, fromKept(kept));
    assert.equal(again.state.shown, kernel.model.key(kernel.ping));
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
