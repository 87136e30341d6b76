/**
 * What the translator must know of an instruction before it emits it: registers and flags that it reads and sets, whether
 * it may leave, how it ends. Found by emitting its meaning once and looking on, so that no second list of semantics exists.
 */
import { meaningOf } from '../../isa/definitions';
import type { OperandSize, StatusSource, StatusWords, Value } from '../../isa/emitter';
import type { HandlerKey, HandlerShape } from '../handlerShape';
import { InstructionEmitter } from '../instructionEmitter';
import { ACCESS, type Access } from '../memoryAccess';
import { numberRoutines, type Routines } from '../routines';
import { expression } from '../valueEmitter';
import { I32, I64, OP, type WasmType } from '../wasm/encoding';
import { i32, load, type Expression } from '../wasm/expressions';
import { FunctionBuilder } from '../wasm/functionBuilder';

export type SourceKind = 'none' | StatusSource['operation'];

export interface InstructionFacts {
  /** Record fields that name general registers which are read, and which are set. */
  readonly readFields: ReadonlySet<number>;
  readonly writtenFields: ReadonlySet<number>;
  /** Fixed general registers: bit n is register n. */
  readonly readRegisters: number;
  readonly writtenRegisters: number;
  /** Whether the flag words are read, by what has set them before. */
  readonly readsFlags: Readonly<Record<SourceKind, boolean>>;
  readonly setsFlags: boolean;
  /** Whether it always sets them, and whether it needs the old ones for that. */
  readonly killsFlags: boolean;
  readonly keepsFlags: boolean;
  /** What is known behind it of the operation that has set them. */
  readonly givesSource: SourceKind;
  readonly readsMemory: boolean;
  readonly writesMemory: boolean;
  /** Whether it may be left before anything of it has happened (for the interpreter to do it). */
  readonly mayLeave: boolean;
  /** Whether it could be left when something has happened already: it has to stay with the interpreter. */
  readonly unsafe: boolean;
  readonly end: 'next' | 'always' | 'conditional' | 'jump';
}

/** Notes stores, which are changes of memory or of state that has no other way. */
class SurveyBuilder extends FunctionBuilder {
  /** Whether something has happened on the way that is being emitted. */
  changed = false;

  override store(op: number, address: Expression, offset: number, value: Expression): void {
    this.changed = true;
    super.store(op, address, offset, value);
  }
}

/** Routines need no numbers in code that is thrown away. */
const NO_ROUTINES: Routines = numberRoutines(() => 0);

class SurveyEmitter extends InstructionEmitter {
  readonly readFields = new Set<number>();
  readonly writtenFields = new Set<number>();
  readRegisters = 0;
  writtenRegisters = 0;
  readsFlags = false;
  setsFlags = false;
  killsFlags = false;
  keepsFlags = false;
  givesSource: SourceKind = 'none';
  readsMemory = false;
  writesMemory = false;
  mayLeave = false;
  unsafe = false;
  end: InstructionFacts['end'] = 'next';
  private inWords = false;
  /** Fields of the record, whose values are open. */
  private readonly fields = new Map<Expression, number>();

  constructor(
    shape: HandlerShape,
    private readonly builder: SurveyBuilder,
    private readonly incoming: StatusSource | undefined,
  ) {
    super(shape, builder, NO_ROUTINES);
  }

  field(op: number, type: WasmType, offset: number): Expression {
    const open = load(op, type, i32(0), offset);
    this.fields.set(open, offset);
    return open;
  }
  addressRegister(slot: Expression, wide: boolean): Expression {
    this.noteRead(slot);
    return load(wide ? OP.i64_load : OP.i32_load, wide ? I64 : I32, slot, 0);
  }
  tlbTable(kind: number): Expression {
    if (kind === ACCESS.read) this.readsMemory = true;
    else this.writesMemory = true;
    return load(OP.i32_load, I32, i32(0), 0);
  }
  hostAddress(_hit: Expression, direct: Expression, _halves: () => readonly [Expression, Expression], _access: Access): Expression {
    this.leave();
    return this.builder.let(direct);
  }
  segmentFault(): void {
    this.leave();
  }
  raise(): void {
    this.leave();
  }
  stored(): void {
    // Stores count as changes already.
  }
  service(): void {
    this.leave();
  }
  transfer(): void {
    this.leave();
  }
  protected remaining(): Expression {
    return load(OP.i32_load, I32, i32(0), 0);
  }
  protected readSlot(slot: Expression, size: OperandSize): Expression {
    this.noteRead(slot);
    return this.loadSized(slot, 0, size);
  }
  protected writeSlot(slot: Expression, size: OperandSize): void {
    // A part of a register is merged with the rest, and on a condition the old one may stay.
    if (size < 32 || this.builder.nesting > 0) this.noteRead(slot);
    const field = this.fields.get(slot);
    if (field !== undefined) this.writtenFields.add(field);
    else if (typeof slot.constant === 'number') this.writtenRegisters |= 1 << (slot.constant >> 3);
    this.builder.changed = true;
  }

  flagResult(): Value {
    this.noteFlagsRead();
    return load(OP.i64_load, I64, i32(0), 0);
  }
  flagAux(): Value {
    this.noteFlagsRead();
    return load(OP.i32_load, I32, i32(0), 0);
  }
  setStatus(words: () => StatusWords, source?: StatusSource): void {
    this.inWords = true;
    const { result, aux } = words();
    this.builder.let(expression(result));
    this.builder.let(expression(aux));
    this.inWords = false;
    if (this.builder.nesting === 0) {
      this.killsFlags = true;
      this.givesSource = source?.operation ?? 'none';
    } else this.givesSource = 'none';
    this.setsFlags = true;
    this.builder.changed = true;
  }
  statusSource(): StatusSource | undefined {
    return this.setsFlags ? undefined : this.incoming;
  }
  /** What has changed on one of two ways has not on the other. */
  override if(condition: Value, then: () => void, otherwise?: () => void): void {
    const { builder } = this;
    const before = builder.changed;
    let after = before;
    const way = (body: () => void) => (): void => {
      builder.changed = before;
      body();
      after ||= builder.changed;
    };
    super.if(condition, way(then), otherwise && way(otherwise));
    builder.changed = after;
  }
  /** The service is called where the body has given up: before anything has changed. */
  override orService(body: (giveUpIf: (condition: Value) => void) => void): void {
    this.leave();
    this.builder.block(() => body(() => this.leave()));
  }
  branch(condition?: Value): void {
    this.end = condition ? 'conditional' : 'always';
  }
  jump(): void {
    this.end = 'jump';
  }
  goBack(): void {
    this.end = 'jump';
  }

  private noteRead(slot: Expression): void {
    const field = this.fields.get(slot);
    if (field !== undefined) this.readFields.add(field);
    else if (typeof slot.constant === 'number') this.readRegisters |= 1 << (slot.constant >> 3);
  }
  private noteFlagsRead(): void {
    if (this.inWords) this.keepsFlags = true;
    else this.readsFlags = true;
  }
  private leave(): void {
    this.mayLeave = true;
    if (this.builder.changed) this.unsafe = true;
  }
}

const facts = new Map<HandlerKey, InstructionFacts>();

/** A source of flags whose operands are of no interest. */
function anySource(operation: StatusSource['operation'], size: OperandSize): StatusSource {
  const value = load(OP.i32_load, I32, i32(0), 0);
  return { operation, size, a: value, b: value, result: value };
}

function survey({ name, shape }: HandlerKey, source: StatusSource | undefined): SurveyEmitter {
  const emitter = new SurveyEmitter(shape, new SurveyBuilder([I32]), source);
  meaningOf(name)(emitter);
  return emitter;
}

/** The facts of a handler's instructions. */
export function factsOf(handler: HandlerKey): InstructionFacts {
  const known = facts.get(handler);
  if (known) return known;
  const plain = survey(handler, undefined);
  const readsFlags = {
    none: plain.readsFlags,
    subtraction: plain.readsFlags && survey(handler, anySource('subtraction', 32)).readsFlags,
    logic: plain.readsFlags && survey(handler, anySource('logic', 32)).readsFlags,
  };
  const { readFields, writtenFields, readRegisters, writtenRegisters, setsFlags, killsFlags, keepsFlags, givesSource, readsMemory, writesMemory, mayLeave, unsafe, end } = plain;
  const found = { readFields, writtenFields, readRegisters, writtenRegisters, readsFlags, setsFlags, killsFlags, keepsFlags, givesSource, readsMemory, writesMemory, mayLeave, unsafe, end };
  facts.set(handler, found);
  return found;
}
