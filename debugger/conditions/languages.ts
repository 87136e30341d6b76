/**
 * The small languages of breakpoints: hit conditions ('5', '>= 5', '% 3') and log messages ('count = {count}').
 */
import type { Gate } from '../../src/monitor/machine/session';
import { userError } from '../ports';

export interface HitCondition {
  /** Whether a breakpoint that has been hit `hits` times (this one included) stops now. */
  holds(hits: number): boolean;
  /** The same for the monitor, which does not know all of them. */
  readonly gate?: Gate['hits'];
}

const HIT_CONDITION = /^(>=|<=|==|=|>|<|%)?\s*(\d+)$/;

/**
 * Parses a hit condition. A plain number N stops at the Nth hit and at each one after it.
 * Error when it is malformed.
 */
export function parseHitCondition(text: string): HitCondition {
  const match = HIT_CONDITION.exec(text.trim());
  if (!match) throw userError(`'${text}' is no hit condition: write a number, or >=, >, ==, <, <=, % and a number.`);
  const count = Number(match[2]);
  switch (match[1]) {
    case '>': return { holds: (hits) => hits > count, gate: { op: '>=', count: count + 1 } };
    case '<': return { holds: (hits) => hits < count };
    case '<=': return { holds: (hits) => hits <= count };
    case '=':
    case '==': return { holds: (hits) => hits === count, ...(count > 0 ? { gate: { op: '==' as const, count } } : {}) };
    case '%':
      if (count === 0) throw userError("'% 0' is no hit condition: no number is a multiple of 0.");
      return { holds: (hits) => hits % count === 0, gate: { op: 'multiple', count } };
    default: return { holds: (hits) => hits >= count, gate: { op: '>=', count: Math.max(count, 1) } };
  }
}

/** A piece of a log message. */
export type LogPiece = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'expression'; readonly text: string };

/** Splits a log message at its {expressions}; braces nest, so that `{a[{b}]}` stays one piece, and do not count in quotes inside of them. */
export function parseLogMessage(message: string): LogPiece[] {
  const pieces: LogPiece[] = [];
  let text = '';
  let at = 0;
  while (at < message.length) {
    const end = message[at] === '{' ? closingBrace(message, at) : -1;
    if (end < 0) {
      text += message[at];
      at++;
      continue;
    }
    if (text) pieces.push({ kind: 'text', text });
    text = '';
    pieces.push({ kind: 'expression', text: message.slice(at + 1, end) });
    at = end + 1;
  }
  if (text) pieces.push({ kind: 'text', text });
  return pieces;
}

/** Braces, and whatever stands in quotes. */
const IN_BRACES = /[{}]|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])'/g;

function closingBrace(message: string, open: number): number {
  let depth = 0;
  for (const { 0: found, index } of message.slice(open).matchAll(IN_BRACES)) {
    if (found === '{') depth++;
    if (found === '}' && --depth === 0) return open + index;
  }
  return -1;
}
