/**
 * The MMX registers, which are the significands of the PHYSICAL x87 registers.
 * Source: Intel SDM volume 1, 9.2.2 and 9.6.2 (effect of MMX instructions on the x87 state).
 */

import { StatusWord } from './layout';
import type { FpuState } from './state';

/** What every MMX instruction but EMMS does first: TOP becomes 0 and all tags valid. #MF is checked by `waitX87`. */
export function enterMmx(fpu: FpuState): void {
  fpu.statusWord &= ~StatusWord.top;
  fpu.tagWord = 0xff;
}

/** Writes MMi; the register's sign and exponent become all ones. */
export function writeMmx(fpu: FpuState, index: number, high: number, low: number): void {
  fpu.setEncoding(index, 0xffff, high, low);
}
