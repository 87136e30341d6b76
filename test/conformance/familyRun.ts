/**
 * Runs a family's vectors, each in both ways in which the engine reaches memory: through flat segments,
 * and with segment checks.
 */
import { Bench, type BenchEngine, type SegmentModel } from './bench';
import { runVector, toleranceOf, type Difference } from './compare';
import type { Mode } from './expectedState';
import type { Family, Vector } from './vectorFile';

export interface FailedVector {
  /** Number in its file, from 1. */
  readonly number: number;
  readonly vector: Vector;
  readonly model: SegmentModel;
  readonly difference: Difference;
}

export interface FamilyResult {
  readonly family: string;
  readonly passed: number;
  readonly failed: readonly FailedVector[];
}

/** Which vectors of a family are asked for. */
export interface Selection {
  readonly mode?: Mode;
  /** A single vector's number, from 1. */
  readonly number?: number;
  /** The interpreter unless it is said. */
  readonly engine?: BenchEngine;
  /** Only every so many vectors. */
  readonly stride?: number;
}

const MODELS: readonly SegmentModel[] = ['flat', 'checked'];

/** A bench serves a mode on one engine. */
const benches = new Map<string, Bench>();

function benchFor(mode: Mode, engine: BenchEngine): Bench {
  const key = `${mode} ${engine}`;
  let bench = benches.get(key);
  if (!bench) benches.set(key, (bench = new Bench(mode, engine)));
  return bench;
}

/** Runs the selected vectors of a family. A vector has passed when it has in both models. */
export function runFamily(family: Family, selection: Selection = {}): FamilyResult {
  const chosen: { readonly number: number; readonly vector: Vector }[] = [];
  family.vectors.forEach((vector, i) => {
    if (selection.mode !== undefined && vector.m !== selection.mode) return;
    if (selection.number !== undefined && selection.number !== i + 1) return;
    if (selection.stride !== undefined && i % selection.stride !== 0) return;
    chosen.push({ number: i + 1, vector });
  });
  const failed = chosen.length === 0 ? new Map<number, FailedVector>() : runAll(family.name, chosen, selection.engine ?? 'interpreter');
  return { family: family.name, passed: chosen.length - failed.size, failed: [...failed.values()] };
}

function runAll(name: string, chosen: readonly { readonly number: number; readonly vector: Vector }[], engine: BenchEngine): Map<number, FailedVector> {
  const tolerance = toleranceOf(name);
  const failed = new Map<number, FailedVector>();
  for (const model of MODELS) {
    for (const { number, vector } of chosen) {
      // 64-bit code has no segments to check.
      if (failed.has(number) || (vector.m === 64 && model === 'checked')) continue;
      const stand = benchFor(vector.m, engine);
      stand.model = model;
      const difference = runVector(stand, vector, tolerance);
      if (difference) failed.set(number, { number, vector, model, difference });
    }
  }
  return failed;
}
