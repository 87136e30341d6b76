// One compilation unit as a debugger uses it: its source files, the lines of its code, and its functions.

import { DW_AT, DW_LANG_ASSEMBLER, DW_TAG } from "./dwarf-constants";
import { IntervalMap, lastAtOrBelow } from "./intervals";
import type { AddressRange } from "./intervals";
import { lineHeaderOf } from "./file-tables";
import { runLineProgram } from "./line-program";
import type { LineRow, LineSequence } from "./line-program";
import { NameScanner } from "./name-scan";
import { rangesOf } from "./range-lists";
import type { Die, Unit } from "./units";

/** A row of the line table, and its place there. */
export interface PlacedRow {
  readonly row: LineRow;
  readonly sequence: LineSequence;
  readonly index: number;
}

/** Whether code at that address is loaded with the program: linkers leave entries for code that they dropped. */
export type IsLoaded = (range: AddressRange) => boolean;

const scanner = new NameScanner();

/** Everything is read when it is first asked for. */
export class CompilationUnit {
  private sequences: IntervalMap<LineSequence> | undefined;
  private sequenceList: readonly LineSequence[] | undefined;
  private statements: Map<string, PlacedRow[]> | undefined;
  private functionMap: IntervalMap<Die> | undefined;

  /** @param stated the unit of the program; a skeleton is filled in from its split unit */
  constructor(readonly stated: Unit, private readonly isLoaded: IsLoaded) {}

  /** The unit with the entries; of a split unit, that in the other file. */
  get unit(): Unit {
    return this.stated.full;
  }

  get isAssembly(): boolean {
    return this.unit.root.number(DW_AT.language) === DW_LANG_ASSEMBLER;
  }

  /** Compiled with optimisation, as far as the producer's options tell. */
  get isOptimised(): boolean {
    return / -O([1-3sgz]|fast)?(\s|$)/.test(this.unit.root.text(DW_AT.producer) ?? "");
  }

  /** Addresses of its code: as the unit says, or else as its line table shows. */
  ranges(): readonly AddressRange[] {
    const stated = rangesOf(this.stated.root).filter(this.isLoaded);
    return stated.length > 0 ? stated : this.lineSequences();
  }

  /** Normalised full paths by file number, as line rows count them. */
  get files(): readonly string[] {
    return lineHeaderOf(this.stated)?.files ?? [];
  }

  /** MD5 of one of its files, in hexadecimal; undefined where the compiler has not written it. */
  md5Of(path: string): string | undefined {
    const digests = lineHeaderOf(this.stated)?.digests;
    // A kernel's thousands of units have none, and of their files each would be looked for in each unit's list.
    return digests === undefined || digests.size === 0 ? undefined : digests.get(this.files.indexOf(path));
  }

  /** The loaded sequences of the line table. */
  lineSequences(): readonly LineSequence[] {
    if (this.sequenceList === undefined) {
      const header = lineHeaderOf(this.stated);
      this.sequenceList = header === undefined ? [] : runLineProgram(this.stated.section(".debug_line"), header).filter(this.isLoaded);
    }
    return this.sequenceList;
  }

  /**
   * The row that an address belongs to: of several at one address the last, which is the one that has code; but rather
   * one before it that begins a statement, as it is the statement that a person steps by (GDB does the same). Unlike GDB
   * we keep to the last one's file: a row of another is what is left of a call inlined in front, which has ended here.
   */
  rowAt(address: bigint): PlacedRow | undefined {
    this.sequences ??= new IntervalMap(this.lineSequences().map(sequence => [sequence, sequence]));
    const sequence = this.sequences.at(address);
    if (sequence === undefined) return undefined;
    const last = lastAtOrBelow(sequence.rows, address, row => row.address);
    let index = last;
    const { address: start, file } = sequence.rows[last];
    while (index > 0 && !sequence.rows[index].isStatement && sequence.rows[index - 1].address === start && sequence.rows[index - 1].file === file) index--;
    if (!sequence.rows[index].isStatement) index = last;
    return { row: sequence.rows[index], sequence, index };
  }

  /** The rows that begin a statement of a source file, by rising line and address. */
  statementsOf(path: string): readonly PlacedRow[] {
    this.statements ??= this.groupStatements();
    return this.statements.get(path) ?? [];
  }

  /** The functions that have code, by their addresses. */
  functions(): IntervalMap<Die> {
    this.functionMap ??= new IntervalMap(this.functionRanges());
    return this.functionMap;
  }

  private groupStatements(): Map<string, PlacedRow[]> {
    const groups = new Map<string, PlacedRow[]>();
    for (const sequence of this.lineSequences()) {
      sequence.rows.forEach((row, index) => {
        if (!row.isStatement || row.line <= 0) return;
        const path = this.files[row.file] ?? "";
        const group = groups.get(path);
        if (group === undefined) groups.set(path, [{ row, sequence, index }]);
        else group.push({ row, sequence, index });
      });
    }
    for (const group of groups.values()) group.sort((a, b) => a.row.line - b.row.line || (a.row.address < b.row.address ? -1 : 1));
    return groups;
  }

  private functionRanges(): (readonly [AddressRange, Die])[] {
    const ranges: (readonly [AddressRange, Die])[] = [];
    const { unit } = this;
    scanner.scan(unit, ({ tag, offset, hasCode }) => {
      if (tag !== DW_TAG.subprogram || !hasCode) return;
      const die = unit.dieAt(offset);
      if (die === undefined) return;
      for (const range of rangesOf(die)) if (this.isLoaded(range)) ranges.push([range, die]);
    });
    return ranges;
  }
}

/** The first address after a row that a later row of its sequence has, or the sequence's end. */
export function rowEnd({ row, sequence, index }: PlacedRow): bigint {
  for (let i = index + 1; i < sequence.rows.length; i++) {
    if (sequence.rows[i].address > row.address) return sequence.rows[i].address;
  }
  return sequence.end;
}
