/** Packets on the wire: as the manual has them, in pieces of any length, and damaged. */
import assert from 'node:assert/strict';
import { PACKET_BYTES, PacketReader, bytesOf, compressed, escaped, packet, textOf, unescaped } from '../../../src/host/gdb/packets';
import { randomNumbers } from '../../guests/harness';
import { expanded } from './client';

const wire = (text: string): Uint8Array => bytesOf(text);

describe('packets of GDB\'s', () => {
  it('are framed with their checksum', () => {
    assert.equal(textOf(packet('OK')), '$OK#9a');
    assert.equal(textOf(packet('')), '$#00');
  });

  it('have runs as the manual shows them: 0*" for four zeros', () => {
    assert.equal(compressed('0000'), '0* ');
    assert.equal(compressed('000'), '000');
    assert.equal(expanded('0* '), '0000');
  });

  it('never write a repeat count as # $ + or -, and are read back', () => {
    for (let count = 1; count < 400; count++) {
      for (const body of ['0'.repeat(count), `a${'x'.repeat(count)}b`, escaped('*'.repeat(count)), `${escaped('}')}${'0'.repeat(count)}`]) {
        const text = compressed(body);
        assert.equal(expanded(text), body);
        assert.ok(!/\*[#$+-]/.test(text.replace(/\}[^]/g, '')), text);
        assert.ok(text.length <= body.length);
      }
    }
    assert.ok(compressed('0'.repeat(400)).length < 20);
  });

  it('escape what has a meaning of its own', () => {
    const all = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('');
    assert.equal(escaped('}'), '}]');
    assert.equal(unescaped(escaped(all)), all);
    assert.ok(!/[#$*]/.test(escaped(all)));
  });

  it('are taken apart in pieces of any length, with Ctrl-C and acknowledgements between them', () => {
    const text = '+$qC#b4\x03$g#67-$m0,4#fd$OK#00';
    const kinds = ['received', 'packet', 'interrupt', 'packet', 'again', 'packet', 'damaged'];
    const whole = new PacketReader().take(wire(text));
    assert.deepEqual(whole.map(({ kind }) => kind), kinds);
    assert.deepEqual(whole.flatMap((arrival) => (arrival.kind === 'packet' ? [arrival.body] : [])), ['qC', 'g', 'm0,4']);
    const random = randomNumbers(5);
    for (let round = 0; round < 50; round++) {
      const reader = new PacketReader();
      const found = [];
      for (let at = 0; at < text.length;) {
        const end = at + 1 + random(5);
        found.push(...reader.take(wire(text.slice(at, end))));
        at = end;
      }
      assert.deepEqual(found, whole);
    }
  });

  it('that are longer than was agreed are refused, and the next one is read', () => {
    const long = `$${'a'.repeat(PACKET_BYTES + 1)}#00`;
    assert.deepEqual(new PacketReader().take(wire(`${long}$g#67`)).map(({ kind }) => kind), ['damaged', 'packet']);
  });

  it('that were cut off are forgotten when another one begins', () => {
    assert.deepEqual(new PacketReader().take(wire('$abc$g#67')), [{ kind: 'packet', body: 'g' }]);
  });
});
