/** What the command line is given by the process that it runs in, so that tests can run it without one. */
import type { Readable, Writable } from 'node:stream';
import type { MachineImages } from '../monitor/machine/images';
import type { MachineSession } from '../monitor/machine/session';

/** Standard input: a terminal has `setRawMode`. */
export interface Input extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}

export interface Surroundings {
  readonly stdin: Input;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** The current folder, absolute. */
  readonly cwd: string;
  /** Starts a machine. */
  launch(images: MachineImages): Promise<MachineSession>;
  /** Calls `listener` at the first interrupt (SIGINT, SIGTERM); the function given back takes that away again. */
  onInterrupt(listener: () => void): () => void;
}
