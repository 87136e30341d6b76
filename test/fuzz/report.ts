/**
 * Prints a difference: the listing of what was executed, both states side by side, and how to see it again.
 */
import type { Case } from './case';
import type { MemoryDifference, Run, Step } from './lockstep';
import { GENERAL_NAMES, SEGMENT_NAMES, codeBits, usesDescriptors, type MachineState } from './machineState';
import { handlerVector } from './handlers';

const hex = (value: number | bigint, digits: number): string => value.toString(16).padStart(digits, '0');
const hexBytes = (bytes: Iterable<number>): string => [...bytes].map((byte) => hex(byte, 2)).join(' ');
/** Instructions of a listing that are shown before the one that differs. */
const LISTING_MOST = 24;

function place(state: MachineState): string {
  return `${hex(state.segments.cs.selector, 4)}:${hex(state.rip, 8)}`;
}

function listingLine(step: Step, mark: string): string {
  const length = step.instruction?.length ?? Math.min(step.bytes.length, 4);
  const text = step.instruction?.text ?? (step.bytes.length === 0 ? '(no code can be fetched)' : '(no instruction)');
  const vector = handlerVector(step.ours);
  const then = step.ourStep.kind === 'delivered' ? `  ; ${step.ourStep.external ? 'interrupt' : 'vector'} ${vector === undefined ? '?' : vector} delivered` : '';
  return `${mark} ${place(step.before)} ${codeBits(step.before)}/${step.before.cpl} ${hexBytes(step.bytes.subarray(0, length)).padEnd(32)} ${text}${then}`;
}

interface Row {
  readonly name: string;
  readonly value: string;
}

function segmentRow(state: MachineState, name: (typeof SEGMENT_NAMES)[number]): Row {
  const { selector, base, limit, attributes } = state.segments[name];
  const rights = usesDescriptors(state) ? hex(attributes, 3) : '-';
  return { name, value: `${hex(selector, 4)} ${hex(base, 8)} ${hex(limit, 8)} ${rights}` };
}

function rows(state: MachineState): Row[] {
  return [
    { name: 'rip', value: place(state) },
    { name: 'flags', value: hex(state.flags, 8) },
    { name: 'cpl', value: String(state.cpl) },
    ...GENERAL_NAMES.slice(0, state.efer & 0x400 ? 16 : 8).map((name, i) => ({ name, value: hex(state.general[i] ?? 0n, 8) })),
    ...SEGMENT_NAMES.map((name) => segmentRow(state, name)),
    ...(['gdtr', 'idtr'] as const).map((name) => ({ name, value: `${hex(state[name].base, 8)} ${hex(state[name].limit, 4)}` })),
    ...(['cr0', 'cr2', 'cr3', 'cr4', 'efer', 'dr6', 'dr7'] as const).map((name) => ({ name, value: hex(state[name], 8) })),
  ];
}

/** Three states side by side; lines in which the last two differ are marked. */
function sideBySide(before: MachineState, ours: MachineState, theirs: MachineState): string[] {
  const [a, b, c] = [rows(before), rows(ours), rows(theirs)];
  const width = 28;
  const head = `  ${''.padEnd(6)} ${'before'.padEnd(width)} ${'ours'.padEnd(width)} QEMU`;
  return [head, ...b.map(({ name, value }, i) => {
    const theirValue = c[i]?.value ?? '';
    return `${value === theirValue ? ' ' : '*'} ${name.padEnd(6)} ${(a[i]?.value ?? '').padEnd(width)} ${value.padEnd(width)} ${theirValue}`;
  })];
}

function memoryLine({ address, ours, theirs }: MemoryDifference): string {
  return `* memory ${hex(address, 8)}  ours ${hexBytes(ours)}  QEMU ${hexBytes(theirs)}`;
}

/** In a few words what a step differs in: two differences with the same text count as one. */
export function signature(program: Case, run: Run): string {
  const step = run.steps.at(-1);
  if (!step) return 'nothing ran';
  const name = step.instruction?.name ?? '?';
  const end = (state: MachineState, shutdown: boolean): string => (shutdown ? 'shutdown' : String(handlerVector(state) ?? 'on'));
  const ways = step.ourStep.kind === 'delivered' || step.theirShutdown || step.ourStep.kind === 'shutdown' || handlerVector(step.theirs) !== undefined
    ? ` ours→${end(step.ours, step.ourStep.kind === 'shutdown')} QEMU→${end(step.theirs, step.theirShutdown)}` : '';
  const sameWay = handlerVector(step.ours) === handlerVector(step.theirs);
  const fields = sameWay ? step.differences.map(({ field, ours, theirs }) => (field === 'flags' ? `flags^${hex(ours ^ theirs, 1)}` : field)) : [];
  return `${program.mode === 'real16' ? 'real' : program.mode === 'v86' ? 'v86' : 'protected'} ${name}${ways} ${fields.join(',')}${sameWay && step.memory.length > 0 ? ' memory' : ''}`;
}

/** The lines that show a program whose machines went different ways. */
export function listing(program: Case, run: Run, length: number): string[] {
  const last = run.steps.at(-1);
  const shown = run.steps.filter((step) => step === last || step.instruction?.name !== 'nop').slice(-LISTING_MOST);
  const lines = [
    `${signature(program, run)}`,
    `seen again by: npm run fuzz -- --mode ${program.mode} --seed ${program.seed} --length ${length} --only`,
    ...shown.map((step) => listingLine(step, step === last ? '>' : ' ')),
  ];
  if (!last) return lines;
  if (last.ourStep.kind === 'shutdown') lines.push('* ours has shut down (triple fault)');
  if (last.theirShutdown) lines.push('* QEMU has shut down (triple fault)');
  lines.push(...sideBySide(last.before, last.ours, last.theirs), ...last.memory.slice(0, 12).map(memoryLine));
  const units = program.units.filter(({ code }) => code.some((byte) => byte !== 0x90));
  lines.push(`  units: ${units.map(({ family }) => family).join(', ')}`);
  const special = program.patches.filter(({ note }) => !note.includes('data page'));
  if (special.length <= 40) for (const { address, bytes, note } of special) lines.push(`  ${note.padEnd(24)} ${hex(address, 5)}: ${hexBytes(bytes)}`);
  return lines;
}
