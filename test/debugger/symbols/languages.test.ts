// What C++ and Rust kernels have and C has not: classes, namespaces, references, variants. The values are those of the source;
// layouts are compared with GDB.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { formatValue, sizeOf, stripType, typeName, valueAt } from "../../../debugger/symbols";
import type { DisplayNode, Member, SymbolTable } from "../../../debugger/symbols";
import { ElfFile } from "../../../debugger/symbols/elf";
import { leaveOut } from "../../support/leaveOut";
import { lineOf, needTools, Workshop } from "./toolchain";

const RUST = `#![no_std]
use core::panic::PanicInfo;
#[panic_handler] fn panic(_: &PanicInfo) -> ! { loop {} }
pub enum Shape { Circle(u32), Square { side: u16, name: &'static str }, Nothing }
pub struct Page { pub flags: u64, pub owner: Option<&'static Shape>, pub small: (u8, i16) }
#[no_mangle] pub static CIRCLE: Shape = Shape::Circle(7);
#[no_mangle] pub static SQUARE: Shape = Shape::Square { side: 9, name: "sq" };
#[no_mangle] pub static NOTHING: Shape = Shape::Nothing;
#[no_mangle] pub static PAGE: Page = Page { flags: 5, owner: Some(&SQUARE), small: (1, -2) };
#[no_mangle] pub static EMPTY: Page = Page { flags: 6, owner: None, small: (3, -4) };
pub mod memory { impl super::Page { #[inline(never)] pub fn sum(&self) -> u64 { self.flags + self.small.0 as u64 } } }
#[no_mangle] pub extern "C" fn _start() -> ! { let x = PAGE.sum() + EMPTY.sum(); loop { core::hint::black_box(x); } }
`;

const CPP = `namespace outer { namespace inner {
enum class Mode : unsigned char { Real = 1, Protected = 2, Long = 4 };
struct Base { virtual ~Base() {} int base_value; };
class Device : public Base {
public:
  static int count;
  Mode mode; unsigned low : 3; unsigned rest : 29; int &link; int Device::*member; void (Device::*method)(int);
  Device(int &to) : mode(Mode::Long), low(5), rest(1000), link(to), member(&Device::own), method(&Device::set) { own = 17; base_value = 23; }
  int own;
  void set(int value);
};
int Device::count = 3;
__attribute__((noinline)) void Device::set(int value) { own = value; }
int twice(int value) { return value * 2; }
int number = 11;
Device device(number);
} }
template <typename T> struct Pair { T first, second; };
Pair<short> pair = { 4, 5 };
int twice(int value) { return value * 3; }
int main() { outer::inner::device.set(outer::inner::twice(2)); return twice(outer::inner::device.own) + pair.first; }
`;

/** Reads what the file itself holds, as a program that has just been loaded. */
function memoryOf(path: string): (address: bigint, size: number) => Uint8Array | undefined {
  const bytes = readFileSync(path);
  const { segments } = ElfFile.parse(bytes);
  return (address, size) => {
    const segment = segments.find(({ type, virtualAddress, fileSize }) => type === 1 && address >= virtualAddress && address + BigInt(size) <= virtualAddress + BigInt(fileSize));
    const offset = segment && segment.offset + Number(address - segment.virtualAddress);
    return offset === undefined ? undefined : new Uint8Array(bytes.subarray(offset, offset + size));
  };
}

function shown(table: SymbolTable, path: string, name: string): DisplayNode {
  const readMemory = memoryOf(path);
  const [variable] = table.globalsNamed(name);
  assert.ok(variable !== undefined, `the variable '${name}' is known`);
  const location = table.locate(variable, { pc: 0n, readRegister: () => undefined, readMemory });
  return formatValue(name, variable.type, valueAt(location, sizeOf(variable.type), { readMemory, readRegisterBytes: () => undefined }), { readMemory, integers: "decimal" });
}

/** The tree as nested texts, down to a depth. */
function tree(node: DisplayNode, depth = 4): unknown {
  return node.childCount === 0 || depth === 0 ? node.value : Object.fromEntries(node.children().map(child => [child.name, tree(child, depth - 1)]));
}

describe("Rust", function () {
  this.timeout(60_000);
  const shop = new Workshop();
  let table: SymbolTable;
  let path = "";
  before(function () {
    needTools(this, "rustc", "ld");
    shop.write("kernel.rs", RUST);
    try {
      shop.run("rustc", "-g", "--edition", "2021", "--crate-type", "lib", "--emit", "obj", "-C", "panic=abort", "-C", "relocation-model=static", "-C", "overflow-checks=off", "kernel.rs", "-o", "kernel.o");
    } catch {
      leaveOut(this, "rustc cannot compile without the standard library here");
    }
    shop.run("ld", "kernel.o", "-o", "kernel", "-e", "_start");
    path = join(shop.folder, "kernel");
    table = shop.load(path);
  });
  after(() => shop.remove());

  it("shows the variant that is there", () => {
    assert.deepEqual(tree(shown(table, path, "CIRCLE")), { "(variant)": "0", Circle: { __0: "7" } });
    assert.deepEqual(tree(shown(table, path, "NOTHING")), { "(variant)": "2", Nothing: "{}" });
    const square = shown(table, path, "SQUARE").children().find(({ name }) => name === "Square");
    assert.equal(square?.children().find(({ name }) => name === "side")?.value, "9");
  });

  it("tells Some from None by a pointer that is null", () => {
    const [some, none] = ["PAGE", "EMPTY"].map(name => shown(table, path, name).children().find(child => child.name === "owner")?.children().map(({ name: member }) => member));
    assert.deepEqual([some, none], [["(variant)", "Some"], ["(variant)", "None"]]);
    assert.deepEqual(tree(shown(table, path, "EMPTY").children().find(({ name }) => name === "small") ?? shown(table, path, "EMPTY")), { __0: "3", __1: "-4" });
  });

  it("finds functions of implementations, and names in modules", () => {
    assert.deepEqual(table.functionsNamed("sum").map(({ name, declaration }) => [name, declaration?.line]), [["sum", 11]]);
    assert.equal(typeName(table.typeNamed("kernel::Page") ?? { kind: "void", name: "?" }), "struct Page");
  });
});

for (const flags of [["-gdwarf-4"], ["-gdwarf-5"], ["-gdwarf-4", "-fdebug-types-section"], ["-gdwarf-5", "-fdebug-types-section"]]) {
  describe(`C++, g++ ${flags.join(" ")}`, function () {
    this.timeout(60_000);
    const shop = new Workshop();
    let table: SymbolTable;
    let path = "";
    before(function () {
      needTools(this, "g++", "gdb");
      shop.write("kernel.cc", CPP);
      shop.run("g++", "-O0", "-no-pie", ...flags, "kernel.cc", "-o", "kernel");
      path = join(shop.folder, "kernel");
      table = shop.load(path);
    });
    after(() => shop.remove());
    const gdb = (expression: string): string => shop.run("gdb", "-nx", "-batch", "-ex", `print ${expression}`, path).replace(/^\$1 = /, "").trim();

    it("lays out a class with its base as GDB does", () => {
      const type = table.typeNamed("outer::inner::Device");
      assert.ok(type !== undefined && "members" in type);
      assert.equal(sizeOf(type), Number(gdb("sizeof(outer::inner::Device)")));
      for (const name of ["mode", "own", "member", "method"]) {
        const member: Member | undefined = type.members.find(candidate => candidate.name === name);
        assert.equal(member?.offset, Number(gdb(`(long)&((outer::inner::Device*)0)->${name}`)), name);
        assert.equal(member === undefined ? 0 : sizeOf(member.type), Number(gdb(`sizeof(((outer::inner::Device*)0)->${name})`)), name);
      }
      assert.ok(!type.members.some(({ name }) => name === "count"), "a static member lies elsewhere");
      assert.deepEqual(type.members.filter(({ bits }) => bits !== undefined).map(({ name, bits }) => [name, bits?.size]), [["low", 3], ["rest", 29]]);
    });

    it("finds functions by their own and their qualified names", () => {
      const lines = (name: string): (number | undefined)[] => table.functionsNamed(name).map(({ declaration }) => declaration?.line);
      assert.deepEqual(lines("outer::inner::twice"), [lineOf(CPP, "return value * 2")]);
      assert.deepEqual(lines("outer::inner::Device::set"), [lineOf(CPP, "own = value;")]);
      assert.deepEqual(lines("set").length, 1);
      assert.ok(lines("twice").includes(lineOf(CPP, "return value * 3")));
      const [set] = table.functionsNamed("set");
      assert.equal(set.start, BigInt(/0x[0-9a-f]+/.exec(gdb("&outer::inner::Device::set"))?.[0] ?? 0));
    });

    it("spells pointers to members, references and templates, and reads scoped enumerations", () => {
      const type = stripType(table.typeNamed("Device") ?? { kind: "void", name: "?" });
      assert.ok("members" in type);
      const spelled = new Map(type.members.map(member => [member.name, typeName(member.type)]));
      assert.equal(spelled.get("link"), "int &");
      assert.equal(spelled.get("member"), "pointer to member");
      assert.equal(spelled.get("method"), "pointer to member function");
      assert.deepEqual(tree(shown(table, path, "pair")), { first: "4", second: "5" });
      const mode = table.typeNamed("Mode");
      assert.deepEqual(mode?.kind === "enum" ? mode.enumerators.map(({ name, value }) => [name, value]) : [], [["Real", 1n], ["Protected", 2n], ["Long", 4n]]);
    });
  });
}
