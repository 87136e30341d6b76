/** The PC board: all devices, wired together as a PC/AT with a 440FX chipset has them. */
import { AtaChannel } from './ata';
import { MemoryRouter, PortBus } from './bus';
import type { ShadowRegion } from './chipset';
import { hostBridge, ideFunction, isaBridge, shadowRegions } from './chipset';
import type { BootDevice } from './cmos';
import { cmosCells } from './cmos';
import { DebugPort } from './debug-port';
import type { BlockBackend, Device, DeviceHost, MachineInput } from './device';
import { floppyFormat } from './device';
import type { DmaMemory } from './dma';
import { Dma } from './dma';
import { ExitPort } from './exit-port';
import { FloppyController } from './fdc';
import type { FwCfgFile } from './fw-cfg';
import { FwCfg } from './fw-cfg';
import { KeyboardController } from './keyboard';
import { PciBus } from './pci';
import { Pic } from './pic';
import { Pit } from './pit';
import { Rtc } from './rtc';
import { SystemPorts } from './system-ports';
import { Uart } from './uart';
import { Vga } from './vga';

export interface BoardOptions {
  /** Guest RAM below 4 GiB, in bytes. */
  readonly memoryBytes: number;
  /** Guest RAM from 4 GiB up, in bytes. Default 0. */
  readonly memoryAbove4GBytes?: number;
  /** Time of day at cycle 0: seconds since 1970-01-01 UTC. */
  readonly rtcEpochSeconds: number;
  /** Primary master, primary slave, secondary master, secondary slave. */
  readonly disks: readonly (BlockBackend | undefined)[];
  /** Drives A and B. */
  readonly floppies: readonly (BlockBackend | undefined)[];
  /** Order in which the BIOS looks for a boot sector. Default: floppy when there is one, then disk. */
  readonly bootOrder?: readonly BootDevice[];
  /** Files for SeaBIOS: 'etc/e820', 'bootorder', 'vgaroms/vgabios.bin' and others. Default none. */
  readonly fwCfgFiles?: readonly FwCfgFile[];
  readonly bootMenu?: boolean;
  readonly cpus?: number;
  /**
   * Cycles that a character takes on a serial line. Default: by the programmed baud rate, so that a
   * polling guest at 115200 baud executes 86806 instructions a character.
   */
  readonly serialCharacterCycles?: number;
}

/** What the board needs of the machine beyond `DeviceHost`. */
export interface BoardCallbacks {
  /** Guest-physical memory as bus masters (floppy DMA, fw_cfg) see it; addresses beyond RAM read FF and drop writes. */
  readonly memory: DmaMemory;
  /** The INTR output has changed; `interruptController.pending()` says to what. */
  onInterrupt(): void;
  /** Decoding of C0000-FFFFF has changed: all thirteen regions as they are now. */
  onShadow(regions: readonly ShadowRegion[]): void;
}

export type SerialName = 'com1' | 'com2' | 'com3' | 'com4';

export interface Board {
  readonly devices: readonly Device[];
  readonly ports: PortBus;
  readonly memory: MemoryRouter;
  readonly interruptController: Pic;
  readonly keyboard: KeyboardController;
  readonly vga: Vga;
  readonly rtc: Rtc;
  readonly pci: PciBus;
  uart(name: SerialName): Uart;
  /** Powers every device on, in order. Called once after construction, too: constructors touch nothing. */
  reset(): void;
  /**
   * Tells host and callbacks again what follows from the devices' states: A20, shadow RAM, INTR. Called
   * after the states have been replaced by a snapshot's.
   */
  announce(): void;
  /** Hands a scheduled event to its device. */
  event(device: string, event: string): void;
  /** Hands outside input to its device. Throws RangeError for a serial port that there is not. */
  input(input: MachineInput): void;
  /** Puts out what the serial ports still hold, without a change of state: for a machine that will not run on. */
  drain(): void;
}

const SERIAL_PORTS = [
  { name: 'com1', base: 0x3f8, line: 4 },
  { name: 'com2', base: 0x2f8, line: 3 },
  { name: 'com3', base: 0x3e8, line: 4 },
  { name: 'com4', base: 0x2e8, line: 3 },
] as const;

/**
 * The four serial ports. Two share an interrupt line: each drives the line with what all ports on it
 * put out, as open outputs on an ISA slot do.
 */
function createUarts(host: DeviceHost, characterCycles: number | undefined): ReadonlyMap<string, Uart> {
  const pace = characterCycles === undefined ? {} : { characterCycles };
  const uarts = new Map<string, Uart>();
  for (const port of SERIAL_PORTS) {
    const sharers = SERIAL_PORTS.filter((other) => other.line === port.line);
    const wired: DeviceHost = {
      now: () => host.now(),
      schedule: (device, event, at) => host.schedule(device, event, at),
      cancel: (device, event) => host.cancel(device, event),
      output: (channel, bytes) => host.output(channel, bytes),
      requestStop: (stop) => host.requestStop(stop),
      setA20: (enabled) => host.setA20(enabled),
      setInterruptLine: (line) => {
        host.setInterruptLine(line, sharers.some(({ name }) => uarts.get(name)?.interruptOutput === true));
      },
    };
    uarts.set(port.name, new Uart(wired, { ...port, ...pace }));
  }
  return uarts;
}

function createRtc(host: DeviceHost, options: BoardOptions): Rtc {
  const floppyTypes = options.floppies.map((disk) =>
    disk === undefined ? 0 : (floppyFormat(disk.sectors)?.driveType ?? 0),
  );
  const defaultOrder: readonly BootDevice[] = floppyTypes.some((type) => type !== 0) ? ['floppy', 'disk'] : ['disk'];
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

function createAta(host: DeviceHost, disks: BoardOptions['disks']): AtaChannel[] {
  return [
    new AtaChannel(host, { name: 'ata0', command: 0x1f0, control: 0x3f6, line: 14, disks: disks.slice(0, 2) }),
    new AtaChannel(host, { name: 'ata1', command: 0x170, control: 0x376, line: 15, disks: disks.slice(2, 4) }),
  ];
}

/**
 * Builds the board. `host.setInterruptLine` must lead to the board's `interruptController.setLine`.
 * Throws RangeError for a floppy that has no floppy's size, or a fw_cfg file name that is too long.
 */
export function createBoard(host: DeviceHost, options: BoardOptions, callbacks: BoardCallbacks): Board {
  const interruptController = new Pic(() => callbacks.onInterrupt());
  const uarts = createUarts(host, options.serialCharacterCycles);
  const keyboard = new KeyboardController(host);
  const vga = new Vga(host);
  const rtc = createRtc(host, options);
  const dma = new Dma(callbacks.memory);
  const pci = new PciBus(host, [hostBridge((regions) => callbacks.onShadow(regions)), isaBridge(), ideFunction()]);
  const fwCfg = new FwCfg(callbacks.memory, {
    files: options.fwCfgFiles ?? [],
    memoryBytes: options.memoryBytes + (options.memoryAbove4GBytes ?? 0),
    cpus: options.cpus ?? 1,
    bootMenu: options.bootMenu ?? false,
  });
  const devices: readonly Device[] = [
    interruptController, new Pit(host), rtc, dma, keyboard, ...uarts.values(), vga, ...createAta(host, options.disks),
    new FloppyController(host, dma, options.floppies), pci, fwCfg, new DebugPort(host), new ExitPort(host),
    new SystemPorts(),
  ];
  const byName = new Map(devices.map((device) => [device.name, device]));
  const uart = (name: string): Uart => {
    const found = uarts.get(name);
    if (found === undefined) throw new RangeError(`There is no serial port '${name}'; use com1, com2, com3 or com4.`);
    return found;
  };
  return {
    devices, interruptController, keyboard, vga, rtc, pci, uart,
    ports: new PortBus(devices),
    memory: new MemoryRouter(devices),
    reset: () => {
      for (const device of devices) device.reset();
    },
    announce: () => {
      host.setA20(keyboard.state.a20);
      const bridge = pci.configuration(0, 0);
      if (bridge !== undefined) callbacks.onShadow(shadowRegions(bridge));
      callbacks.onInterrupt();
    },
    event: (device, event) => byName.get(device)?.event?.(event),
    input: (input) => {
      if (input.kind === 'serial') uart(input.port).receive(input.bytes);
      else keyboard.key(input.code, input.down);
    },
    drain: () => {
      for (const { name, unsent } of uarts.values()) if (unsent.length > 0) host.output(name, unsent);
    },
  };
}
