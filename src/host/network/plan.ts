/** The addresses of the network behind a card, which are those of QEMU's user network, and what the person may choose about it. */

/** An IPv4 address as a number from its text, NaN if it is none. */
export function ipv4(text: string): number {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return Number.NaN;
  return parts.reduce((address, part) => address * 256 + Number(part), 0);
}

export function ipv4Text(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

export const PLAN = {
  network: ipv4('10.0.2.0'),
  mask: ipv4('255.255.255.0'),
  /** Gateway, DHCP and TFTP server; for TCP and UDP the host's own loopback interface. */
  gateway: ipv4('10.0.2.2'),
  nameServer: ipv4('10.0.2.3'),
  /** The first address that DHCP hands out. */
  guest: ipv4('10.0.2.15'),
  /** So many addresses are handed out. */
  guests: 16,
  broadcast: ipv4('10.0.2.255'),
  gatewayMac: Uint8Array.of(0x52, 0x55, 0x0a, 0x00, 0x02, 0x02),
  nameServerMac: Uint8Array.of(0x52, 0x55, 0x0a, 0x00, 0x02, 0x03),
} as const;

export const LIMITED_BROADCAST = 0xffff_ffff;
/** Bytes of an IP packet in a frame. */
export const MTU = 1500;

export function isOnNetwork(address: number): boolean {
  return ((address & PLAN.mask) >>> 0) === PLAN.network;
}

/** Addresses that may be those of guests: on the network, neither ours nor the network's own. */
export function isGuestAddress(address: number): boolean {
  return isOnNetwork(address) && ![PLAN.network, PLAN.broadcast, PLAN.gateway, PLAN.nameServer].includes(address);
}

/** Whether a packet for this address may be sent on to the host's network: one host, not this one, not this network, no multicast. */
export function isOutside(address: number): boolean {
  const first = address >>> 24;
  return first !== 0 && first !== 127 && first < 224 && !isOnNetwork(address);
}

export interface StackOptions {
  /** The guest reaches only DHCP, TFTP, echo and what is forwarded to it. */
  readonly restrict: boolean;
  /** What DHCP tells the guest its name is. */
  readonly hostname?: string;
  readonly domain?: string;
  /** The file that PXE boots, for DHCP. */
  readonly bootFile?: string;
}
