/** Which handler executes an instruction: its shape in a model, as one object for all instructions that have it. */
import { SEGMENT, type Instruction, type Operand } from '../isa/instruction';
import { dependsOnModel } from '../isa/definitions';
import type { HandlerKey, HandlerShape, OperandKind } from './handlerShape';
import type { Model } from './records';

/** Whether the address size is part of an instruction's meaning beyond its memory operand. */
const COUNTED = new Set(['loop', 'loope', 'loopne', 'jcxz', 'movs', 'cmps', 'stos', 'lods', 'scas', 'rep_movs', 'rep_stos', 'repe_cmps', 'repne_scas']);
/** Instructions without operands that are the same in all operand sizes. */
const SIZELESS = new Set(['clc', 'stc', 'cmc', 'cld', 'std', 'lahf', 'sahf', 'salc', 'cli', 'sti', 'rdtsc', 'rdtscp', 'swapgs', 'emms', 'vzeroupper', 'vzeroupper64', 'vzeroall', 'vzeroall64']);
/** All services have one handler. */
export const SERVICE: HandlerKey = { key: '!', name: '!', shape: { size: 32, kinds: [], model: 'seg', addressSize: 32, vex: undefined } };
const NOP: HandlerKey = { key: 'nop', name: 'nop', shape: { size: 32, kinds: [], model: 'flat', addressSize: 32, vex: undefined } };

const REGISTER_KINDS = { register: 'r', vector: 'x', mmx: 'm' } as const;

function kindOf(operand: Operand, instruction: Instruction, model: Model): OperandKind {
  if (operand.kind === 'memory') return memoryKind(instruction, model);
  return operand.kind === 'immediate' ? 'i' : REGISTER_KINDS[operand.kind];
}

/**
 * How a memory operand is reached in a model. In 64-bit mode only FS and GS have a base; flat needs plain segments
 * and 32-bit addresses.
 */
function memoryKind({ memory }: Instruction, model: Model): OperandKind {
  if (!memory) return 'S';
  if (memory.base === 'direct') return 'D';
  const plain = memory.segment < SEGMENT.fs;
  if (model === 'long') return plain ? 'L' : 'S';
  return model === 'flat' && plain && memory.size === 32 ? 'F' : 'S';
}

/** The model that a shape is emitted for: as few as there are differences. */
function shapeModel(name: string, kinds: readonly OperandKind[], model: Model): Model {
  if (dependsOnModel(name)) return model;
  if (!kinds.some((kind) => kind === 'S' || kind === 'L' || kind === 'D')) return 'flat';
  return model === 'long' ? 'long' : 'seg';
}

/** Handlers that have been asked for, by name and by a number for all else that tells them apart. */
const known = new Map<string, Map<number, HandlerKey>>();

const SIZE_BITS = { 8: 0, 16: 1, 32: 2, 64: 3 } as const;
const MODEL_BITS = { flat: 0, seg: 1, long: 2 } as const;
const KIND_BITS = { r: 1, x: 2, m: 3, F: 4, L: 5, S: 6, D: 7, i: 8 } as const;
const VEX_NAMES_BITS = { none: 0, source: 1, destination: 2 } as const;

/**
 * The handler that executes an instruction in a model. It is the same object for all instructions that it executes: what
 * depends on handlers alone can be kept by them.
 */
export function handlerFor(instruction: Instruction, model: Model): HandlerKey {
  const { name, addressSize, vex, operands } = instruction;
  if (name.charCodeAt(0) === SERVICE_MARK) return SERVICE;
  // Hints have operands, but do nothing with them.
  if (name === 'nop') return NOP;
  const sizes = (SIZE_BITS[instruction.size] << 2) | SIZE_BITS[addressSize];
  const form = vex === undefined ? 0 : 1 + VEX_NAMES_BITS[vex.names] + (vex.length === 256 ? 3 : 0);
  // Four bits an operand; the highest bit tells how many there are.
  let code = (1 << 9) | (sizes << 5) | (form << 2) | MODEL_BITS[model];
  for (let i = 0; i < operands.length; i++) {
    const operand = operands[i];
    if (operand) code = code * 16 + KIND_BITS[kindOf(operand, instruction, model)];
  }
  let ofName = known.get(name);
  if (!ofName) known.set(name, (ofName = new Map<number, HandlerKey>()));
  let found = ofName.get(code);
  if (!found) ofName.set(code, (found = sameHandler(makeHandler(instruction, model))));
  return found;
}

const SERVICE_MARK = '!'.charCodeAt(0);
const byKey = new Map<string, HandlerKey>([[SERVICE.key, SERVICE], [NOP.key, NOP]]);

/** The one object for a handler: instructions that differ in what does not matter have the same, and so has another thread's copy. */
export function sameHandler(made: HandlerKey): HandlerKey {
  const first = byKey.get(made.key);
  if (!first) byKey.set(made.key, made);
  return first ?? made;
}

/** x87 instructions whose operand is a state of the unit: of two formats, by the operand size. That of the others is their type. */
const IMAGES: ReadonlySet<string> = new Set(['fldenv', 'fnstenv', 'frstor', 'fnsave']);

function makeHandler(instruction: Instruction, model: Model): HandlerKey {
  const { name, addressSize, vex, unit } = instruction;
  const kinds = instruction.operands.map((operand) => kindOf(operand, instruction, model));
  const counted = COUNTED.has(name) ? addressSize : 32;
  const sized = unit === 'x87' ? IMAGES.has(name) && instruction.size === 16 : !SIZELESS.has(name);
  const size = sized ? instruction.size : 32;
  const shape: HandlerShape = { size, kinds, model: shapeModel(name, kinds, model), addressSize: counted, vex };
  return { key: `${name}.${size}.${kinds.join('')}.${shape.model}.${counted}${vex ? `.${vex.length}` : ''}`, name, shape };
}
