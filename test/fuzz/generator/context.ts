/**
 * What the generator knows while it writes one program: the mode, the start, where the next unit's code goes, and how
 * operands are made. Values lean to borders: of pages, limits, signs and tables.
 */
import { le16, le32, le64 } from '../bytes';
import type { Mode, Patch, Start } from '../case';
import { AT, GDT_ENTRIES, LDT_ENTRIES, SEL, STACK_BYTES } from '../layout';
import { CR0, CR4 } from '../machineState';
import { HIGH_ALIAS, HIGH_ALIAS_BYTES, HUGE, LINEAR, PLAYGROUND_PAGES, TABLES } from '../pageTables';
import type { Random } from '../random';

export type Size = 1 | 2 | 4 | 8;

/** The part of an instruction that names a register or memory: what comes before the opcode, and ModRM with what follows it. */
export interface Operand {
  readonly prefixes: readonly number[];
  readonly modrm: number;
  readonly tail: readonly number[];
  readonly memory: boolean;
  /** REX.X and REX.B that it needs. */
  readonly rex: number;
}

const OPERAND_SIZE = 0x66;
const ADDRESS_SIZE = 0x67;
const OVERRIDES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65] as const;
/** Values at which something happens. */
const BORDERS = [
  0, 1, 2, 3, 4, 7, 8, 0xf, 0x10, 0x1f, 0x20, 0x21, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xff, 0x100, 0x7ff, 0xfff, 0x1000, 0x1001, 0x7ffe, 0x7fff, 0x8000, 0x8001, 0xfffe,
  0xffff, 0x10000, 0x10001, 0xfffff, 0x100000, 0x7fffffff, 0x80000000, 0x80000001, 0xffff0000, 0xffff7fff, 0xffff8000, 0xfffffffe, 0xffffffff,
] as const;

/** Registers by number. */
export const EAX = 0, ECX = 1, EDX = 2, EBX = 3, ESP = 4, EBP = 5, ESI = 6, EDI = 7;
/** Registers that programs change freely; the others are mostly left to point to memory. */
const SCRATCH = [EAX, ECX, EDX] as const;
const POINTERS = [EBX, EBP, ESI, EDI] as const;
/** The same in 64-bit code. R12 as base would need another form of ModRM. */
const LONG_SCRATCH = [EAX, ECX, EDX, 8, 9, 10] as const;
const LONG_POINTERS = [EBX, EBP, ESI, EDI, 13, 14, 15] as const;
const REX = { W: 8, R: 4, X: 2, B: 1 } as const;
const isInt32 = (value: number): boolean => value >= -(2 ** 31) && value < 2 ** 31;

export class Gen {
  /** Guest-physical (and, in the mapped-to-itself part, linear) address of the unit that is being made. */
  at: number;
  /** Patches of the unit that is being made. */
  patches: Patch[] = [];
  private nextSlot: number = AT.planted;
  /** Distance of CS's base from 0: offsets of code are addresses minus this. */
  readonly codeBase: number;

  constructor(
    readonly random: Random,
    readonly mode: Mode,
    readonly start: Start,
    /** Width of the code's default operands. */
    readonly bits: 16 | 32 | 64,
    /** Base of DS at the start. */
    readonly dataBase: number,
  ) {
    this.at = start.linear;
    this.codeBase = start.linear - start.ip;
  }

  get real(): boolean {
    return !(this.start.cr0 & CR0.PE);
  }
  get virtual8086(): boolean {
    return this.mode === 'v86';
  }
  get long(): boolean {
    return this.mode === 'long' || this.mode === 'compat';
  }
  /** Selectors name descriptors. */
  get descriptors(): boolean {
    return !this.real && !this.virtual8086;
  }
  get paged(): boolean {
    return (this.start.cr0 & CR0.PG) !== 0;
  }
  get pae(): boolean {
    return (this.start.cr4 & CR4.PAE) !== 0;
  }
  get cpl(): number {
    return this.real ? 0 : this.virtual8086 ? 3 : this.start.cs & 3;
  }

  // Numbers.

  chance(percent: number): boolean {
    return this.random.chance(percent);
  }

  /** Any number of a width, often one at a border. */
  value(size: Size = 4): number {
    const r = this.random;
    const raw = r.weighted<() => number>([
      [6, () => r.pick(BORDERS)],
      [2, () => r.u32()],
      [2, () => r.below(0x100)],
      [1, () => (r.pick(BORDERS) + r.between(-4, 4)) >>> 0],
    ])();
    return size >= 4 ? raw >>> 0 : raw & (size === 2 ? 0xffff : 0xff);
  }

  /** The bytes of an immediate; with operands of 8 bytes it has 4. */
  immediate(size: Size, value = this.value(size)): readonly number[] {
    return size === 1 ? [value & 0xff] : size === 2 ? le16(value & 0xffff) : le32(value >>> 0);
  }

  /** An offset for BT and its like: far before and behind the operand, too. */
  bitOffset(): number {
    return this.chance(50) ? this.random.between(-0x4000, 0x4000) >>> 0 : this.value();
  }

  size(): 2 | 4 {
    return this.chance(65) === (this.bits !== 16) ? 4 : 2;
  }

  /** An operand size with that of 64-bit code. */
  word(): 2 | 4 | 8 {
    return this.bits === 64 && this.chance(50) ? 8 : this.size();
  }

  /** A register to be changed. */
  scratch(): number {
    if (this.bits === 64) return this.chance(90) ? this.random.pick(LONG_SCRATCH) : this.random.below(16);
    return this.chance(90) ? this.random.pick(SCRATCH) : this.random.below(8);
  }

  // Addresses.

  /** A linear address worth an access, for something of up to `span` bytes. */
  address(span = 4): number {
    const r = this.random;
    const around = (border: number): number => (r.chance(60) ? border + r.between(-span, 2) : border + r.below(0x80)) >>> 0;
    const ownCode = (): number => this.at + r.below(0x20);
    const kinds: (readonly [number, () => number])[] = [
      [10, () => AT.data + r.below(0x800)],
      [6, () => around(AT.data + 0x1000 * r.between(1, 8))],
      [1, () => AT.stacks + r.below(4 * STACK_BYTES)],
      [1, ownCode],
    ];
    if (this.descriptors) kinds.push([1, () => this.tableAddress()]);
    if (this.paged) kinds.push([14, () => this.pagedAddress(span)], [2, () => TABLES.playground + r.below(0x80)]);
    if (this.dataBase > 0 && r.chance(15)) kinds.push([4, () => around(this.dataBase + 0x10000)], [1, () => around(this.dataBase)]);
    const linear = r.weighted(kinds)();
    if (this.bits !== 64 || linear < 0 || linear >= HIGH_ALIAS_BYTES || r.chance(65)) return linear;
    return r.chance(85) ? linear + HIGH_ALIAS : HUGE + (linear % AT.tables);
  }

  /** Somewhere in the playgrounds, mostly across or near a page border. */
  pagedAddress(span = 4): number {
    const r = this.random;
    const page = r.below(PLAYGROUND_PAGES) * 0x1000;
    const offset = r.chance(50) ? 0x1000 - r.between(0, span) : r.below(0x1000);
    const area = r.weighted<number>([[10, LINEAR.playground], [4, LINEAR.second], [2, LINEAR.large + AT.data], [1, LINEAR.nothing]]);
    return area + page + offset;
  }

  /** Somewhere in a descriptor table or task. */
  private tableAddress(): number {
    const r = this.random;
    return r.pick([AT.gdt + 8 * r.below(GDT_ENTRIES), AT.ldt + 8 * r.below(LDT_ENTRIES), AT.idt + 8 * r.below(0x30), AT.tasks + 4 * r.below(0x1a)]);
  }

  // Operands.

  /** A register operand. */
  register(number: number): Operand {
    return { prefixes: [], modrm: 0xc0 | (number & 7), tail: [], memory: false, rex: number >= 8 ? REX.B : 0 };
  }

  /** A memory operand for a linear address (any, if none is given). */
  memory(span = 4, linear = this.address(span)): Operand {
    const r = this.random;
    if (this.bits === 64) return this.memory64(linear);
    const offset = (linear - this.dataBase) >>> 0;
    const wide = offset > 0xffff || (this.bits === 32) === r.chance(90);
    const prefixes: number[] = [];
    if (wide !== (this.bits === 32)) prefixes.push(ADDRESS_SIZE);
    if (r.chance(4)) prefixes.push(r.pick(OVERRIDES));
    return wide ? this.memory32(prefixes, offset) : this.memory16(prefixes, offset & 0xffff);
  }

  private memory32(prefixes: number[], offset: number): Operand {
    const r = this.random;
    if (r.chance(60)) return { prefixes, modrm: 5, tail: le32(offset), memory: true, rex: 0 };
    const base = r.pick(POINTERS);
    // EBP addresses through SS unless told otherwise, with a base of 0 both lead to the same place.
    const displacement = (offset - (this.start.general[base] ?? 0)) >>> 0;
    if (r.chance(70)) return { prefixes, modrm: 0x80 | base, tail: le32(displacement), memory: true, rex: 0 };
    // A scaled index whose value is known from the start.
    const index = r.pick(POINTERS);
    const scale = r.below(4);
    const rest = (displacement - (this.start.general[index] ?? 0) * 2 ** scale) >>> 0;
    return { prefixes, modrm: 0x84, tail: [(scale << 6) | (index << 3) | base, ...le32(rest)], memory: true, rex: 0 };
  }

  /** In 64-bit code: absolute, RIP-relative (about there), or by registers that are known from the start. */
  private memory64(linear: number): Operand {
    const r = this.random;
    const prefixes: number[] = r.chance(4) ? [r.pick(OVERRIDES)] : [];
    const base = r.pick(LONG_POINTERS);
    const fromBase = linear - (this.start.general[base] ?? 0);
    const rex = base >= 8 ? REX.B : 0;
    if (r.chance(10) && isInt32(linear - this.at)) return { prefixes, modrm: 5, tail: le32((linear - this.at - 0x10) >>> 0), memory: true, rex: 0 };
    if (isInt32(linear) && (r.chance(40) || !isInt32(fromBase))) {
      if (linear >= 0 && r.chance(8)) prefixes.push(ADDRESS_SIZE);
      return { prefixes, modrm: 4, tail: [0x25, ...le32(linear >>> 0)], memory: true, rex: 0 };
    }
    const index = r.pick(LONG_POINTERS);
    const scale = r.below(4);
    const rest = fromBase - (this.start.general[index] ?? 0) * 2 ** scale;
    if (r.chance(70) || !isInt32(rest)) return { prefixes, modrm: 0x80 | (base & 7), tail: le32(fromBase >>> 0), memory: true, rex };
    return { prefixes, modrm: 0x84, tail: [(scale << 6) | ((index & 7) << 3) | (base & 7), ...le32(rest >>> 0)], memory: true, rex: rex | (index >= 8 ? REX.X : 0) };
  }

  private memory16(prefixes: number[], offset: number): Operand {
    const r = this.random;
    if (r.chance(60)) return { prefixes, modrm: 6, tail: le16(offset), memory: true, rex: 0 };
    const [rm, registers] = r.pick([[0, [EBX, ESI]], [1, [EBX, EDI]], [4, [ESI]], [5, [EDI]], [7, [EBX]]] as const);
    const base = registers.reduce((sum, n) => sum + (this.start.general[n] ?? 0), 0);
    return { prefixes, modrm: 0x80 | rm, tail: le16((offset - base) & 0xffff), memory: true, rex: 0 };
  }

  /** A register or memory operand. */
  operand(span = 4): Operand {
    return this.chance(45) ? this.memory(span) : this.register(this.scratch());
  }

  // Instructions.

  /**
   * One instruction.
   * @param size operand size: 1 needs no prefix; 0 stands for instructions that have none
   */
  encode(opcode: readonly number[], size: 0 | Size, operand?: Operand, reg = 0, immediate: readonly number[] = []): number[] {
    const prefixes: number[] = [];
    if ((size === 2 || size === 4) && (size === 2) !== (this.bits === 16)) prefixes.push(OPERAND_SIZE);
    if (operand) prefixes.push(...operand.prefixes);
    const rest = operand ? [operand.modrm | ((reg & 7) << 3), ...operand.tail] : [];
    return [...prefixes, ...this.rexPrefix(size, operand, reg), ...opcode, ...rest, ...immediate];
  }

  private rexPrefix(size: 0 | Size, operand: Operand | undefined, reg: number): readonly number[] {
    if (this.bits !== 64) return [];
    const rex = (size === 8 ? REX.W : 0) | (reg >= 8 ? REX.R : 0) | (operand?.rex ?? 0);
    // One that says nothing makes SPL to DIL of AH to BH.
    return rex === 0 && !this.chance(6) ? [] : [0x40 | rex];
  }

  /** Puts an address into a register, in the width of the code. */
  setAddress(register: number, address: number): number[] {
    if (this.bits !== 64) return this.set(register, address, this.bits === 32 ? 4 : 2);
    const low = register < 8 ? 0 : REX.B;
    if (address >= 0 && address < 2 ** 32) return [...(low ? [0x40 | low] : []), 0xb8 | (register & 7), ...le32(address)];
    return this.setWide(register, BigInt(address));
  }

  /** MOV r64, imm64. */
  setWide(register: number, value: bigint): number[] {
    return [0x40 | REX.W | (register >= 8 ? REX.B : 0), 0xb8 | (register & 7), ...le64(value)];
  }

  /** MOV of a constant into a register. */
  set(register: number, value: number, size: 2 | 4 = 4): number[] {
    return [...(size === 2 && this.bits !== 16 ? [OPERAND_SIZE] : size === 4 && this.bits === 16 ? [OPERAND_SIZE] : []), 0xb8 | register, ...this.immediate(size, value)];
  }

  /** MOV of a constant into a 16-bit register in the shortest form. */
  setSelector(register: number, selector: number): number[] {
    return this.set(register, selector, 2);
  }

  /** A far pointer in memory, for instructions that read one. */
  farPointer(selector: number, offset: number, size: 2 | 4): Operand {
    return this.memory(6, this.plant([...(size === 4 ? le32(offset >>> 0) : le16(offset & 0xffff)), ...le16(selector)], 'far pointer'));
  }

  /** A place of its own (16 bytes) for what one operand finds in memory. */
  slot(): number {
    const at = this.nextSlot;
    this.nextSlot = at + 16 < AT.plantedEnd ? at + 16 : AT.planted;
    return at;
  }

  /** Puts bytes there. @returns their address */
  plant(bytes: readonly number[], note: string, address = this.slot()): number {
    this.patches.push({ address, bytes, note });
    return address;
  }

  // Selectors.

  /** A selector or, outside protected mode, a paragraph. */
  selector(): number {
    const r = this.random;
    if (!this.descriptors) return r.weighted([[6, r.pick([0, 0x1000, 0x1fff, 0x10ff, 0x0800])], [2, r.below(0x3000)], [1, r.u32() & 0xffff]]);
    const index = r.weighted<number>([[6, r.below(GDT_ENTRIES)], [1, r.between(GDT_ENTRIES - 1, GDT_ENTRIES + 1)], [1, 0]]);
    const local = r.chance(20);
    return ((local ? r.below(LDT_ENTRIES + 1) : index) << 3) | (local ? 4 : 0) | r.weighted<number>([[5, this.cpl], [3, 0], [3, 3], [1, r.below(4)]]);
  }

  /** A selector of a data segment that every program has. */
  plainData(): number {
    if (!this.descriptors) return this.start.segments.ds;
    return this.random.pick([SEL.data3, SEL.data3bits16, this.start.segments.ds]);
  }
}
