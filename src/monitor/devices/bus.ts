/** Routing of port and memory-mapped accesses to the devices that claim them. */
import { allOnes } from './access';
import type { AccessSize, Device, MemoryRegion } from './device';

const PORTS = 0x10000;

/** A device as the bus asks it: its functions, looked up once, since V8 has no quick way to a property that objects of twenty classes have. */
interface PortDevice {
  readonly device: Device;
  /** Bytes of the widest access that it takes in one piece. */
  readonly width: number;
  readonly isSlow: boolean;
  readonly read: ((port: number, size: AccessSize) => number) | undefined;
  readonly write: ((port: number, size: AccessSize, value: number) => void) | undefined;
}

const asked = (device: Device): PortDevice => ({
  device, width: device.portWidth ?? 1, isSlow: device.isSlow === true, read: device.readPort?.bind(device), write: device.writePort?.bind(device),
});

function halfOf(size: AccessSize): AccessSize {
  return size === 4 ? 2 : 1;
}

/**
 * The I/O port space. An access goes whole to a device that claims all of its ports and takes that width;
 * otherwise it is split in halves, low one first. Ports without a device read all ones and swallow writes.
 */
export class PortBus {
  readonly #devices: readonly PortDevice[];
  /** For each port the place in `#devices` of the one that answers, and one; 0 for none. */
  readonly #owners = new Uint16Array(PORTS);

  /** Throws RangeError when two devices claim one port. */
  constructor(devices: readonly Device[]) {
    this.#devices = devices.map(asked);
    this.#claimAll((port, first, second) => {
      throw new RangeError(`Port ${port.toString(16)} is claimed by '${first.name}' and by '${second.name}'.`);
    });
  }

  /** A guest has moved a device's ports. Where they overlap now, the device that comes first answers. */
  update(): void {
    this.#owners.fill(0);
    this.#claimAll(() => undefined);
  }

  /** The device that answers at a port, or undefined. */
  ownerOf(port: number): Device | undefined {
    return this.#at(port)?.device;
  }

  /** Whether the device at a port makes an access wait (Device.isSlow). */
  isSlow(port: number): boolean {
    return this.#at(port)?.isSlow === true;
  }

  /** `port` 0 to 65535; ports beyond the end wrap to 0. The value is zero-extended. */
  readPort(port: number, size: AccessSize): number {
    const owner = this.#wholeOwner(port, size);
    if (owner !== undefined) return owner.read === undefined ? allOnes(size) : owner.read(port, size);
    if (size === 1) return 0xff;
    const half = halfOf(size);
    const low = this.readPort(port, half);
    const high = this.readPort((port + half) % PORTS, half);
    return (low | (high << (8 * half))) >>> 0;
  }

  writePort(port: number, size: AccessSize, value: number): void {
    const owner = this.#wholeOwner(port, size);
    if (owner !== undefined) {
      owner.write?.(port, size, value);
    } else if (size !== 1) {
      const half = halfOf(size);
      const shift = 8 * half;
      this.writePort(port, half, value & (2 ** shift - 1));
      this.writePort((port + half) % PORTS, half, value >>> shift);
    }
  }

  #claimAll(conflict: (port: number, first: Device, second: Device) => void): void {
    this.#devices.forEach(({ device }, place) => {
      for (const range of device.ports) {
        for (let port = range.first; port < range.first + range.count; port++) {
          const other = this.ownerOf(port);
          if (other === undefined) this.#owners[port] = place + 1;
          else conflict(port, other, device);
        }
      }
    });
  }

  #at(port: number): PortDevice | undefined {
    return this.#devices[this.#owners[port] - 1];
  }

  /** The device that takes the access in one piece. */
  #wholeOwner(port: number, size: AccessSize): PortDevice | undefined {
    const owner = this.#at(port);
    if (owner === undefined || size > owner.width) return undefined;
    for (let index = 1; index < size; index++) {
      if (this.#owners[port + index] !== this.#owners[port]) return undefined;
    }
    return owner;
  }
}

/** A claimed range of guest-physical memory and its device. */
export interface MappedRegion extends MemoryRegion {
  readonly device: Device;
}

function claimedRegions(devices: readonly Device[]): MappedRegion[] {
  return devices
    .flatMap((device) => (device.regions ?? []).map((region) => ({ ...region, device })))
    .sort((left, right) => left.first - right.first);
}

/** Memory-mapped devices by guest-physical address. */
export class MemoryRouter {
  readonly #devices: readonly Device[];
  #regions: readonly MappedRegion[];
  /** The region that was asked for last: accesses come in runs. */
  #last: MappedRegion | undefined;

  /** Throws RangeError for regions that overlap. */
  constructor(devices: readonly Device[]) {
    this.#devices = devices;
    this.#regions = claimedRegions(devices);
    this.#regions.forEach((region, index) => {
      const before = this.#regions[index - 1];
      if (before !== undefined && before.first + before.bytes > region.first) {
        throw new RangeError(`Regions of '${before.device.name}' and '${region.device.name}' overlap.`);
      }
    });
  }

  /** Regions in ascending order, for the physical map, which gives the devices whole pages. */
  get regions(): readonly MappedRegion[] {
    return this.#regions;
  }

  /** A guest has moved a device's regions. Where they overlap now, the lower one answers. */
  update(): void {
    this.#regions = claimedRegions(this.#devices);
    this.#last = undefined;
  }

  /** The device at an address, or undefined. */
  deviceAt(address: number): Device | undefined {
    const last = this.#last;
    if (last !== undefined && address >= last.first && address < last.first + last.bytes) return last.device;
    const region = this.#regions.find(({ first, bytes }) => address >= first && address < first + bytes);
    if (region !== undefined) this.#last = region;
    return region?.device;
  }

  /** All ones where no device answers. */
  read(address: number, size: AccessSize): number {
    return this.deviceAt(address)?.readMemory?.(address, size) ?? allOnes(size);
  }

  write(address: number, size: AccessSize, value: number): void {
    this.deviceAt(address)?.writeMemory?.(address, size, value);
  }
}
