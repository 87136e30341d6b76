/**
 * Modes of breakpoints: how one is put into the machine. The default is an invisible hook of the monitor at a linear address.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { CodePlace } from '../src/monitor/machine/session';
import { hex } from './numbers';
import { userError } from './ports';
import type { Target } from './target';

/** Where code is; `cr3`: in the address space of this root alone. */
export type PlacedCode = CodePlace & { readonly cr3?: number };

/** Where a breakpoint goes, or why it cannot. */
export type Spot =
  | { readonly places: readonly PlacedCode[]; readonly answer: Omit<DebugProtocol.Breakpoint, 'id' | 'verified'> }
  | { readonly reason: string };

export type BreakpointMode = 'hook' | 'physical' | 'guest-dr' | 'guest-int3';

export const BREAKPOINT_MODES: DebugProtocol.BreakpointMode[] = [
  {
    mode: 'hook', label: 'Invisible hook', appliesTo: ['source', 'instruction'],
    description: 'A hook of the monitor at the linear address, in every address space. The guest cannot see it, and there may be any number of them.',
  },
  {
    mode: 'physical', label: 'Physical address', appliesTo: ['source', 'instruction', 'data'],
    description: 'At the guest-physical address that the linear one has now, however it is mapped later, and in every address space that maps it.',
  },
  {
    mode: 'guest-dr', label: "The guest's debug registers", appliesTo: ['source', 'instruction'],
    description: "In DR0 to DR3 and DR7 of the guest's own, four at most. The guest can see and change them.",
  },
  {
    mode: 'guest-int3', label: 'INT3 in guest memory', appliesTo: ['source', 'instruction'],
    description: 'The first byte of the instruction becomes INT3. The guest can see it; the code must be there already.',
  },
];

/** Error for a mode that there is not. */
export function breakpointMode(text: string | undefined): BreakpointMode {
  if (text === undefined || text === 'hook') return 'hook';
  if (text === 'physical' || text === 'guest-dr' || text === 'guest-int3') return text;
  throw userError(`There is no breakpoint mode '${text}': there are ${BREAKPOINT_MODES.map(({ mode }) => mode).join(', ')}.`);
}

/** The places of a breakpoint in its mode. Error (for a person) for one that cannot be. */
export async function hookPlaces({ places }: Extract<Spot, { places: unknown }>, mode: BreakpointMode, target: Target): Promise<readonly PlacedCode[]> {
  if (mode !== 'physical') return places;
  return Promise.all(places.map(async (place) => ('linear' in place ? { physical: await physicalOf(place, target) } : place)));
}

/** The guest-physical address of a linear one, in the present address space where it says no other. Error where it is not mapped. */
export async function physicalOf({ linear, cr3 }: { readonly linear: bigint; readonly cr3?: number }, target: Target): Promise<number> {
  const { physical, story } = await target.inspect.walk(cr3, linear);
  if (physical === undefined) throw userError(`${hex(linear)} has no physical address now: ${story}`);
  return physical;
}
