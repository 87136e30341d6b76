/**
 * Builds the interpreter: one WebAssembly module with a handler for every instruction shape, in a
 * function table of its own, and the entries that TypeScript calls.
 */
import { meaningOf } from '../isa/definitions';
import { emitContinue, emitEnter, emitJump, emitLeave } from './controlFunctions';
import { HandlerEmitter } from './handlerEmitter';
import { allHandlers } from './handlerSet';
import type { Callees } from './handlerShape';
import { EXIT } from './records';
import { I32, I64, type ByteWriter, type WasmType } from './wasm/encoding';
import { ModuleBuilder } from './wasm/moduleBuilder';

/** What the handlers ask of the monitor. Linear addresses come in two halves. */
export interface MonitorCalls {
  /**
   * A memory access that the TLB could not serve. `sizeAndKind`: bytes, with ACCESS in bits 8-9.
   * Gives the host address of the bytes, of a bounce buffer (stores there are to be committed), or 0 for a fault.
   */
  access(low: number, high: number, sizeAndKind: number, record: number): number;
  /** Carries a store into the bounce buffer out. */
  commit(record: number): void;
  /** An offset outside its segment; `segment` is its state-block offset. */
  segmentFault(record: number, segment: number): void;
  raise(record: number, vector: number): void;
  /** Runs service `number`; true (1) when control leaves the block. */
  service(record: number, number: number): number;
}

/** Table entries that are no instructions. */
export interface SpecialHandlers {
  readonly crossing: number;
  readonly breakpoint: number;
  readonly stop: number;
  /** Goes on at the record's offset: the end of a block without a transfer. */
  readonly onward: number;
}

export interface InterpreterModule {
  readonly bytes: Uint8Array;
  /** Table entry of a handler by its key. */
  readonly handlers: ReadonlyMap<string, number>;
  readonly special: SpecialHandlers;
}

/** Emits the interpreter for a memory of the given size (pages of 64 KiB). */
export function buildInterpreter(memoryPages: number, long: boolean): InterpreterModule {
  const module = new ModuleBuilder();
  const handlerType = module.type([I32], []);
  const monitor = (name: string, parameters: readonly (typeof I32)[], results: readonly (typeof I32)[]): number =>
    module.importFunction('monitor', name, module.type(parameters, results));
  const imports = {
    access: monitor('access', [I32, I32, I32, I32], [I32]),
    commit: monitor('commit', [I32], []),
    segmentFault: monitor('segmentFault', [I32, I32], []),
    raise: monitor('raise', [I32, I32], []),
    service: monitor('service', [I32, I32], [I32]),
  };
  module.importMemory(memoryPages, memoryPages);
  const jumpType = module.type([I64], []);
  const jump = module.declare();
  const jumpBody = emitJump(handlerType);
  module.define(jump, jumpType, jumpBody.locals, jumpBody.code);
  const callees: Callees = { ...imports, handlerType, jump };

  const table: number[] = [];
  const addHandler = (body: { locals: readonly WasmType[]; code: ByteWriter }): number => {
    const fn = module.declare();
    module.define(fn, handlerType, body.locals, body.code);
    return table.push(fn) - 1;
  };
  const special: SpecialHandlers = {
    crossing: addHandler(emitLeave(EXIT.crossing)),
    breakpoint: addHandler(emitLeave(EXIT.breakpoint)),
    stop: addHandler(emitLeave(EXIT.stop)),
    onward: addHandler(emitContinue(jump)),
  };
  const handlers = new Map<string, number>();
  for (const { key, name, shape } of allHandlers(long).values()) {
    const emitter = new HandlerEmitter(shape, callees);
    meaningOf(name)(emitter);
    handlers.set(key, addHandler(emitter.finish()));
  }
  const enter = module.declare();
  const enterBody = emitEnter(handlerType);
  module.define(enter, handlerType, enterBody.locals, enterBody.code);
  module.exportFunction('enter', enter);
  module.setTable(table);
  return { bytes: module.build(), handlers, special };
}
