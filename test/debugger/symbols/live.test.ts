// A program stopped under GDB: our call stack, variables and values from its registers and memory, against GDB's.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";
import { dwarfRegisterName, dwarfRegisterNumber, formatValue, sizeOf, typeName, valueAt } from "../../../debugger/symbols";
import type { DisplayNode, FrameContext, SymbolTable, Variable } from "../../../debugger/symbols";
import { ElfFile, SHF } from "../../../debugger/symbols/elf";
import { needCompiler, needTools, SAMPLE_C, VARIANTS, Workshop } from "./toolchain";
import { leaveOut } from "../../support/leaveOut";

interface GdbVariable {
  readonly name: string;
  readonly missing: boolean;
  readonly address: string | null;
  readonly number: string | null;
  readonly type: string;
}

interface GdbFrame {
  readonly pc: string;
  readonly name: string;
  readonly line: number;
  readonly inlined: boolean;
  readonly variables: readonly GdbVariable[];
}

interface GdbStop {
  readonly entry: string;
  readonly registers: Readonly<Record<string, string>>;
  readonly frames: readonly GdbFrame[];
  readonly memory: readonly { readonly address: string; readonly hex: string }[];
}

/** Runs inside GDB: stops in a function, and writes down what GDB knows there. */
const SCRIPT = `
import gdb, json, re
def number(value):
    try:
        code = value.type.strip_typedefs().code
        if code in (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_ENUM, gdb.TYPE_CODE_BOOL): return str(int(value))
    except (gdb.error, gdb.MemoryError): pass
    return None
def variables(frame):
    found = []
    block = frame.block()
    while block is not None:
        for symbol in block:
            if not (symbol.is_variable or symbol.is_argument): continue
            value = symbol.value(frame)
            missing = bool(value.is_optimized_out)
            address = None if missing or value.address is None else str(int(value.address))
            found.append(dict(name=symbol.name, missing=missing, address=address, number=None if missing else number(value), type=str(symbol.type)))
        if block.function is not None: break
        block = block.superblock
    return found
gdb.execute("set startup-with-shell off")
gdb.execute("starti", to_string=True)
entry = re.search(r"Entry point of program\\s+(0x[0-9a-f]+)", gdb.execute("info auxv", to_string=True)).group(1)
for location in LOCATIONS:
    gdb.execute("break " + location, to_string=True)
stops = []
inferior = gdb.selected_inferior()
static = int(entry, 16) - ENTRY
for i in range(STOPS):
    gdb.execute("continue", to_string=True)
    frame = gdb.newest_frame()
    registers = {name: str(int(frame.read_register(name)) & MASK) for name in REGISTERS}
    frames = []
    at = frame
    while at is not None:
        frames.append(dict(pc=str(at.pc()), name=at.name(), line=at.find_sal().line, inlined=at.type() == gdb.INLINE_FRAME, variables=variables(at)))
        if at.name() == "main": break
        at = at.older()
    stack = int(frame.read_register(STACK)) & MASK
    stack = (stack & ~15) - 256 # leaf functions use some below the stack pointer
    seen = bytes(inferior.read_memory(stack, 16))
    while len(seen) < 4096:
        try: seen += bytes(inferior.read_memory(stack + len(seen), 16))
        except gdb.MemoryError: break
    memory = [dict(address=str(stack), hex=seen.hex())]
    for address, size in PARTS:
        memory.append(dict(address=str(static + address), hex=bytes(inferior.read_memory(static + address, size)).hex()))
    stops.append(dict(entry=entry, registers=registers, frames=frames, memory=memory))
with open(OUT, "w") as out: json.dump(stops, out)
gdb.execute("kill")
`;

/** Stops a program at each breakpoint in turn under GDB. */
function stopsOf(shop: Workshop, path: string, locations: readonly string[], stops: number): GdbStop[] {
  const elf = ElfFile.parse(readFileSync(path), path, inflateSync);
  const registers = Array.from({ length: elf.machine === "386" ? 9 : 17 }, (_, i) => dwarfRegisterName(elf.machine, i));
  const parts = elf.sections.filter(section => (section.flags & SHF.ALLOC) !== 0 && (section.flags & SHF.TLS) === 0 && section.size > 0)
    .map(section => `(${section.address}, ${section.size})`);
  const out = `${path}.json`;
  const settings = [
    `LOCATIONS = ${JSON.stringify(locations)}`, `STOPS = ${stops}`, `ENTRY = ${elf.entry}`, `REGISTERS = ${JSON.stringify(registers)}`,
    `STACK = ${JSON.stringify(elf.machine === "386" ? "esp" : "rsp")}`, `MASK = ${elf.machine === "386" ? "0xffffffff" : "0xffffffffffffffff"}`,
    `PARTS = [${parts.join(", ")}]`, `OUT = ${JSON.stringify(out)}`,
  ];
  const script = shop.write(`${path.replace(/.*\//, "")}.py`, `${settings.join("\n")}\n${SCRIPT}`);
  shop.run("gdb", "-nx", "-batch", "-ex", "set debuginfod enabled off", "-x", script, path);
  return JSON.parse(readFileSync(out, "utf8")) as GdbStop[];
}

/** The memory that was written down. */
function memoryOf(stop: GdbStop): (address: bigint, size: number) => Uint8Array | undefined {
  const parts = stop.memory.map(({ address, hex }) => ({ start: BigInt(address), bytes: Buffer.from(hex, "hex") }));
  return (address, size) => {
    for (const { start, bytes } of parts) {
      const offset = Number(address - start);
      if (offset >= 0 && offset + size <= bytes.length) return bytes.subarray(offset, offset + size);
    }
    return undefined;
  };
}

interface OurFrame {
  readonly pc: bigint;
  readonly name: string;
  readonly line: number | undefined;
  readonly variables: readonly Variable[];
  readonly context: FrameContext;
}

/** The whole call stack down to main, inlined calls as frames of their own. */
function ourStack(table: SymbolTable, stop: GdbStop): OurFrame[] {
  const readMemory = memoryOf(stop);
  let registers: ReadonlyMap<number, bigint> = new Map(Object.entries(stop.registers).map(([name, value]) =>
    [dwarfRegisterNumber(table.machine, name) ?? -1, BigInt(value)] as const));
  let pc = registers.get(table.machine === "386" ? 8 : 16) ?? 0n;
  const frames: OurFrame[] = [];
  let callee: { caller?: FrameContext } = {};
  for (let lookup = pc; frames.length < 20;) {
    const known = registers;
    const link: { caller?: FrameContext } = {};
    const context: FrameContext = { pc: lookup, readRegister: register => known.get(register), readMemory, get caller() { return link.caller; } };
    callee.caller = context;
    callee = link;
    let line = table.lineAt(lookup)?.line;
    for (const scope of table.scopesAt(lookup)) {
      frames.push({ pc, name: scope.name, line, variables: scope.blocks.flatMap(block => block.variables), context });
      line = scope.callSite?.line;
    }
    if (frames[frames.length - 1]?.name === "main") return frames;
    const caller = table.unwind(lookup, registers, readMemory);
    assert.ok(caller !== undefined && caller !== "outermost", `unwinds ${frames[frames.length - 1]?.name}`);
    registers = caller.registers;
    pc = caller.returnAddress;
    lookup = pc - 1n;
  }
  throw new Error("main was not reached");
}

/** The number in a formatted value: `-2 (0xfe)`, `GREEN (5)`, `true`, `0x804a010 "hey"`. */
function shownNumber(node: DisplayNode): bigint {
  if (node.value === "true" || node.value === "false") return node.value === "true" ? 1n : 0n;
  const found = /^(?:[A-Z]\w* \()?(-?(?:0x[0-9a-f]+|\d+))/.exec(node.value);
  assert.ok(found !== null, `${node.name} shows a number: ${node.value}`);
  return BigInt(found[1]);
}

describe("a stopped program", function () {
  this.timeout(60_000);
  const shop = new Workshop();
  after(() => shop.remove());

  for (const [number, { name, flags }] of VARIANTS.entries()) {
    describe(`gcc ${name}`, () => {
      let stops: GdbStop[] = [];
      let path = "";
      let table: SymbolTable;
      before(function () {
        needCompiler(this, ...flags.filter(flag => flag.startsWith("-m")));
        needTools(this, "gdb");
        path = shop.compile(`live${number}`, SAMPLE_C, ...flags, "-Wno-attributes");
        if (!/Program stopped/.test(shop.run("gdb", "-nx", "-batch", "-ex", "set startup-with-shell off", "-ex", "starti", path))) {
          leaveOut(this, "GDB cannot run programs here");
        }
        stops = stopsOf(shop, path, ["main", "work", "leaf"], 5);
        const plain = ElfFile.parse(readFileSync(path), path, inflateSync);
        table = shop.load(path, { bias: BigInt(stops[0].entry) - plain.entry });
      });

      it("has GDB's call stack, with functions, lines and inlined calls", () => {
        for (const stop of stops) {
          const ours = ourStack(table, stop).map(frame => `${frame.name} ${frame.pc.toString(16)} line ${frame.line}`);
          const theirs = stop.frames.map(frame => `${frame.name} ${BigInt(frame.pc).toString(16)} line ${frame.line}`);
          assert.deepEqual(ours, theirs);
        }
      });

      it("has GDB's variables with their places and values", () => {
        let compared = 0;
        for (const stop of stops) {
          const readMemory = memoryOf(stop);
          const stack = ourStack(table, stop);
          assert.equal(stack.length, stop.frames.length);
          stop.frames.forEach((frame, i) => {
            const ours = stack[i];
            assert.deepEqual(ours.variables.map(variable => variable.name).sort(), frame.variables.map(variable => variable.name).sort(), frame.name);
            for (const theirs of frame.variables) {
              const variable = ours.variables.find(candidate => candidate.name === theirs.name);
              assert.ok(variable !== undefined);
              const what = `${theirs.name} in ${frame.name} at ${ours.pc.toString(16)}`;
              const location = table.locate(variable, ours.context);
              assert.equal(typeName(variable.type).replace(/ \*/g, " *").replace(/\* \*/g, "**"), theirs.type.replace(/\* \*/g, "**"), what);
              assert.equal(location.kind === "optimised-out", theirs.missing, what);
              if (theirs.missing) continue;
              const size = sizeOf(variable.type);
              const source = valueAt(location, size, {
                readMemory,
                readRegisterBytes: register => {
                  const value = ours.context.readRegister(register);
                  const bytes = new Uint8Array(8);
                  new DataView(bytes.buffer).setBigUint64(0, value ?? 0n, true);
                  return value === undefined ? undefined : bytes;
                },
              });
              if (theirs.address !== null) assert.equal(source.address, BigInt(theirs.address), what);
              if (theirs.number === null) continue;
              assert.equal(shownNumber(formatValue(theirs.name, variable.type, source, { readMemory })), BigInt(theirs.number), what);
              compared++;
            }
          });
        }
        assert.ok(compared >= 15, `${compared} values compared`);
      });
    });
  }
});
