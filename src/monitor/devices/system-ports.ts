/**
 * Odd ports of the board that only have to be there: the POST code display (80) and the delay port (ED).
 * Ports of absent devices (the game port 201 and others) belong to nobody and read all ones.
 */
import type { Device, PortRange } from './device';
import { SYSTEM_PORTS_DESCRIPTION } from './registers/small';

const POST_PORT = 0x80;

export interface SystemPortsState {
  /** Last byte written to port 80. */
  postCode: number;
}

export class SystemPorts implements Device {
  readonly name = 'system';
  readonly ports: readonly PortRange[] = [
    { first: POST_PORT, count: 1 },
    { first: 0xed, count: 1 },
  ];
  readonly description = SYSTEM_PORTS_DESCRIPTION;
  state: SystemPortsState = { postCode: 0 };

  reset(): void {
    this.state = { postCode: 0 };
  }

  readPort(port: number): number {
    return port === POST_PORT ? this.state.postCode : 0xff;
  }

  peek(_block: string, register: string): number | undefined {
    return register === 'POST' ? this.state.postCode : undefined;
  }

  writePort(port: number, _size: number, value: number): void {
    if (port === POST_PORT) this.state.postCode = value & 0xff;
  }
}
