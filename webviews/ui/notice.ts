/**
 * What a panel says in place of a picture: no guest, not yet an answer, an error.
 */
import { h, type ElementDescription } from './description';
import { answerTo, SUMMARY, type Inquiries } from './inquiries';
import { t } from './words';

/** A short text where the picture would be. */
export function notice(kind: 'none' | 'error' | 'waiting' | 'empty', title: string, text: string): ElementDescription {
  return h('section', { class: `notice ${kind}`, key: `notice-${kind}`, role: kind === 'error' ? 'alert' : 'status' }, h('h2', {}, title), h('p', {}, text));
}

/** Why there is no machine to show; undefined when there is one. */
export function sessionNotice(inquiries: Inquiries): ElementDescription | undefined {
  if (inquiries.session === 'none') return notice('none', t('No guest is running'), t('Start one with F5. This panel then shows it.'));
  const error = answerTo(inquiries, SUMMARY)?.error;
  if (error !== undefined) return notice('error', t('The machine does not answer'), error);
  if (inquiries.session === 'unknown') return notice('waiting', t('Waiting for the machine'), t('It answers as soon as it is built.'));
  return undefined;
}
