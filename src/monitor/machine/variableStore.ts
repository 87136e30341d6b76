/** The file behind the flash chip of a UEFI firmware: what the guest has changed is put into it whenever the machine stands. */
import type { FileStore, VariableFile } from './images';

const BLOCK_BYTES = 4096;

export class VariableStore {
  /** What is in the file. */
  private readonly contents: Uint8Array;
  /** Blocks that may differ between the file and the store which the machine was built with. */
  private readonly touched = new Set<number>();

  constructor(private readonly files: FileStore, private readonly file: VariableFile) {
    this.contents = file.bytes.slice();
  }

  /**
   * Writes the blocks that differ from the file; among them those that are the first store's again, since the machine has gone back in time.
   * @param written blocks of 4 KiB that differ from the store which the machine was built with, by number
   * @throws MachineError when the file cannot be opened, Error when it cannot be written
   */
  settle(written: ReadonlyMap<number, Uint8Array>): void {
    const { bytes, path } = this.file;
    const changed: { readonly at: number; readonly block: Uint8Array }[] = [];
    for (const number of written.keys()) this.touched.add(number);
    for (const number of this.touched) {
      const at = number * BLOCK_BYTES;
      const block = written.get(number)?.subarray(0, bytes.length - at) ?? bytes.subarray(at, at + BLOCK_BYTES);
      if (block.some((byte, index) => byte !== this.contents[at + index])) changed.push({ at, block });
    }
    if (changed.length === 0) return;
    const file = this.files.open(path, true);
    try {
      for (const { at, block } of changed) {
        file.write(at, block);
        this.contents.set(block, at);
      }
      file.flush();
    } finally {
      file.close();
    }
  }
}
