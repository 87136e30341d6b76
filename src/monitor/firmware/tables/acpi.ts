/**
 * The ACPI tables: RSDP, RSDT, XSDT, FADT, FACS, MADT, HPET and DSDT (ACPI Specification 2.0c and 6.5, chapter 5), as blobs
 * that are linked where they come to lie.
 */
import { PLATFORM } from '../../devices/device';
import { alignUp, concatenate, put16, put32, put64, putText } from '../bytes';
import { PIRQ_LINES, type PlatformDescription } from './description';
import { dsdtTerms } from './dsdt';
import type { Blob, Checksum, Pointer } from './linking';

export const ACPI_BLOB = { pointer: 'etc/acpi/rsdp', tables: 'etc/acpi/tables', control: 'etc/acpi/facs' } as const;

export const RSDP_SIGNATURE = 'RSD PTR ';

const HEADER_BYTES = 36;
const OEM_ID = 'SHADOW';
const OEM_TABLE_ID = 'SHADOWBX';
const CREATOR_ID = 'SBOX';
const TABLE_ALIGNMENT = 16;

/** A table with its header; length and checksum are filled in when tables are put together. */
function table(signature: string, revision: number, contents: Uint8Array): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  putText(header, 0, signature);
  put32(header, 4, HEADER_BYTES + contents.length);
  header[8] = revision;
  putText(header, 10, OEM_ID);
  putText(header, 16, OEM_TABLE_ID);
  put32(header, 24, 1);
  putText(header, 28, CREATOR_ID);
  put32(header, 32, 1);
  return concatenate([header, contents]);
}

// MADT (5.2.12).

/** Interrupt source override flags: active high, level triggered; 0 is what the bus has. */
const LEVEL_HIGH = 0x0d;

function localApicEntry(index: number): Uint8Array {
  return Uint8Array.of(0, 8, index, index, 1, 0, 0, 0);
}

function ioApicEntry(): Uint8Array {
  const entry = Uint8Array.of(1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  put32(entry, 4, PLATFORM.ioApic);
  return entry;
}

/** An ISA line that is not the input of its own number, or is not edge triggered. */
function overrideEntry(line: number, input: number, flags: number): Uint8Array {
  const entry = Uint8Array.of(2, 10, 0, line, 0, 0, 0, 0, 0, 0);
  put32(entry, 4, input);
  put16(entry, 8, flags);
  return entry;
}

/** LINT1 of all local APICs is NMI. */
const NMI_ENTRY = Uint8Array.of(4, 6, 0xff, 0, 0, 1);

function madt({ cpus }: PlatformDescription): Uint8Array {
  const head = new Uint8Array(8);
  put32(head, 0, PLATFORM.localApic);
  // PCAT_COMPAT: there is a pair of 8259s, too.
  put32(head, 4, 1);
  const levelLines = [...new Set([PLATFORM.sciLine, ...PIRQ_LINES])];
  return table('APIC', 3, concatenate([
    head,
    ...Array.from({ length: cpus }, (_, index) => localApicEntry(index)),
    ioApicEntry(),
    overrideEntry(0, PLATFORM.timerInput, 0),
    ...levelLines.map((line) => overrideEntry(line, line, LEVEL_HIGH)),
    NMI_ENTRY,
  ]));
}

// HPET description table (IA-PC HPET specification 1.0a, 3.2.4).

/** The low half of the capabilities register: vendor 8086, legacy replacement, 64 bits, three timers, revision 1. */
const HPET_BLOCK = 0x8086_a201;
/** Shortest period that loses no interrupts, in ticks of 10 ns. */
const HPET_MINIMUM = 100;

function hpet(): Uint8Array {
  const contents = new Uint8Array(20);
  put32(contents, 0, HPET_BLOCK);
  // Generic address structure: memory, 64 bits.
  contents[5] = 64;
  put64(contents, 8, PLATFORM.hpet);
  put16(contents, 17, HPET_MINIMUM);
  return table('HPET', 1, contents);
}

// FADT (5.2.9), in the form of ACPI 2.0: 244 bytes.

const FADT_BYTES = 244;
const FADT = {
  facs: 36, dsdt: 40, profile: 45, sciLine: 46, pm1Event: 56, pm1Control: 64, pmTimer: 76, generalEvents: 80, pm1EventBytes: 88,
  pm1ControlBytes: 89, pmTimerBytes: 91, generalEventBytes: 92, c2Latency: 96, c3Latency: 98, century: 108, bootArchitecture: 109, flags: 112,
  resetRegister: 116, resetValue: 128, xDsdt: 140, xPm1Event: 148, xPm1Control: 172, xPmTimer: 208, xGeneralEvents: 220,
} as const;
const DESKTOP = 1;
/** Latencies that say that there is no C2 and no C3. */
const NO_C2 = 0x65;
const NO_C3 = 0x3e9;
const CENTURY_CELL = 0x32;
/** IAPC_BOOT_ARCH: ISA devices, and an 8042. */
const BOOT_ARCHITECTURE = 0x0003;
/** WBINVD, PROC_C1, no fixed sleep button, RESET_REG_SUP. */
const FADT_FLAGS = 0x0000_0425;
/** Offsets of the register blocks in the power management ports. */
const PM1_EVENT = 0;
const PM1_CONTROL = 4;
const PM_TIMER = 8;
const GENERAL_EVENTS = 12;

/** Generic address structure of a port register. */
function putPort(fadt: Uint8Array, at: number, port: number, bits: number): void {
  fadt.set([1, bits, 0, bits === 8 ? 1 : bits === 16 ? 2 : 3], at);
  put64(fadt, at + 4, port);
}

function fadt({ powerManagementPort: port = PLATFORM.powerManagement }: PlatformDescription): Uint8Array {
  const bytes = table('FACP', 3, new Uint8Array(FADT_BYTES - HEADER_BYTES));
  bytes[FADT.profile] = DESKTOP;
  put16(bytes, FADT.sciLine, PLATFORM.sciLine);
  put32(bytes, FADT.pm1Event, port + PM1_EVENT);
  put32(bytes, FADT.pm1Control, port + PM1_CONTROL);
  put32(bytes, FADT.pmTimer, port + PM_TIMER);
  put32(bytes, FADT.generalEvents, port + GENERAL_EVENTS);
  bytes[FADT.pm1EventBytes] = 4;
  bytes[FADT.pm1ControlBytes] = 2;
  bytes[FADT.pmTimerBytes] = 4;
  bytes[FADT.generalEventBytes] = 4;
  put16(bytes, FADT.c2Latency, NO_C2);
  put16(bytes, FADT.c3Latency, NO_C3);
  bytes[FADT.century] = CENTURY_CELL;
  put16(bytes, FADT.bootArchitecture, BOOT_ARCHITECTURE);
  put32(bytes, FADT.flags, FADT_FLAGS);
  putPort(bytes, FADT.resetRegister, PLATFORM.resetPort, 8);
  bytes[FADT.resetValue] = PLATFORM.resetValue;
  putPort(bytes, FADT.xPm1Event, port + PM1_EVENT, 32);
  putPort(bytes, FADT.xPm1Control, port + PM1_CONTROL, 16);
  putPort(bytes, FADT.xPmTimer, port + PM_TIMER, 32);
  putPort(bytes, FADT.xGeneralEvents, port + GENERAL_EVENTS, 32);
  return bytes;
}

// Putting together.

/** Tables one behind the other, with what is to be linked in them. */
class TableWriter {
  private readonly parts: Uint8Array[] = [];
  private length = 0;
  readonly pointers: Pointer[] = [];
  readonly checksums: Checksum[] = [];

  /** Adds a table and gives its offset. */
  add(bytes: Uint8Array): number {
    const at = this.length;
    const padded = new Uint8Array(alignUp(bytes.length, TABLE_ALIGNMENT));
    padded.set(bytes);
    this.parts.push(padded);
    this.length += padded.length;
    this.checksums.push({ at: at + 9, first: at, bytes: bytes.length });
    return at;
  }

  point(at: number, width: 4 | 8, target: string): void {
    this.pointers.push({ at, bytes: width, target });
  }

  get bytes(): Uint8Array {
    return concatenate(this.parts);
  }
}

/** RSDT (entries of 4 bytes) or XSDT (8 bytes) of the tables at these offsets. */
function addRoot(writer: TableWriter, signature: string, width: 4 | 8, offsets: readonly number[]): number {
  const entries = new Uint8Array(offsets.length * width);
  offsets.forEach((offset, index) => { put32(entries, index * width, offset); });
  const at = writer.add(table(signature, 1, entries));
  offsets.forEach((_, index) => { writer.point(at + HEADER_BYTES + index * width, width, ACPI_BLOB.tables); });
  return at;
}

/** Root system description pointer (5.2.5.3): a checksum over 20 bytes as ACPI 1.0 had it, and one over all. */
function rootPointer(rsdt: number, xsdt: number): Blob {
  const bytes = new Uint8Array(36);
  putText(bytes, 0, RSDP_SIGNATURE);
  putText(bytes, 9, OEM_ID);
  bytes[15] = 2;
  put32(bytes, 16, rsdt);
  put32(bytes, 20, bytes.length);
  put64(bytes, 24, xsdt);
  return {
    name: ACPI_BLOB.pointer, bytes, alignment: 16, inSystemArea: true,
    pointers: [{ at: 16, bytes: 4, target: ACPI_BLOB.tables }, { at: 24, bytes: 8, target: ACPI_BLOB.tables }],
    checksums: [{ at: 8, first: 0, bytes: 20 }, { at: 32, first: 0, bytes: 36 }],
  };
}

/** Firmware ACPI control structure (5.2.10): the one that operating systems write to. It has no checksum. */
export function controlStructure(): Blob {
  const bytes = new Uint8Array(64);
  putText(bytes, 0, 'FACS');
  put32(bytes, 4, bytes.length);
  bytes[32] = 1;
  return { name: ACPI_BLOB.control, bytes, alignment: 64, inSystemArea: false, pointers: [], checksums: [] };
}

/** All tables as three blobs: the root pointer, the tables, and the control structure, which must lie in RAM. */
export function acpiBlobs(description: PlatformDescription): { pointer: Blob; tables: Blob; control: Blob } {
  const writer = new TableWriter();
  const dsdt = writer.add(table('DSDT', 2, dsdtTerms(description)));
  const fixed = fadt(description);
  put32(fixed, FADT.dsdt, dsdt);
  put32(fixed, FADT.xDsdt, dsdt);
  const fadtAt = writer.add(fixed);
  writer.point(fadtAt + FADT.facs, 4, ACPI_BLOB.control);
  writer.point(fadtAt + FADT.dsdt, 4, ACPI_BLOB.tables);
  writer.point(fadtAt + FADT.xDsdt, 8, ACPI_BLOB.tables);
  const listed = [fadtAt];
  if (description.hasApic) listed.push(writer.add(madt(description)));
  if (description.hasHpet === true) listed.push(writer.add(hpet()));
  const rsdt = addRoot(writer, 'RSDT', 4, listed);
  const xsdt = addRoot(writer, 'XSDT', 8, listed);
  return {
    pointer: rootPointer(rsdt, xsdt),
    tables: {
      name: ACPI_BLOB.tables, bytes: writer.bytes, alignment: 64, inSystemArea: false, pointers: writer.pointers,
      checksums: writer.checksums,
    },
    control: controlStructure(),
  };
}
