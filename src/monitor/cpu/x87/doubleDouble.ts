/**
 * Numbers of about 106 bits as sums of two doubles, the second at most half a unit in the last place of the first. Operations are written so that an
 * operand may be the result; nothing is allocated. Exponents stay far from the ends of a double's range: that is the caller's to see to.
 *
 * Sources: Dekker, "A floating-point technique for extending the available precision" (1971); Joldes, Muller, Popescu, "Tight and rigorous error
 * bounds for basic building blocks of double-word arithmetic" (2017): sums and products are good to a few units of 2^-106 of the result.
 */

export class DoubleDouble {
  constructor(public hi = 0, public lo = 0) {}

  set(hi: number, lo = 0): this {
    this.hi = hi;
    this.lo = lo;
    return this;
  }
  copy(from: DoubleDouble): this {
    return this.set(from.hi, from.lo);
  }

  /** Takes a sum whose first number is not the smaller one. */
  private renormalise(large: number, small: number): this {
    const hi = large + small;
    return this.set(hi, small - (hi - large));
  }

  /** this := a + b. */
  add(a: DoubleDouble, b: DoubleDouble): this {
    const s = a.hi + b.hi, v = s - a.hi;
    let e = (a.hi - (s - v)) + (b.hi - v);
    const t = a.lo + b.lo, w = t - a.lo;
    const f = (a.lo - (t - w)) + (b.lo - w);
    e += t;
    const h = s + e;
    return this.renormalise(h, e - (h - s) + f);
  }
  /** this := a + b, for a double. */
  addDouble(a: DoubleDouble, b: number): this {
    const s = a.hi + b, v = s - a.hi;
    return this.renormalise(s, (a.hi - (s - v)) + (b - v) + a.lo);
  }

  /** this := a * b. */
  multiply(a: DoubleDouble, b: DoubleDouble): this {
    const product = a.hi * b.hi;
    return this.renormalise(product, errorOfProduct(a.hi, b.hi, product) + (a.hi * b.lo + a.lo * b.hi));
  }
  /** this := a * b, for a double. */
  multiplyDouble(a: DoubleDouble, b: number): this {
    const product = a.hi * b;
    return this.renormalise(product, errorOfProduct(a.hi, b, product) + a.lo * b);
  }

  /** this := a / b. */
  divide(a: DoubleDouble, b: DoubleDouble): this {
    const first = a.hi / b.hi;
    rest.multiplyDouble(b, -first).add(rest, a);
    const second = rest.hi / b.hi;
    part.multiplyDouble(b, -second);
    rest.add(rest, part);
    const third = rest.hi / b.hi;
    return this.renormalise(first, second).addDouble(this, third);
  }

  negate(a: DoubleDouble): this {
    return this.set(-a.hi, -a.lo);
  }
}

const rest = new DoubleDouble(), part = new DoubleDouble();

const SPLITTER = 2 ** 27 + 1;

/** a * b - product, exactly. */
function errorOfProduct(a: number, b: number, product: number): number {
  const scaledA = SPLITTER * a, highA = scaledA - (scaledA - a), lowA = a - highA;
  const scaledB = SPLITTER * b, highB = scaledB - (scaledB - b), lowB = b - highB;
  return lowA * lowB - (((product - highA * highB) - lowA * highB) - highA * lowB);
}

/** A number in fixed point, value * 2^-fraction, rounded. */
export function fromFixed(value: bigint, fraction: number): DoubleDouble {
  const unit = 2 ** -fraction;
  const first = Number(value);
  return new DoubleDouble(first * unit, Number(value - BigInt(first)) * unit);
}
