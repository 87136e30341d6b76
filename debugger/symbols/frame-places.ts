// Expressions in a stopped frame: its registers, memory and frame address, and what its caller still knows of it.

import { callsFunction, callSiteAt, passedFor, passedIn } from "./call-sites";
import type { CallFrames } from "./cfi";
import { DW_AT } from "./dwarf-constants";
import { evaluateValue } from "./expression";
import type { EvaluationContext, Location } from "./expression";
import { expressionAt, locationsOf } from "./range-lists";
import type { Die, Unit } from "./units";
import { expressionUnit, locateVariable } from "./variables";
import type { FrameContext, PlaceSurroundings, Variable } from "./variables";

/** A caller's value may depend on its own caller's, and so on. */
const MOST_CALLERS = 16;

export class FramePlaces {
  /** @param functionAt the entry of the function that a file address is in */
  constructor(
    private readonly frames: CallFrames, private readonly functionAt: (address: bigint) => Die | undefined,
    private readonly around: PlaceSurroundings,
  ) {}

  /** Where a variable is in a frame. Throws `SymbolFileError` only if the file is broken. */
  locate(variable: Variable, frame: FrameContext): Location {
    return locateVariable(variable, frame, this.context(frame, 0), this.around);
  }

  private context(frame: FrameContext, depth: number): EvaluationContext {
    const { frames, around } = this;
    let cfa: { readonly value: bigint | undefined } | undefined;
    const passed = (value: (site: Die, callee: Die) => Uint8Array | undefined): bigint | undefined => this.passed(frame, depth, value);
    return {
      readRegister: register => frame.readRegister(register),
      readMemory: (address, size) => frame.readMemory(address, size),
      get cfa() {
        cfa ??= { value: frame.cfa ?? frames.cfaAt(around.bias.toFile(frame.pc), frame) };
        return cfa.value;
      },
      entryValue: place => passed(site => passedIn(site, place)),
      parameterValue: offset => passed((site, callee) => passedFor(site, callee.unit.start + offset)),
    };
  }

  /** A value that the caller passed, as the call site in it tells. */
  private passed(frame: FrameContext, depth: number, choose: (site: Die, callee: Die) => Uint8Array | undefined): bigint | undefined {
    const { caller } = frame;
    if (caller === undefined || depth >= MOST_CALLERS) return undefined;
    const { bias } = this.around;
    const callerPc = bias.toFile(caller.pc);
    const callee = this.functionAt(bias.toFile(frame.pc));
    const calling = this.functionAt(callerPc);
    const site = calling && callSiteAt(calling, callerPc + 1n);
    if (calling === undefined || callee === undefined || site === undefined || !callsFunction(site, callee)) return undefined;
    const expression = choose(site, callee);
    return expression && this.evaluate(expression, site.unit, calling, caller, depth + 1);
  }

  private evaluate(expression: Uint8Array, unit: Unit, fn: Die, frame: FrameContext, depth: number): bigint | undefined {
    const context = this.context(frame, depth);
    const base = expressionAt(locationsOf(fn, DW_AT.frame_base), this.around.bias.toFile(frame.pc));
    const described = expressionUnit(unit, frame, context, this.around);
    const frameBase = base && evaluateValue(base, described, context);
    return evaluateValue(expression, described, {
      readRegister: register => context.readRegister(register),
      readMemory: (address, size) => context.readMemory(address, size),
      get cfa() { return context.cfa; },
      frameBase,
      entryValue: place => context.entryValue?.(place),
      parameterValue: offset => context.parameterValue?.(offset),
    });
  }
}
