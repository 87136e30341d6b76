/**
 * What the machine does, for the end of a panel's toolbar: running or stopped, and how many instructions it has retired.
 */
import { h, type ElementDescription } from './description';
import type { Inquiries } from './inquiries';
import { count } from './numbers';
import { ask, bodyOf } from './typedQuestions';
import { t } from './words';

const SUMMARY = ask('shadowbox.summary', {});

/** Empty while there is no machine; styled by toolbar.css. */
export function machineState(inquiries: Inquiries): ElementDescription {
  const summary = bodyOf(inquiries, SUMMARY);
  if (inquiries.session !== 'live' || summary === undefined) return h('div', { class: 'machine' });
  const { running } = inquiries;
  return h('div', { class: 'machine' },
    h('span', { class: running ? 'dot running' : 'dot stopped', 'aria-hidden': 'true' }),
    // Only this is announced: the count would never let a screen reader rest.
    h('span', { role: 'status' }, running ? t('running') : t('stopped')),
    h('span', { class: 'retired', title: t('Instructions that the guest has retired: the machine’s time') }, t('{0} retired', count(summary.retired))));
}
