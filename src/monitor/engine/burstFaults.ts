/**
 * Page faults of generated code: it has returned for nothing else, the fault is delivered at once, and the burst goes on in its handler. The run loop would do
 * the same, and much more besides. Of other faults guests have few; and one that faults for ever is seen by what its accesses ask of the monitor.
 */
import { VECTOR, type Cpu } from '../cpu/cpu';
import { deliveredQuickly, noteFaultAddress } from '../cpu/interrupts';
import * as L from '../cpu/layout';
import type { GuestFault } from '../memory/guestFault';
import { mayDeliver } from './burstInterrupts';
import type { Burst } from './burst';
import { EXIT } from './records';

/** The engine, as far as this takes part of it. */
export interface FaultingEngine {
  readonly cpu: Cpu;
  readonly burst: Burst;
  /** Whether anybody waits for control at an instruction boundary. */
  readonly isAwaited: boolean;
  /** Vectors that the debugger stops at before they are delivered. */
  readonly stopVectors: ReadonlySet<number>;
  offsetOf(record: number): number;
  /** A fault has been delivered at the instruction of EXIT_RECORD. */
  noteFault(): void;
}

export class BurstFaults {
  constructor(private readonly engine: FaultingEngine) {}

  /**
   * Generated code has returned with a fault. Delivers it, if that is all there is to do, and says whether the burst goes on at EIP, in its handler. When
   * it has not reached that, it ends as behind a jump; or as with a fault, if that has not been delivered.
   */
  goesOn(fault: GuestFault): boolean {
    const { engine } = this;
    const { cpu, burst } = engine;
    const s = cpu.state;
    if (fault.vector !== VECTOR.PF || fault.late || s.u32(L.EXIT_REASON) !== EXIT.fault || cpu.attention) return false;
    const record = s.u32(L.EXIT_RECORD);
    // The delivery counts as an instruction. Where the budget ends with it, the run loop knows what belongs to that moment.
    if (!mayDeliver(engine) || engine.stopVectors.has(fault.vector) || burst.leftBehind(record) <= 0) return false;
    s.eip = engine.offsetOf(record);
    noteFaultAddress(cpu, fault);
    if (!deliveredQuickly(cpu, { vector: fault.vector, cause: 'exception', errorCode: fault.errorCode, returnTo: s.eip })) return false;
    burst.leaveBlock(record);
    s.setU32(L.EXIT_REASON, EXIT.jump);
    engine.noteFault();
    return !cpu.attention;
  }
}
