/**
 * Units of the plain instruction set: arithmetic, moves, bits, stack, strings and near branches. Their results are covered by recorded
 * vectors of a real processor; here they meet faults, page borders and odd segments.
 */
import { le64 } from '../bytes';
import { ECX, EDI, EDX, ESI, ESP, type Gen, type Size } from './context';

const anySize = (g: Gen): Size => (g.chance(25) ? 1 : g.word());
/** Byte opcodes have bit 0 clear. */
const wideBit = (size: Size): number => (size === 1 ? 0 : 1);

function lock(g: Gen, code: number[], memory: boolean): number[] {
  return memory && g.chance(6) ? [0xf0, ...code] : code;
}

function arithmetic(g: Gen): number[] {
  const size = anySize(g);
  const w = wideBit(size);
  const operation = g.random.below(8);
  const operand = g.operand(size);
  return g.random.weighted<() => number[]>([
    [3, () => lock(g, g.encode([(operation << 3) | w], size, operand, g.scratch()), operand.memory && operation !== 7)],
    [2, () => g.encode([(operation << 3) | 2 | w], size, operand, g.scratch())],
    [2, () => lock(g, g.encode([0x80 | w], size, operand, operation, g.immediate(size)), operand.memory && operation !== 7)],
    [1, () => g.encode([0x83], size === 1 ? 4 : size, operand, operation, g.immediate(1))],
    [1, () => g.encode([(operation << 3) | 4 | w], size, undefined, 0, g.immediate(size))],
    [2, () => lock(g, g.encode([0xfe | w], size, operand, g.random.below(2)), operand.memory)],
    [2, () => lock(g, g.encode([0xf6 | w], size, operand, g.random.between(2, 3)), operand.memory)],
    [1, () => g.encode([0xf6 | w], size, operand, 0, g.immediate(size))],
    [g.bits === 64 ? 0 : 1, () => g.encode([0x40 | g.random.below(16) & ~4], g.word())],
  ])();
}

function multiplyDivide(g: Gen): number[] {
  const size = anySize(g);
  const operand = g.operand(size);
  if (g.chance(30)) return g.encode([0x0f, 0xaf], g.word(), g.operand(4), g.scratch());
  if (g.chance(20)) {
    const wide = g.word();
    return g.encode([0x69], wide, g.operand(4), g.scratch(), g.immediate(wide));
  }
  // Half of the divisions have a dividend that is not too large.
  const set = g.chance(50) ? g.set(EDX, 0) : [];
  return [...set, ...g.encode([0xf6 | wideBit(size)], size, operand, g.random.between(4, 7))];
}

function move(g: Gen): number[] {
  const size = anySize(g);
  const w = wideBit(size);
  return g.random.weighted<() => number[]>([
    [3, () => g.encode([0x88 | w], size, g.operand(size), g.scratch())],
    [3, () => g.encode([0x8a | w], size, g.operand(size), g.scratch())],
    [1, () => g.encode([0xc6 | w], size, g.operand(size), 0, g.immediate(size))],
    [2, () => lock(g, g.encode([0x86 | w], size, g.operand(size), g.scratch()), false)],
    [1, () => g.encode([0x0f, 0xb6 | w | (g.chance(50) ? 8 : 0)], g.word(), g.operand(2), g.scratch())],
    [1, () => g.encode([0x8d], g.word(), g.memory(4), g.scratch())],
    [1, () => g.encode([0x0f, 0x40 | g.random.below(16)], g.word(), g.operand(4), g.scratch())],
    [1, () => g.encode([0x0f, 0x90 | g.random.below(16)], 1, g.operand(1))],
    [1, () => g.encode([0x0f, 0xc8 | g.scratch()], 4)],
    [1, () => g.encode([0x98 | g.random.below(2)], g.word())],
    [1, () => g.encode([0xd7], 0)],
    [1, () => g.encode([g.chance(50) ? 0x9e : 0x9f], 0)],
  ])();
}

function exchange(g: Gen): number[] {
  const size = anySize(g);
  const w = wideBit(size);
  const operand = g.operand(size);
  return g.random.weighted<() => number[]>([
    [2, () => lock(g, g.encode([0x0f, 0xb0 | w], size, operand, g.scratch()), operand.memory)],
    [2, () => lock(g, g.encode([0x0f, 0xc0 | w], size, operand, g.scratch()), operand.memory)],
    [2, () => lock(g, g.encode([0x0f, 0xc7], g.bits === 64 && g.chance(50) ? 8 : 0, g.memory(8, g.chance(70) ? g.address(16) & ~15 : g.address(16)), 1), true)],
  ])();
}

function bits(g: Gen): number[] {
  const size = g.word();
  const operand = g.operand(size);
  const operation = g.random.between(4, 7);
  return g.random.weighted<() => number[]>([
    [3, () => [...g.set(ECX, g.bitOffset()), ...lock(g, g.encode([0x0f, 0x83 | (operation << 3)], size, operand, ECX), operand.memory && operation !== 4)]],
    [2, () => lock(g, g.encode([0x0f, 0xba], size, operand, operation, g.immediate(1)), operand.memory && operation !== 4)],
    [1, () => g.encode([0x0f, g.chance(50) ? 0xbc : 0xbd], size, operand, g.scratch())],
    [2, () => {
      const any = anySize(g);
      const kind = g.random.pick([0xd0, 0xd2, 0xc0]) | wideBit(any);
      return g.encode([kind], any, g.operand(any), g.random.below(8), kind < 0xd0 ? g.immediate(1) : []);
    }],
    [1, () => {
      const left = g.chance(50) ? 0xa4 : 0xac;
      return g.encode([0x0f, left], 4, operand, g.scratch(), g.immediate(1, g.random.below(32)));
    }],
  ])();
}

function decimal(g: Gen): number[] {
  const opcode = g.random.pick([0x27, 0x2f, 0x37, 0x3f, 0xd4, 0xd5]);
  return opcode >= 0xd4 ? [opcode, g.chance(70) ? 10 : g.value(1)] : [opcode];
}

function stack(g: Gen): number[] {
  const size = g.word();
  return g.random.weighted<() => number[]>([
    [2, () => g.encode([0x50 | g.random.below(8)], size)],
    [2, () => g.encode([0x58 | g.scratch()], size)],
    [1, () => g.encode([0x68], size, undefined, 0, g.immediate(size))],
    [1, () => g.encode([0x6a], size, undefined, 0, g.immediate(1))],
    [2, () => g.encode([0xff], size, g.memory(size), 6)],
    [2, () => g.encode([0x8f], size, g.memory(size), 0)],
    [g.bits === 64 ? 0 : 2, () => g.encode([0x60], size)],
    [g.bits === 64 ? 0 : 2, () => g.encode([0x61], size)],
    [2, () => g.encode([0xc8], size, undefined, 0, [...g.immediate(2, g.random.pick([0, 1, 4, 0x10, 0x100])), g.random.pick([0, 0, 1, 2, 3, 31, 32])])],
    [1, () => g.encode([0xc9], size)],
  ])();
}

/** ESP (or SP) goes to a page border or the segment's end first. */
function stackBorder(g: Gen): number[] {
  const linear = g.address(32);
  return [...g.setAddress(ESP, linear - (g.paged || g.descriptors ? 0 : g.dataBase)), ...stack(g), ...stack(g)];
}

function strings(g: Gen): number[] {
  const size = anySize(g);
  const w = wideBit(size);
  const opcode = g.random.pick([0xa4, 0xa6, 0xaa, 0xac, 0xae]);
  const repeat = g.chance(65) ? [g.random.pick([0xf2, 0xf3])] : [];
  const address = g.chance(10) ? [0x67] : [];
  const override = g.chance(8) ? [g.random.pick([0x26, 0x2e, 0x36, 0x64])] : [];
  const offset = (): number => g.address(16) - g.dataBase;
  return [
    ...g.setAddress(ESI, offset()),
    ...g.setAddress(EDI, offset()),
    ...g.setAddress(ECX, g.random.pick([0, 1, 2, 3, 5, 8, 17])),
    ...(g.chance(25) ? [g.chance(50) ? 0xfd : 0xfc] : []),
    ...address, ...override, ...repeat, ...g.encode([opcode | w], size),
  ];
}

function branch(g: Gen): number[] {
  const nops = (count: number): number[] => new Array<number>(count).fill(0x90);
  const over = g.random.below(4);
  return g.random.weighted<() => number[]>([
    [3, () => [0x70 | g.random.below(16), over, ...nops(over)]],
    [2, () => [g.random.between(0xe0, 0xe3), over, ...nops(over)]],
    [1, () => [0xeb, over, ...nops(over)]],
    // CALL over a RET that returns behind itself.
    [2, () => (g.bits !== 16 ? [0xe8, 2, 0, 0, 0, 0xeb, 1, 0xc3] : [0xe8, 2, 0, 0xeb, 1, 0xc3])],
    [1, () => g.encode([0xc2], g.word(), undefined, 0, g.immediate(2, g.random.below(16)))],
    [1, () => {
      const size = g.word();
      const at = g.slot();
      const code = g.encode([0xff], size, g.memory(size, at), g.chance(50) ? 4 : 2);
      const target = g.chance(90) ? g.at + code.length - g.codeBase : g.value(size);
      g.plant(g.bits === 64 ? le64(BigInt(target)) : g.immediate(size, target), 'branch target', at);
      return code;
    }],
  ])();
}

/** A store into the code that comes next. */
function selfModifying(g: Gen): number[] {
  const target = g.at + g.random.between(6, 24);
  const size = anySize(g);
  const value = g.random.pick([0x90909090, 0x40404040, 0x90409040, 0xcc90f890]);
  return g.encode([0xc6 | wideBit(size)], size, g.memory(size, target), 0, g.immediate(size, value));
}

/** Not in 64-bit code. */
export const DECIMAL: readonly (readonly [number, string, (g: Gen) => number[]])[] = [[1, 'decimal', decimal]];
export const INTEGER: readonly (readonly [number, string, (g: Gen) => number[]])[] = [
  [10, 'arithmetic', arithmetic],
  [3, 'multiply and divide', multiplyDivide],
  [8, 'move', move],
  [3, 'exchange', exchange],
  [6, 'bits', bits],
  [8, 'stack', stack],
  [3, 'stack at a border', stackBorder],
  [8, 'strings', strings],
  [4, 'branch', branch],
  [2, 'self-modifying', selfModifying],
];
