/**
 * A machine's state at one moment, without what it holds in bulk (memory and disks, see ../snapshot/history): CPUs, devices, what is
 * due. Derived structures are no part of it: those that have become wrong are dropped when it is restored.
 */
import type { DeviceStop } from '../devices/device';
import { copyPlain } from '../snapshot/plainCopy';
import type { EventQueueState } from './eventQueue';
import type { MachineParts } from './parts';
import type { Position } from './position';
import type { ProcessorsState } from './processors';
import type { StopReason } from './session';

/** What the machine itself keeps, beside its parts. */
export interface OwnState {
  readonly position: Position;
  readonly queue: EventQueueState;
  readonly dead: StopReason | undefined;
  readonly stopRequest: DeviceStop | undefined;
  /** Pieces of output up to this moment. */
  readonly produced: number;
}

export interface MachineState {
  readonly own: OwnState;
  /** Blocks of all CPUs, the active one's first. */
  readonly cpus: readonly Uint8Array[];
  readonly processors: ProcessorsState;
  readonly devices: ReadonlyMap<string, object>;
  /** Pages of ROM, which a chipset may have opened for writing. */
  readonly rom: readonly number[];
  /** Pages that the guest has given back to the balloon. */
  readonly givenBack: readonly number[];
}

/** A copy of the present state. What is equal to an earlier copy is shared with it. */
export function saveState({ processors, board, map }: MachineParts, own: OwnState, earlier?: MachineState): MachineState {
  return {
    own: copyPlain(own, earlier?.own),
    cpus: processors.saveBlocks(),
    processors: copyPlain(processors.state, earlier?.processors),
    devices: new Map(board.devices.map(({ name, state }) => [name, copyPlain(state, earlier?.devices.get(name))])),
    rom: copyPlain(map.romPages(), earlier?.rom),
    givenBack: copyPlain(map.givenBackPages(), earlier?.givenBack),
  };
}

/** All plain state beside memory and CPUs, by name: what a machine's hash is made of. */
export function plainStates({ processors, board, drives, floppies }: MachineParts, queue: EventQueueState): Readonly<Record<string, unknown>> {
  const states: Record<string, unknown> = { processors: processors.state, queue: { ...queue, pending: queue.pending.map(({ device, event, time }) => ({ device, event, time })), nextOrder: 0 } };
  for (const device of board.devices) states[device.name] = device.state;
  // What an image's file holds is no part of the machine, nor is what takes its place in a recording.
  for (const [number, drive] of drives) states[`drive${number}`] = drive.start ? new Map() : drive.overlay;
  // A floppy that was put in counts by what has been written to it: whether it has ever been opened, a machine cannot tell.
  const written = [...floppies.later].filter(([, { overlay }]) => overlay.size > 0).sort(([one], [other]) => (one < other ? -1 : 1));
  for (const [path, { overlay }] of written) states[`floppy ${path}`] = overlay;
  return states;
}

/** Gives the parts a state back, when memory and disks hold what they held then. */
export function restoreState({ processors, board, map, executor }: MachineParts, { own, cpus, processors: turns, devices, rom, givenBack }: MachineState): void {
  const wanted = new Set(rom);
  for (const page of map.romPages()) if (!wanted.has(page)) map.setRom(page, false);
  for (const page of rom) map.setRom(page, true);
  map.restoreGivenBack(givenBack);
  for (const device of board.devices) {
    const state = devices.get(device.name);
    if (state) device.state = copyPlain(state);
  }
  processors.restore(cpus, copyPlain(turns), own.position.changes);
  executor.restored(own.position.deliveries);
  board.announce();
}
