/**
 * What a descriptor would come to if it were used now, in words: by the rules that the processor itself obeys.
 */
import { vectorName } from '../cpu/interrupts';
import { SYSTEM, gateSelector, type Descriptor } from '../cpu/descriptorLayout';
import {
  dataRefusal, directCodeRefusal, farAccessRefusal, gateCodeRefusal, handlerCodeRefusal, interruptGateRefusal, stackRefusal, systemRefusal, type Refusal,
} from '../cpu/descriptorRules';
import type { DescriptorUse } from './descriptorTypes';
import type { SelectorTables } from './tableReader';

/** At what privilege, and in which mode. */
export interface UseContext {
  readonly cpl: number;
  readonly longMode: boolean;
  readonly tables: SelectorTables;
}

const hex = (value: number): string => `0x${value.toString(16)}`;

function outcome(use: string, refusal: Refusal | undefined, errorCode: number): DescriptorUse {
  return refusal === undefined ? { use } : { use, fault: `${vectorName(refusal.vector)}(${hex(errorCode)})`, why: refusal.why };
}

/** Loads and far transfers of a segment. The selector has the CPL as RPL, as a program would form it. */
function segmentUses(d: Descriptor, { cpl, longMode }: UseContext): readonly DescriptorUse[] {
  const code = d.selector & 0xfffc;
  const data = outcome('load DS, ES, FS, GS', dataRefusal(d, cpl), code);
  if (d.isCode) return [outcome('JMP or CALL far', directCodeRefusal(d, cpl, longMode), code), data];
  return [data, outcome('load SS', stackRefusal(d, cpl), code)];
}

const GENERAL_PROTECTION = 13;

/** Why the code behind a gate cannot be reached, if so. */
function behindGate(gate: Descriptor, { tables }: UseContext, rule: (code: Descriptor) => Refusal | undefined): { refusal: Refusal; code: number } | undefined {
  const selector = gateSelector(gate);
  if ((selector & 0xfffc) === 0) return { refusal: { vector: GENERAL_PROTECTION, why: 'the selector in the gate is null' }, code: 0 };
  const found = tables.find(selector);
  const code = selector & 0xfffc;
  if (!found) return { refusal: { vector: GENERAL_PROTECTION, why: `the gate's selector ${hex(selector)} is outside its table, or cannot be read` }, code };
  const refusal = rule(found.descriptor);
  return refusal && { refusal: { ...refusal, why: `of the gate's code segment ${hex(selector)}: ${refusal.why}` }, code };
}

function callGateUse(use: string, d: Descriptor, context: UseContext, jumps: boolean): DescriptorUse {
  const { cpl, longMode } = context;
  const access = farAccessRefusal(d, cpl);
  if (access) return outcome(use, access, d.selector & 0xfffc);
  const behind = behindGate(d, context, (code) => gateCodeRefusal(code, cpl, longMode, jumps));
  return outcome(use, behind?.refusal, behind?.code ?? 0);
}

function systemUses(d: Descriptor, context: UseContext): readonly DescriptorUse[] {
  const { cpl, longMode } = context;
  const code = d.selector & 0xfffc;
  const privileged: Refusal | undefined = cpl === 0 ? undefined : { vector: GENERAL_PROTECTION, why: 'the instruction is for CPL 0 only' };
  const load = (instruction: string, types: readonly number[]) =>
    outcome(instruction, privileged ?? systemRefusal(d, types, longMode), privileged ? 0 : code);
  switch (d.type) {
    case SYSTEM.ldt: return [load('LLDT', [SYSTEM.ldt])];
    case SYSTEM.tss16: case SYSTEM.tss32: case SYSTEM.tss16Busy: case SYSTEM.tss32Busy: {
      const busy = d.type === SYSTEM.tss16Busy || d.type === SYSTEM.tss32Busy;
      const ltr = load('LTR', [SYSTEM.tss16, SYSTEM.tss32]);
      const switching = longMode ? [] : [outcome('task switch by JMP or CALL far',
        busy ? { vector: GENERAL_PROTECTION, why: 'the task is busy' } : farAccessRefusal(d, cpl), code)];
      return [busy && ltr.why !== undefined && !privileged ? { ...ltr, why: 'the task is busy already' } : ltr, ...switching];
    }
    case SYSTEM.callGate16: case SYSTEM.callGate32:
      if (longMode && d.type === SYSTEM.callGate16) return [outcome('CALL far', { vector: GENERAL_PROTECTION, why: 'long mode has no 16-bit call gates' }, code)];
      return [callGateUse('CALL far', d, context, false), callGateUse('JMP far', d, context, true)];
    case SYSTEM.taskGate:
      return longMode ? [] : [outcome('task switch by JMP or CALL far', farAccessRefusal(d, cpl), code)];
    default: return [];
  }
}

/** Uses of an entry of GDT or LDT. */
export function selectorUses(d: Descriptor, context: UseContext): readonly DescriptorUse[] {
  return d.isSegment ? segmentUses(d, context) : systemUses(d, context);
}

/** Uses of a gate of the IDT: by exceptions and interrupts (whose error codes have EXT set), and by INT n. */
export function interruptUses(vector: number, gate: Descriptor, context: UseContext): readonly DescriptorUse[] {
  const { cpl, longMode } = context;
  const use = (name: string, software: boolean): DescriptorUse => {
    const external = software ? 0 : 1;
    const refusal = interruptGateRefusal(gate, cpl, longMode, software);
    if (refusal) return outcome(name, refusal, vector * 8 + 2 + external);
    if (gate.type === SYSTEM.taskGate) return outcome(name, undefined, 0);
    const behind = behindGate(gate, context, (code) => handlerCodeRefusal(code, cpl, longMode));
    return outcome(name, behind?.refusal, (behind?.code ?? 0) | external);
  };
  return [use(vector < 32 ? 'exception' : 'interrupt', false), use(`INT ${vector.toString(16).toUpperCase().padStart(2, '0')}h`, true)];
}
