/**
 * The interpreter of one virtual CPU: a function table over its memory, into which the handlers of a group of
 * instructions come when one of them is first decoded. What has been emitted and compiled is kept for all machines of
 * the process.
 */
import type { FormFunctions } from './formRoutines';
import { groupOf } from './handlerSet';
import type { HandlerKey } from './handlerShape';
import { InterpreterLoops } from './interpreterLoops';
import type { HandlerModule, MonitorCalls } from './interpreterModule';
import { LOOP_EXPORTS } from './loopCompilation';
import type { Model } from './records';
import { PairTable } from './pairTable';
import { routineExport, type RoutineName } from './routines';
import type { LoopService } from './translator/order';
import { TABLE_HANDLERS, baseModule, firstEntry, groupKey, handlerModule } from './writtenModules';

interface CompiledHandlers extends Omit<HandlerModule, 'bytes'> {
  readonly module: WebAssembly.Module;
  /** Their place in the function table, if they have a fixed one. */
  readonly first: number | undefined;
}

/** Entries that the table has beyond those with a fixed place, and by how many it grows when they are used up. */
const MORE_ENTRIES = 4096;

let base: WebAssembly.Module | undefined;
const compiled = new Map<string, CompiledHandlers>();

function compiledHandlers(handler: HandlerKey, long: boolean): CompiledHandlers {
  const names = groupOf(handler.name);
  const key = groupKey(names, long);
  let found = compiled.get(key);
  if (!found) {
    const { bytes, handlers, pairs } = handlerModule(handler.name, long);
    found = { module: new WebAssembly.Module(bytes as BufferSource), first: firstEntry(names, long), handlers, pairs };
    compiled.set(key, found);
  }
  return found;
}

export class Interpreter {
  /** Enters generated code at a record. */
  readonly enter: (record: number) => void;
  /** Goes to the instruction at EIP, as behind a transfer that a routine has done. */
  readonly arrive: () => void;
  private readonly table = new WebAssembly.Table({ initial: TABLE_HANDLERS + MORE_ENTRIES, element: 'anyfunc' });
  private readonly exports: WebAssembly.Exports;
  /** What writes the records of code by forms of instructions. */
  readonly forms: FormFunctions;
  /** What executes the common instructions in front of their handlers. */
  readonly loops: InterpreterLoops;
  /** What translated modules import: the memory, and the base's functions. */
  readonly imports: WebAssembly.Imports;
  /** Entries of handlers in 64-bit code, and in other code. */
  private readonly entries = { long: new Map<HandlerKey, number>(), other: new Map<HandlerKey, number>() };
  private readonly handlers: (HandlerKey | undefined)[] = [];
  /** Entries of pairs; and the first's, by the pair's. */
  private readonly pairs: PairTable;
  private readonly firsts = new Map<number, number>();
  private readonly freeEntries: number[] = [];
  private used = TABLE_HANDLERS;

  constructor(
    private readonly memory: WebAssembly.Memory,
    calls: MonitorCalls,
    /** Another thread that compiles the loops, if there is one. */
    loopService?: LoopService,
  ) {
    this.pairs = new PairTable(memory.buffer);
    base ??= new WebAssembly.Module(baseModule() as BufferSource);
    const instance = new WebAssembly.Instance(base, { env: this.environment(0), monitor: { ...calls } });
    this.exports = instance.exports;
    this.imports = { env: { memory }, base: instance.exports };
    this.forms = instance.exports as unknown as FormFunctions;
    this.enter = instance.exports['enter'] as (record: number) => void;
    this.arrive = instance.exports['arrive'] as () => void;
    this.loops = new InterpreterLoops(loopService, (loop) => { this.placeLoop(loop); });
  }

  /** A routine of the base module, as TypeScript calls it. */
  routine(name: RoutineName): (...parameters: number[]) => number {
    return this.exports[routineExport(name)] as (...parameters: number[]) => number;
  }

  /** Table entry of a handler in a model. */
  entry(handler: HandlerKey, model: Model): number {
    const long = model === 'long';
    const entries = long ? this.entries.long : this.entries.other;
    const known = entries.get(handler);
    if (known !== undefined) return known;
    const group = compiledHandlers(handler, long);
    this.add(group, entries);
    if (group.first !== undefined) this.loops.handlersAreThere(long);
    const entry = entries.get(handler);
    if (entry === undefined) throw new Error(`No handler was generated for ${handler.key}`);
    return entry;
  }

  /** The handler of an instruction at a table entry, the first's for a pair; undefined for anything else. */
  handlerAt(entry: number): HandlerKey | undefined {
    return this.handlers[this.alone(entry)];
  }

  /** Entry of a pair's first handler; any other entry as it is. */
  alone(entry: number): number {
    return this.firsts.get(entry) ?? entry;
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

  private add({ module, first: fixed, handlers, pairs }: CompiledHandlers, entries: Map<HandlerKey, number>): void {
    const first = fixed ?? this.reserve(handlers.length);
    new WebAssembly.Instance(module, this.importsAt(first));
    handlers.forEach((handler, i) => {
      this.handlers[first + i] = handler;
      entries.set(handler, first + i);
    });
    pairs.forEach(([one, two], i) => {
      const entry = first + handlers.length + i;
      this.pairs.add(first + one, first + two, entry);
      this.firsts.set(entry, first + one);
    });
  }

  /** The first of so many new entries. */
  private reserve(count: number): number {
    const first = this.used;
    this.used += count;
    if (this.used > this.table.length) this.table.grow(this.used - this.table.length + MORE_ENTRIES);
    return first;
  }

  private placeLoop(loop: WebAssembly.Module): void {
    const { exports } = new WebAssembly.Instance(loop, this.importsAt(0));
    const place = exports[LOOP_EXPORTS.place] as () => void;
    place();
  }

  /** What a module with functions for the table imports, which is to put them there from an entry on. */
  private importsAt(first: number): WebAssembly.Imports {
    return { env: this.environment(first), base: this.exports };
  }

  private environment(first: number): WebAssembly.ModuleImports {
    return { memory: this.memory, table: this.table, first: new WebAssembly.Global({ value: 'i32', mutable: false }, first) };
  }
}
