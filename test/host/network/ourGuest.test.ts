/**
 * The user-mode network under our own machine, with each card: Linux gets an address and carries data each way, and the run with all
 * its frames comes again out of its recording (invariant 1).
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createWebServer } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { boot, type Configuration, type Guest } from '../../guests/harness';
import { runWithNetwork } from '../../guests/support/userNetwork';
import { KERNEL, linuxGuest, needLinuxGuest } from './linuxGuest';
import { pattern } from './world';

const MB = 1024 * 1024;
const DATA = pattern(3 * MB, 5);
const SHA256 = createHash('sha256').update(DATA).digest('hex');
const LONGEST_MS = 240_000;

function marked(output: string, mark: string): string {
  return new RegExp(`^${mark}: (.*?)\\r?$`, 'm').exec(output)?.[1] ?? assert.fail(`the guest did not say '${mark}':\n${output.slice(-2000)}`);
}

for (const card of ['e1000', 'virtio'] as const) {
  describe(`the user-mode network under our machine, ${card}`, function () {
    this.timeout(2 * LONGEST_MS);
    this.slow(LONGEST_MS);
    let folder = '';
    let configuration: Configuration = {};
    let guest: Guest | undefined;
    const servers: { close(): void }[] = [];
    const sunk: string[] = [];

    before(async function () {
      needLinuxGuest(this);
      folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-network-'));
      const web = createWebServer((_, answer) => {
        answer.setHeader('content-length', DATA.length);
        answer.end(DATA);
      });
      const sink = createServer({ allowHalfOpen: true }, (socket) => {
        const hash = createHash('sha256');
        socket.on('data', (bytes) => hash.update(bytes));
        socket.on('end', () => {
          sunk.push(hash.digest('hex'));
          socket.end('taken\n');
        });
        socket.on('error', () => undefined);
      });
      const ports: number[] = [];
      for (const server of [web, sink]) {
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
        ports.push((server.address() as AddressInfo).port);
        servers.push(server);
      }
      const initrd = path.join(folder, 'initrd');
      writeFileSync(initrd, linuxGuest(`wget -q -O f http://10.0.2.2:${String(ports[0])}/f; echo "down: $(sha256sum f | cut -c1-64)"
        echo "up: $(nc 10.0.2.2 ${String(ports[1])} < f)"`));
      configuration = { kernel: KERNEL, initrd, cmdline: 'console=ttyS0 quiet', memory: '128M', network: { card } };
    });
    after(() => {
      for (const server of servers) server.close();
      if (folder !== '') rmSync(folder, { recursive: true });
    });

    it('gives Linux an address by DHCP, and carries 3 MB each way', async () => {
      guest = await boot(configuration);
      await runWithNetwork(guest, { longest: LONGEST_MS });
      assert.match(marked(guest.serial, 'dhcp'), /^10\.0\.2\.15 255\.255\.255\.0 10\.0\.2\.2 10\.0\.2\.3 .*mtu=1500$/);
      assert.equal(marked(guest.serial, 'down'), SHA256);
      assert.equal(marked(guest.serial, 'up'), 'taken');
      assert.deepEqual(sunk, [SHA256]);
    });

    it('comes again out of its recording, to an equal hash at an equal count of instructions, without a network', async () => {
      assert.ok(guest);
      const recording = guest.machine.record();
      assert.ok(recording.inputs.filter(({ input }) => input.kind === 'frame').length > 1000);
      const again = await boot(configuration, { recording });
      again.patience = LONGEST_MS;
      again.run({});
      assert.deepEqual([again.retired, again.time, again.serial], [guest.retired, guest.time, guest.serial]);
      assert.equal(again.machine.hash(), guest.machine.hash());
    });
  });
}
