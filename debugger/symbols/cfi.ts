// Call frame information (DWARF 5, 6.4; .eh_frame as the Linux Standard Base Core specification describes it): unwinding one frame.

import type { ByteReader } from "./bytes";
import type { Machine } from "./elf";
import { DW_CFA } from "./dwarf-constants";
import { evaluateValue, numberOf } from "./expression";
import type { EvaluationContext, ExpressionUnit } from "./expression";
import { IntervalMap } from "./intervals";

/** Register values by DWARF number. */
export type RegisterValues = ReadonlyMap<number, bigint>;

/** Memory at a run-time address, or undefined where none can be read. */
export type ReadMemory = (address: bigint, size: number) => Uint8Array | undefined;

/** The caller's frame, as the callee's call frame information recovers it. */
export interface UnwoundFrame {
  /** The callee's canonical frame address: the stack pointer's value before the call. */
  readonly cfa: bigint;
  /** The address that the callee returns to. To look up the call itself, ask for this minus 1 (unless the callee is a signal frame). */
  readonly returnAddress: bigint;
  /** The caller's registers, as far as they are known. */
  readonly registers: RegisterValues;
  /** The callee was entered by an interrupt or signal ('S' augmentation): `returnAddress` is an exact address, not one after a call. */
  readonly isSignalFrame: boolean;
}

/** How a register of the caller is recovered (DWARF 5, 6.4.1). */
type Rule =
  | { readonly kind: "undefined" | "same" }
  | { readonly kind: "offset" | "value-offset"; readonly offset: bigint }
  | { readonly kind: "register"; readonly register: number }
  | { readonly kind: "expression" | "value-expression"; readonly expression: Uint8Array };

type CfaRule =
  | { readonly kind: "register"; readonly register: number; readonly offset: bigint }
  | { readonly kind: "expression"; readonly expression: Uint8Array };

interface CommonEntry {
  readonly codeAlignment: bigint;
  readonly dataAlignment: bigint;
  readonly returnRegister: number;
  /** DW_EH_PE encoding of the addresses in its FDEs; 0 (absolute) in .debug_frame. */
  readonly pointerEncoding: number;
  readonly hasAugmentation: boolean;
  readonly isSignalFrame: boolean;
  readonly instructionStart: number;
  readonly end: number;
  readonly addressSize: number;
}

interface FrameEntry {
  readonly common: CommonEntry;
  readonly start: bigint;
  readonly instructionStart: number;
  readonly end: number;
  readonly section: FrameSection;
}

/** One of the two sections that hold frame entries. */
export interface FrameSection {
  readonly reader: ByteReader;
  /** Where the section is in memory (file address), from which pc-relative pointers count. */
  readonly address: bigint;
  readonly isEhFrame: boolean;
  /** File addresses from which other pointers count: those of the code, and of the global offset table. */
  readonly textBase?: bigint | undefined;
  readonly dataBase?: bigint | undefined;
}

const DW_EH_PE = { omit: 0xff, uleb128: 1, udata2: 2, udata4: 3, udata8: 4, sleb128: 9, sdata2: 0xa, sdata4: 0xb, sdata8: 0xc, pcrel: 0x10, textrel: 0x20, datarel: 0x30, funcrel: 0x40, aligned: 0x50 } as const;

/** The stack pointer's DWARF number (i386 and x86-64 psABI, 'DWARF Register Number Mapping'). */
const STACK_POINTER: Record<Machine, number> = { "386": 4, "x86-64": 7 };
const MAXIMUM_STATES = 64;

/** The call frame information of one file; its entries are indexed when first needed. */
export class CallFrames {
  private index: IntervalMap<FrameEntry> | undefined;
  private readonly addressSize: number;
  private readonly expressionUnit: ExpressionUnit;

  /** @param bias added to addresses in the file to give run-time addresses */
  constructor(private readonly sections: readonly FrameSection[], private readonly machine: Machine, bias: bigint) {
    this.addressSize = machine === "386" ? 4 : 8;
    this.expressionUnit = {
      addressSize: this.addressSize, offsetSize: 4, version: 5, bias,
      addressAt: index => this.sections[0].reader.fail(`a frame's expression uses indexed address ${index}`),
      baseType: () => undefined,
    };
  }

  /**
   * Recovers the caller's registers.
   * @param pc file address inside the function, to look up the entry
   * @param registers the frame's registers (run-time values)
   * @returns "outermost" where the return address is said to be undefined: nobody called (DWARF 5, 6.4.4);
   *   undefined if no entry has the address, or a value that it needs cannot be read
   * @throws SymbolFileError if the entry is broken
   */
  unwind(pc: bigint, registers: RegisterValues, readMemory: ReadMemory): UnwoundFrame | "outermost" | undefined {
    const entry = this.entryAt(pc);
    if (entry === undefined) return undefined;
    const row = new RowMachine(entry, pc, this.addressSize).run();
    if (row.rules.get(entry.common.returnRegister)?.kind === "undefined") return "outermost";
    const context: EvaluationContext = { readRegister: number => registers.get(number), readMemory };
    const cfa = this.evaluateCfa(row.cfa, context);
    if (cfa === undefined) return undefined;
    const recovered = new Map<number, bigint>();
    for (const [register, value] of registers) if (!row.rules.has(register)) recovered.set(register, value);
    // The psABIs define the CFA as the stack pointer's value before the call; the rules leave it out.
    recovered.set(STACK_POINTER[this.machine], cfa);
    for (const [register, rule] of row.rules) {
      const value = this.apply(rule, register, cfa, context);
      if (value !== undefined) recovered.set(register, value);
    }
    const returnAddress = recovered.get(entry.common.returnRegister);
    if (returnAddress === undefined || !row.rules.has(entry.common.returnRegister)) return undefined;
    return { cfa, returnAddress, registers: recovered, isSignalFrame: entry.common.isSignalFrame };
  }

  /** The canonical frame address of the frame that stands at a file address; undefined where `unwind` would give that. */
  cfaAt(pc: bigint, context: EvaluationContext): bigint | undefined {
    const entry = this.entryAt(pc);
    return entry === undefined ? undefined : this.evaluateCfa(new RowMachine(entry, pc, this.addressSize).run().cfa, context);
  }

  private entryAt(pc: bigint): FrameEntry | undefined {
    this.index ??= this.buildIndex();
    return this.index.at(pc);
  }

  private evaluateCfa(rule: CfaRule, context: EvaluationContext): bigint | undefined {
    if (rule.kind === "expression") return evaluateValue(rule.expression, this.expressionUnit, context);
    const base = context.readRegister(rule.register);
    return base === undefined ? undefined : this.wrap(base + rule.offset);
  }

  private apply(rule: Rule, register: number, cfa: bigint, context: EvaluationContext): bigint | undefined {
    switch (rule.kind) {
      case "undefined": return undefined;
      case "same": return context.readRegister(register);
      case "register": return context.readRegister(rule.register);
      case "value-offset": return this.wrap(cfa + rule.offset);
      case "value-expression": return evaluateValue(rule.expression, this.expressionUnit, context, cfa);
      case "offset": return this.load(this.wrap(cfa + rule.offset), context);
      case "expression": {
        const address = evaluateValue(rule.expression, this.expressionUnit, context, cfa);
        return address === undefined ? undefined : this.load(address, context);
      }
    }
  }

  private load(address: bigint, context: EvaluationContext): bigint | undefined {
    const bytes = context.readMemory(address, this.addressSize);
    return bytes === undefined || bytes.length < this.addressSize ? undefined : numberOf(bytes.subarray(0, this.addressSize));
  }

  private wrap(value: bigint): bigint {
    return BigInt.asUintN(this.addressSize * 8, value);
  }

  private buildIndex(): IntervalMap<FrameEntry> {
    const entries: [{ start: bigint; end: bigint }, FrameEntry][] = [];
    for (const section of this.sections) {
      new SectionScanner(section, this.addressSize).scan((start, end, entry) => entries.push([{ start, end }, entry]));
    }
    return new IntervalMap(entries);
  }
}

/** What stands in a common entry where others say which common entry is theirs. */
function commonId(isEhFrame: boolean, offsetSize: 4 | 8): bigint {
  if (isEhFrame) return 0n;
  return offsetSize === 8 ? 0xffffffffffffffffn : 0xffffffffn;
}

/** Walks the entries of one section: common ones (CIEs) and those of functions (FDEs). */
class SectionScanner {
  private readonly commons = new Map<number, CommonEntry>();

  constructor(private readonly section: FrameSection, private readonly addressSize: number) {}

  scan(add: (start: bigint, end: bigint, entry: FrameEntry) => void): void {
    const { reader, isEhFrame } = this.section;
    reader.seek(0);
    while (reader.remaining >= 4) {
      const { end, offsetSize } = this.header();
      // A zero length ends .eh_frame.
      if (end === reader.offset) {
        if (isEhFrame) return;
        continue;
      }
      const idOffset = reader.offset;
      const id = reader.unsigned(isEhFrame ? 4 : offsetSize);
      const isCommon = id === commonId(isEhFrame, offsetSize);
      if (!isCommon) this.function(isEhFrame ? idOffset - Number(id) : Number(id), end, add);
      reader.seek(end);
    }
  }

  private header(): { end: number; offsetSize: 4 | 8 } {
    const { reader } = this.section;
    const first = reader.u32();
    const offsetSize = first === 0xffffffff ? 8 : 4;
    const length = offsetSize === 8 ? reader.size64() : first;
    const end = reader.offset + length;
    if (end > reader.end) reader.fail(`a frame entry of ${length} bytes runs past the end of the section`);
    return { end, offsetSize };
  }

  private function(commonOffset: number, end: number, add: (start: bigint, end: bigint, entry: FrameEntry) => void): void {
    const { reader } = this.section;
    const resume = reader.offset;
    const common = this.common(commonOffset);
    reader.seek(resume);
    const start = this.pointer(common.pointerEncoding, common.addressSize);
    // The range has the pointer's format, but counts from nothing.
    const length = this.pointer(common.pointerEncoding & 0x07, common.addressSize);
    if (common.hasAugmentation) reader.skip(reader.uleb());
    if (reader.offset > end) reader.fail("a frame entry that is shorter than its header", resume);
    add(start, start + length, { common, start, instructionStart: reader.offset, end, section: this.section });
  }

  private common(offset: number): CommonEntry {
    let common = this.commons.get(offset);
    if (common === undefined) {
      this.section.reader.seek(offset);
      common = this.readCommon(offset);
      this.commons.set(offset, common);
    }
    return common;
  }

  private readCommon(offset: number): CommonEntry {
    const { reader, isEhFrame } = this.section;
    const { end, offsetSize } = this.header();
    const id = reader.unsigned(isEhFrame ? 4 : offsetSize);
    if (id !== commonId(isEhFrame, offsetSize)) reader.fail("a function's frame entry names a common entry that is none", offset);
    const version = reader.u8();
    if (version !== 1 && version !== 3 && version !== 4) reader.fail(`frame information version ${version} is not supported`, offset);
    const augmentation = reader.text();
    let addressSize = this.addressSize;
    if (version >= 4) {
      addressSize = reader.u8();
      reader.skip(1);
    }
    const codeAlignment = reader.ulebBig();
    const dataAlignment = reader.slebBig();
    const returnRegister = version === 1 ? reader.u8() : reader.uleb();
    const pointerEncoding = this.augmentation(augmentation, addressSize, offset);
    return {
      codeAlignment, dataAlignment, returnRegister, pointerEncoding, addressSize, end,
      hasAugmentation: augmentation.startsWith("z"),
      isSignalFrame: augmentation.includes("S"),
      instructionStart: reader.offset,
    };
  }

  /**
   * Reads the augmentation data that a 'z' string announces; gives the encoding of addresses ('R').
   * Without 'z' only 'S' is understood, which has no data: the GNU assembler writes it alone in .debug_frame; and 'eh'.
   */
  private augmentation(letters: string, addressSize: number, offset: number): number {
    const { reader } = this.section;
    if (letters === "" || letters === "S") return 0;
    // GCC before version 3: a pointer to its own tables.
    if (letters === "eh") {
      reader.skip(addressSize);
      return 0;
    }
    if (!letters.startsWith("z")) return reader.fail(`unknown frame augmentation '${letters}'`, offset);
    const size = reader.uleb();
    const end = reader.offset + size;
    let encoding = 0;
    for (const letter of letters.slice(1)) {
      if (letter === "R") encoding = reader.u8();
      else if (letter === "L") reader.skip(1);
      else if (letter === "P") this.pointer(reader.u8(), addressSize);
      else if (letter !== "S" && letter !== "B") break;
    }
    reader.seek(end);
    return encoding;
  }

  private pointer(encoding: number, addressSize: number): bigint {
    return BigInt.asUintN(this.addressSize * 8, readPointer(this.section.reader, this.section, encoding, addressSize));
  }
}

/**
 * A pointer in a DW_EH_PE encoding, as a file address. Indirect ones are only stepped over, never used.
 * @param functionStart what pointers relative to a function count from
 */
function readPointer(reader: ByteReader, section: FrameSection, encoding: number, addressSize: number, functionStart = 0n): bigint {
  if (encoding === DW_EH_PE.omit) return 0n;
  const application = encoding & 0x70;
  if (application === DW_EH_PE.aligned) reader.seek(Math.ceil(reader.offset / addressSize) * addressSize);
  const at = section.address + BigInt(reader.offset);
  const value = encodedNumber(reader, encoding & 0x0f, addressSize);
  switch (application) {
    case 0: case DW_EH_PE.aligned: return value;
    case DW_EH_PE.pcrel: return at + value;
    case DW_EH_PE.textrel: return (section.textBase ?? 0n) + value;
    case DW_EH_PE.datarel: return (section.dataBase ?? 0n) + value;
    case DW_EH_PE.funcrel: return functionStart + value;
    default: return reader.fail(`pointer encoding 0x${encoding.toString(16)} is not supported`);
  }
}

function encodedNumber(reader: ByteReader, format: number, addressSize: number): bigint {
  switch (format) {
    case 0: return reader.unsigned(addressSize);
    case DW_EH_PE.uleb128: return reader.ulebBig();
    case DW_EH_PE.udata2: return reader.unsigned(2);
    case DW_EH_PE.udata4: return reader.unsigned(4);
    case DW_EH_PE.udata8: return reader.unsigned(8);
    case DW_EH_PE.sleb128: return reader.slebBig();
    case DW_EH_PE.sdata2: return reader.signed(2);
    case DW_EH_PE.sdata4: return reader.signed(4);
    case DW_EH_PE.sdata8: return reader.signed(8);
    default: return reader.fail(`unknown pointer format ${format}`);
  }
}

interface Row {
  readonly cfa: CfaRule;
  readonly rules: ReadonlyMap<number, Rule>;
}

/** Runs an entry's instructions (6.4.2) up to the row that holds for an address. */
class RowMachine {
  private location: bigint;
  private cfa: CfaRule | undefined;
  private rules = new Map<number, Rule>();
  private initial: ReadonlyMap<number, Rule> = new Map();
  private readonly states: { cfa: CfaRule | undefined; rules: Map<number, Rule> }[] = [];

  constructor(private readonly entry: FrameEntry, private readonly pc: bigint, private readonly addressSize: number) {
    this.location = entry.start;
  }

  run(): Row {
    const { common, section } = this.entry;
    this.execute(section.reader.part(common.instructionStart, common.end));
    this.initial = new Map(this.rules);
    const reader = section.reader.part(this.entry.instructionStart, this.entry.end);
    this.execute(reader);
    return { cfa: this.cfa ?? reader.fail("a frame entry without a rule for the CFA"), rules: this.rules };
  }

  private execute(reader: ByteReader): void {
    while (reader.remaining > 0 && this.location <= this.pc) this.step(reader);
  }

  private advance(delta: number): void {
    this.location += BigInt(delta) * this.entry.common.codeAlignment;
  }

  private step(reader: ByteReader): void {
    const byte = reader.u8();
    const low = byte & 0x3f;
    switch (byte & 0xc0) {
      case DW_CFA.advance_loc: return this.advance(low);
      case DW_CFA.offset: return this.setOffset(low, "offset", reader.ulebBig());
      case DW_CFA.restore: return this.restore(low);
    }
    if (this.setCfa(byte, reader) || this.setRule(byte, reader)) return;
    switch (byte) {
      case DW_CFA.nop: return;
      case DW_CFA.set_loc: this.location = this.settled(reader); return;
      case DW_CFA.advance_loc1: return this.advance(reader.u8());
      case DW_CFA.advance_loc2: return this.advance(reader.u16());
      case DW_CFA.advance_loc4: return this.advance(reader.u32());
      case DW_CFA.remember_state:
        if (this.states.length >= MAXIMUM_STATES) reader.fail("a frame entry that remembers states without bound");
        this.states.push({ cfa: this.cfa, rules: new Map(this.rules) });
        return;
      case DW_CFA.restore_state: {
        const state = this.states.pop() ?? reader.fail("a frame entry that restores a state it never remembered");
        this.cfa = state.cfa;
        this.rules = state.rules;
        return;
      }
      case DW_CFA.GNU_args_size: return reader.skipLeb();
      default: reader.fail(`unknown frame instruction 0x${byte.toString(16)}`, reader.offset - 1);
    }
  }

  /** An address in the encoding that the common entry says. */
  private settled(reader: ByteReader): bigint {
    const { common, section, start } = this.entry;
    return BigInt.asUintN(this.addressSize * 8, readPointer(reader, section, common.pointerEncoding, common.addressSize, start));
  }

  private setCfa(op: number, reader: ByteReader): boolean {
    const { dataAlignment } = this.entry.common;
    switch (op) {
      case DW_CFA.def_cfa: this.cfa = { kind: "register", register: reader.uleb(), offset: reader.ulebBig() }; return true;
      case DW_CFA.def_cfa_sf: this.cfa = { kind: "register", register: reader.uleb(), offset: reader.slebBig() * dataAlignment }; return true;
      case DW_CFA.def_cfa_register: this.cfa = { ...this.registerCfa(reader), register: reader.uleb() }; return true;
      case DW_CFA.def_cfa_offset: this.cfa = { ...this.registerCfa(reader), offset: reader.ulebBig() }; return true;
      case DW_CFA.def_cfa_offset_sf: this.cfa = { ...this.registerCfa(reader), offset: reader.slebBig() * dataAlignment }; return true;
      case DW_CFA.def_cfa_expression: this.cfa = { kind: "expression", expression: reader.take(reader.uleb()) }; return true;
      default: return false;
    }
  }

  private registerCfa(reader: ByteReader): Extract<CfaRule, { kind: "register" }> {
    if (this.cfa?.kind !== "register") return reader.fail("a frame entry changes half of a CFA rule that has no register");
    return this.cfa;
  }

  private setRule(op: number, reader: ByteReader): boolean {
    const { rules } = this;
    switch (op) {
      case DW_CFA.undefined: rules.set(reader.uleb(), { kind: "undefined" }); return true;
      case DW_CFA.same_value: rules.set(reader.uleb(), { kind: "same" }); return true;
      case DW_CFA.offset_extended: this.setOffset(reader.uleb(), "offset", reader.ulebBig()); return true;
      case DW_CFA.offset_extended_sf: this.setOffset(reader.uleb(), "offset", reader.slebBig()); return true;
      case DW_CFA.GNU_negative_offset_extended: this.setOffset(reader.uleb(), "offset", -reader.ulebBig()); return true;
      case DW_CFA.val_offset: this.setOffset(reader.uleb(), "value-offset", reader.ulebBig()); return true;
      case DW_CFA.val_offset_sf: this.setOffset(reader.uleb(), "value-offset", reader.slebBig()); return true;
      case DW_CFA.register: rules.set(reader.uleb(), { kind: "register", register: reader.uleb() }); return true;
      case DW_CFA.restore_extended: this.restore(reader.uleb()); return true;
      case DW_CFA.expression: rules.set(reader.uleb(), { kind: "expression", expression: reader.take(reader.uleb()) }); return true;
      case DW_CFA.val_expression: rules.set(reader.uleb(), { kind: "value-expression", expression: reader.take(reader.uleb()) }); return true;
      default: return false;
    }
  }

  private setOffset(register: number, kind: "offset" | "value-offset", factored: bigint): void {
    this.rules.set(register, { kind, offset: factored * this.entry.common.dataAlignment });
  }

  private restore(register: number): void {
    const rule = this.initial.get(register);
    if (rule === undefined) this.rules.delete(register);
    else this.rules.set(register, rule);
  }
}
