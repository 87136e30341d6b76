// Line tables and breakpoint places against readelf, addr2line and GDB.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";
import type { SymbolTable } from "../../../debugger/symbols";
import { CompilationUnit } from "../../../debugger/symbols/compilation-unit";
import { ElfFile } from "../../../debugger/symbols/elf";
import { DebugInfo } from "../../../debugger/symbols/debug-info";
import { lineOf, needCompiler, needTools, SAMPLE_C, SAMPLE_NASM, VARIANTS, Workshop } from "./toolchain";
import { leaveOut } from "../../support/leaveOut";

/** Rows of the table as `file:line address statement`, in order. */
function ourRows(path: string): string[] {
  const elf = ElfFile.parse(readFileSync(path), path, inflateSync);
  const info = new DebugInfo(elf, path);
  return info.units.flatMap(unit => {
    const compiled = new CompilationUnit(unit, () => true);
    return compiled.lineSequences().flatMap(({ rows }) => rows.map(row =>
      `${compiled.files[row.file].replace(/.*\//, "")}:${row.line} ${row.address.toString(16)} ${row.isStatement}`));
  });
}

function readelfRows(shop: Workshop, path: string): string[] {
  return shop.run("readelf", "--debug-dump=decodedline", path).split("\n").flatMap(line => {
    const found = /^(\S+)\s+(\d+)\s+(?:0x)?([0-9a-f]+)(?:\s+\d+)?(\s+x)?\s*(?:END)?$/.exec(line);
    return found === null || line.endsWith("END") ? [] : [`${found[1]}:${found[2]} ${found[3]} ${found[4] !== undefined}`];
  });
}

/** Addresses for which GDB would set breakpoints, by line. */
function gdbBreakpoints(shop: Workshop, path: string, file: string, lines: readonly number[]): Map<number, bigint[]> {
  const commands = lines.flatMap(line => ["-ex", `echo LINE ${line}\\n`, "-ex", `break ${file}:${line}`, "-ex", "info breakpoints", "-ex", "delete"]);
  const result = new Map<number, bigint[]>();
  for (const part of shop.run("gdb", "-nx", "-batch", ...commands, path).split("LINE ").slice(1)) {
    const addresses = [...part.matchAll(/^[\d.]+ .*?y\s+(0x[0-9a-f]+) in /gm)].map(found => BigInt(found[1]));
    result.set(parseInt(part, 10), addresses.sort((a, b) => (a < b ? -1 : 1)));
  }
  return result;
}

describe("line tables", () => {
  const shop = new Workshop();
  after(() => shop.remove());

  for (const [number, { name, flags }] of VARIANTS.entries()) {
    describe(`gcc ${name}`, () => {
      let path = "";
      let table: SymbolTable;
      let source = "";
      before(function () {
        this.timeout(20_000);
        needCompiler(this, ...flags.filter(flag => flag.startsWith("-m")));
        // readelf cuts long names.
        const program = `lines${number}`;
        path = shop.compile(program, SAMPLE_C, ...flags, "-Wno-attributes");
        source = `${program}.c`;
        table = shop.load(path);
      });

      it("has readelf's rows", function () {
        needTools(this, "readelf");
        const theirs = readelfRows(shop, path);
        assert.ok(theirs.length > 20, "readelf shows rows");
        assert.deepEqual(ourRows(path).sort(), theirs.sort());
      });

      it("names the line that addr2line names", function () {
        needTools(this, "addr2line");
        if (flags.includes("-gdwarf64")) {
          leaveOut(this, "addr2line does not read the 64-bit format of DWARF 5");
        }
        if (flags.includes("-flto")) leaveOut(this, "addr2line names the linker's artificial unit, not the file");
        const main = table.functionsNamed("main")[0];
        const leaf = table.functionsNamed("leaf")[0];
        const addresses = [main, leaf].flatMap(({ start, end }) => Array.from({ length: Number(end - start) }, (_, i) => start + BigInt(i)));
        const answers = shop.run("addr2line", "-e", path, ...addresses.map(address => address.toString(16))).trim().split("\n");
        addresses.forEach((address, i) => {
          const ours = table.lineAt(address);
          // Of rows at one address addr2line takes the last, we (and GDB) the one that begins a statement.
          if (ours?.isStatement === true && flags.some(flag => /^-O[12]/.test(flag))) return;
          const [file, line] = answers[i].replace(/ \(.*\)$/, "").split(":");
          assert.equal(`${ours?.file}:${ours?.line ?? "?"}`, `${file}:${line}`, address.toString(16));
        });
      });

      it("puts breakpoints where GDB puts them, on every line", function () {
        this.timeout(20_000);
        needTools(this, "gdb");
        const text = SAMPLE_C.split("\n");
        const first = text.findIndex(line => line.startsWith("static inline")) + 1;
        const lines = text.map((_, i) => i + 1).slice(first);
        const theirs = gdbBreakpoints(shop, path, source, lines);
        const comment = lineOf(SAMPLE_C, "outside all functions");
        for (const line of lines) {
          const ours = table.addressesForLine(`${shop.folder}/${source}`, line).map(found => found.address);
          if (line === comment || line === comment + 1) assert.deepEqual(ours, [], `line ${line} is in no function`);
          const expected = theirs.get(line) ?? [];
          // GDB moves on from the last code of a function into the next one; we have no place then.
          const theirFunction = expected.length === 1 ? table.functionAt(expected[0])?.declaration?.line : undefined;
          if (ours.length === 0 && theirFunction !== undefined && theirFunction > line) continue;
          const what = `line ${line}: ${text[line - 1]}`;
          // Optimised code of one line may be in several blocks of a function. GDB then stops in each, we where it begins.
          if (expected.length > ours.length && !flags.includes("-O0")) assert.equal(ours[0], expected[0], what);
          else assert.deepEqual(ours, expected, what);
        }
      });

      it("covers each function with statement ranges that have no gap", () => {
        for (const fn of [table.functionsNamed("main")[0], table.functionsNamed("leaf")[0]]) {
          for (let at = fn.start; at < fn.end;) {
            const range = table.statementRangeAt(at);
            assert.ok(range !== undefined && range.start <= at && range.end > at, `${fn.name} at ${at.toString(16)}`);
            at = range.end;
          }
        }
      });
    });
  }

  describe("questions about lines", () => {
    let table: SymbolTable;
    let biased: SymbolTable;
    let file = "";
    before(function () {
      needCompiler(this, "-m32");
      const path = shop.compile("questions", SAMPLE_C, "-m32", "-g", "-O0");
      table = shop.load(path);
      biased = shop.load(path, { bias: 0xc0000000n });
      file = `${shop.folder}/questions.c`;
    });

    it("finds a file by whole path, by tail, and by an unnormal spelling", () => {
      const line = lineOf(SAMPLE_C, "leaf first");
      const wanted = table.addressesForLine(file, line);
      assert.equal(wanted.length, 1);
      assert.deepEqual(table.addressesForLine("questions.c", line), wanted);
      assert.deepEqual(table.addressesForLine("/elsewhere/questions.c", line), wanted);
      assert.deepEqual(table.addressesForLine(`${shop.folder}/x/../questions.c`, line), wanted);
      assert.deepEqual(table.addressesForLine("C:\\work\\questions.c", line), wanted);
      assert.deepEqual(table.addressesForLine("other.c", line), []);
    });

    it("snaps a comment to the next line with code of the same function", () => {
      const second = lineOf(SAMPLE_C, "leaf second");
      for (const line of [second - 2, second - 1]) {
        assert.deepEqual(table.addressesForLine(file, line), table.addressesForLine(file, second));
        assert.equal(table.addressesForLine(file, line)[0].actualLine, second);
      }
    });

    it("gives no place past the last line", () => {
      assert.deepEqual(table.addressesForLine(file, 10_000), []);
    });

    it("lists the lines with code between two lines", () => {
      const first = lineOf(SAMPLE_C, "leaf first");
      const last = lineOf(SAMPLE_C, "leaf last");
      assert.deepEqual(table.linesWithCode(file, first, last), [first, last - 1, last]);
    });

    it("takes the whole of a line as one step, a loop's head in two parts", () => {
      const body = table.addressesForLine(file, lineOf(SAMPLE_C, "leaf second"))[0].address;
      const range = table.statementRangeAt(body + 1n);
      assert.equal(range?.start, body);
      assert.equal(range?.end, table.addressesForLine(file, lineOf(SAMPLE_C, "leaf last"))[0].address);
    });

    it("moves everything by the load bias, wrapping at 32 bits", () => {
      const line = lineOf(SAMPLE_C, "leaf first");
      const plain = table.addressesForLine(file, line)[0].address;
      const moved = biased.addressesForLine(file, line)[0].address;
      assert.equal(moved, plain + 0xc0000000n);
      assert.equal(biased.lineAt(moved)?.line, line);
      assert.equal(biased.functionAt(moved)?.name, "leaf");
      assert.equal(biased.symbolAt(moved)?.name, "leaf");
      assert.equal(biased.entry, table.entry + 0xc0000000n);
      assert.equal(biased.lineAt(plain), undefined);
    });

    it("lists the source files", () => {
      assert.ok(table.sourceFiles().includes(file));
    });
  });

  for (const bits of [32, 64] as const) {
    describe(`NASM, ${bits} bits`, () => {
      let table: SymbolTable;
      let path = "";
      before(function () {
        needTools(this, "nasm", "ld");
        path = shop.assemble(`assembly${bits}`, SAMPLE_NASM, bits);
        table = shop.load(path);
      });

      it("names each instruction's line", () => {
        const start = table.symbolsNamed("_start")[0].address;
        assert.equal(table.entry, start);
        const at = table.lineAt(start);
        assert.equal(at?.line, lineOf(SAMPLE_NASM, "; call"));
        assert.equal(at?.file, `${shop.folder}/assembly${bits}.asm`);
      });

      it("has readelf's rows", function () {
        needTools(this, "readelf");
        assert.deepEqual(ourRows(path).sort(), readelfRows(shop, path).sort());
      });

      it("snaps comments and labels to the next instruction", () => {
        const comment = lineOf(SAMPLE_NASM, "; a comment");
        assert.equal(table.addressesForLine(`assembly${bits}.asm`, comment)[0].actualLine, comment + 1);
        const label = lineOf(SAMPLE_NASM, "_start:");
        assert.deepEqual(table.addressesForLine(`assembly${bits}.asm`, label)[0].address, table.entry);
      });

      it("takes labels for functions, but not NASM's local ones", () => {
        const inLoop = table.addressesForLine(`assembly${bits}.asm`, lineOf(SAMPLE_NASM, "; local label"))[0].address;
        assert.deepEqual({ ...table.symbolAt(inLoop) }, { name: "helper.loop", offset: 0n, size: 0n });
        const fn = table.functionAt(inLoop);
        assert.deepEqual([fn?.name, fn?.origin, fn?.prologueEnd], ["helper", "elf", table.symbolsNamed("helper")[0].address]);
        assert.equal(fn?.end, table.entry);
      });
    });
  }
});
