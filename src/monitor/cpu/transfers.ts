/**
 * Far transfers of control: jumps, calls, returns and IRET, direct and through gates (Intel SDM vol. 2; vol. 3, 5.8).
 */
import { VECTOR, fault, generalProtection, type Cpu } from './cpu';
import {
  SYSTEM,
  checkStackSegment,
  dropInnerSegments,
  fetchDescriptor,
  installSegment,
  isNull,
  markAccessed,
  type Descriptor,
} from './descriptors';
import * as L from './layout';
import { FLAG } from './state';
import { StackFrame, currentStack, newStack } from './stackFrame';
import { innerStack, returnFromTask, switchTask, taskOfGate } from './taskState';

/** A far pointer as an instruction gives it. */
export interface FarPointer {
  readonly selector: number;
  readonly offset: number;
}

const codeOf = (selector: number): number => selector & 0xfffc;

function checkOffset(offset: number, limit: number): void {
  if (offset > limit) throw generalProtection();
}

/** Checks a code segment for a direct transfer at the present privilege. */
function checkDirectCode(cpu: Cpu, d: Descriptor): void {
  const cpl = cpu.state.cpl;
  const allowed = d.isConforming ? d.dpl <= cpl : (d.selector & 3) <= cpl && d.dpl === cpl;
  if (!allowed) throw generalProtection(d.selector);
  if (!d.present) throw fault(VECTOR.NP, codeOf(d.selector));
}

/** Checks a code segment that a gate names. */
function checkGateCode(cpu: Cpu, selector: number): Descriptor {
  if (isNull(selector)) throw generalProtection();
  const d = fetchDescriptor(cpu, selector);
  if (!d.isCode || d.dpl > cpu.state.cpl) throw generalProtection(selector);
  if (!d.present) throw fault(VECTOR.NP, codeOf(selector));
  return d;
}

interface CallGate {
  readonly selector: number;
  readonly offset: number;
  readonly parameters: number;
  readonly size: 2 | 4;
}

function callGate(d: Descriptor): CallGate {
  const wide = d.type === SYSTEM.callGate32;
  return {
    selector: d.low >>> 16,
    offset: wide ? ((d.low & 0xffff) | (d.high & 0xffff0000)) >>> 0 : d.low & 0xffff,
    parameters: d.high & 0x1f,
    size: wide ? 4 : 2,
  };
}

function checkGateAccess(cpu: Cpu, d: Descriptor): void {
  if (d.dpl < cpu.state.cpl || d.dpl < (d.selector & 3)) throw generalProtection(d.selector);
  if (!d.present) throw fault(VECTOR.NP, codeOf(d.selector));
}

function enterCode(cpu: Cpu, d: Descriptor, rpl: number, offset: number): void {
  markAccessed(cpu, d);
  installSegment(cpu, L.CS, d, rpl);
  cpu.state.eip = offset;
}

function realTransfer(cpu: Cpu, target: FarPointer): void {
  checkOffset(target.offset, cpu.state.virtual8086 ? 0xffff : cpu.state.limit(L.CS));
  cpu.setRealSegment(L.CS, target.selector);
  cpu.state.eip = target.offset;
}

/** JMP far. `next`: instruction pointer behind it (kept by the old task in a task switch). */
export function farJump(cpu: Cpu, target: FarPointer, next: number): void {
  if (!cpu.state.descriptorMode) return realTransfer(cpu, target);
  if (isNull(target.selector)) throw generalProtection();
  const d = fetchDescriptor(cpu, target.selector);
  if (d.isSegment) {
    if (!d.isCode) throw generalProtection(target.selector);
    checkDirectCode(cpu, d);
    checkOffset(target.offset, d.limit);
    return enterCode(cpu, d, cpu.state.cpl, target.offset);
  }
  switch (d.type) {
    case SYSTEM.callGate16:
    case SYSTEM.callGate32: {
      checkGateAccess(cpu, d);
      const gate = callGate(d);
      const code = checkGateCode(cpu, gate.selector);
      if (!code.isConforming && code.dpl !== cpu.state.cpl) throw generalProtection(gate.selector);
      checkOffset(gate.offset, code.limit);
      return enterCode(cpu, code, cpu.state.cpl, gate.offset);
    }
    case SYSTEM.taskGate:
      checkGateAccess(cpu, d);
      return switchTask(cpu, taskOfGate(cpu, d.low >>> 16), 'jump', next);
    case SYSTEM.tss16:
    case SYSTEM.tss32:
      checkGateAccess(cpu, d);
      return switchTask(cpu, d, 'jump', next);
    default:
      throw generalProtection(target.selector);
  }
}

/** CALL far, pushing CS and the next instruction pointer in the operand size. */
export function farCall(cpu: Cpu, target: FarPointer, next: number, size: 2 | 4): void {
  const s = cpu.state;
  if (!s.descriptorMode) {
    checkOffset(target.offset, s.virtual8086 ? 0xffff : s.limit(L.CS));
    const frame = new StackFrame(cpu, currentStack(cpu), s.reg(L.RSP));
    frame.push(s.selector(L.CS), size);
    frame.push(next, size);
    frame.commit();
    return realTransfer(cpu, target);
  }
  if (isNull(target.selector)) throw generalProtection();
  const d = fetchDescriptor(cpu, target.selector);
  if (d.isSegment) {
    if (!d.isCode) throw generalProtection(target.selector);
    checkDirectCode(cpu, d);
    return callSamePrivilege(cpu, d, target.offset, next, size);
  }
  switch (d.type) {
    case SYSTEM.callGate16:
    case SYSTEM.callGate32: {
      checkGateAccess(cpu, d);
      const gate = callGate(d);
      const code = checkGateCode(cpu, gate.selector);
      if (!code.isConforming && code.dpl < s.cpl) return callInner(cpu, gate, code, next);
      return callSamePrivilege(cpu, code, gate.offset, next, gate.size);
    }
    case SYSTEM.taskGate:
      checkGateAccess(cpu, d);
      return switchTask(cpu, taskOfGate(cpu, d.low >>> 16), 'call', next);
    case SYSTEM.tss16:
    case SYSTEM.tss32:
      checkGateAccess(cpu, d);
      return switchTask(cpu, d, 'call', next);
    default:
      throw generalProtection(target.selector);
  }
}

function callSamePrivilege(cpu: Cpu, code: Descriptor, offset: number, next: number, size: 2 | 4): void {
  const s = cpu.state;
  const frame = new StackFrame(cpu, currentStack(cpu), s.reg(L.RSP));
  frame.reserve(2 * size);
  checkOffset(offset, code.limit);
  frame.push(s.selector(L.CS), size);
  frame.push(next, size);
  enterCode(cpu, code, s.cpl, offset);
  frame.commit();
}

function callInner(cpu: Cpu, gate: CallGate, code: Descriptor, next: number): void {
  const s = cpu.state;
  const privilege = code.dpl;
  const { selector, pointer } = innerStack(cpu, privilege);
  const stack = checkStackSegment(cpu, selector, privilege, VECTOR.TS);
  const old = new StackFrame(cpu, currentStack(cpu), s.reg(L.RSP));
  const parameters: number[] = [];
  for (let i = 0; i < gate.parameters; i++) parameters.push(old.pop(gate.size));
  const frame = new StackFrame(cpu, newStack(stack, privilege), pointer);
  frame.reserve((4 + gate.parameters) * gate.size);
  checkOffset(gate.offset, code.limit);
  frame.push(s.selector(L.SS), gate.size);
  frame.push(s.reg(L.RSP), gate.size);
  for (const parameter of parameters.reverse()) frame.push(parameter, gate.size);
  frame.push(s.selector(L.CS), gate.size);
  frame.push(next, gate.size);
  cpu.setCpl(privilege);
  markAccessed(cpu, stack);
  installSegment(cpu, L.SS, stack, privilege);
  frame.commit();
  enterCode(cpu, code, privilege, gate.offset);
}

/** RET far; `extra` bytes of parameters are dropped from both stacks. */
export function farReturn(cpu: Cpu, size: 2 | 4, extra: number): void {
  const s = cpu.state;
  const frame = new StackFrame(cpu, currentStack(cpu), s.reg(L.RSP));
  const offset = frame.pop(size);
  const selector = frame.pop(size) & 0xffff;
  if (!s.descriptorMode) {
    frame.skip(extra);
    realTransfer(cpu, { selector, offset });
    return frame.commit();
  }
  const code = checkReturnCode(cpu, selector);
  const rpl = selector & 3;
  if (rpl === s.cpl) {
    checkOffset(offset, code.limit);
    frame.skip(extra);
    enterCode(cpu, code, rpl, offset);
    return frame.commit();
  }
  frame.skip(extra);
  returnOuter(cpu, frame, code, offset, size, extra);
}

function checkReturnCode(cpu: Cpu, selector: number): Descriptor {
  if (isNull(selector)) throw generalProtection();
  const d = fetchDescriptor(cpu, selector);
  const rpl = selector & 3;
  const allowed = d.isCode && rpl >= cpu.state.cpl && (d.isConforming ? d.dpl <= rpl : d.dpl === rpl);
  if (!allowed) throw generalProtection(selector);
  if (!d.present) throw fault(VECTOR.NP, codeOf(selector));
  return d;
}

/** The second half of a return to an outer privilege: SS:ESP come from the stack. */
function returnOuter(cpu: Cpu, frame: StackFrame, code: Descriptor, offset: number, size: 2 | 4, extra: number): void {
  const rpl = code.selector & 3;
  const pointer = frame.pop(size);
  const selector = frame.pop(size) & 0xffff;
  const stack = checkStackSegment(cpu, selector, rpl, VECTOR.GP);
  checkOffset(offset, code.limit);
  cpu.setCpl(rpl);
  enterCode(cpu, code, rpl, offset);
  markAccessed(cpu, stack);
  installSegment(cpu, L.SS, stack);
  const outer = new StackFrame(cpu, newStack(stack, rpl), pointer);
  outer.skip(extra);
  outer.commit();
  dropInnerSegments(cpu, rpl);
}

/** IRET, IRETD. `next` as for jumps. */
export function interruptReturn(cpu: Cpu, size: 2 | 4, next: number): void {
  const s = cpu.state;
  if (s.virtual8086 && s.iopl < 3) throw generalProtection();
  if (s.descriptorMode && s.systemFlags & FLAG.NT) return returnFromTask(cpu, next);
  const frame = new StackFrame(cpu, currentStack(cpu), s.reg(L.RSP));
  const offset = frame.pop(size);
  const selector = frame.pop(size) & 0xffff;
  const image = frame.pop(size);
  if (!s.descriptorMode) {
    realTransfer(cpu, { selector, offset });
    // IOPL changes in real mode only; VM, VIF and VIP never.
    restoreFlags(cpu, image, size, s.virtual8086 ? FLAG.IOPL : 0);
    return frame.commit();
  }
  if (size === 4 && image & FLAG.VM && s.cpl === 0) return returnToVirtual8086(cpu, frame, offset, selector, image);
  const code = checkReturnCode(cpu, selector);
  const kept = (s.cpl === 0 ? 0 : FLAG.IOPL) | (s.cpl <= s.iopl ? 0 : FLAG.IF);
  if ((selector & 3) === s.cpl) {
    checkOffset(offset, code.limit);
    enterCode(cpu, code, s.cpl, offset);
    restoreFlags(cpu, image, size, kept);
    return frame.commit();
  }
  returnOuter(cpu, frame, code, offset, size, 0);
  restoreFlags(cpu, image, size, kept);
}

/** Flags from a stack image, except those in `kept`, VM, VIF and VIP (CPL 0 may set the last two). */
function restoreFlags(cpu: Cpu, image: number, size: 2 | 4, kept: number): void {
  const s = cpu.state;
  const privileged = s.cpl === 0 && s.descriptorMode ? 0 : FLAG.VIF | FLAG.VIP;
  const keep = kept | FLAG.VM | privileged | (size === 2 ? 0xffff0000 : 0);
  s.flags = (s.flags & keep) | (image & ~keep);
  cpu.attention = true;
}

function returnToVirtual8086(cpu: Cpu, frame: StackFrame, offset: number, cs: number, image: number): void {
  const s = cpu.state;
  const pointer = frame.pop(4);
  const [ss, es, ds, fs, gs] = [frame.pop(4), frame.pop(4), frame.pop(4), frame.pop(4), frame.pop(4)];
  checkOffset(offset, 0xffff);
  s.flags = image;
  cpu.setCpl(3);
  const loads: readonly (readonly [number, number])[] = [[L.CS, cs], [L.SS, ss], [L.ES, es], [L.DS, ds], [L.FS, fs], [L.GS, gs]];
  for (const [segment, selector] of loads) cpu.setRealSegment(segment, selector);
  s.eip = offset;
  s.setReg(L.RSP, pointer);
  cpu.attention = true;
}
