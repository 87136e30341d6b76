/** Modules that the build writes for all machines: what comes out of the file is what would be written anew. */
import assert from 'node:assert/strict';
import { groupOf } from '../../../src/monitor/engine/handlerSet';
import { buildBase, buildHandlers } from '../../../src/monitor/engine/interpreterModule';
import { baseModule, firstEntry, handlerModule, takeModules, writeModules } from '../../../src/monitor/engine/writtenModules';

describe('modules that are written beforehand', () => {
  it('are those that would be written', () => {
    const file = writeModules();
    let read = 0;
    takeModules((offset, bytes) => {
      read += bytes;
      return file.slice(offset, offset + bytes);
    });
    assert.ok(read < file.length / 10, 'modules are read when they are asked for');
    assert.ok(Buffer.from(baseModule()).equals(buildBase()));
    for (const [name, long] of ['mov', 'fadd', 'vpaddb'].flatMap((name) => [[name, false], [name, true]] as const)) {
      const [taken, anew] = [handlerModule(name, long), buildHandlers(groupOf(name), long, firstEntry(groupOf(name), long))];
      assert.ok(Buffer.from(taken.bytes).equals(anew.bytes));
      assert.equal(taken.handlers.length, anew.handlers.length);
      assert.deepEqual(taken.pairs, anew.pairs);
      taken.handlers.forEach((handler, i) => assert.equal(handler, anew.handlers[i], handler.key));
      // The same object, by which it is found.
      assert.ok(taken.handlers.every((handler, i) => handler === anew.handlers[i]));
    }
  });

});
