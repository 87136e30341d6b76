/** Orders of translations come out of their messages as they went in, with every way for a block to end. */
import assert from 'node:assert/strict';
import { decode } from '../../../src/monitor/isa/decoder';
import { handlerFor } from '../../../src/monitor/engine/handlerKeys';
import { RECORD_BYTES } from '../../../src/monitor/engine/records';
import type { TranslationOrder } from '../../../src/monitor/engine/translator/order';
import { OrderReader, OrderWriter } from '../../../src/monitor/engine/translator/orderMessage';
import type { BlockEnd, RegionInstruction } from '../../../src/monitor/engine/translator/regionGraph';

const ENDS: readonly BlockEnd[] = [
  { kind: 'branch', taken: 0x1234, behind: undefined, conditional: false },
  { kind: 'branch', taken: undefined, behind: 7, conditional: true },
  { kind: 'call', taken: -3, behind: 4100 },
  { kind: 'call', taken: undefined, behind: 0 },
  { kind: 'return' },
  { kind: 'jump' },
  { kind: 'onward', behind: 12 },
  { kind: 'leave', record: 0x2000050 },
];

/** Instructions one behind the other, from the bytes of each. */
function instructions(first: number, ...codes: readonly (readonly number[])[]): RegionInstruction[] {
  return codes.map((code, i) => {
    const instruction = decode(Uint8Array.from(code), 0, code.length, 32);
    assert.ok(instruction);
    return { handler: handlerFor(instruction, 'flat'), service: instruction.name.startsWith('!'), callout: i === 2, patched: i === 0, apart: i === 1, record: first + i * RECORD_BYTES };
  });
}

function order(id: number): TranslationOrder {
  const blocks = ENDS.map((end, i) => ({
    page: { table: 0x2000000 + 0x4000 * i, context: { first: i, end: 4096 - i } },
    offset: 16 * i,
    count: 3,
    // Farther than 32 bits reach.
    delta: i * -(2 ** 34),
    position: i * -(2 ** 34) + 16 * i,
    targets: i === 0 ? [] : [i, -i],
    resumption: i === 1 ? 2 ** 34 : undefined,
    // ADD EAX,ECX; CPUID (a service); MOV EAX,[EBX].
    instructions: end.kind === 'leave' ? [] : instructions(0x2100000 + 0x1000 * i, [0x01, 0xc8], [0x0f, 0xa2], [0x8b, 0x03]),
    end,
  }));
  const ways = [{ position: -(2 ** 34), table: 0x2004000 }];
  return { id, cells: 0x1fa0000, regions: [{ wide: false, flat: true, blocks, ways }, { wide: true, flat: false, blocks: blocks.slice(2, 3), ways: [] }], memory: new SharedArrayBuffer(8) };
}

describe('orders of translations', () => {
  it('come out as they went in, time after time', () => {
    const writer = new OrderWriter();
    const reader = new OrderReader();
    for (const id of [0, 1]) {
      const sent = order(id);
      const received = reader.read(structuredClone(writer.write(sent)));
      assert.deepEqual({ ...received, memory: undefined }, { ...sent, memory: undefined });
    }
  });

  it('name handlers that are known by the same objects', () => {
    const [region] = new OrderReader().read(structuredClone(new OrderWriter().write(order(0)))).regions;
    assert.strictEqual(region?.blocks[0]?.instructions[0]?.handler, instructions(0, [0x01, 0xc8])[0]?.handler);
  });

  it('carry each handler once', () => {
    const writer = new OrderWriter();
    assert.equal(writer.write(order(0)).handlers.length, 3);
    assert.equal(writer.write(order(1)).handlers.length, 0);
  });
});
