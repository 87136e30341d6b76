// The facade: files without DWARF, assembly in GAS, function breakpoints, and how long a large file takes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dwarfRegisterName, dwarfRegisterNumber, matchPaths, normalisePath, SymbolTable } from "../../../debugger/symbols";
import { lineOf, needCompiler, needTools, SAMPLE_C, Workshop } from "./toolchain";

const SAMPLE_GAS = `        .text
        .globl _start
        .type _start, @function
_start: nop
        call inner              # call
        hlt
        .size _start, . - _start
        .type inner, @function
inner:  nop
again:  jmp again               # again
        .size inner, . - inner
        .data
        .type table, @object
table:  .long 1, 2
        .size table, . - table
`;

/** As a kernel's entry code: an error code lies under EIP, CS and EFLAGS, then the vector. */
const SAMPLE_TRAP = `        .cfi_sections .debug_frame
        .text
        .globl trap_entry, _start
        .type trap_entry, @function
trap_entry:
        .cfi_startproc simple
        .cfi_signal_frame
        .cfi_def_cfa esp, 16
        .cfi_offset eip, -12
        pushl $14
        .cfi_adjust_cfa_offset 4
        iret
        .cfi_endproc
        .size trap_entry, . - trap_entry
_start: .cfi_startproc
        .cfi_undefined eip
        hlt
        .cfi_endproc
`;

describe("the symbol table", function () {
  this.timeout(60_000);
  const shop = new Workshop();
  after(() => shop.remove());

  it("goes by ELF symbols where there is no DWARF", function () {
    needCompiler(this, "-m32");
    const table = shop.load(shop.compile("plain", SAMPLE_C, "-m32", "-O1"));
    const [leaf] = table.symbolsNamed("leaf");
    assert.equal(table.hasDebugInfo, false);
    assert.deepEqual({ ...table.symbolAt(leaf.address + 3n) }, { name: "leaf", offset: 3n, size: leaf.size });
    const fn = table.functionAt(leaf.address + 3n);
    assert.deepEqual([fn?.name, fn?.start, fn?.end, fn?.prologueEnd, fn?.origin], ["leaf", leaf.address, leaf.address + leaf.size, leaf.address, "elf"]);
    assert.deepEqual(table.functionsNamed("leaf").map(({ start }) => start), [leaf.address]);
    assert.deepEqual([table.lineAt(leaf.address), table.scopesAt(leaf.address), table.globals(), table.sourceFiles()], [undefined, [], [], []]);
    assert.equal(table.functionAt(0n), undefined);
    assert.equal(table.symbolAt(0xfffffff0n), undefined);
  });

  it("gives the place for a function breakpoint that GDB gives", function () {
    needCompiler(this, "-m32");
    needTools(this, "gdb");
    for (const flags of [["-m32", "-O0"], ["-m64", "-O0"], ["-m32", "-O2"], ["-m64", "-O2"]]) {
      const path = shop.compile("functions", SAMPLE_C, "-g", ...flags);
      const table = shop.load(path);
      for (const name of ["main", "leaf", "work", "add"]) {
        const answer = /Breakpoint 1 at (0x[0-9a-f]+)/.exec(shop.run("gdb", "-nx", "-batch", "-ex", `break ${name}`, path));
        assert.equal(table.functionsNamed(name)[0].prologueEnd, BigInt(answer?.[1] ?? 0), `${name} ${flags.join(" ")}`);
      }
    }
  });

  for (const [width, emulation] of [["--32", "elf_i386"], ["--64", "elf_x86_64"]]) {
    it(`reads GAS assembly (${width})`, function () {
      needTools(this, "as", "ld");
      shop.write("gas.s", SAMPLE_GAS);
      shop.run("as", width, "-g", "gas.s", "-o", "gas.o");
      shop.run("ld", "-m", emulation, "gas.o", "-o", "gas");
      const table = shop.load(`${shop.folder}/gas`);
      const [again] = table.addressesForLine("gas.s", lineOf(SAMPLE_GAS, "# again"));
      assert.equal(again.address, table.symbolsNamed("again")[0].address);
      assert.equal(table.functionAt(again.address)?.name, "inner");
      assert.deepEqual({ ...table.symbolAt(again.address) }, { name: "inner", offset: 1n, size: 3n });
      assert.equal(table.functionsNamed("inner")[0].prologueEnd, again.address - 1n);
      const data = table.symbolsNamed("table")[0].address;
      assert.deepEqual({ ...table.symbolAt(data + 5n) }, { name: "table", offset: 5n, size: 8n });
      assert.equal(table.functionAt(data), undefined);
    });
  }

  it("unwinds interrupt frames of GAS assembly in .debug_frame, and ends at the first function", function () {
    needTools(this, "as", "ld");
    shop.write("trap.s", SAMPLE_TRAP);
    shop.run("as", "--32", "-o", "trap.o", "trap.s");
    shop.run("ld", "-m", "elf_i386", "-Ttext", "0x1000", "-o", "trap.elf", "trap.o");
    const table = shop.load(`${shop.folder}/trap.elf`);
    const stack = new Map([[0x8000n, 0x11n], [0x8004n, 0x2345n]]);
    const readMemory = (address: bigint): Uint8Array | undefined => {
      const value = stack.get(address);
      return value === undefined ? undefined : new Uint8Array(Uint32Array.of(Number(value)).buffer);
    };
    const [trap] = table.symbolsNamed("trap_entry");
    const registers = new Map([[4, 0x7ffcn], [8, trap.address + 2n]]);
    // Two bytes in, the vector has been pushed: EIP lies above it and the error code.
    const caller = table.unwind(trap.address + 2n, new Map([[4, 0x7ffcn]]), readMemory);
    assert.deepEqual(caller, { cfa: 0x8010n, returnAddress: 0x2345n, isSignalFrame: true, registers: new Map([[4, 0x8010n], [8, 0x2345n]]) });
    const [start] = table.symbolsNamed("_start");
    assert.equal(table.unwind(start.address, registers, readMemory), "outermost");
  });

  it("leaves out code that the linker dropped", function () {
    needCompiler(this, "-m32");
    const source = "int unused(int a)\n{\n    return a + 1; /* dropped */\n}\nint main(void) { return 0; }\n";
    const path = shop.compile("dropped", source, "-m32", "-g", "-gdwarf-4", "-O0", "-ffunction-sections", "-Wl,--gc-sections");
    const table = shop.load(path);
    assert.deepEqual(table.symbolsNamed("unused"), [], "the linker dropped it");
    assert.deepEqual(table.addressesForLine("dropped.c", lineOf(source, "dropped")), []);
    assert.deepEqual(table.functionsNamed("unused"), []);
    assert.equal(table.functionAt(1n), undefined);
    assert.equal(table.functionsNamed("main").length, 1);
  });

  it("indexes a large file in well under a second", function () {
    needCompiler(this, "-m32");
    const parts = Array.from({ length: 1500 }, (_, i) => `
struct s${i} { int a; struct s${i} *next; ${Array.from({ length: 12 }, (_unused, k) => `long f${k};`).join(" ")} };
int fn${i}(struct s${i} *p, int q) { int sum = 0; for (int k = 0; k < q; k++) { int z = k * p->a; sum += z; } return sum; }`);
    const bytes = readFileSync(shop.compile("large", `${parts.join("\n")}\nint main(void) { return 0; }`, "-m32", "-g", "-O0"));
    const began = performance.now();
    const table = SymbolTable.parse(bytes);
    const parsed = performance.now();
    const [middle] = table.symbolsNamed("fn750");
    assert.equal(table.functionAt(middle.address)?.name, "fn750");
    assert.equal(table.scopesAt(middle.address + middle.size / 2n)[0].name, "fn750");
    const asked = performance.now();
    assert.equal(table.typeNamed("struct s751")?.kind, "struct");
    const named = performance.now();
    console.log(`      ${(bytes.length / 1e6).toFixed(1)} MB: index ${(parsed - began).toFixed(1)} ms, first function of its unit `
      + `${(asked - parsed).toFixed(1)} ms, first type by name ${(named - asked).toFixed(1)} ms`);
    assert.ok(parsed - began < 500, `the index took ${parsed - began} ms`);
  });

  it("knows registers by number and name", () => {
    // i386 psABI table 2.14 and x86-64 psABI figure 3.36.
    const known: [("386" | "x86-64"), number, string][] = [
      ["386", 0, "eax"], ["386", 4, "esp"], ["386", 5, "ebp"], ["386", 8, "eip"], ["386", 11, "st0"], ["386", 21, "xmm0"], ["386", 40, "es"], ["386", 45, "gs"],
      ["x86-64", 1, "rdx"], ["x86-64", 7, "rsp"], ["x86-64", 16, "rip"], ["x86-64", 17, "xmm0"], ["x86-64", 33, "st0"], ["x86-64", 49, "rflags"], ["x86-64", 55, "gs"],
    ];
    for (const [machine, number, name] of known) {
      assert.equal(dwarfRegisterName(machine, number), name);
      assert.equal(dwarfRegisterNumber(machine, name), number);
    }
    assert.equal(dwarfRegisterName("386", 200), undefined);
    assert.equal(dwarfRegisterNumber("386", "rax"), undefined);
  });

  it("normalises and matches paths", () => {
    assert.equal(normalisePath("/a/./b//../c"), "/a/c");
    assert.equal(normalisePath("/../a"), "/a");
    assert.equal(normalisePath("../a/../b"), "../b");
    assert.equal(normalisePath("C:\\Work\\x\\..\\main.c"), "c:/Work/main.c");
    const known = ["/src/kernel/main.c", "/src/user/main.c", "/src/lib/main.c"];
    assert.deepEqual(matchPaths("/src/user/main.c", known), ["/src/user/main.c"]);
    assert.deepEqual(matchPaths("D:\\copy\\kernel\\main.c", known), ["/src/kernel/main.c"]);
    assert.deepEqual(matchPaths("main.c", known), known);
    assert.deepEqual(matchPaths("ain.c", known), []);
  });
});
