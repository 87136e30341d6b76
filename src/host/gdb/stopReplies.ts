/**
 * Why the machine stands, in the client's words: signals, and a sentence for the person where the signal alone says little.
 *
 * Source: Debugging with GDB, E.3 (Stop reply packets); gdb/signals.def numbers the signals.
 */
import type { ExceptionReport, StopReason, StopReport } from '../../monitor/machine/session';
import type { ThreadId } from './target';

export const SIGNAL = { INT: 2, ILL: 4, TRAP: 5, ABRT: 6, FPE: 8, KILL: 9, BUS: 10, SEGV: 11, STOP: 17 } as const;

/** The signal that an operating system would make of an exception. */
const OF_VECTOR: ReadonlyMap<number, number> = new Map([
  [0, SIGNAL.FPE], [1, SIGNAL.TRAP], [3, SIGNAL.TRAP], [4, SIGNAL.FPE], [5, SIGNAL.SEGV], [6, SIGNAL.ILL], [7, SIGNAL.FPE], [11, SIGNAL.BUS],
  [12, SIGNAL.BUS], [13, SIGNAL.SEGV], [14, SIGNAL.SEGV], [16, SIGNAL.FPE], [17, SIGNAL.BUS], [19, SIGNAL.FPE],
]);

function signalOf(reason: StopReason): number {
  switch (reason.kind) {
    case 'pause': return SIGNAL.INT;
    case 'exception': return OF_VECTOR.get(reason.exception.vector) ?? SIGNAL.TRAP;
    case 'triple-fault': return SIGNAL.ABRT;
    case 'internal-error': return SIGNAL.ABRT;
    case 'halted-forever': return SIGNAL.STOP;
    default: return SIGNAL.TRAP;
  }
}

/** A T packet. `reached`: which of the client's own breakpoints and watchpoints was come to, in GDB's words. */
export function stopReply({ reason }: StopReport, thread: ThreadId, reached: string): string {
  const detail = reason.kind === 'beginning' ? 'replaylog:begin;' : reached;
  return `T${signalOf(reason).toString(16).padStart(2, '0')}thread:${thread.toString(16)};${detail}`;
}

/** The end of the guest, when it has come by itself: a W packet; undefined when it has not. */
export function exitReply(reason: StopReason): string | undefined {
  if (reason.kind === 'power-off') return 'W00';
  return reason.kind === 'exit' ? `W${(reason.status & 0xff).toString(16).padStart(2, '0')}` : undefined;
}

function exceptionStory({ name, story }: ExceptionReport): string {
  return `${name}: ${story}`;
}

/** A sentence for the person; undefined where the stop speaks for itself. */
export function storyOfStop(reason: StopReason): string | undefined {
  switch (reason.kind) {
    case 'exception': return exceptionStory(reason.exception);
    case 'triple-fault': return ['Triple fault. A real processor would reset here; this one stands, to be looked at.', ...reason.chain.map(exceptionStory)].join('\n');
    case 'halted-forever': return reason.story;
    case 'power-off': return 'The guest has powered the machine off.';
    case 'exit': return `The guest has ended the run with status ${reason.status}.`;
    case 'internal-error': return `Internal error of Shadowbox: ${reason.message}`;
    default: return undefined;
  }
}
