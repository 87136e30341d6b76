/** What a panel knows when the machine has answered all that it asks: for the tests of reducers, without a page. */
import { due, heard, NOTHING_ASKED, sent, type Inquiries, type Question } from '../../webviews/ui/inquiries';

/** A stop (the first one when nothing is given), after which each question is answered by `answer`. */
export function stoppedWith(questions: readonly Question[], answer: (question: Question) => unknown, before: Inquiries = NOTHING_ASKED): Inquiries {
  return answeredWith(questions, answer, heard(before, { event: 'stopped' }));
}

/** All that is due has been answered. */
export function answeredWith(questions: readonly Question[], answer: (question: Question) => unknown, from: Inquiries): Inquiries {
  const wanted = due(from, questions);
  if (wanted.length === 0) return from;
  const asked = sent(from, wanted);
  const next = wanted.reduce((inquiries, question, i) => heard(inquiries, {
    id: from.nextId + i, body: question.request === 'shadowbox.summary' ? { running: from.running, retired: 1, time: 1, memoryBytes: 1, frames: 1 } : answer(question),
  }), asked);
  return answeredWith(questions, answer, next);
}
