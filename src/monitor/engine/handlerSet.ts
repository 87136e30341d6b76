/**
 * Which handlers the interpreter has: every shape that an instruction can take, found by decoding
 * all opcodes once, and the key under which a shape's handler is looked up.
 */
import { decode, SEGMENT, type Instruction } from '../isa/decoder';
import { dependsOnModel } from '../isa/definitions';
import { ONE_BYTE, PREFIXED, THREE_BYTE_38, TWO_BYTE, type OpcodeSlot } from '../isa/opcodes';
import type { HandlerShape, OperandKind } from './handlerEmitter';
import type { Model } from './records';

export interface HandlerKey {
  readonly key: string;
  readonly name: string;
  readonly shape: HandlerShape;
}

/** Whether the address size is part of an instruction's meaning beyond its memory operand. */
const COUNTED = new Set(['loop', 'loope', 'loopne', 'jcxz', 'lods', 'stos']);

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
  const bytes = new Uint8Array(24);
  const add = (code: readonly number[], bits: 32 | 64): void => {
    bytes.fill(0);
    bytes.set(code);
    const instruction = decode(bytes, 0, bytes.length, bits);
    if (!instruction || instruction.name === '!ud') return;
    const models: readonly Model[] = bits === 64 ? ['long'] : ['flat', 'seg'];
    for (const model of models) {
      const key = handlerFor(instruction, model);
      if (!found.has(key.key)) found.set(key.key, key);
    }
  };
  for (const bits of long ? ([32, 64] as const) : ([32] as const)) {
    for (const prefixes of prefixCombinations(bits)) for (const code of opcodeForms()) add([...prefixes, ...code], bits);
  }
  return found;
}

/**
 * Prefixes that change an instruction's shape: operand size, address size, and FS for a memory operand
 * that is not flat (another address size makes it one, too).
 */
function prefixCombinations(bits: 32 | 64): readonly (readonly number[])[] {
  const sizes = bits === 64 ? [[], [0x66], [0x48]] : [[], [0x66]];
  return [[], [0x67], [0x64]].flatMap((address) => sizes.map((size) => [...address, ...size]));
}

/** Code of every opcode in each form: register and memory, of all instructions of a group. */
function opcodeForms(): readonly (readonly number[])[] {
  const forms: (readonly number[])[] = [];
  const addSlot = (opcode: readonly number[], slot: OpcodeSlot): void => {
    if (!slot) return;
    if (!('group' in slot)) forms.push(...(slot.modrm ? [[...opcode, 0xc0], [...opcode, 0x00]] : [opcode]));
    else slot.group.forEach((_, reg) => forms.push([...opcode, 0xc0 | (reg << 3)], [...opcode, reg << 3]));
  };
  ONE_BYTE.forEach((slot, opcode) => addSlot([opcode], slot));
  TWO_BYTE.forEach((slot, opcode) => addSlot([0x0f, opcode], slot));
  PREFIXED.forEach((slot, key) => addSlot([key >> 16, 0x0f, key & 0xff], slot));
  THREE_BYTE_38.forEach((slot, key) => addSlot([...(key >> 8 ? [key >> 8] : []), 0x0f, 0x38, key & 0xff], slot));
  return forms;
}
