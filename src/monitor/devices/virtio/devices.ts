/** The virtio devices of a board, in their slots, and where input goes among them. */
import type { BlockBackend, Device, MachineInput } from '../device';
import { type BalloonPages, VirtioBalloon } from './balloon';
import { VirtioBlock } from './block';
import { type ConsolePort, VirtioConsole } from './console';
import { VirtioNet } from './net';
import { VirtioNinep } from './ninep';
import { VirtioRng } from './rng';
import type { VirtioSurroundings } from './transport';

/** Which virtio devices there are. Default: none. */
export interface VirtioOptions {
  readonly disks?: readonly BlockBackend[];
  /** A network card with this address of six bytes (default: 52:54:00:12:34:56); its channel is 'net0'. */
  readonly network?: { readonly mac?: Uint8Array };
  readonly rng?: boolean;
  /** Ports of a console: 'hvc0' and so on. */
  readonly console?: readonly ConsolePort[];
  /** Tags of shared folders: the first one's channel is '9p0'. */
  readonly shares?: readonly string[];
  /** A memory balloon: the guest's RAM in bytes, and how its pages are reached. */
  readonly balloon?: { readonly memoryBytes: number; readonly pages: BalloonPages };
}

export interface VirtioDevices {
  readonly devices: readonly Device[];
  readonly balloon: VirtioBalloon | undefined;
  /** Hands input to its device. False when there is none for it. Throws RangeError for a size that the guest's memory cannot have. */
  input(input: MachineInput): boolean;
}

/** The slot of the first; the others follow: disks, then a network card, then the rest, the balloon last. */
export const FIRST_VIRTIO_SLOT = 4;
const SLOTS = 32;
const DEFAULT_MAC = Uint8Array.of(0x52, 0x54, 0x00, 0x12, 0x34, 0x56);

/** The balloon's name among devices. */
export const BALLOON = 'virtio-balloon0';

/** Channel of a shared folder, counted from 0. */
export function shareChannel(index: number): string {
  return `9p${String(index)}`;
}

/** Makes the devices and plugs them in. `random` gives the next 64 random bits. Throws RangeError for more than there are slots. */
export function createVirtioDevices(surroundings: VirtioSurroundings, options: VirtioOptions, random: () => bigint): VirtioDevices {
  const { disks = [], network, rng = false, console: ports = [], shares = [], balloon: memory } = options;
  let nextSlot = FIRST_VIRTIO_SLOT;
  const slot = (): number => {
    if (nextSlot === SLOTS) throw new RangeError(`There are more virtio devices than PCI slots for them (${String(SLOTS - FIRST_VIRTIO_SLOT)}).`);
    return nextSlot++;
  };
  const blocks = disks.map((disk, index) => new VirtioBlock(surroundings, {
    name: `virtio-blk${String(index)}`, slot: slot(), disk, serial: `shadowbox-disk${String(index)}`,
  }));
  const card = network && new VirtioNet(surroundings, { name: 'virtio-net0', slot: slot(), channel: 'net0', mac: network.mac ?? DEFAULT_MAC });
  const generator = rng ? new VirtioRng(surroundings, { name: 'virtio-rng0', slot: slot(), next: random }) : undefined;
  const terminal = ports.length > 0 ? new VirtioConsole(surroundings, { name: 'virtio-console0', slot: slot(), ports }) : undefined;
  const folders = new Map(shares.map((tag, index) => [
    shareChannel(index), new VirtioNinep(surroundings, { name: `virtio-9p${String(index)}`, slot: slot(), channel: shareChannel(index), tag }),
  ]));
  const balloon = memory && new VirtioBalloon(surroundings, { name: BALLOON, slot: slot(), ...memory });
  return {
    devices: [...blocks, card, generator, terminal, ...folders.values(), balloon].filter((device) => device !== undefined),
    balloon,
    input: (input) => {
      if (input.kind === 'serial') return terminal?.receive(input.port, input.bytes) ?? false;
      if (input.kind === 'frame' && input.port === 'net0' && card !== undefined) {
        card.receive(input.bytes);
        return true;
      }
      if (input.kind === 'link' && input.port === 'net0' && card !== undefined) {
        card.setCable(input.up);
        return true;
      }
      if (input.kind === 'balloon' && balloon !== undefined) {
        balloon.setTarget(input.memory);
        return true;
      }
      if (input.kind !== 'reply') return false;
      const folder = folders.get(input.port);
      folder?.reply(input.bytes);
      return folder !== undefined;
    },
  };
}
