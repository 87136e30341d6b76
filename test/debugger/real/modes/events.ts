/** Exceptions and events behind the filters, in every mode: those that come there, what is said of them, and that others stay away. */
import assert from 'node:assert/strict';
import type { Mode } from './guests';
import type { Place } from './place';

/** Virtual time behind the start in which nothing of the quiet kinds comes. */
const QUIET = '5 ms';

export function events(mode: Mode, there: () => Place): void {
  const filter = async (filterOptions: readonly { readonly filterId: string; readonly condition?: string }[]): Promise<void> => {
    const { breakpoints = [] } = await there().client.request('setExceptionBreakpoints', { filters: [], filterOptions: [...filterOptions] }) ?? {};
    assert.deepEqual(breakpoints, filterOptions.map(() => ({ verified: true })));
  };

  for (const { filterId, condition, description, text } of mode.events) {
    it(`stops at ${filterId}${condition === undefined ? '' : ` if ${condition}`}, and explains it; backwards as well`, async () => {
      const place = there();
      await filter([{ filterId, ...(condition === undefined ? {} : { condition }) }]);
      const stop = await place.go('exception');
      assert.match(stop.description ?? '', description);
      assert.match(stop.text ?? '', text);
      const { description: story = '' } = await place.client.request('exceptionInfo', { threadId: stop.threadId ?? 1 });
      assert.ok(story.startsWith(stop.text ?? 'nothing'), story);
      if (filterId === '#PF') {
        assert.match(story, /Error code 0x\w+: (no page is present|the page is present, but forbids it), a (read|write)[^.]*\./);
        assert.match(story, /The walk of 0x\w+:\n {2}level [24] (PDE|PML4E)\[\d+\]/);
      }
      if (filterId === 'touch') return;
      const [registers, retired, hash] = [await place.command('regs'), await place.retired(), await place.hash()];
      await place.until('500 instructions');
      while (await place.retired() > retired) await place.client.request('reverseContinue', { threadId: 1 }).then(() => place.client.event('stopped'));
      assert.deepEqual([await place.retired(), await place.command('regs'), await place.hash()], [retired, registers, hash], 'the same moment from the other side');
    });
  }

  it(`goes on where nothing comes: ${mode.quiet.join(', ')}`, async () => {
    const place = there();
    await filter(mode.quiet.map((filterId) => ({ filterId })));
    assert.equal((await place.until(QUIET)).description, 'virtual time reached');
  });

  it('says at which filter a condition is wrong, and of a stop that is none that there is nothing to explain', async () => {
    const { client } = there();
    const { breakpoints = [] } = await client.request('setExceptionBreakpoints', { filters: [], filterOptions: [{ filterId: 'irq', condition: 'vector ==' }] }) ?? {};
    assert.equal(breakpoints[0].verified, false);
    assert.ok(breakpoints[0].message);
    assert.match(await client.refused('exceptionInfo', { threadId: 1 }), /exception/);
  });
}
