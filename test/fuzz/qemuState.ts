/**
 * Reads the state of QEMU's processor from the text of its monitor's `info registers` (x86_cpu_dump_state).
 */
import { GENERAL_NAMES, type MachineState, type SegmentName, type SegmentState, type TableState } from './machineState';

const NAMES_64 = ['RAX', 'RCX', 'RDX', 'RBX', 'RSP', 'RBP', 'RSI', 'RDI', 'R8', 'R9', 'R10', 'R11', 'R12', 'R13', 'R14', 'R15'] as const;
const NAMES_32 = ['EAX', 'ECX', 'EDX', 'EBX', 'ESP', 'EBP', 'ESI', 'EDI'] as const;
const SEGMENTS: readonly (readonly [SegmentName, string])[] = [['es', 'ES '], ['cs', 'CS '], ['ss', 'SS '], ['ds', 'DS '], ['fs', 'FS '], ['gs', 'GS '], ['ldtr', 'LDT'], ['tr', 'TR ']];

/** Attribute bits from the upper word of a descriptor. */
const attributesOf = (high: number): number => ((high >>> 8) & 0xff) | ((high >>> 12) & 0xf00);

class RegisterText {
  /** The text behind `NAME=` or `NAME =`. */
  private readonly values = new Map<string, string>();

  constructor(text: string) {
    // R8 is printed as `R8 =`, segments and tables as `ES =0010 00000000 ffffffff 00cf9300`.
    for (const [, name, value] of text.matchAll(/([A-Z][A-Z0-9]*) *= *((?:[0-9a-f]+)(?: [0-9a-f]{8,16})*)/g)) {
      if (name !== undefined && value !== undefined && !this.values.has(name)) this.values.set(name, value);
    }
  }

  words(name: string): readonly string[] {
    const value = this.values.get(name);
    if (value === undefined) throw new Error(`QEMU's registers have no ${name}`);
    return value.split(' ');
  }

  has(name: string): boolean {
    return this.values.has(name);
  }

  big(name: string): bigint {
    return BigInt(`0x${this.words(name)[0] ?? ''}`);
  }

  number(name: string): number {
    return parseInt(this.words(name)[0] ?? '', 16);
  }
}

function segmentOf(text: RegisterText, name: string): SegmentState {
  const [selector = '', base = '', limit = '', high = ''] = text.words(name.trim());
  return { selector: parseInt(selector, 16), base: BigInt(`0x${base}`), limit: parseInt(limit, 16), attributes: attributesOf(parseInt(high, 16)) };
}

function tableOf(text: RegisterText, name: string): TableState {
  const [base = '', limit = ''] = text.words(name);
  return { base: BigInt(`0x${base}`), limit: parseInt(limit, 16) };
}

/** @param printed the whole of what `info registers` prints */
export function readRegisters(printed: string): MachineState {
  const text = new RegisterText(printed);
  const wide = text.has('RAX');
  const names: readonly string[] = wide ? NAMES_64 : NAMES_32;
  return {
    general: GENERAL_NAMES.map((_, i) => {
      const name = names[i];
      return name === undefined ? 0n : text.big(name);
    }),
    rip: text.big(wide ? 'RIP' : 'EIP'),
    flags: text.number(wide ? 'RFL' : 'EFL'),
    cpl: text.number('CPL'),
    segments: Object.fromEntries(SEGMENTS.map(([name, printedName]) => [name, segmentOf(text, printedName)])) as Record<SegmentName, SegmentState>,
    gdtr: tableOf(text, 'GDT'),
    idtr: tableOf(text, 'IDT'),
    cr0: text.number('CR0'),
    cr2: text.big('CR2'),
    cr3: text.big('CR3'),
    cr4: text.number('CR4'),
    efer: text.number('EFER'),
    dr6: text.number('DR6'),
    dr7: text.number('DR7'),
  };
}
