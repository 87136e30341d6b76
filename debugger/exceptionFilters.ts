/**
 * The filters that the client shows as exceptions: vectors of the architecture, and everything else that a machine does and can be
 * stopped at. Each says what conditions may ask of it.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { EventStop, EventValue, ExceptionStop } from '../src/monitor/machine/session';
import { eventNames } from './eventValues';

/** Vectors of the architecture (SDM volume 3, table 6-1) that can be stopped at. */
const VECTORS: readonly (readonly [vector: number, mnemonic: string, title: string])[] = [
  [0, '#DE', 'divide error'],
  [1, '#DB', 'debug exception'],
  [2, 'NMI', 'non-maskable interrupt'],
  [3, '#BP', 'breakpoint (INT3)'],
  [4, '#OF', 'overflow (INTO)'],
  [5, '#BR', 'BOUND range exceeded'],
  [6, '#UD', 'invalid opcode'],
  [7, '#NM', 'x87 device not available'],
  [8, '#DF', 'double fault'],
  [10, '#TS', 'invalid TSS'],
  [11, '#NP', 'segment not present'],
  [12, '#SS', 'stack-segment fault'],
  [13, '#GP', 'general protection'],
  [14, '#PF', 'page fault'],
  [16, '#MF', 'x87 floating-point error'],
  [17, '#AC', 'alignment check'],
  [18, '#MC', 'machine check'],
  [19, '#XM', 'SIMD floating-point exception'],
  [20, '#VE', 'virtualization exception'],
  [21, '#CP', 'control protection'],
];

/** The filter that cannot be switched off: a triple fault always stops, because nothing can go on after it. */
export const TRIPLE_FAULT = 'triple-fault';
/** First touches of a page, whose condition names it. */
export const TOUCH = 'touch';

type EventKind = Exclude<EventStop['kind'], 'touch'>;

/** What a filter stops at. `narrow`: a part of a condition that the stop itself can say, as `vector == 0x30`. */
export type FilterStop =
  | { readonly list: 'exceptions'; readonly stop: Pick<ExceptionStop, 'vector'> }
  | { readonly list: 'events'; readonly kind: EventKind; readonly narrow?: 'vector' | 'port' | 'msr' };

interface FilterKind {
  readonly shown: DebugProtocol.ExceptionBreakpointsFilter;
  readonly stop: FilterStop;
  readonly names: ReadonlyMap<string, EventValue>;
}

const WHO = "'user' or 'kernel', 'cpl == 3', 'cr3 == 0x1000', '$cpu == 1'";

const exceptions = VECTORS.map(([vector, mnemonic, title]): FilterKind => ({
  shown: {
    filter: mnemonic, label: `${mnemonic} ${title}`, description: `Stops before ${mnemonic} is delivered to the guest.`,
    default: false, supportsCondition: true,
    conditionDescription: `${WHO}, or any expression${vector === 14 ? "; 'address' is the faulting address, 'error' the error code" : "; 'error' is the error code"}`,
  },
  stop: { list: 'exceptions', stop: { vector } },
  names: eventNames(vector === 14 ? ['vector', 'errorCode', 'faultAddress'] : ['vector', 'errorCode']),
}));

function event(
  filter: string, kind: EventKind, label: string, description: string, example: string, values: readonly EventValue[], narrow?: 'vector' | 'port' | 'msr',
): FilterKind {
  return {
    shown: { filter, label, description, default: false, supportsCondition: true, conditionDescription: `${example}; ${WHO}, or any expression` },
    stop: { list: 'events', kind, ...(narrow ? { narrow } : {}) },
    names: eventNames(values),
  };
}

const events: readonly FilterKind[] = [
  event('irq', 'interrupt', 'Hardware interrupt (IRQ)', 'Stops before a hardware interrupt is delivered.', "'irq == 1', 'vector == 0x30'", ['vector', 'irq'], 'vector'),
  event('int', 'softwareInterrupt', 'INT n', 'Stops before INT n, INT3 or INTO.', "'vector == 0x80'", ['vector'], 'vector'),
  event('port', 'port', 'Port input and output', 'Stops before IN, OUT, INS and OUTS.', "'port == 0x3f8 && write'", ['port', 'value', 'bytes', 'write'], 'port'),
  event('msr', 'msr', 'RDMSR and WRMSR', 'Stops before a model-specific register is read or written.', "'msr == 0xc0000080 && write'", ['msr', 'value', 'write'], 'msr'),
  event('cr3', 'cr3', 'CR3 load', 'Stops before MOV to CR3.', "'to == 0x1000'", ['value', 'before', 'after']),
  event('mode', 'mode', 'Mode switch', 'Stops behind a change of the CPU mode (real, protected, long, …).', "'cr0.pg == 1'", []),
  event('task', 'taskSwitch', 'Task switch', "Stops behind a switch to another task's TSS.", "'tr == 0x28'", []),
];

const KINDS: ReadonlyMap<string, FilterKind> = new Map([...exceptions, ...events].map((kind) => [kind.shown.filter, kind]));

export function filterKind(filter: string): FilterKind | undefined {
  return KINDS.get(filter);
}

export const EXCEPTION_FILTERS: DebugProtocol.ExceptionBreakpointsFilter[] = [
  {
    filter: TRIPLE_FAULT,
    label: 'Triple fault',
    description: 'Stops where a real processor would reset. Always on: the machine cannot go on from there.',
    default: true,
  },
  ...[...KINDS.values()].map(({ shown }) => shown),
  {
    filter: TOUCH, label: 'First touch of a page',
    description: 'Stops when a page of 4 KiB is accessed for the first time from now on.',
    default: false, supportsCondition: true,
    conditionDescription: "which page, and how: 'write 0xb8000', 'read phys:0xa0000', 'execute 0x7c00'; write if nothing is said",
  },
];
