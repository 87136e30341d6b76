/**
 * The x87 FPU's public face.
 */

export { executeX87, waitX87 } from './execute';
export { FPU_LAYOUT, FPU_REGISTER_BYTES, FPU_STATE_BYTES, StatusWord } from './layout';
export { FpuState } from './state';
export { loadFxsave, storeFxsave } from './environment';
export { enterMmx, writeMmx } from './mmx';
export { describeX87, toDecimal } from './describe';
export type { X87Description, X87RegisterDescription } from './describe';
export type { X87Outcome, X87Port, X87Request } from './types';
