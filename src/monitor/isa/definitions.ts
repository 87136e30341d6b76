/**
 * All instruction meanings by name, and which of them end a basic block.
 */
import type { Meaning } from './emitter';
import { arithmetic, conditional } from './meaning/arithmetic';
import { bits } from './meaning/bits';
import { bmi } from './meaning/bmi';
import { conditionalJump, control } from './meaning/control';
import { strings } from './meaning/strings';
import { system } from './meaning/system';
import { units } from './meaning/units';
import { forHalves, vectorArithmetic, wholeVectorArithmetic } from './meaning/vectorArithmetic';
import { vectorAvx } from './meaning/vectorAvx';
import { vectorFloats } from './meaning/vectorFloats';
import { vectorMoves, wholeVectorMoves } from './meaning/vectorMoves';
import { vectorStrings } from './meaning/vectorStrings';
import { x87 } from './meaning/x87';
import { x87Arithmetic } from './meaning/x87Arithmetic';
import { CONDITION_SUFFIXES } from './opcodeTable';

function allMeanings(): ReadonlyMap<string, Meaning> {
  const map = new Map<string, Meaning>(Object.entries({ ...arithmetic, ...bits, ...bmi, ...control, ...strings, ...system, ...vectorAvx, ...units, ...vectorStrings, ...x87, ...x87Arithmetic }));
  const halved = { ...vectorArithmetic, ...vectorMoves };
  const whole = { ...wholeVectorArithmetic, ...wholeVectorMoves, ...vectorFloats };
  for (const [name, meaning] of Object.entries(whole)) map.set(name, withX87State(meaning));
  for (const [name, meaning] of Object.entries(halved)) map.set(name, withX87State((e) => forHalves(e, () => meaning(e))));
  CONDITION_SUFFIXES.forEach((suffix, code) => {
    const { set, move } = conditional(code);
    map.set(`set${suffix}`, set);
    map.set(`cmov${suffix}`, move);
    map.set(`j${suffix}`, conditionalJump(code));
  });
  return map;
}

/** MMX instructions share their registers with x87: no exception may be pending, and the register stack is reset. */
function withX87State(meaning: Meaning): Meaning {
  return (e) => {
    if (!e.usesMmx) return meaning(e);
    e.checkX87();
    meaning(e);
    e.enterMmx();
  };
}

const MEANINGS = allMeanings();

const TERMINAL = new Set([
  'jmp',
  'jmpIndirect',
  'call',
  'callIndirect',
  'ret',
  'retImmediate',
  'loop',
  'loope',
  'loopne',
  'jcxz',
  ...CONDITION_SUFFIXES.map((suffix) => `j${suffix}`),
]);

/** Transfers by way of descriptors, gates or the system's registers, and HLT. */
export const FAR_TRANSFERS: ReadonlySet<string> = new Set(['jmpf_ap', 'jmpf_m', 'callf_ap', 'callf_m', 'retf', 'retf_imm', 'iret', 'int', '!int3', '!int1', 'sysenter', 'sysexit', 'syscall', 'sysret', '!ud', '!too_long', '!hlt']);

/** Instructions that reach the stack without a memory operand, carry the units' state, go to kernels and back, or transfer far. */
const USES_MODEL = new Set(['push', 'pop', 'enter', 'pusha', 'popa', 'leave', 'pushf', 'popf', 'pop_ev', 'pop_es', 'pop_ds', 'pop_fs', 'pop_gs', 'mov_from_cr', 'wrmsr', 'fxsave', 'fxrstor', 'sysenter', 'sysexit', 'syscall', 'sysret', 'iret', 'int', 'jmpf_ap', 'jmpf_m', 'callf_ap', 'callf_m', 'retf', 'retf_imm', 'push_es', 'push_cs', 'push_ss', 'push_ds', 'push_fs', 'push_gs']);

/** The meaning of an instruction; services (names with `!`) have the one meaning to call the service. */
export function meaningOf(name: string): Meaning {
  if (name.startsWith('!')) return (e) => e.service();
  // Instructions that SSE has as well have a `v` in front with VEX.
  const meaning = MEANINGS.get(name) ?? (name.startsWith('v') ? MEANINGS.get(name.slice(1)) : undefined);
  if (!meaning) throw new Error(`No meaning is written for instruction ${name}`);
  return meaning;
}

/** Whether an instruction transfers control by itself, so that nothing behind it belongs to its block. */
export function endsBlock(name: string): boolean {
  return TERMINAL.has(name);
}

/** Whether an instruction always leads where only the monitor or a routine knows: nothing behind it belongs to its block either. */
export function transfersFar(name: string): boolean {
  return FAR_TRANSFERS.has(name);
}

/** Whether the handler differs by stack and code segment model. */
export function dependsOnModel(name: string): boolean {
  return TERMINAL.has(name) || USES_MODEL.has(name);
}
