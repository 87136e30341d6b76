/** The loader of flat images. */
import assert from 'node:assert/strict';
import { loadFlat, type FlatOptions } from '../../../src/monitor/firmware/flat';
import { FakeMemory, MIB, refuses } from './fakes';

const IMAGE = Uint8Array.of(0xf4, 0xeb, 0xfd, 0x90);

function load(options: FlatOptions, image = IMAGE) {
  const memory = new FakeMemory(2 * MIB);
  return { memory, ...loadFlat(image, options, memory) };
}

describe('Flat image loader', () => {
  it('starts a boot sector at 0:7C00 in real mode with the stack below it', () => {
    const { memory, cpu } = load({ address: 0x7c00, mode: 'real' });
    assert.deepEqual(memory.read(0x7c00, 4), IMAGE);
    assert.equal(cpu.instructionPointer, 0x7c00);
    for (const name of ['cs', 'ds', 'es', 'ss'] as const) {
      assert.deepEqual(cpu.segments?.[name], { selector: 0, base: 0, limit: 0xffff, attributes: 0x93 });
    }
    assert.equal(cpu.general?.esp, 0x7c00);
    assert.equal((cpu.cr0 ?? 1) & 1, 0);
  });
  it('starts a real-mode image above 64 KiB in its own segment', () => {
    const { cpu } = load({ address: 0x2_3456, mode: 'real', entry: 0x2_3457 });
    assert.deepEqual([cpu.segments?.cs?.selector, cpu.instructionPointer], [0x2000, 0x3457]);
    assert.equal(cpu.general?.esp, 0x7c00);
  });
  it('starts a 32-bit image flat', () => {
    const { cpu } = load({ address: MIB, mode: 'protected', entry: MIB + 3 });
    assert.equal(cpu.instructionPointer, MIB + 3);
    assert.deepEqual(cpu.segments?.cs, { selector: 0x10, base: 0, limit: 0xffff_ffff, attributes: 0xc9b });
    assert.equal(cpu.cr0, 0x11);
  });
  it('refuses empty images, addresses without RAM and wrong entries', () => {
    refuses(() => load({ address: 0x7c00, mode: 'real' }, new Uint8Array(0)), 'flat', /empty/);
    refuses(() => load({ address: 0x9fbfe, mode: 'real' }), 'memory', /does not lie in RAM/);
    refuses(() => load({ address: 2 * MIB - 2, mode: 'protected' }), 'memory', /does not lie in RAM/);
    refuses(() => load({ address: 0x7c00, mode: 'real', entry: 0x7c04 }), 'flat', /outside the image/);
    refuses(() => load({ address: MIB, mode: 'real' }), 'flat', /Real mode does not reach/);
  });
});
