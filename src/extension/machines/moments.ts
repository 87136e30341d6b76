// The moments of a running machine in the view 'Machines': bookmarks, snapshots, futures that were left; ways there, and names for them.
import * as vscode from 'vscode';
import type { PanelRequests } from '../../../debugger/panelProtocol';
import type { RunningMachine } from './runningMachines';

export type Timeline = PanelRequests['shadowbox.timeline']['answer'];
type Travel = PanelRequests['shadowbox.travel']['arguments'];
type BookmarkChange = PanelRequests['shadowbox.bookmark']['arguments'];

/** A moment that can be gone to. */
export interface Moment {
  readonly kind: 'bookmark' | 'snapshot' | 'future';
  /** A bookmark's name; for others what stands in the line. */
  readonly name: string;
  readonly description: string;
  readonly travel: Travel;
  /** Whether the machine stands there. */
  readonly isHere: boolean;
}

/** Newer snapshots that are listed; the panel Time has all of them. */
const MOST_SNAPSHOTS = 50;

const digits = new Intl.NumberFormat();
const instruction = (retired: number): string => vscode.l10n.t('instruction {0}', digits.format(retired));

/** What there is of a run, in the order of the tree: names first, then futures, then snapshots from the newest on. */
export function momentsOf({ bookmarks, forks, moments, present }: Timeline): readonly Moment[] {
  const isHere = (retired: number): boolean => retired === present.retired;
  return [
    ...bookmarks.map(({ name, retired }): Moment => ({ kind: 'bookmark', name, description: instruction(retired), travel: { bookmark: name }, isHere: isHere(retired) })),
    ...forks.map(({ id, retired, end }): Moment => ({
      kind: 'future', name: vscode.l10n.t('Future that was left'), description: vscode.l10n.t('{0} to {1}', instruction(retired), digits.format(end.retired)), travel: { fork: id }, isHere: false,
    })),
    ...moments.slice(-MOST_SNAPSHOTS).reverse().map(({ retired, pages }): Moment => ({
      kind: 'snapshot', name: instruction(retired), description: vscode.l10n.t('{0} pages kept', digits.format(pages)), travel: { retired }, isHere: isHere(retired),
    })),
  ];
}

/** Whether the present lies before what the run has reached. */
export const isInThePast = ({ present, furthest }: Timeline): boolean => present.retired < furthest.retired;

const ICONS: Readonly<Record<Moment['kind'], string>> = { bookmark: 'bookmark', snapshot: 'circle-small', future: 'git-branch' };

export function momentItem({ kind, name, description, isHere }: Moment): vscode.TreeItem {
  const item = new vscode.TreeItem(name);
  item.description = isHere ? vscode.l10n.t('{0} (here)', description) : description;
  item.iconPath = new vscode.ThemeIcon(isHere ? 'arrow-right' : ICONS[kind]);
  item.contextValue = `moment.${kind}${isHere ? '.here' : ''}`;
  return item;
}

export const travel = (session: vscode.DebugSession, to: Travel): Thenable<unknown> => session.customRequest('shadowbox.travel', to);
const change = (session: vscode.DebugSession, what: BookmarkChange): Thenable<unknown> => session.customRequest('shadowbox.bookmark', what);

/** Asks for a name; one that is taken, or none, is refused while it is typed. Undefined when the person thought better of it. */
function askName(title: string, taken: readonly string[], value = ''): Thenable<string | undefined> {
  return vscode.window.showInputBox({
    title, value, prompt: vscode.l10n.t('A name for this moment of the run'),
    validateInput: (text) => (text.trim() === '' ? vscode.l10n.t('A moment needs a name.') : text !== value && taken.includes(text.trim()) ? vscode.l10n.t('There is a bookmark of this name already.') : undefined),
  });
}

async function namesOf(session: vscode.DebugSession): Promise<readonly string[]> {
  const { bookmarks } = await session.customRequest('shadowbox.timeline', {}) as Timeline;
  return bookmarks.map(({ name }) => name);
}

/** Names the present moment. */
export async function addBookmark({ session }: RunningMachine): Promise<void> {
  const name = await askName(vscode.l10n.t('Add Bookmark'), await namesOf(session));
  if (name !== undefined) await change(session, { kind: 'add', name: name.trim() });
}

export async function renameBookmark({ session }: RunningMachine, { name }: Moment): Promise<void> {
  const to = await askName(vscode.l10n.t('Rename Bookmark'), await namesOf(session), name);
  if (to !== undefined && to.trim() !== name) await change(session, { kind: 'rename', name, to: to.trim() });
}

export const removeBookmark = ({ session }: RunningMachine, { name }: Moment): Thenable<unknown> => change(session, { kind: 'remove', name });
