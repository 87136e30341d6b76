/** `shadowbox run --gdb`: the machine stands until a GDB lets it go, and the run is over when that has ended it. */
import { bootedArchitecture } from '../host/gdb/booted';
import { GdbServer } from '../host/gdb/server';
import { listenForGdb } from '../host/node/gdbListener';
import type { MachineImages } from '../monitor/machine/images';
import type { MachineSession } from '../monitor/machine/session';
import type { Ending } from './status';
import type { Surroundings } from './surroundings';

/** A run's debugger, if there is one. */
export interface Debugging {
  /** Whether the run is a debugger's to begin. */
  readonly waits: boolean;
  /** Whether a debugger has the machine now: stops are its affair. */
  readonly has: boolean;
  /** To be told when the debugger has ended the run. */
  onEnd(end: (ending: Ending) => void): void;
  close(): void;
}

const NONE: Debugging = { waits: false, has: false, onEnd: () => undefined, close: () => undefined };

/** The machine goes on where a GDB has left it; one that has come to its end cannot. */
async function letGo(session: MachineSession, server: GdbServer, end: (ending: Ending) => void): Promise<void> {
  const report = server.stop;
  try {
    await session.control.resume({ kind: 'continue' });
  } catch {
    end(report ? { kind: 'stopped', report } : { kind: 'quit' });
  }
}

/**
 * Opens the port of `gdbPort`, if the configuration has one.
 * @throws LoadError when it cannot be had; the machine has been disposed of then
 */
export async function debuggingOf(session: MachineSession, images: MachineImages, { stderr }: Surroundings): Promise<Debugging> {
  const { gdbPort, gdbArchitecture } = images.configuration;
  if (gdbPort === undefined) return NONE;
  const tell = (text: string): void => void stderr.write(`shadowbox: ${text}\n`);
  let end: (ending: Ending) => void = () => undefined;
  const booted = bootedArchitecture(images);
  const server: GdbServer = new GdbServer(session, {
    architecture: gdbArchitecture,
    ...(booted ? { booted } : {}),
    tell,
    onAttached: () => undefined,
    onDetached: () => void letGo(session, server, end),
    onKill: () => end({ kind: 'quit' }),
  });
  try {
    const listener = await listenForGdb(gdbPort, server);
    tell(`waiting for GDB: target remote 127.0.0.1:${listener.port}`);
    return {
      waits: true,
      get has() { return server.isAttached; },
      onEnd: (listen) => { end = listen; },
      close: () => listener.close(),
    };
  } catch (error) {
    await session.dispose();
    throw error;
  }
}
