/**
 * The panels' requests about the processor, of paging-lab under the real adapter: what registers point to, setting them, descriptor tables
 * with symbols, and where code can be read.
 */
import assert from 'node:assert/strict';
import type { DapClient } from '../client';
import { breakAt, goOn, HELLO, launchStopped, numberNow, PAGING_LAB, useAdapter } from './adapter';

describe('panels of the processor over the wire', function () {
  let client: DapClient;
  useAdapter(this, 'suite', (started) => { client = started; });

  before(async () => {
    await launchStopped(client, PAGING_LAB);
    // In a task of CPL 3, about to read the clock page.
    await breakAt(client, 'paging-lab/user.c', ['painter-spin']);
    await goOn(client);
  });

  it('tell which registers point to symbols', async () => {
    const { pointers } = await client.request('shadowbox.pointers', {});
    const symbols = Object.fromEntries(pointers.map(({ register, symbol }) => [register, symbol]));
    assert.match(symbols.eip ?? '', /^painter\+0x/);
    assert.deepEqual([symbols['gdtr.base'], symbols['idtr.base']], ['gdt', 'idt']);
  });

  it('set a register, a part, a flag, a lane and a floating-point number', async () => {
    const set = (name: string, value: string) => client.request('shadowbox.setRegister', { name, value });
    const ebx = await numberNow(client, '$ebx');
    await set('ebx', '0x11223344');
    await set('bh', '255');
    assert.equal(await numberNow(client, '$ebx'), 0x1122ff44);
    await set('ebx', `${ebx}`);
    const before = await numberNow(client, '$eflags.zf');
    await set('eflags.zf', String(1 - before));
    assert.equal(await numberNow(client, '$eflags.zf'), 1 - before);
    await set('eflags.zf', String(before));
    await set('xmm1.f32[2]', '2.5');
    const { vector, x87 } = await client.request('shadowbox.cpu', {});
    assert.equal(vector.find(({ name }) => name === 'xmm1')?.value, '0x402000000000000000000000');
    assert.ok(x87.length > 0);
    await set('st0', '-1.5');
    const after = await client.request('shadowbox.cpu', {});
    assert.equal(after.x87.find(({ name }) => name === 'st0')?.value, '0xbfffc000000000000000');
  });

  it('refuse in words what cannot be set, and CPUs that there are not', async () => {
    const refused = (name: string, value: string) => client.refused('shadowbox.setRegister', { name, value });
    assert.match(await refused('al', '256'), /does not fit into al, which has 8 bits/);
    assert.match(await refused('cs', '8'), /CS cannot be loaded alone in protected mode/);
    assert.match(await refused('eax', 'no_such_name'), /no_such_name/);
    assert.match(await refused('eax', ' '), /Type a number/);
    assert.match(await refused('gs', '0x7b'), /raises #GP/);
    assert.match(await client.refused('shadowbox.cpu', { cpu: 1 }), /There is no CPU 1: the machine has CPU 0 alone/);
  });

  it('tell the descriptor tables, with the names of handlers', async () => {
    const { tables, names } = await client.request('shadowbox.descriptors', {});
    assert.deepEqual([tables.mode, tables.cpl, tables.ldt, tables.vectors], ['protected-32', 3, undefined, undefined]);
    const inCode = tables.gdt?.entries.find(({ loadedIn }) => loadedIn.includes('cs'));
    assert.deepEqual([inCode?.kind, inCode?.dpl, inCode?.uses[0]], ['code', 3, { use: 'JMP or CALL far' }]);
    const pageFault = tables.idt?.entries.find(({ name }) => name === '#PF');
    assert.equal(names[pageFault?.gate?.linear ?? ''], 'stub_14');
    assert.deepEqual(pageFault?.uses, [{ use: 'exception' }, { use: 'INT 0Eh', fault: '#GP(0x72)', why: 'its DPL is below the CPL: INT is not allowed' }]);
    assert.deepEqual(tables.loaded.filter(({ stale }) => stale), []);
    const [task] = tables.tasks;
    const field = (name: string) => Number(task.fields.find((each) => each.name === name)?.value);
    assert.equal(field('SS0'), 0x10, 'the kernel’s data segment');
    assert.ok(field('ESP0') > 0x100000, 'a stack of the kernel');
  });

  it('find the source of code, and say where there is none', async () => {
    const here = await client.request('shadowbox.codeAt', { linear: '$eip' });
    assert.match(here.source.path ?? '', /paging-lab\/user\.c$/);
    assert.match(await client.refused('shadowbox.codeAt', { linear: '0x50000000' }), /nothing is mapped there/);
  });

  it('set nothing while the guest runs', async () => {
    await breakAt(client, 'paging-lab/user.c', []);
    await client.request('continue', { threadId: 1 });
    assert.match(await client.refused('shadowbox.setRegister', { name: 'eax', value: '1' }), /The guest is running. Pause it/);
    await client.request('pause', { threadId: 1 });
    await client.stopped('pause');
  });
});

describe('panels of the processor in real mode', function () {
  let client: DapClient;
  useAdapter(this, 'suite', (started) => { client = started; });

  it('tell the vectors and whose they are, and list code without a source', async () => {
    await launchStopped(client, HELLO);
    await breakAt(client, 'hello/hello.asm', ['hello-greeting']);
    await goOn(client);
    const { tables } = await client.request('shadowbox.descriptors', {});
    assert.deepEqual([tables.mode, tables.gdt, tables.idt, tables.vectors?.length], ['real', undefined, undefined, 256]);
    const video = tables.vectors?.[0x10];
    assert.deepEqual([video?.owner, video?.purpose, video?.selector], ['BIOS ROM', 'video services', 0xf000]);
    const { source, line } = await client.request('shadowbox.codeAt', { linear: video?.linear ?? '' });
    assert.ok((source.sourceReference ?? 0) > 0 && line > 0);
    const { content } = await client.request('source', { sourceReference: source.sourceReference ?? 0 });
    assert.ok(content.split('\n')[line - 1].includes((video?.linear ?? '').slice(2)));
  });
});
