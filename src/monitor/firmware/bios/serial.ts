/** INT 14h: serial ports through the 16550's registers; INT 17h: printers. */
import { CYCLES_PER_SECOND } from '../../devices/device';
import type { ServiceCall } from './call';
import { readCycles, writeCycles } from './cycles';
import { BDA, EBDA } from './layout';

/** 16550 registers, from the port's base. */
const DATA = 0;
const LINE_CONTROL = 3;
const MODEM_CONTROL = 4;
const LINE_STATUS = 5;
const MODEM_STATUS = 6;

const DIVISOR_ACCESS = 0x80;
const DATA_READY = 0x01;
const TRANSMITTER_EMPTY = 0x20;
const READY_AND_REQUEST = 0x03;
const TIMED_OUT = 0x80;

/** Divisors of 115200 baud for AL bits 5-7 of function 0: 110, 150, 300, 600, 1200, 2400, 4800, 9600. */
const DIVISORS = [1047, 768, 384, 192, 96, 48, 24, 12];

/** Printer status: time-out. */
const PRINTER_TIMED_OUT = 0x01;
const STROBE = 0x01;
const PRINTER_CONTROL = 0x0c;

/** Base of the serial port in DX; undefined when the machine has none of that number. */
function serialBase(call: ServiceCall): number | undefined {
  if (call.dx > 3) return undefined;
  const base = call.machine.memory.read16(BDA.comPorts + call.dx * 2);
  return base === 0 ? undefined : base;
}

function reportStatus(call: ServiceCall, base: number): void {
  call.ah = call.in8(base + LINE_STATUS);
  call.al = call.in8(base + MODEM_STATUS);
}

/** AH = 00h: AL bits 5-7 speed, 3-4 parity, 2 stop bits, 0-1 length; the low five are the line control's. */
function initialise(call: ServiceCall, base: number): void {
  const divisor = DIVISORS[call.al >>> 5];
  const format = call.al & 0x1f;
  call.out8(base + LINE_CONTROL, DIVISOR_ACCESS);
  call.out8(base + DATA, divisor);
  call.out8(base + DATA + 1, divisor >>> 8);
  call.out8(base + LINE_CONTROL, format);
  call.out8(base + MODEM_CONTROL, READY_AND_REQUEST);
  reportStatus(call, base);
}

/** Sends or receives when the line is ready; false when it is not. */
function tryTransfer(call: ServiceCall, base: number): boolean {
  const status = call.in8(base + LINE_STATUS);
  const sends = call.ah === 0x01;
  if ((status & (sends ? TRANSMITTER_EMPTY : DATA_READY)) === 0) return false;
  if (sends) call.out8(base + DATA, call.al);
  else call.al = call.in8(base + DATA);
  call.ah = status & ~TIMED_OUT;
  return true;
}

function transferOrWait(call: ServiceCall, base: number): void {
  if (tryTransfer(call, base)) return;
  const seconds = call.machine.memory.read8(BDA.comTimeouts + call.dx);
  writeCycles(call.machine.memory, EBDA.serialDeadline, call.machine.now() + seconds * CYCLES_PER_SECOND);
  call.continueAt('serialWait');
}

/** Another look at the line from the waiting stub. */
export function serialRetry(call: ServiceCall): void {
  const base = serialBase(call);
  if (base === undefined || tryTransfer(call, base)) return;
  if (call.machine.now() < readCycles(call.machine.memory, EBDA.serialDeadline)) call.continueAt('serialWait');
  else call.ah = TIMED_OUT | call.in8(base + LINE_STATUS);
}

/** INT 14h, functions 00h-03h. A port that is not there answers with a time-out. */
export function serialService(call: ServiceCall): void {
  const base = serialBase(call);
  if (base === undefined) {
    call.ah = TIMED_OUT;
    return;
  }
  switch (call.ah) {
    case 0x00:
      return initialise(call, base);
    case 0x01:
    case 0x02:
      return transferOrWait(call, base);
    case 0x03:
      return reportStatus(call, base);
    default:
      return undefined;
  }
}

/** INT 17h: AH = 00h prints AL, 01h initialises, 02h status. AH returns the status, bits 3 and 6 turned as the BIOS does. */
export function printerService(call: ServiceCall): void {
  const base = call.dx < 3 ? call.machine.memory.read16(BDA.lptPorts + call.dx * 2) : 0;
  if (base === 0) {
    call.ah = PRINTER_TIMED_OUT;
    return;
  }
  if (call.ah === 0x00) {
    call.out8(base, call.al);
    call.out8(base + 2, PRINTER_CONTROL | STROBE);
    call.out8(base + 2, PRINTER_CONTROL);
  } else if (call.ah === 0x01) {
    call.out8(base + 2, PRINTER_CONTROL & ~0x04);
    call.out8(base + 2, PRINTER_CONTROL);
  }
  call.ah = (call.in8(base + 1) & 0xf8) ^ 0x48;
}
