/**
 * The Devices panel's picture as plain data: a bar with tabs, and what the chosen one shows.
 */
import { h, type ElementDescription } from '../ui/description';
import { answerTo, type Inquiries, type Question } from '../ui/inquiries';
import { notice, sessionNotice } from '../ui/notice';
import { eventsView } from './eventsView';
import { interruptsView } from './interruptsView';
import { bitsText, DEVICES, devicesOf, EVENTS, eventsOf, INTERRUPTS, interruptsOf, placeText, registersOf } from './model';
import { pciView } from './pciView';
import { editedField, TABS, type DevicesState, type Tab } from './state';
import { treeView } from './treeView';
import { t } from '../ui/words';

const TAB_WORDS: Readonly<Record<Tab, string>> = { registers: t('Registers'), interrupts: t('Interrupts'), events: t('Events'), pci: t('PCI') };
const QUESTIONS: Readonly<Record<Tab, Question>> = { registers: DEVICES, interrupts: INTERRUPTS, events: EVENTS, pci: DEVICES };

/** The panel asks for what is in view alone. */
export function questions({ tab }: DevicesState): readonly Question[] {
  return [QUESTIONS[tab]];
}

export function view(state: DevicesState, inquiries: Inquiries): readonly ElementDescription[] {
  const nothing = sessionNotice(inquiries);
  return [
    toolbar(state, inquiries),
    ...(nothing === undefined ? [...editStrip(state, inquiries), h('main', { class: 'body', key: 'body', role: 'tabpanel', 'aria-label': TAB_WORDS[state.tab] }, body(state, inquiries)), messageLine(state)] : [nothing]),
  ].filter((part) => part !== undefined);
}

function toolbar({ tab, filter }: DevicesState, { session, running }: Inquiries): ElementDescription {
  return h('header', { class: 'toolbar', key: 'toolbar' },
    h('div', { class: 'tabs', role: 'tablist', 'aria-label': t('Devices') }, TABS.map((name) => h('button', {
      key: name, class: name === tab ? 'tab chosen' : 'tab', role: 'tab', 'data-tab': name, 'aria-selected': name === tab ? 'true' : 'false', tabindex: name === tab ? 0 : -1,
    }, TAB_WORDS[name]))),
    tab === 'registers' && h('label', { class: 'field', key: 'filter' }, h('span', { class: 'label' }, t('Filter')),
      h('input', { type: 'text', 'data-field': 'filter', value: filter, placeholder: t('name or meaning'), title: t('Devices, registers and fields with this in their names or meanings (/)'), spellcheck: 'false', autocomplete: 'off' })),
    session === 'live' && h('div', { class: 'machine', key: 'machine' },
      h('span', { class: running ? 'dot running' : 'dot stopped', 'aria-hidden': 'true' }), h('span', { role: 'status' }, running ? t('running') : t('stopped'))));
}

function body(state: DevicesState, inquiries: Inquiries): ElementDescription {
  const answer = answerTo(inquiries, QUESTIONS[state.tab]);
  if (answer?.error !== undefined) return notice('error', t('The machine does not tell'), answer.error);
  const [devices, interrupts, events] = [devicesOf(inquiries), interruptsOf(inquiries), eventsOf(inquiries)];
  if (state.tab === 'registers' && devices !== undefined) return treeView(state, inquiries);
  if (state.tab === 'pci' && devices !== undefined) return pciView(devices);
  if (state.tab === 'interrupts' && interrupts !== undefined) return interruptsView(interrupts);
  if (state.tab === 'events' && events !== undefined) return eventsView(events);
  return notice('waiting', t('Asking the machine'), t('It answers in a moment.'));
}

/** The form by which a register, or a field of it, is written. */
function editStrip({ edit }: DevicesState, inquiries: Inquiries): ElementDescription[] {
  const place = edit === undefined ? undefined : registersOf(devicesOf(inquiries) ?? []).get(edit.key);
  if (edit === undefined || place === undefined) return [];
  const { device, register } = place;
  const field = editedField(register, edit);
  const name = field === undefined ? register.name : `${register.name}.${field.name}`;
  const where = field === undefined ? placeText(place) : t('{0}, bits {1}', placeText(place), bitsText(field));
  return [h('form', { class: 'strip', key: 'edit', 'data-form': 'write', 'aria-label': t('Write {0}', name) },
    h('label', { class: 'field' }, h('span', {}, t('Write {0} ', device.name), h('span', { class: 'hex' }, name), ` (${where})`),
      h('input', { type: 'text', class: 'hex', 'data-field': 'value', value: edit.text, spellcheck: 'false', autocomplete: 'off', 'aria-invalid': edit.error === undefined ? undefined : 'true', 'aria-describedby': 'edit-words' })),
    h('button', { type: 'submit' }, t('Write')), h('button', { type: 'button', class: 'quiet', 'data-act': 'cancel-edit' }, t('Cancel')),
    h('p', { id: 'edit-words', class: edit.error === undefined ? 'warning' : 'warning error', role: edit.error === undefined ? undefined : 'alert' },
      edit.error ?? t('This is a write as the guest would do it, with all that the device does on it. It is recorded as input, and replayed; after going back in time it begins a new future.')))];
}

function messageLine({ message, tab }: DevicesState): ElementDescription | undefined {
  if (tab !== 'registers') return undefined;
  return h('footer', { class: 'status', key: 'status' },
    message === undefined
      ? h('span', { class: 'hint' }, t('↑↓ move, →← open and close, * all in it, P pin, F2 write, / filter'))
      : h('span', { class: `message ${message.kind}`, role: message.kind === 'error' ? 'alert' : 'status' }, message.text));
}
