/**
 * Instructions that cross a page's end, in hot code: decoded over both pages once, and executed from records of their own
 * as long as the next linear page leads to the same code page.
 */
import type { Cpu } from '../cpu/cpu';
import { CS } from '../cpu/layout';
import { GuestFault } from '../memory/guestFault';
import { MAX_INSTRUCTION_BYTES, decode } from '../isa/decoder';
import { PAGE_BYTES } from '../memory/layout';
import type { MachineMemory } from '../memory/machineMemory';
import type { CodeCache } from './codeCache';
import type { CodePage } from './codePage';
import type { CodeLocator } from './codeLocator';

export class PageCrossings {
  /** How many have been bridged. */
  bridged = 0;

  constructor(
    private readonly cpu: Cpu,
    private readonly machine: MachineMemory,
    private readonly code: CodeCache,
    private readonly locator: CodeLocator,
  ) {}

  /**
   * Lets generated code execute the instruction of a `crossing` record by itself from now on, if it can be fetched. EIP
   * stands on it.
   */
  bridge(record: number, eip: number): void {
    const { mmu, user } = this.cpu;
    const linear = this.cpu.state.linear(CS, eip);
    const page = mmu.pageOf(linear);
    const next = this.locator.nextPage(page);
    const offset = linear - Math.floor(linear / PAGE_BYTES) * PAGE_BYTES;
    try {
      const first = this.codePage(mmu.fetchPage(page, offset, user), eip - offset);
      const second = this.codePage(mmu.fetchPage(next, 0, user), eip - offset + PAGE_BYTES);
      if (first && second) this.join(record, first, second, offset);
    } catch (reason) {
      if (!(reason instanceof GuestFault)) throw reason;
      // It will fault when it is executed.
    }
  }

  /** The code page behind a linear page; none where CS's limit ends in it, or there is no memory. */
  private codePage(guestPage: number, start: number): CodePage | undefined {
    const { map } = this.cpu.mmu;
    const frame = map.frame(guestPage);
    if (frame <= 0) return undefined;
    const found = this.code.page(frame, this.locator.contextAt(start));
    if (!found || found.context.first !== 0 || found.context.end !== PAGE_BYTES) return undefined;
    this.cpu.mmu.traceCode(guestPage, frame);
    return found;
  }

  private join(record: number, first: CodePage, second: CodePage, offset: number): void {
    const bytes = new Uint8Array(MAX_INSTRUCTION_BYTES + 1);
    const inFirst = PAGE_BYTES - offset;
    const { u8 } = this.machine;
    bytes.set(u8.subarray(first.frame * PAGE_BYTES + offset, (first.frame + 1) * PAGE_BYTES).subarray(0, bytes.length));
    if (inFirst < bytes.length) bytes.set(u8.subarray(second.frame * PAGE_BYTES, second.frame * PAGE_BYTES + bytes.length - inFirst), inFirst);
    const instruction = decode(bytes, 0, bytes.length, first.context.bits);
    if (!instruction || instruction.length <= inFirst || instruction.repeat !== 0) return;
    if (this.code.bridge(record, first, second, this.code.admit(instruction, first.context), offset)) this.bridged++;
  }
}
