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
