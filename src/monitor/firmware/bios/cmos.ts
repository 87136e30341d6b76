/** The real-time clock and its CMOS memory, through ports 70h and 71h (Motorola MC146818A). */
import type { PortBus } from '../platform';

const INDEX_PORT = 0x70;
const DATA_PORT = 0x71;

/** Registers. */
export const RTC = {
  seconds: 0x00, secondsAlarm: 0x01, minutes: 0x02, minutesAlarm: 0x03, hours: 0x04, hoursAlarm: 0x05, day: 0x07, month: 0x08, year: 0x09,
  statusB: 0x0b, statusC: 0x0c, shutdown: 0x0f, century: 0x32,
} as const;

/** Bits of status register B. */
export const RTC_HOLD = 0x80;
export const RTC_PERIODIC = 0x40;
export const RTC_ALARM = 0x20;
const RTC_BINARY = 0x04;
export const RTC_DAYLIGHT = 0x01;

export function readCmos(ports: PortBus, register: number): number {
  ports.writePort(INDEX_PORT, 1, register);
  return ports.readPort(DATA_PORT, 1) & 0xff;
}

export function writeCmos(ports: PortBus, register: number, value: number): void {
  ports.writePort(INDEX_PORT, 1, register);
  ports.writePort(DATA_PORT, 1, value & 0xff);
}

const toBcd = (value: number): number => (Math.floor(value / 10) << 4) | (value % 10);
const fromBcd = (value: number): number => (value >>> 4) * 10 + (value & 0xf);

/**
 * A register of the time or date in BCD, whatever form the clock keeps. No look at its update bit is
 * needed: no time passes during a service, so that all registers are of one moment.
 */
export function readBcd(ports: PortBus, register: number): number {
  const value = readCmos(ports, register);
  return (readCmos(ports, RTC.statusB) & RTC_BINARY) === 0 ? value : toBcd(value);
}

export function writeBcd(ports: PortBus, register: number, value: number): void {
  writeCmos(ports, register, (readCmos(ports, RTC.statusB) & RTC_BINARY) === 0 ? value : fromBcd(value));
}

/** Seconds since midnight. */
export function secondsOfDay(ports: PortBus): number {
  const [hours, minutes, seconds] = [RTC.hours, RTC.minutes, RTC.seconds].map((r) => fromBcd(readBcd(ports, r)));
  return hours * 3600 + minutes * 60 + seconds;
}

/** Sets or clears bits of status register B. */
export function changeStatusB(ports: PortBus, mask: number, on: boolean): void {
  const status = readCmos(ports, RTC.statusB);
  writeCmos(ports, RTC.statusB, on ? status | mask : status & ~mask);
}
