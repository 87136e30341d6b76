// ELF files against what readelf says of them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";
import { SymbolFileError } from "../../../debugger/symbols";
import { ElfFile } from "../../../debugger/symbols/elf";
import { needCompiler, needTools, SAMPLE_C, Workshop } from "./toolchain";

describe("ELF files", () => {
  const shop = new Workshop();
  after(() => shop.remove());

  for (const width of ["-m32", "-m64"]) {
    describe(width, () => {
      let path = "";
      let elf: ElfFile;
      before(function () {
        needCompiler(this, width);
        needTools(this, "readelf");
        path = shop.compile(`elf${width}`, SAMPLE_C, width, "-g", "-gz=zlib");
        elf = ElfFile.parse(readFileSync(path), path, inflateSync);
      });

      it("has readelf's sections", () => {
        const rows = shop.run("readelf", "-SW", path).split("\n").flatMap(line => {
          const found = /^\s*\[\s*(\d+)\] (\S*)\s+[A-Z_]+\s+([0-9a-f]{8,16}) ([0-9a-f]+) ([0-9a-f]+) /.exec(line);
          return found === null ? [] : [{ index: Number(found[1]), name: found[2], address: BigInt(`0x${found[3]}`), offset: parseInt(found[4], 16), size: parseInt(found[5], 16) }];
        });
        assert.ok(rows.length > 20);
        for (const { index, name, address, offset, size } of rows) {
          const ours = elf.sections[index];
          assert.deepEqual({ name: ours.name, address: ours.address, offset: ours.offset, size: ours.size }, { name, address, offset, size });
        }
      });

      it("has readelf's segments and entry", () => {
        const text = shop.run("readelf", "-lW", path);
        const rows = [...text.matchAll(/^\s+([A-Z_]+)\s+0x([0-9a-f]+) 0x([0-9a-f]+) 0x([0-9a-f]+) 0x([0-9a-f]+) 0x([0-9a-f]+) ([R ][W ][E ])/gm)];
        assert.equal(rows.length, elf.segments.length);
        rows.forEach((row, i) => {
          const { offset, virtualAddress, physicalAddress, fileSize, memorySize, flags } = elf.segments[i];
          assert.deepEqual([offset, fileSize], [parseInt(row[2], 16), parseInt(row[5], 16)]);
          assert.deepEqual([virtualAddress, physicalAddress, memorySize], [BigInt(`0x${row[3]}`), BigInt(`0x${row[4]}`), BigInt(`0x${row[6]}`)]);
          assert.equal(flags, (row[7][0] === "R" ? 4 : 0) | (row[7][1] === "W" ? 2 : 0) | (row[7][2] === "E" ? 1 : 0));
        });
        assert.match(text, new RegExp(`Entry point 0x${elf.entry.toString(16)}\\b`));
      });

      it("has readelf's symbols", () => {
        const rows = [...shop.run("readelf", "-sW", path).split(".symtab")[1].matchAll(/^\s+\d+: ([0-9a-f]+)\s+(\d+|0x[0-9a-f]+) (\w+)\s+(\w+)\s+\w+\s+\S+ ?(\S*)$/gm)];
        const symbols = elf.symbols();
        assert.equal(symbols.length, rows.length - 1);
        const sectionType = 3;
        symbols.forEach((symbol, i) => {
          const [, value, size, , , name] = rows[i + 1];
          assert.deepEqual([symbol.value, symbol.size], [BigInt(`0x${value}`), BigInt(size)]);
          // readelf shows a section symbol under its section's name.
          if (symbol.type !== sectionType) assert.equal(symbol.name, name);
        });
      });

      it("inflates compressed sections to what objcopy inflates them to", () => {
        shop.run("objcopy", "--decompress-debug-sections", path, "plain");
        const plain = ElfFile.parse(readFileSync(`${shop.folder}/plain`));
        for (const name of [".debug_info", ".debug_line", ".debug_str"]) {
          assert.deepEqual(Buffer.from(elf.debugSection(name) ?? []), Buffer.from(plain.debugSection(name) ?? [1]), name);
        }
      });

      it("says so when a section is compressed and there is no inflate function", () => {
        const mute = ElfFile.parse(readFileSync(path), "kernel.elf");
        assert.throws(() => mute.debugSection(".debug_info"), (error: unknown) =>
          error instanceof SymbolFileError && /\.debug_info is compressed.*kernel\.elf/.test(error.message));
      });

      it("says so when a compressed section is broken", () => {
        const broken = ElfFile.parse(readFileSync(path), "kernel.elf", () => { throw new Error("bad stream"); });
        assert.throws(() => broken.debugSection(".debug_info"), /cannot be inflated: bad stream/);
        const short = ElfFile.parse(readFileSync(path), "kernel.elf", () => new Uint8Array(3));
        assert.throws(() => short.debugSection(".debug_info"), /inflates to 3 bytes/);
      });
    });
  }

  const refusals: [string, Uint8Array, RegExp][] = [
    ["an empty file", new Uint8Array(0), /not an ELF file/],
    ["a boot sector", new Uint8Array(512).fill(0x55), /not an ELF file.*floppy\.img at offset 0x0/],
    ["a big-endian file", Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 1, 2, ...new Uint8Array(60)]), /big-endian/],
    ["another machine's file", Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, ...new Uint8Array(10), 2, 0, 183, 0, ...new Uint8Array(60)]), /machine 183/],
    ["an object file", Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, ...new Uint8Array(10), 1, 0, 62, 0, ...new Uint8Array(60)]), /link it first/],
    ["a file cut short", Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, ...new Uint8Array(10), 2, 0, 62, 0]), /needs \d+ more bytes/],
  ];
  for (const [what, bytes, message] of refusals) {
    it(`refuses ${what} with a clear message`, () => {
      assert.throws(() => ElfFile.parse(bytes, "floppy.img"), (error: unknown) => error instanceof SymbolFileError && message.test(error.message));
    });
  }
});
