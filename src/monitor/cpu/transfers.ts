/**
 * Far transfers of control: jumps, calls, returns and IRET, direct and through gates (Intel SDM vol. 2; vol. 3, 5.8).
 */
import { VECTOR, fault, generalProtection, type Cpu } from './cpu';
import { SYSTEM, gateOffset, gateSelector, type Descriptor } from './descriptorLayout';
import { directCodeRefusal, farAccessRefusal, gateCodeRefusal } from './descriptorRules';
import {
  checkCodeOffset,
  checkStackSegment,
  dropInnerSegments,
  fetchDescriptor,
  installSegment,
  isNull,
  isUsableCode,
  joinHalves,
  markAccessed,
  obey,
  setNullStack,
  upperHalf,
} from './descriptors';
import * as L from './layout';
import { ATTRIBUTE, FLAG, NMI } from './state';
import { StackFrame, currentFrame, flatStack, newStack, type StackBytes } from './stackFrame';
import { innerStack, innerStackPointer, returnFromTask, switchTask, taskOfGate } from './taskState';
import { checkVirtualImage, loadVirtualImage, virtualTask } from './virtualInterrupts';

/** A far pointer as an instruction gives it. */
export interface FarPointer {
  readonly selector: number;
  readonly offset: number;
}

const codeOf = (selector: number): number => selector & 0xfffc;

interface CallGate {
  readonly selector: number;
  readonly offset: number;
  readonly parameters: number;
  readonly size: StackBytes;
}

function callGate(cpu: Cpu, d: Descriptor): CallGate {
  const wide = d.type === SYSTEM.callGate32;
  const long = cpu.state.longMode;
  return {
    selector: gateSelector(d),
    offset: long ? joinHalves(cpu, gateOffset(d), upperHalf(cpu, d)) : gateOffset(d),
    parameters: long ? 0 : d.high & 0x1f,
    size: long ? 8 : wide ? 4 : 2,
  };
}

/** Checks the code segment that a gate names: in long mode it must be one of 64-bit code. JMP stays at its privilege. */
function checkGateCode(cpu: Cpu, selector: number, jumps: boolean): Descriptor {
  if (isNull(selector)) throw generalProtection();
  const d = fetchDescriptor(cpu, selector);
  obey(gateCodeRefusal(d, cpu.state.cpl, cpu.state.longMode, jumps), selector);
  return d;
}

/** Loads CS and the instruction pointer. Cannot fault: the descriptor was checked and marked before. */
function enterCode(cpu: Cpu, d: Descriptor, rpl: number, offset: number): void {
  installSegment(cpu, L.CS, d, rpl);
  cpu.state.eip = offset;
}

function checkRealOffset(cpu: Cpu, offset: number): void {
  const { virtual8086 } = cpu.state;
  if (offset > (virtual8086 ? 0xffff : cpu.state.limit(L.CS))) throw generalProtection();
}

function realTransfer(cpu: Cpu, target: FarPointer): void {
  checkRealOffset(cpu, target.offset);
  cpu.setRealSegment(L.CS, target.selector);
  cpu.state.eip = target.offset;
}

/** What a far pointer of JMP or CALL leads to. */
type FarTarget =
  | { readonly kind: 'code'; readonly code: Descriptor }
  | { readonly kind: 'gate'; readonly gate: CallGate; readonly code: Descriptor }
  | { readonly kind: 'task'; readonly task: Descriptor };

/** Looks up and checks the target of a far JMP or CALL (Intel SDM vol. 2, JMP and CALL; vol. 3, 5.8). */
function farTarget(cpu: Cpu, selector: number, jumps: boolean): FarTarget {
  if (isNull(selector)) throw generalProtection();
  const d = fetchDescriptor(cpu, selector);
  if (d.isSegment) {
    obey(directCodeRefusal(d, cpu.state.cpl, cpu.state.longMode), selector);
    return { kind: 'code', code: d };
  }
  const { longMode } = cpu.state;
  if (d.type === SYSTEM.callGate32 || (d.type === SYSTEM.callGate16 && !longMode)) {
    obey(farAccessRefusal(d, cpu.state.cpl), selector);
    const gate = callGate(cpu, d);
    return { kind: 'gate', gate, code: checkGateCode(cpu, gate.selector, jumps) };
  }
  const isTss = d.type === SYSTEM.tss16 || d.type === SYSTEM.tss32;
  // TSS descriptors lie in the GDT; long mode has no tasks (Intel SDM vol. 3, 8.2.2, table 8-1).
  if (longMode || !(isTss || d.type === SYSTEM.taskGate) || (isTss && selector & 4)) throw generalProtection(selector);
  obey(farAccessRefusal(d, cpu.state.cpl), selector);
  return { kind: 'task', task: isTss ? d : taskOfGate(cpu, d.low >>> 16) };
}

/** JMP far. `next`: instruction pointer behind it (kept by the old task in a task switch). */
export function farJump(cpu: Cpu, pointer: FarPointer, next: number): void {
  const { state } = cpu;
  if (!state.descriptorMode) return realTransfer(cpu, pointer);
  const target = farTarget(cpu, pointer.selector, true);
  if (target.kind === 'task') return switchTask(cpu, target.task, 'jump', next);
  const { code } = target;
  const offset = target.kind === 'gate' ? target.gate.offset : pointer.offset;
  checkCodeOffset(cpu, code, offset);
  markAccessed(cpu, code);
  enterCode(cpu, code, state.cpl, offset);
}

/** CALL far, pushing CS and the next instruction pointer in the operand size. */
export function farCall(cpu: Cpu, pointer: FarPointer, next: number, size: StackBytes): void {
  const s = cpu.state;
  if (!s.descriptorMode) {
    checkRealOffset(cpu, pointer.offset);
    const frame = currentFrame(cpu);
    frame.reserve(2, size);
    frame.push(s.selector(L.CS), size);
    frame.push(next, size);
    frame.commit();
    return realTransfer(cpu, pointer);
  }
  const target = farTarget(cpu, pointer.selector, false);
  if (target.kind === 'task') return switchTask(cpu, target.task, 'call', next);
  const { code } = target;
  if (target.kind === 'code') return callSamePrivilege(cpu, code, pointer.offset, next, size);
  if (!code.isConforming && code.dpl < s.cpl) return callInner(cpu, target.gate, code, next);
  callSamePrivilege(cpu, code, target.gate.offset, next, target.gate.size);
}

function callSamePrivilege(cpu: Cpu, code: Descriptor, offset: number, next: number, size: StackBytes): void {
  const s = cpu.state;
  const frame = currentFrame(cpu);
  frame.reserve(2, size);
  checkCodeOffset(cpu, code, offset);
  frame.push(s.selector(L.CS), size);
  frame.push(next, size);
  markAccessed(cpu, code);
  enterCode(cpu, code, s.cpl, offset);
  frame.commit();
}

function callInner(cpu: Cpu, gate: CallGate, code: Descriptor, next: number): void {
  if (cpu.state.longMode) return callInnerLong(cpu, gate, code, next);
  const s = cpu.state;
  const privilege = code.dpl;
  const { selector, pointer } = innerStack(cpu, privilege);
  const stack = checkStackSegment(cpu, selector, privilege, VECTOR.TS);
  const old = currentFrame(cpu);
  const parameters: number[] = [];
  for (let i = 0; i < gate.parameters; i++) parameters.push(old.pop(gate.size));
  const frame = new StackFrame(cpu, newStack(stack, privilege), pointer);
  frame.reserve(4 + gate.parameters, gate.size);
  checkCodeOffset(cpu, code, gate.offset);
  frame.push(s.selector(L.SS), gate.size);
  frame.push(s.reg(L.RSP), gate.size);
  for (const parameter of parameters.reverse()) frame.push(parameter, gate.size);
  frame.push(s.selector(L.CS), gate.size);
  frame.push(next, gate.size);
  markAccessed(cpu, code);
  markAccessed(cpu, stack);
  cpu.setCpl(privilege);
  installSegment(cpu, L.SS, stack, privilege);
  frame.commit();
  enterCode(cpu, code, privilege, gate.offset);
}

/** To an inner privilege in long mode: SS becomes null, and RSP comes from the TSS. */
function callInnerLong(cpu: Cpu, gate: CallGate, code: Descriptor, next: number): void {
  const s = cpu.state;
  const privilege = code.dpl;
  const frame = new StackFrame(cpu, flatStack(privilege), innerStackPointer(cpu, privilege, 0));
  frame.reserve(4, 8);
  checkCodeOffset(cpu, code, gate.offset);
  frame.push(s.selector(L.SS), 8);
  frame.push64(s.reg64(L.RSP));
  frame.push(s.selector(L.CS), 8);
  frame.push(next, 8);
  markAccessed(cpu, code);
  cpu.setCpl(privilege);
  setNullStack(cpu, privilege);
  enterCode(cpu, code, privilege, gate.offset);
  frame.commit();
}

/** RET far; `extra` bytes of parameters are dropped from both stacks. */
export function farReturn(cpu: Cpu, size: StackBytes, extra: number): void {
  const s = cpu.state;
  const frame = currentFrame(cpu);
  const offset = frame.pop(size);
  const selector = frame.pop(size) & 0xffff;
  if (!s.descriptorMode) {
    frame.skip(extra);
    realTransfer(cpu, { selector, offset });
    return frame.commit();
  }
  const code = checkReturnCode(cpu, selector);
  const rpl = selector & 3;
  frame.skip(extra);
  if (rpl !== s.cpl) return returnOuter(cpu, frame, code, offset, size, extra);
  checkCodeOffset(cpu, code, offset);
  markAccessed(cpu, code);
  enterCode(cpu, code, rpl, offset);
  frame.commit();
}

function checkReturnCode(cpu: Cpu, selector: number): Descriptor {
  if (isNull(selector)) throw generalProtection();
  const d = fetchDescriptor(cpu, selector);
  const rpl = selector & 3;
  const allowed = isUsableCode(cpu, d) && rpl >= cpu.state.cpl && (d.isConforming ? d.dpl <= rpl : d.dpl === rpl);
  if (!allowed) throw generalProtection(selector);
  if (!d.present) throw fault(VECTOR.NP, codeOf(selector));
  return d;
}

/** The selector for SS that a return has popped: its descriptor, or undefined for a null one that 64-bit code may have. */
function checkReturnStack(cpu: Cpu, selector: number, code: Descriptor): Descriptor | undefined {
  const rpl = code.selector & 3;
  const long = cpu.state.longMode && (code.attributes & ATTRIBUTE.long) !== 0;
  if (isNull(selector) && long && rpl !== 3 && (selector & 3) === rpl) return undefined;
  return checkStackSegment(cpu, selector, rpl, VECTOR.GP);
}

/** The second half of a return to an outer privilege, and of IRET in 64-bit code: SS and the stack pointer come from the stack. */
function returnOuter(cpu: Cpu, frame: StackFrame, code: Descriptor, offset: number, size: StackBytes, extra: number): void {
  const rpl = code.selector & 3;
  const outer = rpl !== cpu.state.cpl;
  const pointer = size === 8 ? frame.pop64() : BigInt(frame.pop(size));
  const selector = frame.pop(size) & 0xffff;
  const stack = checkReturnStack(cpu, selector, code);
  checkCodeOffset(cpu, code, offset);
  markAccessed(cpu, code);
  if (stack) markAccessed(cpu, stack);
  cpu.setCpl(rpl);
  enterCode(cpu, code, rpl, offset);
  if (stack) installSegment(cpu, L.SS, stack);
  else setNullStack(cpu, rpl);
  if (cpu.state.code64 || !stack) cpu.state.setReg64(L.RSP, pointer + BigInt(extra));
  else {
    const to = new StackFrame(cpu, newStack(stack, rpl), Number(pointer & 0xffffffffn));
    to.skip(extra);
    to.commit();
  }
  if (outer) dropInnerSegments(cpu, rpl);
}

/** IRET, IRETD, IRETQ. `next` as for jumps. */
export function interruptReturn(cpu: Cpu, size: StackBytes, next: number): void {
  const s = cpu.state;
  const virtual = virtualTask(cpu);
  if (s.virtual8086 && s.iopl < 3 && !(virtual && size === 2)) throw generalProtection();
  // Non-maskable interrupts are open again even if the return faults (SDM vol. 3, 6.7.1).
  s.setU32(L.NON_MASKABLE, s.u32(L.NON_MASKABLE) & ~NMI.blocked);
  if (s.nmiReady) cpu.attention = true;
  if (s.descriptorMode && s.systemFlags & FLAG.NT) {
    if (s.longMode) throw generalProtection();
    return returnFromTask(cpu, next);
  }
  const frame = currentFrame(cpu);
  const offset = frame.pop(size);
  const selector = frame.pop(size) & 0xffff;
  const image = size === 8 ? Number(frame.pop64() & 0xffffffffn) : frame.pop(size);
  if (!s.descriptorMode) {
    if (virtual) checkVirtualImage(cpu, image);
    realTransfer(cpu, { selector, offset });
    if (virtual) {
      loadVirtualImage(cpu, image);
      return frame.commit();
    }
    // IOPL changes in real mode only; VM, VIF and VIP never.
    restoreFlags(cpu, image, size, s.virtual8086 ? FLAG.IOPL : 0);
    return frame.commit();
  }
  if (size === 4 && image & FLAG.VM && s.cpl === 0 && !s.longMode) return returnToVirtual8086(cpu, frame, offset, selector, image);
  const code = checkReturnCode(cpu, selector);
  const kept = (s.cpl === 0 ? 0 : FLAG.IOPL) | (s.cpl <= s.iopl ? 0 : FLAG.IF);
  const privileged = s.cpl === 0;
  if ((selector & 3) === s.cpl && !s.code64) {
    checkCodeOffset(cpu, code, offset);
    markAccessed(cpu, code);
    enterCode(cpu, code, s.cpl, offset);
    restoreFlags(cpu, image, size, kept, privileged);
    return frame.commit();
  }
  returnOuter(cpu, frame, code, offset, size, 0);
  restoreFlags(cpu, image, size, kept, privileged);
}

/**
 * Flags from a stack image, except those in `kept` and VM; VIF and VIP only if the code that returned was
 * privileged.
 */
function restoreFlags(cpu: Cpu, image: number, size: StackBytes, kept: number, privileged = false): void {
  const s = cpu.state;
  const keep = kept | FLAG.VM | (privileged ? 0 : FLAG.VIF | FLAG.VIP) | (size === 2 ? 0xffff0000 : 0);
  s.flags = (s.flags & keep) | (image & ~keep);
  cpu.attention = true;
}

function returnToVirtual8086(cpu: Cpu, frame: StackFrame, offset: number, cs: number, image: number): void {
  const s = cpu.state;
  const pointer = frame.pop(4);
  const [ss, es, ds, fs, gs] = [frame.pop(4), frame.pop(4), frame.pop(4), frame.pop(4), frame.pop(4)];
  if (offset > 0xffff) throw generalProtection();
  s.flags = image;
  cpu.setCpl(3);
  const loads: readonly (readonly [number, number])[] = [[L.CS, cs], [L.SS, ss], [L.ES, es], [L.DS, ds], [L.FS, fs], [L.GS, gs]];
  for (const [segment, selector] of loads) cpu.setRealSegment(segment, selector);
  s.eip = offset;
  s.setReg(L.RSP, pointer);
  cpu.attention = true;
}
