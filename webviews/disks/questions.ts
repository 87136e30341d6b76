/** What the Disks panel asks of the machine, and what it knows of the answers. */
import type { PanelCommand, PanelRequests } from '../../debugger/panelProtocol';
import { answerTo, type Inquiries, type Question } from '../ui/inquiries';
import type { Listing } from '../ui/disks/fileTree';
import { shownDisk, type Disk, type State } from './state';

function question<Command extends PanelCommand>(request: Command, args: PanelRequests[Command]['arguments']): Question {
  return { request, arguments: args };
}

const DISKS = question('shadowbox.disks', {});
const reportOf = (disk: string): Question => question('shadowbox.diskReport', { disk });
const entriesOf = (disk: string, path: string): Question => question('shadowbox.diskEntries', { disk, path });

/** The adapter answers each request with the type that its name has; nothing else holds that across the page's border. */
function body<Command extends PanelCommand>(inquiries: Inquiries, asked: Question): PanelRequests[Command]['answer'] | undefined {
  return answerTo(inquiries, asked)?.body as PanelRequests[Command]['answer'] | undefined;
}

export const disksOf = (inquiries: Inquiries): readonly Disk[] | undefined => body<'shadowbox.disks'>(inquiries, DISKS)?.disks;
export const report = (inquiries: Inquiries, disk: string): PanelRequests['shadowbox.diskReport']['answer'] | undefined => body<'shadowbox.diskReport'>(inquiries, reportOf(disk));
export const reportError = (inquiries: Inquiries, disk: string): string | undefined => answerTo(inquiries, reportOf(disk))?.error;

export function listingOf(inquiries: Inquiries, disk: string, path: string): Listing | undefined {
  const asked = entriesOf(disk, path);
  const error = answerTo(inquiries, asked)?.error;
  if (error !== undefined) return { error };
  const entries = body<'shadowbox.diskEntries'>(inquiries, asked)?.entries;
  return entries === undefined ? undefined : { entries };
}

/** While the guest runs, file systems are looked at once: to look through them again at every change would take the machine's time. */
export function questionsOf(state: State, inquiries: Inquiries): readonly Question[] {
  const disk = shownDisk(state, disksOf(inquiries) ?? []);
  if (disk?.image === undefined) return [DISKS];
  const { name } = disk;
  const files = report(inquiries, name)?.volumes.some(({ fileSystem }) => fileSystem !== undefined) === true ? ['/', ...state.open] : [];
  const slow = [reportOf(name), ...files.map((path) => entriesOf(name, path))];
  return [DISKS, ...slow.filter((asked) => !inquiries.running || answerTo(inquiries, asked) === undefined)];
}
