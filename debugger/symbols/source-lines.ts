// Source lines across all units of a file: from a line to the addresses of its code, for breakpoints.

import type { CompilationUnit, PlacedRow } from "./compilation-unit";
import { DW_AT } from "./dwarf-constants";
import { callsAt } from "./functions";
import { rangesOf } from "./range-lists";
import { matchPaths } from "./paths";
import type { Die } from "./units";

/** A place in the code for a line, in file addresses. */
export interface LineAddress {
  readonly address: bigint;
  readonly line: number;
  readonly unit: CompilationUnit;
}

interface Candidate extends PlacedRow {
  readonly unit: CompilationUnit;
}

/** Read-only; each unit's line table is read when one of its files is first asked about. */
export class SourceLines {
  private unitsByPath: Map<string, CompilationUnit[]> | undefined;

  constructor(private readonly units: readonly CompilationUnit[]) {}

  /** Normalised full paths of all source files that the line tables name. */
  files(): string[] {
    return [...this.byPath().keys()];
  }

  /** MD5 of a source file, in hexadecimal, where a unit knows it. */
  md5Of(file: string): string | undefined {
    for (const unit of this.byPath().get(file) ?? []) {
      const md5 = unit.md5Of(file);
      if (md5 !== undefined) return md5;
    }
    return undefined;
  }

  /**
   * The addresses at which code of a line begins, one for each function (or inlined call) that has code of it.
   * Where the line has none, those of the next line of the same function that has.
   */
  addresses(file: string, line: number): LineAddress[] {
    const paths = matchPaths(file, this.files());
    const exact = this.candidates(paths, line, line);
    if (exact.length > 0) return this.firstOfEachCall(exact);
    const next = this.nextLine(paths, line);
    if (next === undefined) return [];
    const allowed = this.candidates(paths, next, next).filter(candidate => this.mayStandFor(candidate, line));
    return this.firstOfEachCall(allowed);
  }

  /** The lines from `first` to `last` that have code, rising. */
  linesWithCode(file: string, first: number, last: number): number[] {
    const lines = this.candidates(matchPaths(file, this.files()), first, last).map(candidate => candidate.row.line);
    return [...new Set(lines)].sort((a, b) => a - b);
  }

  private byPath(): Map<string, CompilationUnit[]> {
    if (this.unitsByPath === undefined) {
      this.unitsByPath = new Map();
      for (const unit of this.units) {
        for (const path of new Set(unit.files)) {
          const others = this.unitsByPath.get(path);
          if (path === "") continue;
          if (others === undefined) this.unitsByPath.set(path, [unit]);
          else others.push(unit);
        }
      }
    }
    return this.unitsByPath;
  }

  private candidates(paths: readonly string[], first: number, last: number): Candidate[] {
    const found: Candidate[] = [];
    for (const path of paths) {
      for (const unit of this.byPath().get(path) ?? []) {
        const rows = unit.statementsOf(path);
        for (let i = lowerBound(rows, first); i < rows.length && rows[i].row.line <= last; i++) found.push({ ...rows[i], unit });
      }
    }
    return found;
  }

  private nextLine(paths: readonly string[], line: number): number | undefined {
    let next: number | undefined;
    for (const path of paths) {
      for (const unit of this.byPath().get(path) ?? []) {
        const rows = unit.statementsOf(path);
        const found = rows[lowerBound(rows, line)]?.row.line;
        if (found !== undefined && (next === undefined || found < next)) next = found;
      }
    }
    return next;
  }

  /**
   * Whether code of a later line may stand for a line without code. It may not if a function declared further down
   * opens on that line: then the line asked for lies outside all functions. Assembly has no such bounds.
   */
  private mayStandFor({ unit, row }: Candidate, line: number): boolean {
    const fn = unit.functions().at(row.address);
    if (fn === undefined || unit.isAssembly) return true;
    const calls = callsAt(fn, row.address);
    const innermost = calls[calls.length - 1];
    const opensIt = rangesOf(innermost).some(({ start }) => start === row.address || unit.rowAt(start)?.row.line === row.line);
    const declared = innermost.holder(DW_AT.decl_line)?.number(DW_AT.decl_line);
    return !opensIt || declared === undefined || declared <= line;
  }

  /** A line may have code in several places of one function (a loop's parts): the lowest address is where it begins. */
  private firstOfEachCall(candidates: readonly Candidate[]): LineAddress[] {
    const first = new Map<string, LineAddress>();
    for (const candidate of candidates) {
      const { row, unit } = candidate;
      const key = callKey(candidate);
      const known = first.get(key);
      if (known === undefined || row.address < known.address) first.set(key, { address: row.address, line: row.line, unit });
    }
    return [...first.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
  }
}

/** Names the innermost call that a row is in; outside all functions, each run of rows of one line stands for itself. */
function callKey({ unit, row, sequence, index }: Candidate): string {
  const fn = unit.functions().at(row.address);
  if (fn === undefined) {
    let first = index;
    while (first > 0 && sequence.rows[first - 1].line === row.line && sequence.rows[first - 1].file === row.file) first--;
    return `at ${sequence.rows[first].address}`;
  }
  const calls = callsAt(fn, row.address);
  const innermost = calls[calls.length - 1];
  return `in ${unit.unit.start}:${innermost.offset}:${partOf(innermost, row.address)}`;
}

/** Code that was moved away from its function (`.cold`) is a place of its own: which part of the call the address is in. */
function partOf(call: Die, address: bigint): number {
  return rangesOf(call).findIndex(range => range.start <= address && address < range.end);
}

function lowerBound(rows: readonly PlacedRow[], line: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle].row.line < line) low = middle + 1;
    else high = middle;
  }
  return low;
}
