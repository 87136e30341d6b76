/** The machine in ACPI's own words: processors, PCI bus with its interrupt routing, devices on ISA, soft off. */
import { PLATFORM } from '../../devices/device';
import { alignUp, concatenate } from '../bytes';
import {
  argument, choose, device, eisaId, integer, method, name, packageOf, path, returned, scope, store, text, type Aml,
} from './aml';
import {
  busRange, dmaChannel, fixedMemory, isaInterrupt, memoryWindow, portWindow, ports, resources,
} from './aml-resources';
import { PCI_SLOTS, PIRQ_LINES, pirqOf, type PlatformDescription } from './description';

const PINS = 4;
/** PCI memory: from 2 GiB, or the end of RAM, up to the I/O APIC. */
const PCI_MEMORY_FIRST = 0x8000_0000;
const PCI_MEMORY_STEP = 0x1000_0000;
/** Ports of the PCI configuration mechanism lie in between: the bridge keeps them. */
const CONFIG_PORTS = 0xcf8;
const CONFIG_PORTS_END = 0xd00;
const PAGE = 4096;

/** Variable that _PIC sets: 1 when the operating system uses the I/O APIC. */
const APIC_MODE = 'PICM';

interface IsaDevice {
  readonly name: string;
  readonly id: string;
  readonly uid?: number;
  readonly resources: readonly Uint8Array[];
}

const ISA_DEVICES: readonly IsaDevice[] = [
  { name: 'PIC', id: 'PNP0000', resources: [ports(0x20, 2), ports(0xa0, 2), ports(0x4d0, 2)] },
  { name: 'DMAC', id: 'PNP0200', resources: [ports(0x00, 16), ports(0x80, 16), ports(0xc0, 32), dmaChannel(4)] },
  { name: 'TIMR', id: 'PNP0100', resources: [ports(0x40, 4), isaInterrupt(0)] },
  { name: 'RTC', id: 'PNP0B00', resources: [ports(0x70, 2), isaInterrupt(8)] },
  { name: 'SPKR', id: 'PNP0800', resources: [ports(0x61, 1)] },
  { name: 'KBD', id: 'PNP0303', resources: [ports(0x60, 1), ports(0x64, 1), isaInterrupt(1)] },
  { name: 'MOU', id: 'PNP0F13', resources: [isaInterrupt(12)] },
  { name: 'COM1', id: 'PNP0501', uid: 1, resources: [ports(0x3f8, 8), isaInterrupt(4)] },
  { name: 'COM2', id: 'PNP0501', uid: 2, resources: [ports(0x2f8, 8), isaInterrupt(3)] },
  {
    name: 'MBRD', id: 'PNP0C02',
    resources: [
      ports(PLATFORM.powerManagement, 16), fixedMemory(PLATFORM.ioApic, PAGE), fixedMemory(PLATFORM.localApic, PAGE),
    ],
  },
];

function isaDevice({ name: of, id, uid, resources: list }: IsaDevice): Aml {
  return device(
    of,
    name('_HID', eisaId(id)),
    ...(uid === undefined ? [] : [name('_UID', integer(uid))]),
    name('_CRS', resources(...list)),
  );
}

/**
 * One row for each slot and pin: address, pin, no link device, and the interrupt that the pin leads to (6.2.13).
 * Without link devices the interrupt is fixed: an I/O APIC input, or the line that the firmware has routed it to.
 */
function routingTable(interruptOf: (pirq: number) => number): Aml {
  const rows = PCI_SLOTS.flatMap((slot) =>
    Array.from({ length: PINS }, (_, pin) =>
      packageOf(integer(slot * 0x1_0000 + 0xffff), integer(pin), integer(0), integer(interruptOf(pirqOf(slot, pin)))),
    ),
  );
  return packageOf(...rows);
}

function hostBridge({ memoryBytes }: PlatformDescription): Aml {
  const firstMemory = Math.max(PCI_MEMORY_FIRST, alignUp(memoryBytes, PCI_MEMORY_STEP));
  return device(
    'PCI0',
    name('_HID', eisaId('PNP0A03')),
    name('_UID', integer(0)),
    name('_CRS', resources(
      busRange(0, 0xff),
      ports(CONFIG_PORTS, CONFIG_PORTS_END - CONFIG_PORTS),
      portWindow(0, CONFIG_PORTS - 1),
      portWindow(CONFIG_PORTS_END, 0xffff),
      memoryWindow(0xa_0000, 0xb_ffff, true),
      memoryWindow(firstMemory, PLATFORM.ioApic - 1),
    )),
    name('PRTP', routingTable((pirq) => PIRQ_LINES[pirq])),
    name('PRTA', routingTable((pirq) => PLATFORM.firstPirqInput + pirq)),
    method('_PRT', 0, choose(path(APIC_MODE), returned(path('PRTA')), returned(path('PRTP')))),
    device('ISA', name('_ADR', integer(0x1_0000)), ...ISA_DEVICES.map(isaDevice)),
  );
}

function processor(index: number): Aml {
  return device(`CPU${String(index)}`, name('_HID', text('ACPI0007')), name('_UID', integer(index)));
}

/** The definition block of the DSDT, behind its header. */
export function dsdtTerms(description: PlatformDescription): Aml {
  const processors = Array.from({ length: description.cpus }, (_, index) => processor(index));
  return concatenate([
    name(APIC_MODE, integer(0)),
    method('_PIC', 1, store(argument(0), path(APIC_MODE))),
    // Sleep type 0 in both PM1 control registers: what the power management ports take for soft off.
    name('_S5', packageOf(integer(0), integer(0), integer(0), integer(0))),
    scope('_SB', ...processors, hostBridge(description)),
  ]);
}
