// Address ranges and location lists (DWARF 5, 2.17 and 2.6.2, 7.25 to 7.29; DWARF 4, 2.17.3 and 2.6.2).

import type { ByteReader } from "./bytes";
import { DW_AT, DW_FORM, DW_LLE, DW_RLE } from "./dwarf-constants";
import type { AddressRange } from "./intervals";
import type { Die, Unit } from "./units";

/** An expression and the addresses of code for which it holds; no range means everywhere. */
export interface LocationEntry {
  readonly range: AddressRange | undefined;
  readonly expression: Uint8Array;
}

/** The code addresses of an entry: DW_AT_low_pc and DW_AT_high_pc, or DW_AT_ranges. Empty if it has none. */
export function rangesOf(die: Die): AddressRange[] {
  if (die.has(DW_AT.ranges)) return readRangeList(die);
  const start = die.address(DW_AT.low_pc);
  if (start === undefined) return [];
  // DWARF 4, 2.17.2: a constant high_pc is an offset from low_pc.
  const end = die.address(DW_AT.high_pc) ?? start + (die.constant(DW_AT.high_pc) ?? 0n);
  return start < end ? [{ start, end }] : [];
}

/** Where entry `index` of a unit's table of lists begins: the tables hold offsets from their own base. */
function listOffset(unit: Unit, section: string, base: number, index: number): number {
  const reader = unit.section(section);
  reader.seek(base + index * unit.offsetSize);
  return base + reader.sized(unit.offsetSize);
}

function readRangeList(die: Die): AddressRange[] {
  const { unit } = die;
  const value = die.number(DW_AT.ranges);
  if (value === undefined) return [];
  if (unit.version < 5) {
    const { frame } = unit;
    const reader = frame.section(".debug_ranges");
    reader.seek(frame === unit ? value : value + (frame.root.number(DW_AT.GNU_ranges_base) ?? 0));
    return readPairs(reader, unit, (range, ranges: AddressRange[]) => ranges.push(range));
  }
  const offset = die.form(DW_AT.ranges) === DW_FORM.rnglistx
    ? listOffset(unit, ".debug_rnglists", unit.base(DW_AT.rnglists_base), value) : value + unit.contribution(".debug_rnglists");
  const reader = unit.section(".debug_rnglists");
  reader.seek(offset);
  return readRangeEntries(reader, unit);
}

/** The lists of DWARF 2 to 4: pairs of addresses that count from a base, with an end and a base-selection entry. */
function readPairs<T>(reader: ByteReader, unit: Unit, add: (range: AddressRange, into: T[]) => void): T[] {
  const result: T[] = [];
  const baseMarker = (1n << BigInt(unit.addressSize * 8)) - 1n;
  let base = unit.lowAddress;
  for (;;) {
    const first = reader.unsigned(unit.addressSize);
    const second = reader.unsigned(unit.addressSize);
    if (first === 0n && second === 0n) return result;
    if (first === baseMarker) base = second;
    else add({ start: base + first, end: base + second }, result);
  }
}

function readRangeEntries(reader: ByteReader, unit: Unit): AddressRange[] {
  const ranges: AddressRange[] = [];
  const address = (): bigint => reader.unsigned(unit.addressSize);
  const indexed = (): bigint => unit.addressAt(reader.uleb());
  const add = (start: bigint, end: bigint): void => {
    if (start < end) ranges.push({ start, end });
  };
  let base = unit.lowAddress;
  for (;;) {
    const kind = reader.u8();
    switch (kind) {
      case DW_RLE.end_of_list: return ranges;
      case DW_RLE.base_addressx: base = indexed(); break;
      case DW_RLE.startx_endx: add(indexed(), indexed()); break;
      case DW_RLE.startx_length: {
        const start = indexed();
        add(start, start + reader.ulebBig());
        break;
      }
      case DW_RLE.offset_pair: add(base + reader.ulebBig(), base + reader.ulebBig()); break;
      case DW_RLE.base_address: base = address(); break;
      case DW_RLE.start_end: add(address(), address()); break;
      case DW_RLE.start_length: {
        const start = address();
        add(start, start + reader.ulebBig());
        break;
      }
      default: return reader.fail(`unknown range list entry ${kind}`, reader.offset - 1);
    }
  }
}

/** The locations that an attribute gives: one expression for everywhere, or a location list. Empty if there is none. */
export function locationsOf(die: Die, attribute: number): LocationEntry[] {
  const expression = die.block(attribute);
  if (expression !== undefined) return expression.length === 0 ? [] : [{ range: undefined, expression }];
  const value = die.number(attribute);
  if (value === undefined) return [];
  const { unit } = die;
  if (unit.version < 5) {
    const reader = unit.section(".debug_loc");
    reader.seek(value + unit.contribution(".debug_loc"));
    if (unit.info.isSplit) return readSplitPairs(reader, unit);
    return readPairs(reader, unit, (range, entries: LocationEntry[]) => entries.push({ range, expression: reader.take(reader.u16()) }));
  }
  const offset = die.form(attribute) === DW_FORM.loclistx
    ? listOffset(unit, ".debug_loclists", unit.base(DW_AT.loclists_base), value) : value + unit.contribution(".debug_loclists");
  const reader = unit.section(".debug_loclists");
  reader.seek(offset);
  return readLocationEntries(reader, unit);
}

/** Location lists of split units before DWARF 5 (GCC's 'DebugFission'): kinds as DWARF 5 has them, with sizes of their own. */
function readSplitPairs(reader: ByteReader, unit: Unit): LocationEntry[] {
  const entries: LocationEntry[] = [];
  const add = (start: bigint, end: bigint): void => {
    entries.push({ range: { start, end }, expression: reader.take(reader.u16()) });
  };
  let base = unit.lowAddress;
  for (;;) {
    const kind = reader.u8();
    switch (kind) {
      case DW_LLE.end_of_list: return entries;
      case DW_LLE.base_addressx: base = unit.addressAt(reader.uleb()); break;
      case DW_LLE.startx_endx: add(unit.addressAt(reader.uleb()), unit.addressAt(reader.uleb())); break;
      case DW_LLE.startx_length: {
        const start = unit.addressAt(reader.uleb());
        add(start, start + BigInt(reader.u32()));
        break;
      }
      case DW_LLE.offset_pair: add(base + BigInt(reader.u32()), base + BigInt(reader.u32())); break;
      default: return reader.fail(`unknown location list entry ${kind}`, reader.offset - 1);
    }
  }
}

function readLocationEntries(reader: ByteReader, unit: Unit): LocationEntry[] {
  const entries: LocationEntry[] = [];
  const address = (): bigint => reader.unsigned(unit.addressSize);
  const indexed = (): bigint => unit.addressAt(reader.uleb());
  const add = (start: bigint, end: bigint): void => {
    entries.push({ range: { start, end }, expression: reader.take(reader.uleb()) });
  };
  let base = unit.lowAddress;
  for (;;) {
    const kind = reader.u8();
    switch (kind) {
      case DW_LLE.end_of_list: return entries;
      case DW_LLE.base_addressx: base = indexed(); break;
      case DW_LLE.startx_endx: add(indexed(), indexed()); break;
      case DW_LLE.startx_length: {
        const start = indexed();
        add(start, start + reader.ulebBig());
        break;
      }
      case DW_LLE.offset_pair: add(base + reader.ulebBig(), base + reader.ulebBig()); break;
      case DW_LLE.default_location: entries.push({ range: undefined, expression: reader.take(reader.uleb()) }); break;
      case DW_LLE.base_address: base = address(); break;
      case DW_LLE.start_end: add(address(), address()); break;
      case DW_LLE.start_length: {
        const start = address();
        add(start, start + reader.ulebBig());
        break;
      }
      // GNU: numbers of views at the two ends; they tell apart moments at one address, which a machine that stops cannot.
      case DW_LLE.GNU_view_pair:
        reader.skipLeb();
        reader.skipLeb();
        break;
      default: return reader.fail(`unknown location list entry ${kind}`, reader.offset - 1);
    }
  }
}

/** The expression that holds at a code address: the first entry whose range has it, else the one for everywhere. */
export function expressionAt(entries: readonly LocationEntry[], address: bigint): Uint8Array | undefined {
  const found = entries.find(({ range }) => range !== undefined && range.start <= address && address < range.end)
    ?? entries.find(({ range }) => range === undefined);
  return found?.expression;
}
