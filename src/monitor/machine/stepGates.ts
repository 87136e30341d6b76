/**
 * Where a step over address ranges has to look closely: the machine runs freely inside the ranges as long as
 * it meets only plain instructions and direct jumps, so that a step over a waiting loop takes as long as the loop.
 */
import * as L from '../cpu/layout';
import { cut } from '../cpu/state';
import type { Executor } from '../engine/executor';
import { decode, type Instruction } from '../isa/decoder';
import { endsBlock, transfersFar } from '../isa/definitions';
import { CONDITION_SUFFIXES } from '../isa/opcodeTable';
import { signedAddress } from './addresses';
import type { LinearRange } from './session';

const LONGEST_INSTRUCTION = 16;
/** More code than this is not looked through. */
const MOST_BYTES = 4096;
const DIRECT_JUMPS = new Set(['jmp', 'loop', 'loope', 'loopne', 'jcxz', ...CONDITION_SUFFIXES.map((suffix) => `j${suffix}`)]);

/**
 * Linear addresses, inside and around the ranges, before which free running has to end: instructions that may lead
 * anywhere (calls, returns, indirect jumps, whatever asks the monitor), and the places to which the rest leads out.
 * @param ranges each begins with an instruction
 * @returns undefined when the code cannot be decoded, or is very long
 */
export function gatesOf(executor: Executor, ranges: readonly LinearRange[]): ReadonlySet<number> | undefined {
  if (ranges.reduce((sum, { start, end }) => sum + Number(end - start), 0) > MOST_BYTES) return undefined;
  const gates = new Set<number>();
  const starts = new Set<number>();
  const targets: number[] = [];
  for (const { start, end } of ranges) {
    let at = signedAddress(start);
    while (at < signedAddress(end)) {
      const bytes = executor.peekCode(LONGEST_INSTRUCTION, at);
      const instruction = decode(bytes, 0, bytes.length, executor.cpu.state.codeBits);
      if (!instruction) return undefined;
      const next = at + instruction.length;
      starts.add(at);
      if (DIRECT_JUMPS.has(instruction.name)) targets.push(targetOf(executor, instruction, next));
      else if (instruction.name.startsWith('!') || endsBlock(instruction.name) || transfersFar(instruction.name)) gates.add(at);
      at = next;
    }
    targets.push(at);
  }
  // What lies outside, and what is entered in the middle of an instruction, where the bytes mean something else.
  for (const target of targets) if (!starts.has(target)) gates.add(target);
  return gates;
}

/** Linear target of a direct jump; its offset is cut to the operand size (SDM volume 2, JMP). */
function targetOf(executor: Executor, { immediate, size }: Instruction, next: number): number {
  const { state } = executor.cpu;
  const offset = next - state.effectiveBase(L.CS) + Number(immediate);
  return state.linear(L.CS, cut(offset, state.code64 ? 64 : size === 16 ? 16 : 32));
}
