/** Directories of a disk as a tree: which rows there are, and how they look. */
import type { EntryReport } from '../../../src/filesystems/report';
import { classes, h, type ElementDescription } from '../description';
import { roughSize } from '../numbers';
import { t } from '../words';

/** What is known of a directory. */
export interface Listing {
  readonly entries?: readonly EntryReport[];
  readonly error?: string;
}

export interface FileRow {
  readonly path: string;
  readonly depth: number;
  readonly entry?: EntryReport;
  readonly open: boolean;
  /** In place of an entry: that it is being read, is empty, or why it cannot be read. */
  readonly words?: string;
  readonly isError?: boolean;
}

/** Rows of one directory that are shown. */
const MOST_ROWS = 500;

export const childPath = (directory: string, name: string): string => `${directory === '/' ? '' : directory}/${name}`;

/** The rows below a directory, with those of the directories that are open. */
export function fileRows(listingOf: (path: string) => Listing | undefined, open: ReadonlySet<string>, directory = '/', depth = 0): readonly FileRow[] {
  const words = (text: string, isError = false): readonly FileRow[] => [{ path: `${directory}#`, depth, open: false, words: text, isError }];
  const listing = listingOf(directory);
  if (listing?.error !== undefined) return words(listing.error, true);
  if (listing?.entries === undefined) return words(t('Reading…'));
  if (listing.entries.length === 0) return words(t('Empty'));
  const rows = listing.entries.slice(0, MOST_ROWS).flatMap((entry): readonly FileRow[] => {
    const path = childPath(directory, entry.name);
    const isOpen = entry.kind === 'directory' && open.has(path);
    return [{ path, depth, entry, open: isOpen }, ...(isOpen ? fileRows(listingOf, open, path, depth + 1) : [])];
  });
  const more = listing.entries.length - MOST_ROWS;
  return more > 0 ? [...rows, ...words(t('{0} more: mount the disk in the explorer to see all', more))] : rows;
}

export function fileTree(rows: readonly FileRow[]): ElementDescription {
  return h('div', { class: 'file-tree', role: 'tree', 'aria-label': t('Files on the disk') }, rows.map(rowView));
}

function rowView({ path, depth, entry, open, words, isError }: FileRow): ElementDescription {
  const style = { 'padding-left': `${depth * 16 + 4}px` };
  if (entry === undefined) return h('div', { class: classes('file-row', 'words', isError === true ? 'bad' : 'dim'), key: path, style }, words ?? '');
  const isDirectory = entry.kind === 'directory';
  const does = isDirectory ? 'toggle' : entry.kind === 'special' ? undefined : 'open';
  return h('button', {
    class: classes('file-row', entry.kind), type: 'button', role: 'treeitem', key: path, style, 'aria-level': depth + 1, 'data-do': does, 'data-path': path, disabled: does === undefined,
    'aria-expanded': isDirectory ? String(open) : undefined, title: isDirectory ? undefined : entry.kind === 'special' ? t('No plain file: a device, a socket or a pipe') : t('Open {0}', path),
  },
    h('span', { class: 'twisty', 'aria-hidden': 'true' }, isDirectory ? (open ? '▾' : '▸') : ''),
    h('span', { class: 'file-name' }, entry.name, entry.target !== undefined && h('span', { class: 'dim' }, ` → ${entry.target}`)),
    h('span', { class: 'file-size number dim' }, entry.kind === 'file' ? roughSize(entry.bytes) : ''),
    h('span', { class: 'file-time dim' }, entry.modified === undefined ? '' : new Date(entry.modified * 1000).toISOString().slice(0, 16).replace('T', ' ')));
}
