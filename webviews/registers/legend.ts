/**
 * The line at the foot: what the marks mean, and the keys on demand.
 */
import { h, type ElementDescription } from '../ui/description';
import { t } from '../ui/words';

const KEYS: readonly (readonly [string, string])[] = [
  [t('↑ ↓ Home End'), t('from row to row')], [t('Page Up, Page Down'), t('from group to group')], ['← →', t('among the cells of a row; on a group’s head: fold and unfold')],
  [t('Enter, F2, double click'), t('change the value; a single bit is switched at once')], ['Space', t('open the parts of a register; switch a bit')], ['v', t('the next way to read a register’s lanes')],
  ['/', t('to the filter')], ['Escape', t('leave a field as it was')], ['w, c', t('show where the register points in Page Tables, or its code')],
];
const VALUES = t('Values: 0x… is hexadecimal, digits alone are decimal; expressions and symbols of the program are allowed, and floating point where the register has it.');

/** What could not be done stands there, too: it has a place that is there always, so that nothing jumps. */
export function legend(open: boolean, remark: string): ElementDescription {
  return h('footer', { class: 'legend', key: 'legend' },
    open && h('div', { class: 'legend-long', id: 'legend-long', key: 'long', role: 'group', 'aria-label': t('Keys'), tabindex: 0 },
      h('dl', {}, KEYS.map(([keys, words]) => [h('dt', {}, keys), h('dd', {}, words)])), h('p', {}, VALUES)),
    h('div', { class: 'legend-line', key: 'line' },
      h('span', { class: 'remark', role: 'status', key: 'remark' }, remark),
      remark === '' && h('span', { class: 'marks', key: 'marks' }, h('span', { class: 'mark', 'aria-hidden': 'true' }, '●'), t(' changed since the last stop; its value then is under the mouse')),
      h('button', { class: 'plain', type: 'button', 'data-legend': true, 'aria-expanded': open ? 'true' : 'false', 'aria-controls': 'legend-long' }, open ? t('Hide keys') : t('Keys'))));
}
