/**
 * All about the page under the cursor: what stands behind it, who maps it, what it holds.
 */
import { classes, h, type ElementDescription } from '../ui/description';
import { answerTo, type Inquiries } from '../ui/inquiries';
import { count, hex } from '../ui/numbers';
import { bodyOf } from '../ui/typedQuestions';
import { dumpOf } from './dump';
import { frameOf, PAGE_BYTES, PROCESSES, type FrameAnswer } from './frames';
import { KINDS } from './words';

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
  return h('section', { class: 'detail', key: 'detail', 'aria-label': 'The chosen page', tabindex: 0 },
    h('p', { class: 'remark', role: 'status', key: 'remark' }, remark),
    page === undefined
      ? h('p', { class: 'hint', key: 'hint' }, 'Choose a page: who maps it, and what it holds, stands here. Keys: arrows move, + − zoom, [ ] to where another kind begins, m memory, 0 the whole space, / address, w Page Tables, c code.')
      : h('div', { class: 'about', key: `page-${page}` }, about(page, inquiries)));
}

function about(page: number, inquiries: Inquiries): ElementDescription[] {
  const question = frameOf(page);
  const answer = bodyOf(inquiries, question);
  const title = h('h2', { key: 'title' }, `Page ${physical(page)}`);
  if (answer === undefined) return [title, h('p', { class: 'hint', key: 'wait' }, answerTo(inquiries, question)?.error ?? 'Asking the machine.')];
  const { frame, data } = answer;
  return [
    h('h2', { key: 'title' }, `Page ${physical(page)}: ${KINDS[frame.kind].name}`),
    h('p', { class: 'story', key: 'story' }, storyOf(frame)),
    ...mappingsView(frame, namesOf(inquiries)), ...tablesView(frame), ...codeView(frame), ...sharersView(frame), dumpView(page, data),
  ];
}

function storyOf({ backing, frame, written, leadsTo, kind }: Details): string {
  const parts = [`${backing}${frame === undefined ? '' : `, in machine frame ${hex(frame, 5)}`}.`, `${KINDS[kind].meaning.charAt(0).toUpperCase()}${KINDS[kind].meaning.slice(1)}.`];
  if (leadsTo !== undefined) parts.push(`It leads to page ${physical(leadsTo)}.`);
  if (written !== undefined) parts.push(written ? 'Written since the last snapshot.' : 'Not written since the last snapshot.');
  return parts.join(' ');
}

const rightsOf = ({ writable, user, executable }: Mapping['rights']): string =>
  `${user ? 'user' : 'supervisor'}, ${writable ? 'read and write' : 'read only'}${executable ? ', execute' : ''}`;

function mappingsView({ mappings, more, frame }: Details, names: ReadonlyMap<number, string>): ElementDescription[] {
  if (mappings.length === 0) return frame === undefined ? [] : [h('p', { class: 'hint', key: 'unmapped' }, 'No shadow table maps it: it has not been used through page tables since they were last filled.')];
  return [h('div', { class: 'scroll-x', key: 'mappings' }, h('table', {},
    h('caption', {}, 'Mapped at', more && ' (there are more places)'),
    h('thead', {}, h('tr', {}, ['Linear address', 'Address space', 'Rights', 'Guest entry', 'Shadow'].map((name) => h('th', { scope: 'col' }, name)))),
    h('tbody', {}, mappings.map((mapping) => {
      const { linear, cr3, mode, current, rights, bytes, shadowTable, derivesFrom, key } = mapping;
      const owner = names.get(cr3) ?? names.get(cr3 - PAGE_BYTES);
      return h('tr', { key: `${key} ${linear}`, class: classes(current && 'current') },
        h('td', {}, h('button', { type: 'button', class: 'link hex', 'data-walk': linear, title: 'Show in Page Tables' }, linear)),
        h('td', {}, mode === 'none' ? 'without paging' : [h('span', { class: 'hex' }, `CR3 ${hex(cr3, 8)}`), owner !== undefined && ` ${owner}`], current && ' (current)'),
        h('td', {}, rightsOf(rights)),
        h('td', {}, derivesFrom >= 0 ? h('span', { class: 'hex' }, hex(derivesFrom, 8)) : '', bytes > PAGE_BYTES && ` in a page of ${bytes / PAGE_BYTES / 256} MiB`),
        h('td', {}, shadowTable >= 0 ? `table ${shadowTable}` : ''));
    }))))];
}

function tablesView({ tables }: Details): ElementDescription[] {
  return tables.map(({ mode, level, shadowTable, filled, unsynced, sharedBy }) => h('p', { key: `table-${shadowTable}` },
    h('strong', {}, `Page table, level ${level}`), ` of ${mode} paging: ${filled === 1 ? '1 entry' : `${filled} entries`} filled in shadow table ${shadowTable}, `,
    sharedBy === 0 ? 'nothing leads to it now' : sharedBy === 1 ? 'one place leads to it' : `${sharedBy} places lead to it`,
    unsynced ? '. Out of sync: its writes are not traced, and its entries are compared before they are used.' : '. Its writes are traced.'));
}

function codeView({ code, mappings }: Details): ElementDescription[] {
  const linear = (mappings.find(({ current }) => current) ?? mappings.at(0))?.linear;
  return code.map(({ bits, model, blocks, regions, unstable }, i) => h('div', { key: `code-${i}`, class: 'code' },
    h('p', {}, h('strong', {}, `${bits}-bit code`), ` (${MODELS[model]}): ${count(blocks.length)} decoded ${blocks.length === 1 ? 'block' : 'blocks'}, ${regions.length === 0 ? 'none translated' : `${regions.length} ${regions.length === 1 ? 'region' : 'regions'} of translated code`}${unstable ? '; it has been written to' : ''}.`),
    linear !== undefined && h('p', { class: 'blocks' }, blocks.slice(0, MOST_BLOCKS).map(({ start, end }) => {
      const at = `0x${(BigInt(linear) + BigInt(start)).toString(16)}`;
      return h('button', { type: 'button', class: 'link hex', 'data-code': at, title: `${end - start} bytes: open the code` }, `+${hex(start, 3)}`);
    }), blocks.length > MOST_BLOCKS && ` and ${blocks.length - MOST_BLOCKS} more`)));
}

const MODELS = { flat: 'flat segments', seg: 'segments that are looked at', long: '64-bit segments' } as const;
const MOST_BLOCKS = 60;

function sharersView({ shared }: Details): ElementDescription[] {
  return shared.length === 0 ? [] : [h('p', { key: 'shared' }, h('strong', {}, 'On the same frame: '),
    shared.map((page) => h('button', { type: 'button', class: 'link hex', 'data-page': page }, physical(page))))];
}

function dumpView(page: number, data: string): ElementDescription {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  if (bytes.length === 0) return h('p', { class: 'hint', key: 'dump' }, 'There are no bytes to read without an effect.');
  return h('pre', { class: 'dump hex', key: 'dump', tabindex: 0, 'aria-label': 'Bytes of the page' }, dumpOf(bytes, page * PAGE_BYTES, 8).join('\n'));
}
