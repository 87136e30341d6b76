/**
 * What is decoded together with a block that is met for the first time. Each such block costs a return of generated code, and a block that ends with a
 * jump, a call or nothing at all is followed by another one for sure: by the target, by the place behind the call when the call returns. Which way a
 * conditional branch goes is not known, and of the two sides of one only half are ever come to.
 */
import type { Instruction } from '../isa/decoder';
import type { CodePage } from './codePage';
import type { R } from './records';

/** Where an instruction leads for sure, or all but: to its target; behind itself. */
export const LEADS = { target: 1, behind: 2 } as const;

export function leadsOf({ name }: Instruction): number {
  if (name === 'jmp') return LEADS.target;
  if (name === 'call') return LEADS.target | LEADS.behind;
  return name === 'callIndirect' ? LEADS.behind : 0;
}

/** Offset of the block that a field of a branch's record leads to; -1 for none in this page. */
export function offsetBySlot(words: Int32Array, record: number, field: typeof R.link | typeof R.linkBehind, { table, context }: CodePage): number {
  const offset = ((words[(record + field) >> 2] ?? 0) - table) >> 2;
  return offset >= context.first && offset < context.end ? offset : -1;
}
