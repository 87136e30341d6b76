/**
 * The registers of the VGA and of its extension, described: the groups behind index registers, the ports that stand alone, the
 * Bochs display interface and the registers behind base address register 2.
 *
 * Source: IBM VGA technical reference (Video Subsystem, 1992); Bochs VBE_DISPI interface; QEMU, 'standard VGA'.
 */
import { allBits, type DeviceDescription, type FieldDescription, type RegisterBlock, type RegisterDescription } from './description';
import { TEXT_ATTRIBUTE, TEXT_CRTC, TEXT_GRAPHICS, TEXT_MISCELLANEOUS, TEXT_SEQUENCER } from './vga-modes';

/** An indexed register of one byte. */
interface Indexed {
  readonly name: string;
  readonly title: string;
  readonly writable?: number;
  readonly fields?: readonly FieldDescription[];
}

const field = (name: string, low: number, bits: number, meaning: string): FieldDescription => ({ name, low, bits, meaning });
const flag = (name: string, low: number, meaning: string): FieldDescription => ({ name, low, meaning });

function group(name: string, resets: readonly number[], registers: readonly Indexed[]): RegisterBlock {
  return {
    name, space: 'index', base: 0,
    registers: registers.map((register, at): RegisterDescription => ({ ...register, at, bytes: 1, access: 'read-write', reset: resets[at] })),
  };
}

const SEQUENCER = group('sequencer', TEXT_SEQUENCER, [
  { name: 'SR00', title: 'reset', writable: 0x03, fields: [flag('ASR', 0, 'no asynchronous reset'), flag('SR', 1, 'no synchronous reset')] },
  {
    name: 'SR01', title: 'clocking mode', writable: 0x3d,
    fields: [
      flag('8/9', 0, 'characters of 8 dots, else of 9'), flag('SLR', 2, 'shift registers loaded every second character clock'),
      flag('DCR', 3, 'dot clock halved'), flag('S4', 4, 'shift registers loaded every fourth character clock'), flag('SD', 5, 'screen off'),
    ],
  },
  { name: 'SR02', title: 'map mask', writable: 0x0f, fields: [field('EM', 0, 4, 'planes that are written')] },
  {
    name: 'SR03', title: 'character map select', writable: 0x3f,
    fields: [
      field('CMBL', 0, 2, 'map B, low bits'), field('CMAL', 2, 2, 'map A, low bits'), flag('CMBH', 4, 'map B, high bit'), flag('CMAH', 5, 'map A, high bit'),
    ],
  },
  {
    name: 'SR04', title: 'memory mode', writable: 0x0e,
    fields: [flag('EM', 1, '256 KiB'), flag('OE', 2, 'no odd and even planes'), flag('CH4', 3, 'planes chained by the two lowest address bits')],
  },
]);

const GRAPHICS = group('graphics controller', TEXT_GRAPHICS, [
  { name: 'GR00', title: 'set/reset', writable: 0x0f },
  { name: 'GR01', title: 'enable set/reset', writable: 0x0f },
  { name: 'GR02', title: 'colour compare', writable: 0x0f },
  { name: 'GR03', title: 'data rotate', writable: 0x1f, fields: [field('ROTC', 0, 3, 'bits to the right'), field('FS', 3, 2, 'replace, AND, OR, XOR')] },
  { name: 'GR04', title: 'read map select', writable: 0x03 },
  {
    name: 'GR05', title: 'graphics mode', writable: 0x7b,
    fields: [
      field('WM', 0, 2, 'write mode'), flag('RM', 3, 'reads compare colours'), flag('OE', 4, 'odd and even planes'),
      flag('SR', 5, 'shift registers interleaved'), flag('C256', 6, 'shift registers for 256 colours'),
    ],
  },
  {
    name: 'GR06', title: 'miscellaneous', writable: 0x0f,
    fields: [flag('GM', 0, 'graphics'), flag('OE', 1, 'odd addresses chained to even ones'), field('MM', 2, 2, 'memory map: A0000 128 KiB, A0000 64 KiB, B0000, B8000 32 KiB')],
  },
  { name: 'GR07', title: 'colour do not care', writable: 0x0f },
  { name: 'GR08', title: 'bit mask', writable: 0xff },
]);

const CRTC = group('CRT controller', TEXT_CRTC, [
  { name: 'CR00', title: 'horizontal total' },
  { name: 'CR01', title: 'horizontal display enable end' },
  { name: 'CR02', title: 'start horizontal blanking' },
  { name: 'CR03', title: 'end horizontal blanking' },
  { name: 'CR04', title: 'start horizontal retrace' },
  { name: 'CR05', title: 'end horizontal retrace' },
  { name: 'CR06', title: 'vertical total' },
  {
    name: 'CR07', title: 'overflow',
    fields: [
      flag('VT8', 0, 'vertical total'), flag('VDE8', 1, 'vertical display enable end'), flag('VRS8', 2, 'vertical retrace start'),
      flag('VBS8', 3, 'start vertical blanking'), flag('LC8', 4, 'line compare'), flag('VT9', 5, 'vertical total'),
      flag('VDE9', 6, 'vertical display enable end'), flag('VRS9', 7, 'vertical retrace start'),
    ],
  },
  { name: 'CR08', title: 'preset row scan', fields: [field('SRS', 0, 5, 'first row scan'), field('BP', 5, 2, 'byte panning')] },
  {
    name: 'CR09', title: 'maximum scan line',
    fields: [field('MSL', 0, 5, 'rows of a character less 1'), flag('VBS9', 5, 'start vertical blanking'), flag('LC9', 6, 'line compare'), flag('LD', 7, 'lines doubled')],
  },
  { name: 'CR0A', title: 'cursor start', fields: [field('RSCB', 0, 5, 'first row'), flag('CO', 5, 'cursor off')] },
  { name: 'CR0B', title: 'cursor end', fields: [field('RSCE', 0, 5, 'last row'), field('CSK', 5, 2, 'skew')] },
  { name: 'CR0C', title: 'start address high' },
  { name: 'CR0D', title: 'start address low' },
  { name: 'CR0E', title: 'cursor location high' },
  { name: 'CR0F', title: 'cursor location low' },
  { name: 'CR10', title: 'vertical retrace start' },
  {
    name: 'CR11', title: 'vertical retrace end',
    fields: [field('VRE', 0, 4, 'last line, low bits'), flag('CVI', 4, 'vertical interrupt not cleared'), flag('DVI', 5, 'vertical interrupt off'), flag('PR', 7, 'registers 00 to 07 locked')],
  },
  { name: 'CR12', title: 'vertical display enable end' },
  { name: 'CR13', title: 'offset' },
  { name: 'CR14', title: 'underline location', fields: [field('SUL', 0, 5, 'row of the underline'), flag('CB4', 5, 'counted by 4'), flag('DW', 6, 'doubleword addresses')] },
  { name: 'CR15', title: 'start vertical blanking' },
  { name: 'CR16', title: 'end vertical blanking' },
  {
    name: 'CR17', title: 'mode control',
    fields: [
      flag('CMS0', 0, 'address bit 13 is not row scan bit 0'), flag('CMS1', 1, 'address bit 14 is not row scan bit 1'), flag('HRS', 2, 'lines counted by 2'),
      flag('CB2', 3, 'addresses counted by 2'), flag('ADW', 5, 'address bit 15 wraps to bit 0'), flag('WB', 6, 'byte addresses'), flag('RST', 7, 'retrace runs'),
    ],
  },
  { name: 'CR18', title: 'line compare' },
]);

const ATTRIBUTE = group('attribute controller', TEXT_ATTRIBUTE, [
  ...Array.from({ length: 16 }, (_, index): Indexed => ({ name: `AR${index.toString(16).toUpperCase().padStart(2, '0')}`, title: `palette ${index}`, writable: 0x3f })),
  {
    name: 'AR10', title: 'mode control', writable: 0xef,
    fields: [
      flag('G', 0, 'graphics'), flag('ME', 1, 'monochrome'), flag('ELG', 2, 'line graphics fill the ninth dot'), flag('EB', 3, 'blinking'),
      flag('PP', 5, 'panning ends at the split'), flag('PCS', 6, '256 colours'), flag('PS', 7, 'colour bits 4 and 5 from AR14'),
    ],
  },
  { name: 'AR11', title: 'overscan colour' },
  { name: 'AR12', title: 'colour plane enable', writable: 0x3f },
  { name: 'AR13', title: 'horizontal panning', writable: 0x0f },
  { name: 'AR14', title: 'colour select', writable: 0x0f },
]);

/** Registers with ports of their own. Those that are read elsewhere than they are written are named for what they are. */
const PORTS: RegisterBlock = {
  name: 'ports', space: 'port', base: 0x3c0,
  registers: [
    { name: 'ATTRIBUTE', title: 'attribute index, and data in turn', at: 0x0, bytes: 1, access: 'special' },
    { name: 'MISC', title: 'miscellaneous output', at: 0xc, bytes: 1, access: 'read-only', reset: TEXT_MISCELLANEOUS, fields: [
      flag('IOA', 0, 'CRT controller at 3D4'), flag('ERAM', 1, 'display memory on'), field('CS', 2, 2, 'dot clock: 25.175 or 28.322 MHz'),
      flag('PB', 5, 'odd and even pages'), flag('HSP', 6, 'horizontal retrace negative'), flag('VSP', 7, 'vertical retrace negative'),
    ] },
    { name: 'STATUS0', title: 'input status 0', at: 0x2, bytes: 1, access: 'read-only', reset: 0x10, fields: [flag('SS', 4, 'monitor sensed'), flag('CI', 7, 'vertical interrupt')] },
    { name: 'ENABLE', title: 'video subsystem enable', at: 0x3, bytes: 1, access: 'read-write', reset: 1, writable: 0x01 },
    { name: 'PELMASK', title: 'DAC mask', at: 0x6, bytes: 1, access: 'read-write', reset: 0xff },
    { name: 'DACSTATE', title: 'DAC state', at: 0x7, bytes: 1, access: 'read-only', fields: [field('STATE', 0, 2, '3: reading, 0: writing')] },
    { name: 'DACREAD', title: 'DAC read index', at: 0x7, bytes: 1, access: 'write-only' },
    { name: 'DACWRITE', title: 'DAC write index', at: 0x8, bytes: 1, access: 'special' },
    { name: 'FEATURE', title: 'feature control', at: 0xa, bytes: 1, access: 'read-only' },
  ],
};

export const DISPI = {
  id: 0, width: 1, height: 2, depth: 3, enable: 4, bank: 5, virtualWidth: 6, virtualHeight: 7, x: 8, y: 9, memory: 10,
} as const;
export const DISPI_ENABLE = { enabled: 0x01, capabilities: 0x02, dac8: 0x20, linear: 0x40, keep: 0x80 } as const;
/** Oldest and newest version, and units of 64 KiB of video memory. */
export const DISPI_FIRST_ID = 0xb0c0;
export const DISPI_LAST_ID = 0xb0c5;

const dispi = (name: string, title: string, at: number, more: Partial<RegisterDescription> = {}): RegisterDescription =>
  ({ name, title, at: 2 * at, bytes: 2, access: 'special', ...more });

const DISPLAY: RegisterBlock = {
  name: 'DISPI', space: 'index', base: 0,
  registers: [
    dispi('ID', 'version', DISPI.id, { reset: DISPI_LAST_ID }),
    dispi('XRES', 'dots of a line', DISPI.width),
    dispi('YRES', 'lines', DISPI.height),
    dispi('BPP', 'bits of a dot', DISPI.depth),
    dispi('ENABLE', 'enable', DISPI.enable, {
      fields: [
        flag('ENABLED', 0, 'the extension drives the screen'), flag('GETCAPS', 1, 'resolution registers read what is the most'), flag('8BITDAC', 5, 'DAC components of 8 bits'),
        flag('LFB_ENABLED', 6, 'linear frame buffer'), flag('NOCLEARMEM', 7, 'memory kept when it is enabled'),
      ],
    }),
    dispi('BANK', 'bank at A0000, in 64 KiB', DISPI.bank),
    dispi('VIRT_WIDTH', 'dots from line to line', DISPI.virtualWidth),
    dispi('VIRT_HEIGHT', 'lines that memory holds', DISPI.virtualHeight),
    dispi('X_OFFSET', 'first dot shown', DISPI.x),
    dispi('Y_OFFSET', 'first line shown', DISPI.y),
    dispi('VIDEO_MEMORY_64K', 'video memory in 64 KiB', DISPI.memory, { access: 'read-only', reset: 0x100 }),
  ],
};

/** Registers of our frame buffer's byte order, behind base address register 2. */
export const EXTENDED = { size: 0x600, byteOrder: 0x604, bytes: 8, little: 0x1e1e1e1e, big: 0xbebebebe } as const;

const MEMORY: RegisterBlock = {
  name: 'memory', space: 'memory', base: 0,
  registers: [
    { name: 'EXT_SIZE', title: 'bytes of extended registers', at: EXTENDED.size, bytes: 4, access: 'read-only', reset: EXTENDED.bytes },
    { name: 'EXT_ENDIAN', title: 'byte order of the frame buffer', at: EXTENDED.byteOrder, bytes: 4, access: 'special', reset: EXTENDED.little },
  ],
};

export const VGA_GROUPS = { sequencer: SEQUENCER, graphics: GRAPHICS, crtc: CRTC, attribute: ATTRIBUTE } as const;

export const VGA_DESCRIPTION: DeviceDescription = {
  title: 'VGA with Bochs display interface (QEMU standard VGA)',
  source: 'IBM VGA technical reference (1992); Bochs VBE_DISPI interface; QEMU, docs/specs/standard-vga',
  blocks: [PORTS, SEQUENCER, CRTC, GRAPHICS, ATTRIBUTE, DISPLAY, MEMORY],
};

/** Bits of a group's registers that can be written, by index. */
export function writableBits(block: RegisterBlock): readonly number[] {
  return block.registers.map(({ writable, bytes }) => writable ?? allBits(bytes));
}
