/**
 * The built-in BIOS: a ROM of small stubs in x86 code, and the services behind them in TypeScript. It
 * has no state of its own; all its variables lie in guest memory, where snapshots find them.
 */
import { SYSTEM_ROM_BASE } from '../memory-map';
import type { PlatformDescription } from '../tables/description';
import { systemAreaTables } from '../tables/placement';
import type { FirmwareEnvironment, FirmwareMapping, InitialCpu } from '../platform';
import { A20, resetCpu } from '../install';
import { bootAgain, bootNext, bootstrap, noBoot } from './boot';
import { ServiceCall, type Service } from './call';
import { clockService } from './clock';
import { diskDone, diskService } from './disk';
import { CD_DRIVE } from './drives';
import { exceptionService, irqService, rtcIrq, timerIrq } from './interrupts';
import { keyboardIrq, keyboardService } from './keyboard';
import { mouseDone, mouseIrq, mouseRetry } from './mouse';
import { post, prepareMachine } from './post';
import { buildRom, ROM_BYTES, type BiosRom, type ServiceName } from './rom';
import { printerService, serialRetry, serialService } from './serial';
import { equipmentService, memorySizeService, systemService, waitCheck } from './system';
import { videoService } from './video';

export { SERVICE_PORT } from './rom';

/** Where the processor fetches its first instruction: the same ROM at the top of 4 GiB. A reset may find address line 20 closed. */
const ROM_MIRRORS = [0xffff_0000, 0xffff_0000 - A20] as const;

/** Floppy, hard disk, CD-ROM. */
const USUAL_BOOT_ORDER: readonly number[] = [0x00, 0x80, CD_DRIVE];

export interface BiosOptions {
  /** BIOS drive numbers in the order in which INT 19h tries them. */
  readonly bootOrder?: readonly number[];
  /** What ACPI and MP tables tell; without it there are none. */
  readonly platform?: PlatformDescription;
  /** Whether a loader puts the system into memory at each reset of the machine, in place of INT 19h (`prepare`). */
  readonly loader?: boolean;
}

export class BuiltinBios {
  private readonly rom: BiosRom;
  private readonly services: Readonly<Record<ServiceName, Service>>;

  constructor(options: BiosOptions = {}) {
    this.rom = buildRom(options.platform && systemAreaTables(options.platform));
    const order = options.bootOrder ?? USUAL_BOOT_ORDER;
    this.services = {
      post: (call) => { post(call, this.rom); },
      bootstrap: options.loader === true ? bootAgain : (call) => { bootstrap(call, order); },
      bootNext: (call) => { bootNext(call, order); },
      noBoot,
      exception: exceptionService,
      irq: irqService,
      timerIrq,
      keyboardIrq,
      rtcIrq,
      mouseIrq,
      mouseDone,
      mouseRetry,
      video: videoService,
      equipment: equipmentService,
      memorySize: memorySizeService,
      disk: diskService,
      diskDone,
      serial: serialService,
      serialRetry,
      system: systemService,
      waitCheck,
      keyboard: keyboardService,
      printer: printerService,
      clock: clockService,
    };
  }

  /** The ROM below 1 MiB and its mirrors below 4 GiB, 64 KiB each. */
  get mappings(): readonly FirmwareMapping[] {
    return [SYSTEM_ROM_BASE, ...ROM_MIRRORS].map((address) => ({ address, bytes: this.rom.image, writable: false }));
  }

  /**
   * Leaves a machine that was just switched on as the self-test leaves it, in no time: for a system that a loader starts. What
   * such a system may ask of the BIOS works (Multiboot Specification 0.6.96, section 3.2: "normal working order").
   */
  prepare(machine: FirmwareEnvironment): void {
    prepareMachine(machine, this.rom);
  }

  /** Whether a write to SERVICE_PORT by code at this linear address (CS base + offset) is a service call. */
  owns(linear: number): boolean {
    return linear >= SYSTEM_ROM_BASE && linear < SYSTEM_ROM_BASE + ROM_BYTES;
  }

  /**
   * Serves a stub's write to SERVICE_PORT. The instruction pointer is the offset behind the OUT and
   * tells which stub it was; the service may set it to another place in the ROM.
   * @returns false when no stub of ours ends there; nothing has happened then
   */
  service(environment: FirmwareEnvironment): boolean {
    const point = this.rom.points.get(environment.cpu.instructionPointer);
    if (point === undefined) return false;
    this.services[point.name](new ServiceCall(environment, point.vector, this.rom));
    return true;
  }
}

/** The processor for the built-in BIOS: the reset state, CS:IP = F000:FFF0 with base FFFF0000h. */
export function initialCpuForBios(): InitialCpu {
  return resetCpu();
}
