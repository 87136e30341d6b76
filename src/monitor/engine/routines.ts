/** All routines: how the base module exports them, and other modules import them. */
import type { FarRoutine, KernelRoutine, TransferRoutine } from '../isa/systemEmitter';
import type { EnvironmentRoutine, X87Routine } from '../isa/x87Emitter';
import type { FunctionBody } from './controlFunctions';
import { COMPARISON_ROUTINES, emitComparisonRoutine, type ComparisonRoutineName } from './comparisonRoutine';
import { ENVIRONMENT_ROUTINES, emitEnvironmentRoutine } from './environmentRoutines';
import { FAR_ROUTINES, emitFarRoutine } from './farRoutines';
import { FRAME_ROUTINES, emitFrameRoutine, type FrameRoutineName } from './frameRoutines';
import { RUN_ROUTINES, emitRunRoutine, type RunRoutine } from './runRoutines';
import { SEGMENT_ROUTINES, emitSegmentRoutine, type SegmentRoutineName } from './segmentRoutines';
import { TRANSFER_ROUTINES, emitTransferRoutine } from './transferRoutines';
import { UNIT_ROUTINES, emitUnitRoutine, type UnitRoutineName } from './unitRoutines';
import type { WasmType } from './wasm/encoding';
import type { ModuleBuilder } from './wasm/moduleBuilder';
import { ROUTINES, emitRoutine } from './x87Routines';

export type RoutineName = X87Routine | ComparisonRoutineName | RunRoutine | SegmentRoutineName | UnitRoutineName | EnvironmentRoutine | FrameRoutineName | TransferRoutine;
/** Function numbers of the routines, in the module that calls them. */
export type Routines = Readonly<Record<RoutineName, number>>;

interface Signature {
  readonly parameters: readonly WasmType[];
  readonly results: readonly WasmType[];
}

const SIGNATURES: Readonly<Record<RoutineName, Signature>> = { ...ROUTINES, ...RUN_ROUTINES, ...COMPARISON_ROUTINES, ...SEGMENT_ROUTINES, ...UNIT_ROUTINES, ...ENVIRONMENT_ROUTINES, ...TRANSFER_ROUTINES, ...FAR_ROUTINES, ...FRAME_ROUTINES };
const NAMES = Object.keys(SIGNATURES) as readonly RoutineName[];

function emit(name: RoutineName, beside: number): FunctionBody {
  if (name in RUN_ROUTINES) return emitRunRoutine(name as RunRoutine);
  if (name in COMPARISON_ROUTINES) return emitComparisonRoutine(name as ComparisonRoutineName);
  if (name in SEGMENT_ROUTINES) return emitSegmentRoutine(name as SegmentRoutineName);
  if (name in UNIT_ROUTINES) return emitUnitRoutine(name as UnitRoutineName);
  if (name in ENVIRONMENT_ROUTINES) return emitEnvironmentRoutine(name as EnvironmentRoutine);
  if (name in TRANSFER_ROUTINES) return emitTransferRoutine(name as KernelRoutine);
  if (name in FAR_ROUTINES) return emitFarRoutine(name as FarRoutine, beside);
  if (name in FRAME_ROUTINES) return emitFrameRoutine(name as FrameRoutineName, beside);
  return emitRoutine(name as X87Routine);
}

/** The name under which the base module exports a routine. */
export const routineExport = (name: RoutineName): string => `routine.${name}`;

/** Gives each routine a number. */
export function numberRoutines(number: (name: RoutineName) => number): Routines {
  return Object.fromEntries(NAMES.map((name) => [name, number(name)])) as Record<RoutineName, number>;
}

/** Exports all routines from the base module; `define` gives a function its number, `beside` is that of emitBeside's. */
export function exportRoutines(module: ModuleBuilder, define: (type: number, body: FunctionBody) => number, beside: number): void {
  for (const name of NAMES) {
    const { parameters, results } = SIGNATURES[name];
    module.exportFunction(routineExport(name), define(module.type(parameters, results), emit(name, beside)));
  }
}

/** Imports one into another module; gives its function number there. */
function importRoutine(module: ModuleBuilder, name: RoutineName): number {
  return module.importFunction('base', routineExport(name), module.type(SIGNATURES[name].parameters, SIGNATURES[name].results));
}

/** A function number that no module has. */
export const NO_FUNCTION = -1;

/** Imports them into another module. */
export function importRoutines(module: ModuleBuilder): Routines {
  return numberRoutines((name) => importRoutine(module, name));
}

/** Imports those whose numbers are asked for, as long as the module has no function of its own: each import costs time at every instance. */
export function importRoutinesOnDemand(module: ModuleBuilder): Routines {
  const numbers = new Map<RoutineName, number>();
  return new Proxy(NONE_IMPORTED, {
    get(_, name) {
      const routine = name as RoutineName;
      let number = numbers.get(routine);
      if (number === undefined) numbers.set(routine, (number = importRoutine(module, routine)));
      return number;
    },
  });
}

/** Numbers that no module has: to call one of these would make it invalid. */
export const NONE_IMPORTED: Routines = numberRoutines(() => NO_FUNCTION);
