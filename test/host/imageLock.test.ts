/** Two machines never write to one image: the lock beside it, its owner's end by any way, and who came between. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeFiles } from '../../src/host/node/fileAccess';
import { MachineError } from '../../src/monitor/machine/blame';

const OPENER = fileURLToPath(new URL('imageOpener.ts', import.meta.url));

describe('a file that a machine writes to', function () {
  this.timeout(60_000);
  let folder = '';
  let image = '';
  const children: ChildProcess[] = [];

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-lock-'));
    image = path.join(folder, 'disk.img');
    writeFileSync(image, new Uint8Array(4096));
  });
  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'close');
      }
    }
    rmSync(folder, { recursive: true });
  });

  /** Another process that opens the image to write, with the first that it says. */
  async function another(): Promise<{ readonly child: ChildProcess; readonly said: string; next(): Promise<string> }> {
    const child = spawn(process.execPath, ['--import', 'tsx', OPENER, image], { stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(child);
    const next = async (): Promise<string> => {
      const [data] = await once(child.stdout ?? assert.fail(), 'data');
      return String(data);
    };
    return { child, said: await next(), next };
  }

  const refusal = (): string => {
    try {
      nodeFiles.open(image, true).close();
    } catch (error) {
      assert.ok(error instanceof MachineError && error.blame === 'user', String(error));
      return error.message;
    }
    return '';
  };

  it('is refused to a second process, by any name, which says whose it is; it may be read meanwhile', async () => {
    const { child, said } = await another();
    assert.equal(said, 'open');
    assert.match(refusal(), new RegExp(`^${image}: another machine writes to it: process ${String(child.pid)}; end that machine`));
    const other = path.join(folder, 'link.img');
    symlinkSync(image, other);
    assert.throws(() => nodeFiles.open(other, true), /another machine writes to it/);
    nodeFiles.open(image, false).close();
    assert.match((await another()).said, /another machine writes to it/);
  });

  it('is free when it has been closed, and leaves nothing beside it', async () => {
    const { child, next } = await another();
    child.stdin?.write('close');
    assert.equal(await next(), 'closed');
    assert.equal(refusal(), '');
    assert.deepEqual(readdirSync(folder), ['disk.img']);
  });

  it('is free when its owner was killed', async () => {
    const { child } = await another();
    child.kill('SIGKILL');
    await once(child, 'close');
    assert.ok(existsSync(`${image}.shadowbox-lock`), 'it has not tidied up');
    assert.equal(refusal(), '');
    assert.deepEqual(readdirSync(folder), ['disk.img']);
  });

  it('is free when the owner\'s number belongs to another process now, or the lock is no such thing', () => {
    const reused = existsSync('/proc/self/stat') ? [JSON.stringify({ host: hostname(), process: process.pid, began: '1', token: 'x' })] : [];
    for (const lock of [...reused, JSON.stringify({ host: hostname(), process: -1, began: '', token: '' }), '', 'nonsense']) {
      writeFileSync(`${image}.shadowbox-lock`, lock);
      assert.equal(refusal(), '', lock);
    }
    const file = nodeFiles.open(image, true);
    file.close();
    assert.deepEqual(readdirSync(folder), ['disk.img']);
  });

  it('is not taken from another computer\'s process, of which nothing is known', () => {
    writeFileSync(`${image}.shadowbox-lock`, JSON.stringify({ host: 'another.example', process: 1, began: '', token: 'x' }));
    assert.match(refusal(), /process 1 on another\.example \(if that has ended, remove .*disk\.img\.shadowbox-lock\)/);
  });
});
