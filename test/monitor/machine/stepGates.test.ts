/** Where a step that runs freely has to look again: wherever the code may leave its ranges, and nowhere else. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { gatesOf } from '../../../src/monitor/machine/stepGates';
import { AT, code, le32, movEax, NOP, protectedGuest, realGuest, type Guest } from '../cpu/guest';
import { randomCode } from '../isa/randomCode';

const START = AT.code;

/** The gates of the code from START to `end` bytes behind it, as distances from START. */
function gates(program: readonly number[], ...ranges: readonly (readonly [start: number, end: number])[]): readonly number[] | undefined {
  const list = ranges.map(([start, end]) => ({ start: BigInt(START + start), end: BigInt(START + end) }));
  const found = gatesOf(protectedGuest(program).executor, list);
  return found && [...found].map((linear) => linear - START).sort((a, b) => a - b);
}

describe('the gates of a step', function () {
  this.timeout(60_000);

  it('are the end alone where the code can only fall through or jump inside', () => {
    // mov eax, 1; dec eax; jnz back; nop
    assert.deepEqual(gates(code(movEax(1), 0x48, [0x75, 0xfd], NOP), [0, 9]), [9]);
  });

  it('are the targets of jumps that lead out, forwards and backwards', () => {
    // jz +10h; loop -20h; jmp +100h
    const program = code([0x74, 0x10], [0xe2, 0xe0], 0xe9, le32(0x100));
    assert.deepEqual(gates(program, [0, 9]), [2 + 0x10, 4 - 0x20, 9 + 0x100, 9].sort((a, b) => a - b));
  });

  it('are calls, returns, indirect jumps, interrupts, HLT and ports themselves', () => {
    for (const [what, bytes] of Object.entries({
      'call rel32': [0xe8, ...le32(0x1000)], 'call eax': [0xff, 0xd0], 'jmp eax': [0xff, 0xe0], 'ret': [0xc3], 'iret': [0xcf],
      'int 30h': [0xcd, 0x30], 'hlt': [0xf4], 'in al, 60h': [0xe4, 0x60], 'mov cr3, eax': [0x0f, 0x22, 0xd8],
    })) assert.deepEqual(gates(code(NOP, bytes, NOP), [0, bytes.length + 2]), [1, bytes.length + 2], what);
  });

  it('leave out what leads from one range into another', () => {
    // First: jmp to the second. Second, at 40h: jnz to the first; nop.
    const program = code([0xeb, 0x3e], Array.from({ length: 0x3e }, () => NOP), [0x75, 0xbe], NOP);
    assert.deepEqual(gates(program, [0, 2], [0x40, 0x43]), [2, 0x43]);
  });

  it('cut the targets of 16-bit jumps to the segment', () => {
    // jmp -7F00h from 7C00h in a segment of 64 KiB: around its lower end.
    const guest = realGuest(code(0xe9, [0x00, 0x81]));
    const found = gatesOf(guest.executor, [{ start: 0x7c00n, end: 0x7c03n }]);
    assert.deepEqual(found && [...found].sort((a, b) => a - b), [0x7c03, (0x7c03 - 0x7f00) & 0xffff]);
  });

  it('are unknown where there is no code, or very much of it', () => {
    const guest = protectedGuest([]);
    guest.state.setU32(L.CR0, 0x80000011);
    guest.cpu.updatePaging();
    assert.equal(gatesOf(guest.executor, [{ start: 0x90000000n, end: 0x90000010n }]), undefined, 'not mapped');
    assert.equal(gates([NOP], [0, 1 << 20]), undefined);
  });

  it('let no random code out of its range unseen', () => {
    let left = 0;
    for (const stream of randomCode(5, 400)) left += leavesSeen([...stream]);
    assert.ok(left > 50, `${left} streams were left`);
  });
});

/** Steps through code, and checks every way out of its range against the gates. Gives 1 if it was left, 0 if not. */
function leavesSeen(stream: readonly number[]): number {
  const range = { start: BigInt(START), end: BigInt(START + stream.length) };
  const guest = protectedGuest(stream);
  for (let i = 0; i < 8; i++) guest.state.setReg(i, i === L.RSP ? AT.stack0 - 0x1000 : AT.data + i * 0x100);
  const found = gatesOf(guest.executor, [range]);
  if (!found) return 0;
  for (let count = 0; count < 50; count++) {
    const from = guest.executor.linear();
    // An interrupt or a fault is told by the executor itself.
    if (!stepQuietly(guest)) return 0;
    const to = guest.executor.linear();
    if (to >= START && to < START + stream.length) continue;
    assert.ok(found.has(from) || found.has(to), `from ${from.toString(16)} to ${to.toString(16)} in ${Buffer.from(stream).toString('hex')}`);
    return 1;
  }
  return 0;
}

/** One instruction; false when it did not come to its end. */
function stepQuietly(guest: Guest): boolean {
  const before = guest.executor.retired();
  const { kind } = guest.executor.run(1, true);
  return kind === 'budget' && guest.executor.retired() === before + 1;
}
