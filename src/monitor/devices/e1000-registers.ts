/**
 * The registers of the Intel 82540EM: where they are, what is in them, what they are after power-on.
 *
 * Source: Intel PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual (317453), chapter 13. Values that the
 * manual leaves open after power-on (X) are zero, but for the VLAN type. The counters are in e1000-statistics.ts, the PHY's registers in e1000-phy.ts.
 */
import type { FieldDescription, RegisterBlock, RegisterDescription } from './description';
import { STATISTICS } from './e1000-statistics';

/** Bytes of memory and number of ports that the card decodes. */
export const REGISTER_BYTES = 0x2_0000;
export const PORT_COUNT = 64;

/** Device control. */
export const CTRL = {
  fullDuplex: 1, setLinkUp: 1 << 6, speed: 3 << 8, forceSpeed: 1 << 11, forceDuplex: 1 << 12, reset: 1 << 26, receivePause: 1 << 27,
  transmitPause: 1 << 28, vlan: 1 << 30, phyReset: 0x8000_0000,
} as const;
/** Extended device control: reload from the EEPROM. */
export const CTRL_EXT_EEPROM_RESET = 1 << 13;
export const STATUS = { fullDuplex: 1, linkUp: 2, transmitOff: 1 << 4, speedShift: 6, detectedSpeedShift: 8 } as const;
export const EECD = { clock: 1, select: 2, input: 4, output: 8, request: 1 << 6, grant: 1 << 7, present: 1 << 8 } as const;
export const EERD = { start: 1, done: 1 << 4 } as const;
export const MDIC = { write: 1, read: 2, ready: 1 << 28, interrupt: 1 << 29, error: 1 << 30 } as const;

/** Interrupt causes. */
export const CAUSE = {
  transmitDone: 1, transmitEmpty: 2, linkChange: 4, receiveLow: 1 << 4, overrun: 1 << 6, receiveTimer: 1 << 7, mdio: 1 << 9,
  transmitLow: 1 << 15, smallPacket: 1 << 16,
} as const;
/** Causes are kept by every bit that has a place, named or not. */
const ALL_CAUSES = 0x1_ffff;

export const RCTL = {
  enable: 1 << 1, unicastPromiscuous: 1 << 3, multicastPromiscuous: 1 << 4, longPackets: 1 << 5, broadcast: 1 << 15,
  vlanFilter: 1 << 18, canonicalFilter: 1 << 19, canonical: 1 << 20, discardPause: 1 << 22, passControl: 1 << 23, extendedSize: 1 << 25,
  stripCheck: 1 << 26,
} as const;
export const TCTL = { enable: 1 << 1, padShort: 1 << 3, sendXoff: 1 << 22 } as const;
export const RXCSUM = { ip: 1 << 8, transport: 1 << 9, ipv6: 1 << 10 } as const;
export const RDTR_FLUSH = 0x8000_0000;
export const FCRTL_XON = 0x8000_0000;
/** Receive address high: the entry is valid; and which address it is compared with. */
export const RAH_VALID = 0x8000_0000;
export const RAH_SELECT = { shift: 16, mask: 3, source: 1 } as const;

export const RECEIVE_ADDRESSES = 16;
/** Dwords of the multicast and of the VLAN filter table. */
const TABLE_DWORDS = 128;

const field = (name: string, low: number, bits: number, meaning: string, values?: Readonly<Record<number, string>>): FieldDescription =>
  ({ name, low, ...(bits === 1 ? {} : { bits }), meaning, ...(values === undefined ? {} : { values }) });

type Rest = Partial<Omit<RegisterDescription, 'name' | 'title' | 'at' | 'bytes'>>;

/** A register of four bytes, as nearly all are. */
function dword(name: string, at: number, title: string, rest: Rest = {}): RegisterDescription {
  return { name, title, at, bytes: 4, access: 'read-write', ...rest };
}

/** Registers at equal distances, numbered from 0. */
function series(count: number, step: number, make: (index: number, offset: number) => RegisterDescription): RegisterDescription[] {
  return Array.from({ length: count }, (_, index) => make(index, index * step));
}

const SPEEDS = { 0: '10 Mb/s', 1: '100 Mb/s', 2: '1000 Mb/s', 3: '1000 Mb/s' } as const;

const GENERAL: readonly RegisterDescription[] = [
  dword('CTRL', 0x0000, 'device control', {
    // The manual has SLU clear. Small systems that were only ever run on QEMU, which sets it, never do so themselves.
    reset: CTRL.fullDuplex | CTRL.setLinkUp | (2 << 8), writable: 0xd8fc_1be9,
    fields: [
      field('FD', 0, 1, 'full duplex, when forced'), field('LRST', 3, 1, 'link reset (not for copper)'),
      field('ASDE', 5, 1, 'speed detection by the MAC'), field('SLU', 6, 1, 'the MAC heeds the PHY\'s link'),
      field('ILOS', 7, 1, 'loss of signal inverted'), field('SPEED', 8, 2, 'speed, when forced', SPEEDS),
      field('FRCSPD', 11, 1, 'speed forced'), field('FRCDPLX', 12, 1, 'duplex forced'), field('SDP0_DATA', 18, 1, 'software pin 0'),
      field('SDP1_DATA', 19, 1, 'software pin 1'), field('ADVD3WUC', 20, 1, 'wakes up from D3cold'),
      field('EN_PHY_PWR_MGMT', 21, 1, 'power management of the PHY'), field('SDP0_IODIR', 22, 1, 'software pin 0 is an output'),
      field('SDP1_IODIR', 23, 1, 'software pin 1 is an output'), field('RST', 26, 1, 'reset of the MAC; reads 0'),
      field('RFCE', 27, 1, 'PAUSE frames are heeded'), field('TFCE', 28, 1, 'PAUSE frames are sent'),
      field('VME', 30, 1, 'VLAN tags are put in and taken out'), field('PHY_RST', 31, 1, 'PHY held in reset'),
    ],
  }),
  dword('STATUS', 0x0008, 'device status', {
    access: 'special',
    fields: [
      field('FD', 0, 1, 'full duplex'), field('LU', 1, 1, 'link up'), field('TXOFF', 4, 1, 'transmitter paused'), field('TBIMODE', 5, 1, 'TBI mode'),
      field('SPEED', 6, 2, 'speed', SPEEDS), field('ASDV', 8, 2, 'detected speed', SPEEDS), field('PCI66', 11, 1, 'bus at 66 MHz'),
      field('BUS64', 12, 1, 'bus of 64 bits'), field('PCIX_MODE', 13, 1, 'bus is PCI-X'), field('PCIXSPD', 14, 2, 'clock of PCI-X'),
    ],
  }),
  dword('EECD', 0x0010, 'EEPROM and flash control', {
    access: 'special', reset: EECD.present | (1 << 4),
    fields: [
      field('SK', 0, 1, 'clock'), field('CS', 1, 1, 'chip select'), field('DI', 2, 1, 'to the EEPROM'), field('DO', 3, 1, 'from the EEPROM'),
      field('FWE', 4, 2, 'flash writes', { 1: 'disabled', 2: 'enabled' }), field('EE_REQ', 6, 1, 'software asks for the EEPROM'),
      field('EE_GNT', 7, 1, 'and has it'), field('EE_PRES', 8, 1, 'present'), field('EE_SIZE', 9, 1, '256 words instead of 64'),
    ],
  }),
  dword('EERD', 0x0014, 'EEPROM read', {
    access: 'special',
    fields: [field('START', 0, 1, 'begins a read'), field('DONE', 4, 1, 'data is valid'), field('ADDR', 8, 8, 'word'), field('DATA', 16, 16, 'data')],
  }),
  dword('CTRL_EXT', 0x0018, 'extended device control', {
    writable: 0x00e2_8ccf,
    fields: [
      field('GPI_EN', 0, 4, 'interrupts of the software pins'), field('PHYINT', 5, 1, 'PHY\'s interrupt'), field('SDP6_DATA', 6, 1, 'software pin 6'),
      field('SDP7_DATA', 7, 1, 'software pin 7'), field('SDP6_IODIR', 10, 1, 'software pin 6 is an output'), field('SDP7_IODIR', 11, 1, 'software pin 7 is an output'),
      field('ASDCHK', 12, 1, 'begins speed detection'), field('EE_RST', 13, 1, 'reloads from the EEPROM'), field('SPD_BYPS', 15, 1, 'speed selection bypassed'),
      field('RO_DIS', 17, 1, 'no relaxed ordering'), field('VREG', 21, 1, 'voltage regulator off'), field('LINK_MODE', 22, 2, 'link mode', { 0: 'internal PHY' }),
    ],
  }),
  dword('FLA', 0x001c, 'flash access', { writable: 0x3f }),
  dword('MDIC', 0x0020, 'MDI control', {
    access: 'special', reset: MDIC.ready,
    fields: [
      field('DATA', 0, 16, 'data'), field('REGADD', 16, 5, 'register of the PHY'), field('PHYADD', 21, 5, 'PHY', { 1: 'internal' }),
      field('OP', 26, 2, 'operation', { 1: 'write', 2: 'read' }), field('R', 28, 1, 'ready'), field('I', 29, 1, 'interrupt when ready'),
      field('E', 30, 1, 'error'),
    ],
  }),
  dword('FCAL', 0x0028, 'flow control address, low'),
  dword('FCAH', 0x002c, 'flow control address, high', { writable: 0xffff }),
  dword('FCT', 0x0030, 'flow control type', { writable: 0xffff }),
  dword('VET', 0x0038, 'VLAN Ethernet type', { reset: 0x8100, writable: 0xffff }),
  dword('FCTTV', 0x0170, 'flow control transmit timer', { writable: 0xffff }),
  dword('TXCW', 0x0178, 'transmit configuration word (not for copper)', { writable: 0xc000_ffff }),
  dword('RXCW', 0x0180, 'receive configuration word (not for copper)', { access: 'read-only' }),
  dword('LEDCTL', 0x0e00, 'LED control', {
    reset: 0x0706_8302, writable: 0xcfcf_cfef,
    fields: series(4, 8, (index) => dword(`LED${String(index)}`, 0, '')).map(({ name }, index) => field(`${name}_MODE`, 8 * index, 4, 'what it shows')),
  }),
  dword('PBA', 0x1000, 'packet buffer allocation', {
    reset: 0x0010_0030, writable: 0x3f,
    fields: [field('RXA', 0, 16, 'KiB for receiving'), field('TXA', 16, 16, 'KiB for sending: what is left of 64')],
  }),
];

const CAUSE_FIELDS: readonly FieldDescription[] = [
  field('TXDW', 0, 1, 'transmit descriptor written back'), field('TXQE', 1, 1, 'transmit queue empty'), field('LSC', 2, 1, 'link has changed'),
  field('RXSEQ', 3, 1, 'receive sequence error'), field('RXDMT0', 4, 1, 'few receive descriptors left'), field('RXO', 6, 1, 'receiver overrun'),
  field('RXT0', 7, 1, 'receive timer'), field('MDAC', 9, 1, 'MDI access done'), field('RXCFG', 10, 1, 'configuration words received'),
  field('PHYINT', 12, 1, 'PHY'), field('GPI', 13, 2, 'software pins'), field('TXD_LOW', 15, 1, 'few transmit descriptors left'), field('SRPD', 16, 1, 'small packet received'),
];

const INTERRUPTS: readonly RegisterDescription[] = [
  dword('ICR', 0x00c0, 'interrupt cause read', { access: 'write-one-clears', writable: ALL_CAUSES, readEffect: 'clears all causes', fields: CAUSE_FIELDS }),
  dword('ITR', 0x00c4, 'interrupt throttling', { writable: 0xffff, fields: [field('INTERVAL', 0, 16, 'least time between interrupts, 256 ns')] }),
  dword('ICS', 0x00c8, 'interrupt cause set', { access: 'write-only', writable: ALL_CAUSES, fields: CAUSE_FIELDS }),
  dword('IMS', 0x00d0, 'interrupt mask set and read', { access: 'special', fields: CAUSE_FIELDS }),
  dword('IMC', 0x00d8, 'interrupt mask clear', { access: 'write-only', writable: ALL_CAUSES, fields: CAUSE_FIELDS }),
];

const DELAY = [field('DELAY', 0, 16, 'time in 1.024 µs')];
const PREFETCH = [
  field('PTHRESH', 0, 6, 'prefetch threshold'), field('HTHRESH', 8, 6, 'host threshold'), field('WTHRESH', 16, 6, 'write-back threshold'),
  field('GRAN', 24, 1, 'thresholds in descriptors instead of cache lines'),
];

/** Base, length, head and tail of a ring. */
function ring(letter: 'R' | 'T', at: number, what: string): RegisterDescription[] {
  return [
    dword(`${letter}DBAL`, at, `${what} descriptors' base, low`, { writable: 0xffff_fff0 }),
    dword(`${letter}DBAH`, at + 4, `${what} descriptors' base, high`),
    dword(`${letter}DLEN`, at + 8, `${what} descriptors' length in bytes`, { writable: 0xf_ff80 }),
    dword(`${letter}DH`, at + 0x10, `${what} descriptors' head`, { writable: 0xffff }),
    dword(`${letter}DT`, at + 0x18, `${what} descriptors' tail`, { writable: 0xffff }),
  ];
}

const RECEIVE: readonly RegisterDescription[] = [
  dword('RCTL', 0x0100, 'receive control', {
    writable: 0x06df_b3fe,
    fields: [
      field('EN', 1, 1, 'receiver on'), field('SBP', 2, 1, 'bad packets are kept'), field('UPE', 3, 1, 'all unicast'), field('MPE', 4, 1, 'all multicast'),
      field('LPE', 5, 1, 'packets over 1522 bytes'), field('LBM', 6, 2, 'loopback', { 0: 'none', 1: 'MAC' }),
      field('RDMTS', 8, 2, 'threshold for RXDMT0', { 0: '1/2', 1: '1/4', 2: '1/8' }), field('MO', 12, 2, 'bits of the multicast hash'),
      field('BAM', 15, 1, 'broadcasts'), field('BSIZE', 16, 2, 'buffer size', { 0: '2048', 1: '1024 or 16384', 2: '512 or 8192', 3: '256 or 4096' }),
      field('VFE', 18, 1, 'VLAN filter'), field('CFIEN', 19, 1, 'CFI filter'), field('CFI', 20, 1, 'CFI that passes'), field('DPF', 22, 1, 'PAUSE frames are discarded'),
      field('PMCF', 23, 1, 'MAC control frames pass'), field('BSEX', 25, 1, 'buffer sizes times 16'), field('SECRC', 26, 1, 'check sequence is taken off'),
    ],
  }),
  dword('FCRTL', 0x2160, 'flow control receive threshold, low', { writable: 0x8000_fff8, fields: [field('RTL', 3, 13, 'threshold'), field('XONE', 31, 1, 'XON is sent')] }),
  dword('FCRTH', 0x2168, 'flow control receive threshold, high', { writable: 0xfff8 }),
  ...ring('R', 0x2800, 'receive'),
  dword('RDTR', 0x2820, 'receive delay timer', { writable: 0xffff, fields: [...DELAY, field('FPD', 31, 1, 'interrupts at once; reads 0')] }),
  dword('RXDCTL', 0x2828, 'receive descriptor control', { reset: 0x0101_0000, writable: 0x013f_3f3f, fields: PREFETCH }),
  dword('RADV', 0x282c, 'receive absolute delay', { writable: 0xffff, fields: DELAY }),
  dword('RSRPD', 0x2c00, 'small packet detection', { writable: 0xfff, fields: [field('SIZE', 0, 12, 'largest small packet, bytes')] }),
  dword('RXCSUM', 0x5000, 'receive checksum control', {
    writable: 0x7ff,
    fields: [
      field('PCSS', 0, 8, 'first byte of the packet checksum'), field('IPOFL', 8, 1, 'IP checksums'), field('TUOFL', 9, 1, 'TCP and UDP checksums'),
      field('IPV6OFL', 10, 1, 'TCP and UDP over IPv6'),
    ],
  }),
  ...series(TABLE_DWORDS, 4, (index, offset) => dword(`MTA${String(index)}`, 0x5200 + offset, 'multicast table')),
  ...series(RECEIVE_ADDRESSES, 8, (index, offset) => dword(`RAL${String(index)}`, 0x5400 + offset, 'receive address, low')),
  ...series(RECEIVE_ADDRESSES, 8, (index, offset) => dword(`RAH${String(index)}`, 0x5404 + offset, 'receive address, high', {
    writable: 0x8003_ffff,
    fields: [field('RAH', 0, 16, 'address'), field('AS', 16, 2, 'compared with', { 0: 'destination', 1: 'source' }), field('AV', 31, 1, 'valid')],
  })),
  ...series(TABLE_DWORDS, 4, (index, offset) => dword(`VFTA${String(index)}`, 0x5600 + offset, 'VLAN filter table')),
];

const TRANSMIT: readonly RegisterDescription[] = [
  dword('TCTL', 0x0400, 'transmit control', {
    writable: 0x033f_fffa,
    fields: [
      field('EN', 1, 1, 'transmitter on'), field('PSP', 3, 1, 'short packets are padded'), field('CT', 4, 8, 'collision threshold'),
      field('COLD', 12, 10, 'collision distance'), field('SWXOFF', 22, 1, 'sends XOFF; reads 0'), field('RTLC', 24, 1, 'again after a late collision'),
      field('NRTU', 25, 1, 'not again after an underrun'),
    ],
  }),
  dword('TIPG', 0x0410, 'transmit inter-packet gap', {
    writable: 0x3fff_ffff, fields: [field('IPGT', 0, 10, 'back to back'), field('IPGR1', 10, 10, 'part 1'), field('IPGR2', 20, 10, 'part 2')],
  }),
  dword('AIFS', 0x0458, 'adaptive interframe spacing', { writable: 0xffff }),
  dword('TXDMAC', 0x3000, 'transmit DMA control', { reset: 1, writable: 1, fields: [field('DPP', 0, 1, 'no packet prefetching')] }),
  ...ring('T', 0x3800, 'transmit'),
  dword('TIDV', 0x3820, 'transmit interrupt delay', { writable: 0xffff, fields: DELAY }),
  dword('TXDCTL', 0x3828, 'transmit descriptor control', {
    writable: 0xff3f_3f3f, fields: [...PREFETCH, field('LWTHRESH', 25, 7, 'threshold for TXD_LOW, in 8 descriptors')],
  }),
  dword('TADV', 0x382c, 'transmit absolute delay', { writable: 0xffff, fields: DELAY }),
  dword('TSPMT', 0x3830, 'segmentation pad and threshold', { reset: 0x0100_0400, fields: [field('TSMT', 0, 16, 'least transfer'), field('TSPBP', 16, 16, 'padding')] }),
];

/** Wake-up: kept, and without an effect, since the machine is never asleep with its card awake. */
const WAKE_UP: readonly RegisterDescription[] = [
  dword('WUC', 0x5800, 'wake-up control', {
    writable: 0xb,
    fields: [field('APME', 0, 1, 'advanced power management'), field('PME_En', 1, 1, 'PME'), field('PME_Status', 2, 1, 'PME was sent'), field('APMPME', 3, 1, 'PME after APM')],
  }),
  dword('WUFC', 0x5808, 'wake-up filter control', { writable: 0x000f_80ff }),
  dword('WUS', 0x5810, 'wake-up status', { access: 'read-only' }),
  dword('MANC', 0x5820, 'management control'),
  dword('IPAV', 0x5838, 'IP address valid', { writable: 0x0001_000f }),
  ...series(4, 8, (index, offset) => dword(`IP4AT${String(index)}`, 0x5840 + offset, 'IPv4 address')),
  ...series(4, 4, (index, offset) => dword(`IP6AT${String(index)}`, 0x5880 + offset, 'IPv6 address')),
  // Later cards' semaphore for the EEPROM. The manual does not have it; drivers that do not ask which card it is (U-Boot) do, and take it by these bits.
  dword('SWSM', 0x5b50, 'software semaphore', { writable: 3, fields: [field('SMBI', 0, 1, 'drivers\' semaphore'), field('SWESMBI', 1, 1, 'software has the EEPROM')] }),
  dword('WUPL', 0x5900, 'wake-up packet length', { access: 'read-only' }),
  ...series(32, 4, (index, offset) => dword(`WUPM${String(index)}`, 0x5a00 + offset, 'wake-up packet', { access: 'read-only' })),
  ...series(4, 8, (index, offset) => dword(`FFLT${String(index)}`, 0x5f00 + offset, 'flexible filter length', { writable: 0x7ff })),
  ...series(TABLE_DWORDS, 8, (index, offset) => dword(`FFMT${String(index)}`, 0x9000 + offset, 'flexible filter mask', { writable: 0xf })),
  ...series(TABLE_DWORDS, 8, (index, offset) => dword(`FFVT${String(index)}`, 0x9800 + offset, 'flexible filter value')),
];

/** Head, tail, their saved copies and the packet count of a side of the packet buffer: what is in them is kept, except for the receive count. */
function fifo(letter: 'R' | 'T', at: number, what: string): RegisterDescription[] {
  const names = [['H', 'head'], ['T', 'tail'], ['HS', 'saved head'], ['TS', 'saved tail'], ['PC', 'packet count']] as const;
  return names.map(([suffix, title], index) => dword(`${letter}DF${suffix}`, at + 8 * index, `${what} FIFO: ${title}`, { writable: 0x1fff }));
}

/** The registers behind base address register 0. The packet buffer's contents (10000-1FFFF) are not shown: they read zero. */
export const REGISTERS: RegisterBlock = {
  name: 'registers', space: 'memory', base: 0,
  registers: [
    ...GENERAL, ...INTERRUPTS, ...RECEIVE, ...TRANSMIT, ...STATISTICS, ...WAKE_UP, ...fifo('R', 0x2410, 'receive'), ...fifo('T', 0x3410, 'transmit'),
  ],
};

/** The ports behind base address register 1 (13.2.3): an address, and the register at that address. */
export const PORTS: RegisterBlock = {
  name: 'ports', space: 'port', base: 0,
  registers: [
    { name: 'IOADDR', title: 'address of a register', at: 0, bytes: 4, access: 'read-write', writable: REGISTER_BYTES - 1 },
    { name: 'IODATA', title: 'the register at IOADDR', at: 4, bytes: 4, access: 'special' },
  ],
};
