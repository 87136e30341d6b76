/** What the host offers for the files behind disks: synchronous, by offset. Whoever calls blocks; virtual time stands meanwhile. */

/** An open file of the host. Calls throw an Error when the host's file fails. */
export interface FileAccess {
  /** In bytes, as it is now. */
  readonly size: number;
  readonly writable: boolean;
  /** When it was last modified, in seconds since 1970, as it was when the file was opened. */
  readonly modified: number;
  /** Fills `target` from byte `offset` of the file; what lies beyond its end reads as zeros. */
  read(offset: number, target: Uint8Array): void;
  /** Writes all of `source` at byte `offset`; beyond the end the file grows. Error when the file is not writable. */
  write(offset: number, source: Uint8Array): void;
  /** Cuts the file off, or lets it grow with zeros, which take no room where the host's file system can do that. */
  resize(bytes: number): void;
  /** Returns when all that was written is on the host's disk (fdatasync). */
  flush(): void;
  close(): void;
}

/** What the host offers for the files that a machine keeps open. */
export interface FileStore {
  /**
   * Opens an existing file.
   * @throws MachineError (blame: user) when it cannot be opened, naming the file and what to do
   */
  open(path: string, writable: boolean): FileAccess;
  /**
   * Makes a new, empty file.
   * @throws MachineError (blame: user) when there is one already, or it cannot be made
   */
  create(path: string): FileAccess;
  exists(path: string): boolean;
  /** Where a path leads that was written in the file `from`: relative ones begin in its folder. */
  resolve(from: string, path: string): string;
  /** The path of `to` as it is written in the file `from`, relative to its folder where that can be. */
  relative(from: string, to: string): string;
  /** 16 bytes that nobody else has: a random UUID. */
  identifier(): Uint8Array;
  /** Seconds since 1970 on the host's clock. Only for what is written into images. */
  moment(): number;
}
