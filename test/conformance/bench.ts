/**
 * The engine on a bench: one virtual CPU at CPL 3 in flat 32-bit protected mode with real page tables
 * that map the windows of the vector files. It is loaded with a state, executes one instruction, and is read out.
 */
import { Cpu } from '../../src/monitor/cpu/cpu';
import * as L from '../../src/monitor/cpu/layout';
import { ATTRIBUTE, CR0, CR4, EFER, segmentAt } from '../../src/monitor/cpu/state';
import { FpuState } from '../../src/monitor/cpu/x87';
import { ENGINES, type EngineSettings } from '../../src/monitor/engine/engineSettings';
import { Executor, type RunOutcome } from '../../src/monitor/engine/executor';
import { resetCpuTo } from '../../src/monitor/machine/firmwareCpu';
import { FORMATS, PTE, tableIndex } from '../../src/monitor/memory/guestPaging';
import { CPU_BASE, PAGE_BYTES } from '../../src/monitor/memory/layout';
import { MachineMemory } from '../../src/monitor/memory/machineMemory';
import { Mmu } from '../../src/monitor/memory/mmu';
import { ABSENT, PhysicalMap } from '../../src/monitor/memory/physicalMap';
import { CODE_FILL, CODE_WINDOWS, DATA_WINDOWS, FPU_REGISTERS, GENERAL, PATTERN, XMM, YMM_HIGH, writeRuns, type Mode, type Registers, type Window } from './expectedState';
import type { MemoryRun } from './vectorFile';

/** Guest-physical pages: the root table and the tables below it first, then the windows. */
const ROOT = 0x1000;
const FIRST_TABLE = 0x2000;
const FIRST_WINDOW = 0x10000;
const GUEST_BYTES = 0x40000;

const USER_CODE = 0x1b;
const USER_DATA = 0x23;
/** P, DPL 3, S, accessed, G, D; type code/readable and data/writable. */
const CODE_ATTRIBUTES: Readonly<Record<Mode, number>> = { 32: 0xcfb, 64: 0xafb };
const DATA_ATTRIBUTES = 0xcf3;

const FS_BASE = segmentAt(L.FS) + L.SEG_BASE;
const GS_BASE = segmentAt(L.GS) + L.SEG_BASE;

/** What executes a vector: the interpreter, or code translated from its one instruction. */
export type BenchEngine = 'interpreter' | 'translator';
export const BENCH_ENGINES: readonly BenchEngine[] = ['interpreter', 'translator'];
const ENGINE_SETTINGS: Readonly<Record<BenchEngine, EngineSettings>> = {
  interpreter: ENGINES.interpreter,
  translator: { ...ENGINES['translate-all'], longestBlock: 1 },
};

const ALL_VECTORS: ReadonlySet<number> = new Set(Array.from({ length: 32 }, (_, i) => i));

/** How segments are reached: `flat` skips their checks, `checked` makes the engine do them. */
export type SegmentModel = 'flat' | 'checked';

function noPort(): never {
  throw new Error('A vector has reached an I/O port: such vectors do not exist');
}

/** One bench serves any number of vectors, one behind the other. */
export class Bench {
  private readonly machine = new MachineMemory(GUEST_BYTES / PAGE_BYTES);
  private readonly map = new PhysicalMap(this.machine, { read: noPort, write: noPort });
  private readonly cpu: Cpu;
  private readonly executor: Executor;
  private readonly fpu: FpuState;
  /** Live bytes of the data windows in machine memory. */
  readonly windows: readonly Uint8Array[];
  private readonly physical = new Map<Window, number>();
  /** Where code bytes of the last vector lie, to be overwritten. */
  private used: { address: number; bytes: number } | undefined;

  constructor(
    private readonly mode: Mode,
    engine: BenchEngine,
  ) {
    const mmu = new Mmu(this.machine, this.map);
    this.cpu = new Cpu(this.machine, mmu, {
      readPort: noPort,
      writePort: noPort,
      acknowledgeInterrupt: noPort,
      coprocessorError: noPort,
      retired: () => this.executor.retired(),
      now: () => 0,
    });
    this.executor = new Executor(this.cpu, this.machine, ENGINE_SETTINGS[engine]);
    this.executor.stopVectors = ALL_VECTORS;
    this.map.declare(0, GUEST_BYTES / PAGE_BYTES, ABSENT);
    this.mapWindows();
    this.windows = DATA_WINDOWS[mode].map((window) => this.live(window));
    this.startCpu();
    this.fpu = new FpuState(this.cpu.state.view, CPU_BASE + L.FPU);
  }

  /** Chooses how segments are reached from now on. */
  set model(model: SegmentModel) {
    if (this.mode === 64) return;
    // A stack-like ES that lacks one byte at offset 0 is not flat, and so no segment is taken to be.
    const down = model === 'checked';
    this.cpu.setSegment(L.ES, USER_DATA, 0, down ? 0 : 0xffffffff, down ? DATA_ATTRIBUTES | ATTRIBUTE.expandDown : DATA_ATTRIBUTES);
  }

  /** Puts the CPU and memory into a state; the instruction stands at `ip`. */
  load(registers: Registers, memory: readonly MemoryRun[] | undefined, code: Uint8Array): void {
    const s = this.cpu.state;
    this.windows.forEach((window) => window.set(PATTERN));
    writeRuns(this.mode, this.windows, memory);
    this.placeCode(Number(registers['ip']), code);
    GENERAL[this.mode].forEach((name, i) => s.setReg64(i, registers[name]));
    s.flags = Number(registers['fl']);
    s.setU64(L.EIP, registers['ip']);
    this.loadVectors(registers);
    s.setU32(L.PENDING_DEBUG, 0);
    s.halted = false;
    this.loadFpu(registers);
  }

  /** Executes one instruction, repeated ones to their end. */
  step(): RunOutcome {
    return this.executor.run(1);
  }

  /** All registers by name; flags without TF and RF. */
  registers(): Registers {
    const s = this.cpu.state;
    const fpu = this.fpu;
    const result: Record<string, bigint> = {};
    GENERAL[this.mode].forEach((name, i) => (result[name] = this.mode === 64 ? s.reg64(i) : BigInt(s.reg(i))));
    result['ip'] = s.u64(L.EIP);
    result['fl'] = BigInt(s.flags & ~0x10100);
    if (this.mode === 64) {
      result['fsb'] = s.u64(FS_BASE);
      result['gsb'] = s.u64(GS_BASE);
    }
    result['mxcsr'] = BigInt(s.u32(L.MXCSR));
    const half = (at: number): bigint => s.u64(at) | (s.u64(at + 8) << 64n);
    XMM[this.mode].forEach((name, i) => (result[name] = half(L.VECTOR + L.VECTOR_BYTES * i)));
    YMM_HIGH[this.mode].forEach((name, i) => (result[name] = half(L.VECTOR + L.VECTOR_BYTES * i + 16)));
    result['fcw'] = BigInt(fpu.controlWord);
    result['fsw'] = BigInt(fpu.statusWord);
    result['ftw'] = BigInt(fpu.tagWord);
    FPU_REGISTERS.forEach((name, i) => {
      const low = s.u64(L.FPU + 16 * i);
      result[name] = (BigInt(fpu.signExponent(i)) << 64n) | low;
    });
    return result;
  }

  private loadVectors(registers: Registers): void {
    const s = this.cpu.state;
    s.setU32(L.MXCSR, Number(registers['mxcsr']));
    const setHalf = (at: number, value: bigint): void => {
      s.setU64(at, BigInt.asUintN(64, value));
      s.setU64(at + 8, value >> 64n);
    };
    XMM[this.mode].forEach((name, i) => setHalf(L.VECTOR + L.VECTOR_BYTES * i, registers[name]));
    YMM_HIGH[this.mode].forEach((name, i) => setHalf(L.VECTOR + L.VECTOR_BYTES * i + 16, registers[name]));
    if (this.mode === 32) return;
    s.setU64(FS_BASE, registers['fsb']);
    s.setU64(GS_BASE, registers['gsb']);
  }

  private loadFpu(registers: Registers): void {
    const fpu = this.fpu;
    fpu.controlWord = Number(registers['fcw']);
    fpu.statusWord = Number(registers['fsw']);
    FPU_REGISTERS.forEach((name, i) => {
      const value = registers[name];
      fpu.setEncoding(i, Number(value >> 64n), Number((value >> 32n) & 0xffffffffn), Number(value & 0xffffffffn));
    });
    fpu.tagWord = Number(registers['ftw']);
  }

  /** Writes code through the physical map, so that decoded blocks are dropped as for any other write. */
  private placeCode(linear: number, code: Uint8Array): void {
    if (this.used) this.map.copyIn(this.used.address, new Uint8Array(this.used.bytes).fill(CODE_FILL));
    const window = CODE_WINDOWS[this.mode].find((w) => linear >= w.start && linear < w.start + w.bytes);
    const physical = window && this.physical.get(window);
    if (window === undefined || physical === undefined) throw new Error(`the vector's ip ${linear.toString(16)} lies outside the code windows`);
    const address = physical + linear - window.start;
    const bytes = Math.min(code.length, window.start + window.bytes - linear);
    this.map.copyIn(address, code.subarray(0, bytes));
    this.used = { address, bytes };
  }

  private live(window: Window): Uint8Array {
    const host = this.map.own(Math.floor((this.physical.get(window) ?? 0) / PAGE_BYTES)) * PAGE_BYTES;
    return this.machine.u8.subarray(host, host + window.bytes);
  }

  /** Page tables for all windows, and nothing else: user pages, data writable. */
  private mapWindows(): void {
    const format = FORMATS[this.mode === 64 ? '4-level' : '32-bit'];
    const data = DATA_WINDOWS[this.mode];
    let nextTable = FIRST_TABLE;
    let nextPage = FIRST_WINDOW;
    const write = (entry: number, value: number): void => this.map.write(entry, 4, value);
    /** Address of the leaf entry of a linear page; tables on the way are made. */
    const leaf = (page: number): number => {
      let table = ROOT;
      for (let level = format.levels; ; level--) {
        const entry = table + format.entryBytes * tableIndex(page, level, format.indexBits);
        if (level === 1) return entry;
        if (this.map.read(entry, 4) === 0) {
          write(entry, nextTable | PTE.present | PTE.user | PTE.writable);
          nextTable += PAGE_BYTES;
        }
        table = this.map.read(entry, 4) & ~0xfff;
      }
    };
    for (const window of [...data, ...CODE_WINDOWS[this.mode]]) {
      this.physical.set(window, nextPage);
      const rights = PTE.present | PTE.user | (data.includes(window) ? PTE.writable : 0);
      for (let at = 0; at < window.bytes; at += PAGE_BYTES, nextPage += PAGE_BYTES) {
        write(leaf((window.start + at) / PAGE_BYTES), nextPage | rights);
        // Touched now, so that the frames of a window lie side by side.
        this.map.own(nextPage / PAGE_BYTES);
      }
      if (!data.includes(window)) this.map.copyIn(this.physical.get(window) ?? 0, new Uint8Array(window.bytes).fill(CODE_FILL));
    }
  }

  private startCpu(): void {
    const code = { selector: USER_CODE, base: 0, limit: 0xffffffff, attributes: CODE_ATTRIBUTES[this.mode] };
    const data = { selector: USER_DATA, base: 0, limit: 0xffffffff, attributes: DATA_ATTRIBUTES };
    const none = { selector: 0, base: 0, limit: 0, attributes: 0 };
    const s = this.cpu.state;
    resetCpuTo(this.cpu, {
      instructionPointer: 0,
      segments: { cs: code, ds: data, es: data, ss: data, fs: none, gs: none },
      cr0: (CR0.PE | CR0.ET | CR0.NE | CR0.WP | CR0.PG) >>> 0,
    });
    s.setWide(L.CR3, ROOT);
    const wide = this.mode === 64;
    s.setU32(L.CR4, CR4.OSFXSR | CR4.OSXMMEXCPT | CR4.OSXSAVE | (wide ? CR4.PAE : 0));
    s.setU32(L.XCR0, 7);
    if (wide) s.setU32(L.EFER, EFER.LME | EFER.LMA | EFER.SCE);
    this.cpu.setCpl(3);
    this.cpu.updatePaging();
  }
}
