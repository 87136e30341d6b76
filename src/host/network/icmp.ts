/** ICMP messages (RFC 792): echo, and errors about packets that went nowhere. */
import { folded, sum16, write16 } from './bytes';

const ECHO_REPLY = 0;
const UNREACHABLE = 3;
const ECHO_REQUEST = 8;
const TIME_EXCEEDED = 11;
const HEADER = 8;

/** Codes of 'destination unreachable' (RFC 1812, 5.2.7.1). */
export const UNREACHABLE_CODE = { host: 1, port: 3, prohibited: 13 } as const;
export type UnreachableCode = typeof UNREACHABLE_CODE[keyof typeof UNREACHABLE_CODE];

function withChecksum(message: Uint8Array): Uint8Array {
  write16(message, 2, 0);
  write16(message, 2, folded(sum16(message, 0, message.length)));
  return message;
}

/** The reply to an echo request; undefined when the message is no right one. */
export function echoReply(message: Uint8Array): Uint8Array | undefined {
  if (message.length < HEADER || message[0] !== ECHO_REQUEST || message[1] !== 0 || folded(sum16(message, 0, message.length)) !== 0) return undefined;
  const reply = message.slice();
  reply[0] = ECHO_REPLY;
  return withChecksum(reply);
}

/** Whether an error may be reported about a packet with this ICMP message in it: not about errors (RFC 1122, 3.2.2). */
export function isIcmpQuery(message: Uint8Array): boolean {
  return message.length >= 1 && [ECHO_REPLY, ECHO_REQUEST, 13, 14].includes(message[0]);
}

/** @param quote header and first 8 bytes of the packet that this is about */
export function unreachable(code: UnreachableCode, quote: Uint8Array): Uint8Array {
  const message = new Uint8Array(HEADER + quote.length);
  message[0] = UNREACHABLE;
  message[1] = code;
  message.set(quote, HEADER);
  return withChecksum(message);
}

export function timeExceeded(quote: Uint8Array): Uint8Array {
  const message = unreachable(UNREACHABLE_CODE.host, quote);
  message[0] = TIME_EXCEEDED;
  message[1] = 0;
  return withChecksum(message);
}
