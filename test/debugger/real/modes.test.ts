/**
 * One suite over every way in which code runs: 16-bit real mode, 32-bit paged, 64-bit, four CPUs, and a recording that is opened. What a
 * debugger promises holds in all of them, and where something cannot be in one, the person is told. The suite of a mode has one machine,
 * and each test begins at the same moment of its time line.
 */
import type { DapClient } from '../client';
import { figures, sleep, timedPause, useAdapter } from './adapter';
import { breakpoints } from './modes/breakpoints';
import { dataBreakpoints } from './modes/data';
import { events } from './modes/events';
import { begin, MODES } from './modes/guests';
import { memory } from './modes/memory';
import { Place } from './modes/place';
import { stepping } from './modes/stepping';
import { timeTravel } from './modes/time';
import { untils } from './modes/until';
import { values } from './modes/values';

for (const mode of MODES) {
  describe(`the debugger in ${mode.title}`, function () {
    let client: DapClient;
    let place: Place;
    let configuration: object;
    before(async function () { configuration = await mode.configuration(this); });
    useAdapter(this, 'suite', (started) => { client = started; });
    before(async () => {
      await begin(mode, client, configuration);
      place = new Place(mode, client);
      await place.mark();
    });
    beforeEach(() => place.rewind());
    after(() => mode.dispose?.());

    const there = (): Place => place;
    stepping(there);
    breakpoints(there);
    dataBreakpoints(there);
    events(mode, there);
    untils(mode, there);
    timeTravel(there);
    values(there);
    memory(there);

    it('is quick: figures', async () => {
      const { name } = await place.here();
      const steps: number[] = [];
      for (let count = 0; count < 20; count++) {
        const began = performance.now();
        await client.request('stepIn', { threadId: 1, granularity: 'instruction' });
        await client.event('stopped');
        steps.push(performance.now() - began);
      }
      const pauses: number[] = [];
      for (let count = 0; count < 4; count++) {
        await client.request('continue', { threadId: 1 });
        await sleep(20);
        pauses.push(await timedPause(client));
      }
      console.log(`      ${mode.title}: a step from ${name} took ${figures(steps)}; a pause ${figures(pauses)}`);
    });
  });
}
