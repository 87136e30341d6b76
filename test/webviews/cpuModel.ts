/**
 * A processor for the tests of panels: its state as the adapter sends it, decoded by the machine's own tables of fields.
 */
import { toWire } from '../../debugger/codec';
import type { PointerNote } from '../../debugger/panelProtocol';
import type { CpuState, RegisterValue, SegmentValue } from '../../src/monitor/inspection/queries';
import * as F from '../../src/monitor/inspection/registerFields';
import type { CpuAnswer } from '../../webviews/registers/model';

export interface CpuModel {
  readonly mode: CpuState['mode'];
  readonly processor: CpuState['processor'];
  /** Values by name; what is missing is 0. */
  readonly values: Readonly<Record<string, bigint>>;
  /** MSRs by name. */
  readonly msrs: readonly string[];
}

const NAMES32 = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi', 'eip'];
const NAMES64 = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15', 'rip'];

export const LAB_CPU: CpuModel = {
  mode: 'protected-32', processor: { index: 0, count: 1 },
  values: {
    eax: 0x41424344n, ecx: 0xffffffffn, edx: 0x40000444n, ebx: 0x12n, esp: 0x5fff0n, eip: 0x400002ddn, eflags: 0x246n, cr0: 0x80010033n, cr3: 0x110000n, cr4: 0x10n,
    dr0: 0x101000n, dr7: 0xd0002n, dr6: 1n, st0: 0x4000a000000000000000n, ftw: 0x3fffn, fsw: 0x3800n, fcw: 0x37fn,
    xmm0: (0x3ff8000000000000n << 64n) | (0x40490fdbn << 32n) | 0x3f800000n, mxcsr: 0x1f80n,
  },
  msrs: Array.from({ length: 80 }, (_, i) => (i === 60 ? 'ia32_lstar' : `msr_${i.toString(16).padStart(3, '0')}`)),
};

export const LONG_CPU: CpuModel = {
  ...LAB_CPU, mode: 'long-64', processor: { index: 1, count: 4 },
  values: { ...LAB_CPU.values, rax: 0xffffffff81000000n, rsp: 0xffffc90000013e58n, rip: 0xffffffff81001234n, rflags: 0x46n, efer: 0xd01n, cr4: 0x3606f0n },
};

const segment = (name: SegmentValue['name'], selector: number, attributes: number, meaning: string): SegmentValue => ({
  name, selector, base: name === 'tr' ? 0x1068a0n : 0n, limit: name === 'tr' ? 0x67 : 0xffffffff, attributes, present: (attributes & 0x80) !== 0, meaning,
});

/** The answer to 'shadowbox.cpu'. */
export function cpuAnswer({ mode, processor, values, msrs }: CpuModel): CpuAnswer {
  const long = mode === 'long-64';
  const value = (name: string) => values[name] ?? 0n;
  const plain = (name: string, bits: number): RegisterValue => ({ name, value: value(name), bits });
  const decoded = (name: string, bits: number, table: F.FieldTable): RegisterValue => ({ ...plain(name, bits), fields: F.fieldsOf(table, value(name)) });
  const eight = [0, 1, 2, 3, 4, 5, 6, 7];
  const width = long ? 64 : 32;
  const flags = long ? 'rflags' : 'eflags';
  const empty = (n: number) => ((Number(value('ftw')) >> (2 * ((((Number(value('fsw')) >> 11) & 7) + n) & 7))) & 3) === 3;
  const state: CpuState = {
    processor, mode, cpl: 3, halted: false, codeBits: long ? 64 : 32, selector: 0x1b, instructionPointer: value(long ? 'rip' : 'eip'), linear: value(long ? 'rip' : 'eip'), stackLinear: value(long ? 'rsp' : 'esp'),
    general: (long ? NAMES64 : NAMES32).map((name) => plain(name, width)),
    segments: [
      segment('es', 0x23, 0xcf3, 'data, writable, 32-bit, DPL 3'), segment('cs', 0x1b, 0xcfb, 'code, readable, 32-bit, DPL 3'), segment('ss', 0x23, 0xcf3, 'data, writable, 32-bit, DPL 3'),
      segment('ds', 0x23, 0xcf3, 'data, writable, 32-bit, DPL 3'), segment('fs', 0, 0, 'not usable'), segment('gs', 0, 0, 'not usable'), segment('ldtr', 0, 0, 'not usable'),
      segment('tr', 0x28, 0x8b, '32-bit TSS, busy, DPL 0'),
    ],
    flags: decoded(flags, width, F.FLAG_FIELDS),
    control: [
      decoded('cr0', 32, F.CR0_FIELDS), plain('cr2', width), decoded('cr3', width, long ? F.CR3_LONG_FIELDS : F.CR3_FIELDS), decoded('cr4', 32, F.CR4_FIELDS), ...(long ? [decoded('efer', 64, F.EFER_FIELDS)] : []),
      plain('gdtr.base', width), plain('gdtr.limit', 16),
    ],
    debug: [0, 1, 2, 3].map((n) => plain(`dr${n}`, width)).concat(decoded('dr6', 32, F.DR6_FIELDS), decoded('dr7', 32, F.DR7_FIELDS)),
    x87: [
      ...eight.map((n): RegisterValue => ({ ...plain(`st${n}`, 80), meaning: empty(n) ? 'empty' : n === 0 ? '2.5' : '0' })),
      decoded('fcw', 16, F.FCW_FIELDS), decoded('fsw', 16, F.FSW_FIELDS), plain('ftw', 16), ...eight.map((n) => plain(`mm${n}`, 64)),
    ],
    vector: [...eight.map((n) => plain(`xmm${n}`, 128)), decoded('mxcsr', 32, F.MXCSR_FIELDS), ...(long ? eight.map((n) => plain(`ymm${n}`, 256)) : [])],
    msrs: msrs.map((name, i) => ({ ...plain(name, 64), meaning: `MSR ${(0xc0000000 + i).toString(16)}`, ...(i === 1 ? { readOnly: true } : {}) })),
  };
  return toWire(state);
}

export const LAB_POINTERS: readonly PointerNote[] = [
  { register: 'edx', linear: '0x40000444', text: 'the canvas has lost its colour' }, { register: 'eip', linear: '0x400002dd', symbol: 'painter+0x7f' },
];
