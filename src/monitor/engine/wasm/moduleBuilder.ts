/**
 * Puts a WebAssembly module together: types, imports, functions, a part of one shared function table, exports
 * (WebAssembly Core Specification 2.0, section 5.5).
 */
import { ByteWriter, I32, OP, type WasmType } from './encoding';

export interface FunctionType {
  readonly parameters: readonly WasmType[];
  readonly results: readonly WasmType[];
}

interface FunctionBody {
  readonly type: number;
  readonly locals: readonly WasmType[];
  readonly code: ByteWriter;
}

const SECTION = { custom: 0, type: 1, import: 2, function: 3, table: 4, export: 7, element: 9, code: 10 } as const;
/** Where compilers find which branches are likely (WebAssembly Branch Hinting proposal). */
const BRANCH_HINTS = 'metadata.code.branch_hint', UNLIKELY = 0;
const FUNCREF = 0x70;
/** Kinds of imports and exports. */
const KIND = { function: 0, table: 1, memory: 2, global: 3 } as const;
/** What a shared memory may grow to at most, in pages of 64 KiB. */
const MOST_PAGES = 65536;

/** Builds one module. Functions are numbered imports first, so all imports come before the first body. */
export class ModuleBuilder {
  private readonly types: FunctionType[] = [];
  private readonly typeNumbers = new Map<string, number>();
  private readonly imports: { module: string; name: string; type: number }[] = [];
  private readonly bodies: (FunctionBody | undefined)[] = [];
  private readonly exports: { name: string; kind: number; index: number }[] = [];
  private table: readonly number[] | undefined;
  private ownEntries = 0;

  /** Number of a function type; equal types share one. */
  type(parameters: readonly WasmType[], results: readonly WasmType[]): number {
    const key = `${parameters.join()}>${results.join()}`;
    let number = this.typeNumbers.get(key);
    if (number === undefined) {
      number = this.types.push({ parameters, results }) - 1;
      this.typeNumbers.set(key, number);
    }
    return number;
  }

  /** Imports a function; gives its function number. */
  importFunction(module: string, name: string, type: number): number {
    if (this.bodies.length > 0) throw new Error('Imports come before functions');
    return this.imports.push({ module, name, type }) - 1;
  }

  /** Reserves a function number, so that bodies can refer to one another before they exist. */
  declare(): number {
    return this.imports.length + this.bodies.push(undefined) - 1;
  }

  /** Gives a declared function its body; `code` ends in the `end` opcode. */
  define(index: number, type: number, locals: readonly WasmType[], code: ByteWriter): void {
    this.bodies[index - this.imports.length] = { type, locals, code };
  }

  exportFunction(name: string, index: number): void {
    this.exports.push({ name, kind: KIND.function, index });
  }

  /** What the module puts into the function table: function `functions[i]` at entry `env.first` + i. */
  setTable(functions: readonly number[]): void {
    this.table = functions;
  }

  /** A function table of the module's own, exported, instead of the shared one: so many entries, all of them empty. */
  exportTable(name: string, entries: number): void {
    this.ownEntries = entries;
    this.exports.push({ name, kind: KIND.table, index: 0 });
  }

  /**
   * The module's bytes. It imports `env.memory` (shared, of any size) beside its functions, and if it puts any into
   * the table, `env.table` and `env.first`. Error when a declared function has no body.
   */
  build(): Uint8Array {
    const out = new ByteWriter();
    out.bytes([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    section(out, SECTION.type, (w) => {
      w.u32(this.types.length);
      for (const type of this.types) {
        w.byte(0x60);
        w.u32(type.parameters.length);
        type.parameters.forEach((t) => w.byte(t));
        w.u32(type.results.length);
        type.results.forEach((t) => w.byte(t));
      }
    });
    section(out, SECTION.import, (w) => this.writeImports(w));
    section(out, SECTION.function, (w) => {
      w.u32(this.bodies.length);
      for (const body of this.bodies) w.u32(this.defined(body).type);
    });
    if (this.ownEntries > 0) {
      section(out, SECTION.table, (w) => {
        w.u32(1);
        w.byte(FUNCREF);
        w.byte(1); // with a maximum
        w.u32(this.ownEntries);
        w.u32(this.ownEntries);
      });
    }
    section(out, SECTION.export, (w) => {
      w.u32(this.exports.length);
      for (const item of this.exports) {
        w.name(item.name);
        w.byte(item.kind);
        w.u32(item.index);
      }
    });
    const { table } = this;
    if (table) {
      section(out, SECTION.element, (w) => {
        w.u32(1);
        w.u32(0);
        w.bytes([OP.global_get, 0, OP.end]);
        w.u32(table.length);
        table.forEach((f) => w.u32(f));
      });
    }
    this.writeHints(out);
    section(out, SECTION.code, (w) => this.writeBodies(w));
    return out.toBytes();
  }

  /** The branches of all bodies that are nearly never taken, by their distance from the body's list of locals. */
  private writeHints(out: ByteWriter): void {
    const hinted = this.bodies.flatMap((body, i) => (body && body.code.unlikely.length > 0 ? [{ index: this.imports.length + i, ...body }] : []));
    if (hinted.length === 0) return;
    section(out, SECTION.custom, (w) => {
      w.name(BRANCH_HINTS);
      w.u32(hinted.length);
      for (const { index, locals, code } of hinted) {
        w.u32(index);
        w.u32(code.unlikely.length);
        const before = localList(locals).length;
        for (const position of code.unlikely) {
          w.u32(before + position);
          w.u32(1);
          w.byte(UNLIKELY);
        }
      }
    });
  }

  private defined(body: FunctionBody | undefined): FunctionBody {
    if (!body) throw new Error('A declared WebAssembly function has no body');
    return body;
  }

  private writeImports(w: ByteWriter): void {
    w.u32(this.imports.length + (this.table ? 3 : 1));
    for (const item of this.imports) {
      w.name(item.module);
      w.name(item.name);
      w.byte(KIND.function);
      w.u32(item.type);
    }
    w.name('env');
    w.name('memory');
    w.byte(KIND.memory);
    w.byte(3); // shared, with a maximum
    w.u32(0);
    w.u32(MOST_PAGES);
    if (!this.table) return;
    w.name('env');
    w.name('table');
    w.byte(KIND.table);
    w.byte(FUNCREF);
    w.byte(0); // without a maximum
    w.u32(0);
    w.name('env');
    w.name('first');
    w.byte(KIND.global);
    w.byte(I32);
    w.byte(0); // constant
  }

  private writeBodies(w: ByteWriter): void {
    w.u32(this.bodies.length);
    for (const body of this.bodies) {
      const { locals, code } = this.defined(body);
      const content = localList(locals);
      w.u32(content.length + code.length);
      w.append(content);
      w.append(code);
    }
  }
}

/** The list of locals in front of a body. */
function localList(locals: readonly WasmType[]): ByteWriter {
  const list = new ByteWriter();
  const runs = localRuns(locals);
  list.u32(runs.length);
  for (const run of runs) {
    list.u32(run.count);
    list.byte(run.type);
  }
  return list;
}

/** Locals as the format lists them: how many of a type follow one another. */
function localRuns(locals: readonly WasmType[]): readonly { count: number; readonly type: WasmType }[] {
  const runs: { count: number; readonly type: WasmType }[] = [];
  for (const type of locals) {
    const last = runs.at(-1);
    if (last?.type === type) last.count++;
    else runs.push({ count: 1, type });
  }
  return runs;
}

function section(out: ByteWriter, id: number, write: (w: ByteWriter) => void): void {
  const content = new ByteWriter();
  write(content);
  out.byte(id);
  out.u32(content.length);
  out.append(content);
}
