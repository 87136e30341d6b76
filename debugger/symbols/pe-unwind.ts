// Stacks of x86-64 PE images (Microsoft's 'x64 exception handling'): .pdata says which UNWIND_INFO a function has, which says
// what its prologue did to the stack.

import { SymbolFileError } from "./bytes";
import type { ByteReader } from "./bytes";
import type { ReadMemory, RegisterValues, UnwoundFrame } from "./cfi";
import { numberOf } from "./expression";
import type { Unwinder } from "./object-file";
import type { PeDirectory } from "./pe";

/** DWARF numbers of the registers as UNWIND_INFO counts them: RAX RCX RDX RBX RSP RBP RSI RDI, R8 to R15. */
const DWARF_NUMBERS = [0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15];
const RSP = 7;
const RETURN_ADDRESS = 16;
const RUNTIME_FUNCTION = 12;
const CHAINED = 4;
const MOST_CHAINED = 32;
/** Registers that a function may change without saying: RAX RCX RDX R8 to R11. */
const VOLATILE = [0, 1, 2, 8, 9, 10, 11];

/** UWOP values. */
const UWOP = {
  PUSH_NONVOL: 0, ALLOC_LARGE: 1, ALLOC_SMALL: 2, SET_FPREG: 3, SAVE_NONVOL: 4, SAVE_NONVOL_FAR: 5, EPILOG: 6, SPARE: 7,
  SAVE_XMM128: 8, SAVE_XMM128_FAR: 9, PUSH_MACHFRAME: 10,
} as const;

interface RuntimeFunction {
  readonly start: number;
  readonly end: number;
  readonly info: number;
}

interface UnwindCode {
  /** The prologue's bytes up to the end of the instruction. */
  readonly offset: number;
  readonly operation: number;
  readonly operand: number;
  /** Bytes: of the stack that is allocated, or from the frame to where the register is. */
  readonly amount: number;
}

interface UnwindInfo {
  readonly frameRegister: number;
  readonly frameOffset: number;
  readonly codes: readonly UnwindCode[];
  readonly chained: RuntimeFunction | undefined;
}

/** A frame on its way to its caller's. */
class State {
  readonly registers: Map<number, bigint>;
  isMachineFrame = false;

  constructor(registers: RegisterValues, private readonly readMemory: ReadMemory) {
    this.registers = new Map(registers);
  }

  get stack(): bigint | undefined {
    return this.registers.get(RSP);
  }

  set stack(value: bigint) {
    this.registers.set(RSP, BigInt.asUintN(64, value));
  }

  /** The eight bytes at an address; undefined where they cannot be read. */
  load(address: bigint): bigint | undefined {
    const bytes = this.readMemory(BigInt.asUintN(64, address), 8);
    return bytes === undefined || bytes.length < 8 ? undefined : numberOf(bytes.subarray(0, 8));
  }

  /** Takes a register from memory, or forgets it. */
  restore(register: number, address: bigint): void {
    const value = this.load(address);
    if (value === undefined) this.registers.delete(register);
    else this.registers.set(register, value);
  }
}

export class UnwindTable implements Unwinder {
  private functions: readonly RuntimeFunction[] | undefined;

  /** @param at gives a cursor at an address relative to the image's base */
  constructor(
    private readonly at: (address: number) => ByteReader, private readonly directory: PeDirectory,
    private readonly imageBase: bigint, private readonly fileName: string,
  ) {}

  unwind(pc: bigint, registers: RegisterValues, readMemory: ReadMemory, runtimePc: bigint): UnwoundFrame | undefined {
    const address = Number(pc - this.imageBase);
    const fn = this.functionAt(address);
    const state = new State(registers, readMemory);
    // A function that does not touch the stack has no entry.
    if (fn !== undefined && !inEpilogue(state, runtimePc) && !this.undoPrologue(fn, address - fn.start, state)) return undefined;
    for (const register of VOLATILE) state.registers.delete(register);
    if (state.isMachineFrame) return finish(state, state.registers.get(RETURN_ADDRESS), true);
    const { stack } = state;
    if (stack === undefined) return undefined;
    const returnAddress = state.load(stack);
    state.stack = stack + 8n;
    return finish(state, returnAddress, false);
  }

  private functionAt(address: number): RuntimeFunction | undefined {
    this.functions ??= this.readFunctions();
    let low = 0;
    let high = this.functions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.functions[middle].start <= address) low = middle + 1;
      else high = middle;
    }
    const found = this.functions[low - 1];
    return found !== undefined && address < found.end ? found : undefined;
  }

  private readFunctions(): RuntimeFunction[] {
    const table = this.at(this.directory.address);
    if (this.directory.size > table.remaining) table.fail(`a table of functions of ${this.directory.size} bytes is larger than its section`);
    const functions: RuntimeFunction[] = [];
    for (let rest = this.directory.size; rest >= RUNTIME_FUNCTION; rest -= RUNTIME_FUNCTION) {
      const fn = readFunction(table);
      if (fn.start < fn.end) functions.push(fn);
    }
    return functions.sort((a, b) => a.start - b.start);
  }

  /** Takes back what the prologue has done up to the offset. False if a register that it takes is not known. */
  private undoPrologue(start: RuntimeFunction, offset: number, state: State): boolean {
    let fn: RuntimeFunction | undefined = start;
    let reached = offset;
    for (let links = 0; fn !== undefined; links++) {
      if (links > MOST_CHAINED) throw new SymbolFileError("unwind information that is chained without end", this.fileName);
      const info: UnwindInfo = readInfo(this.at(fn.info));
      if (!undo(info, reached, state)) return false;
      fn = info.chained;
      // The function that a part is chained to has its whole prologue behind it.
      reached = Infinity;
    }
    return true;
  }
}

function finish(state: State, returnAddress: bigint | undefined, isSignalFrame: boolean): UnwoundFrame | undefined {
  const { stack } = state;
  if (returnAddress === undefined || stack === undefined) return undefined;
  state.registers.set(RETURN_ADDRESS, returnAddress);
  return { cfa: stack, returnAddress, registers: state.registers, isSignalFrame };
}

function readFunction(reader: ByteReader): RuntimeFunction {
  return { start: reader.u32(), end: reader.u32(), info: reader.u32() };
}

function readInfo(reader: ByteReader): UnwindInfo {
  const start = reader.offset;
  const first = reader.u8();
  const version = first & 7;
  if (version !== 1 && version !== 2) reader.fail(`unwind information of version ${version}; 1 and 2 are read`, start);
  reader.skip(1);
  const slots = reader.u8();
  const frame = reader.u8();
  const end = reader.offset + slots * 2;
  const codes: UnwindCode[] = [];
  while (reader.offset < end) codes.push(readCode(reader));
  reader.seek(start + 4 + ((slots + 1) & ~1) * 2);
  const chained = (first >> 3 & CHAINED) !== 0 ? readFunction(reader) : undefined;
  return { frameRegister: frame & 15, frameOffset: (frame >> 4) * 16, codes, chained };
}

function readCode(reader: ByteReader): UnwindCode {
  const offset = reader.u8();
  const byte = reader.u8();
  const operation = byte & 15;
  const operand = byte >> 4;
  return { offset, operation, operand, amount: amountOf(reader, operation, operand) };
}

function amountOf(reader: ByteReader, operation: number, operand: number): number {
  switch (operation) {
    case UWOP.PUSH_NONVOL: case UWOP.SET_FPREG: case UWOP.PUSH_MACHFRAME: case UWOP.EPILOG: return 0;
    case UWOP.ALLOC_SMALL: return operand * 8 + 8;
    case UWOP.ALLOC_LARGE: return operand === 0 ? reader.u16() * 8 : reader.u32();
    case UWOP.SAVE_NONVOL: return reader.u16() * 8;
    case UWOP.SAVE_XMM128: return reader.u16() * 16;
    case UWOP.SAVE_NONVOL_FAR: case UWOP.SAVE_XMM128_FAR: case UWOP.SPARE: return reader.u32();
    default: return reader.fail(`unknown unwind operation ${operation}`, reader.offset - 2);
  }
}

/** Takes back those steps of a prologue whose instructions end at or before `reached`; they stand in the order of undoing. */
function undo(info: UnwindInfo, reached: number, state: State): boolean {
  const done = info.codes.filter(({ offset, operation }) => offset <= reached && operation !== UWOP.EPILOG);
  const frameValue = state.registers.get(DWARF_NUMBERS[info.frameRegister]);
  const hasFrame = info.frameRegister !== 0 && (reached === Infinity || done.some(({ operation }) => operation === UWOP.SET_FPREG));
  const frame = hasFrame ? frameValue : state.stack;
  if (frame === undefined) return false;
  const base = hasFrame ? frame - BigInt(info.frameOffset) : frame;
  for (const { operation, operand, amount } of done) {
    const { stack } = state;
    if (stack === undefined) return false;
    switch (operation) {
      case UWOP.PUSH_NONVOL:
        state.restore(DWARF_NUMBERS[operand], stack);
        state.stack = stack + 8n;
        break;
      case UWOP.ALLOC_LARGE: case UWOP.ALLOC_SMALL: state.stack = stack + BigInt(amount); break;
      case UWOP.SET_FPREG: state.stack = base; break;
      case UWOP.SAVE_NONVOL: case UWOP.SAVE_NONVOL_FAR: state.restore(DWARF_NUMBERS[operand], base + BigInt(amount)); break;
      case UWOP.PUSH_MACHFRAME: {
        const place = operand === 0 ? stack : stack + 8n;
        state.restore(RETURN_ADDRESS, place);
        state.restore(RSP, place + 24n);
        state.isMachineFrame = true;
        return state.stack !== undefined;
      }
    }
  }
  return true;
}

const LONGEST_EPILOGUE = 64;

/**
 * Whether an epilogue stands at the address, by its instructions, as the ABI prescribes: an optional `add rsp` or `lea rsp`,
 * pops, and a return or a jump out. If so, the state is taken on to just before its return.
 */
function inEpilogue(state: State, pc: bigint): boolean {
  const code = readCodeAt(state, pc);
  let at = 0;
  const { stack } = state;
  if (code === undefined || stack === undefined) return false;
  let top = stack;
  const restored = new Map<number, bigint>();
  const adjusted = stackAdjustment(code, state);
  if (adjusted !== undefined) {
    top = adjusted.stack;
    at = adjusted.length;
  }
  for (;;) {
    const wide = code[at] === 0x41 ? 1 : 0;
    const opcode = code[at + wide];
    if (opcode === undefined || opcode < 0x58 || opcode > 0x5f) break;
    const value = state.load(top);
    if (value === undefined) return false;
    restored.set(DWARF_NUMBERS[(opcode & 7) + wide * 8], value);
    top += 8n;
    at += wide + 1;
  }
  const next = code[at];
  const isReturn = next === 0xc3 || next === 0xc2 || (next === 0xf3 && code[at + 1] === 0xc3);
  // A jump may also be one inside of the function; only behind a pop or an adjustment is it surely a way out.
  const isJump = at > 0 && (next === 0xe9 || next === 0xeb || (next === 0xff && (code[at + 1] & 0x38) === 0x20));
  if (!isReturn && !isJump) return false;
  for (const [register, value] of restored) state.registers.set(register, value);
  state.stack = top;
  return true;
}

function readCodeAt(state: State, pc: bigint): Uint8Array | undefined {
  const bytes: number[] = [];
  for (let address = pc; bytes.length < LONGEST_EPILOGUE; address += 8n) {
    const word = state.load(address);
    if (word === undefined) break;
    for (let i = 0n; i < 8n; i++) bytes.push(Number(word >> (i * 8n) & 0xffn));
  }
  return bytes.length === 0 ? undefined : Uint8Array.from(bytes);
}

/** `add rsp, n` or `lea rsp, [reg + n]` at the beginning of the code. */
function stackAdjustment(code: Uint8Array, state: State): { readonly stack: bigint; readonly length: number } | undefined {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const { stack } = state;
  if (stack === undefined || code.length < 8) return undefined;
  if (code[0] === 0x48 && code[2] === 0xc4 && code[1] === 0x83) return { stack: stack + BigInt(view.getInt8(3)), length: 4 };
  if (code[0] === 0x48 && code[2] === 0xc4 && code[1] === 0x81) return { stack: stack + BigInt(view.getInt32(3, true)), length: 7 };
  const isLea = (code[0] === 0x48 || code[0] === 0x49) && code[1] === 0x8d && (code[2] & 0x38) === 0x20;
  if (!isLea) return undefined;
  const mode = code[2] >> 6;
  const low = code[2] & 7;
  // RSP and R12 as a base need another byte, and no compiler has its frame there.
  if (low === 4 || mode === 0 || mode === 3) return undefined;
  const base = state.registers.get(DWARF_NUMBERS[low + (code[0] === 0x49 ? 8 : 0)]);
  if (base === undefined) return undefined;
  return mode === 1 ? { stack: base + BigInt(view.getInt8(3)), length: 4 } : { stack: base + BigInt(view.getInt32(3, true)), length: 7 };
}
