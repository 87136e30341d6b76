/** DNS messages (RFC 1035), as far as the stack has to say something itself: that a question is refused, or has failed, or an address. */
import { read16, write16, write32 } from './bytes';

export const DNS_PORT = 53;
export const DNS_CODE = { serverFailure: 2, noSuchName: 3, refused: 5 } as const;
export const DNS_TYPE = { a: 1, aaaa: 28 } as const;
const HEADER = 12;
const RESPONSE = 0x8000;
const RECURSION_AVAILABLE = 0x80;
const TTL_SECONDS = 60;

export interface Question {
  readonly name: string;
  readonly type: number;
  /** Where the question ends in the message. */
  readonly end: number;
}

/** Whether a message may be a question to a server. */
export function isQuery(message: Uint8Array): boolean {
  return message.length > HEADER && (read16(message, 2) & RESPONSE) === 0;
}

/** The one question in a message; undefined when there is none, or more. */
export function questionOf(message: Uint8Array): Question | undefined {
  if (message.length < HEADER || read16(message, 4) !== 1) return undefined;
  const labels: string[] = [];
  let at = HEADER;
  while (at < message.length && message[at] !== 0) {
    const length = message[at];
    if (length > 63 || at + 1 + length >= message.length) return undefined;
    labels.push(String.fromCharCode(...message.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
  if (at + 5 > message.length) return undefined;
  return { name: labels.join('.'), type: read16(message, at + 1), end: at + 5 };
}

function answerHead(query: Uint8Array, end: number, code: number, answers: number): Uint8Array {
  const head = query.slice(0, end);
  head[2] = (head[2] & 0x79) | 0x80;
  head[3] = RECURSION_AVAILABLE | code;
  write16(head, 6, answers);
  write16(head, 8, 0);
  write16(head, 10, 0);
  return head;
}

/** An answer with nothing but a code; undefined when the query is none. */
export function failure(query: Uint8Array, code: number): Uint8Array | undefined {
  const question = questionOf(query);
  return question === undefined ? undefined : answerHead(query, question.end, code, 0);
}

/** An answer with these addresses, each as its bytes: 4 for A, 16 for AAAA. */
export function addressAnswer(query: Uint8Array, { type, end }: Question, addresses: readonly Uint8Array[]): Uint8Array {
  const head = answerHead(query, end, 0, addresses.length);
  const records = addresses.map((address) => {
    const record = new Uint8Array(12 + address.length);
    // The name is the one of the question.
    write16(record, 0, 0xc000 | HEADER);
    write16(record, 2, type);
    write16(record, 4, 1);
    write32(record, 6, TTL_SECONDS);
    write16(record, 10, address.length);
    record.set(address, 12);
    return record;
  });
  const bytes = new Uint8Array(head.length + records.reduce((sum, { length }) => sum + length, 0));
  bytes.set(head);
  let at = head.length;
  for (const record of records) {
    bytes.set(record, at);
    at += record.length;
  }
  return bytes;
}
