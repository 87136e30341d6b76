/**
 * The registers as GDB numbers them: the features that it knows (org.gnu.gdb.i386.*), and one of our own with the system's
 * registers. Which there are is settled when a client connects, as GDB cannot be told otherwise later; what they hold is taken
 * from the CPU's state in whatever mode it is in then.
 *
 * Source: Debugging with GDB, appendix G.5.7 (i386 features); gdb/features/i386 names the registers and their order.
 */
import type { CpuState, RegisterValue } from '../../monitor/inspection/queries';
import { MachineError } from '../../monitor/machine/blame';

export type GdbArchitecture = 'i386' | 'amd64';

/** A value for one of the machine's own registers. */
export interface RegisterWrite {
  readonly name: string;
  readonly value: bigint;
}

/** A register of GDB's. */
export interface GdbRegister {
  readonly name: string;
  /** A multiple of 8. */
  readonly bits: number;
  /** In the target description: 'int32', 'code_ptr', or the id of flags. */
  readonly type: string;
  readonly group?: 'general' | 'float' | 'vector' | 'system';
  /** The bits that have names. */
  readonly fields?: RegisterValue['fields'];
  /** Undefined when it is not there in the present mode. */
  read(cpu: CpuRegisters): bigint | undefined;
  /** What to set for it to have a value. Throws MachineError when it cannot be set. */
  write(cpu: CpuRegisters, value: bigint): readonly RegisterWrite[];
}

export interface RegisterFeature {
  readonly name: string;
  readonly registers: readonly GdbRegister[];
}

/** The registers of one connection. */
export interface RegisterLayout {
  readonly architecture: GdbArchitecture;
  readonly features: readonly RegisterFeature[];
  /** By GDB's numbers. */
  readonly registers: readonly GdbRegister[];
  /** How many of them are sent together (`g`); GDB asks for the others one by one. */
  readonly together: number;
}

/** The state of a CPU, by names. */
export class CpuRegisters {
  private readonly values: ReadonlyMap<string, bigint>;

  constructor(readonly state: CpuState) {
    const { general, flags, control, debug, x87, vector, msrs, segments } = state;
    this.values = new Map([
      ...[...msrs, ...general, flags, ...control, ...debug, ...x87, ...vector].map(({ name, value }) => [name, value] as const),
      ...segments.flatMap(({ name, selector, base, limit, attributes }): (readonly [string, bigint])[] => [
        [name, BigInt(selector)], [`${name}.base`, base], [`${name}.limit`, BigInt(limit)], [`${name}.attributes`, BigInt(attributes)],
      ]),
    ]);
  }

  get(name: string): bigint | undefined {
    return this.values.get(name);
  }

  /** The name under which the machine has one of several: 'rax' in long mode, else 'eax'. */
  nameOf(...names: readonly string[]): string | undefined {
    return names.find((name) => this.values.has(name));
  }

  /** Offset in CS that a linear address has; in 64-bit code the two are the same. */
  offsetOf(linear: bigint): bigint {
    const { mode } = this.state;
    return mode === 'long-64' ? linear : BigInt.asUintN(32, linear - (this.get('cs.base') ?? 0n));
  }
}

const GENERAL: Readonly<Record<GdbArchitecture, readonly string[]>> = {
  i386: ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'],
  amd64: ['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp', 'rsp', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'],
};
const STACK_POINTERS = new Set(['esp', 'ebp', 'rsp', 'rbp']);
const SELECTORS = ['cs', 'ss', 'ds', 'es', 'fs', 'gs'] as const;
/** GDB's names of the x87 unit's words, and ours. */
const X87_WORDS = [['fctrl', 'fcw'], ['fstat', 'fsw'], ['ftag', 'ftw'], ['fiseg', 'fcs'], ['fioff', 'fip'], ['foseg', 'fds'], ['fooff', 'fdp'], ['fop', 'fop']] as const;
/** Registers that hold addresses: as wide as these are. */
const ADDRESSES = new Set(['cr2', 'cr3', 'dr0', 'dr1', 'dr2', 'dr3', 'gdtr.base', 'idtr.base']);
/** Model-specific registers that a kernel's author looks at; GDB lists all that it knows again and again, and `monitor` has the others. */
const MSRS = new Set([
  'ia32_sysenter_cs', 'ia32_sysenter_esp', 'ia32_sysenter_eip', 'ia32_star', 'ia32_lstar', 'ia32_cstar', 'ia32_fmask', 'ia32_kernel_gs_base', 'ia32_tsc_aux',
  'ia32_apic_base', 'ia32_pat',
]);
/** In the manuals' order. */
const SEGMENTS = ['cs', 'ss', 'ds', 'es', 'fs', 'gs', 'ldtr', 'tr'] as const;

const refused = (text: string): MachineError => new MachineError(text, 'user');
const numbered = (prefix: string, count: number): readonly string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

/** A register that the machine has under a name of its own. */
function plain(name: string, own: string, bits: number, type: string, rest: Pick<GdbRegister, 'group' | 'fields'> = {}): GdbRegister {
  return {
    name, bits, type, ...rest,
    read: (cpu) => cpu.get(own),
    write: (cpu, value) => {
      if (cpu.get(own) === undefined) throw refused(`There is no register ${name} in this mode.`);
      return [{ name: own, value }];
    },
  };
}

/** A register that cannot be set. */
function readOnly(name: string, bits: number, read: GdbRegister['read'], why: string): GdbRegister {
  return { name, bits, type: `uint${bits}`, group: 'system', read, write: () => { throw refused(`${name} cannot be set: ${why}`); } };
}

/** A general register, half of which is all that there is of it, or all that GDB knows of it, where the mode is another. */
function general(name: string, bits: number): GdbRegister {
  const names = [name, name.replace(/^r(?=[a-z])/, 'e'), name.replace(/^e/, 'r')];
  return {
    name, bits, type: STACK_POINTERS.has(name) ? 'data_ptr' : `int${bits}`,
    read: (cpu) => cpu.get(cpu.nameOf(...names) ?? name),
    write: (cpu, value) => {
      const own = cpu.nameOf(...names);
      if (own === undefined) throw refused(`There is no register ${name} in this mode.`);
      return [{ name: own, value: bits === 32 ? withLow(cpu.get(own) ?? 0n, value) : value }];
    },
  };
}

const withLow = (before: bigint, low: bigint): bigint => ((before >> 32n) << 32n) | low;

/**
 * The program counter: GDB knows no segments, so it is given the linear address of the next instruction. That is EIP wherever
 * CS begins at 0; in real mode and in virtual-8086 mode it is CS * 16 + IP.
 */
function programCounter(name: string, bits: number): GdbRegister {
  return {
    name, bits, type: 'code_ptr',
    read: (cpu) => cpu.state.linear,
    write: (cpu, value) => {
      const own = cpu.nameOf('rip', 'eip') ?? 'eip';
      const linear = bits === 32 && cpu.state.mode === 'long-64' ? withLow(cpu.state.linear, value) : value;
      return [{ name: own, value: cpu.offsetOf(linear) }];
    },
  };
}

function flags({ flags: { fields } }: CpuState): GdbRegister {
  return {
    name: 'eflags', bits: 32, type: 'eflags_bits', ...(fields ? { fields } : {}),
    read: (cpu) => cpu.get('rflags') ?? cpu.get('eflags'),
    write: (cpu, value) => [{ name: cpu.nameOf('rflags', 'eflags') ?? 'eflags', value }],
  };
}

function core(architecture: GdbArchitecture, state: CpuState): RegisterFeature {
  const bits = architecture === 'amd64' ? 64 : 32;
  return {
    name: 'org.gnu.gdb.i386.core',
    registers: [
      ...GENERAL[architecture].map((name) => general(name, bits)),
      programCounter(architecture === 'amd64' ? 'rip' : 'eip', bits),
      flags(state),
      ...SELECTORS.map((name) => plain(name, name, 32, 'int32')),
      ...numbered('st', 8).map((name) => plain(name, name, 80, 'i387_ext')),
      ...X87_WORDS.map(([name, own]) => plain(name, own, 32, 'int', { group: 'float' })),
    ],
  };
}

function sse(architecture: GdbArchitecture, { vector }: CpuState): readonly RegisterFeature[] {
  const mxcsr = vector.find(({ name }) => name === 'mxcsr');
  if (!mxcsr) return [];
  const count = architecture === 'amd64' ? 16 : 8;
  const registers = numbered('xmm', count).map((name) => plain(name, name, 128, 'vec128', { group: 'vector' }));
  const control = plain('mxcsr', 'mxcsr', 32, 'mxcsr_bits', { group: 'vector', ...(mxcsr.fields ? { fields: mxcsr.fields } : {}) });
  const features: RegisterFeature[] = [{ name: 'org.gnu.gdb.i386.sse', registers: [...registers, control] }];
  if (!vector.some(({ name }) => name === 'ymm0')) return features;
  return [...features, { name: 'org.gnu.gdb.i386.avx', registers: numbered('ymm', count).map(upperHalf) }];
}

/** The upper half of a YMM register. */
function upperHalf(name: string): GdbRegister {
  return {
    name: `${name}h`, bits: 128, type: 'uint128',
    read: (cpu) => {
      const whole = cpu.get(name);
      return whole === undefined ? undefined : whole >> 128n;
    },
    write: (cpu, value) => {
      const whole = cpu.get(name);
      if (whole === undefined) throw refused(`There is no register ${name} in this mode.`);
      return [{ name, value: (value << 128n) | BigInt.asUintN(128, whole) }];
    },
  };
}

/** The bases of FS and GS, which long mode can set. */
function segmentBases(): RegisterFeature {
  return { name: 'org.gnu.gdb.i386.segments', registers: ['fs', 'gs'].map((name) => plain(`${name}_base`, `${name}.base`, 64, 'int')) };
}

const wholeBytes = (bits: number): number => Math.ceil(bits / 8) * 8;

/** A control, debug or model-specific register, under its own name. */
function systemRegister({ name, bits, fields, readOnly: isReadOnly }: RegisterValue, addressBits: number): GdbRegister {
  const width = ADDRESSES.has(name) ? addressBits : wholeBytes(bits);
  const shown = name.replace('.', '_');
  if (isReadOnly) return readOnly(shown, width, (cpu) => cpu.get(name), 'the processor has it as read-only.');
  const hasNames = fields !== undefined && fields.length > 0 && (width === 32 || width === 64);
  return plain(shown, name, width, hasNames ? `${shown}_bits` : `uint${width}`, { group: 'system', ...(hasNames ? { fields } : {}) });
}

/** Hidden parts of segment registers. */
function hiddenParts(architecture: GdbArchitecture, addressBits: number): readonly GdbRegister[] {
  const why = 'it is loaded with the selector, by the guest\'s instructions.';
  return SEGMENTS.flatMap((name) => {
    const hasBase = architecture === 'amd64' && (name === 'fs' || name === 'gs');
    return [
      ...(hasBase ? [] : [readOnly(`${name}_base`, addressBits, (cpu) => cpu.get(`${name}.base`), why)]),
      readOnly(`${name}_limit`, 32, (cpu) => cpu.get(`${name}.limit`), why),
      readOnly(`${name}_attributes`, 16, (cpu) => cpu.get(`${name}.attributes`), why),
    ];
  });
}

function system(architecture: GdbArchitecture, state: CpuState): RegisterFeature {
  const addressBits = architecture === 'amd64' ? 64 : 32;
  const offset: GdbRegister = {
    name: 'ip', bits: addressBits, type: `uint${addressBits}`, group: 'system',
    read: (cpu) => cpu.state.instructionPointer,
    write: (cpu, value) => [{ name: cpu.nameOf('rip', 'eip') ?? 'eip', value }],
  };
  const registers = [
    offset,
    ...[...state.control, ...state.debug].map((register) => systemRegister(register, addressBits)),
    ...(['ldtr', 'tr'] as const).map((name) => readOnly(name, 16, (cpu) => cpu.get(name), 'let the guest execute LLDT or LTR.')),
    ...hiddenParts(architecture, addressBits),
    ...state.msrs.filter(({ name }) => MSRS.has(name)).map((register) => systemRegister(register, addressBits)),
  ];
  return { name: 'org.shadowbox.system', registers };
}

/** The registers of a machine for a client that connects now. */
export function registerLayout(architecture: GdbArchitecture, state: CpuState): RegisterLayout {
  const known = [core(architecture, state), ...sse(architecture, state), ...(architecture === 'amd64' ? [segmentBases()] : [])];
  const together = known.reduce((sum, { registers }) => sum + registers.length, 0);
  const features = [...known, system(architecture, state)];
  return { architecture, features, registers: features.flatMap(({ registers }) => registers), together };
}
