/**
 * The file system behind a 9P server: small, synchronous, and without a notion of who asks. Everything throws NinepError.
 * Symbolic links are never followed, neither on the way nor at the end: that is the client's to do.
 */

/** A place: names from the root down, none of them '.', '..' or with a slash. The root is empty. */
export type Place = readonly string[];

export type FileKind = 'file' | 'folder' | 'link' | 'other';

export interface Attributes {
  readonly kind: FileKind;
  /** Type and permissions, as Linux numbers them. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: bigint;
  readonly device: bigint;
  readonly bytes: bigint;
  readonly blockBytes: bigint;
  /** Of 512 bytes. */
  readonly blocks: bigint;
  readonly inode: bigint;
  /** Nanoseconds since 1970. */
  readonly accessed: bigint;
  readonly modified: bigint;
  readonly changed: bigint;
}

/** What may be changed of a file. Times in nanoseconds since 1970, or the present moment. */
export interface AttributeChange {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly bytes?: number;
  readonly accessed?: bigint | 'now';
  readonly modified?: bigint | 'now';
}

export interface OpenMode {
  readonly reads: boolean;
  readonly writes: boolean;
  readonly truncates: boolean;
  readonly appends: boolean;
}

export interface OpenFile {
  /** Bytes read; 0 at the end. */
  read(offset: number, target: Uint8Array): number;
  write(offset: number, source: Uint8Array): number;
  attributes(): Attributes;
  resize(bytes: number): void;
  sync(): void;
  close(): void;
}

export interface FolderEntry {
  readonly name: string;
  readonly attributes: Attributes;
}

/** Sizes in blocks. */
export interface FileSystemStatistics {
  readonly blockBytes: number;
  readonly blocks: bigint;
  readonly free: bigint;
  readonly available: bigint;
  readonly files: bigint;
  readonly freeFiles: bigint;
}

export interface FileSystem {
  attributes(place: Place): Attributes;
  change(place: Place, change: AttributeChange): void;
  /** Opens an ordinary file. */
  open(place: Place, mode: OpenMode): OpenFile;
  /** Creates an ordinary file, or opens the one that is there unless `exclusive`. */
  create(place: Place, mode: OpenMode & { readonly exclusive: boolean }, permissions: number): OpenFile;
  list(place: Place): readonly FolderEntry[];
  makeFolder(place: Place, permissions: number): void;
  makeLink(place: Place, target: string): void;
  readLink(place: Place): string;
  /** A second name for a file. */
  link(file: Place, place: Place): void;
  rename(from: Place, to: Place): void;
  remove(place: Place, isFolder: boolean): void;
  statistics(): FileSystemStatistics;
}
