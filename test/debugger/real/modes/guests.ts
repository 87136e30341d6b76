/**
 * The modes in which the suite over all of them runs: 16-bit real mode, 32-bit paged, 64-bit, four CPUs, and a recording that is opened.
 * Of each it is said what the tests have to know: how to come to code that goes on calling and writing, and what happens behind it.
 */
import assert from 'node:assert/strict';
import { leaveOut } from '../../../support/leaveOut';
import { assembleGuest, type AssembledGuest } from '../../../guests/multiprocessor/image';
import type { DapClient } from '../../client';
import { HELLO, launchStopped, lineOf, PAGING_LAB, sample, USER } from '../adapter';
import { buildLongModeGuest, longModeLine, longModeSource, type BuiltGuest } from '../longModeGuest';
import { recordPagingLab, runToFunction, WAIT_TURN, type RecordedRun } from '../recordedRun';

/** A stop at an exception or event that comes behind the start. */
export interface ExpectedEvent {
  readonly filterId: string;
  readonly condition?: string;
  readonly description: RegExp;
  readonly text: RegExp;
}

/** Lines of source that are executed behind the start, again and again. */
export interface SourceLines {
  readonly path: string;
  readonly repeated: number;
  /** A line with a call, and the name of what it calls. */
  readonly calling: number;
  readonly callee: string;
}

/** A guest, and how to come to code of it that goes on calling and writing. */
export interface Mode {
  readonly title: string;
  /** The name of the thread there. */
  readonly thread: RegExp;
  /** What the stack grows by, the register that points to its top, as an address, and the instruction pointer. */
  readonly word: number;
  readonly stackTop: string;
  readonly pc: 'eip' | 'rip';
  /** A function that is called again and again. */
  readonly called: string;
  /** A variable outside functions, where there are types. */
  readonly variable?: string;
  /** Whether callers can be found. */
  readonly hasFrames: boolean;
  /** What is true in every condition there, and what never is. */
  readonly holds: string;
  readonly never: string;
  readonly source?: SourceLines;
  readonly events: readonly ExpectedEvent[];
  /** Filters of what does not come in the next 5 ms of virtual time. */
  readonly quiet: readonly string[];
  /** Ways of `until` that find what they run to; the others go on until they are paused. */
  readonly untils: readonly ('iret' | 'user' | 'kernel' | 'cr3')[];
  configuration(context: Mocha.Context): object | Promise<object>;
  /** Launches it. Default: it stops on entry. */
  launch?(client: DapClient, configuration: object): Promise<unknown>;
  /** Stops where the suite begins, which is the first instruction of something that pushes soon. */
  arrive(client: DapClient): Promise<void>;
  dispose?(): void;
}

/** Launches a guest of a mode, and goes to where its suite begins. */
export async function begin(mode: Mode, client: DapClient, configuration: object): Promise<void> {
  await (mode.launch ?? launchStopped)(client, configuration);
  await mode.arrive(client);
}

const PAGED = {
  word: 4, stackTop: 'esp', pc: 'eip', called: 'wait_turn', variable: 'kernel_space', hasFrames: true,
  thread: /\(protected-32, CPL 3\)/,
  holds: 'cpl == 3 && $cs.base == 0', never: 'cpl == 0',
  source: { path: sample(USER), repeated: lineOf(USER, 'ping-write'), calling: lineOf(USER, 'ping-wait'), callee: 'wait_turn' },
  events: [
    { filterId: 'int', condition: 'vector == 0x80 && cpl == 3', description: /^INT 0x80$/, text: /^INT 0x80: the instruction is about to be executed$/ },
    { filterId: 'cr3', condition: 'to != from', description: /^CR3 load$/, text: /^CR3 load: from 0x\w+ to 0x\w+, before the instruction$/ },
    { filterId: 'port', condition: 'write', description: /^OUT to port 0x\w+$/, text: /^OUT to port 0x\w+: 1 byte, value 0x\w+, before the instruction$/ },
    { filterId: 'irq', description: /^IRQ 0, vector 0x20$/, text: /a hardware interrupt is about to be delivered/ },
    { filterId: '#PF', condition: 'user', description: /^#PF$/, text: /^#PF \(error code 0x[4-7], address 0x\w+\) at 001b:4000\w+: user code (read|wrote)/ },
    { filterId: 'touch', condition: 'write 0xb8000', description: /^first touch$/, text: /^first touch: a write to physical 0xb8\w+, by \w+\+0x\w+ \(console\.c:\d+\)$/ },
  ],
  quiet: ['msr', 'mode', 'task', '#UD', '#MC'],
  untils: ['iret', 'user', 'kernel', 'cr3'],
} as const;

let longMode: BuiltGuest | undefined;
let processors: AssembledGuest | undefined;
let recorded: RecordedRun | undefined;

export const MODES: readonly Mode[] = [
  {
    title: '16-bit real mode', thread: /\(real, CPL 0\)/, word: 2, stackTop: 'ss:sp', pc: 'eip', called: 'put_char', hasFrames: false,
    holds: 'cpl == 0 && $cs == 0', never: 'cpl == 3',
    source: {
      path: sample('hello/hello.asm'), repeated: lineOf('hello/hello.asm', 'hello-ret'),
      calling: lineOf('hello/hello.asm', 'hello-drive') + 1, callee: 'print',
    },
    events: [
      { filterId: 'int', condition: 'vector == 0x12', description: /^INT 0x12$/, text: /^INT 0x12: the instruction is about to be executed$/ },
      { filterId: 'port', condition: 'write', description: /^OUT to port 0x\w+$/, text: /^OUT to port 0x\w+: 1 byte, value 0x\w+, before the instruction$/ },
      { filterId: 'irq', condition: 'vector == 8', description: /^IRQ 0, vector 0x8$/, text: /a hardware interrupt is about to be delivered/ },
    ],
    quiet: ['cr3', 'msr', 'mode', 'task', '#PF', '#GP'],
    untils: ['iret'],
    configuration: () => HELLO,
    arrive: async (client) => {
      // By segment and offset, before the code is there.
      const { breakpoints } = await client.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference: '0x0:0x7c00' }] });
      assert.equal(breakpoints[0].verified, true);
      await client.request('continue', { threadId: 1 });
      await client.stopped('breakpoint');
      await client.request('setInstructionBreakpoints', { breakpoints: [] });
      await runToFunction(client, 'print');
    },
  },
  {
    ...PAGED, title: '32-bit paged',
    configuration: () => PAGING_LAB,
    arrive: async (client) => {
      await runToFunction(client, 'ping');
      // Its stack is there now.
      await runToFunction(client, 'wait_turn');
    },
  },
  {
    title: 'long mode', thread: /\(long-64, CPL 0\)/, word: 8, stackTop: 'rsp', pc: 'rip', called: 'factorial', variable: 'fault_count', hasFrames: true,
    holds: 'cpl == 0 && $rsp > 0xffffffff80000000', never: 'cpl == 3',
    source: {
      path: longModeSource('kernel.c'), repeated: longModeLine('kernel.c', 'factorial-end'),
      calling: longModeLine('kernel.c', 'call-factorial'), callee: 'factorial',
    },
    events: [
      { filterId: 'irq', condition: 'vector == 0x20', description: /^IRQ 0, vector 0x20$/, text: /a hardware interrupt is about to be delivered/ },
      { filterId: 'port', condition: 'write && port == 0x20', description: /^OUT to port 0x\w+$/, text: /^OUT to port 0x20: 1 byte, value 0x20, before the instruction$/ },
      {
        filterId: '#PF', condition: 'address == 0xffff900000001234', description: /^#PF$/,
        text: /^#PF \(error code 0x0, address 0xffff900000001234\) at 0008:ffffffff80\w+: supervisor code read linear address/,
      },
      { filterId: 'mode', description: /^mode switch$/, text: /long-64.*compatibility|compatibility.*long-64/ },
    ],
    quiet: ['int', 'cr3', 'msr', 'task', '#GP', '#DF'],
    untils: ['iret'],
    configuration: (context) => {
      const built = buildLongModeGuest();
      if ('missing' in built) leaveOut(context, `no usable ${built.missing}`);
      longMode = built;
      return { multiboot: built.elf, memory: '64M', cmdline: '', symbols: [built.elf] };
    },
    arrive: (client) => runToFunction(client, 'factorial'),
    dispose: () => longMode?.remove(),
  },
  {
    title: 'four CPUs', thread: /^CPU \d of 4 /, word: 4, stackTop: 'esp', pc: 'eip', called: 'plain_increment', hasFrames: false,
    holds: 'cpl == 0 && $cs.base == 0', never: '$cpu == 4',
    events: [
      { filterId: 'irq', condition: 'vector == 0x40', description: /^IRQ, vector 0x40$/, text: /a hardware interrupt is about to be delivered/ },
      { filterId: 'port', condition: 'write && port == 0xe9', description: /^OUT to port 0x\w+$/, text: /^OUT to port 0xe9: 1 byte, value 0x\w+, before the instruction$/ },
      { filterId: 'cr3', condition: 'to != from', description: /^CR3 load$/, text: /^CR3 load: from 0x\w+ to 0x\w+, before the instruction$/ },
      { filterId: '#PF', description: /^#PF$/, text: /^#PF \(error code 0x\w+, address 0x\w+\) at 0008:\w+: supervisor code/ },
    ],
    quiet: ['int', 'task', '#UD', '#MC'],
    untils: ['iret', 'cr3'],
    configuration: (context) => {
      processors = assembleGuest(context);
      return { multiboot: processors.file, memory: '8M', cpus: 4, quantum: 1000, symbols: [processors.symbols] };
    },
    arrive: async (client) => {
      await client.request('shadowbox.runUntil', { until: '60000 instructions' });
      await client.stopped('pause');
    },
    dispose: () => processors?.dispose(),
  },
  {
    ...PAGED, title: 'a replay',
    configuration: async () => {
      recorded = await recordPagingLab();
      return { recording: recorded.file, symbols: PAGING_LAB.symbols, sourceMap: PAGING_LAB.sourceMap };
    },
    launch: async (client, configuration) => {
      await client.launch(configuration);
      await client.stopped('step');
    },
    arrive: async (client) => {
      await client.request('shadowbox.travel', { bookmark: WAIT_TURN });
      await client.stopped('step');
    },
    dispose: () => recorded?.remove(),
  },
];
