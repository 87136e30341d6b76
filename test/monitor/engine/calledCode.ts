/**
 * Machine code with places that calls and jumps lead to, put together for tests; and the same guest run by the translator and by the interpreter, compared
 * again and again. Functions are filled up so that no region takes them in: calls of them lead outside.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import * as L from '../../../src/monitor/cpu/layout';
import { ENGINES, type EngineSettings } from '../../../src/monitor/engine/engineSettings';
import { MONITOR_WORDS, RETURN_ENTRY_BYTES, RETURN_STACK } from '../../../src/monitor/memory/layout';
import { AT, le16, le32, type Guest } from '../cpu/guest';
import { Random } from '../../fuzz/random';

/** Hot soon, so that short programs are translated. */
export const SOON: EngineSettings = { ...ENGINES.translator, heat: 40 };
/** More instructions than a region has. */
export const LARGE = 160;

export const RET = 0xc3;
/** Conditions of branches. */
export const ZERO = 4, NOT_ZERO = 5;

export type Bits = 16 | 32 | 64;

/** Code from an address (its offset in CS) on, with calls and jumps to labels of the whole program. */
export class Program {
  private readonly labels = new Map<string, number>();
  private readonly fixes: { readonly at: number; readonly bytes: 2 | 4; readonly relative: boolean; readonly label: string }[] = [];
  private readonly bytes = new Map<number, number>();
  private place = 0;
  private readonly random = new Random(1);

  constructor(readonly bits: Bits = 32) {}

  get here(): number {
    return this.place;
  }

  at(address: number): this {
    this.place = address;
    return this;
  }

  label(name: string): this {
    this.labels.set(name, this.place);
    return this;
  }

  put(...parts: readonly (number | readonly number[])[]): this {
    for (const byte of parts.flat()) {
      assert.ok(!this.bytes.has(this.place), `two things at ${this.place.toString(16)}`);
      this.bytes.set(this.place++, byte);
    }
    return this;
  }

  call(label: string): this {
    return this.put(0xe8).relative(label);
  }
  jump(label: string): this {
    return this.put(0xe9).relative(label);
  }
  branch(condition: number, label: string): this {
    return this.put(0x0f, 0x80 | condition).relative(label);
  }
  /** An offset of 16 or 32 bits: a pointer, or an immediate. */
  address(label: string): this {
    const bytes = this.bits === 16 ? 2 : 4;
    this.fixes.push({ at: this.place, bytes, relative: false, label });
    return this.put(new Array<number>(bytes).fill(0));
  }

  private relative(label: string): this {
    const bytes = this.bits === 16 ? 2 : 4;
    this.fixes.push({ at: this.place, bytes, relative: true, label });
    return this.put(new Array<number>(bytes).fill(0));
  }

  /** So many instructions of two or three bytes that read and change EDX, EBX and EDI, and flags. */
  fill(count: number): this {
    const { random } = this;
    for (let i = 0; i < count; i++) {
      const value = random.below(128);
      // ADD EDX, n; XOR EBX, EDX; ROL EDI, 1; ADC EDI, n; SUB EBX, EDI; XOR EDX, n; ROR EDX, n
      this.put(random.pick([[0x83, 0xc2, value], [0x31, 0xd3], [0xd1, 0xc7], [0x83, 0xd7, value], [0x29, 0xfb], [0x83, 0xf2, value], [0xc1, 0xca, value & 15]]));
    }
    return this;
  }

  of(label: string): number {
    const place = this.labels.get(label);
    assert.ok(place !== undefined, `no ${label}`);
    return place;
  }

  /** Writes it to a guest's memory, where CS has a base. */
  into(guest: Guest, base = 0): void {
    for (const { at, bytes, relative, label } of this.fixes) {
      const value = this.of(label) - (relative ? at + bytes : 0);
      (bytes === 2 ? le16(value) : le32(value)).forEach((byte, i) => this.bytes.set(at + i, byte));
    }
    for (const [place, byte] of this.bytes) guest.put(base + place, [byte]);
  }
}

/** All that a program can see: registers, and a hash of its data and stacks. */
export function snapshot(guest: Guest): string {
  const s = guest.state;
  const registers = Array.from({ length: 16 }, (_, i) => s.reg64(i).toString(16));
  const memory = createHash('sha1').update(guest.map.copyOut(AT.data, AT.stack3 + 0x1000 - AT.data)).digest('hex');
  return [...registers, s.eip.toString(16), s.flags.toString(16), s.f64(L.RETIRED), guest.executor.deliveries, memory].join(' ');
}

/** Sees how many calls wait for a return whenever generated code has come back to the monitor: gives the most since it was asked last. */
export function watchReturns({ executor: { burst }, state }: Guest): () => number {
  let most = 0;
  const look = (): void => { most = Math.max(most, (state.view.getUint32(MONITOR_WORDS.returnTop, true) - RETURN_STACK) / RETURN_ENTRY_BYTES); };
  const { begin } = burst;
  burst.begin = function (...parameters): void {
    look();
    begin.apply(this, parameters);
  };
  return () => {
    look();
    const seen = most;
    most = 0;
    return seen;
  };
}

/** What came of a comparison. */
export interface Compared {
  readonly guest: Guest;
  /** Most calls that were seen to wait. */
  readonly deepest: number;
  /** The same since it was asked last. */
  readonly waiting: () => number;
}

/** Instruction counts of rounds: short, odd and long ones. */
function* counts(rounds: number): Generator<number> {
  for (let round = 0; round < rounds; round++) yield round % 20 === 19 ? 40_009 : round % 5 === 4 ? 3001 : 1 + ((round * 137) % 1009);
}

/**
 * Runs a guest by a translator and by the interpreter, and compares them after each of many rounds. The translator has to have regions with calls that lead
 * outside, and come to wait in them.
 */
export function compare(make: (settings: EngineSettings) => Guest, { rounds = 250, settings = SOON, waits = true } = {}): Compared {
  const [guest, interpreted] = [make(settings), make(ENGINES.interpreter)];
  const waiting = watchReturns(guest);
  let round = 0, at = 1;
  // Where generated code has not begun yet there is no stack.
  guest.run(1);
  interpreted.run(1);
  waiting();
  for (const count of counts(rounds)) {
    at += count;
    guest.runTo(at);
    interpreted.runTo(at);
    assert.equal(snapshot(guest), snapshot(interpreted), `round ${round++}, ${at} instructions`);
  }
  const deepest = waiting();
  assert.ok(guest.executor.translator.counters.regions > 0, 'nothing was translated');
  if (waits) {
    const regions = [...guest.executor.code.allRegions()];
    assert.ok(regions.some(({ parts }) => parts.some(({ resumption }) => resumption !== undefined)), 'no region calls what is outside');
    assert.ok(deepest > 0, 'no call has waited');
  }
  return { guest, deepest, waiting };
}
