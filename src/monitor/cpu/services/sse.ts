/**
 * All services of SSE to SSE4.2, under their mnemonics.
 */
import type { Service } from '../operation';
import { sseArithmetic } from './sseArithmetic';
import { sseConversion } from './sseConversion';
import { sseState } from './sseState';
import { sseStrings } from './sseStrings';

export const sseServices: Readonly<Record<string, Service>> = {
  ...sseArithmetic,
  ...sseConversion,
  ...sseState,
  ...sseStrings,
};
