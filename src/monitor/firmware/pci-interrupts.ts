/**
 * Interrupt routing as a PC's BIOS leaves it, for operating systems that use the 8259 pair: PIRQ A-D go to ISA lines,
 * those lines and the ACPI interrupt are level triggered, and each PCI function is told its line.
 */
import { PLATFORM } from '../devices/device';
import { deviceFunctionOf, PCI_REGISTER, presentFunctions, readConfig, writeConfig } from './pci-configuration';
import type { PortBus } from './platform';
import { PIRQ_LINES, pirqOf } from './tables/description';

/** The PIIX3 at 0:1.0, and its first route control register. */
const ISA_BRIDGE = deviceFunctionOf(1, 0);
const ROUTES = 0x60;
/** Edge/level control registers of the 8259 pair. */
const LEVEL_LOW = 0x4d0;
const LEVEL_HIGH = 0x4d1;

const LAST_PIN = 4;

function tellFunctions(ports: PortBus): void {
  for (const deviceFunction of presentFunctions(ports)) {
    const pin = readConfig(ports, { deviceFunction, register: PCI_REGISTER.interruptPin }, 1);
    if (pin === 0 || pin > LAST_PIN) continue;
    const line = PIRQ_LINES[pirqOf(deviceFunction >> 3, pin - 1)];
    writeConfig(ports, { deviceFunction, register: PCI_REGISTER.interruptLine }, 1, line);
  }
}

/** Makes an ISA line level triggered, as a PCI interrupt that is steered to it must be. */
export function makeLevelTriggered(ports: PortBus, line: number): void {
  const port = line < 8 ? LEVEL_LOW : LEVEL_HIGH;
  ports.writePort(port, 1, ports.readPort(port, 1) | (1 << (line & 7)));
}

/** Leads PIRQ A to D (0 to 3) to an ISA line. */
export function routePirq(ports: PortBus, pirq: number, line: number): void {
  writeConfig(ports, { deviceFunction: ISA_BRIDGE, register: ROUTES + pirq }, 1, line);
}

/** Programs the routes, the trigger modes and the functions' interrupt line registers. */
export function routeInterrupts(ports: PortBus): void {
  PIRQ_LINES.forEach((line, pirq) => { routePirq(ports, pirq, line); });
  const levels = [...PIRQ_LINES, PLATFORM.sciLine].reduce((bits, line) => bits | (1 << line), 0);
  ports.writePort(LEVEL_LOW, 1, levels & 0xff);
  ports.writePort(LEVEL_HIGH, 1, levels >> 8);
  tellFunctions(ports);
}
