/**
 * Golden transcripts: a conversation as text, without what differs from run to run, compared with a file beside the test.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import type { TranscriptEntry } from './client';

/** Events that come as often as time allows. */
const TIMED_EVENTS = new Set(['shadowbox.changed', 'progressUpdate']);
/** Fields that number messages or measure time. */
const DROPPED_FIELDS = new Set(['seq', 'request_seq', 'type', 'time']);

/**
 * One line a message: `→ command arguments`, `← command body`, `← event body`.
 * `replacements` maps texts (such as a temporary folder) to what stands for them.
 */
export function transcriptText(entries: readonly TranscriptEntry[], replacements: Readonly<Record<string, string>> = {}): string {
  const lines = entries.flatMap(({ direction, message }) => {
    const line = lineOf(message);
    return line === undefined ? [] : [`${direction === 'to adapter' ? '→' : '←'} ${line}`];
  });
  let text = `${lines.join('\n')}\n`;
  for (const [from, to] of Object.entries(replacements)) text = text.replaceAll(from, to);
  return text;
}

function lineOf(message: Dap.ProtocolMessage): string | undefined {
  const fields: Partial<Dap.Request & Dap.Response & Dap.Event> = message;
  if (message.type === 'event') {
    return TIMED_EVENTS.has(fields.event ?? '') ? undefined : `event ${fields.event} ${json(fields.body)}`;
  }
  if (message.type === 'request') return `${fields.command} ${json(fields.arguments)}`;
  return fields.success ? `${fields.command} ${json(fields.body)}` : `${fields.command} FAILED ${fields.message}`;
}

/** Fields in alphabetical order, so that only what is said counts. */
function json(value: unknown): string {
  return JSON.stringify(sorted(value)) ?? '';
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value)
    .filter(([key]) => !DROPPED_FIELDS.has(key))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => [key, sorted(item)]));
}

/**
 * Compares with a golden file. With UPDATE_GOLDEN=1 in the environment the file is written anew instead.
 * Error: the first line that differs, or no file.
 */
export function compareWithGolden(path: string, text: string): void {
  if (process.env.UPDATE_GOLDEN === '1') {
    writeFileSync(path, text);
    return;
  }
  if (!existsSync(path)) throw new Error(`${path} does not exist; run once with UPDATE_GOLDEN=1 and look at what it wrote`);
  const wanted = readFileSync(path, 'utf8').split('\n');
  const got = text.split('\n');
  const at = got.findIndex((line, index) => line !== wanted[index]);
  if (at < 0 && got.length === wanted.length) return;
  const line = at < 0 ? got.length : at;
  throw new Error(`${path}:${line + 1}: expected\n  ${wanted[line] ?? '(the end)'}\nbut got\n  ${got[line] ?? '(the end)'}`);
}
