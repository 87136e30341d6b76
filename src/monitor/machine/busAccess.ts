/**
 * The processor's way to ports and to devices in memory: what an access costs in time, and the port by which the built-in BIOS asks
 * for its services.
 */
import type { Device } from '../devices/device';
import { SERVICE_PORT } from '../firmware/bios/builtin';
import type { FirmwareEnvironment } from '../firmware/platform';
import { EFFORT } from '../memory/effort';
import type { MachineParts, ProcessorBus } from './parts';

/**
 * Ports below belong to the system board, and an access to one takes a microsecond: eight cycles of the ISA bus, by which
 * systems measure short delays (port 80h) and wait for a timer (port 61h).
 */
const SYSTEM_BOARD_END = 0x100;
const BUS_CYCLES = 1000;

export class BusAccess implements ProcessorBus {
  /** @param environment what the built-in BIOS works with; undefined for a machine without it */
  constructor(
    private readonly parts: MachineParts,
    private readonly environment: FirmwareEnvironment | undefined,
  ) {}

  readPort(port: number, size: 1 | 2 | 4): number {
    this.waitForPort(port);
    return this.parts.board.ports.readPort(port, size);
  }

  writePort(port: number, size: 1 | 2 | 4, value: number): void {
    const { bios, executor, cpu, board, memory } = this.parts;
    if (port === SERVICE_PORT && bios && this.environment && bios.owns(executor.linear())) {
      memory.effort.spent += EFFORT.firmware;
      bios.service(this.environment);
      cpu.attention = true;
      return;
    }
    this.waitForPort(port);
    // A write to F0 takes the x87 unit's interrupt request back (PC/AT).
    if (port === 0xf0) board.interruptController.setLine(13, false);
    board.ports.writePort(port, size, value);
  }

  readMemory(address: number, size: 1 | 2 | 4): number {
    const { memory } = this.parts.board;
    this.waitForMemory(memory.deviceAt(address));
    return memory.read(address, size);
  }

  writeMemory(address: number, size: 1 | 2 | 4, value: number): void {
    const { memory } = this.parts.board;
    this.waitForMemory(memory.deviceAt(address));
    memory.write(address, size, value);
  }

  private waitForPort(port: number): void {
    const { board, executor } = this.parts;
    if (port < SYSTEM_BOARD_END || board.ports.isSlow(port)) executor.elapse(BUS_CYCLES);
  }

  /** Nobody but an instruction waits: who looks from outside, or a bus master, takes no time. */
  private waitForMemory(device: Device | undefined): void {
    const { executor } = this.parts;
    if (device?.isSlow === true && executor.burst.isRunning) executor.elapse(BUS_CYCLES);
  }
}
