/**
 * A virtio device on PCI, whatever its type: configuration structures, feature negotiation, status, queues and the interrupt. The
 * types of device (block.ts, net.ts, ...) say what their queues are for.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.2: 2.1 (status), 2.2 (features), 3.1 (initialisation), 4.1 (PCI). Modern only: there is
 * no legacy interface. INTx is the interrupt; MSI-X is not there, and drivers do without.
 */
import { allOnes } from '../access';
import type { DeviceDescription, RegisterBlock, RegisterDescription } from '../description';
import type { AccessSize, Device, DeviceHost, EventAnswer, MemoryRegion, PortRange } from '../device';
import type { DmaMemory } from '../dma';
import { CONFIG_REGISTER, endpoint, type PciFunction, type PciSlot } from '../pciFunction';
import { RegisterFile } from '../registerFile';
import {
  AREA_REGISTERS, BAR_BYTES, BAR_INDEX, commonBlock, deviceBlock, type FeatureWords, featureWords, ISR, ISR_BLOCK, notifyBlock, notifyRegister,
  placeOf, RING_EVENT_IDX, RING_INDIRECT_DESC, STATUS_BIT, VERSION_1, virtioCapabilities, WINDOW,
} from './registers';
import { initialQueue, type QueueState, Virtqueue } from './virtqueue';

const VENDOR = 0x1af4;
const FIRST_DEVICE = 0x1040;
const REVISION = 1;
const SUBSYSTEM = 0x1100;
const SPECIFICATION = 'Virtual I/O Device (VIRTIO) Version 1.2, OASIS, 2022';
const NO_FEATURES: FeatureWords = [0, 0];
/** Both have to be there before the device does anything. */
const WORKING = STATUS_BIT.driverOk | STATUS_BIT.featuresOk;

/** What all types have in common of state; `own` is the type's. */
export interface VirtioState<Own extends object> {
  /** Registers in the order of their descriptions; those of a queue show the selected one. */
  common: Uint32Array;
  device: Uint32Array;
  notify: Uint32Array;
  isr: Uint32Array;
  /** Features that the driver has taken: two words. */
  taken: Uint32Array;
  queues: QueueState[];
  /** Why the device needs a reset, in words; empty while it does not. */
  fault: string;
  /** Events of the type that are scheduled. */
  pending: Set<string>;
  own: Own;
}

/** What a virtio device is put among. */
export interface VirtioSurroundings {
  readonly host: DeviceHost;
  readonly memory: DmaMemory;
  /** Plugs the function in. */
  readonly pci: { add(pciFunction: PciFunction): PciSlot };
}

/** What a type says of itself. */
export interface VirtioType {
  /** Unique in its machine: 'virtio-net0'. */
  readonly name: string;
  /** For people: 'virtio network card'. */
  readonly title: string;
  /** Device number on PCI bus 0. */
  readonly slot: number;
  /** Device ID of the specification's section 5: 1 is a network card. */
  readonly type: number;
  readonly classCode: number;
  /** Feature bits of the type that are offered. */
  readonly features: readonly number[];
  /** Largest size of each queue, a power of two. */
  readonly queueSizes: readonly number[];
  /** The device-specific configuration; `reset` values say what stands there after power-on. */
  readonly configuration: readonly RegisterDescription[];
}

interface Blocks {
  readonly common: RegisterBlock;
  readonly notify: RegisterBlock;
  readonly device: RegisterBlock;
}

export abstract class VirtioDevice<Own extends object> implements Device {
  readonly name: string;
  readonly ports: readonly PortRange[] = [];
  readonly description: DeviceDescription;
  state: VirtioState<Own>;
  protected readonly host: DeviceHost;
  protected readonly memory: DmaMemory;
  /** The queues, in the order of the specification. */
  protected readonly queues: readonly Virtqueue[];
  readonly #type: VirtioType;
  readonly #slot: PciSlot;
  readonly #offered: FeatureWords;
  readonly #blocks: Blocks;
  readonly #files: { readonly common: RegisterFile; readonly isr: RegisterFile; readonly device: RegisterFile; readonly notify: RegisterFile };
  readonly #queueOfRegister: ReadonlyMap<string, number>;
  /** Where the window's capability is in configuration space. */
  readonly #window: number;

  /** @param initial the type's own state after power-on, anew each time */
  constructor({ host, memory: shared, pci }: VirtioSurroundings, type: VirtioType, private readonly initial: () => Own) {
    const memory = shared.of?.(type.name) ?? shared;
    this.name = type.name;
    this.host = host;
    this.memory = memory;
    this.#type = type;
    this.#offered = featureWords([...type.features, RING_INDIRECT_DESC, RING_EVENT_IDX, VERSION_1]);
    this.#blocks = { common: commonBlock(this.#offered, type.queueSizes), notify: notifyBlock(type.queueSizes.length), device: deviceBlock(type.configuration) };
    this.description = { title: type.title, source: SPECIFICATION, blocks: [this.#blocks.common, ISR_BLOCK, this.#blocks.device, this.#blocks.notify] };
    this.state = this.#powerOnState();
    this.#files = this.#createFiles();
    this.#queueOfRegister = new Map(type.queueSizes.map((_, index) => [notifyRegister(index), index]));
    this.queues = type.queueSizes.map((_, index) => new Virtqueue({
      memory,
      live: () => this.isWorking,
      features: () => ({ indirect: this.hasFeature(RING_INDIRECT_DESC), eventIndex: this.hasFeature(RING_EVENT_IDX) }),
      broken: (reason) => this.#breakDown(`queue ${String(index)}: ${reason}`),
    }, () => this.state.queues[index]));
    const pciFunction = this.#createFunction();
    this.#window = lastCapability(pciFunction.initial);
    this.#slot = pci.add(pciFunction);
  }

  get regions(): readonly MemoryRegion[] {
    const first = this.#slot.base(BAR_INDEX);
    return first === undefined ? [] : [{ first, bytes: BAR_BYTES }];
  }

  reset(): void {
    this.#restart();
  }

  hardReset(): void {
    this.#restartWith(this.state.own);
  }

  readMemory(address: number, size: AccessSize): number {
    const base = this.#slot.base(BAR_INDEX);
    return base === undefined ? allOnes(size) : this.#read(address - base, size);
  }

  writeMemory(address: number, size: AccessSize, value: number): void {
    const base = this.#slot.base(BAR_INDEX);
    if (base !== undefined) this.#write(address - base, size, value);
  }

  event(name: string): EventAnswer {
    const { pending } = this.state;
    pending.delete(name);
    const answer = this.happened(name);
    if (answer === 'wait') pending.add(name);
    return answer;
  }

  peek(block: string, register: string): number | undefined {
    const file = [this.#files.common, this.#files.isr, this.#files.device, this.#files.notify]
      .find((_, index) => [this.#blocks.common, ISR_BLOCK, this.#blocks.device, this.#blocks.notify][index].name === block);
    return file?.value(register);
  }

  // For the types.

  /** The driver has put something into a queue, or taken something out. Whatever takes time is done in events. */
  protected abstract notified(queue: number): void;

  /** Both sides have agreed on features: what the configuration shows may follow from them. */
  protected agreed(): void {
    // Most types have nothing to do.
  }

  /** The driver is ready, and the device may work from now on. */
  protected started(): void {
    // Most types wait to be notified.
  }

  /** The driver, or RESET#, has reset the device: what of its own state before is not theirs (a pulled cable) comes back. */
  protected carryOver(_before: Own): void {
    // Most types have nothing of that kind.
  }

  /** The moment of an event has come that `later` has arranged: see `Device.event`. */
  protected abstract happened(event: string): EventAnswer;

  /** The driver has written a register of the device configuration, which holds `value` now. */
  protected configurationWritten(_register: string, _value: number): void {
    // Most types have no such registers.
  }

  /** Whether driver and device may work: features agreed, driver ready, bus master, nothing broken. */
  protected get isWorking(): boolean {
    const status = this.#files.common.value('device_status');
    return (status & WORKING) === WORKING && (status & STATUS_BIT.needsReset) === 0 && this.#slot.isBusMaster();
  }

  /** Whether the driver has taken a feature. */
  protected hasFeature(bit: number): boolean {
    return (this.state.taken[bit >> 5] & (1 << (bit & 31))) !== 0;
  }

  protected configuration(register: string): number {
    return this.#files.device.value(register);
  }

  /** Changes registers of the device configuration; `tells` whether the driver hears of it (2.5). */
  protected configure(values: Readonly<Record<string, number>>, tells: boolean): void {
    for (const [register, value] of Object.entries(values)) this.#files.device.set(register, value);
    this.#files.common.set('config_generation', (this.#files.common.value('config_generation') + 1) & 0xff);
    if (tells && this.isWorking) this.#interrupt(ISR.configuration);
  }

  /** Interrupts the driver for what has been put into this queue, if it wants that. */
  protected tell(queue: number): void {
    if (this.queues[queue].wantsInterrupt()) this.#interrupt(ISR.queue);
  }

  /** Arranges for an event of the type in so many cycles; one of that name that is pending already stays as it is. */
  protected later(event: string, cycles: number): void {
    if (this.state.pending.has(event)) return;
    this.state.pending.add(event);
    this.host.schedule(this.name, event, this.host.now() + cycles);
  }

  /** The driver has broken a rule of this type of device: nothing is done until a reset. `reason` is a sentence part. */
  protected breakDown(reason: string): void {
    this.#breakDown(reason);
  }

  // Registers.

  #powerOnState(): VirtioState<Own> {
    return {
      common: RegisterFile.initial(this.#blocks.common), device: RegisterFile.initial(this.#blocks.device),
      notify: RegisterFile.initial(this.#blocks.notify), isr: RegisterFile.initial(ISR_BLOCK),
      taken: Uint32Array.from(NO_FEATURES), queues: this.#type.queueSizes.map(initialQueue), fault: '', pending: new Set(), own: this.initial(),
    };
  }

  #restart(): void {
    for (const event of this.state.pending) this.host.cancel(this.name, event);
    this.state = this.#powerOnState();
    this.#slot.setInterrupt(false);
  }

  #restartWith(own: Own): void {
    this.#restart();
    this.carryOver(own);
  }

  #createFiles(): { common: RegisterFile; isr: RegisterFile; device: RegisterFile; notify: RegisterFile } {
    return {
      common: new RegisterFile(this.#blocks.common, () => this.state.common, { written: (register, _, written) => this.#writtenCommon(register, written) }),
      isr: new RegisterFile(ISR_BLOCK, () => this.state.isr, {
        read: (_, causes) => {
          this.state.isr[0] = 0;
          this.#slot.setInterrupt(false);
          return causes;
        },
      }),
      device: new RegisterFile(this.#blocks.device, () => this.state.device, { written: (register, value) => this.configurationWritten(register, value) }),
      notify: new RegisterFile(this.#blocks.notify, () => this.state.notify, {
        written: (register) => {
          const queue = this.#queueOfRegister.get(register);
          if (queue !== undefined && this.isWorking && this.state.queues[queue].enabled) this.notified(queue);
        },
      }),
    };
  }

  #read(offset: number, size: AccessSize): number {
    const { structure, at } = placeOf(offset);
    return this.#files[structure].read(at, size);
  }

  #write(offset: number, size: AccessSize, value: number): void {
    const { structure, at } = placeOf(offset);
    this.#files[structure].write(at, size, value);
  }

  #writtenCommon(register: string, written: number): void {
    const { common } = this.#files;
    const area = AREA_REGISTERS.findIndex((name) => name === register);
    if (area >= 0) this.#writeQueue((queue) => { queue.areas[area] = written; });
    else if (register === 'device_feature_select') common.set('device_feature', this.#offered[written] ?? 0);
    else if (register === 'driver_feature_select') common.set('driver_feature', this.state.taken[written] ?? 0);
    else if (register === 'driver_feature') this.#writeFeatures(written);
    else if (register === 'device_status') this.#writeStatus(written);
    else if (register === 'queue_select') this.#showQueue();
    else if (register === 'queue_size') this.#writeQueue((queue, most) => { if (isPowerOfTwo(written) && written <= most) queue.size = written; });
    else if (register === 'queue_enable') this.#writeQueue((queue) => { if (written === 1) queue.enabled = true; });
  }

  /** Features stay as they are once both sides have agreed (2.2.1). */
  #writeFeatures(written: number): void {
    const { common } = this.#files;
    const word = common.value('driver_feature_select');
    if (word < this.state.taken.length && (common.value('device_status') & STATUS_BIT.featuresOk) === 0) this.state.taken[word] = written;
    common.set('driver_feature', this.state.taken[word] ?? 0);
  }

  /** A queue's registers are fixed once it is enabled (4.1.4.3.2). */
  #writeQueue(change: (queue: QueueState, most: number) => void): void {
    const select = this.#files.common.value('queue_select');
    const queue = this.state.queues[select] as QueueState | undefined;
    if (queue !== undefined && !queue.enabled) change(queue, this.#type.queueSizes[select]);
    this.#showQueue();
  }

  /** The registers of a queue show the selected one; zeros when there is none of that number. */
  #showQueue(): void {
    const { common } = this.#files;
    const select = common.value('queue_select');
    const queue = this.state.queues[select] as QueueState | undefined;
    common.set('queue_size', queue?.size ?? 0);
    common.set('queue_enable', queue?.enabled === true ? 1 : 0);
    common.set('queue_notify_off', queue === undefined ? 0 : select);
    AREA_REGISTERS.forEach((register, index) => { common.set(register, queue?.areas[index] ?? 0); });
  }

  #writeStatus(written: number): void {
    const { common } = this.#files;
    const before = common.value('device_status');
    if (written === 0) {
      this.#restartWith(this.state.own);
      return;
    }
    let status = written | (before & STATUS_BIT.needsReset);
    const agrees = (status & STATUS_BIT.featuresOk) !== 0 && (before & STATUS_BIT.featuresOk) === 0;
    // The driver reads back whether its choice is possible (3.1.1, step 6).
    if (agrees && !this.#canWorkWith(this.state.taken)) status &= ~STATUS_BIT.featuresOk;
    const wasWorking = this.isWorking;
    common.set('device_status', status);
    if (agrees && (status & STATUS_BIT.featuresOk) !== 0) this.agreed();
    if (!wasWorking && this.isWorking) this.started();
  }

  #canWorkWith(taken: Uint32Array): boolean {
    return this.hasFeature(VERSION_1) && this.#offered.every((offered, word) => (taken[word] & ~offered) === 0);
  }

  #interrupt(cause: number): void {
    this.state.isr[0] |= cause;
    this.#slot.setInterrupt(true);
  }

  #breakDown(reason: string): void {
    const { common } = this.#files;
    const wasWorking = this.isWorking;
    if (this.state.fault === '') this.state.fault = reason;
    common.set('device_status', common.value('device_status') | STATUS_BIT.needsReset);
    if (wasWorking) this.#interrupt(ISR.configuration);
  }

  // Configuration space.

  #createFunction(): PciFunction {
    const { slot, type, classCode, queueSizes, configuration } = this.#type;
    const configBytes = Math.max(0, ...configuration.map(({ at, bytes }) => at + bytes));
    return {
      ...endpoint({
        device: slot, function: 0, interruptPin: 1,
        identity: { vendor: VENDOR, device: FIRST_DEVICE + type, revision: REVISION, classCode, subsystemVendor: VENDOR, subsystem: SUBSYSTEM },
        bars: [{ index: BAR_INDEX, kind: 'memory', bytes: BAR_BYTES }],
        capabilities: virtioCapabilities(queueSizes.length, configBytes),
      }),
      onRead: (offset, size, config) => {
        const access = this.#throughWindow(offset, size, config);
        if (access === undefined) return;
        const value = this.#read(access.offset, access.bytes);
        for (let index = 0; index < access.bytes; index++) config[this.#window + WINDOW.data + index] = value >>> (8 * index);
      },
      onWrite: (offset, config, size) => {
        const access = this.#throughWindow(offset, size, config);
        if (access === undefined) return;
        const view = new DataView(config.buffer, config.byteOffset);
        this.#write(access.offset, access.bytes, (view.getUint32(this.#window + WINDOW.data, true) & allOnes(access.bytes)) >>> 0);
      },
    };
  }

  /** What an access to configuration space does by way of the window (4.1.4.9.1): nothing if it is not to its data, or the window is not set up. */
  #throughWindow(offset: number, size: number, config: Uint8Array): { readonly offset: number; readonly bytes: AccessSize } | undefined {
    const data = this.#window + WINDOW.data;
    if (offset + size <= data || offset >= data + 4) return undefined;
    const view = new DataView(config.buffer, config.byteOffset);
    const at = view.getUint32(this.#window + WINDOW.offset, true);
    const bytes = view.getUint32(this.#window + WINDOW.length, true);
    if (config[this.#window + WINDOW.bar] !== BAR_INDEX || (bytes !== 1 && bytes !== 2 && bytes !== 4)) return undefined;
    return at % bytes === 0 && at + bytes <= BAR_BYTES ? { offset: at, bytes } : undefined;
  }
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

/** Where the last capability of a configuration space begins. */
function lastCapability(config: Uint8Array): number {
  let at = config[CONFIG_REGISTER.capabilities];
  while (config[at + 1] !== 0) at = config[at + 1];
  return at;
}
