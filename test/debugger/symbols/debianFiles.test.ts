// Libraries and their separate debugging information as Debian's packages have them: found by build id, compressed, and with parts that dwz
// has moved to a file that several share. gdb and addr2line say what is true.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { inflateSync } from "node:zlib";
import { openSymbols, sizeOf, stripType, typeName } from "../../../debugger/symbols";
import type { OpenedSymbols, SymbolFiles } from "../../../debugger/symbols";
import { memorySource } from "../../../debugger/symbols/byte-source";
import { GUESTS } from "../../guests/harness";
import { FETCHING_MS, needGuests } from "../../guests/support/testGuests";
import { needTools, spelling } from "./toolchain";

const TREE = path.join(GUESTS, "symbols", "krb5");
const LIBRARIES = path.join(TREE, "usr", "lib", "x86_64-linux-gnu");
const DEBUG = path.join(TREE, "usr", "lib", "debug");
/** What is compared of each file, at most. */
const MOST_FUNCTIONS = 200;

const files: SymbolFiles = {
  open: async file => memorySource(new Uint8Array(readFileSync(file))),
  exists: async file => existsSync(file),
  unpackers: { inflate: inflateSync },
};

/** What gdb prints for each command. Those that fail give nothing. */
function gdb(file: string, commands: readonly string[]): string[] {
  const { stdout } = spawnSync("gdb", [
    "-nx", "-batch", "-ex", `set debug-file-directory ${DEBUG}`, "-ex", `file ${file}`, ...commands.flatMap(command => ["-ex", "echo <<\\n", "-ex", command]),
  ], { encoding: "utf8", maxBuffer: 1 << 28, env: { ...process.env, LC_ALL: "C", DEBUGINFOD_URLS: "" } });
  return stdout.split("<<\n").slice(1).map(text => text.trim());
}

describe("Debian's symbol files", function () {
  this.timeout(120_000);
  before(function () {
    this.timeout(FETCHING_MS);
    needGuests(this, "debug-files");
    needTools(this, "gdb");
  });

  const opened = (file: string, directory: string): Promise<OpenedSymbols> => openSymbols(path.join(LIBRARIES, file), { ...files, directories: [directory] });

  for (const [file, isShared] of [["krb5/plugins/preauth/spake.so", true], ["libkrb5.so.3.3", false]] as const) {
    it(`${file}: found in a copy of the packages' files, and of /usr/lib/debug`, async () => {
      for (const directory of [TREE, DEBUG]) {
        const { notes, debugPath, buildId = "", table } = await opened(file, directory);
        assert.deepEqual(notes, []);
        assert.equal(debugPath, path.join(DEBUG, ".build-id", buildId.slice(0, 2), `${buildId.slice(2)}.debug`));
        assert.ok(table.hasDebugInfo);
      }
      const { notes, table } = await openSymbols(path.join(LIBRARIES, file), files);
      assert.match(notes.join(), /^its debugging information is in [0-9a-f]+\.debug \(\.gnu_debuglink\), which is neither beside it/, "one note: nothing is there that dwz could have shared");
      assert.ok(!table.hasDebugInfo);
    });

    it(`${file}: functions, lines and types as gdb and addr2line have them`, async () => {
      const { table, debugPath = "" } = await opened(file, TREE);
      assert.equal(spawnSync("readelf", ["-SW", debugPath], { encoding: "utf8" }).stdout.includes(".gnu_debugaltlink"), isShared);
      const listed = spawnSync("nm", ["--defined-only", debugPath], { encoding: "utf8" }).stdout.split("\n");
      // Names that stand once: of several functions gdb takes one.
      const names = listed.flatMap(row => / [tT] (\w+)$/.exec(row)?.[1] ?? []).filter((name, _, all) => all.indexOf(name) === all.lastIndexOf(name));
      const described = names.flatMap(name => table.functionsNamed(name).filter(({ origin }) => origin === "dwarf").slice(0, 1)).slice(0, MOST_FUNCTIONS);
      assert.ok(described.length > 30, `${described.length} functions`);
      const theirs = gdb(path.join(LIBRARIES, file), described.flatMap(({ name, start }) => [`whatis ${name}`, `info line *0x${start.toString(16)}`]));
      const lines = spawnSync("addr2line", ["-e", debugPath, ...described.map(({ start }) => start.toString(16))], { encoding: "utf8" }).stdout.split("\n");
      const types = new Map<string, number>();
      for (const [index, { name, start, type }] of described.entries()) {
        const [, signature] = /^type = (.*)$/.exec(theirs[2 * index]) ?? [];
        assert.equal(type && spelling(typeName(type)), signature && spelling(signature), name);
        const { file: source = "", line = 0 } = table.lineAt(start) ?? {};
        // Of rows at one address addr2line takes the last, we and gdb the last one of its file that begins a statement.
        const [, theirLine] = /^Line (\d+) of/.exec(theirs[2 * index + 1]) ?? [];
        assert.ok([path.basename(lines[index]).replace(/ \(.*$/, ""), `${path.basename(source)}:${theirLine}`].includes(`${path.basename(source)}:${line}`), `${name}: ${source}:${line}`);
        for (const parameter of type?.parameters ?? []) {
          const bare = stripType(parameter);
          if (bare.kind === "pointer" && "members" in stripType(bare.target)) types.set(typeName(bare.target), sizeOf(bare.target));
        }
      }
      assert.ok(types.size > 5, [...types.keys()].join(", "));
      const sizes = gdb(path.join(LIBRARIES, file), [...types.keys()].map(name => `print sizeof(${name})`));
      for (const [index, [name, size]] of [...types].entries()) {
        // Types that are only declared have no size.
        const [, wanted] = /= (\d+)$/.exec(sizes[index]) ?? [];
        if (wanted !== undefined && size !== 0) assert.equal(size, Number(wanted), name);
      }
      if (!isShared) return;
      const units = spawnSync("readelf", ["--debug-dump=info", debugPath], { encoding: "utf8", maxBuffer: 1 << 28 }).stdout;
      assert.match(units, /alt indirect string|<alt 0x/, "the file refers to the shared one");
    });
  }
});
