/**
 * Machines for bad guests. Those that differ in nothing but what lies in memory are used again after a reset: that is
 * faster, and what one guest leaves behind in the monitor shows in the next.
 */
import { nodeFiles } from '../../../src/host/node/fileAccess';
import { problemText, validateConfiguration } from '../../../src/monitor/machine/configuration';
import { createMachine } from '../../../src/monitor/machine/create';
import type { FileStore, MachineImages } from '../../../src/monitor/machine/images';
import type { RunnableMachine } from '../../../src/monitor/machine/runnable';
import { MemoryFiles } from '../../support/memoryFiles';
import { multibootHeader } from './generator/generate';
import { BOOT_SECTOR, ENTRY, type BadGuest, type Piece } from './guest';

/** A machine is used for so many guests. */
const USES = 60;
const MOST_KEPT = 6;
const SECTOR = 512;
const ROM_BYTES = 0x20000;
/** Most retired instructions until a BIOS has loaded the boot sector, and slices. */
const BOOT_SLICES = 4000;

interface Kept {
  readonly machine: RunnableMachine;
  uses: number;
}

/** A ROM whose reset vector jumps to ENTRY in segment 0. */
function jumpRom(): Uint8Array {
  const rom = new Uint8Array(ROM_BYTES);
  rom.set([0xea, ENTRY & 0xff, ENTRY >> 8, 0, 0], ROM_BYTES - 16);
  return rom;
}

/** A video BIOS that does nothing (PCI Firmware Specification, section 5): RETF. */
function optionRom(): Uint8Array {
  const rom = new Uint8Array(SECTOR);
  rom.set([0x55, 0xaa, 1, 0xcb]);
  rom[SECTOR - 1] = -rom.reduce((sum, byte) => sum + byte, 0) & 0xff;
  return rom;
}

/** A kernel that jumps to ENTRY. */
function jumpKernel(): Uint8Array {
  const header = multibootHeader(0x40, 0x20);
  return Uint8Array.from([...header, 0xb8, ENTRY & 0xff, ENTRY >> 8, 0, 0, 0xff, 0xe0, ...new Array<number>(0x40 - header.length - 7).fill(0)]);
}

function bootableFloppy(): Uint8Array {
  const floppy = new Uint8Array(2880 * SECTOR);
  floppy.set([0xeb, 0xfe]);
  floppy.set([0x55, 0xaa], SECTOR - 2);
  return floppy;
}

const CONFIGURATIONS: Readonly<Record<BadGuest['start'], Readonly<Record<string, string>>>> = {
  rom: { firmware: 'rom' },
  flat: { multiboot: 'kernel' },
  floppy: { floppy: 'floppy' },
  floppyImage: { floppy: 'floppy' },
  kernelImage: { multiboot: 'kernel' },
  firmwareImage: { firmware: 'rom' },
};

function imagesOf({ start, image }: BadGuest): { readonly images: Partial<MachineImages>; readonly files: FileStore } {
  switch (start) {
    case 'rom': case 'firmwareImage':
      return { images: { firmware: { path: 'rom', bytes: image ?? jumpRom() }, vgaBios: { path: 'vga', bytes: optionRom() } }, files: nodeFiles };
    case 'flat': case 'kernelImage':
      return { images: { multiboot: { path: 'kernel', bytes: image ?? jumpKernel() } }, files: nodeFiles };
    case 'floppy': case 'floppyImage': {
      const bytes = image ?? bootableFloppy();
      return { images: { floppy: { path: 'floppy', bytes: bytes.length, writable: false } }, files: new MemoryFiles({ floppy: bytes }) };
    }
  }
}

/** The machine of a guest, standing on its first instruction; undefined when its image cannot be loaded, which is no fault of the monitor. */
function build(guest: BadGuest): RunnableMachine {
  const memory = guest.start === 'kernelImage' || guest.start === 'firmwareImage' ? '8M' : '2M';
  const values = { memory, cpuModel: guest.model, cpus: guest.cpus, quantum: guest.quantum, ...CONFIGURATIONS[guest.start] };
  const validation = validateConfiguration(values, { front: 'commandLine' });
  if ('problems' in validation) throw new Error(validation.problems.map(problemText).join('\n'));
  const { images, files } = imagesOf(guest);
  return createMachine({ modules: [], disks: [], ...images, configuration: validation.configuration }, files);
}

/** Lets the BIOS load the boot sector. */
function boot(machine: RunnableMachine): void {
  machine.resume({ kind: 'until', address: BigInt(BOOT_SECTOR) });
  for (let slices = 0; slices < BOOT_SLICES; slices++) {
    const outcome = machine.runSlice(1_000_000);
    if (typeof outcome === 'string') continue;
    if ('reason' in outcome) return;
    machine.warp(outcome.idleCycles);
  }
  throw new Error('the BIOS does not come to the boot sector');
}

function place(machine: RunnableMachine, pieces: readonly Piece[]): void {
  for (const { at, bytes } of pieces) machine.writeMemory({ kind: 'physical' }, BigInt(at), Uint8Array.from(bytes));
}

export class Machines {
  private readonly kept = new Map<string, Kept>();
  /** Machines built so far. */
  built = 0;

  /** A machine with the guest in it, on its first instruction; `fresh`: one that no guest has used. Throws LoadError. */
  with(guest: BadGuest, fresh = false): RunnableMachine {
    const machine = guest.image || fresh ? this.make(guest) : this.known(guest);
    if (guest.start === 'floppy') boot(machine);
    place(machine, guest.pieces);
    return machine;
  }

  private make(guest: BadGuest): RunnableMachine {
    this.built++;
    return build(guest);
  }

  private known(guest: BadGuest): RunnableMachine {
    const key = `${guest.start} ${guest.model} ${guest.cpus} ${guest.quantum}`;
    const kept = this.kept.get(key);
    if (kept && kept.uses < USES) {
      kept.uses++;
      kept.machine.reset();
      return kept.machine;
    }
    this.kept.delete(key);
    const [oldest] = this.kept.keys();
    if (this.kept.size >= MOST_KEPT && oldest !== undefined) this.kept.delete(oldest);
    const machine = this.make(guest);
    this.kept.set(key, { machine, uses: 1 });
    return machine;
  }

  /** Forgets all machines: after an exception nothing is known of the one that raised it. */
  forget(): void {
    this.kept.clear();
  }
}
