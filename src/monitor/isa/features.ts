/**
 * Which instructions a processor has: what the opcode maps say of a feature (./opcodeTable), and the rules that they have
 * no place for. The decoder reads the newest processor's code; `onProcessor` makes of that what an older one does.
 *
 * - LZCNT and TZCNT are BSR and BSF with a prefix that says nothing where their features are missing (SDM vol. 2, LZCNT).
 * - x87 instructions exist without an x87 unit, too: CR0.EM decides, and without it they pass by. Those that came after
 *   the 8087 need their generation.
 * - Before the 80386 there are no FS and GS and no operand- and address-size prefixes.
 * - An 8086 has no undefined opcodes: 60-6F, C0, C1, C8, C9 and F1 repeat other rows there, and 0F is POP CS, with which no
 *   program can do anything. Here all of them are #UD (vector 6), as from the 80186 on: it finds the program that needs a
 *   later processor. LOCK is refused, and instructions are cut at 15 bytes, as on all others.
 */
import { SEGMENT, type Instruction } from './instruction';
import type { Feature } from './opcodeTable';

/** Besides the maps' features the P6 family, whose multi-byte NOP has no bit in CPUID. */
export type NeededFeature = Feature | 'p6';

/** The features of a processor, as a set answers for them. */
export interface FeatureTest {
  has(feature: NeededFeature): boolean;
}

/** What LZCNT and TZCNT are without their feature. */
const WITHOUT_FEATURE: ReadonlyMap<string, string> = new Map([['lzcnt', 'bsr'], ['tzcnt', 'bsf']]);

/** A form of x87 instructions behind an opcode: ModRM bytes from first to last, and what brought them. */
type EscapeRow = readonly [opcode: number, first: number, last: number, feature: NeededFeature];

/** x87 instructions that the 8087 did not have (SDM vol. 1, 8.3; vol. 3, 23.18). */
const LATER_X87: readonly EscapeRow[] = [
  // FNSTSW AX; FSETPM, which is a NOP from the 387 on.
  [0xdf, 0xe0, 0xe0, 'i286'],
  [0xdb, 0xe4, 0xe4, 'i286'],
  // FPREM1, FSINCOS, FSIN and FCOS; FUCOM, FUCOMP, FUCOMPP.
  [0xd9, 0xf5, 0xf5, 'i386'],
  [0xd9, 0xfb, 0xfb, 'i386'],
  [0xd9, 0xfe, 0xff, 'i386'],
  [0xdd, 0xe0, 0xef, 'i386'],
  [0xda, 0xe9, 0xe9, 'i386'],
  // FCMOVcc; FUCOMI, FCOMI, FUCOMIP, FCOMIP.
  [0xda, 0xc0, 0xdf, 'cmov'],
  [0xdb, 0xc0, 0xdf, 'cmov'],
  [0xdb, 0xe8, 0xf7, 'cmov'],
  [0xdf, 0xe8, 0xf7, 'cmov'],
];

/** FISTTP: reg field 1 with memory behind DB, DD and DF. */
const isFisttp = (opcode: number, modrm: number): boolean => modrm < 0xc0 && ((modrm >> 3) & 7) === 1 && [0xdb, 0xdd, 0xdf].includes(opcode);

function x87Feature({ opcode, modrm }: Instruction): NeededFeature | undefined {
  if (isFisttp(opcode, modrm)) return 'sse3';
  return LATER_X87.find(([row, first, last]) => row === opcode && modrm >= first && modrm <= last)?.[3];
}

/** NOPs behind 0F, reserved for hints: every other NOP is opcode 90. */
const isHint = ({ name, opcode }: Instruction): boolean => name === 'nop' && opcode >= 0x18 && opcode <= 0x1f;

/** What a processor must have to execute an instruction; undefined for what the 8086 had. */
export function featureOf(instruction: Instruction): NeededFeature | undefined {
  const { name, feature, unit } = instruction;
  if (name === 'fwait') return undefined;
  if (unit === 'x87') return x87Feature(instruction);
  if (name === '!int1') return 'i386';
  // The counters came with the Pentium Pro (and, as we have no model of it, the Pentium with MMX).
  if (name === '!rdpmc') return 'p6';
  if (feature === undefined && isHint(instruction)) return 'p6';
  return feature;
}

/** Whether the processor can read the prefixes: sizes and segments of the 80386. */
function readable({ size, addressSize, memory, segment }: Instruction, features: FeatureTest): boolean {
  if (features.has('i386')) return true;
  return size <= 16 && addressSize === 16 && (memory?.segment ?? segment) < SEGMENT.fs;
}

/** Whether a processor has an instruction; what it does not have is #UD, unless `onProcessor` knows better. */
export function available(instruction: Instruction, features: FeatureTest): boolean {
  const feature = featureOf(instruction);
  return (feature === undefined || features.has(feature)) && readable(instruction, features);
}

/** The instruction as a processor with these features executes it: itself, another one, or `!ud` of the same length. */
export function onProcessor(instruction: Instruction, features: FeatureTest): Instruction {
  if (available(instruction, features)) return instruction;
  const other = WITHOUT_FEATURE.get(instruction.name);
  if (other !== undefined) return onProcessor({ ...instruction, name: other, feature: 'i386' }, features);
  return undefinedInstruction(instruction);
}

function undefinedInstruction(instruction: Instruction): Instruction {
  return {
    ...instruction, name: '!ud', size: 32, operands: [], memory: undefined, immediate: 0n, immediate2: 0, addressSize: 32, lock: false, repeat: 0,
    feature: undefined, unit: 'none',
  };
}
