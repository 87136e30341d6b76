/** TCP between a guest and the host, over a cable that is not always kind, in simulated time. */
import assert from 'node:assert/strict';
import { PROTOCOL } from '../../../src/host/network/ipv4';
import { PLAN, ipv4 } from '../../../src/host/network/plan';
import { RECEIVE_CAPACITY } from '../../../src/host/network/tcp/connection';
import { FLAG, parseSegment, segmentBytes } from '../../../src/host/network/tcp/segment';
import { Guest } from './guestTcp';
import type { GuestOptions, GuestTcp } from './guestTcp';
import { FakeStream, GUEST, HOST_PORT, World, pattern } from './world';
import type { Weather } from './world';

const MB = 1024 * 1024;
const SOMEWHERE = ipv4('192.0.2.80');

function same(actual: Uint8Array, expected: Uint8Array): void {
  assert.equal(actual.length, expected.length);
  assert.ok(Buffer.compare(actual, expected) === 0, 'the bytes differ');
}

function worldOf(weather: Weather = {}): { world: World; guest: Guest } {
  const world = new World({}, weather);
  world.keep = false;
  return { world, guest: new Guest(world) };
}

/** Receives `bytes` from the host's source, both sides closing. */
async function download(bytes: number, weather: Weather, options: GuestOptions, minutes = 30): Promise<GuestTcp> {
  const { world, guest } = worldOf(weather);
  world.sourceBytes = bytes;
  const connection = guest.open(HOST_PORT.source, PLAN.gateway, options);
  assert.ok(await world.until(() => connection.peerEnded, minutes * 60_000), `only ${connection.receivedBytes.length} bytes came`);
  same(connection.receivedBytes, pattern(bytes));
  connection.end();
  assert.ok(await world.until(() => connection.finAcknowledged, 60_000));
  assert.ok(world.streams[0].ended && !world.streams[0].wasReset);
  await world.pass(60_000);
  assert.deepEqual(world.stack.counts, { connections: 0, datagramFlows: 0, transfers: 0, reassemblies: 0, timers: 0 });
  return connection;
}

async function upload(bytes: number, weather: Weather, options: GuestOptions): Promise<void> {
  const { world, guest } = worldOf(weather);
  const connection = guest.open(HOST_PORT.sink, PLAN.gateway, options);
  const data = pattern(bytes, 5);
  connection.write(data);
  connection.end();
  assert.ok(await world.until(() => connection.peerEnded && connection.finAcknowledged, 30 * 60_000));
  same(world.streams[0].receivedBytes, data);
  assert.ok(world.mostBacklog <= RECEIVE_CAPACITY);
}

const STORM: Weather = { lost: 20, doubled: 20, late: 50 };

describe('TCP of the network stack', function () {
  this.timeout(60_000);
  this.slow(5000);

  it('carries 10 MB to the guest', async () => { await download(10 * MB, {}, { windowScale: 3, window: 256 * 1024, segmentSize: 1460 }); });
  it('carries 10 MB from the guest', () => upload(10 * MB, {}, { windowScale: 3, segmentSize: 1460 }));
  it('carries 2 MB to the guest through loss, doubles and delays', async () => { await download(2 * MB, STORM, { windowScale: 3, window: 128 * 1024, segmentSize: 1460 }); });
  it('carries 1 MB from the guest through loss, doubles and delays', () => upload(MB, STORM, { windowScale: 2, segmentSize: 1460 }));

  it('never sends more than the guest has said that it takes at once', async () => {
    const small = await download(200_000, {}, { segmentSize: 536 });
    assert.equal(small.largestSegment, 536);
    const silent = await download(20_000, {}, {});
    assert.equal(silent.largestSegment, 536);
  });

  it('works with a window of 100 bytes, and with loss on top', async () => {
    const connection = await download(20_000, { lost: 20 }, { window: 100, segmentSize: 1460 });
    assert.ok(connection.largestSegment <= 100);
  });

  it('waits while the guest\'s window is closed, and goes on when it opens', async () => {
    const { world, guest } = worldOf();
    world.sourceBytes = 300_000;
    let reading = false;
    const connection = guest.open(HOST_PORT.source, PLAN.gateway, { window: 5000, segmentSize: 1460, reads: () => reading });
    await world.pass(120_000);
    assert.ok(connection.receivedBytes.length <= 5000);
    assert.equal(connection.state, 'open');
    // Nobody tells the stack: its probe has to find out.
    reading = true;
    assert.ok(await world.until(() => connection.peerEnded, 180_000));
    same(connection.receivedBytes, pattern(300_000));
  });

  it('stops reading from the host when the guest does not read', async () => {
    const { world, guest } = worldOf();
    world.sourceBytes = 4 * MB;
    const connection = guest.open(HOST_PORT.greedy, PLAN.gateway, { window: 8000, segmentSize: 1460, reads: () => false });
    await world.pass(30_000);
    assert.equal(connection.state, 'open');
    assert.ok(world.streams[0].paused);
    assert.ok(connection.receivedBytes.length <= 8000);
  });

  it('closes the window when the host does not take what the guest sends, and loses nothing', async () => {
    const { world, guest } = worldOf();
    // 200 kB a second, one piece after the other.
    let free = 0;
    world.hostDelay = (bytes) => {
      free = Math.max(free, world.now) + bytes / 200;
      return free - world.now;
    };
    const connection = guest.open(HOST_PORT.sink, PLAN.gateway, { windowScale: 3, segmentSize: 1460 });
    const data = pattern(2 * MB, 9);
    connection.write(data);
    connection.end();
    assert.ok(await world.until(() => connection.peerEnded, 60_000));
    same(world.streams[0].receivedBytes, data);
    assert.ok(world.mostBacklog <= RECEIVE_CAPACITY, `${world.mostBacklog} bytes waited`);
    assert.ok(world.now > 8000);
  });

  it('goes on in the other direction after one was closed', async () => {
    const { world, guest } = worldOf();
    world.sourceBytes = 100_000;
    const first = guest.open(HOST_PORT.source, PLAN.gateway, { segmentSize: 1460 });
    assert.ok(await world.until(() => first.peerEnded, 10_000));
    first.write(pattern(50_000, 3));
    first.end();
    assert.ok(await world.until(() => first.finAcknowledged, 10_000));
    same(world.streams[0].receivedBytes, pattern(50_000, 3));
    const second = guest.open(HOST_PORT.echo, PLAN.gateway, { segmentSize: 1460 });
    second.write(pattern(70_000, 4));
    second.end();
    assert.ok(await world.until(() => second.peerEnded, 10_000));
    same(second.receivedBytes, pattern(70_000, 4));
  });

  it('answers with a reset where nobody listens, and with ICMP where there is no way', async () => {
    const { world, guest } = worldOf();
    const refused = guest.open(HOST_PORT.refused, SOMEWHERE);
    assert.ok(await world.until(() => refused.state === 'reset', 1000));
    let code: readonly number[] = [];
    world.onPacket = ({ protocol, payload, source }) => { if (protocol === PROTOCOL.icmp && source === PLAN.gateway) code = [...payload.subarray(0, 2)]; };
    guest.open(HOST_PORT.unreachable, SOMEWHERE);
    assert.ok(await world.until(() => code.length > 0, 1000));
    assert.deepEqual(code, [3, 1]);
  });

  it('hands resets on', async () => {
    const { world, guest } = worldOf();
    const dropped = guest.open(HOST_PORT.echo, PLAN.gateway);
    await world.until(() => dropped.state === 'open', 1000);
    dropped.abort();
    assert.ok(await world.until(() => world.streams[0].wasReset, 1000));
    const rude = guest.open(HOST_PORT.rude, PLAN.gateway);
    rude.write(pattern(10));
    assert.ok(await world.until(() => rude.state === 'reset', 2000));
    assert.equal(world.stack.counts.connections, 0);
  });

  it('does not fall for a reset or a SYN in the middle of the window', async () => {
    const { world, guest } = worldOf();
    const connection = guest.open(HOST_PORT.echo, PLAN.gateway);
    await world.until(() => connection.state === 'open', 1000);
    for (const flags of [FLAG.rst, FLAG.syn]) {
      const segment = { sourcePort: connection.local, destinationPort: HOST_PORT.echo, sequence: 0xffff_f000 + 1001, acknowledgment: 0, flags, window: 0, payload: new Uint8Array() };
      world.sendPacket(PLAN.gateway, PROTOCOL.tcp, segmentBytes(segment, GUEST, PLAN.gateway));
    }
    await world.pass(100);
    connection.write(pattern(100));
    assert.ok(await world.until(() => connection.receivedBytes.length === 100, 1000));
  });

  it('finds out that a guest has gone: by data, and by asking when there is none', async () => {
    const { world, guest } = worldOf();
    world.sourceBytes = 1000;
    const busy = guest.open(HOST_PORT.greedy, PLAN.gateway);
    const idle = guest.open(HOST_PORT.echo, PLAN.gateway);
    await world.until(() => busy.state === 'open' && idle.state === 'open', 1000);
    await world.pass(1000);
    busy.stop();
    idle.stop();
    world.streams[0].say(pattern(10));
    await world.pass(15 * 60_000);
    assert.ok(world.streams[0].wasReset && world.streams[1].wasReset);
    assert.equal(world.stack.counts.connections, 0);
    assert.equal(world.stack.counts.timers, 0);
  });

  it('has 200 connections at once', async () => {
    const { world, guest } = worldOf();
    const connections = Array.from({ length: 200 }, (_, index) => {
      const connection = guest.open(HOST_PORT.echo, PLAN.gateway, { segmentSize: 1460 });
      connection.write(pattern(20_000, index + 1));
      connection.end();
      return connection;
    });
    // More than 128 at once are let in as others are answered.
    assert.ok(await world.until(() => connections.every((each) => each.peerEnded), 60_000));
    connections.forEach((connection, index) => same(connection.receivedBytes, pattern(20_000, index + 1)));
    await world.pass(60_000);
    assert.equal(world.stack.counts.connections, 0);
  });

  it('bounds what a flood of SYNs can take', async () => {
    const { world } = worldOf();
    for (let port = 1; port <= 20_000; port += 1) {
      const syn = { sourcePort: port, destinationPort: HOST_PORT.silent, sequence: port, acknowledgment: 0, flags: FLAG.syn, window: 1000, payload: new Uint8Array() };
      world.sendPacket(SOMEWHERE, PROTOCOL.tcp, segmentBytes(syn, GUEST, SOMEWHERE));
    }
    await world.pass(1000);
    assert.ok(world.stack.counts.connections <= 128);
    assert.ok(world.streams.length <= 128);
    await world.pass(100_000);
    assert.deepEqual([world.stack.counts.connections, world.stack.counts.timers], [0, 0]);
    assert.ok(world.streams.every((stream) => stream.wasReset));
  });

  it('connects to a port of the guest\'s for somebody on the host', async () => {
    const { world } = worldOf();
    const seen: FakeStream[] = [];
    const open = (): void => world.stack.forwardStream({ address: GUEST, port: 80 }, (events) => {
      const stream = new FakeStream(world, 0, events);
      seen.push(stream);
      return stream;
    });
    // A guest where nobody listens: the stack has to ask who has the address first.
    world.onPacket = ({ payload, source, destination }) => {
      const syn = parseSegment(payload, source, destination);
      assert.ok(syn);
      assert.equal(source, PLAN.gateway);
      assert.equal(destination, GUEST);
      assert.equal(syn.destinationPort, 80);
      const answer = { sourcePort: 80, destinationPort: syn.sourcePort, sequence: 0, acknowledgment: syn.sequence + 1, flags: FLAG.rst | FLAG.ack, window: 0, payload: new Uint8Array() };
      world.sendPacket(PLAN.gateway, PROTOCOL.tcp, segmentBytes(answer, GUEST, PLAN.gateway));
    };
    open();
    assert.ok(await world.until(() => seen[0].wasReset, 1000));
    // A guest that is not there at all.
    world.onPacket = () => undefined;
    open();
    assert.ok(await world.until(() => seen[1].wasReset, 120_000));
    assert.equal(world.stack.counts.connections, 0);
  });

});
