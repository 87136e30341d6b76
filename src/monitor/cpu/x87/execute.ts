/**
 * The opcode map of D8h to DFh and the entry point: finds an instruction's handler, checks for pending
 * exceptions, runs it, and records the pointers that FSTENV saves.
 *
 * Source: Intel SDM volume 2, appendix A.5 (escape opcodes), with the aliases that processors carry out
 * although the manual reserves them (DC D0, DC D8, DD C8, DE D0, DF C8, DF D0, DF D8, D9 D8).
 */

import { add, divide, multiply, subtract } from './arithmetic';
import type { BinaryOperation } from './arithmetic';
import * as arithmetic from './instructions-arithmetic';
import * as comparison from './instructions-compare';
import * as control from './instructions-control';
import * as transcendental from './instructions-transcendental';
import * as transfer from './instructions-transfer';
import { conditionalMove, loadConstant, loadMemory, storeMemory } from './instructions-transfer';
import {
  DOUBLE_REAL, INTEGER_16, INTEGER_32, INTEGER_64, PACKED_BCD, SINGLE_REAL, TRUNCATED_16, TRUNCATED_32, TRUNCATED_64,
} from './operands';
import type { LoadType } from './operands';
import { StatusWord } from './layout';
import type { FpuState } from './state';
import { EflagsBit } from './types';
import type { X87Handler, X87Outcome, X87Port, X87Request } from './types';

interface Instruction {
  readonly handler: X87Handler;
  /** Whether a pending unmasked exception goes first (#MF). */
  readonly waits: boolean;
  /** Whether it becomes the 'last instruction' of FSTENV; control instructions do not. */
  readonly recorded: boolean;
}

type Entry = Instruction | undefined;

function ordinary(handler: X87Handler): Instruction {
  return { handler, waits: true, recorded: true };
}

function controlling(handler: X87Handler): Instruction {
  return { handler, waits: true, recorded: false };
}

/** Control instructions in their FN... form, which do not wait. */
function nonWaiting(handler: X87Handler): Instruction {
  return { handler, waits: false, recorded: false };
}

/** The six arithmetic columns of D8, DC, DA and DE by /reg; 2 and 3 are comparisons. */
const ARITHMETIC: readonly (readonly [operation: BinaryOperation, reversed: boolean] | undefined)[] = [
  [add, false], [multiply, false], undefined, undefined, [subtract, false], [subtract, true], [divide, false], [divide, true],
];

function arithmeticMemoryRow(type: LoadType): Entry[] {
  return ARITHMETIC.map((column, reg) => ordinary(column === undefined
    ? comparison.compareMemory(type, reg === 3 ? 1 : 0)
    : arithmetic.arithmeticMemory(column[0], type, column[1])));
}

/** Handlers of memory forms: MEMORY_FORMS[opcode & 7][reg]. */
const MEMORY_FORMS: readonly (readonly Entry[])[] = [
  arithmeticMemoryRow(SINGLE_REAL),
  [
    ordinary(loadMemory(SINGLE_REAL)), undefined, ordinary(storeMemory(SINGLE_REAL, false)),
    ordinary(storeMemory(SINGLE_REAL, true)), controlling(control.loadEnvironmentMemory),
    controlling(control.loadControlWordMemory), nonWaiting(control.storeEnvironmentMemory),
    nonWaiting(control.storeControlWord),
  ],
  arithmeticMemoryRow(INTEGER_32),
  [
    ordinary(loadMemory(INTEGER_32)), ordinary(storeMemory(TRUNCATED_32, true)), ordinary(storeMemory(INTEGER_32, false)),
    ordinary(storeMemory(INTEGER_32, true)), undefined, ordinary(transfer.loadExtended), undefined,
    ordinary(transfer.storeExtendedAndPop),
  ],
  arithmeticMemoryRow(DOUBLE_REAL),
  [
    ordinary(loadMemory(DOUBLE_REAL)), ordinary(storeMemory(TRUNCATED_64, true)), ordinary(storeMemory(DOUBLE_REAL, false)),
    ordinary(storeMemory(DOUBLE_REAL, true)), controlling(control.restoreState), undefined, nonWaiting(control.saveState),
    nonWaiting(control.storeStatusWord),
  ],
  arithmeticMemoryRow(INTEGER_16),
  [
    ordinary(loadMemory(INTEGER_16)), ordinary(storeMemory(TRUNCATED_16, true)), ordinary(storeMemory(INTEGER_16, false)),
    ordinary(storeMemory(INTEGER_16, true)), ordinary(loadMemory(PACKED_BCD)), ordinary(loadMemory(INTEGER_64)),
    ordinary(storeMemory(PACKED_BCD, true)), ordinary(storeMemory(INTEGER_64, true)),
  ],
];

/** One instruction for all eight ST(i). */
function everyRegister(handler: X87Handler): Entry[] {
  return new Array<Entry>(8).fill(ordinary(handler));
}

/** Instructions without an operand; `undefined` where there is none. */
function singles(...entries: Entry[]): Entry[] {
  return [...entries, ...new Array<Entry>(8 - entries.length).fill(undefined)];
}

const UNDEFINED_ROW = singles();

const { carry, zero, parity } = EflagsBit;

/** FCMOVcc columns of DA (negated: DB). */
function moveRows(negated: boolean): Entry[][] {
  return [carry, zero, carry | zero, parity].map((flags) => everyRegister(conditionalMove(flags, negated)));
}

/** D8: destination ST(0). */
function arithmeticTopRows(): Entry[][] {
  return ARITHMETIC.map((column, reg) => everyRegister(column === undefined
    ? comparison.compareRegister(false, reg === 3 ? 1 : 0)
    : arithmetic.arithmeticRegister(column[0], column[1], false, false)));
}

/** DC and DE: destination ST(i). Here /4 is the reversed and /5 the plain form, also /6 and /7. */
function arithmeticRegisterRows(pops: boolean): Entry[][] {
  return ARITHMETIC.map((column, reg) => everyRegister(column === undefined
    ? comparison.compareRegister(false, pops || reg === 3 ? 1 : 0)
    : arithmetic.arithmeticRegister(column[0], reg >= 4 ? !column[1] : column[1], true, pops)));
}

/** Handlers of register forms: REGISTER_FORMS[opcode & 7][(modrm >> 3) & 7][modrm & 7]. */
const REGISTER_FORMS: readonly (readonly (readonly Entry[])[])[] = [
  arithmeticTopRows(),
  [
    everyRegister(transfer.loadRegister),
    everyRegister(transfer.exchangeRegisters),
    singles(ordinary(control.noOperation)),
    everyRegister(transfer.storeRegister(true)),
    singles(
      ordinary(arithmetic.changeSignTop), ordinary(arithmetic.absoluteTop), undefined, undefined,
      ordinary(comparison.testTop), ordinary(comparison.examineTop),
    ),
    singles(
      ordinary(loadConstant(0, 0x80000000, 0, 0)),
      ordinary(loadConstant(1, 0xd49a784b, 0xcd1b8afe, 0x492bf6ff)),
      ordinary(loadConstant(0, 0xb8aa3b29, 0x5c17f0bb, 0xbe87fed0)),
      ordinary(loadConstant(1, 0xc90fdaa2, 0x2168c234, 0xc4c6628b)),
      ordinary(loadConstant(-2, 0x9a209a84, 0xfbcff798, 0x8f8959ac)),
      ordinary(loadConstant(-1, 0xb17217f7, 0xd1cf79ab, 0xc9e3b398)),
      ordinary(transfer.loadZero),
    ),
    singles(
      ordinary(transcendental.exponentialTop), ordinary(transcendental.logarithmTop), ordinary(transcendental.tangentTop),
      ordinary(transcendental.arctangentTop), ordinary(arithmetic.extractTop), ordinary(arithmetic.remainderNearest),
      ordinary(control.moveTop(-1)), ordinary(control.moveTop(1)),
    ),
    singles(
      ordinary(arithmetic.remainderTruncated), ordinary(transcendental.logarithmPlusOneTop),
      ordinary(arithmetic.squareRootTop), ordinary(transcendental.sineCosineTop), ordinary(arithmetic.roundTop),
      ordinary(arithmetic.scaleTop), ordinary(transcendental.sineTop), ordinary(transcendental.cosineTop),
    ),
  ],
  [
    ...moveRows(false), UNDEFINED_ROW,
    singles(undefined, ordinary(comparison.compareRegister(true, 2))),
    UNDEFINED_ROW, UNDEFINED_ROW,
  ],
  [
    ...moveRows(true),
    singles(
      nonWaiting(control.noOperation), nonWaiting(control.noOperation), nonWaiting(control.clearExceptions),
      nonWaiting(control.initialise), nonWaiting(control.noOperation),
    ),
    everyRegister(comparison.compareToFlags(true, false)), everyRegister(comparison.compareToFlags(false, false)),
    UNDEFINED_ROW,
  ],
  arithmeticRegisterRows(false),
  [
    everyRegister(control.freeRegister(false)), everyRegister(transfer.exchangeRegisters),
    everyRegister(transfer.storeRegister(false)), everyRegister(transfer.storeRegister(true)),
    everyRegister(comparison.compareRegister(true, 0)), everyRegister(comparison.compareRegister(true, 1)),
    UNDEFINED_ROW, UNDEFINED_ROW,
  ],
  arithmeticRegisterRows(true).map((row, reg) =>
    reg === 3 ? singles(undefined, ordinary(comparison.compareRegister(false, 2))) : row),
  [
    everyRegister(control.freeRegister(true)), everyRegister(transfer.exchangeRegisters),
    everyRegister(transfer.storeRegister(true)), everyRegister(transfer.storeRegister(true)),
    singles(nonWaiting(control.storeStatusWordToAx)),
    everyRegister(comparison.compareToFlags(true, true)), everyRegister(comparison.compareToFlags(false, true)),
    UNDEFINED_ROW,
  ],
];

function isRegisterForm(modrm: number): boolean {
  return modrm >= 0xc0;
}

function findInstruction(opcode: number, modrm: number): Entry {
  const reg = (modrm >>> 3) & 7;
  return isRegisterForm(modrm) ? REGISTER_FORMS[opcode & 7][reg][modrm & 7] : MEMORY_FORMS[opcode & 7][reg];
}

function hasPendingException(fpu: FpuState): boolean {
  return (fpu.statusWord & StatusWord.exceptionSummary) !== 0;
}

/**
 * Executes one instruction of D8h to DFh.
 *
 * CR0.EM and CR0.TS are the caller's to check, before. With 'fault', 'mathFault' and 'undefined' nothing
 * has changed. An unmasked exception that the instruction itself raises leaves it 'done' with ES set.
 */
export function executeX87(request: X87Request, fpu: FpuState, port: X87Port): X87Outcome {
  const instruction = findInstruction(request.opcode, request.modrm);
  if (instruction === undefined) return 'undefined';
  if (instruction.waits && hasPendingException(fpu)) return 'mathFault';
  const outcome = instruction.handler(fpu, port, request);
  if (outcome === 'done' && instruction.recorded) fpu.recordInstruction(request, !isRegisterForm(request.modrm));
  return outcome;
}

/** FWAIT (9Bh). CR0.TS with CR0.MP is the caller's to check. */
export function waitX87(fpu: FpuState): 'done' | 'mathFault' {
  return hasPendingException(fpu) ? 'mathFault' : 'done';
}
