/** `shadowbox dap`: how it serves sessions, and how configurations become machines. The debug session is a plain one. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { DebugSession } from '@vscode/debugadapter';
import { serveDap } from '../../src/cli/adapter';
import { fileReader, machineFactory } from '../../src/cli/debugMachines';
import { UsageError } from '../../src/cli/options';
import type { Surroundings } from '../../src/cli/surroundings';
import { launchMachine } from '../../src/host/node/launch';
import { MachineError } from '../../src/monitor/machine/blame';

const worker = new URL('../host/fakeWorker.ts', import.meta.url);

interface Probe extends Surroundings {
  readonly stderr: PassThrough;
  interrupt(): void;
}

function surroundings(): Probe {
  let interrupt = (): void => assert.fail('nobody listens for interrupts');
  return {
    stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough(), cwd: tmpdir(),
    launch: (images) => launchMachine(images, { worker }),
    onInterrupt(listener) { interrupt = listener; return () => undefined; },
    interrupt: () => interrupt(),
  };
}

const makeSession = (): DebugSession => new DebugSession();

/** Sends an initialize request and gives the first answer's text. */
async function initialize(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const request = JSON.stringify({ seq: 1, type: 'request', command: 'initialize', arguments: { adapterID: 'shadowbox', pathFormat: 'path' } });
  socket.write(`Content-Length: ${request.length}\r\n\r\n${request}`);
  const [data] = await once(socket, 'data') as [Buffer];
  socket.destroy();
  return data.toString();
}

describe('shadowbox dap', () => {
  it('serves sessions on a port until it is interrupted', async () => {
    const probe = surroundings();
    const served = serveDap(['--port', '0'], probe, makeSession);
    const [line] = await once(probe.stderr, 'data') as [Buffer];
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(line.toString())?.[1]);
    try {
      for (let round = 0; round < 2; round += 1) assert.match(await initialize(port), /"command":"initialize","success":true/);
    } finally {
      probe.interrupt();
    }
    assert.equal(await served, 0);
    await assert.rejects(initialize(port), /ECONNREFUSED/);
  });

  it('says when the port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await assert.rejects(serveDap(['--port', String(port)], surroundings(), makeSession), new UsageError(`--port: ${port} is in use; choose another one, or 0 for any that is free`));
    other.close();
  });

  it('says what is wrong with its options', async () => {
    await assert.rejects(serveDap(['--port', 'x'], surroundings(), makeSession), /--port: 'x' is no port/);
    await assert.rejects(serveDap(['--port', '70000'], surroundings(), makeSession), /--port: '70000' is no port/);
    await assert.rejects(serveDap(['--prot', '1'], surroundings(), makeSession), UsageError);
  });
});

describe('the machines of the debug adapter', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'shadowbox-dap-'));
    await writeFile(path.join(folder, 'kernel'), 'a kernel');
  });
  after(() => rm(folder, { recursive: true }));

  const controller = new AbortController();
  const progress = { report: () => undefined, signal: controller.signal };
  const create = (values: unknown, report = progress) => machineFactory(folder, surroundings().launch).create(values, report);

  it('come from a configuration whose paths are relative to the current folder', async () => {
    const session = await create({ type: 'shadowbox', kernel: 'kernel', cdrom: 'empty' });
    await session.dispose();
  });

  const refusals: readonly (readonly [string, unknown, string])[] = [
    ['all that is wrong with the configuration', { memory: '12Q', xyzzy: 1 }, 'memory: \'12Q\' is not a size; write e.g. "128M"'],
    ['a missing file', { kernel: 'none' }, 'kernel: FOLDER/none: there is no such file; check the path'],
    ['what the loader refuses', { kernel: 'kernel', cmdline: 'refuse' }, 'kernel: this is no kernel; write another one'],
  ];
  for (const [name, values, text] of refusals) {
    it(`refuse, with blame on the user: ${name}`, async () => {
      await assert.rejects(create(values), (error) => error instanceof MachineError && error.blame === 'user' && error.message.split('\n').at(-1) === text.replace('FOLDER', folder));
    });
  }

  it('are not built when nobody waits any more', async () => {
    const cancelled = { report: () => undefined, signal: AbortSignal.abort(new Error('cancelled')) };
    await assert.rejects(create({ kernel: 'kernel' }, cancelled), /cancelled/);
  });

  it('have files beside them', async () => {
    const files = fileReader(folder);
    assert.equal(new TextDecoder().decode(await files.read('kernel')), 'a kernel');
    assert.deepEqual([await files.exists('kernel'), await files.exists('none')], [true, false]);
    await assert.rejects(files.read('none'), /none: there is no such file; check the path/);
  });
});
