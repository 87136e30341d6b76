/** Kernels with paging: of 32 bits with two address spaces, and of 64 bits. Tables are put into memory before they run. */
import { code, descriptor, jmpFar, le32, PRESENT } from '../cpu/guest';
import { CODE_SELECTOR, Kernel, PROGRAM } from './kernel';

const PAGE = 0x1000;
const MAPPED = 3; // present, writable
/** Page directories of the two spaces, and the tables below them. */
export const FIRST_SPACE = 0x180000, SECOND_SPACE = 0x181000;
const IDENTITY = 0x182000, FIRST_ALIASES = 0x183000, SECOND_ALIASES = 0x184000;
/** Linear pages whose frames differ in the two spaces, or are aliases. */
export const WINDOW = 0x400000;

/** MOV EAX, value; MOV CR3, EAX. */
export const loadCr3 = (value: number): readonly number[] => [0xb8, ...le32(value), 0x0f, 0x22, 0xd8];
/** Switches paging on with the first space. */
export const PAGING_ON = code(loadCr3(FIRST_SPACE), [0x0f, 0x20, 0xc0], [0x0d], le32(0x80010000), [0x0f, 0x22, 0xc0]); // mov eax, cr0; or eax, PG | WP; mov cr0, eax

export class PagedKernel extends Kernel {
  /**
   * @param program behind PAGING_ON
   * @param windows physical pages at WINDOW and behind it, in the first space and in the second
   */
  constructor(program: readonly number[], windows: readonly [first: readonly number[], second: readonly number[]], settings: Readonly<Record<string, unknown>> = {}, parts: Readonly<Record<number, readonly number[]>> = {}) {
    super({ [PROGRAM]: code(PAGING_ON, program), ...parts }, { memory: '8M', ...settings });
    this.table(IDENTITY, Array.from({ length: 1024 }, (_, i) => i * PAGE));
    this.table(FIRST_ALIASES, windows[0]);
    this.table(SECOND_ALIASES, windows[1]);
    this.table(FIRST_SPACE, [IDENTITY, FIRST_ALIASES]);
    this.table(SECOND_SPACE, [IDENTITY, SECOND_ALIASES]);
  }

  /** Where the program begins. */
  get start(): number {
    return PROGRAM + PAGING_ON.length;
  }

  private table(at: number, pages: readonly number[]): void {
    this.machine.parts.map.copyIn(at, Uint8Array.from(pages.flatMap((page) => le32(page | MAPPED))));
  }
}

const PML4 = 0x180000, PDPT = 0x181000, DIRECTORY = 0x182000, GDT64 = 0x183000;
const LARGE = 0x80;
/** The upper half's mapping of guest-physical memory. */
export const UPPER_HALF = 0xffff800000000000n;
/** Where 64-bit code begins. */
export const CODE_64 = PROGRAM + 0x1000;

/** PAE, the tables, LME, PG, and a far jump to 64-bit code. */
const LONG_MODE = code(
  [0x0f, 0x01, 0x15], le32(GDT64 + 0x100), // lgdt
  [0x0f, 0x20, 0xe0], [0x83, 0xc8, 0x20], [0x0f, 0x22, 0xe0], // cr4 |= PAE
  loadCr3(PML4),
  [0xb9], le32(0xc0000080), [0x0f, 0x32], [0x0d], le32(0x100), [0x0f, 0x30], // EFER |= LME
  [0x0f, 0x20, 0xc0], [0x0d], le32(0x80000000), [0x0f, 0x22, 0xc0], // cr0 |= PG
  jmpFar(CODE_SELECTOR, CODE_64),
);

export const le64 = (value: bigint): readonly number[] => [...le32(Number(value & 0xffffffffn)), ...le32(Number(value >> 32n))];

export class LongKernel extends Kernel {
  /** @param program 64-bit code at CODE_64. All of memory is mapped by large pages, at 0 and at UPPER_HALF. */
  constructor(program: readonly number[], settings: Readonly<Record<string, unknown>> = {}) {
    super({ [PROGRAM]: LONG_MODE, [CODE_64]: program }, { memory: '8M', ...settings });
    const { map } = this.machine.parts;
    const put = (at: number, bytes: readonly number[]): void => map.copyIn(at, Uint8Array.from(bytes));
    put(PML4, le64(BigInt(PDPT | MAPPED)));
    put(PML4 + 8 * 256, le64(BigInt(PDPT | MAPPED)));
    put(PDPT, le64(BigInt(DIRECTORY | MAPPED)));
    put(DIRECTORY, [0, 1, 2, 3].flatMap((i) => le64(BigInt((i * 0x200000) | MAPPED | LARGE))));
    put(GDT64, [descriptor(0, 0, 0), descriptor(0, 0xfffff, PRESENT | 0x1b, 0xa), descriptor(0, 0xfffff, PRESENT | 0x13, 0xc)].flat());
    put(GDT64 + 0x100, [0x17, 0, ...le32(GDT64)]);
  }
}
