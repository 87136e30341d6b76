/**
 * The form of the opcode maps (Intel SDM vol. 2, appendix A): which instruction an opcode means and where
 * its operands are. An entry reads `name operand,operand ;flags`. Names that begin with `!` are done by a
 * service of the monitor (../cpu/services), under the name behind it.
 *
 * Operand codes are those of the manual:
 *   E  register or memory by ModRM.rm       G  register by ModRM.reg     Z  register in the opcode's low bits
 *   R  E, register only                     M  E, memory only            B  register by VEX.vvvv
 *   W  XMM register or memory by ModRM.rm   V  XMM by ModRM.reg          U  W, register only
 *   H  XMM by VEX.vvvv                      L  XMM by bits 4-7 of an immediate byte
 *   Q  MMX register or memory by ModRM.rm   P  MMX by ModRM.reg          N  Q, register only
 *   I  immediate   J  relative target   A  far pointer   O  direct offset   X  memory at rBX (XLAT)
 *   Y  memory of which ModRM and SIB name one element for each lane of an XMM index register (gathers)
 *   K  memory at DS:rDI (MASKMOVQ)         S, C, D  segment, control, debug register by ModRM.reg
 * with the size:
 *   b  byte   w  16 bits   d  32   q  64   x  a whole vector register
 *   v  operand size   z  operand size up to 32   y  operand size from 32   r  64 in 64-bit mode, else 32
 * The sizes of V, W, P, Q and M say how much memory is accessed; they are for the reader.
 *
 * Flags:
 *   64      operand size defaults to 64 bits in 64-bit mode
 *   f64     operand size is 64 bits there whatever the prefixes say
 *   no64    #UD in 64-bit mode             only64  #UD elsewhere
 *   lock    may carry LOCK with a memory destination
 *   xmm     uses the SSE state without naming a register of it
 *   lig     VEX.L is ignored: vectors have 128 bits
 * and one of FEATURES, when not every processor has the instruction.
 */

/** Processor features that bring instructions, by the names that CPUID's flags have in the manual. */
export const FEATURES = [
  'i186', 'i286', 'i386', 'i486', 'fpu', 'tsc', 'msr', 'cpuid', 'cx8', 'cmov', 'sep', 'mmx', 'fxsr',
  'sse', 'sse2', 'sse3', 'ssse3', 'sse41', 'sse42', 'popcnt', 'movbe', 'aes', 'pclmul', 'sha', 'cx16', 'rdtscp',
  'syscall', 'lahf', 'monitor', 'clfsh', 'clflushopt', 'clwb', 'xsave', 'xsaveopt', 'xsavec', 'xsaves', 'fsgsbase', 'smap', 'invpcid',
  'pku', 'rdrand', 'rdseed', 'rdpid', 'adx', 'lzcnt', 'bmi1', 'bmi2', 'avx', 'avx2', 'fma', 'f16c', 'prefetchw', 'vmx', 'svm',
] as const;
export type Feature = (typeof FEATURES)[number];

/** Where an instruction's operand size comes from: fixed bits, or a code of the table above. */
export type SizeRule = 8 | 16 | 32 | 'v' | 'y' | 'r';

export interface OpcodeEntry {
  readonly name: string;
  readonly operands: readonly string[];
  readonly size: SizeRule;
  readonly default64: boolean;
  readonly forced64: boolean;
  readonly invalid64: boolean;
  readonly only64: boolean;
  readonly lockable: boolean;
  readonly xmm: boolean;
  readonly ignoresLength: boolean;
  /** The feature that brings the instruction; undefined for those of the 8086. */
  readonly feature: Feature | undefined;
  /** Whether a ModRM byte follows. */
  readonly modrm: boolean;
  /** Moves of control and debug registers: ModRM names a register whatever its mod bits say. */
  readonly ignoresMod: boolean;
}

/**
 * What an opcode's meaning is chosen by: the mandatory prefix (none, 66, F3, F2), ModRM.reg, ModRM.rm, whether
 * ModRM names memory (0) or a register (1), the mode (0: 16 and 32 bits, 1: 64 bits), REX.W (VEX.W), or VEX.L.
 */
export interface OpcodeChoice {
  readonly by: 'prefix' | 'reg' | 'rm' | 'form' | 'mode' | 'wide' | 'length';
  readonly choices: readonly OpcodeSlot[];
}

/** What stands at a place of an opcode map: one instruction, a choice of more, or nothing. */
export type OpcodeSlot = OpcodeEntry | OpcodeChoice | undefined;

/** How a place is written in the tables: an entry's text, a slot, or '' for nothing. */
export type SlotText = string | OpcodeSlot;

/** Operand codes of vector registers. */
const VECTOR_OPERAND = /^[VWUHLPQN]/;
const FEATURE_NAMES: ReadonlySet<string> = new Set(FEATURES);
const OTHER_FLAGS: ReadonlySet<string> = new Set(['64', 'f64', 'no64', 'only64', 'lock', 'xmm', 'lig']);

function parse(text: string): OpcodeEntry {
  const [body = '', flagText = ''] = text.split(';').map((part) => part.trim());
  const [name = '', list = ''] = body.split(' ');
  const operands = list === '' ? [] : list.split(',');
  const flags = flagText === '' ? [] : flagText.split(' ');
  const feature = flags.find((flag): flag is Feature => FEATURE_NAMES.has(flag));
  const unknown = flags.find((flag) => !FEATURE_NAMES.has(flag) && !OTHER_FLAGS.has(flag));
  if (unknown !== undefined) throw new Error(`Unknown flag ${unknown} of opcode entry ${text}`);
  return {
    name,
    operands,
    default64: flags.includes('64'),
    forced64: flags.includes('f64'),
    invalid64: flags.includes('no64'),
    only64: flags.includes('only64'),
    lockable: flags.includes('lock'),
    xmm: flags.includes('xmm'),
    ignoresLength: flags.includes('lig'),
    feature,
    modrm: operands.some((o) => /^[EGMRSCDVWUPQNY][a-z]*$/.test(o) && o !== 'CL'),
    ignoresMod: operands.some((o) => o === 'Cr' || o === 'Dr'),
    size: sizeRule(name, operands),
  };
}

/**
 * The general operands say the size; a vector instruction without any has 32 bits, or as a service 64 with
 * REX.W, which PCMPESTRI and its like heed.
 */
function sizeRule(name: string, operands: readonly string[]): SizeRule {
  const sized = operands.filter((o) => /^(AL|rAX|[EGZRMOB].?)$/.test(o)).map((o) => (o === 'AL' ? 'b' : o === 'rAX' ? 'v' : o.slice(1)));
  const has = (letter: string): boolean => sized.includes(letter);
  if (has('r')) return 'r';
  if (has('d')) return 32;
  if (has('v')) return 'v';
  if (has('y')) return 'y';
  if (has('b')) return 8;
  if (has('w')) return 16;
  const vector = operands.some((o) => VECTOR_OPERAND.test(o));
  return !vector ? 'v' : name.startsWith('!') ? 'y' : 32;
}

/** A slot from its text. */
export function slot(text: SlotText): OpcodeSlot {
  return typeof text === 'string' ? (text === '' ? undefined : parse(text)) : text;
}

const choice = (by: OpcodeChoice['by'], texts: readonly SlotText[]): OpcodeChoice => ({ by, choices: texts.map(slot) });

/** By mandatory prefix. What has no text for a prefix is undefined with it. */
export function byPrefix(none: SlotText, p66: SlotText = '', f3: SlotText = '', f2: SlotText = ''): OpcodeChoice {
  return choice('prefix', [none, p66, f3, f2]);
}

/** By ModRM.reg, up to eight. */
export function byReg(...texts: readonly SlotText[]): OpcodeChoice {
  return choice('reg', texts);
}

/** By ModRM.rm, up to eight. */
export function byRm(...texts: readonly SlotText[]): OpcodeChoice {
  return choice('rm', texts);
}

/** One meaning with a memory operand, another with a register. */
export function byForm(memory: SlotText, register: SlotText): OpcodeChoice {
  return choice('form', [memory, register]);
}

/** One meaning in 64-bit mode, another elsewhere. */
export function byMode(other: SlotText, long: SlotText): OpcodeChoice {
  return choice('mode', [other, long]);
}

/** One meaning without REX.W, another with it. */
export function byWidth(narrow: SlotText, wide: SlotText): OpcodeChoice {
  return choice('wide', [narrow, wide]);
}

/** One meaning with vectors of 128 bits, another with 256. */
export function byLength(narrow: SlotText, wide: SlotText): OpcodeChoice {
  return choice('length', [narrow, wide]);
}

/** The same whatever the mandatory prefix: for choices beside those that it selects. */
export function anyPrefix(text: SlotText): OpcodeChoice {
  return byPrefix(text, text, text, text);
}

/** All eight of ModRM.reg alike. */
export function allRegs(text: SlotText): OpcodeChoice {
  return byReg(...new Array<SlotText>(8).fill(text));
}

/** An opcode map under construction: 256 places. */
export class OpcodeMap {
  readonly slots: OpcodeSlot[] = new Array<OpcodeSlot>(256).fill(undefined);

  /** Sets places from `first` on; '' stands for nothing. */
  put(first: number, ...texts: readonly SlotText[]): this {
    texts.forEach((text, i) => {
      this.slots[first + i] = slot(text);
    });
    return this;
  }
}

/** Condition codes by number, as mnemonics' suffixes (Intel SDM vol. 1, appendix B). */
export const CONDITION_SUFFIXES: readonly string[] = ['o', 'no', 'b', 'nb', 'z', 'nz', 'be', 'nbe', 's', 'ns', 'p', 'np', 'l', 'nl', 'le', 'nle'];
