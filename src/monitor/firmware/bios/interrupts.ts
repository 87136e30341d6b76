/** Handlers of hardware interrupts and exceptions that the BIOS owns. */
import { hex } from '../bytes';
import type { ServiceCall } from './call';
import { readCmos, RTC, RTC_ALARM } from './cmos';
import { BDA, EBDA } from './layout';
import { endInterrupt, MASTER_VECTORS, SLAVE_VECTORS } from './pic';
import { eventTick } from './system';

/** Ticks in 24 hours at 1193182 Hz / 65536. */
const TICKS_PER_DAY = 0x18_00b0;

/** Digital output register of the floppy controller: DMA and interrupts on, motors off. */
const FLOPPY_CONTROL = 0x3f2;
const MOTORS_OFF = 0x0c;

/** Real-mode exceptions by vector (Intel SDM volume 3, table 7-1). */
const EXCEPTION_NAMES: Readonly<Record<number, string | undefined>> = {
  0x00: 'divide error', 0x01: 'debug', 0x02: 'NMI', 0x03: 'breakpoint', 0x04: 'overflow',
  0x06: 'invalid opcode', 0x07: 'no coprocessor', 0x0a: 'invalid TSS', 0x0b: 'segment not present',
  0x0c: 'stack fault', 0x0d: 'general protection', 0x0e: 'page fault',
};

function address(farPointer: number): string {
  return `${hex(farPointer >>> 16, 4)}:${hex(farPointer & 0xffff, 4)}`;
}

/** Logs one line, and none again while the same place keeps raising it (returning to a fault repeats it). */
export function exceptionService(call: ServiceCall): void {
  const { memory } = call.machine;
  const place = call.interrupted;
  if (memory.read32(EBDA.loggedException) >>> 0 === place) return;
  memory.write32(EBDA.loggedException, place);
  const name = EXCEPTION_NAMES[call.vector] ?? 'unexpected interrupt';
  call.machine.log(`BIOS: interrupt ${hex(call.vector, 2)}h (${name}) at ${address(place)} has no handler; ignored\n`);
}

/** Vectors of lines that no device of ours needs. 0Ah-0Eh are reached by exceptions as well. */
export function irqService(call: ServiceCall): void {
  const line = call.vector >= SLAVE_VECTORS ? call.vector - SLAVE_VECTORS + 8 : call.vector - MASTER_VECTORS;
  // Line 7 is where the controller reports spurious interrupts.
  if (!endInterrupt(call.machine.ports, line) && line < 7) exceptionService(call);
}

/** A floppy's motor goes off some ticks after its last use. */
function countDownMotor(call: ServiceCall): void {
  const { memory } = call.machine;
  const left = memory.read8(BDA.motorCountdown);
  if (left === 0) return;
  memory.write8(BDA.motorCountdown, left - 1);
  if (left > 1) return;
  memory.write8(BDA.motorStatus, memory.read8(BDA.motorStatus) & 0xf0);
  call.out8(FLOPPY_CONTROL, MOTORS_OFF);
}

/** IRQ 0, 18.2 times a second. The stub calls INT 1Ch and ends the interrupt. */
export function timerIrq(call: ServiceCall): void {
  const { memory } = call.machine;
  const ticks = (memory.read32(BDA.ticks) + 1) >>> 0;
  const midnight = ticks >= TICKS_PER_DAY;
  memory.write32(BDA.ticks, midnight ? 0 : ticks);
  if (midnight) memory.write8(BDA.midnight, 1);
  countDownMotor(call);
}

/** IRQ 8: reading status C lets the clock interrupt again; an alarm that was asked for goes on to INT 4Ah. */
export function rtcIrq(call: ServiceCall): void {
  const { ports } = call.machine;
  const enabled = readCmos(ports, RTC.statusB);
  // The flags of registers B and C have the same places.
  const causes = readCmos(ports, RTC.statusC) & enabled;
  endInterrupt(ports, 8);
  eventTick(call);
  if ((causes & RTC_ALARM) !== 0) call.continueAt('alarm');
}
