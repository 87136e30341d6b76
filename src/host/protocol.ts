/**
 * What crosses the world switch: calls by name with their arguments, answers by number, events. The calls are
 * exactly those of `MachineControl` and `Inspection`, typed from them.
 */
import type { MachineInput } from '../monitor/devices/device';
import type { Inspection } from '../monitor/inspection/queries';
import type { Blame } from '../monitor/machine/blame';
import { MachineError } from '../monitor/machine/blame';
import type { MachineControl, MachineEvent } from '../monitor/machine/session';
import { LoadError } from '../monitor/firmware/platform';

/** What the host's own services ask. */
export interface ServiceCalls {
  /** Several inputs, in their order, while the machine runs; gives the moment of each, in cycles, when all have been taken. */
  inputs(inputs: readonly MachineInput[]): Promise<readonly number[]>;
}

/** Calls that are answered when they are done; all others are at once. */
export type LateCalls = keyof ServiceCalls;

/** Every call that the monitor context answers. */
export type RemoteCalls = MachineControl & Inspection & ServiceCalls;
export type CallName = keyof RemoteCalls;
export type CallArguments<Name extends CallName> = Parameters<RemoteCalls[Name]>;
export type CallAnswer<Name extends CallName> = Awaited<ReturnType<RemoteCalls[Name]>>;

/** Host context to monitor context. */
export type CallMessage<Name extends CallName = CallName> = {
  [Each in Name]: { readonly id: number; readonly name: Each; readonly parameters: CallArguments<Each> }
}[Name];

/** An error as it travels: structured clone keeps neither its class nor its extra fields. */
export interface CarriedError {
  readonly message: string;
  readonly blame: Blame;
  readonly field?: string;
  /** Stack in the monitor context; only for our own failures. */
  readonly stack?: string;
}

/** What a device has sent to a service of the host's: bytes, and up to where in them each moment's reach. */
export interface DeviceMessage {
  readonly kind: 'device';
  readonly channel: string;
  readonly bytes: Uint8Array;
  readonly moments: readonly { readonly end: number; readonly time: number }[];
}

/** Whether output of this channel is for a service of the host's ('net0'), and not for whoever has the session. */
export function isServiceChannel(channel: string): boolean {
  return channel.startsWith('net');
}

/** Monitor context to host context. */
export type MonitorMessage =
  /** The machine is built and stands on its first instruction. */
  | { readonly kind: 'ready' }
  /** It could not be built; nothing more comes. */
  | { readonly kind: 'failed'; readonly error: CarriedError }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'refusal'; readonly id: number; readonly error: CarriedError }
  | DeviceMessage
  | { readonly kind: 'event'; readonly event: MachineEvent };

/** Packs whatever was thrown. What is neither a MachineError nor a LoadError is our own failure. */
export function carryError(error: unknown): CarriedError {
  if (error instanceof MachineError) {
    return { message: error.message, blame: error.blame, ...(error.field === undefined ? {} : { field: error.field }) };
  }
  if (error instanceof LoadError) return { message: error.message, blame: 'user', field: error.field };
  if (error instanceof Error) return { message: error.message, blame: 'internal', stack: error.stack ?? '' };
  return { message: String(error), blame: 'internal', stack: '' };
}

/** Unpacks an error on the other side. An internal one keeps the stack of where it happened. */
export function uncarryError(carried: CarriedError): MachineError {
  const error = new MachineError(carried.message, carried.blame, carried.field);
  if (carried.stack !== undefined) error.stack = carried.stack;
  return error;
}
