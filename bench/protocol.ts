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
  /** Processor time of the engine meanwhile, all threads; only where the system tells it (Linux). */
  readonly cpuSeconds?: number;
  /** Hexadecimal. */
  readonly checksum: string;
  /** What the part counted; 0 when it counts nothing. */
  readonly count: number;
}

/** What one boot of the guest has said. */
export interface Findings {
  /** Seconds to the first line of our /init; not there when it was not reached. */
  readonly bootSeconds?: number;
  /** Processor time of the engine up to there; only where the system tells it. */
  readonly bootCpuSeconds?: number;
  /** By the parts' names; those that failed or were not reached are not in it. */
  readonly parts: Readonly<Record<string, PartRun>>;
  /** The same for parts that were done a second time, when an engine has met their code already. */
  readonly partsAgain?: Readonly<Record<string, PartRun>>;
  /** Why a part failed, as the guest said, by the parts' names. */
  readonly failedParts: Readonly<Record<string, string>>;
}

/** When a line came. */
export interface Arrival {
  /** From any one moment. */
  readonly seconds: number;
  /** Reads the engine's processor time so far, in seconds; undefined where it cannot be had. */
  readonly cpu: () => number | undefined;
}

/** What one boot of the guest has said so far, with the times that its lines came at. */
export class SessionRecord {
  private boot: { readonly bootSeconds?: number; readonly bootCpuSeconds?: number } = {};
  private readonly parts: Record<string, PartRun> = {};
  private readonly partsAgain: Record<string, PartRun> = {};
  private readonly failedParts: Record<string, string> = {};
  private begun: { readonly seconds: number; readonly cpu: number | undefined } = { seconds: 0, cpu: undefined };
  private work: Pick<PartRun, 'seconds' | 'cpuSeconds'> = { seconds: 0 };
  private running: string | undefined;

  /** @param onPart told each part, and 'boot', with its seconds, when it has ended */
  constructor(private readonly onPart: (part: string, seconds: number) => void) {}

  take(text: string, { seconds, cpu }: Arrival): void {
    const line = readLine(text);
    switch (line?.kind) {
      case 'ready': {
        const bootCpuSeconds = cpu();
        this.boot = { bootSeconds: seconds, ...(bootCpuSeconds === undefined ? {} : { bootCpuSeconds }) };
        this.onPart('boot', seconds);
        break;
      }
      case 'begin':
        this.running = line.part;
        this.begun = { seconds, cpu: cpu() };
        break;
      case 'end':
        this.work = this.since(seconds, cpu());
        this.onPart(line.part, this.work.seconds);
        break;
      case 'result':
        this.running = undefined;
        (line.part in this.parts ? this.partsAgain : this.parts)[line.part] = { ...this.work, checksum: line.checksum, count: line.count };
        break;
      case 'failed':
        this.running = undefined;
        this.failedParts[line.part] = line.reason;
        break;
      default:
    }
  }

  private since(seconds: number, cpu: number | undefined): Pick<PartRun, 'seconds' | 'cpuSeconds'> {
    const { begun } = this;
    return { seconds: seconds - begun.seconds, ...(cpu === undefined || begun.cpu === undefined ? {} : { cpuSeconds: cpu - begun.cpu }) };
  }

  found(): Findings {
    const { boot, parts, partsAgain, failedParts } = this;
    return { ...boot, parts, ...(Object.keys(partsAgain).length > 0 ? { partsAgain } : {}), failedParts };
  }

  /** Where the guest is, in words. */
  place(): string {
    if (this.boot.bootSeconds === undefined) return 'before its /init';
    return this.running === undefined ? 'between two parts' : `during ${this.running}`;
  }
}
