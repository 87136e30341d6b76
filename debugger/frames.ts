/**
 * The stack as the client sees it: inlined calls become frames of their own, each frame gets an id that is valid until
 * the machine goes, and the end of the chain is told in words.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { CpuState } from '../src/monitor/inspection/queries';
import type { Listings } from './disassembly/listings';
import { hex, segmented } from './numbers';
import { FrameVariables, type FrameView } from './locals';
import { userError } from './ports';
import { callName, openCalls } from './openCalls';
import type { Program, ProgramSource } from './program';
import { registerNamed, type NamedRegister } from './registers';
import type { SourceChecks } from './sourceChecks';
import type { StackManager } from './stack';
import { dwarfRegisterNumber } from './symbols/registers';
import type { Scope } from './expressions/evaluator';
import type { Target } from './target';

interface ShownFrame extends FrameView {
  readonly id: number;
  readonly line: { readonly source: ProgramSource; readonly line: number; readonly column: number } | undefined;
  /** What the guest says of code that has no symbol. */
  readonly said?: string;
}

/** Linear address of the first instruction after a reset: 16 bytes below 4 GiB (SDM volume 3, 9.1.4). */
const RESET_VECTOR = 0xfffffff0n;

export class FrameManager {
  /** Ids grow from stop to stop, so that an old one is never taken for a new one. */
  private firstId: number;
  private readonly begin: number;
  private nextId: number;
  private shown: Promise<readonly ShownFrame[]> | undefined;

  constructor(
    private readonly target: Target,
    private readonly program: Program,
    private readonly stack: StackManager,
    /** What is shown in place of a source that the innermost frame does not have. */
    private readonly listings: Listings,
    private readonly checks: Pick<SourceChecks, 'lookAt'>,
    /** Number of the first frame: other CPUs' frames have others. */
    firstId = 1,
  ) {
    this.begin = this.firstId = this.nextId = firstId;
  }

  /** The machine goes: the ids of its frames are no longer valid. */
  moved(): void {
    this.changed();
    this.firstId = this.nextId;
  }

  /** Whether a frame is one of an earlier stop. */
  isPast(frameId: number): boolean {
    return frameId >= this.begin && frameId < this.firstId;
  }

  /** Something was edited where the machine stands: frames are found anew and keep their ids. */
  changed(): void {
    this.shown = undefined;
    this.stack.forget();
  }

  /** stackTrace: `levels` 0 asks for all. */
  async stackTrace(startFrame: number, levels: number): Promise<DebugProtocol.StackTraceResponse['body']> {
    const frames = await this.frames();
    const cpu = await this.target.cpu();
    const { end } = await this.stack.stack();
    await this.checks.lookAt(frames.flatMap(({ line }) => line?.source ?? []));
    const anySource = frames.some(({ line }) => line?.source.exists);
    const shown = await this.withListing(frames.map((frame, index) => this.present(frame, cpu, index === 0 || !anySource)), frames[0]);
    const withEdges = shown.flatMap((item, index) => [item, ...edgeLabel(frames[index], frames.at(index + 1))]);
    const all = [...withEdges, ...this.endLabel(frames.length, end)];
    const last = levels > 0 ? startFrame + levels : all.length;
    return { stackFrames: all.slice(startFrame, last), totalFrames: all.length };
  }

  /** Which activation on the stack a frame belongs to: 0 is the innermost. */
  async physicalIndex(frameId: number): Promise<number> {
    return (await this.view(frameId)).physicalIndex;
  }

  private async view(frameId: number | undefined): Promise<FrameView> {
    const frames = await this.frames();
    const view = frameId === undefined ? frames[0] : frames.find((frame) => frame.id === frameId);
    if (!view) throw userError(`There is no stack frame ${frameId} any more.`);
    return view;
  }

  /** What an expression or a scope of a frame refers to; the innermost frame when there is no id. */
  async scope(frameId: number | undefined): Promise<Scope & { readonly view: FrameView }> {
    const view = await this.view(frameId);
    const cpu = await this.target.cpu();
    const { memory } = this.target;
    return {
      view, cpu, memory, program: this.program,
      variables: new FrameVariables(view, cpu, this.program, memory),
      register: (name) => registerOf(view, cpu, name),
    };
  }

  private frames(): Promise<readonly ShownFrame[]> {
    this.shown ??= this.makeFrames();
    return this.shown;
  }

  private async makeFrames(): Promise<readonly ShownFrame[]> {
    const { frames } = await this.stack.stack();
    const first = this.firstId;
    const calls = frames.flatMap((frame, physicalIndex) => (
      openCalls(frame, this.program).map((call) => ({ ...call, frame, physicalIndex, callers: frames.slice(physicalIndex + 1) }))
    ));
    const shown = await Promise.all(calls.map(async (call, index) => {
      const said = call.scope || this.program.nameOf(call.frame.lookup) !== undefined ? undefined : await this.program.placeNamed(call.frame.pc);
      return { ...call, id: first + index, ...(said === undefined ? {} : { said }) };
    }));
    this.nextId = Math.max(this.nextId, first + shown.length);
    return shown;
  }

  /**
   * `important`: the client is to show the frame, source or not. It folds neighbours that are not; of a stack in which
   * nothing has a source it would show nothing.
   */
  private present(shown: ShownFrame, cpu: CpuState, important: boolean): DebugProtocol.StackFrame {
    const { frame, line } = shown;
    return {
      id: shown.id,
      name: this.nameOf(shown, cpu),
      line: line?.line ?? 0,
      column: line?.column ?? 0,
      instructionPointerReference: hex(frame.pc),
      ...(frame.image ? { moduleId: frame.image.id } : {}),
      ...(line ? { source: dapSource(line.source) } : {}),
      ...hintFor(line, important),
    };
  }

  /** The frames, the innermost one with its disassembly where it has no source. */
  private async withListing(
    shown: readonly DebugProtocol.StackFrame[], { frame, line }: ShownFrame,
  ): Promise<readonly DebugProtocol.StackFrame[]> {
    const listed = line ? undefined : await this.listings.lineAt(frame.pc);
    if (!listed) return shown;
    const [top, ...callers] = shown;
    return [{ ...top, ...listed }, ...callers];
  }

  private nameOf({ scope, frame, said }: ShownFrame, cpu: CpuState): string {
    const name = callName(scope, frame, this.program) ?? said;
    if (name !== undefined) return name;
    if (cpu.codeBits !== 16) return hex(frame.pc, 8);
    const place = segmented(cpu.selector, cpu.instructionPointer);
    return frame.pc === RESET_VECTOR ? `${place} (reset vector)` : place;
  }

  /** A frame that says why there are no more of them, so that nobody wonders. It has no code and no variables. */
  private endLabel(count: number, end: string): DebugProtocol.StackFrame[] {
    if (count < 2) return [];
    return [{ id: 0, name: `(${end})`, line: 0, column: 0, presentationHint: 'label' }];
  }
}

/** What lies between an activation and its caller, behind the last of the calls that are inlined into it. */
function edgeLabel({ frame }: ShownFrame, caller: ShownFrame | undefined): DebugProtocol.StackFrame[] {
  if (frame.edge === undefined || caller?.frame === frame) return [];
  return [{ id: 0, name: frame.edge, line: 0, column: 0, presentationHint: 'label' }];
}

/** Frames whose source cannot be shown are folded by the client, unless they are important all the same. */
function hintFor(line: ShownFrame['line'], important: boolean): Pick<DebugProtocol.StackFrame, 'presentationHint'> {
  if (line?.source.exists) return {};
  return { presentationHint: important ? 'normal' : 'subtle' };
}

/** A source in the protocol's form. */
export function dapSource(source: ProgramSource): DebugProtocol.Source {
  const checksums: Pick<DebugProtocol.Source, 'checksums'> = source.md5 === undefined ? {} : { checksums: [{ algorithm: 'MD5', checksum: source.md5 }] };
  if (source.exists) return { name: source.name, path: source.path, ...checksums };
  return { name: source.name, path: source.path, ...checksums, presentationHint: 'deemphasize', origin: 'not found on this computer' };
}

/** In a caller only the registers that were recovered are known, and they cannot be set. */
function registerOf(view: FrameView, cpu: CpuState, name: string): NamedRegister | undefined {
  const register = registerNamed(cpu, name);
  if (view.physicalIndex === 0 || !register) return register;
  const { frame } = view;
  if (name.toLowerCase() === 'eip' || name.toLowerCase() === 'rip') return { ...register, value: frame.pc, readOnly: true };
  // 32-bit code in long mode knows the low halves of its caller's registers alone, under their old names.
  const whole64 = register.part?.whole ?? register.name;
  const number = dwarfRegisterNumber(frame.machine, whole64) ?? dwarfRegisterNumber(frame.machine, whole64.replace(/^r(?=..$)/, 'e'));
  if (number === undefined) return cpu.general.some(({ name: general }) => general === whole64) ? undefined : { ...register, readOnly: true };
  const whole = frame.registers.get(number);
  if (whole === undefined) return undefined;
  const value = BigInt.asUintN(register.bits, whole >> BigInt(register.part?.lowBit ?? 0));
  return { ...register, value, readOnly: true };
}
