/**
 * Services for floating-point arithmetic and comparison: SSE to SSE4.1, and the same of AVX.
 */
import type { Service } from '../operation';
import { addLane, divideLane, multiplyLane, squareRootLane, subtractLane } from '../softfloat/arithmetic';
import { compareLane, maximumLane, minimumLane, relateLanes } from '../softfloat/comparison';
import { reciprocalLane, reciprocalRootLane } from '../softfloat/estimates';
import { roundLane } from '../softfloat/integral';
import { BINARY32, BINARY64, fillLane, moveLane } from '../softfloat/lanes';
import type { LaneType } from '../softfloat/lanes';
import type { LaneOperation } from '../softfloat/unit';
import { FLAG } from '../state';
import { Relation } from '../x87/compare';
import { XMM_BYTES, beginComputation, loadRegister, loadSource, settleExceptions, unit } from './sseOperands';
import type { Encoding, EncodingSet } from './vectorEncoding';

/** All lanes of both operands. */
function packed(encoding: Encoding, type: LaneType, operation: LaneOperation): Service {
  return (cpu, op) => {
    const bytes = encoding.vectorBytes(op);
    encoding.loadVector(cpu, op, unit.b, bytes);
    loadRegister(cpu, unit.a, encoding.firstSource(op), bytes);
    beginComputation(cpu);
    const control = op.immediate & 0xff;
    for (let lane = 0; lane * type.bytes < bytes; lane++) operation(unit, type, lane, control);
    settleExceptions(cpu);
    encoding.storeVector(cpu, op.slotA, bytes);
    return 'next';
  };
}

/** The lowest lane alone. */
function scalar(encoding: Encoding, type: LaneType, operation: LaneOperation): Service {
  const { bytes } = type;
  return (cpu, op) => {
    encoding.loadScalar(cpu, op, unit.b, bytes);
    loadRegister(cpu, unit.a, encoding.firstSource(op), bytes);
    beginComputation(cpu);
    operation(unit, type, 0, op.immediate & 0xff);
    settleExceptions(cpu);
    encoding.storeScalar(cpu, op, bytes);
    return 'next';
  };
}

/** HADDxx and HSUBxx: neighbouring lanes of the first operand, then those of the second, in each 16 bytes. */
function horizontal(encoding: Encoding, type: LaneType, operation: LaneOperation): Service {
  const half = XMM_BYTES / type.bytes / 2;
  return (cpu, op) => {
    const bytes = encoding.vectorBytes(op);
    encoding.loadVector(cpu, op, unit.result, bytes);
    for (let lane = 0; lane * type.bytes < bytes; lane += 2 * half) pairUp(type, lane, half, lane + half);
    loadRegister(cpu, unit.result, encoding.firstSource(op), bytes);
    for (let lane = 0; lane * type.bytes < bytes; lane += 2 * half) pairUp(type, lane, half, lane);
    beginComputation(cpu);
    for (let lane = 0; lane * type.bytes < bytes; lane++) operation(unit, type, lane, 0);
    settleExceptions(cpu);
    encoding.storeVector(cpu, op.slotA, bytes);
    return 'next';
  };
}

/** Brings `count` pairs of the result's lanes, from lane `from` up, into `a` (the even ones) and `b` (the odd ones) from lane `to` up. */
function pairUp(type: LaneType, from: number, count: number, to: number): void {
  for (let i = 0; i < count; i++) {
    moveLane(type, unit.a, to + i, unit.result, from + 2 * i);
    moveLane(type, unit.b, to + i, unit.result, from + 2 * i + 1);
  }
}

/**
 * DPPS and DPPD: in each 16 bytes, products of the lanes that bits 4 to 7 of the immediate select, and their sum in the
 * lanes that bits 0 to 3 select. Multiplication and each addition round, and may fault, on their own.
 */
function dotProduct(encoding: Encoding, type: LaneType): Service {
  const group = XMM_BYTES / type.bytes;
  return (cpu, op) => {
    const bytes = encoding.vectorBytes(op);
    const lanes = bytes / type.bytes;
    const control = op.immediate;
    encoding.loadVector(cpu, op, unit.b, bytes);
    loadRegister(cpu, unit.a, encoding.firstSource(op), bytes);
    beginComputation(cpu);
    for (let lane = 0; lane < lanes; lane++) {
      if ((control & (0x10 << lane % group)) !== 0) multiplyLane(unit, type, lane);
      else fillLane(type, unit.result, lane, false);
    }
    settleExceptions(cpu);
    for (let count = group / 2; count >= 1; count /= 2) {
      for (let first = 0; first < lanes; first += group) addPairs(type, first, count);
      settleExceptions(cpu);
    }
    for (let first = 0; first < lanes; first += group) spreadSum(type, first, group, control);
    encoding.storeVector(cpu, op.slotA, bytes);
    return 'next';
  };
}

/** Adds `count` pairs of neighbours among the result's lanes, from lane `first` up, and leaves the sums from there up. */
function addPairs(type: LaneType, first: number, count: number): void {
  pairUp(type, first, count, first);
  for (let i = 0; i < count; i++) addLane(unit, type, first + i);
}

/** Copies the sum in the result's lane `first` to the lanes of its group that `control` selects, and clears the others. */
function spreadSum(type: LaneType, first: number, group: number, control: number): void {
  moveLane(type, unit.a, 0, unit.result, first);
  for (let i = 0; i < group; i++) {
    if ((control & (1 << i)) !== 0) moveLane(type, unit.result, first + i, unit.a, 0);
    else fillLane(type, unit.result, first + i, false);
  }
}

/** ADDSUBxx: odd lanes are added, even ones subtracted. */
const addSubtractLane: LaneOperation = (bench, type, lane) => {
  if ((lane & 1) === 0) subtractLane(bench, type, lane);
  else addLane(bench, type, lane);
};

/** COMISx and UCOMISx set ZF, PF and CF by the relation, and clear the other status flags. */
function comparing(type: LaneType, signalsQuiet: boolean): Service {
  return (cpu, op) => {
    loadSource(cpu, op, unit.b, type.bytes);
    loadRegister(cpu, unit.a, op.slotA, type.bytes);
    beginComputation(cpu);
    const relation = relateLanes(unit, type, 0, signalsQuiet);
    settleExceptions(cpu);
    cpu.state.status = STATUS_OF_RELATION[relation];
    return 'next';
  };
}

const STATUS_OF_RELATION: Readonly<Record<Relation, number>> = {
  [Relation.greater]: 0,
  [Relation.less]: FLAG.CF,
  [Relation.equal]: FLAG.ZF,
  [Relation.unordered]: FLAG.ZF | FLAG.PF | FLAG.CF,
};

/** Operations of two operands that there are packed and scalar, for both types, by the beginning of their mnemonics. */
const BINARY: readonly (readonly [name: string, operation: LaneOperation])[] = [
  ['add', addLane], ['sub', subtractLane], ['mul', multiplyLane], ['div', divideLane], ['min', minimumLane], ['max', maximumLane],
];
/** Those of one operand; the scalar ones of AVX have two all the same. */
const UNARY: readonly (readonly [name: string, operation: LaneOperation])[] = [['sqrt', squareRootLane], ['round', roundLane]];

function family(vectors: Encoding, scalars: Encoding, name: string, operation: LaneOperation): Record<string, Service> {
  return {
    [`${name}ps`]: packed(vectors, BINARY32, operation),
    [`${name}pd`]: packed(vectors, BINARY64, operation),
    [`${name}ss`]: scalar(scalars, BINARY32, operation),
    [`${name}sd`]: scalar(scalars, BINARY64, operation),
  };
}

/** All of them, by their mnemonics in SSE. */
export function arithmeticServices({ unary, binary, predicates }: EncodingSet): Readonly<Record<string, Service>> {
  const compare: LaneOperation = (bench, type, lane, control) => compareLane(bench, type, lane, control & (predicates - 1));
  const families = [
    ...[...BINARY, ['cmp', compare] as const].map(([name, operation]) => family(binary, binary, name, operation)),
    ...UNARY.map(([name, operation]) => family(unary, binary, name, operation)),
  ];
  return {
    ...Object.fromEntries(families.flatMap((some) => Object.entries(some))),
    rcpps: packed(unary, BINARY32, reciprocalLane),
    rcpss: scalar(binary, BINARY32, reciprocalLane),
    rsqrtps: packed(unary, BINARY32, reciprocalRootLane),
    rsqrtss: scalar(binary, BINARY32, reciprocalRootLane),
    haddps: horizontal(binary, BINARY32, addLane),
    haddpd: horizontal(binary, BINARY64, addLane),
    hsubps: horizontal(binary, BINARY32, subtractLane),
    hsubpd: horizontal(binary, BINARY64, subtractLane),
    addsubps: packed(binary, BINARY32, addSubtractLane),
    addsubpd: packed(binary, BINARY64, addSubtractLane),
    dpps: dotProduct(binary, BINARY32),
    dppd: dotProduct(binary, BINARY64),
    comiss: comparing(BINARY32, true),
    comisd: comparing(BINARY64, true),
    ucomiss: comparing(BINARY32, false),
    ucomisd: comparing(BINARY64, false),
  };
}
