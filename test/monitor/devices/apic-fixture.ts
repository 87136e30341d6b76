/** Local APICs with processors that only note what they are told, and a page of registers that is easy to reach. */
import { ApicBus, type ApicBusOptions } from '../../../src/monitor/devices/apic-bus';
import { FakeHost } from './fake-host';

export const BASE = 0xfee00000;

/** Offsets of memory-mapped registers (Intel SDM vol. 3, table 11-1). */
export const REG = {
  id: 0x20, version: 0x30, tpr: 0x80, apr: 0x90, ppr: 0xa0, eoi: 0xb0, ldr: 0xd0, dfr: 0xe0, svr: 0xf0, isr: 0x100,
  tmr: 0x180, irr: 0x200, esr: 0x280, icr: 0x300, icr2: 0x310, lvtTimer: 0x320, lvtThermal: 0x330, lvtPerformance: 0x340,
  lint0: 0x350, lint1: 0x360, lvtError: 0x370, initialCount: 0x380, currentCount: 0x390, divide: 0x3e0,
} as const;

export class ApicFixture {
  readonly host = new FakeHost();
  readonly bus: ApicBus;
  /** What processors were told, in order: 'nmi 1', 'init 2', 'sipi 1 9f'. */
  readonly told: string[] = [];
  /** Vectors of EOI broadcasts. */
  readonly ended: number[] = [];
  /** INTR as it was told: must always be what `pending` says. */
  readonly intr: boolean[];
  /** What the 8259 pair would answer. */
  externalVector = 0x08;
  moved = 0;
  timeStampOffset = 0n;

  constructor(options: ApicBusOptions = { cpus: 1 }) {
    this.intr = new Array<boolean>(options.cpus).fill(false);
    this.bus = new ApicBus(this.host, options, {
      signals: {
        interruptChanged: (cpu) => {
          this.intr[cpu] = this.bus.pending(cpu);
        },
        nonMaskable: (cpu) => this.told.push(`nmi ${cpu}`),
        initialise: (cpu) => this.told.push(`init ${cpu}`),
        startUp: (cpu, vector) => this.told.push(`sipi ${cpu} ${vector.toString(16)}`),
      },
      acknowledgeExternal: () => this.externalVector,
      nextExternal: () => this.externalVector,
      endOfInterrupt: (vector) => this.ended.push(vector),
      readinessChanged: () => undefined,
      timeStamp: () => BigInt(this.host.time) + this.timeStampOffset,
      regionsChanged: () => this.moved++,
    });
    this.host.attach(this.bus);
    this.bus.reset();
  }

  read(offset: number, cpu = 0): number {
    this.bus.currentCpu = cpu;
    return this.bus.readMemory(BASE + offset, 4);
  }

  write(offset: number, value: number, cpu = 0): void {
    this.bus.currentCpu = cpu;
    this.bus.writeMemory(BASE + offset, 4, value);
  }

  /** Enables by software, as an operating system does first. */
  enable(...cpus: readonly number[]): this {
    for (const cpu of cpus) this.write(REG.svr, 0x1ff, cpu);
    return this;
  }

  /** A fixed interprocessor interrupt to itself. */
  self(vector: number, cpu = 0): void {
    this.write(REG.icr, 0x44000 | vector, cpu);
  }

  /** Whether a vector's bit is set in ISR, TMR or IRR. */
  bit(register: number, vector: number, cpu = 0): boolean {
    return ((this.read(register + (vector >> 5) * 16, cpu) >>> (vector & 31)) & 1) !== 0;
  }

  /** Vectors that the processor takes now, in order, without serving any. */
  takeAll(cpu = 0): number[] {
    const vectors: number[] = [];
    while (this.bus.pending(cpu)) vectors.push(this.bus.acknowledge(cpu));
    return vectors;
  }
}
