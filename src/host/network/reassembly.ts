/** Puts IPv4 datagrams together from their fragments (RFC 791, 3.2), in bounded memory. */
import type { Packet } from './ipv4';
import type { Timers } from './timers';

/** Datagrams under way at once; the oldest is forgotten for a new one. */
const MOST_DATAGRAMS = 16;
/** The longest payload that an IPv4 datagram can have, bytes. */
const LONGEST = 65_535 - 20;
/** More pieces than the longest datagram has on any link. */
const MOST_PIECES = 256;
const PATIENCE_MS = 30_000;

interface Partial {
  readonly since: number;
  readonly pieces: { readonly offset: number; readonly bytes: Uint8Array }[];
  /** Length of the whole, once the last fragment is there. */
  total: number | undefined;
  quote: Uint8Array | undefined;
}

export class Reassembly {
  private readonly partials = new Map<string, Partial>();

  constructor(private readonly timers: Timers) {}

  /** Datagrams that wait for more. */
  get waiting(): number {
    return this.partials.size;
  }

  /** Takes a packet; gives the datagram that is whole now, if one is. Overlapping fragments (an attack, RFC 5722) spoil theirs. */
  take(packet: Packet): Packet | undefined {
    if (packet.offset === 0 && !packet.moreFragments) return packet;
    const { payload, offset } = packet;
    const key = `${packet.source} ${packet.destination} ${packet.protocol} ${packet.identification}`;
    if (payload.length === 0 || offset + payload.length > LONGEST || (packet.moreFragments && payload.length % 8 !== 0)) return undefined;
    const partial = this.partialOf(key);
    const end = offset + payload.length;
    if (partial.pieces.some((piece) => piece.offset === offset && piece.bytes.length === payload.length)) return undefined;
    const overlaps = partial.pieces.some((piece) => piece.offset < end && offset < piece.offset + piece.bytes.length);
    const contradicts = partial.total !== undefined && (!packet.moreFragments || end > partial.total);
    if (overlaps || contradicts || partial.pieces.length >= MOST_PIECES) {
      this.partials.delete(key);
      return undefined;
    }
    partial.pieces.push({ offset, bytes: payload.slice() });
    if (!packet.moreFragments) partial.total = end;
    if (offset === 0) partial.quote = packet.quote.slice();
    return this.whole(key, partial, packet);
  }

  private partialOf(key: string): Partial {
    const now = this.timers.now();
    for (const [old, { since }] of this.partials) {
      if (now - since < PATIENCE_MS && (this.partials.size < MOST_DATAGRAMS || this.partials.has(key))) break;
      this.partials.delete(old);
    }
    const known = this.partials.get(key);
    if (known !== undefined) return known;
    const partial: Partial = { since: now, pieces: [], total: undefined, quote: undefined };
    this.partials.set(key, partial);
    return partial;
  }

  private whole(key: string, { pieces, total, quote }: Partial, packet: Packet): Packet | undefined {
    const have = pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
    if (total === undefined || quote === undefined || have !== total) return undefined;
    this.partials.delete(key);
    const payload = new Uint8Array(total);
    for (const { offset, bytes } of pieces) payload.set(bytes, offset);
    return { ...packet, payload, quote, offset: 0, moreFragments: false };
  }
}
