/** The machine in ACPI's own words: processors, PCI bus with its interrupt routing, devices on ISA, HPET, soft off. */
import { PLATFORM } from '../../devices/device';
import { alignUp, concatenate } from '../bytes';
import { argument, choose, device, eisaId, integer, method, name, packageOf, path, returned, scope, store, text, type Aml } from './aml';
import { busRange, fixedMemory, memoryWindow, portWindow, ports, resources } from './aml-resources';
import { PCI_SLOTS, pirqOf, type PlatformDescription } from './description';
import { isaBridge, linkDevices, LINK_NAMES } from './dsdt-isa';

const PINS = 4;
/** PCI memory: from 2 GiB, or the end of RAM, up to the I/O APIC. */
const PCI_MEMORY_FIRST = 0x8000_0000;
const PCI_MEMORY_STEP = 0x1000_0000;
/** Ports of the PCI configuration mechanism lie in between: the bridge keeps them. */
const CONFIG_PORTS = 0xcf8;
const CONFIG_PORTS_END = 0xd00;
const HPET_BYTES = 0x400;

/** Variable that _PIC sets: 1 when the operating system uses the I/O APIC. */
const APIC_MODE = 'PICM';

/** One row for each slot and pin (6.2.13): address, pin, and a link device, or no link (0) and the I/O APIC input that the pin leads to. */
function routingTable(sourceOf: (pirq: number) => readonly [Aml, Aml]): Aml {
  const rows = PCI_SLOTS.flatMap((slot) =>
    Array.from({ length: PINS }, (_, pin) => packageOf(integer(slot * 0x1_0000 + 0xffff), integer(pin), ...sourceOf(pirqOf(slot, pin)))),
  );
  return packageOf(...rows);
}

function hostBridge({ memoryBytes, powerManagementPort = PLATFORM.powerManagement }: PlatformDescription): Aml {
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
    name('PRTP', routingTable((pirq) => [path(LINK_NAMES[pirq]), integer(0)])),
    name('PRTA', routingTable((pirq) => [integer(0), integer(PLATFORM.firstPirqInput + pirq)])),
    method('_PRT', 0, choose(path(APIC_MODE), returned(path('PRTA')), returned(path('PRTP')))),
    isaBridge(powerManagementPort),
  );
}

function processor(index: number): Aml {
  return device(`CPU${String(index)}`, name('_HID', text('ACPI0007')), name('_UID', integer(index)));
}

function hpet(): Aml {
  return device('HPET', name('_HID', eisaId('PNP0103')), name('_UID', integer(0)), name('_CRS', resources(fixedMemory(PLATFORM.hpet, HPET_BYTES, false))));
}

/** The definition block of the DSDT, behind its header. */
export function dsdtTerms(description: PlatformDescription): Aml {
  const processors = Array.from({ length: description.cpus }, (_, index) => processor(index));
  return concatenate([
    name(APIC_MODE, integer(0)),
    method('_PIC', 1, store(argument(0), path(APIC_MODE))),
    // Sleep type 0 in both PM1 control registers: what the power management function takes for soft off.
    name('_S5', packageOf(integer(0), integer(0), integer(0), integer(0))),
    // Links come first: the routing table names them.
    scope('_SB', ...processors, ...linkDevices(), hostBridge(description), ...(description.hasHpet === true ? [hpet()] : [])),
  ]);
}
