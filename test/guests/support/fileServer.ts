/** One file on a web server on this computer's loopback interface, for guests to fetch. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { randomNumbers } from '../harness';

export class FileServer {
  readonly sha256: string;
  private readonly server: Server;

  private constructor(readonly bytes: Buffer) {
    this.sha256 = createHash('sha256').update(bytes).digest('hex');
    this.server = createServer((_request, response) => response.end(bytes));
  }

  /** @param size of the file, in bytes */
  static async start(size: number): Promise<FileServer> {
    const random = randomNumbers(size);
    const served = new FileServer(Buffer.from(Uint8Array.from({ length: size }, () => random(256))));
    await new Promise<void>((resolve) => { served.server.listen(0, '127.0.0.1', resolve); });
    return served;
  }

  get port(): number {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    return address.port;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => { this.server.close(() => resolve()); });
  }
}
