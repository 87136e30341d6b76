/**
 * Small pieces that several views show in the same way: rights, flags, badges, and what they say in words.
 */
import type { GuestEntryRun, PageRights } from '../../src/monitor/inspection/queries';
import { classes, h, type ElementDescription } from '../ui/description';
import { size } from '../ui/numbers';
import type { Change, PartChange } from './changes';
import { icon, type IconName } from './icons';
import { S } from './strings';

interface Letter {
  readonly letter: string;
  readonly on: boolean;
  readonly words: string;
}

function rightLetters({ writable, executable, user }: PageRights): readonly Letter[] {
  const { right } = S;
  return [
    { letter: 'R', on: true, words: right.readable },
    { letter: writable ? 'W' : '–', on: writable, words: writable ? right.writable : right.notWritable },
    { letter: executable ? 'X' : '–', on: executable, words: executable ? right.executable : right.notExecutable },
    { letter: user ? 'U' : 'S', on: user, words: user ? right.user : right.supervisor },
  ];
}

type Flags = Pick<GuestEntryRun, 'accessed' | 'dirty' | 'global' | 'cacheDisabled'>;

function flagLetters(flags: Flags): readonly Letter[] {
  const { flag } = S;
  return ([['A', 'accessed'], ['D', 'dirty'], ['G', 'global'], ['C', 'cacheDisabled']] as const)
    .map(([letter, name]) => ({ letter: flags[name] ? letter : '·', on: flags[name], words: flags[name] ? flag[name] : '' }));
}

function letters(all: readonly Letter[], className: string): ElementDescription {
  return h('span', { class: className }, all.map(({ letter, on, words }) =>
    h('span', { class: classes('letter', on && 'on'), title: words === '' ? undefined : words }, letter)));
}

export const rightsBadge = (rights: PageRights) => letters(rightLetters(rights), 'rights');
export const flagsBadge = (flags: Flags) => letters(flagLetters(flags), 'flags');

const joined = (all: readonly Letter[]) => all.map(({ words }) => words).filter((words) => words !== '').join(', ');
export const rightsInWords = (rights: PageRights) => joined(rightLetters(rights));
export const flagsInWords = (flags: Flags) => joined(flagLetters(flags));

/** A labelled mark with an icon. */
export function tag(className: string, name: IconName, text: string, hint: string): ElementDescription {
  return h('span', { class: `tag ${className}`, title: hint }, icon(name), text);
}

const CHANGE_GLYPHS: Readonly<Record<Change, string>> = { new: '+', changed: '●', gone: '−' };

export function changeInWords({ change, count }: PartChange): string {
  return count > 1 ? `${S.entriesLong(count)} ${S.change[change]}` : S.change[change];
}

/** The mark of what has changed since the last stop; an empty place where nothing has. */
export function changeMark(change: PartChange | undefined): ElementDescription {
  if (change === undefined) return h('span', { class: 'mark' });
  return h('span', { class: `mark ${change.change}`, title: changeInWords(change) }, CHANGE_GLYPHS[change.change]);
}

/** Size of one entry of a run, as people call it: '4 MiB'. */
export function entrySize(run: { readonly bytes: bigint; readonly count: number }): string {
  return size(run.bytes / BigInt(run.count));
}
