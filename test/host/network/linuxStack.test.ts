/** The network stack against Linux's own: Debian's kernel under QEMU behind our cable, and tshark on what went over it. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createServer as createWebServer } from 'node:http';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { addressAnswer, questionOf } from '../../../src/host/network/dns';
import { captureHeader } from '../../../src/host/network/pcap';
import { openForwards } from '../../../src/host/node/network/forwards';
import { nodeHost } from '../../../src/host/node/network/open';
import { tftpFiles } from '../../../src/host/node/network/tftpFiles';
import { randomNumbers } from '../../guests/harness';
import { leaveOut } from '../../support/leaveOut';
import { needLinuxGuest } from './linuxGuest';
import { runUnderQemu } from './qemuGuest';
import { pattern } from './world';

const MB = 1024 * 1024;
const DATA = pattern(20 * MB, 11);
const SHA256 = createHash('sha256').update(DATA).digest('hex');

/** Servers on the host's loopback interface: a file by HTTP, a sink that tells the checksum, by UDP one block of TFTP for whatever is asked, and a name server. */
class Servers {
  readonly ended: (() => void)[] = [];
  web = 0;
  sink = 0;
  tftp = 0;
  names = 0;
  /** Checksums of what the sink was sent. */
  readonly sunk: string[] = [];

  async start(): Promise<this> {
    const web = createWebServer((_, answer) => {
      answer.setHeader('content-length', DATA.length);
      answer.end(DATA);
    });
    const sink = createServer({ allowHalfOpen: true }, (socket) => {
      const hash = createHash('sha256');
      socket.on('data', (bytes) => hash.update(bytes));
      socket.on('end', () => {
        this.sunk.push(hash.digest('hex'));
        // The other half goes on: the guest hears what came of it.
        socket.end(`sunk: ${this.sunk.at(-1)}\n`);
      });
      socket.on('error', () => undefined);
    });
    for (const server of [web, sink]) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      this.ended.push(() => server.close());
    }
    this.web = (web.address() as AddressInfo).port;
    this.sink = (sink.address() as AddressInfo).port;
    this.tftp = await this.datagrams(() => Buffer.from('\0\x03\0\x01answered', 'latin1'));
    this.names = await this.datagrams((query) => {
      const question = questionOf(query);
      return question && addressAnswer(query, question, question.name === 'host.example' && question.type === 1 ? [Uint8Array.of(10, 0, 2, 2)] : []);
    });
    return this;
  }

  private async datagrams(answer: (bytes: Uint8Array) => Uint8Array | undefined): Promise<number> {
    const socket = createSocket('udp4');
    socket.on('message', (bytes, peer) => {
      const answered = answer(bytes);
      if (answered !== undefined) socket.send(answered, peer.port, peer.address);
    });
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    this.ended.push(() => socket.close());
    return socket.address().port;
  }

  stop(): void {
    for (const end of this.ended) end();
  }
}

function has(program: string): boolean {
  return spawnSync(program, ['--version']).error === undefined;
}

function marked(output: string, mark: string): string {
  return new RegExp(`^${mark}: (.*)$`, 'm').exec(output)?.[1] ?? assert.fail(`the guest did not say '${mark}':\n${output.slice(-2000)}`);
}

describe('the network stack behind a Linux guest (QEMU)', function () {
  this.timeout(600_000);
  this.slow(90_000);
  let folder = '';
  let servers = new Servers();

  before(async function () {
    needLinuxGuest(this);
    if (!has('qemu-system-i386')) leaveOut(this, 'no qemu-system-i386 (Debian: qemu-system-x86)');
    folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-network-'));
    servers = await new Servers().start();
  });
  after(() => {
    servers.stop();
    if (folder !== '') rmSync(folder, { recursive: true });
  });

  it('gives it an address, answers echoes and names, and carries 20 MB each way, TFTP, UDP, and connections to the guest', async () => {
    const capture = path.join(folder, 'frames.pcap');
    const file = openSync(capture, 'w');
    writeSync(file, captureHeader());
    mkdirSync(path.join(folder, 'tftp'));
    writeFileSync(path.join(folder, 'tftp', 'boot.bin'), DATA.subarray(0, 100_001));
    let forwards: Awaited<ReturnType<typeof openForwards>> = [];
    let page = '';
    const ports = [
      { protocol: 'tcp', address: '127.0.0.1', host: 0, guest: 80, guestAddress: '10.0.2.15' },
    ] as const;
    let asked = false;
    const askGuest = (): void => {
      const [web] = forwards;
      const socket = connect(web.port, '127.0.0.1');
      socket.write('GET /page HTTP/1.0\r\n\r\n');
      socket.on('data', (bytes) => { page += bytes.toString('latin1'); });
    };
    const script = `
      ping -c 3 10.0.2.2 | grep received | sed 's/^/ping: /'
      ping -c 1 -s 5000 10.0.2.2 | grep received | sed 's/^/long: /'
      nslookup host.example | grep -A1 Name: | grep Address | sed 's/^Address[ 0-9]*: */name: /'
      wget -q -O f http://host.example:${servers.web}/f; echo "down: $(sha256sum f | cut -c1-64)"
      echo "up: $(nc 10.0.2.2 ${servers.sink} < f)"
      tftp -g -r boot.bin 10.0.2.2; echo "tftp: $(sha256sum boot.bin | cut -c1-64)"
      tftp -g -r any -l any 10.0.2.2 ${servers.tftp}; echo "udp: $(cat any)"
      nc 10.0.2.2 1 < /dev/null 2>&1 | sed 's/^/refused: /'
      echo '<p>a page of the guest' > page
      httpd -p 80 -h /tmp
      sleep 1
      echo serving:
      sleep 3`;
    const output = await runUnderQemu(script, {
      stack: { restrict: false, hostname: 'guest', domain: 'example.org', bootFile: 'boot.bin' },
      host: nodeHost(await tftpFiles(path.join(folder, 'tftp')), [{ address: '127.0.0.1', port: servers.names }]),
      capture: (bytes) => void writeSync(file, bytes),
      started: async (service) => { forwards = await openForwards(ports, service.stack); },
      onOutput: (text) => {
        if (asked || !text.includes('serving:')) return;
        asked = true;
        askGuest();
      },
    });
    closeSync(file);
    for (const forward of forwards) forward.close();
    assert.equal(marked(output, 'dhcp'), '10.0.2.15 255.255.255.0 10.0.2.2 10.0.2.3 host=guest domain=example.org lease=86400 server=10.0.2.2 tftp=10.0.2.2 boot=boot.bin mtu=1500');
    assert.match(marked(output, 'ping'), /3 packets received/);
    assert.match(marked(output, 'long'), /1 packets received/);
    assert.match(marked(output, 'name'), /^10\.0\.2\.2/);
    assert.equal(marked(output, 'down'), SHA256);
    assert.equal(marked(output, 'up'), `sunk: ${SHA256}`);
    assert.equal(marked(output, 'tftp'), createHash('sha256').update(DATA.subarray(0, 100_001)).digest('hex'));
    assert.equal(marked(output, 'udp'), 'answered');
    assert.match(marked(output, 'refused'), /Connection refused/);
    assert.match(page, /200 OK[^]*a page of the guest/);
    if (!has('tshark')) return;
    const wrong = 'ip.src==10.0.2.2 && (ip.checksum.status==0 || tcp.checksum.status==0 || udp.checksum.status==0 || icmp.checksum.status==0 || _ws.malformed)';
    const checks = ['ip.check_checksum:TRUE', 'tcp.check_checksum:TRUE', 'udp.check_checksum:TRUE'].flatMap((each) => ['-o', each]);
    assert.equal(execFileSync('tshark', ['-n', '-r', capture, ...checks, '-Y', wrong], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }), '');
    const counted = execFileSync('tshark', ['-n', '-r', capture, '-Y', 'tcp'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 100 * MB });
    assert.ok(counted.split('\n').length > 20_000);
  });

  it('carries 2 MB each way when one frame in a hundred gets lost', async () => {
    const random = randomNumbers(3);
    const before = servers.sunk.length;
    const part = createHash('sha256').update(DATA.subarray(0, 2 * MB)).digest('hex');
    const output = await runUnderQemu(`
      until wget -q -O - http://10.0.2.2:${servers.web}/f | head -c ${2 * MB} > f; do :; done; echo "down: $(sha256sum f | cut -c1-64)"
      echo "up: $(nc 10.0.2.2 ${servers.sink} < f)"`, { stack: { restrict: false }, host: nodeHost(), loses: () => random(100) === 0 });
    assert.equal(marked(output, 'down'), part);
    assert.equal(marked(output, 'up'), `sunk: ${part}`);
    assert.equal(servers.sunk.length, before + 1);
  });
});
