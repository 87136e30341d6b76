/** What a new address space takes over from the one before it: what stands below equal root entries, and only as long as they are. */
import assert from 'node:assert/strict';
import { NO_PAGING, type PagingControls } from '../../../src/monitor/memory/guestPaging';
import { MachineMemory } from '../../../src/monitor/memory/machineMemory';
import { Mmu } from '../../../src/monitor/memory/mmu';
import { ABSENT, PhysicalMap } from '../../../src/monitor/memory/physicalMap';
import { TLB_KIND } from '../../../src/monitor/memory/tlb';

const PAGE = 4096;
const PAGES = 2048;
const P = 1, W = 2, A = 0x20, D = 0x40, PS = 0x80;
const FIRST = 16, SECOND = 17, TABLE = 18;
/** Linear pages: below the second entry of the root, and below the third, which is a large page. */
const SMALL = 1024 + 5, LARGE = 2048 + 7;
/** Stands for the address of a table of blocks. */
const BLOCKS = 0x12340000;

const under = (root: number): PagingControls => ({ ...NO_PAGING, mode: '32-bit', root: root * PAGE, largePages: true, writeProtect: true });

class Machine {
  readonly map: PhysicalMap;
  readonly mmu: Mmu;

  constructor() {
    const memory = new MachineMemory(PAGES);
    this.map = new PhysicalMap(memory, { read: () => 0, write: () => undefined });
    this.map.declare(0, PAGES, ABSENT);
    this.mmu = new Mmu(memory, this.map);
    this.map.traces = { tableWritten: (address, bytes) => { this.mmu.shadow.tableWritten(address, bytes); }, codeWritten: () => undefined, codeMarks: () => 0 };
    this.map.write(TABLE * PAGE + 4 * 5, 4, (32 * PAGE) | P | W);
    this.setRoot(FIRST, 0, 0);
  }

  /** Root entries for both pages, with these bits beside. */
  setRoot(root: number, small: number, large: number): void {
    this.map.write(root * PAGE + 4, 4, (TABLE * PAGE) | P | W | small);
    this.map.write(root * PAGE + 8, 4, PS | P | W | large);
  }

  /** Both pages are fetched from in the first space, as the engine does it, and the second one is entered. */
  enterSecond(): void {
    this.mmu.setControls(under(FIRST));
    for (const page of [SMALL, LARGE]) {
      this.mmu.fetchPage(page, 0, false);
      this.mmu.tlb.fill(this.mmu.currentSpace.slot, TLB_KIND.execute, false, page, BLOCKS + page);
    }
    this.mmu.setControls(under(SECOND));
  }

  /** Which of the two pages the present space has code of. */
  get known(): readonly boolean[] {
    return [SMALL, LARGE].map((page) => this.mmu.tlb.codeTable(this.mmu.tlb.table(this.mmu.currentSpace.slot, TLB_KIND.execute, false), page) === BLOCKS + page);
  }
}

describe('a new address space', () => {
  it('takes over what is below equal root entries, and translates through it without a walk', () => {
    const machine = new Machine();
    machine.setRoot(SECOND, A, A);
    machine.enterSecond();
    assert.deepEqual(machine.known, [true, true]);
    const { guestWalks } = machine.mmu.shadow.counters;
    machine.mmu.write(SMALL * PAGE, 4, 77, false);
    assert.equal(machine.map.read(32 * PAGE, 4), 77);
    assert.equal(machine.mmu.shadow.counters.guestWalks - guestWalks, 1, 'for the dirty bit of the last entry alone');
  });

  it('takes nothing over where a walk would have to set the accessed bit', () => {
    const machine = new Machine();
    machine.setRoot(SECOND, 0, A);
    machine.enterSecond();
    assert.deepEqual(machine.known, [false, true]);
    machine.mmu.fetchPage(SMALL, 0, false);
    assert.equal(machine.map.read(SECOND * PAGE + 4, 4) & A, A);
  });

  it('takes nothing over from entries with other rights', () => {
    const machine = new Machine();
    machine.setRoot(SECOND, A, A);
    machine.map.write(SECOND * PAGE + 4, 4, (TABLE * PAGE) | P | A);
    machine.enterSecond();
    assert.deepEqual(machine.known, [false, true]);
    assert.throws(() => { machine.mmu.write(SMALL * PAGE, 4, 1, false); });
  });

  it('sets the dirty bit of its own large page, though the other one has it', () => {
    const machine = new Machine();
    machine.mmu.setControls(under(FIRST));
    machine.mmu.write(LARGE * PAGE, 4, 1, false);
    machine.setRoot(SECOND, A, A);
    machine.enterSecond();
    assert.equal(machine.map.read(FIRST * PAGE + 8, 4) & D, D);
    assert.equal(machine.map.read(SECOND * PAGE + 8, 4) & D, 0);
    machine.mmu.write(LARGE * PAGE, 4, 2, false);
    assert.equal(machine.map.read(SECOND * PAGE + 8, 4) & D, D);
  });

  it('loses what it has taken over with its own entry, and with the last one', () => {
    const machine = new Machine();
    machine.setRoot(SECOND, A, A);
    machine.enterSecond();
    machine.map.write(SECOND * PAGE + 8, 4, 0);
    assert.deepEqual(machine.known, [true, false]);
    machine.map.write(TABLE * PAGE + 4 * 5, 4, 0);
    assert.deepEqual(machine.known, [false, false]);
    assert.throws(() => machine.mmu.fetchPage(SMALL, 0, false));
    machine.mmu.setControls(under(FIRST));
    assert.deepEqual(machine.known, [false, true]);
  });
});
