/**
 * What stops cost that are passed: a loop of 10 million rounds without any, with a breakpoint whose condition is false each time, with a
 * watched page beside and under its data, and with a watchpoint whose condition is false. Usage: npx tsx bench/stops.ts
 */
import { performance } from 'node:perf_hooks';
import { validateConfiguration } from '../src/monitor/machine/configuration';
import { VirtualMachine } from '../src/monitor/machine/machine';
import type { GateExpression, StopReport } from '../src/monitor/machine/session';
import type { StopSet } from '../src/monitor/machine/stopSet';
import { MemoryFiles } from '../test/support/memoryFiles';

const ROUNDS = Number(process.argv[2] ?? 10_000_000);
const BASE = 0x100000, ENTRY = BASE + 0x20, DATA = BASE + 0x3000;
const le32 = (value: number): readonly number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
/** mov ecx, ROUNDS; inc dword [DATA]; dec ecx; jnz; jmp $ */
const PROGRAM = [0xb9, ...le32(ROUNDS), 0xff, 0x05, ...le32(DATA), 0x49, 0x75, 0xf7, 0xeb, 0xfe];
const LOOP = ENTRY + 5;

function machine(): VirtualMachine {
  const image = new Uint8Array(0x4000);
  const magic = 0x1badb002, flags = 0x10000;
  image.set([magic, flags, -(magic + flags), BASE, BASE, BASE + image.length, BASE + image.length, ENTRY].flatMap((word) => [...le32(word)]));
  image.set(PROGRAM, ENTRY - BASE);
  const checked = validateConfiguration({ multiboot: 'kernel', memory: '2M' }, { front: 'commandLine' });
  if ('problems' in checked) throw new Error(JSON.stringify(checked.problems));
  return new VirtualMachine({ configuration: checked.configuration, multiboot: { path: 'kernel', bytes: image }, modules: [], disks: [] }, new MemoryFiles());
}

function run(it: VirtualMachine): StopReport {
  it.resume({ kind: 'instructions', count: 3 * ROUNDS });
  for (;;) {
    const outcome = it.runSlice(5_000_000);
    if (typeof outcome === 'object' && 'reason' in outcome) return outcome;
  }
}

const register = (name: string): GateExpression => ({ kind: 'register', name });
const constant = (value: number): GateExpression => ({ kind: 'constant', value: BigInt(value) });
const equal = (left: GateExpression, right: GateExpression): GateExpression => ({ kind: 'binary', op: '==', left, right });
const word: GateExpression = { kind: 'memory', space: 'linear', address: constant(DATA), bytes: 4 };

const CASES: readonly (readonly [string, (stops: StopSet) => void])[] = [
  ['no stops', () => undefined],
  ['a breakpoint elsewhere', (stops) => stops.setBreakpoints([{ id: 1, linear: BigInt(ENTRY + 0x100) }])],
  ['a watchpoint in another page', (stops) => stops.setWatchpoints([{ id: 1, space: 'linear', address: BigInt(DATA + 0x2000), length: 4, access: 'write' }])],
  ['a breakpoint, ecx == 0: false', (stops) => stops.setBreakpoints([{ id: 1, linear: BigInt(LOOP), gate: { condition: equal(register('ecx'), constant(0)) } }])],
  ['a breakpoint, [data] == -1: false', (stops) => stops.setBreakpoints([{ id: 1, linear: BigInt(LOOP), gate: { condition: equal(word, constant(0xffffffff)) } }])],
  ['a watchpoint beside the data', (stops) => stops.setWatchpoints([{ id: 1, space: 'linear', address: BigInt(DATA + 8), length: 4, access: 'write' }])],
  ['a watchpoint, after == -1: false', (stops) => stops.setWatchpoints([{ id: 1, space: 'linear', address: BigInt(DATA), length: 4, access: 'write', gate: { condition: equal({ kind: 'event', name: 'after' }, constant(0xffffffff)) } }])],
];

for (const [what, set] of CASES) {
  const it = machine();
  set(it.stops);
  const start = performance.now();
  const cpu = process.cpuUsage();
  const { reason } = run(it);
  const { user } = process.cpuUsage(cpu);
  console.log(`${what.padEnd(36)} ${((performance.now() - start) / 1000).toFixed(2)} s, ${(user / 1e6).toFixed(2)} s of processor time, ${((user * 1000) / ROUNDS).toFixed(0)} ns a round (${reason.kind})`);
}
