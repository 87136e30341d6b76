/**
 * The interpreter's loops on their way into the function table. Another thread compiles them if there is one; until a loop is there, and where
 * there is too little code to be worth it, each instruction has a function of its own.
 */
import { compileAsUsual, compileLoop, type CompileHot } from './loopCompilation';
import type { LoopReply, LoopService } from './translator/order';
import { loopModule } from './writtenModules';

let compileHere = compileAsUsual;
/** The loops that there are, of 64-bit code and of other code, for all machines of the process. */
const ofThisProcess = new Map<boolean, WebAssembly.Module>();

/** From now on this thread compiles loops so, where no other one does it. */
export function compileLoopsBy(compile: CompileHot): void {
  compileHere = compile;
}

/** Which loops are to be in the table, and which are. All of it only while generated code is not running. */
export class InterpreterLoops {
  /** Kinds of code of which there is enough, or will be. */
  private readonly wanted = new Set<boolean>();
  private readonly ordered = new Set<boolean>();
  /** Those whose handlers are in the table, and they are not. */
  private readonly missing = new Set<boolean>();

  constructor(
    private readonly service: LoopService | undefined,
    private readonly place: (loop: WebAssembly.Module) => void,
    private readonly compiled = ofThisProcess,
  ) {}

  /** The guest's code will be of this kind soon: another thread may compile the loop already. */
  expect(is64Bit: boolean): void {
    this.wanted.add(is64Bit);
    if (!this.compiled.has(is64Bit)) this.order(is64Bit);
  }

  /** The handlers that a loop stands in front of are in the table. */
  handlersAreThere(is64Bit: boolean): void {
    this.missing.add(is64Bit);
    this.settle(is64Bit);
  }

  /**
   * The guest executes this kind of code, and there is enough of it: from now on a loop is to execute its common instructions. V8 takes a tenth of a second and 30
   * to 50 MB to optimise one.
   */
  use(is64Bit: boolean): void {
    if (this.wanted.has(is64Bit)) return;
    this.wanted.add(is64Bit);
    this.settle(is64Bit);
  }

  /** Whether one is being compiled elsewhere. */
  get areUnderWay(): boolean {
    return this.ordered.size > 0;
  }

  /** One has been compiled. */
  take({ is64Bit, loop }: LoopReply): void {
    this.compiled.set(is64Bit, loop);
    this.ordered.delete(is64Bit);
    this.settle(is64Bit);
  }

  /** Compiles here what nobody else will. */
  giveUpWaiting(): void {
    if (this.service?.isGone() !== true) return;
    this.ordered.clear();
    for (const is64Bit of this.missing) this.settle(is64Bit);
  }

  private settle(is64Bit: boolean): void {
    if (!this.missing.has(is64Bit) || !this.wanted.has(is64Bit)) return;
    const loop = this.compiled.get(is64Bit);
    if (loop) {
      this.missing.delete(is64Bit);
      this.place(loop);
    } else if (!this.order(is64Bit)) this.take(compileLoop({ is64Bit, bytes: loopModule(is64Bit) }, compileHere));
  }

  /** Has one compiled elsewhere; false when there is nobody to do it. */
  private order(is64Bit: boolean): boolean {
    if (!this.service || this.service.isGone()) return false;
    if (this.ordered.has(is64Bit)) return true;
    this.ordered.add(is64Bit);
    this.service.submitLoop({ is64Bit, bytes: loopModule(is64Bit) });
    return true;
  }
}
