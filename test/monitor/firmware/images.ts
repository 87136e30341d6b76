/** Builds kernel images for loader tests. */
import { put16, put32 } from '../../../src/monitor/firmware/bytes';

export interface KernelOptions {
  readonly protocol?: number;
  readonly loadflags?: number;
  /** Bytes of the protected-mode part. */
  readonly bytes?: number;
  readonly initrdMax?: number;
  readonly preferred?: number;
  readonly initSize?: number;
  readonly relocatable?: boolean;
  readonly cmdlineSize?: number;
  readonly xloadflags?: number;
}

/** A bzImage whose protected-mode part holds 0, 1, 2 ... 250, 0, 1 ... after 2 setup sectors. */
export function bzImage(options: KernelOptions = {}): Uint8Array {
  const bytes = options.bytes ?? 0x3000;
  const image = new Uint8Array(3 * 512 + bytes);
  image[0x1f1] = 2;
  put32(image, 0x1f4, bytes / 16);
  put16(image, 0x1fe, 0xaa55);
  image.set([0xeb, 0x66], 0x200);
  image.set(new TextEncoder().encode('HdrS'), 0x202);
  put16(image, 0x206, options.protocol ?? 0x020f);
  image[0x211] = options.loadflags ?? 0x01;
  put32(image, 0x214, 0x10_0000);
  put32(image, 0x22c, options.initrdMax ?? 0x37ff_ffff);
  put32(image, 0x230, 0x1000);
  image[0x234] = options.relocatable === false ? 0 : 1;
  put16(image, 0x236, options.xloadflags ?? 0);
  put32(image, 0x238, options.cmdlineSize ?? 2047);
  put32(image, 0x258, options.preferred ?? 0x10_0000);
  put32(image, 0x260, options.initSize ?? 0x10_0000);
  for (let i = 0; i < bytes; i++) image[1536 + i] = i % 251;
  return image;
}

export interface ElfSegment {
  readonly paddr: number;
  readonly vaddr?: number;
  readonly data: Uint8Array;
  readonly memsz?: number;
  readonly type?: number;
}

export interface ElfOptions {
  readonly entry: number;
  readonly segments: readonly ElfSegment[];
  readonly elfClass?: number;
  readonly type?: number;
  readonly machine?: number;
}

/** An ELF executable with the given program headers. */
export function elf({ entry, segments, elfClass = 1, type = 2, machine = 3 }: ElfOptions): Uint8Array {
  const dataStart = 52 + 32 * segments.length;
  const total = segments.reduce((sum, s) => sum + s.data.length, dataStart);
  const image = new Uint8Array(total);
  image.set([0x7f, 0x45, 0x4c, 0x46, elfClass, 1, 1]);
  put16(image, 16, type);
  put16(image, 18, machine);
  put32(image, 24, entry);
  put32(image, 28, 52);
  put16(image, 42, 32);
  put16(image, 44, segments.length);
  let offset = dataStart;
  segments.forEach((segment, i) => {
    const header = 52 + 32 * i;
    put32(image, header, segment.type ?? 1);
    put32(image, header + 4, offset);
    put32(image, header + 8, segment.vaddr ?? segment.paddr);
    put32(image, header + 12, segment.paddr);
    put32(image, header + 16, segment.data.length);
    put32(image, header + 20, segment.memsz ?? segment.data.length);
    image.set(segment.data, offset);
    offset += segment.data.length;
  });
  return image;
}

/** A Multiboot header: magic, flags, checksum, and the address fields when given. */
export function multibootHeader(flags: number, addresses: readonly number[] = []): Uint8Array {
  const header = new Uint8Array(12 + addresses.length * 4);
  put32(header, 0, 0x1bad_b002);
  put32(header, 4, flags);
  put32(header, 8, -(0x1bad_b002 + flags) >>> 0);
  addresses.forEach((address, i) => { put32(header, 12 + i * 4, address); });
  return header;
}
