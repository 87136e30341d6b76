/** Resource descriptors, as _CRS gives them in a buffer (ACPI Specification 6.5, 6.4). */
import { concatenate, put16, put32 } from '../bytes';
import { buffer, type Aml } from './aml';

/** Type of an address space descriptor, and its type-specific flags. */
const SPACE = { memory: 0, io: 1, bus: 2 } as const;
/** Minimum and maximum are fixed; the device decodes positively and produces the range for its children. */
const FIXED_PRODUCER = 0x0c;
const MEMORY_READ_WRITE = 0x01;
const MEMORY_CACHEABLE = 0x02;
const IO_ENTIRE_RANGE = 0x03;

/** I/O ports of a device, all 16 address bits decoded. */
export function ports(first: number, count: number): Uint8Array {
  const bytes = Uint8Array.of(0x47, 1, 0, 0, 0, 0, 1, count);
  put16(bytes, 2, first);
  put16(bytes, 4, first);
  return bytes;
}

/** An ISA interrupt: edge triggered, active high. */
export function isaInterrupt(line: number): Uint8Array {
  const bytes = Uint8Array.of(0x22, 0, 0);
  put16(bytes, 1, 1 << line);
  return bytes;
}

/** Consumer, level triggered, active high, shared. */
const STEERED_INTERRUPT = 0x09;
/** Where the first interrupt is in such a descriptor. */
export const INTERRUPT_OFFSET = 5;

/** The interrupts, by number, that a PCI interrupt can be steered to, or the one that it is steered to. */
export function steeredInterrupt(...lines: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(INTERRUPT_OFFSET + 4 * lines.length);
  bytes[0] = 0x89;
  put16(bytes, 1, bytes.length - 3);
  bytes.set([STEERED_INTERRUPT, lines.length], 3);
  lines.forEach((line, index) => { put32(bytes, INTERRUPT_OFFSET + 4 * index, line); });
  return bytes;
}

/** An ISA DMA channel: compatibility timing, 8 bits, no bus master. */
export function dmaChannel(channel: number): Uint8Array {
  return Uint8Array.of(0x2a, 1 << channel, 0x00);
}

/** A fixed range of memory, bytes. */
export function fixedMemory(first: number, count: number, writable = true): Uint8Array {
  const bytes = new Uint8Array(12);
  bytes[0] = 0x86;
  put16(bytes, 1, 9);
  bytes[3] = writable ? 1 : 0;
  put32(bytes, 4, first);
  put32(bytes, 8, count);
  return bytes;
}

function wordRange(space: number, flags: number, first: number, last: number): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes[0] = 0x88;
  put16(bytes, 1, 13);
  bytes.set([space, FIXED_PRODUCER, flags], 3);
  put16(bytes, 8, first);
  put16(bytes, 10, last);
  put16(bytes, 14, last - first + 1);
  return bytes;
}

/** Buses below a host bridge. */
export function busRange(first: number, last: number): Uint8Array {
  return wordRange(SPACE.bus, 0, first, last);
}

/** Ports that a host bridge passes on. */
export function portWindow(first: number, last: number): Uint8Array {
  return wordRange(SPACE.io, IO_ENTIRE_RANGE, first, last);
}

/** Memory that a host bridge passes on. */
export function memoryWindow(first: number, last: number, cacheable = false): Uint8Array {
  const bytes = new Uint8Array(26);
  bytes[0] = 0x87;
  put16(bytes, 1, 23);
  bytes.set([SPACE.memory, FIXED_PRODUCER, MEMORY_READ_WRITE | (cacheable ? MEMORY_CACHEABLE : 0)], 3);
  put32(bytes, 10, first);
  put32(bytes, 14, last);
  put32(bytes, 22, last - first + 1);
  return bytes;
}

/** A buffer with these descriptors and the end tag, whose checksum 0 means that there is none. */
export function resources(...descriptors: readonly Uint8Array[]): Aml {
  return buffer(concatenate([...descriptors, Uint8Array.of(0x79, 0x00)]));
}
