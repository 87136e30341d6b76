/**
 * What all SSE services share: how operands come from registers and memory into the floating-point unit's lanes,
 * how results go back, and how exceptions are raised.
 *
 * Sources: Intel SDM volume 1, 11.5 (exceptions); volume 3, table 2-1 on (exception classes 2 to 5), 6.15 (#XM).
 */
import { CPU_BASE, PAGE_BYTES } from '../../memory/layout';
import { VECTOR, fault, generalProtection, type Cpu } from '../cpu';
import * as L from '../layout';
import type { Operation } from '../operation';
import { FloatUnit } from '../softfloat/unit';
import type { Lanes } from '../softfloat/lanes';
import { CR4 } from '../state';

/** Bytes of an XMM register. */
export const XMM_BYTES = 16;

/** Kinds of memory accesses as `Mmu.hostFor` takes them. */
const READ_ACCESS = 0, WRITE_ACCESS = 1;

/** The workbench of all services; each begins with its own operands and MXCSR. */
export const unit = new FloatUnit();

/** What registers are moved by. */
type Words = Pick<Lanes, 'u32'>;

/** Loads `bytes` of a register of the state block. */
export function loadRegister(cpu: Cpu, to: Words, slot: number, bytes: number): void {
  copyIn(cpu.state.view, to, CPU_BASE + slot, bytes);
}

function copyIn(view: DataView, to: Words, host: number, bytes: number): void {
  const { u32 } = to;
  for (let i = 0; i < bytes; i += 4) u32[i >> 2] = view.getUint32(host + i, true);
}

/** Loads the last operand: `bytes` of a register (the second one unless `slot` says otherwise), or of memory wherever it lies. */
export function loadSource(cpu: Cpu, op: Operation, to: Words, bytes: number, slot = op.slotB): void {
  if (!op.isMemory) return loadRegister(cpu, to, slot, bytes);
  copyIn(cpu.state.view, to, cpu.mmu.hostFor(cpu.linear(op.segment, op.offset, bytes, false), bytes, READ_ACCESS, cpu.user), bytes);
}

/** Loads the second operand of 16 bytes; in memory it must be aligned. */
export function loadAlignedSource(cpu: Cpu, op: Operation, to: Words): void {
  if (op.isMemory) checkAlignment(cpu, op);
  loadSource(cpu, op, to, XMM_BYTES);
}

/** #GP(0) for a memory operand that is not aligned to 16 bytes. It goes before all other faults of the address. */
export function checkAlignment(cpu: Cpu, op: Operation): void {
  if ((cpu.state.linear(op.segment, op.offset) & (XMM_BYTES - 1)) !== 0) throw generalProtection();
}

/** Stores the first `bytes` of the result in a register; the rest of it stays. */
export function storeResult(cpu: Cpu, slot: number, bytes: number): void {
  storeRegister(cpu, unit.result, slot, bytes);
}

/** Stores the first `bytes` of words in a register; the rest of it stays. */
export function storeRegister(cpu: Cpu, { u32 }: Words, slot: number, bytes: number): void {
  const { view } = cpu.state;
  for (let i = 0; i < bytes; i += 4) view.setUint32(CPU_BASE + slot + i, u32[i >> 2], true);
}

/** Where a result of `bytes` will go that is stored in memory; faults before anything has changed. */
export function destinationHost(cpu: Cpu, op: Operation, bytes: number): number {
  return cpu.mmu.hostFor(cpu.linear(op.segment, op.offset, bytes, true), bytes, WRITE_ACCESS, cpu.user);
}

/** Stores the first `bytes` of the result there. */
export function storeToHost(cpu: Cpu, host: number, bytes: number): void {
  const { u32 } = unit.result;
  for (let i = 0; i < bytes; i += 4) cpu.state.view.setUint32(host + i, u32[i >> 2], true);
  if (host < PAGE_BYTES) cpu.mmu.commit();
}

/** Sets up the unit for a computation under the present MXCSR. */
export function beginComputation(cpu: Cpu): void {
  unit.begin(cpu.state.u32(L.MXCSR));
}

/** Sets the exceptions met in MXCSR, and faults if one of them is not masked: #XM, or #UD when CR4.OSXMMEXCPT is clear. */
export function settleExceptions(cpu: Cpu): void {
  const flags = unit.reported;
  if (flags === 0) return;
  const s = cpu.state;
  s.setU32(L.MXCSR, s.u32(L.MXCSR) | flags);
  if ((flags & unit.unmasked) !== 0) throw fault(s.cr4 & CR4.OSXMMEXCPT ? VECTOR.XM : VECTOR.UD);
}
