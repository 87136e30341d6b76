/** The console's commands for the time line. */
import type { TravelTarget } from '../src/monitor/machine/session';
import { userError } from './ports';
import type { Command } from './replCommands';
import type { Target } from './target';
import type { TimeManager } from './timeManager';

const GO_USAGE = 'goto N | +N | -N | Tns | NAME | end';
const RECORD_OPTIONS = ['embed', 'snapshots'];
const RECORD_USAGE = `record FILE ${RECORD_OPTIONS.map((option) => `[${option}]`).join(' ')}`;

const count = (value: number): string => value.toLocaleString('en-GB');

export function timeCommands(target: Target, time: TimeManager): readonly (readonly [string, Command])[] {
  return [
    ['goto', {
      usage: GO_USAGE, help: 'travels to a count of instructions, so many on or back, a virtual time, a bookmark, the furthest moment',
      words: async ({ length }) => (length > 0 ? [] : ['end', ...(await target.inspect.timeline()).bookmarks.map(({ name }) => name)]), run: (words) => go(target, time, words.join(' ')),
    }],
    ['bookmark', { usage: 'bookmark NAME', help: 'gives the present moment a name', run: (words) => add(time, words.join(' ')) }],
    ['bookmarks', { usage: 'bookmarks', help: 'all bookmarks, and forks of the time line', run: () => list(target) }],
    ['fork', { usage: 'fork N', help: 'goes back to a future that was left when the past was changed', words: async ({ length }) => (length > 0 ? [] : (await target.inspect.timeline()).forks.map(({ id }) => `${id}`)), run: (words) => fork(time, words[0]) }],
    ['record', { usage: RECORD_USAGE, help: 'saves the run to a file, with its images and snapshots if wanted', words: (before) => (before.length === 0 ? [] : RECORD_OPTIONS.filter((option) => !before.includes(option))), run: (words) => record(time, words) }],
  ];
}

async function go(target: Target, time: TimeManager, text: string): Promise<string> {
  if (text === '') throw userError(`Usage: ${GO_USAGE}`);
  const to = await targetOf(target, text);
  return set(time, to, typeof to === 'object' && 'retired' in to ? `instruction ${count(to.retired)}` : text);
}

/** Sets the machine out; what follows is told when the answer is out. */
async function set(time: TimeManager, to: TravelTarget, where: string): Promise<string> {
  const tell = await time.go(to, 'step');
  setImmediate(tell);
  return `Going to ${where}.`;
}

async function targetOf(target: Target, text: string): Promise<TravelTarget> {
  if (text === 'end') return 'furthest';
  const [, sign, digits, unit] = /^([+-]?)([\d_]{1,20})(ns)?$/.exec(text) ?? [];
  if (digits === undefined) return { bookmark: text };
  const value = Number(digits.replaceAll('_', ''));
  if (sign === '' || sign === undefined) return unit === undefined ? { retired: value } : { time: value };
  const present = await target.inspect.summary();
  const moved = (from: number): number => Math.max(0, sign === '+' ? from + value : from - value);
  return unit === undefined ? { retired: moved(present.retired) } : { time: moved(present.time) };
}

async function add(time: TimeManager, name: string): Promise<string> {
  if (name === '') throw userError('Usage: bookmark NAME');
  await time.addBookmark(name);
  return `Bookmark '${name}'.`;
}

async function list(target: Target): Promise<string> {
  const { bookmarks, forks, present } = await target.inspect.timeline();
  const lines = [
    ...bookmarks.map(({ name, retired, time }) => `${retired === present.retired ? '*' : ' '} ${name}: instruction ${count(retired)}, ${count(time)} ns`),
    ...forks.map(({ id, retired, end }) => `  fork ${id}: left at instruction ${count(retired)}, had come to ${count(end.retired)}`),
  ];
  return lines.length === 0 ? 'There are no bookmarks: bookmark NAME adds one.' : lines.join('\n');
}

async function fork(time: TimeManager, word: string | undefined): Promise<string> {
  if (word === undefined || !/^\d{1,6}$/.test(word)) throw userError('Usage: fork N (bookmarks lists them)');
  return set(time, { fork: Number(word) }, `the end of fork ${word}`);
}

async function record(time: TimeManager, words: readonly string[]): Promise<string> {
  let end = words.length;
  while (end > 1 && RECORD_OPTIONS.includes(words[end - 1] ?? '')) end--;
  const file = words.slice(0, end).join(' ');
  if (file === '') throw userError(`Usage: ${RECORD_USAGE}`);
  const isWanted = (option: string): boolean => words.includes(option, end);
  const { path, bytes, needed, note } = await time.save(file, { embed: isWanted('embed'), snapshots: isWanted('snapshots') });
  return [`Saved ${path} (${count(bytes)} bytes).`, ...(needed.length === 0 ? [] : [`Whoever opens it needs ${needed.join(', ')}, too.`]), ...(note === undefined ? [] : [note])].join(' ');
}
