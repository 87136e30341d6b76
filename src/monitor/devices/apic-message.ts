/**
 * Interrupt messages between I/O APIC, local APICs and message-signalled devices: their form, and which local
 * APIC a destination means.
 *
 * Source: Intel SDM vol. 3, 11.6 (issuing interprocessor interrupts; destination) and 11.12.10 (x2APIC).
 */

/** Delivery modes, as they are encoded in the ICR, in LVT entries and in the I/O APIC's redirection table. */
export const DELIVERY = {
  fixed: 0, lowestPriority: 1, smi: 2, nmi: 4, init: 5, startUp: 6, external: 7,
} as const;

/** Vectors 0 to 15 are illegal in a message or an LVT entry. */
export const FIRST_LEGAL_VECTOR = 16;

export interface InterruptMessage {
  /** One of DELIVERY; others are reserved and go nowhere. */
  readonly delivery: number;
  readonly vector: number;
  readonly levelTriggered: boolean;
  /** Logical destination; physical otherwise. */
  readonly logical: boolean;
  readonly destination: number;
  /** The destination has 32 bits (from an APIC in x2APIC mode); 8 otherwise. */
  readonly wide: boolean;
}

/** What a local APIC has to know of itself to tell whether a message is for it. */
export interface Addressee {
  readonly mode: 'disabled' | 'xapic' | 'x2apic';
  readonly id: number;
  /** LDR bits 24-31 in xAPIC mode. */
  readonly logicalDestination: number;
  /** DFR bits 28-31: F is the flat model, 0 the cluster model. */
  readonly destinationFormat: number;
}

const FLAT_MODEL = 0xf;
const CLUSTER_MODEL = 0x0;
const ALL_CLUSTERS = 0xf;

/** The logical ID of an APIC in x2APIC mode: cluster in bits 16-31, one bit of 0-15 for the APIC (11.12.10.2). */
export function x2apicLogicalId(id: number): number {
  return (((id >>> 4) << 16) | (1 << (id & 15))) >>> 0;
}

function matchesX2apic(id: number, destination: number): boolean {
  const own = x2apicLogicalId(id);
  return own >>> 16 === destination >>> 16 && (own & destination & 0xffff) !== 0;
}

function matchesLogical(apic: Addressee, destination: number): boolean {
  if (apic.mode === 'x2apic') return matchesX2apic(apic.id, destination);
  if (destination > 0xff) return false;
  if (apic.destinationFormat === FLAT_MODEL) return (apic.logicalDestination & destination) !== 0;
  if (apic.destinationFormat !== CLUSTER_MODEL) return false;
  const cluster = destination >>> 4;
  return (
    (cluster === ALL_CLUSTERS || cluster === apic.logicalDestination >>> 4) &&
    (apic.logicalDestination & destination & 0xf) !== 0
  );
}

/** Whether a message's destination means this local APIC. A destination of all ones is a broadcast in both modes. */
export function isAddressed(apic: Addressee, message: InterruptMessage): boolean {
  if (apic.mode === 'disabled') return false;
  if (message.destination === (message.wide ? 0xffffffff : 0xff)) return true;
  return message.logical ? matchesLogical(apic, message.destination) : message.destination === apic.id;
}

/** Shorthands of the ICR, bits 18-19: the destination field, itself, all, all but itself. */
export const SHORTHAND = { none: 0, self: 1, all: 2, others: 3 } as const;

const COMMAND = { level: 0x4000, levelTriggered: 0x8000, logical: 0x800 } as const;

/** Delivery modes that may be sent to somebody else, and with the shorthands that reach the sender (table 11-3). */
const TO_OTHERS: readonly number[] = [
  DELIVERY.fixed, DELIVERY.lowestPriority, DELIVERY.smi, DELIVERY.nmi, DELIVERY.init, DELIVERY.startUp,
];
const TO_ITSELF: readonly number[] = [DELIVERY.fixed];
const SENDABLE: readonly (readonly number[])[] = [TO_OTHERS, TO_ITSELF, TO_ITSELF, TO_OTHERS];

export interface Command {
  /** One of SHORTHAND. */
  readonly shorthand: number;
  readonly message: InterruptMessage;
}

/**
 * What a value of the interrupt command register sends; undefined for combinations that are not valid. `low` and
 * `high` are its halves; in x2APIC mode the destination is all of `high`, else its bits 24-31.
 */
export function decodeCommand(low: number, high: number, x2apic: boolean): Command | undefined {
  const shorthand = (low >>> 18) & 3;
  const delivery = (low >>> 8) & 7;
  // INIT level de-assert synchronized arbitration IDs on the APIC bus; processors since then ignore it.
  const deassert = delivery === DELIVERY.init && (low & (COMMAND.level | COMMAND.levelTriggered)) === COMMAND.levelTriggered;
  if (deassert || !SENDABLE[shorthand].includes(delivery)) return undefined;
  return {
    shorthand,
    message: {
      delivery, vector: low & 0xff, levelTriggered: false, logical: (low & COMMAND.logical) !== 0,
      destination: x2apic ? high : high >>> 24, wide: x2apic,
    },
  };
}
