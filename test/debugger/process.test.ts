/**
 * The adapter as a process: it speaks over stdio, and is gone when the conversation is over or the client has died.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { DapClient } from './client';

const ADAPTER = fileURLToPath(new URL('stdioAdapter.ts', import.meta.url));

describe('adapter process', function () {
  this.timeout(30_000);

  it('speaks over stdio and ends with the conversation', async () => {
    const client = DapClient.start(process.execPath, ['--import', 'tsx', ADAPTER]);
    await client.launch({});
    const { frame } = await client.stopped('entry');
    assert.equal(frame.instructionPointerReference, '0x1000');
    await client.request('next', { granularity: 'instruction' });
    assert.equal((await client.stopped('step')).frame.instructionPointerReference, '0x1001');
    assert.equal(await client.close(), 0);
    assert.equal(client.stderr, '');
  });

  it('ends when its client is gone, although the machine runs', async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', ADAPTER], { stdio: ['pipe', 'pipe', 'inherit'] });
    const client = DapClient.connect(child.stdout, child.stdin);
    await client.launch({ stopOnEntry: false });
    child.stdin.end();
    const [status] = await once(child, 'exit');
    assert.equal(status, 0);
  });
});
