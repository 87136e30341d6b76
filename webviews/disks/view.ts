/** The picture of a machine's disks: a tab for each drive, what is asked of it, how it is divided, and its files. */
import { classes, h, type Child, type ElementDescription } from '../ui/description';
import { fileRows, fileTree } from '../ui/disks/fileTree';
import { divisionFacts, partitionBar, volumeTable } from '../ui/disks/partitionView';
import { ruler, strip } from '../ui/disks/strip';
import type { Inquiries } from '../ui/inquiries';
import { notice, sessionNotice } from '../ui/notice';
import { count, roughSize } from '../ui/numbers';
import { disksOf, listingOf, report, reportError } from './questions';
import { shownDisk, type Disk, type State } from './state';
import { t } from '../ui/words';

const KINDS: Readonly<Record<Disk['kind'], string>> = { floppy: t('Floppy'), disk: t('Disk'), cdrom: 'CD-ROM' };
const WRITES: Readonly<Record<Disk['writes'], string>> = {
  overlay: t('What the guest writes is kept in memory; the image stays as it is.'), image: t('What the guest writes goes to the image.'), refuse: t('It is write-protected.'),
};

const fileName = (path: string): string => path.split(/[\\/]/).at(-1) ?? path;

function driveName({ kind, name }: Disk): string {
  return kind === 'cdrom' ? KINDS.cdrom : `${KINDS[kind]} ${name.replace(/\D/g, '')}`;
}

export function view(state: State, inquiries: Inquiries): readonly ElementDescription[] {
  const disks = disksOf(inquiries);
  const disk = shownDisk(state, disks ?? []);
  const said = sessionNotice(inquiries) ?? (disks?.length === 0 ? notice('empty', t('This machine has no drives'), t('Add "disks", "floppy" or "cdrom" to its launch configuration.')) : undefined);
  return [
    h('header', { class: 'toolbar', key: 'toolbar', role: 'tablist', 'aria-label': t('Drives') }, (disks ?? []).map((each) => tab(each, each === disk))),
    ...(said !== undefined ? [said] : disk === undefined ? [] : [h('main', { class: 'scroll', key: `disk-${disk.name}`, role: 'tabpanel', 'aria-label': driveName(disk) }, drive(disk, state, inquiries))]),
  ];
}

function tab(disk: Disk, isShown: boolean): ElementDescription {
  return h('button', { type: 'button', class: classes('tab', isShown && 'shown'), key: disk.name, role: 'tab', 'aria-selected': String(isShown), 'data-do': 'show', 'data-disk': disk.name },
    h('strong', {}, driveName(disk)), h('span', { class: 'dim' }, disk.image === undefined ? t('empty') : fileName(disk.image)));
}

function part(key: string, title: string, ...children: readonly Child[]): ElementDescription {
  return h('section', { class: `part ${key}`, key }, h('h2', {}, title), children);
}

function drive(disk: Disk, state: State, inquiries: Inquiries): Child {
  const found = report(inquiries, disk);
  const error = reportError(inquiries, disk);
  return [
    state.failure !== undefined && notice('error', t('That could not be done'), state.failure),
    part('drive', driveName(disk), medium(disk)),
    disk.image !== undefined && [
      part('activity', t('Activity'), activityView(disk, state)),
      error !== undefined && notice('error', t('The disk cannot be read'), error),
      found !== undefined && [
        part('division', t('Division'), divisionFacts(found), partitionBar(found, undefined), volumeTable(found)),
        part('files', t('Files'), inquiries.running && h('p', { class: 'note' }, t('As they were when they were looked at; they are read again when the guest stops.')), filesView(disk, found, state, inquiries)),
      ],
    ],
  ];
}

function filesView(disk: Disk, { volumes }: NonNullable<ReturnType<typeof report>>, { open }: State, inquiries: Inquiries): Child {
  if (!volumes.some(({ fileSystem }) => fileSystem !== undefined)) return h('p', { class: 'dim' }, t('There is no file system on this disk whose files can be shown (FAT, ext2 to ext4, ISO 9660).'));
  return fileTree(fileRows((path) => listingOf(inquiries, disk, path), new Set(open)));
}

function medium(disk: Disk): ElementDescription {
  const { image, bytes, bus, writes, kind } = disk;
  return h('div', { class: 'facts' },
    image === undefined ? h('p', {}, kind === 'floppy' ? t('There is no floppy in this drive.') : t('There is no disc in this drive.')) : [
      h('p', {}, h('span', { class: 'term' }, t('Image')), h('span', { class: 'code' }, image)),
      h('p', {}, h('span', { class: 'term' }, t('Size')), t('{0}, {1} sectors, connected by {2}', roughSize(bytes), count(bytes / 512), bus)),
      h('p', {}, h('span', { class: 'term' }, t('Writes')), WRITES[writes]),
    ],
    kind !== 'disk' && h('div', { class: 'sector-keys', key: 'change' },
      h('button', { type: 'button', class: 'secondary', key: 'insert', 'data-do': 'insert' }, insertWords(disk)),
      image !== undefined && h('button', { type: 'button', class: 'secondary', key: 'eject', 'data-do': 'eject', 'data-disk': disk.name }, t('Take It Out'))));
}

function insertWords({ kind, image }: Disk): string {
  if (kind === 'floppy') return image === undefined ? t('Insert a Floppy…') : t('Change the Floppy…');
  return image === undefined ? t('Insert a Disc…') : t('Change the Disc…');
}

function activityView({ name, activity, cache, overlayBytes, zones, writes, bytes }: Disk, { heat }: State): Child {
  const facts: readonly (readonly [string, string])[] = [
    [t('Reads'), `${count(activity.reads)}, ${roughSize(activity.readBytes)}`], [t('Writes'), `${count(activity.writes)}, ${roughSize(activity.writtenBytes)}`], [t('Discards'), count(activity.discards)],
    [t('Cache'), t('{0} reads answered, {1} blocks fetched', count(cache.hits), count(cache.fetches))],
    ...(writes === 'overlay' ? [[t('Overlay'), roughSize(overlayBytes)] as const] : []),
  ];
  const { readHeat = [], writeHeat = [] } = heat.get(name) ?? {};
  const touched = (counts: readonly number[], warm: readonly number[]): readonly number[] => counts.map((requests, zone) => (requests === 0 ? 0 : 0.2 + 0.8 * (warm[zone] ?? 0)));
  const overlay = zones.overlay.some(Boolean);
  return [
    h('dl', { class: 'counters' }, facts.map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', { class: 'number' }, value)))),
    strip([
      { name: 'reads', cells: touched(zones.reads, readHeat) }, { name: 'writes', cells: touched(zones.writes, writeHeat) },
      ...(overlay ? [{ name: 'overlay', cells: zones.overlay.map(Number) }] : []),
    ], t('Where the guest has read and written; bright: just now')), ruler(0, bytes),
    h('div', { class: 'strip-keys' }, key('reads', t('read')), key('writes', t('written')), overlay && key('overlay', t('other than in the image')), h('span', { class: 'dim' }, t('bright: since the last look'))),
  ];
}

function key(name: string, words: string): ElementDescription {
  return h('span', { class: 'key' }, h('i', { class: name, 'aria-hidden': 'true' }), words);
}
