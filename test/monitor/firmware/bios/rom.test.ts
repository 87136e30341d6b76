/** The ROM's stubs, disassembled, and the promises of the reset vector and the tables. */
import assert from 'node:assert/strict';
import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from 'iced-x86';
import { BuiltinBios, initialCpuForBios } from '../../../../src/monitor/firmware/bios/builtin';
import { buildRom, type Continuation } from '../../../../src/monitor/firmware/bios/rom';

const rom = buildRom();

/** Disassembles 16-bit code from an offset up to an instruction that does not fall through. */
function disassemble(offset: number): string[] {
  const decoder = new Decoder(16, rom.image.subarray(offset), DecoderOptions.None);
  decoder.ip = BigInt(offset);
  const formatter = new Formatter(FormatterSyntax.Nasm);
  const lines: string[] = [];
  try {
    for (let ends = false; !ends;) {
      const instruction = decoder.decode();
      lines.push(formatter.format(instruction));
      ends = ['iret', 'jmp'].some((mnemonic) => lines.at(-1)?.startsWith(mnemonic)) || instruction.isInvalid;
      instruction.free();
    }
  } finally {
    decoder.free();
    formatter.free();
  }
  return lines;
}

function handler(vector: number): string[] {
  return disassemble(rom.vectors.get(vector) ?? 0);
}

function continuation(name: Continuation): string[] {
  return disassemble(rom.continuations[name]);
}

const SERVICE = 'out 0B4h,al';
const EOI = ['mov al,20h', 'out 20h,al'];

describe('BIOS ROM', () => {
  it('resets to POST, which sets a stack and then boots', () => {
    assert.deepEqual(disassemble(0xfff0), ['jmp 0F000h:0E05Bh']);
    assert.deepEqual(disassemble(0xe05b).slice(0, 9), [
      'cli', 'cld', 'xor ax,ax', 'mov ss,ax', 'mov sp,7C00h', 'mov ds,ax', 'mov es,ax', SERVICE, 'int 19h',
    ]);
    const { instructionPointer, segments } = initialCpuForBios();
    assert.equal((segments?.cs?.base ?? 0) + instructionPointer, 0xffff_fff0);
  });

  it('calls a service and returns, for the plain interrupts', () => {
    for (const vector of [0, 1, 2, 3, 4, 6, 7, 0x0a, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x1a, 0x40, 0x70, 0x71, 0x76, 0x77]) {
      assert.deepEqual(handler(vector), [SERVICE, 'iret'], vector.toString(16));
    }
  });

  it('ticks: service, INT 1Ch, end of interrupt', () => {
    assert.deepEqual(handler(0x08), [SERVICE, 'int 1Ch', 'push ax', ...EOI, 'pop ax', 'iret']);
  });

  it('offers each key to INT 15h AH=4Fh before it takes it', () => {
    const lines = handler(0x09);
    assert.deepEqual(lines.filter((_, i) => i !== 5), ['push ax', 'in al,60h', 'mov ah,4Fh', 'stc', 'int 15h', SERVICE, ...EOI, 'pop ax', 'iret']);
    // JNC goes to the end of interrupt, past the service.
    const [point] = [...rom.points].find(([, { name }]) => name === 'keyboardIrq') ?? [0];
    assert.equal(lines[5], `jae short ${offsetText(point)}`);
  });

  it('clears the coprocessor latch on IRQ 13 and goes on as NMI', () => {
    assert.deepEqual(handler(0x75), ['push ax', 'xor al,al', 'out 0F0h,al', 'pop ax', SERVICE, 'int 2', 'iret']);
  });

  it('waits in guest code that interrupts can reach', () => {
    assert.deepEqual(continuation('keyWait'), ['sti', 'hlt', 'cli', `jmp short ${offsetText(rom.vectors.get(0x16) ?? 0)}`]);
    assert.deepEqual(continuation('timeWait'), ['sti', 'hlt', SERVICE, 'iret']);
    const spin = continuation('serialWait');
    assert.deepEqual([...spin.slice(0, 3), ...spin.slice(4)], ['sti', 'push cx', 'mov cx,3E8h', 'pop cx', SERVICE, 'iret']);
    assert.match(spin[3], /^loop /);
  });

  it('continues as the services ask', () => {
    assert.deepEqual(continuation('bootJump'), ['sti', 'jmp far [467h]']);
    assert.deepEqual(continuation('reboot'), ['jmp 0F000h:0FFF0h']);
    assert.deepEqual(continuation('resume'), ['jmp far [467h]']);
    assert.deepEqual(continuation('resumeByIret'), ['mov ss,[469h]', 'mov sp,[467h]', 'iret']);
    assert.deepEqual(continuation('resumeByRetf').slice(0, 2), ['mov ss,[469h]', 'mov sp,[467h]']);
    assert.deepEqual(continuation('alarm'), ['int 4Ah', 'iret']);
    assert.deepEqual(continuation('breakKey'), [...EOI, 'pop ax', 'int 1Bh', 'iret']);
    assert.deepEqual(continuation('printScreen'), [...EOI, 'pop ax', 'int 5', 'iret']);
    assert.deepEqual(continuation('halt').slice(0, 2), ['cli', 'hlt']);
    assert.match(continuation('halt')[2], new RegExp(`^jmp short ${offsetText(rom.continuations.halt)}$`));
  });

  it('has a service point behind each OUT to the service port and nowhere else', () => {
    const outs = [...rom.image.keys()].filter((i) => rom.image[i] === 0xe6 && rom.image[i + 1] === 0xb4);
    assert.deepEqual(outs.map((i) => i + 2).sort(), [...rom.points.keys()].sort());
  });

  it('holds what programs look for: IRET at FF53, the model byte, the configuration table', () => {
    assert.equal(rom.image[0xff53], 0xcf);
    assert.equal(rom.image[0xfffe], 0xfc);
    assert.match(new TextDecoder().decode(rom.image.subarray(0xfff5, 0xfffd)), /^\d\d\/\d\d\/\d\d$/);
  });

  it('is mapped below 1 MiB and below 4 GiB as ROM, there also for a processor whose address line 20 is closed', () => {
    const bios = new BuiltinBios();
    assert.deepEqual(bios.mappings.map((m) => [m.address, m.bytes.length, m.writable]), [
      [0xf0000, 0x10000, false], [0xffff_0000, 0x10000, false], [0xffef_0000, 0x10000, false],
    ]);
    assert.deepEqual([0xeffff, 0xf0000, 0xfffff, 0x100000].map((linear) => bios.owns(linear)), [false, true, true, false]);
  });
});

/** An offset as the NASM formatter writes it. */
function offsetText(offset: number): string {
  return `0${offset.toString(16).toUpperCase()}h`;
}
