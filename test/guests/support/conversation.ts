/** A guest's serial line on a process's standard input and output, talked to as a person would: ours, or another monitor's. */
import assert from 'node:assert/strict';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';

/** The shell waits for a command, at the start of a line: guests of tests have this PS1. */
export const PROMPT = /^guest# /m;

/** How a process ended. */
export interface ProcessEnd {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export class Conversation {
  /** Everything that the guest has written on its serial line. */
  output = '';
  readonly ended: Promise<ProcessEnd>;
  private err = '';
  /** How much of the output has been waited for. */
  private seen = 0;
  private running = true;
  private look: () => void = () => undefined;

  constructor(readonly child: ChildProcessWithoutNullStreams) {
    child.stdout.on('data', (data: Buffer) => {
      this.output += data.toString('latin1');
      this.look();
    });
    child.stderr.on('data', (data: Buffer) => { this.err += data.toString('utf8'); });
    // A guest that ends while somebody still types: `ended` says it better.
    child.stdin.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      child.on('close', (status, signal) => {
        this.running = false;
        this.look();
        resolve({ status, signal, out: this.output, err: this.err });
      });
    });
  }

  /** Waits until this comes, behind what was waited for before: the text up to its end, without carriage returns. */
  async waitFor(pattern: RegExp): Promise<string> {
    for (;;) {
      const text = this.output.slice(this.seen);
      const match = pattern.exec(text);
      if (match) {
        const end = match.index + match[0].length;
        this.seen += end;
        return text.slice(0, end).replaceAll('\r', '');
      }
      assert.ok(this.running, `the run ended without ${String(pattern)}: ${this.err}\nIt ended in:\n${this.output.slice(-3000)}`);
      await new Promise<void>((resolve) => { this.look = resolve; });
    }
  }

  /** Types characters and Enter. */
  send(line: string): void {
    this.child.stdin.write(`${line}\n`);
  }

  /** Types a command and waits for the next prompt: what came in between, with the echo. */
  async type(line: string): Promise<string> {
    this.send(line);
    return this.waitFor(PROMPT);
  }
}
