/** The best figures of every engine for each part, kept in .cache/bench, so that a quick run of ours alone can be seen beside the peers'. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { root } from '../scripts/lib/paths.mjs';
import type { Architecture } from './ownGuest';
import { rowsOf } from './report';
import type { Report } from './report';

/** A part on one engine. */
export interface ReferenceFigure {
  readonly seconds: number;
  /** Processor time; only where the system tells it. */
  readonly cpuSeconds?: number;
  /** Not there for the boot, which computes nothing. */
  readonly checksum?: string;
}

/** By engine, then by part. */
export type Reference = Readonly<Record<string, Readonly<Record<string, ReferenceFigure>>>>;

function fileOf(architecture: Architecture): string {
  return path.join(root, '.cache', 'bench', `reference-${architecture}.json`);
}

/** The figures so far; none when nothing has been measured here yet. */
export function readReference(architecture: Architecture): Reference {
  const file = fileOf(architecture);
  // What we have written ourselves, in the form that the type says.
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) as Reference : {};
}

/** The better of two figures: the machine was busier at the other. One of another checksum is about other work, and out of date. */
export function better(before: ReferenceFigure | undefined, found: ReferenceFigure): ReferenceFigure {
  if (before === undefined || before.checksum !== found.checksum) return found;
  const cpu = [before.cpuSeconds, found.cpuSeconds].filter((seconds) => seconds !== undefined);
  return { ...found, seconds: Math.min(before.seconds, found.seconds), ...(cpu.length === 0 ? {} : { cpuSeconds: Math.min(...cpu) }) };
}

/** Adds figures to those that are there. */
export async function addToReference(architecture: Architecture, found: Reference): Promise<void> {
  const merged: Record<string, Record<string, ReferenceFigure>> = {};
  for (const [engine, figures] of Object.entries(readReference(architecture))) merged[engine] = { ...figures };
  for (const [engine, figures] of Object.entries(found)) {
    const known = (merged[engine] ??= {});
    for (const [part, figure] of Object.entries(figures)) known[part] = better(known[part], figure);
  }
  await mkdir(path.dirname(fileOf(architecture)), { recursive: true });
  await writeFile(fileOf(architecture), `${JSON.stringify(merged, undefined, 2)}\n`);
}

/** What a report says about the peers, and about our interpreter. */
export function referenceOf(report: Report): Reference {
  const found: Record<string, Record<string, ReferenceFigure>> = {};
  for (const { name, cells } of rowsOf(report)) {
    for (const [engine, { lowest, cpuSeconds, checksum }] of Object.entries(cells)) {
      if (engine === 'ours') continue;
      (found[engine] ??= {})[name] = { seconds: lowest, ...(cpuSeconds === undefined ? {} : { cpuSeconds }), ...(checksum === undefined ? {} : { checksum }) };
    }
  }
  return found;
}
