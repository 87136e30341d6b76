/** Keys on their way to the guest. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { EscapeKeys, readKeys } from '../../src/cli/serialConsole';

describe('escape keys', () => {
  const cases: readonly (readonly [string, readonly string[], string, boolean])[] = [
    ['ordinary keys go through, Ctrl-C too', ['ab\x03'], 'ab\x03', false],
    ['Ctrl-A x quits, what came before goes through', ['ab\x01xcd'], 'ab', true],
    ['Ctrl-A x quits in two pieces', ['ab\x01', 'x'], 'ab', true],
    ['Ctrl-A Ctrl-A is one Ctrl-A', ['\x01\x01x'], '\x01x', false],
    ['Ctrl-A and another key are dropped', ['\x01ab'], 'b', false],
  ];
  for (const [name, pieces, through, quit] of cases) {
    it(name, () => {
      const keys = new EscapeKeys();
      const typed = pieces.map((piece) => keys.take(Buffer.from(piece, 'latin1')));
      assert.equal(typed.map(({ bytes }) => Buffer.from(bytes).toString('latin1')).join(''), through);
      assert.equal(typed.some((each) => each.quit), quit);
    });
  }
});

describe('the keyboard of the run', () => {
  it('is raw at a terminal and given back as it was', () => {
    const modes: boolean[] = [];
    const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (raw: boolean) => modes.push(raw) });
    const giveBack = readKeys(input, () => Promise.resolve(), () => undefined);
    giveBack();
    assert.deepEqual(modes, [true, false]);
  });

  it('takes Ctrl-A x from a pipe as data', async () => {
    const input = new PassThrough();
    const sent = new Promise<Uint8Array>((resolve) => {
      readKeys(input, (bytes) => { resolve(bytes); return Promise.resolve(); }, () => assert.fail('it quit'));
    });
    input.write('\x01x');
    assert.deepEqual([...await sent], [1, 'x'.charCodeAt(0)]);
  });

  it('sends one piece after the other', async () => {
    const input = new PassThrough();
    const log: string[] = [];
    const done = new Promise<void>((resolve) => {
      readKeys(input, async (bytes) => {
        log.push(`begin ${String(bytes.length)}`);
        await new Promise((wait) => { setTimeout(wait, 5); });
        log.push('end');
        if (log.length === 4) resolve();
      }, () => undefined);
    });
    input.write('a');
    setTimeout(() => input.write('bc'), 1);
    await done;
    assert.deepEqual(log, ['begin 1', 'end', 'begin 2', 'end']);
  });
});
