/** BTF of each kind, written here byte by byte as the kernel's documentation says (Documentation/bpf/btf.rst). */
import assert from 'node:assert/strict';
import { Btf } from '../../../debugger/linux/btf';
import { SymbolFileError } from '../../../debugger/symbols/bytes';
import { memberNamed, sizeOf, stripType, typeName } from '../../../debugger/symbols/types';

/** Writes the description of types, numbered from 1. */
class Writer {
  private readonly words: number[] = [];
  private readonly names: number[] = [0];

  add(kind: number, name: string, sizeOrType: number, { parts = [], extra = [], flag = false, count = parts.length }: {
    parts?: readonly (readonly number[])[]; extra?: readonly number[]; flag?: boolean; count?: number;
  } = {}): this {
    this.words.push(this.name(name), ((kind << 24) | count | (flag ? 1 << 31 : 0)) >>> 0, sizeOrType, ...extra, ...parts.flat());
    return this;
  }

  name(text: string): number {
    if (text === '') return 0;
    const at = this.names.length;
    this.names.push(...new TextEncoder().encode(text), 0);
    return at;
  }

  bytes(): Uint8Array {
    const types = 4 * this.words.length;
    const bytes = new Uint8Array(24 + types + this.names.length);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, 0xeb9f, true);
    view.setUint8(2, 1);
    for (const [i, word] of [24, 0, types, types, this.names.length, ...this.words].entries()) view.setUint32(4 + 4 * i, word, true);
    bytes.set(this.names, 24 + types);
    return bytes;
  }
}

/** INT's last word: encoding, offset, bits. */
const SIGNED = (1 << 24) | 32, UNSIGNED = 32, CHAR = (1 << 24) | 8, BOOL = (4 << 24) | 8;

function example(): Writer {
  const w = new Writer();
  w.add(1, 'int', 4, { extra: [SIGNED] });                                    // 1
  w.add(1, 'char', 1, { extra: [CHAR] });                                     // 2
  w.add(1, 'unsigned int', 4, { extra: [UNSIGNED] });                         // 3
  w.add(4, 'list_head', 16, { parts: [[w.name('next'), 5, 0], [w.name('prev'), 5, 64]] }); // 4
  w.add(2, '', 4);                                                            // 5: struct list_head *
  w.add(3, '', 0, { extra: [2, 1, 16] });                                     // 6: char [16]
  w.add(5, '', 4, { parts: [[w.name('whole'), 3, 0], [w.name('part'), 2, 0]] }); // 7: anonymous union
  w.add(4, 'task', 48, { flag: true, parts: [
    [w.name('tasks'), 4, 0], [w.name('comm'), 6, 128], [0, 7, 256], [w.name('low'), 3, (3 << 24) | 288], [w.name('high'), 3, (29 << 24) | 291],
  ] });                                                                        // 8
  w.add(8, 'task_t', 8);                                                      // 9
  w.add(10, '', 8);                                                           // 10: const struct task
  w.add(2, '', 10);                                                           // 11: const struct task *
  w.add(6, 'state', 4, { flag: true, parts: [[w.name('GONE'), 0xffff_ffff], [w.name('RUNS'), 0], [w.name('SLEEPS'), 1]] }); // 12
  w.add(19, 'wide', 8, { parts: [[w.name('BIG'), 1, 2]] });                   // 13
  w.add(13, '', 1, { parts: [[0, 11], [0, 0]] });                             // 14: int (const struct task *, ...)
  w.add(2, '', 14);                                                           // 15
  w.add(14, 'current_task', 11, { extra: [1] });                              // 16
  w.add(15, '.data..percpu', 8, { parts: [[16, 0, 8]] });                     // 17
  w.add(7, 'later', 0);                                                       // 18: FWD
  w.add(16, 'double', 8);                                                     // 19
  w.add(17, 'tag', 8, { extra: [0xffff_ffff] });                              // 20: DECL_TAG
  w.add(18, 'user', 8);                                                       // 21: TYPE_TAG
  w.add(12, 'call', 14);                                                      // 22: FUNC
  w.add(1, '_Bool', 1, { extra: [BOOL] });                                    // 23
  w.add(3, '', 0, { extra: [6, 1, 3] });                                      // 24: char [3][16]
  w.add(9, '', 1).add(11, '', 5);                                             // 25: volatile int, 26: restrict
  return w;
}

describe("the kernel's BTF", () => {
  const btf = Btf.parse(example().bytes(), 8);

  it('lays out records: members, anonymous unions, bit fields', () => {
    const task = btf.record('task');
    assert.ok(task);
    assert.deepEqual([task.kind, task.name, task.size], ['struct', 'task', 48]);
    const places = ['tasks', 'comm', 'whole', 'part'].map((name) => memberNamed(task, name)?.offset);
    assert.deepEqual(places, [0, 16, 32, 32]);
    assert.deepEqual(['low', 'high'].map((name) => memberNamed(task, name)?.bits), [{ offset: 288, size: 3 }, { offset: 291, size: 29 }]);
    const list = memberNamed(task, 'tasks')?.type;
    assert.ok(list);
    const next = stripType(list);
    assert.ok('members' in next);
    assert.equal(typeName(next.members[0].type), 'struct list_head *');
  });

  it('spells types as C does, and knows their sizes', () => {
    const spelled: readonly (readonly [number, string, number])[] = [
      [1, 'int', 4], [5, 'struct list_head *', 8], [6, 'char [16]', 16], [9, 'task_t', 48], [11, 'const struct task *', 8],
      [15, 'int (*)(const struct task *, ...)', 8], [19, 'double', 8], [24, 'char [3][16]', 48], [25, 'volatile int', 4], [18, 'struct later', 0],
    ];
    for (const [id, name, size] of spelled) assert.deepEqual([typeName(btf.type(id)), sizeOf(btf.type(id))], [name, size]);
  });

  it('gives enumerations their signs and widths', () => {
    const state = btf.typeNamed('enum state'), wide = btf.typeNamed('wide');
    assert.deepEqual(state?.kind === 'enum' && state.enumerators.map(({ name, value }) => [name, value]), [['GONE', -1n], ['RUNS', 0n], ['SLEEPS', 1n]]);
    assert.deepEqual(wide?.kind === 'enum' && wide.enumerators, [{ name: 'BIG', value: 0x2_0000_0001n }]);
  });

  it('finds types by name, with and without the keyword, and variables apart from them', () => {
    assert.equal(btf.typeNamed('struct task'), btf.typeNamed('task'));
    assert.equal(btf.typeNamed('union task'), undefined);
    assert.equal(btf.typeNamed('current_task'), undefined);
    assert.equal(btf.variable('task'), undefined);
    assert.equal(typeName(btf.variable('current_task')?.type ?? btf.type(0)), 'const struct task *');
  });

  it('says what is broken, and where', () => {
    const bytes = example().bytes();
    assert.throws(() => Btf.parse(new Uint8Array(64), 8), /there is no BTF/);
    assert.throws(() => Btf.parse(bytes.subarray(0, 20), 8), SymbolFileError);
    const version = bytes.slice();
    version[2] = 9;
    assert.throws(() => Btf.parse(version, 8), /version 9 of BTF is not known/);
    assert.throws(() => Btf.parse(new Writer().add(30, '', 0).bytes(), 8), /kind 30 is not known/);
    assert.throws(() => Btf.parse(new Writer().add(4, 'cut', 8, { count: 40 }).bytes(), 8), /a type is cut off/);
    assert.throws(() => btf.type(999), /there is no type 999/);
    assert.throws(() => stripType(Btf.parse(new Writer().add(8, 'x', 77).bytes(), 8).type(1)), /there is no type 77/);
    assert.throws(() => Btf.parse(new Writer().add(3, '', 0, { extra: [1, 1, 4] }).bytes(), 8).type(1), /type 1 is defined by itself/);
  });

  it('never does more than throw SymbolFileError, whatever byte is wrong', () => {
    const bytes = example().bytes();
    for (let at = 0; at < bytes.length; at++) {
      const broken = bytes.slice();
      broken[at] ^= 0x5a;
      try {
        const read = Btf.parse(broken, 8);
        for (let id = 0; id <= read.count; id++) typeName(read.type(id));
      } catch (error) {
        assert.ok(error instanceof SymbolFileError, `byte ${at}: ${String(error)}`);
      }
    }
  });
});
