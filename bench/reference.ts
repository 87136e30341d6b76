/** The last figures of every engine for each part, kept in .cache/bench, so that a quick run of ours alone can be seen beside the peers'. */
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

/** Adds figures to those that are there; a part that was measured again has its new one. */
export async function addToReference(architecture: Architecture, found: Reference): Promise<void> {
  const before = readReference(architecture);
  const merged = Object.fromEntries([...new Set([...Object.keys(before), ...Object.keys(found)])]
    .map((engine) => [engine, { ...before[engine], ...found[engine] }]));
  await mkdir(path.dirname(fileOf(architecture)), { recursive: true });
  await writeFile(fileOf(architecture), `${JSON.stringify(merged, undefined, 2)}\n`);
}

/** What a report says about the peers, and about our interpreter. */
export function referenceOf(report: Report): Reference {
  const found: Record<string, Record<string, ReferenceFigure>> = {};
  for (const { name, cells } of rowsOf(report)) {
    for (const [engine, { seconds, checksum }] of Object.entries(cells)) {
      if (engine !== 'ours') (found[engine] ??= {})[name] = { seconds, ...(checksum === undefined ? {} : { checksum }) };
    }
  }
  return found;
}
