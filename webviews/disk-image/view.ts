/** The picture of a disk image. */
import type { BlockMap, ChainMember, ImageOverview } from '../../src/extension/disks/messages';
import { h, type Child, type ElementDescription } from '../ui/description';
import { fileRows, fileTree } from '../ui/disks/fileTree';
import { bytesOf, hexDump } from '../ui/disks/hexDump';
import { divisionFacts, partitionBar, volumeTable } from '../ui/disks/partitionView';
import { ruler, strip } from '../ui/disks/strip';
import type { Inquiries } from '../ui/inquiries';
import { notice } from '../ui/notice';
import { count, roughSize } from '../ui/numbers';
import { blockMap, hasFiles, listingOf, overviewOf, sectorData, sectorError } from './questions';
import { SECTOR, type State } from './state';
import { t } from '../ui/words';

export function view(state: State, inquiries: Inquiries): readonly ElementDescription[] {
  const overview = overviewOf(inquiries);
  if (overview === undefined) return [h('header', { class: 'toolbar', key: 'toolbar' }, h('h1', {}, t('Disk image'))), notice('waiting', t('Reading the image'), t('Its tables are looked through.'))];
  const { report, problem } = overview;
  return [
    toolbar(overview),
    h('main', { class: 'scroll', key: 'main' },
      state.failure !== undefined && notice('error', t('That could not be done'), state.failure),
      problem !== undefined && notice('error', t('The image cannot be opened'), problem),
      overview.chain.length > 0 && part('image', t('Image'), chainTable(overview.chain)),
      report !== undefined && [
        part('disk', t('Disk'), divisionFacts(report), partitionBar(report, state.volume), volumeTable(report)),
        part('blocks', t('Blocks'), blocksView(state, blockMap(state, inquiries, report.bytes), overview.chain[0])),
        part('files', t('Files'), filesView(overview, state, inquiries)),
        part('sector', t('Sector'), sectorView(state, inquiries, report.bytes)),
      ]),
  ];
}

function part(key: string, title: string, ...children: readonly Child[]): ElementDescription {
  return h('section', { class: `part ${key}`, key }, h('h2', {}, title), children);
}

function toolbar({ name, chain, report, hexEditor }: ImageOverview): ElementDescription {
  const format = chain.at(0)?.description;
  return h('header', { class: 'toolbar', key: 'toolbar' },
    h('h1', {}, name),
    format !== undefined && h('span', { class: 'badge' }, format.kind === format.format ? format.format : `${format.format}, ${format.kind}`),
    format !== undefined && h('span', { class: 'badge' }, roughSize(format.bytes)),
    h('span', { class: 'spacer' }),
    hexEditor && h('button', { type: 'button', class: 'secondary', 'data-order': 'image.hex', title: t('The file as it is, byte by byte') }, t('Open in Hex Editor')),
    report !== undefined && hasFiles(report) && h('button', { type: 'button', class: 'secondary', 'data-order': 'image.mount', title: t('Its files as a folder of the explorer') }, t('Mount in Explorer')),
    report !== undefined && h('button', { type: 'button', 'data-order': 'image.boot', title: t('Start a machine with this image in it; the file stays as it is') }, t('Boot in Shadowbox')));
}

function chainTable(chain: readonly ChainMember[]): ElementDescription {
  return h('table', { class: 'chain' },
    h('thead', {}, h('tr', {}, [t('File'), t('Format'), t('Disk'), t('File size'), t('Blocks'), t('Identifier')].map((heading) => h('th', { scope: 'col' }, heading)))),
    h('tbody', {}, chain.map((member, depth) => chainRow(member, depth, chain.at(depth + 1)))));
}

function chainRow({ path, fileBytes, description }: ChainMember, depth: number, parent: ChainMember | undefined): ElementDescription {
  const { format, kind, bytes, blockBytes, identifier, snapshots, notes } = description;
  const more = [
    ...(parent === undefined ? [] : [parentWords(description, parent)]),
    ...(snapshots.length === 0 ? [] : [`Snapshots: ${snapshots.join(', ')}.`]), ...notes,
  ];
  return h('tr', { key: path },
    h('th', { scope: 'row', style: { 'padding-left': `${depth * 18}px` } }, depth > 0 && h('span', { class: 'dim' }, t('on ')), h('span', { title: path }, path.split(/[\\/]/).at(-1) ?? path), more.map((text) => h('div', { class: 'note' }, text))),
    h('td', {}, kind === format ? format : `${format}, ${kind}`),
    h('td', { class: 'number' }, roughSize(bytes)),
    h('td', { class: 'number' }, roughSize(fileBytes)),
    h('td', { class: 'number' }, blockBytes === undefined ? '–' : roughSize(blockBytes)),
    h('td', { class: 'code dim' }, identifier ?? '–'));
}

/** VHD and VHDX are not opened at all over a parent that is not theirs; QCOW2 cannot tell. */
function parentWords({ parent, format }: ChainMember['description'], { description }: ChainMember): string {
  if (format === 'qcow2') return t('It builds on the next image; QCOW2 has no identifier by which that could be checked.');
  return t('It builds on the next image, which is the right one: its identifier {0} was checked.', parent?.identifier ?? description.identifier ?? '');
}

function blocksView({ zoom }: State, map: BlockMap | undefined, top: ChainMember | undefined): Child {
  if (map === undefined) return h('p', { class: 'dim' }, t('Reading…'));
  const { from, to, cells, dataBytes, lookedTo } = map;
  const allocates = top?.description.blockBytes !== undefined;
  const words = allocates
    ? t('{0} of {1} hold data; the rest is not allocated and reads as zeros.', roughSize(dataBytes), roughSize(to - from))
    : t('This format has no map of blocks: the file holds every one.');
  return [
    h('div', { class: 'strip-keys' },
      h('span', {}, words), lookedTo < to && h('span', { class: 'bad' }, t('Looked at up to {0}.', roughSize(lookedTo))), h('span', { class: 'spacer' }),
      allocates && [
        button('zoom-in', '+', t('Show less, larger')), button('zoom-less', '−', t('Show more, smaller'), zoom === undefined),
        button('zoom-out', t('Whole disk'), t('Show the whole disk'), zoom === undefined),
      ]),
    strip([{ name: 'data', cells }], words), ruler(from, to),
  ];
}

function button(does: string, text: string, hint: string, disabled = false): ElementDescription {
  return h('button', { type: 'button', class: 'secondary', 'data-do': does, title: hint, 'aria-label': hint, disabled }, text);
}

function filesView({ report }: ImageOverview, { open }: State, inquiries: Inquiries): Child {
  if (report === undefined || !hasFiles(report)) return h('p', { class: 'dim' }, t('There is no file system on this disk whose files can be shown (FAT, ext2 to ext4, ISO 9660).'));
  return fileTree(fileRows((path) => listingOf(inquiries, path), new Set(open)));
}

function sectorView(state: State, inquiries: Inquiries, bytes: number): Child {
  const last = Math.ceil(bytes / SECTOR) - 1;
  const data = sectorData(state, inquiries);
  return [
    h('div', { class: 'sector-keys' },
      button('sector-before', '‹', t('The sector before'), state.sector === 0),
      h('input', { type: 'text', class: 'hex', 'data-field': 'sector', value: state.sectorText, 'aria-label': t('Number of the sector, decimal or 0x…'), 'aria-invalid': state.sectorWrong ? 'true' : undefined, spellcheck: 'false' }),
      button('sector-after', '›', t('The sector behind'), state.sector >= last),
      h('span', { class: 'dim' }, state.sectorWrong ? t('Write a number from 0 to {0}.', last) : t('of {0}', count(last + 1)))),
    sectorError(state, inquiries) !== undefined ? h('p', { class: 'bad', role: 'alert' }, sectorError(state, inquiries) ?? '') : data === undefined ? h('p', { class: 'dim' }, t('Reading…')) : hexDump(bytesOf(data), state.sector * SECTOR),
  ];
}
