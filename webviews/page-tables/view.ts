/**
 * The whole panel as a description: a pure function of the state.
 */
import { h, type ElementDescription } from '../ui/description';
import { icon } from './icons';
import { rowsOf } from './rows';
import { shownSpace, type State } from './state';
import { S } from './strings';
import { stripView } from './stripView';
import { toolbarView } from './toolbarView';
import { treeView } from './treeView';
import { walkView } from './walkView';

export function view(state: State): readonly ElementDescription[] {
  const strip = stripView(state);
  const notice = noticeView(state);
  const walk = walkView(state);
  return [
    toolbarView(state),
    ...strip === undefined ? [] : [strip],
    ...walk === undefined || state.session !== 'live' ? [] : [walk],
    ...notice === undefined ? [] : [notice],
    ...hasTrees(state) ? [treeView(state), legendView()] : [],
  ];
}

/** Whether there are tables to draw: with paging off only those that CR3 already points to, if the machine names them. */
function hasTrees(state: State): boolean {
  const space = shownSpace(state);
  if (state.session !== 'live' || space === undefined) return false;
  return space.mode !== 'none' || rowsOf(state).rows.some((row) => row.kind === 'table');
}

function noticeView(state: State): ElementDescription | undefined {
  if (state.session === 'none') return notice('none', S.noSession, S.noSessionHelp);
  if (state.error !== undefined) return notice('error', state.session === 'unknown' ? S.waiting : S.failed, state.error);
  if (state.session === 'unknown' || state.spaces === undefined) return notice('waiting', S.waiting, S.waitingHelp);
  const space = shownSpace(state);
  if (space === undefined) return notice('waiting', S.noSpaces, S.noSpacesHelp);
  return space.mode === 'none' ? notice('off', S.offTitle, hasTrees(state) ? `${S.offHelp} ${S.offTables}` : S.offHelp) : undefined;
}

function notice(kind: string, title: string, text: string): ElementDescription {
  return h('section', { class: `notice ${kind}`, key: `notice-${kind}`, role: kind === 'error' ? 'alert' : 'status' }, h('h2', {}, title), h('p', {}, text));
}

const sample = (className: string, ...children: ElementDescription[]) => h('span', { class: `sample ${className}`, 'aria-hidden': 'true' }, children);

function legendView(): ElementDescription {
  const lineSample = (className: string) => h('svg', { class: `lines-sample ${className}`, viewBox: '0 0 28 8', width: 28, height: 8, 'aria-hidden': 'true' },
    h('path', { class: 'stem', d: 'M0 4H22', fill: 'none' }), h('path', { class: 'tip', d: 'M21 0L28 4L21 8Z' }));
  return h('footer', { class: 'legend', key: 'legend', 'aria-label': S.legend },
    h('span', {}, sample('line', lineSample('entry')), S.legendDerives),
    h('span', {}, sample('line traced', lineSample('traced')), S.legendTraced),
    h('span', {}, sample('hatched'), S.legendUnfilled),
    h('span', {}, sample('traced', icon('eye')), S.legendTracedTable),
    h('span', {}, sample('shared', icon('shared')), S.legendShared),
    h('span', {}, S.legendChanged),
    h('span', { class: 'keys' }, S.keys));
}
