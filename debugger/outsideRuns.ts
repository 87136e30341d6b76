/**
 * Runs that another client of the machine's has begun: a GDB at `gdbPort` (docs/gdb.md). The editor is shown that the machine goes, and
 * how it has stopped, as if it had let it go itself.
 */
import type { MachineEvent, StopReason } from '../src/monitor/machine/session';
import type { Execution } from './execution';
import type { Target } from './target';

export class OutsideRuns {
  private running = false;
  /** Whether the person has asked the editor for the stop. */
  private isPausedHere = false;

  constructor(
    private readonly target: Target,
    private readonly execution: Execution,
    /** Called whenever the machine is about to go. */
    private readonly onGoing: () => void,
  ) {}

  get isRunning(): boolean {
    return this.running;
  }

  /** To be told of every event of the machine. `ours`: a run of the editor's is under way. */
  onEvent(event: MachineEvent, ours: boolean): void {
    if (event.kind === 'running' && !ours) this.begin();
    if (event.kind !== 'stopped' || !this.running) return;
    this.running = false;
    this.target.stopped();
    const isElsewhere = !this.isPausedHere && !isOurs(event.report.reason);
    void this.execution.announce({ report: event.report, hitBreakpointIds: [], isElsewhere }).then(() => {
      // It may have been let go again before the editor had been told: what counts is the last that it hears.
      if (this.running) this.execution.tellContinued();
    });
  }

  /** The editor's pause of such a run. */
  async pause(): Promise<void> {
    this.isPausedHere = true;
    await this.target.control.pause();
  }

  private begin(): void {
    this.running = true;
    this.isPausedHere = false;
    this.target.going();
    this.onGoing();
    this.execution.tellContinued();
  }
}

/** Whether a stop is at something that was set in the editor: what the other has set has none of the editor's numbers. */
function isOurs(reason: StopReason): boolean {
  switch (reason.kind) {
    case 'breakpoint':
    case 'event': return reason.ids.length > 0;
    case 'exception': return (reason.ids?.length ?? 0) > 0;
    case 'watchpoint': return reason.hits.length > 0;
    default: return false;
  }
}
