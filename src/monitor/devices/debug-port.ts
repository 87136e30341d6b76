/**
 * Port E9: bytes written here come out as text; a read gives E9, by which a guest knows that it is there. For UEFI firmware, which
 * looks for it there, at port 402 as well.
 */
import type { Device, DeviceHost, PortRange } from './device';
import { DEBUG_PORT_DESCRIPTION } from './registers/small';

const PORT = 0xe9;
const FIRMWARE_PORT = 0x402;

export class DebugPort implements Device {
  readonly name = 'debug';
  readonly ports: readonly PortRange[];
  readonly description = DEBUG_PORT_DESCRIPTION;
  state: object = {};
  readonly #host: DeviceHost;

  constructor(host: DeviceHost, forFirmware = false) {
    this.#host = host;
    this.ports = [PORT, ...(forFirmware ? [FIRMWARE_PORT] : [])].map((first) => ({ first, count: 1 }));
  }

  /** It remembers nothing. */
  reset(): void {
    this.state = {};
  }

  readPort(): number {
    return PORT;
  }

  peek(_block: string, register: string): number | undefined {
    return register === 'ID' ? PORT : undefined;
  }

  writePort(_port: number, _size: number, value: number): void {
    this.#host.output(this.name, Uint8Array.of(value & 0xff));
  }
}
