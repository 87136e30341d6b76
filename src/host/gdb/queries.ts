/** General query and set packets (q and Q). Source: Debugging with GDB, E.4 (General query packets). */
import { memoryMap, targetDescription, threadList } from './description';
import { checkRange, search } from './memory';
import { hexOfSentence, malformed, smallNumber, textOfHex } from './numbers';
import { PACKET_BYTES, escaped } from './packets';
import { storyOfCpu, type Target } from './target';

/** What a query may ask or change of the connection that it comes over. */
export interface QueryContext {
  readonly target: Target;
  /** No more `+` and `-` from now on, behind the answer. */
  endAcknowledgements(): void;
  /** Prints on GDB's console. */
  print(text: string): void;
  monitor(line: string): Promise<string>;
}

type Query = (context: QueryContext, argument: string) => string | Promise<string>;

/** What we can do, of what GDB asks about. */
function supported({ target }: QueryContext): string {
  const always = [
    `PacketSize=${PACKET_BYTES.toString(16)}`, 'QStartNoAckMode+', 'qXfer:features:read+', 'qXfer:memory-map:read+', 'qXfer:threads:read+',
    'swbreak+', 'hwbreak+', 'vContSupported+', 'QThreadEvents+', 'QPassSignals+', 'binary-upload+', 'error-message+',
  ];
  return [...always, ...(target.hasTimeline ? ['ReverseStep+', 'ReverseContinue+'] : [])].join(';');
}

async function threadStories(target: Target): Promise<string> {
  const threads = await Promise.all(target.threads.map(async (id) => ({ id, story: storyOfCpu(await target.state(id)) })));
  return threadList(threads);
}

/** The documents that can be read piece by piece, by object and annex. */
const DOCUMENTS: ReadonlyMap<string, (target: Target) => string | Promise<string>> = new Map<string, (target: Target) => string | Promise<string>>([
  ['features:read:target.xml', ({ layout }) => targetDescription(layout)],
  ['memory-map:read:', ({ layout }) => memoryMap(layout.architecture)],
  ['threads:read:', threadStories],
]);

/** `qXfer:object:read:annex:offset,length`. */
async function transfer({ target }: QueryContext, argument: string): Promise<string> {
  const [, name = '', from, length] = /^(.*):([^:,]*),([^:,]*)$/.exec(argument) ?? [];
  const document = DOCUMENTS.get(name);
  if (!document) return 'E00';
  const text = await document(target);
  const start = smallNumber(from);
  if (start > text.length) throw malformed('it asks for what lies behind the end');
  // Escapes may double what is sent, and a character precedes it.
  const end = start + Math.min(smallNumber(length), PACKET_BYTES / 2 - 1);
  return `${end < text.length ? 'm' : 'l'}${escaped(text.slice(start, end))}`;
}

async function threadStory({ target }: QueryContext, argument: string): Promise<string> {
  const thread = smallNumber(argument);
  if (!target.has(thread)) return 'E01';
  return hexOfSentence(`CPU ${thread - 1}: ${storyOfCpu(await target.state(thread))}`);
}

async function command(context: QueryContext, argument: string): Promise<string> {
  const line = new TextDecoder().decode(Uint8Array.from(textOfHex(argument), (character) => character.charCodeAt(0)));
  const text = await context.monitor(line);
  if (text !== '') context.print(`${text}\n`);
  return 'OK';
}

function physicalMode({ target }: QueryContext, argument: string): string {
  target.physical = argument === '1';
  return 'OK';
}

/** By the packet's beginning; the longest one counts. */
const QUERIES: readonly (readonly [string, Query])[] = ([
  ['qSupported', supported],
  ['QStartNoAckMode', ({ endAcknowledgements }) => {
    endAcknowledgements();
    return 'OK';
  }],
  ['qXfer:', transfer],
  ['qC', async ({ target }) => `QC${(await target.current()).toString(16)}`],
  ['qCRC:', ({ target }, argument) => checkRange(target, argument)],
  ['qfThreadInfo', ({ target }) => `m${target.threads.map((thread) => thread.toString(16)).join(',')}`],
  ['qsThreadInfo', () => 'l'],
  ['qThreadExtraInfo,', threadStory],
  // It ran before GDB came: GDB's `quit` is to leave it as it is.
  ['qAttached', () => '1'],
  ['qOffsets', () => ''],
  ['qSymbol:', () => 'OK'],
  ['qRcmd,', command],
  ['qSearch:memory:', ({ target }, argument) => search(target, argument)],
  ['QPassSignals:', () => 'OK'],
  ['QThreadEvents:', () => 'OK'],
  ['QNonStop:', (_, argument) => (argument === '0' ? 'OK' : 'E.All CPUs stop together: there is no non-stop mode.')],
  // QEMU's words for the same.
  ['qqemu.PhyMemMode', ({ target }) => (target.physical ? '1' : '0')],
  ['Qqemu.PhyMemMode:', physicalMode],
] satisfies readonly (readonly [string, Query])[]).sort(([a], [b]) => b.length - a.length);

/** The answer to a q or Q packet; empty when we do not know it. */
export async function answerQuery(body: string, context: QueryContext): Promise<string> {
  const query = QUERIES.find(([name]) => isCalled(body, name));
  return query ? query[1](context, body.slice(query[0].length)) : '';
}

/** A name without a separator at its end is followed by one, or by nothing: `qC` is not the beginning of others. */
function isCalled(body: string, name: string): boolean {
  return body.startsWith(name) && (/[:,]$/.test(name) || /^(?:[:,;]|$)/.test(body.slice(name.length)));
}
