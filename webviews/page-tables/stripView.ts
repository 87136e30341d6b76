/**
 * The strip: the whole linear address space on one line, guest above, shadow below.
 */
import { classes, h, type ElementDescription } from '../ui/description';
import { size } from '../ui/numbers';
import { formatOf, linearHex, upperHalf, type PagingMode } from './format';
import { icon, type IconName } from './icons';
import type { Zoom } from './messages';
import { endsOf, regionAt, regionsOf, type Region } from './regions';
import { modeOf, shownSpace, type State } from './state';
import { S } from './strings';
import { MARKS, mappedWithin, rangeAtCursor, stripPosition, stripRanges, stripView as viewOf, STRIP_WIDTH, type StripRange, type StripView } from './strip';
import { walkedAddress } from './rows';

const LANE = 14;
const GAP = 2;
const HEIGHT = 2 * LANE + GAP;
/** Thinner pieces could not be seen. */
const THINNEST = 2.5;

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
      ticks(space.mode, view), regions(state, view, ranges)),
    h('div', { class: 'zoom' }, zoomButton('in', 'plus', S.zoomIn), zoomButton('out', 'minus', S.zoomOut), zoomButton('all', 'all', S.zoomAll),
      h('span', { class: 'scale', title: S.stripScale(size(tickStep(view))) }, size(tickStep(view)))));
}

/** Bytes from one mark below the strip to the next. */
const tickStep = ({ from, to }: StripView) => (to - from) / BigInt(MARKS);

function zoomButton(to: Zoom, name: IconName, label: string): ElementDescription {
  return h('button', { type: 'button', class: 'plain', 'data-zoom': to, 'aria-label': label, title: label }, icon(name));
}

function cursorPosition(state: State, view: StripView): number | undefined {
  return state.stripCursor === undefined ? undefined : stripPosition(view, state.stripCursor);
}

const SHADOW_WORDS: Readonly<Record<StripRange['shadow'], string>> = { filled: S.stripFilled, partly: S.stripPartly, empty: S.stripEmpty };

function cursorWords(state: State, mode: PagingMode, ranges: readonly StripRange[]): string {
  const at = rangeAtCursor(state, ranges);
  const region = state.stripCursor === undefined ? undefined : regionAt(regionsOf(state), state.stripCursor);
  const within = region === undefined ? '' : `, ${region.name}`;
  if (at !== undefined) return S.stripRange(linearHex(mode, at.from), linearHex(mode, at.to - 1n), S.stripMapped, SHADOW_WORDS[at.shadow]) + within;
  return state.stripCursor === undefined ? '' : `${linearHex(mode, state.stripCursor)}: ${S.stripUnmapped}${within}`;
}

function picture(state: State, view: StripView, ranges: readonly StripRange[]): ElementDescription {
  const visible = ranges.filter(({ from, to }) => to > view.from && from < view.to);
  return h('svg', { viewBox: `0 0 ${STRIP_WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    h('defs', {}, h('pattern', { id: 'strip-hatch', width: 5, height: 5, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
      h('rect', { class: 'hatch-line', width: 1.6, height: 5 }))),
    h('rect', { class: 'lane guest', x: 0, y: 0, width: STRIP_WIDTH, height: LANE }),
    h('rect', { class: 'lane shadow', x: 0, y: LANE + GAP, width: STRIP_WIDTH, height: LANE }),
    visible.map((range) => pieces(view, range)),
    regionsOf(state).map((region) => boundary(view, region)),
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
  const labels = Array.from({ length: MARKS }, (_, i) => linearHex(mode, view.from + tickStep(view) * BigInt(i)));
  const isWide = formatOf(mode).linearDigits > 8;
  return h('div', { class: 'ticks-box hex', 'aria-hidden': 'true' }, h('div', { class: classes('ticks', isWide && 'wide') },
    labels.map((label, i) => h('span', { key: String(i), class: `tick every-${rarity(i)}` }, h('span', { class: 'tick-label' }, label)))));
}

/** The edge of a region, where there is one inside the view. */
function boundary(view: StripView, { from, name }: Region): ElementDescription | undefined {
  return from === 0n ? undefined : mark(view, from, `edge edge-${name.replaceAll(/\W/g, '-')}`);
}

/** What the system has where, as buttons: a click fills the strip with what is mapped there. The one that the view is in is marked. */
function regions(state: State, view: StripView, ranges: readonly StripRange[]): ElementDescription | undefined {
  const mode = modeOf(state, state.shown);
  const known = regionsOf(state);
  if (known.length === 0) return undefined;
  const middle = regionAt(known, view.from + (view.to - view.from) / 2n);
  // The strip shows powers of two: what just fits may be half of it.
  const isClose = middle !== undefined && state.stripZoom > 0 && view.to - view.from <= (middle.to - middle.from) * 2n;
  return h('div', { class: 'regions', role: 'group', 'aria-label': S.regionsLabel }, known.map((region) => {
    const [first, last] = endsOf(mode, region).map((end) => linearHex(mode, end));
    const target = mappedWithin(ranges, region.from, region.to);
    const words = S.regionHint(region.name, first, last);
    return h('button', {
      key: region.name, type: 'button', class: classes('plain', 'region', isClose && region === middle && 'here'), title: words, 'aria-label': words,
      'aria-pressed': String(isClose && region === middle), 'data-region-from': String(target.from), 'data-region-to': String(target.to),
    }, region.name);
  }));
}
