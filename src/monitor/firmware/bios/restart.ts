/**
 * What POST finds when the machine has been on before: a program that left protected mode by a reset, as on a 286, and goes on where it
 * said; or a reset of the processor alone, out of which the BIOS makes one of the whole board.
 *
 * Source: IBM Personal Computer AT Technical Reference (shutdown byte, CMOS 0Fh, and the BIOS listing's part for each code); 440FX data sheet
 * (290549) for PAM0; PIIX3 data sheet (290550) for CF9.
 */
import { deviceFunctionOf, readConfig, writeConfig } from '../pci-configuration';
import type { PortBus } from '../platform';
import type { ServiceCall } from './call';
import { readCmos, RTC, writeCmos } from './cmos';
import { endInterrupt } from './pic';
import type { Continuation } from './rom';

const RESET_CONTROL = 0xcf9;
const HARD_RESET = 0x02;
const RESET_NOW = 0x04;

/** Shutdown codes after which the machine goes on. With all others it begins anew. */
const WAYS_ON: ReadonlyMap<number, Continuation> = new Map<number, Continuation>([
  // INT 19h.
  [0x04, 'bootstrap'],
  // Jump to where 40:67 points, behind an end of interrupt and without one.
  [0x05, 'resume'],
  [0x0a, 'resume'],
  // Return of INT 15h AH=87h: SS:SP at 40:67, with DS, ES, PUSHA's registers and the caller's return address and flags on it.
  [0x09, 'blockMoved'],
  // IRET and far return with SS:SP at 40:67.
  [0x0b, 'resumeByIret'],
  [0x0c, 'resumeByRetf'],
]);
const WITH_END_OF_INTERRUPT = 0x05;
const KEYBOARD_DATA = 0x60;
/** A line of the second interrupt controller: its end of interrupt is one for the first, too. */
const SLAVE_LINE = 8;

/** The 440FX (8086:1237) at 0:0.0, and the attributes of F0000-FFFFF in it: whether reads come from RAM there, not from ROM. */
const HOST_BRIDGE = { deviceFunction: deviceFunctionOf(0, 0), id: 0x1237_8086, vendor: 0x00, attributes: 0x59, readsRam: 0x10 } as const;

/** A reset that a program asked for: goes on where it said, with memory as it is. False when there was none. */
export function resumeAfterReset(call: ServiceCall): boolean {
  const { ports } = call.machine;
  const code = readCmos(ports, RTC.shutdown);
  if (code === 0) return false;
  // The next reset begins anew, whatever becomes of this one.
  writeCmos(ports, RTC.shutdown, 0);
  const way = WAYS_ON.get(code);
  if (way === undefined) return false;
  if (code === WITH_END_OF_INTERRUPT) {
    ports.readPort(KEYBOARD_DATA, 1);
    endInterrupt(ports, 0);
    endInterrupt(ports, SLAVE_LINE);
  }
  call.continueAt(way);
  return true;
}

/**
 * Whether the BIOS runs in shadow RAM, as it does from its first self-test on until the board is reset: by that it knows that the processor
 * alone has been reset.
 */
export function isShadowed(ports: PortBus): boolean {
  const { deviceFunction, id, vendor, attributes, readsRam } = HOST_BRIDGE;
  return readConfig(ports, { deviceFunction, register: vendor }, 4) === id
    && (readConfig(ports, { deviceFunction, register: attributes }, 1) & readsRam) !== 0;
}

/** Puts RAM that cannot be written in the ROM's place, as BIOSes do. */
export function shadow(ports: PortBus): void {
  const { deviceFunction, attributes, readsRam } = HOST_BRIDGE;
  writeConfig(ports, { deviceFunction, register: attributes }, 1, readsRam);
}

/** A hard reset by CF9, after which POST begins anew. */
export function resetBoard(ports: PortBus): void {
  ports.writePort(RESET_CONTROL, 1, HARD_RESET);
  ports.writePort(RESET_CONTROL, 1, HARD_RESET | RESET_NOW);
}
