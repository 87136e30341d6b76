/**
 * The variables of one frame: which can be seen, and where their bytes are.
 */
import type { CpuState } from '../src/monitor/inspection/queries';
import { littleEndian, toLittleEndian } from './numbers';
import type { Image } from './image';
import type { Program } from './program';
import { registerNamed } from './registers';
import type { Frame } from './unwinder';
import { optimisedOut, type Location } from './symbols/expression';
import type { ScopeFrame } from './symbols/functions';
import { dwarfRegisterName } from './symbols/registers';
import { sizeOf, type Type } from './symbols/types';
import { byteValue, memoryValue, valueAt, type ValueSource } from './symbols/values';
import type { FrameContext, Variable } from './symbols/variables';
import type { SyncMemory } from './syncMemory';

/** A frame as the client sees it: an activation, and which of the calls inlined in it. */
export interface FrameView {
  readonly frame: Frame;
  /** 0 is the innermost frame of the stack. */
  readonly physicalIndex: number;
  /** The activations that called it, innermost first. */
  readonly callers: readonly Frame[];
  /** The call that it stands for; undefined without debug information. */
  readonly scope: ScopeFrame | undefined;
}

/** A value of the program: its type, its bytes, and the place where it lies. */
export interface TypedValue {
  readonly type: Type;
  readonly source: ValueSource;
  /** The CPU's register that holds it whole, in the innermost frame. */
  readonly register?: string;
}

/** Finds variables for one frame. All methods are to be called inside of `memory.run`. */
export class FrameVariables {
  constructor(
    private readonly view: FrameView,
    private readonly cpu: CpuState,
    private readonly program: Program,
    private readonly memory: SyncMemory,
  ) {}

  /** Variables that can be seen, innermost block first; a name that is hidden by an inner one is left out. */
  visible(): Variable[] {
    const seen = new Set<string>();
    return (this.view.scope?.blocks ?? []).flatMap((block) => block.variables).filter((variable) => {
      const isNew = !seen.has(variable.name);
      seen.add(variable.name);
      return isNew;
    });
  }

  /** The variable of that name: of the frame, or else global. */
  named(name: string): TypedValue | undefined {
    const local = this.visible().find((variable) => variable.name === name);
    return local && this.value(local);
  }

  global(name: string): TypedValue | undefined {
    const found = this.program.globalNamed(name, this.view.frame.lookup);
    if (found) return this.valueIn(found.image, found.variable);
    const described = this.program.describedVariable(name);
    if (!described) return undefined;
    const source = 'address' in described ? memoryValue(described.address, this.memory.readLinear) : byteValue(described.bytes);
    return { type: described.type, source };
  }

  value(variable: Variable): TypedValue | undefined {
    const { image } = this.view.frame;
    return image && this.valueIn(image, variable);
  }

  private valueIn(image: Image, variable: Variable): TypedValue {
    const { frame, callers } = this.view;
    const location = image.ask((table) => table.locate(variable, {
      ...this.context(frame, callers),
      readRegister: (register) => frame.registers.get(register) ?? this.registerValue(register),
    })) ?? optimisedOut('its description in the symbol file is broken');
    const source = valueAt(location, sizeOf(variable.type), {
      readMemory: this.memory.readLinear,
      readRegisterBytes: (register) => this.registerBytes(register),
    });
    const register = this.settable(location);
    return { type: variable.type, source, ...(register === undefined ? {} : { register }) };
  }

  /** A frame as the symbols' places want it. What an interrupted function had comes from no call. */
  private context(frame: Frame, [next, ...callers]: readonly Frame[]): FrameContext {
    const wasCalled = next !== undefined && next.lookup !== next.pc;
    return {
      pc: frame.lookup,
      readRegister: (register) => frame.registers.get(register),
      readMemory: this.memory.readLinear,
      caller: wasCalled ? this.context(next, callers) : undefined,
    };
  }

  /** Registers that the stack does not follow, as SSE's, are known in the innermost frame alone. */
  private registerValue(register: number): bigint | undefined {
    const bytes = this.registerBytes(register);
    return bytes && littleEndian(bytes);
  }

  private settable(location: Location): string | undefined {
    if (location.kind !== 'register' || this.view.physicalIndex > 0) return undefined;
    return dwarfRegisterName(this.view.frame.machine, location.register);
  }

  private registerBytes(register: number): Uint8Array | undefined {
    const { frame, physicalIndex } = this.view;
    const known = frame.registers.get(register);
    if (known !== undefined) return toLittleEndian(known, 8);
    const name = physicalIndex === 0 ? dwarfRegisterName(frame.machine, register) : undefined;
    const named = name === undefined ? undefined : registerNamed(this.cpu, name);
    return named && toLittleEndian(named.value, Math.ceil(named.bits / 8));
  }
}
