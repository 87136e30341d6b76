/** Shadow tables and address spaces are bounded: when there are no more, the oldest go, and translations stay right. */
import assert from 'node:assert/strict';
import { NO_PAGING, type PagingControls } from '../../../src/monitor/memory/guestPaging';
import { MAX_SHADOW_TABLES, MAX_SPACES } from '../../../src/monitor/memory/layout';
import { MachineMemory } from '../../../src/monitor/memory/machineMemory';
import { Mmu } from '../../../src/monitor/memory/mmu';
import { ABSENT, PhysicalMap } from '../../../src/monitor/memory/physicalMap';

const PAGE = 4096;
const PAGES = 8192;
const MIB4 = 0x400000;
const PRESENT_WRITABLE = 3;

interface Machine {
  readonly map: PhysicalMap;
  readonly mmu: Mmu;
}

function machine(): Machine {
  const memory = new MachineMemory(PAGES);
  const map = new PhysicalMap(memory, { read: () => 0, write: () => undefined });
  map.declare(0, PAGES, ABSENT);
  const mmu = new Mmu(memory, map);
  map.traces = { tableWritten: (address, bytes) => { mmu.shadow.tableWritten(address, bytes); }, codeWritten: () => undefined, codeMarks: () => 0 };
  return { map, mmu };
}

const under = (directory: number): PagingControls => ({ ...NO_PAGING, mode: '32-bit', root: directory * PAGE });

/** Lets page 0 of each of `count` regions of 4 MiB lead to the same page, by a table of its own. */
function mapRegions({ map }: Machine, directory: number, count: number, firstTable: number, target: number): void {
  for (let i = 0; i < count; i++) {
    map.write(directory * PAGE + 4 * i, 4, ((firstTable + i) * PAGE) | PRESENT_WRITABLE);
    map.write((firstTable + i) * PAGE, 4, (target * PAGE) | PRESENT_WRITABLE);
  }
}

describe('bounds of shadow paging', () => {
  it('tables that were used least recently make room', () => {
    const tested = machine();
    const { mmu } = tested;
    // Four directories with 1000 tables each.
    for (let d = 0; d < 4; d++) mapRegions(tested, 16 + d, 1000, 1024 + 1000 * d, 32 + d);
    for (let d = 0; d < 4; d++) {
      mmu.setControls(under(16 + d));
      for (let i = 0; i < 1000; i++) mmu.write(i * MIB4, 4, 1000 * d + i, false);
    }
    const known = Array.from({ length: MAX_SHADOW_TABLES + 16 }, (_, id) => mmu.shadow.table(id)).filter((table) => table !== undefined);
    assert.ok(known.length <= MAX_SHADOW_TABLES, `${known.length} tables`);
    assert.ok(known.length > MAX_SHADOW_TABLES / 2, 'not all of them were given up at once');
    assert.ok(mmu.shadow.counters.tableEvictions > 0);
    for (let d = 0; d < 4; d++) {
      mmu.setControls(under(16 + d));
      for (let i = 0; i < 1000; i += 7) assert.equal(mmu.read(i * MIB4, 4, false), 1000 * d + 999);
    }
  });

  it('the space that was entered least recently makes room', () => {
    const tested = machine();
    const { mmu } = tested;
    const count = MAX_SPACES + 8;
    for (let d = 0; d < count; d++) mapRegions(tested, 16 + d, 1, 1024 + d, 2048 + d);
    for (let round = 0; round < 2; round++) {
      for (let d = 0; d < count; d++) {
        mmu.setControls(under(16 + d));
        if (round === 0) mmu.write(0, 4, d, false);
        assert.equal(mmu.read(0, 4, false), d);
      }
      assert.ok(mmu.shadow.knownSpaces().length <= MAX_SPACES);
    }
    assert.ok(mmu.shadow.counters.spaceEvictions >= 8);
  });
});
