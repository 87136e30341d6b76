// Files that are cut short or have bytes changed: every question ends in an answer or a SymbolFileError, and soon.

import assert from "node:assert/strict";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { formatValue, memoryValue, openSymbols, SymbolFileError, sizeOf, SymbolTable, typeName } from "../../../debugger/symbols";
import type { SymbolFiles } from "../../../debugger/symbols";
import { memorySource } from "../../../debugger/symbols/byte-source";
import { ElfFile } from "../../../debugger/symbols/elf";
import { lineOf, needCompiler, needTools, SAMPLE_C, Workshop } from "./toolchain";

/** More for a long search: SYMBOL_FUZZ_ROUNDS=20000, with another SYMBOL_FUZZ_SEED. */
const ROUNDS = Number(process.env["SYMBOL_FUZZ_ROUNDS"] ?? 400);
const SEED = Number(process.env["SYMBOL_FUZZ_SEED"] ?? 2);

/** A small generator of the same numbers each time (xorshift32). */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return limit => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

const zeros = (_address: bigint, size: number): Uint8Array => new Uint8Array(size);

/** Asks each kind of question. Each is guarded, so that one broken part does not hide the rest. */
function askEverything(bytes: Uint8Array, addresses: readonly bigint[], count: (ok: boolean) => void): void {
  const guarded = (ask: () => void): void => {
    try {
      ask();
      count(true);
    } catch (error) {
      if (!(error instanceof SymbolFileError)) throw error;
      assert.match(error.message, /\(.+\)$/, "says where");
      count(false);
    }
  };
  let table: SymbolTable | undefined;
  guarded(() => { table = SymbolTable.parse(bytes, { name: "broken.elf" }); });
  if (table !== undefined) askTable(table, addresses, guarded);
}

/** Asks each kind of question of symbols that are open. */
function askTable(known: SymbolTable, addresses: readonly bigint[], guarded: (ask: () => void) => void): void {
  const caller = { readRegister: () => 0x2000n, readMemory: zeros, pc: addresses[0] ?? 0n };
  const frame = { readRegister: () => 0x1000n, readMemory: zeros, caller };
  for (const address of addresses) {
    guarded(() => known.symbolAt(address));
    guarded(() => known.functionAt(address)?.type?.parameters.map(type => typeName(type)));
    guarded(() => known.lineAt(address));
    guarded(() => known.statementRangeAt(address));
    guarded(() => known.inlinedCallsAt(address));
    guarded(() => known.unwind(address, new Map(Array.from({ length: 17 }, (_, i) => [i, 0x1000n])), zeros));
    guarded(() => {
      for (const scope of known.scopesAt(address)) {
        for (const variable of scope.blocks.flatMap(block => block.variables)) {
          typeName(variable.type);
          known.locate(variable, { ...frame, pc: address });
        }
      }
    });
  }
  guarded(() => known.sourceFiles());
  guarded(() => known.addressesForLine("broken.c", lineOf(SAMPLE_C, "leaf first")));
  guarded(() => known.linesWithCode("broken.c", 1, 100));
  guarded(() => known.functionsNamed("work"));
  guarded(() => {
    for (const variable of known.globals()) {
      sizeOf(variable.type);
      const node = formatValue(variable.name, variable.type, memoryValue(0n, zeros), { readMemory: zeros });
      for (const child of node.children(0, 4)) child.children(0, 4);
    }
  });
  guarded(() => known.typeNamed("struct node"));
}

describe("broken symbol files", function () {
  this.timeout(60_000 + ROUNDS * 100);
  const shop = new Workshop();
  after(() => shop.remove());

  for (const flags of [["-m32", "-gdwarf-4", "-O2"], ["-m64", "-gdwarf-5", "-O2"], ["-m64", "-gdwarf-5", "-O0"]]) {
    describe(`gcc ${flags.join(" ")}`, () => {
      let good: Uint8Array;
      let addresses: bigint[] = [];
      let ranges: { start: number; end: number }[] = [];
      before(function () {
        needCompiler(this, flags[0]);
        good = Uint8Array.from(readFileSync(shop.compile("broken", SAMPLE_C, ...flags, "-Wno-attributes")));
        const elf = ElfFile.parse(good);
        const table = SymbolTable.parse(good);
        addresses = ["main", "work", "leaf"].flatMap(name => table.functionsNamed(name).flatMap(({ start, end }) => [start, (start + end) / 2n]));
        ranges = elf.sections.filter(({ name }) => /^\.(debug_(?!str|line_str)|eh_frame$|symtab|strtab)/.test(name))
          .map(({ offset, size }) => ({ start: offset, end: offset + size }));
        ranges.push({ start: 0, end: 64 }, { start: good.length - elf.sections.length * (elf.is64 ? 64 : 40), end: good.length });
      });

      it("a whole one answers everything", () => {
        let failures = 0;
        askEverything(good, addresses, ok => { if (!ok) failures++; });
        assert.equal(failures, 0);
      });

      it("cut short at any length", () => {
        let refused = 0;
        const random = randomNumbers(1);
        for (let i = 0; i < 150; i++) askEverything(good.subarray(0, random(good.length)), addresses, ok => { if (!ok) refused++; });
        assert.ok(refused >= 150, "a file that has lost its end is refused");
      });

      it("with bytes changed in the headers, tables and debugging information", () => {
        let refused = 0;
        const random = randomNumbers(SEED);
        let slowest = 0;
        for (let i = 0; i < ROUNDS; i++) {
          const bytes = good.slice();
          const range = ranges[i % ranges.length];
          for (let change = 0; change <= i % 4; change++) bytes[range.start + random(range.end - range.start)] = [0, 0xff, 0x7f, 0x80, random(256)][random(5)];
          const began = performance.now();
          askEverything(bytes, addresses, ok => { if (!ok) refused++; });
          slowest = Math.max(slowest, performance.now() - began);
        }
        assert.ok(refused > 20, `${refused} questions were refused`);
        assert.ok(slowest < 5_000, `the slowest took ${slowest} ms`);
      });
    });
  }

  it("files that belong to a program: split units, packages, separate and shared information", async function () {
    needCompiler(this, "-m64");
    needTools(this, "objcopy", "dwz", "dwp");
    const make = (name: string, ...flags: string[]): string => shop.compile(name, SAMPLE_C, "-m64", "-O2", "-no-pie", "-Wl,--build-id", "-Wno-attributes", ...flags);
    const programs: { path: string; broken: string }[] = [];
    for (const version of [4, 5]) {
      const name = `pieces${version}`;
      programs.push({ path: make(name, `-gdwarf-${version}`, "-gsplit-dwarf", "-fdebug-types-section"), broken: `${name}-${name}.dwo` });
      const shared = make(`shared${version}`, `-gdwarf-${version}`);
      copyFileSync(shared, `${shared}.copy`);
      shop.run("dwz", "-m", `${shared}.alt`, "-L", "none", shared, `${shared}.copy`);
      programs.push({ path: shared, broken: `shared${version}.alt` });
      const apart = make(`apart${version}`, `-gdwarf-${version}`, "-gz=zlib");
      shop.run("objcopy", "--only-keep-debug", apart, `${apart}.debug`);
      shop.run("objcopy", "--strip-all", apart);
      programs.push({ path: apart, broken: `apart${version}.debug` });
    }
    const packed = make("packed", "-gdwarf-4", "-gsplit-dwarf");
    shop.run("dwp", "-e", "packed", "-o", "packed.dwp");
    programs.push({ path: packed, broken: "packed.dwp" });
    let refused = 0;
    let answered = 0;
    const random = randomNumbers(SEED);
    for (const { path, broken } of programs) {
      const companion = existsSync(join(shop.folder, broken)) ? join(shop.folder, broken) : join(shop.folder, broken.replace(/^.*-/, ""));
      const good = readFileSync(companion);
      const main = SymbolTable.parse(readFileSync(path), { inflate: inflateSync });
      const addresses = [main.entry, main.entry + 0x100n, main.entry - 0x80n];
      for (let round = 0; round < Math.max(20, ROUNDS / 10); round++) {
        const bytes = new Uint8Array(good);
        for (let change = 0; change <= round % 6; change++) bytes[random(bytes.length)] = [0, 0xff, 0x7f, 0x80, random(256)][random(5)];
        const given = round % 5 === 4 ? bytes.subarray(0, random(bytes.length)) : bytes;
        const files: SymbolFiles = {
          open: async name => memorySource(name === companion ? given : new Uint8Array(readFileSync(name))),
          exists: async name => existsSync(name), unpackers: { inflate: inflateSync },
        };
        const guarded = (ask: () => void): void => {
          try {
            ask();
            answered++;
          } catch (error) {
            if (!(error instanceof SymbolFileError)) throw error;
            refused++;
          }
        };
        const { table, notes } = await openSymbols(path, files);
        refused += notes.length;
        askTable(table, addresses, guarded);
      }
    }
    assert.ok(refused > 20 && answered > 1000, `${refused} refused, ${answered} answered`);
  });
});
