/** The host's sockets as the network stack asks for them, on Node's. */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { ipv4, ipv4Text } from '../../network/plan';
import type { HostDatagrams, HostNetwork, HostStream, StreamEvents, StreamFailure } from '../../network/surroundings';

/** Datagrams that the operating system has not taken yet, for each socket; more are dropped. */
const MOST_UNSENT = 64;

const FAILURES: Readonly<Record<string, StreamFailure>> = {
  ECONNREFUSED: 'refused', ECONNRESET: 'reset', EPIPE: 'reset',
  EHOSTUNREACH: 'unreachable', ENETUNREACH: 'unreachable', EHOSTDOWN: 'unreachable', ENETDOWN: 'unreachable', ETIMEDOUT: 'unreachable', EADDRNOTAVAIL: 'unreachable',
};

function failureOf(error: Error): StreamFailure {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return FAILURES[code] ?? 'failed';
}

/** A socket of Node's, made with `allowHalfOpen`, as the stack's stream. */
export function streamOf(socket: Socket, events: StreamEvents): HostStream {
  let over = false;
  const failed = (why: StreamFailure): void => {
    if (over) return;
    over = true;
    events.failed(why);
  };
  socket.setNoDelay(true);
  socket.on('connect', () => { if (!over) events.connected(); });
  socket.on('data', (bytes: Uint8Array) => { if (!over) events.data(bytes); });
  socket.on('end', () => { if (!over) events.ended(); });
  socket.on('error', (error) => failed(failureOf(error)));
  socket.on('close', () => { if (!socket.readableEnded) failed('reset'); });
  return {
    write: (bytes, taken) => { if (!over) socket.write(bytes, () => taken()); },
    end: () => { if (!over) socket.end(); },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    reset: () => {
      over = true;
      if (socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
    },
  };
}

export function connectStream(address: number, port: number, events: StreamEvents): HostStream {
  return streamOf(connect({ host: ipv4Text(address), port, allowHalfOpen: true }), events);
}

export const openDatagrams: HostNetwork['openDatagrams'] = (where, receive): HostDatagrams => {
  const socket = createSocket('udp4');
  let unsent = 0;
  let open = true;
  // An error that belongs to no datagram (no descriptors are left) leaves a socket that nothing comes through.
  socket.on('error', () => undefined);
  socket.on('message', (bytes, { address, port }) => { if (open) receive(bytes, ipv4(address), port); });
  socket.bind({ address: where === 'loopback' ? '127.0.0.1' : '0.0.0.0', port: 0, exclusive: true });
  return {
    send(bytes, address, port, failed) {
      if (!open || port === 0 || unsent >= MOST_UNSENT) return;
      unsent += 1;
      socket.send(bytes, port, ipv4Text(address), (error) => {
        unsent -= 1;
        if (error !== null && open) failed();
      });
    },
    close() {
      if (!open) return;
      open = false;
      socket.close();
    },
  };
};
