/** Recorded runs as files. */
import assert from 'node:assert/strict';
import { decodeRecording, encodeRecording } from '../../src/host/node/recordingFile';
import { LoadError } from '../../src/monitor/firmware/platform';
import type { Recording } from '../../src/monitor/machine/session';

const recording: Recording = {
  retired: 1000,
  time: 2 ** 40,
  inputs: [
    { time: 5, events: 0, retired: 4, input: { kind: 'serial', port: 'com1', bytes: Uint8Array.of(0, 255, 10) } },
    { time: 6, events: 1, retired: 5, input: { kind: 'frame', port: 'net0', bytes: Uint8Array.of(255, 255) } },
    { time: 7, events: 1, retired: 5, input: { kind: 'reply', port: '9p0', bytes: Uint8Array.of(7, 0) } },
    { time: 8, events: 1, retired: 5, input: { kind: 'entropy', bytes: Uint8Array.of(1, 2, 3) } },
    { time: 9, events: 0, retired: 8, input: { kind: 'key', code: 0xe048, down: true } },
    { time: 9, events: 1, retired: 8, input: { kind: 'power-button' } },
    { time: 10, events: 1, retired: 9, input: { kind: 'register', space: 'port', address: 0x21, size: 1, value: 0xfd } },
  ],
};

function decode(text: string): Recording {
  return decodeRecording({ path: 'run.json', bytes: new TextEncoder().encode(text) });
}

describe('the file of a recorded run', () => {
  it('gives back what was recorded', () => assert.deepEqual(decode(encodeRecording(recording)), recording));

  const wrong: readonly (readonly [string, string, RegExp])[] = [
    ['no JSON', 'x', /no recording/],
    ['another format', '{"format":"other"}', /its "format" is not "shadowbox-recording-1"/],
    ['no inputs', '{"format":"shadowbox-recording-1","retired":1,"time":1}', /it has no list "inputs"/],
    ['a strange input', '{"format":"shadowbox-recording-1","retired":1,"time":1,"inputs":[{"time":1,"retired":1,"events":0,"input":{"kind":"smell"}}]}', /inputs\[0\]\.input is no input that is known/],
    ['a broken time', '{"format":"shadowbox-recording-1","retired":1,"time":1,"inputs":[{"time":-1,"retired":1,"events":0,"input":{"kind":"mouse"}}]}', /inputs\[0\]\.time is no count/],
  ];
  for (const [name, text, message] of wrong) {
    it(`is refused with ${name}`, () => assert.throws(() => decode(text), (error) => error instanceof LoadError && error.field === 'replay' && message.test(error.message) && error.message.startsWith('run.json: ')));
  }
});
