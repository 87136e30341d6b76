/**
 * Steps: by instruction, by source line, into functions (past their prologue, not into code without lines) and out of
 * them. The machine steps over address ranges; what they mean in the source is decided here.
 */
import type { CpuState } from '../src/monitor/inspection/queries';
import type { LinearRange, RunRequest, StopReport } from '../src/monitor/machine/session';
import type { Disassembler } from './disassembly/disassembler';
import { linearPlace } from './addresses';
import type { Program } from './program';
import { userError } from './ports';
import type { GoOn, Runner, Stop } from './runner';
import type { StackManager } from './stack';
import type { Target } from './target';

export type StepKind = 'over' | 'in';
export type StepUnit = 'line' | 'instruction';

/** A line whose code jumps about (loops, inlined parts) is stepped again at most so often. */
const MOST_ROUNDS = 1000;
/** Stack slots that are looked through for an interrupted instruction: what a stub pushed, error code, EIP, CS. */
const EXCEPTION_SLOTS = 5;
/** A routine of 16-bit code that takes longer than this to return is left where it is then. */
const MOST_INSTRUCTIONS = 100_000;

/** Where a call comes back to. */
interface ReturnPoint {
  readonly address: bigint;
  /** Linear address of the stack slot that holds the return address; missing when it is not known. */
  readonly slot?: bigint;
  /** The address space to come back in; missing when any will do. */
  readonly cr3?: number;
}

export class Stepper {
  constructor(
    private readonly target: Target,
    private readonly program: Program,
    private readonly runner: Runner,
    private readonly stack: StackManager,
    private readonly disassembler: Disassembler,
  ) {}

  /** A step of the CPU that this is about. */
  private stepRequest(over: boolean, ranges?: readonly LinearRange[]): RunRequest {
    const { index: cpu } = this.target;
    return { kind: 'step', over, ...(ranges ? { ranges } : {}), ...(cpu === undefined ? {} : { cpu }) };
  }

  async step(kind: StepKind, unit: StepUnit): Promise<Stop> {
    const start = await this.target.cpu();
    const statement = unit === 'line' ? this.program.statementAt(start.linear, kind === 'over') : undefined;
    if (!statement) return this.stepInstruction(kind);
    let ranges = statement.ranges;
    // In the middle of a line arguments may lie on the stack that go without a return.
    const slot = statement.isStart ? undefined : (await this.stack.callerOfTop())?.slot;
    for (let round = 0; ; round++) {
      const stop = await this.throughExceptions(start, kind, ranges, () => this.stepRanges(kind, ranges));
      if (!isArrival(stop) || round >= MOST_ROUNDS) return stop;
      const here = stop.report.linear;
      const entered = kind === 'in' ? await this.returnPointInto(ranges, codeBase(start)) : undefined;
      if (entered) {
        const next = await this.afterCall(stop, entered);
        if (!isArrival(next) || !contains(ranges, next.report.linear)) return next;
        continue;
      }
      const landed = this.program.statementAt(here, kind === 'over');
      const cpu = await this.target.cpu();
      // Code without lines, back in the caller, or the beginning of another line: that is where a person wants to be.
      const hasReturned = cpu.stackLinear > (slot ?? start.stackLinear);
      const isSameLine = this.program.isOneLine(start.linear, here);
      if (!landed || hasReturned || (landed.isStart && !isSameLine)) return stop;
      ranges = isSameLine ? [...ranges, ...landed.ranges] : landed.ranges;
    }
  }

  /**
   * Into one of the calls of the statement that is stood in, by the address of its instruction: what comes before it is stepped over.
   * Ends behind the statement when the call is not come to.
   */
  async stepInto(call: bigint): Promise<Stop> {
    const start = await this.target.cpu();
    const ranges = this.program.statementAt(start.linear, true)?.ranges ?? [{ start: start.linear, end: call + 1n }];
    const before = await this.runTo(call, ranges);
    if (before) return before;
    const stop = await this.runner.run(this.stepRequest(false));
    const entered = isArrival(stop) ? this.program.functionAt(stop.report.linear) : undefined;
    if (!entered || entered.prologueEnd <= stop.report.linear || !contains([{ start: entered.start, end: entered.prologueEnd }], stop.report.linear)) return stop;
    return this.runner.run(this.stepRequest(true, [{ start: entered.start, end: entered.prologueEnd }]));
  }

  /** Steps over instructions up to an address in `ranges`; gives the stop if something else came first. */
  private async runTo(address: bigint, ranges: readonly LinearRange[]): Promise<Stop | undefined> {
    const parts = ranges.flatMap(({ start, end }) => (address >= start && address < end ? [{ start, end: address }, { start: address + 1n, end }] : [{ start, end }]));
    if ((await this.target.cpu()).linear === address) return undefined;
    const stop = await this.runner.run(this.stepRequest(true, parts));
    return isArrival(stop) && stop.report.linear === address ? undefined : stop;
  }

  /** Runs until the current function has returned, or is left if it was inlined. Error when the caller is not known. */
  async stepOut(): Promise<Stop> {
    const inlined = this.program.inlinedAt((await this.target.cpu()).linear);
    if (inlined) return this.stepRanges('over', inlined);
    const caller = await this.stack.callerOfTop();
    const cpu = await this.target.cpu();
    if (!caller && cpu.codeBits === 16) return this.throughReturn();
    if (!caller) {
      throw userError('There is no caller to step out to: neither call frame information nor a frame pointer leads to one.');
    }
    return this.runner.run(untilReturn({ ...caller, ...sameSpace(cpu) }));
  }

  /** 16-bit code keeps no frames: steps over instruction after instruction until one that returns has been executed. */
  private async throughReturn(): Promise<Stop> {
    for (let round = 0; ; round++) {
      const instruction = await this.disassembler.instructionAt((await this.target.cpu()).linear);
      const stop = await this.stepInstruction('over');
      if (!isArrival(stop) || instruction?.flow === 'return' || round >= MOST_INSTRUCTIONS) return stop;
    }
  }

  /**
   * Back by an instruction, or to where the statement begins that is stood in; from its beginning to that of the one before it,
   * in whatever function. The machine itself knows where a step began that led here.
   */
  async back(unit: StepUnit): Promise<Stop> {
    const start = await this.target.cpu();
    const hasLines = unit === 'line' && this.program.statementAt(start.linear) !== undefined;
    for (let round = 0; ; round++) {
      const stop = await this.runner.back('stepBack');
      if (!hasLines || !isArrival(stop) || round >= MOST_ROUNDS) return stop;
      if (this.program.statementAt(stop.report.linear)?.isStart && !(await this.wasInLine(stop.report))) return stop;
    }
  }

  /**
   * Whether a line that has code in several places was come to, at the beginning of one of these, from another of them: then it did not begin
   * there. The machine ends where it was.
   */
  private async wasInLine({ linear, retired }: StopReport): Promise<boolean> {
    if (!this.program.isSplitLine(linear)) return false;
    const { moments: [first] } = await this.target.inspect.timeline();
    if (!first || retired <= first.retired) return false;
    const before = await this.runner.straight((control) => control.stepBack('instruction'));
    const wasThere = isArrival(before) && this.program.isOneLine(linear, before.report.linear);
    await this.runner.straight((control) => control.travel(retired));
    return wasThere;
  }

  private async stepInstruction(kind: StepKind): Promise<Stop> {
    const cpu = await this.target.cpu();
    const instruction = await this.disassembler.instructionAt(cpu.linear);
    const back = instruction && kind === 'over'
      ? untilReturn({ address: cpu.linear + BigInt(instruction.length), slot: cpu.stackLinear - 1n, ...sameSpace(cpu) })
      : undefined;
    return this.throughExceptions(cpu, kind, [{ start: cpu.linear, end: cpu.linear + 1n }], () =>
      this.runner.run(this.stepRequest(kind === 'over'), async () => back));
  }

  /**
   * Stepping over does not end in a handler because an instruction in `ranges` faulted: the handler is run through to
   * the instruction that it comes back to, and the step is taken again. Stepping in shows the handler.
   */
  private async throughExceptions(
    start: CpuState, kind: StepKind, ranges: readonly LinearRange[], step: () => Promise<Stop>,
  ): Promise<Stop> {
    for (let round = 0; ; round++) {
      const stop = await step();
      const back = kind === 'over' && isArrival(stop) && round < MOST_ROUNDS ? await this.interruptedIn(start, ranges) : undefined;
      if (back === undefined) return stop;
      const returned = await this.runner.run(untilReturn({ address: back, ...sameSpace(start) }));
      if (!isArrival(returned)) return returned;
    }
  }

  /**
   * The instruction in `ranges` that was interrupted, when the machine has just entered an exception handler: near the top
   * of the stack (under an error code, and what a stub has pushed) lies an instruction pointer of ours with our CS.
   */
  private async interruptedIn(start: CpuState, ranges: readonly LinearRange[]): Promise<bigint | undefined> {
    const cpu = await this.target.cpu();
    if (contains(ranges, cpu.linear)) return undefined;
    const size = cpu.codeBits / 8;
    const slots = await Promise.all(Array.from({ length: EXCEPTION_SLOTS }, (_, index) =>
      this.target.readNumber(linearPlace(cpu.stackLinear + BigInt(index * size)), size)));
    for (let index = 0; index + 1 < slots.length; index++) {
      const offset = slots[index];
      const selector = slots[index + 1];
      if (offset === undefined || selector === undefined) return undefined;
      const address = offset + codeBase(start);
      if (contains(ranges, address) && BigInt.asUintN(16, selector) === BigInt(start.selector)) return address;
    }
    return undefined;
  }

  private stepRanges(kind: StepKind, ranges: readonly LinearRange[]): Promise<Stop> {
    const request = this.stepRequest(kind === 'over', ranges);
    const goOn: GoOn = async (report) => {
      if (contains(ranges, report.linear)) return request;
      // A breakpoint that does not count, inside a function that is being stepped over: first come back.
      const back = kind === 'over' ? await this.stack.returnInto((address) => containsOrEnds(ranges, address)) : undefined;
      return back && untilReturn({ ...back, ...sameSpace(await this.target.cpu()) });
    };
    return this.runner.run(request, goOn);
  }

  /** A call has led out of the line: on to the function's body, or out again when it has no lines. */
  private async afterCall(arrived: Stop, from: ReturnPoint): Promise<Stop> {
    const here = arrived.report.linear;
    if (!this.program.lineAt(here)) return this.runner.run(untilReturn(from));
    const entered = this.program.functionAt(here);
    if (!entered || entered.prologueEnd <= here) return arrived;
    return this.runner.run(this.stepRequest(true, [{ start: entered.start, end: entered.prologueEnd }]));
  }

  /**
   * Where the machine will come back to, when its last instruction was a call in `ranges`: the top of the stack holds
   * the address after one, an offset in the code segment that was left. (Into INT n a person steps on purpose, to see
   * the handler, with lines or without.)
   */
  private async returnPointInto(ranges: readonly LinearRange[], base: bigint): Promise<ReturnPoint | undefined> {
    const cpu = await this.target.cpu();
    const size = cpu.codeBits / 8;
    const offset = await this.target.readNumber(linearPlace(cpu.stackLinear), size);
    if (offset === undefined) return undefined;
    const address = offset + base;
    const range = ranges.find((candidate) => address > candidate.start && address <= candidate.end);
    if (!range) return undefined;
    const instructions = await this.disassembler.instructionsIn(range.start, range.end);
    const last = instructions.find((instruction) => instruction.end === address);
    return last?.flow === 'call' ? { address, slot: cpu.stackLinear, ...sameSpace(cpu) } : undefined;
  }
}

/** A run that ended where it was meant to, rather than at a breakpoint, an exception or a pause. */
function isArrival(stop: Stop): boolean {
  return stop.report.reason.kind === 'step';
}

function untilReturn({ address, slot, cr3 }: ReturnPoint): RunRequest {
  return { kind: 'until', address, ...(slot === undefined ? {} : { aboveStack: slot }), ...(cr3 === undefined ? {} : { cr3 }) };
}

/**
 * Other processes may have the same code and stack at the same addresses: code at CPL 3 is come back to in the address
 * space in which it was left. (The kernel may switch spaces between a call and its return.)
 */
function sameSpace(cpu: CpuState): Pick<ReturnPoint, 'cr3'> {
  const cr3 = cpu.cpl === 3 ? cpu.control.find((register) => register.name === 'cr3')?.value : undefined;
  return cr3 === undefined ? {} : { cr3: Number(cr3) };
}

/** Base of the code segment; 64-bit code has none. */
function codeBase(cpu: CpuState): bigint {
  return cpu.codeBits === 64 ? 0n : cpu.segments.find((segment) => segment.name === 'cs')?.base ?? 0n;
}

function contains(ranges: readonly LinearRange[], address: bigint): boolean {
  return ranges.some((range) => address >= range.start && address < range.end);
}

/** The address after a call at the end of a line belongs to the next one. */
function containsOrEnds(ranges: readonly LinearRange[], address: bigint): boolean {
  return ranges.some((range) => address > range.start && address <= range.end);
}
