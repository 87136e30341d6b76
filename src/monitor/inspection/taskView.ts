/**
 * Task-state segments, field by field, and the ports that their permission maps open (Intel SDM vol. 3, 8.2, 8.7; vol. 1, 19.5.2).
 */
import { TSS16, TSS32, TSS64 } from '../cpu/taskState';
import type { TaskField, TaskState } from './descriptorTypes';
import type { ReadLinear } from './tableReader';

type Layout = readonly (readonly [name: string, at: number, bytes: number, meaning: string])[];

const STACKS = ['for calls and interrupts to CPL 0', 'for calls and interrupts to CPL 1', 'for calls and interrupts to CPL 2'];
const GENERAL = ['AX', 'CX', 'DX', 'BX', 'SP', 'BP', 'SI', 'DI'];
const SEGMENTS = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'];
const BACK_LINK = ['link', 0, 2, 'selector of the task that called this one'] as const;

const LAYOUT16: Layout = [
  BACK_LINK,
  ...STACKS.flatMap((meaning, i): Layout => [[`SP${i}`, TSS16.sp0 + 4 * i, 2, meaning], [`SS${i}`, TSS16.ss0 + 4 * i, 2, meaning]]),
  ['IP', TSS16.ip, 2, 'where the task goes on'], ['FLAGS', TSS16.flags, 2, ''],
  ...GENERAL.map((name, i) => [name, TSS16.registers + 2 * i, 2, ''] as const),
  ...SEGMENTS.slice(0, 4).map((name, i) => [name, TSS16.segments + 2 * i, 2, ''] as const),
  ['LDT', TSS16.ldt, 2, 'selector of its LDT'],
];

const LAYOUT32: Layout = [
  BACK_LINK,
  ...STACKS.flatMap((meaning, i): Layout => [[`ESP${i}`, TSS32.esp0 + 8 * i, 4, meaning], [`SS${i}`, TSS32.ss0 + 8 * i, 2, meaning]]),
  ['CR3', TSS32.cr3, 4, 'address space of the task'], ['EIP', TSS32.eip, 4, 'where the task goes on'], ['EFLAGS', TSS32.flags, 4, ''],
  ...GENERAL.map((name, i) => [`E${name}`, TSS32.registers + 4 * i, 4, ''] as const),
  ...SEGMENTS.map((name, i) => [name, TSS32.segments + 4 * i, 2, ''] as const),
  ['LDT', TSS32.ldt, 2, 'selector of its LDT'], ['T', TSS32.trap, 2, 'bit 0: #DB on the switch to it'],
  ['I/O map', TSS32.ioMap, 2, 'offset of the I/O permission map'],
];

const LAYOUT64: Layout = [
  ...STACKS.map((meaning, i) => [`RSP${i}`, TSS64.rsp0 + 8 * i, 8, meaning] as const),
  ...[1, 2, 3, 4, 5, 6, 7].map((n) => [`IST${n}`, TSS64.ist1 + 8 * (n - 1), 8, `stack of gates with IST ${n}`] as const),
  ['I/O map', TSS32.ioMap, 2, 'offset of the I/O permission map'],
];

const LAYOUTS = { 16: LAYOUT16, 32: LAYOUT32, 64: LAYOUT64 } as const;

function numberAt(bytes: Uint8Array, at: number, size: number): bigint {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[at + i]);
  return value;
}

const PORTS = 0x10000;

/** Runs of ports whose bits are clear; a map that ends early denies the rest. The processor reads two bytes, so the last one opens nothing. */
function openPorts(map: Uint8Array): { readonly first: number; readonly last: number }[] {
  const runs: { first: number; last: number }[] = [];
  const ports = Math.min(PORTS, Math.max(0, map.length - 1) * 8);
  for (let port = 0; port < ports; port++) {
    if ((map[port >> 3] >> (port & 7)) & 1) continue;
    const last = runs.at(-1);
    if (last?.last === port - 1) last.last = port;
    else runs.push({ first: port, last: port });
  }
  return runs;
}

interface Segment {
  readonly selector: number;
  readonly base: bigint;
  readonly limit: number;
  readonly bits: 16 | 32 | 64;
  readonly current: boolean;
}

/** A task-state segment as it is in memory now. */
export function taskState(read: ReadLinear, segment: Segment): TaskState {
  const { base, limit, bits } = segment;
  const inside = (at: number, size: number) => at + size - 1 <= limit;
  const bytes = read(base, Math.min(limit + 1, TSS32.size));
  const fields = LAYOUTS[bits].flatMap(([name, at, size, meaning]): TaskField[] => (
    inside(at, size) && at + size <= bytes.length ? [{ name, at, bytes: size, value: numberAt(bytes, at, size), meaning }] : []
  ));
  return { ...segment, fields, ...ports(read, segment, Number(fields.find(({ name }) => name === 'I/O map')?.value ?? -1)) };
}

function ports(read: ReadLinear, { base, limit, bits }: Segment, map: number): Pick<TaskState, 'openPorts' | 'portStory'> {
  if (bits === 16) return { openPorts: [], portStory: 'A 16-bit TSS has no I/O permission map: code whose CPL is above IOPL reaches no port.' };
  if (map < 0) return { openPorts: [], portStory: 'The TSS ends before the offset of its I/O permission map: code whose CPL is above IOPL reaches no port.' };
  if (map > limit) return { openPorts: [], portStory: 'The I/O permission map lies beyond the limit: code whose CPL is above IOPL reaches no port.' };
  const open = openPorts(read(base + BigInt(map), Math.min(limit - map + 1, PORTS / 8 + 1)));
  const count = open.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  return { openPorts: open, portStory: count === 0 ? 'The I/O permission map opens no port to code whose CPL is above IOPL.' : `The I/O permission map opens ${count} ports to code whose CPL is above IOPL.` };
}
