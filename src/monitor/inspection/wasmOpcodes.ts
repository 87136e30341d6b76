/**
 * WebAssembly's instructions as text needs them: names as in the specification, what each takes off the stack, and what stands behind
 * its opcode. Those that our emitters use (engine/wasm).
 */
import { OP } from '../engine/wasm/encoding';
import { FLOAT_OP, LANE_OP, VECTOR_NAMES, VECTOR_OP } from '../engine/wasm/vectorOpcodes';

export interface Operation {
  readonly name: string;
  readonly operands: number;
  /** Whether it gives a value. */
  readonly gives: boolean;
  /** What stands behind the opcode. */
  readonly behind: 'nothing' | 'memory' | 'memoryAndLane' | 'lane' | 'sixteen';
}

/** Names with an underscore before which there is no dot. */
const WHOLE_NAMES: ReadonlySet<string> = new Set(['br_if', 'return_call', 'return_call_indirect']);
const dotted = (name: string): string => (WHOLE_NAMES.has(name) ? name : name.replace('_', '.'));

/** Operations of one operand, of vectors, by their names. */
const VECTOR_UNARY = /\.(not|abs|neg|popcnt|sqrt|ceil|floor|trunc|nearest|any_true|all_true|bitmask|splat)|(extend|extadd|trunc_sat|promote|demote|convert)_/;

function plainOperation(name: string, op: number): Operation {
  const text = dotted(name);
  if (/\.load/.test(text)) return { name: text, operands: 1, gives: true, behind: 'memory' };
  if (/\.store/.test(text)) return { name: text, operands: 2, gives: false, behind: 'memory' };
  if (op === OP.select) return { name: text, operands: 3, gives: true, behind: 'nothing' };
  return { name: text, operands: isUnary(op) ? 1 : 2, gives: true, behind: 'nothing' };
}

/** Numeric instructions of one operand (section 5.4.6). */
function isUnary(op: number): boolean {
  return op === OP.i32_eqz || op === OP.i64_eqz || (op >= 0x67 && op <= 0x69) || (op >= 0x79 && op <= 0x7b) || (op >= 0x99 && op <= 0x9f) || op >= 0xa7;
}

function vectorOperations(): [number, Operation][] {
  const found: [number, Operation][] = [...VECTOR_NAMES].map(([op, name]) => {
    const operands = name === 'v128.bitselect' ? 3 : VECTOR_UNARY.test(name) ? 1 : 2;
    return [op, { name, operands, gives: true, behind: 'nothing' }];
  });
  const memory = { load: 'v128.load', load32_zero: 'v128.load32_zero', load64_zero: 'v128.load64_zero' } as const;
  for (const [key, name] of Object.entries(memory)) found.push([VECTOR_OP[key as keyof typeof memory], { name, operands: 1, gives: true, behind: 'memory' }]);
  found.push(
    [VECTOR_OP.store, { name: 'v128.store', operands: 2, gives: false, behind: 'memory' }],
    [VECTOR_OP.store32_lane, { name: 'v128.store32_lane', operands: 2, gives: false, behind: 'memoryAndLane' }],
    [VECTOR_OP.store64_lane, { name: 'v128.store64_lane', operands: 2, gives: false, behind: 'memoryAndLane' }],
    [VECTOR_OP.const, { name: 'v128.const', operands: 0, gives: true, behind: 'sixteen' }],
    [VECTOR_OP.shuffle, { name: 'i8x16.shuffle', operands: 2, gives: true, behind: 'sixteen' }],
  );
  for (const [shape, { splat, extract, replace }] of Object.entries(LANE_OP)) {
    const suffix = shape === 'i8x16' || shape === 'i16x8' ? '_u' : '';
    found.push(
      [splat, { name: `${shape}.splat`, operands: 1, gives: true, behind: 'nothing' }],
      [extract, { name: `${shape}.extract_lane${suffix}`, operands: 1, gives: true, behind: 'lane' }],
      [replace, { name: `${shape}.replace_lane`, operands: 2, gives: true, behind: 'lane' }],
    );
  }
  for (const [bits, { splat, extract, truncate, convert }] of Object.entries(FLOAT_OP)) {
    const [shape, float] = bits === '32' ? ['f32x4', 'f32'] : ['f64x2', 'f64'];
    found.push([splat, { name: `${shape}.splat`, operands: 1, gives: true, behind: 'nothing' }], [extract, { name: `${shape}.extract_lane`, operands: 1, gives: true, behind: 'lane' }]);
    for (const [width, op] of Object.entries(truncate)) found.push([op, { name: `i${width}.trunc_sat_${float}_s`, operands: 1, gives: true, behind: 'nothing' }]);
    for (const [width, op] of Object.entries(convert)) found.push([op, { name: `${float}.convert_i${width}_s`, operands: 1, gives: true, behind: 'nothing' }]);
  }
  return found;
}

/** Instructions that are neither about control, locals and globals, nor constants, by their opcodes (as ByteWriter.opcode takes them). */
export const OPERATIONS: ReadonlyMap<number, Operation> = new Map([
  ...Object.entries(OP).filter(([, op]) => op === OP.select || op >= OP.i32_load).filter(([, op]) => op !== OP.i32_const && op !== OP.i64_const).map(([name, op]) => [op, plainOperation(name, op)] as const),
  ...vectorOperations(),
]);
