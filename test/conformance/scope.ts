/**
 * Which vectors the present CPU model can be held to. The others are left out, with the reason, and are
 * never counted as passed.
 */
import { decode } from '../../src/monitor/isa/decoder';
import type { Vector } from './vectorFile';

/** Why a whole family is left out, or undefined. */
export function familyLeftOut(family: string): string | undefined {
  if (family.startsWith('v3/')) return 'the CPU model has no AVX';
  return /^(mmx|sse|ssse|pcmpstr)/.test(family) ? 'the CPU model has no MMX and SSE' : undefined;
}

/** Instructions whose memory image has SSE state in it, which the CPU model lacks. */
const SSE_IMAGES: ReadonlySet<string> = new Set(['!fxsave', '!fxrstor']);

/** Why a vector is left out, or undefined. */
export function vectorLeftOut(vector: Vector): string | undefined {
  if (vector.m === 64) return '64-bit mode is not there yet';
  const code = Buffer.from(vector.b, 'hex');
  const name = decode(code, 0, code.length, 32)?.name;
  return name !== undefined && SSE_IMAGES.has(name) ? 'FXSAVE and FXRSTOR move SSE state, which the CPU model lacks' : undefined;
}
