// Line number tables (DWARF 5, 6.2), versions 2 to 5: the file table, and the program that yields the rows.

import type { ByteReader } from "./bytes";
import { DW_LNCT, DW_LNE, DW_LNS } from "./dwarf-constants";
import { readForm } from "./forms";
import type { UnitEncoding } from "./forms";
import { compareAddresses } from "./intervals";
import { joinPath, normalisePath } from "./paths";

/** From this address on, up to the next row's, the code belongs to this line. */
export interface LineRow {
  readonly address: bigint;
  /** Index into the table's files. */
  readonly file: number;
  /** From 1; 0 where no source line can be named. */
  readonly line: number;
  /** From 1; 0 for 'somewhere on the line'. */
  readonly column: number;
  readonly isStatement: boolean;
  readonly prologueEnd: boolean;
}

/** Rows of adjoining code, by rising address; the last one holds up to `end`. */
export interface LineSequence {
  readonly start: bigint;
  readonly end: bigint;
  readonly rows: readonly LineRow[];
}

/** A table's header, which is enough to name its files. */
export interface LineHeader extends UnitEncoding {
  /** Normalised full path by file number; the empty text for numbers that name none. */
  readonly files: readonly string[];
  /** MD5 of files by their number, in hexadecimal; DWARF 5 may have them. */
  readonly digests: ReadonlyMap<number, string>;
  readonly minimumInstructionLength: number;
  readonly defaultIsStatement: boolean;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeLengths: readonly number[];
  readonly programStart: number;
  readonly programEnd: number;
}

/** What a line table's strings hang on: the unit that names it. */
export interface LineTableContext {
  readonly addressSize: number;
  readonly directory: string;
  /** The unit's own file, which is file 0 before DWARF 5. */
  readonly unitFile: string;
  textOf(form: number, raw: number | bigint | Uint8Array | string): string | undefined;
}

/** Reads the header that begins at the cursor. Throws SymbolFileError where it is broken. */
export function readLineHeader(reader: ByteReader, context: LineTableContext): LineHeader {
  const start = reader.offset;
  const first = reader.u32();
  const offsetSize = first === 0xffffffff ? 8 : 4;
  const length = offsetSize === 8 ? reader.size64() : first;
  const programEnd = reader.offset + length;
  if (programEnd > reader.end) reader.fail(`a line table of ${length} bytes runs past the end of the section`, start);
  const version = reader.u16();
  if (version < 2 || version > 5) reader.fail(`line table version ${version} is not supported; versions 2 to 5 are`, start);
  let addressSize = context.addressSize;
  if (version >= 5) {
    addressSize = reader.u8();
    reader.skip(1);
  }
  const headerLength = reader.sized(offsetSize);
  const programStart = reader.offset + headerLength;
  if (programStart > programEnd) reader.fail("a line table whose header is longer than the table", start);
  const minimumInstructionLength = reader.u8();
  if (version >= 4) reader.skip(1);
  const defaultIsStatement = reader.u8() !== 0;
  const lineBase = reader.i8();
  const lineRange = reader.u8();
  const opcodeBase = reader.u8();
  const opcodeLengths = [0];
  for (let i = 1; i < opcodeBase; i++) opcodeLengths.push(reader.u8());
  const encoding = { version, offsetSize, addressSize } as const;
  const names = version >= 5 ? readFiles5(reader, encoding, context) : { files: readFiles2(reader, context), digests: new Map<number, string>() };
  return { ...encoding, ...names, minimumInstructionLength, defaultIsStatement, lineBase, lineRange, opcodeLengths, programStart, programEnd };
}

/**
 * A path of the table as seen from the compiler's directory. Where that was made relative (`-fdebug-prefix-map`, as kernels of
 * distributions are built), the others were as well, and begin with it already.
 */
function fromDirectory(directory: string, path: string): string {
  const base = normalisePath(directory);
  const normal = normalisePath(path);
  return base !== "" && (normal === base || normal.startsWith(`${base}/`)) ? normal : joinPath(directory, path);
}

/** Versions 2 to 4: directories and files counted from 1, directory 0 being the compiler's. */
function readFiles2(reader: ByteReader, context: LineTableContext): string[] {
  const directories = [context.directory];
  for (let name = reader.text(); name !== ""; name = reader.text()) directories.push(fromDirectory(context.directory, name));
  const files = [context.unitFile === "" ? "" : fromDirectory(context.directory, context.unitFile)];
  for (let name = reader.text(); name !== ""; name = reader.text()) files.push(readFileEntry(reader, name, directories));
  return files;
}

function readFileEntry(reader: ByteReader, name: string, directories: readonly string[]): string {
  const directory = reader.uleb();
  reader.skipLeb();
  reader.skipLeb();
  return joinPath(directories[directory] ?? "", name);
}

/** Version 5: entries described by content types and forms, counted from 0. */
function readFiles5(reader: ByteReader, encoding: UnitEncoding, context: LineTableContext): Pick<LineHeader, "files" | "digests"> {
  const directories: string[] = [];
  for (const entry of readEntries5(reader, encoding, context)) {
    directories.push(directories.length === 0 ? joinPath(context.directory, entry.path === context.directory ? "" : entry.path) : fromDirectory(directories[0], entry.path));
  }
  const entries = readEntries5(reader, encoding, context);
  const files = entries.map(entry => {
    const directory = directories[entry.directory] ?? context.directory;
    // Directory 0 with more than a name: the path was seen from the compiler's directory, not from the table's.
    return entry.directory === 0 ? fromDirectory(directory, entry.path) : joinPath(directory, entry.path);
  });
  return { files, digests: new Map(entries.flatMap(({ md5 }, number): [number, string][] => md5 === undefined ? [] : [[number, md5]])) };
}

interface PathEntry {
  readonly path: string;
  readonly directory: number;
  readonly md5: string | undefined;
}

function readEntries5(reader: ByteReader, encoding: UnitEncoding, context: LineTableContext): PathEntry[] {
  const formats = Array.from({ length: reader.u8() }, () => ({ content: reader.uleb(), form: reader.uleb() }));
  const count = reader.uleb();
  if (count > reader.remaining) reader.fail(`a table of ${count} names is larger than the data left`);
  const entries: PathEntry[] = [];
  for (let i = 0; i < count; i++) {
    let path = "";
    let directory = 0;
    let md5: string | undefined;
    for (const { content, form } of formats) {
      const raw = readForm(reader, form, encoding);
      if (content === DW_LNCT.path) path = context.textOf(form, raw) ?? "";
      else if (content === DW_LNCT.directory_index && typeof raw === "number") directory = raw;
      else if (content === DW_LNCT.MD5 && raw instanceof Uint8Array) md5 = [...raw].map(byte => byte.toString(16).padStart(2, "0")).join("");
    }
    entries.push({ path, directory, md5 });
  }
  return entries;
}

/** The state machine of 6.2.2. Addresses run as a base and a small distance, to spare bigint arithmetic. */
class LineMachine {
  base = 0n;
  distance = 0;
  file = 1;
  line = 1;
  column = 0;
  isStatement: boolean;
  prologueEnd = false;
  private rows: LineRow[] = [];
  private ordered = true;

  constructor(private readonly header: LineHeader, private readonly sequences: LineSequence[]) {
    this.isStatement = header.defaultIsStatement;
  }

  get address(): bigint {
    return this.base + BigInt(this.distance);
  }

  emit(): void {
    const row = {
      address: this.address, file: this.file, line: this.line, column: this.column,
      isStatement: this.isStatement, prologueEnd: this.prologueEnd,
    };
    const last = this.rows[this.rows.length - 1];
    if (last !== undefined && last.address > row.address) this.ordered = false;
    this.rows.push(row);
    this.prologueEnd = false;
  }

  endSequence(): void {
    const end = this.address;
    const rows = this.ordered ? this.rows : this.rows.sort((a, b) => compareAddresses(a.address, b.address));
    if (rows.length > 0 && rows[0].address < end) this.sequences.push({ start: rows[0].address, end, rows });
    this.base = 0n;
    this.distance = 0;
    this.file = 1;
    this.line = 1;
    this.column = 0;
    this.isStatement = this.header.defaultIsStatement;
    this.prologueEnd = false;
    this.rows = [];
    this.ordered = true;
  }

  /** What `opcode - opcode_base` does to the address and the line (6.2.5.1). */
  special(adjusted: number, reader: ByteReader): void {
    this.advanceSpecial(adjusted, reader);
    this.line += this.header.lineBase + adjusted % this.header.lineRange;
  }

  advanceSpecial(adjusted: number, reader: ByteReader): void {
    if (this.header.lineRange === 0) reader.fail("a line table with line_range 0 uses a special opcode");
    this.distance += Math.floor(adjusted / this.header.lineRange) * this.header.minimumInstructionLength;
  }
}

/** Runs the program of a table and gives its sequences in the order in which they stand. */
export function runLineProgram(section: ByteReader, header: LineHeader): LineSequence[] {
  const reader = section.part(header.programStart, header.programEnd);
  const sequences: LineSequence[] = [];
  const machine = new LineMachine(header, sequences);
  const opcodeBase = header.opcodeLengths.length;
  while (reader.remaining > 0) {
    const opcode = reader.u8();
    if (opcode >= opcodeBase) {
      machine.special(opcode - opcodeBase, reader);
      machine.emit();
    } else if (opcode === 0) runExtended(reader, machine);
    else runStandard(opcode, reader, machine, header);
  }
  return sequences;
}

function runExtended(reader: ByteReader, machine: LineMachine): void {
  const length = reader.uleb();
  const end = reader.offset + length;
  if (length === 0) return;
  switch (reader.u8()) {
    case DW_LNE.end_sequence: machine.endSequence(); break;
    case DW_LNE.set_address:
      machine.base = reader.unsigned(length - 1);
      machine.distance = 0;
      break;
  }
  // The length says where the next opcode is, whatever an unknown one holds.
  reader.seek(end);
}

function runStandard(opcode: number, reader: ByteReader, machine: LineMachine, header: LineHeader): void {
  switch (opcode) {
    case DW_LNS.copy: machine.emit(); break;
    case DW_LNS.advance_pc: machine.distance += reader.uleb() * header.minimumInstructionLength; break;
    case DW_LNS.advance_line: machine.line += reader.sleb(); break;
    case DW_LNS.set_file: machine.file = reader.uleb(); break;
    case DW_LNS.set_column: machine.column = reader.uleb(); break;
    case DW_LNS.negate_stmt: machine.isStatement = !machine.isStatement; break;
    case DW_LNS.const_add_pc: machine.advanceSpecial(255 - header.opcodeLengths.length, reader); break;
    case DW_LNS.fixed_advance_pc: machine.distance += reader.u16(); break;
    case DW_LNS.set_prologue_end: machine.prologueEnd = true; break;
    default:
      for (let i = 0; i < header.opcodeLengths[opcode]; i++) reader.skipLeb();
  }
  if (!Number.isSafeInteger(machine.distance) || !Number.isSafeInteger(machine.line)) reader.fail("a line table whose numbers grow without bound");
}
