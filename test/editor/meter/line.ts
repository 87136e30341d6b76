// What the meter writes, and what a test makes of it.
import { readFileSync } from 'node:fs';

export const METER_FILE_VARIABLE = 'SHADOWBOX_METER_FILE';

/** A second or so of the extension host's life. */
export interface MeterLine {
  /** When it ended, in milliseconds since 1970. */
  readonly at: number;
  readonly busyMs: number;
  readonly idleMs: number;
  /** The longest that something which was due had to wait. */
  readonly worstDelayMs: number;
  /** Messages of the debug adapter protocol, by kind. */
  readonly messages: Readonly<Record<string, number>>;
}

/** In words, what the extension host did between two moments. */
export function hostBetween(file: string, from: number, to: number): string {
  const lines = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as MeterLine).filter(({ at }) => at > from && at < to);
  const sum = (pick: (line: MeterLine) => number) => lines.reduce((total, line) => total + pick(line), 0);
  const seconds = sum(({ busyMs, idleMs }) => busyMs + idleMs) / 1000;
  if (seconds === 0) return 'not measured: it was over in less than a second';
  const kinds = new Map<string, number>();
  for (const { messages } of lines) for (const [kind, count] of Object.entries(messages)) kinds.set(kind, (kinds.get(kind) ?? 0) + count);
  const most = [...kinds].sort(([, a], [, b]) => b - a).slice(0, 6).map(([kind, count]) => `${kind} ${(count / seconds).toFixed(1)}`);
  const all = [...kinds.values()].reduce((total, count) => total + count, 0);
  const busy = (100 * sum(({ busyMs }) => busyMs)) / (1000 * seconds);
  const worst = Math.max(...lines.map(({ worstDelayMs }) => worstDelayMs));
  return `${busy.toFixed(1)} % busy, worst delay ${worst.toFixed(0)} ms, ${(all / seconds).toFixed(1)} messages a second${most.length > 0 ? ` (${most.join(', ')})` : ''}`;
}
