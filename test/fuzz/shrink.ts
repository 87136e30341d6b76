/**
 * Makes a program that shows a difference smaller, as long as it shows the same difference: units become NOPs, what
 * lies around goes back to the standard, registers and flags to zero.
 */
import type { Case, Patch, Start, Unit } from './case';
import type { Run } from './lockstep';
import { CR0, FLAG } from './machineState';
import { signature } from './report';

const NOP = 0x90;

/** What runs a program: a Lockstep, or a stand-in in tests. */
export interface Runner {
  run(program: Case): Promise<Run>;
}

export interface Shrunk {
  readonly program: Case;
  readonly run: Run;
}

const asNops = (unit: Unit): Unit => ({ ...unit, code: unit.code.map(() => NOP), patches: [] });
const isNops = (unit: Unit): boolean => unit.code.every((byte) => byte === NOP);

/** Drops chunks of a list, large ones first, as long as `keeps` says yes. */
async function dropChunks<T>(list: readonly T[], without: (list: readonly T[], from: number, count: number) => readonly T[], keeps: (list: readonly T[]) => Promise<boolean>): Promise<readonly T[]> {
  let current = list;
  for (let size = Math.ceil(current.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < current.length;) {
      const candidate = without(current, from, size);
      if (candidate !== current && await keeps(candidate)) {
        const shorter = candidate.length < current.length;
        current = candidate;
        if (!shorter) from += size;
      } else from += size;
    }
  }
  return current;
}

/** Simpler starts, one step each. */
function* simplerStarts(start: Start): Generator<Start> {
  for (let i = 0; i < start.general.length; i++) {
    if (i !== 4 && start.general[i] !== 0) yield { ...start, general: start.general.map((value, n) => (n === i ? 0 : value)) };
  }
  for (const flag of Object.values(FLAG)) {
    if (flag !== FLAG.VM && start.flags & flag) yield { ...start, flags: start.flags & ~flag };
  }
  for (const bit of [CR0.WP, CR0.AM, CR0.TS, CR0.NE, CR0.EM]) if (start.cr0 & bit) yield { ...start, cr0: (start.cr0 & ~bit) >>> 0 };
  const { segments } = start;
  for (const name of ['es', 'fs', 'gs'] as const) if (segments[name] !== segments.ds) yield { ...start, segments: { ...segments, [name]: segments.ds } };
}

/** @param wanted the signature that the difference has to keep */
export async function shrink(runner: Runner, program: Case, wanted: string): Promise<Shrunk> {
  let best = program;
  let bestRun: Run | undefined;
  const accept = async (candidate: Case): Promise<boolean> => {
    const run = await runner.run(candidate);
    if (run.verdict.kind !== 'different' || signature(candidate, run) !== wanted) return false;
    best = candidate;
    bestRun = run;
    return true;
  };
  const withoutUnits = (units: readonly Unit[], from: number, count: number): readonly Unit[] => {
    const chunk = units.slice(from, from + count);
    return chunk.every(isNops) ? units : [...units.slice(0, from), ...chunk.map(asNops), ...units.slice(from + count)];
  };
  const withoutPatches = (patches: readonly Patch[], from: number, count: number): readonly Patch[] => [...patches.slice(0, from), ...patches.slice(from + count)];
  await dropChunks(best.units, withoutUnits, (units) => accept({ ...best, units }));
  await dropChunks(best.patches, withoutPatches, (patches) => accept({ ...best, patches }));
  for (let again = true; again;) {
    again = false;
    for (const start of simplerStarts(best.start)) again = await accept({ ...best, start }) || again;
  }
  return { program: best, run: bestRun ?? await runner.run(best) };
}
