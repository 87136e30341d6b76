/** All routines: how the base module exports them, and other modules import them. */
import type { X87Routine } from '../isa/x87Emitter';
import type { FunctionBody } from './controlFunctions';
import { RUN_ROUTINES, emitRunRoutine, type RunRoutine } from './runRoutines';
import type { WasmType } from './wasm/encoding';
import type { ModuleBuilder } from './wasm/moduleBuilder';
import { ROUTINES, emitRoutine } from './x87Routines';

type RoutineName = X87Routine | RunRoutine;
/** Function numbers of the routines, in the module that calls them. */
export type Routines = Readonly<Record<RoutineName, number>>;

interface Signature {
  readonly parameters: readonly WasmType[];
  readonly results: readonly WasmType[];
}

const SIGNATURES: Readonly<Record<RoutineName, Signature>> = { ...ROUTINES, ...RUN_ROUTINES };
const NAMES = Object.keys(SIGNATURES) as readonly RoutineName[];
const isRun = (name: RoutineName): name is RunRoutine => name in RUN_ROUTINES;

/** The name under which the base module exports a routine. */
export const routineExport = (name: RoutineName): string => `routine.${name}`;

/** Exports all routines from the base module; `define` gives a function its number. */
export function exportRoutines(module: ModuleBuilder, define: (type: number, body: FunctionBody) => number): void {
  for (const name of NAMES) {
    const { parameters, results } = SIGNATURES[name];
    module.exportFunction(routineExport(name), define(module.type(parameters, results), isRun(name) ? emitRunRoutine(name) : emitRoutine(name)));
  }
}

/** Imports them into another module. */
export function importRoutines(module: ModuleBuilder): Routines {
  const number = (name: RoutineName): number => module.importFunction('base', routineExport(name), module.type(SIGNATURES[name].parameters, SIGNATURES[name].results));
  return Object.fromEntries(NAMES.map((name) => [name, number(name)])) as Record<RoutineName, number>;
}
