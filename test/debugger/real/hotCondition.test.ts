/** A condition in a hot loop that is false ten million times: decided about in the monitor, it costs seconds. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DapClient } from '../client';
import { launchStopped, numberNow, useAdapter } from './adapter';

const TIMES = 10_000_000;
const BOOT_SECTOR = 0x7c00;
const SECTOR_BYTES = 512;
/** A boot sector: XOR EAX, EAX; then INC EAX; JMP back to it. */
const LOOP = [0x66, 0x31, 0xc0, 0x66, 0x40, 0xeb, 0xfc];

describe('a condition in a hot loop', function () {
  let client: DapClient;
  let folder = '';
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-hot-'));
    const sector = new Uint8Array(SECTOR_BYTES);
    sector.set(LOOP);
    sector.set([0x55, 0xaa], SECTOR_BYTES - 2);
    writeFileSync(path.join(folder, 'loop.img'), sector);
  });
  useAdapter(this, 'suite', (started) => { client = started; });
  after(() => rmSync(folder, { recursive: true }));

  it('is false ten million times before it holds: a figure', async () => {
    await launchStopped(client, { floppy: path.join(folder, 'loop.img'), memory: '16M' });
    const { breakpoints } = await client.request('setInstructionBreakpoints', {
      breakpoints: [{ instructionReference: `0x${(BOOT_SECTOR + 3).toString(16)}`, condition: `$eax == ${TIMES}` }],
    });
    assert.equal(breakpoints[0].verified, true);
    const began = performance.now();
    await client.request('continue', { threadId: 1 });
    await client.event('stopped', ({ reason }) => reason === 'breakpoint', 60_000);
    const seconds = (performance.now() - began) / 1000;
    assert.equal(await numberNow(client, '$eax'), TIMES);
    console.log(`      ${TIMES.toLocaleString('en-GB')} times false took ${seconds.toFixed(1)} s`);
  });

  it('is false ten million times for the last byte of a text: a figure', async () => {
    const set = async (condition: string): Promise<void> => {
      const { breakpoints } = await client.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference: `0x${(BOOT_SECTOR + 3).toString(16)}`, condition }] });
      assert.equal(breakpoints[0].verified, true);
    };
    // The bytes that are compared are the loop's own code, up to the last of which all are the same.
    const retired = (await client.request('shadowbox.summary', {})).retired;
    await set(`$retired == ${retired + 2 * TIMES} || (char *)${BOOT_SECTOR} == "f1\\xc0f@\\xeb?"`);
    const began = performance.now();
    await client.request('continue', { threadId: 1 });
    await client.event('stopped', ({ reason }) => reason === 'breakpoint', 60_000);
    const seconds = (performance.now() - began) / 1000;
    assert.equal((await client.request('shadowbox.summary', {})).retired, retired + 2 * TIMES);
    console.log(`      ${TIMES.toLocaleString('en-GB')} times another text took ${seconds.toFixed(1)} s`);
  });
});
