// How values are shown: cases that the compiled samples do not reach.

import assert from "node:assert/strict";
import { byteValue, formatValue, memoryValue, valueAt, valueText } from "../../../debugger/symbols";
import type { BaseType, EnumType, PointerType, RecordType, Type } from "../../../debugger/symbols";
import { floatText, missingValue } from "../../../debugger/symbols/values";

const int: BaseType = { kind: "base", name: "int", size: 4, encoding: 5 };
const char: BaseType = { kind: "base", name: "char", size: 1, encoding: 6 };
const extended: BaseType = { kind: "base", name: "long double", size: 12, encoding: 4 };
const charPointer: PointerType = { kind: "pointer", size: 4, target: { kind: "const", target: char } };
const node: RecordType = {
  kind: "struct", name: "node", size: 8, incomplete: false,
  members: [{ name: "value", type: int, offset: 0, bits: undefined }, { name: "next", offset: 4, bits: undefined, get type(): Type { return toNode; } }],
};
const toNode: PointerType = { kind: "pointer", size: 4, target: node };

const hexBytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/ /g, ""), "hex"));

describe("showing values", () => {
  it("shows integers as asked", () => {
    const source = byteValue(hexBytes("f6ffffff"));
    assert.equal(valueText(int, source), "-10 (0xfffffff6)");
    assert.equal(valueText(int, source, { integers: "decimal" }), "-10");
    assert.equal(valueText(int, source, { integers: "hexadecimal" }), "0xfffffff6");
    assert.equal(valueText(int, byteValue(hexBytes("09000000"))), "9");
  });

  it("escapes characters", () => {
    assert.equal(valueText(char, byteValue(hexBytes("0a"))), "10 (0xa) '\\n'");
    assert.equal(valueText(char, byteValue(hexBytes("27"))), "39 (0x27) '\\''");
    assert.equal(valueText(char, byteValue(hexBytes("01"))), "1 '\\x01'");
    assert.equal(valueText(char, byteValue(hexBytes("80"))), "-128 (0x80) '\\x80'");
  });

  // Intel SDM volume 1, 4.2.2: sign, 15 bits of exponent biased by 16383, and a 64-bit significand with its integer bit.
  const floats: [string, string, string][] = [
    ["one", "0000000000000080 ff3f", "1"],
    ["minus two and a half", "00000000000000a0 00c0", "-2.5"],
    ["a third, rounded to 20 digits", "abaaaaaaaaaaaaaa fd3f", "0.33333333333333333334"],
    ["the largest number", "ffffffffffffffff fe7f", "1.189731495357231765e+4932"],
    ["the smallest denormal", "0100000000000000 0000", "3.6451995318824746025e-4951"],
    ["infinity", "0000000000000080 ffff", "-Infinity"],
    ["not a number", "00000000000000c0 ff7f", "NaN"],
    ["minus zero", "0000000000000000 0080", "-0"],
    ["a million", "00000000000024f4 1240", "1000000"],
  ];
  for (const [what, bytes, text] of floats) {
    it(`shows the extended number ${what}`, () => assert.equal(floatText(hexBytes(`${bytes}0000`), extended.size, extended.name), text));
  }

  it("does not take a quadruple-precision number for an extended one", () => {
    assert.equal(floatText(new Uint8Array(16), 16, "_Float128"), undefined);
  });

  it("shows a string up to the end of readable memory", () => {
    const text = Buffer.from("ends at the edge of a page");
    const start = 0x1000 - text.length;
    const readMemory = (address: bigint, size: number): Uint8Array | undefined => {
      const offset = Number(address) - start;
      return offset >= 0 && offset + size <= text.length ? text.subarray(offset, offset + size) : undefined;
    };
    const pointer = new Uint8Array(4);
    new DataView(pointer.buffer).setUint32(0, start, true);
    assert.match(valueText(charPointer, byteValue(pointer), { readMemory }), /"ends at the edge of a page"…$/);
    assert.match(valueText(charPointer, byteValue(pointer), { readMemory, stringLimit: 4 }), /"ends"…$/);
    assert.match(valueText(charPointer, byteValue(hexBytes("00009000")), { readMemory }), /cannot read memory/);
  });

  it("follows a list that runs in a circle only as far as it is asked", () => {
    const readMemory = (_address: bigint, size: number): Uint8Array => hexBytes("05000000 00200000").subarray(0, size);
    const memory = (address: bigint, size: number): Uint8Array | undefined =>
      address === 0x2000n ? readMemory(address, size) : address === 0x2004n ? hexBytes("00200000").subarray(0, size) : undefined;
    let at = formatValue("list", toNode, byteValue(hexBytes("00200000")), { readMemory: memory });
    for (let i = 0; i < 10; i++) at = at.children()[1];
    assert.deepEqual([at.name, at.value, at.childCount], ["next", "0x2000", 2]);
  });

  it("says what it cannot read, and why a value is missing", () => {
    assert.equal(valueText(int, memoryValue(0x5000n, () => undefined)), "<cannot read memory at 0x5000>");
    assert.equal(valueText(int, missingValue("it has no place at this instruction")), "<optimised out: it has no place at this instruction>");
  });

  it("shows a combination of flags, and a number that is none", () => {
    const flags: EnumType = { kind: "enum", name: "flags", size: 4, signed: false, enumerators: [{ name: "A", value: 1n }, { name: "B", value: 2n }] };
    assert.equal(valueText(flags, byteValue(hexBytes("03000000"))), "A | B (0x3)");
    assert.equal(valueText(flags, byteValue(hexBytes("13000000"))), "19 (0x13)");
  });

  it("puts a value together from pieces", () => {
    const location = { kind: "pieces", pieces: [
      { location: { kind: "register", register: 1 }, bitSize: 32, bitOffset: 0 },
      { location: { kind: "optimised-out", reason: "gone" }, bitSize: 32, bitOffset: 0 },
    ] } as const;
    const source = valueAt(location, 8, { readMemory: () => undefined, readRegisterBytes: () => hexBytes("2a00000000000000") });
    assert.deepEqual(formatValue("pair", node, source).children().map(child => child.value), ["42 (0x2a)", "<not known>"]);
  });

  it("gives no children to a null pointer", () => {
    const shown = formatValue("p", toNode, byteValue(new Uint8Array(4)), { readMemory: () => undefined });
    assert.deepEqual([shown.value, shown.childCount, shown.children()], ["0x0", 0, []]);
  });
});
