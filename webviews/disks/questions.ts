/** What the Disks panel asks of the machine, and what it knows of the answers. */
import type { PanelCommand, PanelRequests } from '../../debugger/panelProtocol';
import { answerTo, type Inquiries, type Question } from '../ui/inquiries';
import type { Listing } from '../ui/disks/fileTree';
import { shownDisk, type Disk, type State } from './state';

function question<Command extends PanelCommand>(request: Command, args: PanelRequests[Command]['arguments']): Question {
  return { request, arguments: args };
}

const DISKS = question('shadowbox.disks', {});
// Of another image there is no answer yet, though the drive is the same.
type Which = Pick<Disk, 'name' | 'image'>;
const reportOf = ({ name, image }: Which): Question => question('shadowbox.diskReport', { disk: name, ...(image === undefined ? {} : { image }) });
const entriesOf = ({ name, image }: Which, path: string): Question => question('shadowbox.diskEntries', { disk: name, path, ...(image === undefined ? {} : { image }) });

/** The adapter answers each request with the type that its name has; nothing else holds that across the page's border. */
function body<Command extends PanelCommand>(inquiries: Inquiries, asked: Question): PanelRequests[Command]['answer'] | undefined {
  return answerTo(inquiries, asked)?.body as PanelRequests[Command]['answer'] | undefined;
}

export const disksOf = (inquiries: Inquiries): readonly Disk[] | undefined => body<'shadowbox.disks'>(inquiries, DISKS)?.disks;
export const report = (inquiries: Inquiries, disk: Which): PanelRequests['shadowbox.diskReport']['answer'] | undefined => body<'shadowbox.diskReport'>(inquiries, reportOf(disk));
export const reportError = (inquiries: Inquiries, disk: Which): string | undefined => answerTo(inquiries, reportOf(disk))?.error;

export function listingOf(inquiries: Inquiries, disk: Which, path: string): Listing | undefined {
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
  const files = report(inquiries, disk)?.volumes.some(({ fileSystem }) => fileSystem !== undefined) === true ? ['/', ...state.open] : [];
  const slow = [reportOf(disk), ...files.map((path) => entriesOf(disk, path))];
  return [DISKS, ...slow.filter((asked) => !inquiries.running || answerTo(inquiries, asked) === undefined)];
}
