/** INT 11h, 12h and 15h: what the machine has, A20, waiting, moving memory. */
import { CYCLES_PER_SECOND } from '../../devices/device';
import { u16, u32 } from '../bytes';
import { E820_ENTRY_BYTES, EBDA_BASE, encodeE820, extendedKib, memoryMap } from '../memory-map';
import type { FunctionTable, ServiceCall } from './call';
import { changeStatusB, RTC_PERIODIC } from './cmos';
import { readCycles, writeCycles } from './cycles';
import { BDA, EBDA } from './layout';
import { mouseService } from './mouse';
import { unmask } from './pic';
import { CONFIG_TABLE, ROM_SEGMENT } from './rom';

/** 'SMAP', in EDX on the way in and in EAX on the way out. */
const SMAP = 0x534d_4150;

const NOT_SUPPORTED = 0x86;
const WAIT_ACTIVE = 0x83;
/** The flag of AH = 86h, which waits itself: no program's, since this byte tells that a wait is active (0040:00A0). */
const WAIT_WITHOUT_FLAG = 0x0040_00a0;
const EVENT_HAPPENED = 0x80;
const CYCLES_PER_MICROSECOND = CYCLES_PER_SECOND / 1_000_000;

/** System control port A: bit 1 is the A20 gate, bit 0 resets the processor. */
const CONTROL_A = 0x92;
const A20_OPEN = 0x02;

const KIB_TO_16_MIB = 15 * 1024;

/** AH = 88h cannot tell of more than 63 MiB above the first. */
const MOST_OLD_KIB = 63 * 1024;

/** Descriptors in the table that AH = 87h is given: source and target. */
const MOVE_SOURCE = 0x10;
const MOVE_TARGET = 0x18;
const MOVE_TABLE_BYTES = 0x30;
const MOST_MOVE_WORDS = 0x8000;

export function equipmentService(call: ServiceCall): void {
  call.ax = call.machine.memory.read16(BDA.equipment);
}

export function memorySizeService(call: ServiceCall): void {
  call.ax = call.machine.memory.read16(BDA.memoryKib);
}

function unsupported(call: ServiceCall): void {
  call.ah = NOT_SUPPORTED;
  call.carry = true;
}

function succeed(call: ServiceCall): void {
  call.ah = 0;
  call.carry = false;
}

/** AX = E820h: entry number EBX of the memory map to ES:DI; EBX = 0 behind the last (ACPI 6.5, section 15.1). */
function memoryMapEntry(call: ServiceCall): void {
  const map = memoryMap(call.machine.memory.ramBytes);
  const index = call.dword('ebx');
  if (call.dword('edx') !== SMAP || call.dword('ecx') < E820_ENTRY_BYTES || index >= map.length) return unsupported(call);
  call.machine.memory.write(call.pointer('es', call.di), encodeE820(map[index]));
  call.setDword('eax', SMAP);
  call.setDword('ecx', E820_ENTRY_BYTES);
  call.setDword('ebx', index + 1 < map.length ? index + 1 : 0);
  call.carry = false;
  return undefined;
}

/** AX = E801h: KiB from 1 to 16 MiB in AX and CX, blocks of 64 KiB above in BX and DX. */
function memoryAbove16MiB(call: ServiceCall): void {
  const kib = extendedKib(call.machine.memory.ramBytes);
  call.ax = Math.min(kib, KIB_TO_16_MIB);
  call.bx = Math.min(Math.floor(Math.max(0, kib - KIB_TO_16_MIB) / 64), 0xffff);
  call.cx = call.ax;
  call.dx = call.bx;
  call.carry = false;
}

function extendedMemory(call: ServiceCall): void {
  call.ax = Math.min(extendedKib(call.machine.memory.ramBytes), MOST_OLD_KIB);
  call.carry = false;
}

function setA20(call: ServiceCall, open: boolean): void {
  // Bit 0 must stay 0: writing 1 there resets the processor.
  const others = call.in8(CONTROL_A) & ~(A20_OPEN | 1);
  call.out8(CONTROL_A, others | (open ? A20_OPEN : 0));
  succeed(call);
}

function a20Status(call: ServiceCall): void {
  call.al = (call.in8(CONTROL_A) & A20_OPEN) === 0 ? 0 : 1;
  succeed(call);
}

/** AX = 2403h: the gate answers to the keyboard controller (bit 0) and to port 92h (bit 1). */
function a20Support(call: ServiceCall): void {
  call.bx = 3;
  succeed(call);
}

/**
 * AH = 86h: waits CX:DX microseconds in guest code. The clock's periodic interrupt wakes the guest about
 * a thousand times a second, so that the wait ends at most a millisecond late.
 */
function wait(call: ServiceCall): void {
  if (call.machine.memory.read8(BDA.waitActive) !== 0) {
    call.ah = WAIT_ACTIVE;
    call.carry = true;
    return;
  }
  startWait(call, WAIT_WITHOUT_FLAG);
  waitCheck(call);
}

/** Begins to count CX:DX microseconds; the flag is a far pointer, or WAIT_WITHOUT_FLAG. */
function startWait(call: ServiceCall, flag: number): void {
  const { memory, ports } = call.machine;
  memory.write8(BDA.waitActive, 1);
  memory.write32(BDA.waitFlag, flag);
  const microseconds = call.cx * 0x1_0000 + call.dx;
  writeCycles(memory, EBDA.waitDeadline, call.machine.now() + microseconds * CYCLES_PER_MICROSECOND);
  unmask(ports, 8);
  changeStatusB(ports, RTC_PERIODIC, true);
}

function endWait(call: ServiceCall): void {
  changeStatusB(call.machine.ports, RTC_PERIODIC, false);
  call.machine.memory.write8(BDA.waitActive, 0);
}

/** AH = 83h: AL = 0 sets bit 7 of the byte at ES:BX in CX:DX microseconds, AL = 1 gives that up. */
function eventWait(call: ServiceCall): void {
  const { memory, cpu } = call.machine;
  const active = memory.read8(BDA.waitActive) !== 0;
  if (call.al > 1 || (call.al === 0 && active)) return unsupported(call);
  if (call.al === 0) startWait(call, ((cpu.selector('es') << 16) | call.bx) >>> 0);
  else if (active) endWait(call);
  call.carry = false;
  return undefined;
}

/** The clock's interrupt: ends a wait of AH = 83h whose time has come. That of AH = 86h looks itself. */
export function eventTick(call: ServiceCall): void {
  const { memory } = call.machine;
  if (memory.read8(BDA.waitActive) === 0) return;
  const flag = memory.read32(BDA.waitFlag) >>> 0;
  if (flag === WAIT_WITHOUT_FLAG || call.machine.now() < readCycles(memory, EBDA.waitDeadline)) return;
  const address = (flag >>> 16) * 16 + (flag & 0xffff);
  memory.write8(address, memory.read8(address) | EVENT_HAPPENED);
  endWait(call);
}

/** Another look at the time from the waiting stub. */
export function waitCheck(call: ServiceCall): void {
  const { memory } = call.machine;
  if (call.machine.now() < readCycles(memory, EBDA.waitDeadline)) {
    call.continueAt('timeWait');
    return;
  }
  endWait(call);
  call.carry = false;
}

/** Base of the descriptor: bits 16-39, and 56-63 since the 386. */
function descriptorBase(table: Uint8Array, offset: number): number {
  return ((u32(table, offset + 2) & 0xff_ffff) | (table[offset + 7] << 24)) >>> 0;
}

/** AH = 87h: moves CX words between the segments that the table at ES:SI describes. */
function moveBlock(call: ServiceCall): void {
  const { memory } = call.machine;
  const table = memory.read(call.pointer('es', call.si), MOVE_TABLE_BYTES);
  const limit = Math.min(u16(table, MOVE_SOURCE), u16(table, MOVE_TARGET));
  if (call.cx > MOST_MOVE_WORDS || (call.cx > 0 && call.cx * 2 - 1 > limit)) {
    // AH = 02h: exception while moving.
    call.ah = 2;
    call.carry = true;
    return;
  }
  memory.write(descriptorBase(table, MOVE_TARGET), memory.read(descriptorBase(table, MOVE_SOURCE), call.cx * 2));
  succeed(call);
  call.zero = true;
}

function configurationTable(call: ServiceCall): void {
  call.machine.cpu.setSelector('es', ROM_SEGMENT);
  call.bx = CONFIG_TABLE;
  succeed(call);
}

function ebdaSegment(call: ServiceCall): void {
  call.machine.cpu.setSelector('es', EBDA_BASE >>> 4);
  call.carry = false;
}

const BY_AX: FunctionTable = {
  0x2400: (call) => { setA20(call, false); },
  0x2401: (call) => { setA20(call, true); },
  0x2402: a20Status,
  0x2403: a20Support,
  0xe801: memoryAbove16MiB,
  0xe820: memoryMapEntry,
};

const BY_AH: FunctionTable = {
  // Keyboard intercept: CF set means that nobody has taken the key in AL.
  0x4f: (call) => { call.carry = true; },
  0x83: eventWait,
  // SysRq, device busy, device ready: for multitasking systems to hook.
  0x85: succeed,
  0x86: wait,
  0x87: moveBlock,
  0x88: extendedMemory,
  0x90: succeed,
  0x91: succeed,
  0xc0: configurationTable,
  0xc1: ebdaSegment,
  0xc2: mouseService,
};

/** INT 15h. What is not there (APM 53xx) returns AH = 86h and CF. */
export function systemService(call: ServiceCall): void {
  (BY_AX[call.ax] ?? BY_AH[call.ah] ?? unsupported)(call);
}
