/**
 * Variables that compilers keep in registers and in pieces: the monitor decides about conditions on their texts, members and elements. The
 * guest is a loop whose variables are described by hand, so that no compiler chooses other places.
 */
import assert from 'node:assert/strict';
import type { DapClient } from '../client';
import { assembleKernel, Workshop } from '../symbols/toolchain';
import { launchStopped, valueNow, useAdapter } from './adapter';

/** The adapter would need minutes for as many rounds. */
const ROUNDS = 100_000;

const variable = (name: string, type: string, ...place: readonly string[]): string => `
        .uleb128 4
        .asciz "${name}"
        .long ${type} - unit
        .uleb128 ${name}_end - ${name}_place
${name}_place: .byte ${place.join(', ')}
${name}_end:`;

const array = (name: string, bytes: number): string => `
${name}: .uleb128 5
        .long char_type - unit
        .uleb128 6
        .byte ${bytes}
        .byte 0`;

const SOURCE = `
        .text
        .long 0x1badb002, 0, -0x1badb002
        .globl _start
_start: xor %ecx, %ecx
        mov $0x676e6970, %eax           # "ping"
again:  inc %ecx
        mov $0x6c6c6f70, %edx           # "poll"
        cmp $${ROUNDS}, %ecx
        jne place
        mov $0x676e6f70, %edx           # "pong"
place:  nop
        jmp again
code_end:
        .data
suffix: .ascii "ok"

        .section .debug_abbrev,"",@progbits
        .uleb128 1, 0x11                # compile unit: name, low_pc, high_pc
        .byte 1, 0x03, 0x08, 0x11, 0x01, 0x12, 0x06, 0, 0
        .uleb128 2, 0x24                # base type: name, encoding, size
        .byte 0, 0x03, 0x08, 0x3e, 0x0b, 0x0b, 0x0b, 0, 0
        .uleb128 3, 0x2e                # subprogram: name, low_pc, high_pc
        .byte 1, 0x03, 0x08, 0x11, 0x01, 0x12, 0x06, 0, 0
        .uleb128 4, 0x34                # variable: name, type, location
        .byte 0, 0x03, 0x08, 0x49, 0x13, 0x02, 0x18, 0, 0
        .uleb128 5, 0x01                # array: type
        .byte 1, 0x49, 0x13, 0, 0
        .uleb128 6, 0x21                # its elements
        .byte 0, 0x37, 0x0b, 0, 0
        .uleb128 7, 0x13                # structure: size
        .byte 1, 0x0b, 0x0b, 0, 0
        .uleb128 8, 0x0d                # member: name, type, place
        .byte 0, 0x03, 0x08, 0x49, 0x13, 0x38, 0x0b, 0, 0
        .byte 0

        .section .debug_info,"",@progbits
unit:   .long unit_end - unit_body
unit_body:
        .short 4
        .long 0
        .byte 4
        .uleb128 1
        .asciz "hand.c"
        .long _start, code_end - _start
char_type: .uleb128 2
        .asciz "char"
        .byte 6, 1
int_type: .uleb128 2
        .asciz "int"
        .byte 5, 4
${array('four', 4)}${array('two', 2)}${array('six', 6)}${array('eight', 8)}
pair_type: .uleb128 7
        .byte 10
        .uleb128 8
        .asciz "round"
        .long int_type - unit
        .byte 0
        .uleb128 8
        .asciz "tag"
        .long four - unit
        .byte 4
        .uleb128 8
        .asciz "rest"
        .long two - unit
        .byte 8
        .byte 0
        .uleb128 3
        .asciz "rounds"
        .long _start, code_end - _start
${variable('tag', 'four', '0x52')}
${variable('name', 'eight', '0x50, 0x93, 4, 0x52, 0x93, 4')}
${variable('shorter', 'six', '0x50, 0x93, 4, 0x52, 0x93, 2')}
${variable('half', 'eight', '0x52, 0x93, 4, 0x93, 4')}
${variable('fixed', 'six', '0x9e, 6, 0x64, 0x6f, 0x6e, 0x65, 0, 0')}
        .uleb128 4
        .asciz "pair"
        .long pair_type - unit
        .uleb128 13
        .byte 0x51, 0x93, 4, 0x52, 0x93, 4, 0x03
        .long suffix
        .byte 0x93, 2
        .byte 0, 0
unit_end:
`;

describe('conditions on what lies in registers and pieces', function () {
  let client: DapClient;
  const shop = new Workshop();
  let elf = '';
  before(function () { elf = assembleKernel(this, shop, SOURCE); });
  useAdapter(this, 'each test', (started) => { client = started; });
  after(() => shop.remove());

  /** On a label inside of a function. */
  async function breakWhere(condition: string): Promise<string | undefined> {
    const { breakpoints } = await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'place', condition }] });
    assert.equal(breakpoints[0].verified, true);
    return breakpoints[0].message;
  }

  it('has the monitor decide about texts, members and elements', async () => {
    const conditions = [
      'tag == "pong"', 'tag != "pon"', 'name == "pingpong"', 'name != "ping"', 'name != "pingpongs"', 'shorter == "pingpo"', 'half != "pon"', 'fixed == "done"', 'fixed != "don"',
      'pair.tag == "pong"', `pair.round == ${ROUNDS}`, 'pair.rest == "ok"', 'pair.rest != "o"', "pair.tag[1] == 'o'", "name[4] == 'p'", "name[7] == 'g'", "shorter[5] == 'o'",
    ];
    await launchStopped(client, { multiboot: elf, memory: '16M' });
    assert.equal(await breakWhere(conditions.join(' && ')), undefined);
    await client.request('continue', { threadId: 1 });
    await client.stopped('breakpoint');
    assert.equal(await valueNow(client, '$ecx,d'), `${ROUNDS}`);
    assert.equal(await valueNow(client, '$eip == place && place > rounds'), '1');
    for (const condition of conditions) assert.equal(await valueNow(client, condition), '1', `${condition}: the adapter says the same`);
  });

  it('stops where a part decides that the compiler has kept nowhere, and says so', async () => {
    await launchStopped(client, { multiboot: elf, memory: '16M' });
    await breakWhere('half == "pollen"');
    await client.request('continue', { threadId: 1 });
    const { output } = await client.event('output', ({ output: text }) => text.startsWith('The condition'));
    assert.match(output, /^The condition cannot be evaluated: Its value is not known\.\n$/);
    await client.stopped('breakpoint');
    assert.equal(await valueNow(client, '$ecx,d'), '1');
  });
});
