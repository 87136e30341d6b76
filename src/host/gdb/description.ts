/**
 * Documents that GDB reads when it connects: the target description with all registers, the map of memory, the list of threads.
 *
 * Source: Debugging with GDB, appendix G (Target descriptions), E.13 (Thread list format), E.15 (Memory map format).
 */
import type { GdbArchitecture, GdbRegister, RegisterFeature, RegisterLayout } from './registers';

/**
 * BFD's name of 64-bit code. For less nothing is said: GDB then takes what its file or the person says, and may be told
 * `set architecture i8086` and back while the guest changes between 16-bit and 32-bit code.
 */
const ARCHITECTURE: Readonly<Record<GdbArchitecture, readonly string[]>> = { i386: [], amd64: ['<architecture>i386:x86-64</architecture>'] };

/** What can be looked at in a vector register. */
const VECTOR_TYPES = [
  ['v4f', 'ieee_single', 4, 'v4_float'], ['v2d', 'ieee_double', 2, 'v2_double'], ['v16i8', 'int8', 16, 'v16_int8'],
  ['v8i16', 'int16', 8, 'v8_int16'], ['v4i32', 'int32', 4, 'v4_int32'], ['v2i64', 'int64', 2, 'v2_int64'],
] as const;

/** Text inside an element or an attribute. */
export function xmlText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function vectorTypes(): readonly string[] {
  return [
    ...VECTOR_TYPES.map(([id, type, count]) => `<vector id="${id}" type="${type}" count="${count}"/>`),
    '<union id="vec128">',
    ...VECTOR_TYPES.map(([id, , , field]) => `<field name="${field}" type="${id}"/>`),
    '<field name="uint128" type="uint128"/>',
    '</union>',
  ];
}

function flagsType({ type, bits, fields = [] }: GdbRegister): readonly string[] {
  if (fields.length === 0) return [];
  const lines = fields.map(({ name, lowBit, bits: width }) => `<field name="${xmlText(name)}" start="${lowBit}" end="${lowBit + width - 1}"/>`);
  return [`<flags id="${type}" size="${bits / 8}">`, ...lines, '</flags>'];
}

function registerElement({ name, bits, type, group }: GdbRegister): string {
  return `<reg name="${xmlText(name)}" bitsize="${bits}" type="${type}"${group === undefined ? '' : ` group="${group}"`}/>`;
}

function featureElement({ name, registers }: RegisterFeature): readonly string[] {
  return [
    `<feature name="${name}">`,
    ...(registers.some(({ type }) => type === 'vec128') ? vectorTypes() : []),
    ...registers.flatMap(flagsType),
    ...registers.map(registerElement),
    '</feature>',
  ];
}

/** The target description. */
export function targetDescription({ architecture, features }: RegisterLayout): string {
  return [
    '<?xml version="1.0"?>',
    '<!DOCTYPE target SYSTEM "gdb-target.dtd">',
    '<target version="1.0">',
    ...ARCHITECTURE[architecture],
    ...features.flatMap(featureElement),
    '</target>',
    '',
  ].join('\n');
}

/**
 * The map of memory. GDB takes what is not in it for absent, and linear addresses lead anywhere: so it says that all may be memory,
 * and what is not there is refused when it is asked for.
 */
export function memoryMap(architecture: GdbArchitecture): string {
  const regions = architecture === 'amd64' ? [['0x0', '0x8000000000000000'], ['0x8000000000000000', '0x8000000000000000']] : [['0x0', '0x100000000']];
  return [
    '<?xml version="1.0"?>',
    '<!DOCTYPE memory-map PUBLIC "+//IDN gnu.org//DTD GDB Memory Map V1.0//EN" "http://sourceware.org/gdb/gdb-memory-map.dtd">',
    '<memory-map>',
    ...regions.map(([start, length]) => `<memory type="ram" start="${start}" length="${length}"/>`),
    '</memory-map>',
    '',
  ].join('\n');
}

/** A CPU as a thread: its number from 1, and what it is doing. */
export interface ThreadEntry {
  readonly id: number;
  readonly story: string;
}

export function threadList(threads: readonly ThreadEntry[]): string {
  return [
    '<?xml version="1.0"?>',
    '<threads>',
    ...threads.map(({ id, story }) => `<thread id="${id.toString(16)}" core="${id - 1}" name="CPU ${id - 1}">${xmlText(story)}</thread>`),
    '</threads>',
    '',
  ].join('\n');
}
