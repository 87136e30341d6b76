/**
 * The client's breakpoints (packets Z and z). Both kinds of execution breakpoints come to the same, as ours are invisible: they
 * change no memory and take no debug register of the guest's.
 */
import type { ExecutionBreakpoint, MachineControl } from '../../monitor/machine/session';
import { bigNumber } from './numbers';

type Kind = 'software' | 'hardware';

const KINDS: ReadonlyMap<string, Kind> = new Map([['0', 'software'], ['1', 'hardware']]);

interface GdbBreakpoint {
  readonly id: number;
  readonly kind: Kind;
  readonly linear: bigint;
}

export class Breakpoints {
  private readonly set = new Map<string, GdbBreakpoint>();
  private lastId = 0;
  private isDirty = false;

  /** `addressMask`: the bits that addresses have. */
  constructor(private readonly control: Pick<MachineControl, 'setBreakpoints'>, private readonly addressMask: bigint) {}

  /** `Z type,addr,kind`. The answer; empty for a type that there is not. */
  insert(text: string): string {
    return this.change(text, (key, kind, linear) => {
      if (!this.set.has(key)) this.set.set(key, { id: ++this.lastId, kind, linear });
    });
  }

  /** `z type,addr,kind`. */
  remove(text: string): string {
    return this.change(text, (key) => this.set.delete(key));
  }

  private change(text: string, act: (key: string, kind: Kind, linear: bigint) => void): string {
    const [type = '', address] = text.split(/[,;]/);
    const kind = KINDS.get(type);
    if (kind === undefined) return '';
    const linear = bigNumber(address) & this.addressMask;
    act(`${kind} ${linear}`, kind, linear);
    this.isDirty = true;
    return 'OK';
  }

  /** Tells the machine. GDB takes its breakpoints out at each stop, and puts them in again: this is for when it goes. */
  async apply(): Promise<void> {
    if (!this.isDirty) return;
    this.isDirty = false;
    await this.control.setBreakpoints([...this.set.values()].map(({ id, linear }): ExecutionBreakpoint => ({ id, linear })));
  }

  /** Takes all out of the machine. */
  async clear(): Promise<void> {
    this.isDirty ||= this.set.size > 0;
    this.set.clear();
    await this.apply();
  }

  /** What kind of breakpoint of ours was reached; undefined when none was. */
  reached(ids: readonly number[]): Kind | undefined {
    const kinds = [...this.set.values()].filter(({ id }) => ids.includes(id)).map(({ kind }) => kind);
    return kinds.includes('software') ? 'software' : kinds[0];
  }
}
