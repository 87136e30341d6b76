// Functions of the program, and the scopes that are open at an address: blocks, and calls that the compiler inlined.

import type { CompilationUnit } from "./compilation-unit";
import { DW_AT, DW_TAG } from "./dwarf-constants";
import { filesOf } from "./file-tables";
import type { AddressRange } from "./intervals";
import type { LoadBias } from "./load-bias";
import { locationsOf, rangesOf } from "./range-lists";
import type { LocationEntry } from "./range-lists";
import type { TypeBuilder } from "./type-builder";
import type { SubroutineType } from "./types";
import type { Die } from "./units";
import { declarationOf, VariableReader } from "./variables";
import type { SourcePosition, Variable } from "./variables";

/** All addresses are run-time ones. */
export interface FunctionInfo {
  readonly name: string;
  /** The name that the linker knows, where it differs (C++). */
  readonly linkageName: string | undefined;
  /** Its first instruction. */
  readonly start: bigint;
  /** First address after the part that `start` is in. */
  readonly end: bigint;
  /** All parts; more than one if the compiler moved rarely run code away. */
  readonly ranges: readonly AddressRange[];
  /** Where a breakpoint on the function belongs: after the code that sets up the frame, so that the parameters can be read. */
  readonly prologueEnd: bigint;
  readonly declaration: SourcePosition | undefined;
  /** Undefined where only the ELF symbol is known. */
  readonly type: SubroutineType | undefined;
  readonly origin: "dwarf" | "elf";
}

/** A call that is open at an address: the function itself, or one inlined into it. */
export interface ScopeFrame {
  readonly kind: "function" | "inlined";
  readonly name: string;
  readonly ranges: readonly AddressRange[];
  readonly declaration: SourcePosition | undefined;
  /** For an inlined call, where it is made: the position to show for the next outer frame. */
  readonly callSite: (SourcePosition & { readonly column: number }) | undefined;
  /** The blocks around the address, innermost first; the last is the function's own with its parameters. */
  readonly blocks: readonly ScopeBlock[];
}

export interface ScopeBlock {
  readonly ranges: readonly AddressRange[];
  readonly variables: readonly Variable[];
}

function holds(ranges: readonly AddressRange[], address: bigint): boolean {
  return ranges.some(range => range.start <= address && address < range.end);
}

function textThrough(die: Die, attribute: number): string | undefined {
  return die.holder(attribute)?.text(attribute);
}

const MAXIMUM_DEPTH = 200;

/** The calls that are open at an address, outermost first: the function's entry, then the inlined calls' entries. */
export function callsAt(fn: Die, address: bigint): Die[] {
  const calls = [fn];
  for (let block: Die | undefined = fn; block !== undefined && calls.length < MAXIMUM_DEPTH;) {
    block = innerBlock(block, address);
    if (block?.tag === DW_TAG.inlined_subroutine) calls.push(block);
  }
  return calls;
}

/** The child that opens a scope around the address. */
function innerBlock(block: Die, address: bigint): Die | undefined {
  for (const child of block.children()) {
    const opensScope = child.tag === DW_TAG.lexical_block || child.tag === DW_TAG.inlined_subroutine;
    if (opensScope && holds(rangesOf(child), address)) return child;
  }
  return undefined;
}

/** The calls inlined straight into a call or block, in its blocks too. */
function inlinedIn(block: Die, depth = 0): Die[] {
  if (depth > MAXIMUM_DEPTH) return [];
  const found: Die[] = [];
  for (const child of block.children()) {
    if (child.tag === DW_TAG.inlined_subroutine) found.push(child);
    else if (child.tag === DW_TAG.lexical_block) found.push(...inlinedIn(child, depth + 1));
  }
  return found;
}

/** Reads functions and scopes of one file. Takes file addresses, gives run-time ones. */
export class FunctionReader {
  private readonly variables: VariableReader;

  constructor(private readonly types: TypeBuilder, private readonly bias: LoadBias) {
    this.variables = new VariableReader(types);
  }

  /** What a subprogram's entry says of it. */
  info(die: Die, unit: CompilationUnit): FunctionInfo {
    const ranges = rangesOf(die);
    const entry = die.address(DW_AT.entry_pc) ?? die.address(DW_AT.low_pc) ?? ranges[0].start;
    const part = ranges.find(range => range.start <= entry && entry < range.end) ?? ranges[0];
    const { types } = this;
    const start = this.bias.toRuntime(entry);
    return {
      name: die.name() ?? "?",
      linkageName: textThrough(die, DW_AT.linkage_name) ?? textThrough(die, DW_AT.MIPS_linkage_name),
      start,
      end: start + (part.end - entry),
      ranges: ranges.map(range => this.bias.rangeToRuntime(range)),
      prologueEnd: start + (prologueEnd(die, unit, entry, part.end) - entry),
      declaration: declarationOf(die),
      get type() { return types.subroutine(die); },
      origin: "dwarf",
    };
  }

  /** The open scopes at a file address inside the function, innermost call first. */
  scopes(fn: Die, address: bigint): ScopeFrame[] {
    const frameBase = locationsOf(fn, DW_AT.frame_base);
    return callsAt(fn, address).map(call => this.frame(call, address, frameBase)).reverse();
  }

  /** The code of the calls inlined on a line, into the innermost call that is open at a file address. */
  inlinedCalls(fn: Die, address: bigint, line: SourcePosition): AddressRange[] {
    const calls = callsAt(fn, address);
    return inlinedIn(calls[calls.length - 1])
      .filter(call => {
        const site = callSite(call);
        return site?.line === line.line && site.file === line.file;
      })
      .flatMap(call => rangesOf(call).map(range => this.bias.rangeToRuntime(range)));
  }

  private frame(call: Die, address: bigint, frameBase: readonly LocationEntry[]): ScopeFrame {
    const blocks: ScopeBlock[] = [];
    let block: Die | undefined = call;
    while (block !== undefined && blocks.length < MAXIMUM_DEPTH) {
      blocks.unshift(this.block(block, frameBase));
      const inner = innerBlock(block, address);
      block = inner?.tag === DW_TAG.lexical_block ? inner : undefined;
    }
    const isInlined = call.tag === DW_TAG.inlined_subroutine;
    return {
      kind: isInlined ? "inlined" : "function",
      name: call.name() ?? "?",
      ranges: rangesOf(call).map(range => this.bias.rangeToRuntime(range)),
      declaration: declarationOf(call),
      callSite: isInlined ? callSite(call) : undefined,
      blocks,
    };
  }

  private block(die: Die, frameBase: readonly LocationEntry[]): ScopeBlock {
    const variables: Variable[] = [];
    for (const child of die.children()) {
      if (child.tag !== DW_TAG.variable && child.tag !== DW_TAG.formal_parameter) continue;
      const variable = this.variables.read(child, frameBase);
      if (variable !== undefined) variables.push(variable);
    }
    return { ranges: rangesOf(die).map(range => this.bias.rangeToRuntime(range)), variables };
  }

  /** A variable outside all functions; undefined if it has neither place nor value. */
  global(die: Die): Variable | undefined {
    const variable = this.variables.read(die, [], true);
    const isDefined = variable !== undefined && (variable.places.locations.length > 0 || variable.places.constant !== undefined);
    return isDefined ? variable : undefined;
  }
}

function callSite(call: Die): ScopeFrame["callSite"] {
  const file = filesOf(call.unit)[call.number(DW_AT.call_file) ?? -1];
  const line = call.number(DW_AT.call_line);
  return file === undefined || line === undefined ? undefined : { file, line, column: call.number(DW_AT.call_column) ?? 0 };
}

/**
 * The address after a function's prologue: where the line table marks it, else (as GDB does) where the table's second
 * row of the function is. Assembly has no prologue that a compiler made, and in optimised code the location lists say
 * where the variables are from the first instruction on: for both it is the entry itself.
 */
function prologueEnd(die: Die, unit: CompilationUnit, entry: bigint, end: bigint): bigint {
  if (unit.isAssembly) return entry;
  const first = unit.rowAt(entry);
  if (first === undefined) return entry;
  const rows = first.sequence.rows.slice(first.index).filter(row => row.address < end);
  const marked = rows.find(row => row.prologueEnd);
  if (marked !== undefined) return marked.address;
  if (unit.isOptimised || usesLocationLists(die)) return entry;
  return rows.find(row => row.address > entry && row.isStatement && row.line > 0)?.address ?? entry;
}

function usesLocationLists(fn: Die): boolean {
  for (const child of fn.children()) {
    const isVariable = child.tag === DW_TAG.variable || child.tag === DW_TAG.formal_parameter;
    if (isVariable && child.has(DW_AT.location) && child.block(DW_AT.location) === undefined) return true;
  }
  return false;
}
