// DWARF expressions, operation by operation (DWARF 5, 2.5 and 2.6).

import assert from "node:assert/strict";
import { evaluateLocation, SymbolFileError } from "../../../debugger/symbols";
import type { EvaluationContext, ExpressionUnit, Location } from "../../../debugger/symbols";

const unit: ExpressionUnit = {
  addressSize: 4, offsetSize: 4, version: 5, bias: 0x1000n,
  addressAt: index => BigInt(index) * 0x100n,
  baseType: offset => offset === 0x20 ? { size: 1, encoding: 5 } : offset === 0x30 ? { size: 8, encoding: 7 } : offset === 0x40 ? { size: 4, encoding: 4 } : undefined,
};
const context: EvaluationContext = {
  readRegister: register => register < 8 ? 0x100n * BigInt(register) : undefined,
  readMemory: (address, size) => address < 0x10000n ? Uint8Array.from({ length: size }, (_, i) => Number(address & 0xffn) + i) : undefined,
  frameBase: 0x8000n,
  cfa: 0x9000n,
};
const evaluate = (...bytes: number[]): Location => evaluateLocation(Uint8Array.from(bytes), unit, context);
const address = (...bytes: number[]): bigint => {
  const location = evaluate(...bytes);
  assert.equal(location.kind, "memory");
  return location.kind === "memory" ? location.address : 0n;
};

describe("DWARF expressions", () => {
  const stack: [string, number[], bigint][] = [
    ["addr, moved by the bias", [0x03, 0x78, 0x56, 0x34, 0x12], 0x12346678n],
    ["addrx, moved by the bias", [0xa1, 3], 0x1300n],
    ["constx, not moved", [0xa2, 3], 0x300n],
    ["lit31", [0x4f], 31n],
    ["const1s wraps to the address size", [0x09, 0xff], 0xffffffffn],
    ["constu", [0x10, 0xe5, 0x8e, 0x26], 624485n],
    ["consts", [0x11, 0x80, 0x7f], 0xffffff80n],
    ["breg4 -4", [0x74, 0x7c], 0x3fcn],
    ["bregx 5 +2", [0x92, 5, 2], 0x502n],
    ["fbreg -16", [0x91, 0x70], 0x7ff0n],
    ["call_frame_cfa", [0x9c], 0x9000n],
    ["dup, plus", [0x35, 0x12, 0x22], 10n],
    ["over, minus: 7 2 over minus is 2 - 7", [0x37, 0x32, 0x14, 0x1c], 0xfffffffbn],
    ["pick 2", [0x31, 0x32, 0x33, 0x15, 2], 1n],
    ["swap, minus", [0x32, 0x37, 0x16, 0x1c], 5n],
    ["rot puts the top third: 1 2 3 rot gives 3 1 2", [0x31, 0x32, 0x33, 0x17], 2n],
    ["drop", [0x31, 0x32, 0x13], 1n],
    ["deref", [0x08, 0x10, 0x06], 0x13121110n],
    ["deref_size 2", [0x08, 0x10, 0x94, 2], 0x1110n],
    ["abs", [0x09, 0xf0, 0x19], 16n],
    ["and or xor", [0x3c, 0x3a, 0x1a, 0x31, 0x21, 0x33, 0x27], 10n],
    ["div is signed", [0x09, 0xf8, 0x32, 0x1b], 0xfffffffcn],
    ["mod is unsigned", [0x09, 0xff, 0x3a, 0x1d], 0xffffffffn % 10n],
    ["mul", [0x36, 0x37, 0x1e], 42n],
    ["neg, not", [0x35, 0x1f, 0x20], 4n],
    ["plus_uconst", [0x35, 0x23, 0x80, 1], 133n],
    ["shl", [0x31, 0x3f, 0x24], 0x8000n],
    ["shl by more than the width", [0x31, 0x08, 0xff, 0x24], 0n],
    ["shr", [0x09, 0xff, 0x08, 28, 0x25], 15n],
    ["shra", [0x09, 0xf0, 0x32, 0x26], 0xfffffffcn],
    ["lt is signed", [0x09, 0xff, 0x30, 0x2d], 1n],
    ["ge is signed", [0x09, 0xff, 0x30, 0x2a], 0n],
    ["eq, ne", [0x35, 0x35, 0x29, 0x30, 0x2e], 1n],
    ["skip over an operation", [0x31, 0x2f, 1, 0, 0x32], 1n],
    ["bra loops: 3 counted down", [0x33, 0x31, 0x1c, 0x12, 0x28, 0xfa, 0xff, 0x08, 99, 0x22], 99n],
    ["convert to a signed byte and back", [0x08, 0x80, 0xa8, 0x20, 0xa8, 0], 0xffffff80n],
    ["convert to 64 bits: no wrap at 32", [0x0e, 0, 0, 0, 0, 1, 0, 0, 0, 0xa8, 0], 0n],
    ["const_type", [0xa4, 0x20, 1, 0xff, 0xa8, 0], 0xffffffffn],
    ["regval_type cuts a register", [0xa5, 7, 0x20, 0xa8, 0], 0n],
    ["nop", [0x31, 0x96], 1n],
  ];
  for (const [what, bytes, expected] of stack) it(what, () => assert.equal(address(...bytes), expected));

  it("names registers", () => {
    assert.deepEqual(evaluate(0x53), { kind: "register", register: 3 });
    assert.deepEqual(evaluate(0x90, 0x28), { kind: "register", register: 40 });
  });

  it("gives values that are in no place", () => {
    assert.deepEqual(evaluate(0x35, 0x9f), { kind: "value", bytes: Uint8Array.from([5, 0, 0, 0]) });
    assert.deepEqual(evaluate(0x9e, 2, 0xaa, 0xbb), { kind: "value", bytes: Uint8Array.from([0xaa, 0xbb]) });
    assert.deepEqual(evaluate(0x35, 0xa8, 0x30, 0x9f), { kind: "value", bytes: Uint8Array.from([5, 0, 0, 0, 0, 0, 0, 0]) });
  });

  it("gives pieces, also ones that are missing", () => {
    const location = evaluate(0x50, 0x93, 4, 0x93, 2, 0x30, 0x9d, 3, 1);
    assert.equal(location.kind, "pieces");
    assert.deepEqual(location.kind === "pieces" && location.pieces.map(piece => [piece.location.kind, piece.bitSize, piece.bitOffset]),
      [["register", 32, 0], ["optimised-out", 16, 0], ["memory", 3, 1]]);
  });

  const unavailable: [string, number[], RegExp][] = [
    ["an empty expression", [], /no place/],
    ["a register that is not known", [0x90 - 0x10, 0], /register 16 is not known/],
    ["memory that cannot be read", [0x0c, 0, 0, 2, 0, 0x06], /memory at 0x20000 cannot be read/],
    ["a value at the function's entry", [0xa3, 1, 0x50, 0x9f], /function's entry/],
    ["thread-local storage", [0x30, 0x9b], /thread-local/],
    ["an implicit pointer", [0xa0, 0, 0, 0, 0, 0], /no address/],
    ["a division by zero", [0x31, 0x30, 0x1b], /division by zero/],
    ["floating point", [0xa5, 1, 0x40], /floating point/],
  ];
  for (const [what, bytes, reason] of unavailable) {
    it(`says why it cannot give ${what}`, () => {
      const location = evaluate(...bytes);
      assert.equal(location.kind, "optimised-out");
      assert.match(location.kind === "optimised-out" ? location.reason : "", reason);
    });
  }

  const broken: [string, number[]][] = [
    ["an unknown operation", [0x01]],
    ["an operand cut off", [0x03, 1, 2]],
    ["a stack that is empty", [0x22]],
    ["a branch out of the expression", [0x2f, 0x40, 0]],
    ["a loop without end", [0x2f, 0xfd, 0xff]],
    ["a stack without bound", [0x31, 0x2f, 0xfc, 0xff]],
    ["a base type that is none", [0x31, 0xa8, 0x50]],
  ];
  for (const [what, bytes] of broken) {
    it(`refuses ${what}`, () => assert.throws(() => evaluate(...bytes), SymbolFileError));
  }
});
