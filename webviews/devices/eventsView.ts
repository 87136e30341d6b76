/**
 * What devices have scheduled: when, who, what.
 */
import { h, type ElementDescription } from '../ui/description';
import { count } from '../ui/numbers';
import type { Events } from './model';
import { t } from '../ui/words';

/** A span of guest time in words: '830 ns', '54.93 ms'. */
export function spanText(nanoseconds: number): string {
  const units: readonly (readonly [number, string])[] = [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs']];
  const [size, unit] = units.find(([least]) => Math.abs(nanoseconds) >= least) ?? [1, 'ns'];
  return `${size === 1 ? nanoseconds : (nanoseconds / size).toFixed(2)} ${unit}`;
}

export function eventsView({ now, events }: Events): ElementDescription {
  return h('div', { class: 'sheet', key: 'events', tabindex: 0, role: 'region', 'aria-label': t('Events ahead') },
    h('p', { class: 'lead' }, t('Virtual time: {0} cycles (ns). {1}', count(now), events.length === 0 ? t('Nothing is scheduled: only input can wake a guest that is halted.') : t('The next event comes first.'))),
    events.length > 0 && h('table', { 'aria-label': t('Events ahead') },
      h('thead', {}, h('tr', {}, [t('In'), t('At'), t('Device'), t('Event')].map((head) => h('th', { scope: 'col' }, head)))),
      h('tbody', {}, events.map(({ device, event, time }) => h('tr', { key: `${device} ${event}` },
        h('td', { class: 'hex' }, time <= now ? t('now') : spanText(time - now)), h('td', { class: 'hex' }, count(time)), h('th', { scope: 'row' }, device), h('td', {}, event))))));
}
