/**
 * Services for floating-point arithmetic and comparison of SSE to SSE4.1.
 */
import type { Cpu } from '../cpu';
import type { Operation, Outcome, Service } from '../operation';
import { addLane, divideLane, multiplyLane, squareRootLane, subtractLane } from '../softfloat/arithmetic';
import { compareLane, maximumLane, minimumLane, relateLanes } from '../softfloat/comparison';
import { reciprocalLane, reciprocalRootLane } from '../softfloat/estimates';
import { roundLane } from '../softfloat/integral';
import { BINARY32, BINARY64, fillLane, moveLane } from '../softfloat/lanes';
import type { LaneType } from '../softfloat/lanes';
import type { LaneOperation } from '../softfloat/unit';
import { FLAG } from '../state';
import { Relation } from '../x87/compare';
import { XMM_BYTES, beginComputation, loadAlignedSource, loadRegister, loadSource, settleExceptions, storeResult, unit } from './sseOperands';

/** All lanes of both operands. */
function packed(type: LaneType, operation: LaneOperation): Service {
  const lanes = XMM_BYTES / type.bytes;
  return (cpu, op) => {
    loadAlignedSource(cpu, op, unit.b);
    loadRegister(cpu, unit.a, op.slotA, XMM_BYTES);
    beginComputation(cpu);
    const control = op.immediate & 0xff;
    for (let lane = 0; lane < lanes; lane++) operation(unit, type, lane, control);
    settleExceptions(cpu);
    storeResult(cpu, op.slotA, XMM_BYTES);
    return 'next';
  };
}

/** The lowest lane alone. */
function scalar(type: LaneType, operation: LaneOperation): Service {
  const { bytes } = type;
  return (cpu, op) => {
    loadSource(cpu, op, unit.b, bytes);
    loadRegister(cpu, unit.a, op.slotA, bytes);
    beginComputation(cpu);
    operation(unit, type, 0, op.immediate & 0xff);
    settleExceptions(cpu);
    storeResult(cpu, op.slotA, bytes);
    return 'next';
  };
}

/** HADDxx and HSUBxx: neighbouring lanes of the first operand, then those of the second. */
function horizontal(type: LaneType, operation: LaneOperation): Service {
  const lanes = XMM_BYTES / type.bytes;
  return (cpu, op) => {
    loadAlignedSource(cpu, op, unit.result);
    pairUp(type, lanes, lanes / 2);
    loadRegister(cpu, unit.result, op.slotA, XMM_BYTES);
    pairUp(type, lanes, 0);
    beginComputation(cpu);
    for (let lane = 0; lane < lanes; lane++) operation(unit, type, lane, 0);
    settleExceptions(cpu);
    storeResult(cpu, op.slotA, XMM_BYTES);
    return 'next';
  };
}

/** Brings the even ones of the result's first `count` lanes into `a` and the odd ones into `b`, from lane `to` up. */
function pairUp(type: LaneType, count: number, to: number): void {
  for (let lane = 0; 2 * lane < count; lane++) {
    moveLane(type, unit.a, to + lane, unit.result, 2 * lane);
    moveLane(type, unit.b, to + lane, unit.result, 2 * lane + 1);
  }
}

/**
 * DPPS and DPPD: products of the lanes that bits 4 to 7 of the immediate select, and their sum in the lanes that
 * bits 0 to 3 select. Multiplication and each addition round, and may fault, on their own.
 */
function dotProduct(type: LaneType): Service {
  const lanes = XMM_BYTES / type.bytes;
  return (cpu, op) => {
    loadAlignedSource(cpu, op, unit.b);
    loadRegister(cpu, unit.a, op.slotA, XMM_BYTES);
    beginComputation(cpu);
    const control = op.immediate;
    for (let lane = 0; lane < lanes; lane++) {
      if ((control & (0x10 << lane)) !== 0) multiplyLane(unit, type, lane);
      else fillLane(type, unit.result, lane, false);
    }
    settleExceptions(cpu);
    for (let count = lanes; count > 1; count /= 2) {
      addNeighbours(type, count);
      settleExceptions(cpu);
    }
    spreadSum(type, lanes, control);
    storeResult(cpu, op.slotA, XMM_BYTES);
    return 'next';
  };
}

/** Adds each odd lane of the result to the even one before it; the sums are the result's first lanes. */
function addNeighbours(type: LaneType, count: number): void {
  pairUp(type, count, 0);
  for (let lane = 0; 2 * lane < count; lane++) addLane(unit, type, lane);
}

/** Copies the sum in the result's first lane to the lanes that `control` selects, and clears the others. */
function spreadSum(type: LaneType, lanes: number, control: number): void {
  moveLane(type, unit.a, 0, unit.result, 0);
  for (let lane = 0; lane < lanes; lane++) {
    if ((control & (1 << lane)) !== 0) moveLane(type, unit.result, lane, unit.a, 0);
    else fillLane(type, unit.result, lane, false);
  }
}

/** ADDSUBxx: odd lanes are added, even ones subtracted. */
const addSubtractLane: LaneOperation = (bench, type, lane) => {
  if ((lane & 1) === 0) subtractLane(bench, type, lane);
  else addLane(bench, type, lane);
};

/** COMISx and UCOMISx set ZF, PF and CF by the relation, and clear the other status flags. */
function comparing(type: LaneType, signalsQuiet: boolean): Service {
  return (cpu: Cpu, op: Operation): Outcome => {
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

/** CMPxx of SSE has eight predicates: the other bits of its immediate do not count. */
const compareLegacyLane: LaneOperation = (bench, type, lane, control) => compareLane(bench, type, lane, control & 7);

/** The four services of an operation: packed and scalar, binary32 and binary64. */
function family(name: string, operation: LaneOperation): Record<string, Service> {
  return {
    [`${name}ps`]: packed(BINARY32, operation),
    [`${name}pd`]: packed(BINARY64, operation),
    [`${name}ss`]: scalar(BINARY32, operation),
    [`${name}sd`]: scalar(BINARY64, operation),
  };
}

export const sseArithmetic: Readonly<Record<string, Service>> = {
  ...family('add', addLane),
  ...family('sub', subtractLane),
  ...family('mul', multiplyLane),
  ...family('div', divideLane),
  ...family('sqrt', squareRootLane),
  ...family('min', minimumLane),
  ...family('max', maximumLane),
  ...family('cmp', compareLegacyLane),
  ...family('round', roundLane),
  rcpps: packed(BINARY32, reciprocalLane),
  rcpss: scalar(BINARY32, reciprocalLane),
  rsqrtps: packed(BINARY32, reciprocalRootLane),
  rsqrtss: scalar(BINARY32, reciprocalRootLane),
  haddps: horizontal(BINARY32, addLane),
  haddpd: horizontal(BINARY64, addLane),
  hsubps: horizontal(BINARY32, subtractLane),
  hsubpd: horizontal(BINARY64, subtractLane),
  addsubps: packed(BINARY32, addSubtractLane),
  addsubpd: packed(BINARY64, addSubtractLane),
  dpps: dotProduct(BINARY32),
  dppd: dotProduct(BINARY64),
  comiss: comparing(BINARY32, true),
  comisd: comparing(BINARY64, true),
  ucomiss: comparing(BINARY32, false),
  ucomisd: comparing(BINARY64, false),
};
