/**
 * Interrupt routing as a PC's BIOS leaves it, for operating systems that use the 8259 pair: PIRQ A-D go to ISA lines,
 * those lines and the ACPI interrupt are level triggered, and each PCI function is told its line.
 */
import { PLATFORM } from '../devices/device';
import type { PortBus } from './platform';
import { PIRQ_LINES, pirqOf } from './tables/description';

const ADDRESS_PORT = 0xcf8;
const DATA_PORT = 0xcfc;
const ENABLE = 0x8000_0000;
/** The PIIX3 at 0:1.0, and its first route control register. */
const ISA_BRIDGE = 1 << 3;
const ROUTES = 0x60;
/** Edge/level control registers of the 8259 pair. */
const LEVEL_LOW = 0x4d0;
const LEVEL_HIGH = 0x4d1;

const VENDOR = 0x00;
const INTERRUPT_LINE = 0x3c;
const INTERRUPT_PIN = 0x3d;
const FUNCTIONS = 256;
const NOBODY = 0xffff;
const LAST_PIN = 4;

/** Selects a byte of configuration space on bus 0 and gives the port that it is at. */
function select(ports: PortBus, deviceFunction: number, register: number): number {
  ports.writePort(ADDRESS_PORT, 4, (ENABLE | (deviceFunction << 8) | (register & 0xfc)) >>> 0);
  return DATA_PORT + (register & 3);
}

function tellFunctions(ports: PortBus): void {
  for (let deviceFunction = 0; deviceFunction < FUNCTIONS; deviceFunction++) {
    if (ports.readPort(select(ports, deviceFunction, VENDOR), 2) === NOBODY) continue;
    const pin = ports.readPort(select(ports, deviceFunction, INTERRUPT_PIN), 1);
    if (pin === 0 || pin > LAST_PIN) continue;
    const line = PIRQ_LINES[pirqOf(deviceFunction >> 3, pin - 1)];
    ports.writePort(select(ports, deviceFunction, INTERRUPT_LINE), 1, line);
  }
}

/** Programs the routes, the trigger modes and the functions' interrupt line registers. */
export function routeInterrupts(ports: PortBus): void {
  PIRQ_LINES.forEach((line, pirq) => { ports.writePort(select(ports, ISA_BRIDGE, ROUTES + pirq), 1, line); });
  const levels = [...PIRQ_LINES, PLATFORM.sciLine].reduce((bits, line) => bits | (1 << line), 0);
  ports.writePort(LEVEL_LOW, 1, levels & 0xff);
  ports.writePort(LEVEL_HIGH, 1, levels >> 8);
  tellFunctions(ports);
}
