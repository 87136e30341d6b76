/** The interpreter's loops on their way into the function table: from another thread, from one that ends, and from none. */
import assert from 'node:assert/strict';
import { InterpreterLoops, compileLoopsBy } from '../../../src/monitor/engine/interpreterLoops';
import { compileAsUsual, compileLoop, type CompileHot } from '../../../src/monitor/engine/loopCompilation';
import type { LoopOrder, LoopService } from '../../../src/monitor/engine/translator/order';
import { loopModule } from '../../../src/monitor/engine/writtenModules';

/** Another thread that does nothing but when it is told. */
class Elsewhere implements LoopService {
  readonly orders: LoopOrder[] = [];
  gone = false;

  submitLoop(order: LoopOrder): void {
    this.orders.push(order);
  }
  isGone(): boolean {
    return this.gone;
  }
}

describe('the interpreter\'s loops on their way', () => {
  let compiledHere = 0;
  const placed: WebAssembly.Module[] = [];
  /** Loops are kept for all machines of a process: these tests have one of their own for each. */
  const newLoops = (service?: LoopService): InterpreterLoops => new InterpreterLoops(service, (loop) => { placed.push(loop); }, new Map());

  beforeEach(() => {
    compiledHere = placed.length = 0;
    compileLoopsBy((bytes, callOf) => {
      compiledHere++;
      return compileAsUsual(bytes, callOf);
    });
  });
  after(() => compileLoopsBy(compileAsUsual));

  it('one that is expected is ordered at once, and placed when it and its handlers are there', () => {
    const elsewhere = new Elsewhere();
    const loops = newLoops(elsewhere);
    loops.expect(true);
    loops.expect(true);
    assert.equal(elsewhere.orders.length, 1);
    const reply = compileLoop(elsewhere.orders[0]);
    assert.ok(loops.areUnderWay);
    loops.take(reply);
    assert.ok(!loops.areUnderWay);
    assert.deepEqual(placed, []);
    loops.handlersAreThere(true);
    assert.deepEqual(placed, [reply.loop]);
    loops.use(true);
    assert.equal(placed.length, 1);
    assert.equal(compiledHere, 0);
  });

  it('others are ordered when there is enough of their code, and not for what there was of another kind', () => {
    const elsewhere = new Elsewhere();
    const loops = newLoops(elsewhere);
    loops.handlersAreThere(false);
    loops.use(true);
    assert.equal(elsewhere.orders.length, 0);
    loops.handlersAreThere(true);
    assert.deepEqual(elsewhere.orders.map(({ is64Bit }) => is64Bit), [true]);
    loops.use(false);
    assert.deepEqual(elsewhere.orders.map(({ is64Bit }) => is64Bit), [true, false]);
    for (const order of elsewhere.orders) loops.take(compileLoop(order));
    assert.equal(placed.length, 2);
  });

  it('without another thread this one compiles them, when there is enough of their code', () => {
    const loops = newLoops();
    loops.expect(true);
    loops.handlersAreThere(false);
    assert.equal(compiledHere, 0);
    loops.use(false);
    assert.deepEqual([compiledHere, placed.length], [1, 1]);
    loops.handlersAreThere(true);
    assert.deepEqual([compiledHere, placed.length], [2, 2]);
  });

  it('and when the other thread has ended', () => {
    const elsewhere = new Elsewhere();
    const loops = newLoops(elsewhere);
    loops.expect(false);
    loops.handlersAreThere(false);
    loops.giveUpWaiting();
    assert.equal(compiledHere, 0);
    elsewhere.gone = true;
    loops.giveUpWaiting();
    assert.deepEqual([compiledHere, placed.length, loops.areUnderWay], [1, 1, false]);
  });

  it('a second machine has the one that there is', () => {
    const known = new Map<boolean, WebAssembly.Module>();
    const machines = [0, 1].map(() => new InterpreterLoops(undefined, (loop) => { placed.push(loop); }, known));
    for (const loops of machines) {
      loops.use(true);
      loops.handlersAreThere(true);
    }
    assert.equal(compiledHere, 1);
    assert.equal(placed.length, 2);
    assert.equal(placed[0], placed[1]);
  });

  for (const is64Bit of [false, true]) {
    it(`what compiles a loop can call it, and it jumps back each time: ${is64Bit ? '64-bit' : 'other'} code`, () => {
      const turns: boolean[] = [];
      const compile: CompileHot = (bytes, callOf) => {
        const module = new WebAssembly.Module(bytes as BufferSource);
        const call = callOf(module);
        for (let calls = 0; calls < 10; calls++) turns.push(call());
        return module;
      };
      compileLoop({ is64Bit, bytes: loopModule(is64Bit) }, compile);
      assert.deepEqual(turns, Array.from({ length: 10 }, () => true));
    });
  }
});
