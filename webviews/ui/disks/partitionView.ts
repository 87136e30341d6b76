/** A disk's division: a bar to scale, and a table with what is in each part. */
import type { DiskReport, VolumeReport } from '../../../src/filesystems/report';
import { classes, h, type Child, type ElementDescription } from '../description';
import { count, roughSize } from '../numbers';
import { contentName, segmentsOf, volumeName, type Segment } from './segments';
import { t } from '../words';

/** A gap that is a smaller part of the disk has no room for words. */
const NARROW = 0.05;

/** A bar of all segments, wide as they are large; very small ones keep room for a click. */
export function partitionBar(report: DiskReport, chosen: string | undefined): ElementDescription {
  const segments = segmentsOf(report);
  return h('div', { class: 'partition-bar', role: 'list', 'aria-label': t('Division of the disk, to scale') }, segments.map((segment) => segmentView(segment, report.bytes, chosen)));
}

function segmentView({ kind, offset, bytes, volume, inside }: Segment, whole: number, chosen: string | undefined): ElementDescription {
  const style = { 'flex-grow': String(bytes / whole) };
  if (kind === 'free' || volume === undefined) {
    return h('div', { class: classes('segment', 'free', inside && 'inside'), role: 'listitem', key: `free-${offset}`, style, title: t('Not in a partition: {0}', roughSize(bytes)) }, bytes / whole >= NARROW && h('span', {}, roughSize(bytes)));
  }
  const label = volume.fileSystem?.label ?? volume.partition?.name;
  const title = t('{0}: {1}{2}, {3} from sector {4}', volumeName(volume), contentName(volume), label === undefined ? '' : ` '${label}'`, roughSize(bytes), count(offset / 512));
  return h('button', {
    class: classes('segment', 'volume', contentClass(volume), inside && 'inside', volume.key === chosen && 'chosen'), type: 'button', role: 'listitem', key: volume.key, style, title, 'aria-label': title,
    'data-do': 'sector', 'data-sector': Math.floor(offset / 512), 'data-volume': volume.key,
  }, h('strong', {}, label ?? volumeName(volume)), h('span', {}, contentName(volume)), h('span', {}, roughSize(bytes)));
}

function contentClass({ fileSystem, named, problem }: VolumeReport): string {
  if (problem !== undefined) return 'bad';
  return fileSystem !== undefined ? 'readable' : named !== undefined ? 'named' : 'unknown';
}

export function volumeTable({ volumes }: DiskReport): ElementDescription {
  const headings = ['', t('Type'), t('File system'), t('Label'), t('First sector'), t('Size'), t('Used')];
  return h('table', { class: 'volumes' },
    h('thead', {}, h('tr', {}, headings.map((heading) => h('th', { scope: 'col' }, heading)))),
    h('tbody', {}, volumes.map(volumeRow)));
}

function volumeRow(volume: VolumeReport): ElementDescription {
  const { key, offset, bytes, partition, fileSystem, problem } = volume;
  const marks = [partition?.active === true && 'active', partition?.place === 'logical' && 'logical'].filter((mark) => mark !== false);
  const notes = [...(fileSystem?.notes ?? []), ...(problem === undefined ? [] : [problem])];
  return h('tr', { key },
    h('th', { scope: 'row' }, volumeName(volume), marks.length > 0 && h('span', { class: 'dim' }, ` ${marks.join(', ')}`)),
    h('td', {}, partition === undefined ? '' : partition.type, partition !== undefined && h('span', { class: 'dim code' }, ` ${partition.code.slice(0, 8)}`)),
    h('td', { class: classes(problem !== undefined && 'bad') }, contentName(volume), notes.map((note) => h('div', { class: 'note' }, note))),
    h('td', {}, fileSystem?.label ?? partition?.name ?? '', fileSystem?.identifier !== undefined && h('div', { class: 'dim code' }, fileSystem.identifier)),
    h('td', { class: 'hex number' }, count(offset / 512)),
    h('td', { class: 'number' }, roughSize(bytes)),
    h('td', { class: 'use' }, useOf(volume)));
}

/** How full a file system is; a disc that is never written is as large as what is on it. */
function useOf({ fileSystem }: VolumeReport): Child {
  if (fileSystem?.freeBytes === undefined) return undefined;
  const used = Math.max(0, fileSystem.bytes - fileSystem.freeBytes);
  const part = fileSystem.bytes === 0 ? 0 : used / fileSystem.bytes;
  const words = t('{0} of {1}', roughSize(used), roughSize(fileSystem.bytes));
  return [
    h('div', { class: 'gauge', role: 'meter', 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': Math.round(part * 100), 'aria-label': t('Used: {0}', words) },
      h('div', { class: 'level', style: { width: `${(part * 100).toFixed(1)}%` } })),
    h('span', { class: 'dim' }, words),
  ];
}

/** Scheme, identifier, boot sector and what is wrong, in sentences. */
export function divisionFacts({ scheme, identifier, boot, catalog, problems }: DiskReport): ElementDescription {
  const division = scheme === 'none' ? t('No table of partitions.') : t('{0}, disk identifier {1}.', scheme, identifier ?? t('none'));
  return h('div', { class: 'facts' },
    h('p', {}, h('span', { class: 'term' }, t('Partitions')), division),
    h('p', {}, h('span', { class: 'term' }, t('Boot sector')), h('span', { class: classes('dot', boot.bootable && 'on'), 'aria-hidden': 'true' }), boot.story),
    catalog.map((entry) => h('p', {}, h('span', { class: 'term' }, t('CD boots')),
      t('{0}: {1}{2}, {3} from block {4}.', entry.platform, entry.emulation, entry.bootable ? '' : t(', not bootable'), roughSize(entry.bytes), count(entry.offset / 2048)))),
    problems.map((problem) => h('p', { class: 'bad', role: 'alert' }, problem)));
}
