/** What architecture a guest is made for, as far as the images that it boots from say so. */
import type { MachineImages } from '../../monitor/machine/images';
import type { GdbArchitecture } from './registers';

/** ELF header: magic, class, machine (System V ABI, 'ELF header'; machine 62 is AMD64). */
const ELF_MAGIC = 0x464c457f;
const EM_X86_64 = 62;
/** Setup header of Linux (Documentation/arch/x86/boot.rst): magic, version, xloadflags with XLF_KERNEL_64. */
const HEADER_MAGIC_AT = 0x202, HEADER_MAGIC = 0x53726448, VERSION_AT = 0x206, XLOADFLAGS_AT = 0x236, XLOADFLAGS_SINCE = 0x20c, XLF_KERNEL_64 = 1;

/** A kernel for 64-bit mode enters it sooner or later, whatever mode it is started in. */
export function bootedArchitecture({ kernel, multiboot }: Pick<MachineImages, 'kernel' | 'multiboot'>): GdbArchitecture | undefined {
  const bytes = (kernel ?? multiboot)?.bytes;
  if (!bytes || bytes.length < XLOADFLAGS_AT + 2) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) === ELF_MAGIC) return view.getUint16(18, true) === EM_X86_64 ? 'amd64' : 'i386';
  if (view.getUint32(HEADER_MAGIC_AT, true) !== HEADER_MAGIC) return undefined;
  const is64 = view.getUint16(VERSION_AT, true) >= XLOADFLAGS_SINCE && (view.getUint16(XLOADFLAGS_AT, true) & XLF_KERNEL_64) !== 0;
  return is64 ? 'amd64' : 'i386';
}
