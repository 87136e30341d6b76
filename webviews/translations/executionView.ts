/**
 * How the guest's code is run: the mode and why, instructions and switches by mode, exits by cause, and all that the engine counts.
 */
import { h, type ElementDescription } from '../ui/description';
import { answerTo, type Inquiries } from '../ui/inquiries';
import { notice } from '../ui/notice';
import { count, roughSize } from '../ui/numbers';
import { baseOf, bodyOf } from '../ui/typedQuestions';
import { EXECUTION, type Execution } from './model';
import { t } from '../ui/words';

type Numbers = Readonly<Record<string, number>>;

const MODES: Readonly<Record<string, string>> = {
  direct: t('translated without guards'), guarded: t('translated with guards'), interpreted: t('by the interpreter alone'), stepped: t('instruction by instruction'),
};

/** What the counters are, by their names in docs/architecture.md and `--stats`. */
const WORDS: Readonly<Record<string, string>> = {
  entries: t('entries into generated code'), singleSteps: t('instructions stepped alone'), slowAccesses: t('accesses that the TLB did not serve'), services: t('instructions done in TypeScript'), faults: t('faults delivered'),
  interrupts: t('interrupts delivered'), exitJump: t('left for a jump whose target is not known yet'), exitCrossing: t('left at an instruction across a page’s end'), exitBreakpoint: t('left at a breakpoint'), exitStop: t('left because the budget was spent'),
  exitFault: t('left for a fault'), exitDone: t('left behind a service that wants control'), exitAgain: t('left to do an instruction anew'), stepTrapFlag: t('stepped for TF'), stepBreakpoint: t('stepped over a breakpoint'),
  stepCrossing: t('stepped across a page’s end'), stepAttention: t('stepped because something waits'), tableTraces: t('stores to traced page tables'), codeTraces: t('stores to pages with code'),
  hotBlocks: t('blocks that became hot'), regions: t('regions made'), regionBlocks: t('blocks in them'), regionInstructions: t('instructions in them'), modules: t('modules'), moduleBytes: t('bytes of modules'), modulesElsewhere: t('modules from the other thread'),
  lateRegions: t('regions that came too late'), callouts: t('instructions that ask from inside'), regionsDropped: t('regions dropped'), regionsEvicted: t('dropped to make room'), regionsAsleep: t('put to sleep: code written to'), regionsWoken: t('woken: code was as before'),
  blocksDecoded: t('blocks decoded'), instructionsDecoded: t('instructions decoded'), blocksAhead: t('decoded before they were come to'), blocksInvalidated: t('blocks invalidated by writes'), blocksTakenBack: t('taken back: bytes as before'), constantsPatched: t('constants patched in place'),
  pagesInvalidated: t('pages of code invalidated'), cacheFlushes: t('flushes of all decoded code'), pagesGivenUp: t('pages of code given up as unused'), tableEntries: t('entries of the function table'), codePages: t('pages with decoded code'), codeBytes: t('bytes of decoded code'),
};
const BYTES: ReadonlySet<string> = new Set(['moduleBytes', 'codeBytes']);

export function executionView(inquiries: Inquiries): ElementDescription[] {
  const execution = bodyOf(inquiries, EXECUTION);
  const error = answerTo(inquiries, EXECUTION)?.error;
  if (error !== undefined) return [notice('error', t('The machine does not tell'), error)];
  if (execution === undefined) return [notice('waiting', t('Waiting for the machine'), t('It answers in a moment.'))];
  const before = baseOf(inquiries, EXECUTION);
  return [h('div', { class: 'sheet', key: 'sheet', tabindex: 0, role: 'region', 'aria-label': t('How code is run') },
    h('p', { class: 'mode' }, h('strong', {}, t('Now {0}', execution.mode)), ` (${MODES[execution.mode] ?? ''}). ${execution.story}`),
    modesView(execution), switchesView(execution),
    countsView(t('Exits and causes'), execution.exits, before?.exits), countsView(t('Translator and regions'), execution.translator, before?.translator),
    countsView(t('Decoded code, and what was invalidated'), execution.code, before?.code), countsView(t('Held now'), { ...execution.held }, before && { ...before.held }),
    countsView(t('Shadow paging'), execution.shadow, before?.shadow))];
}

/** Instructions by mode, as bars of their shares. */
function modesView({ instructions }: Execution): ElementDescription {
  const all = Math.max(1, Object.values(instructions).reduce((sum, some) => sum + some, 0));
  return h('table', { class: 'modes' }, h('caption', {}, t('Instructions retired by mode')),
    h('tbody', {}, Object.entries(instructions).map(([mode, some]) => h('tr', { key: mode },
      h('th', { scope: 'row', title: MODES[mode] }, mode), h('td', { class: 'number' }, count(some)), h('td', { class: 'number' }, `${((100 * some) / all).toFixed(1)} %`),
      h('td', { class: 'bar' }, h('span', { class: `fill ${mode}`, style: { width: `${(100 * some) / all}%` } })))))) ;
}

function switchesView({ switches }: Execution): ElementDescription {
  if (switches.length === 0) return h('p', { class: 'dim' }, t('The mode has not been switched yet.'));
  return h('table', {}, h('caption', {}, t('Switches of the mode')), h('thead', {}, h('tr', {}, [t('to'), t('because of'), t('times')].map((name) => h('th', { scope: 'col' }, name)))),
    h('tbody', {}, switches.map(({ to, cause, count: times }) => h('tr', { key: `${to} ${cause}` }, h('td', {}, to), h('td', {}, cause), h('td', { class: 'number' }, count(times))))));
}

function countsView(title: string, now: Numbers, before: Numbers | undefined): ElementDescription {
  const shown = Object.entries(now).sort((a, b) => b[1] - a[1]).filter(([, value]) => value !== 0);
  const write = (name: string, value: number): string => (BYTES.has(name) ? roughSize(value) : count(value));
  return h('table', { class: 'counts' }, h('caption', {}, title),
    h('tbody', {}, shown.length === 0 && h('tr', {}, h('td', { class: 'dim' }, t('nothing yet'))), shown.map(([name, value]) => {
      const more = before === undefined ? 0 : value - (before[name] ?? 0);
      return h('tr', { key: name }, h('th', { scope: 'row', class: 'hex' }, name), h('td', { class: 'number' }, write(name, value)),
        h('td', { class: 'number more', title: t('since the last stop') }, more === 0 ? '' : `${more > 0 ? '+' : '−'}${write(name, Math.abs(more))}`), h('td', { class: 'dim' }, WORDS[name] ?? ''));
    })));
}
