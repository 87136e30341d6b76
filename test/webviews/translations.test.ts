// The panel Translations without a page: its list in every order, the keyboard's ways through regions, instructions and the profile.
import assert from 'node:assert/strict';
import type { PanelRequests } from '../../debugger/panelProtocol';
import { LINE, listOf, PROFILE, regionAt, REGIONS, SORTS, type Node, type Profile, type Region, type Sort } from '../../webviews/translations/model';
import { INITIAL, reduce, type Act, type Movement, type PlaceMovement, type State } from '../../webviews/translations/state';
import { NOTHING_ASKED, type Inquiries, type Question } from '../../webviews/ui/inquiries';
import { stoppedWith } from './answered';
import { FakeTranslations } from './translationsModel';

const node = (name: string, depth: number, retired: number): Node => ({ name, depth, retired, samples: 1, linear: '0x1000', user: false });
/** main calls a (which calls itself) and b; idle is on its own. */
const NODES = [node('main', 0, 100), node('a', 1, 70), node('a', 2, 20), node('b', 1, 20), node('idle', 0, 50)];
const PROFILED: Profile = { running: false, samples: 5, retired: 150, idle: 0, lost: 0, milliseconds: 0, hidden: 0, nodes: NODES };

const region = (entry: number, more: Partial<Region>): Region => ({
  entry, state: 'in use', physical: 0x1000 * entry, bits: 32, model: 'flat', blocks: 1, instructions: 10, module: entry, moduleBytes: 1, moduleRegions: 1, ...more,
});
const LIST = [
  region(1, { name: 'a+0x10', linear: '0xc0001000', instructions: 30 }),
  region(2, { name: 'b', linear: '0xc0000000', instructions: 5 }),
  region(3, { name: 'old', instructions: 50, state: 'asleep', cold: true }),
  region(4, { linear: '0xc0002000' }),
];

const answer = (regions: readonly Region[], text?: unknown) => ({ request }: Question): unknown => {
  if (request === 'shadowbox.regions') return { regions, left: 0 };
  return request === 'shadowbox.profile' ? PROFILED : text ?? {};
};
const QUESTIONS = [REGIONS, PROFILE];
const stopped = (regions = LIST, before?: Inquiries) => stoppedWith(QUESTIONS, answer(regions), before);

const STOPPED = stopped();
const after = (inquiries: Inquiries, ...acts: Act[]): State => acts.reduce((state, act) => reduce(state, act, inquiries), INITIAL);
const entries = (state: Pick<State, 'filter' | 'sort'>, inquiries = STOPPED) => listOf(state, inquiries)?.rows.map(({ region: { entry } }) => entry);
const move = (...to: Movement[]): Act[] => to.map((each) => ({ type: 'move', to: each }));

describe('translations: the list', () => {
  it('has every order', () => {
    const orders: Readonly<Record<Sort, readonly number[]>> = {
      // Of the profile's 150 instructions a has retired 70 itself, b 20.
      share: [1, 2, 4, 3], lately: [4, 2, 1, 3], newest: [4, 3, 2, 1], instructions: [3, 1, 4, 2], address: [3, 2, 1, 4], name: [1, 2, 3, 4],
    };
    for (const sort of SORTS) assert.deepEqual(entries({ filter: '', sort }), orders[sort], sort);
  });

  it('is narrowed down by symbol, address, and how it stands', () => {
    const found = (filter: string) => entries({ filter, sort: 'newest' });
    assert.deepEqual([found('0xC0002'), found('asleep'), found('a+0x'), found('old flat'), found('nothing')], [[4], [3], [1], [3], []]);
  });

  it('marks what was not there at the stop before', () => {
    const isNew = (inquiries: Inquiries) => listOf(INITIAL, inquiries)?.rows.filter((row) => row.isNew).map(({ region: { entry } }) => entry);
    assert.deepEqual(isNew(STOPPED), []);
    assert.deepEqual(isNew(stopped([...LIST, region(9, {})], STOPPED)), [9]);
    assert.deepEqual(isNew(stopped([...LIST.slice(1), region(1, { module: 7 })], STOPPED)), [1], 'made anew in the place of another');
  });
});

describe('translations: the keyboard', () => {
  it('goes from region to region in the order that is shown, and not beyond the ends', () => {
    assert.equal(after(STOPPED, ...move('down')).selected, 4);
    assert.equal(after(STOPPED, ...move('down', 'down')).selected, 2);
    assert.equal(after(STOPPED, ...move('end', 'down')).selected, 3);
    assert.equal(after(STOPPED, ...move('end', 'home', 'up')).selected, 4);
    assert.equal(after(STOPPED, { type: 'scrolled', top: 0, height: 3 * LINE }, ...move('home', 'pageDown')).selected, 1);
    assert.equal(reduce(INITIAL, { type: 'move', to: 'down' }, NOTHING_ASKED), INITIAL);
    assert.equal(after(STOPPED, { type: 'filter', text: 'nothing' }, ...move('down')).selected, undefined);
  });

  it('scrolls the chosen one into view, once, and to the top for another order', () => {
    const state = after(STOPPED, { type: 'scrolled', top: 0, height: 2 * LINE }, ...move('end'));
    assert.deepEqual(state.scroll, { top: 2 * LINE, serial: 1 });
    assert.deepEqual(reduce(state, { type: 'sort', sort: 'name' }, STOPPED).scroll, { top: 0, serial: 2 });
  });

  it('goes from instruction to instruction of the chosen region', async () => {
    const machine = new FakeTranslations();
    const { regions: [{ entry }] } = await machine.ask('shadowbox.regions', {}) as PanelRequests['shadowbox.regions']['answer'];
    const body = await machine.ask('shadowbox.region', { entry }) as PanelRequests['shadowbox.region']['answer'];
    const ids = (body.region?.blocks ?? []).flatMap(({ lines }) => lines.map(({ id }) => id));
    assert.ok(ids.length > 3);
    const there = stoppedWith([...QUESTIONS, regionAt(entry)], answer(LIST, body));
    const point = (...by: number[]) => after(there, { type: 'select', entry }, ...by.map((each): Act => ({ type: 'pointMove', by: each }))).pointed;
    assert.deepEqual([point(1), point(1, 1), point(1, 1, -1), point(-1), point(1, -1), point(999)], [ids[0], ids[1], ids[0], ids.at(-1), ids[0], ids.at(-1)]);
    assert.equal(after(there, { type: 'select', entry }, { type: 'pointMove', by: 1 }, { type: 'select', entry: 2 }).pointed, undefined);
  });

  it('goes through the flame graph: callees, callers, neighbours', () => {
    const at = (...to: PlaceMovement[]) => {
      const { place } = after(STOPPED, ...to.map((each): Act => ({ type: 'placeMove', to: each })));
      return place === undefined ? undefined : [NODES[place].name, NODES[place].depth];
    };
    assert.deepEqual(at('in'), ['main', 0], 'the first place');
    assert.deepEqual(at('in', 'in', 'in'), ['a', 2]);
    assert.deepEqual(at('in', 'in', 'in', 'in'), ['a', 2], 'it calls nobody');
    assert.deepEqual(at('in', 'in', 'next'), ['b', 1]);
    assert.deepEqual(at('in', 'in', 'next', 'next'), ['b', 1], 'idle is no neighbour: it has no caller');
    assert.deepEqual(at('in', 'in', 'next', 'previous'), ['a', 1], 'past what is below it');
    assert.deepEqual(at('in', 'next'), ['idle', 0]);
    assert.deepEqual(at('in', 'in', 'in', 'out', 'out', 'out'), ['main', 0]);
  });
});
