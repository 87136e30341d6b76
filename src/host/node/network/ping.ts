/**
 * Echo requests to other computers, without privileges: Node has no ICMP sockets, so the system's own `ping` asks. Where there is
 * none, nobody answers.
 */
import { spawn } from 'node:child_process';
import { ipv4Text } from '../../network/plan';

const PATIENCE_MS = 3000;

const WORDS: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  linux: ['-n', '-q', '-c', '1', '-W', '2'],
  darwin: ['-n', '-q', '-c', '1', '-t', '2'],
  win32: ['-n', '1', '-w', '2000'],
};

/** Whether a computer answers an echo request. */
export function ping(address: number): Promise<boolean> {
  const words = WORDS[process.platform];
  if (words === undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    const child = spawn('ping', [...words, ipv4Text(address)], { stdio: 'ignore', timeout: PATIENCE_MS });
    child.on('error', () => resolve(false));
    child.on('close', (status) => resolve(status === 0));
  });
}
