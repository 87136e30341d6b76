/** Stores to traced tables: those to entries that have a shadow come to the monitor, the others do not. */
import assert from 'node:assert/strict';
import { NO_PAGING } from '../../../src/monitor/memory/guestPaging';
import { MachineMemory } from '../../../src/monitor/memory/machineMemory';
import { Mmu } from '../../../src/monitor/memory/mmu';
import { ABSENT, PhysicalMap } from '../../../src/monitor/memory/physicalMap';
import { storeBeside } from './generatedStore';

const PAGE = 4096, PAGES = 64;
const RW = 3;
/** Guest-physical pages. The root leads to itself, as systems do that reach their tables so; the table maps both of them. */
const ROOT = 1, TABLE = 2, DATA = 16;
const MANY = 8;
/** Linear pages: where the table maps the root and itself, and where the root, read as a table, maps what its entries name. */
const LINEAR = { root: 5, table: 6, data: 32, itself: 1023 * 1024 };

class Guest {
  private readonly memory = new MachineMemory(PAGES);
  private readonly map = new PhysicalMap(this.memory, { read: () => 0, write: () => undefined });
  readonly mmu = new Mmu(this.memory, this.map);

  constructor() {
    this.map.declare(0, PAGES, ABSENT);
    this.map.traces = { tableWritten: (address, bytes) => { this.mmu.shadow.tableWritten(address, bytes); }, codeWritten: () => undefined, codeMarks: () => 0 };
    const put = (page: number, index: number, to: number): void => this.map.write(page * PAGE + 4 * index, 4, to * PAGE | RW);
    put(ROOT, 0, TABLE);
    put(ROOT, 1023, ROOT);
    put(TABLE, LINEAR.root, ROOT);
    put(TABLE, LINEAR.table, TABLE);
    for (let i = 0; i < MANY; i++) this.map.write((DATA + i) * PAGE, 4, 100 + i);
    this.mmu.setControls({ ...NO_PAGING, mode: '32-bit', root: ROOT * PAGE });
  }

  /** Enters a page in the table or in the root; says whether the monitor was told. */
  enter(table: 'root' | 'table', index: number, page: number): boolean {
    const before = this.mmu.shadow.counters.tracedWrites;
    const linear = LINEAR[table];
    if (!storeBeside(this.memory, this.mmu, linear, 4 * index, page * PAGE | RW, false)) this.mmu.write(linear * PAGE + 4 * index, 4, page * PAGE | RW, false);
    return this.mmu.shadow.counters.tracedWrites !== before;
  }

  read(linearPage: number): number {
    return this.mmu.read(linearPage * PAGE, 4, false);
  }
}

describe('stores to traced tables', () => {
  it('come to the monitor where an entry has a shadow, and not elsewhere', () => {
    const guest = new Guest();
    // The first store finds out that the page is traced.
    guest.enter('table', LINEAR.data, DATA);
    // Every second entry: two lie in the bytes of a mark.
    for (let i = 1; i < MANY; i++) assert.equal(guest.enter('table', LINEAR.data + 2 * i, DATA + i), false, `entry ${i}`);
    for (let i = 0; i < MANY; i++) assert.equal(guest.read(LINEAR.data + 2 * i), 100 + i);
    for (let i = 0; i < 3; i++) {
      assert.equal(guest.enter('table', LINEAR.data + 2 * i, DATA + 7 - i), true, `entry ${i} is known`);
      assert.equal(guest.read(LINEAR.data + 2 * i), 107 - i);
    }
    // What has been dropped has no shadow any more.
    assert.equal(guest.enter('table', LINEAR.data, DATA), true);
    assert.equal(guest.enter('table', LINEAR.data, DATA + 1), false);
    assert.equal(guest.read(LINEAR.data), 101);
  });

  it('all come to the monitor where two tables derive from a page', () => {
    const guest = new Guest();
    const index = 40;
    guest.enter('root', index, DATA);
    assert.equal(guest.enter('root', index, DATA + 1), false, 'the root alone has no shadow of this entry');
    assert.equal(guest.read(LINEAR.itself + index), 101, 'as a table it has');
    assert.equal(guest.enter('root', index, DATA + 2), true);
    assert.equal(guest.read(LINEAR.itself + index), 102);
  });
});
