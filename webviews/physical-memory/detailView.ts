/**
 * All about the page under the cursor: what stands behind it, who maps it, what it holds.
 */
import { classes, h, type ElementDescription } from '../ui/description';
import { answerTo, type Inquiries } from '../ui/inquiries';
import { count, hex } from '../ui/numbers';
import { menuOn } from '../ui/memoryMenu';
import { bodyOf } from '../ui/typedQuestions';
import { dumpOf } from './dump';
import { frameOf, PAGE_BYTES, PROCESSES, type FrameAnswer } from './frames';
import { KINDS } from './words';
import { plural, t } from '../ui/words';

type Details = FrameAnswer['frame'];
type Mapping = Details['mappings'][number];

const physical = (page: number): string => `0x${hex(page * PAGE_BYTES, 8)}`;

/** Who a table's root belongs to, by its address: names of the guest's processes, as far as a system in it is known. */
function namesOf(inquiries: Inquiries): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const { cr3, name, pid } of bodyOf(inquiries, PROCESSES)?.processes ?? []) {
    if (cr3 === undefined) continue;
    const known = names.get(cr3);
    names.set(cr3, known === undefined ? `${name} (${pid})` : `${known}, ${name} (${pid})`);
  }
  return names;
}

export function detailView(page: number | undefined, inquiries: Inquiries, remark: string): ElementDescription {
  return h('section', { class: 'detail', key: 'detail', 'aria-label': t('The chosen page'), tabindex: 0, ...(page === undefined ? {} : menuOn({ reference: `phys:${physical(page)}`, bytes: PAGE_BYTES })) },
    h('p', { class: 'remark', role: 'status', key: 'remark' }, remark),
    page === undefined
      ? h('p', { class: 'hint', key: 'hint' }, t('Choose a page: who maps it, and what it holds, stands here. Keys: arrows move, + − zoom, [ ] to where another kind begins, m memory, 0 the whole space, / address, w Page Tables, c code.'))
      : h('div', { class: 'about', key: `page-${page}` }, about(page, inquiries)));
}

function about(page: number, inquiries: Inquiries): ElementDescription[] {
  const question = frameOf(page);
  const answer = bodyOf(inquiries, question);
  const title = h('h2', { key: 'title' }, t('Page {0}', physical(page)));
  if (answer === undefined) return [title, h('p', { class: 'hint', key: 'wait' }, answerTo(inquiries, question)?.error ?? t('Asking the machine.'))];
  const { frame, data } = answer;
  return [
    h('h2', { key: 'title' }, t('Page {0}: {1}', physical(page), KINDS[frame.kind].name)),
    h('p', { class: 'story', key: 'story' }, storyOf(frame)),
    ...mappingsView(frame, namesOf(inquiries)), ...tablesView(frame), ...codeView(frame), ...sharersView(frame), dumpView(page, data),
  ];
}

function storyOf({ backing, frame, written, leadsTo, kind }: Details): string {
  const parts = [`${backing}${frame === undefined ? '' : t(', in machine frame {0}', hex(frame, 5))}.`, `${KINDS[kind].meaning.charAt(0).toUpperCase()}${KINDS[kind].meaning.slice(1)}.`];
  if (leadsTo !== undefined) parts.push(t('It leads to page {0}.', physical(leadsTo)));
  if (written !== undefined) parts.push(written ? t('Written since the last snapshot.') : t('Not written since the last snapshot.'));
  return parts.join(' ');
}

const rightsOf = ({ writable, user, executable }: Mapping['rights']): string =>
  `${user ? t('user') : t('supervisor')}, ${writable ? t('read and write') : t('read only')}${executable ? t(', execute') : ''}`;

function mappingsView({ mappings, more, frame }: Details, names: ReadonlyMap<number, string>): ElementDescription[] {
  if (mappings.length === 0) return frame === undefined ? [] : [h('p', { class: 'hint', key: 'unmapped' }, t('No shadow table maps it: it has not been used through page tables since they were last filled.'))];
  return [h('div', { class: 'scroll-x', key: 'mappings' }, h('table', {},
    h('caption', {}, t('Mapped at'), more && t(' (there are more places)')),
    h('thead', {}, h('tr', {}, [t('Linear address'), t('Address space'), t('Rights'), t('Guest entry'), t('Shadow')].map((name) => h('th', { scope: 'col' }, name)))),
    h('tbody', {}, mappings.map((mapping) => {
      const { linear, cr3, mode, current, rights, bytes, shadowTable, derivesFrom, key } = mapping;
      const owner = names.get(cr3) ?? names.get(cr3 - PAGE_BYTES);
      return h('tr', { key: `${key} ${linear}`, class: classes(current && 'current') },
        h('td', {}, h('button', { type: 'button', class: 'link hex', 'data-walk': linear, title: t('Show in Page Tables') }, linear)),
        h('td', {}, mode === 'none' ? t('without paging') : [h('span', { class: 'hex' }, t('CR3 {0}', hex(cr3, 8))), owner !== undefined && ` ${owner}`], current && t(' (current)')),
        h('td', {}, rightsOf(rights)),
        h('td', {}, derivesFrom >= 0 ? h('span', { class: 'hex' }, hex(derivesFrom, 8)) : '', bytes > PAGE_BYTES && t(' in a page of {0} MiB', bytes / PAGE_BYTES / 256)),
        h('td', {}, shadowTable >= 0 ? t('table {0}', shadowTable) : ''));
    }))))];
}

function tablesView({ tables }: Details): ElementDescription[] {
  return tables.map(({ mode, level, shadowTable, filled, unsynced, sharedBy }) => h('p', { key: `table-${shadowTable}` },
    h('strong', {}, t('Page table, level {0}', level)), t(' of {0} paging: {1} filled in shadow table {2}, ', mode, plural(filled, '{0} entry|{0} entries'), shadowTable),
    sharedBy === 0 ? t('nothing leads to it now') : plural(sharedBy, 'one place leads to it|{0} places lead to it'),
    unsynced ? t('. Out of sync: its writes are not traced, and its entries are compared before they are used.') : t('. Its writes are traced.')));
}

function codeView({ code, mappings }: Details): ElementDescription[] {
  const linear = (mappings.find(({ current }) => current) ?? mappings.at(0))?.linear;
  return code.map(({ bits, model, blocks, regions, unstable }, i) => h('div', { key: `code-${i}`, class: 'code' },
    h('p', {}, h('strong', {}, t('{0}-bit code', bits)), t(' ({0}): {1}, {2}{3}.', MODELS[model], plural(blocks.length, '{0} decoded block|{0} decoded blocks', count(blocks.length)), regions.length === 0 ? t('none translated') : plural(regions.length, '{0} region of translated code|{0} regions of translated code'), unstable ? t('; it has been written to') : '')),
    linear !== undefined && h('p', { class: 'blocks' }, blocks.slice(0, MOST_BLOCKS).map(({ start, end }) => {
      const at = `0x${(BigInt(linear) + BigInt(start)).toString(16)}`;
      return h('button', { type: 'button', class: 'link hex', 'data-code': at, title: t('{0} bytes: open the code', end - start) }, `+${hex(start, 3)}`);
    }), blocks.length > MOST_BLOCKS && t(' and {0} more', blocks.length - MOST_BLOCKS))));
}

const MODELS = { flat: t('flat segments'), seg: t('segments that are looked at'), long: t('64-bit segments') } as const;
const MOST_BLOCKS = 60;

function sharersView({ shared }: Details): ElementDescription[] {
  return shared.length === 0 ? [] : [h('p', { key: 'shared' }, h('strong', {}, t('On the same frame: ')),
    shared.map((page) => h('button', { type: 'button', class: 'link hex', 'data-page': page }, physical(page))))];
}

function dumpView(page: number, data: string): ElementDescription {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  if (bytes.length === 0) return h('p', { class: 'hint', key: 'dump' }, t('There are no bytes to read without an effect.'));
  return h('pre', { class: 'dump hex', key: 'dump', tabindex: 0, 'aria-label': t('Bytes of the page') }, dumpOf(bytes, page * PAGE_BYTES, 8).map(({ text, address, bytes: length }) =>
    h('span', { key: `line-${address}`, tabindex: -1, ...menuOn({ reference: `phys:0x${hex(address, 8)}`, bytes: length }) }, `${text}\n`)));
}
