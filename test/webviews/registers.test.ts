// The panel Registers without a page: its groups, the filter, the keyboard's way, what can be set and what is said where it cannot.
import assert from 'node:assert/strict';
import { cpuQuestion, groupsOf, pointersQuestion, selectedStop, stopsOf } from '../../webviews/registers/groups';
import { reduce, RUNNING, type Act, type Movement } from '../../webviews/registers/reducer';
import { fromKept, INITIAL, laneViewOf, toKeep, type State } from '../../webviews/registers/state';
import { heard, type Inquiries, type Question } from '../../webviews/ui/inquiries';
import { stoppedWith } from './answered';
import { cpuAnswer, LAB_CPU, LAB_POINTERS, LONG_CPU, type CpuModel } from './cpuModel';

const QUESTIONS = [cpuQuestion(INITIAL), pointersQuestion(INITIAL)];
const answer = (model: CpuModel) => ({ request }: Question) => (request === 'shadowbox.cpu' ? cpuAnswer(model) : { pointers: LAB_POINTERS });
const stopped = (model = LAB_CPU, before?: Inquiries) => stoppedWith(QUESTIONS, answer(model), before);

const STOPPED = stopped();
const after = (inquiries: Inquiries, ...acts: Act[]): State => acts.reduce((state, act) => reduce(state, act, inquiries), INITIAL);
const groups = (state: State, inquiries = STOPPED) => groupsOf(state, inquiries) ?? [];
const rowOf = (key: string, inquiries = STOPPED, state = INITIAL) => groups(state, inquiries).flatMap(({ rows }) => rows).find((row) => row.key === key);
const cellOf = (name: string, inquiries = STOPPED) => groups(INITIAL, inquiries).flatMap(({ rows }) => rows).flatMap(({ cells, more }) => [...cells, ...more]).find((cell) => cell.name === name);
const move = (...to: Movement[]): Act[] => to.map((each) => ({ type: 'move', to: each }));
/** Where the keyboard is: row and cell. */
function place(state: State, inquiries = STOPPED): readonly [string | undefined, string | undefined] {
  const here = selectedStop(state, stopsOf(state, groups(state, inquiries)));
  return [here?.stop.row, here?.cell?.name];
}

describe('registers: groups', () => {
  it('are all the sets that a processor has', () => {
    assert.deepEqual(groups(INITIAL).map(({ name }) => name), ['general', 'flags', 'segments', 'debug', 'control', 'x87', 'vector', 'msrs']);
    assert.deepEqual(groups(INITIAL, stopped(LONG_CPU)).find(({ name }) => name === 'general')?.rows.map(({ key }) => key).slice(0, 2), ['rax', 'rcx']);
  });

  it('are narrowed down by words: names, bits, meanings, symbols', () => {
    const keys = (filter: string) => groups({ ...INITIAL, filter }).flatMap(({ rows }) => rows.map(({ key }) => key));
    assert.deepEqual(keys('painter'), ['eip'], 'by the symbol that it points to');
    assert.deepEqual(keys('LSTAR'), ['ia32_lstar'], 'in whatever letters');
    assert.ok(keys('cr4 pse').includes('cr4'));
    assert.deepEqual(keys('no such register'), []);
  });

  it('mark what has changed since the stop before, with the value that was', () => {
    assert.equal(groups(INITIAL).reduce((sum, { changes }) => sum + changes, 0), 0, 'nothing at the first stop');
    const next = stopped({ ...LAB_CPU, values: { ...LAB_CPU.values, ecx: 7n } }, STOPPED);
    const cell = cellOf('ecx', next);
    assert.deepEqual([cell?.changed, cell?.before], [true, 'ffffffff']);
    assert.match(cell?.words ?? '', /was ffffffff at the last stop/);
    assert.deepEqual(groups(INITIAL, next).filter(({ changes }) => changes > 0).map(({ name, changes }) => [name, changes]), [['general', 1]]);
    assert.equal(cellOf('ecx', stopped({ ...LAB_CPU, values: { ...LAB_CPU.values, ecx: 7n } }, next))?.changed, undefined);
  });

  it('show a vector register in the lanes that were chosen for it alone', () => {
    const wider = after(STOPPED, { type: 'lanes', register: 'xmm0', view: 'u64' });
    const lanes = (state: State, key: string) => rowOf(key, STOPPED, state)?.cells.filter(({ kind }) => kind === 'lane').length;
    assert.deepEqual([lanes(wider, 'xmm0'), lanes(wider, 'xmm1')], [2, 4]);
    assert.deepEqual([laneViewOf(wider, 'xmm0'), laneViewOf(reduce(wider, { type: 'lanes', register: 'xmm0' }, STOPPED), 'xmm0')], ['u64', 'f32'], 'v goes on to the next way');
    const around = Array.from({ length: 6 }, (): Act => ({ type: 'lanes', register: 'xmm0' }));
    assert.equal(laneViewOf(after(STOPPED, ...around), 'xmm0'), laneViewOf(INITIAL, 'xmm0'), 'and round');
  });
});

describe('registers: the keyboard', () => {
  it('goes from row to row in the same column, and not beyond the ends', () => {
    assert.deepEqual(place(INITIAL), ['group:general', undefined]);
    assert.deepEqual(place(after(STOPPED, ...move('up'))), ['group:general', undefined]);
    assert.deepEqual(place(after(STOPPED, ...move('down'))), ['eax', 'eax']);
    const [, second] = groups(INITIAL)[0].rows;
    assert.equal(place(after(STOPPED, ...move('down', 'down')))[0], second.key);
    assert.equal(place(after(STOPPED, ...move('end')))[0], 'group:msrs', 'what is folded is one stop');
    assert.equal(place(after(STOPPED, ...move('end', 'down', 'home')))[0], 'group:general');
  });

  it('goes from group to group', () => {
    assert.equal(place(after(STOPPED, ...move('pageDown')))[0], 'group:flags');
    assert.equal(place(after(STOPPED, ...move('pageDown', 'pageDown', 'pageUp')))[0], 'group:flags');
    assert.equal(place(after(STOPPED, ...move('pageUp')))[0], 'group:general');
  });

  it('goes among a row\'s cells, its open parts too, and out to the group\'s head, which folds', () => {
    const open = after(STOPPED, { type: 'open', row: 'eax' }, ...move('down', 'right', 'right', 'right', 'right', 'right', 'right', 'right'));
    assert.equal(place(open)[1], 'al', 'the last part, and no further');
    const head = after(STOPPED, ...move('down', 'left'));
    assert.deepEqual(place(head), ['group:general', undefined]);
    const folded = reduce(head, { type: 'move', to: 'left' }, STOPPED);
    assert.equal(folded.folded.has('general'), true);
    assert.deepEqual(reduce(folded, { type: 'move', to: 'left' }, STOPPED), folded, 'it is folded already');
    assert.equal(place(reduce(folded, { type: 'move', to: 'down' }, STOPPED))[0], 'group:flags');
    assert.equal(reduce(folded, { type: 'move', to: 'right' }, STOPPED).folded.has('general'), false);
  });
});

describe('registers: setting', () => {
  const edit = (row: string, cell: string, text?: string): Act => ({ type: 'edit', place: { row, cell }, ...(text === undefined ? {} : { text }) });

  it('begins with the value that is there, keeps what is typed, and ends when it is done', () => {
    const begun = after(STOPPED, edit('ebx', 'ebx'));
    assert.deepEqual(begun.edit, { row: 'ebx', cell: 'ebx', text: '0x12', sent: false });
    const sent = [{ type: 'typed', text: '0x34' }, { type: 'sent' }] as const;
    const waiting = sent.reduce<State>((state, act) => reduce(state, act, STOPPED), begun);
    assert.deepEqual([waiting.edit?.text, waiting.edit?.sent], ['0x34', true]);
    assert.equal(reduce(waiting, { type: 'done', cell: 'ebx', outcome: { body: {} } }, STOPPED).edit, undefined);
    const refused = reduce(waiting, { type: 'done', cell: 'ebx', outcome: { error: 'no number' } }, STOPPED);
    assert.deepEqual(refused.edit, { row: 'ebx', cell: 'ebx', text: '0x34', sent: false, error: 'no number' });
    assert.equal(reduce(refused, { type: 'typed', text: '1' }, STOPPED).edit?.error, undefined, 'what is typed next is not refused yet');
    assert.equal(reduce(refused, { type: 'cancel' }, STOPPED).edit, undefined);
  });

  it('says why there is none: the guest runs, the processor does not let it, nothing is to be set', () => {
    const running = heard(STOPPED, { event: 'continued' });
    const state = reduce(INITIAL, edit('ebx', 'ebx'), running);
    assert.deepEqual([state.edit, state.remark], [undefined, RUNNING]);
    const fixed = after(STOPPED, { type: 'fold', group: 'msrs' }, edit('msr_001', 'msr_001'));
    assert.equal(fixed.edit, undefined);
    assert.match(fixed.remark, /processor does not let/);
    assert.equal(reduce(fixed, { type: 'select', place: { row: 'eax' } }, STOPPED).remark, '');
    assert.equal(after(STOPPED, edit('no row', 'x')), INITIAL);
  });

  it('tells of a bit that could not be switched, which has no field', () => {
    assert.equal(after(STOPPED, { type: 'done', cell: 'eflags.zf', outcome: { error: 'refused' } }).remark, 'refused');
    assert.deepEqual([cellOf('eflags.zf')?.toggleTo, cellOf('eflags.if')?.toggleTo], ['0', '0']);
    assert.equal(cellOf('eflags.cf')?.toggleTo, '1');
  });

  it('is given up by whoever turns to another CPU, or filters', () => {
    for (const act of [{ type: 'cpu', cpu: 1 }, { type: 'filter', text: 'x' }, { type: 'lanes', register: 'xmm0' }] as const) {
      assert.equal(after(STOPPED, edit('ebx', 'ebx'), act).edit, undefined, act.type);
    }
  });
});

describe('registers: over a reload', () => {
  it('is what was set up, without rubbish', () => {
    const state = after(STOPPED, { type: 'filter', text: 'e' }, { type: 'fold', group: 'x87' }, { type: 'open', row: 'eax' }, { type: 'lanes', register: 'xmm1', view: 'f64' }, { type: 'cpu', cpu: 2 });
    assert.deepEqual(fromKept(JSON.parse(JSON.stringify(toKeep(state)))), { ...state, selected: undefined });
    assert.deepEqual(fromKept({ filter: 1, folded: 'x', open: [1], lanes: [['xmm0', 'u7'], 'x'], cpu: 'a' }), INITIAL);
    assert.deepEqual(fromKept(undefined), INITIAL);
  });
});
