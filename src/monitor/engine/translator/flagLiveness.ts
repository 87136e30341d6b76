/** Which instructions of a block need the flag words behind them: the others need not compute any. */
import { factsOf, type SourceKind } from './instructionFacts';
import type { RegionInstruction } from './regionGraph';

/** Per instruction: what has set the flags before it, as far as that is known inside the block. */
export function sourcesOf(instructions: readonly RegionInstruction[]): readonly SourceKind[] {
  let source: SourceKind = 'none';
  return instructions.map(({ handler, service }) => {
    const before = source;
    const facts = factsOf(handler);
    if (facts.setsFlags) source = facts.givesSource;
    if (service) source = 'none';
    return before;
  });
}

/**
 * Whether anybody may read the flag words behind each instruction of a block: an instruction after it, or whoever goes on
 * when the region is left. At the block's end everybody may: each edge can leave the region, when the budget is spent.
 */
export function flagLiveness(instructions: readonly RegionInstruction[]): readonly boolean[] {
  const sources = sourcesOf(instructions);
  const after: boolean[] = [];
  let live = true;
  for (let i = instructions.length - 1; i >= 0; i--) {
    const instruction = instructions[i];
    if (!instruction) continue;
    // Behind a callout the region may be left.
    live ||= instruction.callout;
    after[i] = live;
    const facts = factsOf(instruction.handler);
    const passed: boolean = live && (!facts.killsFlags || facts.keepsFlags);
    live = facts.readsFlags[sources[i] ?? 'none'] || facts.mayLeave || facts.unsafe || instruction.service || passed;
  }
  return after;
}
