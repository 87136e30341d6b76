// The machines that run now: one for each debug session of ours, and what state each is in.
import * as vscode from 'vscode';
import type { PanelRequests } from '../../../debugger/panelProtocol';
import type { DebugEvents } from '../debugEvents';
import { isRecord } from '../records';

export type MachineState = 'starting' | 'running' | 'stopped' | 'off';

/** What a machine says of itself. */
export interface MachineFacts {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly retired: number;
  readonly disks: PanelRequests['shadowbox.disks']['answer']['disks'];
  readonly timeline: PanelRequests['shadowbox.timeline']['answer'];
  readonly watches: PanelRequests['shadowbox.watches']['answer']['watches'];
}

export interface RunningMachine {
  readonly session: vscode.DebugSession;
  readonly state: MachineState;
  /** Why it stands, in the debugger's words. */
  readonly why: string | undefined;
}

/** Reasons of a stop after which there is nothing more to run. */
const ENDINGS = /power|shut|exit/i;

export class RunningMachines implements vscode.Disposable {
  private readonly machines = new Map<string, RunningMachine>();
  private readonly looking = new Set<string>();
  private readonly emitter = new vscode.EventEmitter<void>();
  private readonly registrations: vscode.Disposable;
  /** Fires when a machine has come, gone, changed its state, or stands and has changed otherwise. */
  readonly onDidChange = this.emitter.event;

  constructor(private readonly events: DebugEvents) {
    this.registrations = vscode.Disposable.from(
      events.onEvent(({ session, event, body }) => { this.take(session, event, body); }),
      events.onLaunched((session) => { if (!this.machines.has(session.id)) this.set({ session, state: 'starting', why: undefined }); }),
      events.onEnd((session) => { if (this.machines.delete(session.id)) this.emitter.fire(); }),
    );
  }

  private take(session: vscode.DebugSession, event: string, body: unknown): void {
    const stop = isRecord(body) ? body : {};
    if (event === 'continued') this.set({ session, state: 'running', why: undefined });
    if (event === 'shadowbox.watchesChanged') this.emitter.fire();
    if (event === 'shadowbox.changed' && this.machines.get(session.id)?.state !== 'running') void this.look(session);
    if (event === 'stopped') {
      const why = typeof stop.description === 'string' ? stop.description : String(stop.reason);
      this.set({ session, state: ENDINGS.test(why) ? 'off' : 'stopped', why });
    }
  }

  /** The adapter tells no event when the client itself has set the machine going: it is asked whether it runs. */
  private async look(session: vscode.DebugSession): Promise<void> {
    const before = this.machines.get(session.id);
    if (this.looking.has(session.id) || !this.events.isLaunched(session)) return;
    this.looking.add(session.id);
    try {
      const { running } = await session.customRequest('shadowbox.summary') as PanelRequests['shadowbox.summary']['answer'];
      // If it has stopped or ended meanwhile, that is the later word.
      if (this.machines.get(session.id) !== before || before === undefined) return;
      if (running) this.set({ session, state: 'running', why: undefined });
      // It stands, and something of it has changed: a bookmark, a disc.
      else this.emitter.fire();
    } catch {
      // It ended while it was asked.
    } finally {
      this.looking.delete(session.id);
    }
  }

  private set(machine: RunningMachine): void {
    this.machines.set(machine.session.id, machine);
    this.emitter.fire();
  }

  get all(): readonly RunningMachine[] {
    return [...this.machines.values()];
  }

  /** Undefined when it is gone meanwhile. Rejects with the debugger's words when it is there and does not answer. */
  async facts({ session }: RunningMachine): Promise<MachineFacts | undefined> {
    if (!this.events.isLaunched(session)) return undefined;
    try {
      const [summary, cpu, { disks }, timeline, { watches }] = await Promise.all([
        session.customRequest('shadowbox.summary') as Promise<PanelRequests['shadowbox.summary']['answer']>,
        session.customRequest('shadowbox.cpu') as Promise<PanelRequests['shadowbox.cpu']['answer']>,
        session.customRequest('shadowbox.disks') as Promise<PanelRequests['shadowbox.disks']['answer']>,
        session.customRequest('shadowbox.timeline') as Promise<PanelRequests['shadowbox.timeline']['answer']>,
        session.customRequest('shadowbox.watches') as Promise<PanelRequests['shadowbox.watches']['answer']>,
      ]);
      return { cpus: cpu.processor.count, memoryBytes: summary.memoryBytes, retired: summary.retired, disks, timeline, watches };
    } catch (error) {
      // It ended while it was asked.
      if (!this.events.isLaunched(session)) return undefined;
      throw error;
    }
  }

  dispose(): void {
    this.registrations.dispose();
    this.emitter.dispose();
  }
}
