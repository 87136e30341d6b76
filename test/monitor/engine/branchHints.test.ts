/** Branches that are nearly never taken are told to the compiler, where they stand (WebAssembly Branch Hinting proposal). */
import assert from 'node:assert/strict';
import { believeBranchHints, compileOptimized } from '../../../src/host/node/optimizedCompilation';
import { FunctionBuilder } from '../../../src/monitor/engine/wasm/functionBuilder';
import { I32, I64, OP } from '../../../src/monitor/engine/wasm/encoding';
import { binary, i32, i64 } from '../../../src/monitor/engine/wasm/expressions';
import { ModuleBuilder } from '../../../src/monitor/engine/wasm/moduleBuilder';

const CODE = 10;

/** Reads the format's numbers one after the other. */
class Reader {
  at: number;
  constructor(private readonly bytes: Uint8Array, start = 0) {
    this.at = start;
  }

  u32(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }
}

/** The hints of a module: for each function the positions from its list of locals on, and what stands there. */
function hintsOf(bytes: Uint8Array): readonly { readonly fn: number; readonly opcodes: readonly (number | undefined)[]; readonly likely: readonly number[] }[] {
  const [section] = WebAssembly.Module.customSections(new WebAssembly.Module(bytes as BufferSource), 'metadata.code.branch_hint');
  if (!section) return [];
  const r = new Reader(new Uint8Array(section));
  const bodies = bodiesOf(bytes);
  return Array.from({ length: r.u32() }, () => {
    const fn = r.u32();
    const hints = Array.from({ length: r.u32() }, () => {
      const position = r.u32();
      assert.equal(r.u32(), 1);
      return { position, likely: r.u32() };
    });
    assert.deepEqual(hints.map(({ position }) => position), hints.map(({ position }) => position).sort((a, b) => a - b));
    return { fn, opcodes: hints.map(({ position }) => bodies[fn]?.[position]), likely: hints.map(({ likely }) => likely) };
  });
}

function bodiesOf(bytes: Uint8Array): readonly Uint8Array[] {
  const r = new Reader(bytes, 8);
  for (;;) {
    const id = r.u32();
    const end = r.u32() + r.at;
    if (id === CODE) break;
    r.at = end;
  }
  return Array.from({ length: r.u32() }, () => {
    const length = r.u32();
    const body = bytes.subarray(r.at, r.at + length);
    r.at += length;
    return body;
  });
}

/** A function that returns 100 and so on by a way out if its parameter is one of `leaves`, and 7 otherwise. */
function leaving(module: ModuleBuilder, leaves: readonly number[]): void {
  const b = new FunctionBuilder([I32]);
  // Locals of two types, so that their list is longer.
  b.set(b.local(I64), i64(1n));
  const result = b.local(I32);
  b.set(result, i32(7));
  b.if(b.parameter(0), () => {
    leaves.forEach((value, i) => b.if(binary(OP.i32_eq, I32, b.parameter(0), i32(value)), () => {
      b.set(result, i32(100 + i));
      b.leave(0);
    }));
    b.set(result, i32(8));
  });
  b.return(result);
  const code = b.finish([(): void => b.return(result)]);
  const fn = module.declare();
  module.define(fn, module.type([I32], [I32]), b.locals, code);
  module.exportFunction(`f${fn}`, fn);
}

describe('branch hints', () => {
  it('are given for conditions that lead to a way out, in all functions that have any, and change nothing', () => {
    const module = new ModuleBuilder();
    for (const leaves of [[], [3], [5, 4, 300]]) leaving(module, leaves);
    const bytes = module.build();
    assert.deepEqual(hintsOf(bytes), [
      { fn: 1, opcodes: [OP.if], likely: [0] },
      { fn: 2, opcodes: [OP.if, OP.if, OP.if], likely: [0, 0, 0] },
    ]);
    believeBranchHints();
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
    for (const compile of [(code: Uint8Array): WebAssembly.Module => new WebAssembly.Module(code as BufferSource), compileOptimized]) {
      const { exports } = new WebAssembly.Instance(compile(bytes), { env: { memory } });
      const call = exports.f2 as (value: number) => number;
      assert.deepEqual([0, 1, 3, 4, 5, 300].map((value) => call(value)), [7, 8, 8, 101, 100, 102]);
    }
  });
});
