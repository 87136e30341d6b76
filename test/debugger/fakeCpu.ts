/**
 * A little 32-bit CPU for adapter tests: enough instructions for what `gcc -O0` makes of small C functions, executed
 * one by one from iced-x86's decoding. Not a model of x86; only the adapter is under test here.
 */
import { ConditionCode, Decoder, DecoderOptions, MemorySizeExt, Mnemonic, OpKind, Register, type Instruction } from 'iced-x86';

/** What an instruction asks of the machine around it. */
export type Effect =
  | { readonly kind: 'none' }
  | { readonly kind: 'call'; readonly returnAddress: number; readonly slot: number }
  | { readonly kind: 'out'; readonly port: number; readonly value: number }
  | { readonly kind: 'halt' }
  | { readonly kind: 'fault'; readonly vector: number; readonly address?: number };

const NAMES = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'] as const;
export type GeneralName = (typeof NAMES)[number];

const PAGE = 4096;
const CARRY = 1;
const ZERO = 1 << 6;
const SIGN = 1 << 7;
const OVERFLOW = 1 << 11;

class PageFault extends Error {
  constructor(readonly address: number) {
    super('page fault');
  }
}

/** Pages of memory; what was not mapped is absent. */
export class FakeMemory {
  private readonly pages = new Map<number, Uint8Array>();

  map(start: number, bytes: number): void {
    for (let at = start; at < start + bytes; at += PAGE) this.pages.set(Math.floor(at / PAGE), new Uint8Array(PAGE));
  }

  load(address: number, bytes: Uint8Array): void {
    bytes.forEach((byte, index) => this.write(address + index, byte, 1));
  }

  /** Up to `count` bytes; ends at the first absent page. */
  bytes(address: bigint, count: number): Uint8Array {
    const found: number[] = [];
    for (let at = address; found.length < count; at++) {
      const page = at >= 0n && at < 1n << 32n ? this.pages.get(Number(at >> 12n)) : undefined;
      if (!page) break;
      found.push(page[Number(at & 0xfffn)]);
    }
    return Uint8Array.from(found);
  }

  read(address: number, size: number): number {
    let value = 0;
    for (let index = size - 1; index >= 0; index--) value = value * 256 + this.byteAt((address + index) >>> 0)[0];
    return value;
  }

  write(address: number, value: number, size: number): void {
    for (let index = 0; index < size; index++) {
      const [, page, offset] = this.byteAt((address + index) >>> 0);
      page[offset] = (value >>> (index * 8)) & 0xff;
    }
  }

  has(address: number): boolean {
    return this.pages.has(Math.floor(address / PAGE));
  }

  private byteAt(address: number): [value: number, page: Uint8Array, offset: number] {
    const page = this.pages.get(Math.floor(address / PAGE));
    if (!page) throw new PageFault(address);
    return [page[address % PAGE], page, address % PAGE];
  }
}

export class FakeCpu {
  readonly registers: Record<GeneralName, number> = { eax: 0, ecx: 0, edx: 0, ebx: 0, esp: 0, ebp: 0, esi: 0, edi: 0 };
  ip = 0;
  flags = 2;

  constructor(readonly memory: FakeMemory, readonly bits: 16 | 32, readonly codeBase = 0) {}

  get linear(): number {
    return this.codeBase + this.ip;
  }

  /** Executes one instruction; a fault leaves everything as it was before. */
  step(): Effect {
    const bytes = this.memory.bytes(BigInt(this.linear), 15);
    const decoder = new Decoder(this.bits, bytes, DecoderOptions.None);
    decoder.ip = BigInt(this.ip);
    const instruction = decoder.decode();
    const before = { ...this.registers };
    const { ip, flags } = this;
    try {
      this.ip = Number(instruction.nextIP);
      return this.execute(instruction);
    } catch (error) {
      if (!(error instanceof PageFault)) throw error;
      Object.assign(this.registers, before);
      this.ip = ip;
      this.flags = flags;
      return { kind: 'fault', vector: 14, address: error.address };
    } finally {
      instruction.free();
      decoder.free();
    }
  }

  /** Enters a handler as an interrupt gate does, with an error code. */
  enter(handler: number, selector: number, errorCode: number): void {
    for (const value of [this.flags, selector, this.ip, errorCode]) this.push(value);
    this.ip = handler;
  }

  private execute(instruction: Instruction): Effect {
    const { registers } = this;
    const size = (): number => this.operandSize(instruction);
    const first = (): number => this.get(instruction, 0, size());
    const second = (): number => this.get(instruction, 1, size());
    switch (instruction.mnemonic) {
      case Mnemonic.Nop: case Mnemonic.Cli: case Mnemonic.Endbr32: break;
      case Mnemonic.Mov: this.set(instruction, 0, second(), size()); break;
      case Mnemonic.Movzx: this.set(instruction, 0, this.get(instruction, 1, this.sizeOf(instruction, 1)), size()); break;
      case Mnemonic.Lea: this.set(instruction, 0, this.address(instruction), size()); break;
      case Mnemonic.Add: this.set(instruction, 0, this.flagged(first() + second(), first(), second(), size(), false), size()); break;
      case Mnemonic.Sub: this.set(instruction, 0, this.flagged(first() - second(), first(), second(), size(), true), size()); break;
      case Mnemonic.Cmp: this.flagged(first() - second(), first(), second(), size(), true); break;
      case Mnemonic.Inc: this.set(instruction, 0, this.flagged(first() + 1, first(), 1, size(), false), size()); break;
      case Mnemonic.Test: this.flagged(first() & second(), 0, 0, size(), false); break;
      case Mnemonic.And: this.set(instruction, 0, this.flagged(first() & second(), 0, 0, size(), false), size()); break;
      case Mnemonic.Xor: this.set(instruction, 0, this.flagged((first() ^ second()) >>> 0, 0, 0, size(), false), size()); break;
      case Mnemonic.Imul: this.set(instruction, 0, Math.imul(first(), second()) >>> 0, size()); break;
      case Mnemonic.Shl: this.set(instruction, 0, (first() << this.get(instruction, 1, 1)) >>> 0, size()); break;
      case Mnemonic.Push: this.push(this.get(instruction, 0, this.bits / 8)); break;
      case Mnemonic.Pop: this.set(instruction, 0, this.pop(), size()); break;
      case Mnemonic.Leave: registers.esp = registers.ebp; registers.ebp = this.pop(); break;
      case Mnemonic.Call: {
        const target = instruction.op0Kind === OpKind.NearBranch32 || instruction.op0Kind === OpKind.NearBranch16
          ? Number(instruction.nearBranchTarget) : this.get(instruction, 0, 4);
        const returnAddress = this.ip;
        this.push(returnAddress);
        this.ip = target;
        return { kind: 'call', returnAddress, slot: registers.esp };
      }
      case Mnemonic.Ret: this.ip = this.pop(); break;
      case Mnemonic.Iretd: this.ip = this.pop(); this.pop(); this.flags = this.pop(); break;
      case Mnemonic.Jmp: this.ip = Number(instruction.nearBranchTarget); break;
      case Mnemonic.Out: return { kind: 'out', port: this.get(instruction, 0, 2), value: this.get(instruction, 1, 1) };
      case Mnemonic.Hlt: return { kind: 'halt' };
      default:
        if (instruction.isJccShortOrNear) {
          if (this.holds(instruction.conditionCode)) this.ip = Number(instruction.nearBranchTarget);
          break;
        }
        this.ip = Number(instruction.ip);
        return { kind: 'fault', vector: 6 };
    }
    return { kind: 'none' };
  }

  private push(value: number): void {
    const size = this.bits / 8;
    this.memory.write((this.registers.esp - size) >>> 0, value, size);
    this.registers.esp = (this.registers.esp - size) >>> 0;
  }

  private pop(): number {
    const size = this.bits / 8;
    const value = this.memory.read(this.registers.esp, size);
    this.registers.esp = (this.registers.esp + size) >>> 0;
    return value;
  }

  private flagged(result: number, left: number, right: number, size: number, subtract: boolean): number {
    const bits = size * 8;
    const mask = bits === 32 ? 0xffffffff : (1 << bits) - 1;
    const cut = (result & mask) >>> 0;
    const sign = (value: number): number => (value >>> (bits - 1)) & 1;
    const overflow = subtract ? sign(left) !== sign(right) && sign(cut) !== sign(left) : sign(left) === sign(right) && sign(cut) !== sign(left);
    const set = (flag: number, on: boolean): void => {
      this.flags = on ? this.flags | flag : this.flags & ~flag;
    };
    set(CARRY, subtract ? left < right : result > (mask >>> 0));
    set(ZERO, cut === 0);
    set(SIGN, sign(cut) === 1);
    set(OVERFLOW, overflow && (left !== 0 || right !== 0));
    return cut;
  }

  private holds(condition: ConditionCode): boolean {
    const carry = (this.flags & CARRY) !== 0;
    const zero = (this.flags & ZERO) !== 0;
    const less = ((this.flags & SIGN) !== 0) !== ((this.flags & OVERFLOW) !== 0);
    switch (condition) {
      case ConditionCode.e: return zero;
      case ConditionCode.ne: return !zero;
      case ConditionCode.l: return less;
      case ConditionCode.le: return less || zero;
      case ConditionCode.g: return !less && !zero;
      case ConditionCode.ge: return !less;
      case ConditionCode.b: return carry;
      case ConditionCode.be: return carry || zero;
      case ConditionCode.a: return !carry && !zero;
      case ConditionCode.ae: return !carry;
      default: throw new Error(`the fake CPU does not know condition ${ConditionCode[condition]}`);
    }
  }

  private operandSize(instruction: Instruction): number {
    return this.sizeOf(instruction, 0);
  }

  private sizeOf(instruction: Instruction, operand: number): number {
    if (instruction.opKind(operand) === OpKind.Register) return registerPart(instruction.opRegister(operand)).size;
    if (instruction.opKind(operand) === OpKind.Memory) return MemorySizeExt.size(instruction.memorySize) || 4;
    return this.bits / 8;
  }

  private get(instruction: Instruction, operand: number, size: number): number {
    switch (instruction.opKind(operand)) {
      case OpKind.Register: return this.readRegister(instruction.opRegister(operand));
      case OpKind.Memory: return this.memory.read(this.address(instruction), size);
      default: return Number(BigInt.asUintN(size * 8, instruction.immediate(operand)));
    }
  }

  private set(instruction: Instruction, operand: number, value: number, size: number): void {
    if (instruction.opKind(operand) === OpKind.Memory) this.memory.write(this.address(instruction), value, size);
    else this.writeRegister(instruction.opRegister(operand), value);
  }

  private address(instruction: Instruction): number {
    const base = instruction.memoryBase === Register.None ? 0 : this.readRegister(instruction.memoryBase);
    const index = instruction.memoryIndex === Register.None ? 0 : this.readRegister(instruction.memoryIndex) * instruction.memoryIndexScale;
    return (base + index + Number(BigInt.asUintN(32, instruction.memoryDisplacement))) >>> 0;
  }

  private readRegister(register: Register): number {
    const { name, shift, size } = registerPart(register);
    const value = this.registers[name] >>> shift;
    return size === 4 ? value : value & ((1 << (size * 8)) - 1);
  }

  private writeRegister(register: Register, value: number): void {
    const { name, shift, size } = registerPart(register);
    const mask = size === 4 ? 0xffffffff : ((1 << (size * 8)) - 1) << shift;
    this.registers[name] = ((this.registers[name] & ~mask) | ((value << shift) & mask)) >>> 0;
  }
}

function registerPart(register: Register): { name: GeneralName; shift: number; size: number } {
  if (register >= Register.EAX && register <= Register.EDI) return { name: NAMES[register - Register.EAX], shift: 0, size: 4 };
  if (register >= Register.AX && register <= Register.DI) return { name: NAMES[register - Register.AX], shift: 0, size: 2 };
  const index = register - Register.AL;
  if (index >= 0 && index < 8) return { name: NAMES[index % 4], shift: index >= 4 ? 8 : 0, size: 1 };
  throw new Error(`the fake CPU does not know register ${Register[register]}`);
}
