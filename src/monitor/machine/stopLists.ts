/**
 * The lists of stops, as they were set: each stop with its compiled gate and filter. A list that is set again keeps what is the same
 * in it, with its hits.
 */
import * as L from '../cpu/layout';
import type { Cpu } from '../cpu/cpu';
import { MachineError } from './blame';
import type { GateContext } from './gateExpressions';
import { CompiledGate, type LogKeeper, type Verdict } from './gates';
import type { Gate, Stop, StopList } from './stops';

/** More would slow a machine down in ways that nobody wants, and comes of a mistake. */
const MOST_STOPS = 100_000;
const PAGE = 4096;

/** A stop, ready to be decided about. */
export class Armed<S extends Partial<Stop>> {
  private readonly gate: CompiledGate | undefined;

  constructor(
    readonly stop: S,
    list: StopList,
    private readonly context: GateContext,
    keeper: LogKeeper,
  ) {
    if (stop.gate) {
      checkHits(stop.gate);
      this.gate = new CompiledGate(list, stop.id ?? -1, stop.gate, context, keeper);
    }
  }

  /** Whether the filter lets code pass that runs now on the CPU whose turn it is, by default with its present privilege. */
  concerns(cpl = this.context.cpu.state.cpl): boolean {
    const { stop, context: { cpu } } = this;
    if (stop.cpu !== undefined && stop.cpu !== cpu.place.index) return false;
    if (stop.privilege !== undefined && stop.privilege !== privilegeOf(cpl)) return false;
    return stop.cr3 === undefined || isUnder(cpu, stop.cr3);
  }

  judge(backwards: boolean): Verdict {
    return this.gate?.judge(backwards) ?? true;
  }
}

export const privilegeOf = (cpl: number): 'user' | 'kernel' => (cpl === 3 ? 'user' : 'kernel');

/** Whether a CR3, of which the page counts, is the present one. */
function isUnder({ state }: Cpu, wanted: number): boolean {
  const now = state.u64(L.CR3) & ~0xfffn & ~(1n << 63n);
  return now === BigInt(wanted - (wanted % PAGE));
}

function checkHits({ hits }: Gate): void {
  if (!hits) return;
  if (!['==', '>=', 'multiple'].includes(hits.op)) throw new MachineError(`Hits can be counted by ==, >= and multiple, not by '${String(hits.op)}'.`, 'user');
  if (!Number.isSafeInteger(hits.count) || hits.count < 1) throw new MachineError(`${hits.count} is no number of hits: give a whole number from 1 up.`, 'user');
}

export class ArmedList<S extends Partial<Stop>> {
  armed: readonly Armed<S>[] = [];

  constructor(
    private readonly name: StopList,
    private readonly context: GateContext,
    private readonly keeper: LogKeeper,
    /** Throws MachineError (blame: user) for a stop that cannot be. */
    private readonly check: (stop: S) => void,
  ) {}

  /** Replaces the list. Says whether anything is other than before. MachineError (blame: user) leaves it as it was. */
  set(stops: readonly S[]): boolean {
    if (stops.length > MOST_STOPS) throw new MachineError(`${stops.length} ${this.name} are too many: set ${MOST_STOPS} at most.`, 'user');
    const old = new Map(this.armed.map((armed) => [armed.stop.id, armed]));
    const armed = stops.map((stop) => {
      const known = old.get(stop.id);
      if (known && isEqual(known.stop, stop)) return known;
      this.check(stop);
      return new Armed(stop, this.name, this.context, this.keeper);
    });
    const isSame = armed.length === this.armed.length && armed.every((each, i) => each === this.armed[i]);
    this.armed = armed;
    return !isSame;
  }
}

/** Whether two pieces of plain data are equal. */
function isEqual(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  const [mine, theirs] = [Object.entries(one), new Map(Object.entries(other))];
  return mine.length === theirs.size && mine.every(([key, value]) => theirs.has(key) && isEqual(value, theirs.get(key)));
}
