// The file names of a unit: entries name files by number, and each unit has numbers of its own.

import { DW_AT } from "./dwarf-constants";
import { readLineHeader } from "./line-program";
import type { LineHeader } from "./line-program";
import type { Unit } from "./units";

const headers = new WeakMap<Unit, { readonly value: LineHeader | undefined }>();

/** The header of a unit's line table; undefined if it has none. */
export function lineHeaderOf(unit: Unit): LineHeader | undefined {
  let header = headers.get(unit);
  if (header === undefined) headers.set(unit, header = { value: readHeader(unit) });
  return header.value;
}

/** Normalised full paths by file number, as the entries of a unit count them (DW_AT_decl_file, DW_AT_call_file). */
export function filesOf(unit: Unit): readonly string[] {
  return lineHeaderOf(unit.frame)?.files ?? [];
}

function readHeader(unit: Unit): LineHeader | undefined {
  const offset = unit.root.number(DW_AT.stmt_list);
  if (offset === undefined) return undefined;
  const reader = unit.section(".debug_line");
  reader.seek(offset + unit.contribution(".debug_line"));
  return readLineHeader(reader, {
    addressSize: unit.addressSize, directory: unit.root.text(DW_AT.comp_dir) ?? "", unitFile: unit.full.root.text(DW_AT.name) ?? "",
    textOf: (form, raw) => unit.textOf(form, raw),
  });
}
