// Types, their C spelling and layout against GDB; values of global variables against GDB's.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { formatValue, memberNamed, memoryValue, sizeOf, stripType, typeName } from "../../../debugger/symbols";
import type { DisplayNode, SymbolTable } from "../../../debugger/symbols";
import { ElfFile, SHF } from "../../../debugger/symbols/elf";
import { needCompiler, needTools, SAMPLE_C, spelling, Workshop } from "./toolchain";

describe("types and global variables", function () {
  this.timeout(20_000);
  const shop = new Workshop();
  after(() => shop.remove());

  for (const flags of [["-m32", "-gdwarf-4"], ["-m32", "-gdwarf-5"], ["-m64", "-gdwarf-4"], ["-m64", "-gdwarf-5"]]) {
    describe(`gcc ${flags.join(" ")}`, () => {
      let path = "";
      let table: SymbolTable;
      let readMemory: (address: bigint, size: number) => Uint8Array | undefined;
      const gdb = (...expressions: string[]): string[] =>
        shop.run("gdb", "-nx", "-batch", ...expressions.flatMap(expression => ["-ex", expression]), path).trim().split("\n");

      before(function () {
        needCompiler(this, flags[0]);
        needTools(this, "gdb");
        path = shop.compile(`types${flags.join("")}`, SAMPLE_C, ...flags, "-O0", "-no-pie");
        table = shop.load(path);
        const bytes = readFileSync(path);
        const loaded = ElfFile.parse(bytes).sections.filter(section => (section.flags & SHF.ALLOC) !== 0);
        readMemory = (address, size) => {
          const section = loaded.find(part => part.address <= address && address + BigInt(size) <= part.address + BigInt(part.size));
          if (section === undefined) return undefined;
          const offset = section.offset + Number(address - section.address);
          return bytes.subarray(offset, offset + size);
        };
      });

      function show(name: string): DisplayNode {
        const variable = table.globals().find(candidate => candidate.name === name);
        assert.ok(variable !== undefined, `there is a global ${name}`);
        const location = table.locate(variable, { pc: 0n, readRegister: () => undefined, readMemory });
        assert.equal(location.kind, "memory");
        return formatValue(name, variable.type, memoryValue(location.kind === "memory" ? location.address : 0n, readMemory), {
          readMemory, symbolise: address => table.symbolAt(address)?.name,
        });
      }

      it("spells types as GDB does, and gives their sizes", () => {
        const names = ["head", "table", "greeting", "byte", "single", "pi", "precise", "access_rights", "negative"];
        const theirs = gdb(...names.flatMap(name => [`whatis ${name}`, `output sizeof(${name})`, "echo \\n"])).filter(line => line !== "");
        names.forEach((name, i) => {
          const { type } = show(name);
          assert.equal(spelling(typeName(type)), spelling(theirs[2 * i].replace("type = ", "")), name);
          assert.equal(sizeOf(type), Number(theirs[2 * i + 1]), name);
        });
      });

      it("lays out structures and bit fields as GDB does", () => {
        const node = table.typeNamed("struct node");
        assert.ok(node !== undefined && node.kind === "struct");
        let checked = 0;
        for (const line of gdb("ptype /o struct node")) {
          const found = /^\/\*\s+(\d+)(?::\s*(\d+))?\s+\|\s+(\d+)\s+\*\/ {4}([^{}]*?)(\w+)((?:\[\d+\])*)(?: : (\d+))?;$/.exec(line);
          if (found === null) continue;
          const [, offset, bit, , , name, , width] = found;
          const member = memberNamed(node, name);
          assert.ok(member !== undefined, name);
          if (width === undefined) assert.equal(member.offset, Number(offset), name);
          else assert.deepEqual(member.bits, { offset: Number(offset) * 8 + Number(bit ?? 0), size: Number(width) }, name);
          checked++;
        }
        assert.ok(checked >= 10, `${checked} members checked`);
      });

      it("spells function types and pointers to them", () => {
        const operation = table.typeNamed("operation");
        assert.ok(operation !== undefined && operation.kind === "typedef");
        assert.equal(typeName(operation.target), "int (*)(int, char)");
        const [main] = table.functionsNamed("main");
        assert.equal(main.type && typeName(main.type), "int (int, char **)");
      });

      it("shows numbers, characters, strings and enumerations", () => {
        assert.equal(show("byte").value, "65 (0x41) 'A'");
        assert.equal(show("single").value, "0.1");
        assert.equal(show("pi").value, "3.14159");
        assert.equal(show("precise").value, "0.1");
        assert.equal(show("negative").value, "-2 (0xfffffffffffffffe)");
        assert.equal(show("access_rights").value, "READ | EXECUTE (0x5)");
        assert.match(show("greeting").value, /^0x[0-9a-f]+(?: <.*>)? "hello, \\"you\\"\\n"$/);
        assert.equal(show("greeting").typeName, "const char *");
      });

      it("shows a structure with its members, bit fields, union and a pointer's target", () => {
        const head = show("head");
        const members = new Map(head.children().map(child => [child.name, child]));
        const text = (name: string): string => members.get(name)?.value ?? "(no such member)";
        assert.equal(text("value"), "1");
        assert.equal(text("tag"), "\"hey\"");
        assert.equal(text("low"), "5");
        assert.equal(text("middle"), "2049 (0x801)");
        assert.equal(text("signed_bits"), "-7 (0x19)");
        assert.equal(text("colour"), "GREEN (5)");
        assert.equal(text("truth"), "true");
        assert.equal(text("wide"), `${0x123456789abcdef0n} (0x123456789abcdef0)`);
        assert.match(text("run"), /^0x[0-9a-f]+ <add>$/);
        assert.equal(text("port"), "0x0");
        assert.equal(members.get("port")?.typeName, "const volatile uint16_t *");
        assert.equal(text("(anonymous)"), "{inner_whole = 42 (0x2a), inner_real = 5.88545e-44}");
        const next = members.get("next");
        assert.equal(next?.value, `0x${head.address?.toString(16)} <head>`);
        assert.equal(next?.children()[0].value, "1");
        assert.equal(next?.children()[1].children().length, head.childCount);
        assert.match(head.value, /^\{value = 1, next = 0x[0-9a-f]+ <head>, tag = "hey", low = 5, middle = 2049 \(0x801\), …\}$/);
      });

      it("shows an array row by row, in pages", () => {
        const rows = show("table");
        assert.deepEqual([rows.value, rows.childCount, rows.isIndexed], ["[3]", 3, true]);
        const [second] = rows.children(1, 1);
        assert.deepEqual([second.name, second.typeName, second.value], ["[1]", "int [4]", "[4] {5, 6, 7, 8}"]);
        assert.deepEqual(rows.children(2, 5)[0].children(3, 1).map(node => [node.name, node.value]), [["[3]", "12 (0xc)"]]);
        assert.equal(second.address, (rows.address ?? 0n) + 16n);
      });

      it("finds types by name, with and without the keyword", () => {
        assert.equal(table.typeNamed("node"), table.typeNamed("struct node"));
        assert.equal(table.typeNamed("union node"), undefined);
        assert.equal(table.typeNamed("no such type"), undefined);
        const u32 = table.typeNamed("u32");
        assert.equal(u32 && typeName(stripType(u32)), "unsigned int");
      });
    });
  }

  it("finds the definition of a structure that another unit only declares", function () {
    needCompiler(this, "-m32");
    shop.write("other.c", "struct forward { int x; char y; }; struct forward thing = { 7, 'q' };");
    const path = shop.compile("declared", "struct forward; extern struct forward thing; struct forward *to = &thing; int main(void) { return 0; }", "-m32", "-g", "-no-pie", "other.c");
    const to = shop.load(path).globals().find(variable => variable.name === "to");
    const target = to && stripType(to.type);
    assert.ok(target !== undefined && target.kind === "pointer" && target.target.kind === "struct");
    assert.equal(target.target.incomplete, false);
    assert.equal(sizeOf(target.target), 8);
    assert.deepEqual(target.target.members.map(member => member.name), ["x", "y"]);
  });
});
