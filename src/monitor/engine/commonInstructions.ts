/**
 * Which instructions the interpreter's loop knows, and which two that follow one another it executes at once. What costs in code that
 * runs a few times is the jump to the next instruction's case, which the host's processor predicts wrongly there: pairs save a third of the jumps.
 */
import { dependsOnModel } from '../isa/definitions';
import { CONDITION_SUFFIXES } from '../isa/opcodeTable';
import type { HandlerKey } from './handlerShape';

/** Instructions of compilers' code, but for what is rare in it. */
const COMMON = new Set([
  'mov', 'lea', 'push', 'pop', 'leave', 'xchg', 'movzx8', 'movzx16', 'movsx8', 'movsx16', 'movsxd', 'cbw', 'cwd', 'nop', 'bswap',
  'add', 'adc', 'sub', 'sbb', 'cmp', 'inc', 'dec', 'neg', 'mul', 'imul', 'imul2', 'imul3', 'div', 'and', 'or', 'xor', 'not', 'test',
  'shl', 'shr', 'sar', 'rol', 'ror', 'shld', 'shrd', 'bt', 'bts', 'btr', 'bsf', 'bsr', 'tzcnt', 'lzcnt',
  'jmp', 'jmpIndirect', 'call', 'callIndirect', 'ret', 'retImmediate',
  ...CONDITION_SUFFIXES.flatMap((suffix) => [`j${suffix}`, `set${suffix}`, `cmov${suffix}`]),
]);

/** Those of them that are common in 16 bits, and those that are not where an operand is in memory. */
const COMMON_IN_16_BITS = new Set(['mov', 'cmp', 'test', 'and', 'add']);
const COMMON_IN_REGISTERS = new Set([
  'xchg', 'adc', 'sbb', 'neg', 'not', 'mul', 'imul', 'imul2', 'imul3', 'div', 'shl', 'shr', 'sar', 'rol', 'ror', 'shld', 'shrd', 'bt', 'bts', 'btr', 'bsf', 'bsr', 'tzcnt', 'lzcnt',
  ...CONDITION_SUFFIXES.flatMap((suffix) => [`set${suffix}`, `cmov${suffix}`]),
]);

/**
 * Whether the loop of a kind of code, 64-bit or other, has a case for a handler. That of other code is for the flat model. V8's optimising
 * compiler takes memory by the loop's size, so that what is rare stays outside.
 */
export function isCommon({ name, shape: { size, kinds, model } }: HandlerKey, long: boolean): boolean {
  if (!COMMON.has(name)) return false;
  // A hard case of 64 bits is found out with a part done.
  if (name === 'div' && size === 64) return false;
  if (dependsOnModel(name)) return model === (long ? 'long' : 'flat') && size === (long ? 64 : 32);
  if (size === 16 && (kinds.includes('S') || !COMMON_IN_16_BITS.has(name))) return false;
  const isMemory = kinds.some((kind) => kind !== 'r' && kind !== 'i');
  return !kinds.includes('D') && !(isMemory && COMMON_IN_REGISTERS.has(name));
}

/**
 * Instructions that pairs are made of, by name, size and kinds of operands: what begins one, what ends one behind any of those, and
 * comparisons, which begin one with any conditional jump. They are the most frequent ones in Debian's kernels and programs, where pairs of
 * them are half (64-bit code) to six tenths of all neighbours in a block.
 */
export const PAIRED = {
  other: {
    first: words('mov.32.rF mov.32.rr mov.32.Fr mov.32.ri mov.32.Fi lea.32.rF push.32.r pop.32.r xor.32.rr test.32.rr add.32.rr add.32.ri sub.32.ri and.32.ri cmp.32.ri cmp.32.rr'),
    second: words('mov.32.rF mov.32.rr mov.32.Fr mov.32.ri mov.32.Fi lea.32.rF push.32.r pop.32.r xor.32.rr test.32.rr add.32.rr add.32.ri cmp.32.ri cmp.32.rr jz.32. jnz.32. jmp.32. call.32. ret.32.'),
    comparison: words('cmp.32.ri cmp.32.rr cmp.32.rF cmp.32.Fi cmp.8.Fi cmp.8.ri test.32.rr test.8.rr test.8.Fi test.8.ri'),
  },
  long: {
    first: words('mov.64.rL mov.64.rr mov.64.Lr mov.64.Li mov.32.rL mov.32.rr mov.32.Lr mov.32.ri lea.64.rL push.64.r pop.64.r xor.32.rr test.64.rr test.32.rr test.8.rr add.64.ri sub.64.ri and.32.ri cmp.64.rr cmp.32.ri movzx8.32.rL'),
    second: words('mov.64.rL mov.64.rr mov.64.Lr mov.32.rL mov.32.rr mov.32.Lr mov.32.ri lea.64.rL push.64.r pop.64.r xor.32.rr test.64.rr test.32.rr add.64.ri cmp.64.rr cmp.32.ri jz.64. jnz.64. jmp.64. call.64. ret.64.'),
    comparison: words('cmp.64.rr cmp.64.ri cmp.32.ri cmp.32.rr cmp.32.Li cmp.8.Li cmp.8.ri test.64.rr test.32.rr test.8.rr test.8.Li test.8.ri'),
  },
} as const;
const CONDITIONAL = new Set(CONDITION_SUFFIXES.map((suffix) => `j${suffix}`));

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(' '));
}

/** The pairs that the loop of a kind of code executes at once, of its handlers. */
export function commonPairs(handlers: readonly HandlerKey[], long: boolean): readonly (readonly [HandlerKey, HandlerKey])[] {
  const { first: begins, second: ends, comparison } = PAIRED[long ? 'long' : 'other'];
  const formOf = ({ name, shape }: HandlerKey): string => `${name}.${shape.size}.${shape.kinds.join('')}`;
  const seconds = handlers.filter((handler) => ends.has(formOf(handler)));
  const jumps = handlers.filter(({ name }) => CONDITIONAL.has(name));
  return handlers.flatMap((first) => {
    const form = formOf(first);
    const behind = new Set([...(begins.has(form) ? seconds : []), ...(comparison.has(form) ? jumps : [])]);
    return [...behind].map((second) => [first, second] as const);
  });
}
