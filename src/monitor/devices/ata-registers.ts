/** The registers of an ATA channel as a host finds them at its ports (ATA/ATAPI-6, 7): for people, and for tests of all devices. */
import type { DeviceDescription, FieldDescription, RegisterDescription } from './description';

const STATUS_FIELDS: readonly FieldDescription[] = [
  { name: 'ERR', low: 0, meaning: 'the last command was refused: see the error register (CHK of a packet device)' },
  { name: 'DRQ', low: 3, meaning: 'data is asked for, or offered' },
  { name: 'DSC', low: 4, meaning: 'seek complete' },
  { name: 'DF', low: 5, meaning: 'device fault' },
  { name: 'DRDY', low: 6, meaning: 'ready for commands' },
  { name: 'BSY', low: 7, meaning: 'busy: no other register means anything' },
];

const ERROR_FIELDS: readonly FieldDescription[] = [
  { name: 'ABRT', low: 2, meaning: 'command aborted' },
  { name: 'IDNF', low: 4, meaning: 'no such sector' },
  { name: 'UNC', low: 6, meaning: 'uncorrectable data' },
];

const DEVICE_FIELDS: readonly FieldDescription[] = [
  { name: 'HEAD', low: 0, bits: 4, meaning: 'head, or bits 24-27 of the address' },
  { name: 'DEV', low: 4, meaning: 'selected device' },
  { name: 'LBA', low: 6, meaning: 'addresses are numbers of sectors' },
];

const CONTROL_FIELDS: readonly FieldDescription[] = [
  { name: 'nIEN', low: 1, meaning: 'interrupts are off' },
  { name: 'SRST', low: 2, meaning: 'both devices are held in reset' },
  { name: 'HOB', low: 7, meaning: 'the registers show what was written before the last time' },
];

/** What a guest finds in a channel after power-on: it follows from the drives. */
export interface ChannelAtPowerOn {
  readonly status: number;
  readonly error: number;
}

const commandBlock = ({ status, error }: ChannelAtPowerOn): readonly RegisterDescription[] => [
  { name: 'DATA', title: 'data', at: 0, bytes: 2, access: 'special', readEffect: 'takes the next word' },
  { name: 'ERROR', title: 'error', at: 1, bytes: 1, access: 'read-only', reset: error, fields: ERROR_FIELDS },
  { name: 'FEATURES', title: 'features', at: 1, bytes: 1, access: 'write-only' },
  { name: 'COUNT', title: 'sector count, or interrupt reason', at: 2, bytes: 1, access: 'special' },
  { name: 'LBAL', title: 'address 0-7, or sector number', at: 3, bytes: 1, access: 'special' },
  { name: 'LBAM', title: 'address 8-15, cylinder low, or byte count low', at: 4, bytes: 1, access: 'special' },
  { name: 'LBAH', title: 'address 16-23, cylinder high, or byte count high', at: 5, bytes: 1, access: 'special' },
  { name: 'DEVICE', title: 'device and head', at: 6, bytes: 1, access: 'special', fields: DEVICE_FIELDS },
  { name: 'STATUS', title: 'status', at: 7, bytes: 1, access: 'read-only', reset: status, readEffect: 'takes the interrupt back', fields: STATUS_FIELDS },
  { name: 'COMMAND', title: 'command', at: 7, bytes: 1, access: 'write-only' },
];

const controlBlock = ({ status }: ChannelAtPowerOn): readonly RegisterDescription[] => [
  { name: 'ASTATUS', title: 'alternate status', at: 0, bytes: 1, access: 'read-only', reset: status, fields: STATUS_FIELDS },
  { name: 'CONTROL', title: 'device control', at: 0, bytes: 1, access: 'write-only', fields: CONTROL_FIELDS },
];

/** Names of the command block's registers by offset, as a guest reads them. */
export const READ_NAMES: readonly string[] = ['DATA', 'ERROR', 'COUNT', 'LBAL', 'LBAM', 'LBAH', 'DEVICE', 'STATUS'];

/** A channel with its command block and control port at these ports. */
export function channelDescription(command: number, control: number, atPowerOn: ChannelAtPowerOn): DeviceDescription {
  return {
    title: 'ATA channel',
    source: 'ATA/ATAPI-6 (T13 1410D)',
    blocks: [
      { name: 'command block', space: 'port', base: command, registers: commandBlock(atPowerOn) },
      { name: 'control block', space: 'port', base: control, registers: controlBlock(atPowerOn) },
    ],
  };
}
