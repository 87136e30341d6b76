/**
 * Debian's 64-bit kernel under the real adapter, as far as a moment leads: it unpacks itself in long mode, over tables of its
 * own that map memory one to one.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { FETCHING_MS, LINUX, needGuests } from '../../guests/support/testGuests';
import type { DapClient } from '../client';
import { frames, scopeOf, sleep, startAdapter, step, timedPause, valueOf } from './adapter';

const KERNEL = path.join(LINUX, 'vmlinuz-amd64');
const MB2 = 2 * 1024 * 1024;
/** How often it is looked whether long mode has been reached, and the milliseconds between. */
const LOOKS = 40, BETWEEN = 250;

describe('debian-amd64 over the wire', function () {
  this.timeout(60_000);
  this.slow(15_000);
  let client: DapClient;

  before(async function () {
    this.timeout(FETCHING_MS);
    needGuests(this, 'kernels');
    client = startAdapter();
    await client.launch({ kernel: KERNEL, memory: '256M', stopOnEntry: false, cmdline: 'console=ttyS0 nokaslr' });
  });
  after(async () => {
    await client?.close();
  });

  it('is seen in long mode: registers, code, page tables', async () => {
    let mode = '';
    for (let look = 0; look < LOOKS && !mode.includes('long-64'); look++) {
      if (look > 0) await client.request('continue', {});
      await sleep(BETWEEN);
      await timedPause(client);
      mode = (await client.request('threads')).threads[0].name;
    }
    assert.match(mode, /long-64/);
    const [frame] = await frames(client);
    const { variables } = await scopeOf(client, frame.id, 'General Registers');
    assert.equal(variables.length, 17);
    assert.equal(BigInt(valueOf(variables, 'rip')), BigInt(frame.instructionPointerReference ?? -1));
    const { instructions } = await client.request('disassemble', { memoryReference: frame.instructionPointerReference ?? '', instructionOffset: -8, instructionCount: 32 });
    assert.deepEqual([instructions.length, instructions[8].address.length], [32, 18]);
    assert.equal(BigInt(instructions[8].address), BigInt(frame.instructionPointerReference ?? -1));

    const linear = frame.instructionPointerReference ?? '';
    const walk = await client.request('shadowbox.walk', { linear });
    assert.equal(walk.mode, '4-level');
    assert.deepEqual([walk.guest.length, walk.guest[2].large], [3, true], 'a page of 2 MiB');
    assert.equal(walk.physical, Number(linear), 'one to one');
    const { table } = await client.request('shadowbox.table', { cr3: walk.cr3, linear, level: 2 });
    assert.ok(table);
    assert.equal(Number(table.entryBytes), MB2);
    assert.ok(table.guest.length < 20, 'neighbouring pages are one run');
    const stepped = await step(client, 'next', 'instruction');
    assert.notEqual(stepped.instructionPointerReference, undefined);
  });
});
