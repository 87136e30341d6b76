/**
 * All services of SSE to SSE4.2, and the same of AVX with FMA3 and F16C, under their mnemonics.
 */
import type { Service } from '../operation';
import { fmaServices } from './fmaServices';
import { halfServices } from './halfServices';
import { arithmeticServices } from './sseArithmetic';
import { conversionServices } from './sseConversion';
import { sseMmxConversion } from './sseMmxConversion';
import { sseState } from './sseState';
import { stringServices } from './sseStrings';
import { AVX, SSE } from './vectorEncoding';
import type { EncodingSet } from './vectorEncoding';

/** What both instruction sets have, by mnemonics of SSE. */
const shared = (encodings: EncodingSet): Record<string, Service> => ({
  ...arithmeticServices(encodings), ...conversionServices(encodings), ...stringServices(encodings),
});

const withPrefix = (services: Readonly<Record<string, Service>>): Record<string, Service> =>
  Object.fromEntries(Object.entries(services).map(([name, service]) => [`v${name}`, service]));

export const sseServices: Readonly<Record<string, Service>> = {
  ...shared(SSE),
  ...sseMmxConversion,
  ...sseState,
  ...withPrefix(shared(AVX)),
  vldmxcsr: sseState.ldmxcsr,
  vstmxcsr: sseState.stmxcsr,
  ...fmaServices,
  ...halfServices,
};
