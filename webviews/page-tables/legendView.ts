/**
 * The legend: one line of samples at the foot of the panel, and what they mean, with the keys, on demand.
 */
import { classes, h, type Child, type ElementDescription } from '../ui/description';
import { icon } from './icons';
import type { State } from './state';
import { S } from './strings';

interface Entry {
  readonly sample: ElementDescription;
  /** A word or two, and a sentence. */
  readonly short: string;
  readonly long: string;
}

const sample = (className: string, ...children: readonly Child[]) => h('span', { class: `sample ${className}`, 'aria-hidden': 'true' }, children);

const lineSample = (className: string) => sample(classes('line', className),
  h('svg', { class: `lines-sample ${className}`, viewBox: '0 0 28 8', width: 28, height: 8, 'aria-hidden': 'true' },
    h('path', { class: 'stem', d: 'M0 4H22', fill: 'none' }), h('path', { class: 'tip', d: 'M21 0L28 4L21 8Z' })));

const ENTRIES: readonly Entry[] = [
  { sample: lineSample('entry'), short: S.legend.derives, long: S.legend.derivesLong },
  { sample: lineSample('traced'), short: S.legend.traced, long: S.legend.tracedLong },
  { sample: sample('hatched'), short: S.legend.unfilled, long: S.legend.unfilledLong },
  { sample: sample('traced', icon('eye')), short: S.legend.tracedTable, long: S.legend.tracedTableLong },
  { sample: sample('shared', icon('shared')), short: S.legend.shared, long: S.legend.sharedLong },
  { sample: sample('change', '+ ● −'), short: S.legend.changed, long: S.legend.changedLong },
];

export function legendView({ legendOpen }: State): ElementDescription {
  return h('footer', { class: 'legend', key: 'legend', 'aria-label': S.legend.title },
    legendOpen && h('div', { class: 'legend-long', id: 'legend-long', key: 'long', tabindex: 0, role: 'group', 'aria-label': S.legend.title },
      h('dl', {}, ENTRIES.map(({ sample: picture, short, long }) => [h('dt', {}, picture, short), h('dd', {}, long)]),
        LETTERS.map(([letters, words]) => [h('dt', { class: 'hex' }, letters), h('dd', {}, words)])),
      h('h3', {}, S.legend.keys),
      h('dl', {}, S.keys.map(([keys, words]) => [h('dt', {}, keys), h('dd', {}, words)]))),
    h('div', { class: 'legend-line', key: 'line' },
      h('button', {
        type: 'button', class: 'plain', 'data-fold': 'legend', 'aria-expanded': String(legendOpen), 'aria-controls': legendOpen ? 'legend-long' : undefined, title: S.legend.hint,
      }, icon(legendOpen ? 'open' : 'closed'), S.legend.title),
      h('div', { class: 'legend-short', 'aria-hidden': 'true' },
        ENTRIES.map(({ sample: picture, short }) => h('span', {}, picture, short)))));
}

const LETTERS: readonly (readonly [letters: string, words: string])[] = [['RWXU', S.legend.rights], ['ADGC', S.legend.flags]];
