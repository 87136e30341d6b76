/**
 * The machine-check registers (Intel SDM vol. 3, 16.3). Nothing goes wrong in this machine: the banks never report an
 * error, and can be enabled and cleared as systems do when they start.
 */
import * as L from './layout';
import { clearable, constant, stored, type MsrEntry } from './msrRegister';

const BANKS = 5;
/** IA32_MCG_CAP: number of banks, and that IA32_MCG_CTL is there. */
const CAPABILITIES = BigInt(BANKS) | 0x100n;
/** IA32_MCG_STATUS: restart and error IP valid, machine check in progress. */
const STATUS_BITS = 7n;

function bank(i: number): readonly MsrEntry[] {
  const first = 0x400 + 4 * i;
  return [
    [first, stored(`IA32_MC${i}_CTL`, 'mca', L.MSR_MC_CTL + 8 * i)],
    [first + 1, clearable(`IA32_MC${i}_STATUS`, 'mca')],
    [first + 2, clearable(`IA32_MC${i}_ADDR`, 'mca')],
    [first + 3, clearable(`IA32_MC${i}_MISC`, 'mca')],
  ];
}

export const machineCheckRegisters: readonly MsrEntry[] = [
  // The Pentium's registers, which its successors still answer.
  [0, constant('IA32_P5_MC_ADDR', 'mce', 0n)],
  [1, constant('IA32_P5_MC_TYPE', 'mce', 0n)],
  [0x179, constant('IA32_MCG_CAP', 'mca', CAPABILITIES)],
  [0x17a, stored('IA32_MCG_STATUS', 'mca', L.MSR_MCG_STATUS, { reserved: ~STATUS_BITS })],
  [0x17b, stored('IA32_MCG_CTL', 'mca', L.MSR_MCG_CTL)],
  ...Array.from({ length: BANKS }, (_, i) => bank(i)).flat(),
];
