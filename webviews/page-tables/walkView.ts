/**
 * The walk of one address: a chain of steps from CR3 to the page, the guest's above, the shadow's below.
 */
import type { GuestWalkStep, ShadowWalkStep, WalkAnswer } from '../../src/monitor/inspection/queries';
import { classes, h, type Child, type ElementDescription } from '../ui/description';
import { hex, size } from '../ui/numbers';
import { entryFields, formatOf, grouped, indexField, linearHex, type PagingMode } from './format';
import { icon } from './icons';
import type { Elsewhere } from './messages';
import type { State, Walk } from './state';
import { S } from './strings';
import { addressBits, chainOf, chosenStep, type ChainStep } from './walkChain';
import { flagsBadge, rightsBadge, rightsInWords } from './words';

const FRAME_DIGITS = 5;
const TLB_LETTERS = { read: 'R', write: 'W', execute: 'X' } as const;

interface Context {
  readonly mode: PagingMode;
  readonly answer: WalkAnswer;
  readonly steps: readonly ChainStep[];
  readonly chosen: number;
}

export function walkView(state: State): ElementDescription | undefined {
  const { walk, walkOpen } = state;
  if (walk === undefined) return undefined;
  const { answer, error } = walk;
  if (error !== undefined) return frame(walk, walkOpen, S.walkFailed(walk.text), h('p', { class: 'error', role: 'alert' }, error));
  if (answer === undefined) return frame(walk, walkOpen, S.walkAsking(walk.text));
  const problem = state.openError === undefined ? undefined : h('p', { class: 'error', role: 'alert', key: 'open-error' }, state.openError);
  const { mode } = answer;
  const steps = chainOf(answer);
  const context = { mode, answer, steps, chosen: chosenStep(steps.length, walk.step) };
  const verdict = h('p', { class: 'verdict', role: 'status' }, answer.story);
  return frame(walk, walkOpen, S.walkTitle(linearHex(mode, answer.linear)), [verdict, problem], chain(context), story(context));
}

/** The band: title and first line always, what follows unless it is folded up. */
function frame(walk: Walk, open: boolean, title: string, first?: Child, ...rest: readonly Child[]): ElementDescription {
  const fold = open ? S.walkFold : S.walkUnfold;
  return h('section', { class: classes('walk', !open && 'folded'), key: `walk-${walk.serial}`, 'aria-label': title },
    h('div', { class: 'walk-title' },
      h('button', { type: 'button', class: 'plain', 'data-fold': 'walk', 'aria-expanded': String(open), 'aria-label': fold, title: fold }, icon(open ? 'open' : 'closed')),
      h('h2', {}, title),
      walk.answer?.physical !== undefined && [openButton('code', S.walkCode, S.walkCodeHint), openButton('memory', S.walkMemory, S.walkMemoryHint), openButton('frame', S.walkFrame, S.walkFrameHint)],
      h('button', { type: 'button', class: 'plain', 'data-close-walk': true, 'aria-label': S.walkClose, title: S.walkClose }, icon('close'))),
    h('div', { class: 'walk-body' }, first, open ? rest : undefined));
}

/** Shows the walked address elsewhere in the editor. */
function openButton(as: Elsewhere, words: string, hint: string): ElementDescription {
  return h('button', { type: 'button', class: 'plain elsewhere', key: as, 'data-open': as, title: hint }, words);
}

/** When a step unfolds, and the arrow that leads to it: see the style sheet. */
const delay = (at: number) => `delay-${Math.min(at, 6)}`;

function chain({ mode, answer, steps, chosen }: Context): ElementDescription {
  const list = steps.map((step, at) => h('li', {
    key: String(at), class: classes('step', step.kind, at === chosen && 'chosen', at > chosen && 'ahead', delay(at)), 'data-step': at,
    'aria-current': at === chosen ? 'step' : undefined,
  }, head(mode, answer, step), guestCard(mode, answer, step), derives(answer, step), shadowCard(answer, step)));
  return h('ol', { class: 'chain', id: 'chain', tabindex: 0, 'data-chain': true, 'aria-label': S.walkChain },
    list.flatMap((item, at) => (at === 0 ? [item] : [h('li', { key: `a${at}`, class: classes('joint', at > chosen && 'ahead', delay(at)), 'aria-hidden': 'true' }, icon('arrow'), icon('arrow')), item])));
}

function head(mode: PagingMode, answer: WalkAnswer, step: ChainStep): ElementDescription {
  const bits = addressBits(mode, answer.linear, step);
  const name = step.kind === 'root' ? S.root : step.kind === 'page' ? S.page : S.entryName(step.level);
  const index = bits === undefined ? undefined : BigInt(`0b${bits.digits}`);
  const value = index === undefined ? '' : step.kind === 'page' ? `${S.offset} ${hex(index, 3)}` : String(index);
  return h('div', { class: 'step-head' },
    h('div', { class: 'step-name' }, h('strong', {}, name), value === '' ? undefined : ` ${value}`),
    h('div', { class: 'bits hex' }, bits?.digits ?? '\u00a0'),
    h('div', { class: 'bit-places' }, bits === undefined ? '\u00a0' : S.bits(bits.high, bits.low)));
}

const line = (className: string, ...children: readonly Child[]) => h('div', { class: `line ${className}` }, children);

function guestCard(mode: PagingMode, answer: WalkAnswer, step: ChainStep): ElementDescription {
  const digits = formatOf(mode).physicalDigits;
  if (step.kind === 'root') return card('guest', line('dim', S.tableName(answer.guest.at(0)?.level ?? 0)), line('hex big', hex(answer.cr3, digits)));
  if (step.kind === 'page') return physicalCard(answer, digits);
  const { guest } = step;
  if (guest === undefined) return card('guest void', line('dim', insideOrBeyond(mode, answer, step.level)));
  const width = formatOf(mode).entryBytes * 2;
  const place = guest.entryAddress < 0 ? S.latchedEntry : S.entryAt(hex(guest.entryAddress, digits));
  return card(guest.present ? 'guest' : 'guest fault',
    line('hex big raw', grouped(hex(guest.raw, width))), line('dim hex place', place),
    guest.present
      ? [line('badges', rightsBadge(guest.rights), flagsBadge({ ...guest, global: false, cacheDisabled: false })), line('hex target', `→ ${hex(guest.target, digits)}`)]
      : line('failure', S.notPresent));
}

/** Why a level has no step: a large page covers it, or the walk did not come so far. */
function insideOrBeyond(mode: PagingMode, answer: WalkAnswer, level: number): string {
  const large = answer.guest.find((step) => step.large && step.level > level);
  return large === undefined ? S.notReached : S.insideLarge(size(1n << BigInt(indexField(mode, large.level).low)));
}

function physicalCard({ physical, rights }: WalkAnswer, digits: number): ElementDescription {
  if (physical === undefined) return card('guest fault', line('failure', S.noTranslation));
  return card('guest', line('dim', S.physical), line('hex big', hex(physical, digits)), rights && line('badges', rightsBadge(rights)));
}

function derives(answer: WalkAnswer, step: ChainStep): ElementDescription {
  const linked = step.kind === 'root' ? answer.shadow.length > 0 : step.kind === 'page' ? answer.frame !== undefined : step.shadow?.filled === true;
  return h('div', { class: classes('derives', !linked && 'broken'), 'aria-hidden': 'true' }, icon('down'));
}

function shadowCard(answer: WalkAnswer, step: ChainStep): ElementDescription {
  if (step.kind === 'root') {
    const root = answer.shadow.at(0);
    return root === undefined ? card('shadow void', line('dim', S.noShadowTable))
      : card('shadow', line('dim', S.shadow), line('hex big', S.shadowTable(root.tableId)));
  }
  if (step.kind === 'page') return machineCard(answer);
  const { shadow } = step;
  if (shadow === undefined) return card('shadow void', line('dim', S.notReached));
  const place = line('dim hex place', `#${shadow.tableId} [${shadow.index}]`);
  if (!shadow.filled) return card('shadow unfilled', line('failure', S.notFilled), place);
  const target = step.level > 1 && shadow.frame < 0 ? S.table : `${S.frame} ${hex(Math.max(0, shadow.frame), FRAME_DIGITS)}`;
  return card('shadow', line('hex big', target), place, line('badges', rightsBadge(shadow.rights)),
    line('dim hex source', S.derives(hex(shadow.derivesFrom, formatOf(answer.mode).physicalDigits))));
}

function machineCard({ frame: machineFrame, backing, tlb }: WalkAnswer): ElementDescription {
  return card('shadow',
    machineFrame !== undefined && [line('dim', S.machineFrame), line('hex big', hex(machineFrame, FRAME_DIGITS))],
    backing !== undefined && line('', `${S.backing} ${backing}`),
    line('tlb', h('span', { class: 'dim' }, S.tlb), (['read', 'write', 'execute'] as const).map((use) =>
      h('span', {
        class: tlb[use] ? 'use held' : 'use', role: 'img', ...labelled(tlb[use] ? S.tlbHolds(S.tlbUse[use]) : S.tlbLacks(S.tlbUse[use])),
      }, tlb[use] ? `✓${TLB_LETTERS[use]}` : `–${TLB_LETTERS[use]}`))));
}

/** A name for screen readers that is also shown to the mouse. */
const labelled = (words: string) => ({ title: words, 'aria-label': words });

function card(className: string, ...children: readonly Child[]): ElementDescription {
  return h('div', { class: `card ${className}` }, children);
}

// ---------------------------------------------------------------------------------------------------------------------
// The story of the chosen step

function story({ mode, answer, steps, chosen }: Context): ElementDescription {
  const step = steps[chosen];
  return h('div', { class: 'story' },
    h('div', { class: 'step-keys' },
      stepButton('previous', chosen - 1, steps.length, S.walkPrevious),
      h('span', { class: 'step-number' }, S.walkStep(chosen + 1, steps.length)),
      stepButton('next', chosen + 1, steps.length, S.walkNext)),
    h('div', { class: 'step-words', 'aria-live': 'polite' }, words(mode, answer, step)),
    step.kind === 'level' && step.guest !== undefined && step.guest.present && entryBits(mode, step.guest));
}

function stepButton(name: 'previous' | 'next', to: number, steps: number, label: string): ElementDescription {
  return h('button', { type: 'button', class: 'plain', 'data-step': to, disabled: to < 0 || to >= steps, 'aria-label': label, title: label }, icon(name));
}

function words(mode: PagingMode, answer: WalkAnswer, step: ChainStep): Child {
  if (step.kind === 'root') return h('p', {}, S.rootStory);
  if (step.kind === 'page') {
    return pageStory(mode, answer);
  }
  return [sideStory(S.guest, 'guest', step.guest), sideStory(S.shadow, 'shadow', step.shadow)];
}

function pageStory(mode: PagingMode, { physical, rights, frame: machineFrame, linear, story: verdict }: WalkAnswer): Child {
  if (physical === undefined) return h('p', {}, verdict);
  const offset = linear % 4096n;
  const page = hex(physical - Number(offset), formatOf(mode).physicalDigits);
  return [
    h('p', {}, h('span', { class: 'side guest' }, S.guest), ' ', S.pageStory(page, hex(offset, 3), rights === undefined ? '' : rightsInWords(rights))),
    machineFrame !== undefined && h('p', {}, h('span', { class: 'side shadow' }, S.shadow), ' ', S.frameStory(hex(machineFrame, FRAME_DIGITS))),
  ];
}

function sideStory(name: string, side: 'guest' | 'shadow', step: GuestWalkStep | ShadowWalkStep | undefined): Child {
  return step !== undefined && h('p', {}, h('span', { class: `side ${side}` }, name), ' ', step.story);
}

/** The raw entry bit by bit, as the manual draws it. */
function entryBits(mode: PagingMode, { raw, level, large, name }: GuestWalkStep): ElementDescription {
  const fields = entryFields(mode, level, raw, large || level === 1);
  const value = (field: { readonly name: string; readonly high: number; readonly low: number; readonly value: bigint }) => (
    field.high - field.low > 3 ? hex(field.value, Math.ceil((field.high - field.low + 1) / 4)) : field.value.toString(2).padStart(field.high - field.low + 1, '0'));
  return h('div', { class: 'entry-bits-box' }, h('table', { class: 'entry-bits hex' },
    h('caption', {}, S.rawBits(name, grouped(hex(raw, formatOf(mode).entryBytes * 2)))),
    h('thead', {}, h('tr', {}, fields.map(({ high, low }) => h('th', { scope: 'col' }, high === low ? String(high) : `${high}–${low}`)))),
    h('tbody', {},
      h('tr', { class: 'names' }, fields.map((field) => h('td', {}, field.name === '' ? '\u00a0' : field.name))),
      h('tr', { class: 'values' }, fields.map((field) => h('td', { class: field.value === 0n ? 'zero' : 'set' }, value(field)))))));
}
