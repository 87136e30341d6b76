/** The ELF loader against the ELF 1.2 specification. */
import assert from 'node:assert/strict';
import { loadElf } from '../../../src/monitor/firmware/elf';
import { FakeMemory, MIB, refuses } from './fakes';
import { elf, type ElfOptions } from './images';

const CODE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

function load(options: Partial<ElfOptions> & Pick<ElfOptions, 'segments'>, ramBytes = 4 * MIB) {
  const memory = new FakeMemory(ramBytes);
  memory.bytes.fill(0xcc, MIB);
  const loaded = loadElf(elf({ entry: options.segments[0]?.paddr ?? 0, ...options }), memory);
  return { memory, cpu: loaded.cpu };
}

describe('ELF loader', () => {
  it('loads each segment at its physical address and clears the rest of it', () => {
    const { memory, cpu } = load({
      entry: MIB + 4,
      segments: [{ paddr: MIB, data: CODE, memsz: 16 }, { paddr: 2 * MIB, data: CODE }],
    });
    assert.deepEqual([...memory.read(MIB, 17)], [...CODE, 0, 0, 0, 0, 0, 0, 0, 0, 0xcc]);
    assert.deepEqual(memory.read(2 * MIB, 8), CODE);
    assert.equal(cpu.instructionPointer, MIB + 4);
    assert.equal(cpu.segments?.cs?.selector, 0x10);
  });

  it('turns a higher-half entry into its physical address', () => {
    const { cpu } = load({ entry: 0xc010_0006, segments: [{ paddr: MIB, vaddr: 0xc010_0000, data: CODE }] });
    assert.equal(cpu.instructionPointer, MIB + 6);
  });

  it('keeps its descriptor table off the segments', () => {
    const { cpu } = load({ segments: [{ paddr: 0x800, data: new Uint8Array(0x9000).fill(0x90) }] });
    assert.ok((cpu.gdtr?.base ?? 0) >= 0x9800);
  });

  describe('refuses', () => {
    const one = [{ paddr: MIB, data: CODE }];
    it('what is no ELF file, saying what it looks like', () => {
      refuses(() => loadElf(Uint8Array.of(0x1f, 0x8b, 8, 0), new FakeMemory(MIB * 2)), 'kernel', /no ELF file.*gzip/);
    });
    it('a file cut short in header, program headers and data', () => {
      const image = elf({ entry: MIB, segments: one });
      for (const bytes of [20, 60, image.length - 1]) {
        refuses(() => loadElf(image.subarray(0, bytes), new FakeMemory(2 * MIB)), 'kernel', /cut short/);
      }
    });
    it('64-bit files', () => { refuses(() => load({ elfClass: 2, segments: one }), 'kernel', /64-bit.*-m32/); });
    it('another processor', () => { refuses(() => load({ machine: 40, segments: one }), 'kernel', /another processor \(machine 40\)/); });
    it('object files and shared objects', () => {
      refuses(() => load({ type: 1, segments: one }), 'kernel', /no executable/);
      refuses(() => load({ type: 3, segments: one }), 'kernel', /no executable/);
    });
    it('programs that want a dynamic linker', () => {
      refuses(() => load({ segments: [...one, { paddr: 0, data: CODE, type: 3 }] }), 'kernel', /dynamic linker/);
    });
    it('nothing to load', () => { refuses(() => load({ segments: [] }), 'kernel', /nothing to load/); });
    it('more bytes in the file than in memory', () => {
      refuses(() => load({ segments: [{ paddr: MIB, data: CODE, memsz: 4 }] }), 'kernel', /more bytes in the file/);
    });
    it('overlapping segments', () => {
      refuses(() => load({ segments: [...one, { paddr: MIB + 7, data: CODE }] }), 'kernel', /overlap at 100007h/);
      assert.doesNotThrow(() => load({ segments: [...one, { paddr: MIB + 8, data: CODE }] }));
    });
    it('segments where there is no RAM', () => {
      refuses(() => load({ segments: [{ paddr: 0x9fff0, data: new Uint8Array(64) }] }), 'kernel', /no RAM.*1 MiB/);
      refuses(() => load({ segments: [{ paddr: 0xf_0000, data: CODE }] }), 'kernel', /no RAM/);
      refuses(() => load({ segments: [{ paddr: 0xffff_fffc, data: CODE }] }), 'kernel', /no RAM/);
    });
    it('too little memory', () => {
      refuses(() => load({ segments: [{ paddr: 4 * MIB - 4, data: CODE }] }), 'memory', /ends at 400000h.*at least 5M/);
    });
    it('an entry outside the segments', () => {
      refuses(() => load({ entry: MIB + 8, segments: one }), 'kernel', /entry point 100008h/);
    });
  });
});
