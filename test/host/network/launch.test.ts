/** The network of a machine in its thread: frames to and fro, pace, ports, files. The machine is a fake. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { launchMachine } from '../../../src/host/node/launch';
import { nameServerOf } from '../../../src/host/node/network/resolver';
import { tftpFiles } from '../../../src/host/node/network/tftpFiles';
import { LoadError } from '../../../src/monitor/firmware/platform';
import { validateConfiguration } from '../../../src/monitor/machine/configuration';
import type { MachineImages } from '../../../src/monitor/machine/images';
import type { MachineEvent, MachineSession, Position, RunRecord } from '../../../src/monitor/machine/session';

const worker = new URL('../fakeWorker.ts', import.meta.url);
const ANSWER = '52540012345652550a000202';

function imagesOf(network: unknown, recording?: RunRecord): MachineImages {
  const validation = validateConfiguration({ kernel: 'kernel', cmdline: 'arp', pace: 'fast', network }, { front: 'editor' });
  assert.ok('configuration' in validation, JSON.stringify(validation));
  return { configuration: validation.configuration, kernel: { path: 'kernel', bytes: Uint8Array.of(1) }, modules: [], disks: [], ...(recording ? { recording } : {}) };
}

async function fault(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(() => assert.fail('it was accepted'), (reason: unknown) => reason);
  assert.ok(error instanceof LoadError && error.field === 'network', String(error));
  return error.message;
}

describe('a machine with a network, in its thread', function () {
  this.timeout(20_000);
  const sessions: MachineSession[] = [];
  let folder = '';

  before(() => { folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-network-')); });
  after(() => rmSync(folder, { recursive: true }));
  afterEach(async () => {
    await Promise.all(sessions.splice(0).map((session) => session.dispose()));
  });

  async function run(images: MachineImages, milliseconds = 10_000): Promise<{ readonly text: string; readonly events: readonly MachineEvent[] }> {
    const session = await launchMachine(images, { worker });
    sessions.push(session);
    const events: MachineEvent[] = [];
    const ended = new Promise<void>((resolve) => session.onEvent((event) => {
      events.push(event);
      if (event.kind === 'stopped') resolve();
    }));
    await session.control.resume({ kind: 'continue' });
    const timer = setTimeout(() => void session.control.pause(), milliseconds);
    await ended;
    clearTimeout(timer);
    return { events, text: events.flatMap((event) => (event.kind === 'output' ? [Buffer.from(event.bytes).toString()] : [])).join('') };
  }

  it('has its frames answered, while idle time keeps to the clock on the wall although the pace is fast', async () => {
    const { text, events } = await run(imagesOf('user'));
    const [frame, milliseconds] = text.split(' ');
    assert.ok(frame.startsWith(ANSWER), text);
    // At the pace "fast" the guest would have idled for minutes until the answer was there.
    assert.ok(Number(milliseconds) < 2000, `${milliseconds} ms`);
    assert.deepEqual(events.filter(({ kind }) => kind === 'output').length, 1, 'frames are nobody\'s output');
  });

  it('has no network while a recording is replayed', async () => {
    const start: Position = { retired: 0, time: 0, events: 0, inputs: 0, edits: 0, resets: 0, changes: 0, deliveries: 0, repeating: '' };
    const recording = { inputs: [], edits: [], retired: 0, time: 0, end: start, bookmarks: [], stood: { position: start, hash: '' } };
    const { text } = await run(imagesOf({ forwards: ['0:80'] }, recording), 300);
    assert.equal(text, '');
  });

  it('writes its frames to a file that tcpdump reads', async () => {
    const capture = path.join(folder, 'frames.pcap');
    await run(imagesOf({ capture }));
    await Promise.all(sessions.splice(0).map((session) => session.dispose()));
    const bytes = readFileSync(capture);
    assert.equal(bytes.length, 24 + 16 + 42 + 16 + 60);
    // The guest's clock shows the configuration's date.
    assert.equal(bytes.readUInt32LE(24), Date.UTC(2024, 0, 1) / 1000);
    const { stdout, error } = spawnSync('tcpdump', ['-n', '-r', capture], { encoding: 'utf8' });
    if (error === undefined) assert.match(stdout, /who-has 10\.0\.2\.2 .*tell 10\.0\.2\.15[^]*Reply 10\.0\.2\.2 is-at 52:55:0a:00:02:02/);
  });

  it('opens forwarded ports on the loopback interface only, tells the one that was chosen, and closes them with the machine', async () => {
    const { events } = await run(imagesOf({ forwards: ['0:80'] }));
    const message = events.find((event) => event.kind === 'message');
    const port = Number(/^network: tcp port (\d+) of 127\.0\.0\.1 leads to port 80 of the guest$/.exec(message?.kind === 'message' ? message.text : '')?.[1]);
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.on('error', () => undefined);
    await Promise.all(sessions.splice(0).map((session) => session.dispose()));
    const [error] = await once(connect(port, '127.0.0.1'), 'error') as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNREFUSED');
  });

  it('says which port is taken, and which file or folder cannot be used', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    assert.match(await fault(launchMachine(imagesOf({ forwards: [`0:81`, `${port}:80`] }), { worker })), new RegExp(`"forwards": tcp port ${port} of 127\\.0\\.0\\.1: another program has it; choose another port`));
    server.close();
    assert.match(await fault(launchMachine(imagesOf({ forwards: ['192.0.2.1:8080:80'] }), { worker })), /this computer has no such address/);
    assert.match(await fault(launchMachine(imagesOf({ tftp: path.join(folder, 'nothing') }), { worker })), /"tftp": .*there is no such file/);
    assert.match(await fault(launchMachine(imagesOf({ capture: path.join(folder, 'nothing', 'f') }), { worker })), /"capture": .*there is no such file/);
  });
});

describe('files for TFTP', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-tftp-'));
    mkdirSync(path.join(folder, 'inside', 'deep'), { recursive: true });
    writeFileSync(path.join(folder, 'secret'), 'secret');
    writeFileSync(path.join(folder, 'inside', 'deep', 'file'), 'content');
    symlinkSync(path.join(folder, 'secret'), path.join(folder, 'inside', 'link'));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('are those inside the folder, whatever the name says', async () => {
    const files = await tftpFiles(path.join(folder, 'inside'));
    for (const name of ['deep/file', '/deep/file', 'deep\\file']) {
      const file = await files.open(name);
      assert.equal(Buffer.from(await file?.read(0, 100) ?? []).toString(), 'content');
      file?.close();
    }
    for (const name of ['../secret', 'deep/../../secret', 'link', '..', '', 'deep', '/etc/passwd', 'a\0b']) assert.equal(await files.open(name).catch(() => undefined), undefined, name);
  });

  it('are one file, if one is named', async () => {
    const files = await tftpFiles(path.join(folder, 'secret'));
    assert.equal(files.only, 'secret');
    const file = await files.open('/boot/secret');
    assert.equal(file?.size, 6);
    file?.close();
    assert.equal(await files.open('inside/deep/file'), undefined);
  });
});

describe('a name server', () => {
  it('is read as Node lists it', () => {
    assert.deepEqual(['192.0.2.1', '127.0.0.1:5353', '::1', '[2001:db8::1]:54'].map(nameServerOf), [
      { address: '192.0.2.1', port: 53 }, { address: '127.0.0.1', port: 5353 }, { address: '::1', port: 53 }, { address: '2001:db8::1', port: 54 },
    ]);
  });
});
