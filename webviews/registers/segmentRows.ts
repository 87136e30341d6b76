/**
 * Segment registers with their hidden parts: base, limit, and attributes as named bits (Intel SDM vol. 3, 3.4.3 and 3.4.5).
 */
import { hex } from '../ui/numbers';
import { attributeBits } from '../ui/segmentBits';
import { change, wasText } from './cells';
import type { Cell, CpuAnswer, Row, SegmentAnswer, Source } from './model';
import { bitsOf } from './numbers';
import { t } from '../ui/words';

const HIDDEN = t('Hidden part: it comes from the descriptor when the selector is loaded.');

function attributeCells(segment: SegmentAnswer, old: SegmentAnswer | undefined): readonly Cell[] {
  return attributeBits(segment.attributes).map(([name, low, bits, meaning]) => {
    const value = bitsOf(BigInt(segment.attributes), low, bits);
    const changed = change(value.toString(16), old && bitsOf(BigInt(old.attributes), low, bits).toString(16));
    return {
      name: `${segment.name}.attributes.${name.toLowerCase()}`, kind: 'bit', label: name, text: value.toString(16), on: value !== 0n,
      words: `${name} ${value.toString(16)}: ${meaning}${wasText(changed.before)}`, ...changed, fixed: HIDDEN,
    };
  });
}

function baseCell(cpu: CpuAnswer, segment: SegmentAnswer, old: SegmentAnswer | undefined): Cell {
  const longMode = cpu.mode === 'long-64' || cpu.mode === 'compatibility';
  const width = longMode ? 16 : 8;
  const text = hex(BigInt(segment.base), width);
  const changed = change(text, old && hex(BigInt(old.base), width));
  const own = longMode && (segment.name === 'fs' || segment.name === 'gs');
  return {
    name: `${segment.name}.base`, kind: 'part', label: t('base'), text, words: t('{0} base {1}{2}', segment.name, text, wasText(changed.before)), ...changed,
    ...(own ? { edit: `0x${text}` } : { fixed: HIDDEN }),
  };
}

function limitCell(segment: SegmentAnswer, old: SegmentAnswer | undefined): Cell {
  const text = hex(segment.limit >>> 0, 8);
  const changed = change(text, old && hex(old.limit >>> 0, 8));
  return { name: `${segment.name}.limit`, kind: 'part', label: t('limit'), text, words: t('{0} limit {1}{2}', segment.name, text, wasText(changed.before)), ...changed, fixed: HIDDEN };
}

/** The order in which people think of them. */
const ORDER: readonly SegmentAnswer['name'][] = ['cs', 'ss', 'ds', 'es', 'fs', 'gs', 'ldtr', 'tr'];

export function segmentRows({ cpu, before }: Source): readonly Row[] {
  const ordered = ORDER.flatMap((name) => cpu.segments.filter((segment) => segment.name === name));
  return ordered.map((segment) => {
    const old = before?.segments.find(({ name }) => name === segment.name);
    const text = hex(segment.selector, 4);
    const changed = change(text, old && hex(old.selector, 4));
    const selector: Cell = { name: segment.name, kind: 'value', text, words: `${segment.name} ${text}${wasText(changed.before)}`, ...changed, edit: `0x${text}` };
    return {
      key: segment.name, name: segment.name, cells: [selector, baseCell(cpu, segment, old), limitCell(segment, old)], more: attributeCells(segment, old),
      note: segment.meaning,
    };
  });
}
