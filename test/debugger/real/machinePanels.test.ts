/**
 * What the Screen and Devices panels ask and do, about hello under the real adapter: its picture, keys and text, interrupt lines,
 * events ahead, registers that are written from outside.
 */
import assert from 'node:assert/strict';
import { inflateRawSync } from 'node:zlib';
import type { DapClient } from '../client';
import { breakAt, goOn, HELLO, launchStopped, numberNow, useAdapter } from './adapter';

const ASM = 'hello/hello.asm';

describe('screen and devices over the wire', function () {
  let client: DapClient;
  useAdapter(this, 'suite', (started) => { client = started; });

  before(async () => {
    await launchStopped(client, HELLO);
    await breakAt(client, ASM, ['hello-key']);
  });

  it('give the picture whole, then only what has changed of it', async () => {
    const first = await client.request('shadowbox.picture', {});
    assert.ok(first.pixels);
    assert.equal(inflateRawSync(Buffer.from(first.pixels, 'base64')).length, first.width * first.height * 4);
    const same = await client.request('shadowbox.picture', { since: first.change });
    assert.equal(same.pixels, undefined);
    await client.request('continue', { threadId: 1 });
    // hello waits for a key, with its greeting on the screen.
    let text: readonly string[] = [];
    for (let tries = 0; tries < 200 && !text.some((row) => row.includes('Press keys')); tries++) {
      await new Promise((resolve) => { setTimeout(resolve, 25); });
      ({ text } = await client.request('shadowbox.screen'));
    }
    assert.ok(text.some((row) => row.startsWith('Hello from the boot sector!')), text.join('\n'));
    const greeting = await client.request('shadowbox.picture', { since: first.change });
    assert.ok(greeting.pixels);
    const again = await client.request('shadowbox.picture', { since: greeting.change });
    const dots = (again.regions ?? []).reduce((sum, { width, height }) => sum + width * height, 0);
    assert.ok(dots <= 9 * 16, `at most the cursor has blinked, not ${dots} dots`);
    console.log(`      ${greeting.width} x ${greeting.height}: ${greeting.pixels.length} characters with the greeting, ${again.pixels?.length ?? 0} when the cursor blinks`);
  });

  it('tell who raises which interrupt line, and where it goes', async () => {
    const { lines, apics } = await client.request('shadowbox.interrupts');
    assert.equal(lines.length, 24);
    assert.deepEqual(lines[0].devices, ['pit', 'hpet'], 'an HPET may stand in for the timer');
    assert.deepEqual(lines[1].devices, ['keyboard']);
    // The BIOS has put the master's vectors at 08h, the slave's at 70h, as IBM's does.
    assert.deepEqual([lines[0].pic?.vector, lines[1].pic?.vector, lines[8].pic?.vector], [8, 9, 0x70]);
    assert.equal(lines[1].pic?.masked, false);
    assert.equal(lines[0].ioApic?.input, 2, 'the timer is input 2');
    assert.equal(lines[16].pic, undefined);
    assert.equal(apics.length, 1);
  });

  it('tell what devices have scheduled, the next first', async () => {
    const { now, events } = await client.request('shadowbox.events');
    assert.ok(events.some(({ device }) => device === 'pit'), JSON.stringify(events));
    const times = events.map(({ time }) => time);
    assert.deepEqual(times, [...times].sort((a, b) => a - b));
    assert.ok(times[0] >= now);
    // 65536 counts of 1193182 Hz.
    const timer = events.find(({ device }) => device === 'pit');
    assert.ok(timer && timer.time - now <= 54_925_500, JSON.stringify(timer));
  });

  it('write a register as the guest does, with what follows from it', async () => {
    await client.request('pause', { threadId: 1 });
    await client.stopped('pause');
    const mask = async () => (await client.request('shadowbox.interrupts')).lines.slice(0, 8).map(({ pic }) => pic?.masked);
    const before = await mask();
    // OCW1 of the master: all but line 1 masked.
    await client.request('shadowbox.writeRegister', { space: 'port', address: 0x21, bytes: 1, value: 0xfd });
    assert.deepEqual(await mask(), [true, false, true, true, true, true, true, true]);
    await client.request('shadowbox.writeRegister', { space: 'port', address: 0x21, bytes: 1, value: before.reduce((bits, masked, i) => bits | (masked === true ? 1 << i : 0), 0) });
    assert.deepEqual(await mask(), before);
    // The command register of the host bridge: bit 1 may not be cleared there, of the VGA it may.
    const command = async () => {
      const { devices } = await client.request('shadowbox.devices');
      const block = devices.find(({ name }) => name === 'pci')?.registers?.blocks.find(({ name }) => name === 'configuration 2.0');
      assert.ok(block);
      return { address: block.base + 4, value: block.registers.find(({ name }) => name === 'PCICMD')?.value };
    };
    const { address, value } = await command();
    await client.request('shadowbox.writeRegister', { space: 'configuration', address, bytes: 2, value: 0 });
    assert.equal((await command()).value, 0);
    await client.request('shadowbox.writeRegister', { space: 'configuration', address, bytes: 2, value: value ?? 0 });
    assert.equal((await command()).value, value);
    assert.match(await client.refused('shadowbox.writeRegister', { space: 'disk', address: 0, bytes: 1, value: 0 }), /no space 'disk'/);
  });

  it('type into the guest, which sees the key', async () => {
    await client.request('shadowbox.key', { code: 0x1e, down: true });
    await client.request('shadowbox.key', { code: 0x1e, down: false });
    await goOn(client);
    assert.equal(await numberNow(client, '$al'), 'a'.charCodeAt(0));
  });

  it('have buttons, which are pressed', async () => {
    await breakAt(client, ASM, []);
    assert.match(await client.refused('shadowbox.button', { button: 'turbo' }), /no button 'turbo'/);
    await client.request('shadowbox.button', { button: 'power' });
  });

  it('are small enough to be asked often', async () => {
    const devices = JSON.stringify(await client.request('shadowbox.devices')).length;
    const interrupts = JSON.stringify(await client.request('shadowbox.interrupts')).length;
    console.log(`      devices: ${devices} bytes, interrupts: ${interrupts} bytes`);
    assert.ok(interrupts < 20_000);
  });
});
