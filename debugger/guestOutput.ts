/**
 * What the machine sends out while it runs: serial output and the debug port's text in batches, messages, and the beat
 * that tells panels to look again.
 */
import { Event, OutputEvent } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { MachineEvent } from '../src/monitor/machine/session';
import { bytesToBase64 } from './codec';
import type { PanelEvents } from './panelProtocol';

const DEBUG_CHANNEL = 'debug';
const BATCH_MS = 20;
const CHANGED_BEAT_MS = 1000 / 30;
/** The beat while nobody asks: each event goes through the client's window and back into its extensions. */
const UNHEARD_BEAT_MS = 500;
/** A batch this large goes at once. */
const BATCH_BYTES = 64 * 1024;

/** A control sequence of a terminal (ECMA-48, 5.4). */
const ESCAPE_SEQUENCE = new RegExp('\\u001b\\[[0-?]*[ -/]*[@-~]', 'g');

type Send = (event: DebugProtocol.Event) => void;

/** A custom event with the body that the panel protocol gives it. */
export function panelEvent<Name extends keyof PanelEvents>(name: Name, body: PanelEvents[Name]): DebugProtocol.Event {
  return new Event(name, body);
}

export class GuestOutput {
  private readonly batches = new Map<string, { parts: Uint8Array[]; bytes: number }>();
  private batchTimer: ReturnType<typeof setTimeout> | undefined;
  private beatTimer: ReturnType<typeof setInterval> | undefined;
  private lastSeen: number | undefined;
  private asking = false;
  /** Whether something has been asked since the last beat, and when that was. */
  private heeded = true;
  private changedAt = -Infinity;
  /** One decoder a channel, because a character may be cut between two outputs. */
  private readonly decoders = new Map<string, TextDecoder>();

  constructor(
    private readonly send: Send,
    private readonly retired: () => Promise<number>,
    /** Whether the client shows colours; else escape sequences are taken out. */
    private readonly ansi: boolean,
  ) {}

  onEvent(event: MachineEvent): void {
    if (event.kind === 'output') this.output(event.channel, event.bytes);
    if (event.kind === 'message') {
      this.send(new OutputEvent(`${event.text}\n`, event.blame === 'guest' ? 'console' : 'important'));
    }
  }

  /** Somebody looks: the next change is told as soon as may be. */
  heed(): void {
    this.heeded = true;
  }

  /** Starts the beat of `shadowbox.changed`: it comes only when instructions were retired since the last one, and seldom while nobody asks. */
  startBeat(): void {
    this.beatTimer ??= setInterval(() => void this.beat(), CHANGED_BEAT_MS);
  }

  stopBeat(): void {
    clearInterval(this.beatTimer);
    this.beatTimer = undefined;
  }

  /** Something has changed for certain (a stop, an edit). */
  changed(): void {
    this.heeded = false;
    this.changedAt = performance.now();
    this.send(panelEvent('shadowbox.changed', {}));
  }

  /** Sends what is waiting. */
  flush(): void {
    clearTimeout(this.batchTimer);
    this.batchTimer = undefined;
    const batches = [...this.batches];
    this.batches.clear();
    for (const [channel, batch] of batches) this.sendBatch(channel, joined(batch.parts, batch.bytes));
  }

  dispose(): void {
    this.stopBeat();
    this.flush();
  }

  private sendBatch(channel: string, bytes: Uint8Array): void {
    if (channel.startsWith('com')) {
      this.send(panelEvent('shadowbox.serial', { port: channel, data: bytesToBase64(bytes) }));
      return;
    }
    // Tones, frames and the like are no text.
    if (channel !== DEBUG_CHANNEL) return;
    const text = this.decoder(channel).decode(bytes, { stream: true });
    if (text !== '') this.send(new OutputEvent(this.ansi ? text : text.replace(ESCAPE_SEQUENCE, ''), 'console'));
  }

  private output(channel: string, bytes: Uint8Array): void {
    const batch = this.batches.get(channel) ?? { parts: [], bytes: 0 };
    batch.parts.push(bytes);
    batch.bytes += bytes.length;
    this.batches.set(channel, batch);
    if (batch.bytes >= BATCH_BYTES) this.flush();
    else this.batchTimer ??= setTimeout(() => this.flush(), BATCH_MS);
  }

  private decoder(channel: string): TextDecoder {
    let decoder = this.decoders.get(channel);
    if (!decoder) {
      decoder = new TextDecoder();
      this.decoders.set(channel, decoder);
    }
    return decoder;
  }

  private async beat(): Promise<void> {
    if (this.asking || (!this.heeded && performance.now() - this.changedAt < UNHEARD_BEAT_MS)) return;
    this.asking = true;
    try {
      const retired = await this.retired();
      if (retired !== this.lastSeen && this.beatTimer !== undefined) this.changed();
      this.lastSeen = retired;
    } catch {
      // A machine that does not answer has ended; whoever ended it tells so.
      this.stopBeat();
    } finally {
      this.asking = false;
    }
  }
}

function joined(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
