/** What the benchmark's guest says on its serial line (bench/guests/init.c), read line by line as it comes. */

/** A line of the guest's. */
export type GuestLine =
  | { readonly kind: 'ready' }
  | { readonly kind: 'begin' | 'end'; readonly part: string }
  | { readonly kind: 'result'; readonly part: string; readonly checksum: string; readonly count: number }
  | { readonly kind: 'failed'; readonly part: string; readonly reason: string }
  | { readonly kind: 'done' };

/** Reads a line; undefined when it is something else, such as a message of the kernel's. */
export function readLine(line: string): GuestLine | undefined {
  const [sign, part = '', ...rest] = line.trimEnd().split(' ');
  switch (sign) {
    case '@ready': return { kind: 'ready' };
    case '@done': return { kind: 'done' };
    case '@>': return { kind: 'begin', part };
    case '@<': return { kind: 'end', part };
    case '@=': return { kind: 'result', part, checksum: rest[0] ?? '', count: Number(rest[1] ?? 0) };
    case '@!': return { kind: 'failed', part, reason: rest.join(' ') };
    default: return undefined;
  }
}

/** Cuts serial output into lines. */
export class LineReader {
  private readonly decoder = new TextDecoder('latin1');
  private pending = '';

  /** @returns the lines that these bytes have completed */
  take(bytes: Uint8Array): readonly string[] {
    const lines = (this.pending + this.decoder.decode(bytes, { stream: true })).split('\n');
    this.pending = lines.pop() ?? '';
    return lines.map((line) => line.replaceAll('\r', ''));
  }
}

/** A part that has been done. */
export interface PartRun {
  readonly seconds: number;
  /** Hexadecimal. */
  readonly checksum: string;
  /** What the part counted; 0 when it counts nothing. */
  readonly count: number;
}

/** What one boot of the guest has said so far, with the times that its lines came at (seconds from any one moment). */
export class SessionRecord {
  private bootSeconds: number | undefined;
  private readonly parts: Record<string, PartRun> = {};
  private readonly failedParts: Record<string, string> = {};
  private begun = 0;
  private work = 0;
  private running: string | undefined;

  /** @param onPart told each part, and 'boot', with its seconds, when it has ended */
  constructor(private readonly onPart: (part: string, seconds: number) => void) {}

  take(text: string, now: number): void {
    const line = readLine(text);
    switch (line?.kind) {
      case 'ready':
        this.bootSeconds = now;
        this.onPart('boot', now);
        break;
      case 'begin':
        this.running = line.part;
        this.begun = now;
        break;
      case 'end':
        this.work = now - this.begun;
        this.onPart(line.part, this.work);
        break;
      case 'result':
        this.running = undefined;
        this.parts[line.part] = { seconds: this.work, checksum: line.checksum, count: line.count };
        break;
      case 'failed':
        this.running = undefined;
        this.failedParts[line.part] = line.reason;
        break;
      default:
    }
  }

  found(): { readonly bootSeconds?: number; readonly parts: Readonly<Record<string, PartRun>>; readonly failedParts: Readonly<Record<string, string>> } {
    const { bootSeconds, parts, failedParts } = this;
    return { ...(bootSeconds === undefined ? {} : { bootSeconds }), parts, failedParts };
  }

  /** Where the guest is, in words. */
  place(): string {
    if (this.bootSeconds === undefined) return 'before its /init';
    return this.running === undefined ? 'between two parts' : `during ${this.running}`;
  }
}
