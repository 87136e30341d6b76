/** Which hot blocks are translated, and that their code is not translated again and again. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { ENGINES, type EngineSettings } from '../../../src/monitor/engine/engineSettings';
import { R } from '../../../src/monitor/engine/records';
import { HotBlocks } from '../../../src/monitor/engine/translator/hotBlocks';
import type { LoopReply, TranslationReply, TranslationService } from '../../../src/monitor/engine/translator/order';
import type { OrderMessage } from '../../../src/monitor/engine/translator/orderMessage';
import { TranslationWorkshop } from '../../../src/monitor/engine/translator/writeRegions';
import { PAGE_BYTES } from '../../../src/monitor/memory/layout';
import { AT, code, le32, protectedGuest, type Guest } from '../cpu/guest';

const SETTINGS: EngineSettings = { ...ENGINES.translator, heat: 40 };
const INC_EAX = 0x40;
const JMP = 0xe9, JUMP_BYTES = 5;

/** A loop of so many blocks, each of so many instructions, the last of which jumps to the next block. */
function loopOf(blocks: number, instructions: number): { readonly program: readonly number[]; readonly offsets: readonly number[] } {
  const bytes = instructions - 1 + JUMP_BYTES;
  const places = Array.from({ length: blocks }, (_, i) => i * bytes);
  const program = places.flatMap((_, i) => code(new Array<number>(instructions - 1).fill(INC_EAX), JMP, le32(i < blocks - 1 ? 0 : -blocks * bytes)));
  return { program, offsets: places.map((place) => (AT.code + place) % PAGE_BYTES) };
}

/** Offsets in their page of the blocks of each region. */
const regionsOf = (guest: Guest): readonly (readonly number[])[] => [...guest.executor.code.allRegions()].map(({ parts }) => parts.map(({ offset }) => offset));

/** Another thread that does what it is told to when it is told to. */
class Bidden implements TranslationService {
  readonly orders: OrderMessage[] = [];
  private readonly workshop = new TranslationWorkshop();
  private readonly replies: (TranslationReply | LoopReply)[] = [];

  atWork(): boolean {
    return true;
  }
  isGone(): boolean {
    return false;
  }
  submit(order: OrderMessage): void {
    this.orders.push(structuredClone(order));
  }
  submitLoop(): void {
    // Without the loop each instruction has a handler of its own.
  }
  receive(): TranslationReply | LoopReply | undefined {
    return this.replies.shift();
  }
  /** Carries an order out. */
  do(order: number): void {
    const message = this.orders[order];
    if (message) this.replies.push(this.workshop.carryOut(message));
  }
}

describe('hot blocks', () => {
  it('are given those first that have been entered most while they waited, and of others a beginning before what it leads to', () => {
    const view = new DataView(new ArrayBuffer(0x1000));
    const waiting = new HotBlocks(view);
    const add = (record: number, offset: number, entries: number): void => {
      view.setUint16(record + R.offset, offset, true);
      view.setInt32(record + R.link, -entries, true);
      waiting.add({ record, start: PAGE_BYTES, base: 0, slot: 0, user: false, execute: 0 });
    };
    add(0x100, 0x40, 3);
    add(0x200, 0x80, 9000);
    add(0x300, 0x10, 0);
    add(0x400, 0x20, 700);
    assert.deepEqual(waiting.hottestFirst().map(({ record }) => record), [0x200, 0x400, 0x300, 0x100]);
    waiting.remove(0x200);
    assert.deepEqual([waiting.count, waiting.has(0x200), waiting.has(0x100)], [3, false, true]);
  });

  it('that a region has taken in while they waited are not translated for themselves', () => {
    const thread = new Bidden();
    const { program, offsets } = loopOf(6, 10);
    const guest = protectedGuest(program, SETTINGS, thread);
    while (thread.orders.length === 0) guest.run(100);
    // The order takes its time, in which each block is hot over and over.
    guest.run(20_000);
    assert.deepEqual(regionsOf(guest), []);
    thread.do(0);
    for (let round = 0; round < 12; round++) guest.run(100_000);
    assert.equal(thread.orders.length, 1);
    assert.deepEqual(regionsOf(guest).map((each) => [...each].sort((a, b) => a - b)), [offsets]);
  });

  it('wait while there is enough to do for the other thread, and are translated when it is done', () => {
    const thread = new Bidden();
    // More than an order has room for.
    const { program, offsets } = loopOf(24, 60);
    const guest = protectedGuest(program, SETTINGS, thread);
    for (let round = 0; round < 400; round++) guest.run(1000);
    const first = thread.orders.length;
    assert.ok(first > 0);
    for (let done = 0; done < thread.orders.length; done++) {
      thread.do(done);
      for (let round = 0; round < 100; round++) guest.run(1000);
    }
    assert.ok(thread.orders.length > first, `${first} orders, then ${thread.orders.length}`);
    const translated = regionsOf(guest).flat();
    for (const offset of offsets) assert.ok(translated.includes(offset), `the block at ${offset}`);
  });
});

describe('a region that leads to code with a region of its own', () => {
  for (const [title, instructions, regions] of [['takes it in while it is small', 20, 2], ['goes over to it when it is not small any more, instead of having it once more', 100, 1]] as const) {
    it(title, () => {
      // inner: INC EAX; DEC ECX; JNZ inner; outer: INC EAX, so many times; MOV ECX, 100; JMP inner
      const inner = [INC_EAX, 0x49, 0x75, 0xfc], outer = code(new Array<number>(instructions).fill(INC_EAX), 0xb9, le32(100));
      const guest = protectedGuest(code(inner, outer, JMP, le32(-(inner.length + outer.length + 5))), SETTINGS);
      // The inner loop is translated long before it is left for the first time.
      guest.state.setReg(L.RCX, 1_000_000);
      for (let round = 0; round < 60; round++) guest.run(100_000);
      assert.equal(regionsOf(guest).filter((offsets) => offsets.includes(AT.code % PAGE_BYTES)).length, regions);
      assert.ok(regionsOf(guest).flat().includes((AT.code + inner.length) % PAGE_BYTES), 'the outer one is translated');
    });
  }
});
