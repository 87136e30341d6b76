// What only large or distributed kernels have: files that are read in parts, paths made relative, constants of 64 bits,
// sections compressed by Zstandard; and values that only expressions give.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatValue, sizeOf, SymbolFileError, SymbolTable, valueAt } from "../../../debugger/symbols";
import type { ByteSource } from "../../../debugger/symbols";
import { ByteReader } from "../../../debugger/symbols/bytes";
import { ElfFile, SHF } from "../../../debugger/symbols/elf";
import { AbbreviationTable } from "../../../debugger/symbols/forms";
import { fileReader } from "../../../src/cli/debugMachines";
import { leaveOut } from "../../support/leaveOut";
import { needCompiler, needTools, SAMPLE_C, Workshop } from "./toolchain";

describe("kernels' symbol files", function () {
  this.timeout(60_000);
  const shop = new Workshop();
  after(() => shop.remove());
  before(function () { needCompiler(this, "-m64"); });

  it("are opened without their debugging information, and read where a question leads", () => {
    const other = Array.from({ length: 400 }, (_, i) => `struct part${i} { int a${i}; struct part${i} *next; } thing${i}; int work${i}(struct part${i} *p) { return p->a${i} + ${i}; }`).join("\n");
    shop.write("one.c", SAMPLE_C);
    shop.write("two.c", other);
    shop.run("gcc", "-m64", "-gdwarf-5", "-O1", "-w", "one.c", "two.c", "-o", "parts");
    const bytes = new Uint8Array(readFileSync(join(shop.folder, "parts")));
    const info = ElfFile.parse(bytes).section(".debug_info");
    assert.ok(info !== undefined);
    let read = 0;
    const source: ByteSource = {
      size: bytes.length,
      read: (offset, size) => {
        if (offset >= info.offset && offset < info.offset + info.size) read += size;
        return bytes.subarray(offset, offset + size);
      },
    };
    const table = SymbolTable.of(ElfFile.open(source, "parts"));
    assert.ok(table.hasDebugInfo);
    assert.ok(read < 200, `${read} of ${info.size} bytes were read to open it`);
    const [work] = table.functionsNamed("work");
    assert.equal(table.lineAt(work.start)?.file.endsWith("one.c"), true);
    assert.ok(read < info.size / 2, `${read} of ${info.size} bytes were read for one unit's function`);
    assert.equal(table.functionsNamed("work399").length, 1);
  });

  it("says when a file that is read in parts has become shorter", () => {
    const path = shop.compile("shrunk", SAMPLE_C, "-m64", "-g", "-w");
    const bytes = new Uint8Array(readFileSync(path));
    let end = bytes.length;
    const table = SymbolTable.of(ElfFile.open({ size: bytes.length, read: (offset, size) => bytes.subarray(Math.min(offset, end), Math.min(offset + size, end)) }, "shrunk"));
    end = 0x400;
    assert.throws(() => table.globals(), (error: unknown) => error instanceof SymbolFileError && /has the file changed\? \(shrunk at offset/.test(error.message));
  });

  for (const version of ["-gdwarf-4", "-gdwarf-5"]) {
    it(`name their sources once where the compiler's directory was made relative: ${version}`, () => {
      mkdirSync(join(shop.folder, "fs"), { recursive: true });
      shop.write("fs/open.c", "#include \"../include.h\"\nint main(void) { return helper(1); }\n");
      shop.write("include.h", "static inline __attribute__((always_inline)) int helper(int a) { return a + 1; }\n");
      shop.run("gcc", "-m64", version, "-O0", `-fdebug-prefix-map=${shop.folder}=debian/build`, join(shop.folder, "fs/open.c"), "-o", "mapped");
      const table = shop.load(join(shop.folder, "mapped"));
      const [main] = table.functionsNamed("main");
      assert.equal(table.lineAt(main.start)?.file, "debian/build/fs/open.c");
      assert.deepEqual(table.sourceFiles().filter(file => /open\.c|include\.h/.test(file)).sort(), ["debian/build/fs/open.c", "debian/build/include.h"]);
    });
  }

  it("have constants of 64 bits in their abbreviations", () => {
    // An enumerator whose value is -2^63, as an implicit constant (DWARF 5, 7.5.3).
    const bytes = Uint8Array.from([1, 0x28, 0, 0x1c, 0x21, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f, 0, 0, 0]);
    const table = new AbbreviationTable(new ByteReader(bytes, ".debug_abbrev"), 0);
    assert.deepEqual(table.get(1)?.attributes, [{ name: 0x1c, form: 0x21, constant: -(1n << 63n) }]);
    assert.equal(table.get(2), undefined);
  });

  it("say what to do about Zstandard where it cannot be unpacked", function () {
    needTools(this, "objcopy");
    const path = shop.compile("packed", SAMPLE_C, "-m64", "-g", "-w");
    if (!shop.run("objcopy", "--help").includes("zstd")) leaveOut(this, "this objcopy does not compress by Zstandard");
    shop.run("objcopy", "--compress-debug-sections=zstd", path, "packed.zst");
    const bytes = new Uint8Array(readFileSync(join(shop.folder, "packed.zst")));
    assert.throws(() => SymbolTable.parse(bytes).globals(), /compressed by Zstandard, which cannot be unpacked here.*objcopy --compress-debug-sections=zlib/);
    const plain = ElfFile.parse(new Uint8Array(readFileSync(path)));
    const asked: number[] = [];
    const elf = ElfFile.parse(bytes, "packed.zst", undefined, packed => {
      asked.push(packed.length);
      return plain.debugSection(".debug_info") ?? packed;
    });
    assert.deepEqual(elf.debugSection(".debug_info"), plain.debugSection(".debug_info"));
    assert.equal(asked.length, 1);
  });

  it("are unpacked from Zstandard on every Node", async function () {
    needTools(this, "objcopy", "zstd");
    const path = shop.compile("large", SAMPLE_C, "-m64", "-g3", "-w");
    if (!shop.run("objcopy", "--help").includes("zstd")) leaveOut(this, "this objcopy does not compress by Zstandard");
    shop.run("objcopy", "--compress-debug-sections=zstd", path, "large.zst");
    const { unpackers } = fileReader(shop.folder);
    const plain = ElfFile.parse(new Uint8Array(readFileSync(path)));
    const elf = ElfFile.parse(new Uint8Array(readFileSync(join(shop.folder, "large.zst"))), "large.zst", unpackers?.inflate, unpackers?.zstd);
    const packed = elf.sections.filter(({ flags }) => (flags & SHF.COMPRESSED) !== 0).map(({ name }) => name);
    assert.ok(packed.includes(".debug_info") && packed.includes(".debug_macro"), packed.join());
    for (const name of packed) assert.deepEqual(elf.debugSection(name), plain.debugSection(name), name);
    // The other levels of the same format, at the size of a large section; and what is no such stream.
    const big = new Uint8Array(readFileSync(process.execPath).subarray(0, 4_000_000));
    writeFileSync(join(shop.folder, "big"), big);
    for (const level of ["-1", "-9"]) {
      shop.run("zstd", "-q", "-f", level, "big", "-o", "big.zst");
      const start = performance.now();
      assert.ok(Buffer.from(unpackers?.zstd?.(new Uint8Array(readFileSync(join(shop.folder, "big.zst")))) ?? []).equals(big), level);
      console.log(`      4 MB of Zstandard ${level}: ${(performance.now() - start).toFixed(0)} ms`);
    }
    assert.throws(() => unpackers?.zstd?.(big.subarray(0, 1000)));
  });

  it("have thread-local variables below the thread's base", function () {
    needTools(this, "readelf", "nm");
    const path = shop.compile("threads", "__thread long first = 7; __thread int second; int main(void) { return first + second; }\n", "-m64", "-g", "-O0", "-no-pie");
    const table = shop.load(path);
    const [, size, alignment] = /^ +TLS +\S+ \S+ \S+ \S+ (0x[0-9a-f]+) +\S+ +(0x[0-9a-f]+)/m.exec(shop.run("readelf", "-lW", path)) ?? [];
    const block = (BigInt(size) + BigInt(alignment) - 1n) / BigInt(alignment) * BigInt(alignment);
    for (const name of ["first", "second"]) {
      const offset = BigInt(`0x${new RegExp(`^([0-9a-f]+) [a-zA-Z] ${name}$`, "m").exec(shop.run("nm", path))?.[1] ?? "0"}`);
      const frame = { pc: table.entry, readRegister: (register: number) => register === 58 ? 0x70000n : undefined, readMemory: () => undefined };
      assert.deepEqual(table.locate(table.globalsNamed(name)[0], frame), { kind: "memory", address: 0x70000n - block + offset });
    }
  });

  it("have pointers to variables without an address, whose targets are shown", function () {
    const source = `volatile int sink; struct pair { int a, b; };
static inline __attribute__((always_inline)) int use(const struct pair *p) { int total = p->a + p->b; sink = total; return total; /* use */ }
__attribute__((noinline)) int work(int x, int y) { struct pair q = { x, 41 }; sink = y; return use(&q) + y; }
int main(int argc, char **argv) { (void)argv; return work(argc, argc + 1); }\n`;
    const path = shop.compile("pointers", source, "-m64", "-gdwarf-5", "-O2");
    if (!/DW_OP_implicit_pointer/.test(shop.run("readelf", "--debug-dump=info,loc", path))) leaveOut(this, "this gcc gives no implicit pointers here");
    const table = shop.load(path);
    const [work] = table.functionsNamed("work");
    const seen: string[] = [];
    for (let pc = work.start; pc < work.end; pc++) {
      const variable = table.scopesAt(pc).flatMap(({ blocks }) => blocks).flatMap(({ variables }) => variables).find(({ name }) => name === "p");
      if (variable === undefined) continue;
      const frame = { pc, readRegister: () => 3n, readMemory: () => undefined };
      const source8 = valueAt(table.locate(variable, frame), sizeOf(variable.type), { readMemory: () => undefined, readRegisterBytes: () => Uint8Array.from([3, 0, 0, 0, 0, 0, 0, 0]) });
      const node = formatValue("p", variable.type, source8, { integers: "decimal" });
      seen.push(...node.children().flatMap(child => child.children()).map(child => `${child.name} ${child.value}`));
    }
    // All registers hold 3: `a` is in one, or is given as the total in one less 41.
    assert.ok(seen.includes("b 41") && seen.some(text => text === "a 3" || text === "a -38"), seen.join());
  });

  it("have parameters that only the caller's call site still knows", function () {
    needTools(this, "objdump");
    const source = `volatile int sink;
__attribute__((noinline)) int leaf(int a) { sink = a; return sink; }
__attribute__((noinline)) int work(int x) { int r = leaf(x + 5); sink = 3; return r + sink; }
int main(int argc, char **argv) { (void)argv; return work(77) + argc; }
`;
    const path = shop.compile("passed", source, "-m64", "-gdwarf-5", "-O2", "-no-pie", "-fno-ipa-ra");
    const table = shop.load(path);
    const back = /call .*<work>\n +([0-9a-f]+):/.exec(shop.run("objdump", "-d", "--no-show-raw-insn", "--disassemble=main", path))?.[1];
    assert.ok(back !== undefined, "main calls work");
    const unknown = { readRegister: () => undefined, readMemory: () => undefined };
    const [work] = table.functionsNamed("work");
    const last = work.end - 1n;
    const x = table.scopesAt(last).flatMap(({ blocks }) => blocks).flatMap(({ variables }) => variables).find(({ name }) => name === "x");
    assert.ok(x !== undefined);
    const known = table.locate(x, { ...unknown, pc: last, caller: { ...unknown, pc: BigInt(`0x${back}`) - 1n } });
    assert.equal(known.kind === "value" ? known.bytes[0] : known, 77);
    const elsewhere = table.locate(x, { ...unknown, pc: last, caller: { ...unknown, pc: work.start } });
    assert.match(elsewhere.kind === "optimised-out" ? elsewhere.reason : "", /value at the function's entry/);
  });
});
