/**
 * Breakpoints that the guest can see: in its own debug registers, and as INT3 instructions in its memory. Both change the machine, which
 * makes a new future of it, and both can be undone by the guest.
 */
import type { EventStop, ExceptionStop, StopReport } from '../src/monitor/machine/session';
import { linearPlace } from './addresses';
import { hex } from './numbers';
import { userError } from './ports';
import { registerNamed } from './registers';
import type { Target } from './target';

export interface GuestBreakpoint {
  readonly kind: 'debug register' | 'INT3';
  readonly address: bigint;
}

const DEBUG_REGISTERS = 4;
const DEBUG_EXCEPTION = 1;
const BREAKPOINT_EXCEPTION = 3;
const INT3 = 0xcc;
/** EFLAGS.RF: no instruction breakpoint at the next instruction (SDM volume 3, 18.3.1.1). */
const RESUME_FLAG = 0x10000n;
/** Numbers of these stops among exceptions and events: no filter has them. */
export const GUEST_STOP = 1_000_000_001;

export class GuestBreakpoints {
  /** What is in DR0 to DR3 of ours. */
  private readonly registers = new Array<bigint | undefined>(DEBUG_REGISTERS).fill(undefined);
  /** The bytes under INT3 instructions of ours. */
  private readonly patches = new Map<bigint, number>();

  constructor(private readonly target: Target) {}

  /** The machine has been reset: there is nothing of ours in it. */
  forget(): void {
    this.registers.fill(undefined);
    this.patches.clear();
  }

  /** Replaces all of them. Error (for a person) for one that cannot be set; the others are. */
  async set(wanted: readonly GuestBreakpoint[]): Promise<void> {
    const inRegisters = addresses(wanted, 'debug register');
    const patched = addresses(wanted, 'INT3');
    for (const [address, byte] of [...this.patches]) if (!patched.has(address)) await this.unpatch(address, byte);
    for (const [number, address] of this.registers.entries()) if (address !== undefined && !inRegisters.has(address)) await this.load(number, undefined);
    for (const address of patched) if (!this.patches.has(address)) await this.patch(address);
    for (const address of inRegisters) if (!this.registers.includes(address)) await this.load(await this.freeRegister(), address);
  }

  /** Stops by which the machine tells of them, besides those of the filters. */
  get exceptionStops(): readonly ExceptionStop[] {
    return this.registers.some((address) => address !== undefined) ? [{ id: GUEST_STOP, vector: DEBUG_EXCEPTION }] : [];
  }

  get eventStops(): readonly EventStop[] {
    return this.patches.size > 0 ? [{ id: GUEST_STOP, kind: 'softwareInterrupt', vector: BREAKPOINT_EXCEPTION }] : [];
  }

  /** What a stop is about, if it is about one of them. */
  kindOf({ reason, linear }: StopReport): GuestBreakpoint['kind'] | undefined {
    if (reason.kind === 'exception' && reason.ids?.includes(GUEST_STOP) && this.registers.includes(linear)) return 'debug register';
    return reason.kind === 'event' && reason.ids.includes(GUEST_STOP) && this.patches.has(linear) ? 'INT3' : undefined;
  }

  /**
   * The machine is to go on from where it stands: past a debug register by the resume flag, past an INT3 by the instruction that was
   * there. Gives how to put that INT3 back, once the machine is past it.
   */
  async leave(): Promise<(() => Promise<void>) | undefined> {
    if (this.patches.size === 0 && this.exceptionStops.length === 0) return undefined;
    const { linear, flags, processor } = await this.target.cpu();
    if (this.registers.includes(linear)) {
      await this.target.control.setRegister(flags.name, flags.value | RESUME_FLAG, processor.count === 1 ? undefined : processor.index);
    }
    const byte = this.patches.get(linear);
    if (byte === undefined) return undefined;
    await this.write(linear, byte);
    return () => this.write(linear, INT3);
  }

  private async patch(address: bigint): Promise<void> {
    const [byte] = await this.target.read(linearPlace(address), 1);
    if (byte === undefined) throw userError(`INT3 cannot be written to ${hex(address)}: nothing is mapped there now.`);
    await this.write(address, INT3);
    this.patches.set(address, byte);
  }

  private async unpatch(address: bigint, byte: number): Promise<void> {
    this.patches.delete(address);
    const [now] = await this.target.read(linearPlace(address), 1);
    // Where the guest has written something else, nothing of ours is left.
    if (now === INT3) await this.write(address, byte);
  }

  private async write(address: bigint, byte: number): Promise<void> {
    await this.target.control.writeMemory({ kind: 'linear' }, address, Uint8Array.of(byte));
    this.target.forget();
  }

  private async freeRegister(): Promise<number> {
    const dr7 = registerNamed(await this.target.cpu(), 'dr7')?.value ?? 0n;
    const free = this.registers.findIndex((address, number) => address === undefined && ((dr7 >> BigInt(2 * number)) & 3n) === 0n);
    if (free < 0) throw userError('All four debug registers are in use: take a breakpoint of this mode away, or use hooks, of which there are any number.');
    return free;
  }

  /** Sets, or switches off, a debug register of all CPUs: an execution breakpoint, enabled globally. */
  private async load(number: number, address: bigint | undefined): Promise<void> {
    const { processor: { count } } = await this.target.cpu();
    for (let index = 0; index < count; index++) {
      const cpu = count === 1 ? undefined : index;
      const dr7 = registerNamed(await this.target.inspect.cpu(cpu), 'dr7')?.value ?? 0n;
      const off = dr7 & ~((3n << BigInt(2 * number)) | (15n << BigInt(16 + 4 * number)));
      if (address !== undefined) await this.target.control.setRegister(`dr${number}`, address, cpu);
      await this.target.control.setRegister('dr7', address === undefined ? off : off | (2n << BigInt(2 * number)), cpu);
    }
    this.registers[number] = address;
    this.target.forget();
  }
}

function addresses(wanted: readonly GuestBreakpoint[], kind: GuestBreakpoint['kind']): ReadonlySet<bigint> {
  return new Set(wanted.filter((each) => each.kind === kind).map(({ address }) => address));
}
