/**
 * The Debian installer's kernel under the real adapter: it boots on the serial line, pauses at once, and its page tables
 * are what Linux makes of them.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { leaveOut } from '../../support/leaveOut';
import type { DapClient } from '../client';
import { assertPromptly, figures, GUESTS, RETRIES, sleep, startAdapter, timedPause } from './adapter';

const KERNEL = path.join(GUESTS, 'debian-i386', 'linux');
const INITRD = path.join(GUESTS, 'debian-i386', 'initrd.gz');
/** arch/x86: the linear address at which physical memory is seen, with the usual 3:1 split. */
const PAGE_OFFSET = 0xc0000000;

describe('debian-i386 over the wire', function () {
  this.timeout(240_000);
  this.slow(30_000);
  let client: DapClient;
  let serial = '';

  before(async function () {
    if (!existsSync(KERNEL) || !existsSync(INITRD)) leaveOut(this, 'no Debian kernel in .cache/guests/debian-i386 (npm run setup fetches it)');
    client = startAdapter();
    await client.launch({
      kernel: KERNEL, initrd: INITRD, memory: '512M', stopOnEntry: false, cmdline: 'console=ttyS0,115200n8 nomodeset earlyprintk=serial',
    });
  });
  after(async () => {
    await client?.close();
  });

  /** Waits until this has come out of the serial port. */
  async function told(text: string): Promise<void> {
    while (!serial.includes(text)) {
      const { data } = await client.event('shadowbox.serial', () => true, 120_000);
      serial += Buffer.from(data, 'base64').toString('latin1');
    }
  }

  it('pauses while it boots, each time within 50 ms', async function () {
    this.retries(RETRIES);
    const times: number[] = [];
    for (let round = 0; round < 10; round++) {
      await sleep(100 + 37 * round);
      times.push(await timedPause(client));
      await client.request('continue', {});
    }
    console.log(`      pause while Linux boots: ${figures(times)}`);
    assertPromptly(times);
  });

  it('sends what the kernel says on its serial line', async () => {
    await told('Linux version');
    await told('Kernel command line');
    assert.match(serial, /Linux version \d+\.\d+.*debian/i);
  });

  it("shows the kernel's page tables, guest and shadow", async () => {
    await told('Memory:');
    await timedPause(client);
    const { spaces } = await client.request('shadowbox.addressSpaces');
    const current = spaces.find((space) => space.current);
    assert.ok(current);
    assert.ok(current.mode === 'PAE' || current.mode === '32-bit', current.mode);
    assert.ok(current.shadowEntries > 0);

    // The kernel sees physical memory from PAGE_OFFSET on.
    const walk = await client.request('shadowbox.walk', { linear: '0xc0100000' });
    assert.equal(walk.physical, 0xc0100000 - PAGE_OFFSET);
    assert.equal(walk.backing, 'RAM');
    assert.ok(walk.guest.length >= 1 && walk.guest.every((step) => step.present && step.story.length > 10));
    assert.ok(walk.story.length > 10);
    const bytes = async (memoryReference: string): Promise<string | undefined> => (await client.request('readMemory', { memoryReference, count: 64 })).data;
    assert.equal(await bytes('0xc0100000'), await bytes('phys:0x100000'));

    const { table } = await client.request('shadowbox.table', { cr3: current.cr3 });
    assert.ok(table);
    const kernelHalf = table.guest.filter((run) => Number(run.linear) + Number(run.bytes) > PAGE_OFFSET);
    assert.ok(kernelHalf.length > 0, 'the root leads to the kernel');
    const lowest = await client.request('shadowbox.table', { cr3: current.cr3, linear: '0xc0100000', level: 2 });
    assert.ok(lowest.table);
    assert.equal(lowest.table.level, 2);
    assert.ok(lowest.table.guest.length > 0);
    const cpu = await client.request('shadowbox.cpu');
    assert.equal(Number(cpu.linear) >= PAGE_OFFSET, true, 'the kernel runs at its own addresses');
  });
});
