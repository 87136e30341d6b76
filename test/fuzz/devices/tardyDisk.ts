/** A disk in memory that now and then is not done yet, as the host's storage thread: virtual time must not show it. */
import { MemoryDisk } from '../../monitor/devices/memory-disk';

/** One call in so many finds it not done. */
const ROUND = 3;

export class TardyDisk extends MemoryDisk {
  #calls = 0;

  override read(lba: number, count: number, target: Uint8Array): boolean {
    return this.#isDone() && super.read(lba, count, target);
  }

  override write(lba: number, source: Uint8Array): boolean {
    return this.#isDone() && super.write(lba, source);
  }

  override flush(): boolean {
    return this.#isDone() && super.flush();
  }

  override discard(): boolean {
    return this.#isDone() && super.discard();
  }

  #isDone(): boolean {
    this.#calls += 1;
    return this.#calls % ROUND !== 0;
  }
}
