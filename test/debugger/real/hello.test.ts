/**
 * hello under the real adapter: 16-bit code from the reset vector on, BIOS calls stepped over and into, and a key.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { leaveOut } from '../../support/leaveOut';
import type { DapClient } from '../client';
import { breakAt, frames, goOn, HELLO, launchStopped, lineOf, memoryOf, numberNow, sample, scopeOf, step, timedPause, useAdapter, valueOf } from './adapter';

const ASM = 'hello/hello.asm';
const BOOT_SECTOR = 0x7c00;
const SEABIOS = '/usr/share/seabios/bios-256k.bin';

describe('hello over the wire', function () {
  let client: DapClient;
  useAdapter(this, 'suite', (started) => { client = started; });

  it('stops at the reset vector, in real mode', async () => {
    const frame = await launchStopped(client, HELLO);
    // SDM volume 3, 9.1.4: the first instruction is fetched from 16 bytes below 4 GiB, with CS F000.
    assert.equal(frame.instructionPointerReference, '0xfffffff0');
    assert.equal(frame.name, 'f000:fff0 (reset vector)');
    assert.equal((await client.request('threads')).threads[0].name, 'CPU 0 (real, CPL 0)');
    const general = await scopeOf(client, frame.id, 'General Registers');
    assert.equal(Number(valueOf(general.variables, 'eip')), 0xfff0);
    assert.equal(memoryOf(general.variables, 'eip'), '0xfffffff0', 'an offset in CS');
    assert.equal(memoryOf((await scopeOf(client, frame.id, 'Segments')).variables, 'cs'), '0xffff0000');
    const [jump] = (await client.request('disassemble', { memoryReference: '0xfffffff0', instructionCount: 1 })).instructions;
    assert.match(jump.instruction, /^jmp/);
    assert.equal(jump.symbol, 'f000:fff0');
    await step(client, 'next', 'instruction');
  });

  it('stops at a line of the boot sector, with its 16-bit disassembly', async () => {
    await breakAt(client, ASM, ['hello-greeting']);
    const frame = await goOn(client);
    assert.equal(frame.line, lineOf(ASM, 'hello-greeting'));
    assert.equal(frame.source?.path, sample(ASM));
    assert.match(frame.name, /start/);
    assert.equal(await numberNow(client, 'cs'), 0);
    assert.equal(await numberNow(client, 'sp'), 0x7bfe, 'DX has been pushed');
    const { instructions } = await client.request('disassemble', { memoryReference: '$eip', instructionOffset: -2, instructionCount: 4 });
    assert.deepEqual(instructions.map(({ instruction }) => instruction.split(' ')[0]), ['cld', 'push', 'mov', 'call']);
    assert.match(instructions[2].instruction, /^mov si, 0x7c[0-9a-f]{2}|^mov si, 0x7d/);
    assert.equal(instructions[2].line, frame.line);
  });

  it('shows the disk that it was booted from, and what has been read of it', async () => {
    const { disks } = await client.request('shadowbox.disks');
    const booted = disks.find(({ image }) => image?.endsWith('hello.img'));
    assert.ok(booted);
    assert.equal(booted.activity.reads, 1, 'the BIOS has read the boot sector');
    assert.equal(booted.activity.readBytes, 512);
    assert.equal(booted.zones.reads[0], 1);
    const { boot, volumes } = await client.request('shadowbox.diskReport', { disk: booted.name });
    assert.match(boot.story, /sample hello/);
    assert.deepEqual(volumes.map(({ key }) => key), ['disk']);
    const { data } = await client.request('shadowbox.readDisk', { disk: booted.name, offset: 510, bytes: 2 });
    assert.deepEqual([...Buffer.from(data, 'base64')], [0x55, 0xaa]);
    assert.equal((await client.request('shadowbox.disks')).disks.find(({ name }) => name === booted.name)?.activity.reads, 1, 'looking is no request of the guest');
  });

  it('steps over a call, into it, and out of it', async () => {
    const call = await step(client, 'next');
    assert.equal(call.line, lineOf(ASM, 'hello-print'));
    const inside = await step(client, 'stepIn');
    assert.match(inside.name, /^print/);
    const back = await step(client, 'stepOut');
    assert.equal(back.line, lineOf(ASM, 'hello-drive'));
    const { text } = await client.request('shadowbox.screen');
    assert.ok(text.some((row) => row.startsWith('Hello from the boot sector!')));
  });

  it('steps over INT 10h, and into it', async () => {
    await breakAt(client, ASM, ['hello-int10']);
    await goOn(client);
    const { cursor } = await client.request('shadowbox.screen');
    const after = await step(client, 'next');
    assert.equal(after.line, lineOf(ASM, 'hello-ret'));
    assert.equal((await client.request('shadowbox.screen')).cursor.column, cursor.column + 1, 'a character was written');

    await goOn(client);
    const flags = await numberNow(client, '$eflags');
    const handler = await step(client, 'stepIn', 'instruction');
    // The vector at 10h * 4: offset, then segment.
    const [offset, segment] = [await numberNow(client, 'u16[0x40]'), await numberNow(client, 'u16[0x42]')];
    assert.equal(Number(handler.instructionPointerReference), segment * 16 + offset);
    assert.equal(handler.name.toLowerCase(), `${segment.toString(16).padStart(4, '0')}:${offset.toString(16).padStart(4, '0')}`);
    // INT pushes FLAGS, CS, IP (SDM volume 2, INT n).
    assert.equal(await numberNow(client, 'u16[ss:sp + 4]'), flags & 0xffff);
    assert.equal(await numberNow(client, 'u16[ss:sp + 2]'), 0);
    const back = await step(client, 'stepOut');
    assert.equal(back.line, lineOf(ASM, 'hello-ret'));
    await breakAt(client, ASM, []);
  });

  it('sees a key that is typed', async () => {
    await breakAt(client, ASM, ['hello-key']);
    await client.request('continue', {});
    // Nothing but the key leads to the breakpoint.
    await timedPause(client);
    await client.request('continue', {});
    await client.request('shadowbox.key', { code: 0x1e, down: true });
    await client.request('shadowbox.key', { code: 0x1e, down: false });
    const { frame } = await client.stopped('breakpoint');
    assert.equal(frame.line, lineOf(ASM, 'hello-key'));
    // INT 16h: AH = scan code, AL = character.
    assert.equal(await numberNow(client, 'ax'), 0x1e61);
    assert.equal((await frames(client)).length, 1, '16-bit code keeps no frames');
  });
});

describe("a BIOS's first touch of the screen over the wire", function () {
  let client: DapClient;
  useAdapter(this, 'each test', (started) => { client = started; });

  for (const [firmware, who] of [['builtin', 'the built-in BIOS'], ['seabios', '0x\\w+']] as const) {
    for (const page of ['0xb8000', 'phys:0xb8000']) {
      it(`stops at the write to ${page} of ${firmware}, before any boot sector runs`, async function () {
        if (firmware === 'seabios' && !existsSync(SEABIOS)) leaveOut(this, 'no SeaBIOS (Debian: seabios)');
        await launchStopped(client, { ...HELLO, firmware });
        const { breakpoints = [] } = await client.request('setExceptionBreakpoints', { filters: [], filterOptions: [{ filterId: 'touch', condition: `write ${page}` }] }) ?? {};
        assert.deepEqual(breakpoints, [{ verified: true }]);
        await client.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference: '0x7c00' }] });
        await client.request('continue', { threadId: 1 });
        assert.match((await client.stopped('exception')).stop.text ?? '', new RegExp(`^first touch: a write to physical 0xb8000, by ${who}$`));
        await goOn(client);
        assert.equal(await numberNow(client, '$eip'), BOOT_SECTOR, 'once');
      });
    }
  }
});
