/**
 * What the debug adapter needs from outside: a maker of machines and a reader of files. Whoever composes
 * the adapter (command line, tests, later a browser) brings them; the adapter itself knows no host.
 */
import { MachineError, type Blame } from '../src/monitor/machine/blame';
import type { MachineSession } from '../src/monitor/machine/session';
import type { ByteSource } from './symbols/byte-source';
import { SymbolFileError } from './symbols/bytes';
import type { Unpackers } from './symbols/elf';

/** Where a long operation tells how far it has come, and learns that nobody waits for it any more. */
export interface ProgressReporter {
  /** What is being done now, in words; `percentage` (0 to 100) when it is known. */
  report(message: string, percentage?: number): void;
  /** Aborted when the user cancels the launch. */
  readonly signal: AbortSignal;
}

/** What was saved: the file, its size in bytes, and paths of images that are in it, or are needed beside it. */
export interface SavedRecording {
  readonly path: string;
  readonly bytes: number;
  readonly embedded: readonly string[];
  readonly needed: readonly string[];
  /** Snapshots in the file; `note`: a sentence on those that are not. */
  readonly snapshots: number;
  readonly note?: string;
}

/** A machine that was made for the debugger. */
export interface DebuggedMachine extends MachineSession {
  /** Saves its run to a file; `embed`: with its images; `snapshots`: with some of its snapshots. Error (blame: user) in words, or the signal's reason. */
  saveRecording?(file: string, options: { readonly embed: boolean; readonly snapshots: boolean; readonly progress: ProgressReporter }): Promise<SavedRecording>;
  /** Of a machine that was opened from a recording: its hash where it stood. */
  readonly recordedHash?: string;
}

/** Makes the machine that a launch configuration describes. */
export interface MachineFactory {
  /**
   * Validates the configuration and builds the machine; it then stands on its first instruction.
   * Errors carry a message for a person and, as `MachineError` does, whose fault it is.
   */
  create(configuration: unknown, report: ProgressReporter): Promise<DebuggedMachine>;
}

/** A file that is read in parts, because it may be larger than what should be held in memory. */
export interface OpenFile extends ByteSource {
  close(): void;
}

/** Checksums of the protocol's that can be made of a text. */
export const CHECKSUM_ALGORITHMS = ['MD5', 'SHA1', 'SHA256'] as const;
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];

/** Read access to the files that the configuration and the debug information name. */
export interface FileReader {
  /** The whole file. Error when it cannot be read (the message names the path). */
  read(path: string): Promise<Uint8Array>;
  /** Whether there is a file or folder of that path. */
  exists(path: string): Promise<boolean>;
  /** Opens a file for reading in parts; absent where only whole files can be had. Error as of `read`. */
  open?(path: string): Promise<OpenFile>;
  /** A checksum in hexadecimal; absent where none can be made. */
  digest?(algorithm: ChecksumAlgorithm, bytes: Uint8Array): string;
  /** How to unpack compressed debugging information; what is absent cannot be unpacked. */
  readonly unpackers?: Unpackers;
}

/** A mistake of the person (or of the client): a message, no stack. */
export function userError(message: string): MachineError {
  return new MachineError(message, 'user');
}

/** Whose fault an error is; errors that do not say so are ours. */
export function blameOf(error: unknown): Blame {
  if (error instanceof SymbolFileError) return 'guest';
  if (typeof error === 'object' && error !== null && 'blame' in error) {
    const { blame } = error;
    if (blame === 'user' || blame === 'guest') return blame;
  }
  return 'internal';
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
