/**
 * Starts a kernel by its real-mode code, as boot loaders of BIOS machines do (Linux documentation, arch/x86/boot.rst: 'Sample boot
 * configuration', 'Running the kernel'): kernels older than protocol 2.04, and programs in a kernel's form that have no other entry (iPXE,
 * Syslinux's MEMDISK).
 */
import { put16, readableSize } from './bytes';
import { realMode, realModeSegment } from './cpu-setup';
import { checkMemory, completeHeader, encodeCmdline, HEAP_END_PTR, LOADFLAGS, type Kernel } from './linuxHeader';
import { loadError } from './load-error';
import type { LoadedGuest, PhysicalMemory } from './platform';

/** The real-mode code's 64 KiB: itself, heap and stack up to HEAP_END, the command line behind. */
const REAL_MODE_BASE = 0x1_0000;
const HEAP_END = 0xe000;
const REAL_MODE_BYTES = 0x1_0000;
/** The least that the kernel wants for heap and stack. */
const LEAST_HEAP = 0x1000;
/** heap_end_ptr leaves so much of the heap to the stack. */
const STACK_BYTES = 0x200;
const CAN_USE_HEAP = 0x80;
/** The code begins behind the boot sector. */
const ENTRY_PARAGRAPHS = 0x20;

/**
 * Writes kernel, initrd and command line into memory.
 *
 * @returns real mode at the setup code: CS 20h paragraphs above all other segments, SP at the heap's end, interrupts off. A BIOS's
 *   self-test must be done (`BuiltinBios.prepare`): the code asks the BIOS.
 * @throws LoadError with field 'kernel', 'initrd', 'cmdline' or 'memory'
 */
export function loadByRealMode(kernel: Kernel, initrd: Uint8Array | undefined, cmdline: string, memory: PhysicalMemory): LoadedGuest {
  const commandLine = encodeCmdline(cmdline, kernel, REAL_MODE_BYTES - HEAP_END);
  checkMemory(kernel, memory);
  if (kernel.setup.length > HEAP_END - LEAST_HEAP) {
    throw loadError('kernel', `The kernel's real-mode code has ${readableSize(kernel.setup.length)}, and must leave room for its stack in 64 KiB.`, 'Use an unmodified bzImage.');
  }
  const setup = kernel.setup.slice();
  setup[LOADFLAGS] |= CAN_USE_HEAP;
  put16(setup, HEAP_END_PTR, HEAP_END - STACK_BYTES);
  completeHeader(setup, REAL_MODE_BASE + HEAP_END, kernel, initrd, memory);
  memory.write(kernel.loadAddress, kernel.protectedMode);
  memory.write(REAL_MODE_BASE, setup);
  memory.write(REAL_MODE_BASE + HEAP_END, commandLine);
  const code = (REAL_MODE_BASE >>> 4) + ENTRY_PARAGRAPHS;
  const data = realModeSegment(REAL_MODE_BASE >>> 4);
  const cpu = realMode(code, 0, HEAP_END);
  return { cpu: { ...cpu, segments: { cs: realModeSegment(code), ds: data, es: data, fs: data, gs: data, ss: data } }, notes: [] };
}
