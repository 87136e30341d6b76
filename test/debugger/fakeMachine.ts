/**
 * A machine session in memory for adapter tests: the fake CPU, pages of memory, breakpoints, steps and stops as the
 * contract in src/monitor/machine/session.ts says, and fixed answers for the rest.
 */
import type {
  EventStop, ExceptionReport, ExceptionStop, ExecutionBreakpoint, MachineControl, MachineEvent, MachineSession, MemorySpace, RunRequest, StopReason, TravelTarget, Watchpoint, WatchHit,
} from '../../src/monitor/machine/session';
import type { CpuState, DiskView, ExecutionState, Inspection, RegionSummaryView, RegisterField, SegmentValue } from '../../src/monitor/inspection/queries';
import { MachineError } from '../../src/monitor/machine/blame';
import type { MachineInput } from '../../src/monitor/devices/device';
import type { MachineFactory } from '../../debugger/ports';
import { FakeCpu, FakeMemory, type Effect, type GeneralName } from './fakeCpu';
import { FakeGates } from './fakeGates';

export interface FakeGuest {
  readonly bits: 16 | 32;
  /** Memory that is there: [start, bytes]. */
  readonly mapped: readonly (readonly [start: number, bytes: number])[];
  /** What is loaded at power-on. */
  readonly images: readonly { readonly address: number; readonly bytes: Uint8Array }[];
  readonly entry: number;
  readonly stack: number;
  /** Base of CS (16-bit guests run in real mode with this as CS * 16). */
  readonly codeBase?: number;
  /** Where page faults go; without it they are the machine's end. A write to port 61 maps the page then. */
  readonly faultHandler?: number;
}

const SLICE = 2000;
const NAMES: readonly GeneralName[] = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'];
const VECTORS: Readonly<Record<number, string>> = { 6: '#UD', 14: '#PF' };

/** A step over a call, or out of a function, that waits for a return. */
interface Waiting {
  readonly address: number;
  readonly aboveStack: number;
}

export type Way = { readonly kind: 'travel'; readonly to: TravelTarget } | { readonly kind: 'stepBack' | 'reverseContinue' };

export class FakeMachine implements MachineSession {
  readonly control: MachineControl;
  /** What is in drive A: no file system, no boot sector. */
  readonly floppy = new Uint8Array(8192).fill(0x5a);
  readonly inspect: Inspection;
  readonly inputs: MachineInput[] = [];
  readonly resumes: RunRequest[] = [];
  memory = new FakeMemory();
  cpu: FakeCpu;
  breakpoints: readonly ExecutionBreakpoint[] = [];
  exceptionStops: readonly ExceptionStop[] = [];
  watchpoints: readonly Watchpoint[] = [];
  eventStops: readonly EventStop[] = [];
  /** Ways through the past that were asked for, and how a way back ends. */
  readonly ways: Way[] = [];
  reverseEnd: StopReason = { kind: 'beginning' };
  disposed = false;
  /** Resets so far. */
  resets = 0;
  private listeners: ((event: MachineEvent) => void)[] = [];
  private retired = 0;
  private faultAddress = 0;
  private running = false;
  private pausing = false;
  /** Whether it says that there is a time line. */
  hasPast = false;
  /** Whether its ways back take until they are paused. */
  takesLong = false;
  /** When an OUT was stopped at last. */
  private passedOut = -1;
  private readonly gates = new FakeGates(() => this.cpu, (entry) => this.emit({
    kind: 'log', lost: 0, entries: [{ ...entry, retired: this.retired, time: this.retired, linear: BigInt(this.cpu.linear) }],
  }));

  constructor(private readonly guest: FakeGuest) {
    this.cpu = this.powerOn();
    this.control = this.makeControl();
    this.inspect = this.makeInspection();
  }

  onEvent(listener: (event: MachineEvent) => void): void {
    this.listeners.push(listener);
  }

  async dispose(): Promise<void> {
    this.disposed = true;
    this.running = false;
  }

  emit(event: MachineEvent): void {
    for (const listener of this.listeners) listener(event);
  }

  private powerOn(): FakeCpu {
    this.memory = new FakeMemory();
    for (const [start, bytes] of this.guest.mapped) this.memory.map(start, bytes);
    for (const { address, bytes } of this.guest.images) this.memory.load(address, bytes);
    const cpu = new FakeCpu(this.memory, this.guest.bits, this.guest.codeBase ?? 0);
    cpu.ip = this.guest.entry;
    cpu.registers.esp = this.guest.stack;
    this.retired = 0;
    this.cpu = cpu;
    return cpu;
  }

  private makeControl(): MachineControl {
    return {
      resume: async (request) => {
        if (this.running) throw new Error('the machine runs already');
        this.resumes.push(request);
        this.running = true;
        this.pausing = false;
        this.emit({ kind: 'running' });
        setImmediate(() => this.slice(request, true, undefined));
      },
      pause: async () => {
        this.pausing = true;
        if (this.running && this.takesLong) this.stop({ kind: 'pause' });
      },
      setBreakpoints: async (breakpoints) => {
        this.breakpoints = breakpoints;
      },
      setExceptionStops: async (stops) => {
        this.exceptionStops = stops;
      },
      setWatchpoints: async (watchpoints) => {
        this.watchpoints = watchpoints;
      },
      setEventStops: async (stops) => {
        this.eventStops = stops;
      },
      setRegister: async (name, value) => {
        this.setRegister(name, value);
      },
      writeMemory: async (space, address, bytes) => this.write(space, address, bytes),
      input: async (input) => {
        this.inputs.push(input);
      },
      reset: async () => {
        if (this.running) throw new Error('the machine runs');
        this.resets++;
        this.powerOn();
        this.stop({ kind: 'entry' });
      },
      travel: async (to) => this.goBack({ kind: 'travel', to }, { kind: 'count' }),
      bookmark: async () => undefined,
      record: async () => { throw new MachineError('no recordings', 'user'); },
      saveSnapshot: async () => { throw new MachineError('no recordings', 'user'); },
      diskStarts: async () => [],
      stepBack: async () => this.goBack({ kind: 'stepBack' }, { kind: 'step' }),
      reverseContinue: async () => this.goBack({ kind: 'reverseContinue' }, this.reverseEnd),
      recording: async () => ({ inputs: [], retired: this.retired, time: this.retired }),
    };
  }

  /** The machine has no past: it stands where it stood, and remembers what it was asked for. */
  private goBack(way: Way, reason: StopReason): void {
    if (this.running) throw new Error('the machine runs already');
    this.ways.push(way);
    this.running = true;
    this.emit({ kind: 'running' });
    if (!this.takesLong) setImmediate(() => this.stop(reason));
  }

  private setRegister(name: string, value: bigint): void {
    const general = NAMES.find((known) => known === name);
    if (general) this.cpu.registers[general] = Number(value);
    else if (name === 'eip') this.cpu.ip = Number(value);
    else if (name === 'eflags') this.cpu.flags = Number(value);
    else if (name === 'cr3') throw new Error('cr3 must be page-aligned in this machine');
    else throw new Error(`there is no register ${name}`);
  }

  private write(_space: MemorySpace, address: bigint, bytes: Uint8Array): number {
    const count = this.memory.bytes(address, bytes.length).length;
    this.memory.load(Number(address), bytes.subarray(0, count));
    return count;
  }

  private slice(request: RunRequest, isFirst: boolean, waiting: Waiting | undefined): void {
    let wait = request.kind === 'until' ? { address: Number(request.address), aboveStack: Number(request.aboveStack ?? -1n) } : waiting;
    let first = isFirst;
    for (let count = 0; count < SLICE; count++) {
      if (!this.running) return;
      if (this.pausing) return this.stop({ kind: 'pause' });
      const hit = first ? [] : this.breakpoints.filter((breakpoint) => 'linear' in breakpoint && Number(breakpoint.linear) === this.cpu.linear)
        .filter(({ id, gate, privilege, cr3 }) => privilege !== 'user' && (cr3 ?? 0x9000) === 0x9000 && this.gates.passes('breakpoints', id, gate));
      if (hit.length > 0) return this.stop({ kind: 'breakpoint', ids: hit.map(({ id }) => id) });
      first = false;
      const at = this.cpu.linear;
      const watched = this.watchpoints.map((watch) => this.memory.bytes(watch.address, watch.length));
      const out = this.portStop();
      if (out) return this.stop(out);
      const effect = this.cpu.step();
      if (effect.kind !== 'fault') this.retired++;
      const hits = this.watchpoints.flatMap((watch, index) => this.watchHit(watch, watched[index], at));
      if (hits.length > 0) return this.stop({ kind: 'watchpoint', hits });
      if (effect.kind === 'call' && request.kind === 'step' && request.over && !wait) {
        wait = { address: effect.returnAddress, aboveStack: effect.slot };
      }
      const end = this.endOf(effect);
      if (end) return this.stop(end);
      if (wait) {
        if (this.cpu.ip !== wait.address || this.cpu.registers.esp <= wait.aboveStack) continue;
        if (request.kind === 'until') return this.stop({ kind: 'step' });
        wait = undefined;
      }
      if (request.kind === 'step' && !this.inRanges(request)) return this.stop({ kind: 'step' });
      if (request.kind === 'instructions') return this.stop({ kind: 'count' });
    }
    setImmediate(() => this.slice(request, first, wait));
  }

  /** A watchpoint whose bytes have become others. (The fake machine knows no reads.) */
  private watchHit(watch: Watchpoint, before: Uint8Array, at: number): WatchHit[] {
    const after = this.memory.bytes(watch.address, watch.length);
    if (watch.access === 'read' || after.every((byte, index) => byte === before[index])) return [];
    const number = (bytes: Uint8Array): bigint => bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
    if (!this.gates.passes('watchpoints', watch.id, watch.gate, { before: number(before), after: number(after), write: 1n })) return [];
    return [{
      id: watch.id, access: 'write', linear: watch.address, physical: Number(watch.address), offset: 0, before, after,
      by: { kind: 'cpu', cpu: 0, selector: this.selector, instructionPointer: BigInt(at), linear: BigInt(at), cr3: 0x9000, cpl: 0, delivery: false, walker: false },
    }];
  }

  /** A stop before OUT, for events of ports. */
  private portStop(): StopReason | undefined {
    const stops = this.eventStops.filter((stop) => stop.kind === 'port');
    // OUT DX, AL is all that the program has.
    const isOut = stops.length > 0 && this.memory.bytes(BigInt(this.cpu.linear), 1)[0] === 0xee && this.passedOut !== this.retired;
    if (!isOut) return undefined;
    const [port, value] = [this.cpu.registers.edx & 0xffff, this.cpu.registers.eax & 0xff];
    const ids = stops.filter((stop) => port >= stop.port && port < stop.port + (stop.count ?? 1))
      .filter(({ id, gate }) => this.gates.passes('events', id, gate, { port: BigInt(port), value: BigInt(value), write: 1n, bytes: 1n })).map(({ id }) => id);
    this.passedOut = this.retired;
    return ids.length > 0 ? { kind: 'event', ids, event: { kind: 'port', port, bytes: 1, access: 'write', value } } : undefined;
  }

  private inRanges(request: Extract<RunRequest, { kind: 'step' }>): boolean {
    const linear = BigInt(this.cpu.linear);
    return (request.ranges ?? []).some((range) => linear >= range.start && linear < range.end);
  }

  private endOf(effect: Effect): StopReason | undefined {
    switch (effect.kind) {
      case 'out': return this.out(effect.port, effect.value);
      case 'halt': return { kind: 'halted-forever', story: 'HLT with interrupts off: nothing can wake the machine.' };
      case 'fault': return this.fault(effect.vector, effect.address);
      default: return undefined;
    }
  }

  private out(port: number, value: number): StopReason | undefined {
    if (port === 0xf4) return { kind: 'exit', status: (value << 1) | 1 };
    if (port === 0x60) return { kind: 'power-off' };
    if (port === 0x61) {
      this.memory.map(this.faultAddress, 1);
      return undefined;
    }
    const channel = port === 0xe9 ? 'debug' : 'com1';
    this.emit({ kind: 'output', channel, bytes: Uint8Array.of(value) });
    return undefined;
  }

  private fault(vector: number, address: number | undefined): StopReason | undefined {
    const exception: ExceptionReport = {
      vector,
      name: VECTORS[vector] ?? `vector ${vector}`,
      ...(address === undefined ? {} : { faultAddress: BigInt(address), errorCode: 2 }),
      selector: 8,
      instructionPointer: BigInt(this.cpu.ip),
      story: address === undefined ? 'The bytes are no instruction.' : 'A write to a page that is not present.',
    };
    const ids = this.exceptionStops
      .filter((stop) => stop.vector === vector && stop.from !== 'user' && stop.privilege !== 'user')
      .filter(({ id = -1, gate }) => this.gates.passes('exceptions', id, gate, { vector: BigInt(vector), errorCode: 2n, faultAddress: BigInt(address ?? 0) }))
      .flatMap(({ id }) => id ?? []);
    if (ids.length > 0) return { kind: 'exception', exception, ids };
    if (this.guest.faultHandler !== undefined && address !== undefined) {
      this.faultAddress = address;
      this.cpu.enter(this.guest.faultHandler, this.selector, 2);
      return undefined;
    }
    const double: ExceptionReport = { ...exception, vector: 8, name: '#DF', story: 'The IDT has no gate for it.' };
    return { kind: 'triple-fault', chain: [exception, double] };
  }

  private stop(reason: StopReason): void {
    this.running = false;
    const { cpu } = this;
    this.emit({
      kind: 'stopped',
      report: {
        reason, retired: this.retired, time: this.retired, selector: this.selector,
        instructionPointer: BigInt(cpu.ip), linear: BigInt(cpu.linear),
      },
    });
  }

  private get selector(): number {
    return this.guest.bits === 16 ? (this.guest.codeBase ?? 0) >> 4 : 8;
  }

  private cpuState(): CpuState {
    const { cpu } = this;
    const general = NAMES.map((name) => ({ name, value: BigInt(cpu.registers[name]), bits: 32 }));
    return {
      processor: { index: 0, count: 1 },
      mode: cpu.bits === 16 ? 'real' : 'protected-32',
      cpl: 0,
      halted: false,
      codeBits: cpu.bits,
      selector: this.selector,
      instructionPointer: BigInt(cpu.ip),
      linear: BigInt(cpu.linear),
      stackLinear: BigInt(cpu.registers.esp),
      general: [...general, { name: 'eip', value: BigInt(cpu.ip), bits: 32 }],
      segments: SEGMENT_NAMES.map((name) => this.segment(name)),
      flags: { name: 'eflags', value: BigInt(cpu.flags), bits: 32, fields: FLAGS.map(([name, lowBit]) => flagField(name, lowBit, cpu.flags)) },
      control: [
        { name: 'cr0', value: 0x11n, bits: 32, fields: [flagField('PE', 0, 0x11), flagField('PG', 31, 0x11)] },
        { name: 'cr2', value: 0n, bits: 32, readOnly: true },
        { name: 'cr3', value: 0x9000n, bits: 32 },
        { name: 'gdtr.base', value: 0x800n, bits: 32 },
      ],
      debug: [],
      x87: [{ name: 'st0', value: 0x3fff8000000000000000n, bits: 80, meaning: '1' }],
      vector: [],
      msrs: [],
    };
  }

  private segment(name: SegmentValue['name']): SegmentValue {
    const base = name === 'cs' ? BigInt(this.guest.codeBase ?? 0) : 0n;
    const selector = name === 'cs' ? this.selector : name === 'ldtr' || name === 'tr' ? 0 : 0x10;
    const isCode = name === 'cs';
    const limit = this.guest.bits === 16 ? 0xffff : 0xffffffff;
    return { name, selector, base, limit, attributes: isCode ? 0xc9b : 0xc93, present: true, meaning: `${isCode ? 'code' : 'data'}, DPL 0` };
  }

  private makeInspection(): Inspection {
    const rights = { writable: true, user: false, executable: true };
    return {
      summary: async () => ({ running: this.running, retired: this.retired, time: this.retired, memoryBytes: 0x200000, frames: 12 }),
      cpu: async () => this.cpuState(),
      descriptors: async () => ({ processor: { index: 0, count: 1 }, mode: 'protected-32', cpl: 0, loaded: [], tasks: [] }),
      readMemory: async (_space, address, bytes) => this.memory.bytes(address, bytes),
      addressSpaces: async () => [{ key: '32-bit:9000', cr3: 0x9000, mode: '32-bit', largePages: true, noExecute: false, current: true, shadowTables: 3, shadowEntries: 40, lastUsed: 5 }],
      table: async ({ level }) => level === 1 ? undefined : {
        level: 2, linear: 0n, bytes: 1n << 32n, entryBytes: 4n << 20n, guestTable: 0x9000, traced: true, guest: [], guestAbsent: 1024,
      },
      walk: async (cr3, linear) => ({
        cr3: cr3 ?? 0x9000,
        mode: '32-bit',
        linear,
        guest: [{
          level: 2, name: 'PDE', index: Number(linear >> 22n), entryAddress: 0x9000, raw: 0xa007n, present: true, rights,
          accessed: true, dirty: false, large: false, target: 0xa000, story: 'points to the page table at a000',
        }],
        shadow: [{ level: 2, tableId: 1, index: 0, filled: false, rights, frame: 7, derivesFrom: 0x9000, story: 'not filled yet' }],
        physical: Number(linear), rights, frame: 3, backing: 'RAM',
        tlb: { read: true, write: false, execute: true },
        story: 'mapped',
      }),
      frames: async () => ({ pages: 1 << 20, kinds: ['nothing', 'RAM'], runs: Uint8Array.of(1, 4, 0, 0xfc, 0xff, 0x3f), regions: [], snapshots: false, ballooned: 0 }),
      frame: async (page) => ({ page, kind: 'RAM', backing: 'RAM', frame: 7, shared: [], mappings: [], more: false, tables: [], code: [] }),
      regions: async () => ({ regions: [REGION], left: 0 }),
      region: async (entry) => entry !== REGION.entry ? undefined : {
        summary: REGION, bodyBytes: 9, wasm: [{ indent: 1, text: 'nop', id: 0 }],
        blocks: [{ distance: 0, physical: 0x1000, bytes: Uint8Array.of(0x90, 0xeb, 0xfd), isLoop: true, instructions: [{ id: 0, offset: 0, kind: 'translated', patched: false }, { id: 1, offset: 1, kind: 'translated', patched: false }] }],
      },
      profile: async () => ({
        running: true, samples: 3, retired: 30, idle: 0, lost: 0, milliseconds: 1,
        stacks: [{ addresses: [0x1000n, 0x9010n], user: false, samples: 2, retired: 20 }, { addresses: [0x8000n, 0x9020n], user: false, samples: 1, retired: 10 }],
      }),
      counters: async () => ({ 'tlb misses': 12, 'shadow fills': 3 }),
      execution: async () => EXECUTION,
      devices: async () => [{ name: 'pit', state: { channels: [1, 2], pending: new Map([['irq0', 5]]), latch: Uint8Array.of(1, 2) } }],
      disks: async () => [FLOPPY],
      readDisk: async (name, offset, bytes) => {
        if (name !== 'floppy0') throw new MachineError(`There is no drive '${name}' with a disc in it.`, 'user');
        return this.floppy.slice(offset, offset + bytes);
      },
      picture: async (since) => ({ change: 3, width: 1, height: 1, aspect: 1, ...(since === 3 ? {} : { pixels: Uint8Array.of(1, 2, 3, 255) }) }),
      screen: async () => ({ columns: 2, rows: 1, text: ['Hi'], attributes: Uint8Array.of(7, 7), cursor: { column: 0, row: 0, visible: true } }),
      interrupts: async () => ({ lines: [], apics: [], interruptFlags: [] }),
      events: async () => ({ now: 100, events: [{ device: 'pit', event: 'irq0', time: 900 }] }),
      timeline: async () => ({ moments: this.hasPast ? [{ retired: 0, time: 0, interrupts: 0, events: 0, pages: 0 }] : [], present: { retired: this.retired, time: this.retired }, furthest: { retired: this.retired, time: this.retired }, bytes: 0, mostBytes: 0, inputs: [], edits: [], stops: [], bookmarks: [], forks: [] }),
      hash: async () => '0123abcd',
    };
  }
}

const REGION: RegionSummaryView = { entry: 77, state: 'in use', linear: 0x1000n, physical: 0x1000, bits: 32, model: 'flat', blocks: 1, instructions: 2, module: 1, moduleBytes: 500, moduleRegions: 1 };

const FLOPPY: DiskView = {
  name: 'floppy0', kind: 'floppy', bus: 'floppy', image: '/images/floppy.img', bytes: 8192, writes: 'overlay', overlayBytes: 4096,
  activity: { reads: 3, readBytes: 1536, writes: 1, writtenBytes: 512, discards: 0 }, cache: { hits: 2, fetches: 1, writes: 0 },
  zones: { reads: [3, 0], writes: [0, 1], overlay: [false, true] },
};

const EXECUTION: ExecutionState = {
  mode: 'guarded', reason: 'supervisor', story: 'supervisor code',
  instructions: { direct: 5, guarded: 7 },
  switches: [{ to: 'direct', cause: 'privilege', count: 2 }],
  exits: { exitJump: 1 },
  held: { regions: 1, modules: 1, moduleBytes: 500, tableEntries: 40, codePages: 2, codeBytes: 32768 },
  translator: {}, code: {}, shadow: {},
};

const SEGMENT_NAMES: readonly SegmentValue['name'][] = ['cs', 'ss', 'ds', 'es', 'fs', 'gs', 'ldtr', 'tr'];
const FLAGS: readonly (readonly [name: string, lowBit: number])[] = [['CF', 0], ['ZF', 6], ['SF', 7], ['OF', 11]];

function flagField(name: string, lowBit: number, from: number): RegisterField {
  const value = (from >>> lowBit) & 1;
  return { name, value, lowBit, bits: 1, meaning: value === 1 ? 'set' : 'clear' };
}

/** A factory that makes one prepared machine. */
export function factoryOf(machine: MachineSession): MachineFactory {
  return { create: async () => machine };
}
