/** The TCP port of a GDB server, on the loopback interface only: whoever can connect has the whole machine. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { LoadError } from '../../monitor/firmware/platform';
import type { GdbServer } from '../gdb/server';

export interface GdbListener {
  /** The port; what it was, if any was asked for. */
  readonly port: number;
  /** Takes no more clients, and ends those that are there. */
  close(): void;
}

const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has it; choose another port, or 0 for any that is free',
  EACCES: 'it may not be used by this user; choose one from 1024 up',
};

/**
 * Listens on 127.0.0.1.
 * @param wanted 0 for any port that is free
 * @throws LoadError, for the field gdbPort, when the port cannot be had
 */
export async function listenForGdb(wanted: number, gdb: GdbServer): Promise<GdbListener> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    const client = gdb.connect({ send: (bytes) => void socket.write(bytes), close: () => void socket.end() });
    socket.on('data', (bytes) => client.receive(bytes));
    // A client that breaks off is followed by 'close', which is what we go by.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      client.closed();
    });
  });
  server.listen({ host: '127.0.0.1', port: wanted, exclusive: true });
  try {
    await once(server, 'listening');
  } catch (error) {
    const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
    throw new LoadError(`port ${wanted}: ${REMEDIES[code] ?? (error instanceof Error ? error.message : String(error))}`, 'gdbPort');
  }
  server.on('error', () => undefined);
  const place = server.address();
  return {
    port: typeof place === 'object' && place !== null ? place.port : wanted,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
