/** Serves the Debug Adapter Protocol: one session over stdin and stdout, or many on a port of the loopback interface. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { parseArgs } from 'node:util';
import type { DebugSession } from '@vscode/debugadapter';
import { KeptMachines } from '../../debugger/keptMachines';
import type { FileReader, MachineFactory } from '../../debugger/ports';
import { fileReader, machineFactory } from './debugMachines';
import { DAP_HELP } from './help';
import { UsageError } from './options';
import { STATUS } from './status';
import type { Surroundings } from './surroundings';

/** `kept`: where machines stay that their clients leave. */
export type MakeDebugSession = (machines: MachineFactory, files: FileReader, kept?: KeptMachines) => DebugSession;

interface DapOptions {
  /** Undefined: stdin and stdout. */
  readonly port?: number;
  readonly help: boolean;
}

function readDapOptions(words: readonly string[]): DapOptions {
  const { values } = ((): { values: { port?: string; help?: boolean } } => {
    try {
      return parseArgs({ args: [...words], options: { port: { type: 'string' }, help: { type: 'boolean', short: 'h' } } });
    } catch (error) {
      throw new UsageError(`dap: ${error instanceof Error ? error.message : String(error)}`);
    }
  })();
  const help = values.help === true;
  if (values.port === undefined) return { help };
  const port = /^\d{1,5}$/.test(values.port) ? Number(values.port) : Number.NaN;
  if (!(port <= 65_535)) throw new UsageError(`--port: '${values.port}' is no port; write a number from 1 to 65535, or 0 for any that is free`);
  return { port, help };
}

/** One session; the promise is fulfilled when the editor has closed our input. The session ends the process when it is over. */
async function serveStdio(makeSession: () => DebugSession, { stdin, stdout }: Surroundings): Promise<void> {
  const ended = once(stdin, 'close');
  makeSession().start(stdin, stdout);
  await ended;
}

async function listening(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    const inUse = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    throw new UsageError(inUse ? `--port: ${port} is in use; choose another one, or 0 for any that is free` : `--port: ${port}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

/** A session for each connection, until an interrupt. A machine that its client has left stays until then. */
async function servePort(makeSession: (kept: KeptMachines) => DebugSession, wanted: number, { stderr, onInterrupt }: Surroundings): Promise<void> {
  const sockets = new Set<Socket>();
  const kept = new KeptMachines();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A client that breaks off is followed by 'close', which is what the session goes by.
    socket.on('error', () => undefined);
    const session = makeSession(kept);
    session.setRunAsServer(true);
    session.start(socket, socket);
  });
  const port = await listening(server, wanted);
  stderr.write(`shadowbox: debug adapter on 127.0.0.1:${port}; put "debugServer": ${port} into launch.json\n`);
  await new Promise<void>((resolve) => { onInterrupt(resolve); });
  server.close();
  for (const socket of sockets) socket.destroy();
  await kept.dispose();
}

/**
 * `shadowbox dap [--port N]`.
 * @returns the exit status
 * @throws UsageError
 */
export async function serveDap(words: readonly string[], surroundings: Surroundings, makeSession: MakeDebugSession): Promise<number> {
  const { port, help } = readDapOptions(words);
  if (help) {
    surroundings.stdout.write(DAP_HELP);
    return STATUS.done;
  }
  const make = (kept?: KeptMachines): DebugSession => makeSession(machineFactory(surroundings.cwd, surroundings.launch), fileReader(surroundings.cwd), kept);
  if (port === undefined) await serveStdio(make, surroundings);
  else await servePort(make, port, surroundings);
  return STATUS.done;
}
