/**
 * How the guest's code is run: the mode and why, instructions and switches by mode, exits by cause, and all that the engine counts.
 */
import { h, type ElementDescription } from '../ui/description';
import { answerTo, type Inquiries } from '../ui/inquiries';
import { notice } from '../ui/notice';
import { count, roughSize } from '../ui/numbers';
import { baseOf, bodyOf } from '../ui/typedQuestions';
import { EXECUTION, type Execution } from './model';

type Numbers = Readonly<Record<string, number>>;

const MODES: Readonly<Record<string, string>> = {
  direct: 'translated without guards', guarded: 'translated with guards', interpreted: 'by the interpreter alone', stepped: 'instruction by instruction',
};

/** What the counters are, by their names in docs/architecture.md and `--stats`. */
const WORDS: Readonly<Record<string, string>> = {
  entries: 'entries into generated code', singleSteps: 'instructions stepped alone', slowAccesses: 'accesses that the TLB did not serve', services: 'instructions done in TypeScript', faults: 'faults delivered',
  interrupts: 'interrupts delivered', exitJump: 'left for a jump whose target is not known yet', exitCrossing: 'left at an instruction across a page’s end', exitBreakpoint: 'left at a breakpoint', exitStop: 'left because the budget was spent',
  exitFault: 'left for a fault', exitDone: 'left behind a service that wants control', exitAgain: 'left to do an instruction anew', stepTrapFlag: 'stepped for TF', stepBreakpoint: 'stepped over a breakpoint',
  stepCrossing: 'stepped across a page’s end', stepAttention: 'stepped because something waits', tableTraces: 'stores to traced page tables', codeTraces: 'stores to pages with code',
  hotBlocks: 'blocks that became hot', regions: 'regions made', regionBlocks: 'blocks in them', regionInstructions: 'instructions in them', modules: 'modules', moduleBytes: 'bytes of modules', modulesElsewhere: 'modules from the other thread',
  lateRegions: 'regions that came too late', callouts: 'instructions that ask from inside', regionsDropped: 'regions dropped', regionsEvicted: 'dropped to make room', regionsAsleep: 'put to sleep: code written to', regionsWoken: 'woken: code was as before',
  blocksDecoded: 'blocks decoded', instructionsDecoded: 'instructions decoded', blocksInvalidated: 'blocks invalidated by writes', blocksTakenBack: 'taken back: bytes as before', constantsPatched: 'constants patched in place',
  pagesInvalidated: 'pages of code invalidated', cacheFlushes: 'flushes of all decoded code', tableEntries: 'entries of the function table', codePages: 'pages with decoded code', codeBytes: 'bytes of decoded code',
};
const BYTES: ReadonlySet<string> = new Set(['moduleBytes', 'codeBytes']);

export function executionView(inquiries: Inquiries): ElementDescription[] {
  const execution = bodyOf(inquiries, EXECUTION);
  const error = answerTo(inquiries, EXECUTION)?.error;
  if (error !== undefined) return [notice('error', 'The machine does not tell', error)];
  if (execution === undefined) return [notice('waiting', 'Waiting for the machine', 'It answers in a moment.')];
  const before = baseOf(inquiries, EXECUTION);
  return [h('div', { class: 'sheet', key: 'sheet', tabindex: 0, role: 'region', 'aria-label': 'How code is run' },
    h('p', { class: 'mode' }, h('strong', {}, `Now ${execution.mode}`), ` (${MODES[execution.mode] ?? ''}). ${execution.story}`),
    modesView(execution), switchesView(execution),
    countsView('Exits and causes', execution.exits, before?.exits), countsView('Translator and regions', execution.translator, before?.translator),
    countsView('Decoded code, and what was invalidated', execution.code, before?.code), countsView('Held now', { ...execution.held }, before && { ...before.held }),
    countsView('Shadow paging', execution.shadow, before?.shadow))];
}

/** Instructions by mode, as bars of their shares. */
function modesView({ instructions }: Execution): ElementDescription {
  const all = Math.max(1, Object.values(instructions).reduce((sum, some) => sum + some, 0));
  return h('table', { class: 'modes' }, h('caption', {}, 'Instructions retired by mode'),
    h('tbody', {}, Object.entries(instructions).map(([mode, some]) => h('tr', { key: mode },
      h('th', { scope: 'row', title: MODES[mode] }, mode), h('td', { class: 'number' }, count(some)), h('td', { class: 'number' }, `${((100 * some) / all).toFixed(1)} %`),
      h('td', { class: 'bar' }, h('span', { class: `fill ${mode}`, style: { width: `${(100 * some) / all}%` } })))))) ;
}

function switchesView({ switches }: Execution): ElementDescription {
  if (switches.length === 0) return h('p', { class: 'dim' }, 'The mode has not been switched yet.');
  return h('table', {}, h('caption', {}, 'Switches of the mode'), h('thead', {}, h('tr', {}, ['to', 'because of', 'times'].map((name) => h('th', { scope: 'col' }, name)))),
    h('tbody', {}, switches.map(({ to, cause, count: times }) => h('tr', { key: `${to} ${cause}` }, h('td', {}, to), h('td', {}, cause), h('td', { class: 'number' }, count(times))))));
}

function countsView(title: string, now: Numbers, before: Numbers | undefined): ElementDescription {
  const shown = Object.entries(now).sort((a, b) => b[1] - a[1]).filter(([, value]) => value !== 0);
  const write = (name: string, value: number): string => (BYTES.has(name) ? roughSize(value) : count(value));
  return h('table', { class: 'counts' }, h('caption', {}, title),
    h('tbody', {}, shown.length === 0 && h('tr', {}, h('td', { class: 'dim' }, 'nothing yet')), shown.map(([name, value]) => {
      const more = before === undefined ? 0 : value - (before[name] ?? 0);
      return h('tr', { key: name }, h('th', { scope: 'row', class: 'hex' }, name), h('td', { class: 'number' }, write(name, value)),
        h('td', { class: 'number more', title: 'since the last stop' }, more === 0 ? '' : `${more > 0 ? '+' : '−'}${write(name, Math.abs(more))}`), h('td', { class: 'dim' }, WORDS[name] ?? ''));
    })));
}
