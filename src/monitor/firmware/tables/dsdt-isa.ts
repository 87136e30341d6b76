/** The devices on the ISA bridge, and the links through which it steers PCI interrupts, in ACPI's own words. */
import { PLATFORM } from '../../devices/device';
import {
  and, argument, choose, configurationBytes, device, dwordField, eisaId, integer, method, name, path, returned, serializedMethod, setBits, store, text, type Aml,
} from './aml';
import { dmaChannel, fixedMemory, INTERRUPT_OFFSET, isaInterrupt, ports, resources, steeredInterrupt } from './aml-resources';
import { STEERABLE_LINES } from './description';

const PAGE = 4096;
/** Ports of the power management function's blocks (PIIX4 data sheet, 7.2 and 7.3). */
const POWER_MANAGEMENT_PORTS = 64;
const SMBUS_PORTS = 16;

/** Present, enabled and working, but not shown to people. */
const HIDDEN_DEVICE = 0x0b;
/** Present, but not decoding. */
const DISABLED_DEVICE = 0x09;

interface IsaDevice {
  readonly name: string;
  /** A compressed EISA ID, or one with more letters. */
  readonly id: string;
  readonly uid?: number;
  readonly status?: number;
  readonly resources: readonly Uint8Array[];
}

/** Both serial ports of a pair are on one interrupt line. */
const SERIAL_PORTS: readonly (readonly [number, number])[] = [[0x3f8, 4], [0x2f8, 3], [0x3e8, 4], [0x2e8, 3]];

function isaDevices(powerManagementPort: number): readonly IsaDevice[] {
  return [
    { name: 'PIC', id: 'PNP0000', resources: [ports(0x20, 2), ports(0xa0, 2), ports(0x4d0, 2)] },
    { name: 'DMAC', id: 'PNP0200', resources: [ports(0x00, 16), ports(0x80, 16), ports(0xc0, 32), dmaChannel(4)] },
    { name: 'TIMR', id: 'PNP0100', resources: [ports(0x40, 4), isaInterrupt(0)] },
    { name: 'RTC', id: 'PNP0B00', resources: [ports(0x70, 2), isaInterrupt(8)] },
    { name: 'SPKR', id: 'PNP0800', resources: [ports(0x61, 1)] },
    { name: 'KBD', id: 'PNP0303', resources: [ports(0x60, 1), ports(0x64, 1), isaInterrupt(1)] },
    { name: 'MOU', id: 'PNP0F13', resources: [isaInterrupt(12)] },
    ...SERIAL_PORTS.map(([first, line], index) => ({ name: `COM${String(index + 1)}`, id: 'PNP0501', uid: index + 1, resources: [ports(first, 8), isaInterrupt(line)] })),
    { name: 'FDC0', id: 'PNP0700', resources: [ports(0x3f2, 4), ports(0x3f7, 1), isaInterrupt(6), dmaChannel(2)] },
    { name: 'FWCF', id: 'QEMU0002', status: HIDDEN_DEVICE, resources: [ports(0x510, 12)] },
    {
      name: 'MBRD', id: 'PNP0C02',
      resources: [
        ports(powerManagementPort, POWER_MANAGEMENT_PORTS), ports(PLATFORM.systemManagementBus, SMBUS_PORTS),
        fixedMemory(PLATFORM.ioApic, PAGE), fixedMemory(PLATFORM.localApic, PAGE),
      ],
    },
  ];
}

function isaDevice({ name: of, id, uid, status, resources: list }: IsaDevice): Aml {
  const isCompressed = /^[A-Z]{3}[0-9A-F]{4}$/.test(id);
  return device(
    of,
    name('_HID', isCompressed ? eisaId(id) : text(id)),
    ...(uid === undefined ? [] : [name('_UID', integer(uid))]),
    ...(status === undefined ? [] : [name('_STA', integer(status))]),
    name('_CRS', resources(...list)),
  );
}

/** Route control registers of PIRQ A to D (PIIX3, 60-63): bit 7 disables. */
const FIRST_ROUTE = 0x60;
const ROUTE_NAMES: readonly string[] = ['PRQA', 'PRQB', 'PRQC', 'PRQD'];
const ROUTE_DISABLED = 0x80;
const ROUTE_LINE = 0x0f;

/** The function at 0:1.0, its route control registers, and what is behind it. */
export function isaBridge(powerManagementPort: number): Aml {
  return device('ISA', name('_ADR', integer(0x1_0000)), configurationBytes('PRCR', FIRST_ROUTE, ROUTE_NAMES), ...isaDevices(powerManagementPort).map(isaDevice));
}

/** Names of the link devices, for PIRQ A to D. */
export const LINK_NAMES: readonly string[] = ['LNKA', 'LNKB', 'LNKC', 'LNKD'];

/** A PIRQ as a device of its own, of which the operating system asks and sets the interrupt line (6.2.13, PNP0C0F). */
function link(of: string, pirq: number): Aml {
  const route = path(`\\_SB.PCI0.ISA.${ROUTE_NAMES[pirq]}`);
  const isDisabled = and(route, integer(ROUTE_DISABLED));
  return device(
    of,
    name('_HID', eisaId('PNP0C0F')),
    name('_UID', integer(pirq)),
    name('_PRS', resources(steeredInterrupt(...STEERABLE_LINES))),
    method('_STA', 0, choose(isDisabled, returned(integer(DISABLED_DEVICE)), returned(integer(HIDDEN_DEVICE)))),
    method('_DIS', 0, setBits(route, integer(ROUTE_DISABLED))),
    name('BUF', resources(steeredInterrupt(0))),
    dwordField(path('BUF'), INTERRUPT_OFFSET, 'LINE'),
    serializedMethod(
      '_CRS', 0,
      choose(isDisabled, store(integer(0), path('LINE')), store(and(route, integer(ROUTE_LINE)), path('LINE'))),
      returned(path('BUF')),
    ),
    serializedMethod('_SRS', 1, dwordField(argument(0), INTERRUPT_OFFSET, 'WISH'), store(path('WISH'), route)),
  );
}

export function linkDevices(): readonly Aml[] {
  return LINK_NAMES.map(link);
}
