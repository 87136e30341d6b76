/**
 * The strip: the whole linear address space on one line, guest above, shadow below.
 */
import { classes, h, type ElementDescription } from '../ui/description';
import { size } from '../ui/numbers';
import { formatOf, linearHex, upperHalf, type PagingMode } from './format';
import { icon, type IconName } from './icons';
import type { Zoom } from './messages';
import { modeOf, shownSpace, type State } from './state';
import { S } from './strings';
import { rangeAtCursor, stripPosition, stripRanges, stripView as viewOf, STRIP_WIDTH, type StripRange, type StripView } from './strip';
import { walkedAddress } from './rows';

const LANE = 14;
const GAP = 2;
const HEIGHT = 2 * LANE + GAP;
/** Thinner pieces could not be seen. */
const THINNEST = 1.5;
const TICKS = 8;

export function stripView(state: State): ElementDescription | undefined {
  const space = shownSpace(state);
  if (space === undefined || space.mode === 'none') return undefined;
  const view = viewOf(state);
  const ranges = stripRanges(state);
  return h('section', { class: 'strip', key: 'strip' },
    h('div', { class: 'lanes', 'aria-hidden': 'true' }, h('span', { class: 'guest' }, S.guest), h('span', { class: 'shadow' }, S.shadow)),
    h('div', { class: 'band' },
      h('div', {
        class: 'map', 'data-strip': true, role: 'slider', tabindex: 0, 'aria-label': S.stripLabel, 'aria-description': S.stripHelp, title: S.stripHelp,
        'aria-valuemin': 0, 'aria-valuemax': STRIP_WIDTH, 'aria-valuenow': Math.round(cursorPosition(state, view) ?? 0), 'aria-valuetext': cursorWords(state, space.mode, ranges),
      }, picture(state, view, ranges)),
      ticks(space.mode, view)),
    h('div', { class: 'zoom' }, zoomButton('in', 'plus', S.zoomIn), zoomButton('out', 'minus', S.zoomOut), zoomButton('all', 'all', S.zoomAll),
      h('span', { class: 'scale', title: S.stripScale(size(tickStep(view))) }, size(tickStep(view)))));
}

/** Bytes from one mark below the strip to the next. */
const tickStep = ({ from, to }: StripView) => (to - from) / BigInt(TICKS);

function zoomButton(to: Zoom, name: IconName, label: string): ElementDescription {
  return h('button', { type: 'button', class: 'plain', 'data-zoom': to, 'aria-label': label, title: label }, icon(name));
}

function cursorPosition(state: State, view: StripView): number | undefined {
  return state.stripCursor === undefined ? undefined : stripPosition(view, state.stripCursor);
}

const SHADOW_WORDS: Readonly<Record<StripRange['shadow'], string>> = { filled: S.stripFilled, partly: S.stripPartly, empty: S.stripEmpty };

function cursorWords(state: State, mode: PagingMode, ranges: readonly StripRange[]): string {
  const at = rangeAtCursor(state, ranges);
  if (at !== undefined) return S.stripRange(linearHex(mode, at.from), linearHex(mode, at.to - 1n), S.stripMapped, SHADOW_WORDS[at.shadow]);
  return state.stripCursor === undefined ? '' : `${linearHex(mode, state.stripCursor)}: ${S.stripUnmapped}`;
}

function picture(state: State, view: StripView, ranges: readonly StripRange[]): ElementDescription {
  const visible = ranges.filter(({ from, to }) => to > view.from && from < view.to);
  return h('svg', { viewBox: `0 0 ${STRIP_WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    h('defs', {}, h('pattern', { id: 'strip-hatch', width: 5, height: 5, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
      h('rect', { class: 'hatch-line', width: 1.6, height: 5 }))),
    h('rect', { class: 'lane guest', x: 0, y: 0, width: STRIP_WIDTH, height: LANE }),
    h('rect', { class: 'lane shadow', x: 0, y: LANE + GAP, width: STRIP_WIDTH, height: LANE }),
    visible.map((range) => pieces(view, range)),
    mark(view, upperHalf(modeOf(state, state.shown)), 'seam'),
    mark(view, walkedAddress(state), 'walked'),
    mark(view, state.stripCursor, 'cursor'));
}

function pieces(view: StripView, range: StripRange): ElementDescription[] {
  const x = Math.max(0, stripPosition(view, range.from));
  const width = Math.max(THINNEST, Math.min(STRIP_WIDTH, stripPosition(view, range.to)) - x);
  const where = { x: x.toFixed(2), width: width.toFixed(2), height: LANE };
  const fill = range.shadow === 'empty' ? 'url(#strip-hatch)' : undefined;
  return [
    h('rect', { key: `g${range.from}`, class: `piece guest ${range.guest}`, y: 0, ...where }),
    h('rect', { key: `s${range.from}`, class: `piece shadow ${range.shadow}`, y: LANE + GAP, ...where, fill }),
  ];
}

function mark(view: StripView, place: bigint | undefined, name: string): ElementDescription | undefined {
  if (place === undefined || place < view.from || place >= view.to) return undefined;
  const x = stripPosition(view, place).toFixed(2);
  return h('line', { key: name, class: name, x1: x, x2: x, y1: 0, y2: HEIGHT, 'vector-effect': 'non-scaling-stroke' });
}

/** How seldom a label is one of those that stay where there is room for few: every 8th, 4th, 2nd; see the style sheet. */
const rarity = (i: number) => ([8, 4, 2].find((step) => i % step === 0) ?? 1);

/** Addresses below the strip. Each begins at its mark; the style sheet leaves out as many as it takes for the rest to be whole. */
function ticks(mode: PagingMode, view: StripView): ElementDescription {
  const labels = Array.from({ length: TICKS }, (_, i) => linearHex(mode, view.from + tickStep(view) * BigInt(i)));
  const isWide = formatOf(mode).linearDigits > 8;
  return h('div', { class: 'ticks-box hex', 'aria-hidden': 'true' }, h('div', { class: classes('ticks', isWide && 'wide') },
    labels.map((label, i) => h('span', { key: String(i), class: `tick every-${rarity(i)}` }, h('span', { class: 'tick-label' }, label)))));
}
