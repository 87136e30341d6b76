/**
 * Every capability that the adapter advertises is used by a test of this folder, and none is known to the protocol only
 * by name.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CAPABILITIES } from '../../debugger/capabilities';

/** What a test must contain for each flag: the request, or the argument, that the flag promises. */
const USED_BY: Readonly<Record<string, RegExp>> = {
  supportsConfigurationDoneRequest: /request\('configurationDone'/,
  supportsFunctionBreakpoints: /request\('setFunctionBreakpoints'/,
  supportsConditionalBreakpoints: /condition: 'i == 2'/,
  supportsHitConditionalBreakpoints: /hitCondition: '3'/,
  supportsEvaluateForHovers: /context: 'hover'/,
  exceptionBreakpointFilters: /filterId: '#PF'/,
  supportsSetVariable: /request\('setVariable'/,
  supportsSetExpression: /request\('setExpression'/,
  supportsCompletionsRequest: /request\('completions'/,
  completionTriggerCharacters: /labels\('pointer->'\)/,
  additionalModuleColumns: /columns are filled/,
  supportsModulesRequest: /request\('modules'/,
  supportedChecksumAlgorithms: /checksums: \[\{ algorithm: 'SHA256'/,
  supportsRestartRequest: /request\('restart'/,
  supportsValueFormattingOptions: /format: \{ hex: true \}/,
  supportsExceptionInfoRequest: /request\('exceptionInfo'/,
  supportTerminateDebuggee: /request\('disconnect'/,
  supportsDelayedStackTraceLoading: /startFrame: 1, levels: 1/,
  supportsLoadedSourcesRequest: /request\('loadedSources'/,
  supportsLogPoints: /logMessage:/,
  supportsTerminateRequest: /request\('terminate'/,
  supportsReadMemoryRequest: /request\('readMemory'/,
  supportsWriteMemoryRequest: /request\('writeMemory'/,
  supportsDisassembleRequest: /request\('disassemble'/,
  supportsCancelRequest: /request\('cancel'/,
  supportsBreakpointLocationsRequest: /request\('breakpointLocations'/,
  supportsClipboardContext: /'clipboard'/,
  supportsSteppingGranularity: /granularity: 'instruction'/,
  supportsStepBack: /request\('stepBack'/,
  supportsInstructionBreakpoints: /request\('setInstructionBreakpoints'/,
  supportsExceptionFilterOptions: /filterOptions:/,
  supportsDataBreakpoints: /request\('setDataBreakpoints'/,
  supportsDataBreakpointBytes: /asAddress: true, bytes: 12/,
  supportsGotoTargetsRequest: /request\('gotoTargets'/,
  supportsStepInTargetsRequest: /request\('stepInTargets'/,
  supportsRestartFrame: /request\('restartFrame'/,
  supportsSingleThreadExecutionRequests: /singleThread: true/,
  breakpointModes: /mode: 'physical'/,
  supportsANSIStyling: /clients that show them/,
};

describe('capabilities', () => {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const tests = readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts') && name !== 'capabilities.test.ts')
    .map((name) => readFileSync(`${folder}${name}`, 'utf8'))
    .join('\n');

  for (const flag of Object.keys(CAPABILITIES)) {
    it(`${flag} is tested`, () => {
      const pattern = USED_BY[flag];
      assert.ok(pattern, `say in this file which test uses ${flag}`);
      assert.match(tests, pattern);
    });
  }

  it('promises nothing that is not advertised', () => {
    assert.deepEqual(Object.keys(USED_BY).filter((flag) => !(flag in CAPABILITIES)), []);
  });
});
