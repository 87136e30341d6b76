// Debugging information that is not in the program's own file: split units, packages, separate and shared files, each
// against what the same source says compiled in one piece.

import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { openSymbols, sizeOf, typeName } from "../../../debugger/symbols";
import type { OpenedSymbols, SymbolFiles, SymbolTable } from "../../../debugger/symbols";
import { programPlaces } from "../../../debugger/symbols/separate-files";
import { memorySource } from "../../../debugger/symbols/byte-source";
import { lineOf, needCompiler, needTools, SAMPLE_C, Workshop } from "./toolchain";

const files: SymbolFiles = {
  open: async path => memorySource(new Uint8Array(readFileSync(path))),
  exists: async path => existsSync(path),
  unpackers: { inflate: inflateSync },
};

/** What a person can ask of the sample, in words that do not depend on how it was compiled. */
function account(table: SymbolTable, file: string): unknown {
  const [work] = table.functionsNamed("work");
  assert.ok(work !== undefined, "the function 'work' is known");
  const scopes = table.scopesAt(work.prologueEnd);
  const node = table.typeNamed("struct node");
  return {
    lines: table.linesWithCode(file, 1, 100),
    call: table.addressesForLine(file, lineOf(SAMPLE_C, "/* call */")).map(found => [found.address - work.start, found.actualLine]),
    line: table.lineAt(work.start)?.line,
    declared: work.declaration?.line,
    parameters: work.type?.parameters.map(typeName),
    variables: scopes.flatMap(scope => scope.blocks.flatMap(block => block.variables.map(variable => `${typeName(variable.type)} ${variable.name}`))),
    globals: table.globals().map(variable => `${typeName(variable.type)} ${variable.name}`).sort(),
    node: node !== undefined && "members" in node ? node.members.map(member => [member.name, typeName(member.type), member.offset, member.bits]) : undefined,
    size: node && sizeOf(node),
    places: table.globals().filter(({ name }) => name === "head" || name === "table").map(variable =>
      [variable.name, table.locate(variable, { pc: work.start, readRegister: () => 0n, readMemory: () => undefined }).kind]),
  };
}

describe("debugging information in other files", function () {
  this.timeout(60_000);
  const shop = new Workshop();
  after(() => shop.remove());

  /** Compiles the sample under one name, whole and in another way, and compares. */
  async function same(flags: readonly string[], name: string, prepare: (path: string) => void): Promise<OpenedSymbols> {
    const whole = shop.compile(name, SAMPLE_C, ...flags.filter(flag => flag !== "-gsplit-dwarf"), "-Wno-attributes", "-no-pie");
    const expected = account((await openSymbols(whole, files)).table, `${name}.c`);
    const path = shop.compile(name, SAMPLE_C, ...flags, "-Wno-attributes", "-no-pie");
    prepare(path);
    const opened = await openSymbols(path, files);
    assert.deepEqual(opened.notes, []);
    assert.deepEqual(account(opened.table, `${name}.c`), expected);
    return opened;
  }

  it("is looked for in directories that are named, however they are laid out", async function () {
    needCompiler(this, "-m64");
    needTools(this, "objcopy");
    const path = shop.compile("stripped", SAMPLE_C, "-m64", "-g", "-w", "-Wl,--build-id");
    shop.run("objcopy", "--only-keep-debug", "stripped", "elsewhere.debug");
    shop.run("objcopy", "--strip-debug", "stripped");
    const id = (await openSymbols(path, files)).buildId ?? "";
    const debug = readFileSync(join(shop.folder, "elsewhere.debug"));
    const found = async (place: string): Promise<string | undefined> => {
      const directory = join(shop.folder, "named");
      const file = join(directory, place);
      mkdirSync(join(file, ".."), { recursive: true });
      writeFileSync(file, debug);
      const { debugPath, table } = await openSymbols(path, { ...files, directories: [join(shop.folder, "nothing"), directory] });
      assert.equal(table.hasDebugInfo, debugPath !== undefined);
      rmSync(directory, { recursive: true });
      return debugPath?.slice(directory.length + 1);
    };
    assert.equal(id.length, 40);
    for (const place of [`.build-id/${id.slice(0, 2)}/${id.slice(2)}.debug`, "stripped.debug"]) assert.equal(await found(place), place);
    assert.equal(await found("other.debug"), undefined);
    // A program of the guest's: the tree of the guest, its debugging information, then the name alone.
    const places = programPlaces("/usr/bin/tool", id, ["/s"]);
    assert.deepEqual(places.slice(2), ["/s/usr/bin/tool", "/s/usr/bin/tool.debug", "/s/usr/lib/debug/usr/bin/tool.debug", "/s/tool", "/s/tool.debug"]);
    assert.equal(places[0], `/s/.build-id/${id.slice(0, 2)}/${id.slice(2)}.debug`);
  });

  for (const flags of [["-m64", "-gdwarf-5", "-O0"], ["-m64", "-gdwarf-4", "-O2"], ["-m64", "-gdwarf-5", "-O2"], ["-m32", "-gdwarf-4", "-O0"], ["-m32", "-gdwarf-5", "-O2"]]) {
    const name = flags.join("").replace(/-/g, "_");

    it(`split units beside the program: gcc ${flags.join(" ")} -gsplit-dwarf`, async function () {
      needCompiler(this, flags[0]);
      await same([...flags, "-gsplit-dwarf"], `split${name}`, path => {
        assert.ok(shop.run("readelf", "-SW", path).includes(".debug_addr"), "it is split");
      });
    });

    it(`split units with type units: gcc ${flags.join(" ")} -gsplit-dwarf -fdebug-types-section`, async function () {
      needCompiler(this, flags[0]);
      await same([...flags, "-gsplit-dwarf", "-fdebug-types-section"], `typed${name}`, () => undefined);
    });

    it(`separate debugging information, by link and by build id: gcc ${flags.join(" ")}`, async function () {
      needCompiler(this, flags[0]);
      needTools(this, "objcopy");
      const opened = await same([...flags, "-Wl,--build-id"], `apart${name}`, path => {
        shop.run("objcopy", "--only-keep-debug", path, `${path}.dbg`);
        shop.run("objcopy", "--strip-all", `--add-gnu-debuglink=${path}.dbg`, path);
      });
      assert.match(opened.debugPath ?? "", /apart.*\.dbg$/);
      const id = opened.buildId ?? "";
      assert.match(shop.run("readelf", "-n", `apart${name}`), new RegExp(`Build ID: ${id}`));
      mkdirSync(join(shop.folder, ".build-id", id.slice(0, 2)), { recursive: true });
      renameSync(join(shop.folder, `apart${name}.dbg`), join(shop.folder, ".build-id", id.slice(0, 2), `${id.slice(2)}.debug`));
      const again = await openSymbols(join(shop.folder, `apart${name}`), files);
      assert.match(again.debugPath ?? "", /\.build-id/);
      assert.deepEqual(account(again.table, `apart${name}.c`), account(opened.table, `apart${name}.c`));
    });

    it(`what dwz has moved to a shared file: gcc ${flags.join(" ")}`, async function () {
      needCompiler(this, flags[0]);
      needTools(this, "dwz");
      const opened = await same(flags, `alt${name}`, path => {
        copyFileSync(path, `${path}.copy`);
        shop.run("dwz", "-m", `alt${name}.shared`, "-L", "none", path, `${path}.copy`);
        assert.match(shop.run("readelf", "-SW", path), /gnu_debugaltlink|debug_sup/);
      });
      assert.ok(opened.table.hasDebugInfo);
      rmSync(join(shop.folder, `alt${name}.shared`));
      const without = await openSymbols(join(shop.folder, `alt${name}`), files);
      assert.match(without.notes.join(), /made by dwz.*not found/);
      assert.ok(without.table.lineAt(without.table.symbolsNamed("main")[0].address) !== undefined, "lines are there all the same");
    });
  }

  it("what dwz has moved to a shared file as DWARF 5 has it (.debug_sup)", async function () {
    needCompiler(this, "-m64");
    needTools(this, "dwz");
    const opened = await same(["-m64", "-gdwarf-5", "-O2"], "sup", path => {
      copyFileSync(path, `${path}.copy`);
      shop.run("dwz", "--dwarf-5", "-m", "sup.shared", "-L", "none", path, `${path}.copy`);
      assert.match(shop.run("readelf", "-SW", path), /\.debug_sup/);
    });
    assert.ok(opened.table.hasDebugInfo);
  });

  it("what dwz has moved to a shared file is found in the directories that are named", async function () {
    needCompiler(this, "-m64");
    needTools(this, "dwz");
    const path = shop.compile("named", SAMPLE_C, "-m64", "-g", "-O2", "-Wno-attributes");
    copyFileSync(path, `${path}.copy`);
    // As distributions install it.
    shop.run("dwz", "-m", "named.shared", "-M", "/usr/lib/debug/.dwz/x86_64-linux-gnu/named.debug", path, `${path}.copy`);
    const shared = readFileSync(join(shop.folder, "named.shared"));
    rmSync(join(shop.folder, "named.shared"));
    const directory = join(shop.folder, "guest");
    for (const place of ["usr/lib/debug/.dwz/x86_64-linux-gnu/named.debug", ".dwz/x86_64-linux-gnu/named.debug", "named.debug"]) {
      assert.match((await openSymbols(path, { ...files, directories: [directory] })).notes.join(), /made by dwz.*not found/);
      mkdirSync(join(directory, place, ".."), { recursive: true });
      writeFileSync(join(directory, place), shared);
      const { notes, table } = await openSymbols(path, { ...files, directories: [directory] });
      assert.deepEqual(notes, [], place);
      assert.ok(table.typeNamed("struct node") !== undefined);
      rmSync(directory, { recursive: true });
    }
  });

  it("a package of split units, DWARF 4", async function () {
    needCompiler(this, "-m64");
    needTools(this, "dwp");
    const flags = ["-m64", "-gdwarf-4", "-O2", "-gsplit-dwarf"];
    shop.write("second.c", "struct second { long a; char b[3]; } second_thing; int second_function(int x) { int doubled = x * 2; return doubled + second_thing.b[1]; }\n");
    shop.write("first.c", SAMPLE_C);
    shop.run("gcc", ...flags, "-Wno-attributes", "-no-pie", "first.c", "second.c", "-o", "packed");
    const apart = await openSymbols(join(shop.folder, "packed"), files);
    const facts = (table: SymbolTable): unknown => [account(table, "first.c"), table.functionsNamed("second_function").map(fn => [fn.name, fn.declaration, fn.type?.parameters.map(typeName)]),
      sizeOf(table.typeNamed("struct second") ?? { kind: "void", name: "none" })];
    const expected = facts(apart.table);
    shop.run("dwp", "-e", "packed", "-o", "packed.dwp");
    for (const unit of ["packed-first.dwo", "packed-second.dwo"]) rmSync(join(shop.folder, unit));
    const opened = await openSymbols(join(shop.folder, "packed"), files);
    assert.deepEqual(opened.notes, []);
    assert.deepEqual(facts(opened.table), expected);
  });

  it("says which split units are missing, and keeps the lines", async function () {
    needCompiler(this, "-m64");
    const path = shop.compile("lost", SAMPLE_C, "-m64", "-gdwarf-5", "-gsplit-dwarf", "-O1", "-Wno-attributes");
    const dwo = shop.run("ls", shop.folder).split("\n").find(name => /^lost.*\.dwo$/.test(name));
    rmSync(join(shop.folder, dwo ?? ""));
    const { table, notes } = await openSymbols(path, files);
    assert.match(notes.join(), /1 of 1 split units were not found \(.*lost.*\.dwo\)/);
    assert.ok(table.lineAt(table.symbolsNamed("main")[0].address) !== undefined);
  });

  it("does not take the debugging information of another build", async function () {
    needCompiler(this, "-m64");
    const path = shop.compile("mine", SAMPLE_C, "-m64", "-g", "-Wl,--build-id", "-Wno-attributes");
    const other = shop.compile("other", SAMPLE_C, "-m64", "-g", "-O2", "-Wl,--build-id", "-Wno-attributes");
    shop.run("objcopy", "--strip-all", "mine");
    shop.run("objcopy", "--only-keep-debug", other, "mine.debug");
    const { table, notes } = await openSymbols(path, files);
    assert.match(notes.join(), /mine\.debug belongs to another build/);
    assert.equal(table.hasDebugInfo, false);
  });

  it("type units and partial units in the program itself", async function () {
    needCompiler(this, "-m64");
    needTools(this, "dwz");
    for (const version of ["-gdwarf-4", "-gdwarf-5"]) {
      await same(["-m64", version, "-O2"], `types${version.slice(-1)}`, () => {
        shop.compile(`types${version.slice(-1)}`, SAMPLE_C, "-m64", version, "-O2", "-Wno-attributes", "-no-pie", "-fdebug-types-section");
      });
      await same(["-m64", version, "-O2"], `dwz${version.slice(-1)}`, path => shop.run("dwz", path));
    }
  });
});
