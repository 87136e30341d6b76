/**
 * The contract of the disassemble request (exact count, target in its place, sorted distinct addresses, pages that fit
 * together), on real code, on random bytes, at the borders of memory and in 16-bit code.
 */
import assert from 'node:assert/strict';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { DapClient } from './client';
import type { FakeGuest } from './fakeMachine';
import { withMachine } from './harness';
import { markerLine } from './markers';
import { needProgram } from './program';

/** A small generator with a fixed seed (mulberry32), so that a failure can be repeated. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) % limit;
  };
}

function randomGuest(bits: 16 | 32): FakeGuest {
  const random = randomNumbers(7);
  const noise = Uint8Array.from({ length: 0x3000 }, () => random(256));
  return {
    bits,
    mapped: [[0, 0x3000], [0x8000, 0x3000], [0xfffff000, 0x1000]],
    images: [{ address: 0, bytes: noise }, { address: 0x8000, bytes: noise }, { address: 0xfffff000, bytes: noise.subarray(0, 0x1000) }],
    entry: 0x100,
    stack: 0x2000,
    ...(bits === 16 ? { codeBase: 0x1000 } : {}),
  };
}

describe('disassembly', function () {
  this.timeout(60_000);
  let client: DapClient;

  afterEach(() => client?.close());

  const rows = async (memoryReference: string, instructionOffset: number, instructionCount: number, more: object = {}): Promise<Dap.DisassembledInstruction[]> =>
    (await client.request('disassemble', { memoryReference, instructionOffset, instructionCount, ...more })).instructions;

  function checkShape(found: readonly Dap.DisassembledInstruction[], count: number, what: string): void {
    assert.equal(found.length, count, `${what}: count`);
    const addresses = found.map(({ address }) => BigInt(address));
    for (let index = 1; index < addresses.length; index++) {
      assert.ok(addresses[index] > addresses[index - 1], `${what}: row ${index} at ${found[index].address} after ${found[index - 1].address}`);
    }
  }

  for (const bits of [16, 32] as const) {
    it(`keeps its contract for any request in ${bits}-bit code`, async () => {
      ({ client } = withMachine(randomGuest(bits)));
      await client.launch({});
      await client.stopped('entry');
      const random = randomNumbers(bits);
      const places = [0, 1, 0x100, 0x2ff0, 0x2fff, 0x3000, 0x7ffd, 0x8000, 0x9123, 0xafff, 0xb000, 0xfffff000, 0xffffffff];
      for (let round = 0; round < 60; round++) {
        const address = places[random(places.length)] + (random(3) === 0 ? random(40) : 0);
        const reference = `0x${Math.min(address, 0xffffffff).toString(16)}`;
        const offset = random(300) - 200;
        const count = 1 + random(200);
        const what = `${reference} ${offset} ${count}`;
        const page = await rows(reference, offset, count);
        checkShape(page, count, what);
        if (offset <= 0 && -offset < count) {
          assert.equal(BigInt(page[-offset].address), BigInt(reference), `${what}: target`);
        }
        const next = await rows(reference, offset + count, 20);
        const both = await rows(reference, offset, count + 20);
        assert.deepEqual(both.map(({ address: at }) => at), [...page, ...next].map(({ address: at }) => at), `${what}: pages`);
        const before = await rows(reference, offset - 20, 20 + count);
        assert.deepEqual(before.slice(20).map(({ address: at }) => at), page.map(({ address: at }) => at), `${what}: page before`);
        const first = page[0].address;
        if (BigInt(first) >= 0n) {
          const anchored = await rows(first, 0, count);
          assert.deepEqual(anchored.map(({ address: at }) => at), page.map(({ address: at }) => at), `${what}: anchored at the first row`);
        }
      }
    });
  }

  it('gives the pages that VS Code asks for first', async () => {
    ({ client } = withMachine(randomGuest(32)));
    await client.launch({});
    await client.stopped('entry');
    const page = await rows('0x2000', -200, 400);
    checkShape(page, 400, 'first page');
    assert.equal(BigInt(page[200].address), 0x2000n);
    const up = await rows('0x2000', -250, 50);
    const down = await rows('0x2000', 200, 50);
    checkShape([...up, ...page, ...down], 500, 'three pages');
    checkShape(await rows('0x4', -200, 400), 400, 'around address 0');
  });

  it('marks what is no code, with distinct addresses below 0 and beyond the top', async () => {
    ({ client } = withMachine(randomGuest(32)));
    await client.launch({});
    await client.stopped('entry');
    const low = await rows('0x0', -3, 4);
    assert.deepEqual(low.slice(0, 3).map(({ address, presentationHint }) => [address, presentationHint]), [['-3', 'invalid'], ['-2', 'invalid'], ['-1', 'invalid']]);
    const absent = await rows('0x4000', 0, 2);
    assert.deepEqual(absent.map(({ instruction, presentationHint }) => [instruction, presentationHint]), [['??', 'invalid'], ['??', 'invalid']]);
    const top = await rows('0xffffffff', 1, 2);
    assert.deepEqual(top.map(({ address, presentationHint }) => [address, presentationHint]), [['0x100000000', 'invalid'], ['0x100000001', 'invalid']]);
  });

  it('shows segment:offset in real mode, and branch targets in the segment', async () => {
    const code = Uint8Array.of(0xeb, 0x02, 0x90, 0x90, 0xe8, 0xf9, 0xff);
    ({ client } = withMachine({ bits: 16, mapped: [[0, 0x20000]], images: [{ address: 0x7c00, bytes: code }], entry: 0, stack: 0x1000, codeBase: 0x7c00 }));
    await client.launch({});
    const { frame } = await client.stopped('entry');
    assert.equal(frame.name, '07c0:0000');
    assert.equal(frame.instructionPointerReference, '0x7c00');
    const found = await rows('0x7c00', 0, 4);
    assert.deepEqual(found.map(({ address, symbol, instruction }) => [address, symbol, instruction]), [
      ['0x00007c00', '07c0:0000', 'jmp short 0x4'],
      ['0x00007c02', '07c0:0002', 'nop'],
      ['0x00007c03', '07c0:0003', 'nop'],
      ['0x00007c04', '07c0:0004', 'call 0x0'],
    ]);
    const { stackFrames } = await client.request('stackTrace', { threadId: 1 });
    assert.equal(stackFrames.length, 1);
  });

  it('decodes backwards to the real instructions where symbols lead the way, and names lines and targets', async function () {
    const program = needProgram(this);
    ({ client } = withMachine(program.guest(0)));
    await client.launch({ symbols: program.elf });
    await client.stopped('entry');
    const forwards = await rows('twice', 0, 20);
    const last = forwards[19].address;
    const backwards = await rows(last, -19, 20);
    assert.deepEqual(backwards.map(({ address }) => address), forwards.map(({ address }) => address));
    assert.equal(forwards[0].symbol, 'twice');
    assert.equal(forwards[0].location?.path, program.source);
    assert.equal(forwards[0].line, markerLine(program.source, 'twice-body') - 1);
    assert.ok(forwards.slice(1).some(({ line }) => line === markerLine(program.source, 'twice-body')));
    assert.ok(forwards.some(({ instruction }) => /^call 0x[0-9a-f]+ <add>$/.test(instruction)), forwards.map(({ instruction }) => instruction).join('\n'));
    const silent = await rows('twice', 0, 1, { resolveSymbols: false });
    assert.equal(silent[0].symbol, undefined);
  });

  it('shows an instruction where the machine stands, even in the middle of what looked like another one', async () => {
    // B8 C0 40 40 40 is mov eax,0x404040c0; entered at +1 it is C0 40 40 40 (rol byte [eax+0x40],0x40).
    const code = Uint8Array.of(0x90, 0xb8, 0xc0, 0x40, 0x40, 0x40, 0x90);
    const guest: FakeGuest = { bits: 32, mapped: [[0, 0x1000]], images: [{ address: 0x100, bytes: code }], entry: 0x102, stack: 0x800 };
    ({ client } = withMachine(guest));
    await client.launch({});
    await client.stopped('entry');
    const found = await rows('0x100', 0, 3);
    assert.deepEqual(found.map(({ address }) => address), ['0x00000100', '0x00000101', '0x00000102']);
    assert.equal(found[1].presentationHint, 'invalid');
  });

  it('refuses requests that are too large', async () => {
    ({ client } = withMachine(randomGuest(32)));
    await client.launch({});
    await client.stopped('entry');
    assert.match(await client.refused('disassemble', { memoryReference: '0x0', instructionCount: 1e9 }), /instructionCount/);
  });
});
