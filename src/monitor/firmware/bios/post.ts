/** Power-on self-test: fills vectors and data area, programs the chips. */
import type { BlockBackend } from '../../devices/device';
import { put16 } from '../bytes';
import { describeLowMemory } from '../memory-map';
import { setUpPci } from '../pci-setup';
import type { FirmwareEnvironment, PortBus } from '../platform';
import { writeControlStructure } from '../tables/placement';
import type { ServiceCall } from './call';
import { changeStatusB, RTC_PERIODIC, secondsOfDay } from './cmos';
import { FIRST_HARD_DISK, hardDiskCount } from './drives';
import { diskGeometry } from './geometry';
import { ENHANCED_KEYBOARD } from './keyboard';
import { BDA, BDA_BASE, BDA_BYTES, EBDA } from './layout';
import { initialisePics } from './pic';
import { DISKETTE_TABLE, DUMMY_HANDLER, FONT_8X16, FONT_8X8_WHOLE, ROM_SEGMENT, type BiosRom } from './rom';
import { isShadowed, resetBoard, resumeAfterReset, shadow } from './restart';
import { print } from './text-screen';
import { enterTextMode } from './video-modes';

const PIT_COUNTER_0 = 0x40;
const PIT_CONTROL = 0x43;
/** Counter 0, low then high byte, mode 3 (square wave); a count of 0 stands for 65536. */
const PIT_SQUARE_WAVE = 0x36;
const PIT_HZ = 1_193_182;

const KEYBOARD_DATA = 0x60;
const KEYBOARD_STATUS = 0x64;
const KEYBOARD_ENABLE = 0xae;
const KEYBOARD_WRITE_MODE = 0x60;
/** Translate to set 1, system flag, interrupt, and the auxiliary port off. */
const KEYBOARD_MODE = 0x65;
/** Command to the keyboard itself: send keys. It answers FAh, which as a scan code means no key. */
const KEYBOARD_START_SCANNING = 0xf4;
const OUTPUT_FULL = 0x01;
const MOST_STALE_KEYS = 16;

const COM_PORTS = [0x3f8, 0x2f8, 0x3e8, 0x2e8];
const LPT_PORTS = [0x378, 0x278];

/** Equipment word: coprocessor, PS/2 mouse, 80x25 colour; numbers of drives and ports are added. */
const EQUIPMENT_BASE = 0x0026;

/** Bytes of a mouse's packet until a program says otherwise. */
const USUAL_MOUSE_PACKET = 3;

/** Vectors kept free for programs: 60h-67h. */
const USER_VECTORS = { first: 0x60, last: 0x67 };

function writeVectors(machine: FirmwareEnvironment, rom: BiosRom): void {
  const table = new Uint8Array(0x400);
  const point = (vector: number, segment: number, offset: number): void => {
    put16(table, vector * 4, offset);
    put16(table, vector * 4 + 2, segment);
  };
  for (let vector = 0; vector < 256; vector++) {
    if (vector >= USER_VECTORS.first && vector <= USER_VECTORS.last) continue;
    point(vector, ROM_SEGMENT, rom.vectors.get(vector) ?? DUMMY_HANDLER);
  }
  // These are pointers to tables.
  point(0x1d, 0, 0);
  point(0x1e, ROM_SEGMENT, DISKETTE_TABLE);
  point(0x1f, ROM_SEGMENT, FONT_8X8_WHOLE + 128 * 8);
  point(0x43, ROM_SEGMENT, FONT_8X16);
  for (const [vector, drive] of [[0x41, 0], [0x46, 1]]) {
    const linear = EBDA.diskTables + drive * 16;
    point(vector, (linear & 0xf_fc00) >>> 4, linear & 0x3ff);
  }
  machine.memory.write(0, table);
}

/** A UART keeps what is written to its interrupt enable register; an empty port does not. */
function hasSerialPort(ports: PortBus, base: number): boolean {
  ports.writePort(base + 1, 1, 0x02);
  const present = ports.readPort(base + 1, 1) === 0x02;
  if (present) ports.writePort(base + 1, 1, 0);
  return present;
}

function hasPrinterPort(ports: PortBus, base: number): boolean {
  ports.writePort(base, 1, 0xaa);
  return ports.readPort(base, 1) === 0xaa;
}

function equipment(floppies: number, serial: number, printers: number): number {
  const floppyBits = floppies === 0 ? 0 : 1 | ((floppies - 1) << 6);
  return EQUIPMENT_BASE | floppyBits | (serial << 9) | (printers << 14);
}

function fillDataArea(machine: FirmwareEnvironment): void {
  const { memory, ports } = machine;
  const resetFlag = memory.read16(BDA.resetFlag);
  memory.write(BDA_BASE, new Uint8Array(BDA_BYTES));
  memory.write16(BDA.resetFlag, resetFlag);
  describeLowMemory(memory);
  const serial = COM_PORTS.filter((base) => hasSerialPort(ports, base));
  const printers = LPT_PORTS.filter((base) => hasPrinterPort(ports, base));
  serial.forEach((base, i) => { memory.write16(BDA.comPorts + i * 2, base); });
  printers.forEach((base, i) => { memory.write16(BDA.lptPorts + i * 2, base); });
  memory.write(BDA.comTimeouts, Uint8Array.of(1, 1, 1, 1));
  memory.write(BDA.lptTimeouts, Uint8Array.of(20, 20, 20));
  memory.write16(BDA.equipment, equipment(machine.floppies.length, serial.length, printers.length));
  memory.write8(BDA.diskCount, hardDiskCount(machine));
  const buffer = BDA.keyBuffer - BDA_BASE;
  memory.write16(BDA.keyHead, buffer);
  memory.write16(BDA.keyTail, buffer);
  memory.write16(BDA.keyBufferStart, buffer);
  memory.write16(BDA.keyBufferEnd, buffer + 32);
  memory.write8(BDA.keyMode, ENHANCED_KEYBOARD);
  memory.write32(BDA.ticks, Math.floor((secondsOfDay(ports) * PIT_HZ) / 0x1_0000));
}

/** Fixed disk parameter table: cylinders (word), heads (byte), and sectors per track at offset 14. */
function diskTable(disk: BlockBackend): Uint8Array {
  const { cylinders, heads, sectorsPerTrack } = diskGeometry(disk.sectors);
  const table = new Uint8Array(16);
  put16(table, 0, cylinders);
  table[2] = heads;
  table[8] = heads > 8 ? 0x08 : 0;
  put16(table, 12, cylinders);
  table[14] = sectorsPerTrack;
  return table;
}

function fillEbda(machine: FirmwareEnvironment): void {
  const { memory, drives } = machine;
  memory.write(EBDA.sizeKib, new Uint8Array(1024));
  memory.write8(EBDA.sizeKib, 1);
  memory.write8(EBDA.mousePacketBytes, USUAL_MOUSE_PACKET);
  // No address is FFFF:FFFF, so the first exception is logged wherever it comes from.
  memory.write32(EBDA.loggedException, 0xffff_ffff);
  for (const index of [0, 1]) {
    const disk = drives.get(FIRST_HARD_DISK + index);
    if (disk !== undefined) memory.write(EBDA.diskTables + index * 16, diskTable(disk));
  }
}

function initialiseTimer(ports: PortBus): void {
  ports.writePort(PIT_CONTROL, 1, PIT_SQUARE_WAVE);
  ports.writePort(PIT_COUNTER_0, 1, 0);
  ports.writePort(PIT_COUNTER_0, 1, 0);
}

function initialiseKeyboardController(ports: PortBus): void {
  ports.writePort(KEYBOARD_STATUS, 1, KEYBOARD_WRITE_MODE);
  ports.writePort(KEYBOARD_DATA, 1, KEYBOARD_MODE);
  ports.writePort(KEYBOARD_STATUS, 1, KEYBOARD_ENABLE);
}

function startKeyboard(ports: PortBus): void {
  ports.writePort(KEYBOARD_DATA, 1, KEYBOARD_START_SCANNING);
  for (let i = 0; i < MOST_STALE_KEYS && (ports.readPort(KEYBOARD_STATUS, 1) & OUTPUT_FULL) !== 0; i++) {
    ports.readPort(KEYBOARD_DATA, 1);
  }
}

/**
 * What the self-test leaves behind it, on a machine that was just switched on: vectors, data areas, chips, text mode, and a screen that
 * is clear. The keyboard scans since power-on.
 */
export function prepareMachine(machine: FirmwareEnvironment, rom: BiosRom): void {
  writeVectors(machine, rom);
  fillDataArea(machine);
  fillEbda(machine);
  writeControlStructure(machine.memory);
  initialisePics(machine.ports);
  setUpPci(machine.ports);
  initialiseTimer(machine.ports);
  changeStatusB(machine.ports, RTC_PERIODIC, false);
  initialiseKeyboardController(machine.ports);
  // The test of the floppy drives seeks: what is in them now is not news to the first who reads.
  for (const floppy of machine.floppies) floppy.acknowledgeChange();
  enterTextMode(machine);
  shadow(machine.ports);
}

/** The whole power-on self-test. The stub calls INT 19h behind it. */
export function post(call: ServiceCall, rom: BiosRom): void {
  const { machine } = call;
  if (resumeAfterReset(call)) return;
  if (isShadowed(machine.ports)) {
    // The processor alone has been reset, or somebody has jumped here: devices may still be at work for what ran before.
    resetBoard(machine.ports);
    return;
  }
  prepareMachine(machine, rom);
  startKeyboard(machine.ports);
  print(machine, `Shadowbox BIOS, ${String(Math.floor(machine.memory.ramBytes / 0x10_0000))} MiB of memory\n`);
}
