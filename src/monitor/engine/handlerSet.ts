/**
 * Which handlers the interpreter has: every shape that an instruction can take, found by decoding
 * all opcodes once, and the key under which a shape's handler is looked up.
 */
import { decode, SEGMENT, type Instruction } from '../isa/decoder';
import { dependsOnModel } from '../isa/definitions';
import type { HandlerShape, OperandKind } from './handlerEmitter';
import type { Model } from './records';

export interface HandlerKey {
  readonly key: string;
  readonly name: string;
  readonly shape: HandlerShape;
}

/** Whether the address size is part of an instruction's meaning beyond its memory operand. */
const COUNTED = new Set(['loop', 'loope', 'loopne', 'jcxz']);

/** How a memory operand is reached in a model: flat and long only with their own address size and plain segments. */
function memoryKind(instruction: Instruction, model: Model): OperandKind {
  const memory = instruction.memory;
  if (!memory) return 'S';
  const plain = memory.segment < SEGMENT.fs;
  if (model === 'flat' && plain && memory.size === 32) return 'F';
  if (model === 'long' && plain && memory.size === 64) return 'L';
  return 'S';
}

/** The handler that executes an instruction in a model. */
export function handlerFor(instruction: Instruction, model: Model): HandlerKey {
  const { name, size, addressSize } = instruction;
  if (name.startsWith('!')) {
    return { key: '!', name: '!', shape: { size: 32, kinds: [], model: 'seg', addressSize: 32 } };
  }
  const kinds = instruction.operands.map((operand): OperandKind => {
    if (operand.kind === 'memory') return memoryKind(instruction, model);
    return operand.kind === 'register' ? 'r' : 'i';
  });
  const modelled = dependsOnModel(name) || kinds.includes('S');
  const shapeModel: Model = modelled ? model : 'flat';
  const counted = COUNTED.has(name) ? addressSize : 32;
  const key = `${name}.${size}.${kinds.join('')}.${shapeModel}.${counted}`;
  return { key, name, shape: { size, kinds, model: shapeModel, addressSize: counted } };
}

/** All handlers for 16 and 32-bit code (and 64-bit code when `long` is set), by key. */
export function allHandlers(long: boolean): ReadonlyMap<string, HandlerKey> {
  const found = new Map<string, HandlerKey>();
  const add = (code: readonly number[], bits: 16 | 32 | 64): void => {
    const bytes = new Uint8Array(24);
    bytes.set(code);
    const instruction = decode(bytes, 0, 24, bits);
    if (!instruction || instruction.name === '!ud') return;
    const models: readonly Model[] = bits === 64 ? ['long'] : ['flat', 'seg'];
    for (const model of models) {
      const key = handlerFor(instruction, model);
      if (!found.has(key.key)) found.set(key.key, key);
    }
  };
  const modes = long ? ([16, 32, 64] as const) : ([32] as const);
  for (const bits of modes) {
    for (const prefixes of prefixCombinations(bits)) {
      for (const opcode of opcodes()) {
        // Register and memory form of each ModRM.reg; opcodes without ModRM take these bytes as immediates.
        for (let reg = 0; reg < 8; reg++) {
          add([...prefixes, ...opcode, 0xc0 | (reg << 3)], bits);
          add([...prefixes, ...opcode, 0x00 | (reg << 3)], bits);
        }
      }
    }
  }
  return found;
}

/** Prefixes that change an instruction's shape: sizes, and FS for a memory operand that is not flat. */
function prefixCombinations(bits: 16 | 32 | 64): readonly (readonly number[])[] {
  const sizes = bits === 64 ? [[], [0x66], [0x48]] : [[], [0x66]];
  const addresses = [[], [0x67]];
  const segments = [[], [0x64]];
  return segments.flatMap((s) => addresses.flatMap((a) => sizes.map((o) => [...s, ...a, ...o])));
}

function opcodes(): readonly (readonly number[])[] {
  const list: number[][] = [];
  for (let i = 0; i < 256; i++) {
    list.push([i], [0x0f, i]);
    if (i >= 0xb8 && i <= 0xbd) list.push([0xf3, 0x0f, i]);
  }
  for (const i of [0xf0, 0xf1]) list.push([0x0f, 0x38, i], [0xf2, 0x0f, 0x38, i]);
  return list;
}
