/**
 * Near returns in generated code: back into the region that has made the call on the host's stack, where the guest's return leads to behind that call
 * (../memory/returnStack).
 */
import { REMAINING } from '../cpu/layout';
import { MONITOR_WORDS, RETURN_ENTRY_BYTES, RETURN_STACK } from '../memory/layout';
import type { FunctionBody } from './controlFunctions';
import { CPU, at } from './operandEmitter';
import { regionImportSignature } from './regionImports';
import { I32, I64, OP } from './wasm/encoding';
import { binary, i32, load, select, type Expression } from './wasm/expressions';
import { FunctionBuilder } from './wasm/functionBuilder';

/** Places under the last one that a return is looked for at: what stands above it was left without a return, by a switch of stacks for one. */
const DEEPEST = 8;

/** Address of the last place that a return is waited for at. */
export const returnTop = (): Expression => load(OP.i32_load, I32, CPU, MONITOR_WORDS.returnTop);

/** Notes where a return is waited for from now on. */
export function setReturnTop(b: FunctionBuilder, top: Expression): void {
  b.store(OP.i32_store, CPU, MONITOR_WORDS.returnTop, top);
}

/** The place below another one. */
const below = (entry: Expression): Expression => binary(OP.i32_sub, I32, entry, i32(RETURN_ENTRY_BYTES));

/** Returns, for an offset in CS (i64) that is waited for; falls through otherwise. */
export function returnIfAwaited(b: FunctionBuilder, offset: Expression): void {
  const top = b.let(returnTop());
  b.if(binary(OP.i64_eq, I32, load(OP.i64_load, I64, top, 0), offset), () => {
    setReturnTop(b, below(top));
    b.return();
  });
}

/**
 * The way from translated code to an offset in CS that a return leads to, and that is not the last one which is waited for (parameters: offset, the
 * budget): back to one below that, or as any jump goes.
 */
export function emitBack(jump: number): FunctionBody {
  const b = new FunctionBuilder(regionImportSignature('back').parameters);
  const [offset, remaining] = [b.parameter(0), b.parameter(1)];
  b.store(OP.i32_store, CPU, at(REMAINING), remaining);
  const entry = b.local(I32);
  b.set(entry, returnTop());
  const end = b.let(binary(OP.i32_sub, I32, entry, i32(DEEPEST * RETURN_ENTRY_BYTES)));
  const last = b.let(select(binary(OP.i32_gt_s, I32, end, i32(RETURN_STACK)), end, i32(RETURN_STACK)));
  b.loopBlock(() => {
    const again = b.nesting;
    b.if(binary(OP.i64_eq, I32, load(OP.i64_load, I64, entry, 0), offset), () => {
      setReturnTop(b, below(entry));
      b.return();
    });
    b.set(entry, below(entry));
    b.branch(again, binary(OP.i32_ge_s, I32, entry, last));
  });
  b.returnCall(jump, [offset]);
  return { locals: b.locals, code: b.finish() };
}
