/**
 * Expressions of gates, compiled to closures once. To evaluate one has no effect on the guest: memory is looked at without setting
 * bits or raising faults, and what is not there makes it fail with a sentence.
 */
import type { Cpu } from '../cpu/cpu';
import { PAGE_BYTES } from '../memory/layout';
import { ABSENT } from '../memory/physicalMap';
import { signedAddress } from './addresses';
import { MachineError } from './blame';
import { registerRead } from './registerReads';
import { EVENT_VALUES, LONGEST_TEXT, type BinaryOperator, type EventValue, type GateExpression, type Width } from './stops';
import { isText } from './texts';

/** What an expression is evaluated over. */
export interface GateContext {
  readonly cpu: Cpu;
  /** A value of the event under way; undefined for one that it does not have. */
  event(name: EventValue): bigint | undefined;
}

/** An expression that cannot be evaluated here and now. The message is a sentence. */
export class CannotEvaluate extends Error {}

export type Evaluate = () => bigint;

/** More would make a gate that takes longer than what it stands in front of. */
const MOST_NODES = 4096;
const PHYSICAL_END = 1n << 40n;

const refused = (text: string): MachineError => new MachineError(text, 'user');
const truth = (value: boolean): bigint => (value ? 1n : 0n);
const hex = (value: bigint): string => `0x${value.toString(16)}`;

const COMPUTE: Readonly<Record<BinaryOperator, (left: bigint, right: bigint, bits: number) => bigint>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / divisor(right),
  '%': (left, right) => left % divisor(right),
  '&': (left, right) => left & right,
  '|': (left, right) => left | right,
  '^': (left, right) => left ^ right,
  '<<': (left, right, bits) => (BigInt.asUintN(64, right) >= BigInt(bits) ? 0n : left << right),
  '>>': (left, right, bits) => left >> (BigInt.asUintN(64, right) >= BigInt(bits) ? BigInt(bits) : right),
  '==': (left, right) => truth(left === right),
  '!=': (left, right) => truth(left !== right),
  '<': (left, right) => truth(left < right),
  '<=': (left, right) => truth(left <= right),
  '>': (left, right) => truth(left > right),
  '>=': (left, right) => truth(left >= right),
};

function divisor(value: bigint): bigint {
  if (value === 0n) throw new CannotEvaluate('It divides by zero.');
  return value;
}

/** Compiles an expression. MachineError (blame: user) where it is none. */
export function compileExpression(expression: GateExpression, context: GateContext): Evaluate {
  return new Compiler(context).compile(expression);
}

class Compiler {
  private nodes = 0;

  constructor(private readonly context: GateContext) {}

  compile(expression: GateExpression): Evaluate {
    if (++this.nodes > MOST_NODES) throw refused(`A condition may have ${MOST_NODES} operators and values at most.`);
    switch (expression.kind) {
      case 'constant': {
        const value = BigInt.asUintN(64, expression.value);
        return () => value;
      }
      case 'register': return this.register(expression.name);
      case 'memory': return this.memory(expression.space, this.compile(expression.address), expression.bytes);
      case 'text': return this.text(expression);
      case 'event': return this.event(expression.name);
      case 'cast': return cast(this.compile(expression.value), expression.bits, expression.signed);
      case 'unary': return unary(expression.op, this.compile(expression.value));
      case 'binary': return this.binary(expression);
      case 'and': {
        const [left, right] = [this.compile(expression.left), this.compile(expression.right)];
        return () => truth(left() !== 0n && right() !== 0n);
      }
      case 'or': {
        const [left, right] = [this.compile(expression.left), this.compile(expression.right)];
        return () => truth(left() !== 0n || right() !== 0n);
      }
      default: throw refused(`A condition has a part of an unknown kind: ${JSON.stringify(expression)}.`);
    }
  }

  private register(name: string): Evaluate {
    const { cpu } = this.context;
    const read = registerRead(cpu, name);
    if (!read) throw refused(`There is no register '${name}'.`);
    return () => {
      const value = read(cpu);
      if (value === undefined) throw new CannotEvaluate(`The processor has no register '${name}' here.`);
      return BigInt.asUintN(64, value);
    };
  }

  private event(name: EventValue): Evaluate {
    if (!EVENT_VALUES.includes(name)) throw refused(`No event has a value '${name}'.`);
    const { context } = this;
    return () => BigInt.asUintN(64, context.event(name) ?? 0n);
  }

  private binary({ op, left, right, bits = 64, signed = false }: Extract<GateExpression, { kind: 'binary' }>): Evaluate {
    checkWidth(bits);
    if (!Object.hasOwn(COMPUTE, op)) throw refused(`There is no operator '${String(op)}'.`);
    const compute = COMPUTE[op];
    const [first, second] = [this.compile(left), this.compile(right)];
    if (bits === 64 && !signed) return () => BigInt.asUintN(64, compute(first(), second(), 64));
    const cut = signed ? BigInt.asIntN : BigInt.asUintN;
    const isShift = op === '<<' || op === '>>';
    return () => BigInt.asUintN(64, cut(bits, compute(cut(bits, first()), isShift ? second() : cut(bits, second()), bits)));
  }

  private memory(space: 'linear' | 'physical', address: Evaluate, bytes: number): Evaluate {
    if (!Number.isInteger(bytes) || bytes < 1 || bytes > 8) throw refused(`A condition reads 1 to 8 bytes of memory at once, not ${bytes}.`);
    const { cpu } = this.context;
    return () => readBytes(cpu, space, address(), bytes);
  }

  private text({ space, address, bytes, room = Infinity }: Extract<GateExpression, { kind: 'text' }>): Evaluate {
    if (bytes.length > LONGEST_TEXT || bytes.includes(0)) throw refused(`A condition compares with texts of up to ${LONGEST_TEXT} bytes, none of them zero.`);
    if (room !== Infinity && (!Number.isSafeInteger(room) || room < 0)) throw refused(`There is no room of ${room} bytes.`);
    const { cpu } = this.context;
    const from = this.compile(address);
    return () => truth(isTextAt(cpu, space, from(), bytes, room));
  }
}

function checkWidth(bits: Width): void {
  if (![8, 16, 32, 64].includes(bits)) throw refused(`Values in conditions have 8, 16, 32 or 64 bits, not ${String(bits)}.`);
}

function cast(value: Evaluate, bits: Width, signed: boolean): Evaluate {
  checkWidth(bits);
  return signed ? () => BigInt.asUintN(64, BigInt.asIntN(bits, value())) : () => BigInt.asUintN(bits, value());
}

function unary(op: '-' | '~' | '!', value: Evaluate): Evaluate {
  switch (op) {
    case '-': return () => BigInt.asUintN(64, -value());
    case '~': return () => BigInt.asUintN(64, ~value());
    case '!': return () => truth(value() === 0n);
    default: throw refused(`There is no operator '${String(op)}'.`);
  }
}

/** Bytes of memory, little-endian. Devices are not asked. */
function readBytes(cpu: Cpu, space: 'linear' | 'physical', address: bigint, bytes: number): bigint {
  let value = 0n;
  for (let done = 0; done < bytes; ) {
    const at = BigInt.asUintN(64, address + BigInt(done));
    const offset = Number(at & 0xfffn);
    const count = Math.min(bytes - done, PAGE_BYTES - offset);
    const host = hostOf(cpu, space, at);
    const { view } = cpu.machine;
    if (host >= 0 && done === 0 && count === bytes) {
      if (bytes === 4) return BigInt(view.getUint32(host, true));
      if (bytes === 8) return view.getBigUint64(host, true);
    }
    for (let i = 0; i < count && host >= 0; i++) value |= BigInt(view.getUint8(host + i)) << BigInt(8 * (done + i));
    done += count;
  }
  return value;
}

/** Whether a zero-terminated text in memory, which ends at the latest behind `room` bytes, is the one of these bytes. */
function isTextAt(cpu: Cpu, space: 'linear' | 'physical', address: bigint, bytes: Uint8Array, room: number): boolean {
  const { view } = cpu.machine;
  // Of the page that the last byte was in: the host address of byte 0 if it went on so, -1 for zeros, and how many bytes are left.
  let host = 0, left = 0;
  return isText(bytes, room, (index) => {
    if (left === 0) {
      const at = BigInt.asUintN(64, address + BigInt(index));
      left = PAGE_BYTES - Number(at & 0xfffn);
      const first = hostOf(cpu, space, at);
      host = first < 0 ? -1 : first - index;
    }
    left--;
    return host < 0 ? 0 : view.getUint8(host + index);
  });
}

/** Host address of a byte of memory; -1 for RAM that was never written, which is zeros. */
function hostOf({ mmu, state }: Cpu, space: 'linear' | 'physical', address: bigint): number {
  const { map } = mmu;
  const outside = (): CannotEvaluate => new CannotEvaluate(`There is no memory at ${space} address ${hex(address)}.`);
  let page: number;
  if (space === 'physical') {
    if (address >= PHYSICAL_END) throw outside();
    page = map.behindWindows(Number(address >> 12n));
  } else {
    const isWide = mmu.currentControls.mode === '4-level' || mmu.currentControls.mode === '5-level';
    if (isWide ? !state.canonical(state.address(address)) : address >> 32n !== 0n) throw outside();
    page = mmu.peekPage(isWide ? Number(BigInt.asIntN(64, address) >> 12n) : Math.floor(signedAddress(address) / PAGE_BYTES));
  }
  const entry = page < 0 ? page : map.entry(page);
  if (page < 0 || entry < ABSENT) throw outside();
  return entry === ABSENT ? -1 : entry * PAGE_BYTES + Number(address & 0xfffn);
}
