/**
 * Every capability that `initialize` advertises, over the wire: the requests and arguments that it promises are sent to the real adapter
 * with paging-lab in it, and answered as the protocol has them.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { VSCODE_CLIENT, type DapClient } from './client';
import { breakAt, frames, goOn, HELLO, launchStopped, lineOf, numberNow, PAGING, PAGING_LAB, sample, scopeOf, startAdapter, step, useAdapter, USER, valueNow, valueOf } from './real/adapter';

type Proof = (client: DapClient, advertised: Dap.Capabilities) => Promise<void>;

const user = { path: sample(USER) };
const NOTEBOOK = '0x60000000';

/** Goes on to the line behind ping's turn, in the next round, with nothing set. */
async function stand(client: DapClient): Promise<Dap.StackFrame> {
  await breakAt(client, USER, ['ping-check']);
  const frame = await goOn(client);
  await breakAt(client, USER, []);
  return frame;
}

async function evaluated(client: DapClient, expression: string, context: string, more: object = {}): Promise<string> {
  return (await client.request('evaluate', { expression, context, ...more })).result;
}

async function labels(client: DapClient, text: string): Promise<string[]> {
  return (await client.request('completions', { text, column: text.length + 1 })).targets.map(({ label }) => label);
}

/** Runs to the next round in which a breakpoint of these properties stops; gives the round. */
async function roundAt(client: DapClient, more: Partial<Dap.SourceBreakpoint>): Promise<number> {
  await breakAt(client, USER, ['ping-check'], more);
  await goOn(client);
  await breakAt(client, USER, []);
  return numberNow(client, 'round');
}

/** An escape sequence: red letters. */
const RED = '\u001b[31m';

/** In this order; those that end something are last. */
const PROOFS: Readonly<Partial<Record<keyof Dap.Capabilities, Proof>>> = {
  supportsConfigurationDoneRequest: async () => {
    const other = startAdapter();
    try {
      await other.request('initialize', VSCODE_CLIENT);
      await other.request('launch', HELLO);
      await other.event('initialized');
      await other.request('setExceptionBreakpoints', { filters: [] });
      assert.deepEqual(other.unreadEvents('stopped'), [], 'nothing begins before it');
      await other.request('configurationDone', {});
      assert.equal((await other.event('stopped')).reason, 'entry');
    } finally {
      await other.close();
    }
  },
  supportsFunctionBreakpoints: async (client) => {
    const { breakpoints } = await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'wait_turn' }, { name: 'no_such_function' }] });
    assert.deepEqual(breakpoints.map(({ verified }) => verified), [true, false]);
    assert.equal((await goOn(client)).name, 'wait_turn');
    await client.request('setFunctionBreakpoints', { breakpoints: [] });
  },
  supportsConditionalBreakpoints: async (client) => {
    await stand(client);
    const wanted = await numberNow(client, 'round') + 3;
    assert.equal(await roundAt(client, { condition: `round == ${wanted}` }), wanted);
  },
  supportsHitConditionalBreakpoints: async (client) => {
    const before = await numberNow(client, 'round');
    assert.equal(await roundAt(client, { hitCondition: '3' }), before + 3);
  },
  supportsLogPoints: async (client) => {
    await breakAt(client, USER, ['ping-round'], { logMessage: 'in round {round}' });
    const next = await numberNow(client, 'round') + 1;
    const said = client.event('output', ({ output }) => output === `in round ${next}\n`);
    const { breakpoints } = await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'wait_turn', condition: 'cr3 == $cr3 && 1' }] });
    assert.equal(breakpoints[0].verified, true);
    assert.equal((await goOn(client)).name, 'wait_turn', 'it has not stopped before that');
    await said;
    await client.request('setFunctionBreakpoints', { breakpoints: [] });
    await breakAt(client, USER, []);
    await stand(client);
  },
  supportsEvaluateForHovers: async (client) => {
    assert.equal(await evaluated(client, 'round', 'hover'), await valueNow(client, 'round'));
    await client.refused('evaluate', { expression: 'round = 5', context: 'hover' });
  },
  exceptionBreakpointFilters: async (client, { exceptionBreakpointFilters = [] }) => {
    const filters = exceptionBreakpointFilters.map(({ filter }) => filter);
    assert.ok(['#DE', '#PF', 'NMI'].every((filter) => filters.includes(filter)), filters.join());
    const { breakpoints } = await client.request('setExceptionBreakpoints', { filters: filters.filter((filter) => filter !== 'touch') });
    assert.ok(breakpoints?.every(({ verified }) => verified), JSON.stringify(breakpoints));
    await client.request('continue', { threadId: 1 });
    assert.equal((await client.event('stopped')).reason, 'exception');
  },
  supportsExceptionFilterOptions: async (client) => {
    const { breakpoints } = await client.request('setExceptionBreakpoints', {
      filters: [], filterOptions: [{ filterId: '#PF', condition: `address == ${NOTEBOOK}` }, { filterId: '#DE', condition: 'zzz == 1' }],
    });
    assert.deepEqual(breakpoints?.map(({ verified }) => verified), [true, false]);
    await client.request('continue', { threadId: 1 });
    assert.match((await client.event('stopped')).text ?? '', /#PF/);
  },
  supportsExceptionInfoRequest: async (client) => {
    const { exceptionId, breakMode, details } = await client.request('exceptionInfo', { threadId: 1 });
    assert.deepEqual([exceptionId, breakMode], ['#PF', 'always']);
    assert.ok(JSON.stringify(details).includes(NOTEBOOK), JSON.stringify(details));
    await client.request('setExceptionBreakpoints', { filters: [] });
    await stand(client);
  },
  supportsSetVariable: async (client) => {
    const [{ id }] = await frames(client);
    const { reference, variables } = await scopeOf(client, id, 'General Registers');
    const old = valueOf(variables, 'ecx');
    assert.match((await client.request('setVariable', { variablesReference: reference, name: 'ecx', value: '0x1234' })).value, /^0x00001234/);
    assert.equal(await numberNow(client, '$ecx'), 0x1234);
    await client.request('setVariable', { variablesReference: reference, name: 'ecx', value: old.split(' ')[0] });
  },
  supportsSetExpression: async (client) => {
    const old = await numberNow(client, 'paging_counts.copies');
    assert.match((await client.request('setExpression', { expression: 'paging_counts.copies', value: '1000' })).value, /^1000 /);
    assert.equal(await numberNow(client, 'paging_counts.copies'), 1000);
    await client.request('setExpression', { expression: 'paging_counts.copies', value: `${old}` });
  },
  supportsCompletionsRequest: async (client) => {
    assert.ok((await labels(client, 'roun')).includes('round'));
    assert.ok((await labels(client, '1 + paging_c')).includes('paging_counts'));
  },
  completionTriggerCharacters: async (client, { completionTriggerCharacters = [] }) => {
    const behind: Readonly<Record<string, readonly [text: string, label: string]>> = {
      '.': ['paging_counts.', 'copies'], '[': ['paging_counts[', 'round'], $: ['$', 'eip'], '%': ['%', 'eip'], ':': ['ss:', 'esp'],
    };
    assert.deepEqual([...completionTriggerCharacters].sort(), Object.keys(behind).sort());
    for (const [text, label] of Object.values(behind)) assert.ok((await labels(client, text)).includes(label), text);
  },
  supportsModulesRequest: async (client) => {
    const { modules, totalModules } = await client.request('modules', { startModule: 0, moduleCount: 1 });
    assert.deepEqual([modules.map(({ name }) => name), totalModules], [['paging-lab.elf'], 1]);
  },
  additionalModuleColumns: async (client, { additionalModuleColumns = [] }) => {
    const [shown] = (await client.request('modules', {})).modules;
    assert.ok(additionalModuleColumns.length > 0);
    for (const { attributeName } of additionalModuleColumns) assert.match(String(Object.entries(shown).find(([name]) => name === attributeName)?.[1]), /\S/, attributeName);
  },
  supportedChecksumAlgorithms: async (client, { supportedChecksumAlgorithms = [] }) => {
    const text = readFileSync(user.path);
    for (const algorithm of supportedChecksumAlgorithms) {
      const said = async (checksum: string): Promise<string | undefined> => (await client.request('setBreakpoints', {
        source: { ...user, checksums: [{ algorithm, checksum }] }, breakpoints: [{ line: lineOf(USER, 'ping-check') }],
      })).breakpoints[0].message;
      assert.equal(await said(createHash(algorithm.toLowerCase()).update(text).digest('hex')), undefined);
      assert.match(await said('00') ?? '', new RegExp(`its ${algorithm} is not`));
    }
    await breakAt(client, USER, []);
  },
  supportsValueFormattingOptions: async (client) => {
    assert.match(await evaluated(client, 'round', 'watch', { format: { hex: true } }), /^0x[0-9a-f]+$/);
  },
  supportsDelayedStackTraceLoading: async (client) => {
    await breakAt(client, PAGING, ['copy-check']);
    await goOn(client);
    await breakAt(client, PAGING, []);
    const whole = await client.request('stackTrace', { threadId: 1 });
    const [first, second] = [await client.request('stackTrace', { threadId: 1, levels: 1 }), await client.request('stackTrace', { threadId: 1, startFrame: 1, levels: 1 })];
    assert.equal(first.totalFrames, whole.stackFrames.length);
    assert.deepEqual([...first.stackFrames, ...second.stackFrames], whole.stackFrames.slice(0, 2));
    assert.ok(whole.stackFrames.length > 2);
    await stand(client);
  },
  supportsLoadedSourcesRequest: async (client) => {
    assert.ok((await client.request('loadedSources', {})).sources.some(({ path }) => path === user.path));
  },
  supportsReadMemoryRequest: async (client) => {
    const { address, data = '' } = await client.request('readMemory', { memoryReference: NOTEBOOK, count: 16 });
    assert.equal(BigInt(address), BigInt(NOTEBOOK));
    const bytes = Buffer.from(data, 'base64');
    assert.deepEqual([bytes.length, bytes.readUInt32LE(0)], [16, await numberNow(client, `u32[${NOTEBOOK}]`)]);
  },
  supportsWriteMemoryRequest: async (client) => {
    const memoryReference = `0x${(await numberNow(client, '$esp') - 64).toString(16)}`;
    const { bytesWritten } = await client.request('writeMemory', { memoryReference, data: Buffer.from('abcd').toString('base64') });
    assert.equal(bytesWritten, 4);
    assert.equal(await numberNow(client, `u32[${memoryReference}]`), Buffer.from('abcd').readUInt32LE());
  },
  supportsClipboardContext: async (client) => {
    const memoryReference = `0x${(await numberNow(client, '$esp') - 600).toString(16)}`;
    await client.request('writeMemory', { memoryReference, data: Buffer.from(`${'x'.repeat(250)}\0`).toString('base64') });
    assert.match(await evaluated(client, `(char *)${memoryReference}`, 'watch'), /…$/);
    assert.match(await evaluated(client, `(char *)${memoryReference}`, 'clipboard'), /"x{250}"$/);
  },
  supportsDisassembleRequest: async (client) => {
    const { instructions } = await client.request('disassemble', { memoryReference: 'wait_turn', instructionOffset: -2, instructionCount: 5, resolveSymbols: true });
    assert.deepEqual([instructions.length, instructions[2].symbol], [5, 'wait_turn']);
  },
  supportsCancelRequest: async (client) => {
    const { seq, response } = client.send('disassemble', { memoryReference: 'wait_turn', instructionOffset: -100_000, instructionCount: 100_000 });
    await client.request('cancel', { requestId: seq });
    const { success, message } = await response;
    assert.deepEqual([success, message], [false, 'cancelled']);
  },
  supportsBreakpointLocationsRequest: async (client) => {
    const [line, endLine] = [lineOf(USER, 'ping-write'), lineOf(USER, 'ping-wait')];
    const { breakpoints } = await client.request('breakpointLocations', { source: user, line, endLine });
    assert.deepEqual(breakpoints.map((each) => each.line), [line, line + 1, endLine]);
  },
  supportsInstructionBreakpoints: async (client) => {
    const { breakpoints } = await client.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference: 'wait_turn', offset: 1 }] });
    assert.equal(breakpoints[0].verified, true);
    const { instructionPointerReference } = await goOn(client);
    assert.equal(Number(instructionPointerReference), await numberNow(client, '&wait_turn') + 1);
    await client.request('setInstructionBreakpoints', { breakpoints: [] });
    await stand(client);
  },
  supportsSteppingGranularity: async (client) => {
    const address = async (): Promise<number> => Number((await frames(client))[0].instructionPointerReference);
    const before = await address();
    const { instructions } = await client.request('disassemble', { memoryReference: `0x${before.toString(16)}`, instructionCount: 1 });
    await step(client, 'next', 'instruction');
    assert.equal(await address(), before + (instructions[0].instructionBytes ?? '').split(' ').length);
    await breakAt(client, USER, ['ping-write']);
    await goOn(client);
    await breakAt(client, USER, []);
    await client.request('next', { threadId: 1, granularity: 'line' });
    assert.equal((await client.stopped('step')).frame.line, lineOf(USER, 'ping-round'));
  },
  supportsStepBack: async (client) => {
    await stand(client);
    const [before] = await frames(client);
    await step(client, 'next', 'instruction');
    await client.request('stepBack', { threadId: 1, granularity: 'instruction' });
    assert.equal((await client.stopped('step')).frame.instructionPointerReference, before.instructionPointerReference);
    await breakAt(client, USER, ['ping-round']);
    const round = await numberNow(client, 'round');
    await client.request('reverseContinue', { threadId: 1 });
    assert.equal((await client.stopped('breakpoint')).frame.line, lineOf(USER, 'ping-round'));
    assert.equal(await numberNow(client, 'round'), round, 'of the same round');
    await breakAt(client, USER, []);
  },
  supportsSingleThreadExecutionRequests: async (client) => {
    await stand(client);
    await client.request('next', { threadId: 1, singleThread: true });
    const { stop } = await client.stopped('step');
    assert.equal(stop.threadId, 1);
    assert.match(await client.refused('next', { threadId: 2, singleThread: true }), /no thread 2/);
  },
  supportsDataBreakpoints: async (client) => {
    const { dataId, accessTypes } = await client.request('dataBreakpointInfo', { name: 'paging_counts.copies' });
    assert.ok(dataId !== null && accessTypes?.includes('write'));
    const { breakpoints } = await client.request('setDataBreakpoints', { breakpoints: [{ dataId, accessType: 'write' }] });
    assert.equal(breakpoints[0].verified, true);
    await client.request('continue', { threadId: 1 });
    const { stop } = await client.stopped('data breakpoint');
    assert.deepEqual(stop.hitBreakpointIds, [breakpoints[0].id]);
    await client.request('setDataBreakpoints', { breakpoints: [] });
  },
  supportsDataBreakpointBytes: async (client) => {
    const { dataId, description } = await client.request('dataBreakpointInfo', { name: NOTEBOOK, asAddress: true, bytes: 12 });
    assert.match(description, /12 bytes/);
    assert.ok(dataId !== null);
    await client.request('setDataBreakpoints', { breakpoints: [{ dataId, accessType: 'write' }] });
    await client.request('continue', { threadId: 1 });
    assert.match((await client.stopped('data breakpoint')).stop.text ?? '', /0x6000000[0-9a-f]/);
    await client.request('setDataBreakpoints', { breakpoints: [] });
  },
  supportsStepInTargetsRequest: async (client) => {
    await breakAt(client, USER, ['ping-wait']);
    const { id } = await goOn(client);
    await breakAt(client, USER, []);
    const { targets } = await client.request('stepInTargets', { frameId: id });
    const target = targets.find(({ label }) => label.includes('wait_turn'));
    assert.ok(target, JSON.stringify(targets));
    await client.request('stepIn', { threadId: 1, targetId: target.id });
    assert.equal((await client.stopped('step')).frame.name, 'wait_turn');
  },
  supportsRestartFrame: async (client) => {
    await breakAt(client, PAGING, ['copy-check']);
    const { id, name } = await goOn(client);
    await breakAt(client, PAGING, []);
    await client.request('restartFrame', { frameId: id });
    const { stop, frame } = await client.stopped();
    assert.deepEqual([stop.reason, frame.name], ['restart', name]);
    assert.equal(Number(frame.instructionPointerReference), await numberNow(client, `&${name}`));
  },
  supportsGotoTargetsRequest: async (client) => {
    await stand(client);
    const line = lineOf(USER, 'ping-round');
    const { targets } = await client.request('gotoTargets', { source: user, line });
    assert.equal(targets[0].line, line);
    await client.request('goto', { threadId: 1, targetId: targets[0].id });
    assert.equal((await client.stopped('goto')).frame.line, line);
  },
  breakpointModes: async (client, { breakpointModes = [] }) => {
    for (const { mode } of breakpointModes.filter(({ appliesTo }) => appliesTo.includes('source'))) {
      await breakAt(client, USER, ['ping-write'], { mode });
      assert.equal((await goOn(client)).line, lineOf(USER, 'ping-write'), mode);
    }
    await breakAt(client, USER, []);
    const { dataId } = await client.request('dataBreakpointInfo', { name: NOTEBOOK, asAddress: true, bytes: 4, mode: 'physical' });
    assert.match(dataId ?? '', /phys/);
  },
  supportsANSIStyling: async (client) => {
    const said = client.event('output', ({ output }) => output.includes(RED));
    for (const value of Buffer.from(`${RED}red\n`)) await client.request('shadowbox.writeRegister', { space: 'port', address: 0xe9, bytes: 1, value });
    await client.request('next', { threadId: 1 });
    await said;
    await client.stopped('step');
  },
  supportsRestartRequest: async (client) => {
    await client.request('restart', {});
    const { frame } = await client.stopped('entry');
    assert.equal(Number(frame.instructionPointerReference), await numberNow(client, '&_start'));
  },
  supportTerminateDebuggee: async () => {
    const other = startAdapter();
    await launchStopped(other, HELLO);
    await other.request('disconnect', { terminateDebuggee: true });
    assert.equal(await other.close(), 0, 'the adapter has ended with its machine');
  },
  supportsTerminateRequest: async (client) => {
    await client.request('terminate', {});
    await client.event('terminated');
    assert.match(await client.refused('continue', { threadId: 1 }), /No machine/);
  },
};

describe('capabilities over the wire', function () {
  let client: DapClient;
  let advertised: Dap.Capabilities;
  useAdapter(this, 'suite', (started) => { client = started; });

  before('stops in a process of paging-lab', async () => {
    advertised = await client.launch(PAGING_LAB, async () => undefined);
    await client.stopped('entry');
    await stand(client);
  });

  it('are those that have a test here, and no others', () => {
    const promised = Object.entries(advertised).filter(([, value]) => value === true || Array.isArray(value)).map(([name]) => name);
    assert.deepEqual(promised.sort(), Object.keys(PROOFS).sort());
  });

  for (const [name, holds] of Object.entries(PROOFS)) it(name, () => holds(client, advertised));
});
