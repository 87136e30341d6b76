/**
 * Which frames a virtio network card takes in, as its driver says by the control queue.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.2, 5.1.6.5.1 (receive filtering), 5.1.6.5.2 (MAC address filtering).
 */

export const MAC_BYTES = 6;
/** Commands of class VIRTIO_NET_CTRL_RX, in their order. */
const MODES = ['promiscuous', 'allMulticast', 'allUnicast', 'noMulticast', 'noUnicast', 'noBroadcast'] as const;
/** Addresses of a table at most; with more of them all are taken in, which a driver has to allow for anyway. */
const MOST_ADDRESSES = 64;
/** Bytes of a command's data that are looked at: more than two full tables. */
export const TABLE_BYTES = 2 * (4 + MAC_BYTES * MOST_ADDRESSES);
const BROADCAST = 'ff:ff:ff:ff:ff:ff';

type Mode = (typeof MODES)[number];

/** Plain data. Addresses are text: '52:54:00:12:34:56'. */
export interface FilterState {
  readonly modes: Record<Mode, boolean>;
  unicast: readonly string[];
  multicast: readonly string[];
}

/** Everything is taken in until the driver says otherwise. */
export function openFilter(): FilterState {
  return {
    modes: { promiscuous: true, allMulticast: false, allUnicast: false, noMulticast: false, noUnicast: false, noBroadcast: false },
    unicast: [], multicast: [],
  };
}

export function macText(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, MAC_BYTES), (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** A receive mode is switched. False for one that there is not. */
export function setMode(filter: FilterState, command: number, data: Uint8Array): boolean {
  const mode = MODES[command] as Mode | undefined;
  if (mode === undefined || data.length < 1) return false;
  filter.modes[mode] = data[0] !== 0;
  return true;
}

/** The tables of addresses, unicast and multicast, are replaced. False when the data do not hold them. */
export function setTables(filter: FilterState, data: Uint8Array): boolean {
  const tables: (readonly string[])[] = [];
  let at = 0;
  for (let table = 0; table < 2; table++) {
    if (at + 4 > data.length) return false;
    const count = new DataView(data.buffer, data.byteOffset).getUint32(at, true);
    at += 4;
    if (count > MOST_ADDRESSES) {
      // What is behind a table that is too long is not known either.
      filter.modes.allUnicast = filter.modes.allMulticast = true;
      return true;
    }
    if (at + MAC_BYTES * count > data.length) return false;
    const start = at;
    tables.push(Array.from({ length: count }, (_, index) => macText(data.subarray(start + MAC_BYTES * index))));
    at += MAC_BYTES * count;
  }
  [filter.unicast, filter.multicast] = tables;
  return true;
}

/** Whether a frame for `target` is taken in by the card with address `own`. */
export function accepts({ modes, unicast, multicast }: FilterState, own: string, target: string): boolean {
  if (modes.promiscuous) return true;
  if (target === BROADCAST) return !modes.noBroadcast;
  if ((Number.parseInt(target.slice(0, 2), 16) & 1) !== 0) return !modes.noMulticast && (modes.allMulticast || multicast.includes(target));
  return !modes.noUnicast && (modes.allUnicast || target === own || unicast.includes(target));
}
