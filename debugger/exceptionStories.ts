/** Exceptions in words: in one line, and for exceptionInfo with the error code decoded and the page walk that failed. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { WalkAnswer } from '../src/monitor/inspection/queries';
import type { ExceptionReport } from '../src/monitor/machine/session';
import { hex, segmented } from './numbers';

const PAGE_FAULT = 14;
/** Exceptions whose error code is a selector (SDM volume 3, 6.13). */
const SELECTOR_CODES: ReadonlySet<number> = new Set([10, 11, 12, 13]);
/** Bits of a page fault's error code (SDM volume 3, figure 4-12): name if set, and if clear. */
const PAGE_FAULT_BITS: readonly (readonly [bit: number, set: string, clear: string | undefined])[] = [
  [0, 'the page is present, but forbids it', 'no page is present'],
  [1, 'a write', 'a read'],
  [2, 'by user code', 'by the kernel'],
  [3, 'a reserved bit is set in an entry', undefined],
  [4, 'an instruction fetch', undefined],
  [5, "the page's protection key forbids it", undefined],
  [6, 'a shadow-stack access', undefined],
];

/** One exception in one line: '#PF (error code 0x2, address 0x1000) at 0008:00100020: story'. */
export function exceptionLine(report: ExceptionReport): string {
  const facts = [
    ...(report.errorCode === undefined ? [] : [`error code ${hex(report.errorCode)}`]),
    ...(report.faultAddress === undefined ? [] : [`address ${hex(report.faultAddress)}`]),
  ];
  const brackets = facts.length > 0 ? ` (${facts.join(', ')})` : '';
  return `${report.name}${brackets} at ${segmented(report.selector, report.instructionPointer)}: ${report.story}`;
}

/** What an error code says; undefined where there is none. */
export function errorCodeStory({ vector, errorCode }: Pick<ExceptionReport, 'vector' | 'errorCode'>): string | undefined {
  if (errorCode === undefined) return undefined;
  if (vector === PAGE_FAULT) {
    const parts = PAGE_FAULT_BITS.flatMap(([bit, set, clear]) => (errorCode & (1 << bit) ? [set] : clear === undefined ? [] : [clear]));
    return `Error code ${hex(errorCode)}: ${parts.join(', ')}.`;
  }
  if (!SELECTOR_CODES.has(vector)) return undefined;
  if (errorCode === 0) return 'Error code 0: no selector is to blame.';
  const table = errorCode & 2 ? 'IDT' : errorCode & 4 ? 'LDT' : 'GDT';
  const external = errorCode & 1 ? ', during the delivery of another event' : '';
  return `Error code ${hex(errorCode)}: entry ${hex(errorCode >>> 3)} of the ${table}${external}.`;
}

/** The steps of a page walk, and where it ends. */
export function walkStory({ guest, story, linear }: WalkAnswer): string {
  const steps = guest.map((step) => `  level ${step.level} ${step.name}[${step.index}] at ${hex(step.entryAddress)} = ${hex(step.raw)}: ${step.story}`);
  return [`The walk of ${hex(linear)}:`, ...steps, `  ${story}`].join('\n');
}

/** exceptionInfo. `walk`: that of a page fault's address. */
export function exceptionBody(report: ExceptionReport, walk?: WalkAnswer): DebugProtocol.ExceptionInfoResponse['body'] {
  const code = errorCodeStory(report);
  return {
    exceptionId: report.name,
    description: [exceptionLine(report), ...(code === undefined ? [] : [code]), ...(walk ? [walkStory(walk)] : [])].join('\n'),
    breakMode: 'always',
    details: {
      typeName: `vector ${report.vector}`,
      message: report.story,
      ...(report.faultAddress === undefined ? {} : { evaluateName: `lin:${hex(report.faultAddress)}` }),
    },
  };
}

export function tripleFaultBody(chain: readonly ExceptionReport[]): DebugProtocol.ExceptionInfoResponse['body'] {
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
