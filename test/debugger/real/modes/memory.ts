/** Memory and disassembly in every mode: exact rows, in both directions; reads of what is not there; writes that take effect. */
import assert from 'node:assert/strict';
import { hex, type Place } from './place';

export function memory(there: () => Place): void {
  it('has memory and disassembly that agree, with exactly as many rows as were asked for', async () => {
    const place = there();
    const { client } = place;
    const reference = (await place.here()).instructionPointerReference ?? '';
    const { instructions = [] } = await client.request('disassemble', { memoryReference: reference, instructionOffset: -200, instructionCount: 400 }) ?? {};
    assert.equal(instructions.length, 400);
    assert.equal(BigInt(instructions[200].address), BigInt(reference));
    assert.equal(new Set(instructions.map(({ address }) => BigInt(address))).size, 400);
    const bytes = (instructions[200].instructionBytes ?? '').split(' ').map((byte) => Number.parseInt(byte, 16));
    const { data = '' } = await client.request('readMemory', { memoryReference: reference, count: bytes.length }) ?? {};
    assert.deepEqual([...Buffer.from(data, 'base64')], bytes);
    assert.equal(await place.number('$eflags & 2'), 2n);
  });

  it('disassembles what is executed: the rows of a page are where the machine steps', async () => {
    const place = there();
    const { client } = place;
    const reference = (await place.here()).instructionPointerReference ?? '';
    const page = async (instructionOffset: number): Promise<readonly string[]> =>
      (await client.request('disassemble', { memoryReference: reference, instructionOffset, instructionCount: 20 })).instructions.map(({ address }) => hex(BigInt(address)));
    const rows = [...await page(-20), ...await page(0), ...await page(20)];
    assert.equal(new Set(rows).size, 60, 'pages follow each other without gap or overlap');
    for (let time = 0; time < 5; time++) {
      const address = hex(await place.address());
      if (time < 2) assert.ok(rows.includes(address), `${address} among the rows`);
      await place.step('stepIn');
    }
  });

  it('has rows where nothing can be read, and says of memory how much of it is absent', async () => {
    const place = there();
    const { client, mode } = place;
    const nowhere = mode.word === 8 ? '0xffffa00000000000' : '0x7ffff000';
    const { instructions } = await client.request('disassemble', { memoryReference: nowhere, instructionOffset: -3, instructionCount: 8 });
    assert.equal(instructions.length, 8);
    const { data = '', unreadableBytes } = await client.request('readMemory', { memoryReference: nowhere, count: 16 });
    assert.deepEqual([data, unreadableBytes], ['', 16]);
    assert.match(await client.refused('writeMemory', { memoryReference: nowhere, data: 'AA==' }), new RegExp(nowhere));
  });

  it('writes memory, physical memory with it, and tells nobody who only looks', async () => {
    const place = there();
    const { client, mode } = place;
    const top = await place.linear(mode.stackTop);
    const memoryReference = hex(top);
    const before = await place.hash();
    const { data = '' } = await client.request('readMemory', { memoryReference, count: 8 });
    assert.equal(await place.hash(), before, 'looking changes nothing');
    const { bytesWritten } = await client.request('writeMemory', { memoryReference, data: Buffer.from([1, 2, 3, 4]).toString('base64') }) ?? {};
    assert.ok(bytesWritten === undefined || bytesWritten === 4);
    assert.equal(await place.number(`u32[${memoryReference}]`), 0x0403_0201n);
    assert.equal(await place.number(`u32[phys:${await place.physical(top)}]`), 0x0403_0201n);
    const read = await client.request('readMemory', { memoryReference, offset: 2, count: 2 });
    assert.deepEqual([...Buffer.from(read.data ?? '', 'base64')], [3, 4]);
    await client.request('writeMemory', { memoryReference, data });
    assert.equal(await place.hash(), before);
  });
}
