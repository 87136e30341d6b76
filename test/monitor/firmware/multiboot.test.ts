/** The Multiboot loader against the Multiboot Specification 0.6.96. */
import assert from 'node:assert/strict';
import { loadMultiboot, type MultibootModule } from '../../../src/monitor/firmware/multiboot';
import { FakeMemory, MIB, refuses } from './fakes';
import { elf, multibootHeader } from './images';

const HAS_ADDRESSES = 0x1_0000;

function elfKernel(flags = 3): Uint8Array {
  const data = new Uint8Array(64);
  data.set(multibootHeader(flags), 16);
  return elf({ entry: MIB + 32, segments: [{ paddr: MIB, data, memsz: 0x2345 }] });
}

/** A flat image: 4 bytes, the header, and 100 bytes behind it. */
function flatKernel(addresses: readonly number[], flags = HAS_ADDRESSES): Uint8Array {
  const image = new Uint8Array(4 + 32 + 100).fill(0xab);
  image.set(multibootHeader(flags, addresses), 4);
  return image;
}

function load(image: Uint8Array, modules: readonly MultibootModule[] = [], ramBytes = 8 * MIB) {
  const memory = new FakeMemory(ramBytes);
  const { cpu, notes } = loadMultiboot(image, modules, 'kernel root=1', memory);
  return { memory, cpu, notes, info: cpu.general?.ebx ?? 0 };
}

describe('Multiboot loader', () => {
  it('enters an ELF kernel in the machine state of section 3.2', () => {
    const { cpu } = load(elfKernel());
    assert.equal(cpu.instructionPointer, MIB + 32);
    assert.equal(cpu.general?.eax, 0x2bad_b002);
    assert.deepEqual(cpu.segments?.cs, { selector: 0x10, base: 0, limit: 0xffff_ffff, attributes: 0xc9b });
    assert.equal((cpu.cr0 ?? 0) & 0x8000_0001, 1);
    assert.equal((cpu.flags ?? 0x2_0200) & 0x2_0200, 0, 'VM and IF clear');
  });

  it('tells memory, command line, map and its name', () => {
    const { memory, info } = load(elfKernel());
    assert.equal(memory.read32(info), (1 << 0) | (1 << 2) | (1 << 3) | (1 << 6) | (1 << 9));
    assert.deepEqual([memory.read32(info + 4), memory.read32(info + 8)], [639, 7 * 1024]);
    assert.equal(memory.text(memory.read32(info + 16)), 'kernel root=1');
    assert.equal(memory.text(memory.read32(info + 64)), 'Shadowbox');
    assert.equal(memory.read32(info + 20), 0);
    const [length, map] = [memory.read32(info + 44), memory.read32(info + 48)];
    const entries: number[][] = [];
    for (let at = map; at < map + length; at += memory.read32(at) + 4) {
      entries.push([memory.read32(at + 4), memory.read32(at + 12), memory.read32(at + 20)]);
    }
    assert.deepEqual(entries, [[0, 0x9fc00, 1], [0x9fc00, 0x400, 2], [0xf0000, 0x10000, 2], [MIB, 7 * MIB, 1]]);
  });

  it('loads modules on page borders behind the kernel', () => {
    const [first, second] = [new Uint8Array(5000).fill(1), new Uint8Array(10).fill(2)];
    const { memory, info } = load(elfKernel(), [{ bytes: first, cmdline: 'a.bin x' }, { bytes: second, cmdline: 'b.bin' }]);
    assert.equal(memory.read32(info + 20), 2);
    const mods = memory.read32(info + 24);
    const entry = (at: number) => [memory.read32(at), memory.read32(at + 4), memory.text(memory.read32(at + 8)), memory.read32(at + 12)];
    assert.deepEqual(entry(mods), [MIB + 0x3000, MIB + 0x3000 + 5000, 'a.bin x', 0]);
    assert.deepEqual(entry(mods + 16), [MIB + 0x5000, MIB + 0x500a, 'b.bin', 0]);
    assert.deepEqual(memory.read(MIB + 0x3000, 5000), first);
    assert.deepEqual(memory.read(MIB + 0x5000, 10), second);
  });

  it('keeps its structures off a kernel in low memory', () => {
    const data = new Uint8Array(0x4000).fill(0x90);
    data.set(multibootHeader(0), 0);
    const { memory, info, cpu } = load(elf({ entry: 0x1000, segments: [{ paddr: 0x1000, data }] }));
    assert.deepEqual(memory.read(0x1000, 0x4000), data);
    assert.ok(info >= 0x5000 && (cpu.gdtr?.base ?? 0) >= 0x5000);
  });

  it('loads by the address fields when flag 16 is set', () => {
    const { memory, cpu } = load(flatKernel([MIB + 4, MIB, MIB + 60, MIB + 100, MIB + 36]));
    assert.equal(memory.read32(MIB + 4), 0x1bad_b002);
    assert.equal(memory.read8(MIB + 59), 0xab);
    assert.deepEqual([...memory.read(MIB + 60, 40)], new Array(40).fill(0));
    assert.equal(cpu.instructionPointer, MIB + 36);
  });

  it('loads the whole file when load_end_addr is 0', () => {
    const { memory } = load(flatKernel([MIB + 4, MIB, 0, 0, MIB + 36]));
    assert.equal(memory.read8(MIB + 135), 0xab);
    assert.equal(memory.read8(MIB + 136), 0);
  });

  it('ignores a video request with a note', () => {
    assert.match(load(elfKernel(7)).notes.join(), /video mode.*80x25/);
    assert.deepEqual(load(elfKernel(3)).notes, []);
  });

  it('searches 8 KiB on 4-byte borders for a header whose checksum is right', () => {
    const image = new Uint8Array(8192 + 64);
    image.set(multibootHeader(0, [MIB + 8160, MIB, 0, 0, MIB]).subarray(0, 8), 0x100);
    image.set(multibootHeader(HAS_ADDRESSES, [MIB + 8160, MIB, 0, 0, MIB]), 8160);
    assert.equal(load(image).cpu.instructionPointer, MIB);
    const late = new Uint8Array(8192 + 64);
    late.set(multibootHeader(HAS_ADDRESSES, [MIB + 8192, MIB, 0, 0, MIB]), 8192);
    refuses(() => load(late), 'multiboot', /no Multiboot header/);
    const odd = new Uint8Array(128);
    odd.set(multibootHeader(HAS_ADDRESSES, [MIB + 6, MIB, 0, 0, MIB]), 6);
    refuses(() => load(odd), 'multiboot', /no Multiboot header/);
  });

  describe('refuses', () => {
    it('an image without header, saying what it looks like', () => {
      refuses(() => load(elf({ entry: MIB, segments: [{ paddr: MIB, data: new Uint8Array(8) }] })), 'multiboot', /no Multiboot header.*32-bit ELF/);
    });
    it('demands that it does not know', () => {
      refuses(() => load(elfKernel(0x0b)), 'multiboot', /flags 8h/);
      assert.doesNotThrow(() => load(elfKernel(0x0002_0003)), 'bits 16-31 may be ignored');
    });
    it('a 64-bit ELF file', () => {
      const image = elfKernel();
      image[4] = 2;
      refuses(() => load(image), 'multiboot', /64-bit/);
    });
    it('a flat image without addresses', () => {
      refuses(() => load(flatKernel([], 0)), 'multiboot', /no ELF file.*bit 16/);
    });
    it('wrong address fields', () => {
      refuses(() => load(flatKernel([MIB, MIB + 4, 0, 0, MIB + 4])), 'multiboot', /address fields are wrong/);
      refuses(() => load(flatKernel([MIB + 8, MIB, 0, 0, MIB])), 'multiboot', /address fields are wrong/);
      refuses(() => load(flatKernel([MIB + 4, MIB, MIB + 137, 0, MIB])), 'multiboot', /cut short/);
      refuses(() => load(flatKernel([MIB + 4, MIB, MIB + 60, MIB + 59, MIB])), 'multiboot', /bss_end_addr/);
      refuses(() => load(flatKernel([MIB + 4, MIB, MIB + 60, 0, MIB + 60])), 'multiboot', /entry_addr/);
      refuses(() => load(flatKernel([MIB + 4, MIB, 0, 0, MIB]).subarray(0, 20)), 'multiboot', /address fields are wrong/);
    });
    it('overlapping segments', () => {
      const data = new Uint8Array(64);
      data.set(multibootHeader(0), 0);
      refuses(() => load(elf({ entry: MIB, segments: [{ paddr: MIB, data }, { paddr: MIB + 32, data }] })), 'multiboot', /overlap/);
    });
    it('modules that do not fit', () => {
      refuses(() => load(elfKernel(), [{ bytes: new Uint8Array(7 * MIB), cmdline: 'big' }]), 'modules', /no room.*'big'.*more memory/);
    });
    it('too little memory for the kernel', () => {
      refuses(() => load(elfKernel(), [], MIB + 0x2000), 'memory', /at least 2M/);
    });
  });
});
