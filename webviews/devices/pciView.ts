/**
 * The functions on the PCI bus: who they are, what they may do, where they are decoded. Read off the configuration spaces that the
 * device 'pci' describes.
 *
 * Source: PCI Local Bus Specification 2.1, 6.2.
 */
import { classes, h, type ElementDescription } from '../ui/description';
import { hex } from '../ui/numbers';
import type { Block, Device, Register } from './model';
import { t } from '../ui/words';

const CLASSES: Readonly<Record<number, string>> = {
  0x0100: 'SCSI', 0x0101: 'IDE', 0x0106: 'SATA', 0x0180: t('storage'), 0x0200: 'Ethernet', 0x0300: 'VGA', 0x0380: t('display'), 0x0600: t('host bridge'), 0x0601: t('ISA bridge'),
  0x0680: t('bridge'), 0x0780: t('communication'), 0x0c03: 'USB', 0x0c05: 'SMBus',
};
const PINS = ['—', 'INTA', 'INTB', 'INTC', 'INTD'];
const PORTS = 0x01;
const MEMORY = 0x02;

export interface PciBar {
  readonly name: string;
  readonly kind: 'ports' | 'memory' | 'ROM';
  readonly address: number;
  /** Whether the function answers there now. */
  readonly decoded: boolean;
  readonly wide: boolean;
  readonly prefetchable: boolean;
}

export interface PciFunctionView {
  readonly place: string;
  readonly ids: string;
  readonly what: string;
  readonly command: readonly { readonly name: string; readonly meaning: string; readonly on: boolean }[];
  readonly bars: readonly PciBar[];
  readonly interrupt: string;
}

function barOf({ name, value = 0 }: Register, high: number, command: number): PciBar {
  if (name === 'ROMBAR') return { name: 'ROM', kind: 'ROM', address: (value & ~0x7ff) >>> 0, decoded: (value & 1) !== 0 && (command & MEMORY) !== 0, wide: false, prefetchable: false };
  if ((value & 1) !== 0) {
    const address = (value & ~3) >>> 0;
    return { name, kind: 'ports', address, decoded: address !== 0 && (command & PORTS) !== 0, wide: false, prefetchable: false };
  }
  const address = high * 2 ** 32 + ((value & ~15) >>> 0);
  return { name, kind: 'memory', address, decoded: address !== 0 && (command & MEMORY) !== 0, wide: (value & 6) === 4, prefetchable: (value & 8) !== 0 };
}

function functionOf({ base, registers }: Block): PciFunctionView {
  const valueOf = (name: string) => registers.find((register) => register.name === name)?.value ?? 0;
  const command = registers.find(({ name }) => name === 'PCICMD');
  const classCode = valueOf('BCC') * 256 + valueOf('SCC');
  const pin = valueOf('INTPN');
  return {
    place: `00:${hex(base >>> 11, 2)}.${(base >>> 8) & 7}`, ids: `${hex(valueOf('VID'), 4)}:${hex(valueOf('DID'), 4)}`, what: CLASSES[classCode] ?? t('class {0}', hex(classCode, 4)),
    command: (command?.fields ?? []).map(({ name, meaning, value }) => ({ name, meaning, on: value === 1 })),
    bars: registers.filter(({ name }) => /^(BAR\d|ROMBAR)$/.test(name)).map((bar) => barOf(bar, valueOf(`${bar.name}H`), command?.value ?? 0)),
    interrupt: pin === 0 ? '—' : t('{0}, line {1}', PINS[pin] ?? String(pin), valueOf('INTLN') === 0xff ? t('none') : valueOf('INTLN')),
  };
}

/** The functions that the device 'pci' describes, by their places. */
export function pciFunctions(devices: readonly Device[]): PciFunctionView[] {
  const blocks = devices.find(({ name }) => name === 'pci')?.registers?.blocks.filter(({ space }) => space === 'configuration') ?? [];
  return [...blocks].sort((a, b) => a.base - b.base).map(functionOf);
}

function barView({ name, kind, address, decoded, wide, prefetchable }: PciBar): ElementDescription {
  const words = `${kind} ${hex(address, kind === 'ports' ? 4 : 8)}${wide ? t(', 64 bits') : ''}${prefetchable ? t(', prefetchable') : ''}`;
  return h('div', { key: name, class: classes('bar', !decoded && 'off') }, h('span', { class: 'small' }, `${name} `), h('span', { class: 'hex' }, words), !decoded && h('span', { class: 'small' }, address === 0 ? t(' not placed') : t(' not decoded')));
}

export function pciView(devices: readonly Device[]): ElementDescription {
  return h('div', { class: 'sheet', key: 'pci', tabindex: 0, role: 'region', 'aria-label': t('PCI') },
    h('table', { 'aria-label': t('PCI functions') },
      h('thead', {}, h('tr', {}, [t('Place'), t('IDs'), t('What'), t('Command'), t('Base addresses'), t('Interrupt')].map((head) => h('th', { scope: 'col' }, head)))),
      h('tbody', {}, pciFunctions(devices).map(({ place, ids, what, command, bars, interrupt }) => h('tr', { key: place },
        h('th', { scope: 'row', class: 'hex' }, place), h('td', { class: 'hex' }, ids), h('td', {}, what),
        h('td', { class: 'command' }, command.map(({ name, meaning, on }) => h('span', { key: name, class: classes('box', on ? 'set' : 'clear'), title: `${meaning}: ${on ? t('yes') : t('no')}` }, name, h('span', { class: 'unseen' }, on ? t(' on ') : t(' off '))))),
        h('td', {}, bars.length === 0 ? '—' : bars.map(barView)), h('td', {}, interrupt))))));
}
