// Compiles small programs for the symbol reader's tests, and asks binutils and GDB about them as independent witnesses.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import type { Context } from "mocha";
import { SymbolTable } from "../../../debugger/symbols";
import type { SymbolTableOptions } from "../../../debugger/symbols";
import { leaveOut } from "../../support/leaveOut";

/** A program with something of everything that a C debugger meets. Lines that tests ask for carry a marker comment. */
export const SAMPLE_C = `#include <stdbool.h>
#include <stdint.h>
typedef unsigned int u32;
typedef int (*operation)(int, char);
enum colour { RED, GREEN = 5, BLUE = -3 };
enum flags { READ = 1, WRITE = 2, EXECUTE = 4 };
union number { int whole; float real; };
struct forward;
struct node {
    int value;
    struct node *next;
    char tag[8];
    u32 low : 3, middle : 12;
    signed int signed_bits : 5;
    enum colour colour;
    union { int inner_whole; float inner_real; };
    union number number;
    operation run;
    const volatile uint16_t *port;
    struct forward *unknown;
    bool truth;
    uint64_t wide;
};
int add(int left, char right)
{
    return left + right; /* add body */
}
struct node head = { 1, &head, "hey", 5, 2049, -7, GREEN, { 42 }, { 43 }, add, 0, 0, true, 0x123456789abcdef0ull };
int table[3][4] = { { 1, 2, 3, 4 }, { 5, 6, 7, 8 }, { 9, 10, 11, 12 } };
const char *greeting = "hello, \\"you\\"\\n";
static unsigned char byte = 'A';
float single = 0.1f; double pi = 3.14159; long double precise = 0.1L;
enum flags access_rights = READ | EXECUTE;
long long negative = -2;
static inline __attribute__((always_inline)) int twice(int amount)
{
    int doubled = amount * 2; /* inlined */
    return doubled + table[1][1];
}
__attribute__((noinline)) int leaf(int depth, struct node *at)
{
    volatile int local = depth + at->value; /* leaf first */

    /* a comment without code, between two statements */
    local += byte; /* leaf second */
    return local; /* leaf last */
}
/* a comment outside all functions */

__attribute__((noinline)) int work(int count, struct node *at)
{
    int sum = 0;
    for (int i = 0; i < count; i++) { /* loop */
        int square = i * i;
        sum += twice(square) + leaf(i, at); /* call */
    }
    return sum; /* work last */
}
int main(int argc, char **argv)
{
    (void)argv;
    return work(argc + 3, &head) & 1; /* main body */
}
`;

/** NASM source for Linux, for both widths (the registers used exist in both). */
export const SAMPLE_NASM = `section .text
global _start
helper:
        mov eax, 1
.loop:  dec eax             ; local label
        jnz .loop
        ret
_start:
        call helper         ; call

        ; a comment
        mov eax, 1
        xor ebx, ebx
        int 80h
section .data
message: db "hi", 0
`;

/** The line (from 1) that has a marker comment. */
export function lineOf(source: string, marker: string): number {
  const index = source.split("\n").findIndex(line => line.includes(marker));
  if (index < 0) throw new Error(`no line has the marker '${marker}'`);
  return index + 1;
}

/** Skips the test, saying why, unless all the tools are installed. */
export function needTools(test: Context, ...tools: string[]): void {
  const missing = tools.filter(tool => spawnSync(tool, ["--version"]).error !== undefined && spawnSync(tool, ["-v"]).error !== undefined);
  if (missing.length === 0) return;
  leaveOut(test, `needs ${missing.join(", ")}`);
}

/** Skips the test, saying why, unless gcc can make such programs. */
export function needCompiler(test: Context, ...flags: string[]): void {
  needTools(test, "gcc");
  const probe = spawnSync("gcc", [...flags, "-x", "c", "-", "-o", "/dev/null"], { input: "#include <stdint.h>\nint main(void) { return 0; }" });
  if (probe.status === 0) return;
  leaveOut(test, `gcc cannot make programs with ${flags.join(" ")} here`);
}

/** A type as GDB and we may both spell it: without blanks, without the (void) of C, and `unsigned long` for `long unsigned int`. */
export function spelling(text: string): string {
  return text.replace(/\(void\)/g, "()").replace(/\b(long|short) (?:unsigned )?int\b/g, whole => whole.replace(" int", "")).replace(/\b((?:long |short )+)unsigned\b/g, "unsigned $1")
    .replace(/\s+/g, "");
}

/** A folder for one test file's programs; remove it when done. */
export class Workshop {
  readonly folder = mkdtempSync(join(tmpdir(), "shadowbox-symbols-"));

  /** Writes a source file; gives its path. */
  write(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** Runs a tool in the folder; gives what it prints. */
  run(tool: string, ...args: string[]): string {
    return execFileSync(tool, args, { cwd: this.folder, encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, LC_ALL: "C", DEBUGINFOD_URLS: "" } });
  }

  /** Compiles C; gives the program's path. */
  compile(program: string, source: string, ...flags: string[]): string {
    this.write(`${program}.c`, source);
    this.run("gcc", ...flags, `${program}.c`, "-o", program);
    return join(this.folder, program);
  }

  /** Assembles with NASM and links. */
  assemble(program: string, source: string, bits: 32 | 64): string {
    this.write(`${program}.asm`, source);
    this.run("nasm", "-f", `elf${bits}`, "-g", "-F", "dwarf", `${program}.asm`, "-o", `${program}.o`);
    this.run("ld", "-m", bits === 32 ? "elf_i386" : "elf_x86_64", `${program}.o`, "-o", program);
    return join(this.folder, program);
  }

  load(path: string, options: SymbolTableOptions = {}): SymbolTable {
    return SymbolTable.parse(readFileSync(path), { inflate: inflateSync, name: path, ...options });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The ways of compiling that the tests go through. */
export const VARIANTS: readonly { readonly name: string; readonly flags: readonly string[] }[] =
  ["-m32", "-m64"].flatMap(width => ["-gdwarf-4", "-gdwarf-5"].flatMap(dwarf => ["-O0", "-O2"].map(level => ({
    name: `${width} ${dwarf} ${level}`, flags: [width, dwarf, level],
  })))).concat([
    { name: "-m32 -gz=zlib -O0", flags: ["-m32", "-gdwarf-5", "-gz=zlib", "-O0"] },
    { name: "-m64 -gz=zlib -O2", flags: ["-m64", "-gdwarf-4", "-gz=zlib", "-O2"] },
    { name: "-m64 -gdwarf64 -O2", flags: ["-m64", "-gdwarf-5", "-gdwarf64", "-O2"] },
    { name: "-m32 -ffunction-sections, dropped code", flags: ["-m32", "-gdwarf-4", "-O1", "-ffunction-sections", "-Wl,--gc-sections"] },
    { name: "-m32 -O1, .debug_frame as a kernel has it", flags: ["-m32", "-gdwarf-5", "-O1", "-fno-asynchronous-unwind-tables", "-fomit-frame-pointer"] },
    { name: "-m64 -gdwarf64, .debug_frame of the 64-bit format", flags: ["-m64", "-gdwarf-5", "-gdwarf64", "-O2", "-fno-dwarf2-cfi-asm", "-fno-asynchronous-unwind-tables"] },
    { name: "-m64 -flto", flags: ["-m64", "-gdwarf-5", "-O2", "-flto", "-ffat-lto-objects"] },
    { name: "-m32 -fdebug-types-section", flags: ["-m32", "-gdwarf-4", "-O2", "-fdebug-types-section"] },
    { name: "-m64 -no-pie, with frame pointers", flags: ["-m64", "-gdwarf-5", "-O2", "-no-pie", "-fno-omit-frame-pointer"] },
  ]);

/** Assembles a 32-bit kernel that is loaded at 1 MiB, beginning at `_start`; gives its path. Skips the test without binutils. */
export function assembleKernel(test: Context, shop: Workshop, source: string): string {
  needTools(test, "as", "ld");
  shop.run("as", "--32", shop.write("kernel.s", source), "-o", "kernel.o");
  shop.run("ld", "-m", "elf_i386", "-Ttext", "0x101000", "-e", "_start", "-o", "kernel.elf", "kernel.o");
  return join(shop.folder, "kernel.elf");
}
