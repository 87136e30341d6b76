/**
 * Memory references: the stable strings by which client and adapter name a place in memory.
 * `0x…` is a linear address in the current space, `lin:CR3:ADDRESS` one under a given CR3, `phys:0x…` guest-physical.
 */
import type { MemorySpace } from '../src/monitor/machine/session';
import { hex, parseInteger } from './numbers';

/** A byte of memory. */
export interface Place {
  readonly space: MemorySpace;
  readonly address: bigint;
}

export function linearPlace(address: bigint): Place {
  return { space: { kind: 'linear' }, address };
}

/** The reference of a place. */
export function formatReference(place: Place): string {
  switch (place.space.kind) {
    case 'linear': return hex(place.address);
    case 'physical': return `phys:${hex(place.address)}`;
    case 'linearUnder': return `lin:${hex(place.space.cr3)}:${hex(place.address)}`;
  }
}

/** The place that a reference names, when it has one of the forms above (`lin:0x…` and plain decimal too). */
export function parseReference(text: string): Place | undefined {
  const parts = text.trim().toLowerCase().split(':');
  const address = parseInteger(parts[parts.length - 1]);
  if (address === undefined || address < 0n) return undefined;
  if (parts.length === 1) return linearPlace(address);
  if (parts.length === 2 && parts[0] === 'phys') return { space: { kind: 'physical' }, address };
  if (parts.length === 2 && parts[0] === 'lin') return linearPlace(address);
  if (parts.length === 3 && parts[0] === 'lin') {
    const cr3 = parseInteger(parts[1]);
    if (cr3 !== undefined && cr3 >= 0n) return { space: { kind: 'linearUnder', cr3: Number(cr3) }, address };
  }
  return undefined;
}
