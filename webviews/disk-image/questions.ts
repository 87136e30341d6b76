/** What the editor of an image asks, and what it knows of the answers. */
import type { BlockMap, ImageCommand, ImageOverview, ImageRequests } from '../../src/extension/disks/messages';
import { answerTo, type Inquiries, type Question } from '../ui/inquiries';
import type { Listing } from '../ui/disks/fileTree';
import { SECTOR, type State } from './state';

/** Cells of a strip. */
export const CELLS = 600;

function question<Command extends ImageCommand>(request: Command, args: ImageRequests[Command]['arguments']): Question {
  return { request, arguments: args };
}

export const OVERVIEW = question('image.overview', {});
const entriesOf = (path: string): Question => question('image.entries', { path });
const sectorOf = ({ sector }: State): Question => question('image.bytes', { offset: sector * SECTOR, bytes: SECTOR });

/** The extension answers each request with the type that its name has; nothing else holds that across the page's border. */
function body<Command extends ImageCommand>(inquiries: Inquiries, asked: Question): ImageRequests[Command]['answer'] | undefined {
  return answerTo(inquiries, asked)?.body as ImageRequests[Command]['answer'] | undefined;
}

export const overviewOf = (inquiries: Inquiries): ImageOverview | undefined => body<'image.overview'>(inquiries, OVERVIEW);

function blocksOf({ zoom }: State, bytes: number): Question {
  return question('image.blocks', { from: zoom?.from ?? 0, to: zoom?.to ?? bytes, cells: CELLS });
}

export function questionsOf(state: State, inquiries: Inquiries): readonly Question[] {
  const report = overviewOf(inquiries)?.report;
  if (report === undefined) return [OVERVIEW];
  const directories = hasFiles(report) ? ['/', ...state.open.filter((path) => isShown(path, state.open))] : [];
  return [OVERVIEW, blocksOf(state, report.bytes), sectorOf(state), ...directories.map(entriesOf)];
}

export function hasFiles({ volumes }: NonNullable<ImageOverview['report']>): boolean {
  return volumes.some(({ fileSystem }) => fileSystem !== undefined);
}

/** Whether all directories above are open too. */
function isShown(path: string, open: readonly string[]): boolean {
  const above = path.slice(0, path.lastIndexOf('/'));
  return above === '' || (open.includes(above) && isShown(above, open));
}

export const blockMap = (state: State, inquiries: Inquiries, bytes: number): BlockMap | undefined => body<'image.blocks'>(inquiries, blocksOf(state, bytes));
export const sectorData = (state: State, inquiries: Inquiries): string | undefined => body<'image.bytes'>(inquiries, sectorOf(state))?.data;
export const sectorError = (state: State, inquiries: Inquiries): string | undefined => answerTo(inquiries, sectorOf(state))?.error;

export function listingOf(inquiries: Inquiries, path: string): Listing | undefined {
  const answer = answerTo(inquiries, entriesOf(path));
  if (answer?.error !== undefined) return { error: answer.error };
  const entries = body<'image.entries'>(inquiries, entriesOf(path))?.entries;
  return entries === undefined ? undefined : { entries };
}
