/**
 * The Intel 82540EM gigabit Ethernet controller ("e1000") as a PCI device: its registers, and what ties its parts together.
 *
 * Source: Intel PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual (317453). The I/O ports are at base address
 * register 1, since there is no flash memory in front of them.
 */
import type { AccessSize, Device, DeviceHost, MemoryRegion, PortRange } from './device';
import type { DeviceDescription } from './description';
import type { DmaMemory } from './dma';
import { Eeprom, powerOnEeprom, type EepromState } from './e1000-eeprom';
import { E1000Interrupts, quietInterrupts, type E1000InterruptState } from './e1000-interrupts';
import { Phy, PHY_ADDRESS, PHY_REGISTERS, powerOnPhy, type PhyState } from './e1000-phy';
import { E1000Receiver, emptyReceiver, type E1000ReceiveState } from './e1000-receive';
import {
  CAUSE, CTRL, CTRL_EXT_EEPROM_RESET, EECD, EERD, MDIC, PORT_COUNT, PORTS, RAH_VALID, RDTR_FLUSH, REGISTER_BYTES, REGISTERS, STATUS, TCTL,
} from './e1000-registers';
import { E1000Statistics } from './e1000-statistics';
import { E1000Transmitter, emptyTransmitter, type E1000TransmitState } from './e1000-transmit';
import { endpoint, type BaseAddressRegister, type PciFunction, type PciSlot } from './pciFunction';
import { RegisterFile } from './registerFile';

const INTEL = 0x8086;
const ETHERNET_CLASS = 0x020000;
/** Registers of configuration space that this function has beside the ordinary ones. */
const CONFIG = { status: 0x06, cacheLine: 0x0c, latencyTimer: 0x0d, leastGrant: 0x3e } as const;
/** Status after power-on: capable of 66 MHz, medium DEVSEL. */
const PCI_STATUS = [0x20, 0x02] as const;
const LARGEST_ROM = 1 << 20;

/** Index of the base address registers. */
const BAR = { memory: 0, ports: 1, rom: 6 } as const;
/** KiB of the packet buffer, which PBA divides. */
const PACKET_BUFFER_KIB = 64;
/** Bits of EECD that software drives and reads back. */
const EECD_KEPT = EECD.clock | EECD.select | EECD.input | EECD.request | (3 << 4);
const MAC_LOOPBACK = 1;
const LINK_EVENT = 'link';
const LENGTH_BYTES = 4;

export const DEFAULT_MAC: readonly number[] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];

export interface E1000Options {
  /** PCI device number. */
  readonly slot: number;
  /** Ethernet address, 6 bytes. Default: 52:54:00:12:34:56. */
  readonly mac?: Uint8Array;
  /** Expansion ROM, at most 1 MiB. Default: none. */
  readonly rom?: Uint8Array;
}

export interface E1000State {
  registers: Uint32Array;
  ports: Uint32Array;
  interrupts: E1000InterruptState;
  receive: E1000ReceiveState;
  transmit: E1000TransmitState;
  eeprom: EepromState;
  phy: PhyState;
}

/** The card as a function of the PCI bus. */
function pciFunctionOf(slot: number, rom: Uint8Array | undefined): PciFunction {
  const romBar: readonly BaseAddressRegister[] = rom === undefined ? [] : [{ index: BAR.rom, kind: 'rom', bytes: romWindow(rom) }];
  const made = endpoint({
    device: slot, function: 0, interruptPin: 1,
    identity: { vendor: INTEL, device: 0x100e, revision: 2, classCode: ETHERNET_CLASS, subsystemVendor: INTEL, subsystem: 0x001e },
    bars: [{ index: BAR.memory, kind: 'memory', bytes: REGISTER_BYTES }, { index: BAR.ports, kind: 'ports', bytes: PORT_COUNT }, ...romBar],
  });
  made.initial.set(PCI_STATUS, CONFIG.status);
  made.initial[CONFIG.leastGrant] = 0xff;
  made.writable[CONFIG.cacheLine] = 0xff;
  made.writable[CONFIG.latencyTimer] = 0xff;
  return made;
}

/** The power of two that a ROM lies in, at least 2 KiB. */
function romWindow(rom: Uint8Array): number {
  return 2 ** Math.max(11, Math.ceil(Math.log2(rom.length)));
}

export class E1000 implements Device {
  readonly name = 'e1000';
  readonly portWidth: AccessSize = 4;
  readonly description: DeviceDescription = {
    title: 'Intel 82540EM Ethernet controller (e1000)', source: 'Intel 317453, PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer\'s Manual',
    blocks: [REGISTERS, PORTS, PHY_REGISTERS],
  };
  state: E1000State;
  readonly #host: DeviceHost;
  readonly #slot: PciSlot;
  readonly #mac: Uint8Array;
  readonly #rom: Uint8Array | undefined;
  readonly #file: RegisterFile;
  readonly #ports: RegisterFile;
  readonly #eeprom: Eeprom;
  readonly #phy: Phy;
  readonly #statistics: E1000Statistics;
  readonly #interrupts: E1000Interrupts;
  readonly #receiver: E1000Receiver;
  readonly #transmitter: E1000Transmitter;
  /** The card is at work in memory: what reaches it by its own access to its registers is for nobody. False between events. */
  #isMastering = false;

  /** Plugs itself into the bus by `plug`. Throws RangeError for an address that has not 6 bytes, or too large a ROM. */
  constructor(host: DeviceHost, memory: DmaMemory, plug: (pciFunction: PciFunction) => PciSlot, { slot, mac = Uint8Array.from(DEFAULT_MAC), rom }: E1000Options) {
    if (mac.length !== DEFAULT_MAC.length) throw new RangeError('An Ethernet address has 6 bytes.');
    if (rom !== undefined && rom.length > LARGEST_ROM) throw new RangeError('An expansion ROM has at most 1 MiB.');
    this.#host = host;
    this.#slot = plug(pciFunctionOf(slot, rom));
    this.#mac = mac;
    this.#rom = rom;
    this.state = this.#powerOnState();
    this.#file = new RegisterFile(REGISTERS, () => this.state.registers, {
      read: (name, kept) => this.#read(name, kept),
      written: (name, value, written, before) => { this.#written(name, value, written, before); },
    });
    this.#ports = new RegisterFile(PORTS, () => this.state.ports, {
      read: (name, kept) => (name === 'IODATA' ? this.#file.read(this.#ports.value('IOADDR'), 4) : kept),
      written: (name, _value, written) => { if (name === 'IODATA') this.#file.write(this.#ports.value('IOADDR'), 4, written); },
    });
    this.#eeprom = new Eeprom(() => this.state.eeprom);
    this.#phy = new Phy(() => this.state.phy, {
      negotiate: (cycles) => {
        if (cycles === undefined) host.cancel(this.name, LINK_EVENT);
        else host.schedule(this.name, LINK_EVENT, host.now() + cycles);
      },
      linkChanged: () => {
        this.#interrupts.raise(CAUSE.linkChange);
        this.#transmitter.resume();
      },
    });
    this.#statistics = new E1000Statistics(this.#file);
    this.#interrupts = new E1000Interrupts(this.name, host, this.#file, () => this.state.interrupts, (asserted) => { this.#slot.setInterrupt(asserted); });
    const common = { device: this.name, host, file: this.#file, memory, statistics: this.#statistics, interrupts: this.#interrupts, send: (frame: Uint8Array) => { this.#send(frame); } };
    this.#receiver = new E1000Receiver({
      ...common, state: () => this.state.receive, isBusMaster: () => this.#slot.isBusMaster(), pause: (cycles) => { this.#transmitter.pause(cycles); },
    });
    this.#transmitter = new E1000Transmitter({
      ...common, state: () => this.state.transmit, canSend: () => this.#slot.isBusMaster() && (this.#isLooped || this.#isLinkUp),
    });
  }

  get ports(): readonly PortRange[] {
    const first = this.#slot.base(BAR.ports);
    return first === undefined ? [] : [{ first, count: PORT_COUNT }];
  }

  get regions(): readonly MemoryRegion[] {
    const registers = this.#slot.base(BAR.memory);
    const rom = this.#romBase();
    return [
      ...(registers === undefined ? [] : [{ first: registers, bytes: REGISTER_BYTES }]),
      ...(rom === undefined || this.#rom === undefined ? [] : [{ first: rom, bytes: romWindow(this.#rom) }]),
    ];
  }

  reset(): void {
    this.#stop();
    this.#host.cancel(this.name, LINK_EVENT);
    this.state = this.#powerOnState();
    this.#loadAddress();
    this.#phy.start();
  }

  /** The EEPROM keeps its words, and a pulled cable stays pulled. */
  hardReset(): void {
    const { eeprom, phy: { cable } } = this.state;
    this.reset();
    this.state.eeprom = { ...this.state.eeprom, words: eeprom.words };
    this.#loadAddress();
    if (!cable) this.#phy.setCable(false);
  }

  readPort(port: number, size: AccessSize): number {
    return this.#isMastering ? 0 : this.#ports.read(port - (this.#slot.base(BAR.ports) ?? port), size);
  }

  writePort(port: number, size: AccessSize, value: number): void {
    if (!this.#isMastering) this.#ports.write(port - (this.#slot.base(BAR.ports) ?? port), size, value);
  }

  readMemory(address: number, size: AccessSize): number {
    if (this.#isMastering) return 0;
    const registers = this.#slot.base(BAR.memory);
    if (registers !== undefined && address >= registers && address < registers + REGISTER_BYTES) return this.#file.read(address - registers, size);
    return this.#readRom(address - (this.#romBase() ?? address), size);
  }

  writeMemory(address: number, size: AccessSize, value: number): void {
    const registers = this.#slot.base(BAR.memory);
    if (this.#isMastering || registers === undefined || address < registers || address >= registers + REGISTER_BYTES) return;
    this.#file.write(address - registers, size, value);
  }

  event(name: string): void {
    this.#isMastering = true;
    try {
      if (name === LINK_EVENT) this.#phy.negotiated();
      else if (!this.#interrupts.event(name) && !this.#receiver.event(name)) this.#transmitter.event(name);
    } finally {
      this.#isMastering = false;
    }
  }

  /** A frame comes in from outside, without check sequence. */
  receive(frame: Uint8Array): void {
    if (this.#isLinkUp && !this.#isLooped) this.#receiver.arrive(frame);
  }

  /** The cable is plugged in, or pulled. */
  setCable(isIn: boolean): void {
    this.#phy.setCable(isIn);
  }

  peek(block: string, register: string): number | undefined {
    const found = this.description.blocks.find(({ name }) => name === block)?.registers.some(({ name }) => name === register);
    if (found !== true) return undefined;
    if (block === PHY_REGISTERS.name) return this.#phy.peek(register);
    if (block === REGISTERS.name) return this.#value(register, this.#file.value(register));
    return this.#ports.value(register);
  }

  #powerOnState(): E1000State {
    return {
      registers: RegisterFile.initial(REGISTERS), ports: RegisterFile.initial(PORTS), interrupts: quietInterrupts(), receive: emptyReceiver(),
      transmit: emptyTransmitter(), eeprom: powerOnEeprom(this.#mac), phy: powerOnPhy(true),
    };
  }

  #stop(): void {
    this.#interrupts.stop();
    this.#receiver.stop();
    this.#transmitter.stop();
  }

  /** CTRL.RST: all but the PHY, the EEPROM and the configuration space begins anew. */
  #resetMac(): void {
    this.#stop();
    const { ports, eeprom, phy } = this.state;
    this.state = { ...this.#powerOnState(), ports, eeprom, phy };
    this.#loadAddress();
  }

  /** The card's address comes out of the EEPROM into the first receive address register. */
  #loadAddress(): void {
    const [low, middle, high] = this.state.eeprom.words;
    this.#file.set('RAL0', (low | (middle << 16)) >>> 0);
    this.#file.set('RAH0', (RAH_VALID | high) >>> 0);
  }

  get #isLinkUp(): boolean {
    return (this.#file.value('CTRL') & CTRL.setLinkUp) !== 0 && this.state.phy.link;
  }

  /** What is sent comes back: from the PHY, or from the MAC. */
  get #isLooped(): boolean {
    return this.#phy.isLooped || ((this.#file.value('RCTL') >>> 6) & 3) === MAC_LOOPBACK;
  }

  #send(frame: Uint8Array): void {
    if (this.#isLooped) {
      this.#receiver.arrive(frame);
      return;
    }
    const bytes = new Uint8Array(LENGTH_BYTES + frame.length);
    new DataView(bytes.buffer).setUint32(0, frame.length, true);
    bytes.set(frame, LENGTH_BYTES);
    this.#host.output('net0', bytes);
  }

  #romBase(): number | undefined {
    return this.#rom === undefined ? undefined : this.#slot.base(BAR.rom);
  }

  #readRom(offset: number, size: AccessSize): number {
    let value = 0;
    for (let index = 0; index < size; index++) value += (this.#rom?.[offset + index] ?? 0xff) * 2 ** (8 * index);
    return value;
  }

  #read(name: string, kept: number): number {
    const value = this.#value(name, kept);
    if (name === 'ICR') this.#interrupts.acknowledge();
    else this.#statistics.wasRead(name);
    return value;
  }

  /** What a register shows. */
  #value(name: string, kept: number): number {
    switch (name) {
      case 'STATUS': return this.#status();
      case 'EECD': return (kept & EECD_KEPT) | EECD.present | (this.#eeprom.output ? EECD.output : 0) | ((kept & EECD.request) === 0 ? 0 : EECD.grant);
      case 'PBA': return (((PACKET_BUFFER_KIB - (kept & 0x3f)) << 16) | (kept & 0x3f)) >>> 0;
      case 'RDFPC': return this.#receiver.waiting;
      default: return kept;
    }
  }

  #status(): number {
    const control = this.#file.value('CTRL');
    const { fullDuplex, speed } = this.state.phy;
    const isFull = (control & CTRL.forceDuplex) === 0 ? fullDuplex : (control & CTRL.fullDuplex) !== 0;
    const shownSpeed = (control & CTRL.forceSpeed) === 0 ? speed : (control >>> 8) & 3;
    return (isFull ? STATUS.fullDuplex : 0) | (this.#isLinkUp ? STATUS.linkUp : 0) | (this.#transmitter.isPaused ? STATUS.transmitOff : 0)
      | (shownSpeed << STATUS.speedShift) | (speed << STATUS.detectedSpeedShift);
  }

  #written(name: string, value: number, written: number, before: number): void {
    switch (name) {
      case 'CTRL': return this.#controlWritten(value, written, before);
      case 'CTRL_EXT': return (written & CTRL_EXT_EEPROM_RESET) === 0 ? undefined : this.#loadAddress();
      case 'EECD':
        this.#file.set('EECD', written & EECD_KEPT);
        return this.#eeprom.drive((written & EECD.clock) !== 0, (written & EECD.select) !== 0, (written & EECD.input) !== 0);
      case 'EERD': return this.#readEeprom(written);
      case 'MDIC': return this.#accessPhy(written);
      case 'ICR': return this.#interrupts.update();
      case 'ITR': return this.#interrupts.throttled();
      case 'ICS':
        this.#file.set('ICS', 0);
        return this.#interrupts.raise(value);
      case 'IMS':
        this.#file.set('IMS', before | (written & 0x1_ffff));
        return this.#interrupts.update();
      case 'IMC':
        this.#file.set('IMC', 0);
        this.#file.set('IMS', this.#file.value('IMS') & ~value);
        return this.#interrupts.update();
      case 'RDTR': return (written & RDTR_FLUSH) === 0 ? undefined : this.#interrupts.expireReceive();
      case 'RCTL':
      case 'RDLEN':
      case 'RDH':
      case 'RDT':
        this.#receiver.resume();
        return this.#transmitter.resume();
      case 'TCTL':
        if ((written & TCTL.sendXoff) !== 0) this.#receiver.sendXoff();
        return this.#transmitter.resume();
      case 'TDLEN':
      case 'TDH':
      case 'TDT': return this.#transmitter.resume();
      default: return undefined;
    }
  }

  #controlWritten(value: number, written: number, before: number): void {
    if ((value & CTRL.phyReset) !== 0) this.#phy.hold();
    else if ((before & CTRL.phyReset) !== 0) this.#phy.start();
    if ((written & CTRL.reset) === 0) {
      this.#transmitter.resume();
      return;
    }
    this.#resetMac();
    // The reset lets go of PHY_RST as well.
    if ((value & CTRL.phyReset) !== 0) this.#phy.start();
  }

  /** A read is done at once. */
  #readEeprom(written: number): void {
    if ((written & EERD.start) === 0) return;
    const address = (written >>> 8) & 0xff;
    this.#file.set('EERD', ((this.#eeprom.word(address) << 16) | (address << 8) | EERD.done) >>> 0);
  }

  /** So is an access to the PHY; at other addresses than its own nobody answers. */
  #accessPhy(written: number): void {
    const operation = (written >>> 26) & 3;
    const register = (written >>> 16) & 31;
    const isThere = ((written >>> 21) & 31) === PHY_ADDRESS && (operation === MDIC.read || operation === MDIC.write);
    if (isThere && operation === MDIC.write) this.#phy.write(register, written & 0xffff);
    const data = isThere && operation === MDIC.read ? this.#phy.read(register) : written & 0xffff;
    const answer = (written & 0x2fff_0000) | data | MDIC.ready | (isThere ? 0 : MDIC.error);
    this.#file.set('MDIC', answer >>> 0);
    if ((written & MDIC.interrupt) !== 0) this.#interrupts.raise(CAUSE.mdio);
  }
}
