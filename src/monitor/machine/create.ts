/**
 * A machine as the host drives and asks it: runs from ./machine, looks from ../inspection, edits from here.
 */
import * as L from '../cpu/layout';
import { CR0 } from '../cpu/state';
import { loadSegment } from '../cpu/descriptors';
import { GENERAL_NAMES, SEGMENT_NAMES, cpuView } from '../inspection/cpuView';
import { machineHash } from '../inspection/machineHash';
import { PagingView } from '../inspection/pagingView';
import type { Counters } from '../inspection/queries';
import { GuestFault } from '../memory/guestFault';
import { PAGE_BYTES } from '../memory/layout';
import { DEVICE, NOTHING } from '../memory/physicalMap';
import { MachineError } from './blame';
import type { FileStore, MachineImages } from './images';
import { VirtualMachine } from './machine';
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

function* pieces(machine: VirtualMachine, space: MemorySpace, address: bigint, bytes: number): Generator<Piece> {
  const { mmu } = machine.parts;
  const controls = space.kind === 'linearUnder' ? { ...mmu.currentControls, root: space.cr3 } : mmu.currentControls;
  let done = 0;
  while (done < bytes) {
    const at = BigInt.asUintN(64, address + BigInt(done));
    const offset = Number(at & 0xfffn);
    const count = Math.min(bytes - done, PAGE_BYTES - offset);
    const number = Number(at >> 12n);
    const outside = space.kind !== 'physical' && mmu.wrap32 && at > 0xffffffffn;
    const page = outside ? -1 : space.kind === 'physical' ? number : mmu.peekPage(number, controls);
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

function fits(name: string, value: bigint, bits: number): number {
  if (value < 0n || value >> BigInt(bits) !== 0n) {
    throw new MachineError(`${name} has ${bits} bits: 0x${value.toString(16)} does not fit.`, 'user');
  }
  return Number(value);
}

/** Sets a register as a debugger does: no privilege checks, but nothing that the processor could not hold. */
function setRegister(machine: VirtualMachine, name: string, value: bigint): void {
  const { cpu, executor } = machine.parts;
  const s = cpu.state;
  const lower = name.toLowerCase();
  const general = GENERAL_NAMES.findIndex((n) => n === lower);
  if (general >= 0) return s.setReg(general, fits(name, value, 32));
  const segment = SEGMENT_NAMES.findIndex((n) => n === lower);
  if (segment >= 0 && segment <= L.GS) return setSegment(machine, segment, fits(name, value, 16));
  if (/^dr[0-7]$/.test(lower)) s.setU64(L.DR + 8 * Number(lower[2]), BigInt(fits(name, value, 32)));
  else {
    switch (lower) {
      case 'eip':
        s.eip = fits(name, value, 32);
        break;
      case 'eflags':
        s.flags = fits(name, value, 32);
        break;
      case 'cr2':
        s.setU64(L.CR2, BigInt(fits(name, value, 32)));
        break;
      case 'cr3':
        s.setWide(L.CR3, fits(name, value, 32));
        cpu.updatePaging();
        break;
      case 'cr0':
        setCr0(machine, fits(name, value, 32));
        break;
      default:
        throw new MachineError(`There is no register '${name}' that can be set.`, 'user');
    }
  }
  cpu.changedContext();
  executor.passOver();
}

function setCr0(machine: VirtualMachine, value: number): void {
  if (value & CR0.PG && !(value & CR0.PE)) throw new MachineError('CR0.PG without CR0.PE: paging needs protected mode.', 'user');
  machine.parts.cpu.state.setU32(L.CR0, value | CR0.ET);
  machine.parts.cpu.updatePaging();
}

function setSegment(machine: VirtualMachine, segment: number, selector: number): void {
  const { cpu } = machine.parts;
  try {
    if (segment === L.CS && cpu.state.descriptorMode) {
      throw new MachineError('CS cannot be loaded alone in protected mode: let the guest make a far jump.', 'user');
    }
    loadSegment(cpu, segment, selector);
  } catch (reason) {
    if (!(reason instanceof GuestFault)) throw reason;
    throw new MachineError(`The processor refuses selector 0x${selector.toString(16)}: loading it raises exception ${reason.vector}.`, 'user');
  }
}

function countersOf(machine: VirtualMachine): Counters {
  const { executor, mmu, memory } = machine.parts;
  return {
    retired: machine.retired,
    time: machine.time,
    frames: memory.framesInUse,
    ...prefixed('engine', executor.counters),
    ...prefixed('code', executor.code.counters),
    ...prefixed('shadow', mmu.shadow.counters),
  };
}

function prefixed(prefix: string, counters: object): Counters {
  return Object.fromEntries(Object.entries(counters).map(([name, value]) => [`${prefix}.${name}`, Number(value)]));
}

/** Builds a machine from its images, standing on its first instruction. Throws LoadError or MachineError. */
export function createMachine(images: MachineImages, files: FileStore): RunnableMachine {
  const machine = new VirtualMachine(images, files);
  const { cpu, board, memory } = machine.parts;
  const paging = new PagingView(cpu, (address) => board.memory.deviceAt(address)?.name);
  return {
    resume: (request) => machine.resume(request),
    runSlice: (cycles) => machine.runSlice(cycles),
    warp: (cycles) => machine.warp(cycles),
    requestPause: () => machine.requestPause(),
    takeOutput: () => machine.takeOutput(),
    setBreakpoints: (list) => machine.setBreakpoints(list),
    setExceptionStops: (list) => machine.setExceptionStops(list),
    setRegister: (name, value) => setRegister(machine, name, value),
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
    devices: () => board.devices.map((device) => ({ name: device.name, state: device.state })),
    screen: () => board.vga.screenText(),
    hash: () => machineHash(cpu, machine.plainStates()),
  };
}
