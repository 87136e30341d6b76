/**
 * What the adapter can do (its capabilities), and what the client can (features that gate optional events).
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { BREAKPOINT_MODES } from './breakpointPlaces';
import { EXCEPTION_FILTERS } from './exceptionFilters';
import { CHECKSUM_ALGORITHMS } from './ports';
import type { RequestArguments } from './requestArguments';

/** Each of them has a test over the wire in test/debugger/capabilities.test.ts. */
export const CAPABILITIES: DebugProtocol.Capabilities = {
  supportsConfigurationDoneRequest: true,
  supportsFunctionBreakpoints: true,
  supportsConditionalBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsEvaluateForHovers: true,
  exceptionBreakpointFilters: EXCEPTION_FILTERS,
  supportsSetVariable: true,
  supportsSetExpression: true,
  supportsCompletionsRequest: true,
  completionTriggerCharacters: ['.', '[', '$', '%', ':'],
  supportsModulesRequest: true,
  additionalModuleColumns: [
    { attributeName: 'bias', label: 'Load bias', type: 'string', width: 18 },
    { attributeName: 'format', label: 'Format', type: 'string', width: 24 },
    { attributeName: 'codeMode', label: 'Code', type: 'string', width: 8 },
  ],
  supportedChecksumAlgorithms: [...CHECKSUM_ALGORITHMS],
  supportsRestartRequest: true,
  supportsValueFormattingOptions: true,
  supportsExceptionInfoRequest: true,
  supportTerminateDebuggee: true,
  supportsDelayedStackTraceLoading: true,
  supportsLoadedSourcesRequest: true,
  supportsLogPoints: true,
  supportsTerminateRequest: true,
  supportsReadMemoryRequest: true,
  supportsWriteMemoryRequest: true,
  supportsDisassembleRequest: true,
  supportsCancelRequest: true,
  supportsBreakpointLocationsRequest: true,
  supportsClipboardContext: true,
  supportsSteppingGranularity: true,
  supportsStepBack: true,
  supportsInstructionBreakpoints: true,
  supportsExceptionFilterOptions: true,
  supportsDataBreakpoints: true,
  supportsDataBreakpointBytes: true,
  supportsGotoTargetsRequest: true,
  supportsStepInTargetsRequest: true,
  supportsRestartFrame: true,
  supportsSingleThreadExecutionRequests: true,
  breakpointModes: BREAKPOINT_MODES,
  supportsANSIStyling: true,
};

/** What a machine without time travel does not have. */
export const WITHOUT_TIME_TRAVEL: DebugProtocol.Capabilities = { supportsStepBack: false, supportsRestartFrame: false };

/** What an adapter has besides that keeps the machines that its clients leave. */
export const KEEPING: DebugProtocol.Capabilities = { supportSuspendDebuggee: true };

/** What a machine of a recording does not have: the client launches it again instead, and it stands where it stood. */
export const OF_A_RECORDING: DebugProtocol.Capabilities = { supportsRestartRequest: false };

/** What the client said of itself in `initialize`. */
export interface ClientFeatures {
  readonly progress: boolean;
  readonly invalidated: boolean;
  readonly memoryEvents: boolean;
  readonly memoryReferences: boolean;
  readonly ansi: boolean;
}

export const NO_FEATURES: ClientFeatures = {
  progress: false, invalidated: false, memoryEvents: false, memoryReferences: false, ansi: false,
};

export function clientFeatures(args: RequestArguments): ClientFeatures {
  const has = (name: string): boolean => args.optionalBoolean(name) === true;
  return {
    progress: has('supportsProgressReporting'),
    invalidated: has('supportsInvalidatedEvent'),
    memoryEvents: has('supportsMemoryEvent'),
    memoryReferences: has('supportsMemoryReferences'),
    ansi: has('supportsANSIStyling'),
  };
}
