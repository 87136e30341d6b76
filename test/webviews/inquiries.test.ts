// What panels ask, and when: each question once for every change of the machine, and answers that say nothing new change nothing.
import assert from 'node:assert/strict';
import {
  answerTo, due, heard, NOTHING_ASKED, renewed, sent, SUMMARY, type Inquiries, type Question,
} from '../../webviews/ui/inquiries';

const CPU: Question = { request: 'shadowbox.cpu', arguments: {} };
const DEVICES: Question = { request: 'shadowbox.devices', arguments: {} };

/** Sends what is due and answers it all with `body`. */
function ask(inquiries: Inquiries, wanted: readonly Question[], body: (question: Question) => unknown): Inquiries {
  let now = renewed(inquiries, wanted);
  for (let questions = due(now, wanted); questions.length > 0; questions = due(now, wanted)) {
    const first = now.nextId;
    now = sent(now, questions);
    questions.forEach((question, i) => { now = heard(now, { id: first + i, body: body(question) }); });
  }
  return now;
}
const says = (text: string) => (question: Question) => (question === SUMMARY ? { running: false } : { text });
const session = (id: string) => ({ event: 'session', body: { id, name: id } } as const);
const textOf = (inquiries: Inquiries, question: Question) => answerTo(inquiries, question)?.body;

describe('panels: questions', () => {
  const live = () => ask(heard(NOTHING_ASKED, session('a')), [CPU], says('one'));

  it('asks the summary alone until a machine answers, then the rest', () => {
    const begun = heard(NOTHING_ASKED, session('a'));
    assert.deepEqual(due(begun, [CPU]), [SUMMARY]);
    const known = heard(sent(begun, [SUMMARY]), { id: 1, body: { running: true } });
    assert.equal(known.session, 'live');
    assert.equal(known.running, true);
    assert.deepEqual(due(known, [CPU]), [CPU]);
  });

  it('asks nothing twice, and nothing while nothing changes', () => {
    const known = live();
    assert.deepEqual(due(known, [CPU]), []);
    assert.equal(renewed(known, [CPU]), known);
    const wantsMore = due(known, [CPU, DEVICES]);
    assert.deepEqual(wantsMore, [DEVICES]);
    assert.deepEqual(due(sent(known, wantsMore), [CPU, DEVICES]), []);
  });

  it('asks anew after a change, but only when the last round is answered', () => {
    const begun = heard(live(), { event: 'shadowbox.changed' });
    const round = renewed(begun, [CPU]);
    assert.deepEqual(due(round, [CPU]), [SUMMARY, CPU]);
    const asked = heard(sent(round, [SUMMARY, CPU]), { event: 'shadowbox.changed' });
    assert.equal(renewed(asked, [CPU]), asked);
  });

  it('keeps the very answer when a new one says the same', () => {
    const before = live();
    const after = ask(heard(before, { event: 'stopped' }), [CPU], says('one'));
    assert.equal(textOf(after, CPU), textOf(before, CPU));
  });

  it('remembers what a machine said at the stop before', () => {
    const first = ask(heard(live(), { event: 'stopped' }), [CPU], says('two'));
    const second = ask(heard(first, { event: 'stopped' }), [CPU], says('three'));
    assert.deepEqual(answerTo(second, CPU)?.before, { text: 'two' });
    assert.deepEqual(answerTo(second, CPU)?.kept, { text: 'three' });
  });

  it('says why there is no answer, and forgets a session that has ended', () => {
    const asked = sent(heard(live(), { event: 'stopped' }), [CPU]);
    const refused = heard(asked, { id: asked.nextId - 1, error: 'no such thing' });
    assert.equal(answerTo(refused, CPU)?.error, 'no such thing');
    const ended = heard(refused, { event: 'session', body: null });
    assert.equal(ended.session, 'none');
    assert.deepEqual(due(ended, [CPU]), []);
    assert.equal(answerTo(ended, CPU), undefined);
  });

  it('takes no answer to a question of another session', () => {
    const asked = sent(heard(live(), { event: 'stopped' }), [CPU]);
    const other = heard(asked, session('b'));
    assert.equal(heard(other, { id: asked.nextId - 1, body: { text: 'old' } }), other);
  });
});
