/** Conversations about what a debugger of one program does not have, word for word: data breakpoints, events, the past, several CPUs. */
import { fileURLToPath } from 'node:url';
import { assembleGuest } from '../../guests/multiprocessor/image';
import type { DapClient } from '../client';
import { compareWithGolden, transcriptText } from '../golden';
import { breakAt, goOn, launchStopped, PAGING_LAB, SAMPLES, startAdapter, USER } from './adapter';

/** The beginning of every conversation, which golden/paging-lab.txt has. */
const OPENING = new Set(['initialize', 'launch', 'initialized', 'configurationDone', 'process', 'progressStart', 'progressEnd', 'disconnect']);

/** What the guest prints comes in batches as time allows. The debug console has the texts of stops between it, which `stopped` has as well. */
function isTimed(message: object): boolean {
  return 'event' in message && (message.event === 'shadowbox.serial' || (message.event === 'output' && JSON.stringify(message).includes('"category":"console"')));
}

describe('conversations word for word', function () {
  this.timeout(60_000);
  this.slow(5000);

  async function compare(name: string, talk: (client: DapClient) => Promise<void>, replacements: Readonly<Record<string, string>> = {}): Promise<void> {
    const client = startAdapter();
    try {
      await talk(client);
    } finally {
      await client.close();
    }
    const entries = client.transcript.filter(({ message }) => {
      const of = 'event' in message ? String(message.event) : 'command' in message ? String(message.command) : '';
      return !OPENING.has(of) && !isTimed(message);
    });
    compareWithGolden(fileURLToPath(new URL(`golden/${name}.txt`, import.meta.url)), transcriptText(entries, { [SAMPLES]: 'SAMPLES', ...replacements }));
  }

  const LAB = { ...PAGING_LAB, serial: 'none' };

  it('a data breakpoint, and who wrote', () => compare('data-breakpoint', async (client) => {
    await launchStopped(client, LAB);
    await breakAt(client, USER, ['ping-round']);
    const { id: frameId } = await goOn(client);
    const { dataId } = await client.request('dataBreakpointInfo', { name: 'notebook->round', frameId });
    await client.request('setDataBreakpoints', { breakpoints: [{ dataId: dataId ?? '', accessType: 'write', condition: 'before != after' }] });
    await client.request('continue', { threadId: 1 });
    await client.stopped('data breakpoint');
    await client.request('setDataBreakpoints', { breakpoints: [] });
    await client.request('shadowbox.whoWrote', { expression: 'kernel_space.name' });
    await client.stopped('data breakpoint');
  }));

  it('exception filters and events', () => compare('events', async (client) => {
    await launchStopped(client, LAB);
    for (const [filterId, condition] of [['#PF', 'user'], ['int', 'vector == 0x80'], ['cr3', 'to != from'], ['irq', 'vector == 0x20'], ['touch', 'write 0xb8000']]) {
      await client.request('setExceptionBreakpoints', { filters: [], filterOptions: [{ filterId, condition }] });
      await client.request('continue', { threadId: 1 });
      await client.stopped('exception');
      await client.request('exceptionInfo', { threadId: 1 });
    }
    await client.request('setExceptionBreakpoints', { filters: [], filterOptions: [{ filterId: 'irq', condition: 'vector ==' }] });
  }));

  it('time travel with a fork', () => compare('time-travel', async (client) => {
    const say = (expression: string) => client.request('evaluate', { expression, context: 'repl' });
    await launchStopped(client, LAB);
    await breakAt(client, USER, ['ping-round']);
    await goOn(client);
    const frame = await goOn(client);
    await client.request('evaluate', { expression: 'round', frameId: frame.id, context: 'watch' });
    await client.request('reverseContinue', { threadId: 1 });
    await client.stopped('breakpoint');
    await client.request('evaluate', { expression: 'round', context: 'watch' });
    await say('bookmark first round');
    await say('round = 100');
    await client.event('output', ({ output }) => output.startsWith('The past was changed'));
    await say('bookmarks');
    await say('fork 1');
    await client.stopped('step');
    await client.request('evaluate', { expression: 'round', context: 'watch' });
    await say('goto first round');
    await client.stopped('step');
    await client.request('evaluate', { expression: 'round', context: 'watch' });
  }));

  it('four CPUs as threads', async function () {
    const image = assembleGuest(this);
    try {
      await compare('four-cpus', async (client) => {
        await launchStopped(client, { multiboot: image.file, memory: '8M', cpus: 4, quantum: 1000, symbols: [image.symbols], serial: 'none' });
        await client.request('setFunctionBreakpoints', { breakpoints: [{ name: 'plain_increment', condition: '$cpu == 2' }] });
        await client.request('continue', { threadId: 1 });
        const { threadId = 1 } = await client.event('stopped');
        const { threads } = await client.request('threads');
        for (const { id } of threads) await client.request('stackTrace', { threadId: id, levels: 1 });
        await client.request('next', { threadId, granularity: 'instruction', singleThread: true });
        await client.event('stopped');
        await client.request('stackTrace', { threadId, levels: 1 });
        await client.request('stepBack', { threadId, granularity: 'instruction' });
        await client.event('stopped');
        await client.request('stackTrace', { threadId, levels: 1 });
      }, { [image.symbols]: 'PROCESSORS' });
    } finally {
      image.dispose();
    }
  });
});
