/** terminate: the power button first, where the guest listens to it. */
import assert from 'node:assert/strict';
import { PowerButton } from '../../debugger/powerButton';
import type { DapClient } from './client';
import { breakAt, goOn, HELLO, launchStopped, timedPause, useAdapter } from './real/adapter';

const ASM = 'hello/hello.asm';
/** Bits of PMSTS and PMEN, and PMCNTRL's for "go to sleep" (ACPI Specification 6.5, 4.8.3). */
const POWER_BUTTON = 0x100, SLEEP = 0x2000;
/** Where the BIOS has its registers. */
const PM_PORT = 0x600;

describe('terminate over the wire', function () {
  let client: DapClient;
  useAdapter(this, 'each test', (started) => { client = started; });

  const register = async (name: string): Promise<{ address: number; value: number }> => {
    const { devices } = await client.request('shadowbox.devices');
    const block = devices.find((device) => device.name === 'acpi')?.registers?.blocks.find(({ registers }) => registers.some((each) => each.name === name));
    const found = block?.registers.find((each) => each.name === name);
    assert.ok(block && found);
    return { address: PM_PORT + found.at, value: found.value ?? 0 };
  };
  const write = async (name: string, value: number): Promise<void> => {
    await client.request('shadowbox.writeRegister', { space: 'port', address: (await register(name)).address, bytes: 2, value });
  };
  /** hello goes, after its BIOS; `listens`: as an operating system does that wants to know of the button. */
  const run = async (listens: boolean): Promise<void> => {
    await launchStopped(client, HELLO);
    await breakAt(client, ASM, ['hello-greeting']);
    await goOn(client);
    await breakAt(client, ASM, []);
    if (listens) await write('PMEN', POWER_BUTTON);
    await client.request('continue', { threadId: 1 });
  };
  const hasEnded = (): boolean => client.unreadEvents('terminated').length > 0;

  it('asks a guest that listens, and ends with it', async () => {
    await run(true);
    await client.request('terminate', {});
    assert.match((await client.event('output', ({ category }) => category === 'important')).output, /power button was pressed.*Stop again/);
    assert.equal((await register('PMSTS')).value & POWER_BUTTON, POWER_BUTTON);
    assert.equal(hasEnded(), false);
    await write('PMCNTRL', SLEEP);
    assert.equal((await client.event('exited')).exitCode, 0);
    await client.event('terminated');
  });

  it('ends at the second time', async () => {
    await run(true);
    await client.request('terminate', {});
    assert.equal((await client.request('threads')).threads.length, 1, 'it is still there');
    assert.equal(hasEnded(), false);
    await client.request('terminate', {});
    await client.event('terminated');
    assert.match(await client.refused('continue', { threadId: 1 }), /No machine/);
  });

  it('ends a machine that stands, also one that was asked before', async () => {
    await run(true);
    await client.request('terminate', {});
    await timedPause(client);
    await client.request('continue', { threadId: 1 });
    await client.request('terminate', {});
    assert.equal(hasEnded(), false, 'it goes again: it is asked again');
    await timedPause(client);
    await client.request('terminate', {});
    await client.event('terminated');
  });

  it('ends a guest that does not listen, and one that is launched anew', async () => {
    await run(false);
    await client.request('terminate', {});
    await client.event('terminated');
    assert.deepEqual(client.unreadEvents('output').filter(({ body }) => JSON.stringify(body).includes('power button')), []);
  });

  it('does not wait where the client restarts', async () => {
    await run(true);
    await client.request('terminate', { restart: true });
    await client.event('terminated');
  });
});

describe('the power button', () => {
  it('is not waited for without end, and not after a stop', async () => {
    const listening = { name: 'acpi', state: {}, registers: { title: '', source: '', blocks: [{ name: '', space: 'port' as const, base: 0, registers: [{ name: 'PMEN', title: '', at: 0, bytes: 2 as const, access: 'read-write' as const, value: POWER_BUTTON, fields: [] }] }] } };
    const make = (): PowerButton => new PowerButton({ input: async () => undefined }, { devices: async () => [listening] }, 1);
    await new Promise<void>((resolve) => void make().press(resolve));
    const stopped = make();
    let isLate = false;
    assert.equal(await stopped.press(() => { isLate = true; }), true);
    stopped.forget();
    await new Promise((resolve) => { setTimeout(resolve, 20); });
    assert.deepEqual([isLate, stopped.isPressed], [false, false]);
  });
});
