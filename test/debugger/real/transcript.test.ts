/** A short conversation about paging-lab, word for word: whatever changes in it is to be seen in review. */
import { fileURLToPath } from 'node:url';
import { compareWithGolden, transcriptText } from '../golden';
import { frames, goOn, launchStopped, PAGING_LAB, SAMPLES, scopeOf, startAdapter, step } from './adapter';

describe('the conversation over the wire', function () {
  this.timeout(60_000);
  this.slow(5000);

  it('has the words that it always had', async () => {
    const client = startAdapter();
    const entry = await launchStopped(client, { ...PAGING_LAB, serial: 'none' }, { 'paging-lab/paging.c': ['demand-map'] });
    await scopeOf(client, entry.id, 'General Registers');
    const frame = await goOn(client);
    await frames(client);
    await scopeOf(client, frame.id, 'Locals');
    await scopeOf(client, frame.id, 'Flags');
    await step(client, 'next');
    await client.close();
    // What the guest prints comes in batches as time allows.
    const entries = client.transcript.filter(({ message }) => !('event' in message && ['shadowbox.serial', 'output'].includes(String(message.event))));
    compareWithGolden(fileURLToPath(new URL('golden/paging-lab.txt', import.meta.url)), transcriptText(entries, { [SAMPLES]: 'SAMPLES' }));
  });
});
