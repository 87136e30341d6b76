/**
 * Loads a Linux bzImage by the 32-bit boot protocol (Linux documentation, arch/x86/boot.rst and
 * zero-page.rst): no real-mode code runs, the kernel's protected-mode entry gets a filled boot_params. What cannot be entered
 * there starts in real mode (linuxRealMode.ts).
 */
import { put16, put32, put64 } from './bytes';
import { FLAT_GDT_BYTES, flatProtectedMode } from './cpu-setup';
import { checkMemory, completeHeader, encodeCmdline, parseKernel, SETUP_SECTS } from './linuxHeader';
import { loadByRealMode } from './linuxRealMode';
import { describeLowMemory, encodeE820, E820_ENTRY_BYTES, extendedKib, memoryMap } from './memory-map';
import type { LoadedGuest, PhysicalMemory } from './platform';
import { RSDP_ADDRESS, hasRootPointer } from './tables/placement';

/** Other fields of boot_params (zero-page.rst). */
const ACPI_RSDP_ADDR = 0x070;
const ALT_MEM_K = 0x1e0;
const E820_ENTRIES = 0x1e8;
const E820_TABLE = 0x2d0;
const BOOT_PARAMS_BYTES = 4096;

/** Where the loader's own structures go, all below the EBDA; the command line follows the GDT. */
const BOOT_PARAMS = 0x9_0000;
const GDT = BOOT_PARAMS + BOOT_PARAMS_BYTES;
const CMDLINE = GDT + FLAT_GDT_BYTES;
const CMDLINE_ROOM = 0xe000;

/** screen_info for 80x25 colour text on a VGA (include/uapi/linux/screen_info.h), cursor at the top left. */
function describeScreen(params: Uint8Array, ramBytes: number): void {
  put16(params, 0x02, Math.min(extendedKib(ramBytes), 0xffff));
  params[0x06] = 3;
  params[0x07] = 80;
  // INT 10h AH=12h BL=10h would have said: 256 KiB of video memory (3), colour (0).
  put16(params, 0x0a, 3);
  params[0x0e] = 25;
  params[0x0f] = 1;
  put16(params, 0x10, 16);
}

function describeMemory(params: Uint8Array, ramBytes: number): void {
  const map = memoryMap(ramBytes);
  params[E820_ENTRIES] = map.length;
  map.forEach((range, i) => params.set(encodeE820(range), E820_TABLE + i * E820_ENTRY_BYTES));
  put32(params, ALT_MEM_K, extendedKib(ramBytes));
}

/**
 * Writes kernel, initrd, command line and boot_params into memory.
 *
 * @param kernel bytes of a bzImage, boot protocol 2.02 or newer
 * @param initrd bytes of the initial RAM disk, or undefined for none
 * @param cmdline kernel command line, UTF-8
 * @returns the processor at the kernel's 32-bit entry: __BOOT_CS 10h, __BOOT_DS 18h, ESI = boot_params,
 *   EBP = EDI = EBX = 0, interrupts off, protection on, paging off; or at its real-mode code. The A20 gate must be open, and a BIOS's
 *   self-test done (`BuiltinBios.prepare`), which leaves the VGA in text mode 3.
 * @throws LoadError with field 'kernel', 'initrd', 'cmdline' or 'memory'
 */
export function loadLinux(
  kernel: Uint8Array,
  initrd: Uint8Array | undefined,
  cmdline: string,
  memory: PhysicalMemory,
): LoadedGuest {
  const parsed = parseKernel(kernel);
  if (parsed.startsInRealMode) return loadByRealMode(parsed, initrd, cmdline, memory);
  const cmdlineBytes = encodeCmdline(cmdline, parsed, CMDLINE_ROOM);
  checkMemory(parsed, memory);
  const params = new Uint8Array(BOOT_PARAMS_BYTES);
  params.set(parsed.header, SETUP_SECTS);
  describeScreen(params, memory.ramBytes);
  describeMemory(params, memory.ramBytes);
  if (hasRootPointer(memory)) put64(params, ACPI_RSDP_ADDR, RSDP_ADDRESS);
  completeHeader(params, CMDLINE, parsed, initrd, memory);
  memory.write(parsed.loadAddress, parsed.protectedMode);
  memory.write(CMDLINE, cmdlineBytes);
  memory.write(BOOT_PARAMS, params);
  describeLowMemory(memory);
  const cpu = flatProtectedMode(memory, GDT, parsed.loadAddress, {
    esi: BOOT_PARAMS,
    ebp: 0,
    edi: 0,
    ebx: 0,
    esp: BOOT_PARAMS,
  });
  const notes = parsed.is64Bit
    ? ['This is a 64-bit kernel: it halts at once on a CPU model without long mode. Use an i386 kernel there.']
    : [];
  return { cpu, notes };
}
