/** The Linux loader against boot.rst, zero-page.rst, and a real kernel once set-up has fetched it. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { leaveOut } from '../../support/leaveOut';
import { root } from '../../../scripts/lib/paths.mjs';
import { loadLinux } from '../../../src/monitor/firmware/linux';
import { FakeMemory, MIB, refuses } from './fakes';
import { bzImage } from './images';

/** As `npm run setup` has fetched it. */
const REAL_KERNEL = path.join(root, '.cache', 'guests', 'debian-i386', 'linux');

function load(kernel: Uint8Array, initrd?: Uint8Array, cmdline = 'console=ttyS0', ramBytes = 64 * MIB) {
  const memory = new FakeMemory(ramBytes);
  const { cpu, notes } = loadLinux(kernel, initrd, cmdline, memory);
  return { memory, cpu, notes, params: cpu.general?.esi ?? 0 };
}

describe('Linux loader', () => {
  it('puts the protected-mode part at 1 MiB and enters it as the 32-bit boot protocol says', () => {
    const kernel = bzImage();
    const { memory, cpu } = load(kernel);
    assert.deepEqual(memory.read(MIB, 0x3000), kernel.subarray(1536));
    assert.equal(memory.read8(MIB + 0x3000), 0);
    assert.equal(cpu.instructionPointer, MIB);
    assert.deepEqual([cpu.general?.ebp, cpu.general?.edi, cpu.general?.ebx], [0, 0, 0]);
    assert.deepEqual(cpu.segments?.cs, { selector: 0x10, base: 0, limit: 0xffff_ffff, attributes: 0xc9b });
    for (const name of ['ds', 'es', 'ss'] as const) {
      assert.deepEqual(cpu.segments?.[name], { selector: 0x18, base: 0, limit: 0xffff_ffff, attributes: 0xc93 });
    }
    assert.equal((cpu.flags ?? 0x200) & 0x200, 0, 'IF');
    assert.equal((cpu.cr0 ?? 0) & 0x8000_0001, 1, 'PE set, PG clear');
  });

  it('leaves a GDT in memory that says what the hidden parts say', () => {
    const { memory, cpu } = load(bzImage());
    const gdt = cpu.gdtr?.base ?? 0;
    assert.equal(cpu.gdtr?.limit, 31);
    assert.deepEqual([memory.read32(gdt + 0x10), memory.read32(gdt + 0x14)], [0x0000_ffff, 0x00cf_9b00]);
    assert.deepEqual([memory.read32(gdt + 0x18), memory.read32(gdt + 0x1c)], [0x0000_ffff, 0x00cf_9300]);
  });

  it('fills boot_params: header, loader type, command line, E820, screen', () => {
    const kernel = bzImage();
    const { memory, params } = load(kernel);
    assert.equal(memory.read32(params + 0x202), 0x5372_6448);
    assert.equal(memory.read16(params + 0x206), 0x020f);
    assert.equal(memory.read32(params + 0x260), 0x10_0000, 'header copied up to its end');
    assert.equal(memory.read8(params + 0x210), 0xff);
    assert.equal(memory.read16(params + 0x1fa), 0xffff);
    assert.equal(memory.text(memory.read32(params + 0x228)), 'console=ttyS0');
    assert.equal(memory.read8(params + 0x1e8), 4);
    const entries = Array.from({ length: 4 }, (_, i) => params + 0x2d0 + i * 20);
    assert.deepEqual(entries.map((at) => [memory.read32(at), memory.read32(at + 8), memory.read32(at + 16)]), [
      [0, 0x9fc00, 1], [0x9fc00, 0x400, 2], [0xf0000, 0x10000, 2], [MIB, 63 * MIB, 1],
    ]);
    assert.equal(memory.read32(params + 0x1e0), 63 * 1024);
    assert.deepEqual([6, 7, 0xe, 0xf, 0x10].map((at) => memory.read8(params + at)), [3, 80, 25, 1, 16]);
    assert.equal(memory.read32(params + 0x218), 0, 'no initrd');
    assert.equal(memory.read16(0x40e), 0x9fc0);
  });

  it('copies no more of the header than the jump at 200h spans', () => {
    const kernel = bzImage({ protocol: 0x0205 });
    kernel[0x201] = 0x30;
    const { memory, params } = load(kernel);
    assert.equal(memory.read32(params + 0x22c), 0x37ff_ffff);
    assert.equal(memory.read32(params + 0x238), 0);
  });

  it('puts the initrd as high as memory permits, on a page border', () => {
    const initrd = Uint8Array.from({ length: 5000 }, (_, i) => i % 253);
    const { memory, params } = load(bzImage(), initrd);
    assert.equal(memory.read32(params + 0x218), 64 * MIB - 0x2000);
    assert.equal(memory.read32(params + 0x21c), 5000);
    assert.deepEqual(memory.read(64 * MIB - 0x2000, 5000), initrd);
  });

  it('keeps the initrd below initrd_addr_max', () => {
    const { memory, params } = load(bzImage({ initrdMax: 0x1ff_ffff }), new Uint8Array(4096).fill(7));
    assert.equal(memory.read32(params + 0x218), 0x1ff_f000);
  });

  it('notes that a 64-bit kernel needs long mode', () => {
    assert.match(load(bzImage({ xloadflags: 1 })).notes.join(), /64-bit/);
    assert.deepEqual(load(bzImage()).notes, []);
  });

  describe('starts in real mode', () => {
    /** What has no protected-mode entry at 1 MiB or above, as iPXE. */
    function withoutEntry(): Uint8Array {
      const kernel = bzImage();
      kernel.fill(0, 0x214, 0x218);
      return kernel;
    }

    for (const [what, kernel] of [['a kernel of protocol 2.03', bzImage({ protocol: 0x0203 })], ['a kernel without a protected-mode entry', withoutEntry()]] as const) {
      it(what, () => {
        const initrd = new Uint8Array(4096).fill(7);
        const { memory, cpu } = load(kernel, initrd, 'quiet');
        const { cs, ds, es, ss } = cpu.segments ?? {};
        assert.deepEqual([cpu.instructionPointer, (cpu.cr0 ?? 0) & 1, (cpu.flags ?? 0) & 0x200], [0, 0, 0]);
        assert.ok(ds && cs);
        assert.deepEqual([es, ss, cs.selector, cs.base, ds.limit], [ds, ds, ds.selector + 0x20, cs.selector * 16, 0xffff]);
        assert.deepEqual(memory.read(ds.base, 0x1f1), kernel.subarray(0, 0x1f1));
        assert.deepEqual(memory.read(cs.base + 0x100, 0x300), kernel.subarray(0x300, 0x600));
        assert.deepEqual(memory.read(MIB, 0x3000), kernel.subarray(1536, 1536 + 0x3000));
        assert.equal(memory.read8(ds.base + 0x210), 0xff, 'type of loader');
        assert.equal(memory.read8(ds.base + 0x211) & 0x80, 0x80, 'heap');
        // Heap and stack end where the command line begins; the heap leaves 200h bytes to the stack.
        assert.deepEqual([memory.read16(ds.base + 0x224) + 0x200, ds.base + (cpu.general?.esp ?? 0)], [cpu.general?.esp, memory.read32(ds.base + 0x228)]);
        assert.equal(memory.text(memory.read32(ds.base + 0x228)), 'quiet');
        assert.deepEqual(memory.read(memory.read32(ds.base + 0x218), memory.read32(ds.base + 0x21c)), initrd);
      });
    }
  });

  describe('refuses', () => {
    it('a kernel cut short', () => {
      refuses(() => load(bzImage().subarray(0, 700)), 'kernel', /only 700 bytes/);
      refuses(() => load(bzImage().subarray(0, 5000)), 'kernel', /cut short/);
    });
    it('a file that is no bzImage, saying what it looks like', () => {
      const sector = new Uint8Array(1024);
      sector.set([0x55, 0xaa], 510);
      refuses(() => load(sector), 'kernel', /no Linux bzImage.*boot sector.*--floppy/);
    });
    it('a boot protocol older than 2.02', () => {
      refuses(() => load(bzImage({ protocol: 0x0201 })), 'kernel', /too old: boot protocol 2\.01/);
      assert.doesNotThrow(() => load(bzImage({ protocol: 0x0202 })));
    });
    it('a zImage', () => {
      refuses(() => load(bzImage({ loadflags: 0 })), 'kernel', /zImage/);
    });
    it('too little memory, counting what the kernel needs to unpack', () => {
      const kernel = bzImage({ preferred: 16 * MIB, initSize: 20 * MIB });
      refuses(() => load(kernel, undefined, '', 32 * MIB), 'memory', /32 MiB.*needs 36 MiB.*64M/);
      assert.doesNotThrow(() => load(kernel, undefined, '', 36 * MIB));
    });
    it('an initrd that is too large, or empty', () => {
      refuses(() => load(bzImage(), new Uint8Array(62 * MIB + 1)), 'initrd', /does not fit.*at least/);
      refuses(() => load(bzImage({ initrdMax: 0x20_1fff }), new Uint8Array(0x3000)), 'initrd', /does not fit.*make it smaller/);
      refuses(() => load(bzImage(), new Uint8Array(0)), 'initrd', /empty/);
    });
    it('a command line longer than the kernel takes', () => {
      refuses(() => load(bzImage({ cmdlineSize: 10 }), undefined, '01234567890'), 'cmdline', /11 bytes.*takes 10/);
      refuses(() => load(bzImage({ protocol: 0x0205 }), undefined, 'x'.repeat(256)), 'cmdline', /takes 255/);
      refuses(() => load(bzImage(), undefined, 'a\0b'), 'cmdline', /zero character/);
    });
  });

  it('loads a real kernel', function () {
    if (!existsSync(REAL_KERNEL)) leaveOut(this, 'no Debian kernel (npm run setup fetches it)');
    const kernel = readFileSync(REAL_KERNEL);
    const { memory, cpu, params } = load(kernel, new Uint8Array(20 * MIB).fill(1), 'console=ttyS0', 256 * MIB);
    assert.equal(cpu.instructionPointer, MIB);
    // The first instruction of arch/x86/boot/compressed/head_32.S and head_64.S: cld.
    assert.equal(memory.read8(MIB), 0xfc);
    assert.equal(memory.read32(params + 0x218), 236 * MIB);
  });
});
