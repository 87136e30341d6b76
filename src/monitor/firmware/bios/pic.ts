/** The pair of interrupt controllers as the BIOS programs them (Intel 8259A). */
import type { PortBus } from '../platform';

const MASTER = 0x20;
const SLAVE = 0xa0;

/** Initialisation words: edge triggered, cascaded, ICW4 follows; 8086 mode. */
const ICW1 = 0x11;
const ICW4_8086 = 0x01;
const READ_IN_SERVICE = 0x0b;
const END_OF_INTERRUPT = 0x20;

/** The slave hangs on this line of the master. */
const CASCADE = 2;

/** Vectors of lines 0 and 8. */
export const MASTER_VECTORS = 0x08;
export const SLAVE_VECTORS = 0x70;

/** Timer, keyboard, cascade and floppy open on the master; the coprocessor's line on the slave. */
const MASTER_MASK = 0xb8;
const SLAVE_MASK = 0xdf;

export function initialisePics(ports: PortBus): void {
  const program = (port: number, words: readonly number[], mask: number): void => {
    ports.writePort(port, 1, ICW1);
    for (const word of words) ports.writePort(port + 1, 1, word);
    ports.writePort(port + 1, 1, mask);
  };
  program(MASTER, [MASTER_VECTORS, 1 << CASCADE, ICW4_8086], MASTER_MASK);
  program(SLAVE, [SLAVE_VECTORS, CASCADE, ICW4_8086], SLAVE_MASK);
}

function inService(ports: PortBus, port: number): number {
  ports.writePort(port, 1, READ_IN_SERVICE);
  return ports.readPort(port, 1);
}

/** Opens a line (0 to 15), and the cascade for those of the slave. */
export function unmask(ports: PortBus, line: number): void {
  const open = (port: number, bit: number): void => {
    ports.writePort(port + 1, 1, ports.readPort(port + 1, 1) & ~(1 << bit) & 0xff);
  };
  if (line >= 8) open(SLAVE, line - 8);
  open(MASTER, line >= 8 ? CASCADE : line);
}

/**
 * Ends the interrupt of a line (0 to 15), if it is in service.
 * @returns false when it is not: the vector was reached by INT or by an exception, or the interrupt was spurious
 */
export function endInterrupt(ports: PortBus, line: number): boolean {
  const master = inService(ports, MASTER);
  if (line < 8) {
    if ((master & (1 << line)) === 0) return false;
    ports.writePort(MASTER, 1, END_OF_INTERRUPT);
    return true;
  }
  const served = (inService(ports, SLAVE) & (1 << (line - 8))) !== 0;
  if (served) ports.writePort(SLAVE, 1, END_OF_INTERRUPT);
  // A spurious interrupt of the slave is a real one to the master.
  if ((master & (1 << CASCADE)) !== 0) ports.writePort(MASTER, 1, END_OF_INTERRUPT);
  return served;
}
