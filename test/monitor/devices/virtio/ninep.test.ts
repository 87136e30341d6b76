/** The virtio 9P transport: VIRTIO 1.2, 5.9 and how its requests and answers go through the machine. */
import assert from 'node:assert/strict';
import { VirtioNinep } from '../../../../src/monitor/devices/virtio/ninep';
import { Driver, SLOT, STATUS } from './driver';

function started(): Driver<VirtioNinep> {
  const driver = new Driver((surroundings) => new VirtioNinep(surroundings, { name: '9p', slot: SLOT, channel: '9p0', tag: 'work' }));
  driver.start([0], [16]);
  return driver;
}

function message(type: number, tag: number, body: readonly number[] = []): Uint8Array {
  return Uint8Array.of(7 + body.length, 0, 0, 0, type, tag, 0, ...body);
}

/** Requests that have left: number and message. */
function requests(driver: Driver<VirtioNinep>): { number: number; message: Uint8Array }[] {
  const bytes = driver.output('9p0');
  const view = new DataView(bytes.buffer);
  const found: { number: number; message: Uint8Array }[] = [];
  for (let at = 0; at < bytes.length; at += 4 + view.getUint32(at, true)) {
    found.push({ number: view.getUint32(at + 4, true), message: bytes.slice(at + 8, at + 4 + view.getUint32(at, true)) });
  }
  return found;
}

function reply(driver: Driver<VirtioNinep>, number: number, answer: Uint8Array): void {
  const bytes = new Uint8Array(4 + answer.length);
  new DataView(bytes.buffer).setUint32(0, number, true);
  bytes.set(answer, 4);
  driver.device.reply(bytes);
}

describe('virtio 9P transport', () => {
  it('has its tag in the configuration', () => {
    const driver = started();
    assert.equal(driver.config(0, 2), 4);
    assert.equal(String.fromCharCode(...[2, 3, 4, 5].map((at) => driver.config(at, 1))), 'work');
  });

  it('sends requests out, and fills in the answers', () => {
    const driver = started();
    const { at } = driver.queues[0].offer([message(100, 5, [1, 2]), 32]);
    driver.kick(0);
    driver.host.advance(3_000);
    const [request] = requests(driver);
    assert.deepEqual(request.message, message(100, 5, [1, 2]));
    reply(driver, request.number, message(101, 5, [9, 8, 7]));
    assert.deepEqual(driver.queues[0].used(), [], 'the moment of the answer does not depend on the host');
    driver.host.advance(1_000_000);
    assert.deepEqual(driver.queues[0].used(), [{ head: 0, written: 10 }]);
    assert.deepEqual(driver.slice(at[1], 10), message(101, 5, [9, 8, 7]));
    assert.equal(driver.asserted, true);
  });

  it('lets time stand as long as the answer has not come', () => {
    const driver = started();
    driver.queues[0].offer([message(100, 1), 32]);
    driver.kick(0);
    driver.host.advance(3_000);
    assert.equal(driver.device.event('answer'), 'wait');
    assert.deepEqual(driver.device.event('answer'), 'wait');
    reply(driver, requests(driver)[0].number, message(101, 1));
    assert.equal(driver.device.event('answer'), undefined);
    assert.equal(driver.queues[0].used().length, 1);
  });

  it('gives answers in the order of the requests, whenever they come', () => {
    const driver = started();
    const heads = [1, 2, 3].map((tag) => driver.queues[0].offer([message(116, tag), 32]).head);
    driver.kick(0);
    driver.host.advance(3_000);
    const numbers = requests(driver).map(({ number }) => number);
    assert.equal(new Set(numbers).size, 3);
    for (const index of [2, 0, 1]) reply(driver, numbers[index], message(117, index + 1));
    driver.host.advance(1_000_000);
    assert.deepEqual(driver.queues[0].used().map(({ head }) => head), heads);
  });

  it('drops answers that nobody waits for: from before a reset, twice, or too short', () => {
    const driver = started();
    driver.queues[0].offer([message(100, 1), 32]);
    driver.kick(0);
    driver.host.advance(3_000);
    const [{ number }] = requests(driver);
    driver.host.sent = [];
    driver.start([0], [16]);
    driver.queues[0].offer([message(100, 1), 32]);
    driver.kick(0);
    driver.host.advance(3_000);
    const [{ number: later }] = requests(driver);
    reply(driver, number, message(101, 1));
    assert.equal(driver.device.event('answer'), 'wait');
    driver.device.reply(Uint8Array.of(1, 2, 3));
    reply(driver, later, message(101, 1, [1]));
    reply(driver, later, message(101, 1, [2, 2]));
    driver.device.event('answer');
    assert.deepEqual(driver.queues[0].used(), [{ head: 0, written: 8 }]);
  });

  it('needs a reset after what is no message', () => {
    for (const pieces of [[new Uint8Array(6), 32], [message(100, 1), 6], [Uint8Array.of(8, 0, 0, 0, 100, 1, 0), 32], [Uint8Array.of(6, 0, 0, 0, 100, 1, 0), 32]]) {
      const driver = started();
      driver.request(0, pieces, 10_000);
      assert.deepEqual([driver.status & STATUS.needsReset, requests(driver).length], [STATUS.needsReset, 0]);
    }
  });
});
