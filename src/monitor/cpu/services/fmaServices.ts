/**
 * Services for the fused multiply-add instructions of FMA3.
 *
 * Source: Intel SDM volume 1, 14.5 (FMA); volume 2, VFMADD132PD and its kin.
 */
import type { Cpu } from '../cpu';
import type { Operation, Service } from '../operation';
import { fusedLane } from '../softfloat/fused';
import type { FusedForm } from '../softfloat/fused';
import { BINARY32, BINARY64 } from '../softfloat/lanes';
import type { Lanes, LaneType } from '../softfloat/lanes';
import { beginComputation, loadRegister, loadSource, settleExceptions, unit } from './sseOperands';
import { AVX, storeScalarOver } from './vectorEncoding';

/** Where the instruction's three operands stand in a * b + c. */
interface Order {
  readonly digits: string;
  readonly first: Lanes;
  readonly second: Lanes;
  readonly third: Lanes;
}

const { a, b, c } = unit;

/** The digits name operands: first times second plus third of them. Their order counts for NaNs. */
const ORDERS: readonly Order[] = [
  { digits: '132', first: a, second: c, third: b },
  { digits: '213', first: b, second: a, third: c },
  { digits: '231', first: c, second: a, third: b },
];

/** What an instruction does in even lanes and in odd ones. */
interface Variant {
  readonly name: string;
  readonly even: FusedForm;
  readonly odd: FusedForm;
  /** Whether there are scalar instructions of it. */
  readonly scalars: boolean;
}

const form = (negateProduct: boolean, negateAddend: boolean): FusedForm => ({ negateProduct, negateAddend });
const alike = (name: string, both: FusedForm): Variant => ({ name, even: both, odd: both, scalars: true });

const VARIANTS: readonly Variant[] = [
  alike('vfmadd', form(false, false)),
  alike('vfmsub', form(false, true)),
  alike('vfnmadd', form(true, false)),
  alike('vfnmsub', form(true, true)),
  { name: 'vfmaddsub', even: form(false, true), odd: form(false, false), scalars: false },
  { name: 'vfmsubadd', even: form(false, false), odd: form(false, true), scalars: false },
];

type Store = (cpu: Cpu, op: Operation, bytes: number) => void;

const storeVector: Store = (cpu, op, bytes) => AVX.binary.storeVector(cpu, op.slotA, bytes);
/** Scalars leave the rest of the destination's lowest 16 bytes as it is. */
const storeScalar: Store = (cpu, op, bytes) => storeScalarOver(cpu, op, bytes, op.slotA);

/** `bytesOf`: bytes of the operands that are worked on. */
function fused(type: LaneType, order: Order, variant: Variant, bytesOf: (op: Operation) => number, store: Store): Service {
  return (cpu, op) => {
    const bytes = bytesOf(op);
    loadSource(cpu, op, order.third, bytes, op.slotC);
    loadRegister(cpu, order.first, op.slotA, bytes);
    loadRegister(cpu, order.second, op.slotB, bytes);
    beginComputation(cpu);
    for (let lane = 0; lane * type.bytes < bytes; lane++) fusedLane(unit, type, lane, (lane & 1) === 0 ? variant.even : variant.odd);
    settleExceptions(cpu);
    store(cpu, op, bytes);
    return 'next';
  };
}

/** Names and services of a variant with its operands in an order. */
function instructions(variant: Variant, order: Order): readonly (readonly [string, Service])[] {
  const name = variant.name + order.digits;
  const vectors = [BINARY32, BINARY64].map((type) => [`${name}p${type.double ? 'd' : 's'}`, fused(type, order, variant, AVX.binary.vectorBytes, storeVector)] as const);
  if (!variant.scalars) return vectors;
  const scalars = [BINARY32, BINARY64].map((type) => [`${name}s${type.double ? 'd' : 's'}`, fused(type, order, variant, () => type.bytes, storeScalar)] as const);
  return [...vectors, ...scalars];
}

export const fmaServices: Readonly<Record<string, Service>> = Object.fromEntries(
  VARIANTS.flatMap((variant) => ORDERS.flatMap((order) => instructions(variant, order))));
