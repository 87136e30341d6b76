/** DHCP and BOOTP (RFC 2131, 2132, 951): gives each card its address, and says what it may boot. */
import { asciiBytes, read16, read32, write16, write32 } from './bytes';
import { MTU, PLAN } from './plan';
import type { StackOptions } from './plan';

export const DHCP_SERVER_PORT = 67;
export const DHCP_CLIENT_PORT = 68;

const REQUEST = 1;
const REPLY = 2;
const OPTIONS_AT = 240;
const COOKIE = 0x6382_5363;
/** BOOTP's packets are at least so long (RFC 1542, 2.1). */
const LEAST_BYTES = 300;
const LEASE_SECONDS = 86_400;
const BROADCAST_FLAG = 0x8000;

const OPTION = {
  mask: 1, router: 3, nameServer: 6, hostname: 12, domain: 15, mtu: 26, broadcast: 28, requestedAddress: 50, leaseTime: 51, messageType: 53,
  serverIdentifier: 54, renewal: 58, rebinding: 59, tftpServer: 66, bootFile: 67, ipxe: 175, end: 255,
} as const;

/** iPXE's own option, with which its requests come and in which this one may be: there is no ProxyDHCP server to wait for. */
const IPXE_NO_PROXY = [0xb0, 1, 1];

const TYPE = { discover: 1, offer: 2, request: 3, decline: 4, ack: 5, nak: 6, inform: 8 } as const;

export interface DhcpReply {
  readonly bytes: Uint8Array;
  /** Where the reply goes to; undefined: to all. */
  readonly destination: number | undefined;
  readonly mac: Uint8Array;
}

function optionsOf(message: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  if (message.length < OPTIONS_AT || read32(message, OPTIONS_AT - 4) !== COOKIE) return found;
  for (let at = OPTIONS_AT; at < message.length && message[at] !== OPTION.end;) {
    if (message[at] === 0) {
      at += 1;
      continue;
    }
    const length = message[at + 1] ?? 0;
    if (at + 2 + length > message.length) break;
    found.set(message[at], message.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return found;
}

function addressBytes(...addresses: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * addresses.length);
  addresses.forEach((address, at) => write32(bytes, 4 * at, address));
  return bytes;
}

export class DhcpServer {
  /** Addresses by card, longest unused first. */
  private readonly leases = new Map<string, number>();

  constructor(private readonly options: StackOptions) {}

  /** Answers a message; undefined: there is nothing to say. */
  answer(message: Uint8Array): DhcpReply | undefined {
    if (message.length < OPTIONS_AT - 4 || message[0] !== REQUEST || message[1] !== 1 || message[2] !== 6) return undefined;
    const options = optionsOf(message);
    const mac = message.subarray(28, 34);
    const type = options.get(OPTION.messageType)?.[0];
    switch (type) {
      case undefined: return this.reply(message, undefined, this.lease(mac));
      case TYPE.discover: return this.reply(message, TYPE.offer, this.lease(mac));
      case TYPE.request: return this.request(message, options, mac);
      case TYPE.inform: return this.reply(message, TYPE.ack, 0);
      case TYPE.decline:
        this.leases.delete(mac.join());
        return undefined;
      default: return undefined;
    }
  }

  private request(message: Uint8Array, options: ReadonlyMap<number, Uint8Array>, mac: Uint8Array): DhcpReply | undefined {
    const server = options.get(OPTION.serverIdentifier);
    if (server?.length === 4 && read32(server, 0) !== PLAN.gateway) return undefined;
    const asked = options.get(OPTION.requestedAddress);
    const wanted = asked?.length === 4 ? read32(asked, 0) : read32(message, 12);
    const isOurs = wanted >= PLAN.guest && wanted < PLAN.guest + PLAN.guests;
    const isTaken = [...this.leases].some(([card, address]) => address === wanted && card !== mac.join());
    if (!isOurs || isTaken) return this.reply(message, TYPE.nak, 0);
    this.leases.set(mac.join(), wanted);
    return this.reply(message, TYPE.ack, wanted);
  }

  /** The address that a card has, or a free one for it; with none left, the one that was given out first. */
  private lease(mac: Uint8Array): number {
    const card = mac.join();
    const known = this.leases.get(card);
    if (known !== undefined) return known;
    const taken = new Set(this.leases.values());
    let address: number = PLAN.guest;
    while (taken.has(address) && address < PLAN.guest + PLAN.guests) address += 1;
    if (address === PLAN.guest + PLAN.guests) {
      const [[oldest, its]] = this.leases;
      this.leases.delete(oldest);
      address = its;
    }
    this.leases.set(card, address);
    return address;
  }

  /** @param type undefined: BOOTP */
  private reply(message: Uint8Array, type: number | undefined, address: number): DhcpReply {
    const { bootFile } = this.options;
    const isNak = type === TYPE.nak;
    const head = new Uint8Array(OPTIONS_AT);
    head.set(message.subarray(0, 44));
    head[0] = REPLY;
    head[3] = 0;
    write16(head, 8, 0);
    if (isNak) write32(head, 12, 0);
    write32(head, 16, address);
    // The next server (siaddr) is who answers, with a file's name or without one, as with routers' dnsmasq and QEMU: U-Boot asks it for names of its own.
    write32(head, 20, isNak ? 0 : PLAN.gateway);
    if (bootFile !== undefined && !isNak) head.set(asciiBytes(bootFile).subarray(0, 127), 108);
    write32(head, OPTIONS_AT - 4, COOKIE);
    const options = this.replyOptions(type, address !== 0, optionsOf(message).has(OPTION.ipxe));
    const bytes = new Uint8Array(Math.max(LEAST_BYTES, OPTIONS_AT + options.length));
    bytes.set(head);
    bytes.set(options, OPTIONS_AT);
    const client = read32(message, 12);
    // RFC 2131, 4.1: to the address that the client has already, to the one that it gets, or to all if it has asked for that.
    const isBroadcast = isNak || (client === 0 && (read16(message, 10) & BROADCAST_FLAG) !== 0);
    return { bytes, destination: isBroadcast ? undefined : client || address, mac: message.slice(28, 34) };
  }

  private replyOptions(type: number | undefined, hasLease: boolean, isIpxe: boolean): Uint8Array {
    const { hostname, domain, bootFile } = this.options;
    const bytes: number[] = [];
    const put = (option: number, value: ArrayLike<number>): void => void bytes.push(option, value.length, ...Array.from(value));
    if (type !== undefined) {
      put(OPTION.messageType, [type]);
      put(OPTION.serverIdentifier, addressBytes(PLAN.gateway));
    }
    if (type !== TYPE.nak) {
      if (type !== undefined && hasLease) {
        put(OPTION.leaseTime, addressBytes(LEASE_SECONDS));
        put(OPTION.renewal, addressBytes(LEASE_SECONDS / 2));
        put(OPTION.rebinding, addressBytes((LEASE_SECONDS * 7) / 8));
      }
      put(OPTION.mask, addressBytes(PLAN.mask));
      put(OPTION.broadcast, addressBytes(PLAN.broadcast));
      put(OPTION.router, addressBytes(PLAN.gateway));
      put(OPTION.nameServer, addressBytes(PLAN.nameServer));
      put(OPTION.mtu, [MTU >> 8, MTU & 0xff]);
      if (hostname !== undefined) put(OPTION.hostname, asciiBytes(hostname));
      if (domain !== undefined) put(OPTION.domain, asciiBytes(domain));
      if (bootFile !== undefined) {
        put(OPTION.tftpServer, asciiBytes('10.0.2.2'));
        put(OPTION.bootFile, asciiBytes(bootFile));
      }
      if (isIpxe) put(OPTION.ipxe, IPXE_NO_PROXY);
    }
    bytes.push(OPTION.end);
    return Uint8Array.from(bytes);
  }
}
