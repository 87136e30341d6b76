/** Registers of the PIIX4's power management function (Intel 290562, 7.1 configuration space, 7.2 power management, 7.3 SMBus). */
import type { RegisterBlock, RegisterDescription } from './description';
import { QEMU_SUBSYSTEM } from './chipset';
import { placeRegisters } from './pciDescription';
import { CONFIG_BYTES, CONFIG_REGISTER, configurationSpace, type PciFunction } from './pciFunction';

/** Where the function is, beside the ISA bridge. */
const PLACE = { device: 1, function: 3 } as const;
const INTEL = 0x8086;

const REGISTER = { pmBase: 0x40, deviceActivityB: 0x58, pmMisc: 0x80, smbusBase: 0x90, smbusConfiguration: 0xd2, smbusRevision: 0xd6 } as const;
/** The dwords that decide where its ports are. */
const WATCHED: readonly number[] = [REGISTER.pmBase, REGISTER.pmMisc, REGISTER.smbusBase, REGISTER.smbusConfiguration & ~3];
const BASE_MASK = { pm: 0xffc0, smbus: 0xfff0 } as const;
const ENABLED = 0x01;
const COMMAND_PORTS = 0x01;
/** Status, high byte: DEVSEL# is of medium speed. */
const MEDIUM_DEVSEL = 0x02;
/** DEVACTB: APMC_EN, in the register's highest byte. Set, it tells SeaBIOS that SMM has been set up already, which there is none of. */
const SMM_IS_SET_UP = 0x02;

const word = (name: string, title: string, at: number, rest: Omit<RegisterDescription, 'name' | 'title' | 'at' | 'bytes'>): RegisterDescription => ({ name, title, at, bytes: 2, ...rest });
const byte = (name: string, title: string, at: number, rest: Omit<RegisterDescription, 'name' | 'title' | 'at' | 'bytes'>): RegisterDescription => ({ name, title, at, bytes: 1, ...rest });

/** Behind the base at 40h: 64 ports, of which what is not described reads as zero. */
export const PM_BLOCK: RegisterBlock = {
  name: 'power management', space: 'port', base: 0,
  registers: [
    word('PMSTS', 'power management status', 0x00, {
      access: 'write-one-clears', writable: 0x8d31,
      fields: [
        { name: 'TMROF_STS', low: 0, meaning: 'the timer\'s highest bit has changed' },
        { name: 'BM_STS', low: 4, meaning: 'a bus master wants memory' },
        { name: 'GBL_STS', low: 5, meaning: 'firmware wants the global lock' },
        { name: 'PWRBTN_STS', low: 8, meaning: 'power button pressed' },
        { name: 'RTC_STS', low: 10, meaning: 'the clock has raised its interrupt' },
        { name: 'PWRBTNOR_STS', low: 11, meaning: 'power button held for four seconds' },
        { name: 'RSM_STS', low: 15, meaning: 'resumed from a suspend state' },
      ],
    }),
    word('PMEN', 'power management enable', 0x02, {
      access: 'read-write', writable: 0x0521,
      fields: [
        { name: 'TMROF_EN', low: 0, meaning: 'SCI on TMROF_STS' },
        { name: 'GBL_EN', low: 5, meaning: 'SCI on GBL_STS' },
        { name: 'PWRBTN_EN', low: 8, meaning: 'SCI on PWRBTN_STS' },
        { name: 'RTC_EN', low: 10, meaning: 'SCI on RTC_STS' },
      ],
    }),
    word('PMCNTRL', 'power management control', 0x04, {
      access: 'read-write', writable: 0x1c02, reset: 0x0001,
      fields: [
        { name: 'SCI_EN', low: 0, meaning: 'events raise SCI; hardwired' },
        { name: 'BRLD_EN_BM', low: 1, meaning: 'bus masters wake the processor' },
        { name: 'GBL_RLS', low: 2, meaning: 'released the global lock; written only' },
        { name: 'SUS_TYP', low: 10, bits: 3, meaning: 'kind of suspend', values: { 0: 'soft off', 1: 'suspend to RAM (not there)', 5: 'working' } },
        { name: 'SUS_EN', low: 13, meaning: 'suspend now; written only' },
      ],
    }),
    { name: 'PMTMR', title: 'power management timer, 3.579545 MHz', at: 0x08, bytes: 4, access: 'read-only', fields: [{ name: 'TMR_VAL', low: 0, bits: 24, meaning: 'count' }] },
    word('GPSTS', 'general-purpose status', 0x0c, {
      access: 'write-one-clears', writable: 0x0f81,
      fields: [
        { name: 'THRM_STS', low: 0, meaning: 'thermal event' },
        { name: 'SMBUS_STS', low: 7, meaning: 'SMBus event' },
        { name: 'USB_STS', low: 8, meaning: 'USB event' },
        { name: 'GPI_STS', low: 9, meaning: 'general-purpose input' },
        { name: 'RI_STS', low: 10, meaning: 'ring indicator' },
        { name: 'LID_STS', low: 11, meaning: 'lid' },
      ],
    }),
    word('GPEN', 'general-purpose enable', 0x0e, { access: 'read-write', writable: 0x0f01 }),
  ],
};

/** Behind the base at 90h. */
export const SMBUS_BLOCK: RegisterBlock = {
  name: 'SMBus', space: 'port', base: 0,
  registers: [
    byte('SMBHSTSTS', 'SMBus host status', 0x00, {
      access: 'write-one-clears', writable: 0x1e,
      fields: [
        { name: 'HOST_BUSY', low: 0, meaning: 'a transfer is under way' },
        { name: 'INTER', low: 1, meaning: 'the transfer is done' },
        { name: 'DEV_ERR', low: 2, meaning: 'nobody has acknowledged' },
        { name: 'BUS_ERR', low: 3, meaning: 'collision' },
        { name: 'FAILED', low: 4, meaning: 'the transfer was ended by KILL' },
      ],
    }),
    byte('SMBSLVSTS', 'SMBus slave status', 0x01, { access: 'write-one-clears', writable: 0x3c }),
    byte('SMBHSTCNT', 'SMBus host control', 0x02, {
      access: 'read-write', writable: 0x1d,
      fields: [
        { name: 'INTEREN', low: 0, meaning: 'interrupt at the end of transfers' },
        { name: 'KILL', low: 1, meaning: 'ends the transfer; written only' },
        { name: 'SMB_CMD_PROT', low: 2, bits: 3, meaning: 'protocol', values: { 0: 'quick', 1: 'byte', 2: 'byte data', 3: 'word data', 5: 'block' } },
        { name: 'START', low: 6, meaning: 'begins a transfer; written only' },
      ],
    }),
    byte('SMBHSTCMD', 'SMBus host command', 0x03, { access: 'read-write' }),
    byte('SMBHSTADD', 'SMBus host address', 0x04, { access: 'read-write' }),
    byte('SMBHSTDAT0', 'SMBus host data 0', 0x05, { access: 'read-write' }),
    byte('SMBHSTDAT1', 'SMBus host data 1', 0x06, { access: 'read-write' }),
    byte('SMBBLKDAT', 'SMBus block data', 0x07, { access: 'read-only' }),
    byte('SMBSLVCNT', 'SMBus slave control', 0x08, { access: 'read-write', writable: 0x0f }),
  ],
};

/** What the function has in configuration space besides its header. */
const OWN_REGISTERS: readonly RegisterDescription[] = [
  {
    name: 'PMBA', title: 'power management base address', at: REGISTER.pmBase, bytes: 4, access: 'read-write', writable: BASE_MASK.pm, reset: 1,
    fields: [{ name: 'base', low: 6, bits: 10, meaning: 'ports divided by 64' }],
  },
  { name: 'DEVACTB', title: 'device activity B', at: REGISTER.deviceActivityB, bytes: 4, access: 'read-write', writable: 0x03ff_ffff, reset: SMM_IS_SET_UP * 0x0100_0000, fields: [{ name: 'APMC_EN', low: 25, meaning: 'writes to port B2 raise SMI; there is no SMM' }] },
  { name: 'PMREGMISC', title: 'miscellaneous power management', at: REGISTER.pmMisc, bytes: 1, access: 'read-write', writable: ENABLED, fields: [{ name: 'PMIOSE', low: 0, meaning: 'power management ports are decoded' }] },
  {
    name: 'SMBBA', title: 'SMBus base address', at: REGISTER.smbusBase, bytes: 4, access: 'read-write', writable: BASE_MASK.smbus, reset: 1,
    fields: [{ name: 'base', low: 4, bits: 12, meaning: 'ports divided by 16' }],
  },
  {
    name: 'SMBHSTCFG', title: 'SMBus host configuration', at: REGISTER.smbusConfiguration, bytes: 1, access: 'read-write', writable: 0x0f,
    fields: [
      { name: 'SMB_HST_EN', low: 0, meaning: 'SMBus ports are decoded' },
      { name: 'SMB_INTRSEL', low: 1, bits: 3, meaning: 'interrupt', values: { 0: 'SMI', 4: 'line 9' } },
    ],
  },
  { name: 'SMBREV', title: 'SMBus revision', at: REGISTER.smbusRevision, bytes: 1, access: 'read-only' },
];

/** 8086:7113 at 0:1.3. `onMoved` hears when its ports may have moved. */
export function powerManagementFunction(onMoved: () => void): PciFunction {
  const initial = configurationSpace({ vendor: INTEL, device: 0x7113, revision: 3, classCode: 0x068000, ...QEMU_SUBSYSTEM });
  const writable = new Uint8Array(CONFIG_BYTES);
  initial[CONFIG_REGISTER.status + 1] = MEDIUM_DEVSEL;
  // The pin that the function shows leads nowhere: SCI is wired to its ISA line.
  initial[CONFIG_REGISTER.interruptPin] = 1;
  writable[CONFIG_REGISTER.command] = COMMAND_PORTS;
  writable[CONFIG_REGISTER.interruptLine] = 0xff;
  placeRegisters(OWN_REGISTERS, initial, writable);
  return {
    ...PLACE, initial, writable, registers: OWN_REGISTERS,
    onWrite: (offset, _, size) => {
      if (WATCHED.some((at) => offset < at + 4 && offset + size > at)) onMoved();
    },
  };
}

/** First ports of both blocks, where they are decoded: PMREGMISC and SMBHSTCFG decide, and the command register for the SMBus. */
export function baseAddressPart(space: Uint8Array): { pm: number | undefined; smbus: number | undefined } {
  const view = new DataView(space.buffer, space.byteOffset, space.byteLength);
  const pm = view.getUint32(REGISTER.pmBase, true) & BASE_MASK.pm;
  const smbus = view.getUint32(REGISTER.smbusBase, true) & BASE_MASK.smbus;
  return {
    pm: (space[REGISTER.pmMisc] & ENABLED) !== 0 && pm !== 0 ? pm : undefined,
    smbus: (space[REGISTER.smbusConfiguration] & ENABLED) !== 0 && smbus !== 0 ? smbus : undefined,
  };
}
