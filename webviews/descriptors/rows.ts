/**
 * Rows of the tables: what each entry says in a line, and in full.
 */
import { hex } from '../ui/numbers';
import { attributeBits } from '../ui/segmentBits';
import type { Answer, Bit, Detail, Entry, Group, Loaded, Row, Standing, Tables, Task, Vector } from './model';
import { t } from '../ui/words';

/** How wide addresses are, by mode. */
const widthOf = ({ mode }: Tables): number => (mode === 'long-64' || mode === 'compatibility' ? 16 : 8);

const number = (value: number, digits = 4): string => hex(value >>> 0, digits);

/** What rows are made with. */
interface Context {
  readonly tables: Tables;
  readonly names: Answer['names'];
  readonly digits: number;
}

const address = ({ digits }: Context, text: string): string => hex(BigInt(text), digits);

function bitsOf(attributes: number): readonly Bit[] {
  return attributeBits(attributes).map(([name, low, bits, meaning]) => ({ name, value: (attributes >> low) & (2 ** bits - 1), meaning }));
}

function standingOf(entry: Entry, stale: boolean): Standing {
  if (entry.kind === 'empty' || entry.kind === 'unreadable') return 'blank';
  if (stale) return 'stale';
  if (!entry.present) return 'absent';
  return entry.loadedIn.length === 0 && entry.uses.length > 0 && entry.uses.every(({ fault }) => fault !== undefined) ? 'refused' : 'plain';
}

/** Where a gate leads, with its symbol. */
function gateText(context: Context, entry: Entry): string {
  const { gate } = entry;
  if (gate === undefined) return '';
  const offset = context.digits === 16 ? address(context, gate.offset) : hex(BigInt(gate.offset), 8);
  return `${number(gate.selector)}:${offset}`;
}

const symbolOf = ({ names }: Context, linear: string | undefined): string => (linear === undefined ? '' : names[linear] ?? '');

function entryFacts(context: Context, entry: Entry): Detail['facts'] {
  const { segment, gate } = entry;
  const symbol = symbolOf(context, gate?.linear);
  return [
    [t('at'), address(context, entry.address), t('linear address of the entry')],
    [t('raw'), hex(BigInt(entry.raw), entry.bytes * 2), t('{0} bytes', entry.bytes)],
    ...(segment ? [[t('base'), address(context, segment.base)], [t('limit'), number(segment.limit, 8), t('the last offset')], [t('attributes'), number(segment.attributes, 3)]] as const : []),
    ...(gate ? [[t('leads to'), gateText(context, entry), symbol]] as const : []),
    ...(gate?.linear === undefined ? [] : [[t('linear'), address(context, gate.linear), t('address of its code')]] as const),
    ...(gate?.interruptStack === undefined ? [] : [['IST', String(gate.interruptStack), t('its stack comes from the TSS')]] as const),
    ...(gate?.parameters === undefined ? [] : [[t('parameters'), String(gate.parameters), t('copied to the inner stack')]] as const),
    [t('present'), entry.present ? t('yes') : t('no')], ['DPL', String(entry.dpl)],
  ];
}

function entryRow(context: Context, table: 'gdt' | 'ldt' | 'idt', entry: Entry, stale: readonly Loaded[]): Row {
  const { index, count, kind, gate, segment } = entry;
  const selector = index * 8 + (table === 'ldt' ? 4 : 0);
  const name = table === 'idt' ? hex(index, 2).toUpperCase() : number(selector);
  const last = table === 'idt' ? hex(index + count - 1, 2).toUpperCase() : number(selector + 8 * (count - 1));
  const isBlank = kind === 'empty' || kind === 'unreadable';
  const heldBy = entry.loadedIn.map((register) => register.toUpperCase()).join(' ');
  const mine = stale.filter(({ from }) => from?.table === table && from.index === index);
  const symbol = symbolOf(context, gate?.linear);
  return {
    key: `${table}:${index}`, name: count > 1 ? `${name}–${last}` : name,
    type: `${entry.name === undefined ? '' : `${entry.name} `}${entry.meaning}${count > 1 ? ` ×${count}` : ''}${isBlank || entry.present ? '' : ', not present'}`,
    place: segment ? address(context, segment.base) : gateText(context, entry), limit: segment ? number(segment.limit, 8) : '', dpl: isBlank ? '' : String(entry.dpl),
    note: [mine.length > 0 ? t('stale in {0}', mine.map(({ register }) => register.toUpperCase()).join(' ')) : heldBy === '' ? '' : t('in {0}', heldBy), symbol].filter(Boolean).join('  '),
    standing: standingOf(entry, mine.length > 0), raw: `${entry.kind} ${entry.raw}`,
    detail: () => ({
      title: `${table.toUpperCase()} ${table === 'idt' ? t('vector {0}h', name) : t('entry {0}, selector {1}', index, name)}: ${entry.name ?? ''} ${entry.meaning}`.replace(/ +/g, ' '),
      facts: isBlank ? [[t('at'), address(context, entry.address)]] : entryFacts(context, entry),
      bits: segment ? bitsOf(segment.attributes) : [], uses: entry.uses,
      story: isBlank ? blankStory(table, kind, index) : mine.map(({ story }) => story).at(0) ?? '',
      places: [
        ...(gate?.linear === undefined ? [] : [{ what: t('the handler'), linear: gate.linear, isCode: true }]),
        ...(segment ? [{ what: t('the segment'), linear: segment.base, isCode: false }] : []), { what: t('the entry'), linear: entry.address, isCode: false },
      ],
    }),
  };
}

function blankStory(table: 'gdt' | 'ldt' | 'idt', kind: Entry['kind'], index: number): string {
  if (kind === 'unreadable') return t('This part of the table is not mapped: the processor raises #PF when it reads an entry here.');
  if (table === 'gdt' && index === 0) return t('The null descriptor: its selector may be loaded into DS, ES, FS and GS, but a use of it raises #GP(0).');
  return table === 'idt' ? t('No gate: an interrupt with this vector raises #GP with the vector times 8, plus 2.') : t('Type 0 is reserved: loading it raises #GP with the selector.');
}

function loadedRow(context: Context, loaded: Loaded): Row {
  const { register, selector, from, differences, stale, story } = loaded;
  const held = differences.map(({ part, held: value }) => `${part} ${hex(BigInt(value), part === 'attributes' ? 3 : 8)}`).join(', ');
  return {
    key: `loaded:${register}`, name: register.toUpperCase(), type: from ? t('{0} entry {1}', from.table.toUpperCase(), from.index) : '', place: number(selector), limit: '', dpl: '',
    note: stale && held !== '' ? t('stale: holds {0}', held) : story, standing: stale ? 'stale' : 'plain', raw: JSON.stringify([selector, differences]),
    detail: () => ({
      title: t('{0} holds selector {1}', register.toUpperCase(), number(selector)), bits: [], uses: [], places: [],
      facts: differences.flatMap(({ part, held: now, table }) => [
        [t('{0} held', part), part === 'attributes' ? hex(BigInt(now), 3) : address(context, now)], [t('{0} in table', part), part === 'attributes' ? hex(BigInt(table), 3) : address(context, table)],
      ] as const),
      story: story !== '' ? story : from ? t('What the processor holds is what the table says.') : t('It comes from no table.'),
    }),
  };
}

function vectorRow(context: Context, vector: Vector): Row {
  const name = hex(vector.vector, 2).toUpperCase();
  const symbol = symbolOf(context, vector.linear);
  const far = `${number(vector.selector)}:${number(vector.offset)}`;
  return {
    key: `vector:${vector.vector}`, name, type: vector.purpose ?? '', place: far, limit: '', dpl: '', note: [vector.owner, symbol].filter(Boolean).join('  '),
    standing: vector.owner === 'nobody' ? 'blank' : 'plain', raw: far,
    detail: () => ({
      title: t('Interrupt {0}h{1}', name, vector.purpose === undefined ? '' : `: ${vector.purpose}`), bits: [], uses: [],
      facts: [[t('at'), address(context, vector.address)], [t('leads to'), far, symbol], [t('linear'), address(context, vector.linear)], [t('owner'), vector.owner]],
      story: vector.owner === 'nobody' ? t('The vector is 0000:0000: an interrupt would run the table itself as code.') : '',
      places: [{ what: vector.purpose?.startsWith('pointer') ? t('the data') : t('the handler'), linear: vector.linear, isCode: !vector.purpose?.startsWith('pointer') }, { what: t('the entry'), linear: vector.address, isCode: false }],
    }),
  };
}

const ports = ({ openPorts }: Task): string => openPorts.map(({ first, last }) => (first === last ? number(first) : `${number(first)}–${number(last)}`)).join(', ');

function taskRow(context: Context, task: Task): Row {
  const stack = task.fields.find(({ name }) => /^[RE]?SP0$/.test(name));
  return {
    key: `task:${task.selector}`, name: number(task.selector), type: task.current ? t('{0}-bit TSS, in TR', task.bits) : t('{0}-bit TSS', task.bits), place: address(context, task.base), limit: number(task.limit, 8), dpl: '',
    note: [stack ? `${stack.name} ${hex(BigInt(stack.value), stack.bytes * 2)}` : '', task.openPorts.length > 0 ? t('ports {0}', ports(task)) : ''].filter(Boolean).join('  '),
    standing: task.current ? 'plain' : 'absent', raw: JSON.stringify([task.fields.map(({ value }) => value), task.openPorts]),
    detail: () => ({
      title: task.current ? t('Task-state segment, selector {0} (in TR)', number(task.selector)) : t('Task-state segment, selector {0}', number(task.selector)), bits: [], uses: [],
      facts: [...task.fields.map(({ name, value, bytes, meaning }) => [name, hex(BigInt(value), bytes * 2), meaning] as const), ...(task.openPorts.length > 0 ? [[t('open ports'), ports(task)] as const] : [])],
      story: task.portStory, places: [{ what: t('the TSS'), linear: task.base, isCode: false }],
    }),
  };
}

/** All tables that there are, with their rows. */
export function groupsOf({ tables, names }: Answer): readonly Group[] {
  const context: Context = { tables, names, digits: widthOf(tables) };
  const stale = tables.loaded.filter((loaded) => loaded.stale);
  const table = (name: 'gdt' | 'ldt' | 'idt', title: string): Group[] => {
    const found = tables[name];
    return found === undefined ? [] : [{
      name, title, place: t('at {0}, limit {1}', address(context, found.base), number(found.limit)), rows: found.entries.map((entry) => entryRow(context, name, entry, stale)),
    }];
  };
  return [
    { name: 'loaded', title: t('Loaded in segment registers'), place: '', rows: tables.loaded.map((loaded) => loadedRow(context, loaded)) },
    ...table('gdt', 'GDT'), ...table('ldt', 'LDT'),
    ...(tables.tasks.length === 0 ? [] : [{ name: 'tasks' as const, title: t('Task-state segments'), place: '', rows: tables.tasks.map((task) => taskRow(context, task)) }]),
    ...table('idt', 'IDT'),
    ...(tables.vectors === undefined ? [] : [{ name: 'vectors' as const, title: t('Interrupt vectors of real mode'), place: '', rows: tables.vectors.map((vector) => vectorRow(context, vector)) }]),
  ];
}
