/**
 * goto, stepInTargets and restartFrame: places that the client offers to go to from where the machine stands. Targets are valid until
 * it goes.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { Disassembler } from './disassembly/disassembler';
import { hex } from './numbers';
import { messageOf, userError } from './ports';
import type { Program } from './program';
import type { CpuThread, Threads } from './threads';

/** Calls of one statement that are offered. */
const MOST_CALLS = 50;

export class Navigation {
  private readonly targets = new Map<number, bigint>();
  private nextTarget = 1;

  constructor(
    private readonly threads: Threads,
    private readonly program: Program,
    private readonly disassembler: Disassembler,
  ) {}

  /** The machine goes. */
  forget(): void {
    this.targets.clear();
  }

  /** gotoTargets: the places of a line. Error when there are none. */
  gotoTargets(path: string, line: number): DebugProtocol.GotoTarget[] {
    const found = this.program.lineAddresses(path, line);
    if ('reason' in found) throw userError(found.reason);
    return [...new Set(found.addresses.map(({ address }) => address))].map((address) => ({
      id: this.add(address), label: `${found.source.name}:${found.line} at ${hex(address)}`, line: found.line, instructionPointerReference: hex(address),
    }));
  }

  /** goto: the next instruction becomes another one; nothing is executed. Error when the address lies outside of the code segment. */
  async goTo(thread: CpuThread, targetId: number): Promise<void> {
    const address = this.target(targetId);
    const { segments, codeBits, processor } = await thread.target.cpu();
    const base = codeBits === 64 ? 0n : segments.find(({ name }) => name === 'cs')?.base ?? 0n;
    const offset = address - base;
    if (offset < 0n || (codeBits !== 64 && offset >= 1n << 32n)) throw userError(`${hex(address)} lies outside of the present code segment.`);
    try {
      await thread.target.control.setRegister(codeBits === 64 ? 'rip' : 'eip', offset, processor.count === 1 ? undefined : processor.index);
    } catch (error) {
      throw userError(`The instruction pointer cannot be set to ${hex(offset)}: ${messageOf(error)}`);
    }
  }

  /** stepInTargets: the calls in the rest of the statement that a frame stands in. None in callers. */
  async stepInTargets(frameId: number): Promise<DebugProtocol.StepInTarget[]> {
    const thread = this.threads.threadOfFrame(frameId);
    if (await thread.frames.physicalIndex(frameId) > 0) return [];
    const { linear, codeBits, segments } = await thread.target.cpu();
    const base = codeBits === 64 ? 0n : segments.find(({ name }) => name === 'cs')?.base ?? 0n;
    const statement = this.program.statementAt(linear, true);
    const targets: DebugProtocol.StepInTarget[] = [];
    for (const { start, end } of statement?.ranges ?? []) {
      const first = linear >= start && linear < end ? linear : start;
      for (const instruction of await this.disassembler.instructionsIn(first, end)) {
        if (instruction.flow !== 'call' || targets.length >= MOST_CALLS) continue;
        const address = instruction.end - BigInt(instruction.length);
        const callee = instruction.target === undefined ? undefined : instruction.target + base;
        const line = this.program.lineAt(address);
        const label = callee === undefined ? instruction.text : this.program.nameOf(callee) ?? hex(callee);
        targets.push({ id: this.add(address), label, ...(line ? { line: line.line } : {}) });
      }
    }
    return targets;
  }

  /** The address that a target stands for. Error for one that is not valid any more. */
  target(id: number): bigint {
    const address = this.targets.get(id);
    if (address === undefined) throw userError(`There is no target ${id}, or no longer: the machine has gone on.`);
    return address;
  }

  private add(address: bigint): number {
    const id = this.nextTarget++;
    this.targets.set(id, address);
    return id;
  }
}
