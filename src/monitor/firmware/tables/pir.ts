/**
 * The PCI interrupt routing table ($PIR), which operating systems without ACPI read to steer PCI interrupts.
 *
 * Source: Microsoft, PCI IRQ Routing Table Specification 1.0; PCI BIOS Specification 2.1, 4.7, has the same entries.
 */
import { concatenate, put16, put32, putText } from '../bytes';
import { PCI_SLOTS, pirqOf, STEERABLE_LINES } from './description';
import { checksumOf } from './linking';

const HEADER_BYTES = 32;
const ENTRY_BYTES = 16;
const VERSION = 0x0100;
/** The PIIX3's ISA bridge at 0:1.0, and the ID of the router that it is compatible with. */
const ROUTER = 0x08;
const ROUTER_ID = 0x7000_8086;
/** A link is known by its route control register. */
const FIRST_LINK = 0x60;
const PINS = 4;

function slotEntry(slot: number): Uint8Array {
  const entry = new Uint8Array(ENTRY_BYTES);
  entry[1] = slot << 3;
  const lines = STEERABLE_LINES.reduce((bits, line) => bits | (1 << line), 0);
  for (let pin = 0; pin < PINS; pin++) {
    entry[2 + 3 * pin] = FIRST_LINK + pirqOf(slot, pin);
    put16(entry, 3 + 3 * pin, lines);
  }
  return entry;
}

/** One entry for each slot: where each pin leads, and to which lines it can be steered. */
export function routingEntries(): Uint8Array {
  return concatenate(PCI_SLOTS.map(slotEntry));
}

/** The table with its checksum. No line is for PCI alone. */
export function interruptRoutingTable(): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  putText(header, 0, '$PIR');
  put16(header, 4, VERSION);
  header[9] = ROUTER;
  put32(header, 12, ROUTER_ID);
  const table = concatenate([header, routingEntries()]);
  put16(table, 6, table.length);
  table[31] = checksumOf(table);
  return table;
}
