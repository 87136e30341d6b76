/**
 * The parts of one virtual machine, put together from its images: memory, board, CPU, engine, firmware.
 */
import { Cpu } from '../cpu/cpu';
import type { LocalApicPort } from '../cpu/msrApic';
import type { ApicBus } from '../devices/apic-bus';
import { createBoard, type Board, type BoardOptions } from '../devices/board';
import type { BlockBackend, DeviceHost } from '../devices/device';
import type { FloppyPlace } from '../devices/fdc-media';
import type { VideoMemory } from '../devices/vga-memory';
import { isRomOfVga } from '../devices/vga-pci';
import { VIDEO_BYTES } from '../devices/vga-state';
import { BALLOON, type VirtioOptions } from '../devices/virtio/devices';
import { e820File, type FwCfgFile } from '../devices/fw-cfg';
import { DirectStore, type BlockStore, type DiskRequest, type StorageService } from '../disks/blockStore';
import { Drive, type WritePolicy } from '../disks/drive';
import { ImageError } from '../disks/image';
import { openDisk } from '../disks/storage';
import { ENGINES } from '../engine/engineSettings';
import { Executor } from '../engine/executor';
import type { TranslationService } from '../engine/translator/order';
import { BuiltinBios } from '../firmware/bios/builtin';
import { DiskTransfers } from '../firmware/bios/diskTransfers';
import { CD_DRIVE, FIRST_HARD_DISK } from '../firmware/bios/drives';
import type { PlatformDescription } from '../firmware/tables/description';
import { bootOrderFile } from '../firmware/boot-order';
import { tableFiles } from '../firmware/tables/placement';
import { is64BitKernel } from '../firmware/linuxHeader';
import { memoryMap } from '../firmware/memory-map';
import { LoadError, type FirmwareMapping } from '../firmware/platform';
import { mapExternalFirmware } from '../firmware/seabios';
import { isUefi, placeUefi, type UefiPlaces } from '../firmware/uefi';
import { EFFORT } from '../memory/effort';
import { PAGE_BYTES } from '../memory/layout';
import { MachineMemory } from '../memory/machineMemory';
import { Mmu } from '../memory/mmu';
import { PageSharing } from '../memory/pageSharing';
import { DEVICE, NOTHING, PhysicalMap, type DeviceMemory } from '../memory/physicalMap';
import { Techniques } from '../memory/techniques';
import { balloonMemory } from './balloonMemory';
import { MachineError } from './blame';
import { bootPaths, type BootDrives } from './bootPaths';
import { BusMasterMemory } from './busMasterMemory';
import { selectionOf } from './configurationCpuModel';
import { Discs } from './discs';
import { FloppyDisks } from './floppyDisks';
import { FLOPPY_FIELDS, floppiesIn, type DiskFile, type FileStore, type MachineImages } from './images';
import { FirmwareMemory } from './physicalMemory';
import { Processors } from './processors';

/** Where video memory is in the physical map, whatever leads to it: the last 16 MiB of the 40-bit address space. */
export const VIDEO_HOME = 2 ** 40 - VIDEO_BYTES;
/** Frames beyond RAM: firmware of usual size and its mirrors. */
const SPARE_FRAMES = 1024;
/** Instructions after which the interpreter's loops are used, but the one that is expected: more than a kernel of 64 bits executes as one of 32 bits. */
const LOOPS_AFTER = 200_000;

/**
 * Virtual time that a character takes on a serial line: 2 µs. At the programmed rate a polling console would
 * spend 87,000 instructions on each; nothing in a guest depends on the line being slow.
 */
const SERIAL_CHARACTER_CYCLES = 2000;

/** The processor's way to devices. */
export interface ProcessorBus {
  readPort(port: number, size: 1 | 2 | 4): number;
  writePort(port: number, size: 1 | 2 | 4, value: number): void;
  /** Pages of the physical map that are marked DEVICE. */
  readMemory(address: number, size: 1 | 2 | 4): number;
  writeMemory(address: number, size: 1 | 2 | 4, value: number): void;
}

/** What the machine lends to its parts while they are built. */
export interface PartsHost {
  readonly devices: DeviceHost;
  /** Not to be asked before the parts are there. */
  bus(): ProcessorBus;
  now(): number;
}

/** What the host gives to the parts. */
export interface OutsideHelp {
  readonly files: FileStore;
  /** Another thread that translates, if there is one. */
  readonly translation: TranslationService | undefined;
  /** Another thread that serves the disks, if there is one. */
  readonly storage: StorageService | undefined;
}

export interface MachineParts {
  readonly memory: MachineMemory;
  readonly map: PhysicalMap;
  readonly mmu: Mmu;
  /** Looks for equal pages in idle time, if it is asked for. */
  readonly sharing: PageSharing | undefined;
  readonly cpu: Cpu;
  readonly executor: Executor;
  readonly processors: Processors;
  readonly board: Board;
  /** The built-in BIOS, when that is the firmware. */
  readonly bios: BuiltinBios | undefined;
  readonly firmwareMemory: FirmwareMemory;
  /** All disks that are there from the start, by BIOS drive number; 0 is the floppy that is in the drive at first. */
  readonly drives: ReadonlyMap<number, Drive>;
  /** What moves sectors for the built-in BIOS. */
  readonly diskTransfers: DiskTransfers;
  /** Discs for the CD-ROM drive. */
  readonly discs: Discs;
  /** Floppies that are put in later. */
  readonly floppies: FloppyDisks;
  /** Sentences for the person about what was loaded. */
  readonly notes: readonly string[];
}

/** Builds a machine, standing on its first instruction. Throws LoadError for what the user can mend. */
export function buildParts(images: MachineImages, { files, translation, storage }: OutsideHelp, host: PartsHost): MachineParts {
  const ramBytes = images.configuration.memory;
  const memory = new MachineMemory(ramBytes / PAGE_BYTES + SPARE_FRAMES + Math.ceil((images.firmware?.bytes.length ?? 0) / PAGE_BYTES), VIDEO_BYTES / PAGE_BYTES);
  // Memory, CPU and board know one another; the board comes last and is reached through this.
  const late: { board?: Board; processors?: Processors } = {};
  const deviceMemory: DeviceMemory = {
    read: (address, size) => host.bus().readMemory(address, size),
    write: (address, size, value) => { host.bus().writeMemory(address, size, value); },
  };
  const apics = (): ApicBus => {
    if (!late.board) throw new Error('An APIC was asked before the board was built');
    return late.board.apics;
  };
  const map = new PhysicalMap(memory, deviceMemory);
  const mmu = new Mmu(memory, map, new Techniques(images.configuration.ablation));
  const cpu = new Cpu(memory, mmu, {
    readPort: (port, size) => host.bus().readPort(port, size),
    writePort: (port, size, value) => host.bus().writePort(port, size, value),
    acknowledgeInterrupt: () => apics().acknowledge(apics().currentCpu),
    taskPriority: {
      read: () => apics().taskPriorityClass(apics().currentCpu),
      write: (value) => apics().setTaskPriorityClass(apics().currentCpu, value),
    },
    localApic: localApicPort(apics),
    random: () => late.board?.entropy.next() ?? 0n,
    elapse: (cycles) => executor.elapse(cycles),
    yieldTurn: () => late.processors?.yieldTurn(),
    coprocessorError: () => host.devices.setInterruptLine(13, true),
    retired: () => executor.retired(),
    now: () => host.now(),
  }, selectionOf(images.configuration.cpuModel).processor);
  const executor: Executor = new Executor(cpu, memory, { ...ENGINES[images.configuration.engine === 'auto' ? 'translator' : images.configuration.engine], loopsAfter: LOOPS_AFTER }, translation);
  executor.expectCode(images.kernel !== undefined && is64BitKernel(images.kernel.bytes) && cpu.features.has('lm'));
  const { drives, disks, virtioDisks, floppies, floppyDisks, discs } = openDrives(images, files, storage);
  const firmwareMemory = new FirmwareMemory(map, ramBytes, () => mmu.currentControls.mode !== 'none');
  const diskTransfers = new DiskTransfers(host.devices, {
    memory: firmwareMemory,
    medium: (drive) => {
      if (drive === CD_DRIVE) return late.board?.cdromDisc();
      return drive < FIRST_HARD_DISK ? late.board?.floppyDrive(drive).disk() : drives.get(drive);
    },
  });
  const order = images.configuration.bootOrder;
  const board = createBoard(
    host.devices,
    {
      memoryBytes: ramBytes,
      rtcEpochSeconds: images.configuration.rtc,
      disks,
      floppies,
      floppyDisks: (image) => floppyDisks.disk(image),
      ...(images.cdrom === undefined ? {} : { cdrom: { image: images.cdrom?.path ?? null, discs: (path) => discs.disc(path) } }),
      ...(order ? { bootOrder: order } : {}),
      serialCharacterCycles: SERIAL_CHARACTER_CYCLES,
      more: [diskTransfers],
      fwCfgFiles: firmwareFiles(images, platformOf(images, cpu), () => late.board?.power.powerManagementPort),
      cpus: images.configuration.cpus,
      hpet: images.configuration.hpet,
      ...flashOf(images),
      apic: { present: cpu.features.has('apic'), x2apic: cpu.features.has('x2apic') },
      ...networkOf(images),
      ...(images.vgaBios && isRomOfVga(images.vgaBios.bytes) ? { vgaRom: images.vgaBios.bytes } : {}),
      virtio: virtioOptions(images, virtioDisks, map),
    },
    {
      memory: new BusMasterMemory(map),
      videoMemory: videoMemory(map),
      onWindows: () => late.board && openWindows(map, mmu, late.board),
      onInterrupt: () => undefined,
      signals: {
        interruptChanged: (index) => late.processors?.interruptChanged(index),
        nonMaskable: (index) => late.processors?.nonMaskable(index),
        initialise: (index) => late.processors?.initialise(index),
        startUp: (index, vector) => late.processors?.startUp(index, vector),
      },
      timeStamp: (index) => late.processors?.timeStamp(index, host.now()) ?? 0n,
      onRegions: () => late.board && declareDevices(map, mmu, late.board),
      onShadow: (regions) => {
        if (!otherFirmware(images)) return;
        for (const region of regions) setWritable(map, region.first, region.bytes, region.writesRam);
      },
    },
  );
  late.board = board;
  const { cpus: count, quantum } = images.configuration;
  const processors = new Processors(cpu, executor, () => board.apics, { count, quantum });
  late.processors = processors;
  const bios = otherFirmware(images) === undefined ? new BuiltinBios({ loader: hasLoader(images), platform: platformOf(images, cpu), ...(order ? { bootOrder: order.flatMap((device) => (device === 'network' ? [] : [BIOS_DRIVES[device]])) } : {}) }) : undefined;
  const sharing = images.configuration.pageSharing === true ? new PageSharing(map, ramBytes / PAGE_BYTES) : undefined;
  return { memory, map, mmu, sharing, cpu, executor, processors, board, bios, firmwareMemory, drives, discs, floppies: floppyDisks, diskTransfers, notes: [] };
}

/** The places of a UEFI firmware; undefined for every other one. Throws LoadError. */
function uefiPlaces({ firmware, firmwareVariables }: MachineImages): UefiPlaces | undefined {
  return firmware && isUefi(firmware.bytes) ? placeUefi(firmware.bytes, firmwareVariables?.bytes) : undefined;
}

function flashOf(images: MachineImages): Pick<UefiPlaces, 'flash'> | Record<string, never> {
  const places = uefiPlaces(images);
  return places === undefined ? {} : { flash: places.flash };
}

/** Where the pieces of the firmware in use go. */
export function firmwareMappings(images: MachineImages, bios: BuiltinBios | undefined): readonly FirmwareMapping[] {
  const firmware = otherFirmware(images);
  if (!firmware) return bios?.mappings ?? [];
  return uefiPlaces(images)?.mappings ?? mapExternalFirmware(firmware.bytes, images.vgaBios?.bytes);
}

const BIOS_DRIVES = { floppy: 0, disk: FIRST_HARD_DISK, cdrom: CD_DRIVE } as const;

/** Whether a kernel is put into memory without a boot loader of its own. */
export const hasLoader = (images: MachineImages): boolean => images.kernel !== undefined || images.multiboot !== undefined;

/** The firmware that is not ours, where it starts the machine: a kernel that is loaded finds our BIOS. */
export const otherFirmware = (images: MachineImages): MachineImages['firmware'] => (hasLoader(images) ? undefined : images.firmware);

/** What the ACPI and MP tables tell of the machine. */
function platformOf({ configuration }: MachineImages, cpu: Cpu): PlatformDescription {
  return { cpus: configuration.cpus, hasApic: cpu.features.has('apic'), memoryBytes: configuration.memory, hasHpet: configuration.hpet };
}

/** What the firmware finds in fw_cfg. SeaBIOS runs a video BIOS that belongs to no PCI function from `vgaroms/` (its vgarom_setup). */
function firmwareFiles(images: MachineImages, platform: PlatformDescription, powerManagementPort: () => number | undefined): readonly FwCfgFile[] {
  const { configuration, vgaBios } = images;
  const map = memoryMap(configuration.memory).map(({ base, bytes, type }) => ({ first: base, bytes, type }));
  return [
    e820File(map),
    bootOrderFile(bootPaths(bootDrives(images), configuration.bootOrder)),
    ...tableFiles(platform, powerManagementPort),
    ...(vgaBios && !isRomOfVga(vgaBios.bytes) ? [{ name: 'vgaroms/vgabios.bin', bytes: vgaBios.bytes }] : []),
  ];
}

function bootDrives({ configuration: { network }, floppy, disks, cdrom }: MachineImages): BootDrives {
  return {
    floppy: floppy !== undefined, disks: disks.map(({ bus = 'ata' }) => bus), cdrom: cdrom !== undefined, network: network === 'none' ? undefined : network.card,
  };
}

/** The network card that the configuration asks for. */
function networkOf({ configuration: { network }, networkRom }: MachineImages): Pick<BoardOptions, 'network'> {
  if (network === 'none') return {};
  const mac = Uint8Array.from(network.mac.split(':'), (byte) => parseInt(byte, 16));
  return { network: { card: network.card, mac, ...(networkRom === undefined ? {} : { rom: networkRom.bytes }) } };
}

/** Opens ROM regions for writing or closes them, as the chipset's attribute registers say. */
export function setWritable(map: PhysicalMap, first: number, bytes: number, writable: boolean): void {
  for (let page = first / PAGE_BYTES; page < (first + bytes) / PAGE_BYTES; page++) map.setRom(page, !writable);
}

/** The virtio devices that the configuration asks for. */
function virtioOptions({ configuration }: MachineImages, disks: readonly BlockBackend[], map: PhysicalMap): VirtioOptions {
  const { console: terminal, rng = false, shares = [], balloon = false, memory: memoryBytes } = configuration;
  return {
    disks, rng, console: terminal === 'none' ? [] : [{ channel: 'hvc0' }], shares: shares.map(({ tag }) => tag),
    ...(balloon ? { balloon: { memoryBytes, pages: balloonMemory(map, memoryBytes, BALLOON) } } : {}),
  };
}

interface Drives {
  readonly drives: ReadonlyMap<number, Drive>;
  /** As devices have them: those on ATA channels, and those on virtio. */
  readonly disks: readonly BlockBackend[];
  readonly virtioDisks: readonly BlockBackend[];
  readonly floppies: readonly FloppyPlace[];
  readonly floppyDisks: FloppyDisks;
  readonly discs: Discs;
}

/** Opens the images of all drives, in the storage thread where there is one. Throws LoadError. */
function openDrives(images: MachineImages, files: FileStore, storage: StorageService | undefined): Drives {
  const store = (field: string, request: DiskRequest): BlockStore => {
    try {
      return storage?.open(request) ?? new DirectStore(openDisk(files, request));
    } catch (reason) {
      if (reason instanceof ImageError || reason instanceof RangeError || (reason instanceof MachineError && reason.blame === 'user')) throw new LoadError(reason.message, field);
      throw reason;
    }
  };
  const open = (field: string, file: DiskFile, more: Partial<DiskRequest>): Drive => {
    const { path, writable, overlay, start } = file;
    const policy: WritePolicy = writable || overlay !== undefined ? 'image' : 'overlay';
    return new Drive(store(field, { path, writable, ...more, ...(overlay === undefined ? {} : { overlay }) }), path, policy, start);
  };
  const all = images.disks.map((disk) => open('disks', disk, {}));
  const drives = new Map<number, Drive>();
  const floppies = floppiesIn(images).map((file, unit): FloppyPlace => {
    if (file === null) return 'empty';
    const drive = open(FLOPPY_FIELDS[unit], file, { medium: 'floppy' });
    drives.set(unit, drive);
    return drive;
  });
  all.forEach((drive, i) => drives.set(0x80 + i, drive));
  const discs = new Discs((path) => new Drive(store('cdrom', { path: images.discPlaces?.get(path) ?? path, writable: false, medium: 'cdrom' }), path, 'refuse'));
  const floppyDisks = new FloppyDisks({
    first: floppiesIn(images).map((file) => file?.path), taken: images.disks.map(({ path }) => path), resolve: (path) => files.resolve('', path),
    // A recording's disks are only read, whatever it says of them.
    open: (path, writable) => open('floppy', { path: images.discPlaces?.get(path) ?? path, bytes: 0, writable: writable && images.recording === undefined }, { medium: 'floppy' }),
  });
  const on = (bus: 'ata' | 'virtio'): readonly Drive[] => all.filter((_, i) => (images.disks[i].bus ?? 'ata') === bus);
  return { drives, disks: on('ata'), virtioDisks: on('virtio'), floppies, floppyDisks, discs };
}

/** All disks of a machine that can be written to, those in its drives and those that were taken out. */
export function allDisks({ drives, floppies }: Pick<MachineParts, 'drives' | 'floppies'>): readonly Drive[] {
  return [...drives.values(), ...floppies.later.values()];
}

/** An 8086 has 20 address lines, whatever the gate says. */
export function hasA20(cpu: Cpu): boolean {
  return cpu.features.has('i286');
}

/** Puts devices behind the pages that they claim now, where there is no memory. */
export function declareDevices(map: PhysicalMap, mmu: Mmu, board: Board): void {
  map.machine.effort.spent += EFFORT.devices;
  map.withdrawDevices();
  for (const { first, bytes } of board.memory.regions) {
    for (let page = Math.floor(first / PAGE_BYTES); page < (first + bytes) / PAGE_BYTES; page++) {
      if (map.entry(page) === NOTHING) map.declare(page, 1, DEVICE);
    }
  }
  openWindows(map, mmu, board);
  mmu.shadow.dropAll();
}

/** Video memory as its device has it: what it writes goes by the physical map, whose traces must know of it. */
function videoMemory(map: PhysicalMap): VideoMemory {
  return {
    bytes: map.machine.video,
    writeWord: (index, value) => map.write(VIDEO_HOME + 4 * index, 4, value),
    clear: (bytes) => {
      for (let page = 0; page < bytes; page += PAGE_BYTES) map.copyIn(VIDEO_HOME + page, new Uint8Array(Math.min(PAGE_BYTES, bytes - page)));
    },
  };
}

/** Lets the CPU reach video memory where its device says. */
function openWindows(map: PhysicalMap, mmu: Mmu, board: Board): void {
  map.machine.effort.spent += EFFORT.devices;
  const before = map.windows;
  map.windows = board.vga.windows.map(({ first, bytes, offset }) =>
    ({ first: first / PAGE_BYTES, count: bytes / PAGE_BYTES, home: (VIDEO_HOME + offset) / PAGE_BYTES }));
  const { windows } = map;
  const areSame = windows.length === before.length
    && windows.every(({ first, count, home }, i) => first === before[i].first && count === before[i].count && home === before[i].home);
  if (!areSame) mmu.shadow.dropAll();
}

/** The local APIC of the CPU whose turn it is, as its MSRs see it. */
function localApicPort(apics: () => ApicBus): LocalApicPort {
  const own = (): number => apics().currentCpu;
  return {
    readBase: () => apics().readBase(own()),
    writeBase: (value) => apics().writeBase(own(), value),
    readMsr: (number) => apics().readMsr(own(), number),
    writeMsr: (number, value) => apics().writeMsr(own(), number, value),
    readDeadline: () => apics().readDeadline(own()),
    writeDeadline: (value) => apics().writeDeadline(own(), value),
    timeStampChanged: () => apics().timeStampChanged(own()),
  };
}
