/**
 * Every filter of what a guest of a few instructions can bring about, each with a condition that holds and with one that does not, forwards and
 * backwards over the wire.
 */
import assert from 'node:assert/strict';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { DapClient } from '../client';
import { assembleKernel, Workshop } from '../symbols/toolchain';
import { launchStopped, useAdapter } from './adapter';

/** An instruction that faults or traps: the handler goes on behind it. */
const attempt = (instruction: string): string => `movl $9f, resume\n ${instruction}\n9:`;

const SOURCE = `
        .text
        .long 0x1badb002, 0, -0x1badb002
        .globl _start
_start: mov $stack_top, %esp
        mov $first_tss, %eax
        mov %ax, gdt + 0x22
        shr $16, %eax
        mov %al, gdt + 0x24
        mov $tss, %eax
        mov %ax, gdt + 0x2a
        shr $16, %eax
        mov %al, gdt + 0x2c
        lgdt gdt_pointer
        ljmp $8, $1f
1:      mov $0x10, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov $idt, %edi
        mov $64, %ecx
        mov $handler, %eax
2:      mov %ax, (%edi)
        movw $8, 2(%edi)
        movw $0x8e00, 4(%edi)
        mov %eax, %edx
        shr $16, %edx
        mov %dx, 6(%edi)
        add $8, %edi
        loop 2b
        lidt idt_pointer
        mov %cr0, %eax
        and $~0xc, %eax
        or $0x22, %eax
        mov %eax, %cr0
        mov $0x600, %eax
        mov %eax, %cr4
        fninit
        mov $0x20, %eax
        ltr %ax
ready:  xor %ecx, %ecx
        ${attempt('div %ecx')}
        ${attempt('.byte 0xf1')}
        ${attempt('int3')}
        mov $0x7fffffff, %eax
        add $1, %eax
        ${attempt('into')}
        mov $5, %eax
        ${attempt('bound %eax, bounds')}
        ${attempt('ud2')}
        mov %cr0, %eax
        or $8, %eax
        mov %eax, %cr0
        ${attempt('fld1')}
        clts
        mov $0x18, %eax
        ${attempt('mov %eax, %fs')}
        ${attempt('mov %eax, %ss')}
        mov $0x50, %eax
        ${attempt('mov %eax, %fs')}
        fldcw unmasked
        fld1
        fldz
        fdivrp %st, %st(1)
        ${attempt('fwait')}
        fninit
        ldmxcsr unmasked_vector
        xorps %xmm1, %xmm1
        movss one, %xmm0
        ${attempt('divss %xmm1, %xmm0')}
        ${attempt('int $0x30')}
        mov $0x1b, %ecx
        rdmsr
        wrmsr
        mov $0x123000, %eax
        mov %eax, %cr3
        mov $0x41, %al
        out %al, $0xe9
        mov %cr0, %eax
        and $~1, %eax
        mov %eax, %cr0
        or $1, %eax
        mov %eax, %cr0
        movl $switched, tss + 0x20
        movl $2, tss + 0x24
        movl $stack_top, tss + 0x38
        movl $0x10, tss + 0x48
        movl $8, tss + 0x4c
        movl $0x10, tss + 0x50
        movl $0x10, tss + 0x54
        ljmp $0x28, $0
switched: nop
end:    jmp end
handler: mov $stack_top, %esp
        jmp *resume

        .data
        .balign 8
gdt:    .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
        .quad 0x00cf12000000ffff        # a data segment that is not present
        .quad 0x0000890000000067, 0x0000890000000067
gdt_pointer: .short 47
        .long gdt
idt_pointer: .short 511
        .long idt
bounds: .long 0, 1
resume: .long 0
unmasked: .short 0x37b                  # zero divide
unmasked_vector: .long 0x1d80
one:    .float 1
        .balign 8
        .space 8
first_tss: .space 0x68
tss:    .space 0x68
idt:    .space 512
        .space 4096
stack_top:
`;

/** In the order in which they come: the filter, a condition that holds, one that does not, and what the stop says. */
const FILTERS: readonly (readonly [filterId: string, holds: string, never: string, description: string])[] = [
  ['#DE', 'vector == 0 && $ecx == 0', 'user', '#DE'],
  ['#DB', 'kernel', '$cpu == 1', '#DB'],
  ['#BP', 'vector == 3', 'vector != 3', '#BP'],
  ['#OF', '$eax == 0x80000000', '$eflags.OF == 0', '#OF'],
  ['#BR', '$eax == 5', 'cpl == 3', '#BR'],
  ['#UD', 'error == 0', 'error != 0', '#UD'],
  ['#NM', '$cr0.TS == 1', '$cr0.TS == 0', '#NM'],
  ['#NP', 'error == 0x18', 'error == 0x50', '#NP'],
  ['#SS', 'error == $eax', 'error == 0', '#SS'],
  ['#GP', 'error == 0x50 && cpl == 0', 'error == 0x18', '#GP'],
  ['#MF', '$fsw != 0', 'user', '#MF'],
  ['#XM', '$mxcsr == 0x1d84', 'error == 1', '#XM'],
  ['int', 'vector == 0x30', 'vector == 0x31', 'INT 0x30'],
  ['msr', 'msr == 0x1b && write', 'msr == 0x10', 'WRMSR 0x1b'],
  ['cr3', 'to == 0x123000', 'from == to', 'CR3 load'],
  ['port', 'port == 0xe9 && value == 0x41', 'port == 0xe9 && !write', 'OUT to port 0xe9'],
  ['mode', '$cr0.PE == 0', '$cr0.PG == 1', 'mode switch'],
  ['task', '$tr == 0x28', '$tr == 0x20', 'task switch'],
];

describe('each filter with a condition', function () {
  let client: DapClient;
  const shop = new Workshop();
  let elf = '';
  before(function () { elf = assembleKernel(this, shop, SOURCE); });
  useAdapter(this, 'each test', (started) => { client = started; });
  after(() => shop.remove());

  const toLabel = async (name: string): Promise<void> => {
    const { breakpoints: [{ verified, message }] } = await client.request('setFunctionBreakpoints', { breakpoints: [{ name }] });
    assert.equal(verified, true, message);
  };
  const set = async (condition: 1 | 2): Promise<void> => {
    const { breakpoints = [] } = await client.request('setExceptionBreakpoints', { filters: [], filterOptions: FILTERS.map((filter) => ({ filterId: filter[0], condition: filter[condition] })) }) ?? {};
    assert.deepEqual(breakpoints, FILTERS.map(() => ({ verified: true })));
  };
  const go = async (command: 'continue' | 'reverseContinue'): Promise<Dap.StoppedEvent['body']> => {
    await client.request(command, { threadId: 1 });
    return client.event('stopped');
  };
  /** What it stops at on the way to a label. */
  async function stops(command: 'continue' | 'reverseContinue'): Promise<string[]> {
    const found: string[] = [];
    for (;;) {
      const { reason, description = '' } = await go(command);
      if (reason === 'breakpoint') return found;
      assert.equal(reason, 'exception');
      const { description: story = '' } = await client.request('exceptionInfo', { threadId: 1 });
      assert.ok(story.length > 0, description);
      found.push(description);
      assert.ok(found.length <= FILTERS.length, found.join(', '));
    }
  }

  it('stops at each where it holds, in their order, and backwards in the other', async () => {
    await launchStopped(client, { multiboot: elf, memory: '16M', symbols: [elf], cpuModel: 'pentium3' });
    await toLabel('ready');
    assert.equal((await go('continue')).reason, 'breakpoint');
    await set(1);
    await toLabel('end');
    const expected = FILTERS.map((filter) => filter[3]);
    assert.deepEqual(await stops('continue'), expected);
    await toLabel('ready');
    assert.deepEqual(await stops('reverseContinue'), [...expected].reverse());
  });

  it('passes all of them where it does not', async () => {
    await launchStopped(client, { multiboot: elf, memory: '16M', symbols: [elf], cpuModel: 'pentium3' });
    await toLabel('ready');
    await go('continue');
    await set(2);
    await toLabel('end');
    assert.deepEqual(await stops('continue'), []);
  });
});
