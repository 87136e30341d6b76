/**
 * The interrupt system as a picture: a row for each line, from its devices over the 8259 pair and the I/O APIC to the processors.
 */
import { classes, h, type Child, type ElementDescription } from '../ui/description';
import { hex } from '../ui/numbers';
import { heldBack } from './heldBack';
import type { Interrupts } from './model';
import { t } from '../ui/words';

type Line = Interrupts['lines'][number];

/** A state: a sign and a word, so that nothing is told by colour alone. */
function state(kind: 'raised' | 'pending' | 'masked' | 'service', words: string): ElementDescription {
  const signs = { raised: '▲', pending: '●', masked: '⊘', service: '▶' } as const;
  return h('span', { class: classes('state', kind), key: kind }, h('span', { 'aria-hidden': 'true' }, signs[kind]), ` ${words}`);
}

const vectorText = (vector: number) => `→ ${hex(vector, 2)}`;

function picCell({ pic }: Line): readonly Child[] {
  if (pic === undefined) return ['—'];
  return [
    h('span', { class: 'vector hex' }, vectorText(pic.vector)),
    pic.inService && state('service', t('in service')), pic.requested && state('pending', t('requested')), pic.masked && state('masked', t('masked')),
    pic.levelTriggered && h('span', { class: 'small' }, t('level')),
  ];
}

function ioApicCell({ ioApic }: Line): readonly Child[] {
  if (ioApic === undefined) return ['—'];
  const { input, masked, pending, vector, delivery, destination, logical, levelTriggered, activeLow } = ioApic;
  const where = `${logical ? t('set') : 'APIC'} ${hex(destination)}`;
  return [
    h('span', { class: 'small' }, t('in {0}', input)),
    // An entry that nobody has programmed says nothing.
    delivery === 'ExtINT' ? h('span', { class: 'vector' }, '→ 8259') : !(masked && vector === 0) && h('span', { class: 'vector hex' }, vectorText(vector)),
    pending && state('pending', t('pending')), masked && state('masked', t('masked')),
    !masked && h('span', { class: 'small' }, t('{0}to {1}{2}{3}', delivery === 'fixed' ? '' : `${delivery}, `, where, levelTriggered ? t(', level') : '', activeLow ? t(', low') : '')),
  ];
}

const processors = (cpus: readonly number[]) => cpus.map((cpu) => `CPU ${cpu}`).join(', ');

function lineRow(line: Line, picture: Interrupts): ElementDescription {
  const isIsa = line.line < 16;
  const isQuiet = !line.raised && line.pic?.inService !== true && line.pic?.requested !== true && line.inServiceAt.length === 0 && line.requestedAt.length === 0;
  return h('tr', { key: String(line.line), class: classes(isQuiet && 'quiet') },
    h('th', { scope: 'row' }, isIsa ? t('IRQ {0}', line.line) : line.line < 20 ? t('PIRQ {0}', 'ABCD'[line.line - 16]) : t('input {0}', line.line)),
    h('td', {}, line.devices.length === 0 ? h('span', { class: 'small' }, t('nobody')) : line.devices.join(', ')),
    h('td', {}, line.raised ? state('raised', t('raised')) : h('span', { class: 'small' }, t('low'))),
    h('td', {}, picCell(line)),
    h('td', {}, ioApicCell(line)),
    h('td', {}, line.inServiceAt.length > 0 && state('service', t('in service, {0}', processors(line.inServiceAt))), line.requestedAt.length > 0 && state('pending', t('requested, {0}', processors(line.requestedAt)))),
    h('td', { class: 'small' }, heldBack(line, picture)));
}

const vectors = (list: readonly number[]) => (list.length === 0 ? '—' : list.map((vector) => hex(vector, 2)).join(' '));

function apicRow({ cpu, mode, taskPriority, requested, inService, external }: Interrupts['apics'][number]): ElementDescription {
  return h('tr', { key: String(cpu) },
    h('th', { scope: 'row' }, t('CPU {0}', cpu)), h('td', {}, mode === 'disabled' ? t('off') : mode === 'xapic' ? 'xAPIC' : 'x2APIC'),
    h('td', { class: 'hex' }, hex(taskPriority, 2)), h('td', { class: 'hex' }, vectors(requested)), h('td', { class: 'hex' }, vectors(inService)),
    h('td', {}, external ? state('pending', t('8259 asks')) : '—'));
}

function table(label: string, heads: readonly string[], rows: readonly Child[]): ElementDescription {
  return h('table', { 'aria-label': label }, h('thead', {}, h('tr', {}, heads.map((head) => h('th', { scope: 'col' }, head)))), h('tbody', {}, rows));
}

export function interruptsView(picture: Interrupts): ElementDescription {
  const { lines, apics } = picture;
  return h('div', { class: 'sheet', key: 'interrupts', tabindex: 0, role: 'region', 'aria-label': t('Interrupts') },
    table(t('Interrupt lines'), [t('Line'), t('Devices'), t('Wire'), t('8259 pair'), 'I/O APIC', t('Local APIC'), t('Held back by')], lines.map((line) => lineRow(line, picture))),
    h('h2', {}, t('Local APICs')),
    table(t('Local APICs'), [t('Processor'), t('Mode'), t('Task priority'), t('Requested (IRR)'), t('In service (ISR)'), 'ExtINT'], apics.map(apicRow)),
    h('p', { class: 'legend' }, state('raised', t('the device holds the wire up')), state('pending', t('waits for the processor')), state('service', t('the guest is at it')), state('masked', t('held back'))));
}
