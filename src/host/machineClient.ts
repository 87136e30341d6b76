/**
 * The host context's side of the world switch: a `MachineSession` whose calls travel as messages to the machine
 * in its monitor context. Knows no Node API.
 */
import type { Inspection } from '../monitor/inspection/queries';
import { MachineError } from '../monitor/machine/blame';
import type { MachineControl, MachineEvent, MachineSession } from '../monitor/machine/session';
import { uncarryError } from './protocol';
import type { CallAnswer, CallArguments, CallName, MonitorMessage, ServiceCalls } from './protocol';

/** The way to the monitor context. */
export interface ClientPort {
  /** Sends a call and rings the doorbell. */
  post(message: { readonly id: number; readonly name: CallName; readonly parameters: readonly unknown[] }): void;
  /** Ends the monitor context. */
  end(): Promise<void>;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class MachineClient implements MachineSession {
  readonly control: MachineControl;
  readonly inspect: Inspection;
  /** For services of the host's. */
  readonly services: ServiceCalls = { inputs: (inputs) => this.call('inputs', inputs) };
  private readonly port: ClientPort;
  private readonly listeners: ((event: MachineEvent) => void)[] = [];
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;
  private running = false;
  /** Why no more calls can be answered. */
  private lost: MachineError | undefined;

  constructor(port: ClientPort) {
    this.port = port;
    this.control = this.makeControl();
    this.inspect = this.makeInspection();
  }

  onEvent(listener: (event: MachineEvent) => void): void {
    this.listeners.push(listener);
  }

  async dispose(): Promise<void> {
    this.lose(new MachineError('the machine has been switched off', 'user'));
    await this.port.end();
  }

  /** Takes a message from the monitor context ('ready', 'failed' and what devices send are for whoever started it). */
  receive(message: MonitorMessage): void {
    if (message.kind === 'event') this.tell(message.event);
    else if (message.kind === 'answer') this.settle(message.id, ({ resolve }) => resolve(message.value));
    else if (message.kind === 'refusal') this.settle(message.id, ({ reject }) => reject(uncarryError(message.error)));
  }

  /** The monitor context is gone without having been asked to go: a run ends with the reason, calls fail. */
  died(message: string, stack: string): void {
    if (this.lost !== undefined) return;
    const wasRunning = this.running;
    this.lose(new MachineError(message, 'internal'));
    if (!wasRunning) return;
    const reason = { kind: 'internal-error', message, stack } as const;
    this.tell({ kind: 'stopped', report: { reason, retired: 0, time: 0, selector: 0, instructionPointer: 0n, linear: 0n } });
  }

  private tell(event: MachineEvent): void {
    if (event.kind === 'running') this.running = true;
    if (event.kind === 'stopped') this.running = false;
    for (const listener of this.listeners) listener(event);
  }

  private settle(id: number, how: (waiting: Waiting) => void): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (waiting !== undefined) how(waiting);
  }

  private lose(why: MachineError): void {
    this.lost ??= why;
    for (const id of [...this.waiting.keys()]) this.settle(id, ({ reject }) => reject(why));
  }

  private call<Name extends CallName>(name: Name, ...parameters: CallArguments<Name>): Promise<CallAnswer<Name>> {
    if (this.lost !== undefined) return Promise.reject(this.lost);
    this.lastId += 1;
    const id = this.lastId;
    return new Promise<CallAnswer<Name>>((resolve, reject) => {
      // The other side answers a call with the type that its name has; nothing else holds that across a thread border.
      this.waiting.set(id, { resolve: (value) => resolve(value as CallAnswer<Name>), reject });
      this.port.post({ id, name, parameters });
    });
  }

  private makeControl(): MachineControl {
    return {
      resume: (request) => this.call('resume', request),
      pause: () => this.call('pause'),
      setBreakpoints: (breakpoints) => this.call('setBreakpoints', breakpoints),
      setExceptionStops: (stops) => this.call('setExceptionStops', stops),
      setWatchpoints: (watchpoints) => this.call('setWatchpoints', watchpoints),
      setEventStops: (stops) => this.call('setEventStops', stops),
      setRegister: (name, value, cpu) => this.call('setRegister', name, value, cpu),
      writeMemory: (space, address, bytes) => this.call('writeMemory', space, address, bytes),
      input: (input) => this.call('input', input),
      reset: () => this.call('reset'),
      travel: (to) => this.call('travel', to),
      bookmark: (change) => this.call('bookmark', change),
      stepBack: (unit) => this.call('stepBack', unit),
      reverseContinue: () => this.call('reverseContinue'),
      recording: () => this.call('recording'),
      record: () => this.call('record'),
      saveSnapshot: (order) => this.call('saveSnapshot', order),
      diskStarts: () => this.call('diskStarts'),
    };
  }

  private makeInspection(): Inspection {
    return {
      summary: () => this.call('summary'),
      cpu: (index) => this.call('cpu', index),
      descriptors: () => this.call('descriptors'),
      readMemory: (space, address, bytes) => this.call('readMemory', space, address, bytes),
      addressSpaces: () => this.call('addressSpaces'),
      table: (request) => this.call('table', request),
      walk: (cr3, linear, key) => this.call('walk', cr3, linear, key),
      frames: () => this.call('frames'),
      frame: (page) => this.call('frame', page),
      regions: () => this.call('regions'),
      region: (entry) => this.call('region', entry),
      profile: (action) => this.call('profile', action),
      counters: () => this.call('counters'),
      execution: () => this.call('execution'),
      devices: () => this.call('devices'),
      interrupts: () => this.call('interrupts'),
      events: () => this.call('events'),
      disks: () => this.call('disks'),
      readDisk: (name, offset, bytes) => this.call('readDisk', name, offset, bytes),
      screen: () => this.call('screen'),
      timeline: (range) => this.call('timeline', range),
      picture: (since) => this.call('picture', since),
      hash: () => this.call('hash'),
    };
  }
}
