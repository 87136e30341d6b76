// What the debugger asks of a guest's symbol file: one facade over ELF symbols, DWARF and call frame information.

import { readAddressRanges } from "./aranges";
import { CallFrames } from "./cfi";
import type { ReadMemory, RegisterValues, UnwoundFrame } from "./cfi";
import { CompilationUnit, rowEnd } from "./compilation-unit";
import type { PlacedRow } from "./compilation-unit";
import { readableName } from "./demangle";
import { Declarations } from "./declarations";
import type { Declaration, DeclarationKind, DeclaringUnit } from "./declarations";
import { DW_TAG, DW_UT } from "./dwarf-constants";
import { ElfFile, SHF } from "./elf";
import type { ElfSection, Inflate, Machine } from "./elf";
import type { ObjectFile, Unwinder } from "./object-file";
import { ElfSymbols } from "./elf-symbols";
import type { AddressSymbol } from "./elf-symbols";
import type { Location } from "./expression";
import { FramePlaces } from "./frame-places";
import { framesLeftOut, frameSections } from "./frame-sections";
import { FunctionReader } from "./functions";
import type { FunctionInfo, ScopeFrame } from "./functions";
import { IntervalMap } from "./intervals";
import type { AddressRange } from "./intervals";
import { LoadBias } from "./load-bias";
import { rangesOf } from "./range-lists";
import { threadRegister } from "./registers";
import { SourceLines } from "./source-lines";
import { TypeBuilder } from "./type-builder";
import type { Type } from "./types";
import { DebugInfo } from "./debug-info";
import type { Die, Unit } from "./units";
import type { FrameContext, Variable } from "./variables";

export interface SymbolTableOptions {
  /** Inflates zlib streams; needed only for files with compressed sections. */
  readonly inflate?: Inflate;
  /** The same for Zstandard. */
  readonly zstd?: Inflate;
  /** Run-time address minus file address. 0 by default. */
  readonly bias?: bigint;
  /** What to call the file in errors. */
  readonly name?: string;
}

export interface SymbolPosition {
  readonly name: string;
  /** Bytes from the symbol's beginning. */
  readonly offset: bigint;
  /** Bytes that the symbol says it has; 0 for a label. */
  readonly size: bigint;
}

export interface NamedSymbol {
  readonly name: string;
  readonly address: bigint;
  readonly size: bigint;
  readonly isFunction: boolean;
}

export interface LinePosition {
  /** Normalised full path. */
  readonly file: string;
  readonly line: number;
  /** From 1; 0 if only the line is known. */
  readonly column: number;
  readonly isStatement: boolean;
}

interface FoundFunction {
  readonly die: Die;
  readonly unit: CompilationUnit;
}

const TYPE_WORDS = new Map<string, ReadonlySet<number>>([
  ["struct", new Set([DW_TAG.structure_type, DW_TAG.class_type])], ["class", new Set([DW_TAG.structure_type, DW_TAG.class_type])],
  ["union", new Set([DW_TAG.union_type])], ["enum", new Set([DW_TAG.enumeration_type])],
]);

const ASKED_UNITS = 16;

function isPartial({ header, root }: Unit): boolean {
  return header.version >= 5 ? header.kind === DW_UT.partial : root.tag === DW_TAG.partial_unit;
}

function isCompilation(unit: Unit): boolean {
  return unit.header.version >= 5 ? unit.header.kind === DW_UT.compile || unit.header.kind === DW_UT.skeleton : unit.root.tag === DW_TAG.compile_unit;
}

/**
 * The symbols of one file. All addresses that it takes and gives are run-time ones (file address + bias). For a frame
 * that is not the innermost, ask about its return address minus 1: the return address itself may belong to the next
 * line, block or function. Parts of the file are read when they are first asked about, so any method may throw
 * `SymbolFileError` if the file is broken there.
 */
export class SymbolTable {
  private readonly symbols: ElfSymbols;
  private readonly allocated: readonly ElfSection[];
  private readonly types: TypeBuilder;
  private readonly functionReader: FunctionReader;
  private readonly declarations: Declarations;
  private readonly lines: SourceLines;
  private readonly units: readonly CompilationUnit[];
  private unitMap: IntervalMap<CompilationUnit> | undefined;
  private frames: CallFrames | undefined;
  private framesTaken: Uint8Array | undefined;
  private places: FramePlaces | undefined;
  private unwinder: { readonly value: Unwinder | undefined } | undefined;

  private constructor(private readonly object: ObjectFile, private readonly bias: LoadBias, private readonly info: DebugInfo) {
    this.symbols = new ElfSymbols(object);
    this.allocated = object.sections.filter(section => (section.flags & SHF.ALLOC) !== 0);
    this.units = info.units.filter(isCompilation).map(unit => new CompilationUnit(unit, range => this.isLoaded(range)));
    this.declarations = new Declarations(() => this.declaringUnits());
    this.types = new TypeBuilder((tag, name) => this.declarations.typeNamed(name, found => found === tag));
    this.functionReader = new FunctionReader(this.types, bias);
    this.lines = new SourceLines(this.units);
  }

  /**
   * Reads the headers of an ELF file and indexes its units; the rest waits until it is needed.
   * @throws SymbolFileError if it is no ELF file for x86, or is cut short or broken in what is read at once
   */
  static parse(bytes: Uint8Array, options: SymbolTableOptions = {}): SymbolTable {
    const name = options.name ?? "symbol file";
    const elf = ElfFile.parse(bytes, name, options.inflate, options.zstd);
    return SymbolTable.of(elf, options.bias);
  }

  /**
   * The symbols of a file that is open.
   * @param bias run-time address minus file address
   * @param info its debugging information, if that has been opened already (with those files that belong to it)
   */
  static of(object: ObjectFile, bias = 0n, info = new DebugInfo(object, object.name)): SymbolTable {
    return new SymbolTable(object, new LoadBias(bias, object.machine === "386" ? 32 : 64), info);
  }

  /** The address at which the program starts. */
  get entry(): bigint {
    return this.bias.toRuntime(this.object.entry);
  }

  get machine(): Machine {
    return this.object.machine;
  }

  /** Whether there is DWARF: without it there are names for addresses, but no lines, types or variables. */
  get hasDebugInfo(): boolean {
    return this.units.length > 0;
  }

  /** Whether any of its code was compiled with optimisation, as far as the units' producers tell: the first few are asked. */
  get isOptimised(): boolean {
    return this.units.slice(0, ASKED_UNITS).some(unit => unit.isOptimised);
  }

  /** The ELF symbol that an address is in, and how far into it. */
  symbolAt(address: bigint): SymbolPosition | undefined {
    const fileAddress = this.bias.toFile(address);
    const symbol = this.symbols.at(fileAddress);
    return symbol && { name: symbol.name, offset: fileAddress - symbol.start, size: symbol.size };
  }

  /** All ELF symbols of that name; several if files have their own (static) ones. */
  symbolsNamed(name: string): NamedSymbol[] {
    return this.symbols.named(name).map(({ start, size, isFunction }) => ({ name, address: this.bias.toRuntime(start), size, isFunction }));
  }

  /** The function that an address is in: the one that the code really is, not one inlined there. */
  functionAt(address: bigint): FunctionInfo | undefined {
    const fileAddress = this.bias.toFile(address);
    const found = this.findFunction(fileAddress);
    if (found !== undefined) return this.functionReader.info(found.die, found.unit);
    const symbol = this.symbols.functionAt(fileAddress);
    return symbol && this.symbolFunction(symbol);
  }

  /** The functions of that name, from DWARF, or from the symbols if DWARF knows none. */
  functionsNamed(name: string): FunctionInfo[] {
    const quick = this.bySymbols(name);
    if (quick.length > 0) return quick.map(({ die, unit }) => this.functionReader.info(die, unit));
    const described = this.declarations.functionsNamed(name).filter(({ die }) => rangesOf(die).some(range => this.isLoaded(range)));
    if (described.length > 0) return described.flatMap(({ die, unit }) => unit === undefined ? [] : [this.functionReader.info(die, unit)]);
    return this.symbols.named(name).filter(symbol => symbol.isFunction).map(symbol => this.functionFrom(symbol));
  }

  /** The function that begins at a symbol. A label in a function, or a part of one that lies apart, is not where that begins. */
  private functionFrom(symbol: AddressSymbol): FunctionInfo {
    const start = this.bias.toRuntime(symbol.start);
    const found = this.functionAt(start);
    return found?.start === start ? found : this.symbolFunction(symbol);
  }

  /** The described functions to which the symbols of that name lead: found without a walk through all units. */
  private bySymbols(name: string): FoundFunction[] {
    const found = new Map<string, FoundFunction>();
    for (const symbol of this.symbols.functionsMadeOf(name)) {
      const fn = this.findFunction(symbol.start);
      if (fn?.die.name() === name) found.set(`${fn.unit.stated.start}:${fn.die.offset}`, fn);
    }
    return [...found.values()];
  }

  /** The source line that an address belongs to; undefined for code without one. */
  lineAt(address: bigint): LinePosition | undefined {
    const placed = this.findRow(this.bias.toFile(address));
    if (placed === undefined || placed.row.line <= 0) return undefined;
    const { file, line, column, isStatement } = placed.row;
    const path = placed.unit.files[file];
    return path === undefined || path === "" ? undefined : { file: path, line, column, isStatement };
  }

  /**
   * Where to put breakpoints for a line: one address for each function or inlined call that has code of it. A line
   * without code gives the next line of the same function that has some, named by `actualLine`.
   * @param file a path: matched whole, else by the longest tail
   */
  addressesForLine(file: string, line: number): { address: bigint; actualLine: number }[] {
    return this.lines.addresses(file, line).map(found => ({
      address: this.bias.toRuntime(this.afterPrologue(found.address)),
      actualLine: found.line,
    }));
  }

  /**
   * The code to run through for a step by line: around the address, all adjoining rows of its line, and rows among
   * and after them that begin no statement or name no line.
   */
  statementRangeAt(address: bigint): AddressRange | undefined {
    const placed = this.findRow(this.bias.toFile(address));
    if (placed === undefined) return undefined;
    const { rows } = placed.sequence;
    const sameLine = (index: number): boolean => rows[index].line === placed.row.line && rows[index].file === placed.row.file;
    let first = placed.index;
    while (first > 0 && sameLine(first - 1)) first--;
    let last = placed.index;
    while (last + 1 < rows.length && (sameLine(last + 1) || !rows[last + 1].isStatement || rows[last + 1].line <= 0)) last++;
    const end = rowEnd({ row: rows[last], sequence: placed.sequence, index: last });
    return this.bias.rangeToRuntime({ start: rows[first].address, end });
  }

  /** Whether the line at an address has statements that begin elsewhere in the same function, outside of its `statementRangeAt`. */
  isSplitLine(address: bigint): boolean {
    const fileAddress = this.bias.toFile(address);
    const placed = this.findRow(fileAddress);
    const range = this.statementRangeAt(address);
    const path = placed?.unit.files[placed.row.file];
    const fn = this.findFunction(fileAddress)?.die;
    if (placed === undefined || range === undefined || path === undefined || fn === undefined) return false;
    return placed.unit.statementsOf(path).some(({ row }) => {
      const at = this.bias.toRuntime(row.address);
      return row.line === placed.row.line && (at < range.start || at >= range.end) && this.findFunction(row.address)?.die === fn;
    });
  }

  /** Normalised full paths of all source files that the line tables name. */
  sourceFiles(): string[] {
    return this.lines.files();
  }

  /** MD5 of one of them as it was compiled, in hexadecimal; undefined where the compiler has not written it. */
  sourceMd5(file: string): string | undefined {
    return this.lines.md5Of(file);
  }

  /** The lines of a file, between `from` and `to` inclusive, that have code. */
  linesWithCode(file: string, from: number, to: number): number[] {
    return this.lines.linesWithCode(file, from, to);
  }

  /** The calls open at an address (inlined ones first, the function itself last) with their blocks and variables. Empty without DWARF. */
  scopesAt(address: bigint): ScopeFrame[] {
    const fileAddress = this.bias.toFile(address);
    const found = this.findFunction(fileAddress);
    return found === undefined ? [] : this.functionReader.scopes(found.die, fileAddress);
  }

  /**
   * The code of calls that were inlined on the line at an address, into the call that is open there: what a step over
   * the line passes.
   */
  inlinedCallsAt(address: bigint): AddressRange[] {
    const fileAddress = this.bias.toFile(address);
    const found = this.findFunction(fileAddress);
    const line = this.lineAt(address);
    return found === undefined || line === undefined ? [] : this.functionReader.inlinedCalls(found.die, fileAddress, line);
  }

  /** The variables outside all functions. */
  globals(): Variable[] {
    return this.variablesOf(this.declarations.globals());
  }

  /**
   * The variables of that name outside all functions; with namespaces it may be qualified: `outer::name`. Those of the unit first that has the
   * code at `near`: each may have a static one of its own.
   */
  globalsNamed(name: string, near?: bigint): Variable[] {
    const found = this.declarations.globalsNamed(name);
    const home = near === undefined || found.length < 2 ? undefined : this.findFunction(this.bias.toFile(near))?.unit;
    const isHome = ({ unit }: Declaration): boolean => home !== undefined && unit === home;
    return this.variablesOf([...found.filter(isHome), ...found.filter((each) => !isHome(each))]);
  }

  /** Up to `most` names that begin so: of variables outside all functions (some may have been optimised away), of functions, or of types. */
  namesOf(kind: DeclarationKind, start: string, most: number): string[] {
    return this.declarations.namesOf(kind, start, most);
  }

  private variablesOf(declarations: readonly Declaration[]): Variable[] {
    return declarations.map(({ die }) => this.functionReader.global(die)).filter(variable => variable !== undefined);
  }

  /**
   * Gathers names ahead of questions about them, for so long (milliseconds) at a time.
   * @returns false when all are known
   */
  gatherNames(duration: number): boolean {
    const end = performance.now() + duration;
    while (performance.now() < end) if (!this.declarations.readNext()) return false;
    return true;
  }

  /** A type by name: `uint32_t`, `struct page`, or just `page`. Undefined if the file defines none. */
  typeNamed(name: string): Type | undefined {
    const [, word, rest] = /^\s*(?:(struct|union|enum|class)\s+)?(.*?)\s*$/.exec(name) ?? ["", undefined, name];
    const tags = word === undefined ? undefined : TYPE_WORDS.get(word);
    const found = this.declarations.typeNamed(rest, tag => tags === undefined || tags.has(tag));
    return found && this.types.build(found);
  }

  /** Where a variable is in a stopped frame. The CFA is worked out from the frame's registers if the context has none. */
  locate(variable: Variable, frame: FrameContext): Location {
    this.places ??= new FramePlaces(this.callFrames(), address => this.findFunction(address)?.die, {
      bias: this.bias, threadOffset: this.object.threadOffset, threadRegister: threadRegister(this.machine),
    });
    return this.places.locate(variable, frame);
  }

  /**
   * The caller's registers, by .debug_frame or .eh_frame.
   * @param pc where the frame stands (for a caller's frame, the return address minus 1)
   * @param registers the frame's registers by DWARF number
   * @returns "outermost" if the frame has no caller; undefined if the file does not describe it, or the stack cannot be read
   */
  unwind(pc: bigint, registers: RegisterValues, readMemory: ReadMemory): UnwoundFrame | "outermost" | undefined {
    const fileAddress = this.bias.toFile(pc);
    const unwound = this.callFrames().unwind(fileAddress, registers, readMemory);
    if (unwound !== undefined || !this.covers(pc)) return unwound;
    this.unwinder ??= { value: this.object.unwinder };
    return this.unwinder.value?.unwind(fileAddress, registers, readMemory, pc);
  }

  /** Whether an address lies in the program: in a section that is loaded. */
  covers(address: bigint): boolean {
    const start = this.bias.toFile(address);
    return this.isLoaded({ start, end: start + 1n });
  }

  /** From the first address of what is loaded to the last; undefined if the file does not say. */
  get range(): AddressRange | undefined {
    let range: AddressRange | undefined;
    for (const { address, size, flags } of this.allocated) {
      if (size === 0 || (flags & SHF.TLS) !== 0) continue;
      const end = address + BigInt(size);
      range = range === undefined ? { start: address, end } : { start: address < range.start ? address : range.start, end: end > range.end ? end : range.end };
    }
    return range && this.bias.rangeToRuntime(range);
  }

  /** Where the program has call frame information that this file has left out, as separate debugging information does; undefined once it was taken. */
  get framesLeftOut(): AddressRange | undefined {
    const range = this.framesTaken ? undefined : framesLeftOut(this.object);
    return range && this.bias.rangeToRuntime(range);
  }

  /** Takes what stands there in the program's memory. */
  takeFrames(bytes: Uint8Array): void {
    this.framesTaken = bytes;
    this.frames = this.places = undefined;
  }

  private callFrames(): CallFrames {
    this.frames ??= new CallFrames(frameSections(this.object, this.framesTaken), this.object.machine, this.bias.bias);
    return this.frames;
  }

  /** Linkers leave debugging information of code that they dropped, at address 0 or 1 or at the top: no section is there. */
  private isLoaded(range: AddressRange): boolean {
    if (range.start >= range.end) return false;
    return this.allocated.length === 0
      || this.allocated.some(({ address, size }) => address <= range.start && range.end <= address + BigInt(size));
  }

  private unitsAt(address: bigint): Iterable<CompilationUnit> {
    this.unitMap ??= new IntervalMap(this.unitRanges());
    return this.unitMap.containing(address);
  }

  /** Where each unit has code: by .debug_aranges, and for units that it leaves out, as they say themselves. */
  private *unitRanges(): Generator<readonly [AddressRange, CompilationUnit]> {
    const byOffset = new Map(this.units.map(unit => [unit.stated.start, unit] as const));
    const covered = new Set<CompilationUnit>();
    for (const range of readAddressRanges(this.info.reader(".debug_aranges"))) {
      const unit = byOffset.get(range.unit);
      if (unit === undefined || !this.isLoaded(range)) continue;
      covered.add(unit);
      yield [range, unit];
    }
    for (const unit of this.units) {
      if (!covered.has(unit)) for (const range of unit.ranges()) yield [range, unit];
    }
  }

  /** All units whose outer entries have names: those with code, and those that define what others share. */
  private declaringUnits(): DeclaringUnit[] {
    const shared = [this.info, ...this.units.map(({ unit }) => unit.info), this.info.alternate].filter(info => info !== undefined);
    return [
      ...this.units.map(compiled => ({ unit: compiled.unit, compiled })),
      ...[...new Set(shared)].flatMap(info => [...info.typeUnits, ...info.units.filter(isPartial)]).map(unit => ({ unit, compiled: undefined })),
    ];
  }

  private findFunction(address: bigint): FoundFunction | undefined {
    for (const unit of this.unitsAt(address)) {
      const die = unit.functions().at(address);
      if (die !== undefined) return { die, unit };
    }
    return undefined;
  }

  private findRow(address: bigint): (PlacedRow & { readonly unit: CompilationUnit }) | undefined {
    for (const unit of this.unitsAt(address)) {
      const placed = unit.rowAt(address);
      if (placed !== undefined) return { ...placed, unit };
    }
    return undefined;
  }

  /** A breakpoint on a function's first line belongs after the prologue. Takes and gives file addresses. */
  private afterPrologue(address: bigint): bigint {
    const found = this.findFunction(address);
    if (found === undefined) return address;
    const info = this.functionReader.info(found.die, found.unit);
    return this.bias.toFile(info.start) === address ? this.bias.toFile(info.prologueEnd) : address;
  }

  private symbolFunction(symbol: AddressSymbol): FunctionInfo {
    const range = this.bias.rangeToRuntime(symbol);
    const name = readableName(symbol.name);
    return {
      name, linkageName: name === symbol.name ? undefined : symbol.name, start: range.start, end: range.end, ranges: [range],
      prologueEnd: range.start, declaration: undefined, type: undefined, origin: "elf",
    };
  }
}
