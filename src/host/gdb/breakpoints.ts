/**
 * The client's breakpoints and watchpoints (packets Z and z). Both kinds of execution breakpoints come to the same, as ours are
 * invisible: they change no memory and take no debug register of the guest's. There may be any number of either, of any length.
 */
import type { ExecutionBreakpoint, MachineControl, StopReason, Watchpoint } from '../../monitor/machine/session';
import { bigNumber, smallNumber } from './numbers';

/** By the number in the packet: how GDB is told that one was come to, and what accesses count. */
const KINDS: ReadonlyMap<string, { readonly word: string; readonly access?: Watchpoint['access'] }> = new Map([
  ['0', { word: 'swbreak' }],
  ['1', { word: 'hwbreak' }],
  // GDB goes on by itself where a write has changed nothing: it need not be told.
  ['2', { word: 'watch', access: 'change' as const }],
  ['3', { word: 'rwatch', access: 'read' as const }],
  ['4', { word: 'awatch', access: 'readWrite' as const }],
]);

interface GdbStop {
  readonly id: number;
  readonly word: string;
  /** Undefined for an execution breakpoint. */
  readonly access: Watchpoint['access'] | undefined;
  readonly address: bigint;
  /** Bytes that are watched. */
  readonly length: number;
}

export class Breakpoints {
  private readonly set = new Map<string, GdbStop>();
  private lastId = 0;
  private isDirty = false;

  /** `addressMask`: the bits that addresses have. */
  constructor(private readonly control: Pick<MachineControl, 'setBreakpoints' | 'setWatchpoints'>, private readonly addressMask: bigint) {}

  /** `Z type,addr,kind`. The answer; empty for a type that there is not. */
  insert(text: string): string {
    return this.change(text, (key, stop) => {
      if (!this.set.has(key)) this.set.set(key, { ...stop, id: ++this.lastId });
    });
  }

  /** `z type,addr,kind`. */
  remove(text: string): string {
    return this.change(text, (key) => this.set.delete(key));
  }

  private change(text: string, act: (key: string, stop: Omit<GdbStop, 'id'>) => void): string {
    const [type = '', address, length] = text.split(/[,;]/);
    const kind = KINDS.get(type);
    if (kind === undefined) return '';
    const { word, access } = kind;
    const stop = { word, access, address: bigNumber(address) & this.addressMask, length: access === undefined ? 1 : smallNumber(length) };
    act(`${word} ${stop.address} ${stop.length}`, stop);
    this.isDirty = true;
    return 'OK';
  }

  /**
   * Tells the machine. GDB takes its breakpoints out at each stop, and puts them in again: this is for when it goes.
   * Throws MachineError when the machine refuses one.
   */
  async apply(): Promise<void> {
    if (!this.isDirty) return;
    this.isDirty = false;
    const all = [...this.set.values()];
    await this.control.setBreakpoints(all.filter(({ access }) => access === undefined).map(({ id, address }): ExecutionBreakpoint => ({ id, linear: address })));
    await this.control.setWatchpoints(all.flatMap(({ id, access, address, length }): readonly Watchpoint[] =>
      (access === undefined ? [] : [{ id, space: 'linear', address, length, access }])));
  }

  /** Takes all out of the machine. */
  async clear(): Promise<void> {
    this.isDirty ||= this.set.size > 0;
    this.set.clear();
    await this.apply();
  }

  /** Whether any accesses are watched. */
  get watches(): boolean {
    return [...this.set.values()].some(({ access }) => access !== undefined);
  }

  /** GDB's words in a stop reply for what was come to; empty when it was none of these. */
  reached(reason: StopReason): string {
    const all = [...this.set.values()];
    if (reason.kind === 'breakpoint') {
      const words = all.filter(({ id, access }) => access === undefined && reason.ids.includes(id)).map(({ word }) => word);
      const [first] = words;
      return first === undefined ? '' : `${words.includes('swbreak') ? 'swbreak' : first}:;`;
    }
    if (reason.kind !== 'watchpoint') return '';
    for (const { id, linear } of reason.hits) {
      const stop = all.find((each) => each.id === id && each.access !== undefined);
      if (stop) return `${stop.word}:${(BigInt.asUintN(64, linear ?? stop.address) & this.addressMask).toString(16)};`;
    }
    return '';
  }
}
