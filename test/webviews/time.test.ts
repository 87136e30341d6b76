// The Time panel's pure parts: lanes, zoom, where to go next, and what is said of it.
import assert from 'node:assert/strict';
import type { Description } from '../../webviews/ui/description';
import { NOTHING_ASKED, heard, sent, type Inquiries } from '../../webviews/ui/inquiries';
import { ask } from '../../webviews/ui/typedQuestions';
import { labelsOf, lanesOf, nextSnapshot, percentOf, ticksOf, timeText, whereText, wholeOf } from '../../webviews/time/model';
import { follow, fromKept, INITIAL, reduce, timelineQuestion, toKeep, type Act, type State } from '../../webviews/time/state';
import { view } from '../../webviews/time/view';
import { exampleTimeline } from './timeModel';

const TIMELINE = exampleTimeline();
const WHOLE = wholeOf(TIMELINE);

function answered(state: State = INITIAL, timeline = TIMELINE): Inquiries {
  const questions = [ask('shadowbox.summary', {}), timelineQuestion(state)];
  const bodies = [{ running: false, retired: timeline.present.retired, time: timeline.present.time, memoryBytes: 1, frames: 1 }, timeline];
  const asked = sent(NOTHING_ASKED, questions);
  return bodies.reduce((inquiries: Inquiries, body, i) => heard(inquiries, { id: 1 + i, body }), asked);
}

const after = (...acts: Act[]): State => acts.reduce((state, act) => reduce(state, act, answered(state)), INITIAL);

function textOf(parts: readonly Description[]): string {
  return parts.map((part) => (typeof part === 'string' ? part : textOf(part.children))).join(' ');
}

function find(parts: readonly Description[], test: (attributes: Readonly<Record<string, string>>) => boolean): Readonly<Record<string, string>>[] {
  return parts.flatMap((part) => (typeof part === 'string' ? [] : [...(test(part.attributes) ? [part.attributes] : []), ...find(part.children, test)]));
}

describe('the Time panel', () => {
  it('has a lane for each kind of thing that there is, and none for those that there are not', () => {
    const lanes = lanesOf(TIMELINE, WHOLE);
    assert.deepEqual(lanes.map(({ name, marks }) => [name, marks.length]), [
      ['marks', 3], ['stops', 2], ['keys', 2], ['serial', 1], ['network', 2], ['buttons', 1], ['edits', 1], ['interrupts', 19], ['snapshots', 20],
    ]);
    const part = lanesOf(TIMELINE, { from: 190_000_000, to: 310_000_000 });
    assert.deepEqual(part.find(({ name }) => name === 'snapshots')?.marks.map(({ retired }) => retired), [200_000_000, 250_000_000, 300_000_000]);
    assert.deepEqual(part.find(({ name }) => name === 'keys')?.marks.map(({ words }) => words), ['12 times from here on: key at instruction 210\u202f000\u202f000']);
    // A stretch that only reaches into the part is shown, too.
    assert.equal(part.find(({ name }) => name === 'interrupts')?.marks.length, 4);
  });

  it('puts names beside their marks, none over another, and none out of the picture', () => {
    const named = (...places: readonly number[]) => labelsOf(places.map((retired) => ({ key: `${retired}`, retired, size: 1, shape: 'flag', words: '', label: `at ${retired}` })), { from: 0, to: 100 });
    const sides = (...places: readonly number[]) => named(...places).map(({ side, room }) => [side, room]);
    assert.deepEqual(sides(20, 50), [['right', 30], ['right', 50]]);
    assert.deepEqual(sides(95), [['left', 95]]);
    // Two that would meet in the middle: the first turns away to where there is room, or else they share the way.
    assert.deepEqual(sides(80, 98), [['left', 80], ['left', 18]]);
    assert.deepEqual(sides(2, 95), [['right', 46.5], ['left', 46.5]]);
    for (const places of [[0, 1, 2, 97, 98, 99, 100], [5, 40, 42, 80, 91], [50, 50, 50], [89, 90]]) {
      const reach = named(...places).map(({ at, side, room }) => (side === 'right' ? [at, at + room] : [at - room, at]));
      reach.forEach(([from, to], i) => {
        assert.ok(from >= 0 && to <= 100, `${places.join()}: ${from} to ${to}`);
        for (const [other] of reach.slice(i + 1)) assert.ok(to <= other, `${places.join()}: ${to} is behind ${other}`);
      });
    }
    assert.deepEqual(labelsOf(lanesOf(TIMELINE, WHOLE)[0].marks, WHOLE).map(({ text }) => text), ['login prompt', 'fork 1', 'the bug'], 'in their order, whatever they are');
  });

  it('says at a bookmark that the machine is there', () => {
    const there = { ...TIMELINE, bookmarks: [...TIMELINE.bookmarks, { name: 'now', retired: TIMELINE.present.retired, time: TIMELINE.present.time }] };
    assert.match(textOf(view(INITIAL, answered(INITIAL, there))), /now\s+\(here\)/);
    assert.doesNotMatch(textOf(view(INITIAL, answered())), /\(here\)/);
  });

  it('writes round counts at its axis', () => {
    assert.deepEqual(ticksOf({ from: 0, to: 1_000_000_000 }), [0, 200, 400, 600, 800, 1000].map((n) => n * 1_000_000));
    assert.deepEqual(ticksOf({ from: 1_000_003, to: 1_000_013 }), [4, 6, 8, 10, 12].map((n) => 1_000_000 + n));
    assert.deepEqual([timeText(12), timeText(12_345), timeText(1.5e9)], ['12 ns', '12.345 µs', '1.500 s']);
  });

  it('zooms around the present and the pointer, down to single instructions, and not beyond the ends', () => {
    const near = after({ type: 'zoom', factor: 4 });
    assert.deepEqual(near.range, { from: 450_000_000, to: 700_000_000 });
    assert.equal(percentOf(near.range ?? WHOLE, 600_000_000), percentOf(WHOLE, 600_000_000), 'the present stays where it is');
    assert.deepEqual(after({ type: 'zoom', factor: 2, around: 0 }).range, { from: 0, to: 500_000_000 });
    const nearest = after(...Array.from({ length: 40 }, (): Act => ({ type: 'zoom', factor: 4 })));
    assert.equal((nearest.range?.to ?? 0) - (nearest.range?.from ?? 0), 10);
    assert.ok((nearest.range?.from ?? 0) <= 600_000_000 && 600_000_000 <= (nearest.range?.to ?? 0));
    assert.equal(after({ type: 'zoom', factor: 4 }, { type: 'zoom', factor: 1 / 4 }).range, undefined);
    assert.deepEqual(after({ type: 'zoom', factor: 2, around: 0 }, { type: 'pan', share: 5 }).range, { from: 500_000_000, to: 1_000_000_000 });
    assert.deepEqual(fromKept(toKeep(near)).range, near.range);
    assert.equal(fromKept({ range: { from: 5, to: 'x' } }).range, undefined);
  });

  it('follows the machine out of the part that is shown, once it stands', () => {
    const state = after({ type: 'zoom', factor: 100 });
    const there = answered(state, exampleTimeline(100_000_000));
    const followed = follow(state, there).range;
    assert.ok(followed && followed.from < 100_000_000 && followed.to > 100_000_000);
    assert.equal(follow(state, { ...there, running: true }), state);
    assert.equal(follow(state, answered(state)), state);
  });

  it('knows the next snapshot, and where the machine is', () => {
    assert.equal(nextSnapshot(TIMELINE, 'back'), 550_000_000);
    assert.equal(nextSnapshot(TIMELINE, 'forward'), 650_000_000);
    assert.equal(nextSnapshot(exampleTimeline(0), 'back'), 0);
    assert.equal(nextSnapshot(exampleTimeline(990_000_000), 'forward'), 1_000_000_000);
    assert.match(whereText(TIMELINE), /^Instruction 600\u202f000\u202f000, 600\.500 ms: in the past, 400\u202f000\u202f000 instructions before the furthest moment\.$/);
    assert.match(whereText(exampleTimeline(1_000_000_000)), /: the furthest moment\.$/);
  });

  it('says in words where one is, for screen readers', () => {
    const [slider] = find(view(INITIAL, answered()), ({ role }) => role === 'slider');
    assert.equal(slider?.['aria-valuenow'], '600000000');
    assert.match(slider?.['aria-valuetext'] ?? '', /in the past.*bookmarks, forks: 3; stops: 2; keys: 2/);
  });

  it('asks for a name that there is not yet, and says why one is refused', () => {
    const state = after({ type: 'edit', name: undefined });
    assert.equal(state.edit?.text, 'bookmark 1');
    const refused = reduce(state, { type: 'bookmarked', text: '', error: 'There is one already.' }, answered());
    assert.match(textOf(view(refused, answered())), /There is one already\./);
    assert.equal(reduce(state, { type: 'bookmarked', text: 'Bookmark x.' }, answered()).edit, undefined);
    assert.equal(after({ type: 'edit', name: 'the bug' }).edit?.text, 'the bug');
  });

  it('shows a way with its progress, and nothing else can be set out meanwhile', () => {
    const state = reduce(INITIAL, { type: 'set-out', words: 'Going to instruction 800', to: 800_000_000 }, answered());
    const parts = view(state, answered(INITIAL, exampleTimeline(700_000_000)));
    assert.match(textOf(parts), /Going to instruction 800/);
    assert.deepEqual(find(parts, ({ max }) => max === '100').map(({ value }) => value), ['50']);
    assert.deepEqual(find(parts, (attributes) => attributes['data-do'] === 'step-back').map(({ disabled }) => disabled), ['']);
    assert.equal(reduce(state, { type: 'stopped' }, answered()).way, undefined);
    // The answer may come after the machine has arrived.
    assert.equal(reduce(reduce(state, { type: 'stopped' }, answered()), { type: 'answered' }, answered()).way, undefined);
  });

  it('says that there is no way back when time travel is off', () => {
    const off = { ...TIMELINE, moments: [] };
    assert.match(textOf(view(INITIAL, answered(INITIAL, off))), /Time travel is off/);
  });
});
