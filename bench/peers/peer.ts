/** What an engine in the comparison is: how to find it, and the command that makes it run a guest. */
import type { Architecture, Guest } from '../ownGuest';

/** What `--engines` takes. */
export type EngineName = 'ours' | 'interpreter' | 'tcg' | 'v86';

/** A guest to run, and how long. */
export interface Job {
  readonly guest: Guest;
  /** Pattern of the last line of the serial output, for engines that can stop themselves there. */
  readonly until: string;
  readonly timeoutSeconds: number;
}

/** A program to start in the checkout's folder. Its standard output is the guest's first serial port. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** True when the program ends by itself at the last line (and has something to write then); else it is killed there. */
  readonly endsItself: boolean;
}

/** What an engine says about its own run. */
export interface Figures {
  readonly retiredInstructions: number;
  /** Millions of retired guest instructions a second, while the machine ran. */
  readonly mips: number;
  readonly counters: Readonly<Record<string, number>>;
}

/** An engine that is there. */
export interface ReadyPeer {
  readonly version: string;
  /** What a reader must know of how it is set up, beyond the command. */
  readonly settings: readonly string[];
  command(job: Job): Command;
  /** Reads what the run just ended left behind; undefined when it left nothing that can be read. */
  figures?(): Promise<Figures | undefined>;
}

export type Probe = ReadyPeer | {
  /** Why the engine is left out, and how to get it. */
  readonly missing: string;
};

export interface Peer {
  readonly name: EngineName;
  readonly title: string;
  /** Finds the engine for guests of an architecture, and brings it up to date if it is ours. */
  probe(architecture: Architecture, signal: AbortSignal): Promise<Probe>;
}
