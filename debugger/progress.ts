/** Work that takes a while, as the client shows it: how far it has come, and that the person wants it no more. */
import { ProgressEndEvent, ProgressStartEvent, ProgressUpdateEvent } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { ProgressReporter } from './ports';

/** What is soon done is not shown, in milliseconds. */
const SHOWN_AFTER_MS = 500;

export class Progresses {
  private lastId = 0;
  private readonly open = new Map<string, AbortController>();

  /** @param send undefined for a client that shows no progress */
  constructor(private readonly send: ((event: DebugProtocol.Event) => void) | undefined) {}

  /** Does something that reports how far it is. `signal`: another reason to give up. */
  async show<T>(title: string, work: (progress: ProgressReporter) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const id = `shadowbox.work.${++this.lastId}`;
    const controller = new AbortController();
    signal?.addEventListener('abort', () => controller.abort(signal.reason));
    this.open.set(id, controller);
    let shown = false;
    const timer = setTimeout(() => {
      shown = true;
      const start: DebugProtocol.ProgressStartEvent = new ProgressStartEvent(id, title);
      start.body = { ...start.body, cancellable: true };
      this.send?.(start);
    }, SHOWN_AFTER_MS);
    const report = (message: string, percentage?: number): void => {
      if (!shown) return;
      const update: DebugProtocol.ProgressUpdateEvent = new ProgressUpdateEvent(id, message);
      if (percentage !== undefined) update.body = { ...update.body, percentage };
      this.send?.(update);
    };
    try {
      return await work({ report, signal: controller.signal });
    } finally {
      clearTimeout(timer);
      this.open.delete(id);
      if (shown) this.send?.(new ProgressEndEvent(id));
    }
  }

  /** The person wants it no more. */
  cancel(id: string): void {
    this.open.get(id)?.abort();
  }
}
