/**
 * Which handlers the interpreter has: every shape that an instruction can take, and the key under which a shape's
 * handler is looked up.
 */
import { decode, SEGMENT, type Instruction, type Operand } from '../isa/decoder';
import { dependsOnModel } from '../isa/definitions';
import { decodedNames } from '../isa/operandReader';
import { ONE_BYTE, THREE_BYTE_38, THREE_BYTE_3A, TWO_BYTE } from '../isa/opcodes';
import type { OpcodeChoice, OpcodeEntry, OpcodeSlot } from '../isa/opcodeTable';
import type { HandlerShape, OperandKind } from './handlerShape';
import type { Model } from './records';

export interface HandlerKey {
  readonly key: string;
  readonly name: string;
  readonly shape: HandlerShape;
}

/** Whether the address size is part of an instruction's meaning beyond its memory operand. */
const COUNTED = new Set(['loop', 'loope', 'loopne', 'jcxz', 'lods', 'stos']);
/** Instructions without operands that are the same in all operand sizes. */
const SIZELESS = new Set(['clc', 'stc', 'cmc', 'cld', 'std', 'lahf', 'sahf', 'salc', 'emms']);
/** All services have one handler. */
const SERVICE: HandlerKey = { key: '!', name: '!', shape: { size: 32, kinds: [], model: 'seg', addressSize: 32 } };
const NOP: HandlerKey = { key: 'nop', name: 'nop', shape: { size: 32, kinds: [], model: 'flat', addressSize: 32 } };

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

/** The handler that executes an instruction in a model. */
export function handlerFor(instruction: Instruction, model: Model): HandlerKey {
  const { name, addressSize } = instruction;
  if (name.startsWith('!')) return SERVICE;
  // Hints have operands, but do nothing with them.
  if (name === 'nop') return NOP;
  const kinds = instruction.operands.map((operand) => kindOf(operand, instruction, model));
  const counted = COUNTED.has(name) ? addressSize : 32;
  const size = SIZELESS.has(name) ? 32 : instruction.size;
  const shape: HandlerShape = { size, kinds, model: shapeModel(name, kinds, model), addressSize: counted };
  return { key: `${name}.${size}.${kinds.join('')}.${shape.model}.${counted}`, name, shape };
}

/**
 * All handlers of the instructions of one name, for 16 and 32-bit code or for 64-bit code: every shape that they
 * can take, found by decoding each of their opcodes with all prefixes that matter.
 */
export function handlersOf(name: string, long: boolean): readonly HandlerKey[] {
  if (name === SERVICE.name) return [SERVICE];
  const found = new Map<string, HandlerKey>();
  const bytes = new Uint8Array(24);
  const bits = long ? 64 : 32;
  const models: readonly Model[] = long ? ['long'] : ['flat', 'seg'];
  for (const { prefix, code } of FORMS.get(name) ?? []) {
    for (const prefixes of prefixCombinations(bits)) {
      for (const rex of rexBytes(bits)) {
        bytes.fill(0);
        bytes.set([...prefixes, ...prefix, ...rex, ...code]);
        const instruction = decode(bytes, 0, bytes.length, bits);
        if (instruction?.name !== name) continue;
        for (const model of models) {
          const key = handlerFor(instruction, model);
          found.set(key.key, key);
        }
      }
    }
  }
  return [...found.values()];
}

/** Names of all instructions that have handlers of their own. */
export function handledNames(): readonly string[] {
  return [...FORMS.keys()].filter((name) => !name.startsWith('!'));
}

/**
 * Prefixes that change an instruction's shape: operand size, address size (which makes a 32-bit operand one that is
 * not flat), and in 64-bit mode FS for an operand with a segment base.
 */
function prefixCombinations(bits: 32 | 64): readonly (readonly number[])[] {
  const addresses = bits === 64 ? [[], [0x67], [0x64], [0x67, 0x64]] : [[], [0x67]];
  return addresses.flatMap((address) => [address, [...address, 0x66]]);
}

/** REX.W changes sizes; the other bits of REX only name registers. */
const rexBytes = (bits: 32 | 64): readonly (readonly number[])[] => (bits === 64 ? [[], [0x48]] : [[]]);

/** An opcode with what selects one of its meanings. */
interface OpcodeForm {
  /** The mandatory prefix, if any. */
  readonly prefix: readonly number[];
  /** Escapes, opcode and ModRM. */
  readonly code: readonly number[];
}

/** What is known of a form while choices are walked through; undefined is open. */
interface Choices {
  readonly prefix?: readonly number[];
  readonly reg?: number;
  readonly rm?: number;
  readonly register?: boolean;
}

const MANDATORY_PREFIXES: readonly (readonly number[])[] = [[], [0x66], [0xf3], [0xf2]];

/** Code of every opcode in each form (register and memory, all instructions of a group), by the names of its instructions. */
function opcodeForms(): ReadonlyMap<string, readonly OpcodeForm[]> {
  const maps: readonly (readonly [escape: readonly number[], slots: readonly OpcodeSlot[]])[] = [
    [[], ONE_BYTE],
    [[0x0f], TWO_BYTE],
    [[0x0f, 0x38], THREE_BYTE_38],
    [[0x0f, 0x3a], THREE_BYTE_3A],
  ];
  const forms = new Map<string, OpcodeForm[]>();
  const add = (entry: OpcodeEntry, more: readonly OpcodeForm[]): void => {
    for (const name of decodedNames(entry.name)) forms.set(name, [...(forms.get(name) ?? []), ...more]);
  };
  for (const [escape, slots] of maps) slots.forEach((slot, opcode) => visitForms(slot, [...escape, opcode], {}, add));
  return forms;
}

function visitForms(slot: OpcodeSlot, opcode: readonly number[], chosen: Choices, add: (entry: OpcodeEntry, forms: readonly OpcodeForm[]) => void): void {
  if (!slot) return;
  if (!('by' in slot)) return add(slot, finished(slot.modrm, opcode, chosen));
  slot.choices.forEach((next, i) => visitForms(next, opcode, { ...chosen, ...choiceOf(slot.by, i) }, add));
}

function choiceOf(by: OpcodeChoice['by'], i: number): Choices {
  switch (by) {
    case 'prefix':
      return { prefix: MANDATORY_PREFIXES[i] ?? [] };
    case 'reg':
      return { reg: i };
    case 'rm':
      return { rm: i };
    case 'form':
      return { register: i === 1 };
    // Both are met by decoding in each mode, with and without REX.W.
    case 'mode':
    case 'wide':
      return {};
  }
}

function finished(modrm: boolean, opcode: readonly number[], { prefix = [], reg, rm = 0, register }: Choices): readonly OpcodeForm[] {
  if (!modrm && reg === undefined && register === undefined) return [{ prefix, code: opcode }];
  const fields = ((reg ?? 0) << 3) | rm;
  const forms: OpcodeForm[] = [];
  if (register !== false) forms.push({ prefix, code: [...opcode, 0xc0 | fields] });
  if (register !== true) forms.push({ prefix, code: [...opcode, fields] });
  return forms;
}

const FORMS = opcodeForms();
