/** What the tables for operating systems (ACPI, MultiProcessor Specification) have to know of the machine. */

export interface PlatformDescription {
  /** Number of processors, 1 to 8; their APIC IDs count from 0. */
  readonly cpus: number;
  /** Whether the CPU model has a local APIC: else the tables tell of no APICs. */
  readonly hasApic: boolean;
  /** Whether the board has a high precision event timer. Default false. */
  readonly hasHpet?: boolean;
  /** First port of the power management registers. Default: where our firmware places them. */
  readonly powerManagementPort?: number;
  /** Guest RAM below 4 GiB, in bytes: the window for PCI memory begins behind it. */
  readonly memoryBytes: number;
}

/** ISA lines that the firmware routes PIRQ A to D to, for operating systems that use the 8259 pair. */
export const PIRQ_LINES: readonly number[] = [10, 10, 11, 11];

/** ISA lines that PIRQ A to D can be steered to, as operating systems are told: those that no device of the board needs. */
export const STEERABLE_LINES: readonly number[] = [5, 10, 11];

/** Slots of PCI bus 0 that can hold a device with interrupts. */
export const PCI_SLOTS: readonly number[] = Array.from({ length: 31 }, (_, index) => index + 1);

/** The PIRQ (0 to 3) that INTA-INTD (`pin` 0 to 3) of a slot leads to. */
export function pirqOf(slot: number, pin: number): number {
  return (slot + pin + 3) & 3;
}
