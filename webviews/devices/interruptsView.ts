/**
 * The interrupt system as a picture: a row for each line, from its devices over the 8259 pair and the I/O APIC to the processors.
 */
import { classes, h, type Child, type ElementDescription } from '../ui/description';
import { hex } from '../ui/numbers';
import type { Interrupts } from './model';

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
    pic.inService && state('service', 'in service'), pic.requested && state('pending', 'requested'), pic.masked && state('masked', 'masked'),
    pic.levelTriggered && h('span', { class: 'small' }, 'level'),
  ];
}

function ioApicCell({ ioApic }: Line): readonly Child[] {
  if (ioApic === undefined) return ['—'];
  const { input, masked, pending, vector, delivery, destination, logical, levelTriggered, activeLow } = ioApic;
  const where = `${logical ? 'set' : 'APIC'} ${hex(destination)}`;
  return [
    h('span', { class: 'small' }, `in ${input}`),
    delivery === 'ExtINT' ? h('span', { class: 'vector' }, '→ 8259') : h('span', { class: 'vector hex' }, vectorText(vector)),
    pending && state('pending', 'pending'), masked && state('masked', 'masked'),
    !masked && h('span', { class: 'small' }, `${delivery === 'fixed' ? '' : `${delivery}, `}to ${where}${levelTriggered ? ', level' : ''}${activeLow ? ', low' : ''}`),
  ];
}

const processors = (cpus: readonly number[]) => cpus.map((cpu) => `CPU ${cpu}`).join(', ');

function lineRow(line: Line): ElementDescription {
  const isIsa = line.line < 16;
  const isQuiet = !line.raised && line.pic?.inService !== true && line.pic?.requested !== true && line.inServiceAt.length === 0 && line.requestedAt.length === 0;
  return h('tr', { key: String(line.line), class: classes(isQuiet && 'quiet') },
    h('th', { scope: 'row' }, isIsa ? `IRQ ${line.line}` : line.line < 20 ? `PIRQ ${'ABCD'[line.line - 16]}` : `input ${line.line}`),
    h('td', {}, line.devices.length === 0 ? h('span', { class: 'small' }, 'nobody') : line.devices.join(', ')),
    h('td', {}, line.raised ? state('raised', 'raised') : h('span', { class: 'small' }, 'low')),
    h('td', {}, picCell(line)),
    h('td', {}, ioApicCell(line)),
    h('td', {}, line.inServiceAt.length > 0 && state('service', `in service, ${processors(line.inServiceAt)}`), line.requestedAt.length > 0 && state('pending', `requested, ${processors(line.requestedAt)}`)));
}

const vectors = (list: readonly number[]) => (list.length === 0 ? '—' : list.map((vector) => hex(vector, 2)).join(' '));

function apicRow({ cpu, mode, taskPriority, requested, inService, external }: Interrupts['apics'][number]): ElementDescription {
  return h('tr', { key: String(cpu) },
    h('th', { scope: 'row' }, `CPU ${cpu}`), h('td', {}, mode === 'disabled' ? 'off' : mode === 'xapic' ? 'xAPIC' : 'x2APIC'),
    h('td', { class: 'hex' }, hex(taskPriority, 2)), h('td', { class: 'hex' }, vectors(requested)), h('td', { class: 'hex' }, vectors(inService)),
    h('td', {}, external ? state('pending', '8259 asks') : '—'));
}

function table(label: string, heads: readonly string[], rows: readonly Child[]): ElementDescription {
  return h('table', { 'aria-label': label }, h('thead', {}, h('tr', {}, heads.map((head) => h('th', { scope: 'col' }, head)))), h('tbody', {}, rows));
}

export function interruptsView({ lines, apics }: Interrupts): ElementDescription {
  return h('div', { class: 'sheet', key: 'interrupts', tabindex: 0, role: 'region', 'aria-label': 'Interrupts' },
    table('Interrupt lines', ['Line', 'Devices', 'Wire', '8259 pair', 'I/O APIC', 'Local APIC'], lines.map(lineRow)),
    h('h2', {}, 'Local APICs'),
    table('Local APICs', ['Processor', 'Mode', 'Task priority', 'Requested (IRR)', 'In service (ISR)', 'ExtINT'], apics.map(apicRow)),
    h('p', { class: 'legend' }, state('raised', 'the device holds the wire up'), state('pending', 'waits for the processor'), state('service', 'the guest is at it'), state('masked', 'held back')));
}
