/**
 * Where the guest spends its time: a flame graph over its functions, callers above, widths to scale.
 */
import { classes, h, type ElementDescription } from '../ui/description';
import { answerTo, type Inquiries } from '../ui/inquiries';
import { notice } from '../ui/notice';
import { count } from '../ui/numbers';
import { bodyOf } from '../ui/typedQuestions';
import { PROFILE, sharesOf, type Node, type Profile } from './model';
import { parentOf, type State } from './state';
import { plural, t } from '../ui/words';

/** Bars that are narrower than this part of the width are not drawn. */
const NARROWEST = 0.002;
/** Narrower ones have no room for the beginning of a name. */
const NARROWEST_NAMED = 0.04;
const ROW = 21;
const MOST_FUNCTIONS = 40;

export function profileView(state: State, inquiries: Inquiries): ElementDescription[] {
  const profile = bodyOf(inquiries, PROFILE);
  const error = answerTo(inquiries, PROFILE)?.error;
  if (error !== undefined) return [notice('error', t('The profile cannot be shown'), error)];
  if (profile === undefined) return [notice('waiting', t('Waiting for the machine'), t('It answers in a moment.'))];
  return [controls(state, profile), ...(profile.nodes.length === 0
    ? [notice('empty', profile.running ? t('No samples yet') : t('Nothing has been sampled'), profile.running ? t('They come as the guest runs.') : t('Start profiling, and let the guest run. It is looked at some hundred times a second, between slices of its run: a run stays the same with it as without.'))]
    : [flame(state, profile), functions(profile)])];
}

function controls({ remark }: State, { running, samples, retired, idle, lost, milliseconds, hidden }: Profile): ElementDescription {
  return h('div', { class: 'controls', key: 'controls' },
    h('button', { type: 'button', 'data-profile': running ? 'stop' : 'start' }, running ? t('Stop Profiling') : t('Start Profiling')),
    samples > 0 && h('span', { class: 'dim' }, t('{0} samples over {1} instructions{2}{3}{4}; sampling took {5} ms', count(samples), count(retired), idle > 0 ? t(', {0} while halted', count(idle)) : '', lost > 0 ? t(', {0} not kept', count(lost)) : '', hidden > 0 ? t(', {0} small places not shown', count(hidden)) : '', milliseconds.toFixed(1))),
    h('span', { class: 'remark', role: 'status' }, remark));
}

/** Where a bar lies: from its left edge to its right, 0 to 1 of the width. */
interface Bar {
  readonly index: number;
  readonly node: Node;
  readonly left: number;
  readonly width: number;
  readonly row: number;
}

/** The bars below a place (of all for none), with the way down to it in full width. */
export function barsOf(nodes: readonly Node[], all: number, root: number | undefined): readonly Bar[] {
  const bars: Bar[] = [];
  const way: number[] = [];
  for (let at = root; at !== undefined; at = parentOf(nodes, at)) way.unshift(at);
  way.forEach((index) => bars.push({ index, node: nodes[index], left: 0, width: 1, row: nodes[index].depth }));
  const top = root === undefined ? -1 : nodes[root].depth;
  const whole = Math.max(1, root === undefined ? all : nodes[root].retired);
  /** Where the next bar of each depth begins. */
  const next: number[] = [];
  next[top + 1] = 0;
  for (let index = root === undefined ? 0 : root + 1; index < nodes.length && nodes[index].depth > top; index++) {
    const node = nodes[index];
    const width = node.retired / whole;
    const left = next[node.depth] ?? 0;
    next[node.depth] = left + width;
    next[node.depth + 1] = left;
    if (width >= NARROWEST) bars.push({ index, node, left, width, row: node.depth });
  }
  return bars;
}

function flame({ place, root }: State, { nodes, retired }: Profile): ElementDescription {
  const bars = barsOf(nodes, retired, root !== undefined && root < nodes.length ? root : undefined);
  const rows = bars.reduce((most, { row }) => Math.max(most, row + 1), 1);
  return h('div', { class: 'flame', key: 'flame' },
    h('div', { id: 'flame', class: 'bars', role: 'tree', tabindex: 0, 'aria-label': t('Flame graph: functions and their callees'), 'aria-activedescendant': bars.some(({ index }) => index === place) ? `place-${place}` : undefined, style: { height: `${rows * ROW}px` } },
      bars.map(({ index, node, left, width, row }) => h('div', {
        id: `place-${index}`, key: `place-${index}`, class: classes('bar', width < NARROWEST_NAMED && 'narrow', index === place && 'chosen', node.user && 'user', node.name.includes('code at 0x') && 'nameless'), role: 'treeitem', 'data-place': index,
        'aria-level': node.depth + 1, 'aria-selected': index === place ? 'true' : 'false', 'aria-label': wordsOf(node, retired), title: wordsOf(node, retired),
        style: { left: `${left * 100}%`, width: `calc(${width * 100}% - 1px)`, top: `${row * ROW}px` },
      }, node.name))),
    h('p', { class: 'dim below' }, place !== undefined && nodes[place] !== undefined ? wordsOf(nodes[place], retired) : t('Choose a bar. Keys: ↓ ↑ callees and callers, ← → neighbours, Enter zooms, Escape zooms out, c code. Dashed: user code.')));
}

function wordsOf({ name, samples, retired, user }: Node, all: number): string {
  return t('{0}: {1} % with its callees ({2} instructions, {3}){4}', name, ((100 * retired) / Math.max(1, all)).toFixed(1), count(retired), plural(samples, '{0} sample|{0} samples', count(samples)), user ? t(', user code') : '');
}

/** The functions by what they retired themselves. */
function functions(profile: Profile): ElementDescription {
  const own = [...sharesOf(profile)].sort((a, b) => b[1] - a[1]).slice(0, MOST_FUNCTIONS).filter(([, share]) => share > 0);
  return h('div', { class: 'sheet', key: 'functions', tabindex: 0, role: 'region', 'aria-label': t('Functions by their own share') }, h('table', { class: 'modes' }, h('caption', {}, t('By function, without callees')),
    h('tbody', {}, own.map(([name, share]) => h('tr', { key: name }, h('th', { scope: 'row', class: 'hex' }, name), h('td', { class: 'number' }, `${(100 * share).toFixed(1)} %`),
      h('td', { class: 'bar' }, h('span', { class: 'fill guarded', style: { width: `${100 * share}%` } })))))));
}
