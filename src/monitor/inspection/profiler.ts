/**
 * Where the guest spends its time: at the end of each slice of the run loop, which comes some hundred times a second, its
 * instruction pointer and the chain of frame pointers above it. It only looks, between two slices, so that a run is the same with
 * it as without. What was retired since the sample before is put down to the place, so that slices of different lengths weigh what they are.
 */
import type { Cpu } from '../cpu/cpu';
import * as L from '../cpu/layout';
import type { ProfileAction, ProfileStack, ProfileView } from './regionTypes';

/** Reads linear memory without side effects; short where there is none. */
export type ReadLinear = (address: bigint, bytes: number) => Uint8Array;

const MOST_FRAMES = 24;
const PAGE = 4096n;
/** Different stacks that are kept. */
const MOST_STACKS = 5000;
/** A caller's frame is not further away than this. */
const LONGEST_FRAME = 1n << 20n;

export class Profiler {
  private running = false;
  private stacks = new Map<string, { -readonly [Key in keyof ProfileStack]: ProfileStack[Key] }>();
  private samples = 0;
  private idle = 0;
  private lost = 0;
  private retired = 0;
  private last = 0;

  constructor(
    private readonly cpu: Cpu,
    private readonly read: ReadLinear,
    private readonly retiredNow: () => number,
  ) {}

  profile(action?: ProfileAction): Omit<ProfileView, 'milliseconds'> {
    if (action === 'start') this.start();
    if (action === 'stop') this.running = false;
    const { running, samples, retired, idle, lost } = this;
    return { running, samples, retired, idle, lost, stacks: [...this.stacks.values()] };
  }

  private start(): void {
    this.running = true;
    this.stacks = new Map();
    this.samples = this.idle = this.lost = this.retired = 0;
    this.last = this.retiredNow();
  }

  /** A slice has ended. Does nothing unless it is told to. */
  sample(): void {
    if (!this.running) return;
    const now = this.retiredNow();
    // A machine that was reset, or has gone back in time, counts from another place.
    const passed = Math.max(0, now - this.last);
    this.last = now;
    this.samples++;
    this.retired += passed;
    if (this.cpu.state.halted) this.idle++;
    this.note(passed);
  }

  private note(passed: number): void {
    const addresses = this.chain();
    const key = addresses.join();
    const known = this.stacks.get(key);
    if (known) {
      known.samples++;
      known.retired += passed;
    } else if (this.stacks.size < MOST_STACKS) this.stacks.set(key, { addresses, user: this.cpu.user, samples: 1, retired: passed });
    else this.lost++;
  }

  /** Where the guest is, and its callers as far as frame pointers tell. */
  private chain(): bigint[] {
    const { state } = this.cpu;
    const addresses = [this.outside(state.linear(L.CS, state.eip))];
    const bytes = state.codeBits / 8;
    if (bytes < 4 || !state.protectedMode) return addresses;
    const word = this.stackReader(bytes);
    let frame = state.reg64(L.RBP);
    while (addresses.length < MOST_FRAMES && frame > 0n) {
      const [next, caller] = [word(frame), word(frame + BigInt(bytes))];
      if (next === undefined || caller === undefined || caller < PAGE) break;
      addresses.push(caller);
      // The chain goes up, and ends where anything else is in the register.
      if (next <= frame || next - frame > LONGEST_FRAME) break;
      frame = next;
    }
    return addresses;
  }

  /** Reads words of a stack, a page at a time: frames lie side by side. Words across a page's end are none. */
  private stackReader(bytes: number): (address: bigint) => bigint | undefined {
    let base = -1n;
    let view: DataView = new DataView(new ArrayBuffer(0));
    return (address) => {
      const offset = Number(address % PAGE);
      if (address - BigInt(offset) !== base) {
        base = address - BigInt(offset);
        const page = this.read(base, Number(PAGE));
        view = new DataView(page.buffer, page.byteOffset, page.length);
      }
      if (offset + bytes > view.byteLength) return undefined;
      return bytes === 8 ? view.getBigUint64(offset, true) : BigInt(view.getUint32(offset, true));
    };
  }

  private outside(linear: number): bigint {
    return BigInt.asUintN(64, this.cpu.state.exactAddress(linear));
  }
}
