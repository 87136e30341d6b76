/** Files told by their magic numbers. */
import assert from 'node:assert/strict';
import { identifyImage, looksLike, type ImageKind } from '../../../src/monitor/firmware/detect';
import { bzImage, elf, multibootHeader } from './images';

/** A file of `size` bytes of AAh with the given bytes at the given offsets. */
function file(size: number, ...pieces: readonly (readonly [number, string | readonly number[]])[]): Uint8Array {
  const bytes = new Uint8Array(size).fill(0xaa);
  for (const [offset, content] of pieces) {
    bytes.set(typeof content === 'string' ? [...content].map((c) => c.charCodeAt(0)) : content, offset);
  }
  return bytes;
}

const SIGNATURE = [510, [0x55, 0xaa]] as const;
const PROGRAM = { entry: 0x10_0000, segments: [{ paddr: 0x10_0000, data: new Uint8Array(4) }] };

const FILES: readonly (readonly [ImageKind, Uint8Array])[] = [
  ['empty', new Uint8Array(0)],
  ['bzimage', bzImage()],
  ['multiboot', multibootHeader(0)],
  ['multiboot2', file(64, [8, [0xd6, 0x50, 0x52, 0xe8, 0, 0, 0, 0, 24, 0, 0, 0, 0x12, 0xaf, 0xad, 0x17]])],
  ['elf32', elf(PROGRAM)],
  ['elf64', elf({ ...PROGRAM, elfClass: 2 })],
  ['gzip', file(64, [0, [0x1f, 0x8b, 8]])],
  ['xz', file(64, [0, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]])],
  ['bzip2', file(64, [0, 'BZh9'])],
  ['zstd', file(64, [0, [0x28, 0xb5, 0x2f, 0xfd]])],
  ['lz4', file(64, [0, [0x02, 0x21, 0x4c, 0x18]])],
  ['cpio', file(120, [0, '070701'])],
  ['zip', file(64, [0, 'PK\x03\x04'])],
  ['tar', file(1024, [257, 'ustar'])],
  ['iso9660', file(0x9000, [0x8001, 'CD001'], SIGNATURE)],
  ['qcow2', file(64, [0, 'QFI\xfb'])],
  ['vhd', file(2048, [1536, 'conectix'], SIGNATURE)],
  ['vhdx', file(64, [0, 'vhdxfile'])],
  ['vmdk', file(64, [0, 'KDMV'])],
  ['vdi', file(512, [0x40, [0x7f, 0x10, 0xda, 0xbe]])],
  ['floppy', file(512, SIGNATURE)],
  ['floppy', file(1474560, SIGNATURE)],
  ['disk', file(4 << 20, SIGNATURE)],
  ['pe', file(512, [0, 'MZ'])],
  ['option-rom', file(64, [0, [0x55, 0xaa]])],
  ['text', new TextEncoder().encode('{ "memory": "64M" }\n')],
  ['unknown', file(64)],
];

describe('Image detection', () => {
  for (const [kind, bytes] of FILES) {
    it(`knows ${kind} (${String(bytes.length)} bytes)`, () => { assert.equal(identifyImage(bytes).kind, kind); });
  }
  it('says what to do with the file', () => {
    assert.equal(looksLike(file(512, SIGNATURE)), 'It looks like a boot sector or floppy image: use --floppy.');
    assert.equal(looksLike(file(64)), 'It looks like a file of unknown kind.');
  });
});
