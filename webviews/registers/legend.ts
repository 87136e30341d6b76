/**
 * The line at the foot: what the marks mean, and the keys on demand.
 */
import { h, type ElementDescription } from '../ui/description';

const KEYS: readonly (readonly [string, string])[] = [
  ['↑ ↓ Home End', 'from row to row'], ['Page Up, Page Down', 'from group to group'], ['← →', 'among the cells of a row; on a group’s head: fold and unfold'],
  ['Enter, F2, double click', 'change the value; a single bit is switched at once'], ['Space', 'open the parts of a register; switch a bit'], ['v', 'the next way to read a register’s lanes'],
  ['/', 'to the filter'], ['Escape', 'leave a field as it was'], ['w, c', 'show where the register points in Page Tables, or its code'],
];
const VALUES = 'Values: 0x… is hexadecimal, digits alone are decimal; expressions and symbols of the program are allowed, and floating point where the register has it.';

/** What could not be done stands there, too: it has a place that is there always, so that nothing jumps. */
export function legend(open: boolean, remark: string): ElementDescription {
  return h('footer', { class: 'legend', key: 'legend' },
    open && h('div', { class: 'legend-long', id: 'legend-long', key: 'long', role: 'group', 'aria-label': 'Keys', tabindex: 0 },
      h('dl', {}, KEYS.map(([keys, words]) => [h('dt', {}, keys), h('dd', {}, words)])), h('p', {}, VALUES)),
    h('div', { class: 'legend-line', key: 'line' },
      h('span', { class: 'remark', role: 'status', key: 'remark' }, remark),
      remark === '' && h('span', { class: 'marks', key: 'marks' }, h('span', { class: 'mark', 'aria-hidden': 'true' }, '●'), ' changed since the last stop; its value then is under the mouse'),
      h('button', { class: 'plain', type: 'button', 'data-legend': true, 'aria-expanded': open ? 'true' : 'false', 'aria-controls': 'legend-long' }, open ? 'Hide keys' : 'Keys')));
}
