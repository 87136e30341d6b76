// Variables of the program: what the debugging information says of them, and where they are at a stop.

import { DW_AT, DW_TAG } from "./dwarf-constants";
import { bytesOf, evaluateLocation, evaluateValue, optimisedOut } from "./expression";
import type { EvaluationContext, ExpressionUnit, Location } from "./expression";
import { filesOf } from "./file-tables";
import type { LoadBias } from "./load-bias";
import { expressionAt, locationsOf } from "./range-lists";
import type { LocationEntry } from "./range-lists";
import type { TypeBuilder } from "./type-builder";
import { sizeOf } from "./types";
import type { Type } from "./types";
import type { Die, Unit } from "./units";

/** A place in a source file: normalised full path, line from 1. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
}

export interface Variable {
  readonly name: string;
  readonly kind: "parameter" | "local" | "global";
  readonly type: Type;
  readonly declaration: SourcePosition | undefined;
  /** For `SymbolTable.locate`. */
  readonly places: VariablePlaces;
}

/** What the file says of a variable's place. Addresses in it are file addresses. */
export interface VariablePlaces {
  readonly unit: Unit;
  readonly locations: readonly LocationEntry[];
  /** The value, of a variable that never changes. */
  readonly constant: bigint | Uint8Array | undefined;
  /** The frame base of the function that it belongs to. */
  readonly frameBase: readonly LocationEntry[];
}

/** A stopped frame, for locating its variables. All addresses are run-time ones. */
export interface FrameContext extends Omit<EvaluationContext, "frameBase"> {
  /** The frame's address in its code; for a caller's frame, the return address minus 1. */
  readonly pc: bigint;
  /** The frame that called this one, for values that only it still knows. Undefined if it is not known, or was interrupted. */
  readonly caller?: FrameContext | undefined;
}

/** Reads variables' entries. */
export class VariableReader {
  constructor(private readonly types: TypeBuilder) {}

  /** The variable that an entry describes; undefined if it has no name (a parameter that is not used), or is no more than a declaration. */
  read(die: Die, frameBase: readonly LocationEntry[], isGlobal = false): Variable | undefined {
    const name = die.name();
    if (name === undefined || die.flag(DW_AT.declaration)) return undefined;
    const { types } = this;
    return {
      name,
      kind: isGlobal ? "global" : die.tag === DW_TAG.formal_parameter ? "parameter" : "local",
      get type() { return types.typeOf(die); },
      declaration: declarationOf(die),
      places: {
        unit: die.unit,
        locations: locationsOf(die, DW_AT.location),
        constant: constantOf(die),
        frameBase,
      },
    };
  }
}

/** Where an entry (or its origin) was declared, if the file says so. */
export function declarationOf(die: Die): SourcePosition | undefined {
  const line = die.holder(DW_AT.decl_line)?.number(DW_AT.decl_line);
  const holder = die.holder(DW_AT.decl_file);
  const file = holder && filesOf(holder.unit)[holder.number(DW_AT.decl_file) ?? -1];
  return line === undefined || file === undefined ? undefined : { file, line };
}

/** What places of variables depend on beside their unit and frame. */
export interface PlaceSurroundings {
  readonly bias: LoadBias;
  /** See `ExpressionUnit`. */
  readonly threadOffset: bigint | undefined;
  readonly threadRegister: number;
}

const MAXIMUM_NESTING = 32;

/** A unit as the expression evaluator wants it, at a stop. */
export function expressionUnit(unit: Unit, frame: FrameContext, context: EvaluationContext, around: PlaceSurroundings, depth = 0): ExpressionUnit {
  const pc = around.bias.toFile(frame.pc);
  const expressionOf = (die: Die | undefined): Uint8Array | undefined => die && expressionAt(locationsOf(die, DW_AT.location), pc);
  return {
    addressSize: unit.addressSize, offsetSize: unit.offsetSize, version: unit.version, bias: around.bias.bias,
    threadOffset: around.threadOffset, threadRegister: around.threadRegister,
    addressAt: index => unit.addressAt(index),
    baseType: offset => {
      const die = unit.dieAt(unit.start + offset);
      const size = die?.number(DW_AT.byte_size);
      const encoding = die?.number(DW_AT.encoding);
      return size === undefined || encoding === undefined || size < 0 ? undefined : { size, encoding };
    },
    expressionOf: (offset, inSection) => expressionOf(inSection ? unit.info.dieAt(offset) : unit.dieAt(unit.start + offset)),
    locate: offset => {
      const die = unit.info.dieAt(offset);
      if (die === undefined || depth > MAXIMUM_NESTING) return undefined;
      const constant = constantOf(die);
      if (constant instanceof Uint8Array) return { kind: "value", bytes: constant };
      if (constant !== undefined) return { kind: "value", bytes: bytesOf(constant, CONSTANT_BYTES) };
      const expression = expressionOf(die);
      return expression && evaluateLocation(expression, expressionUnit(die.unit, frame, context, around, depth + 1), context);
    },
  };
}

const CONSTANT_BYTES = 16;

function constantOf(die: Die): bigint | Uint8Array | undefined {
  const holder = die.holder(DW_AT.const_value);
  return holder?.block(DW_AT.const_value) ?? textBytes(holder?.text(DW_AT.const_value)) ?? holder?.constant(DW_AT.const_value);
}

/** A string that never changes, as compilers give it for a constant array of characters. */
function textBytes(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : new TextEncoder().encode(`${text}\0`);
}

/** Works out where a variable is in a stopped frame. Throws SymbolFileError only if the file is broken. */
export function locateVariable(variable: Variable, frame: FrameContext, context: EvaluationContext, around: PlaceSurroundings): Location {
  const { places } = variable;
  if (places.constant instanceof Uint8Array) return { kind: "value", bytes: places.constant };
  if (places.constant !== undefined) return { kind: "value", bytes: bytesOf(places.constant, Math.min(sizeOf(variable.type) || 8, 16)) };
  if (places.locations.length === 0) return optimisedOut("the compiler kept no place for it");
  const pc = around.bias.toFile(frame.pc);
  const expression = expressionAt(places.locations, pc);
  if (expression === undefined) return optimisedOut("it has no place at this instruction");
  const baseExpression = expressionAt(places.frameBase, pc);
  const frameBase = baseExpression === undefined ? undefined
    : evaluateValue(baseExpression, expressionUnit(places.unit, frame, context, around), context);
  const inFrame: EvaluationContext = {
    readRegister: register => context.readRegister(register),
    readMemory: (address, size) => context.readMemory(address, size),
    get cfa() { return context.cfa; },
    frameBase,
    entryValue: place => context.entryValue?.(place),
    parameterValue: offset => context.parameterValue?.(offset),
  };
  return evaluateLocation(expression, expressionUnit(places.unit, frame, inFrame, around), inFrame);
}
