/**
 * The text of a listing: where instructions stand in it, and what is said of symbols.
 */
import assert from 'node:assert/strict';
import { listingText } from '../../debugger/disassembly/listingText';

const row = (address: string, symbol: string | undefined, instructionBytes: string, instruction: string) =>
  ({ address, instructionBytes, instruction, ...(symbol === undefined ? {} : { symbol }) });

describe('the text of a listing', () => {
  it('has symbols as heads, also for code that begins in one, and instructions within the width of a narrow editor', () => {
    const { text, lines } = listingText([
      row('0xd10f3dc5', 'rcu_jiffies_till_stall_check+0x35', 'c7 05 00 bf d6 d1 01 00 00 00', 'mov dword ptr [0xd1d6bf00], 1'),
      row('0xd10f3dcf', 'rcu_jiffies_till_stall_check+0x3f', 'c3', 'ret'),
      row('0xd10f3de0', 'rcu_panic', '3e 8d 74 26 00', 'lea esi, [esi]'),
      row('0xd10f3de5', 'rcu_panic+0x5', '55', 'push ebp'),
    ]);
    assert.deepEqual(text.split('\n'), [
      'rcu_jiffies_till_stall_check:',
      '0xd10f3dc5 +0x35  c7 05 00 bf d6 d1 01 00 00 00 mov dword ptr [0xd1d6bf00], 1',
      '0xd10f3dcf +0x3f  c3                 ret',
      'rcu_panic:',
      '0xd10f3de0        3e 8d 74 26 00     lea esi, [esi]',
      '0xd10f3de5 +0x5   55                 push ebp',
      '',
    ]);
    assert.deepEqual([...lines], [[0xd10f3dc5n, 2], [0xd10f3dcfn, 3], [0xd10f3de0n, 5], [0xd10f3de5n, 6]]);
  });

  it('keeps with a name whose it is: a module, or a process', () => {
    const { text } = listingText([row('0x1012', 'ext4_iget+0x12 [ext4]', '90', 'nop'), row('0x8049234', '/bin/busybox+0x1234 — sh (1)', '90', 'nop')]);
    assert.deepEqual(text.split('\n').filter((line) => line.endsWith(':')), ['ext4_iget [ext4]:', '/bin/busybox — sh (1):']);
    assert.match(text, /^0x8049234 \+0x1234 /m);
  });

  it('has selector and offset beside the address in real mode, where no name is known, and a head again behind such code', () => {
    const { text } = listingText([
      row('0x000f0000', 'f000:0000', '90', 'nop'), row('0x000f0001', 'start', '90', 'nop'), row('0x000f0002', 'f000:0002', '90', 'nop'), row('0x000f0003', 'start+0x2', '90', 'nop'),
    ]);
    assert.deepEqual(text.split('\n').map((line) => line.slice(0, 20).trimEnd()), ['0x000f0000 f000:0000', 'start:', '0x000f0001', '0x000f0002 f000:0002', 'start:', '0x000f0003 +0x2', '']);
  });

  it('has no column for names where there are none', () => {
    assert.equal(listingText([row('0x00001000', undefined, '90', 'nop')]).text, '0x00001000  90                 nop\n');
  });
});
