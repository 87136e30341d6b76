/** Five-level paging: addresses of 57 bits in loads, stores, stacks, faults and bases (Intel SDM vol. 3, 4.5; vol. 1, 3.3.7.1). */
import assert from 'node:assert/strict';
import * as L from '../../../../src/monitor/cpu/layout';
import { HLT, code, type Guest } from '../guest';
import { AT, le64, longGuest } from './longGuest';
import { VECTOR, faults, firstFault, passes } from './rows';

const { GP, SS } = VECTOR;
/** Where Linux has its direct map with five levels; here all of memory is mapped there, too. */
const DIRECT_MAP = 0xff11_0000_0000_0000n;
const UPPER_TABLE = 0x120000;
const HOLE = 1n << 56n;

function guestAt(program: readonly number[]): Guest {
  const guest = longGuest(code(program, HLT), { fiveLevels: true, cr4: 0x10600 });
  const index = (level: bigint): number => Number((DIRECT_MAP >> (12n + 9n * (level - 1n))) & 511n);
  guest.put(AT.pml5 + 8 * index(5n), le64(BigInt(UPPER_TABLE | 7)));
  guest.put(UPPER_TABLE + 8 * index(4n), le64(BigInt(AT.pdpt | 7)));
  guest.put(AT.data, Array.from({ length: 0x100 }, (_, i) => i));
  guest.cpu.updatePaging();
  return guest;
}
const data = (offset: number): bigint => DIRECT_MAP + BigInt(AT.data + offset);

describe('five-level paging', function () {
  this.timeout(60_000);

  it('reads and writes at any byte of the upper half', () => {
    for (let offset = 0; offset < 9; offset++) {
      const guest = guestAt([0x8a, 0x07, 0x88, 0x47, 0x40]);
      guest.state.setReg64(L.RDI, data(offset));
      guest.run(2);
      assert.equal(guest.state.reg(L.RAX, 1), offset);
      assert.equal(guest.map.read(AT.data + 0x40 + offset, 1), offset);
    }
  });

  it('has its stack there', () => {
    const guest = guestAt([0x50, 0x9c, 0x58, 0x5b]);
    guest.state.setReg64(L.RAX, 0x1122334455667788n);
    guest.state.setReg64(L.RSP, data(0x40));
    guest.run(4);
    assert.deepEqual([guest.state.reg64(L.RSP), guest.state.reg64(L.RBX)], [data(0x40), 0x1122334455667788n]);
  });

  it('gives the exact address of a page fault', () => {
    for (const offset of [0x900001n, 0x900007n, 0x900ffdn]) {
      const guest = guestAt([0x8a, 0x07]);
      guest.state.setReg64(L.RDI, DIRECT_MAP + offset);
      assert.equal(firstFault(guest)?.linear, DIRECT_MAP + offset);
    }
  });

  it('has canonical addresses of 57 bits', () => {
    for (const [address, canonical] of [[HOLE - 8n, true], [HOLE - 7n, false], [HOLE, false], [-HOLE, true], [-HOLE - 8n, false], [1n << 47n, true]] as const) {
      const guest = guestAt([0x48, 0x8b, 0x07]);
      guest.state.setReg64(L.RDI, address);
      assert.equal(firstFault(guest)?.vector, canonical ? VECTOR.PF : GP, address.toString(16));
    }
    const stack = guestAt([0x58]);
    stack.state.setReg64(L.RSP, HOLE);
    faults(stack, [SS, 0], 'POP');
  });

  it('keeps all bits of the bases of FS and GS', () => {
    for (const reg of [2, 3]) {
      const guest = guestAt([0xf3, 0x48, 0x0f, 0xae, 0xc0 | (reg << 3)]);
      guest.state.setReg64(L.RAX, DIRECT_MAP + 5n);
      passes(guest, 'WRFSBASE, WRGSBASE');
      assert.equal(guest.state.u64(L.SEGMENTS + L.SEGMENT_BYTES * (reg === 2 ? L.FS : L.GS)), DIRECT_MAP + 5n);
    }
  });
});
