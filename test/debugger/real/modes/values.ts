/** What can be looked at and set, in every mode: scopes, registers, expressions in each context, completions. */
import assert from 'node:assert/strict';
import { scopeOf, valueOf } from '../adapter';
import type { Place } from './place';

const SCOPES = ['General Registers', 'Segments', 'Control', 'Flags', 'Debug', 'x87', 'SSE', 'Model-Specific Registers'];

export function values(there: () => Place): void {
  it('has all scopes, in which the registers are those of the expressions', async () => {
    const place = there();
    const { client, mode } = place;
    const frame = await place.here();
    const { scopes } = await client.request('scopes', { frameId: frame.id });
    assert.deepEqual(SCOPES.filter((name) => !scopes.some((scope) => scope.name === name)), []);
    const general = await scopeOf(client, frame.id, 'General Registers');
    assert.equal(valueOf(general.variables, mode.pc).split(' ')[0].replace(/^0x0*/, ''), (await place.number(`$${mode.pc}`)).toString(16));
    const control = await scopeOf(client, frame.id, 'Control');
    const isPaged = (BigInt(valueOf(control.variables, 'cr0').split(' ')[0]) >> 31n) === 1n;
    assert.equal(isPaged, /paged|long|replay/.test(mode.title));
  });

  it('sets a register by setVariable and by setExpression, and refuses what it could not hold', async () => {
    const place = there();
    const { client, mode } = place;
    const before = await place.hash();
    const frame = await place.here();
    const wide = mode.word === 8 ? 'rbx' : 'ebx';
    const value = await place.number(`$${wide}`);
    const general = await scopeOf(client, frame.id, 'General Registers');
    const set = await client.request('setVariable', { variablesReference: general.reference, name: wide, value: '0xabcd' });
    assert.match(set.value, /^0x0*abcd\b/);
    assert.equal(await place.number(`$${wide}`), 0xabcdn);
    assert.equal(await place.number('$bl'), 0xcdn);
    await client.request('setExpression', { expression: `$${wide}`, value: String(value), frameId: frame.id });
    assert.equal(await place.hash(), before);
    const refused = await client.refused('setExpression', { expression: `$${wide}`, value: '0x1ffffffffffffffff', frameId: frame.id });
    assert.match(refused, new RegExp(`${wide}|bits|0x1f`, 'i'));
    assert.equal(await place.hash(), before);
  });

  it('evaluates in every context, with formats, and says what it does not know', async () => {
    const place = there();
    const { client, mode } = place;
    const { id: frameId } = await place.here();
    const evaluate = async (expression: string, context: string): Promise<string> => (await client.request('evaluate', { expression, frameId, context })).result;
    for (const context of ['watch', 'hover', 'repl', 'clipboard', 'variables']) {
      assert.match(await evaluate(`$${mode.pc} + 0`, context), /\d/, context);
      assert.match(await evaluate('2 * 21', context), /^42\b/, context);
    }
    assert.equal(await evaluate('42,x', 'watch'), '0x2a');
    assert.equal(await evaluate('0.5 + 1', 'watch'), '1.5');
    assert.match(await evaluate(`$${mode.pc},x`, 'watch'), /^0x[0-9a-f]+$/);
    const { memoryReference } = await client.request('evaluate', { expression: `&${mode.called}`, frameId, context: 'watch' });
    assert.equal(BigInt(memoryReference ?? 'none'), await place.linear(mode.called));
    assert.match(await client.refused('evaluate', { expression: 'no_such_name', frameId, context: 'watch' }), /no_such_name/);
  });

  it('completes registers, their parts, and variables of the program', async () => {
    const place = there();
    const { client, mode } = place;
    const { id: frameId } = await place.here();
    const labels = async (text: string): Promise<string[]> => (await client.request('completions', { text, column: text.length + 1, frameId })).targets.map(({ label }) => label);
    assert.deepEqual((await labels('$cr')).sort(), ['cr0', 'cr2', 'cr3', 'cr4', ...(await labels('$cr8'))]);
    assert.deepEqual(await labels(`${mode.word === 8 ? 'rflags' : 'eflags'}.z`), ['ZF']);
    if (mode.variable !== undefined) assert.deepEqual(await labels(mode.variable.slice(0, -2)), [mode.variable]);
    assert.ok((await labels('$r1')).includes('r10') === (mode.word === 8));
  });
}
