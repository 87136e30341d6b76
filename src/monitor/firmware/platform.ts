/**
 * What firmware and loaders may ask of the machine that they prepare: physical memory, ports, a CPU
 * whose registers they set, disks to boot from. Declared here so that firmware knows no other room.
 */
import type { AccessSize, BlockBackend } from '../devices/device';

/**
 * Guest-physical memory. Bytes outside RAM read as 0xFF and swallow writes. ROM can be written here.
 * A range that a device answers to (the VGA window at A0000-BFFFF) goes to that device.
 */
export interface PhysicalMemory {
  /** Size of RAM in bytes, from address 0 (the hole at A0000-FFFFF is counted). */
  readonly ramBytes: number;
  read(address: number, bytes: number): Uint8Array;
  write(address: number, bytes: Uint8Array): void;
  read8(address: number): number;
  read16(address: number): number;
  read32(address: number): number;
  write8(address: number, value: number): void;
  write16(address: number, value: number): void;
  write32(address: number, value: number): void;
  /** Declares a guest-physical range to be ROM: guest writes are dropped from then on. Page aligned. */
  protect(address: number, bytes: number): void;
}

export interface PortBus {
  readPort(port: number, size: AccessSize): number;
  writePort(port: number, size: AccessSize, value: number): void;
}

export type GeneralName = 'eax' | 'ecx' | 'edx' | 'ebx' | 'esp' | 'ebp' | 'esi' | 'edi';
export type SegmentName = 'es' | 'cs' | 'ss' | 'ds' | 'fs' | 'gs';

/** The CPU at a service call of the built-in BIOS (real mode or virtual-8086 mode). */
export interface FirmwareCpu {
  get(register: GeneralName): number;
  set(register: GeneralName, value: number): void;
  selector(segment: SegmentName): number;
  /** Linear base of a segment. */
  base(segment: SegmentName): number;
  /** Sets a segment register as a real-mode load does (base = selector * 16). */
  setSelector(segment: SegmentName, selector: number): void;
  /** Offset in CS at which the guest goes on. */
  instructionPointer: number;
}

/** A segment's visible and hidden part. */
export interface SegmentImage {
  readonly selector: number;
  readonly base: number;
  /** Bytes, granularity applied. */
  readonly limit: number;
  /** Descriptor bits 8-23 of the high dword, as type (4), S, DPL (2), P, AVL, L, D/B, G from bit 0 up: 0x93 = data RW present, 0xC9B = flat 32-bit code. */
  readonly attributes: number;
}

/** The processor as firmware or a loader leaves it for the first instruction. Missing fields keep their reset values. */
export interface InitialCpu {
  readonly instructionPointer: number;
  readonly general?: Partial<Readonly<Record<GeneralName, number>>>;
  readonly segments?: Partial<Readonly<Record<SegmentName, SegmentImage>>>;
  readonly cr0?: number;
  readonly flags?: number;
  readonly gdtr?: { readonly base: number; readonly limit: number };
  readonly idtr?: { readonly base: number; readonly limit: number };
}

/** What a loader hands back, having written the guest into memory. */
export interface LoadedGuest {
  readonly cpu: InitialCpu;
  /** Sentences for the person, about what was left out or may surprise. */
  readonly notes: readonly string[];
}

/** A firmware image and the guest-physical address that it is mapped at (page aligned). */
export interface FirmwareMapping {
  readonly address: number;
  readonly bytes: Uint8Array;
  /** Whether guest writes take effect (shadow RAM) or are dropped (ROM). */
  readonly writable: boolean;
}

/** Sectors that the built-in BIOS wants to be read or written. Plain data. */
export interface DiskRequest {
  /** BIOS number of the drive: floppies from 0, hard disks from 80h, the CD-ROM drive at E0h. */
  readonly drive: number;
  readonly operation: 'read' | 'write';
  /** First sector and number of sectors, of 512 bytes. */
  readonly lba: number;
  readonly count: number;
  /** Guest-physical address of the data. */
  readonly address: number;
}

/** A floppy drive. */
export interface FirmwareFloppy {
  /** As the CMOS counts: 1 360 KB, 2 1.2 MB, 3 720 KB, 4 1.44 MB, 5 2.88 MB. */
  readonly type: number;
  /** What is in it now. */
  disk(): BlockBackend | undefined;
  /** Whether its change line is up. */
  isChanged(): boolean;
  /** A seek, which takes the change line down if there is a disk. */
  acknowledgeChange(): void;
}

/** What the built-in BIOS finds around it. */
export interface FirmwareEnvironment {
  readonly memory: PhysicalMemory;
  readonly ports: PortBus;
  readonly cpu: FirmwareCpu;
  /** Drives A and B. */
  readonly floppies: readonly FirmwareFloppy[];
  /** Hard disks by BIOS number, from 0x80. */
  readonly drives: ReadonlyMap<number, BlockBackend>;
  /** The CD-ROM drive, and what is in it now. */
  readonly cdrom: { disc(): BlockBackend | undefined } | undefined;
  /** Begins a transfer, which is done before the guest's next instruction; its status is in the EBDA then. */
  transfer(request: DiskRequest): void;
  /** The present moment in cycles. */
  now(): number;
  /** Debug output, as port E9. */
  log(text: string): void;
}

/** A failure that the user can mend: says which file or field, what is wrong, and what to do. */
export class LoadError extends Error {
  constructor(
    message: string,
    /** Configuration field that it is about: 'kernel', 'initrd', 'cmdline', 'multiboot', 'modules', 'flat', 'memory', 'firmware', 'floppy'. */
    readonly field: string,
  ) {
    super(message);
    this.name = 'LoadError';
  }
}
