/** Tables of a CR3 that is not loaded, read by the rules in force: where they are, and PAE's own four entries (Intel SDM vol. 3, 4.4.1 and 4.5). */
import assert from 'node:assert/strict';
import { GuestWalk, NO_PAGING, controlsUnder, walkGuest, type PagingControls } from '../../../src/monitor/memory/guestPaging';
import { MachineMemory } from '../../../src/monitor/memory/machineMemory';
import { ABSENT, DEVICE, PhysicalMap } from '../../../src/monitor/memory/physicalMap';

const PAGE = 4096;
const P = 1, W = 2, U = 4;
/** Flags that CR3 has beside the address: PWT and PCD. */
const PWT = 8, PCD = 0x10;
/** A device has the page in which nobody may look. */
const DEVICE_PAGE = 15;
/** A linear page for each of PAE's four entries. */
const QUARTERS = [0, 1, 2, 3].map((quarter) => quarter * 2 ** 18);

interface Tables {
  readonly map: PhysicalMap;
  /** How often the device was read. */
  asked: number;
  put(address: number, value: bigint): void;
}

function tables(): Tables {
  const made: Tables = {
    map: new PhysicalMap(new MachineMemory(16), { read: () => ++made.asked, write: () => undefined }),
    asked: 0,
    put: (address, value) => made.map.copyIn(address, new Uint8Array(BigUint64Array.of(value).buffer)),
  };
  made.map.declare(0, DEVICE_PAGE, ABSENT);
  made.map.declare(DEVICE_PAGE, 1, DEVICE);
  return made;
}

function physical(controls: PagingControls, map: PhysicalMap, page: number): number | undefined {
  const walk = new GuestWalk();
  walkGuest(controls, map, page, walk);
  return walk.mapped ? walk.page : undefined;
}

describe('tables of a CR3 that is not loaded', () => {
  it('begin at its page, whatever flags or number of an address space it has', () => {
    const { map, put } = tables();
    [0x1000, 0x2000, 0x3000, 0x4000].forEach((at) => put(at, BigInt((at + 0x1000) | P | W | U)));
    const present: PagingControls = { ...NO_PAGING, mode: '4-level', root: 0x9000 };
    assert.equal(physical(present, map, 0), undefined, 'the present tables are empty');
    for (const low of [0, PWT | PCD, 0xfff]) {
      const controls = controlsUnder(present, map, 0x1000 + low);
      assert.equal(controls.root, 0x1000);
      assert.equal(physical(controls, map, 0), 5);
    }
    assert.equal(controlsUnder({ ...NO_PAGING, mode: '32-bit' }, map, 0x1018).root, 0x1000);
  });

  it('lie beyond 4 GiB, too', () => {
    const { map } = tables();
    assert.equal(controlsUnder({ ...NO_PAGING, mode: '5-level' }, map, 0x12_3456_7ab5).root, 0x12_3456_7000);
  });

  it('have four entries of their own with PAE, from 32 bytes anywhere in a page, not those that are latched', () => {
    const { map, put } = tables();
    const root = 0x1fe0;
    QUARTERS.forEach((_, quarter) => {
      const [directory, table] = [0x2000, 0x6000].map((at) => at + quarter * 0x1000);
      put(root + 8 * quarter, BigInt(directory | P));
      put(directory, BigInt(table | P | W));
      put(table, BigInt(((quarter + 1) * PAGE) | P));
    });
    const present: PagingControls = { ...NO_PAGING, mode: 'PAE', root: 0xa000, pdptes: [0xb001n, 0xb001n, 0xb001n, 0xb001n] };
    for (const low of [0, PWT, PWT | PCD, 0x1f]) {
      const controls = controlsUnder(present, map, root + low);
      assert.equal(controls.root, root);
      assert.deepEqual(controls.pdptes, [0x2001n, 0x3001n, 0x4001n, 0x5001n]);
      assert.deepEqual(QUARTERS.map((page) => physical(controls, map, page)), [1, 2, 3, 4]);
    }
    // What is not present, and addresses beyond 4 GiB.
    put(root + 8, 0n);
    put(root + 16, 0x12_3456_7001n);
    const changed = controlsUnder(present, map, root);
    assert.deepEqual(changed.pdptes, [0x2001n, 0n, 0x12_3456_7001n, 0x5001n]);
    assert.deepEqual([physical(changed, map, QUARTERS[0]), physical(changed, map, QUARTERS[1])], [1, undefined]);
    assert.equal(present.pdptes[0], 0xb001n, 'what is latched is as it was');
  });

  it('are not asked of a device', () => {
    const made = tables();
    const { pdptes } = controlsUnder({ ...NO_PAGING, mode: 'PAE' }, made.map, DEVICE_PAGE * PAGE);
    assert.deepEqual([pdptes.length, made.asked], [4, 0]);
  });
});
