/** Exit statuses of the `shadowbox` command, and the story of a guest's end. They are a contract: CI jobs build on them. */
import type { ExceptionReport, StopReport } from '../monitor/machine/session';

export const STATUS = {
  /** Power-off, `--until` matched, `--max-instructions` reached without `--until`, quit by keyboard. */
  done: 0,
  /** Shadowbox itself failed. */
  internal: 1,
  /** Bad command line or configuration, or a file in it that cannot be used. */
  usage: 2,
  /** Triple fault, or halted for ever. */
  dead: 3,
  /** The time-out, or the limit of instructions before `--until` matched. */
  timeout: 124,
  /** SIGINT, as shells count it. */
  interrupted: 130,
} as const;

/** Why a run is over: the machine stopped by itself, or somebody outside had enough. */
export type Ending =
  | { readonly kind: 'stopped'; readonly report: StopReport }
  | { readonly kind: 'matched' | 'timeout' | 'interrupted' | 'quit' };

/** @param waited whether `--until` was given (and has not matched) */
export function statusOf(ending: Ending, waited: boolean): number {
  switch (ending.kind) {
    case 'matched':
    case 'quit': return STATUS.done;
    case 'timeout': return STATUS.timeout;
    case 'interrupted': return STATUS.interrupted;
    case 'stopped': return statusOfStop(ending.report, waited);
  }
}

function statusOfStop({ reason }: StopReport, waited: boolean): number {
  switch (reason.kind) {
    case 'power-off': return STATUS.done;
    // A process's exit status has 8 bits.
    case 'exit': return reason.status & 0xff;
    case 'count': return waited ? STATUS.timeout : STATUS.done;
    case 'triple-fault':
    case 'halted-forever': return STATUS.dead;
    default: return STATUS.internal;
  }
}

function hex(value: bigint | number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

function place({ selector, instructionPointer }: { readonly selector: number; readonly instructionPointer: bigint }): string {
  return `${hex(selector, 4)}:${hex(instructionPointer, 8)}`;
}

function exceptionLine(exception: ExceptionReport): string {
  const code = exception.errorCode === undefined ? '' : `, error code ${hex(exception.errorCode, 4)}h`;
  const address = exception.faultAddress === undefined ? '' : `, address ${hex(exception.faultAddress, 8)}h`;
  return `  ${exception.name} at ${place(exception)}${code}${address}: ${exception.story}`;
}

/** How the run ended, in words, for stderr; empty when there is nothing to say. */
export function storyOf(ending: Ending, waited: boolean): string {
  const missed = waited ? ' before --until matched' : '';
  if (ending.kind === 'timeout') return `the time is over${missed}`;
  if (ending.kind !== 'stopped') return '';
  const { report } = ending;
  const where = `at ${place(report)} after ${report.retired} instructions`;
  switch (report.reason.kind) {
    case 'triple-fault':
      return [`the guest is dead: triple fault ${where}`, ...report.reason.chain.map(exceptionLine)].join('\n');
    case 'halted-forever': return `the guest is dead: halted for ever ${where}: ${report.reason.story}`;
    case 'internal-error': return `Shadowbox failed ${where}; this is a bug of ours: ${report.reason.message}\n${report.reason.stack}`;
    case 'count': return waited ? `the guest has run ${report.retired} instructions${missed}` : '';
    case 'power-off': return waited ? 'the guest powered off, and --until had not matched' : '';
    case 'exit': return '';
    default: return `the machine stopped ${where} (${report.reason.kind})`;
  }
}
