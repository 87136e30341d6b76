/**
 * How a machine begins, and begins again: power-on; RESET# of the whole board, which leaves what is in RAM and behind batteries; INIT#, which
 * reaches the processors alone.
 *
 * Source: Intel SDM vol. 3, 10.1.1 and table 10-1; PIIX3 data sheet (290550) for what causes which: a hard reset by CF9 drives RESET#, everything
 * else (a soft one by CF9, keyboard controller, port 92, shutdown cycle of a triple fault) INIT#.
 */
import * as L from '../cpu/layout';
import { setFirmwareMemoryTypes } from '../cpu/msrMemoryTypes';
import { FpuState } from '../cpu/x87';
import { initialCpuForBios } from '../firmware/bios/builtin';
import { identifyImage } from '../firmware/detect';
import { loadElf } from '../firmware/elf';
import { installFirmware, resetCpu, resetCpu8086 } from '../firmware/install';
import { loadLinux } from '../firmware/linux';
import { loadMultiboot } from '../firmware/multiboot';
import type { FirmwareEnvironment, FirmwareMapping, InitialCpu } from '../firmware/platform';
import { CPU_BASE, PAGE_BYTES } from '../memory/layout';
import { ABSENT } from '../memory/physicalMap';
import { resetCpuTo } from './firmwareCpu';
import type { MachineImages } from './images';
import { declareDevices, firmwareMappings, hasA20, hasLoader, otherFirmware, setWritable, VIDEO_HOME, type MachineParts } from './parts';

const ONE_MIB = 0x100000;
const VIDEO_HOLE = 0xa0000;
const FIRMWARE_AREA = 0xc0000;
const ALL_FLAGS = 0xff;

/** What a machine begins with. `environment` is what the built-in BIOS works with; undefined for a machine without it. */
export interface Beginning {
  readonly images: MachineImages;
  readonly environment: FirmwareEnvironment | undefined;
}

/**
 * Powers the machine on: memory empty, devices in their first state, firmware or guest loaded, CPU on its first instruction.
 * Gives sentences for the person. Throws LoadError.
 */
export function powerOn(parts: MachineParts, beginning: Beginning): readonly string[] {
  const { images } = beginning;
  const { map, board } = parts;
  const mappings = firmwareMappings(images, parts.bios);
  emptyMemory(parts);
  declareRam(parts, images.configuration.memory / PAGE_BYTES);
  declareDevices(map, parts.mmu, board);
  map.a20 = true;
  board.reset();
  declareRoms(parts, images, mappings);
  return start(parts, beginning, mappings);
}

/**
 * RESET#: devices and processors begin anew, time goes on. RAM, video memory, CMOS and flash keep what they hold; ROM is ROM again, also where
 * the chipset had put RAM in its place. Firmware or guest are loaded as at power-on. Throws LoadError.
 */
export function hardReset(parts: MachineParts, beginning: Beginning): void {
  const { images } = beginning;
  const { map, board } = parts;
  const mappings = firmwareMappings(images, parts.bios);
  board.hardReset();
  map.restoreGivenBack([]);
  // The low copies of an external firmware, which the chipset has closed just now, are open at first (../firmware/seabios).
  if (otherFirmware(images)) setWritable(map, FIRMWARE_AREA, ONE_MIB - FIRMWARE_AREA, true);
  start(parts, beginning, mappings);
}

/** INIT#: all processors and their local APICs, and nothing else. CPU 0 goes to the reset vector, the others wait for a SIPI. */
export function softReset({ cpu, board, processors }: MachineParts): void {
  board.apics.initialiseAll();
  processors.initialiseAll(hasA20(cpu) ? resetCpu() : resetCpu8086());
  // What follows from memory stays true: a guest that comes back from protected mode by resets does so often.
  cpu.changedContext();
}

/** Devices have been reset: the firmware or the guest goes into memory, and the processors begin. */
function start(parts: MachineParts, { images, environment }: Beginning, mappings: readonly FirmwareMapping[]): readonly string[] {
  const { map, board, cpu } = parts;
  // The x87 unit's request line, which is no device's, falls with the processor's reset.
  board.interruptController.setLine(13, false);
  installFirmware(mappings, parts.firmwareMemory);
  const { initial, notes } = load(parts, images, environment);
  resetCpuTo(cpu, initial);
  new FpuState(cpu.state.view, CPU_BASE + L.FPU).initialise();
  map.a20 = hasA20(cpu);
  parts.processors.powerOn(() => {
    if (!otherFirmware(images)) setFirmwareMemoryTypes(cpu);
  });
  parts.executor.forgetDerived();
  return notes;
}

function declareRam({ map }: MachineParts, ramPages: number): void {
  map.declare(0, VIDEO_HOLE / PAGE_BYTES, ABSENT);
  if (ramPages > ONE_MIB / PAGE_BYTES) map.declare(ONE_MIB / PAGE_BYTES, ramPages - ONE_MIB / PAGE_BYTES, ABSENT);
}

/** The places of ROM, and of RAM beside it where an external firmware wants some. */
function declareRoms({ map }: MachineParts, images: MachineImages, mappings: readonly FirmwareMapping[]): void {
  if (otherFirmware(images)) map.declare(FIRMWARE_AREA / PAGE_BYTES, (ONE_MIB - FIRMWARE_AREA) / PAGE_BYTES, ABSENT);
  for (const { address, bytes } of mappings) map.declare(address / PAGE_BYTES, Math.ceil(bytes.length / PAGE_BYTES), ABSENT);
}

function emptyMemory(parts: MachineParts): void {
  parts.executor.forgetDerived();
  const { map, memory } = parts;
  const frames = new Set([...map.framed()].filter(([page]) => page < VIDEO_HOME / PAGE_BYTES).map(([, frame]) => frame));
  for (const frame of frames) memory.free(frame);
  // Video memory is empty the first time, and stays untouched then.
  const wasThere = map.entry(VIDEO_HOME / PAGE_BYTES) === memory.videoFrame;
  map.clear();
  if (wasThere) memory.video.fill(0);
  for (let i = 0; i < memory.videoFrames; i++) {
    memory.clearFrameFlag(memory.videoFrame + i, ALL_FLAGS);
    map.place(VIDEO_HOME / PAGE_BYTES + i, memory.videoFrame + i);
  }
}

function load(parts: MachineParts, images: MachineImages, environment: FirmwareEnvironment | undefined): { initial: InitialCpu; notes: readonly string[] } {
  const { firmwareMemory, bios } = parts;
  const cmdline = images.configuration.cmdline ?? '';
  const asMultiboot = (bytes: Uint8Array): { initial: InitialCpu; notes: readonly string[] } => {
    const modules = images.modules.map((m) => ({ bytes: m.bytes, cmdline: m.cmdline }));
    const { cpu, notes } = loadMultiboot(bytes, modules, cmdline, firmwareMemory);
    return { initial: cpu, notes };
  };
  if (hasLoader(images) && environment) bios?.prepare(environment);
  if (images.kernel) {
    const { kind } = identifyImage(images.kernel.bytes);
    if (kind === 'multiboot') return asMultiboot(images.kernel.bytes);
    const loaded = kind === 'elf32' ? loadElf(images.kernel.bytes, firmwareMemory) : loadLinux(images.kernel.bytes, images.initrd?.bytes, cmdline, firmwareMemory);
    return { initial: loaded.cpu, notes: loaded.notes };
  }
  if (images.multiboot) return asMultiboot(images.multiboot.bytes);
  if (!hasA20(parts.cpu)) return { initial: resetCpu8086(), notes: [] };
  return { initial: otherFirmware(images) ? resetCpu() : initialCpuForBios(), notes: [] };
}
