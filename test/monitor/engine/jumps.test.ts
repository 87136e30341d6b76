/** Jumps that have led somewhere before: what they lead to changes by page tables, by address space, and by writes to code. */
import assert from 'node:assert/strict';
import { HLT, code, le32, type Guest } from '../cpu/guest';
import { DIRECTORY, FIRST, FUNCTION, OTHER_DIRECTORY, PRESENT_WRITABLE_USER, SECOND, TABLE, entryOf, guestOfTwoSpaces } from './twoSpaces';

/** mov ebx, value; ret. */
const gives = (value: number): readonly number[] => code(0xbb, le32(value), 0xc3);
/** call eax, three times: jumps are remembered from the second on. */
const CALLS = [0xff, 0xd0, 0xff, 0xd0, 0xff, 0xd0];
/** push ebx. */
const KEEP = 0x53;
/** mov dword [address], value. */
const store = (address: number, value: number): readonly number[] => code([0xc7, 0x05], le32(address), le32(value));
/** mov byte [address], value. */
const storeByte = (address: number, value: number): readonly number[] => code([0xc6, 0x05], le32(address), value);

const paged = (program: readonly number[]): Guest => guestOfTwoSpaces(code(0xb8, le32(FUNCTION), program, HLT), [gives(1), gives(2)]);

/** What was kept, first things first. */
function kept(guest: Guest, count: number): readonly number[] {
  guest.runToHalt();
  return [...guest.stack(count)].reverse();
}

describe('jumps that have been taken before', () => {
  it('lead to the frame that the page table names now', () => {
    const guest = paged(code(CALLS, KEEP, store(entryOf(TABLE, FUNCTION), SECOND | PRESENT_WRITABLE_USER), CALLS, KEEP, store(entryOf(TABLE, FUNCTION), FIRST | PRESENT_WRITABLE_USER), CALLS, KEEP));
    assert.deepEqual(kept(guest, 3), [1, 2, 1]);
  });

  it('lead to what was written there', () => {
    const guest = paged(code(CALLS, KEEP, storeByte(FIRST + 1, 5), CALLS, KEEP, storeByte(FUNCTION + 1, 6), CALLS, KEEP));
    assert.deepEqual(kept(guest, 3), [1, 5, 6]);
  });

  it('lead to each address space\'s own page', () => {
    // mov ecx, directory; mov cr3, ecx
    const enter = (directory: number): readonly number[] => code(0xb9, le32(directory), [0x0f, 0x22, 0xd9]);
    const guest = paged(code(CALLS, KEEP, enter(OTHER_DIRECTORY), CALLS, KEEP, enter(DIRECTORY), CALLS, KEEP));
    assert.deepEqual(kept(guest, 3), [1, 2, 1]);
  });

  it('fault when the page has gone', () => {
    const guest = paged(code(CALLS, store(entryOf(TABLE, FUNCTION), 0), CALLS));
    guest.executor.stopVectors = new Set([14]);
    const outcome = guest.run(1000);
    assert.equal(outcome.kind === 'exception' ? outcome.fault.vector : outcome.kind, 14);
    assert.equal(guest.state.eip, FUNCTION);
  });
});
