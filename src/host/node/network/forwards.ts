/** Ports of the host that lead to ports of the guest. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { LoadError } from '../../../monitor/firmware/platform';
import type { PortForward } from '../../../monitor/machine/configurationNetwork';
import { ipv4 } from '../../network/plan';
import type { NetworkStack } from '../../network/stack';
import { streamOf } from './sockets';

/** A port that is open. */
export interface OpenForward {
  readonly forward: PortForward;
  /** The host's port; what it was, if any was asked for. */
  readonly port: number;
  close(): void;
}

const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has it; choose another port, or 0 for any that is free',
  EACCES: 'it may not be used by this user; choose one from 1024 up',
  EADDRNOTAVAIL: 'this computer has no such address; write 127.0.0.1 or one that it has',
};

function fault({ protocol, address, host }: PortForward, error: unknown): LoadError {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const reason = REMEDIES[code] ?? (error instanceof Error ? error.message : String(error));
  return new LoadError(`"forwards": ${protocol} port ${host} of ${address}: ${reason}`, 'network');
}

async function openTcp(forward: PortForward, stack: NetworkStack): Promise<OpenForward> {
  const guest = { address: ipv4(forward.guestAddress), port: forward.guest };
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => stack.forwardStream(guest, (events) => streamOf(socket, events)));
  server.listen({ host: forward.address, port: forward.host, exclusive: true });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw fault(forward, error);
  }
  server.on('error', () => undefined);
  const place = server.address();
  return { forward, port: typeof place === 'object' && place !== null ? place.port : forward.host, close: () => void server.close() };
}

async function openUdp(forward: PortForward, stack: NetworkStack): Promise<OpenForward> {
  const guest = { address: ipv4(forward.guestAddress), port: forward.guest };
  const socket = createSocket('udp4');
  socket.bind({ address: forward.address, port: forward.host, exclusive: true });
  try {
    await once(socket, 'listening');
  } catch (error) {
    throw fault(forward, error);
  }
  socket.on('error', () => undefined);
  let open = true;
  socket.on('message', (bytes, { address, port }) => {
    const reply = (answer: Uint8Array): void => { if (open) socket.send(answer.slice(), port, address, () => undefined); };
    stack.forwardDatagram(guest, { address: ipv4(address), port }, bytes, reply);
  });
  const close = (): void => {
    open = false;
    socket.close();
  };
  return { forward, port: socket.address().port, close };
}

/**
 * Opens all ports, or none.
 * @throws LoadError (field 'network') naming the port
 */
export async function openForwards(forwards: readonly PortForward[], stack: NetworkStack): Promise<readonly OpenForward[]> {
  const open: OpenForward[] = [];
  try {
    for (const forward of forwards) open.push(await (forward.protocol === 'tcp' ? openTcp(forward, stack) : openUdp(forward, stack)));
  } catch (error) {
    for (const each of open) each.close();
    throw error;
  }
  return open;
}
