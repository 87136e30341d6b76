/**
 * Writes the interpreter's WebAssembly modules. One has the functions that are no instruction's, each other the
 * handlers of a group of instructions. They share a memory and a function table.
 */
import { meaningOf } from '../isa/definitions';
import { emitAccess, emitArrive, emitBeside, emitBreakpoint, emitBridge, emitContinue, emitDecode, emitEnter, emitFollow, emitForward, emitJump, emitLeap, emitLeave, emitProfile, emitRefuse, emitStray, emitUnmarked, emitVictim, type FunctionBody } from './controlFunctions';
import { FORM_ROUTINES, emitFormRoutines } from './formRoutines';
import { commonPairs, isCommon } from './commonInstructions';
import { HandlerEmitter } from './handlerEmitter';
import { handlersOf } from './handlerSet';
import { emitLoop } from './interpreterLoop';
import { LOOP_EXPORTS } from './loopCompilation';
import type { Callees, HandlerKey } from './handlerShape';
import { EXIT } from './records';
import { SPECIAL } from './specialHandlers';
import { REGION_IMPORT_NAMES, regionImportName, regionImportSignature, type RegionImport } from './regionImports';
import { emitBack } from './returns';
import { NO_FUNCTION, NONE_IMPORTED, exportRoutines, importRoutines } from './routines';
import { I32, I64, type WasmType } from './wasm/encoding';
import { FunctionBuilder } from './wasm/functionBuilder';
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
  /** The block of a profile record has been entered often. */
  hot(record: number): void;
  /** An access of translated code, or the group of accesses that it is looked up with, was not in the TLB. */
  strayed(record: number): void;
  /** The instruction behind a breakpoint's record is next; true (1) when control leaves the block before it. */
  breakpoint(record: number): number;
}

/** Signatures of MonitorCalls. */
const CALLS: Readonly<Record<keyof MonitorCalls, { readonly parameters: readonly WasmType[]; readonly results: readonly WasmType[] }>> = {
  access: { parameters: [I32, I32, I32, I32], results: [I32] },
  commit: { parameters: [I32], results: [] },
  segmentFault: { parameters: [I32, I32], results: [] },
  raise: { parameters: [I32, I32], results: [] },
  service: { parameters: [I32, I32], results: [I32] },
  hot: { parameters: [I32], results: [] },
  strayed: { parameters: [I32], results: [] },
  breakpoint: { parameters: [I32], results: [I32] },
};
const CALL_NAMES = Object.keys(CALLS) as readonly (keyof MonitorCalls)[];

/**
 * The module that all others stand on: it exports `enter` (entry from TypeScript with a record), `jump`, the routines,
 * and the monitor's calls once more, so that the others call WebAssembly and need no glue of their own.
 */
export function buildBase(): Uint8Array {
  const module = new ModuleBuilder();
  const handlerType = module.type([I32], []);
  const typeOf = (name: keyof MonitorCalls): number => module.type(CALLS[name].parameters, CALLS[name].results);
  const monitor = CALL_NAMES.map((name) => module.importFunction('monitor', name, typeOf(name)));
  const monitorCall = (name: keyof MonitorCalls): number => monitor[CALL_NAMES.indexOf(name)] ?? 0;
  const define = (type: number, body: FunctionBody): number => {
    const fn = module.declare();
    module.define(fn, type, body.locals, body.code);
    return fn;
  };
  const lookup = module.type([I32, I32, I32], [I32]);
  const [victim, unmarked] = [define(lookup, emitVictim()), define(lookup, emitUnmarked())];
  const beside = define(lookup, emitBeside(victim, unmarked));
  const access = define(typeOf('access'), emitAccess(victim, unmarked, monitorCall('access')));
  for (const name of CALL_NAMES) {
    const { parameters } = CALLS[name];
    module.exportFunction(name, name === 'access' ? access : define(typeOf(name), emitForward(monitorCall(name), parameters.length, parameters)));
  }
  const { decodeBlock } = emitFormRoutines((name, body) => {
    const { parameters, results } = FORM_ROUTINES[name];
    const fn = define(module.type(parameters, results), body);
    module.exportFunction(name, fn);
    return fn;
  });
  const toOffset = module.type([I64], []);
  const decode = module.declare();
  const jump = define(toOffset, emitJump(handlerType, decode));
  const decoding = emitDecode(decodeBlock, jump);
  module.define(decode, toOffset, decoding.locals, decoding.code);
  module.exportFunction('jump', jump);
  module.exportFunction('arrive', define(module.type([], []), emitArrive(handlerType)));
  module.exportFunction('enter', define(handlerType, emitEnter(handlerType)));
  exportRoutines(module, define, beside);
  const forward = (name: RegionImport, fn: number): FunctionBody => {
    const { parameters } = regionImportSignature(name);
    return emitForward(fn, parameters.length - 1, parameters);
  };
  const forRegions: Readonly<Record<RegionImport, FunctionBody>> = {
    enter: emitEnter(handlerType, regionImportSignature('enter').parameters),
    stray: emitStray(handlerType, monitorCall('strayed')),
    refuse: emitRefuse(handlerType),
    follow: emitFollow(handlerType, jump),
    leap: emitLeap(handlerType, jump),
    jump: emitJump(handlerType, decode, regionImportSignature('jump').parameters),
    back: emitBack(jump),
    service: forward('service', monitorCall('service')),
    beside: forward('beside', beside),
    access: forward('access', access),
    commit: forward('commit', monitorCall('commit')),
  };
  for (const name of REGION_IMPORT_NAMES) {
    const { parameters, results } = regionImportSignature(name);
    module.exportFunction(regionImportName(name), define(module.type(parameters, results), forRegions[name]));
  }
  const special = {
    crossing: emitLeave(EXIT.crossing),
    breakpoint: emitBreakpoint(handlerType, monitorCall('breakpoint')),
    stop: emitLeave(EXIT.stop),
    onward: emitContinue(jump),
    bridge: emitBridge(handlerType),
    profile: emitProfile(handlerType, monitorCall('hot')),
  };
  module.setTable(SPECIAL.map((name) => define(handlerType, special[name])));
  return module.build();
}

/** The handlers of some names in one kind of code. */
export interface HandlerModule {
  readonly bytes: Uint8Array;
  /** In the order of their table entries, which follow one another. */
  readonly handlers: readonly HandlerKey[];
  /** Whose entries follow behind those: numbers of handlers that are executed one after the other. */
  readonly pairs: readonly (readonly [number, number])[];
}

/** Handlers in the order of their entries. The loop's cases lie side by side: common instructions stand last among the handlers, pairs of them behind. */
interface Arrangement {
  readonly rare: readonly HandlerKey[];
  readonly common: readonly HandlerKey[];
  readonly pairs: readonly (readonly [HandlerKey, HandlerKey])[];
}

function arrange(names: readonly string[], long: boolean, hasLoop: boolean): Arrangement {
  const all = names.flatMap((name) => handlersOf(name, long));
  const common = hasLoop ? all.filter((handler) => isCommon(handler, long)) : [];
  return { rare: all.filter((handler) => !common.includes(handler)), common, pairs: commonPairs(common, long) };
}

const importJump = (module: ModuleBuilder): number => module.importFunction('base', 'jump', module.type([I64], []));

/**
 * Emits all handlers of the instructions of some names, for 64-bit code or for other code. If they have a fixed place in the
 * function table, from entry `first` on, the interpreter's loop may come to stand at the entries of the common ones and of pairs of them (buildLoop): there, and once more
 * behind the entries of all, are functions of their own.
 */
export function buildHandlers(names: readonly string[], long: boolean, first?: number): HandlerModule {
  const module = new ModuleBuilder();
  const handlerType = module.type([I32], []);
  const base = (call: keyof MonitorCalls): number => module.importFunction('base', call, module.type(CALLS[call].parameters, CALLS[call].results));
  const callees: Callees = {
    handlerType,
    access: base('access'),
    commit: base('commit'),
    segmentFault: base('segmentFault'),
    raise: base('raise'),
    service: base('service'),
    jump: importJump(module),
    arrive: module.importFunction('base', 'arrive', module.type([], [])),
    routines: importRoutines(module),
  };
  const { rare, common, pairs } = arrange(names, long, first !== undefined);
  const handlers = [...rare, ...common];
  const own = handlers.map(({ name, shape }) => {
    const emitter = new HandlerEmitter(shape, callees);
    meaningOf(name)(emitter);
    const { locals, code } = emitter.finish();
    const fn = module.declare();
    module.define(fn, handlerType, locals, code);
    return fn;
  });
  const numbers = new Map(handlers.map((handler, i) => [handler, i]));
  const numbered = pairs.map(([one, two]) => [numbers.get(one) ?? 0, numbers.get(two) ?? 0] as const);
  const apart = [...own.slice(rare.length), ...numbered.map(([one]) => own[one] ?? 0)];
  module.setTable([...own.slice(0, rare.length), ...apart, ...(first === undefined ? [] : apart)]);
  return { bytes: module.build(), handlers, pairs: numbered };
}

/** Emits the loop for the handlers that have a fixed place, from entry `first` on. */
export function buildLoop(names: readonly string[], long: boolean, first: number): Uint8Array {
  const module = new ModuleBuilder();
  const handlerType = module.type([I32], []);
  // It calls nothing else (see ./interpreterLoop).
  const callees: Callees = {
    handlerType, jump: importJump(module), routines: NONE_IMPORTED,
    access: NO_FUNCTION, commit: NO_FUNCTION, segmentFault: NO_FUNCTION, raise: NO_FUNCTION, service: NO_FUNCTION, arrive: NO_FUNCTION,
  };
  const { rare, common, pairs } = arrange(names, long, true);
  const cases = [...common.map((handler) => [handler]), ...pairs];
  const { locals, code } = emitLoop(cases, callees, { first: first + rare.length, toOwn: cases.length });
  const loop = module.declare();
  module.define(loop, handlerType, locals, code);
  const place = new FunctionBuilder([]);
  place.fillTable(first + rare.length, loop, cases.length);
  const placing = module.declare();
  module.define(placing, module.type([], []), place.locals, place.finish());
  module.exportFunction(LOOP_EXPORTS.loop, loop);
  module.exportFunction(LOOP_EXPORTS.place, placing);
  module.setTable([]);
  return module.build();
}
