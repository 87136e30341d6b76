/** Ties our network stack to a guest under QEMU, whose frames come as datagrams: an independent TCP/IP behind our cable. */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { StackOptions } from '../../../src/host/network/plan';
import { NetworkService } from '../../../src/host/network/service';
import type { HostNetwork } from '../../../src/host/network/surroundings';
import { after } from '../../../src/host/node/network/open';
import { KERNEL, linuxGuest } from './linuxGuest';

export interface QemuOptions {
  readonly stack: StackOptions;
  readonly host: HostNetwork;
  readonly capture?: (bytes: Uint8Array) => void;
  /** Whether a frame gets lost, in either direction. */
  readonly loses?: () => boolean;
  /** Called with the service before the guest starts, and with all of the serial output so far as it comes. */
  readonly started?: (service: NetworkService) => Promise<void>;
  readonly onOutput?: (text: string) => void;
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => { socket.close(() => resolve()); });
  return port;
}

/** Runs a script in the guest; gives what it printed. */
export async function runUnderQemu(script: string, { stack, host, capture, loses = () => false, started, onOutput }: QemuOptions): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-qemu-'));
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 });
  const start = performance.now();
  const time = (): number => Math.floor((performance.now() - start) * 1e6);
  const service = new NetworkService(stack, { host, now: () => performance.now(), after, epoch: 1_700_000_000, ...(capture ? { capture } : {}) });
  try {
    const guestPort = await freePort();
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const initrd = path.join(folder, 'initrd');
    writeFileSync(initrd, linuxGuest(script));
    service.attach({
      inputs: async (inputs) => {
        for (const input of inputs) if (input.kind === 'frame' && !loses()) socket.send(input.bytes, guestPort, '127.0.0.1');
        return inputs.map(time);
      },
    });
    socket.on('message', (frame) => {
      if (loses()) return;
      const bytes = new Uint8Array(4 + frame.length);
      new DataView(bytes.buffer).setUint32(0, frame.length, true);
      bytes.set(frame, 4);
      service.receive({ kind: 'device', channel: 'net0', bytes, moments: [{ end: bytes.length, time: time() }] });
    });
    service.setRunning(true);
    await started?.(service);
    const child = spawn('qemu-system-i386', [
      '-m', '256', '-nographic', '-no-reboot', '-kernel', KERNEL, '-initrd', initrd, '-append', 'console=ttyS0 quiet panic=-1',
      '-netdev', `socket,id=n0,udp=127.0.0.1:${socket.address().port},localaddr=127.0.0.1:${guestPort}`, '-device', 'e1000,netdev=n0,romfile=',
    ], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString('latin1').replaceAll('\r', '');
      onOutput?.(output);
    });
    await once(child, 'close');
    return output;
  } finally {
    service.close();
    await new Promise<void>((resolve) => { socket.close(() => resolve()); });
    rmSync(folder, { recursive: true });
  }
}
