/** A debugger's requests to a machine's memory, by linear or guest-physical addresses. */
import { controlsUnder, type PagingMode } from '../memory/guestPaging';
import { PAGE_BYTES } from '../memory/layout';
import { DEVICE, NOTHING } from '../memory/physicalMap';
import { MachineError } from './blame';
import type { MachineParts } from './parts';
import type { MemorySpace } from './session';

/** Pieces of a memory request: guest-physical page (or -1), offset in it, bytes, and where they lie in the request. */
interface Piece {
  readonly page: number;
  readonly offset: number;
  readonly bytes: number;
  readonly done: number;
}

const MOST_BYTES = 64 * 1024 * 1024;

/** Bits of linear addresses by paging mode; 64-bit ones repeat their highest bit upwards (canonical form). */
const LINEAR_BITS: Readonly<Record<PagingMode, number>> = { none: 32, '32-bit': 32, PAE: 32, '4-level': 48, '5-level': 57 };

/** Whether there is such a linear address. */
function isLinear(mode: PagingMode, address: bigint): boolean {
  const bits = LINEAR_BITS[mode];
  return bits === 32 ? address >> 32n === 0n : BigInt.asUintN(64, BigInt.asIntN(bits, address)) === address;
}

/** Guest-physical addresses have 40 bits here. */
const PHYSICAL_BITS = 40n;

/** Does what concerns a memory with the paging that it is seen through. */
function seenThrough<T>({ processors }: MachineParts, space: MemorySpace, act: () => T): T {
  return processors.visit((space.kind === 'linear' ? space.cpu : undefined) ?? processors.current, act);
}

function* pieces(parts: MachineParts, space: MemorySpace, address: bigint, bytes: number): Generator<Piece> {
  const { mmu, map } = parts;
  const controls = space.kind === 'linearUnder' ? controlsUnder(mmu.currentControls, map, space.cr3) : mmu.currentControls;
  let done = 0;
  while (done < bytes) {
    const at = address + BigInt(done);
    const offset = Number(at & 0xfffn);
    const count = Math.min(bytes - done, PAGE_BYTES - offset);
    const number = Number(at >> 12n);
    const isThere = at >= 0n && (space.kind === 'physical' ? at >> PHYSICAL_BITS === 0n : isLinear(controls.mode, at));
    const page = !isThere ? -1 : space.kind === 'physical' ? map.behindWindows(number) : mmu.peekPage(number, controls);
    yield { page, offset, bytes: count, done };
    done += count;
  }
}

/** Bytes at an address, without side effects: fewer where something is not there, or has nothing to show. Throws MachineError. */
export function readMemory(parts: MachineParts, space: MemorySpace, address: bigint, bytes: number): Uint8Array {
  if (!Number.isInteger(bytes) || bytes < 0 || bytes > MOST_BYTES) {
    throw new MachineError(`${bytes} bytes cannot be read at once: ask for 0 to ${MOST_BYTES}.`, 'user');
  }
  return seenThrough(parts, space, () => copyOut(parts, space, address, bytes));
}

function copyOut(parts: MachineParts, space: MemorySpace, address: bigint, bytes: number): Uint8Array {
  const { map } = parts;
  const target = new Uint8Array(bytes);
  for (const piece of pieces(parts, space, address, bytes)) {
    const entry = piece.page < 0 ? NOTHING : map.entry(piece.page);
    if (entry === NOTHING || entry === DEVICE) {
      const device = entry === DEVICE ? parts.board.vga.peekMemory(piece.page * PAGE_BYTES + piece.offset, piece.bytes) : undefined;
      if (!device) return target.slice(0, piece.done);
      target.set(device, piece.done);
    } else target.set(map.copyOut(piece.page * PAGE_BYTES + piece.offset, piece.bytes), piece.done);
  }
  return target;
}

/** Writes bytes at an address, ROM and the VGA's window included; gives how many, fewer where something is not there. */
export function writeMemory(parts: MachineParts, space: MemorySpace, address: bigint, bytes: Uint8Array): number {
  return seenThrough(parts, space, () => copyIn(parts, space, address, bytes));
}

function copyIn(parts: MachineParts, space: MemorySpace, address: bigint, bytes: Uint8Array): number {
  const { map } = parts;
  for (const piece of pieces(parts, space, address, bytes.length)) {
    const at = piece.page * PAGE_BYTES + piece.offset;
    const part = bytes.subarray(piece.done, piece.done + piece.bytes);
    if (piece.page >= 0 && map.entry(piece.page) === DEVICE) {
      const { vga } = parts.board;
      if (!vga.inWindow(at, part.length)) return piece.done;
      // As the guest's own writes: what comes of them hangs on the mode.
      part.forEach((byte, index) => vga.writeMemory(at + index, 1, byte));
      continue;
    }
    const frame = piece.page < 0 ? NOTHING : map.frame(piece.page);
    if (frame <= 0) return piece.done;
    map.copyIn(at, part);
  }
  return bytes.length;
}
