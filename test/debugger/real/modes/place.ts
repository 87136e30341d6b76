/** A machine in one of the modes, which all tests of its suite share: where it stands, and the way back to where each of them begins. */
import assert from 'node:assert/strict';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { DapClient, Requests } from '../../client';
import type { Mode } from './guests';

/** The bookmark at which every test of the suite begins. */
const START = 'where the suite begins';

type Travel = Requests['shadowbox.travel']['arguments'];
type Stop = Dap.StoppedEvent['body'];

export class Place {
  /** The highest number of a fork that earlier tests have left. */
  private lastFork = 0;

  constructor(readonly mode: Mode, readonly client: DapClient) {}

  /** The machine has arrived: this is where each test begins. */
  async mark(): Promise<void> {
    await this.client.request('shadowbox.bookmark', { kind: 'add', name: START });
    // What follows is known from now on, so whatever is changed at the beginning leaves it.
    await this.until('100 instructions');
  }

  /** Back to the beginning, with nothing set, and the future that the guest has by itself in front. */
  async rewind(): Promise<void> {
    const { client } = this;
    await client.request('setFunctionBreakpoints', { breakpoints: [] });
    await client.request('setInstructionBreakpoints', { breakpoints: [] });
    await client.request('setDataBreakpoints', { breakpoints: [] });
    await client.request('setExceptionBreakpoints', { filters: [] });
    if (this.mode.source) await client.request('setBreakpoints', { source: { path: this.mode.source.path }, breakpoints: [] });
    // The first change that a test makes leaves that future as a fork; it would be followed by that change otherwise.
    const [left] = (await this.timeline()).forks.map(({ id }) => id).filter((id) => id > this.lastFork).sort((a, b) => a - b);
    if (left !== undefined) {
      await this.travel({ fork: left });
      this.lastFork = Math.max(0, ...(await this.timeline()).forks.map(({ id }) => id));
    }
    await this.travel({ bookmark: START });
  }

  async travel(to: Travel): Promise<void> {
    await this.client.request('shadowbox.travel', to);
    assert.equal((await this.client.event('stopped')).reason, 'step');
  }

  /** Hash of the whole machine. */
  hash(): Promise<string> {
    return this.command('hash');
  }

  /** What the console answers. */
  async command(expression: string): Promise<string> {
    return (await this.client.request('evaluate', { expression, context: 'repl' })).result;
  }

  timeline(): Promise<Requests['shadowbox.timeline']['answer']> {
    return this.client.request('shadowbox.timeline', {});
  }

  async retired(): Promise<number> {
    return (await this.client.request('shadowbox.summary', {})).retired;
  }

  /** The innermost frame of a thread. */
  async here(threadId = 1): Promise<Dap.StackFrame> {
    return (await this.client.request('stackTrace', { threadId, levels: 1 })).stackFrames[0];
  }

  async address(threadId = 1): Promise<bigint> {
    return BigInt((await this.here(threadId)).instructionPointerReference ?? 'none');
  }

  /** An expression in the innermost frame of a thread. */
  async value(expression: string, threadId = 1): Promise<string> {
    const { id: frameId } = await this.here(threadId);
    return (await this.client.request('evaluate', { expression, frameId, context: 'watch' })).result;
  }

  async number(expression: string, threadId = 1): Promise<bigint> {
    return BigInt(/^\S+/.exec(await this.value(expression, threadId))?.[0] ?? 'none');
  }

  /** The linear address that an expression leads to. */
  async linear(expression: string): Promise<bigint> {
    return BigInt((await this.client.request('evaluate', { expression, context: 'watch' })).memoryReference ?? 'none');
  }

  /** Its stack pointer, as wide as addresses of the mode are. */
  get stackPointer(): '$esp' | '$rsp' {
    return this.mode.word === 8 ? '$rsp' : '$esp';
  }

  /** The physical address that a linear one has, as the console's walk says it. */
  async physical(address: bigint): Promise<string> {
    const walk = await this.command(`walk ${hex(address)}`);
    const physical = /^physical (0x[0-9a-f]+)/m.exec(walk)?.[1];
    assert.ok(physical, walk);
    return physical;
  }

  /** Goes on to the next stop, which must be for this reason. */
  async go(reason: string, command: 'continue' | 'reverseContinue' = 'continue'): Promise<Stop> {
    await this.client.request(command, { threadId: 1 });
    return this.stop(reason);
  }

  async stop(reason: string): Promise<Stop> {
    const stop = await this.client.event('stopped');
    assert.equal(stop.reason, reason, JSON.stringify(stop));
    return stop;
  }

  /** One step by instruction, of the thread that the last stop was in or of another one. */
  async step(command: 'next' | 'stepIn' | 'stepOut' | 'stepBack', threadId = 1): Promise<void> {
    await this.client.request(command, { threadId, granularity: 'instruction' });
    await this.stop('step');
  }

  async until(text: string): Promise<Stop> {
    await this.client.request('shadowbox.runUntil', { until: text });
    return this.client.event('stopped');
  }

  /** Stops at the function that is called again and again. */
  async breakAtCalled(more: Partial<Dap.FunctionBreakpoint> = {}): Promise<number | undefined> {
    const { breakpoints: [breakpoint] } = await this.client.request('setFunctionBreakpoints', { breakpoints: [{ name: this.mode.called, ...more }] });
    assert.equal(breakpoint.verified, true, breakpoint.message);
    return breakpoint.id;
  }
}

export const hex = (value: bigint): string => `0x${value.toString(16)}`;
