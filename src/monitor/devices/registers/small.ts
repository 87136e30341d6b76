/** Registers of the devices that have few: system ports, debug port, exit port, and QEMU's firmware configuration. */
import type { DeviceDescription } from '../description';
import { byte, dword, field, word } from './build';

export const SYSTEM_PORTS_DESCRIPTION: DeviceDescription = {
  title: 'System ports',
  source: 'IBM PC/AT technical reference',
  blocks: [
    { name: 'POST', space: 'port', base: 0x80, registers: [byte('POST', 'progress of the power-on self-test', 0, 'read-write')] },
    { name: 'delay', space: 'port', base: 0xed, registers: [byte('DELAY', 'written to let time pass', 0, 'special')] },
  ],
};

export const DEBUG_PORT_DESCRIPTION: DeviceDescription = {
  title: 'Debug port',
  source: 'Bochs and QEMU, isa-debugcon',
  blocks: [{ name: 'port', space: 'port', base: 0xe9, registers: [byte('ID', 'tells that the port is there', 0, 'read-only', { reset: 0xe9 }), byte('CHARACTER', 'comes out as text', 0, 'write-only')] }],
};

export const EXIT_PORT_DESCRIPTION: DeviceDescription = {
  title: 'Exit port',
  source: 'QEMU, isa-debug-exit',
  blocks: [{ name: 'port', space: 'port', base: 0xf4, registers: [dword('STATUS', 'ends the run', 0, 'write-only')] }],
};

export const FW_CFG_DESCRIPTION: DeviceDescription = {
  title: 'Firmware configuration (fw_cfg)',
  source: 'QEMU, docs/specs/fw_cfg.rst',
  blocks: [{
    name: 'ports', space: 'port', base: 0x510,
    registers: [
      word('SELECTOR', 'item', 0, 'write-only'),
      byte('DATA', 'next byte of the item', 1, 'special', { readEffect: 'goes on to the next byte' }),
      dword('DMA_HIGH', 'address of a request, high half, big-endian; reads \'QEMU\'', 4, 'special'),
      dword('DMA_LOW', 'address of a request, low half, big-endian, which begins it; reads \' CFG\'', 8, 'special', { fields: [field('address', 0, 'low half', 32)] }),
    ],
  }],
};
