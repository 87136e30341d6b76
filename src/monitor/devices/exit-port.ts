/**
 * The test guest's way out (isa-debug-exit, ports F4-F7): a write ends the run with status
 * (value << 1) | 1, which is never 0, so that a guest cannot be taken for one that was powered off.
 */
import type { AccessSize, Device, DeviceHost, PortRange } from './device';
import { EXIT_PORT_DESCRIPTION } from './registers/small';

export class ExitPort implements Device {
  readonly name = 'exit';
  readonly ports: readonly PortRange[] = [{ first: 0xf4, count: 4 }];
  readonly portWidth: AccessSize = 4;
  readonly description = EXIT_PORT_DESCRIPTION;
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
    return 0;
  }

  /** Nothing of it can be looked at. */
  peek(): undefined {
    return undefined;
  }

  writePort(_port: number, size: AccessSize, value: number): void {
    const written = size === 4 ? value : value & ((1 << (8 * size)) - 1);
    this.#host.requestStop({ kind: 'exit', status: ((written << 1) | 1) >>> 0 });
  }
}
