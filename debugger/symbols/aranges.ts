// .debug_aranges (DWARF 5, 6.1.2): which unit has the code at an address, without a look at the units.

import type { ByteReader } from "./bytes";
import type { AddressRange } from "./intervals";

/** Code of the unit that begins at `unit` in .debug_info. */
export interface UnitRange extends AddressRange {
  readonly unit: number;
}

/** Reads the whole section. Throws `SymbolFileError` where it is broken. */
export function readAddressRanges(reader: ByteReader): UnitRange[] {
  const ranges: UnitRange[] = [];
  while (reader.remaining >= 4) readSet(reader, ranges);
  return ranges;
}

function readSet(reader: ByteReader, ranges: UnitRange[]): void {
  const start = reader.offset;
  const first = reader.u32();
  const offsetSize = first === 0xffffffff ? 8 : 4;
  const length = offsetSize === 8 ? reader.size64() : first;
  const end = reader.offset + length;
  if (end > reader.end) reader.fail(`a set of address ranges of ${length} bytes runs past the end of the section`, start);
  const version = reader.u16();
  if (version !== 2) reader.fail(`address ranges of version ${version}; only 2 is read`, start);
  const unit = reader.sized(offsetSize);
  const addressSize = reader.u8();
  if (addressSize !== 4 && addressSize !== 8) reader.fail(`address ranges with addresses of ${addressSize} bytes`, start);
  if (reader.u8() !== 0) reader.fail("address ranges with segments, which x86 has none of here", start);
  // The first pair stands at a multiple of its own size.
  const pair = addressSize * 2;
  reader.seek(start + Math.ceil((reader.offset - start) / pair) * pair);
  while (reader.offset + pair <= end) {
    const from = reader.unsigned(addressSize);
    const size = reader.unsigned(addressSize);
    if (from === 0n && size === 0n) break;
    if (size > 0n) ranges.push({ unit, start: from, end: from + size });
  }
  reader.seek(end);
}
