/**
 * The whole panel as a description: a pure function of the state.
 */
import { h, type ElementDescription } from '../ui/description';
import { legendView } from './legendView';
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
  const walk = state.session === 'live' ? walkView(state) : undefined;
  const trees = hasTrees(state);
  return [
    toolbarView(state),
    ...strip === undefined ? [] : [strip],
    ...notice === undefined ? [] : [notice],
    ...trees ? [treeView(state)] : [],
    // Below the trees, in a band of its own: what it explains stays in view above it.
    ...walk === undefined ? [] : [walk],
    ...trees ? [legendView(state)] : [],
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

