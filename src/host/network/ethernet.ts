/** Ethernet frames and ARP (RFC 826): who has which address, and packets that wait until that is known. Of IPv6 only routers are asked for. */
import { read16, read32, write16, write32 } from './bytes';
import { LIMITED_BROADCAST, PLAN, isGuestAddress } from './plan';
import { ALL_NODES_MAC, routerAdvertisement } from './routerAdvertisement';

export const ETHERNET_HEADER = 14;
const TYPE_IPV4 = 0x0800;
const TYPE_ARP = 0x0806;
const TYPE_IPV6 = 0x86dd;
const ARP_BYTES = 28;
const ARP_REQUEST = 1;
const ARP_REPLY = 2;
const BROADCAST = new Uint8Array(6).fill(0xff);
/** Frames on the wire are at least so long without their checksum. */
const LEAST_FRAME = 60;

/** So many addresses are remembered: more than one is a guest with bridges or guests of its own. */
const MOST_NEIGHBOURS = 64;
/** Packets that wait for an answer to an ARP request. */
const MOST_WAITING = 32;

function isUnicast(mac: Uint8Array): boolean {
  return (mac[0] & 1) === 0;
}

/** The cable: takes frames apart and puts packets into frames. */
export class EthernetLink {
  private readonly neighbours = new Map<number, Uint8Array>();
  private readonly waiting: { readonly address: number; readonly packet: Uint8Array }[] = [];

  /**
   * @param emit a frame for the guest's card
   * @param packet an IPv4 packet from the guest, padding behind it included
   */
  constructor(private readonly emit: (frame: Uint8Array) => void, private readonly packet: (bytes: Uint8Array, mac: Uint8Array) => void) {}

  receive(frame: Uint8Array): void {
    if (frame.length < ETHERNET_HEADER) return;
    const type = read16(frame, 12);
    const source = frame.subarray(6, 12);
    if (!isUnicast(source)) return;
    if (type === TYPE_ARP) this.receiveArp(frame.subarray(ETHERNET_HEADER), source);
    else if (type === TYPE_IPV4) this.packet(frame.subarray(ETHERNET_HEADER), source);
    else if (type === TYPE_IPV6) this.receiveIpv6(frame.subarray(ETHERNET_HEADER));
  }

  /** An address was seen behind a card. */
  learn(address: number, mac: Uint8Array): void {
    if (!isGuestAddress(address)) return;
    const known = this.neighbours.get(address);
    if (known !== undefined && known.every((byte, at) => byte === mac[at])) return;
    if (known === undefined && this.neighbours.size >= MOST_NEIGHBOURS) {
      const [oldest] = this.neighbours.keys();
      this.neighbours.delete(oldest);
    }
    this.neighbours.set(address, mac.slice());
    const ready = this.waiting.filter((each) => each.address === address);
    if (ready.length === 0) return;
    this.waiting.splice(0, Infinity, ...this.waiting.filter((each) => each.address !== address));
    for (const { packet } of ready) this.frame(mac, TYPE_IPV4, packet);
  }

  /** Sends an IPv4 packet; one for an unknown address waits until its owner has answered. */
  send(address: number, packet: Uint8Array): void {
    if (address === LIMITED_BROADCAST || address === PLAN.broadcast) {
      this.frame(BROADCAST, TYPE_IPV4, packet);
      return;
    }
    const mac = this.neighbours.get(address);
    if (mac !== undefined) {
      this.frame(mac, TYPE_IPV4, packet);
      return;
    }
    if (this.waiting.length >= MOST_WAITING) this.waiting.shift();
    this.waiting.push({ address, packet });
    this.frame(BROADCAST, TYPE_ARP, this.arp(ARP_REQUEST, PLAN.gateway, new Uint8Array(6), address));
  }

  /** Sends an IPv4 packet to a card whose address need not be known. */
  sendTo(mac: Uint8Array, packet: Uint8Array): void {
    this.frame(mac, TYPE_IPV4, packet);
  }

  private receiveIpv6(packet: Uint8Array): void {
    const answer = routerAdvertisement(packet);
    if (answer !== undefined) this.frame(ALL_NODES_MAC, TYPE_IPV6, answer);
  }

  private receiveArp(arp: Uint8Array, source: Uint8Array): void {
    // Ethernet and IPv4 are all that there is here.
    if (arp.length < ARP_BYTES || read16(arp, 0) !== 1 || read16(arp, 2) !== TYPE_IPV4 || arp[4] !== 6 || arp[5] !== 4) return;
    const sender = read32(arp, 14);
    const target = read32(arp, 24);
    if (isUnicast(arp.subarray(8, 14))) this.learn(sender, arp.subarray(8, 14));
    if (read16(arp, 6) !== ARP_REQUEST || (target !== PLAN.gateway && target !== PLAN.nameServer)) return;
    this.frame(source, TYPE_ARP, this.arp(ARP_REPLY, target, arp.subarray(8, 14), sender));
  }

  private arp(operation: number, sender: number, targetMac: Uint8Array, target: number): Uint8Array {
    const arp = new Uint8Array(ARP_BYTES);
    write16(arp, 0, 1);
    write16(arp, 2, TYPE_IPV4);
    arp[4] = 6;
    arp[5] = 4;
    write16(arp, 6, operation);
    arp.set(sender === PLAN.nameServer ? PLAN.nameServerMac : PLAN.gatewayMac, 8);
    write32(arp, 14, sender);
    arp.set(targetMac, 18);
    write32(arp, 24, target);
    return arp;
  }

  private frame(destination: Uint8Array, type: number, payload: Uint8Array): void {
    const frame = new Uint8Array(Math.max(LEAST_FRAME, ETHERNET_HEADER + payload.length));
    frame.set(destination, 0);
    const source = type === TYPE_ARP ? read32(payload, 14) : type === TYPE_IPV4 ? read32(payload, 12) : PLAN.gateway;
    frame.set(source === PLAN.nameServer ? PLAN.nameServerMac : PLAN.gatewayMac, 6);
    write16(frame, 12, type);
    frame.set(payload, ETHERNET_HEADER);
    this.emit(frame);
  }
}
