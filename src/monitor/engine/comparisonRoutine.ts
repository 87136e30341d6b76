/**
 * The routine of PCMPISTRI: packed comparison of two strings of bytes that end at a zero (Intel SDM vol. 2, 4.1). It gives
 * the final mask (IntRes2) in bits 0-15, the lengths of the set and of the text above it in 5 bits each; -1 for elements
 * of two bytes, and for ranges of signed ones.
 */
import type { Value } from '../isa/emitter';
import type { FunctionBody } from './controlFunctions';
import { RoutineEmitter } from './routineEmitter';
import { I32, V128 } from './wasm/encoding';

const REFUSED = -1;
const COUNT = 16;
/** The control byte: elements of words, signed ones, aggregation, polarity. */
const WORDS = 1, SIGNED = 2, AGGREGATION_SHIFT = 2, NEGATE = 0x10, MASKED = 0x20;
const EQUAL_ANY = 0, RANGES = 1, EQUAL_EACH = 2;
export const SET_LENGTH_SHIFT = 16, TEXT_LENGTH_SHIFT = 21, LENGTH_MASK = 0x1f;

class ComparisonRoutine extends RoutineEmitter {
  private readonly set = this.parameter(0);
  private readonly text = this.parameter(1);
  private readonly control = this.parameter(2);
  private readonly setLength = this.let(this.lengthOf(this.set));
  private readonly textLength = this.let(this.lengthOf(this.text));
  private readonly inText = this.let(this.below(this.textLength));
  private readonly mask = this.variable(this.i32(0));

  emit(): FunctionBody {
    this.if(this.and(this.control, this.i32(WORDS)), () => this.give(this.i32(REFUSED)));
    const aggregation = this.let(this.and(this.shrU(this.control, this.i32(AGGREGATION_SHIFT)), this.i32(3)));
    const is = (kind: number): Value => this.eq(aggregation, this.i32(kind));
    this.if(is(EQUAL_ANY), () => this.equalAny(), () => this.if(is(RANGES), () => this.ranges(), () => this.if(is(EQUAL_EACH), () => this.equalEach(), () => this.equalOrdered())));
    this.if(this.and(this.control, this.i32(NEGATE)), () => {
      const negated = this.select(this.and(this.control, this.i32(MASKED)), this.inText, this.i32(0xffff));
      this.assign(this.mask, this.xor(this.mask, negated));
    });
    const lengths = this.or(this.shl(this.setLength, this.i32(SET_LENGTH_SHIFT)), this.shl(this.textLength, this.i32(TEXT_LENGTH_SHIFT)));
    this.give(this.or(this.mask, lengths));
    return this.finish();
  }

  /** Elements before the first zero. */
  private lengthOf(vector: Value): Value {
    const zeros = this.vectorTest('i8x16.bitmask', this.vector('i8x16.eq', vector, this.vectorConstant(0n, 0n)));
    return this.ctz(this.or(zeros, this.i32(1 << COUNT)));
  }

  /** A mask of the elements below a place. */
  private below(place: Value): Value {
    return this.sub(this.shl(this.i32(1), place), this.i32(1));
  }

  /** Element `i` of the set, everywhere. */
  private everywhere(i: Value): Value {
    return this.let(this.vector('i8x16.swizzle', this.set, this.splat('i8x16', i)));
  }

  /** For the elements of the set, from a place on, in steps. */
  private eachOfSet(step: number, end: Value, body: (i: Value) => void): void {
    const i = this.variable(this.i32(0));
    this.repeatWhile(
      () => this.ltU(i, end),
      () => {
        body(i);
        this.assign(i, this.add(i, this.i32(step)));
      },
    );
  }

  private equalTo(element: Value): Value {
    return this.vectorTest('i8x16.bitmask', this.vector('i8x16.eq', this.text, element));
  }

  private equalAny(): void {
    this.eachOfSet(1, this.setLength, (i) => this.assign(this.mask, this.or(this.mask, this.equalTo(this.everywhere(i)))));
    this.assign(this.mask, this.and(this.mask, this.inText));
  }

  /** Pairs of the set are ranges; half a one is none. */
  private ranges(): void {
    this.if(this.and(this.control, this.i32(SIGNED)), () => this.give(this.i32(REFUSED)));
    this.eachOfSet(2, this.and(this.setLength, this.i32(~1)), (i) => {
      const [low, high] = [this.everywhere(i), this.everywhere(this.add(i, this.i32(1)))];
      const inside = this.vector('i8x16.eq', this.vector('i8x16.min_u', this.vector('i8x16.max_u', this.text, low), high), this.text);
      // What is below a low bound above the high one is cut to that: it must not be below.
      const ordered = this.vector('v128.and', inside, this.vector('i8x16.eq', this.vector('i8x16.max_u', this.text, low), this.text));
      this.assign(this.mask, this.or(this.mask, this.vectorTest('i8x16.bitmask', ordered)));
    });
    this.assign(this.mask, this.and(this.mask, this.inText));
  }

  /** Equal elements, and places behind both ends. */
  private equalEach(): void {
    const inSet = this.let(this.below(this.setLength));
    const equal = this.and(this.and(this.equalTo(this.set), this.inText), inSet);
    const behind = this.xor(this.or(this.inText, inSet), this.i32(0xffff));
    this.assign(this.mask, this.or(equal, behind));
  }

  /** Places where the set begins: what the register's end cuts off counts as equal, what the text's end does not. */
  private equalOrdered(): void {
    this.assign(this.mask, this.i32(0xffff));
    this.eachOfSet(1, this.setLength, (i) => {
      const equal = this.shrU(this.and(this.equalTo(this.everywhere(i)), this.inText), i);
      const cut = this.and(this.xor(this.shrU(this.i32(0xffff), i), this.i32(-1)), this.i32(0xffff));
      this.assign(this.mask, this.and(this.mask, this.or(equal, cut)));
    });
  }
}

/** (set, text, control). */
export const COMPARISON_ROUTINES = { compareStrings: { parameters: [V128, V128, I32], results: [I32] } } as const;
export type ComparisonRoutineName = keyof typeof COMPARISON_ROUTINES;

export const emitComparisonRoutine = (name: ComparisonRoutineName): FunctionBody => new ComparisonRoutine(COMPARISON_ROUTINES[name].parameters).emit();
