/**
 * A machine without a processor, for tests of what stands around one: its 'guest' is a word in the kernel's
 * command line that says how it behaves. One retired instruction takes one cycle, and very little wall time.
 *
 *   count        runs for ever; register eax is the retired count
 *   hello        prints 'hello\n' on com1, then powers off
 *   echo         idles until serial input comes, sends it back; 'q' powers off
 *   tick         idles 10 ms at a time, printing '.' after each
 *   arp          asks for 10.0.2.2 by ARP on its card 'net0', idling 10 ms at a time, and prints the answer's first 42 bytes in
 *                hexadecimal and how many milliseconds of virtual time it took; then powers off
 *   exit=N       ends with status N
 *   dead         triple fault
 *   halt         halted for ever
 *   throw        throws a plain exception out of the monitor after 1000 cycles
 *   refuse       cannot be built
 *   crash        takes its whole thread down
 */
import type { MachineInput } from '../../src/monitor/devices/device';
import type { CpuState, DescriptorTables, MachineSummary, Timeline } from '../../src/monitor/inspection/queries';
import { MachineError } from '../../src/monitor/machine/blame';
import type { MachineImages } from '../../src/monitor/machine/images';
import type { OutputPiece, RunnableMachine, SliceOutcome } from '../../src/monitor/machine/runnable';
import type { LoggedInput, Recording, RunRequest, StopReason, StopReport } from '../../src/monitor/machine/session';

const TICK_CYCLES = 10_000_000;
const KERNEL_ADDRESS = 0x10_0000;

/** Keeps the thread as busy as that many instructions would at some 200 million a second. */
function work(cycles: number): void {
  const until = performance.now() + cycles / 200_000;
  while (performance.now() < until);
}

export class FakeMachine implements RunnableMachine {
  private readonly behaviour: string;
  private readonly images: MachineImages;
  private retired = 0;
  private idled = 0;
  private stopAt = Number.POSITIVE_INFINITY;
  private printed = false;
  private inputs: LoggedInput[] = [];
  private arrived: number[] = [];
  private output: OutputPiece[] = [];
  private received: Uint8Array | undefined;

  constructor(images: MachineImages) {
    this.images = images;
    this.behaviour = images.configuration.cmdline ?? 'count';
    if (this.behaviour === 'refuse') throw new MachineError('this is no kernel; write another one', 'user', 'kernel');
  }

  resume(request: RunRequest): void {
    const { maxInstructions } = this.images.configuration;
    const end = request.kind === 'instructions' ? this.retired + request.count : Number.POSITIVE_INFINITY;
    this.stopAt = Math.min(end, maxInstructions ?? Number.POSITIVE_INFINITY);
  }

  runSlice(maxCycles: number): SliceOutcome {
    const cycles = Math.min(maxCycles, this.stopAt - this.retired);
    if (this.behaviour === 'tick') return this.tick();
    if (this.behaviour === 'echo') return this.echo();
    if (this.behaviour === 'arp') return this.arp();
    if (this.behaviour === 'crash') process.exit(7);
    work(cycles);
    this.retired += cycles;
    if (this.retired >= this.stopAt) return this.report({ kind: 'count' });
    return this.ending() ?? 'more';
  }

  private ending(): StopReport | undefined {
    const [word, value] = this.behaviour.split('=');
    switch (word) {
      case 'hello':
        this.print('hello\n');
        return this.report({ kind: 'power-off' });
      case 'exit': return this.report({ kind: 'exit', status: Number(value) });
      case 'dead': return this.report({ kind: 'triple-fault', chain: [{ vector: 14, name: '#PF', selector: 8, instructionPointer: 0x1234n, story: 'nothing is mapped at 0' }] });
      case 'halt': return this.report({ kind: 'halted-forever', story: 'HLT with IF clear' });
      case 'throw':
        this.print('last words\n');
        throw new TypeError('the monitor has a bug');
      default: return undefined;
    }
  }

  private tick(): SliceOutcome {
    if (this.printed) this.print('.');
    this.printed = true;
    this.retired += 1;
    return { idleCycles: TICK_CYCLES };
  }

  private echo(): SliceOutcome {
    if (!this.printed) this.print('ready\n');
    this.printed = true;
    const bytes = Uint8Array.from(this.arrived.splice(0));
    if (bytes.length === 0) return { idleCycles: Number.POSITIVE_INFINITY };
    this.retired += bytes.length;
    this.output.push({ channel: 'com1', bytes, time: this.time });
    return bytes.includes('q'.charCodeAt(0)) ? this.report({ kind: 'power-off' }) : 'more';
  }

  private arp(): SliceOutcome {
    if (this.received !== undefined) {
      this.print(`${Buffer.from(this.received.subarray(0, 42)).toString('hex')} ${Math.round(this.time / 1e6)}`);
      return this.report({ kind: 'power-off' });
    }
    if (!this.printed) {
      const frame = Buffer.from('ffffffffffff525400123456080600010800060400015254001234560a00020f0000000000000a000202', 'hex');
      this.output.push({ channel: 'net0', bytes: Uint8Array.of(frame.length, 0, 0, 0, ...frame), time: this.time });
    }
    this.printed = true;
    this.retired += 1;
    return { idleCycles: TICK_CYCLES };
  }

  private print(text: string): void {
    this.output.push({ channel: 'com1', bytes: new TextEncoder().encode(text), time: this.time });
  }

  warp(cycles: number): void {
    this.idled += cycles;
  }

  requestPause(): StopReport {
    return this.report({ kind: 'pause' });
  }

  takeOutput(): readonly OutputPiece[] {
    return this.output.splice(0);
  }

  reset(): void {
    this.retired = 0;
    this.idled = 0;
    this.printed = false;
  }

  input(input: MachineInput): void {
    this.inputs.push({ time: this.time, events: 0, retired: this.retired, input });
    if (input.kind === 'frame') this.received = input.bytes;
    if (input.kind === 'serial') this.arrived.push(...input.bytes);
  }

  /** Snapshots that were taken. */
  remembered = 0;
  remember(): void {
    this.remembered++;
  }

  takeNotes(): readonly string[] {
    return [];
  }

  travel(): never {
    throw new MachineError('no time machine', 'user');
  }
  stepBack = this.travel;
  reverseContinue = this.travel;
  bookmark = this.travel;
  record = this.travel;
  saveSnapshot = this.travel;
  diskStarts = this.travel;

  timeline(): Timeline {
    const present = { retired: this.retired, time: this.time };
    return { moments: [], present, furthest: present, bytes: 0, mostBytes: 0, inputs: [], edits: [], stops: [], bookmarks: [], forks: [] };
  }

  recording(): Recording {
    return { inputs: this.inputs, retired: this.retired, time: this.time };
  }

  summary(): MachineSummary {
    return { running: false, retired: this.retired, time: this.time, memoryBytes: this.images.configuration.memory, frames: 1 };
  }

  descriptors(): DescriptorTables {
    return { processor: { index: 0, count: 1 }, mode: 'protected-32', cpl: 0, loaded: [], tasks: [] };
  }
  cpu(): CpuState {
    const value = BigInt(this.retired);
    const flags = { name: 'eflags', value: 2n, bits: 32 };
    const place = { selector: 8, instructionPointer: 0x7c00n, linear: 0x7c00n, stackLinear: 0n };
    return { processor: { index: 0, count: 1 }, mode: 'protected-32', cpl: 0, halted: false, codeBits: 32, ...place, general: [{ name: 'eax', value, bits: 32 }], segments: [], flags, control: [], debug: [], x87: [], vector: [], msrs: [] };
  }

  /** The kernel's bytes are all that there is, at 1 MiB; the memory under the answer is shared, as a real machine's is. */
  readMemory(_space: unknown, address: bigint, bytes: number): Uint8Array {
    const kernel = this.images.kernel?.bytes ?? new Uint8Array();
    const shared = new Uint8Array(new SharedArrayBuffer(kernel.length));
    shared.set(kernel);
    const start = Number(address) - KERNEL_ADDRESS;
    return start < 0 ? new Uint8Array() : shared.subarray(start, start + bytes);
  }

  setRegister(name: string): void {
    throw new MachineError(`there is no register '${name}'`, 'user');
  }

  walk(): never {
    throw new TypeError('walk is broken');
  }

  hash(): string {
    return `fake-${this.retired}`;
  }

  setBreakpoints(): void { /* a machine without a processor hits none */ }
  setExceptionStops(): void { /* nor does it raise exceptions */ }
  setWatchpoints(): void { /* nor does it write memory */ }
  setEventStops(): void { /* nor does anything happen in it */ }
  takeLog(): { readonly entries: readonly []; readonly lost: number } { return { entries: [], lost: 0 }; }
  writeMemory = (): number => 0;
  addressSpaces = () => [];
  table = () => undefined;
  frames = () => ({ pages: 0, kinds: [], runs: new Uint8Array(0), regions: [], snapshots: false, ballooned: 0 });
  frame = (page: number) => ({ page, kind: 'nothing' as const, backing: 'nothing', shared: [], mappings: [], more: false, tables: [], code: [] });
  sample = () => undefined;
  regions = () => ({ regions: [], left: 0 });
  region = () => undefined;
  profile = () => ({ running: false, samples: 0, retired: 0, idle: 0, stacks: [], lost: 0, milliseconds: 0 });
  counters = () => ({ slices: 1 });
  execution(): never {
    throw new TypeError('nothing is executed');
  }
  devices = () => [];
  interrupts = () => ({ lines: [], apics: [], interruptFlags: [] });
  events = () => ({ now: 0, events: [] });
  disks = () => [];
  readDisk = () => new Uint8Array();
  picture = () => ({ change: 1, width: 640, height: 400, aspect: 4 / 3 });
  screen = () => ({ columns: 80, rows: 25, text: [], attributes: new Uint8Array(), cursor: { column: 0, row: 0, visible: true } });

  private get time(): number {
    return this.retired + this.idled;
  }

  private report(reason: StopReason): StopReport {
    return { reason, retired: this.retired, time: this.time, selector: 8, instructionPointer: 0x7c00n, linear: 0x7c00n };
  }
}
