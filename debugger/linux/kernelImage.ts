/**
 * Where the kernel lies, found from what the processor has to know of it: the handlers in its interrupt descriptor table.
 * The image is contiguous in guest-physical memory, so it is read there, whatever the page tables show of it now.
 */
import type { CpuState, Inspection } from '../../src/monitor/inspection/queries';
import { littleEndian } from '../numbers';
import { findTokens, readKallsyms, type KallsymsTable } from './kallsyms';

/** What a look at the processor says: enough to tell, without reading more, that no Linux kernel can be there. */
export interface KernelHint {
  readonly pointerBytes: 4 | 8;
  /** Linear address of a handler of the kernel's. */
  readonly handler: bigint;
}

export interface FoundKernel extends KallsymsTable {
  /** All that was read, and the linear address of its first byte. */
  readonly bytes: Uint8Array;
  readonly base: bigint;
}

const PAGE = 4096n;
const PIECE = 4 * 1024 * 1024;
/** Read-only data lie behind the code; no kernel has more of both. */
const LONGEST_IMAGE = 96 * 1024 * 1024;
/** Page faults: nobody sets up an IDT without a handler for them. */
const PAGE_FAULT = 14n;

/** arch/x86 maps its 64-bit image here; 32-bit ones lie above the user's part, which is 1 to 3.5 GiB. */
const IMAGE_64 = 0xffff_ffff_8000_0000n, IMAGE_64_END = 0xffff_ffff_c000_0000n;
const IMAGE_32 = 0x4000_0000n;

/** Looks at the IDT alone; undefined when its page fault handler does not lie where Linux has its code. */
export async function kernelHint(cpu: CpuState, inspect: Pick<Inspection, 'readMemory'>): Promise<KernelHint | undefined> {
  const control = (name: string): bigint => cpu.control.find((register) => register.name === name)?.value ?? 0n;
  const is64 = cpu.mode === 'long-64' || cpu.mode === 'compatibility';
  if (!is64 && cpu.mode !== 'protected-32') return undefined;
  if ((control('cr0') & 0x8000_0000n) === 0n) return undefined;
  const size = is64 ? 16 : 8;
  const gate = await inspect.readMemory({ kind: 'linear' }, control('idtr.base') + PAGE_FAULT * BigInt(size), size);
  if (gate.length < size) return undefined;
  const part = (from: number, count: number): bigint => littleEndian(gate.subarray(from, from + count));
  const low = part(0, 2) | (part(6, 2) << 16n);
  const handler = is64 ? low | (part(8, 4) << 32n) : low;
  const isThere = is64 ? handler >= IMAGE_64 && handler < IMAGE_64_END : handler >= IMAGE_32;
  if (!isThere) return undefined;
  return { pointerBytes: is64 ? 8 : 4, handler };
}

/**
 * Reads the image from the handler's page on, piece by piece, until the symbol table is whole.
 * @returns undefined when there is none
 */
export async function findKernel(hint: KernelHint, inspect: Pick<Inspection, 'readMemory' | 'walk'>, signal?: AbortSignal): Promise<FoundKernel | undefined> {
  const base = hint.handler - (hint.handler % PAGE);
  const physical = (await inspect.walk(undefined, base)).physical;
  if (physical === undefined) return undefined;
  let bytes = new Uint8Array(0);
  let searched = 0;
  while (bytes.length < LONGEST_IMAGE) {
    signal?.throwIfAborted();
    const piece = await inspect.readMemory({ kind: 'physical' }, BigInt(physical + bytes.length), PIECE);
    const longer = new Uint8Array(bytes.length + piece.length);
    longer.set(bytes);
    longer.set(piece, bytes.length);
    bytes = longer;
    const image = { bytes, pointerBytes: hint.pointerBytes };
    const tokens = findTokens(image, searched);
    const table = tokens && readKallsyms(image, tokens);
    if (table) return { ...table, bytes, base };
    // A table that the end has cut is found again with the next piece; what comes to nothing then, is none.
    if (!tokens || bytes.length - tokens.end > PIECE) searched = Math.max(0, bytes.length - PIECE);
    if (piece.length < PIECE) return undefined;
  }
  return undefined;
}
