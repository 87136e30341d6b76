/**
 * A machine as the host drives and asks it: runs from ./machine, looks from ../inspection, edits from here.
 */
import type { StorageService } from '../disks/blockStore';
import type { TranslationService } from '../engine/translator/order';
import { PictureMaker } from '../devices/vga-picture';
import { cpuView } from '../inspection/cpuView';
import { deviceView } from '../inspection/deviceView';
import { executionView } from '../inspection/executionView';
import { machineHash } from '../inspection/machineHash';
import { PagingView } from '../inspection/pagingView';
import type { Counters } from '../inspection/queries';
import type { PagingControls, PagingMode } from '../memory/guestPaging';
import { PAGE_BYTES } from '../memory/layout';
import { DEVICE, NOTHING } from '../memory/physicalMap';
import { MachineError } from './blame';
import type { FileStore, MachineImages } from './images';
import { VirtualMachine } from './machine';
import { setRegister } from './registerEdits';
import type { RunnableMachine } from './runnable';
import type { MemorySpace } from './session';

/** Pieces of a memory request: guest-physical page (or -1), offset in it, bytes, and where they lie in the request. */
interface Piece {
  readonly page: number;
  readonly offset: number;
  readonly bytes: number;
  readonly done: number;
}

const MOST_BYTES = 64 * 1024 * 1024;

/** Bits of linear addresses by paging mode; 64-bit ones repeat their highest bit upwards (canonical form). */
const LINEAR_BITS: Readonly<Record<PagingMode, number>> = { none: 32, '32-bit': 32, PAE: 32, '4-level': 48, '5-level': 57 };

/** Whether there is such a linear address. */
function isLinear(mode: PagingMode, address: bigint): boolean {
  const bits = LINEAR_BITS[mode];
  return bits === 32 ? address >> 32n === 0n : BigInt.asUintN(64, BigInt.asIntN(bits, address)) === address;
}

/** Guest-physical addresses have 40 bits here. */
const PHYSICAL_BITS = 40n;

/** The present rules of paging with the tables of another CR3, whose low bits are flags or the number of the space. */
function controlsUnder({ mmu, map }: VirtualMachine['parts'], cr3: number): PagingControls {
  const controls = mmu.currentControls;
  const isPae = controls.mode === 'PAE';
  const root = cr3 - (cr3 % (isPae ? 32 : PAGE_BYTES));
  if (!isPae) return { ...controls, root };
  const pdptes = [0, 8, 16, 24].map((at) => (BigInt(map.read(root + at + 4, 4)) << 32n) | BigInt(map.read(root + at, 4)));
  return { ...controls, root, pdptes };
}

function* pieces(machine: VirtualMachine, space: MemorySpace, address: bigint, bytes: number): Generator<Piece> {
  const { mmu, map } = machine.parts;
  const controls = space.kind === 'linearUnder' ? controlsUnder(machine.parts, space.cr3) : mmu.currentControls;
  let done = 0;
  while (done < bytes) {
    const at = address + BigInt(done);
    const offset = Number(at & 0xfffn);
    const count = Math.min(bytes - done, PAGE_BYTES - offset);
    const number = Number(at >> 12n);
    const isThere = at >= 0n && (space.kind === 'physical' ? at >> PHYSICAL_BITS === 0n : isLinear(controls.mode, at));
    const page = !isThere ? -1 : space.kind === 'physical' ? map.behindWindows(number) : mmu.peekPage(number, controls);
    yield { page, offset, bytes: count, done };
    done += count;
  }
}

function readMemory(machine: VirtualMachine, space: MemorySpace, address: bigint, bytes: number): Uint8Array {
  if (!Number.isInteger(bytes) || bytes < 0 || bytes > MOST_BYTES) {
    throw new MachineError(`${bytes} bytes cannot be read at once: ask for 0 to ${MOST_BYTES}.`, 'user');
  }
  const { map } = machine.parts;
  const target = new Uint8Array(bytes);
  for (const piece of pieces(machine, space, address, bytes)) {
    const entry = piece.page < 0 ? NOTHING : map.entry(piece.page);
    if (entry === NOTHING || entry === DEVICE) {
      const device = entry === DEVICE ? machine.peekDevice(piece.page * PAGE_BYTES + piece.offset, piece.bytes) : undefined;
      if (!device) return target.slice(0, piece.done);
      target.set(device, piece.done);
    } else target.set(map.copyOut(piece.page * PAGE_BYTES + piece.offset, piece.bytes), piece.done);
  }
  return target;
}

function writeMemory(machine: VirtualMachine, space: MemorySpace, address: bigint, bytes: Uint8Array): number {
  const { map } = machine.parts;
  for (const piece of pieces(machine, space, address, bytes.length)) {
    const frame = piece.page < 0 ? NOTHING : map.frame(piece.page);
    if (frame <= 0) return piece.done;
    map.copyIn(piece.page * PAGE_BYTES + piece.offset, bytes.subarray(piece.done, piece.done + piece.bytes));
  }
  return bytes.length;
}

function countersOf(machine: VirtualMachine): Counters {
  const { executor, processors, mmu, map, memory, sharing } = machine.parts;
  return {
    retired: machine.retired,
    time: machine.time,
    frames: memory.framesInUse,
    ...prefixed('engine', executor.counters),
    ...prefixed('translator', executor.translator.counters),
    ...prefixed('processors', processors.counters),
    ...prefixed('code', executor.code.counters),
    ...prefixed('execution', executor.locator.log.counters(executor.retired())),
    ...prefixed('regions', executor.code.regionCounters),
    ...prefixed('held', executor.code.held),
    ...prefixed('shadow', mmu.shadow.counters),
    ...prefixed('memory', map.counters),
    ...prefixed('sharing', sharing?.counters ?? {}),
    ...driveCounters(machine),
  };
}

function driveCounters({ parts }: VirtualMachine): Counters {
  return Object.assign({}, ...[...parts.drives].map(([number, drive]) => prefixed(`drive${number}`, drive.cache.counters)));
}

function prefixed(prefix: string, counters: object): Counters {
  return Object.fromEntries(Object.entries(counters).map(([name, value]) => [`${prefix}.${name}`, Number(value)]));
}

/** Builds a machine from its images, standing on its first instruction (see CreateMachine). Throws LoadError or MachineError. */
export function createMachine(images: MachineImages, files: FileStore, translation?: TranslationService, storage?: StorageService): RunnableMachine {
  const machine = new VirtualMachine(images, files, translation, storage);
  const { cpu, executor, processors, board, memory } = machine.parts;
  const paging = new PagingView(cpu, (address) => board.memory.deviceAt(address)?.name);
  const pictures = new PictureMaker(board.vga);
  return {
    resume: (request) => machine.resume(request),
    runSlice: (cycles) => machine.runSlice(cycles),
    warp: (cycles) => machine.warp(cycles),
    requestPause: () => machine.requestPause(),
    takeOutput: () => machine.takeOutput(),
    setBreakpoints: (list) => machine.setBreakpoints(list),
    setExceptionStops: (list) => machine.setExceptionStops(list),
    setRegister: (name, value) => {
      setRegister(cpu, name, value);
      executor.passOver();
    },
    writeMemory: (space, address, bytes) => writeMemory(machine, space, address, bytes),
    input: (input) => machine.input(input),
    reset: () => machine.reset(),
    recording: () => machine.recording(),
    summary: () => ({
      running: false,
      retired: machine.retired,
      time: machine.time,
      memoryBytes: images.configuration.memory,
      frames: memory.framesInUse,
    }),
    cpu: () => cpuView(cpu),
    readMemory: (space, address, bytes) => readMemory(machine, space, address, bytes),
    addressSpaces: () => paging.addressSpaces(),
    table: (request) => paging.table(request),
    walk: (cr3, linear, key) => paging.walk(cr3, linear, key),
    counters: () => countersOf(machine),
    execution: () => executionView(executor, machine.parts.mmu.shadow.counters),
    devices: () => board.devices.map(deviceView),
    screen: () => board.vga.screenText(),
    picture: (since) => pictures.look(since),
    hash: () => machineHash(cpu, processors.waitingBlocks(), machine.plainStates()),
  };
}
