/**
 * Our side of the comparison: a virtual CPU and its engine over RAM, with the few ports that programs use. Nothing else of a machine is there.
 */
import { Cpu } from '../../src/monitor/cpu/cpu';
import { TripleFault } from '../../src/monitor/cpu/interrupts';
import * as L from '../../src/monitor/cpu/layout';
import type { Processor } from '../../src/monitor/cpu/models/processor';
import { selectProcessor } from '../../src/monitor/cpu/models/selection';
import { Executor } from '../../src/monitor/engine/executor';
import { resetCpuTo } from '../../src/monitor/machine/firmwareCpu';
import { PAGE_BYTES } from '../../src/monitor/memory/layout';
import { MachineMemory } from '../../src/monitor/memory/machineMemory';
import { Mmu } from '../../src/monitor/memory/mmu';
import { ABSENT, DEVICE, PhysicalMap } from '../../src/monitor/memory/physicalMap';
import { AT, COMPARED_BYTES, INTERRUPT_VECTOR, PORT } from './layout';
import { GENERAL_NAMES, SEGMENT_NAMES, type MachineState, type SegmentName, type SegmentState } from './machineState';
import { OUR_PROCESSOR } from './processors';

/** Pages of 32-bit physical memory. */
const ALL_PAGES = 1 << 20;
const REAL_SEGMENT = { selector: 0, base: 0, limit: 0xffff, attributes: 0x93 };
/** Instructions that a prologue may take. */
const PROLOGUE_MOST = 2000;
/** Returns of the engine in the midst of one instruction before we give it up. */
const ROUNDS_MOST = 64;

/** What one step was. */
export interface OurStep {
  readonly kind: 'stepped' | 'delivered' | 'shutdown' | 'halted' | 'endless';
  /** An interrupt from outside has been delivered (else it was a fault, a trap, or an interrupt by instruction). */
  readonly external: boolean;
  /** An instruction has been done (in front of the delivery, if there was one); false when it has faulted or was not begun. */
  readonly retired: boolean;
}

/** Ports from PORT.nobody up to the end of the I/O map. */
const isNobody = (port: number): boolean => port >= PORT.nobody && port < PORT.nobody + 0x100;

function processor(): Processor {
  const selected = selectProcessor(OUR_PROCESSOR);
  if ('problem' in selected) throw new Error(`the processor ${OUR_PROCESSOR} is refused: ${selected.problem.word}`);
  return selected.processor;
}

/** All that lies above 32 bits of physical address is outside, too. */
class ComparedMap extends PhysicalMap {
  override entry(page: number): number {
    return page < ALL_PAGES ? super.entry(page) : DEVICE;
  }
}

export class Ours {
  private readonly machine = new MachineMemory(COMPARED_BYTES / PAGE_BYTES);
  private readonly map: PhysicalMap;
  private readonly cpu: Cpu;
  private readonly executor: Executor;
  /** The compared memory's live bytes. */
  readonly memory: Uint8Array;
  /** Whether the program has touched memory or ports that are not the same on both sides. */
  strayed = false;
  private interruptEnabled = false;
  private interruptPending = false;

  constructor() {
    const outside = (): number => {
      this.strayed = true;
      return 0;
    };
    this.map = new ComparedMap(this.machine, { read: outside, write: outside });
    this.map.declare(0, COMPARED_BYTES / PAGE_BYTES, ABSENT);
    this.map.declare(COMPARED_BYTES / PAGE_BYTES, ALL_PAGES - COMPARED_BYTES / PAGE_BYTES, DEVICE);
    // Made now and in order, so that the compared frames lie side by side.
    for (let page = 0; page < COMPARED_BYTES / PAGE_BYTES; page++) this.map.own(page);
    const host = this.map.own(0) * PAGE_BYTES;
    this.memory = this.machine.u8.subarray(host, host + COMPARED_BYTES);
    this.cpu = new Cpu(this.machine, new Mmu(this.machine, this.map), {
      // As QEMU's bus: nobody answers with ones, and to an address that is not aligned with zeros.
      readPort: (port, size) => {
        this.strayed ||= !isNobody(port);
        return port % size === 0 ? 2 ** (8 * size) - 1 : 0;
      },
      writePort: (port, _size, value) => this.writePort(port, value),
      acknowledgeInterrupt: () => {
        this.setPending(false);
        return INTERRUPT_VECTOR;
      },
      coprocessorError: () => undefined,
      retired: () => this.executor.retired(),
      now: () => this.executor.retired(),
    }, processor());
    this.executor = new Executor(this.cpu, this.machine);
  }

  /** Puts the processor in real mode at AT.prologue with CS = 0 and all general registers 0, and memory to `image`. */
  load(image: Uint8Array): void {
    this.strayed = false;
    this.interruptEnabled = false;
    this.setPending(false);
    this.map.copyIn(0, image.subarray(0, COMPARED_BYTES));
    resetCpuTo(this.cpu, {
      instructionPointer: AT.prologue,
      general: { eax: 0, ecx: 0, edx: 0, ebx: 0, esp: 0, ebp: 0, esi: 0, edi: 0 },
      segments: { cs: REAL_SEGMENT },
      cr0: 0x10,
    });
    this.executor.forgetDerived();
  }

  /** Runs to a linear address. @returns false when the program has not got there */
  runTo(linear: number): boolean {
    this.executor.setBreakpoints(new Set([linear]));
    try {
      return this.executor.run(PROLOGUE_MOST).kind === 'breakpoint';
    } catch (reason) {
      if (!(reason instanceof TripleFault)) throw reason;
      return false;
    } finally {
      this.executor.setBreakpoints(new Set());
      // The prologue may use the interrupt controllers.
      this.strayed = false;
    }
  }

  /** One instruction (a repeated one to its end), with the delivery of what follows it; or the delivery of a fault. */
  step(): OurStep {
    const s = this.cpu.state;
    const before = s.f64(L.RETIRED);
    const { linear } = this.executor.place();
    const result = (kind: OurStep['kind']): OurStep => ({ kind, external: false, retired: s.f64(L.RETIRED) !== before });
    try {
      for (let rounds = 0; rounds < ROUNDS_MOST; rounds++) {
        const outcome = this.executor.run(1, true);
        if (outcome.kind === 'delivered') {
          const { external, from } = outcome.interruption;
          if (external) return { kind: 'delivered', external, retired: s.f64(L.RETIRED) !== before };
          // A fault comes from the instruction, a trap from the next one.
          return { kind: 'delivered', external, retired: from.linear !== linear };
        }
        if (outcome.kind === 'halted') return result('halted');
        if (outcome.kind === 'budget') return result('stepped');
      }
      return result('endless');
    } catch (reason) {
      if (!(reason instanceof TripleFault)) throw reason;
      return result('shutdown');
    }
  }

  /** Takes status flags over that the manual leaves undefined. */
  setFlags(flags: number): void {
    this.cpu.state.status = flags;
  }

  writeMemory(address: number, bytes: Uint8Array): void {
    this.map.copyIn(address, bytes);
  }

  /** Guest-physical address behind a linear one, or -1; nothing changes by asking. */
  physical(linear: number): number {
    const page = this.cpu.mmu.peekPage(Math.floor(linear / PAGE_BYTES));
    return page < 0 ? -1 : page * PAGE_BYTES + linear - Math.floor(linear / PAGE_BYTES) * PAGE_BYTES;
  }

  /** Up to `count` bytes of code at a linear address, for the disassembler. */
  codeBytes(linear: number, count: number): Uint8Array {
    return this.executor.peekCode(count, linear);
  }

  get halted(): boolean {
    return this.cpu.state.halted;
  }

  state(): MachineState {
    const s = this.cpu.state;
    return {
      general: GENERAL_NAMES.map((_, i) => s.u64(L.REG + 8 * i)),
      rip: BigInt.asUintN(64, BigInt(s.eip)),
      flags: s.flags,
      cpl: s.cpl,
      segments: Object.fromEntries(SEGMENT_NAMES.map((name, i) => [name, this.segment(i)])) as Record<SegmentName, SegmentState>,
      gdtr: { base: s.u64(L.GDTR_BASE), limit: s.u32(L.GDTR_LIMIT) },
      idtr: { base: s.u64(L.IDTR_BASE), limit: s.u32(L.IDTR_LIMIT) },
      cr0: s.cr0,
      cr2: s.u64(L.CR2),
      cr3: BigInt(s.cr3),
      cr4: s.cr4,
      efer: s.efer,
      dr6: s.u32(L.DR + 8 * 6),
      dr7: s.u32(L.DR + 8 * 7),
    };
  }

  private segment(number: number): SegmentState {
    const s = this.cpu.state;
    return { selector: s.selector(number), base: BigInt.asUintN(64, BigInt(s.base(number))), limit: s.limit(number), attributes: s.attributes(number) };
  }

  /** The interrupt port behaves as a UART's interrupt enable register with an empty transmitter, behind an edge-triggered PIC. */
  private writePort(port: number, value: number): void {
    if (port !== PORT.interrupt) {
      this.strayed ||= !isNobody(port);
      return;
    }
    const enabled = (value & 2) !== 0;
    if (enabled && !this.interruptEnabled) this.setPending(true);
    this.interruptEnabled = enabled;
  }

  private setPending(pending: boolean): void {
    this.interruptPending = pending;
    this.cpu.interruptLine = pending;
    if (pending) this.cpu.attention = true;
  }

  /** An interrupt has been requested and not been taken yet. */
  get interruptRequested(): boolean {
    return this.interruptPending;
  }
}
