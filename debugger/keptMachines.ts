/**
 * Machines that outlive the session that had them. A client that disconnects without ending its machine leaves it here, standing or
 * running; another session of the same adapter process attaches to it.
 */
import type { MachineEvent } from '../src/monitor/machine/session';
import { launchOptions } from './launchOptions';
import { userError, type DebuggedMachine } from './ports';

/** A machine that was left. */
export interface LeftMachine {
  readonly machine: DebuggedMachine;
  /** What it was launched with: symbols and sources are those of the one who attaches, unless that one names others. */
  readonly configuration: Readonly<Record<string, unknown>>;
}

/** A machine whose listeners can be let go of. */
export interface Releasable extends DebuggedMachine {
  /** From now on nobody is told anything, until somebody listens again. */
  silence(): void;
}

export function releasable(machine: DebuggedMachine): Releasable {
  const listeners = new Set<(event: MachineEvent) => void>();
  let isHeard = false;
  const { saveRecording, recordedHash } = machine;
  return {
    control: machine.control,
    inspect: machine.inspect,
    dispose: () => machine.dispose(),
    ...(saveRecording ? { saveRecording: (file, options) => saveRecording.call(machine, file, options) } : {}),
    ...(recordedHash === undefined ? {} : { recordedHash }),
    onEvent(listener) {
      listeners.add(listener);
      // Some machines tell their first listener what is worth knowing: they are listened to when there is one.
      if (!isHeard) machine.onEvent((event) => { for (const each of listeners) each(event); });
      isHeard = true;
    },
    silence: () => listeners.clear(),
  };
}

export class KeptMachines {
  private readonly machines = new Map<string, LeftMachine>();

  /** Gives the name by which it can be had. */
  keep(left: LeftMachine): string {
    const wanted = launchOptions(left.configuration).name;
    let given = wanted;
    for (let number = 2; this.machines.has(given); number++) given = `${wanted} ${number}`;
    this.machines.set(given, left);
    return given;
  }

  /** Takes one away again; without a name the only one. Error when there is none, or several. */
  take(name: string | undefined): LeftMachine {
    const names = [...this.machines.keys()];
    const taken = name ?? (names.length === 1 ? names[0] : undefined);
    const left = taken === undefined ? undefined : this.machines.get(taken);
    if (taken !== undefined && left) {
      this.machines.delete(taken);
      return left;
    }
    if (names.length === 0) throw userError("No machine was left here to attach to: use 'request': 'launch', and disconnect without ending the machine.");
    const all = names.map((each) => `'${each}'`).join(', ');
    throw userError(name === undefined ? `Which machine? 'machine' names it: ${all}.` : `There is no machine '${name}' here: there are ${all}.`);
  }

  /** Ends them all. */
  async dispose(): Promise<void> {
    const left = [...this.machines.values()];
    this.machines.clear();
    await Promise.all(left.map(({ machine }) => machine.dispose()));
  }
}
