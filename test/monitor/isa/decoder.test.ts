/**
 * The decoder against iced-x86 on random byte streams: which bytes are an instruction, its length, the
 * form of its memory operand, and the target of its branch.
 */
import assert from 'node:assert/strict';
import { Code, CpuidFeature, Decoder, DecoderOptions, OpKind, Register, type Instruction as IcedInstruction } from 'iced-x86';
import { decode, SEGMENT, type Instruction } from '../../../src/monitor/isa/decoder';
import { randomCode, STREAM_BYTES } from './randomCode';

const STREAMS = 60_000;

/** Extensions that no CPU model has: their instructions are undefined opcodes here. */
const ABSENT =
  /AVX512|AVX_|AVX10|SSE4A|D3NOW|XOP|TBM|FMA4|GFNI|SM3|SM4|SHA512|VPCLMUL|VAES|VMX|SVM|SMX|SMM|SEV|SNP|CET|AMX|KL|PADLOCK|CLZERO|MONITORX|MCOMMIT|RDPRU|PTWRITE|WBNOINVD|WAITPKG|ENQCMD|MOVDIR|CLDEMOTE|SERIALIZE|TSXLDTRK|HRESET|UINTR|RTM|HLE|PCONFIG|SGX|MPX|INVLPGB|TDX|CL1INVMB|CYRIX|GEODE|RAO|MSRLIST|WRMSRNS|LKGS|FRED|PREFETCHITI|CMPCCXADD|UDBG/;

/** Bytes that iced calls undefined and the processor finds out while it executes them (unassigned registers and x87 forms). */
const FOUND_LATER = new Set(['!x87', 'mov_to_seg', '!mov_from_seg', '!mov_to_cr', 'mov_from_cr', '!mov_to_dr', '!mov_from_dr']);

/** iced's registers by ours: the general registers of a width have consecutive numbers there. */
const FIRST_REGISTER = { 16: Register.AX, 32: Register.EAX, 64: Register.RAX } as const;
const SEGMENTS = [Register.ES, Register.CS, Register.SS, Register.DS, Register.FS, Register.GS];

/** Ours and iced's reading of one byte stream. */
interface Reading {
  readonly ours: Instruction;
  readonly theirs: IcedInstruction;
  readonly text: string;
  readonly bits: 16 | 32 | 64;
}

/** Reads streams in both modes; `check` gives a complaint or nothing. */
function differences(seed: number, check: (reading: Reading) => string | undefined): string[] {
  const found: string[] = [];
  for (const bits of [16, 32, 64] as const) {
    for (const stream of randomCode(seed, STREAMS, bits)) {
      const decoder = new Decoder(bits, stream, DecoderOptions.None);
      const theirs = decoder.decode();
      const ours = decode(stream, 0, STREAM_BYTES, bits);
      assert.ok(ours, 'a stream is longer than any instruction');
      const text = `${Buffer.from(stream).toString('hex')} (${bits} bits)`;
      const complaint = check({ ours, theirs, text, bits });
      if (complaint !== undefined) found.push(`${text}: ${complaint}`);
      theirs.free();
      decoder.free();
    }
  }
  return found;
}

/** The displacement as iced shows it: of an address behind the instruction, the whole address. */
function displacementOf({ memory, immediate, length }: Instruction): bigint {
  if (memory?.base === 'direct') return immediate;
  return BigInt(memory?.displacement ?? 0) + (memory?.base === 'ip' ? BigInt(length) : 0n);
}

function assertNone(found: readonly string[]): void {
  assert.equal(found.length, 0, `${found.length} differ, among them\n${found.slice(0, 25).join('\n')}`);
}

const isUndefined = (instruction: Instruction): boolean => instruction.name === '!ud' || instruction.name === '!too_long';
const featuresOf = (instruction: IcedInstruction): string => Array.from(instruction.cpuidFeatures(), (f) => CpuidFeature[f]).join();

/** UD0, UD1, UD2 are undefined opcodes by name. */
const isNamedUndefined = (theirs: IcedInstruction): boolean => /^(Ud[012]|Reservednop)/.test(Code[theirs.code]);

describe('the decoder and iced-x86', function () {
  this.timeout(60_000);

  it('take the same bytes for instructions, of the same length', () => {
    assertNone(
      differences(1, ({ ours, theirs }) => {
        if (theirs.code === Code.INVALID) {
          return isUndefined(ours) || FOUND_LATER.has(ours.name) ? undefined : `undefined, ours ${ours.name}`;
        }
        if (isUndefined(ours)) {
          return ABSENT.test(featuresOf(theirs)) || isNamedUndefined(theirs) ? undefined : `${Code[theirs.code]}, ours is undefined`;
        }
        return ours.length === theirs.length ? undefined : `${theirs.length} bytes, ours ${ours.length} (${ours.name})`;
      }),
    );
  });

  it('see the same memory operand', () => {
    let seen = 0;
    const found = differences(2, ({ ours, theirs, bits }) => {
      const { memory } = ours;
      const operand = Array.from({ length: theirs.opCount }, (_, i) => theirs.opKind(i)).includes(OpKind.Memory);
      // The index of a gather is a vector, which our form leaves to the instruction.
      if (/gather/.test(ours.name)) return undefined;
      if (!memory || !operand || isUndefined(ours) || theirs.code === Code.INVALID) return undefined;
      seen++;
      const name = (register: number | 'ip' | 'direct'): number => {
        if (register === 'ip') return memory.size === 64 ? Register.RIP : Register.EIP;
        return register === 'direct' || register < 0 ? Register.None : FIRST_REGISTER[memory.size] + register;
      };
      // XLAT adds AL, which our form leaves to the instruction's meaning.
      const index = ours.name === 'xlat' ? Register.AL : name(memory.index);
      const same =
        theirs.memoryBase === name(memory.base) &&
        theirs.memoryIndex === index &&
        (memory.index < 0 || theirs.memoryIndexScale === 1 << memory.scale) &&
        BigInt.asUintN(memory.size, theirs.memoryDisplacement) === BigInt.asUintN(memory.size, displacementOf(ours)) &&
        // In 64-bit mode the prefixes of other segments than FS and GS count for nothing, but iced shows them.
        (theirs.memorySegment === SEGMENTS[memory.segment] || (bits === 64 && memory.segment < SEGMENT.fs && theirs.memorySegment < Register.FS));
      return same ? undefined : `${Code[theirs.code]}, ours ${JSON.stringify(memory)}`;
    });
    assertNone(found);
    assert.ok(seen > STREAMS / 4);
  });

  it('see the same target of a near branch', () => {
    let seen = 0;
    const found = differences(3, ({ ours, theirs }) => {
      if (theirs.code === Code.INVALID || isUndefined(ours) || !/^(NearBranch)/.test(OpKind[theirs.op0Kind])) return undefined;
      seen++;
      const target = BigInt.asUintN(ours.size === 8 ? 64 : ours.size, BigInt(ours.length) + ours.immediate);
      return target === theirs.nearBranchTarget ? undefined : `target ${theirs.nearBranchTarget.toString(16)}, ours ${target.toString(16)}`;
    });
    assertNone(found);
    assert.ok(seen > STREAMS / 50);
  });
});

describe('the decoder', () => {
  const bytes = (...code: number[]): Uint8Array => Uint8Array.from(code);

  it('says that bytes run out, rather than guess', () => {
    const code = bytes(0x8b, 0x84, 0x88, 0x78, 0x56, 0x34, 0x12);
    for (let end = 1; end < code.length; end++) assert.equal(decode(code, 0, end, 32), undefined);
    assert.equal(decode(code, 0, code.length, 32)?.length, 7);
  });

  it('gives more than 15 bytes a fault of their own', () => {
    const code = new Uint8Array(16).fill(0x66);
    code[15] = 0x90;
    assert.equal(decode(code, 0, 16, 32)?.name, '!too_long');
    assert.equal(decode(code, 1, 16, 32)?.name, 'nop');
  });

  it('lets the last of several segment prefixes count', () => {
    assert.equal(decode(bytes(0x2e, 0x64, 0x8b, 0x00), 0, 4, 32)?.memory?.segment, SEGMENT.fs);
  });

  it('takes the stack segment where BP or SP is the base', () => {
    const segmentOf = (code: Uint8Array, bits: 16 | 32): number | undefined => decode(code, 0, code.length, bits)?.memory?.segment;
    assert.equal(segmentOf(bytes(0x8b, 0x45, 0x00), 32), SEGMENT.ss);
    assert.equal(segmentOf(bytes(0x8b, 0x04, 0x24), 32), SEGMENT.ss);
    assert.equal(segmentOf(bytes(0x8b, 0x04, 0x2d, 0, 0, 0, 0), 32), SEGMENT.ds);
    assert.equal(segmentOf(bytes(0x8b, 0x42, 0x00), 16), SEGMENT.ss);
    assert.equal(segmentOf(bytes(0x8b, 0x06, 0x00, 0x10), 16), SEGMENT.ds);
  });

  it('refuses LOCK where the manual does', () => {
    assert.equal(decode(bytes(0xf0, 0x01, 0x00), 0, 3, 32)?.name, 'add');
    assert.equal(decode(bytes(0xf0, 0x01, 0xc0), 0, 3, 32)?.name, '!ud');
    assert.equal(decode(bytes(0xf0, 0x39, 0x00), 0, 3, 32)?.name, '!ud');
  });

  const long = (...code: number[]): Instruction => decode(Uint8Array.from([...code, ...new Array<number>(16).fill(0)]), 0, 16, 64) ?? assert.fail('not decoded');

  it('heeds REX only directly before the opcode', () => {
    assert.equal(long(0x48, 0x01, 0xc8).size, 64);
    assert.equal(long(0x48, 0x66, 0x01, 0xc8).size, 16);
    assert.equal(long(0x66, 0x48, 0x01, 0xc8).size, 64);
    assert.equal(long(0x48, 0x40, 0x01, 0xc8).size, 32);
  });

  it('takes the low bytes of SP, BP, SI and DI with REX, and AH to BH without', () => {
    const slots = (instruction: Instruction): readonly (number | undefined)[] => instruction.operands.map((o) => (o.kind === 'register' ? o.slot : undefined));
    assert.deepEqual(slots(long(0x88, 0xe0)), [0, 1]);
    assert.deepEqual(slots(long(0x40, 0x88, 0xe0)), [0, 4 * 8]);
    assert.deepEqual(slots(long(0x45, 0x88, 0xe0)), [8 * 8, 12 * 8]);
  });

  it('makes 90 an exchange when REX names R8', () => {
    assert.equal(long(0x90).name, 'nop');
    assert.equal(long(0x48, 0x90).name, 'nop');
    assert.deepEqual([long(0x49, 0x90).name, long(0x49, 0x90).size], ['xchg', 64]);
  });

  it('gives near branches and the stack 64 bits, but lets 66 make stack operands 16', () => {
    assert.deepEqual([long(0xe8, 0, 0, 0, 0).size, long(0x66, 0xe8, 0, 0, 0, 0).size, long(0x66, 0xe8, 0, 0, 0, 0).length], [64, 64, 6]);
    assert.deepEqual([long(0x50).size, long(0x66, 0x50).size], [64, 16]);
  });

  it('knows the unit that an instruction needs', () => {
    assert.equal(long(0x0f, 0xfc, 0xc1).unit, 'mmx');
    assert.equal(long(0x66, 0x0f, 0xfc, 0xc1).unit, 'sse');
    assert.equal(long(0x0f, 0xae, 0x10).unit, 'sse');
    assert.equal(long(0xc5, 0xf1, 0xfc, 0xc1).unit, 'avx');
    assert.equal(long(0xc4, 0xe2, 0x70, 0xf2, 0xc2).unit, 'none');
    assert.equal(long(0xd9, 0xc0).unit, 'x87');
  });
});
