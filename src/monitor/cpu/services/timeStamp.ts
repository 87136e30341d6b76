/**
 * The time-stamp counter as RDTSC and RDTSCP read it: one tick a cycle of virtual time.
 */
import { generalProtection, type Cpu } from '../cpu';
import * as L from '../layout';
import type { Outcome } from '../operation';
import { CR4 } from '../state';

/** EDX:EAX = TSC; #GP(0) outside CPL 0 when CR4.TSD is set. */
export function readTimeStamp(cpu: Cpu): Outcome {
  const s = cpu.state;
  if (s.cr4 & CR4.TSD && s.cpl !== 0) throw generalProtection();
  // Two halves: this is a hot instruction of delay loops, and too wide for a number.
  const now = cpu.surroundings.now();
  const low = (now % 2 ** 32) + s.u32(L.MSR_TSC_OFFSET);
  const high = Math.floor(now / 2 ** 32) + s.u32(L.MSR_TSC_OFFSET + 4) + (low >= 2 ** 32 ? 1 : 0);
  s.setReg(L.RAX, low >>> 0);
  s.setReg(L.RDX, high >>> 0);
  return 'next';
}
