/**
 * Meanings of instructions that carry the state of the x87 and SSE units: FXSAVE, FXRSTOR, LDMXCSR, STMXCSR (Intel SDM vol. 2).
 * Reserved bits, and images across pages, are left to the services of the same names.
 */
import type { Meaning } from '../emitter';

/** Bits of MXCSR that there are. */
const MXCSR_WRITABLE = 0xffff;

export const units: Readonly<Record<string, Meaning>> = {
  fxsave: (e) => e.orService((giveUpIf) => e.transferUnits('fxsave', giveUpIf)),
  fxrstor: (e) => e.orService((giveUpIf) => e.transferUnits('fxrstor', giveUpIf)),
  ldmxcsr: (e) =>
    e.orService((giveUpIf) => {
      const value = e.read(0, 32);
      giveUpIf(e.and(value, e.i32(~MXCSR_WRITABLE)));
      e.setMxcsr(value);
    }),
  stmxcsr: (e) => e.write(0, e.mxcsr(), 32),
};
