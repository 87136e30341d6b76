/**
 * The machine under the debugger, and what is remembered of it while it stands: its CPU state is asked for
 * once a stop, memory in whole pages.
 */
import type { MachineControl, MachineSession, MemorySpace } from '../src/monitor/machine/session';
import type { CpuState, Inspection } from '../src/monitor/inspection/queries';
import { littleEndian } from './numbers';
import type { Place } from './addresses';
import { SyncMemory } from './syncMemory';

const PAGE = 4096n;
const REMEMBERED_PAGES = 256;

export class Target {
  private standing = true;
  private cpuState: Promise<CpuState> | undefined;
  private pages = new Map<string, Promise<Uint8Array>>();
  private readonly synchronous = new SyncMemory((place, count) => this.readForValues(place, count));
  /** Where a linear address can be read that this CPU does not map. */
  private elsewhere: (address: bigint) => MemorySpace | undefined = () => undefined;

  /** @param index the CPU that is looked at, from 0; the one whose turn it is when it is missing */
  constructor(private readonly machine: MachineSession, readonly index?: number) {}

  /** The same machine as another CPU has it. */
  of(index: number): Target {
    const other = new Target(this.machine, index);
    other.elsewhere = this.elsewhere;
    return other;
  }

  /** Values at addresses that a CPU does not map are read in the space that `elsewhere` gives. Memory itself is shown as it is mapped. */
  readValuesAlso(elsewhere: (address: bigint) => MemorySpace | undefined): void {
    this.elsewhere = elsewhere;
  }

  /** Whether the machine stands: what is remembered of it holds. */
  get stands(): boolean {
    return this.standing;
  }

  get control(): MachineControl {
    return this.machine.control;
  }

  get inspect(): Inspection {
    return this.machine.inspect;
  }

  /** The machine has been set going: nothing that is remembered holds any more. */
  going(): void {
    this.standing = false;
    this.forget();
  }

  /** The machine stands: answers may be remembered until it goes or is changed. */
  stopped(): void {
    this.standing = true;
    this.forget();
  }

  /** Something was changed from outside (a register, memory): ask anew. */
  forget(): void {
    this.cpuState = undefined;
    this.pages.clear();
    this.synchronous.clear();
  }

  /** Memory for synchronous computations; while the machine runs nothing is kept from one use to the next. */
  get memory(): SyncMemory {
    if (!this.standing) this.synchronous.clear();
    return this.synchronous;
  }

  cpu(): Promise<CpuState> {
    if (!this.standing) return this.inspect.cpu(this.index);
    this.cpuState ??= this.inspect.cpu(this.index);
    return this.cpuState;
  }

  /**
   * Up to `count` bytes at a place; short where a page is absent. Small reads of linear memory are served from
   * remembered pages while the machine stands.
   */
  async read(place: Place, count: number): Promise<Uint8Array> {
    if (!this.standing || count > Number(PAGE)) {
      return this.inspect.readMemory(this.seen(place.space), place.address, count);
    }
    const first = place.address & ~(PAGE - 1n);
    const skip = Number(place.address - first);
    const head = (await this.page(place.space, first)).subarray(skip, skip + count);
    const missing = count - head.length;
    if (missing === 0 || skip + head.length < Number(PAGE)) return head;
    const tail = (await this.page(place.space, first + PAGE)).subarray(0, missing);
    const both = new Uint8Array(head.length + tail.length);
    both.set(head);
    both.set(tail, head.length);
    return both;
  }

  /** The unsigned little-endian number of `size` bytes, or undefined when it cannot be read whole. */
  async readNumber(place: Place, size: number): Promise<bigint | undefined> {
    const bytes = await this.read(place, size);
    return bytes.length < size ? undefined : littleEndian(bytes);
  }

  /** Linear addresses are those of this CPU. */
  seen(space: MemorySpace): MemorySpace {
    return space.kind === 'linear' && space.cpu === undefined && this.index !== undefined ? { kind: 'linear', cpu: this.index } : space;
  }

  private async readForValues(place: Place, count: number): Promise<Uint8Array> {
    const bytes = await this.read(place, count);
    const space = bytes.length === 0 && place.space.kind === 'linear' ? this.elsewhere(place.address) : undefined;
    return space ? this.inspect.readMemory(space, place.address, count) : bytes;
  }

  private page(space: MemorySpace, address: bigint): Promise<Uint8Array> {
    const key = `${space.kind}:${space.kind === 'linearUnder' ? space.cr3 : ''}:${address}`;
    const known = this.pages.get(key);
    if (known) return known;
    if (this.pages.size >= REMEMBERED_PAGES) this.pages.clear();
    const asked = this.inspect.readMemory(this.seen(space), address, Number(PAGE));
    this.pages.set(key, asked);
    return asked;
  }
}
