/** Unwinding by ORC tables that are written here as the kernel has them (asm/orc_types.h), over stacks that are written here, too. */
import assert from 'node:assert/strict';
import { OrcTable, orcStep, type OrcState } from '../../../debugger/linux/orc';

const BASE = 0xffff_ffff_8200_0000n, CODE = 0xffff_ffff_8100_0000n, STACK = 0xffff_c900_0000_1000n;
const SP = 5, BP = 4, PREVIOUS_SP = 1, BP_INDIRECT = 8, SP_INDIRECT = 9, UNDEFINED = 0;

interface Row {
  /** Offset of the code that it is for. */
  readonly at: number;
  readonly sp: readonly [register: number, offset: number];
  readonly bp?: readonly [register: number, offset: number];
  readonly kind: number;
  /** More bits of the last word. */
  readonly bits?: number;
}

function tableOf(rows: readonly Row[]): OrcTable {
  const addresses = new DataView(new ArrayBuffer(4 * rows.length)), entries = new DataView(new ArrayBuffer(6 * rows.length));
  for (const [i, { at, sp, bp = [UNDEFINED, 0], kind, bits = 0 }] of rows.entries()) {
    addresses.setInt32(4 * i, Number(CODE + BigInt(at) - BASE) - 4 * i, true);
    entries.setInt16(6 * i, sp[1], true);
    entries.setInt16(6 * i + 2, bp[1], true);
    entries.setUint16(6 * i + 4, sp[0] | (bp[0] << 4) | (kind << 8) | bits, true);
  }
  return new OrcTable(BASE, new Uint8Array(addresses.buffer), new Uint8Array(entries.buffer));
}

/** Many calls, as in every kernel: they say which format it is. */
function calls(kind: number, from: number): Row[] {
  return Array.from({ length: 50 }, (_, i) => ({ at: from + 16 * i, sp: [SP, 8], kind }));
}

function stackOf(words: readonly bigint[]): (address: bigint) => Promise<bigint | undefined> {
  return async (address) => words[Number((address - STACK) / 8n)];
}

function stateOf(at: number, registers: readonly (readonly [string, bigint])[] = [], sp = STACK): OrcState {
  return { pc: CODE + BigInt(at), sp, registers: new Map([...registers, ['rsp', sp]]), interrupted: false };
}

/** Numbers of the kinds of frames: to 6.3, and since 6.4. */
const FORMATS = [
  { name: 'to 6.3', call: 0, registers: 1, interruptFrame: 2, end: { kind: 0, bits: 0x400 } },
  { name: 'since 6.4', call: 2, registers: 3, interruptFrame: 4, end: { kind: 1, bits: 0 } },
];

for (const format of FORMATS) {
  describe(`ORC tables, ${format.name}`, () => {
    const table = tableOf([
      { at: 0, sp: [SP, 24], bp: [PREVIOUS_SP, -16], kind: format.call },
      { at: 0x40, sp: [BP, 16], bp: [BP, 0], kind: format.call },
      { at: 0x80, sp: [BP_INDIRECT, -8], kind: format.call },
      { at: 0xc0, sp: [SP_INDIRECT, 8], kind: format.call },
      { at: 0x100, sp: [SP, 0], kind: format.registers },
      { at: 0x140, sp: [SP, 0], kind: format.interruptFrame },
      { at: 0x180, sp: [UNDEFINED, 0], kind: format.end.kind, bits: format.end.bits },
      ...calls(format.call, 0x1000),
    ]);
    const step = (at: number, words: readonly bigint[], registers: readonly (readonly [string, bigint])[] = []): ReturnType<typeof orcStep> =>
      orcStep(table.at(CODE + BigInt(at)), stateOf(at, registers), stackOf(words));

    it('finds a caller by the stack pointer, and the frame pointer that was saved', async () => {
      const caller = await step(0x10, [1n, 0xb9n, 0xaddn, 3n]);
      assert.ok(!('end' in caller));
      assert.deepEqual([caller.pc, caller.sp, caller.registers.get('rbp'), caller.slot], [0xaddn, STACK + 24n, 0xb9n, STACK + 16n]);
      assert.equal(caller.interrupted, false);
    });

    it('finds a caller by the frame pointer', async () => {
      const caller = await step(0x40, [0x11n, 0xb9n, 0xaddn], [['rbp', STACK + 8n]]);
      assert.ok(!('end' in caller));
      assert.deepEqual([caller.pc, caller.sp, caller.registers.get('rbp')], [0xaddn, STACK + 24n, 0xb9n]);
    });

    it('finds a caller on another stack', async () => {
      const byFrame = await step(0x80, [STACK + 32n, 1n, 2n, 0xaddn], [['rbp', STACK + 8n]]);
      assert.ok(!('end' in byFrame));
      assert.deepEqual([byFrame.pc, byFrame.sp], [0xaddn, STACK + 32n]);
      const byStack = await step(0xc0, [STACK + 24n, 1n, 2n, 0xaddn]);
      assert.ok(!('end' in byStack));
      assert.deepEqual([byStack.pc, byStack.sp], [0xaddn, STACK + 32n]);
    });

    it('finds what was interrupted, with its registers', async () => {
      const saved = Array.from({ length: 21 }, (_, i) => BigInt(0x100 + i));
      saved[17] = 0x33n;
      const user = await step(0x110, saved);
      assert.ok(!('end' in user));
      assert.deepEqual([user.pc, user.sp, user.interrupted, user.saved], [0x110n, 0x113n, true, { isUser: true, originalAx: 0x10fn }]);
      assert.deepEqual(['r15', 'rbp', 'rax', 'rdi'].map((name) => user.registers.get(name)), [0x100n, 0x104n, 0x10an, 0x10en]);
      const kernel = await step(0x140, [0xaddn, 0x10n, 0n, STACK, 0x18n], [['rbx', 7n]]);
      assert.ok(!('end' in kernel));
      assert.deepEqual([kernel.pc, kernel.sp, kernel.saved, kernel.registers.get('rbx')], [0xaddn, STACK, { isUser: false, originalAx: undefined }, 7n]);
    });

    it('ends where nobody called, where there is no entry, and where the stack is not in memory', async () => {
      assert.deepEqual(await step(0x180, []), { end: 'the outermost frame of the kernel' });
      assert.equal(table.at(CODE - 1n), undefined);
      assert.ok('end' in await orcStep(undefined, stateOf(0), stackOf([])));
      assert.deepEqual(await step(0x10, []), { end: 'the stack is not in memory' });
      assert.ok('end' in await step(0x110, [1n, 2n]));
      assert.ok('end' in await step(0x40, [1n, 2n, 3n]), 'an unknown frame pointer');
    });
  });
}
