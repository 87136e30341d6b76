/** The PC board: all devices, wired together as a PC/AT with a 440FX chipset has them. */
import type { InterruptWiring } from '../inspection/queries';
import { AcpiPm } from './acpi-pm';
import { ApicBus, type CpuSignals } from './apic-bus';
import { AtaChannel } from './ata';
import { AtaDisk } from './ata-disk';
import type { AtaDrive } from './ata-drive';
import { AtapiCdrom, type AtapiOptions } from './atapi';
import { BusMasterIde } from './bus-master-ide';
import { MemoryRouter, PortBus, type MappedRegion } from './bus';
import type { ShadowRegion } from './chipset';
import { hostBridge, ideFunction, interruptRoutes, isaBridge, shadowRegions } from './chipset';
import type { BootDevice } from './cmos';
import { cmosCells } from './cmos';
import { DebugPort } from './debug-port';
import type { BlockBackend, Device, DeviceHost, EventAnswer, MachineInput, RegisterWrite } from './device';
import type { DmaMemory } from './dma';
import { Dma } from './dma';
import { E1000 } from './e1000';
import { Entropy } from './entropy';
import { ExitPort } from './exit-port';
import { FloppyController } from './fdc';
import { floppyDriveType, type FloppyPlace, type FloppySource } from './fdc-media';
import { Flash } from './flash';
import type { FwCfgFile } from './fw-cfg';
import { FwCfg } from './fw-cfg';
import { Hpet } from './hpet';
import { interruptingFunctions, interruptPicture } from './interrupt-picture';
import { INPUTS_RESTING_HIGH, InterruptRouter } from './interrupt-router';
import { IoApic } from './io-apic';
import { KeyboardController } from './keyboard';
import { PciBus } from './pci';
import { CONFIG_BYTES } from './pciFunction';
import { Pic } from './pic';
import { Pit } from './pit';
import { Rtc } from './rtc';
import { SystemPorts } from './system-ports';
import { Uart } from './uart';
import { Vga } from './vga';
import type { VideoMemory } from './vga-memory';
import { vgaFunction } from './vga-pci';
import type { VirtioBalloon } from './virtio/balloon';
import { createVirtioDevices, type VirtioOptions } from './virtio/devices';

/** A CD-ROM drive: the disc in it at first (null for none), and discs by name. */
export type CdromOptions = Pick<AtapiOptions, 'image' | 'discs'>;

export interface BoardOptions {
  /** Guest RAM below 4 GiB, in bytes. */
  readonly memoryBytes: number;
  /** Guest RAM from 4 GiB up, in bytes. Default 0. */
  readonly memoryAbove4GBytes?: number;
  /** Time of day at cycle 0: seconds since 1970-01-01 UTC. */
  readonly rtcEpochSeconds: number;
  /** Hard disks: primary master and slave, then the places on the secondary channel that a CD-ROM drive leaves. */
  readonly disks: readonly (BlockBackend | undefined)[];
  /** The CD-ROM drive, secondary master. Default: none. */
  readonly cdrom?: CdromOptions;
  /** Drives A and B with what is in them at first, and disks for them by the names of their images. */
  readonly floppies: readonly FloppyPlace[];
  readonly floppyDisks?: FloppySource;
  /** Order in which the BIOS looks for something to boot. Default: floppy when there is one, disk, CD-ROM and network when there is one. */
  readonly bootOrder?: readonly BootDevice[];
  /** Files for SeaBIOS: 'etc/e820', 'bootorder', 'vgaroms/vgabios.bin' and others. Default none. */
  readonly fwCfgFiles?: readonly FwCfgFile[];
  readonly bootMenu?: boolean;
  /** Option ROM of the VGA. */
  readonly vgaRom?: Uint8Array;
  /** Number of processors, 1 to 8. Default 1. */
  readonly cpus?: number;
  /** Devices that the machine adds: the firmware's. */
  readonly more?: readonly Device[];
  /** What the CPU model has of APICs. Default: a local APIC with x2APIC. */
  readonly apic?: { readonly present: boolean; readonly x2apic: boolean };
  /** Whether there is a high precision event timer. Default false. */
  readonly hpet?: boolean;
  /** The flash chip of a UEFI firmware: where it lies and what is in it. There is a debug port for that firmware, too. */
  readonly flash?: { readonly address: number; readonly bytes: Uint8Array };
  /**
   * Cycles that a character takes on a serial line. Default: by the programmed baud rate, so that a
   * polling guest at 115200 baud executes 86806 instructions a character.
   */
  readonly serialCharacterCycles?: number;
  /**
   * The network card 'net0': its address (6 bytes), and an expansion ROM. An e1000 is in slot 3, a virtio card among the virtio
   * devices, and without a ROM. Default: none.
   */
  readonly network?: { readonly card: 'e1000' | 'virtio'; readonly mac?: Uint8Array; readonly rom?: Uint8Array };
  /** virtio devices but the network card, in the slots from 4 up. Default: none. */
  readonly virtio?: Omit<VirtioOptions, 'network'>;
}

/** What the board needs of the machine beyond `DeviceHost`. */
export interface BoardCallbacks {
  /** Guest-physical memory as bus masters (floppy DMA, fw_cfg) see it; addresses beyond RAM read FF and drop writes. */
  readonly memory: DmaMemory;
  /** INTR of processor 0 has changed; `interruptController.pending()` says to what. */
  onInterrupt(): void;
  /** What the local APICs tell processors: INTR of the others, NMI, INIT, SIPI. Default: nobody listens. */
  readonly signals?: CpuSignals;
  /** The time-stamp counter of a processor. Default: the present cycle. */
  timeStamp?(cpu: number): bigint;
  /** `memory.regions` has changed: a guest has moved a device. Memory wins where both answer. */
  onRegions?(): void;
  /** Video memory. Default: memory of the device's own. */
  readonly videoMemory?: VideoMemory;
  /** `vga.windows` has changed. */
  onWindows?(): void;
  /** Decoding of C0000-FFFFF has changed: all thirteen regions as they are now. */
  onShadow(regions: readonly ShadowRegion[]): void;
}

/** A floppy drive, for the built-in BIOS and for who looks. */
export interface FloppyDrive {
  /** Its type as the CMOS counts; 0 where there is none. */
  readonly type: number;
  /** What is in it now. */
  disk(): BlockBackend | undefined;
  isChanged(): boolean;
  /** A seek, which takes the change line down if there is a disk. */
  acknowledgeChange(): void;
}

export type SerialName = 'com1' | 'com2' | 'com3' | 'com4';

export interface Board {
  readonly devices: readonly Device[];
  readonly ports: PortBus;
  readonly memory: MemoryRouter;
  /** ISA lines, and INTR of processor 0: all that a machine with one processor needs. */
  readonly interruptController: InterruptRouter;
  /** The local APICs: every processor's INTR, and its APIC's registers. */
  readonly apics: ApicBus;
  /** Power button and power off. */
  readonly power: AcpiPm;
  /** Random numbers for the processors. */
  readonly entropy: Entropy;
  /** Variables of a UEFI firmware. */
  readonly flash: Flash | undefined;
  /** The memory balloon. */
  readonly balloon: VirtioBalloon | undefined;
  readonly keyboard: KeyboardController;
  readonly vga: Vga;
  readonly rtc: Rtc;
  readonly pci: PciBus;
  uart(name: SerialName): Uart;
  /** Powers every device on, in order. Called once after construction, too: constructors touch nothing. */
  reset(): void;
  /** RESET# to every device, in order, while power stays: batteries, flash and cables keep what they have. */
  hardReset(): void;
  /** The disc that the CD-ROM drive reads now. */
  cdromDisc(): BlockBackend | undefined;
  /** Drive A is 0. */
  floppyDrive(unit: number): FloppyDrive;
  /** Discs and floppies that were changed are again what they were at first. To be followed by `reset`. */
  restoreDiscs(): void;
  /**
   * Tells host and callbacks again what follows from the devices' states: A20, where devices and windows to video memory are, shadow RAM, INTR.
   * Called after the states have been replaced by a snapshot's.
   */
  announce(): void;
  /** Hands a scheduled event to its device. */
  event(device: string, event: string): EventAnswer;
  /** Hands outside input to its device. Throws RangeError for a serial port that there is not. */
  input(input: MachineInput): void;
  /** Who raises which interrupt line, and how far it has got. */
  interrupts(): InterruptWiring;
  /** Puts out what the serial ports still hold, without a change of state: for a machine that will not run on. */
  drain(): void;
}

const SERIAL_PORTS = [
  { name: 'com1', base: 0x3f8, line: 4 },
  { name: 'com2', base: 0x2f8, line: 3 },
  { name: 'com3', base: 0x3e8, line: 4 },
  { name: 'com4', base: 0x2e8, line: 3 },
] as const;

/** A host's functions one by one, for a device of which one of them is wired otherwise. */
function boundHost(host: DeviceHost): DeviceHost {
  return {
    now: () => host.now(),
    schedule: (device, event, at) => host.schedule(device, event, at),
    cancel: (device, event) => host.cancel(device, event),
    setInterruptLine: (line, level) => host.setInterruptLine(line, level),
    output: (channel, bytes) => host.output(channel, bytes),
    requestStop: (stop) => host.requestStop(stop),
    setA20: (enabled) => host.setA20(enabled),
  };
}

/**
 * The four serial ports. Two share an interrupt line: each drives the line with what all ports on it
 * put out, as open outputs on an ISA slot do.
 */
function createUarts(host: DeviceHost, characterCycles: number | undefined): ReadonlyMap<string, Uart> {
  const pace = characterCycles === undefined ? {} : { characterCycles };
  const uarts = new Map<string, Uart>();
  const sharers = new Map<number, readonly Uart[]>();
  for (const port of SERIAL_PORTS) {
    const wired: DeviceHost = {
      ...boundHost(host),
      setInterruptLine: (line, level) => {
        host.setInterruptLine(line, level || (sharers.get(line) ?? []).some((uart) => uart.interruptOutput));
      },
    };
    const uart = new Uart(wired, { ...port, ...pace });
    uarts.set(port.name, uart);
    sharers.set(port.line, [...(sharers.get(port.line) ?? []), uart]);
  }
  return uarts;
}

const haveEqualRegions = (one: readonly MappedRegion[], other: readonly MappedRegion[]): boolean =>
  one.length === other.length && one.every(({ first, bytes, device }, i) => first === other[i].first && bytes === other[i].bytes && device === other[i].device);

/** Where the e1000 is on the PCI bus. */
export const NETWORK_SLOT = 3;

function createNetworkCard(host: DeviceHost, memory: DmaMemory, pci: PciBus, { mac, rom }: NonNullable<BoardOptions['network']>): E1000 {
  const options = { slot: NETWORK_SLOT, ...(mac === undefined ? {} : { mac }), ...(rom === undefined ? {} : { rom }) };
  return new E1000(host, memory, (pciFunction) => pci.add(pciFunction), options);
}

const TIMER_LINE = 0;
const CLOCK_LINE = 8;

interface Timers {
  readonly pit: Pit;
  readonly rtc: Rtc;
  readonly hpet: Hpet | undefined;
}

/**
 * The 8254, the clock, and perhaps an HPET, which stands in for both on their lines under legacy replacement. RTC_STS
 * of the power management follows the clock's line.
 */
function createTimers(host: DeviceHost, options: BoardOptions, power: AcpiPm, ioApic: IoApic): Timers {
  const replaceable: DeviceHost = {
    ...boundHost(host),
    setInterruptLine: (line, level) => {
      if (hpet?.isLegacy !== true) host.setInterruptLine(line, level);
    },
  };
  const watched: DeviceHost = {
    ...replaceable,
    setInterruptLine: (line, level) => {
      replaceable.setInterruptLine(line, level);
      if (level) power.clockInterrupt();
    },
  };
  const hpet = options.hpet !== true ? undefined : new Hpet(host, {
    setInput: (input, asserted) => ioApic.setInput(input, asserted),
    setLegacyLine: (line, level) => host.setInterruptLine(line, level),
    legacyChanged: () => {
      for (const line of [TIMER_LINE, CLOCK_LINE]) host.setInterruptLine(line, false);
    },
  });
  return { pit: new Pit(replaceable), rtc: createRtc(watched, options), hpet };
}

function createRtc(host: DeviceHost, options: BoardOptions): Rtc {
  const floppyTypes = options.floppies.map(floppyDriveType);
  const defaultOrder: readonly BootDevice[] = [
    ...(floppyTypes.some((type) => type !== 0) ? ['floppy'] as const : []), 'disk', ...(options.cdrom === undefined ? [] : ['cdrom'] as const),
    ...(options.network === undefined ? [] : ['network'] as const),
  ];
  const cells = cmosCells({
    memoryBytes: options.memoryBytes,
    memoryAbove4GBytes: options.memoryAbove4GBytes ?? 0,
    floppyTypes,
    disks: options.disks.slice(0, 2).map((disk) => disk !== undefined),
    bootOrder: options.bootOrder ?? defaultOrder,
    cpus: options.cpus ?? 1,
  });
  return new Rtc(host, { epochSeconds: options.rtcEpochSeconds, cells });
}

const ATA_CHANNELS = [
  { name: 'ata0', command: 0x1f0, control: 0x3f6, line: 14 },
  { name: 'ata1', command: 0x170, control: 0x376, line: 15 },
] as const;
/** The name of a floppy drive (0 is A) for those who look at it or change its disk. */
export function floppyName(unit: number): string {
  return `floppy${unit}`;
}

/** The number of a floppy drive; -1 for what is no name of one. */
export function floppyUnit(name: string): number {
  return ['floppy0', 'floppy1'].indexOf(name);
}

/** Where the CD-ROM drive is: secondary master. */
export const CDROM_PLACE = 2;

/** Where a hard disk is, 0 primary master to 3 secondary slave, by its number: a CD-ROM drive keeps its place to itself. */
export function diskPlace(disk: number, hasCdrom: boolean): number {
  return hasCdrom && disk >= CDROM_PLACE ? disk + 1 : disk;
}

/** What is at a place on the cables: 0 primary master to 3 secondary slave. */
function driveAt(place: number, { disks, cdrom }: BoardOptions): AtaDrive | undefined {
  const unit = place % 2;
  const serial = `SB-${ATA_CHANNELS[place >> 1].name}-${unit}`;
  if (cdrom !== undefined && place === CDROM_PLACE) return new AtapiCdrom({ serial, unit, ...cdrom });
  const disk = disks.find((_, index) => diskPlace(index, cdrom !== undefined) === place);
  return disk === undefined ? undefined : new AtaDisk(disk, { serial, unit });
}

interface Ide {
  readonly busMaster: BusMasterIde;
  readonly channels: readonly AtaChannel[];
}

/** The IDE function: both channels and their bus masters. */
function createIde(host: DeviceHost, options: BoardOptions, pci: PciBus, memory: DmaMemory): Ide {
  const slot = pci.add(ideFunction(() => busMaster.commandChanged()));
  const busMaster: BusMasterIde = new BusMasterIde(slot, memory, (channel) => channels[channel].dmaStarted());
  const channels: readonly AtaChannel[] = ATA_CHANNELS.map((wiring, channel) => new AtaChannel(host, {
    ...wiring, drives: [driveAt(2 * channel, options), driveAt(2 * channel + 1, options)], dma: busMaster.engine(channel),
  }));
  return { busMaster, channels };
}

interface InterruptSystem {
  readonly pic: Pic;
  readonly apics: ApicBus;
  readonly ioApic: IoApic;
  readonly router: InterruptRouter;
}

/** The interrupt controllers, wired to one another. */
function createInterrupts(
  host: DeviceHost, options: BoardOptions, callbacks: BoardCallbacks, onRegions: () => void,
  routes: () => Uint8Array | undefined,
): InterruptSystem {
  const { signals } = callbacks;
  const pic: Pic = new Pic(() => router.externalChanged());
  const apics: ApicBus = new ApicBus(host, { cpus: options.cpus ?? 1, ...options.apic }, {
    signals: {
      interruptChanged: (cpu) => {
        if (cpu === 0) callbacks.onInterrupt();
        signals?.interruptChanged(cpu);
      },
      nonMaskable: (cpu) => signals?.nonMaskable(cpu),
      initialise: (cpu) => signals?.initialise(cpu),
      startUp: (cpu, vector) => signals?.startUp(cpu, vector),
    },
    acknowledgeExternal: () => pic.acknowledge(),
    nextExternal: () => pic.nextVector(),
    endOfInterrupt: (vector) => ioApic.endOfInterrupt(vector),
    readinessChanged: () => ioApic.retry(),
    timeStamp: (cpu) => callbacks.timeStamp?.(cpu) ?? BigInt(host.now()),
    regionsChanged: onRegions,
  });
  const ioApic = new IoApic(INPUTS_RESTING_HIGH, (message) => apics.deliver(message));
  const router = new InterruptRouter(pic, ioApic, apics, routes);
  return { pic, apics, ioApic, router };
}

/**
 * Builds the board. `host.setInterruptLine` must lead to the board's `interruptController.setLine`. With several
 * processors the machine sets `apics.currentCpu` to the one that is to run. Throws RangeError for a floppy that has no floppy's size, or a fw_cfg file name that is too long.
 */
export function createBoard(host: DeviceHost, options: BoardOptions, callbacks: BoardCallbacks): Board {
  const memoryOf = (device: string): DmaMemory => callbacks.memory.of?.(device) ?? callbacks.memory;
  const pci: PciBus = new PciBus(host, {
    setInterrupt: (device, pin, asserted) => router.setPciInterrupt(device, pin, asserted),
    mappingChanged: () => {
      ports.update();
      movedRegions();
    },
  });
  for (const part of [hostBridge((regions) => callbacks.onShadow(regions)), isaBridge(() => router.reroute())]) pci.add(part);
  const ide = createIde(host, options, pci, memoryOf('ide'));
  const movedRegions = (): void => {
    memory.update();
    callbacks.onRegions?.();
  };
  const { pic, apics, ioApic, router } = createInterrupts(host, options, callbacks, movedRegions, () => {
    const bridge = pci.configuration(1, 0);
    return bridge === undefined ? undefined : interruptRoutes(bridge);
  });
  const uarts = createUarts(host, options.serialCharacterCycles);
  const keyboard = new KeyboardController(host);
  const power = new AcpiPm(host, pci, () => ports.update());
  const { pit, rtc, hpet } = createTimers(host, options, power, ioApic);
  const vga = new Vga(host, {
    slot: pci.add(vgaFunction(options.vgaRom)),
    ...(options.vgaRom === undefined ? {} : { rom: options.vgaRom }),
    ...(callbacks.videoMemory === undefined ? {} : { memory: callbacks.videoMemory }),
    windowsChanged: () => callbacks.onWindows?.(),
  });
  const dma = new Dma(memoryOf('dma'));
  const fwCfg = new FwCfg(memoryOf('fwcfg'), {
    files: options.fwCfgFiles ?? [],
    memoryBytes: options.memoryBytes + (options.memoryAbove4GBytes ?? 0),
    cpus: options.cpus ?? 1,
    bootMenu: options.bootMenu ?? false,
  });
  const fdc = new FloppyController(host, dma, options.floppies, options.floppyDisks);
  const entropy = new Entropy();
  const flash = options.flash && new Flash(options.flash.address, options.flash.bytes);
  const { network } = options;
  const card = network?.card === 'e1000' ? createNetworkCard(host, memoryOf('e1000'), pci, network) : undefined;
  const virtio = createVirtioDevices(
    { host, memory: callbacks.memory, pci }, { ...options.virtio, ...(network?.card === 'virtio' ? { network } : {}) }, () => entropy.next(),
  );
  const devices: readonly Device[] = [
    pic, apics, ioApic, router, pit, rtc, dma, keyboard, ...uarts.values(), vga, ...ide.channels, ide.busMaster,
    fdc, pci, fwCfg, power, new DebugPort(host, flash !== undefined), new ExitPort(host),
    new SystemPorts(), entropy, ...(hpet === undefined ? [] : [hpet]), ...(card === undefined ? [] : [card]), ...virtio.devices,
    ...(flash === undefined ? [] : [flash]), ...(options.more ?? []),
  ];
  const memory = new MemoryRouter(devices);
  const ports = new PortBus(devices);
  const byName = new Map(devices.map((device) => [device.name, device]));
  const uart = (name: string): Uart => {
    const found = uarts.get(name);
    if (found === undefined) throw new RangeError(`There is no serial port '${name}'; use com1, com2, com3 or com4.`);
    return found;
  };
  const changeDisc = (drive: string, image: string | null): void => {
    const floppy = floppyUnit(drive);
    const done = floppy >= 0 ? fdc.changeDisk(floppy, image) : drive === 'cdrom' && ide.channels[CDROM_PLACE >> 1].changeDisc(CDROM_PLACE % 2, image);
    if (!done) throw new RangeError(`There is no drive '${drive}' whose disc can be changed.`);
  };
  const writeRegister = ({ space, address, size, value }: RegisterWrite): void => {
    if (space === 'port') ports.writePort(address, size, value);
    else if (space === 'memory') memory.write(address, size, value);
    else pci.writeConfiguration(Math.floor(address / CONFIG_BYTES), address % CONFIG_BYTES, size, value);
  };
  return {
    devices, interruptController: router, apics, power, entropy, flash, balloon: virtio.balloon, keyboard, vga, rtc, pci, uart,
    ports, memory,
    reset: () => {
      for (const device of devices) device.reset();
    },
    hardReset: () => {
      for (const device of devices) {
        if (device.hardReset === undefined) device.reset();
        else device.hardReset();
      }
    },
    cdromDisc: () => ide.channels[CDROM_PLACE >> 1].disc(CDROM_PLACE % 2),
    floppyDrive: (unit) => ({
      type: floppyDriveType(options.floppies[unit]), disk: () => fdc.disk(unit), isChanged: () => fdc.isChanged(unit), acknowledgeChange: () => fdc.acknowledgeChange(unit),
    }),
    restoreDiscs: () => {
      for (const channel of ide.channels) channel.restoreDiscs();
      fdc.restoreDisks();
    },
    announce: () => {
      host.setA20(keyboard.state.a20);
      ports.update();
      const before = memory.regions;
      memory.update();
      if (!haveEqualRegions(before, memory.regions)) callbacks.onRegions?.();
      const bridge = pci.configuration(0, 0);
      if (bridge !== undefined) callbacks.onShadow(shadowRegions(bridge));
      apics.announce();
      callbacks.onWindows?.();
    },
    event: (device, event) => byName.get(device)?.event?.(event),
    input: (input) => {
      if (virtio.input(input)) return;
      if (input.kind === 'frame' && input.port === 'net0' && card !== undefined) card.receive(input.bytes);
      else if (input.kind === 'link' && input.port === 'net0' && card !== undefined) card.setCable(input.up);
      else if (input.kind === 'serial') uart(input.port).receive(input.bytes);
      else if (input.kind === 'entropy') entropy.stir(input.bytes);
      else if (input.kind === 'key') keyboard.key(input.code, input.down);
      else if (input.kind === 'media') changeDisc(input.drive, input.image);
      else if (input.kind === 'power-button') power.pressPowerButton();
      else if (input.kind === 'reset-button') host.requestStop({ kind: 'reset', cause: 'reset button', hard: true });
      else if (input.kind === 'mouse') keyboard.mouse(input);
      else if (input.kind === 'register') writeRegister(input);
      else if (input.kind === 'balloon') throw new RangeError('This machine has no memory balloon; it is given one by "balloon": true in its configuration.');
      else throw new RangeError(`There is no device '${input.port}' that takes input.`);
    },
    interrupts: () => interruptPicture({
      pic: pic.state, ioApic: ioApic.state, apics: apics.state.apics, isa: router.state.isa, pirqs: router.state.pirqs,
      steering: router.state.pirqs.map((_, pirq) => router.steeredTo(pirq)), functions: interruptingFunctions(pci.functions), hasHpet: hpet !== undefined,
    }),
    drain: () => {
      for (const { name, unsent } of uarts.values()) if (unsent.length > 0) host.output(name, unsent);
    },
  };
}
