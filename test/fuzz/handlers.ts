/**
 * Which handler a machine stands in.
 */
import { AT } from './layout';
import type { MachineState } from './machineState';

/** The vector in whose handler a machine stands, if it is one of the standard handlers. */
export function handlerVector(state: MachineState): number | undefined {
  const offset = Number(state.rip) + Number(state.segments.cs.base) - AT.handlers;
  return offset >= 0 && offset < 0x1000 && offset % 16 === 0 ? offset / 16 : undefined;
}
