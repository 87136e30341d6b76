/**
 * A machine as the host drives and asks it: runs from ./machine, looks from ../inspection, edits from here.
 */
import type { StorageService } from '../disks/blockStore';
import type { TranslationService } from '../engine/translator/order';
import { PictureMaker } from '../devices/vga-picture';
import { cpuView } from '../inspection/cpuView';
import { descriptorTables } from '../inspection/descriptorView';
import { deviceView } from '../inspection/deviceView';
import { executionView } from '../inspection/executionView';
import { FrameView } from '../inspection/frameView';
import { machineHash } from '../inspection/machineHash';
import { PagingView } from '../inspection/pagingView';
import { Profiler } from '../inspection/profiler';
import { RegionView } from '../inspection/regionView';
import type { Counters } from '../inspection/queries';
import { diskViews, readDisk } from './diskViews';
import type { FileStore, MachineImages } from './images';
import { VirtualMachine } from './machine';
import { readMemory } from './memoryRequests';
import type { RunnableMachine } from './runnable';
import { TimeTravel } from './timeTravel';

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
  const travel = new TimeTravel(machine, images.configuration.timeTravelMemory, images.recording, images.snapshots);
  const deviceAt = (address: number): string | undefined => board.memory.deviceAt(address)?.name;
  const paging = new PagingView(cpu, deviceAt);
  const frames = new FrameView(cpu, executor.code, deviceAt, () => board.balloon?.view());
  const regions = new RegionView(cpu, executor);
  const profiler = new Profiler(cpu, (address, bytes) => readMemory(machine.parts, { kind: 'linear' }, address, bytes), () => machine.retired);
  const pictures = new PictureMaker(board.vga);
  const hash = (): string => machineHash(cpu, processors.waitingBlocks(), machine.plainStates());
  return {
    resume: (request) => travel.resume(request),
    runSlice: (cycles) => travel.runSlice(cycles),
    sample: () => profiler.sample(),
    warp: (cycles) => machine.warp(cycles),
    requestPause: () => travel.requestPause(),
    travel: (to) => travel.travel(to),
    bookmark: (change) => travel.bookmark(change),
    record: () => travel.record(hash()),
    saveSnapshot: (order) => travel.saveSnapshot(order),
    diskStarts: () => travel.diskStarts(),
    stepBack: (unit) => travel.stepBack(unit),
    reverseContinue: () => travel.reverseContinue(),
    remember: () => travel.remember(),
    takeNotes: () => [...machine.lateNotes.splice(0), ...travel.takeNotes()],
    timeline: (range) => travel.view(range),
    takeOutput: () => machine.takeOutput(),
    setBreakpoints: (list) => machine.stops.setBreakpoints(list),
    setExceptionStops: (list) => machine.stops.setExceptionStops(list),
    setWatchpoints: (list) => machine.stops.setWatchpoints(list),
    setEventStops: (list) => machine.stops.setEventStops(list),
    takeLog: () => machine.stops.log.take(),
    setRegister: (name, value, index) => void travel.edit({ kind: 'register', name, value, ...(index === undefined ? {} : { cpu: index }) }),
    writeMemory: (space, address, bytes) => travel.edit({ kind: 'memory', space, address, bytes: bytes.slice() }),
    input: (input) => travel.input(input),
    reset: () => travel.reset(),
    recording: () => machine.recording(),
    summary: () => ({
      running: false,
      retired: machine.retired,
      time: machine.time,
      memoryBytes: images.configuration.memory,
      frames: memory.framesInUse,
    }),
    cpu: (index = processors.current) => processors.visit(index, () => cpuView(cpu)),
    descriptors: () => descriptorTables(cpu, (address, bytes) => readMemory(machine.parts, { kind: 'linear' }, address, bytes)),
    readMemory: (space, address, bytes) => readMemory(machine.parts, space, address, bytes),
    addressSpaces: () => paging.addressSpaces(),
    table: (request) => paging.table(request),
    walk: (cr3, linear, key) => paging.walk(cr3, linear, key),
    frames: () => frames.frames(),
    frame: (page) => frames.frame(page),
    regions: () => regions.regions(),
    region: (entry) => regions.region(entry),
    profile: (action) => ({ ...profiler.profile(action), milliseconds: 0 }),
    counters: () => countersOf(machine),
    execution: () => executionView(executor, machine.parts.mmu.shadow.counters),
    devices: () => board.devices.map(deviceView),
    interrupts: () => ({ ...board.interrupts(), interruptFlags: processors.interruptFlags() }),
    events: () => ({ now: machine.time, events: machine.upcoming() }),
    disks: () => diskViews(machine.parts, images),
    readDisk: (name, offset, bytes) => readDisk(machine.parts, images, { name, offset, bytes }),
    screen: () => board.vga.screenText(),
    picture: (since) => pictures.look(since),
    hash,
  };
}
