/**
 * Exceptions as breakpoints: the filters that the client shows, the set of vectors that stop the machine, and the
 * story of the exception that it stands at.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { ExceptionReport, ExceptionStop, StopReason } from '../src/monitor/machine/session';
import { hex, segmented } from './numbers';
import { userError } from './ports';
import type { RequestArguments } from './requestArguments';
import type { Target } from './target';

/** Vectors of the architecture (SDM volume 3, table 6-1) that can be stopped at. */
const VECTORS: readonly (readonly [vector: number, mnemonic: string, title: string])[] = [
  [0, '#DE', 'divide error'],
  [1, '#DB', 'debug exception'],
  [2, 'NMI', 'non-maskable interrupt'],
  [3, '#BP', 'breakpoint (INT3)'],
  [4, '#OF', 'overflow (INTO)'],
  [5, '#BR', 'BOUND range exceeded'],
  [6, '#UD', 'invalid opcode'],
  [7, '#NM', 'x87 device not available'],
  [8, '#DF', 'double fault'],
  [10, '#TS', 'invalid TSS'],
  [11, '#NP', 'segment not present'],
  [12, '#SS', 'stack-segment fault'],
  [13, '#GP', 'general protection'],
  [14, '#PF', 'page fault'],
  [16, '#MF', 'x87 floating-point error'],
  [17, '#AC', 'alignment check'],
  [18, '#MC', 'machine check'],
  [19, '#XM', 'SIMD floating-point exception'],
];

/** The filter that cannot be switched off: a triple fault always stops, because nothing can go on after it. */
const TRIPLE_FAULT = 'triple-fault';

export const EXCEPTION_FILTERS: DebugProtocol.ExceptionBreakpointsFilter[] = [
  {
    filter: TRIPLE_FAULT,
    label: 'Triple fault',
    description: 'Stops where a real processor would reset. Always on: the machine cannot go on from there.',
    default: true,
  },
  ...VECTORS.map(([, mnemonic, title]) => ({
    filter: mnemonic,
    label: `${mnemonic} ${title}`,
    description: `Stops before ${mnemonic} is delivered to the guest.`,
    default: false,
    supportsCondition: true,
    conditionDescription: "'user' or 'kernel': only when it comes from CPL 3, or from lower levels",
  })),
];

export class ExceptionManager {
  private standingAt: StopReason | undefined;
  private stops: readonly ExceptionStop[] = [];

  constructor(private readonly target: Target) {}

  /** setExceptionBreakpoints: `filters` are plain names, `filterOptions` carry a condition. */
  async set(args: RequestArguments): Promise<DebugProtocol.SetExceptionBreakpointsResponse['body']> {
    const wanted = [
      ...args.strings('filters').map((filter) => ({ filter, condition: undefined })),
      ...args.objects('filterOptions').map((option) => ({
        filter: option.string('filterId'),
        condition: option.optionalString('condition'),
      })),
    ];
    const results = wanted.map(({ filter, condition }) => stopFor(filter, condition));
    this.stops = results.flatMap((result) => (result.stop ? [result.stop] : []));
    await this.apply();
    return { breakpoints: results.map(({ message }) => (message ? { verified: false, message } : { verified: true })) };
  }

  /** Gives the machine the set anew (after a reset). */
  apply(): Promise<void> {
    return this.target.control.setExceptionStops(this.stops);
  }

  /** Remembers what the machine stands at; undefined when it goes. */
  standAt(reason: StopReason | undefined): void {
    this.standingAt = reason;
  }

  /** exceptionInfo. Error when the machine does not stand at an exception. */
  info(): DebugProtocol.ExceptionInfoResponse['body'] {
    const reason = this.standingAt;
    switch (reason?.kind) {
      case 'exception': return exceptionBody(reason.exception);
      case 'triple-fault': return tripleFaultBody(reason.chain);
      case 'halted-forever': return { exceptionId: 'halted for ever', description: reason.story, breakMode: 'always' };
      case 'internal-error': return {
        exceptionId: 'internal error of Shadowbox',
        description: reason.message,
        breakMode: 'always',
        details: { message: reason.message, stackTrace: reason.stack },
      };
      default: throw userError('The machine does not stand at an exception.');
    }
  }
}

function stopFor(filter: string, condition: string | undefined): { stop?: ExceptionStop; message?: string } {
  if (filter === TRIPLE_FAULT) return {};
  const vector = VECTORS.find(([, mnemonic]) => mnemonic === filter)?.[0];
  if (vector === undefined) return { message: `There is no exception filter '${filter}'.` };
  const from = condition?.trim().toLowerCase() ?? '';
  if (from === '') return { stop: { vector } };
  if (from === 'user' || from === 'kernel') return { stop: { vector, from } };
  return { message: `The condition of ${filter} must be 'user' or 'kernel', not '${condition}'.` };
}

/** One exception in one line: '#PF (error code 0x2, address 0x1000) at 0008:00100020: story'. */
export function exceptionLine(report: ExceptionReport): string {
  const facts = [
    ...(report.errorCode === undefined ? [] : [`error code ${hex(report.errorCode)}`]),
    ...(report.faultAddress === undefined ? [] : [`address ${hex(report.faultAddress)}`]),
  ];
  const brackets = facts.length > 0 ? ` (${facts.join(', ')})` : '';
  return `${report.name}${brackets} at ${segmented(report.selector, report.instructionPointer)}: ${report.story}`;
}

function exceptionBody(report: ExceptionReport): DebugProtocol.ExceptionInfoResponse['body'] {
  return {
    exceptionId: report.name,
    description: exceptionLine(report),
    breakMode: 'always',
    details: {
      typeName: `vector ${report.vector}`,
      message: report.story,
      ...(report.faultAddress === undefined ? {} : { evaluateName: `lin:${hex(report.faultAddress)}` }),
    },
  };
}

function tripleFaultBody(chain: readonly ExceptionReport[]): DebugProtocol.ExceptionInfoResponse['body'] {
  return {
    exceptionId: 'triple fault',
    description: tripleFaultStory(chain),
    breakMode: 'always',
    details: {
      message: 'A fault while a double fault was delivered: a real processor would reset here.',
      innerException: chain.map((report) => ({ typeName: report.name, message: exceptionLine(report) })),
    },
  };
}

/** The chain of exceptions, one a line. */
export function tripleFaultStory(chain: readonly ExceptionReport[]): string {
  return chain.map((report, index) => `${index + 1}. ${exceptionLine(report)}`).join('\n');
}
