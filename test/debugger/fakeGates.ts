/**
 * Gates of the fake machine's stops: evaluated over its CPU and memory, as the contract in src/monitor/machine/stops.ts says.
 */
import type { EventValue, Gate, GateExpression, LogEntry } from '../../src/monitor/machine/session';
import type { FakeCpu, GeneralName } from './fakeCpu';

export type EventValues = Partial<Record<EventValue, bigint>>;

const NAMES: readonly GeneralName[] = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'];

export class FakeGates {
  private readonly hits = new Map<string, number>();

  constructor(private readonly cpu: () => FakeCpu, private readonly note: (entry: Pick<LogEntry, 'list' | 'id' | 'values'>) => void) {}

  /** Whether a stop counts. */
  passes(list: LogEntry['list'], id: number, gate: Gate | undefined, event: EventValues = {}): boolean {
    if (!gate) return true;
    if (gate.condition && this.value(gate.condition, event) === 0n) return false;
    const key = `${list} ${id} ${JSON.stringify(gate.hits)}`;
    const count = (this.hits.get(key) ?? 0) + 1;
    this.hits.set(key, count);
    if (gate.hits && !{ '==': count === gate.hits.count, '>=': count >= gate.hits.count, multiple: count % gate.hits.count === 0 }[gate.hits.op]) return false;
    if (!gate.log) return true;
    this.note({ list, id, values: gate.log.values.map((each) => this.value(each, event)) });
    return false;
  }

  private value(expression: GateExpression, event: EventValues): bigint {
    const of = (each: GateExpression): bigint => this.value(each, event);
    switch (expression.kind) {
      case 'constant': return expression.value;
      case 'register': return this.register(expression.name);
      case 'memory': return this.memory(of(expression.address), expression.bytes);
      case 'text': return BigInt(this.isText(of(expression.address), expression.bytes, expression.room));
      case 'event': return event[expression.name] ?? 0n;
      case 'cast': return BigInt.asUintN(64, (expression.signed ? BigInt.asIntN : BigInt.asUintN)(expression.bits, of(expression.value)));
      case 'unary': {
        const value = of(expression.value);
        return expression.op === '!' ? BigInt(value === 0n) : BigInt.asUintN(64, expression.op === '-' ? -value : ~value);
      }
      case 'and': return BigInt(of(expression.left) !== 0n && of(expression.right) !== 0n);
      case 'or': return BigInt(of(expression.left) !== 0n || of(expression.right) !== 0n);
      case 'binary': return this.binary(expression, of);
    }
  }

  private binary({ op, left, right, bits = 64, signed = false }: Extract<GateExpression, { kind: 'binary' }>, of: (each: GateExpression) => bigint): bigint {
    const cut = signed ? BigInt.asIntN : BigInt.asUintN;
    const [x, y] = [cut(bits, of(left)), cut(bits, of(right))];
    const results: Record<typeof op, () => bigint | boolean> = {
      '+': () => x + y, '-': () => x - y, '*': () => x * y, '/': () => x / y, '%': () => x % y, '&': () => x & y, '|': () => x | y, '^': () => x ^ y,
      '<<': () => x << y, '>>': () => x >> y, '==': () => x === y, '!=': () => x !== y, '<': () => x < y, '<=': () => x <= y, '>': () => x > y, '>=': () => x >= y,
    };
    return BigInt.asUintN(64, cut(bits, BigInt(results[op]())));
  }

  private register(name: string): bigint {
    const cpu = this.cpu();
    const general = NAMES.find((each) => each === name);
    if (general) return BigInt(cpu.registers[general]);
    if (name === 'eip') return BigInt(cpu.ip);
    if (name === 'cr3') return 0x9000n;
    throw new Error(`the fake machine has no register ${name}`);
  }

  private isText(address: bigint, bytes: Uint8Array, room = Infinity): boolean {
    const there = Array.from({ length: Math.min(bytes.length + 1, room) }, (_, i) => this.memory(address + BigInt(i), 1));
    return room >= bytes.length && there.every((byte, i) => byte === BigInt(bytes.at(i) ?? 0));
  }

  private memory(address: bigint, bytes: number): bigint {
    return this.cpu().memory.bytes(address, bytes).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  }
}
