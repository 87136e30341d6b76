// Reads mangled names character by character. What cannot be read ends with `NotMangled`; names that would grow without end do so, too.

/** It is no mangled name, or one that says what is not understood here. */
export class NotMangled extends Error {}

const DEEPEST = 200;
const LONGEST = 20_000;

export class MangledReader {
  position = 0;
  private depth = 0;

  constructor(readonly text: string) {}

  get rest(): string {
    return this.text.slice(this.position);
  }

  get isAtEnd(): boolean {
    return this.position >= this.text.length;
  }

  peek(offset = 0): string {
    return this.text.charAt(this.position + offset);
  }

  startsWith(text: string): boolean {
    return this.text.startsWith(text, this.position);
  }

  /** Takes the text if it comes next. */
  take(text: string): boolean {
    if (!this.startsWith(text)) return false;
    this.position += text.length;
    return true;
  }

  expect(text: string): void {
    if (!this.take(text)) this.fail();
  }

  next(): string {
    if (this.isAtEnd) this.fail();
    return this.text.charAt(this.position++);
  }

  /** What matches next; undefined where it does not. The pattern has to be sticky. */
  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text)?.[0];
    this.position += found?.length ?? 0;
    return found;
  }

  number(): number {
    return Number(this.match(/\d+/y) ?? this.fail());
  }

  characters(count: number): string {
    if (this.position + count > this.text.length) this.fail();
    this.position += count;
    return this.text.slice(this.position - count, this.position);
  }

  fail(): never {
    throw new NotMangled();
  }

  /** Bounds how deep one thing may lie in another. */
  inside<T>(read: () => T): T {
    if (++this.depth > DEEPEST) this.fail();
    try {
      return read();
    } finally {
      this.depth--;
    }
  }

  /** Bounds how long a name may become: what was said once may be said again in few characters. */
  bounded(text: string): string {
    return text.length > LONGEST ? this.fail() : text;
  }
}
