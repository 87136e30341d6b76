/**
 * Delivery of interrupts and exceptions: real mode, protected mode, virtual-8086 mode, task gates, and
 * double and triple faults (Intel SDM vol. 3, chapter 6).
 */
import { GuestFault } from '../memory/guestFault';
import { EXCEPTION_NAMES, VECTOR, fault, generalProtection, type Cpu } from './cpu';
import { SYSTEM, decodeDescriptor, gateOffset, gateSelector, type Descriptor } from './descriptorLayout';
import { handlerCodeRefusal, interruptGateRefusal } from './descriptorRules';
import { checkStackSegment, fetchDescriptor, installSegment, isNull, joinHalves, markAccessed, obey, setNullStack } from './descriptors';
import * as L from './layout';
import { FLAG } from './state';
import { StackFrame, currentFrame, flatStack, newStack, type StackBytes } from './stackFrame';
import { DR7 } from './debugRegisters';
import { DEBUGCTL } from './msrBits';
import { innerStack, innerStackPointer, switchTask, taskOfGate } from './taskState';
import { redirected } from './virtualInterrupts';

/** What is to be delivered. */
export interface Interruption {
  readonly vector: number;
  /** `software`: INT n, INT3, INTO; `external`: INTR or NMI. */
  readonly cause: 'software' | 'exception' | 'external';
  /** INT n, which virtual-8086 tasks may be denied, or handle themselves; not INT3 and INTO. */
  readonly byNumber?: boolean;
  readonly errorCode?: number | undefined;
  /** Instruction pointer to push: the faulting instruction's, or the next one. */
  readonly returnTo: number;
}

/** One link of a fault chain, for people. */
export interface FaultLink {
  readonly vector: number;
  readonly errorCode: number | undefined;
  readonly linear: bigint;
  readonly selector: number;
  /** As the state block holds it. */
  readonly eip: bigint;
}

/** No handler could be reached: the processor shuts down. */
export class TripleFault {
  constructor(readonly chain: readonly FaultLink[]) {}
}

const CONTRIBUTORY = new Set<number>([VECTOR.DE, VECTOR.TS, VECTOR.NP, VECTOR.SS, VECTOR.GP]);

/** Name of a vector for people. */
export function vectorName(vector: number): string {
  return EXCEPTION_NAMES[vector] ?? `vector ${vector.toString(16).toUpperCase()}h`;
}

/**
 * Raises a fault found while executing the instruction at `at`: delivers it, with double and triple
 * faults as they come. Throws TripleFault.
 */
export function raiseFault(cpu: Cpu, first: GuestFault, at: number): void {
  let eip = at;
  const met: MetFault[] = [];
  const note = (fault: GuestFault): number => met.push({ fault, selector: cpu.state.selector(L.CS), eip });
  let current = first;
  for (;;) {
    note(current);
    noteFaultAddress(cpu, current);
    try {
      const errorCode = cpu.state.protectedMode ? current.errorCode : undefined;
      return deliver(cpu, { vector: current.vector, cause: 'exception', errorCode, returnTo: eip });
    } catch (second) {
      if (!(second instanceof GuestFault)) throw second;
      // Each page fault that is met leaves its address, also one that ends in a double fault (Intel SDM vol. 3, 6.15, #DF).
      noteFaultAddress(cpu, second);
      if (second.late) eip = cpu.state.eip;
      if (current.vector === VECTOR.DF) {
        note(second);
        throw new TripleFault(met.map((one) => linkOf(cpu, one)));
      }
      if (isDouble(current.vector, second.vector)) {
        note(second);
        current = fault(VECTOR.DF, 0);
      } else current = second;
    }
  }
}

/** A fault on the way to a triple fault, and where. Guests have thousands of faults a second, and hardly ever a chain that is told of. */
interface MetFault {
  readonly fault: GuestFault;
  readonly selector: number;
  readonly eip: number;
}

const linkOf = (cpu: Cpu, { fault: { vector, errorCode, linear }, selector, eip }: MetFault): FaultLink => ({
  vector, errorCode, linear, selector, eip: BigInt.asUintN(64, cpu.state.exactAddress(eip)),
});

/** A page fault's address, for its handler. */
export function noteFaultAddress(cpu: Cpu, { vector, linearLow, linearHigh }: GuestFault): void {
  if (vector !== VECTOR.PF) return;
  cpu.state.setU32(L.CR2, linearLow >>> 0);
  cpu.state.setU32(L.CR2 + 4, linearHigh >>> 0);
}

/** The manual's table 6-5. */
function isDouble(first: number, second: number): boolean {
  if (CONTRIBUTORY.has(first)) return CONTRIBUTORY.has(second);
  return first === VECTOR.PF && (CONTRIBUTORY.has(second) || second === VECTOR.PF);
}

/** Delivers an interrupt or exception; throws GuestFault when that faults, with nothing changed. */
export function deliver(cpu: Cpu, what: Interruption): void {
  if (deliveredQuickly(cpu, what)) return;
  cpu.attention = true;
  cpu.state.halted = false;
  if (!cpu.state.protectedMode) deliverReal(cpu, what);
  else if (cpu.state.longMode) deliverLong(cpu, what);
  else {
    const own = what.byNumber && redirected(cpu, what.vector, what.returnTo);
    if (!own) {
      if (cpu.state.virtual8086 && what.byNumber && cpu.state.iopl < 3) throw generalProtection();
      deliverProtected(cpu, what);
    }
  }
  cpu.trapCleared = true;
  if (what.vector === VECTOR.DB && what.cause === 'exception') enterDebugHandler(cpu);
}

/** The same through generated code, if the event is none of an instruction, and no debug exception. False if it can not; nothing has changed then. */
export function deliveredQuickly(cpu: Cpu, { vector, cause, errorCode, returnTo }: Interruption): boolean {
  const s = cpu.state;
  if (!cpu.quickDelivery || cause === 'software' || vector === VECTOR.DB || returnTo !== s.eip) return false;
  if (!cpu.quickDelivery(vector, cause === 'exception', errorCode)) return false;
  cpu.trapCleared = true;
  // A gate that leaves IF alone lets the next interrupt in at once.
  if (s.u32(L.PENDING_DEBUG) !== 0 || s.nmiReady || (cpu.interruptLine && s.systemFlags & FLAG.IF)) cpu.attention = true;
  return true;
}

/** The handler of #DB may use the debug registers, and runs without branch traps (Intel SDM vol. 3, 17.2.4 and 17.4.2). */
function enterDebugHandler(cpu: Cpu): void {
  const s = cpu.state;
  s.setU32(L.DR + 8 * 7, s.u32(L.DR + 8 * 7) & ~DR7.generalDetect);
  s.setU32(L.MSR_DEBUGCTL, s.u32(L.MSR_DEBUGCTL) & ~(DEBUGCTL.btf | DEBUGCTL.lbr));
}

function deliverReal(cpu: Cpu, what: Interruption): void {
  const s = cpu.state;
  const entry = what.vector * 4;
  if (entry + 3 > s.u32(L.IDTR_LIMIT)) throw fault(what.vector === VECTOR.DF ? VECTOR.DF : VECTOR.GP);
  const base = s.wide(L.IDTR_BASE);
  const offset = cpu.readSystem(base + entry, 2);
  const selector = cpu.readSystem(base + entry + 2, 2);
  const frame = currentFrame(cpu);
  frame.reserve(3, 2);
  frame.push(s.flags, 2);
  frame.push(s.selector(L.CS), 2);
  frame.push(what.returnTo, 2);
  frame.commit();
  s.flags = s.flags & ~(FLAG.IF | FLAG.TF | FLAG.AC | FLAG.RF);
  cpu.setRealSegment(L.CS, selector);
  s.eip = offset;
}

/** Error code that names an IDT entry. */
const idtError = (vector: number, external: number): number => vector * 8 + 2 + external;

function deliverProtected(cpu: Cpu, what: Interruption): void {
  const s = cpu.state;
  const external = what.cause === 'software' ? 0 : 1;
  const at = what.vector * 8;
  if (at + 7 > s.u32(L.IDTR_LIMIT)) throw fault(VECTOR.GP, idtError(what.vector, external));
  const address = s.wide(L.IDTR_BASE) + at;
  const gate = decodeDescriptor(0, cpu.readSystem(address, 4), cpu.readSystem(address + 4, 4), address);
  const refusal = interruptGateRefusal(gate, s.cpl, false, what.cause === 'software');
  if (refusal) throw fault(refusal.vector, idtError(what.vector, external));
  try {
    if (gate.type === SYSTEM.taskGate) {
      switchTask(cpu, taskOfGate(cpu, gateSelector(gate)), 'interrupt', what.returnTo, what.errorCode);
    } else enterHandler(cpu, gate, what);
  } catch (second) {
    throw withExternal(second, external);
  }
}

/** Through the 16-byte gates of long mode (Intel SDM vol. 3, 6.14). */
function deliverLong(cpu: Cpu, what: Interruption): void {
  const s = cpu.state;
  const external = what.cause === 'software' ? 0 : 1;
  const at = what.vector * 16;
  if (at + 15 > s.u32(L.IDTR_LIMIT)) throw fault(VECTOR.GP, idtError(what.vector, external));
  const address = s.wide(L.IDTR_BASE) + at;
  const gate = decodeDescriptor(0, cpu.readSystem(address, 4), cpu.readSystem(address + 4, 4), address);
  const refusal = interruptGateRefusal(gate, s.cpl, true, what.cause === 'software');
  if (refusal) throw fault(refusal.vector, idtError(what.vector, external));
  const offset = joinHalves(cpu, gateOffset(gate), cpu.readSystem(address + 8, 4));
  try {
    enterLongHandler(cpu, gate, offset, what);
  } catch (second) {
    throw withExternal(second, external);
  }
}

/** Faults met on the way to the handler of an event from outside the program carry EXT. */
function withExternal(second: unknown, external: number): unknown {
  if (!(second instanceof GuestFault) || !external || second.vector === VECTOR.PF || second.errorCode === undefined) return second;
  return new GuestFault(second.vector, second.errorCode | 1, 0, 0, second.late);
}

function enterLongHandler(cpu: Cpu, gate: Descriptor, offset: number, what: Interruption): void {
  const s = cpu.state;
  const selector = gateSelector(gate);
  if (isNull(selector)) throw generalProtection();
  const code = fetchDescriptor(cpu, selector);
  obey(handlerCodeRefusal(code, s.cpl, true), selector);
  const cpl = code.isConforming ? s.cpl : code.dpl;
  const inner = cpl < s.cpl;
  const ist = gate.high & 7;
  const top = inner || ist !== 0 ? innerStackPointer(cpu, cpl, ist) : s.pointer(L.RSP, 64);
  // The stack pointer is aligned before anything is pushed.
  const frame = new StackFrame(cpu, flatStack(cpl), Math.floor(top / 16) * 16);
  frame.reserve(5 + (what.errorCode === undefined ? 0 : 1), 8);
  if (!s.canonical(offset)) throw generalProtection();
  frame.push(s.selector(L.SS), 8);
  frame.push64(s.reg64(L.RSP));
  pushReturn(cpu, frame, s.flags, what, 8);
  markAccessed(cpu, code);
  if (inner) {
    cpu.setCpl(cpl);
    setNullStack(cpu, cpl);
  }
  finish(cpu, gate, code, cpl, offset);
  frame.commit();
}

function enterHandler(cpu: Cpu, gate: Descriptor, what: Interruption): void {
  const s = cpu.state;
  const size: 2 | 4 = gate.type & 8 ? 4 : 2;
  const selector = gateSelector(gate);
  const offset = gateOffset(gate);
  if (isNull(selector)) throw generalProtection();
  const code = fetchDescriptor(cpu, selector);
  obey(handlerCodeRefusal(code, s.cpl, false), selector);
  const inner = !code.isConforming && code.dpl < s.cpl;
  const flags = s.flags;
  const words = 3 + (what.errorCode === undefined ? 0 : 1);
  if (!inner) {
    if (s.virtual8086) throw generalProtection(selector);
    if (!code.isConforming && code.dpl !== s.cpl) throw generalProtection(selector);
    const frame = currentFrame(cpu);
    frame.reserve(words, size);
    if (offset > code.limit) throw generalProtection();
    pushReturn(cpu, frame, flags, what, size);
    markAccessed(cpu, code);
    finish(cpu, gate, code, s.cpl, offset);
    return frame.commit();
  }
  if (s.virtual8086 && code.dpl !== 0) throw generalProtection(selector);
  const target = innerStack(cpu, code.dpl);
  const stack = checkStackSegment(cpu, target.selector, code.dpl, VECTOR.TS);
  const frame = new StackFrame(cpu, newStack(stack, code.dpl), target.pointer);
  frame.reserve(words + 2 + (s.virtual8086 ? 4 : 0), size);
  if (offset > code.limit) throw generalProtection();
  const fromVirtual = s.virtual8086;
  if (fromVirtual) for (const segment of [L.GS, L.FS, L.DS, L.ES]) frame.push(s.selector(segment), size);
  frame.push(s.selector(L.SS), size);
  frame.push(s.reg(L.RSP), size);
  pushReturn(cpu, frame, flags, what, size);
  markAccessed(cpu, code);
  markAccessed(cpu, stack);
  s.flags = flags & ~FLAG.VM;
  if (fromVirtual) for (const segment of [L.GS, L.FS, L.DS, L.ES]) cpu.setNullSegment(segment, 0);
  cpu.setCpl(code.dpl);
  installSegment(cpu, L.SS, stack, code.dpl);
  frame.commit();
  finish(cpu, gate, code, code.dpl, offset);
}

function pushReturn(cpu: Cpu, frame: StackFrame, flags: number, what: Interruption, size: StackBytes): void {
  // RF is set in the image of a fault, so that the restarted instruction does not hit its breakpoint again.
  frame.push(what.cause === 'exception' && what.vector !== VECTOR.DB ? flags | FLAG.RF : flags, size);
  frame.push(cpu.state.selector(L.CS), size);
  frame.push(what.returnTo, size);
  if (what.errorCode !== undefined) frame.push(what.errorCode, size);
}

function finish(cpu: Cpu, gate: Descriptor, code: Descriptor, cpl: number, offset: number): void {
  const s = cpu.state;
  const interruptGate = (gate.type & 1) === 0;
  s.flags = s.flags & ~(FLAG.TF | FLAG.NT | FLAG.RF | FLAG.VM | (interruptGate ? FLAG.IF : 0));
  installSegment(cpu, L.CS, code, cpl);
  s.eip = offset;
}
