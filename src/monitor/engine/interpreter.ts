/**
 * The interpreter of one virtual CPU: a function table over its memory, into which the handlers of a group of
 * instructions come when one of them is first decoded. What has been emitted and compiled is kept for all machines of
 * the process.
 */
import { groupOf } from './handlerSet';
import type { HandlerKey } from './handlerShape';
import { SPECIAL_HANDLERS, type MonitorCalls } from './interpreterModule';
import type { Model } from './records';
import { routineExport, type RoutineName } from './routines';
import { baseModule, groupKey, handlerModule } from './writtenModules';

interface CompiledHandlers {
  readonly module: WebAssembly.Module;
  readonly handlers: readonly HandlerKey[];
}

/** Entries that the table has at first; it grows when they are used up. */
const TABLE_ENTRIES = 4096;

let base: WebAssembly.Module | undefined;
const compiled = new Map<string, CompiledHandlers>();

function compiledHandlers(handler: HandlerKey, long: boolean): CompiledHandlers {
  const key = groupKey(groupOf(handler.name), long);
  let found = compiled.get(key);
  if (!found) {
    const { bytes, handlers } = handlerModule(handler.name, long);
    found = { module: new WebAssembly.Module(bytes as BufferSource), handlers };
    compiled.set(key, found);
  }
  return found;
}

export class Interpreter {
  /** Enters generated code at a record. */
  readonly enter: (record: number) => void;
  private readonly table = new WebAssembly.Table({ initial: TABLE_ENTRIES, element: 'anyfunc' });
  private readonly exports: WebAssembly.Exports;
  /** What translated modules import: the memory, and the base's functions. */
  readonly imports: WebAssembly.Imports;
  private readonly entries = new Map<HandlerKey, number>();
  private readonly handlers: (HandlerKey | undefined)[] = [];
  private readonly freeEntries: number[] = [];
  private used = Object.keys(SPECIAL_HANDLERS).length;

  constructor(
    private readonly memory: WebAssembly.Memory,
    calls: MonitorCalls,
  ) {
    base ??= new WebAssembly.Module(baseModule() as BufferSource);
    const instance = new WebAssembly.Instance(base, { env: this.environment(0), monitor: { ...calls } });
    this.exports = instance.exports;
    this.imports = { env: { memory }, base: instance.exports };
    this.enter = instance.exports['enter'] as (record: number) => void;
  }

  /** A routine of the base module, as TypeScript calls it. */
  routine(name: RoutineName): (...parameters: number[]) => number {
    return this.exports[routineExport(name)] as (...parameters: number[]) => number;
  }

  /** Table entry of a handler in a model. */
  entry(handler: HandlerKey, model: Model): number {
    const known = this.entries.get(handler);
    if (known !== undefined) return known;
    this.add(compiledHandlers(handler, model === 'long'));
    const entry = this.entries.get(handler);
    if (entry === undefined) throw new Error(`No handler was generated for ${handler.key}`);
    return entry;
  }

  /** The handler of an instruction at a table entry; undefined for anything else. */
  handlerAt(entry: number): HandlerKey | undefined {
    return this.handlers[entry];
  }

  /** Puts a function of translated code into the table; gives its entry. */
  install(translated: WebAssembly.ExportValue): number {
    const entry = this.freeEntries.pop() ?? this.reserve(1);
    this.table.set(entry, translated);
    return entry;
  }

  /** Takes it out again. Only while generated code is not running. */
  remove(entry: number): void {
    this.table.set(entry, null);
    this.freeEntries.push(entry);
  }

  /** Entries of the table that handlers and translated code have, or had: free ones are used again. */
  get tableEntries(): number {
    return this.used;
  }

  private add({ module, handlers }: CompiledHandlers): void {
    const first = this.reserve(handlers.length);
    new WebAssembly.Instance(module, { env: this.environment(first), base: this.exports });
    // What both kinds of code share may be there already.
    handlers.forEach((handler, i) => {
      this.handlers[first + i] = handler;
      if (!this.entries.has(handler)) this.entries.set(handler, first + i);
    });
  }

  /** The first of so many new entries. */
  private reserve(count: number): number {
    const first = this.used;
    this.used += count;
    if (this.used > this.table.length) this.table.grow(this.used - this.table.length + TABLE_ENTRIES);
    return first;
  }

  private environment(first: number): WebAssembly.ModuleImports {
    return { memory: this.memory, table: this.table, first: new WebAssembly.Global({ value: 'i32', mutable: false }, first) };
  }
}
