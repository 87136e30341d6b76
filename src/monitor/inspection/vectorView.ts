/**
 * The interrupt table of real mode: where each vector leads, and whose code is there.
 */
import type { RealVector } from './descriptorTypes';
import type { ReadLinear } from './tableReader';

/** What a PC uses vectors for (IBM PC/AT Technical Reference, BIOS; MS-DOS Programmer's Reference). */
const PURPOSES: ReadonlyMap<number, string> = new Map([
  [0x00, 'division error'], [0x01, 'single step'], [0x02, 'NMI'], [0x03, 'breakpoint'], [0x04, 'overflow'], [0x05, 'print screen, BOUND'],
  [0x06, 'invalid opcode'], [0x07, 'no coprocessor'], [0x08, 'IRQ 0: timer'], [0x09, 'IRQ 1: keyboard'], [0x0a, 'IRQ 2: cascade'], [0x0b, 'IRQ 3: serial 2'],
  [0x0c, 'IRQ 4: serial 1'], [0x0d, 'IRQ 5'], [0x0e, 'IRQ 6: floppy'], [0x0f, 'IRQ 7: printer'], [0x10, 'video services'], [0x11, 'equipment list'],
  [0x12, 'memory size'], [0x13, 'disk services'], [0x14, 'serial services'], [0x15, 'system services'], [0x16, 'keyboard services'],
  [0x17, 'printer services'], [0x18, 'no boot device'], [0x19, 'bootstrap'], [0x1a, 'time of day'], [0x1b, 'Ctrl-Break'], [0x1c, 'timer tick'],
  [0x1d, 'pointer: video parameters'], [0x1e, 'pointer: floppy parameters'], [0x1f, 'pointer: graphics font'], [0x20, 'DOS: terminate'],
  [0x21, 'DOS services'], [0x33, 'mouse services'], [0x41, 'pointer: parameters of disk 0'], [0x43, 'pointer: character table'],
  [0x46, 'pointer: parameters of disk 1'], [0x4a, 'alarm'], [0x67, 'expanded memory'], [0x70, 'IRQ 8: clock'], [0x71, 'IRQ 9'], [0x72, 'IRQ 10'],
  [0x73, 'IRQ 11'], [0x74, 'IRQ 12: mouse'], [0x75, 'IRQ 13: coprocessor'], [0x76, 'IRQ 14: primary IDE'], [0x77, 'IRQ 15: secondary IDE'],
]);

const ENTRY = 4;
/** Where firmware may lie: above it there is the BIOS's mirror, or the high memory area. */
const ADAPTERS = 0xa0000;

/**
 * As many vectors as IDTR's limit admits.
 * @param areaOf what a PC has at a guest-physical address of the first MiB, above conventional memory
 */
export function realVectors(read: ReadLinear, base: bigint, limit: number, areaOf: (physical: number) => string | undefined): readonly RealVector[] {
  const count = Math.min(256, Math.floor((limit + 1) / ENTRY));
  const bytes = read(base, count * ENTRY);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.length / ENTRY) }, (_, vector) => {
    const offset = view.getUint16(ENTRY * vector, true);
    const selector = view.getUint16(ENTRY * vector + 2, true);
    const linear = selector * 16 + offset;
    const isPointer = PURPOSES.get(vector)?.startsWith('pointer') === true;
    const owner = linear === 0 ? 'nobody' : linear < ADAPTERS ? (isPointer ? 'data of the guest' : 'guest') : areaOf(linear) ?? 'guest, high memory';
    const purpose = PURPOSES.get(vector);
    return { vector, address: base + BigInt(ENTRY * vector), selector, offset, linear: BigInt(linear), owner, ...(purpose === undefined ? {} : { purpose }) };
  });
}
