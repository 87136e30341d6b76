/**
 * Code segments of real and virtual-8086 mode that generated code may go to by itself: for a selector the execute tables of the code that is
 * read with it as CS (a bank, see ./codeBanks), and the tag of jumps by them. All that is known here is of one address space, one privilege and one kind of
 * code, which differs in CS's base alone: whoever enters something sees to that (CodeLocator), and all is forgotten when a bank is another's or has another tag.
 */
import { FAR_TARGET, FAR_TARGETS, FAR_TARGET_BYTES, FAR_TARGET_COUNT, MONITOR_WORDS } from './layout';

const KNOWN = MONITOR_WORDS.farTargetsKnown >> 2;
const FIRST = FAR_TARGETS >> 2, STEP = FAR_TARGET_BYTES >> 2;
/** Beside a selector: an entry that is none has 0. */
export const FAR_TARGET_VALID = 0x10000;

/** Which entry a selector has: generated code reckons the same (FarEmitter). */
const entryOf = (selector: number): number => (selector ^ (selector >>> Math.log2(FAR_TARGET_COUNT))) & (FAR_TARGET_COUNT - 1);

/** `tables`: address of the execute tables of the present privilege; `tag`: that of jumps by them. */
export function rememberFarTarget(words: Int32Array, selector: number, tables: number, tag: number): void {
  const at = FIRST + entryOf(selector) * STEP;
  words[at + (FAR_TARGET.selector >> 2)] = selector | FAR_TARGET_VALID;
  words[at + (FAR_TARGET.tables >> 2)] = tables;
  words[at + (FAR_TARGET.tag >> 2)] = tag;
  words[KNOWN] = 1;
}

export function forgetFarTargets(words: Int32Array): void {
  if (words[KNOWN] === 0) return;
  words[KNOWN] = 0;
  words.fill(0, FIRST, FIRST + FAR_TARGET_COUNT * STEP);
}
