/** INT 1Ah: tick count, real-time clock, and (AH = B1h) the PCI BIOS. */
import type { FunctionTable, ServiceCall } from './call';
import { changeStatusB, readBcd, readCmos, RTC, RTC_ALARM, RTC_DAYLIGHT, RTC_HOLD, writeBcd } from './cmos';
import { BDA } from './layout';
import { pciService } from './pci';
import { unmask } from './pic';

/** AH = 00h: ticks since midnight in CX:DX; AL tells, once, that midnight has passed. */
function readTicks(call: ServiceCall): void {
  const { memory } = call.machine;
  call.cx = memory.read16(BDA.ticks + 2);
  call.dx = memory.read16(BDA.ticks);
  call.al = memory.read8(BDA.midnight);
  memory.write8(BDA.midnight, 0);
}

function setTicks(call: ServiceCall): void {
  const { memory } = call.machine;
  memory.write16(BDA.ticks, call.dx);
  memory.write16(BDA.ticks + 2, call.cx);
  memory.write8(BDA.midnight, 0);
}

/** AH = 02h: CH hours, CL minutes, DH seconds, all BCD; DL daylight saving. */
function readTime(call: ServiceCall): void {
  const { ports } = call.machine;
  call.ch = readBcd(ports, RTC.hours);
  call.cl = readBcd(ports, RTC.minutes);
  call.dh = readBcd(ports, RTC.seconds);
  call.dl = readCmos(ports, RTC.statusB) & RTC_DAYLIGHT;
  call.carry = false;
}

/** Writes registers while the clock's updates are held. */
function setRegisters(call: ServiceCall, values: readonly (readonly [number, number])[]): void {
  const { ports } = call.machine;
  changeStatusB(ports, RTC_HOLD, true);
  for (const [register, value] of values) writeBcd(ports, register, value);
  changeStatusB(ports, RTC_HOLD, false);
  call.carry = false;
}

function setTime(call: ServiceCall): void {
  setRegisters(call, [[RTC.hours, call.ch], [RTC.minutes, call.cl], [RTC.seconds, call.dh]]);
  changeStatusB(call.machine.ports, RTC_DAYLIGHT, (call.dl & 1) !== 0);
}

/** AH = 04h: CH century, CL year, DH month, DL day, all BCD. */
function readDate(call: ServiceCall): void {
  const { ports } = call.machine;
  call.ch = readBcd(ports, RTC.century);
  call.cl = readBcd(ports, RTC.year);
  call.dh = readBcd(ports, RTC.month);
  call.dl = readBcd(ports, RTC.day);
  call.carry = false;
}

function setDate(call: ServiceCall): void {
  setRegisters(call, [[RTC.century, call.ch], [RTC.year, call.cl], [RTC.month, call.dh], [RTC.day, call.dl]]);
}

/** AH = 06h: INT 4Ah comes at CH hours, CL minutes, DH seconds, all BCD; CF when an alarm is set already. */
function setAlarm(call: ServiceCall): void {
  const { ports } = call.machine;
  if ((readCmos(ports, RTC.statusB) & RTC_ALARM) !== 0) {
    call.carry = true;
    return;
  }
  setRegisters(call, [[RTC.hoursAlarm, call.ch], [RTC.minutesAlarm, call.cl], [RTC.secondsAlarm, call.dh]]);
  // A flag that an earlier match has left must not count.
  readCmos(ports, RTC.statusC);
  unmask(ports, 8);
  changeStatusB(ports, RTC_ALARM, true);
}

function cancelAlarm(call: ServiceCall): void {
  changeStatusB(call.machine.ports, RTC_ALARM, false);
  call.carry = false;
}

const FUNCTIONS: FunctionTable = {
  0x00: readTicks,
  0x01: setTicks,
  0x02: readTime,
  0x03: setTime,
  0x04: readDate,
  0x05: setDate,
  0x06: setAlarm,
  0x07: cancelAlarm,
  0xb1: pciService,
};

/** INT 1Ah. Unknown functions return with CF set. */
export function clockService(call: ServiceCall): void {
  const known = FUNCTIONS[call.ah];
  if (known === undefined) call.carry = true;
  else known(call);
}
