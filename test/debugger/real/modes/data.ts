/** Data breakpoints in every mode: what was, what is and who did it; reads; conditions; and who wrote last, however long ago. */
import assert from 'node:assert/strict';
import { hex, type Place } from './place';

export function dataBreakpoints(there: () => Place): void {
  /** The word of the stack that is written next. */
  const slot = async (place: Place): Promise<bigint> => (await place.linear(place.mode.stackTop)) - BigInt(place.mode.word);
  const watch = async (place: Place, name: string, accessType: 'read' | 'write' | 'readWrite', more: { readonly condition?: string; readonly hitCondition?: string } = {}): Promise<number | undefined> => {
    const { dataId, accessTypes = [] } = await place.client.request('dataBreakpointInfo', { name, asAddress: true, bytes: place.mode.word });
    assert.ok(dataId);
    assert.ok(accessTypes.includes(accessType));
    const { breakpoints: [set] } = await place.client.request('setDataBreakpoints', { breakpoints: [{ dataId, accessType, ...more }] });
    assert.equal(set.verified, true, set.message);
    return set.id;
  };

  it('stops at the write to a word of the stack, and finds it again in the past', async () => {
    const place = there();
    const { client, mode } = place;
    const expression = hex(await slot(place));
    const id = await watch(place, expression, 'write');
    const stop = await place.go('data breakpoint');
    assert.deepEqual(stop.hitBreakpointIds, [id]);
    assert.match(stop.text ?? '', /: was .*(, is .*| and still is); written by /);
    const now = await place.hash();
    await client.request('setDataBreakpoints', { breakpoints: [] });
    await client.request('shadowbox.whoWrote', { expression, bytes: mode.word });
    assert.equal((await place.stop('data breakpoint')).text, stop.text, 'it stands behind the write already');
    assert.equal(await place.hash(), now);
    await place.step('next', stop.threadId);
    await client.request('shadowbox.whoWrote', { expression, bytes: mode.word });
    const again = await place.stop('data breakpoint');
    assert.equal(writer(again.text), writer(stop.text));
    assert.equal(await place.hash(), now);
  });

  it('says what was, what is, and the instruction that made the one the other', async () => {
    const place = there();
    const { mode } = place;
    const address = await slot(place);
    // Other address spaces have other memory there.
    const cr3 = (await place.value('$cr3')).split(' ')[0];
    await watch(place, mode.word === 2 ? hex(address) : `lin:${cr3}:${hex(address)}`, 'write');
    const word = mode.word * 8;
    const at = async (): Promise<bigint> => place.number(`u${word}[${hex(address)}]`);
    const old = await at();
    const stop = await place.go('data breakpoint');
    const [, was, is = was] = /: was (\w+)(?:.*?, is (\w+)| and still is)/.exec(stop.text ?? '') ?? [];
    assert.deepEqual([BigInt(was), BigInt(is)], [old, await at()], stop.text);
    assert.match(stop.text ?? '', new RegExp(`${hex(address)} \\(${mode.word} bytes\\): `));
    // It stands behind the instruction that wrote: one step back the old value is there again.
    await place.step('stepBack', stop.threadId);
    assert.equal(await at(), old);
    assert.equal(/\bCPU \d/.test(stop.text ?? ''), mode.title === 'four CPUs', stop.text);
  });

  it('heeds conditions and counts hits: the same moments as without them', async () => {
    const place = there();
    const { mode } = place;
    const expression = hex(await slot(place));
    /** Where it stops first. */
    const first = async (more: Parameters<typeof watch>[3]): Promise<number> => {
      await place.rewind();
      await watch(place, expression, 'write', more);
      await place.go('data breakpoint');
      return place.retired();
    };
    const moments = [await first({})];
    while (moments.length < 3) {
      await place.go('data breakpoint');
      moments.push(await place.retired());
    }
    const [one, two, three] = moments;
    for (const [wanted, more] of [
      [two, { hitCondition: '2' }], [three, { hitCondition: '== 3' }], [two, { hitCondition: '% 2' }], [one, { hitCondition: '<= 1' }], [one, { condition: mode.holds }], [one, { condition: 'write == 1' }],
      [two, { condition: `$retired >= ${two}` }], [three, { condition: mode.holds, hitCondition: '3' }], [three, { condition: `$retired > ${one}`, hitCondition: '2' }],
      // The adapter alone can evaluate these, at each write.
      [two, { condition: `$retired >= ${two} ? 1 : 0` }], [three, { condition: `$retired > ${one} ? 1 : 0`, hitCondition: '2' }],
    ] as const) assert.equal(await first(more), wanted, JSON.stringify(more));
    await place.rewind();
    await watch(place, expression, 'write', { condition: mode.never });
    assert.equal((await place.until(`${three - await place.retired()} instructions`)).description, 'instruction limit reached');
  });

  it('stops at the read of what was written, and by physical address as well', async () => {
    const place = there();
    const { client } = place;
    const address = await slot(place);
    await watch(place, hex(address), 'write');
    const physical = await place.physical(address);
    await place.go('data breakpoint');
    const moment = await place.retired();
    await watch(place, hex(address), 'read');
    const read = await place.go('data breakpoint');
    assert.match(read.text ?? '', /: is \w+.*; read by /);
    assert.ok(await place.retired() > moment);
    await place.rewind();
    await watch(place, `phys:${physical}`, 'write');
    assert.match((await place.go('data breakpoint')).text ?? '', new RegExp(`^phys:${physical} .*written by `));
    assert.equal(await place.retired(), moment, 'the same write');
    const none = await client.request('dataBreakpointInfo', { name: '$ebx' });
    assert.equal(none.dataId, null);
    assert.match(none.description, /register/i);
  });
}

const writer = (text = ''): string | undefined => /written by .*/.exec(text)?.[0];
