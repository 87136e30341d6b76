/**
 * Regions as a list, and the chosen one's guest code beside its WebAssembly.
 */
import { classes, h, type ElementDescription } from '../ui/description';
import { answerTo, type Inquiries } from '../ui/inquiries';
import { count, roughSize } from '../ui/numbers';
import { notice } from '../ui/notice';
import { bodyOf } from '../ui/typedQuestions';
import { rowWindow } from '../ui/virtualList';
import { LINE, REGIONS, listOf, regionAt, type List, type Region, type RegionText, type Row } from './model';
import type { State } from './state';
import { plural, t } from '../ui/words';

export const MODELS = { flat: t('flat segments'), seg: t('segments checked'), long: t('64-bit') } as const;
const KINDS = {
  translated: undefined, callout: ['m', t('its accesses ask the monitor from inside the region')], service: ['s', t('done by a service in TypeScript; the region goes on behind it')], interpreted: ['i', t('the region is left for it: the interpreter does it')],
} as const;

export function regionsView(state: State, inquiries: Inquiries): ElementDescription[] {
  const list = listOf(state, inquiries);
  const error = answerTo(inquiries, REGIONS)?.error;
  if (error !== undefined) return [notice('error', t('The regions cannot be shown'), error)];
  if (list === undefined) return [notice('waiting', t('Waiting for the machine'), t('Its translated code is shown as soon as it answers.'))];
  if (list.all === 0) return [notice('empty', t('Nothing has been translated yet'), t('A block of guest code is translated when it has been entered often. Until then the interpreter runs it.'))];
  if (list.rows.length === 0) return [notice('empty', t('Nothing is found'), t('No region says \'{0}\'.', state.filter.trim()))];
  return [listView(state, list), pairView(state, inquiries)];
}

const COLUMNS = ['mark', 'place', 'name', 'share', 'size', 'blocks', 'how', 'module'] as const;
const TITLES = ['', t('Address'), t('Symbol'), t('Share'), t('Instr.'), t('Blocks'), t('Code'), t('Module')] as const;

function listView(state: State, { rows, tops, all }: List): ElementDescription {
  const { first, end } = rowWindow(state.viewport, tops);
  const shown = rows.slice(first, end);
  const isShown = shown.some(({ region }) => region.entry === state.selected);
  return h('div', { class: 'list', key: 'list' },
    h('div', { class: 'line headings', 'aria-hidden': 'true' }, TITLES.map((title, i) => h('span', { class: COLUMNS[i] }, title))),
    h('div', { id: 'regions', class: 'scroller', role: 'grid', tabindex: 0, 'aria-label': t('Regions of translated code: {0} of {1}', rows.length, all), 'aria-rowcount': rows.length, 'aria-colcount': COLUMNS.length, 'aria-activedescendant': isShown ? `region-${state.selected}` : undefined },
      h('div', { class: 'lines', role: 'rowgroup', style: { height: `${tops[rows.length] ?? 0}px` } }, shown.map((row, i) => rowView(row, first + i, row.region.entry === state.selected)))));
}

export const placeText = ({ linear, physical }: Region): string => linear ?? t('physical 0x{0}', physical.toString(16));

function rowView({ region, share, isNew }: Row, index: number, selected: boolean): ElementDescription {
  const { entry, state, name, instructions, blocks, bits, model, module, moduleRegions, moduleBytes } = region;
  const words = [isNew ? t('new since the last stop') : '', state === 'asleep' ? t('asleep: its code was written to') : region.cold === true ? t('not run lately') : ''].filter(Boolean).join(', ');
  const texts = [`${isNew ? '●' : ''}${state === 'asleep' ? 'z' : ''}`, placeText(region), name ?? '', share > 0 ? `${(share * 100).toFixed(1)} %` : '', String(instructions), String(blocks), t('{0}-bit, {1}', bits, MODELS[model]), String(module)];
  return h('div', {
    key: `region-${entry}`, id: `region-${entry}`, class: classes('line', 'row', selected && 'selected', state === 'asleep' && 'asleep', region.cold === true && 'cold'), role: 'row', 'data-entry': entry,
    'aria-rowindex': index + 1, 'aria-selected': selected ? 'true' : 'false', style: { top: `${index * LINE}px` },
  }, COLUMNS.map((column, i) => h('span', {
    class: classes(column, (i === 1 || i === 2) && 'hex'), role: 'gridcell', 'aria-colindex': i + 1, 'aria-label': i === 0 ? words : undefined,
    title: i === 0 ? words : column === 'module' ? t('{0} with {1} regions', roughSize(moduleBytes), moduleRegions) : texts[i],
  }, texts[i])));
}

function pairView(state: State, inquiries: Inquiries): ElementDescription {
  const { selected, remark } = state;
  const remarkLine = h('p', { class: 'remark', role: 'status', key: 'remark' }, remark);
  if (selected === undefined) {
    return h('section', { class: 'pair', key: 'pair', 'aria-label': t('The chosen region') }, remarkLine,
      h('p', { class: 'hint', key: 'hint' }, t('Choose a region: its guest code stands here, beside the WebAssembly that is emitted for it. Keys: ↑ ↓ rows, Enter to its code, / filter, c code, w Page Tables.')));
  }
  const question = regionAt(selected);
  const answer = bodyOf(inquiries, question);
  const region = answer?.region;
  const words = answerTo(inquiries, question)?.error ?? (answer === undefined ? t('Asking the machine.') : region === undefined ? t('This region is gone: its code has been dropped since.') : region.story);
  return h('section', { class: 'pair', key: 'pair', 'aria-label': t('The chosen region') }, remarkLine,
    words !== undefined && h('p', { class: 'hint', key: 'hint' }, words),
    region !== undefined && region.wasm.length > 0 && [headView(region), h('div', { class: 'panes', key: 'panes' }, guestPane(region, state.pointed), wasmPane(region, state.pointed))]);
}

function headView({ summary, blocks, wasm, bodyBytes }: RegionText): ElementDescription {
  const linear = summary.linear;
  return h('div', { class: 'head', key: 'head' },
    h('h2', {}, t('{0} at {1}', summary.name ?? t('Region'), placeText(summary))),
    h('span', { class: 'dim' }, t('{0} instructions in {1}, {2} lines, {3} of WebAssembly', summary.instructions, plural(blocks.length, '{0} block|{0} blocks'), count(wasm.length), roughSize(bodyBytes))),
    markWords(blocks), linear !== undefined && [h('button', { type: 'button', class: 'quiet', 'data-code': linear }, t('Open Code')), h('button', { type: 'button', class: 'quiet', 'data-walk': linear }, t('Page Tables'))]);
}

/** What the letters behind instructions mean, of those that there are. */
function markWords(blocks: RegionText['blocks']): ElementDescription | false {
  const lines = blocks.flatMap((block) => block.lines);
  const words = [...new Set(lines.map(({ kind }) => kind))].flatMap((kind) => {
    const mark = KINDS[kind];
    return mark === undefined ? [] : [`${mark[0]}: ${mark[1]}`];
  });
  if (lines.some(({ patched }) => patched)) words.push(t('p: its constant is rewritten by the guest, and read from memory'));
  return words.length > 0 && h('span', { class: 'dim' }, words.join('. '));
}

let lastGuest: { readonly region: RegionText; readonly pointed: number | undefined; readonly view: ElementDescription } | undefined;
let lastWasm: typeof lastGuest;

function guestPane(region: RegionText, pointed: number | undefined): ElementDescription {
  if (lastGuest?.region === region && lastGuest.pointed === pointed) return lastGuest.view;
  const view = h('div', { id: 'guest', class: 'pane', key: 'guest', role: 'listbox', tabindex: 0, 'aria-label': t('Guest code'), 'aria-activedescendant': pointed === undefined ? undefined : `guest-${pointed}` },
    region.blocks.map(({ address, name, isLoop, lines }) => h('div', { class: 'block', key: address, role: 'group', 'aria-label': t('Block at {0}', address) },
      h('div', { class: 'label hex', role: 'presentation' }, `${name ?? address}:`, isLoop && h('span', { class: 'loop', title: t('A loop comes back here inside the region') }, t(' ↻ loop'))),
      lines.map(({ id, address: at, bytes, text, kind, patched }) => {
        const mark = KINDS[kind];
        const words = [mark?.[1], patched ? t('the guest rewrites its constant, which is read from memory') : undefined].filter((word) => word !== undefined).join('; ');
        return h('div', { id: `guest-${id}`, key: `guest-${id}`, class: classes('code', 'hex', id === pointed && 'pointed'), role: 'option', 'aria-selected': id === pointed ? 'true' : 'false', 'data-id': id, title: words === '' ? undefined : words },
          h('span', { class: 'at' }, at.replace('0x', '')), h('span', { class: 'bytes' }, bytes), h('span', { class: 'text' }, text),
          h('span', { class: 'sort', 'aria-label': words === '' ? undefined : words, role: words === '' ? undefined : 'note' }, `${mark?.[0] ?? ''}${patched ? 'p' : ''}`));
      }))));
  lastGuest = { region, pointed, view };
  return view;
}

function wasmPane(region: RegionText, pointed: number | undefined): ElementDescription {
  if (lastWasm?.region === region && lastWasm.pointed === pointed) return lastWasm.view;
  const view = h('div', { id: 'wasm', class: 'pane', key: 'wasm', role: 'region', tabindex: 0, 'aria-label': t('WebAssembly') },
    region.wasm.map(({ indent, text, comment, id }, i) => h('div', { key: `wasm-${i}`, class: classes('code', 'hex', id === undefined && 'frame', id !== undefined && id === pointed && 'pointed'), 'data-id': id, style: { 'padding-left': `${1 + indent * 1.6}ch` } },
      text, comment !== undefined && h('span', { class: 'comment' }, `  ;; ${comment}`))));
  lastWasm = { region, pointed, view };
  return view;
}
