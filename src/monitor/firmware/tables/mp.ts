/** The tables of the MultiProcessor Specification 1.4: floating pointer structure and configuration table. */
import { PLATFORM } from '../../devices/device';
import { concatenate, put16, put32, putText } from '../bytes';
import { PCI_SLOTS, PIRQ_LINES, pirqOf, type PlatformDescription } from './description';
import { checksumOf } from './linking';

const POINTER_BYTES = 16;

const SPECIFICATION = 4;
const HEADER_BYTES = 44;
const BUS = { pci: 0, isa: 1 } as const;
const IO_APIC_ID = 0;
/** Versions of the APICs, as their version registers give them. */
const LOCAL_APIC_VERSION = 0x14;
const IO_APIC_VERSION = 0x11;
const INTERRUPT = { vectored: 0, nmi: 1, external: 3 } as const;
/** Polarity and trigger mode: as the bus has them; or active high and level; or active low and level. */
const FLAGS = { bus: 0x0, levelHigh: 0xd, levelLow: 0xf } as const;
const BOOTSTRAP_APIC = 0;
const ALL_LOCAL_APICS = 0xff;
/** Family 6 with x87 unit and APIC: what the specification's form for processors before CPUID needs. */
const PROCESSOR_SIGNATURE = 0x600;
const PROCESSOR_FEATURES = 0x201;

const ISA_LINES = 16;
const CASCADE_LINE = 2;
const PINS = 4;

function processorEntry(index: number): Uint8Array {
  const entry = new Uint8Array(20);
  entry.set([0, index, LOCAL_APIC_VERSION, index === 0 ? 3 : 1]);
  put32(entry, 4, PROCESSOR_SIGNATURE);
  put32(entry, 8, PROCESSOR_FEATURES);
  return entry;
}

function busEntry(id: number, type: string): Uint8Array {
  const entry = Uint8Array.of(1, id, 0, 0, 0, 0, 0, 0);
  putText(entry, 2, type.padEnd(6));
  return entry;
}

function ioApicEntry(): Uint8Array {
  const entry = Uint8Array.of(2, IO_APIC_ID, IO_APIC_VERSION, 1, 0, 0, 0, 0);
  put32(entry, 4, PLATFORM.ioApic);
  return entry;
}

interface Assignment {
  readonly type: number;
  readonly flags: number;
  readonly bus: number;
  /** ISA line; for PCI the slot * 4 + pin. */
  readonly source: number;
  readonly input: number;
}

/** An interrupt that leads to an I/O APIC (entry type 3) or to local APICs (4). */
function interruptEntry(kind: 3 | 4, destination: number, { type, flags, bus, source, input }: Assignment): Uint8Array {
  const entry = Uint8Array.of(kind, type, 0, 0, bus, source, destination, input);
  put16(entry, 2, flags);
  return entry;
}

function isaAssignments(): Assignment[] {
  const levelLines = [PLATFORM.sciLine, ...PIRQ_LINES];
  return Array.from({ length: ISA_LINES }, (_, line) => line)
    .filter((line) => line !== CASCADE_LINE)
    .map((line) => ({
      type: INTERRUPT.vectored, flags: levelLines.includes(line) ? FLAGS.levelHigh : FLAGS.bus, bus: BUS.isa, source: line,
      input: line === 0 ? PLATFORM.timerInput : line,
    }));
}

function pciAssignments(): Assignment[] {
  return PCI_SLOTS.flatMap((slot) =>
    Array.from({ length: PINS }, (_, pin) => ({
      type: INTERRUPT.vectored, flags: FLAGS.levelLow, bus: BUS.pci, source: slot * PINS + pin,
      input: PLATFORM.firstPirqInput + pirqOf(slot, pin),
    })),
  );
}

/** The 8259s reach LINT0 of the bootstrap processor, and input 0 of the I/O APIC; NMI is LINT1 of all. */
const EXTERNAL: Assignment = { type: INTERRUPT.external, flags: FLAGS.bus, bus: BUS.isa, source: 0, input: 0 };
const NMI: Assignment = { type: INTERRUPT.nmi, flags: FLAGS.bus, bus: BUS.isa, source: 0, input: 1 };

/** The configuration table (4.2), complete with its checksum. */
export function mpConfigurationTable({ cpus }: PlatformDescription): Uint8Array {
  const entries = [
    ...Array.from({ length: cpus }, (_, index) => processorEntry(index)),
    busEntry(BUS.pci, 'PCI'),
    busEntry(BUS.isa, 'ISA'),
    ioApicEntry(),
    ...[EXTERNAL, ...isaAssignments(), ...pciAssignments()].map((a) => interruptEntry(3, IO_APIC_ID, a)),
    interruptEntry(4, BOOTSTRAP_APIC, EXTERNAL),
    interruptEntry(4, ALL_LOCAL_APICS, NMI),
  ];
  const header = new Uint8Array(HEADER_BYTES);
  putText(header, 0, 'PCMP');
  header[6] = SPECIFICATION;
  putText(header, 8, 'SHADOWBX');
  putText(header, 16, 'Shadowbox'.padEnd(12));
  put16(header, 34, entries.length);
  put32(header, 36, PLATFORM.localApic);
  const table = concatenate([header, ...entries]);
  put16(table, 4, table.length);
  table[7] = checksumOf(table);
  return table;
}

/** The floating pointer structure (4.1) to a configuration table; no IMCR: virtual wire mode. */
export function mpFloatingPointer(table: number): Uint8Array {
  const bytes = new Uint8Array(POINTER_BYTES);
  putText(bytes, 0, '_MP_');
  put32(bytes, 4, table);
  bytes[8] = bytes.length / 16;
  bytes[9] = SPECIFICATION;
  bytes[10] = checksumOf(bytes);
  return bytes;
}
