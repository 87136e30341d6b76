// PE/COFF images and objects that binutils make of ELF programs, against nm, objdump and the same program as ELF.

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openSymbols, SymbolTable, typeName } from "../../../debugger/symbols";
import type { SymbolFiles } from "../../../debugger/symbols";
import { memorySource } from "../../../debugger/symbols/byte-source";
import { PeFile } from "../../../debugger/symbols/pe";
import { leaveOut } from "../../support/leaveOut";
import { lineOf, needCompiler, needTools, SAMPLE_C, Workshop } from "./toolchain";

const files: SymbolFiles = { open: async path => memorySource(new Uint8Array(readFileSync(path))), exists: async path => existsSync(path), unpackers: {} };
const FORMATS = [["-m64", "pei-x86-64", "pe-x86-64", "PE32+"], ["-m32", "pei-i386", "pe-i386", "PE32"]] as const;
const FLAGS = ["-g", "-O1", "-ffreestanding", "-fno-pic", "-no-pie", "-nostdlib", "-static", "-Wl,-e,main", "-Wl,--build-id=none", "-Wno-attributes", "-fno-stack-protector"];

describe("PE/COFF files", function () {
  this.timeout(60_000);
  const shop = new Workshop();
  after(() => shop.remove());

  for (const [width, image, object, format] of FORMATS) {
    describe(format, () => {
      let elf: SymbolTable;
      let pe: SymbolTable;
      let path = "";
      before(async function () {
        needCompiler(this, width);
        needTools(this, "objcopy", "nm", "objdump");
        if (!shop.run("objcopy", "--info").includes(image)) leaveOut(this, `objcopy does not write ${image}`);
        elf = shop.load(shop.compile(`sample${width}`, SAMPLE_C, width, ...FLAGS));
        path = join(shop.folder, `sample${width}.exe`);
        shop.run("objcopy", "-O", image, `sample${width}`, path);
        pe = (await openSymbols(path, files)).table;
      });

      it("has the sections that objdump lists", () => {
        const rows = [...shop.run("objdump", "-h", path).matchAll(/^ +\d+ (\S+) +([0-9a-f]+) +([0-9a-f]+) .* ([0-9a-f]+) +2\*\*/gm)];
        const ours = PeFile.parse(new Uint8Array(readFileSync(path))).sections.slice(1);
        assert.deepEqual(ours.map(({ name, size, address }) => [name, size, address]), rows.map(([, name, size, address]) => [name, parseInt(size, 16), BigInt(`0x${address}`)]));
        assert.ok(ours.some(({ name }) => name === ".debug_info"), "long names come from the string table");
      });

      it("has nm's symbols", () => {
        let compared = 0;
        for (const [, address, name] of shop.run("nm", path).matchAll(/^([0-9a-f]+) [tTdDbBrR] (\S+)$/gm)) {
          const plain = format === "PE32" ? name.replace(/^_/, "") : name;
          if (plain.startsWith(".")) continue;
          assert.ok(pe.symbolsNamed(plain).some(symbol => symbol.address === BigInt(`0x${address}`)), name);
          compared++;
        }
        assert.ok(compared >= 10, `${compared} symbols`);
      });

      it("answers by DWARF as the ELF program does", () => {
        const facts = (table: SymbolTable): unknown => ["main", "work", "leaf", "add"].map(name => {
          const [fn] = table.functionsNamed(name);
          const at = table.addressesForLine(`sample${width}.c`, lineOf(SAMPLE_C, "/* call */")).map(found => found.address - table.functionsNamed("work")[0].start);
          return [fn.name, fn.end - fn.start, fn.type?.parameters.map(typeName), table.lineAt(fn.start)?.line, at];
        });
        assert.equal(pe.hasDebugInfo, true);
        assert.deepEqual(facts(pe), facts(elf));
      });

      it("follows the address where firmware has loaded it", async () => {
        const { table } = await openSymbols(path, files, 0x100000n);
        const [moved] = table.functionsNamed("main");
        assert.equal(moved.start, pe.functionsNamed("main")[0].start + 0x100000n);
        assert.equal(table.lineAt(moved.start)?.line, pe.lineAt(moved.start - 0x100000n)?.line);
        assert.equal(table.range?.start, (pe.range?.start ?? 0n) + 0x100000n);
      });

      it("reads an object's names", async () => {
        shop.write("part.c", "int first(int a) { return a + 1; } int second(int b) { return first(b) * 2; } int data = 5;\n");
        shop.run("gcc", width, "-c", "-O1", "part.c", "-o", "part.o");
        shop.run("objcopy", "-O", object, "part.o", "part.obj");
        const { table, format: found } = await openSymbols(join(shop.folder, "part.obj"), files);
        assert.equal(found, "COFF object");
        const [first] = table.symbolsNamed("first");
        const [second] = table.symbolsNamed("second");
        assert.ok(second.address > first.address);
        assert.equal(table.symbolAt(second.address + 1n)?.name, "second");
      });

      it("ends broken files in an error that says where", () => {
        const good = new Uint8Array(readFileSync(path));
        let refused = 0;
        for (let round = 0; round < 300; round++) {
          const bytes = good.slice();
          for (let change = 0; change < 3; change++) bytes[(round * 7919 + change * 104729) % 0x400] = [0, 0xff, 0x7f, 0x80, round & 0xff][(round + change) % 5];
          const cut = round % 3 === 0 ? bytes.subarray(0, (round * 6151) % bytes.length) : bytes;
          try {
            const table = SymbolTable.of(PeFile.parse(cut, "broken.exe"));
            table.symbolAt(0x401000n);
            table.functionsNamed("work");
            table.lineAt(0x401000n);
            table.unwind(0x401000n, new Map([[7, 0x1000n]]), (_, size) => new Uint8Array(size));
          } catch (error) {
            assert.equal((error as Error).name, "SymbolFileError", String(error));
            assert.match((error as Error).message, /\(.+\)$/);
            refused++;
          }
        }
        assert.ok(refused > 50, `${refused} were refused`);
      });
    });
  }

  /** A PE32+ image by hand: .text at 0x1000, tables at 0x2000 (file offsets 0x400 and 0x600). */
  function handmade(tables: (view: DataView, bytes: Uint8Array) => void, directories: Readonly<Record<number, readonly [number, number]>>, code: readonly number[] = []): Uint8Array {
    const bytes = new Uint8Array(0x1000);
    const view = new DataView(bytes.buffer);
    const text = (offset: number, value: string): void => bytes.set(new TextEncoder().encode(value), offset);
    text(0, "MZ");
    view.setUint32(60, 0x80, true);
    text(0x80, "PE\0\0");
    view.setUint16(0x84, 0x8664, true);
    view.setUint16(0x86, 2, true);
    view.setUint16(0x94, 240, true);
    const optional = 0x98;
    view.setUint16(optional, 0x20b, true);
    view.setUint32(optional + 16, 0x1000, true);
    view.setBigUint64(optional + 24, 0x140000000n, true);
    view.setUint32(optional + 32, 0x1000, true);
    view.setUint32(optional + 108, 16, true);
    for (const [index, [address, size]] of Object.entries(directories)) {
      view.setUint32(optional + 112 + Number(index) * 8, address, true);
      view.setUint32(optional + 116 + Number(index) * 8, size, true);
    }
    [[".text", 0x1000, 0x400, 0x60000020], [".rdata", 0x2000, 0x600, 0x40000040]].forEach(([name, address, offset, flags], index) => {
      const at = optional + 240 + index * 40;
      text(at, String(name));
      view.setUint32(at + 8, index === 0 ? 0x200 : 0xa00, true);
      view.setUint32(at + 12, Number(address), true);
      view.setUint32(at + 16, index === 0 ? 0x200 : 0xa00, true);
      view.setUint32(at + 20, Number(offset), true);
      view.setUint32(at + 36, Number(flags), true);
    });
    bytes.set(code, 0x400);
    tables(view, bytes);
    return bytes;
  }
  const file = (address: number): number => address - 0x2000 + 0x600;

  it("reads the names that an image exports, and says what a PDB would hold", async () => {
    const bytes = handmade((view, all) => {
      const text = (address: number, value: string): void => all.set(new TextEncoder().encode(`${value}\0`), file(address));
      view.setUint32(file(0x2014), 2, true);
      view.setUint32(file(0x2018), 2, true);
      [0x2040, 0x2050, 0x2060].forEach((address, index) => view.setUint32(file(0x201c) + index * 4, address, true));
      [0x1010, 0x1080].forEach((address, index) => view.setUint32(file(0x2040) + index * 4, address, true));
      [0x2070, 0x2080].forEach((address, index) => view.setUint32(file(0x2050) + index * 4, address, true));
      [1, 0].forEach((ordinal, index) => view.setUint16(file(0x2060) + index * 2, ordinal, true));
      text(0x2070, "alpha");
      text(0x2080, "beta");
      view.setUint32(file(0x2100) + 12, 2, true);
      view.setUint32(file(0x2100) + 16, 64, true);
      view.setUint32(file(0x2100) + 24, file(0x2200), true);
      text(0x2200, "RSDS");
      all.set([0x44, 0x33, 0x22, 0x11, 0x66, 0x55, 0x88, 0x77, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0], file(0x2204));
      text(0x2218, "C:\\build\\boot.pdb");
    }, { 0: [0x2000, 0x40], 6: [0x2100, 28] });
    const path = join(shop.folder, "exports.efi");
    writeFileSync(path, bytes);
    const { table, notes } = await openSymbols(path, files);
    assert.deepEqual(table.symbolsNamed("alpha").map(({ address }) => address), [0x140001080n]);
    assert.deepEqual(table.symbolsNamed("beta").map(({ address }) => address), [0x140001010n]);
    assert.equal(table.entry, 0x140001000n);
    assert.match(notes.join(), /C:\\build\\boot\.pdb \(a PDB, GUID 11223344-5566-7788-0102-030405060708, age 9\).*not read/);
  });

  it("finds callers by .pdata: in the prologue, the body and the epilogue", () => {
    // push rbp; push rbx; sub rsp,0x28; … add rsp,0x28; pop rbx; pop rbp; ret
    const code = [0x55, 0x53, 0x48, 0x83, 0xec, 0x28, 0x90, 0x90, 0x48, 0x83, 0xc4, 0x28, 0x5b, 0x5d, 0xc3];
    const bytes = handmade((view, all) => {
      [0x1000, 0x100f, 0x2100].forEach((value, index) => view.setUint32(file(0x2000) + index * 4, value, true));
      // Version 1, prologue of 6 bytes, 3 codes: at 6 allocate 0x28, at 2 push rbx (3), at 1 push rbp (5).
      all.set([1, 6, 3, 0, 6, 0x42, 2, 0x30, 1, 0x50], file(0x2100));
    }, { 3: [0x2000, 12] }, code);
    const table = SymbolTable.of(PeFile.parse(bytes));
    const stack = new Map<bigint, bigint>([[0x8000n, 0xcafen], [0x7ff8n, 0x1111n], [0x7ff0n, 0x2222n]]);
    const readMemory = (address: bigint, size: number): Uint8Array | undefined => {
      const result = new Uint8Array(size);
      if (address >= 0x140001000n && address < 0x140001100n) {
        result.set(bytes.subarray(0x400 + Number(address - 0x140001000n), 0x400 + Number(address - 0x140001000n) + size));
        return result;
      }
      const value = stack.get(address);
      if (value === undefined) return undefined;
      new DataView(result.buffer).setBigUint64(0, value, true);
      return result;
    };
    const places: [number, bigint, number[]][] = [
      [0, 0x8000n, [6, 3]], [1, 0x7ff8n, [3]], [2, 0x7ff0n, []], [6, 0x7fc8n, []], [8, 0x7fc8n, []], [12, 0x7ff0n, []], [13, 0x7ff8n, [3]], [14, 0x8000n, [6, 3]],
    ];
    for (const [offset, rsp, kept] of places) {
      const own = new Map<number, bigint>([[7, rsp], [6, kept.includes(6) ? 0x1111n : 0xbadn], [3, kept.includes(3) ? 0x2222n : 0xbadn]]);
      const caller = table.unwind(0x140001000n + BigInt(offset), own, readMemory);
      assert.ok(caller !== undefined && caller !== "outermost", `at ${offset}`);
      assert.deepEqual([caller.returnAddress, caller.cfa, caller.registers.get(6), caller.registers.get(3)], [0xcafen, 0x8008n, 0x1111n, 0x2222n], `at ${offset}`);
    }
  });
});
