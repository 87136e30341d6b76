/**
 * The registers of a virtio device on PCI, as its description has them: the configuration structures of the transport, and where
 * they lie in the device's one base address register.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.2, 2.1 (status), 4.1.4 (PCI), 6 (feature bits).
 */
import type { FieldDescription, RegisterBlock, RegisterDescription } from '../description';
import type { PciCapability } from '../pciFunction';

/** Bits of the device status (2.1). */
export const STATUS_BIT = { acknowledge: 1, driver: 2, driverOk: 4, featuresOk: 8, needsReset: 0x40, failed: 0x80 } as const;

/** Causes in the ISR status (4.1.4.5). */
export const ISR = { queue: 1, configuration: 2 } as const;

/** Feature bits that are no one device's (6). */
export const RING_INDIRECT_DESC = 28;
export const RING_EVENT_IDX = 29;
export const VERSION_1 = 32;

/** Feature bits as the two words of the feature registers. */
export type FeatureWords = readonly [number, number];

export function featureWords(bits: readonly number[]): FeatureWords {
  const word = (first: number): number => bits.reduce((sum, bit) => (bit >= first && bit < first + 32 ? (sum | (1 << (bit - first))) >>> 0 : sum), 0);
  return [word(0), word(32)];
}

/** The base address register that all structures are in, and where; a page each, so that drivers may map them apart. */
export const BAR_INDEX = 4;
export const BAR_BYTES = 0x4000;
const COMMON_AT = 0x0000;
const ISR_AT = 0x1000;
const DEVICE_AT = 0x2000;
const NOTIFY_AT = 0x3000;
const STRUCTURE_BYTES = 0x1000;

/** Queue n is notified at 4n bytes into its structure. */
const NOTIFY_MULTIPLIER = 4;
const COMMON_BYTES = 56;
const ISR_BYTES = 1;

/** No vector of MSI-X: there are none (4.1.5.1.2). */
const NO_VECTOR = 0xffff;

const STATUS_FIELDS: readonly FieldDescription[] = [
  { name: 'ACKNOWLEDGE', low: 0, meaning: 'the guest has found the device' },
  { name: 'DRIVER', low: 1, meaning: 'it has a driver for it' },
  { name: 'DRIVER_OK', low: 2, meaning: 'the driver is ready' },
  { name: 'FEATURES_OK', low: 3, meaning: 'both sides have agreed on features' },
  { name: 'DEVICE_NEEDS_RESET', low: 6, meaning: 'the driver has broken the rules' },
  { name: 'FAILED', low: 7, meaning: 'the driver has given up' },
];

/** Registers of the selected queue that the driver writes: two for each of its three areas, in the order of `QueueState.areas`. */
export const AREA_REGISTERS = ['queue_desc', 'queue_desc_high', 'queue_driver', 'queue_driver_high', 'queue_device', 'queue_device_high'] as const;

/** The common configuration structure (4.1.4.3) of a device with these queues. */
export function commonBlock(features: FeatureWords, queueSizes: readonly number[]): RegisterBlock {
  const registers: RegisterDescription[] = [
    { name: 'device_feature_select', title: 'which 32 feature bits device_feature shows', at: 0, bytes: 4, access: 'read-write' },
    { name: 'device_feature', title: 'features that the device offers', at: 4, bytes: 4, access: 'read-only', reset: features[0] },
    { name: 'driver_feature_select', title: 'which 32 feature bits driver_feature shows', at: 8, bytes: 4, access: 'read-write' },
    { name: 'driver_feature', title: 'features that the driver has taken', at: 12, bytes: 4, access: 'special' },
    { name: 'config_msix_vector', title: 'MSI-X vector of configuration changes', at: 16, bytes: 2, access: 'read-only', reset: NO_VECTOR },
    { name: 'num_queues', title: 'number of queues', at: 18, bytes: 2, access: 'read-only', reset: queueSizes.length },
    { name: 'device_status', title: 'how far the driver has got; 0 resets', at: 20, bytes: 1, access: 'special', fields: STATUS_FIELDS },
    { name: 'config_generation', title: 'changes with the device configuration', at: 21, bytes: 1, access: 'read-only' },
    { name: 'queue_select', title: 'which queue the registers that follow are about', at: 22, bytes: 2, access: 'read-write' },
    { name: 'queue_size', title: 'entries of the queue', at: 24, bytes: 2, access: 'special', reset: queueSizes[0] ?? 0 },
    { name: 'queue_msix_vector', title: 'MSI-X vector of the queue', at: 26, bytes: 2, access: 'read-only', reset: NO_VECTOR },
    { name: 'queue_enable', title: 'whether the queue is in use', at: 28, bytes: 2, access: 'special' },
    { name: 'queue_notify_off', title: 'place of the queue in the notification structure', at: 30, bytes: 2, access: 'read-only' },
    ...AREA_REGISTERS.map((name, index): RegisterDescription => ({
      name, title: `address of the ${['descriptor table', 'available ring', 'used ring'][index >> 1]}${index % 2 === 0 ? '' : ', high half'}`,
      at: 32 + 4 * index, bytes: 4, access: 'special',
    })),
  ];
  return { name: 'common configuration', space: 'memory', base: COMMON_AT, registers };
}

/** The ISR status (4.1.4.5). */
export const ISR_BLOCK: RegisterBlock = {
  name: 'ISR status', space: 'memory', base: ISR_AT,
  registers: [{
    name: 'isr', title: 'causes of the interrupt', at: 0, bytes: 1, access: 'read-only', readEffect: 'clears all causes and takes the interrupt back',
    fields: [{ name: 'QUEUE', low: 0, meaning: 'a queue has been used' }, { name: 'CONFIG', low: 1, meaning: 'the device configuration has changed' }],
  }],
};

/** The notification structure (4.1.4.4). */
export function notifyBlock(queues: number): RegisterBlock {
  return {
    name: 'notification', space: 'memory', base: NOTIFY_AT,
    registers: Array.from({ length: queues }, (_, index) => ({
      name: notifyRegister(index), title: `there is something in queue ${String(index)}`, at: NOTIFY_MULTIPLIER * index, bytes: 2, access: 'write-only',
    })),
  };
}

export function notifyRegister(queue: number): string {
  return `queue_notify_${String(queue)}`;
}

/** The device-specific configuration structure (4.1.4.6). */
export function deviceBlock(registers: readonly RegisterDescription[]): RegisterBlock {
  return { name: 'device configuration', space: 'memory', base: DEVICE_AT, registers };
}

/** The structure that an offset into the base address register is in, and where in it. */
export function placeOf(offset: number): { readonly structure: 'common' | 'isr' | 'device' | 'notify'; readonly at: number } {
  const at = offset % STRUCTURE_BYTES;
  const structures = ['common', 'isr', 'device', 'notify'] as const;
  return { structure: structures[Math.floor(offset / STRUCTURE_BYTES)] ?? 'common', at };
}

const VENDOR_SPECIFIC = 9;
const CFG_TYPE = { common: 1, notify: 2, isr: 3, device: 4, window: 5 } as const;
/** Bytes of a capability: the structure of 4.1.4, and what two of them have behind it. */
const CAPABILITY_BYTES = 16;

/** A capability behind its first two bytes: its length, what it leads to, and where that is. */
function capability(type: number, offset: number, length: number, extra?: number): PciCapability {
  const bytes = CAPABILITY_BYTES + (extra === undefined ? 0 : 4);
  const view = new DataView(new ArrayBuffer(bytes));
  view.setUint8(2, bytes);
  view.setUint8(3, type);
  view.setUint8(4, type === CFG_TYPE.window ? 0 : BAR_INDEX);
  view.setUint32(8, offset, true);
  view.setUint32(12, length, true);
  if (extra !== undefined) view.setUint32(16, extra, true);
  return { id: VENDOR_SPECIFIC, body: new Uint8Array(view.buffer, 2) };
}

/** The window into the base address register by way of configuration space (4.1.4.9): BAR, offset, length and data are the guest's. */
function windowCapability(): PciCapability {
  const writable = new Uint8Array(CAPABILITY_BYTES + 4 - 2);
  writable[4 - 2] = 0xff;
  writable.fill(0xff, 8 - 2);
  return { ...capability(CFG_TYPE.window, 0, 0, 0), writable };
}

/** Capabilities of a device with so many queues and bytes of configuration. The window comes last. */
export function virtioCapabilities(queues: number, configBytes: number): readonly PciCapability[] {
  return [
    capability(CFG_TYPE.common, COMMON_AT, COMMON_BYTES),
    capability(CFG_TYPE.notify, NOTIFY_AT, NOTIFY_MULTIPLIER * queues, NOTIFY_MULTIPLIER),
    capability(CFG_TYPE.isr, ISR_AT, ISR_BYTES),
    ...(configBytes === 0 ? [] : [capability(CFG_TYPE.device, DEVICE_AT, configBytes)]),
    windowCapability(),
  ];
}

/** Where the window's fields are behind the start of its capability. */
export const WINDOW = { bar: 4, offset: 8, length: 12, data: 16, bytes: 20 } as const;
