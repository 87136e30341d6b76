/**
 * Debian's kernel over the network: iPXE, as the card's expansion ROM and from its CD, gets an address by DHCP, a script by TFTP, and a
 * second script, the kernel and its initial RAM disk by HTTP. On QEMU it says the same.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { initramfs } from '../../scripts/lib/initramfs.mjs';
import { busybox } from '../host/network/linuxGuest';
import { leaveOut } from '../support/leaveOut';
import { boot, GUESTS, SEABIOS, type Configuration } from './harness';
import { FETCHING_MS, LINUX, needGuests } from './support/testGuests';
import { runWithNetwork } from './support/userNetwork';

/** A machine that has much else to do takes ten times as long as a quiet one. */
const PATIENCE_MS = 240_000;
const IPXE = path.join(GUESTS, 'ipxe');
const ROM = path.join(IPXE, 'pxe-e1000.rom');
const CD = path.join(IPXE, 'ipxe.iso');
/** What only who has got both scripts and the initial RAM disk can say. */
const TOKENS = { script: randomBytes(8).toString('hex'), disk: randomBytes(8).toString('hex') };
const MARKER = `booted: ${TOKENS.script} ${TOKENS.disk}`;

const INIT = `#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
for word in $(/bin/busybox cat /proc/cmdline); do case $word in token=*) script=\${word#token=};; esac; done
echo "booted: $script $(/bin/busybox cat /token)" > /dev/ttyS0
/bin/busybox poweroff -f
`;

describe('Debian\'s kernel over the network, by iPXE', function () {
  this.timeout(2 * PATIENCE_MS);
  this.slow(PATIENCE_MS);
  let folder = '';
  let server: Server | undefined;
  /** What was asked for, for each guest anew. */
  let asked: string[] = [];

  before(async function () {
    this.timeout(FETCHING_MS);
    needGuests(this, 'kernels', 'ipxe');
    folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-netboot-'));
    const files = new Map<string, Buffer | string>([
      ['/linux.ipxe', `#!ipxe\nkernel vmlinuz console=ttyS0 quiet token=${TOKENS.script}\ninitrd initrd\nboot\n`],
      ['/vmlinuz', readFileSync(path.join(LINUX, 'vmlinuz-686'))],
      ['/initrd', initramfs({ folders: ['dev', 'proc'], programs: { init: Buffer.from(INIT), token: Buffer.from(TOKENS.disk), 'bin/busybox': busybox() } })],
    ]);
    server = createServer(({ url = '' }, answer) => {
      asked.push(url);
      answer.writeHead(files.has(url) ? 200 : 404).end(files.get(url));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    writeFileSync(path.join(folder, 'start.ipxe'), `#!ipxe\nchain http://10.0.2.2:${String(port)}/linux.ipxe\n`);
  });
  beforeEach(() => { asked = []; });
  after(() => {
    server?.closeAllConnections();
    server?.close();
    if (folder !== '') rmSync(folder, { recursive: true });
  });

  const ways: readonly (readonly [string, Configuration])[] = [
    ['its ROM of the card, under SeaBIOS', { firmware: 'seabios', network: { card: 'e1000', rom: ROM } }],
    ['its CD, under the built-in BIOS', { firmware: 'builtin', cdrom: CD, network: { card: 'e1000' } }],
  ];
  for (const [name, configuration] of ways) {
    it(`boots by ${name}`, async function () {
      if (configuration['firmware'] === 'seabios' && !existsSync(SEABIOS)) leaveOut(this, 'no SeaBIOS (apt install seabios)');
      const guest = await boot({ memory: '256M', ...configuration });
      const reason = await runWithNetwork(guest, { tftp: folder, bootFile: 'start.ipxe', longest: PATIENCE_MS });
      assert.deepEqual(asked, ['/linux.ipxe', '/vmlinuz', '/initrd']);
      assert.ok(guest.serial.includes(MARKER), guest.serial);
      assert.equal(reason?.kind, 'power-off');
    });
  }

  it('boots in QEMU', async function () {
    if (spawnSync('qemu-system-i386', ['--version']).error !== undefined) leaveOut(this, 'no qemu-system-i386 (Debian: qemu-system-x86)');
    const child = spawn('qemu-system-i386', [
      '-accel', 'tcg', '-m', '256', '-display', 'none', '-monitor', 'none', '-serial', 'stdio', '-no-reboot',
      '-netdev', `user,id=n0,tftp=${folder},bootfile=start.ipxe`, '-device', `e1000,netdev=n0,romfile=${ROM}`, '-boot', 'n',
    ], { stdio: ['ignore', 'pipe', 'inherit'] });
    const patience = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
    let serial = '';
    child.stdout.on('data', (data: Buffer) => { serial += data.toString('latin1'); });
    await once(child, 'close');
    clearTimeout(patience);
    assert.deepEqual(asked, ['/linux.ipxe', '/vmlinuz', '/initrd']);
    assert.ok(serial.includes(MARKER), serial);
  });
});
