/** Lets a region grow from a hot block: which of the blocks that it leads to belong to it. */
import type { CodeCache, CodePage } from '../codeCache';
import { SPECIAL_HANDLERS } from '../interpreterModule';
import { R } from '../records';
import { RegionGraph, targetsOf, type BlockCode } from './regionGraph';

/** Most blocks and instructions of a region: V8's optimising compiler takes more than twice as long for twice the code. */
const MOST_BLOCKS = 48;
const MOST_INSTRUCTIONS = 400;
/** A block that has been entered less often than this part of what makes it hot is cold: the region leaves there. */
const WARM = 1 / 32;

/** The region of a hot block, of blocks that have been executed often enough; undefined when the block cannot be translated. */
export function growRegion(code: CodeCache, view: DataView, page: CodePage, entry: number): RegionGraph | undefined {
  const first = code.blockCode(page, entry);
  if (!first) return undefined;
  const blocks: BlockCode[] = [first];
  const seen = new Set([entry]);
  let instructions = first.count;
  for (let i = 0; i < blocks.length; i++) {
    const block = blocks[i];
    if (!block) break;
    for (const offset of targetsOf(block.end)) {
      if (seen.has(offset) || blocks.length >= MOST_BLOCKS) continue;
      seen.add(offset);
      if (!isWarm(code, view, page, offset)) continue;
      const next = code.blockCode(page, offset);
      if (!next || instructions + next.count > MOST_INSTRUCTIONS) continue;
      blocks.push(next);
      instructions += next.count;
    }
  }
  return new RegionGraph(blocks);
}

function isWarm(code: CodeCache, view: DataView, page: CodePage, offset: number): boolean {
  const address = code.block(page, offset);
  if (address === 0 || !code.isProfiled(address)) return false;
  const counting = view.getUint32(address + R.handler, true) === SPECIAL_HANDLERS.profile;
  return !counting || view.getInt32(address + R.link, true) <= code.settings.heat * (1 - WARM);
}
