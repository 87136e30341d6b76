/** The generated interpreter: a valid module, with a handler for whatever the decoder may find. */
import assert from 'node:assert/strict';
import { serviceNumber } from '../../../src/monitor/cpu/services';
import { handlerFor } from '../../../src/monitor/engine/handlerSet';
import { buildInterpreter } from '../../../src/monitor/engine/interpreterModule';
import { decode } from '../../../src/monitor/isa/decoder';
import { randomCode, STREAM_BYTES } from '../isa/randomCode';

describe('the interpreter module', function () {
  this.timeout(30_000);

  it('is valid WebAssembly', () => {
    assert.ok(WebAssembly.validate(buildInterpreter(16384, false).bytes as BufferSource));
  });

  it('has a handler or a service for every instruction that the decoder gives, in both segment models', () => {
    const { handlers } = buildInterpreter(16384, false);
    const seen = new Set<string>();
    for (const bits of [16, 32] as const) {
      for (const stream of randomCode(7, 200_000)) {
        const instruction = decode(stream, 0, STREAM_BYTES, bits);
        assert.ok(instruction);
        for (const model of ['flat', 'seg'] as const) {
          const { key } = handlerFor(instruction, model);
          assert.ok(handlers.has(key), `no handler ${key} for ${Buffer.from(stream).toString('hex')} (${bits} bits)`);
          seen.add(key);
        }
        // Throws when there is none.
        if (instruction.name.startsWith('!')) serviceNumber(instruction.name.slice(1));
      }
    }
    assert.ok(seen.size > 500, `${seen.size} handlers were wanted`);
  });
});
