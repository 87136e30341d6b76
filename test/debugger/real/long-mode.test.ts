/**
 * A 64-bit kernel under the real adapter, from 32-bit protected mode over long mode to its C functions in the upper half:
 * breakpoints, stack, steps, registers of all kinds, expressions, memory, disassembly, page tables, faults.
 */
import assert from 'node:assert/strict';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { leaveOut } from '../../support/leaveOut';
import type { DapClient } from '../client';
import { frames, goOn, launchStopped, memoryOf, scopeOf, step, useAdapter, valueNow, valueOf } from './adapter';
import { buildLongModeGuest, longModeLine, longModeSource, type BuiltGuest } from './longModeGuest';

/** kernel.ld */
const KERNEL = 0xffffffff80000000n;
/** kernel.c */
const NOWHERE = 0xffff900000001234n;

describe('a 64-bit kernel over the wire', function () {
  let client: DapClient;
  let guest: BuiltGuest | undefined;

  before(function () {
    const built = buildLongModeGuest();
    if ('missing' in built) leaveOut(this, `no usable ${built.missing}`);
    guest = built;
  });
  useAdapter(this, 'suite', (started) => { client = started; });
  before(async () => {
    await launchStopped(client, { multiboot: guest?.elf, memory: '64M', cmdline: '', symbols: [guest?.elf] });
  });
  after(() => guest?.remove());

  async function breakOn(file: string, ...markers: readonly string[]): Promise<void> {
    const lines = markers.map((marker) => longModeLine(file, marker));
    const { breakpoints } = await client.request('setBreakpoints', { source: { path: longModeSource(file) }, breakpoints: lines.map((line) => ({ line })) });
    assert.deepEqual(breakpoints.map(({ verified, line }) => [verified, line]), lines.map((line) => [true, line]));
  }

  /** Runs to a marked line, and takes the breakpoint away again. */
  async function runTo(file: string, marker: string): Promise<Dap.StackFrame> {
    await breakOn(file, marker);
    const frame = await goOn(client);
    assert.equal(frame.line, longModeLine(file, marker));
    await breakOn(file);
    return frame;
  }

  /** The number that an expression comes to, exactly. */
  async function big(expression: string): Promise<bigint> {
    const text = await valueNow(client, expression);
    return BigInt(/^-?\w+/.exec(text)?.[0] ?? 'none');
  }

  const threadName = async (): Promise<string> => (await client.request('threads')).threads[0].name;
  const names = async (): Promise<string[]> => (await frames(client)).map(({ name }) => name);
  const set = async (expression: string, value: string): Promise<string> => (await client.request('setExpression', { expression, value })).value;
  const refused = (expression: string, value: string): Promise<string> => client.refused('setExpression', { expression, value });

  it('goes from mode to mode', async () => {
    assert.match(await threadName(), /^CPU 0 \(protected-32, CPL 0\)/);
    const { variables } = await scopeOf(client, (await frames(client))[0].id, 'General Registers');
    assert.deepEqual([variables[0].name, variables.at(-1)?.name, variables.length], ['eax', 'eip', 9]);
    assert.match(await client.refused('evaluate', { expression: '$rax', context: 'watch' }), /no register 'rax'/);
    assert.match(await refused('$rax', '1'), /no register/);

    const last = await runTo('boot.asm', 'activates');
    assert.equal(await big('$efer.LMA'), 0n);
    assert.equal((await step(client, 'next', 'instruction')).line, last.line + 1);
    // Paging is on: long mode is active, and the code segment is still the 32-bit one (SDM volume 3, 10.8.5).
    assert.match(await threadName(), /compatibility/);
    assert.deepEqual([await big('$efer.LMA'), await big('$cr0.PG')], [1n, 1n]);
    assert.equal(await big('$eip'), await big('$rip'));

    assert.equal((await runTo('boot.asm', 'to-upper-half')).name, 'low64');
    assert.match(await threadName(), /long-64/);
    assert.equal(await big('$rax') & KERNEL, KERNEL);
    const upper = await step(client, 'stepIn', 'instruction');
    assert.equal(upper.line, longModeLine('boot.asm', 'upper-half'));
    assert.equal(BigInt(upper.instructionPointerReference ?? 0) >= KERNEL, true);
  });

  it('stops on a line of C, with the stack and locals of 64-bit code', async () => {
    await runTo('kernel.c', 'call-factorial');
    const stack = await frames(client);
    assert.deepEqual(stack.map(({ name }) => name).slice(0, 3), ['work', 'kernel_main', 'upper']);
    assert.equal(stack[1].line, longModeLine('kernel.c', 'call-work'));
    const { variables } = await scopeOf(client, stack[0].id, 'Locals');
    assert.equal(valueOf(variables, 'point'), '{x = 3, y = 4}');
    assert.match(valueOf(variables, 'big'), /\(0xfedcba9876543210\)$/);
    assert.equal(valueOf(variables, 'round'), '1');
    const chain = valueOf(variables, 'chain');
    assert.match(chain, /^0xffffffff8[0-9a-f]{7} <nodes>/);
    assert.equal(memoryOf(variables, 'chain'), /^\w+/.exec(chain)?.[0]);
    const caller = await scopeOf(client, stack[1].id, 'Locals');
    assert.equal(valueOf(caller.variables, 'round'), '1');
  });

  it('evaluates with 64 bits, and pointers of 8 bytes', async () => {
    assert.equal(await big('big + 1'), 0xfedcba9876543211n);
    assert.equal(await big('0xffffffffffffffff + 2'), 1n);
    assert.equal(await big('0xffffffff80000000 | 0x1234'), KERNEL + 0x1234n);
    assert.equal(await big('sizeof(struct node)'), 24n);
    assert.equal(await big('sizeof(chain)'), 8n);
    assert.equal(await big('chain->next->next->value'), 0x123456789abcn);
    assert.equal(await big('&nodes[2] - &nodes[0]'), 2n);
    assert.equal(await big('(unsigned long)&nodes[1] - (unsigned long)&nodes[0]'), 24n);
    assert.equal(await big('((struct node *)&nodes)->value'), 10n);
    assert.equal(await big('(long)-1 >> 8'), -1n);
    assert.match(await valueNow(client, 'chain->next->name'), /"second"/);
    assert.equal((await client.request('evaluate', { expression: 'point.y', context: 'hover' })).result, '4');
    // A plain number points at as many bytes as an address has.
    assert.equal(await big('*(&nodes[1].value)'), 20n);
    assert.equal(await big('[$rsp]'), await big('u64[$rsp]'));
  });

  it('names registers and their parts in any case, and sets them', async () => {
    await set('$rax', '0x1122334455667788');
    assert.deepEqual(await Promise.all(['$rax', 'RAX', '%eax', '$AX', '$al', '$ah'].map(big)), [0x1122334455667788n, 0x1122334455667788n, 0x55667788n, 0x7788n, 0x88n, 0x77n]);
    await set('$r9', '0xffffffff00000000');
    await set('$r9d', '0x12345678');
    await set('$r9b', '0xff');
    assert.equal(await big('$r9'), 0xffffffff123456ffn);
    assert.equal(await big('$r9w'), 0x56ffn);
    await set('$sil', '0x5a');
    assert.equal(await big('$rsi & 0xff'), 0x5an);
    await set('$rdx', '-1');
    assert.equal(await big('$rdx'), 0xffffffffffffffffn);
    assert.match(await refused('$rdx', '0x10000000000000000'), /64 bits/);
    const [frame] = await frames(client);
    const general = await scopeOf(client, frame.id, 'General Registers');
    assert.deepEqual(general.variables.map(({ name }) => name), [
      'rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15', 'rip',
    ]);
    assert.equal(memoryOf(general.variables, 'rsp'), `0x${(await big('$rsp')).toString(16)}`);
    assert.equal((await client.request('setVariable', { variablesReference: general.reference, name: 'r15', value: '0xffffffff81000000' })).value, '0xffffffff81000000 (18446744071578845184)');
    // SDM volume 1, 3.3.7.1: bits 63 to 47 of an address are all alike.
    assert.match(await refused('$rip', '0x0000800000000000'), /canonical/);
    assert.equal(await big('$rip'), BigInt(frame.instructionPointerReference ?? 0));
    await set('$rflags.CF', '1');
    assert.equal((await big('$eflags')) & 1n, 1n);
    assert.match(await refused('$rflags.VM', '1'), /VM cannot be changed alone/);
    assert.match(await refused('$rflags', '0x100000002'), /no flags 0x100000000/);
  });

  it('decodes control, debug and model-specific registers, and refuses what the processor refuses', async () => {
    const [frame] = await frames(client);
    const control = await scopeOf(client, frame.id, 'Control');
    const fields = async (name: string): Promise<Dap.Variable[]> => {
      const register = control.variables.find((variable) => variable.name === name);
      return (await client.request('variables', { variablesReference: register?.variablesReference ?? 0 })).variables;
    };
    const cr4 = await fields('cr4');
    for (const name of ['UMIP', 'LA57', 'FSGSBASE', 'PCIDE', 'OSXSAVE', 'SMEP', 'SMAP', 'PKE']) assert.match(valueOf(cr4, name), /^0 /, name);
    for (const name of ['PAE', 'OSFXSR', 'OSXMMEXCPT']) assert.match(valueOf(cr4, name), /^1 /, name);
    assert.equal(BigInt(/^\S+/.exec(valueOf(await fields('cr3'), 'ROOT'))?.[0] ?? -1), (await big('$cr3')) >> 12n);
    assert.match(valueOf(await fields('efer'), 'LMA'), /^1 /);
    for (const [expression, value] of [['$cr0.PG', '0'], ['$cr4.PAE', '0'], ['$cr4', '0xffffffff'], ['$efer.LME', '0'], ['$cr8', '16']]) {
      assert.match(await refused(expression, value), /\w/, `${expression} = ${value}`);
    }
    assert.deepEqual([await big('$cr0.PG'), await big('$cr4.PAE'), await big('$efer.LME')], [1n, 1n, 1n]);
    // CR4.PCIDE, and a CR3 with a number: the same tables under another name.
    await set('$cr4.PCIDE', '1');
    const root = await big('$cr3');
    await set('$cr3', `0x${(root | 5n).toString(16)}`);
    assert.match(await valueNow(client, '$cr3.PCID'), /^0x005/);
    assert.equal(await big('u32[&nodes]'), 10n);
    await set('$cr3', `0x${root.toString(16)}`);
    await set('$cr4.PCIDE', '0');
    await set('$cr8', '3');
    assert.equal(await big('$cr8'), 3n);
    await set('$cr8', '0');

    assert.match(await refused('$ia32_lstar', '0x0000800000000000'), /#GP/);
    await set('$ia32_lstar', '0xffffffff80123456');
    assert.equal(await big('ia32_lstar'), 0xffffffff80123456n);
    const msrs = await scopeOf(client, frame.id, 'Model-Specific Registers');
    assert.equal(valueOf(msrs.variables, 'ia32_lstar'), '0xffffffff80123456');
    assert.match(msrs.variables.find(({ name }) => name === 'ia32_lstar')?.type ?? '', /c0000082/);
    assert.match(await refused('$ia32_mtrrcap', '0'), /cannot be set/);
    await set('$gs.base', '0xffff888000000000');
    assert.deepEqual([await big('$gs.base'), await big('$ia32_gs_base'), await big('gs:0x10')], [0xffff888000000000n, 0xffff888000000000n, 0xffff888000000010n]);
    assert.match(await refused('$ds.base', '0x1000'), /cannot be set/);
    await set('$dr0', '0xffffffff80102000');
    assert.equal(await big('$dr0'), 0xffffffff80102000n);
    await set('$dr0', '0');
    assert.match(await refused('$cs', '0x10'), /far jump/);
  });

  it('computes with floating-point numbers in XMM registers, lane by lane', async () => {
    // SDM volume 3, table 10-1: after reset all exceptions are masked.
    assert.equal(await big('$mxcsr'), 0x1f80n);
    await runTo('kernel.c', 'root');
    assert.equal(await valueNow(client, 'square'), '25');
    await client.request('setExpression', { expression: 'square', value: '2.25', frameId: (await frames(client))[0].id });
    await runTo('kernel.c', 'length-return');
    assert.equal(await valueNow(client, 'root'), '1.5', 'the program goes by what was set');

    const [frame] = await frames(client);
    const { variables } = await scopeOf(client, frame.id, 'SSE');
    assert.deepEqual(variables.map(({ name }) => name).slice(0, 17), [...Array.from({ length: 16 }, (_, i) => `xmm${i}`), 'mxcsr']);
    await set('$xmm3', '0x3ff8000000000000400921fb54442d18');
    assert.equal(await valueNow(client, '$XMM3'), '0x3ff8000000000000400921fb54442d18');
    assert.deepEqual(await Promise.all(['$xmm3.f64[0]', '$xmm3.f64[1]', '$xmm3.u8[15]', '$xmm3.u32[2]'].map((e) => valueNow(client, e))), ['3.141592653589793', '1.5', '63 (0x3f)', '0']);
    await set('$xmm3.f32[1]', '-0.5');
    assert.equal(await big('$xmm3.u64[0]'), 0xbf00000054442d18n, 'the lane and no other');
    assert.equal(await valueNow(client, '$xmm3.f64[1]'), '1.5');
    const xmm3 = (await scopeOf(client, frame.id, 'SSE')).variables.find(({ name }) => name === 'xmm3');
    const { variables: lanes } = await client.request('variables', { variablesReference: xmm3?.variablesReference ?? 0 });
    assert.deepEqual(lanes.map(({ name }) => name), ['f32', 'f64', 'u8', 'u16', 'u32', 'u64']);
    const { variables: doubles } = await client.request('variables', { variablesReference: lanes[1].variablesReference });
    assert.deepEqual(doubles.map(({ name, evaluateName }) => [name, evaluateName]), [['[0]', '$xmm3.f64[0]'], ['[1]', '$xmm3.f64[1]']]);
    await client.request('setVariable', { variablesReference: lanes[1].variablesReference, name: '[1]', value: '8.5' });
    assert.equal(await valueNow(client, '$xmm3.f64[1]'), '8.5');
    assert.match(await refused('$mxcsr', '0x10000'), /no bits 0x10000/);
    await set('$st0', '0.1');
    assert.equal(await valueNow(client, '$st0'), '0.10000000000000000555');
    await set('$mm7', '0x0123456789abcdef');
    assert.equal(await big('$mm7'), 0x123456789abcdefn);
  });

  it('steps over, into and out of functions, and through recursion', async () => {
    await runTo('kernel.c', 'call-sum');
    const over = await step(client, 'next');
    assert.equal(over.line, longModeLine('kernel.c', 'after-sum'));
    assert.equal(await big('sum'), 10n + 20n + 0x123456789abcn);

    await runTo('kernel.c', 'call-factorial');
    const into = await step(client, 'stepIn');
    assert.equal(into.name, 'factorial');
    assert.equal(await big('n'), 5n);
    const end = await runTo('kernel.c', 'factorial-end');
    assert.equal(end.name, 'factorial');
    assert.deepEqual((await names()).slice(0, 7), ['factorial', 'factorial', 'factorial', 'factorial', 'factorial', 'work', 'kernel_main']);
    const values = await Promise.all((await frames(client)).slice(0, 5).map(async ({ id }) => (await client.request('evaluate', { expression: 'n', frameId: id })).result));
    assert.deepEqual(values, ['1', '2', '3', '4', '5']);
    await step(client, 'stepOut');
    assert.deepEqual((await names()).slice(0, 5), ['factorial', 'factorial', 'factorial', 'factorial', 'work']);
    for (let depth = 0; depth < 4; depth++) await step(client, 'stepOut');
    assert.equal((await names())[0], 'work');
    assert.equal(await big('$rax'), 120n);
  });

  it('walks the stack without frame pointers, and without call frame information', async () => {
    await runTo('list.c', 'value-of');
    assert.deepEqual((await names()).slice(0, 4), ['value_of', 'sum_list', 'work', 'kernel_main']);
    const caller = (await frames(client))[1];
    const { variables } = await scopeOf(client, caller.id, 'General Registers');
    assert.ok(variables.some(({ name }) => name === 'rbx'), 'registers that are preserved are known');
    await runTo('kernel.c', 'framed-leaf');
    assert.deepEqual((await names()).slice(0, 4), ['framed_leaf', 'through_assembly', 'work', 'kernel_main']);
    await step(client, 'stepOut');
    assert.equal((await names())[0], 'through_assembly');
  });

  it('follows into compatibility mode and back', async () => {
    await runTo('boot.asm', 'compatibility-leaf');
    assert.match(await threadName(), /compatibility/);
    const [leaf, caller] = await frames(client);
    assert.deepEqual([leaf.name.includes('leaf32'), caller.name.includes('double32')], [true, true], 'by the chain of EBP');
    const value = await big('$eax');
    await step(client, 'next', 'instruction');
    assert.equal(await big('$eax'), 2n * value);
    assert.equal(await big('[$esp]') >> 32n, 0n, 'a stack slot has 4 bytes');
    // The kernel's memory can be looked at from there.
    assert.notEqual((await client.request('readMemory', { memoryReference: `0x${KERNEL.toString(16)}`, count: 16 })).data, undefined);
    await step(client, 'stepOut');
    assert.match((await names())[0], /double32/);
    const { line } = await runTo('kernel.c', 'call-touch');
    assert.equal(line, longModeLine('kernel.c', 'call-touch'));
  });

  it('stops at a page fault with its 64-bit address, and delivers it', async () => {
    await client.request('setExceptionBreakpoints', { filters: ['#PF'] });
    await client.request('continue', {});
    const { stop, frame } = await client.stopped('exception');
    assert.equal(stop.description, '#PF');
    assert.match(stop.text ?? '', new RegExp(`address 0x${NOWHERE.toString(16)}`));
    assert.match(stop.text ?? '', /0008:ffffffff8[0-9a-f]{7}/);
    assert.equal(frame.line, longModeLine('boot.asm', 'touch'));
    const info = await client.request('exceptionInfo', { threadId: 1 });
    assert.match(info.description ?? '', /not present/);
    await client.request('setExceptionBreakpoints', { filters: [] });
    await runTo('traps.c', 'fault');
    assert.equal(await big('$cr2'), NOWHERE);
    assert.equal(await big('fault_address'), NOWHERE);
    const stack = await frames(client);
    // Through the stub, which nobody called, to the instruction that faulted, and on.
    assert.deepEqual(stack.map(({ name }) => name).filter((name) => /^(trap|touch|work)$/.test(name)), ['trap', 'touch', 'work']);
    assert.equal(stack.find(({ name }) => name === 'touch')?.line, longModeLine('boot.asm', 'touch'));
    assert.equal((await runTo('kernel.c', 'end-of-work')).name, 'work');
  });

  it('leads from a timer interrupt to what it interrupted', async () => {
    // Assembly without call frame information has moments (between PUSH RBP and MOV RBP, RSP) that no walk sees through.
    const hasInformation = (frame: Dap.StackFrame): boolean => /\.c$/.test(frame.source?.name ?? '');
    await runTo('traps.c', 'tick');
    for (let tick = 0; tick < 50 && !hasInformation((await frames(client))[3]); tick++) await runTo('traps.c', 'tick');
    const stack = await frames(client);
    assert.deepEqual(stack.map(({ name }) => name).slice(0, 3), ['tick', 'trap', 'enter']);
    assert.deepEqual(stack.map(({ name }) => name).slice(-3, -1), ['kernel_main', 'upper']);
    assert.equal(await big('frame->vector'), 32n);
    assert.equal(await big('frame->rip'), BigInt(stack[3].instructionPointerReference ?? 0));
  });

  it('steps over a fault, and over calls while the timer ticks', async () => {
    await runTo('kernel.c', 'call-touch');
    assert.equal((await step(client, 'next')).line, longModeLine('kernel.c', 'end-of-work'));
    const before = await big('ticks');
    await runTo('kernel.c', 'call-compatibility');
    for (let count = 0; count < 5; count++) assert.equal((await step(client, 'next')).name, (await names())[0]);
    assert.equal(await big('ticks') >= before, true);
  });

  it('reads and writes memory in the upper half, and none where there are no addresses', async () => {
    const reference = (await client.request('evaluate', { expression: '&nodes', context: 'watch' })).memoryReference ?? '';
    assert.match(reference, /^0xffffffff8/);
    const read = async (memoryReference: string, offset = 0): Promise<string | undefined> => (await client.request('readMemory', { memoryReference, offset, count: 8 })).data;
    const linear = BigInt(reference);
    const { address, data } = await client.request('readMemory', { memoryReference: reference, offset: 24, count: 8 });
    assert.equal(BigInt(address), linear + 24n);
    assert.equal(Buffer.from(data ?? '', 'base64').readBigUInt64LE(), 20n);
    await client.request('writeMemory', { memoryReference: reference, offset: 24, data: Buffer.from([0x15]).toString('base64') });
    assert.equal(await big('nodes[1].value'), 21n);
    assert.equal(await read(`phys:0x${(linear - KERNEL).toString(16)}`, 24), await read(reference, 24));
    assert.equal(await read(`lin:0x${(await big('$cr3')).toString(16)}:${reference}`), await read(reference));
    await set('nodes[1].value', '20');
    // What is not canonical is no address, and after the last one there is none.
    for (const nowhere of ['0x0000800000000000', '0x00007fff80000000', '0xfffffffffffffff0']) {
      assert.equal((await client.request('readMemory', { memoryReference: nowhere, count: 32 })).unreadableBytes, 32, nowhere);
    }
    assert.equal((await client.request('readMemory', { memoryReference: '0xffffffffffffffff', offset: 16, count: 4 })).unreadableBytes, 4);
    assert.match(await client.refused('writeMemory', { memoryReference: '0xffff900000000000', data: 'AAAA' }), /not mapped/);
  });

  it('disassembles, with names of what is addressed relative to RIP', async () => {
    const frame = await runTo('kernel.c', 'call-length');
    const { instructions } = await client.request('disassemble', { memoryReference: frame.instructionPointerReference ?? '', instructionOffset: -6, instructionCount: 40, resolveSymbols: true });
    assert.equal(instructions.length, 40);
    assert.equal(instructions[6].address, frame.instructionPointerReference);
    assert.equal(instructions[6].line, frame.line);
    assert.ok(instructions.every(({ address }) => /^0xffffffff8[0-9a-f]{7}$/.test(address)));
    assert.ok(instructions.some(({ instruction }) => /^call .*<length_of>$/.test(instruction)));
    assert.ok(instructions.some(({ instruction }) => /<last_length>$/.test(instruction)));
    const { instructions: low } = await client.request('disassemble', { memoryReference: '0x100000', instructionCount: 1 });
    assert.equal(low[0].address, '0x0000000000100000', 'all addresses have the width of this mode');
    const { breakpoints } = await client.request('setInstructionBreakpoints', { breakpoints: [{ instructionReference: instructions[10].address }] });
    assert.equal(breakpoints[0].verified, true);
    await client.request('continue', {});
    assert.equal((await client.stopped('breakpoint')).frame.instructionPointerReference, instructions[10].address);
    await client.request('setInstructionBreakpoints', { breakpoints: [] });
  });

  it('shows four levels of page tables, with pages of 4 KiB and 2 MiB', async () => {
    const kernel = await client.request('shadowbox.walk', { linear: '&nodes' });
    assert.equal(kernel.mode, '4-level');
    assert.deepEqual(kernel.guest.map(({ name, index }) => [name, index]).slice(0, 3), [['PML4E', 511], ['PDPTE', 510], ['PDE', 0]]);
    assert.equal(kernel.guest[3].name, 'PTE');
    assert.equal(BigInt(kernel.physical ?? 0), (await big('(unsigned long)&nodes')) - KERNEL);
    assert.deepEqual([kernel.rights?.writable, kernel.rights?.user, kernel.rights?.executable], [true, false, false], 'data is not executable');
    const code = await client.request('shadowbox.walk', { linear: 'kernel_main' });
    assert.equal(code.rights?.executable, true);
    const large = await client.request('shadowbox.walk', { linear: '0xffffffff80400000' });
    assert.deepEqual([large.guest.length, large.guest[2].large, large.physical], [3, true, 0x400000]);
    const fault = await client.request('shadowbox.walk', { linear: `0x${NOWHERE.toString(16)}` });
    assert.deepEqual([fault.guest.length, fault.guest[0].present, fault.physical], [1, false, undefined]);

    const { cr3 } = kernel;
    const { table: root } = await client.request('shadowbox.table', { cr3 });
    assert.deepEqual([root?.level, root?.guestAbsent], [4, 510]);
    assert.deepEqual(root?.guest.map(({ linear }) => linear), ['0x0', '0xffffff8000000000']);
    const { table: directory } = await client.request('shadowbox.table', { cr3, linear: '0xffffffff80000000', level: 2 });
    // One table of small pages, and 511 large ones in one piece.
    assert.deepEqual(directory?.guest.map(({ kind, count }) => [kind, count]).at(0), ['table', 1]);
    assert.equal(directory?.guest.filter(({ kind }) => kind === 'large-page').reduce((sum, { count }) => sum + count, 0), 511);
    assert.ok((directory?.guest.length ?? 0) < 20);
  });
});
