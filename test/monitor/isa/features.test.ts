/** Which processors have which instructions (Intel SDM vol. 2, CPUID flags of each; vol. 3, chapter 23, for the generations). */
import assert from 'node:assert/strict';
import { definitionOf, FEATURES as CPU_FEATURES, withNeeds, type Feature } from '../../../src/monitor/cpu/models/features';
import { MODELS, type ModelName } from '../../../src/monitor/cpu/models/models';
import { decode, type Instruction } from '../../../src/monitor/isa/decoder';
import { available, featureOf, onProcessor, type FeatureTest } from '../../../src/monitor/isa/features';
import { ONE_BYTE, THREE_BYTE_38, THREE_BYTE_3A, TWO_BYTE } from '../../../src/monitor/isa/opcodes';
import { FEATURES, type OpcodeEntry, type OpcodeSlot } from '../../../src/monitor/isa/opcodeTable';

/** All entries of a place in an opcode map that 16 and 32-bit code can come to. */
function entries(slot: OpcodeSlot): readonly OpcodeEntry[] {
  if (!slot) return [];
  if (!('by' in slot)) return slot.only64 ? [] : [slot];
  return (slot.by === 'mode' ? slot.choices.slice(0, 1) : slot.choices).flatMap(entries);
}

function instruction(bytes: readonly number[], bits: 16 | 32 | 64): Instruction {
  const code = Uint8Array.from([...bytes, ...new Array<number>(16).fill(0)]);
  return decode(code, 0, code.length, bits) ?? assert.fail('not decoded');
}

const model = (name: ModelName, ...more: readonly Feature[]): FeatureTest => withNeeds([...MODELS[name].features, ...more]);
const less = (name: ModelName, ...gone: readonly Feature[]): FeatureTest => new Set([...MODELS[name].features].filter((feature) => !gone.includes(feature)));

/** The name under which a processor executes some bytes. */
const on = (features: FeatureTest, bytes: readonly number[], bits: 16 | 32 | 64 = 32): string => onProcessor(instruction(bytes, bits), features).name;

/** One-byte opcodes of the 8086 (8086 Family User's Manual, table 4-13), without prefixes and the undefined ones. */
const OPCODES_8086: readonly number[] = [
  ...Array.from({ length: 0x60 }, (_, i) => i).filter((opcode) => ![0x0f, 0x26, 0x2e, 0x36, 0x3e].includes(opcode)),
  ...Array.from({ length: 0x50 }, (_, i) => 0x70 + i),
  0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7,
  ...Array.from({ length: 0x10 }, (_, i) => 0xd8 + i),
  0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed, 0xee, 0xef, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff,
];

describe('instruction features', () => {
  it('are features of processors', () => {
    for (const feature of FEATURES) assert.ok(CPU_FEATURES.some((known) => known === feature), feature);
  });

  it('are named for everything behind 0F but the reserved NOPs and the undefined', () => {
    for (const slot of [...TWO_BYTE, ...THREE_BYTE_38, ...THREE_BYTE_3A]) {
      for (const { name, feature } of entries(slot)) {
        if (feature === undefined) assert.ok(['nop', '!ud'].includes(name), name);
      }
    }
  });

  it('are named for one-byte opcodes that the 8086 did not have, and for no others', () => {
    const old = new Set(OPCODES_8086);
    ONE_BYTE.forEach((slot, opcode) => {
      for (const { name, feature } of entries(slot)) {
        const later = feature !== undefined && feature !== 'fpu';
        assert.equal(later || name === '!int1', !old.has(opcode), `${opcode.toString(16)} ${name}`);
      }
    });
  });

  it('of instructions in a long-mode model are all there', () => {
    const full = withNeeds(CPU_FEATURES);
    for (const bits of [16, 32, 64] as const) {
      for (let opcode = 0; opcode < 256; opcode++) {
        for (const bytes of [[opcode], [0x0f, opcode], [0x66, 0x0f, opcode], [0xf3, 0x0f, opcode], [0xf2, 0x0f, opcode], [0x0f, 0x38, opcode]]) {
          assert.ok(available(instruction([...bytes, 0xc1], bits), full));
        }
      }
    }
  });
});

describe('an 8086', () => {
  const cpu = model('8086');

  it('executes what it had', () => {
    for (const opcode of OPCODES_8086) {
      const escape = opcode >= 0xd8 && opcode < 0xe0;
      for (const modrm of escape ? [0x00, 0x46] : [0x00, 0x46, 0xc0]) {
        const decoded = instruction([opcode, modrm], 16);
        assert.equal(onProcessor(decoded, cpu).name, decoded.name, opcode.toString(16));
      }
    }
  });

  it('knows nothing of later rows, of 0F, and of the 80386\'s prefixes', () => {
    const rows: readonly (readonly number[])[] = [
      [0x60], [0x61], [0x62, 0x00], [0x63, 0x00], [0x68], [0x69, 0xc0], [0x6a], [0x6b, 0xc0], [0x6c], [0x6f], [0xc0, 0xc0], [0xc1, 0xe0], [0xc8], [0xc9], [0xf1],
      [0x0f, 0x00, 0xc0], [0x0f, 0x01, 0x16], [0x0f, 0x06], [0x0f, 0x20, 0xc0], [0x0f, 0x84], [0x0f, 0x1f, 0xc0], [0x0f, 0x0b], [0x0f, 0xa2], [0x0f, 0xb6, 0xc0],
      [0x66, 0x40], [0x66, 0xb8], [0x67, 0x8b, 0x00], [0x64, 0x8b, 0x07], [0x65, 0xac], [0x66, 0xab],
    ];
    for (const bytes of rows) assert.equal(on(cpu, bytes, 16), '!ud', bytes.map((b) => b.toString(16)).join(' '));
  });

  it('gives undefined instructions their length', () => {
    const decoded = instruction([0x66, 0xb8], 16);
    assert.equal(onProcessor(decoded, cpu).length, decoded.length);
    assert.equal(decoded.length, 6);
  });
});

describe('processors by generation', () => {
  const NEWEST = model('x86-64-v3');
  const rows: readonly (readonly [string, readonly number[], FeatureTest, FeatureTest])[] = [
    ['BSWAP', [0x0f, 0xc8], model('8086', 'i386'), model('486')],
    ['CMPXCHG', [0x0f, 0xb1, 0xc1], model('8086', 'i386'), model('486')],
    ['INVLPG', [0x0f, 0x01, 0x38], model('8086', 'i386'), model('486')],
    ['CPUID', [0x0f, 0xa2], less('486', 'cpuid'), model('486')],
    ['RDTSC', [0x0f, 0x31], model('486'), model('pentium')],
    ['RDMSR', [0x0f, 0x32], model('486'), model('pentium')],
    ['WRMSR', [0x0f, 0x30], model('486'), model('pentium')],
    ['CMPXCHG8B', [0x0f, 0xc7, 0x08], model('486'), model('pentium')],
    ['CMOVZ', [0x0f, 0x44, 0xc1], model('pentium'), model('pentium3')],
    ['FCMOVB', [0xda, 0xc1], model('pentium'), model('pentium3')],
    ['FUCOMI', [0xdb, 0xe9], model('pentium'), model('pentium3')],
    ['FCOMIP', [0xdf, 0xf1], model('pentium'), model('pentium3')],
    ['multi-byte NOP', [0x0f, 0x1f, 0x00], model('pentium'), model('pentium-pro')],
    ['RDPMC', [0x0f, 0x33], model('pentium'), model('pentium-pro')],
    ['SYSENTER', [0x0f, 0x34], model('pentium'), model('pentium3')],
    ['FXSAVE', [0x0f, 0xae, 0x00], model('pentium'), model('pentium3')],
    ['FISTTP', [0xdd, 0x08], model('pentium3'), model('x86-64-v2')],
    ['MFENCE', [0x0f, 0xae, 0xf0], model('pentium3'), model('x86-64-v2')],
    ['CLFLUSH', [0x0f, 0xae, 0x38], model('pentium3'), model('x86-64-v2')],
    ['MOVNTI', [0x0f, 0xc3, 0x00], model('pentium3'), model('x86-64-v2')],
    ['POPCNT', [0xf3, 0x0f, 0xb8, 0xc1], model('pentium3'), model('x86-64-v2')],
    ['CRC32', [0xf2, 0x0f, 0x38, 0xf1, 0xc1], less('x86-64-v2', 'sse42'), model('x86-64-v2')],
    ['RDTSCP', [0x0f, 0x01, 0xf9], model('pentium3'), model('x86-64-v2')],
    ['MOVBE', [0x0f, 0x38, 0xf0, 0x00], model('x86-64-v2'), NEWEST],
  ];
  for (const [name, bytes, before, after] of rows) {
    it(`have ${name} or not`, () => {
      assert.equal(on(before, bytes), '!ud');
      assert.notEqual(on(after, bytes), '!ud');
    });
  }

  it('without LZCNT and TZCNT read BSR and BSF', () => {
    assert.equal(on(model('x86-64-v2'), [0xf3, 0x0f, 0xbd, 0xc1]), 'bsr');
    assert.equal(on(model('x86-64-v2'), [0xf3, 0x0f, 0xbc, 0xc1]), 'bsf');
    assert.equal(on(NEWEST, [0xf3, 0x0f, 0xbd, 0xc1]), 'lzcnt');
    assert.equal(on(NEWEST, [0xf3, 0x0f, 0xbc, 0xc1]), 'tzcnt');
    const plain = instruction([0x0f, 0xbd, 0xc1], 32);
    const prefixed = onProcessor(instruction([0xf3, 0x0f, 0xbd, 0xc1], 32), model('486'));
    assert.deepEqual({ ...prefixed, length: plain.length }, plain);
  });

  it('have x87 instructions without an x87 unit, too', () => {
    const none = less('486', 'fpu');
    assert.equal(on(none, [0xd9, 0xe8]), 'fld1');
    assert.equal(on(none, [0x9b]), 'fwait');
    // FSIN came with the 387, FNSTSW AX with the 287.
    assert.equal(on(model('8086'), [0xd9, 0xfe], 16), '!ud');
    assert.equal(on(model('8086'), [0xdf, 0xe0], 16), '!ud');
    assert.equal(on(model('486'), [0xd9, 0xfe]), '!x87');
  });
});

/** Instructions of each extension, encoded, with the flag that the manual gives for them. */
describe('vector instructions', () => {
  const rows: readonly (readonly [string, readonly number[], Feature])[] = [
    ['PADDB mm', [0x0f, 0xfc, 0xc1], 'mmx'],
    ['EMMS', [0x0f, 0x77], 'mmx'],
    ['PSHUFW mm', [0x0f, 0x70, 0xc1, 0], 'sse'],
    ['PMINUB mm', [0x0f, 0xda, 0xc1], 'sse'],
    ['PADDQ mm', [0x0f, 0xd4, 0xc1], 'sse2'],
    ['ADDPS', [0x0f, 0x58, 0xc1], 'sse'],
    ['ADDSS', [0xf3, 0x0f, 0x58, 0xc1], 'sse'],
    ['ADDPD', [0x66, 0x0f, 0x58, 0xc1], 'sse2'],
    ['ADDSD', [0xf2, 0x0f, 0x58, 0xc1], 'sse2'],
    ['PADDB xmm', [0x66, 0x0f, 0xfc, 0xc1], 'sse2'],
    ['LDMXCSR', [0x0f, 0xae, 0x10], 'sse'],
    ['ADDSUBPS', [0xf2, 0x0f, 0xd0, 0xc1], 'sse3'],
    ['HADDPD', [0x66, 0x0f, 0x7c, 0xc1], 'sse3'],
    ['LDDQU', [0xf2, 0x0f, 0xf0, 0x00], 'sse3'],
    ['PSHUFB', [0x66, 0x0f, 0x38, 0x00, 0xc1], 'ssse3'],
    ['PALIGNR', [0x66, 0x0f, 0x3a, 0x0f, 0xc1, 0], 'ssse3'],
    ['PMULLD', [0x66, 0x0f, 0x38, 0x40, 0xc1], 'sse41'],
    ['PEXTRD', [0x66, 0x0f, 0x3a, 0x16, 0xc1, 0], 'sse41'],
    ['PCMPGTQ', [0x66, 0x0f, 0x38, 0x37, 0xc1], 'sse42'],
    ['PCMPISTRI', [0x66, 0x0f, 0x3a, 0x63, 0xc1, 0], 'sse42'],
    ['AESENC', [0x66, 0x0f, 0x38, 0xdc, 0xc1], 'aes'],
    ['PCLMULQDQ', [0x66, 0x0f, 0x3a, 0x44, 0xc1, 0], 'pclmul'],
    ['SHA256RNDS2', [0x0f, 0x38, 0xcb, 0xc1], 'sha'],
    ['ADCX', [0x66, 0x0f, 0x38, 0xf6, 0xc1], 'adx'],
    ['ADOX', [0xf3, 0x0f, 0x38, 0xf6, 0xc1], 'adx'],
  ];
  for (const [name, bytes, feature] of rows) {
    it(`${name} comes with ${definitionOf(feature).written?.[0] ?? feature}`, () => assert.equal(featureOf(instruction(bytes, 32)), feature));
  }
});
