/** Which handlers the interpreter has: every shape that an instruction can take, and which handlers are made together. */
import { decode } from '../isa/decoder';
import { decodedNames, isString } from '../isa/operandReader';
import { ONE_BYTE, THREE_BYTE_38, THREE_BYTE_3A, TWO_BYTE, VEX_0F, VEX_0F38, VEX_0F3A } from '../isa/opcodes';
import type { OpcodeChoice, OpcodeEntry, OpcodeSlot } from '../isa/opcodeTable';
import { SERVICE, handlerFor } from './handlerKeys';
import type { HandlerKey } from './handlerShape';
import type { Model } from './records';

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
  for (const form of opcodeForms().get(name) ?? []) {
    for (const code of form(bits)) {
      bytes.fill(0);
      bytes.set(code);
      const instruction = decode(bytes, 0, bytes.length, bits);
      if (instruction?.name !== name) continue;
      for (const model of models) {
        const key = handlerFor(instruction, model);
        found.set(key.key, key);
      }
    }
  }
  return [...found.values()];
}

/** Names of all instructions that have handlers of their own. */
export function handledNames(): readonly string[] {
  return [...opcodeForms().keys()].filter((name) => !name.startsWith('!'));
}

/**
 * Names whose handlers are made together. Handlers of one module lie side by side, which is worth a third of the speed;
 * but a module takes time to write, so that x87 and each level of vector instructions have their own, made when it is first used.
 */
export function groupOf(name: string): readonly string[] {
  return GROUPS.get(GROUP_NAMES.get(name) ?? INTEGER) ?? [name];
}

/** The names of each group. */
export function allGroups(): readonly (readonly string[])[] {
  return [...GROUPS.values()];
}

/**
 * Prefixes that change an instruction's shape: address size (which makes a 32-bit operand one that is not flat), in
 * 64-bit mode FS for an operand with a segment base, and for opcodes without VEX the operand size.
 */
const addressPrefixes = (bits: 32 | 64): readonly (readonly number[])[] => (bits === 64 ? [[], [0x67], [0x64], [0x67, 0x64]] : [[], [0x67]]);

/** REX.W changes sizes; the other bits of REX only name registers. */
const rexBytes = (bits: 32 | 64): readonly (readonly number[])[] => (bits === 64 ? [[], [0x48]] : [[]]);

/** An opcode with what selects one of its meanings: its code with all prefixes that matter in a mode. */
type OpcodeForm = (bits: 32 | 64) => readonly (readonly number[])[];

/** What is known of a form while choices are walked through; undefined is open. */
interface Choices {
  /** Number of the mandatory prefix: none, 66, F3, F2. */
  readonly prefix?: number;
  readonly reg?: number;
  readonly rm?: number;
  readonly register?: boolean;
}

/** A map of opcodes: behind an escape, or a VEX prefix that stands for one. */
interface OpcodeRoot {
  readonly slots: readonly OpcodeSlot[];
  readonly escape: readonly number[];
  /** VEX.mmmmm, 0 for no VEX prefix. */
  readonly vexMap: number;
}

const ROOTS: readonly OpcodeRoot[] = [
  { slots: ONE_BYTE, escape: [], vexMap: 0 },
  { slots: TWO_BYTE, escape: [0x0f], vexMap: 0 },
  { slots: THREE_BYTE_38, escape: [0x0f, 0x38], vexMap: 0 },
  { slots: THREE_BYTE_3A, escape: [0x0f, 0x3a], vexMap: 0 },
  { slots: VEX_0F, escape: [], vexMap: 1 },
  { slots: VEX_0F38, escape: [], vexMap: 2 },
  { slots: VEX_0F3A, escape: [], vexMap: 3 },
];

const MANDATORY_PREFIXES: readonly (readonly number[])[] = [[], [0x66], [0xf3], [0xf2]];
/** Numbers of those that string instructions may have: none, and what repeats them. */
const REPETITIONS: readonly number[] = [0, 2, 3];

let known: ReadonlyMap<string, readonly OpcodeForm[]> | undefined;

/** Every opcode in each form (register and memory, all instructions of a group), by the names of its instructions: known to those who write handlers. */
function opcodeForms(): ReadonlyMap<string, readonly OpcodeForm[]> {
  return (known ??= findForms());
}

function findForms(): ReadonlyMap<string, readonly OpcodeForm[]> {
  const forms = new Map<string, OpcodeForm[]>();
  for (const root of ROOTS) {
    root.slots.forEach((slot, opcode) =>
      visitForms(slot, {}, (entry, chosen) => {
        const prefixes = isString(entry.name) ? REPETITIONS : [chosen.prefix ?? 0];
        const more = modrmBytes(entry.modrm, chosen).flatMap((modrm) => prefixes.map((prefix) => formOf(root, [opcode, ...modrm], prefix)));
        for (const name of decodedNames(entry.name)) forms.set(name, [...(forms.get(name) ?? []), ...more]);
      }),
    );
  }
  return forms;
}

function visitForms(slot: OpcodeSlot, chosen: Choices, found: (entry: OpcodeEntry, chosen: Choices) => void): void {
  if (!slot) return;
  if (!('by' in slot)) return found(slot, chosen);
  slot.choices.forEach((next, i) => visitForms(next, { ...chosen, ...choiceOf(slot.by, i) }, found));
}

function choiceOf(by: OpcodeChoice['by'], i: number): Choices {
  switch (by) {
    case 'prefix':
      return { prefix: i };
    case 'reg':
      return { reg: i };
    case 'rm':
      return { rm: i };
    case 'form':
      return { register: i === 1 };
    // These are met by decoding in each mode, with and without REX.W, VEX.W and VEX.L.
    case 'mode':
    case 'wide':
    case 'length':
      return {};
  }
}

function modrmBytes(modrm: boolean, { reg, rm = 0, register }: Choices): readonly (readonly number[])[] {
  if (!modrm && reg === undefined && register === undefined) return [[]];
  const fields = ((reg ?? 0) << 3) | rm;
  return [...(register === false ? [] : [[0xc0 | fields]]), ...(register === true ? [] : [[fields]])];
}

function formOf({ escape, vexMap }: OpcodeRoot, code: readonly number[], prefix: number): OpcodeForm {
  if (vexMap !== 0) return (bits) => addressPrefixes(bits).flatMap((address) => vexBytes(vexMap, prefix).map((vex) => [...address, ...vex, ...code]));
  const mandatory = MANDATORY_PREFIXES[prefix] ?? [];
  return (bits) =>
    addressPrefixes(bits).flatMap((address) =>
      [[], [0x66]].flatMap((size) => rexBytes(bits).map((rex) => [...address, ...size, ...mandatory, ...rex, ...escape, ...code])),
    );
}

/** VEX prefixes with each W and L. VEX.vvvv names register 0, which is also what stands there when it names none. */
const vexBytes = (map: number, prefix: number): readonly (readonly number[])[] =>
  [0, 0x80].flatMap((w) => [0, 4].map((l) => [0xc4, 0xe0 | map, w | 0x78 | l | prefix]));

const INTEGER = 'integer';
const GROUP_FEATURES: ReadonlySet<string> = new Set(['fpu', 'mmx', 'sse', 'sse2', 'sse3', 'ssse3', 'sse41', 'sse42', 'aes', 'pclmul', 'sha', 'avx', 'avx2', 'fma', 'f16c']);

/** The group of each name: its feature for x87 and vector instructions. */
function groupNames(): ReadonlyMap<string, string> {
  const names = new Map([[SERVICE.name, INTEGER]]);
  const note = (entry: OpcodeEntry): void => {
    const group = entry.feature !== undefined && GROUP_FEATURES.has(entry.feature) ? entry.feature : INTEGER;
    for (const name of decodedNames(entry.name)) if (!name.startsWith('!') && !names.has(name)) names.set(name, group);
  };
  for (const root of ROOTS) for (const slot of root.slots) visitForms(slot, {}, note);
  return names;
}

function groupsOf(names: ReadonlyMap<string, string>): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const [name, group] of names) groups.set(group, [...(groups.get(group) ?? []), name]);
  return groups;
}

const GROUP_NAMES = groupNames();
const GROUPS = groupsOf(GROUP_NAMES);
