/** Debian's kernel without types is asked for its processes from its first instruction on: while it has too few to tell how they are laid out, and later. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { machineFactory } from '../../../src/cli/debugMachines';
import { launchMachine } from '../../../src/host/node/launch';
import { FETCHING_MS, LINUX, needGuests } from '../../guests/support/testGuests';
import type { DapClient } from '../client';
import { connect, FILES } from '../harness';

const STEP = '2000000 instructions';
const MOST_STEPS = 2000;

describe('Linux awareness while the kernel begins', function () {
  this.timeout(300_000);
  this.slow(60_000);
  let client: DapClient;
  before(function () {
    this.timeout(FETCHING_MS);
    needGuests(this, 'kernels');
  });
  after(() => client?.close());

  it('finds the processes as soon as there are some, however often it was asked before', async () => {
    client = connect(machineFactory(LINUX, launchMachine), FILES, 120_000);
    await client.launch({ kernel: path.join(LINUX, 'vmlinuz-686-pae'), memory: '256M', cpuModel: 'pentium3', cmdline: 'console=ttyS0,115200 cryptomgr.notests', timeTravel: false });
    await client.stopped('entry');
    const told = new Set<string>();
    const processes = async (): Promise<string | undefined> => {
      try {
        return (await client.request('evaluate', { expression: 'ps', context: 'repl' })).result;
      } catch (error) {
        told.add(String(error).replace(/^.*failed: /, ''));
        return undefined;
      }
    };
    let found = await processes();
    for (let step = 0; step < MOST_STEPS && found === undefined; step++) {
      await client.request('shadowbox.runUntil', { until: STEP });
      await client.event('stopped');
      found = await processes();
    }
    const reasons = [...told].map((text) => /^No Linux kernel was found|^The fields of this kernel's tasks were not found/.exec(text)?.[0] ?? text);
    assert.deepEqual(reasons, ['No Linux kernel was found', "The fields of this kernel's tasks were not found"], 'both were so for a while');
    assert.match(found ?? '', /^ 2 +0 +\w +- +\S+ +\[kthreadd\]$/m);
  });
});
