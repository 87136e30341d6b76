/**
 * The chips of the board as PCI functions: the 440FX host bridge with its shadow RAM registers, and the
 * PIIX3's ISA bridge and IDE function.
 *
 * Source: Intel 440FX (290549) and PIIX3 (290550) data sheets. The power management function beside them is in acpi-pm.ts.
 */
import { BUS_MASTER_BAR, BUS_MASTER_PORTS } from './bus-master-ide';
import { CONFIG_BYTES, configurationSpace, endpoint, type PciFunction } from './pciFunction';

/** How a range of C0000-FFFFF is decoded: from RAM, or on the bus (where ROM answers). */
export interface ShadowRegion {
  readonly first: number;
  readonly bytes: number;
  readonly readsRam: boolean;
  readonly writesRam: boolean;
}

/** Programmable attribute map, registers 59-5F. */
const PAM_FIRST = 0x59;
const PAM_COUNT = 7;
const INTEL = 0x8086;
/** Subsystem IDs by which SeaBIOS and GRUB know a QEMU board, and look for fw_cfg. */
export const QEMU_SUBSYSTEM = { subsystemVendor: 0x1af4, subsystem: 0x1100 } as const;
/** Memory and I/O decoding on: what a BIOS leaves, so that a kernel loaded without one finds it so. */
const COMMAND_DECODE = 0x03;
const COMMAND_MASTER = 0x04;

/** Writable bits: the command register's, the interrupt line, and all from 40 up. */
function ordinaryMask(): Uint8Array {
  const mask = new Uint8Array(CONFIG_BYTES);
  mask[0x04] = 0x07;
  mask[0x05] = 0x01;
  mask[0x3c] = 0xff;
  mask.fill(0xff, 0x40);
  return mask;
}

/** The high nibble of 59 is F0000-FFFFF; each nibble of 5A-5F is 16 KiB from C0000 up. Bit 0 reads, bit 1 writes RAM. */
export function shadowRegions(config: Uint8Array): ShadowRegion[] {
  const region = (first: number, bytes: number, nibble: number): ShadowRegion => ({
    first, bytes, readsRam: (nibble & 1) !== 0, writesRam: (nibble & 2) !== 0,
  });
  const regions: ShadowRegion[] = [];
  for (let index = 1; index < PAM_COUNT; index++) {
    const register = config[PAM_FIRST + index];
    const first = 0xc0000 + (index - 1) * 0x8000;
    regions.push(region(first, 0x4000, register & 15), region(first + 0x4000, 0x4000, register >> 4));
  }
  regions.push(region(0xf0000, 0x10000, config[PAM_FIRST] >> 4));
  return regions;
}

/** 82441FX at 0:0.0. `onShadow` hears all regions after power-on and whenever a PAM register is written. */
export function hostBridge(onShadow: (regions: ShadowRegion[]) => void): PciFunction {
  const initial = configurationSpace({
    vendor: INTEL, device: 0x1237, revision: 2, classCode: 0x060000, ...QEMU_SUBSYSTEM,
  });
  initial[0x04] = COMMAND_DECODE | COMMAND_MASTER;
  const writable = ordinaryMask();
  // SMRAM control 72: the bits of the C-segment base read 010.
  initial[0x72] = 0x02;
  writable[0x72] = 0x78;
  return {
    device: 0, function: 0, initial, writable,
    onWrite: (offset, config) => {
      if (offset + 3 >= PAM_FIRST && offset < PAM_FIRST + PAM_COUNT) onShadow(shadowRegions(config));
    },
    onReset: (config) => onShadow(shadowRegions(config)),
  };
}

/** Routes of PIRQ A-D in the ISA bridge's configuration space. */
const PIRQ_ROUTES = 0x60;
const PIRQ_COUNT = 4;

/** The four PIRQx route control registers of the ISA bridge's configuration space. */
export function interruptRoutes(config: Uint8Array): Uint8Array {
  return config.subarray(PIRQ_ROUTES, PIRQ_ROUTES + PIRQ_COUNT);
}

/** PIIX3 at 0:1.0. `onRoutes` hears of every write to the PIRQ routes. */
export function isaBridge(onRoutes: () => void): PciFunction {
  const initial = configurationSpace({
    vendor: INTEL, device: 0x7000, revision: 0, classCode: 0x060100, multiFunction: true, ...QEMU_SUBSYSTEM,
  });
  initial[0x04] = COMMAND_DECODE | COMMAND_MASTER;
  initial[0x4c] = 0x4d;
  initial[0x4e] = 0x03;
  // PIRQ A-D are not routed.
  interruptRoutes(initial).fill(0x80);
  initial[0x69] = 0x02;
  return {
    device: 1, function: 0, initial, writable: ordinaryMask(),
    onWrite: (offset) => {
      if (offset + 3 >= PIRQ_ROUTES && offset < PIRQ_ROUTES + PIRQ_COUNT) onRoutes();
    },
  };
}

/** IDE timing registers of both channels, and of their second drives: kept, as nothing here has another speed by them. */
const IDE_TIMING = 0x40;
const IDE_TIMING_BYTES = 5;
/** Decoding of a channel, in the high byte of its timing register. Both channels answer whatever it says. */
const IDE_DECODE = 0x80;

/** PIIX3 IDE at 0:1.1: both channels at their compatibility ports, bus masters at base address 4. `onCommand` hears of writes to the command register. */
export function ideFunction(onCommand: () => void): PciFunction {
  const part = endpoint({
    device: 1, function: 1, interruptPin: 0, bars: [{ index: BUS_MASTER_BAR, kind: 'ports', bytes: BUS_MASTER_PORTS }],
    identity: { vendor: INTEL, device: 0x7010, revision: 0, classCode: 0x010180, ...QEMU_SUBSYSTEM },
  });
  const { initial, writable } = part;
  initial[0x04] = COMMAND_DECODE & 0x01;
  // Fast back-to-back, DEVSEL timing medium.
  initial.set([0x80, 0x02], 0x06);
  // As a BIOS leaves it.
  initial[IDE_TIMING + 1] = initial[IDE_TIMING + 3] = IDE_DECODE;
  writable.fill(0xff, IDE_TIMING, IDE_TIMING + IDE_TIMING_BYTES);
  writable.set([0x05, 0x00], 0x04);
  writable[0x0d] = 0xf0;
  return {
    ...part,
    onWrite: (offset) => {
      if (offset <= 0x04 && offset + 3 >= 0x04) onCommand();
    },
  };
}
