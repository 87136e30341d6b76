/**
 * What is seen and changed of paging-lab where it stands: call stack through interrupt edges, locals, registers, flags,
 * memory, expressions, disassembly.
 */
import assert from 'node:assert/strict';
import type { DapClient } from '../client';
import { breakAt, frames, goOn, launchStopped, lineOf, MAIN, memoryOf, numberNow, PAGING, PAGING_LAB, sample, scopeOf, step, useAdapter, USER, valueNow, valueOf } from './adapter';

describe('paging-lab over the wire: values', function () {
  let client: DapClient;
  useAdapter(this, 'suite', (started) => { client = started; });

  // One machine for all: each test moves it on to where it looks.
  before(async () => {
    await launchStopped(client, PAGING_LAB);
  });

  it('shows that the call stack ends in the first function', async () => {
    await breakAt(client, MAIN, ['main-booted']);
    await goOn(client);
    const stack = await frames(client);
    assert.deepEqual(stack.map(({ name, line }) => [name, line]).slice(0, 2), [['kernel_main', lineOf(MAIN, 'main-booted')], ['_start', 32]]);
    // `.cfi_undefined eip` (DWARF 5, 6.4.4): there is no caller.
    assert.match(stack[2].name, /outermost/);
    assert.equal(stack.length, 3);
    await breakAt(client, MAIN, []);
  });

  it('leads the call stack through the interrupt edge to the task', async () => {
    await breakAt(client, PAGING, ['copy-check']);
    await goOn(client);
    const stack = await frames(client);
    assert.deepEqual(stack.map(({ name }) => name).slice(0, 5), ['copy_on_write', 'resolve_page_fault', 'trap', 'enter_kernel', 'ping']);
    const [, , trap, , ping] = stack;
    assert.equal(trap.source?.name, 'traps.c', 'the line of the call, not of what is inlined in front of it');
    assert.equal(ping.source?.path, sample(USER));
    assert.equal(ping.line, lineOf(USER, 'ping-write'), 'the instruction that faulted, not the one before');
    const { reference, variables } = await scopeOf(client, ping.id, 'General Registers');
    assert.equal(Number(valueOf(variables, 'eip')), Number(ping.instructionPointerReference));
    assert.match(await client.refused('setVariable', { variablesReference: reference, name: 'eip', value: '0' }), /cannot be set/);
  });

  it('reads locals: numbers, pointers, structs', async () => {
    const [frame] = await frames(client);
    const { variables } = await scopeOf(client, frame.id, 'Locals');
    assert.equal(valueOf(variables, 'linear'), '1610612736 (0x60000000)');
    assert.equal(variables.find(({ name }) => name === 'entry')?.type, 'uint32_t *');
    const { result, variablesReference } = await client.request('evaluate', { expression: '*current', frameId: frame.id, context: 'watch' });
    assert.match(result, /^\{name = .*"ping", directory = 0x[0-9a-f]+/);
    const { variables: members } = await client.request('variables', { variablesReference });
    assert.equal(Number(valueOf(members, 'directory').split(' ')[0]), await numberNow(client, 'cr3'), 'CR3 is what the kernel thinks it is');
    assert.match(await valueNow(client, 'paging_counts.demand_maps'), /^\d+/);
    assert.match(await valueNow(client, '&paging_counts'), /paging_counts|0x[0-9a-f]+/);
  });

  it('offers the memory of pointers and of registers that hold an address', async () => {
    const [frame] = await frames(client);
    const { variables: locals } = await scopeOf(client, frame.id, 'Locals');
    // The compiler keeps it in a register: it has no address of its own.
    assert.match(await client.refused('evaluate', { expression: '&entry', frameId: frame.id, context: 'watch' }), /register|memory|address/);
    assert.equal(memoryOf(locals, 'entry'), /^0x[0-9a-f]+/.exec(valueOf(locals, 'entry'))?.[0]);
    const { variables: general } = await scopeOf(client, frame.id, 'General Registers');
    for (const { name, value, memoryReference } of general) assert.equal(Number(memoryReference), Number(value), `${name}: flat segments`);
    const { variables: control } = await scopeOf(client, frame.id, 'Control');
    // CR3 is a physical address (SDM volume 3, 4.3), CR2 and the bases of descriptor tables are linear ones.
    assert.equal(memoryOf(control, 'cr3'), `phys:0x${(await numberNow(client, 'cr3')).toString(16)}`);
    for (const name of ['cr2', 'gdtr.base', 'idtr.base']) assert.equal(Number(memoryOf(control, name)), Number(valueOf(control, name)), name);
    for (const name of ['cr0', 'cr4', 'gdtr.limit']) assert.equal(memoryOf(control, name), undefined, name);
    const { variables: debug } = await scopeOf(client, frame.id, 'Debug');
    assert.equal(Number(memoryOf(debug, 'dr0')), Number(valueOf(debug, 'dr0')));
    assert.equal(memoryOf(debug, 'dr7'), undefined);
    const { variables: segments } = await scopeOf(client, frame.id, 'Segments');
    assert.equal(Number(memoryOf(segments, 'tr')), await numberNow(client, '&task_state'));
  });

  it('sets variables, which the program then goes by', async () => {
    const frame = (await frames(client))[0];
    await client.request('setExpression', { expression: 'paging_counts.copies', value: '1000', frameId: frame.id });
    await breakAt(client, PAGING, ['copy-words']);
    await goOn(client);
    const { reference } = await scopeOf(client, (await frames(client))[0].id, 'Locals');
    // In the loop the compiler keeps `i` in a register; at its first instructions it is a constant.
    for (let count = 0; count < 4; count++) await step(client, 'next', 'instruction');
    await client.request('setVariable', { variablesReference: (await scopeOf(client, (await frames(client))[0].id, 'Locals')).reference, name: 'i', value: '1000' });
    assert.match(await client.refused('variables', { variablesReference: reference }), /no longer valid/);
    assert.equal(await numberNow(client, 'i'), 1000);
    await breakAt(client, PAGING, ['copy-release']);
    await goOn(client);
    await step(client, 'next');
    await step(client, 'next');
    assert.equal(await numberNow(client, 'paging_counts.copies'), 1001);
  });

  it('reads and sets registers, parts of them, and flags bit by bit', async () => {
    const [frame] = await frames(client);
    const general = await scopeOf(client, frame.id, 'General Registers');
    assert.deepEqual(general.variables.map(({ name }) => name), ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi', 'eip']);
    const old = valueOf(general.variables, 'edx');
    const set = await client.request('setVariable', { variablesReference: general.reference, name: 'edx', value: '0x12345678' });
    assert.match(set.value, /^0x12345678/);
    await client.request('setExpression', { expression: '$dl', value: '0xff', frameId: frame.id });
    assert.equal(await numberNow(client, 'edx'), 0x123456ff);
    await client.request('setExpression', { expression: '$edx', value: old, frameId: frame.id });

    const flags = await scopeOf(client, (await frames(client))[0].id, 'Flags');
    const carry = valueOf(flags.variables, 'CF').startsWith('1') ? 1 : 0;
    const eflags = await numberNow(client, '$eflags');
    assert.equal(eflags & 1, carry);
    await client.request('setVariable', { variablesReference: flags.reference, name: 'CF', value: `${1 - carry}` });
    assert.equal(await numberNow(client, '$eflags'), eflags ^ 1, 'one bit and no other');
    await client.request('setVariable', { variablesReference: flags.reference, name: 'CF', value: `${carry}` });

    const segments = await scopeOf(client, frame.id, 'Segments');
    assert.equal(valueOf(segments.variables, 'cs'), '0x0008 code, readable, 32-bit, DPL 0');
    const hidden = segments.variables.find(({ name }) => name === 'tr');
    const { variables: parts } = await client.request('variables', { variablesReference: hidden?.variablesReference ?? 0 });
    // The TSS of segments.c.
    assert.equal(Number(valueOf(parts, 'base')), await numberNow(client, '&task_state'));
    const control = await scopeOf(client, frame.id, 'Control');
    const cr0 = control.variables.find(({ name }) => name === 'cr0');
    const { variables: bits } = await client.request('variables', { variablesReference: cr0?.variablesReference ?? 0 });
    for (const name of ['PE', 'PG', 'WP']) assert.match(valueOf(bits, name), /^1 /, name);
    assert.match(await client.refused('setExpression', { expression: '$cr0', value: '0x80000000', frameId: frame.id }), /\S{10}|\s/, 'PG without PE');
    assert.equal((await numberNow(client, 'cr0')) & 1, 1);
  });

  it('says why a part of a register is not set: bits that the processor gives by itself, lanes and parts that there are not', async () => {
    const [{ id: frameId }] = await frames(client);
    const refusals: readonly (readonly [expression: string, value: string, message: RegExp])[] = [
      ['$cr0.ET', '0', /does not take 0x0 for \$cr0\.ET: it stays 0x1/], ['$cr0.zzz', '1', /The register cr0 has no part 'zzz' here/], ['eflags.zzz', '1', /eflags has no part 'zzz'/],
      ['$xmm0.u8[16]', '1', /xmm0 has 16 bytes, and this is none of them/], ['$xmm0.u32[-1]', '1', /xmm0 has 16 bytes/], ['$al', '256', /does not fit into al, which has 8 bits/],
      ['$eflags.IOPL', '4', /does not fit into eflags\.iopl, which has 2 bits/], ['$cs.limit', '1', /cs\.limit cannot be set/], ['$eax + 1', '1', /is a computed value and cannot be set/],
      ['$retired', '1', /is a computed value and cannot be set/],
    ];
    const before = (await client.request('evaluate', { expression: 'hash', context: 'repl' })).result;
    for (const [expression, value, message] of refusals) assert.match(await client.refused('setExpression', { expression, value, frameId }), message, expression);
    assert.equal((await client.request('evaluate', { expression: 'hash', context: 'repl' })).result, before, 'nothing has changed');
    await client.request('setExpression', { expression: '$xmm0.u8[15]', value: '0x80', frameId });
    assert.equal(await numberNow(client, '$xmm0.u32[3]'), 0x8000_0000);
    await client.request('setExpression', { expression: '$xmm0.u8[15]', value: '0', frameId });
  });

  it('reads and writes memory, linear and physical', async () => {
    const reference = (await client.request('evaluate', { expression: '&paging_counts', context: 'watch' })).memoryReference ?? '';
    const read = async (memoryReference: string): Promise<string> =>
      Buffer.from((await client.request('readMemory', { memoryReference, count: 12 })).data ?? '', 'base64').toString('hex');
    const before = await read(reference);
    const data = Buffer.from('0102030405060708090a0b0c', 'hex').toString('base64');
    assert.deepEqual(await client.request('writeMemory', { memoryReference: reference, data }), { bytesWritten: 12 });
    assert.equal(await read(reference), '0102030405060708090a0b0c');
    assert.equal(await read(`phys:${reference}`), '0102030405060708090a0b0c', 'the kernel is mapped one to one');
    assert.equal(await numberNow(client, 'paging_counts.demand_maps'), 0x04030201);
    await client.request('writeMemory', { memoryReference: reference, data: Buffer.from(before, 'hex').toString('base64') });
    // Page 0 is not mapped; a large page is.
    assert.equal((await client.request('readMemory', { memoryReference: '0x0', count: 16 })).unreadableBytes, 16);
    assert.equal((await client.request('readMemory', { memoryReference: '0x400000', count: 16 })).unreadableBytes, undefined);
    // The kernel's code is read-only for the kernel, but not for a debugger.
    const code = await read('0x100000');
    assert.ok(code.startsWith('02b0ad1b'), 'the Multiboot magic number');
    await client.request('writeMemory', { memoryReference: '0x100000', data: Buffer.from('00').toString('base64') });
    assert.ok((await read('0x100000')).startsWith('3030'));
    await client.request('writeMemory', { memoryReference: '0x100000', data: Buffer.from('02b0ad1b', 'hex').toString('base64') });
  });

  it('evaluates for hover, watch and console', async () => {
    const frameId = (await frames(client))[0].id;
    assert.match((await client.request('evaluate', { expression: 'linear', frameId, context: 'hover' })).result, /1610612736 \(0x60000000\)/);
    assert.match(await valueNow(client, 'kernel_space.name'), /"kernel"/);
    assert.match((await client.request('evaluate', { expression: 'walk 0x60000000', context: 'repl' })).result, /PDE\[384\].*\n.*PTE\[0\]/);
    assert.match((await client.request('evaluate', { expression: 'regs', context: 'repl' })).result, /protected-32, CPL 0/);
    assert.match((await client.request('evaluate', { expression: 'spaces', context: 'repl' })).result, /\* cr3=0x[0-9a-f]{8} {2}32-bit/);
  });

  it('disassembles around the instruction pointer, with symbols and source lines', async () => {
    const [frame] = await frames(client);
    const { instructions } = await client.request('disassemble', {
      memoryReference: frame.instructionPointerReference ?? '', instructionOffset: -20, instructionCount: 60, resolveSymbols: true,
    });
    assert.equal(instructions.length, 60);
    const here = instructions.findIndex(({ address }) => Number(address) === Number(frame.instructionPointerReference));
    assert.equal(here, 20);
    assert.equal(instructions[here].line, frame.line);
    instructions.forEach(({ address, instructionBytes = '' }, index) => {
      const next = instructions[index + 1];
      if (next) assert.equal(Number(address) + instructionBytes.split(' ').length, Number(next.address), 'one behind the other');
    });
    assert.ok(instructions.some(({ instruction }) => /^call .*<frame_release>/.test(instruction)), 'the call on an earlier line');
    assert.ok(instructions.every(({ symbol }) => symbol !== undefined));
    assert.equal(instructions.find(({ location }) => location)?.location?.path, sample(PAGING));
  });

  it('reads, writes and watches the memory of the screen, and reads nothing of other devices', async () => {
    const text = async (): Promise<string> => (await client.request('evaluate', { expression: 'mem phys:0xb8000 4', context: 'repl' })).result;
    await client.request('writeMemory', { memoryReference: 'phys:0xb8000', data: Buffer.from('A\x07B\x07').toString('base64') });
    assert.match(await text(), /^0x000b8000 {2}41 07 42 07 /);
    await client.request('setExpression', { expression: 'u8[phys:0xb8002]', value: "'C'" });
    assert.match(await text(), /^0x000b8000 {2}41 07 43 07 /);
    assert.equal((await client.request('shadowbox.screen', {})).text[0].slice(0, 2), 'AC');
    assert.match((await client.request('evaluate', { expression: 'mem phys:0xfee00000', context: 'repl' })).result, /not mapped/);
    const { dataId } = await client.request('dataBreakpointInfo', { name: 'phys:0xb8000', asAddress: true, bytes: 4000 });
    assert.ok(dataId);
    await client.request('setDataBreakpoints', { breakpoints: [{ dataId, accessType: 'write', condition: 'before != after' }] });
    await client.request('continue', { threadId: 1 });
    const { stop } = await client.stopped('data breakpoint');
    assert.match(stop.text ?? '', /^phys:0xb8000 \(4000 bytes\): byte 0x[0-9a-f]+ was [0-9a-f]{2}\b.*, is [0-9a-f]{2}\b.*; written by \w+\+0x\w+ \(console\.c:\d+\)$/);
    await client.request('setDataBreakpoints', { breakpoints: [] });
  });
});
