/** A boot sector on a machine with the built-in BIOS, in real mode. */
import { MemoryFiles } from '../../support/memoryFiles';
import { validateConfiguration } from '../../../src/monitor/machine/configuration';
import { VirtualMachine } from '../../../src/monitor/machine/machine';
import type { RunRequest, StopReport } from '../../../src/monitor/machine/session';

const FLOPPY_BYTES = 1_474_560;
const SECTOR_BYTES = 512;
export const BOOT = 0x7c00;

export class BootSector {
  readonly machine: VirtualMachine;

  /** The machine has powered on, and stands on its first instruction. */
  constructor(program: readonly number[], settings: Readonly<Record<string, unknown>> = {}) {
    const image = new Uint8Array(FLOPPY_BYTES);
    image.set(program);
    image.set([0x55, 0xaa], SECTOR_BYTES - 2);
    const checked = validateConfiguration({ floppy: 'floppy', memory: '2M', ...settings }, { front: 'commandLine' });
    if ('problems' in checked) throw new Error(JSON.stringify(checked.problems));
    this.machine = new VirtualMachine({ configuration: checked.configuration, modules: [], disks: [], floppy: { path: 'floppy', bytes: image.length, writable: false } }, new MemoryFiles({ floppy: image }));
  }

  run(request: RunRequest): StopReport {
    this.machine.resume(request);
    for (;;) {
      const outcome = this.machine.runSlice(1_000_000);
      if (typeof outcome === 'string') continue;
      if ('reason' in outcome) return outcome;
      this.machine.warp(outcome.idleCycles);
    }
  }
}
