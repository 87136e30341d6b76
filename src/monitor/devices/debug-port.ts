/** Port E9: bytes written here come out as text; a read gives E9, by which a guest knows that it is there. */
import type { Device, DeviceHost, PortRange } from './device';
import { DEBUG_PORT_DESCRIPTION } from './registers/small';

const PORT = 0xe9;

export class DebugPort implements Device {
  readonly name = 'debug';
  readonly ports: readonly PortRange[] = [{ first: PORT, count: 1 }];
  readonly description = DEBUG_PORT_DESCRIPTION;
  state: object = {};
  readonly #host: DeviceHost;

  constructor(host: DeviceHost) {
    this.#host = host;
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
