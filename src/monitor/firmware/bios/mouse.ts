/**
 * INT 15h AH=C2h and IRQ 12: the PS/2 mouse for real-mode programs (IBM PS/2 and PC BIOS Interface Technical Reference, 'Pointing
 * device'). A command waits in guest code for the mouse's answers, which take their time on the cable.
 */
import { CYCLES_PER_SECOND } from '../../devices/device';
import type { FunctionTable, ServiceCall } from './call';
import { readCycles, writeCycles } from './cycles';
import { EBDA } from './layout';
import { endInterrupt, unmask } from './pic';

const DATA = 0x60;
const COMMAND = 0x64;
/** Status bits: the output buffer is full, and with a byte of the mouse. */
const MOUSE_BYTE = 0x21;
const WRITE_MODE = 0x60;
const WRITE_TO_MOUSE = 0xd4;
/** Command byte: translate, system flag, keyboard's interrupt, both cables on; and the mouse's interrupt. */
const MODE = 0x45;
const MODE_INTERRUPT = 0x47;
const MOUSE_LINE = 12;

/** Commands to the mouse, and its acknowledgement. */
const SCALING_1 = 0xe6;
const SCALING_2 = 0xe7;
const SET_RESOLUTION = 0xe8;
const GET_STATUS = 0xe9;
const GET_IDENTITY = 0xf2;
const SET_RATE = 0xf3;
const REPORT = 0xf4;
const STOP = 0xf5;
const RESET = 0xff;
const ACKNOWLEDGE = 0xfa;

/** Return codes in AH. */
const SUCCESSFUL = 0x00;
const INVALID_FUNCTION = 0x01;
const INVALID_INPUT = 0x02;
const INTERFACE_ERROR = 0x03;
const NO_HANDLER = 0x05;

/** Packets a second by BH of function 02h. */
const RATES: readonly number[] = [10, 20, 40, 60, 80, 100, 200];
const FINEST_RESOLUTION = 3;
const MOST_PACKET_BYTES = 8;
/** A mouse that has not answered after so long will not. */
const PATIENCE_CYCLES = CYCLES_PER_SECOND / 10;

function finish(call: ServiceCall, status: number): void {
  call.ah = status;
  call.carry = status !== SUCCESSFUL;
}

/** Lets the mouse interrupt while it is enabled and no command is under way. */
function setMode(call: ServiceCall, value: number): void {
  call.out8(COMMAND, WRITE_MODE);
  call.out8(DATA, value);
}

function sendNext(call: ServiceCall): void {
  const { memory } = call.machine;
  const sent = memory.read8(EBDA.mouseSent);
  call.out8(COMMAND, WRITE_TO_MOUSE);
  call.out8(DATA, memory.read8(EBDA.mouseCommand + sent));
  memory.write8(EBDA.mouseSent, sent + 1);
}

/** Sends up to three bytes, each of which is acknowledged, and then takes up to three answers. */
function command(call: ServiceCall, bytes: readonly number[], answers = 0): void {
  const { memory } = call.machine;
  setMode(call, MODE);
  // What the mouse has on its way is no answer to this.
  if ((call.in8(COMMAND) & MOUSE_BYTE) === MOUSE_BYTE) call.in8(DATA);
  memory.write(EBDA.mouseCommand, Uint8Array.from(bytes));
  memory.write(EBDA.mouseSent, Uint8Array.of(0, bytes.length, 0, answers + bytes.length));
  memory.write8(EBDA.mouseReceived, 0);
  writeCycles(memory, EBDA.mouseDeadline, call.machine.now() + PATIENCE_CYCLES);
  sendNext(call);
  call.continueAt('mouseWait');
}

/** Another look at the mouse from the waiting stub. */
export function mouseRetry(call: ServiceCall): void {
  const { memory } = call.machine;
  if ((call.in8(COMMAND) & MOUSE_BYTE) !== MOUSE_BYTE) {
    if (call.machine.now() < readCycles(memory, EBDA.mouseDeadline)) call.continueAt('mouseWait');
    else end(call, INTERFACE_ERROR);
    return;
  }
  const byte = call.in8(DATA);
  const [sent, toSend, answered, expected] = memory.read(EBDA.mouseSent, 4);
  memory.write8(EBDA.mouseSent + 2, answered + 1);
  if (answered < toSend) {
    if (byte !== ACKNOWLEDGE) return end(call, INTERFACE_ERROR);
    if (sent < toSend) sendNext(call);
  } else {
    memory.write8(EBDA.mouseAnswers + ((answered - toSend) & 3), byte);
  }
  if (answered + 1 < expected) call.continueAt('mouseWait');
  else end(call, SUCCESSFUL);
}

/** The end of a command; the registers are as they were at its call. */
function end(call: ServiceCall, status: number): void {
  const { memory, ports } = call.machine;
  if (call.al === 0x00 && status === SUCCESSFUL) memory.write8(EBDA.mouseEnabled, call.bh);
  if ((call.al === 0x01 || call.al === 0x05) && status === SUCCESSFUL) memory.write8(EBDA.mouseEnabled, 0);
  if (memory.read8(EBDA.mouseEnabled) !== 0) {
    unmask(ports, MOUSE_LINE);
    setMode(call, MODE_INTERRUPT);
  }
  if (status === SUCCESSFUL) takeAnswers(call, memory.read(EBDA.mouseAnswers, 3));
  finish(call, status);
}

function takeAnswers(call: ServiceCall, [first, second, third]: Uint8Array): void {
  if (call.al === 0x01 || call.al === 0x05) call.bx = (second << 8) | first;
  else if (call.al === 0x04) call.bh = first;
  else if (call.al === 0x06 && call.bh === 0) {
    call.bl = first;
    call.cl = second;
    call.dl = third;
  }
}

function enable(call: ServiceCall): void {
  if (call.bh > 1) return finish(call, INVALID_INPUT);
  if (call.bh === 1 && call.machine.memory.read32(EBDA.mouseHandler) === 0) return finish(call, NO_HANDLER);
  return command(call, [call.bh === 1 ? REPORT : STOP]);
}

function setRate(call: ServiceCall): void {
  if (call.bh >= RATES.length) finish(call, INVALID_INPUT);
  else command(call, [SET_RATE, RATES[call.bh]]);
}

function setResolution(call: ServiceCall): void {
  if (call.bh > FINEST_RESOLUTION) finish(call, INVALID_INPUT);
  else command(call, [SET_RESOLUTION, call.bh]);
}

/** 05h: packets of BH bytes, and a reset. */
function initialise(call: ServiceCall): void {
  if (call.bh === 0 || call.bh > MOST_PACKET_BYTES) return finish(call, INVALID_INPUT);
  call.machine.memory.write8(EBDA.mousePacketBytes, call.bh);
  return command(call, [RESET], 2);
}

/** 06h: status in BL, resolution in CL and rate in DL; BH = 1 or 2 sets the scaling. */
function statusOrScaling(call: ServiceCall): void {
  if (call.bh === 0) command(call, [GET_STATUS], 3);
  else if (call.bh <= 2) command(call, [call.bh === 1 ? SCALING_1 : SCALING_2]);
  else finish(call, INVALID_INPUT);
}

/** 07h: packets go to ES:BX; 0:0 is none. */
function setHandler(call: ServiceCall): void {
  const { memory, cpu } = call.machine;
  memory.write16(EBDA.mouseHandler, call.bx);
  memory.write16(EBDA.mouseHandler + 2, cpu.selector('es'));
  finish(call, SUCCESSFUL);
}

const FUNCTIONS: FunctionTable = {
  0x00: enable,
  0x01: (call) => { command(call, [RESET], 2); },
  0x02: setRate,
  0x03: setResolution,
  0x04: (call) => { command(call, [GET_IDENTITY], 1); },
  0x05: initialise,
  0x06: statusOrScaling,
  0x07: setHandler,
};

/** INT 15h AH=C2h, the function in AL. */
export function mouseService(call: ServiceCall): void {
  const known = FUNCTIONS[call.al];
  if (known === undefined) finish(call, INVALID_FUNCTION);
  else known(call);
}

/** IRQ 12: gathers a packet, and lets the stub call the program's handler with a whole one. */
export function mouseIrq(call: ServiceCall): void {
  const { memory } = call.machine;
  if ((call.in8(COMMAND) & MOUSE_BYTE) !== MOUSE_BYTE) return;
  const byte = call.in8(DATA);
  const received = memory.read8(EBDA.mouseReceived) % MOST_PACKET_BYTES;
  memory.write8(EBDA.mousePacket + received, byte);
  const isWhole = received + 1 >= memory.read8(EBDA.mousePacketBytes);
  memory.write8(EBDA.mouseReceived, isWhole ? 0 : received + 1);
  if (isWhole && memory.read32(EBDA.mouseHandler) !== 0) call.continueAt('mouseCall');
}

export function mouseDone(call: ServiceCall): void {
  endInterrupt(call.machine.ports, MOUSE_LINE);
}
