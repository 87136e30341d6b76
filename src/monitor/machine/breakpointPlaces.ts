/** Execution breakpoints by where they are. */
import type { Cpu } from '../cpu/cpu';
import { PAGE_BYTES } from '../memory/layout';
import type { PhysicalMap } from '../memory/physicalMap';
import { signedAddress } from './addresses';
import type { Armed } from './stopLists';
import type { ExecutionBreakpoint } from './stops';

type ArmedBreakpoint = Armed<ExecutionBreakpoint>;

const NONE: readonly ArmedBreakpoint[] = [];

export class BreakpointPlaces {
  readonly linear = new Map<number, ArmedBreakpoint[]>();
  /** By address behind windows. */
  readonly physical = new Map<number, ArmedBreakpoint[]>();

  constructor(
    private readonly cpu: Cpu,
    private readonly map: PhysicalMap,
    breakpoints: readonly ArmedBreakpoint[],
  ) {
    for (const armed of breakpoints) {
      const { stop } = armed;
      if ('physical' in stop) add(this.physical, this.home(stop.physical), armed);
      else add(this.linear, 'linear' in stop ? signedAddress(stop.linear) : stop.segment * 16 + stop.offset, armed);
    }
  }

  /** Breakpoints at the instruction that is next, at a linear address. */
  at(linear: number): readonly ArmedBreakpoint[] {
    const here = this.linear.get(linear)?.filter(({ stop }) => !('segment' in stop) || this.isRealCode()) ?? NONE;
    if (this.physical.size === 0) return here;
    const { mmu } = this.cpu;
    const page = mmu.peekPage(mmu.pageOf(linear));
    const behind = page < 0 ? NONE : (this.physical.get(page * PAGE_BYTES + offsetInPage(linear)) ?? NONE);
    return [...here, ...behind];
  }

  private isRealCode(): boolean {
    const { state } = this.cpu;
    return !state.protectedMode || state.virtual8086;
  }

  private home(address: number): number {
    return this.map.behindWindows(Math.floor(address / PAGE_BYTES)) * PAGE_BYTES + (address % PAGE_BYTES);
  }
}

const offsetInPage = (linear: number): number => linear - Math.floor(linear / PAGE_BYTES) * PAGE_BYTES;

function add(places: Map<number, ArmedBreakpoint[]>, address: number, armed: ArmedBreakpoint): void {
  const list = places.get(address);
  if (list) list.push(armed);
  else places.set(address, [armed]);
}
