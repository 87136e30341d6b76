/** The generated interpreter: valid modules, with a handler for whatever the decoder may find. */
import assert from 'node:assert/strict';
import { NOT_EMULATED } from '../../../src/monitor/cpu/models/emulated';
import { findService } from '../../../src/monitor/cpu/services';
import { handlerFor } from '../../../src/monitor/engine/handlerKeys';
import { handledNames, handlersOf } from '../../../src/monitor/engine/handlerSet';
import type { HandlerKey } from '../../../src/monitor/engine/handlerShape';
import { buildBase, buildHandlers } from '../../../src/monitor/engine/interpreterModule';
import { decode } from '../../../src/monitor/isa/decoder';
import { randomCode, STREAM_BYTES } from '../isa/randomCode';

describe('the interpreter modules', function () {
  this.timeout(60_000);

  it('are valid WebAssembly', () => {
    assert.ok(WebAssembly.validate(buildBase() as BufferSource));
    const names = handledNames();
    assert.ok(names.length > 250, `${names.length} names have handlers`);
    for (const name of names) {
      for (const long of [false, true]) {
        if (handlersOf(name, long).length > 0) assert.ok(WebAssembly.validate(buildHandlers([name], long).bytes as BufferSource), name);
      }
    }
  });

  it('have a handler or a service for every instruction that the decoder gives, in all segment models', () => {
    const made = new Map<string, ReadonlySet<string>>();
    const has = (handler: HandlerKey, long: boolean): boolean => {
      const id = `${handler.name} ${long}`;
      let keys = made.get(id);
      if (!keys) made.set(id, (keys = new Set(handlersOf(handler.name, long).map(({ key }) => key))));
      return keys.has(handler.key);
    };
    const seen = new Set<string>();
    for (const bits of [16, 32, 64] as const) {
      for (const stream of randomCode(7, 200_000, bits)) {
        const instruction = decode(stream, 0, STREAM_BYTES, bits);
        assert.ok(instruction);
        const text = `${Buffer.from(stream).toString('hex')} (${bits} bits)`;
        for (const model of bits === 64 ? (['long'] as const) : (['flat', 'seg'] as const)) {
          const handler = handlerFor(instruction, model);
          assert.ok(has(handler, bits === 64), `no handler ${handler.key} for ${text}`);
          seen.add(handler.key);
        }
        const { name, feature } = instruction;
        if (name.startsWith('!') && !(feature && NOT_EMULATED.has(feature))) assert.ok(findService(name.slice(1)) !== undefined, `no service ${name} for ${text}`);
      }
    }
    assert.ok(seen.size > 2000, `${seen.size} handlers were wanted`);
  });
});
